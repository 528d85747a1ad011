"""A notification → the exact request that each receiver gets, and what its answer means."""

from obsflow.notify.catalog import KINDS, check_templates, complete, receiver_api, secret_files
from obsflow.notify.config import Globals, HttpConfig, Secret
from obsflow.notify.data import Api
from obsflow.notify.email import EmailConfig
from obsflow.notify.outcome import FailureClass, Outcome, interpret
from obsflow.notify.pagerduty import PagerdutyConfig
from obsflow.notify.renderer import Renderer
from obsflow.notify.request import Request
from obsflow.notify.slack import SlackConfig
from obsflow.notify.webhook import WebhookConfig

__all__ = [
    "KINDS",
    "Api",
    "EmailConfig",
    "FailureClass",
    "Globals",
    "HttpConfig",
    "Outcome",
    "PagerdutyConfig",
    "Renderer",
    "Request",
    "Secret",
    "SlackConfig",
    "WebhookConfig",
    "check_templates",
    "complete",
    "interpret",
    "receiver_api",
    "secret_files",
]
