"""What the integrations' configurations share: the `global` section, secrets, addresses and HTTP options."""

import base64
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from obsflow.errors import NotFoundError
from obsflow.model.durations import MINUTE_MS, parse_duration
from obsflow.model.labels import quote
from obsflow.notify.urls import parse_reference
from obsflow.schema import field

_PATH_SAFE = "/%$&+,:;=@-_.~!*'()[]"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.){8,}"')  # what an error repeats, but for a scheme
MASK = "<secret>"
"""What stands for a secret wherever it is shown."""
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TLS_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
_RESERVED_HEADERS = frozenset(
    (
        "Authorization", "Host", "Content-Encoding", "Content-Length", "Content-Type", "User-Agent", "Connection",
        "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Www-Authenticate", "Accept-Encoding",
        "X-Prometheus-Remote-Write-Version", "X-Prometheus-Remote-Read-Version", "X-Prometheus-Scrape-Timeout-Seconds",
        "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
    )
)  # fmt: skip
"""Headers that the client itself sets, and those of a signature."""


class Secret(str):
    """A text that is used but never shown: its repr is `<secret>`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK) if self else "''"


def parse_url(text: str) -> str:
    """An HTTP address, with what may not stand in a path percent-encoded. Raises ValueError."""
    parts = parse_reference(text)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"unsupported scheme {quote(parts.scheme)} for URL")
    if not parts.netloc.rpartition("@")[2]:
        raise ValueError("missing host for URL")
    return urllib.parse.urlunsplit(parts._replace(path=urllib.parse.quote(parts.path, safe=_PATH_SAFE)))


def _parse_proxy_url(text: str) -> str:
    parse_reference(text, MASK if "@" in text else None)
    return text


def _parse_tls_version(text: str) -> str:
    if text not in _TLS_VERSIONS:
        raise ValueError(f"unknown TLS version: {text}")
    return text


def parse_secret_url(text: str) -> Secret:
    """Like `parse_url`, for an address that is a secret itself."""
    try:
        return Secret(parse_url(text))
    except ValueError as error:
        raise ValueError(_QUOTED.sub(quote(MASK), str(error))) from None


def parse_template_url(text: str) -> Secret:
    """An address that may be a template, which only its rendering can check. Raises ValueError."""
    try:
        return Secret(text) if not text or "{{" in text else parse_secret_url(text)
    except ValueError as error:
        raise ValueError(f"invalid URL: {error}") from None


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
            yield f"at most one of {', '.join(names[:-1])} & {names[-1]} must be configured"

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
class TlsConfig:
    """A `tls_config`: whom to trust, and what to show. Certificates and keys are PEM, inline or the path of a file."""

    ca: str = field(default="", repr=False)
    cert: str = field(default="", repr=False)
    key: Secret = field(parse=Secret, default=Secret())
    ca_file: str = field(default="")
    cert_file: str = field(default="")
    key_file: str = field(default="")
    ca_ref: str = field(default="")
    cert_ref: str = field(default="")
    key_ref: str = field(default="")
    server_name: str = field(default="")
    insecure_skip_verify: bool = field(default=False)
    min_version: str = field(parse=_parse_tls_version, default="")
    max_version: str = field(parse=_parse_tls_version, default="")

    def __attrs_post_init__(self) -> None:
        raise_problems(self._problems())

    def _problems(self) -> Iterable[str]:
        yield from at_most_one("ca", "ca_file", "ca_ref")(self)
        yield from at_most_one("cert", "cert_file", "cert_ref")(self)
        if sum(map(bool, (self.key, self.key_file, self.key_ref))) > 1:
            yield "at most one of key and key_file must be configured"
        has_cert = bool(self.cert or self.cert_file or self.cert_ref)
        has_key = bool(self.key or self.key_file or self.key_ref)
        if has_cert and not has_key:
            yield "exactly one of key or key_file must be configured when a client certificate is configured"
        if has_key and not has_cert:
            yield "exactly one of cert or cert_file must be configured when a client key is configured"


@attrs.frozen(kw_only=True)
class ProxyOptions:
    """What `http_config` and its `oauth2` say of a proxy. An address may hold a password, so it is not shown."""

    proxy_url: str = field(parse=_parse_proxy_url, default="", repr=False)
    no_proxy: str = field(default="")
    proxy_from_environment: bool = field(default=False)
    proxy_connect_header: Mapping[str, tuple[Secret, ...]] = field(parse=Secret, factory=dict)

    def proxy_problems(self) -> Iterable[str]:
        """What contradicts itself."""
        if self.proxy_connect_header and not self.proxy_from_environment and not self.proxy_url:
            yield ("if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured")
        if self.proxy_from_environment and self.proxy_url:
            yield "if proxy_from_environment is configured, proxy_url must not be configured"
        if self.proxy_from_environment and self.no_proxy:
            yield "if proxy_from_environment is configured, no_proxy must not be configured"
        if self.no_proxy and not self.proxy_url and not self.proxy_from_environment:
            yield "if no_proxy is configured, proxy_url must also be configured"


@attrs.frozen(kw_only=True)
class OAuth2(ProxyOptions):
    """`http_config.oauth2`: where a token comes from, by RFC 6749 or, with `grant_type` of RFC 7523, a signed JWT."""

    client_id: str = field(default="")
    client_secret: Secret = field(parse=Secret, default=Secret())
    client_secret_file: str = field(default="")
    client_secret_ref: str = field(default="")
    client_certificate_key_id: str = field(default="")
    client_certificate_key: Secret = field(parse=Secret, default=Secret())
    client_certificate_key_file: str = field(default="")
    client_certificate_key_ref: str = field(default="")
    grant_type: str = field(default="")
    signature_algorithm: str = field(default="")
    iss: str = field(default="")
    audience: str = field(default="")
    claims: Any = field(default=None, repr=False)
    scopes: tuple[str, ...] = field(default=())
    token_url: str = field(default="", repr=False)
    endpoint_params: Mapping[str, str] = field(factory=dict, repr=False)
    tls_config: TlsConfig | None = field(default=None)

    def __attrs_post_init__(self) -> None:
        raise_problems(self._problems())

    def _problems(self) -> Iterable[str]:
        yield from self.proxy_problems()
        if not self.client_id:
            yield "oauth2 client_id must be configured"
        if not self.token_url:
            yield "oauth2 token_url must be configured"
        is_jwt = self.grant_type == _JWT_BEARER
        secret = "client_certificate_key" if is_jwt else "client_secret"
        if sum(bool(getattr(self, secret + form)) for form in ("", "_file", "_ref")) > 1:
            grant = _JWT_BEARER if is_jwt else "client_credentials"
            names = f"{secret}, {secret}_file & {secret}_ref"
            yield f"at most one of oauth2 {names} must be configured using grant-type={grant}"
        if is_jwt and self.signature_algorithm not in ("", "RS256", "RS384", "RS512"):
            yield "valid signature algorithms are RS256, RS384 and RS512"


@attrs.frozen(kw_only=True)
class HttpConfig(ProxyOptions):
    """`http_config`: how an HTTP client behaves. What becomes a header is rendered; the rest is for the edge."""

    basic_auth: BasicAuth | None = field(default=None)
    authorization: Authorization | None = field(default=None)
    oauth2: OAuth2 | None = field(default=None)
    bearer_token: Secret = field(parse=Secret, default=Secret())
    bearer_token_file: str = field(default="")
    tls_config: TlsConfig | None = field(default=None)
    follow_redirects: bool = field(default=True)
    enable_http2: bool = field(default=True)
    http_headers: Mapping[str, HttpHeader] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        raise_problems((*self._problems(), *self.proxy_problems(), *self._header_problems()))

    def _problems(self) -> Iterable[str]:
        yield from at_most_one("bearer_token", "bearer_token_file")(self)
        has_bearer = bool(self.bearer_token or self.bearer_token_file)
        is_basic, is_oauth2 = self.basic_auth is not None, self.oauth2 is not None
        if (is_basic or is_oauth2) and has_bearer:
            yield "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
        if (self.authorization is not None) + is_basic + is_oauth2 > 1:
            yield "at most one of basic_auth, oauth2 & authorization must be configured"
        if self.basic_auth is not None:
            for name in ("username", "password"):
                if sum(bool(getattr(self.basic_auth, name + form)) for form in ("", "_file", "_ref")) > 1:
                    yield f"at most one of basic_auth {name}, {name}_file & {name}_ref must be configured"
        if self.authorization is None:
            return
        if has_bearer:
            yield "authorization is not compatible with bearer_token & bearer_token_file"
        if sum(bool(getattr(self.authorization, f"credentials{form}")) for form in ("", "_file", "_ref")) > 1:
            yield "at most one of authorization credentials & credentials_file must be configured"
        if self.authorization.type.strip().lower() == "basic":
            yield 'authorization type cannot be set to "basic", use "basic_auth" instead'

    def _header_problems(self) -> Iterable[str]:
        for name in self.http_headers:
            canonical = "-".join(part.capitalize() for part in name.split("-"))
            if canonical in _RESERVED_HEADERS:
                yield f"setting header {quote(canonical)} is not allowed"

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
    smtp_tls_config: TlsConfig | None = field(default=None)
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
