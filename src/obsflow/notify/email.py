"""E-mail: the page, and a text if one is configured, as multipart/alternative."""

import hashlib
from collections.abc import Iterable, Mapping
from email.utils import getaddresses
from typing import Final

import attrs

from obsflow.errors import TemplateError
from obsflow.gotemplate.times import Time
from obsflow.model.labels import quote
from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, Secret, TlsConfig, at_most_one, parse_host_port, raise_problems
from obsflow.notify.context import Context
from obsflow.notify.data import Data
from obsflow.notify.mime import encode_header, encode_quoted_printable, render_multipart
from obsflow.notify.pagerduty import dedup_key
from obsflow.notify.request import MailOptions, Request
from obsflow.schema import field

_RFC1123Z: Final = "Mon, 02 Jan 2006 15:04:05 -0700"
_THREAD_HEADERS: Final = ("References", "In-Reply-To")


@attrs.frozen
class ThreadingConfig:
    """Whether mail programs shall show a group's mails as one thread; `thread_by_date` is `none` or `daily`."""

    enabled: bool = field(default=False)
    thread_by_date: str = field(default="")


@attrs.frozen
class EmailConfig:
    """One entry of `email_configs`. `to`, `from`, `headers`, `html` and `text` are templates."""

    to: str = field(default="")
    from_: str = field(key="from", default="")
    hello: str = field(default="")
    smarthost: str = field(parse=parse_host_port, default="")
    auth_username: str = field(default="")
    auth_password: Secret = field(parse=Secret, default=Secret())
    auth_password_file: str = field(default="")
    auth_secret: Secret = field(parse=Secret, default=Secret())
    auth_secret_file: str = field(default="")
    auth_identity: str = field(default="")
    headers: Mapping[str, str] = field(factory=dict)
    html: str = field(default='{{ template "email.default.html" . }}')
    text: str = field(default="")
    require_tls: bool | None = field(default=None)
    tls_config: TlsConfig | None = field(default=None)
    force_implicit_tls: bool | None = field(default=None)
    threading: ThreadingConfig = field(factory=ThreadingConfig)
    send_resolved: bool = field(default=False)


def complete(config: EmailConfig, globals_: Globals) -> EmailConfig:
    """The configuration with what `global` supplies, and all headers under canonical names. Raises ValueError."""
    headers: dict[str, str] = {}
    problems: list[str] = [] if config.to else ["missing to address in email config"]
    for name, value in config.headers.items():
        canonical = canonical_header(name)
        if canonical in headers:
            problems.append(f"duplicate header {quote(canonical)} in email config")
        headers[canonical] = value
    problems += _threading_problems(config, headers)
    problems += at_most_one("auth_password", "auth_password_file")(config)
    if not (config.smarthost or globals_.smtp_smarthost):
        problems.append("no global SMTP smarthost set")
    sender = config.from_ or globals_.smtp_from
    if not sender:
        problems.append("no global SMTP from set")
    raise_problems(problems)
    has_password = config.auth_password or config.auth_password_file
    has_secret = config.auth_secret or config.auth_secret_file
    defaults = {"Subject": '{{ template "email.default.subject" . }}', "To": config.to, "From": sender}
    implicit = globals_.smtp_force_implicit_tls if config.force_implicit_tls is None else config.force_implicit_tls
    return attrs.evolve(
        config,
        from_=sender,
        hello=config.hello or globals_.smtp_hello,
        smarthost=config.smarthost or globals_.smtp_smarthost,
        auth_username=config.auth_username or globals_.smtp_auth_username,
        auth_password=config.auth_password if has_password else globals_.smtp_auth_password,
        auth_password_file=config.auth_password_file if has_password else globals_.smtp_auth_password_file,
        auth_secret=config.auth_secret if has_secret else globals_.smtp_auth_secret,
        auth_secret_file=config.auth_secret_file if has_secret else globals_.smtp_auth_secret_file,
        auth_identity=config.auth_identity or globals_.smtp_auth_identity,
        headers=headers | {name: value for name, value in defaults.items() if name not in headers},
        require_tls=globals_.smtp_require_tls if config.require_tls is None else config.require_tls,
        tls_config=config.tls_config or globals_.smtp_tls_config,
        force_implicit_tls=implicit,
    )


def canonical_header(name: str) -> str:
    """`name` as header fields are written: `reply-to` is `Reply-To`."""
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def _threading_problems(config: EmailConfig, headers: Mapping[str, str]) -> Iterable[str]:
    if not config.threading.enabled:
        return
    for name in _THREAD_HEADERS:
        if name in headers:
            yield f"conflicting configuration: threading.enabled conflicts with custom {name} header"
    if config.threading.thread_by_date not in ("none", "daily"):
        yield "threading.thread_by_date must be either 'none' or 'daily'"


def render(context: Context, notification: Notification, config: EmailConfig) -> Request:
    """The message and its envelope. Its ids come from the group and the time. Raises TemplateError."""
    data = context.data(notification)
    text = context.texts(data)
    senders = _addresses("from", text(config.from_))
    if len(senders) != 1:
        raise TemplateError(f"must be exactly one 'from' address (got: {len(senders)})")
    recipients = _addresses("to", text(config.to))
    fields = _header_fields(context, notification, data, config)
    boundary = _digest(notification, "boundary")[:60]
    head = {**fields, "Content-Type": f"multipart/alternative;  boundary={boundary}", "MIME-Version": "1.0"}
    body = render_multipart(boundary, _parts(context, data, config))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    url, message = f"smtp://{config.smarthost}", f"{lines}\r\n{body}"
    return Request("SMTP", url, head, message, senders[0], recipients, _options(context, config))


def _options(context: Context, config: EmailConfig) -> MailOptions:
    """What a file holds that was not supplied is empty: whoever sends says so, if it is needed at all."""
    implicit = config.force_implicit_tls
    return MailOptions(
        hello=config.hello,
        require_tls=config.require_tls is not False,
        implicit_tls=config.smarthost.endswith(":465") if implicit is None else implicit,
        tls_config=config.tls_config,
        username=config.auth_username,
        identity=config.auth_identity,
        password=Secret(config.auth_password or context.files.get(config.auth_password_file, "").strip()),
        secret=Secret(config.auth_secret or context.files.get(config.auth_secret_file, "").strip()),
    )


def _addresses(name: str, text: str) -> tuple[str, ...]:
    """The bare addresses of a list."""
    addresses = tuple(address for _, address in getaddresses([text]))
    if not addresses or not all("@" in address.strip("@") for address in addresses):
        raise TemplateError(f"parse '{name}' addresses: {quote(text)}")
    return addresses


def _header_fields(context: Context, notification: Notification, data: Data, config: EmailConfig) -> dict[str, str]:
    text = context.texts(data)
    fields = {name: encode_header(text(value)) for name, value in config.headers.items()}
    time = Time.from_ms(notification.time)
    if "Message-Id" not in fields:
        number = int(_digest(notification, "message")[:16], 16)
        fields["Message-Id"] = f"<{time.unix_nano()}.{number}@{context.hostname}>"
    if config.threading.enabled:
        day = "" if config.threading.thread_by_date == "none" else time.format("2006-01-02")
        thread = f"<alert-{dedup_key(notification.group_key)[:16]}-{day}@alertmanager>"
        fields |= dict.fromkeys(_THREAD_HEADERS, thread)
    fields["Date"] = time.format(_RFC1123Z)
    return fields


def _digest(notification: Notification, purpose: str) -> str:
    """Digits that no other notification has: what Alertmanager draws at random must be the same in every replay."""
    identity = f"{notification.receiver}/{notification.index}\0{notification.group_key}\0{notification.time}\0{purpose}"
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()


def _parts(context: Context, data: Data, config: EmailConfig) -> Iterable[tuple[Mapping[str, str], str]]:
    templates = context.templates
    # the alternative that is preferred stands last (RFC 2046 5.1.4)
    for source, subtype, execute in (
        (config.text, "plain", templates.render_text),
        (config.html, "html", templates.render_html),
    ):
        if source:
            headers = {
                "Content-Transfer-Encoding": "quoted-printable",
                "Content-Type": f"text/{subtype}; charset=UTF-8",
            }
            yield headers, encode_quoted_printable(execute(source, data))
