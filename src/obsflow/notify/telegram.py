"""Telegram: a message of a bot to a chat."""

from typing import Final

import attrs

from obsflow.errors import TemplateError
from obsflow.model.labels import quote
from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_url, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, sort_keys
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.request import Request
from obsflow.notify.telegram_html import count_visible
from obsflow.schema import field

_MAX_MESSAGE: Final = 4096  # characters; of HTML, those that are seen
_MAX_BYTES: Final = 1 << 15  # of HTML as it is sent
# the tabs are those that Alertmanager sends
_TOO_LONG: Final = (
    "Alertmanager notification could not be sent: message length exceeds Telegram limits.\n"
    "\t\t\tPlease check the template used for producing the message content."
)
_PARSE_MODES: Final = ("", "Markdown", "MarkdownV2", "HTML")


@attrs.frozen
class TelegramConfig:
    """One entry of `telegram_configs`; `message` is a template, an HTML one under the parse mode HTML.

    `timeout` is in ms; 0 is none.
    """

    api_url: str = field(parse=parse_url, default="")
    bot_token: Secret = field(parse=Secret, default=Secret())
    bot_token_file: str = field(default="")
    chat_id: int = field(default=0)
    chat_id_file: str = field(default="")
    message_thread_id: int = field(default=0)
    message: str = field(default='{{ template "telegram.default.message" . }}')
    disable_notifications: bool = field(default=False)
    parse_mode: str = field(default="HTML")
    timeout: int = field(parse=parse_go_duration, default=0)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: TelegramConfig, globals_: Globals) -> TelegramConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*at_most_one("bot_token", "bot_token_file")(config)]
    if not (config.chat_id or config.chat_id_file):
        problems.append("missing chat_id or chat_id_file on telegram_config")
    problems += at_most_one("chat_id", "chat_id_file")(config)
    if config.parse_mode not in _PARSE_MODES:
        problems.append("unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string")
    token, file = config.bot_token, config.bot_token_file
    if not (token or file):
        token, file = globals_.telegram_bot_token, globals_.telegram_bot_token_file
    if not (token or file):
        problems.append("missing bot_token or bot_token_file on telegram_config")
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_url=config.api_url or globals_.telegram_api_url,
        bot_token=token,
        bot_token_file=file,
        http_config=config.http_config or globals_.http_config,
    )


def render(context: Context, notification: Notification, config: TelegramConfig) -> Request:
    """The message. HTML that is too long is replaced, because it cannot be cut anywhere. Raises TemplateError."""
    data = context.data(notification)
    is_html = config.parse_mode == "HTML"
    full = (context.pages if is_html else context.texts)(data)(config.message)
    message = truncate(full, _MAX_MESSAGE)
    if is_html and context.api != "0.25":  # which cut it all the same
        is_too_long = len(full.encode("utf-8", "replace")) > _MAX_BYTES or count_visible(full) > _MAX_MESSAGE
        message = _TOO_LONG if is_too_long else full
    members = {"chat_id": str(_chat_id(context, config)), "disable_web_page_preview": "true", "text": message}
    if config.disable_notifications:
        members["disable_notification"] = "true"
    if config.message_thread_id:
        members["message_thread_id"] = str(config.message_thread_id)
    if config.parse_mode:
        members["parse_mode"] = config.parse_mode
    token = secret_of(config.bot_token, config.bot_token_file, context.files)
    url = f"{config.api_url}/bot{token}/sendMessage"
    sent = {"Content-Type": "application/json"}
    return context.request("POST", url, sent, encode_document(sort_keys(members)), config.http_config)


def _chat_id(context: Context, config: TelegramConfig) -> int:
    if not config.chat_id_file:
        return config.chat_id
    content = secret_of("", config.chat_id_file, context.files)
    try:
        return int(content)
    except ValueError:
        # the content is not shown: a wrong path may lead to a secret
        raise TemplateError(f"could not parse chat_id from {quote(config.chat_id_file)}") from None
