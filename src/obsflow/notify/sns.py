"""Amazon SNS: the action Publish of its query API."""

from collections.abc import Mapping
from typing import Final

import attrs

from obsflow.errors import TemplateError
from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, HttpConfig, raise_problems
from obsflow.notify.context import Context
from obsflow.notify.pagerduty import dedup_key
from obsflow.notify.request import Request
from obsflow.notify.sigv4 import SigV4Config, sign
from obsflow.notify.urls import encode_query, end_with_slash, has_path
from obsflow.schema import field

_MAX_MESSAGE: Final = 256 * 1024  # bytes
_MAX_SMS: Final = 1600  # bytes as well, though AWS counts characters
_API_VERSION: Final = "2010-03-31"


@attrs.frozen
class SnsConfig:
    """One entry of `sns_configs`; the texts are templates, names of attributes too.

    `use_aws_http_client` is accepted: which client sends is the edge's business.
    """

    api_url: str = field(default="")
    sigv4: SigV4Config = field(factory=SigV4Config)
    topic_arn: str = field(default="")
    phone_number: str = field(default="")
    target_arn: str = field(default="")
    subject: str = field(default='{{ template "sns.default.subject" . }}')
    message: str = field(default='{{ template "sns.default.message" . }}')
    attributes: Mapping[str, str] = field(factory=dict)
    use_aws_http_client: bool = field(default=False)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: SnsConfig, globals_: Globals) -> SnsConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    given = [name for name in (config.target_arn, config.topic_arn, config.phone_number) if name]
    # all three pass in Alertmanager, and so they do here
    if len(given) % 2 == 0:
        raise_problems(("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",))
    return attrs.evolve(config, http_config=config.http_config or globals_.http_config)


def render(context: Context, notification: Notification, config: SnsConfig) -> Request:
    """The form, signed at the notification's time if the configuration holds the keys; else the edge has to.

    A FIFO topic gets the hash of the group's key as its ids. Raises TemplateError, also where no region is known.
    """
    text = context.texts(context.data(notification))
    attributes = {text(name): text(value) for name, value in config.attributes.items()}
    form = {"Action": "Publish", "Version": _API_VERSION}
    if config.topic_arn:
        form["TopicArn"] = text(config.topic_arn)
        if form["TopicArn"].endswith(".fifo"):
            form |= dict.fromkeys(("MessageDeduplicationId", "MessageGroupId"), dedup_key(notification.group_key))
    if config.phone_number:
        form["PhoneNumber"] = text(config.phone_number)
    if config.target_arn:
        form["TargetArn"] = text(config.target_arn)
    form["Message"], is_cut = _cut(text(config.message), _MAX_SMS if config.phone_number else _MAX_MESSAGE)
    if is_cut:
        attributes["truncated"] = "true"
    if config.subject:
        form["Subject"] = text(config.subject)
    for i, (name, value) in enumerate(sorted(attributes.items()), 1):
        entry = f"MessageAttributes.entry.{i}"
        form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    charset = "; charset=utf-8" if context.api == "0.25" else ""
    sent = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    url = _endpoint(context, text(config.api_url), config.sigv4.region)
    request = context.request("POST", url, sent, encode_query(form), config.http_config)
    return sign(request, config.sigv4, "sns", notification.time) if config.sigv4.can_sign else request


def _endpoint(context: Context, api_url: str, region: str) -> str:
    if not region:
        raise TemplateError("region not configured in sns.sigv4.region")
    if api_url:
        # Amazon's newer client leaves a path as it is
        return end_with_slash(api_url) if context.api == "0.25" or not has_path(api_url) else api_url
    return f"https://sns.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/"


def _cut(message: str, limit: int) -> tuple[str, bool]:
    """The first `limit` bytes, and whether there were more; the last character may be divided."""
    try:
        data = message.encode()
    except UnicodeEncodeError:
        raise TemplateError("non utf8 encoded message string") from None
    return data[:limit].decode("utf-8", "surrogateescape"), len(data) > limit
