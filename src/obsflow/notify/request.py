"""What is to be sent over the wire, as plain data: the edge performs it."""

from collections.abc import Mapping

import attrs

from obsflow.notify.config import Secret, TlsConfig


@attrs.frozen
class MailOptions:
    """How to speak to a mail server, and as whom.

    `hello` is the name to greet with. Without `username` nobody logs in; else the server's first mechanism decides: the
    `secret` is for CRAM-MD5, the `password` for PLAIN and LOGIN.
    """

    hello: str = ""
    require_tls: bool = True
    implicit_tls: bool = False
    tls_config: TlsConfig | None = None
    username: str = ""
    identity: str = ""
    password: Secret = attrs.field(factory=Secret)
    secret: Secret = attrs.field(factory=Secret)


@attrs.frozen
class Request:
    """One request to a receiver. A delivery can take several, one after the other: see `obsflow.notify.steps`.

    For HTTP `headers` are those that the sender sets itself; Host and Content-Length are left to the client. For mail
    `method` is `SMTP`, `url` is `smtp://host:port`, `headers` are the header fields of the message, `body` is the
    whole message, `sender` and `recipients` are the addresses of its envelope, and `mail` says how to hand it over.
    """

    method: str
    url: str = attrs.field(repr=False)  # a webhook's address is often its only secret
    headers: Mapping[str, str] = attrs.field(repr=lambda headers: repr(sorted(headers)))
    body: str = attrs.field(repr=lambda body: f"<{len(body)} characters>")  # keys may stand in it
    sender: str = ""
    recipients: tuple[str, ...] = ()
    mail: MailOptions | None = None
