"""Reads the receivers of an Alertmanager configuration, as a loader of whole files does."""

import attrs

from obsflow.notify import KINDS, EmailConfig, Globals, PagerdutyConfig, SlackConfig, WebhookConfig
from obsflow.schema import decode, field, rest


@attrs.frozen
class Receiver:
    name: str = field()
    webhook_configs: tuple[WebhookConfig, ...] = field(default=())
    email_configs: tuple[EmailConfig, ...] = field(default=())
    pagerduty_configs: tuple[PagerdutyConfig, ...] = field(default=())
    slack_configs: tuple[SlackConfig, ...] = field(default=())


@attrs.frozen
class File:
    globals_: Globals = field(key="global", factory=Globals)
    receivers: tuple[Receiver, ...] = field(default=())
    others: object = rest()


def load(text):
    """The completed configurations of each receiver, by the name of their kind."""
    file = decode(File, text, "alertmanager.yml")
    return {
        receiver.name: {
            kind.name: tuple(kind.complete(entry, file.globals_) for entry in getattr(receiver, kind.key))
            for kind in KINDS
        }
        for receiver in file.receivers
    }
