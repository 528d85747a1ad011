"""AWS Signature Version 4: a request and a time → the headers that prove who sends it."""

import hashlib
import hmac
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from obsflow.gotemplate.times import Time
from obsflow.model.labels import quote
from obsflow.model.regex import Regex
from obsflow.notify.config import Secret, raise_problems
from obsflow.notify.request import Request
from obsflow.schema import field

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SESSION_NAME: Final = r"^[\w+=,.@-]{2,64}$"
_ROLE_ONLY: Final = ("external_id", "session_name", "tags")


@attrs.frozen
class SigV4Config:
    """`sigv4`: whose signature. Without keys it is that of the environment, which only the edge knows."""

    region: str = field(default="")
    access_key: str = field(default="", repr=False)
    secret_key: Secret = field(parse=Secret, default=Secret())
    profile: str = field(default="")
    role_arn: str = field(default="")
    external_id: str = field(default="")
    session_name: str = field(default="")
    tags: Mapping[str, str] = field(factory=dict)
    use_fips_sts_endpoint: bool = field(default=False)
    service_name: str = field(default="")

    def __attrs_post_init__(self) -> None:
        raise_problems(self._problems())

    def _problems(self) -> Iterable[str]:
        if bool(self.access_key) != bool(self.secret_key):
            yield (
                "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config"
            )
        for name in _ROLE_ONLY:
            if getattr(self, name) and not self.role_arn:
                yield f"{name} can only be used with role_arn"
        if self.session_name and not Regex(_SESSION_NAME).search(self.session_name):
            yield f"session_name must match {_SESSION_NAME} (2-64 alphanumeric and +=,.@- characters)"
        for name, value in self.tags.items():
            if not name:
                yield "tag key must not be empty"
            if len(name.encode()) > 128:
                yield f"tag key {quote(name)} exceeds maximum length of 128"
            if len(value.encode()) > 256:
                yield f"tag value for key {quote(name)} exceeds maximum length of 256"

    @property
    def can_sign(self) -> bool:
        """Whether the keys stand here, and are those of the sender itself rather than of a role it would assume."""
        return bool(self.access_key and self.secret_key and not self.role_arn)


def sign(request: Request, config: SigV4Config, service: str, time: int) -> Request:
    """The request with `X-Amz-Date` and `Authorization`; `time` is in ms, and AWS accepts it for some minutes.

    The address, the host, the body, and the header `Content-Type` are what is signed.
    """
    moment = Time.from_ms(time).utc()
    stamp, day = moment.format("20060102T150405Z"), moment.format("20060102")
    parts = urllib.parse.urlsplit(request.url)
    signed = {
        "content-type": request.headers.get("Content-Type", ""),
        "host": parts.netloc.rpartition("@")[2],
        "x-amz-date": stamp,
    }
    names = ";".join(signed)
    query = sorted(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    canonical = "\n".join(
        (
            request.method,
            urllib.parse.quote(parts.path or "/", safe="/-_.~"),
            urllib.parse.urlencode(query, quote_via=urllib.parse.quote),
            *(f"{name}:{' '.join(value.split())}" for name, value in signed.items()),
            "",
            names,
            _digest(request.body),
        )
    )
    scope = f"{day}/{config.region}/{service}/aws4_request"
    key = f"AWS4{config.secret_key}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.new(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{_digest(canonical)}".encode(), "sha256").hexdigest()
    authorization = f"{_ALGORITHM} Credential={config.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    headers = {**request.headers, "X-Amz-Date": stamp, "Authorization": authorization}
    return attrs.evolve(request, headers=headers)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
