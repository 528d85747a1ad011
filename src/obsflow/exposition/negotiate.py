"""What a scraper asks for, and what the answer's Content-Type says that it is."""

import enum
import re
from collections.abc import Sequence
from typing import Final

from obsflow.errors import ContentTypeError
from obsflow.exposition.body import TextFormat
from obsflow.model.labels import quote


class ScrapeProtocol(enum.Enum):
    """A format that a scraper may ask for, called as in a scrape configuration."""

    OPENMETRICS_1_0_0 = "OpenMetricsText1.0.0"
    OPENMETRICS_0_0_1 = "OpenMetricsText0.0.1"
    TEXT_1_0_0 = "PrometheusText1.0.0"
    TEXT_0_0_4 = "PrometheusText0.0.4"

    @property
    def text_format(self) -> TextFormat:
        """How a body of it is read."""
        return TextFormat.OPENMETRICS if self.value.startswith("Open") else TextFormat.PLAIN

    @property
    def media_type(self) -> str:
        """Its media type with its version."""
        return f"{_MEDIA_TYPES[self.text_format]};version={self.value[-5:]}"


DEFAULT_PROTOCOLS: Final = tuple(ScrapeProtocol)
"""What Prometheus asks for, first what it likes best."""

_MEDIA_TYPES: Final = {TextFormat.OPENMETRICS: "application/openmetrics-text", TextFormat.PLAIN: "text/plain"}
_FORMATS: Final = {media_type: text_format for text_format, media_type in _MEDIA_TYPES.items()}
_ESCAPED: Final = (ScrapeProtocol.OPENMETRICS_1_0_0, ScrapeProtocol.TEXT_1_0_0)
_FIRST_WEIGHT: Final = 7
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - of RFC 9110, not a secret
_MEDIA_TYPE: Final = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*")
_PARAMETER: Final = re.compile(rf'\s*;\s*({_TOKEN})\s*=\s*({_TOKEN}|"(?:[^"\\]|\\.)*")\s*')


def accept_header(protocols: Sequence[ScrapeProtocol] = DEFAULT_PROTOCOLS, *, escaping: str = "allow-utf-8") -> str:
    """The Accept header that asks for these protocols, in this order, and then for anything.

    Raises ValueError where there is none, or one twice.
    """
    if not protocols or len(set(protocols)) != len(protocols):
        raise ValueError("expected scrape protocols, each once")
    values = [
        f"{protocol.media_type}{f';escaping={escaping}' if protocol in _ESCAPED else ''};q=0.{_FIRST_WEIGHT - 1 - i}"
        for i, protocol in enumerate(protocols)
    ]
    return ",".join([*values, f"*/*;q=0.{_FIRST_WEIGHT - 1 - len(protocols)}"])


def content_type(text_format: TextFormat) -> str:
    """The Content-Type that says of a body that it is of this format."""
    version = "1.0.0" if text_format is TextFormat.OPENMETRICS else "0.0.4"
    return f"{_MEDIA_TYPES[text_format]}; version={version}; charset=utf-8"


def read_content_type(text: str, fallback: TextFormat | None = None) -> TextFormat:
    """The format that a Content-Type header tells, or the fallback where it tells none that is known.

    Raises ContentTypeError where there is no fallback.
    """
    parsed = _parse_media_type(text) if text else None
    if parsed is not None:
        media_type, parameters = parsed
        found = _FORMATS.get(media_type)
        if found is not None and not (found is TextFormat.OPENMETRICS and parameters.get("version") == "2.0.0"):
            return found
    if fallback is not None:
        return fallback
    if not text:
        raise ContentTypeError("the answer has no Content-Type, and the target no fallback format")
    why = "malformed" if parsed is None else "unknown"
    raise ContentTypeError(f"the answer has the {why} Content-Type {quote(text)}, and the target no fallback format")


def choose_format(accept: str) -> TextFormat:
    """The format to answer a request with that has this Accept header: 0.0.4 unless OpenMetrics is liked better."""
    best, weight = TextFormat.PLAIN, 0.0
    for part in accept.split(","):
        parsed = _parse_media_type(part)
        found = _FORMATS.get(parsed[0]) if parsed else None
        if parsed is None or found is None:
            continue
        try:
            quality = float(parsed[1].get("q", "1"))
        except ValueError:
            continue
        if quality > weight and parsed[1].get("version") != "2.0.0":
            best, weight = found, quality
    return best


def _parse_media_type(text: str) -> tuple[str, dict[str, str]] | None:
    """Media type and parameters, in lower case; None for what is malformed."""
    match = _MEDIA_TYPE.match(text)
    if match is None:
        return None
    media_type, at = match[1].lower(), match.end()
    parameters: dict[str, str] = {}
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            return (media_type, parameters) if text[at:].strip() == ";" else None
        name, value = match[1].lower(), match[2]
        if name in parameters:
            return None
        parameters[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        at = match.end()
    return media_type, parameters
