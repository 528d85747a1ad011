"""What is to be sent over the wire, as plain data: the edge performs it."""

from collections.abc import Mapping

import attrs


@attrs.frozen
class Request:
    """One request to a receiver. A delivery can take several, one after the other: see `obsflow.notify.steps`.

    For HTTP `headers` are those that the sender sets itself; Host and Content-Length are left to the client. For mail
    `method` is `SMTP`, `url` is `smtp://host:port`, `headers` are the header fields of the message, `body` is the
    whole message, and `sender` and `recipients` are the addresses of its envelope.
    """

    method: str
    url: str = attrs.field(repr=False)  # a webhook's address is often its only secret
    headers: Mapping[str, str] = attrs.field(repr=lambda headers: repr(sorted(headers)))
    body: str
    sender: str = ""
    recipients: tuple[str, ...] = ()
