"""A notification → the exact request that each receiver gets, and what its answer means."""

from obsflow.notify.answers import Answer
from obsflow.notify.catalog import KINDS, check_templates, complete, receiver_api, secret_files
from obsflow.notify.config import Globals, HttpConfig, Secret
from obsflow.notify.data import Api
from obsflow.notify.discord import DiscordConfig
from obsflow.notify.email import EmailConfig
from obsflow.notify.incidentio import IncidentioConfig
from obsflow.notify.jira import JiraConfig
from obsflow.notify.mattermost import MattermostConfig
from obsflow.notify.opsgenie import OpsgenieConfig
from obsflow.notify.outcome import FailureClass, Outcome, interpret
from obsflow.notify.pagerduty import PagerdutyConfig
from obsflow.notify.pushover import PushoverConfig
from obsflow.notify.renderer import Renderer
from obsflow.notify.request import MailOptions, Request
from obsflow.notify.rocketchat import RocketchatConfig
from obsflow.notify.slack import SlackConfig
from obsflow.notify.sns import SnsConfig
from obsflow.notify.steps import Next, Step
from obsflow.notify.teams import MsteamsConfig, MsteamsV2Config
from obsflow.notify.telegram import TelegramConfig
from obsflow.notify.victorops import VictoropsConfig
from obsflow.notify.webex import WebexConfig
from obsflow.notify.webhook import WebhookConfig
from obsflow.notify.wechat import WechatConfig

__all__ = [
    "KINDS",
    "Answer",
    "Api",
    "DiscordConfig",
    "EmailConfig",
    "FailureClass",
    "Globals",
    "HttpConfig",
    "IncidentioConfig",
    "JiraConfig",
    "MailOptions",
    "MattermostConfig",
    "MsteamsConfig",
    "MsteamsV2Config",
    "Next",
    "OpsgenieConfig",
    "Outcome",
    "PagerdutyConfig",
    "PushoverConfig",
    "Renderer",
    "Request",
    "RocketchatConfig",
    "Secret",
    "SlackConfig",
    "SnsConfig",
    "Step",
    "TelegramConfig",
    "VictoropsConfig",
    "WebexConfig",
    "WebhookConfig",
    "WechatConfig",
    "check_templates",
    "complete",
    "interpret",
    "receiver_api",
    "secret_files",
]
