"""What the integrations' configurations share: the `global` section, secrets, addresses and HTTP options."""

import base64
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from obsflow.errors import NotFoundError
from obsflow.model.durations import MINUTE_MS, parse_duration
from obsflow.model.labels import quote
from obsflow.schema import field

_PATH_SAFE = "/%$&+,:;=@-_.~!*'()[]"
_MASK = "<secret>"


class Secret(str):
    """A text that is used but never shown: its repr is `<secret>`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_MASK) if self else "''"


def parse_url(text: str) -> str:
    """An HTTP address, with what may not stand in a path percent-encoded. Raises ValueError."""
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError as error:
        raise ValueError(f"parse {quote(text)}: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"unsupported scheme {quote(parts.scheme)} for URL")
    if not parts.netloc:
        raise ValueError("missing host for URL")
    return urllib.parse.urlunsplit(parts._replace(path=urllib.parse.quote(parts.path, safe=_PATH_SAFE)))


def parse_secret_url(text: str) -> Secret:
    """Like `parse_url`, for an address that is a secret itself."""
    return Secret(parse_url(text))


def parse_template_url(text: str) -> Secret:
    """An address that may be a template, which only its rendering can check. Raises ValueError."""
    return Secret(text) if "{{" in text else parse_secret_url(text)


def parse_host_port(text: str) -> str:
    """A `host:port`, or nothing. Raises ValueError."""
    if not text:
        return ""
    host, colon, port = text.rpartition(":")
    if not colon or host.endswith("[") or text.endswith("]"):
        raise ValueError(f"address {text}: missing port in address")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError(f"address {text}: too many colons in address")
    if not port:
        raise ValueError(f"address {quote(text)}: port cannot be empty")
    return text


def at_most_one(*names: str) -> Callable[[Any], Iterable[str]]:
    """A check that not more than one of these fields of a configuration is set; yields the message if it is not so."""

    def check(config: Any) -> Iterable[str]:
        if sum(bool(getattr(config, name)) for name in names) > 1:
            yield f"at most one of {' & '.join(names)} must be configured"

    return check


def exactly_one(*names: str) -> Callable[[Any], Iterable[str]]:
    """A check that one of these fields of a configuration is set and no other; yields the message if it is not so."""

    def check(config: Any) -> Iterable[str]:
        if not any(getattr(config, name) for name in names):
            yield f"one of {' or '.join(names)} must be configured"
        yield from at_most_one(*names)(config)

    return check


def raise_problems(problems: Iterable[str]) -> None:
    """Raises ValueError with all the problems, if there are any."""
    if text := "; ".join(problems):
        raise ValueError(text)


def secret_of(value: str, file: str, files: Mapping[str, str]) -> str:
    """A secret that is given inline or as the path of a file; `files` holds the contents by path.

    Raises NotFoundError if the file was not supplied.
    """
    if value or not file:
        return value
    if file not in files:
        raise NotFoundError(f"the content of {quote(file)} was not supplied")
    return files[file].strip()


@attrs.frozen
class BasicAuth:
    """`http_config.basic_auth`."""

    username: str = field(default="")
    username_file: str = field(default="")
    username_ref: str = field(default="")
    password: Secret = field(parse=Secret, default=Secret())
    password_file: str = field(default="")
    password_ref: str = field(default="")


@attrs.frozen
class Authorization:
    """`http_config.authorization`: the scheme and what follows it."""

    type: str = field(default="Bearer")
    credentials: Secret = field(parse=Secret, default=Secret())
    credentials_file: str = field(default="")
    credentials_ref: str = field(default="")


@attrs.frozen
class HttpHeader:
    """One of `http_config.http_headers`: its values, some of which are secrets."""

    values: tuple[str, ...] = field(default=())
    secrets: tuple[Secret, ...] = field(parse=Secret, default=())
    files: tuple[str, ...] = field(default=())


@attrs.frozen
class HttpConfig:
    """`http_config`: how an HTTP client behaves. What becomes a header is rendered; the rest is for the edge."""

    basic_auth: BasicAuth | None = field(default=None)
    authorization: Authorization | None = field(default=None)
    oauth2: Any = field(default=None, repr=False)
    bearer_token: Secret = field(parse=Secret, default=Secret())
    bearer_token_file: str = field(default="")
    proxy_url: str = field(default="", repr=False)
    no_proxy: str = field(default="")
    proxy_from_environment: bool = field(default=False)
    proxy_connect_header: Any = field(default=None, repr=False)
    tls_config: Any = field(default=None, repr=False)
    follow_redirects: bool = field(default=True)
    enable_http2: bool = field(default=True)
    http_headers: Mapping[str, HttpHeader] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        raise_problems(self._problems())

    def _problems(self) -> Iterable[str]:
        yield from at_most_one("bearer_token", "bearer_token_file")(self)
        has_bearer = bool(self.bearer_token or self.bearer_token_file)
        if (self.basic_auth is not None) + (self.oauth2 is not None) + has_bearer > 1:
            yield "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
        if self.basic_auth is not None and self.basic_auth.password and self.basic_auth.password_file:
            yield "at most one of basic_auth password & password_file must be configured"
        if self.authorization is None:
            return
        if has_bearer:
            yield "authorization is not compatible with bearer_token & bearer_token_file"
        if self.authorization.credentials and self.authorization.credentials_file:
            yield "at most one of authorization credentials & credentials_file must be configured"
        if self.authorization.type.strip().lower() == "basic":
            yield 'authorization type cannot be set to "basic", use "basic_auth" instead'
        if self.basic_auth is not None or self.oauth2 is not None:
            yield "at most one of basic_auth, oauth2 & authorization must be configured"

    @property
    def has_authorization(self) -> bool:
        """Whether an Authorization header of a scheme other than Basic is configured; a bearer token is one."""
        return self.authorization is not None or bool(self.bearer_token or self.bearer_token_file)

    def headers(self, files: Mapping[str, str]) -> dict[str, str]:
        """The headers that these options add to a request; `files` holds the contents of secret files by path.

        A token that oauth2 fetches is not among them. Raises NotFoundError for a file that was not supplied.
        """
        headers: dict[str, str] = {}
        if self.authorization is not None:
            credentials = secret_of(self.authorization.credentials, self.authorization.credentials_file, files)
            headers["Authorization"] = f"{self.authorization.type.strip() or 'Bearer'} {credentials}"
        elif self.bearer_token or self.bearer_token_file:
            headers["Authorization"] = f"Bearer {secret_of(self.bearer_token, self.bearer_token_file, files)}"
        elif self.basic_auth is not None:
            user = secret_of(self.basic_auth.username, self.basic_auth.username_file, files)
            password = secret_of(self.basic_auth.password, self.basic_auth.password_file, files)
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        for name, header in self.http_headers.items():
            contents = (secret_of("", file, files) for file in header.files)
            headers[name] = ", ".join((*header.values, *header.secrets, *contents))
        return headers


@attrs.frozen
class Globals:
    """The `global` section. An absent text is empty; `resolve_timeout` is in ms."""

    resolve_timeout: int = field(parse=parse_duration, default=5 * MINUTE_MS)
    http_config: HttpConfig = field(factory=HttpConfig)

    smtp_from: str = field(default="")
    smtp_hello: str = field(default="localhost")
    smtp_smarthost: str = field(parse=parse_host_port, default="")
    smtp_auth_username: str = field(default="")
    smtp_auth_password: Secret = field(parse=Secret, default=Secret())
    smtp_auth_password_file: str = field(default="")
    smtp_auth_secret: Secret = field(parse=Secret, default=Secret())
    smtp_auth_secret_file: str = field(default="")
    smtp_auth_identity: str = field(default="")
    smtp_require_tls: bool = field(default=True)
    smtp_tls_config: Any = field(default=None, repr=False)
    smtp_force_implicit_tls: bool | None = field(default=None)

    slack_api_url: Secret = field(parse=parse_secret_url, default=Secret())
    slack_api_url_file: str = field(default="")
    slack_app_token: Secret = field(parse=Secret, default=Secret())
    slack_app_token_file: str = field(default="")
    slack_app_url: str = field(parse=parse_url, default="https://slack.com/api/chat.postMessage")
    pagerduty_url: str = field(parse=parse_url, default="https://events.pagerduty.com/v2/enqueue")

    opsgenie_api_url: str = field(parse=parse_url, default="https://api.opsgenie.com/")
    opsgenie_api_key: Secret = field(parse=Secret, default=Secret())
    opsgenie_api_key_file: str = field(default="")
    wechat_api_url: str = field(parse=parse_url, default="https://qyapi.weixin.qq.com/cgi-bin/")
    wechat_api_secret: Secret = field(parse=Secret, default=Secret())
    wechat_api_secret_file: str = field(default="")
    wechat_api_corp_id: str = field(default="")
    victorops_api_url: str = field(
        parse=parse_url, default="https://alert.victorops.com/integrations/generic/20131114/alert/"
    )
    victorops_api_key: Secret = field(parse=Secret, default=Secret())
    victorops_api_key_file: str = field(default="")
    telegram_api_url: str = field(parse=parse_url, default="https://api.telegram.org")
    telegram_bot_token: Secret = field(parse=Secret, default=Secret())
    telegram_bot_token_file: str = field(default="")
    webex_api_url: str = field(parse=parse_url, default="https://webexapis.com/v1/messages")
    jira_api_url: str = field(parse=parse_url, default="")
    rocketchat_api_url: str = field(parse=parse_url, default="https://open.rocket.chat/")
    rocketchat_token: Secret = field(parse=Secret, default=Secret())
    rocketchat_token_file: str = field(default="")
    rocketchat_token_id: Secret = field(parse=Secret, default=Secret())
    rocketchat_token_id_file: str = field(default="")
    mattermost_webhook_url: Secret = field(parse=parse_secret_url, default=Secret())
    mattermost_webhook_url_file: str = field(default="")

    def __attrs_post_init__(self) -> None:
        raise_problems(problem for check in _EXCLUSIVE for problem in check(self))
        has_token = self.slack_app_token or self.slack_app_token_file
        has_api_url = self.slack_api_url or self.slack_api_url_file
        if has_token and has_api_url and self.slack_api_url != self.slack_app_url:
            raise ValueError(
                "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file"
                " must be configured"
            )


_EXCLUSIVE = tuple(
    at_most_one(name, f"{name}_file")
    for name in (
        "slack_app_token",
        "slack_api_url",
        "opsgenie_api_key",
        "victorops_api_key",
        "telegram_bot_token",
        "smtp_auth_password",
        "rocketchat_token",
        "rocketchat_token_id",
        "smtp_auth_secret",
        "wechat_api_secret",
        "mattermost_webhook_url",
    )
)
