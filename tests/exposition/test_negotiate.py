"""What a scraper asks for, and what an answer says that it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.errors import ContentTypeError
from obsflow.exposition import (
    ScrapeProtocol,
    TextFormat,
    accept_header,
    choose_format,
    content_type,
    read_content_type,
)

PLAIN, OPEN = TextFormat.PLAIN, TextFormat.OPENMETRICS


def test_what_prometheus_asks_for():
    """The header of a Prometheus 3 with its default protocols, as its configuration orders them."""
    assert accept_header() == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,"
        "*/*;q=0.2"
    )
    assert accept_header([ScrapeProtocol.TEXT_0_0_4]) == "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"


@pytest.mark.parametrize("protocols", [[], [ScrapeProtocol.TEXT_0_0_4] * 2])
def test_no_protocols(protocols):
    """There is one at least, and each once."""
    with pytest.raises(ValueError, match="each once"):
        accept_header(protocols)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text/plain", PLAIN),
        ("text/plain; version=0.0.4; charset=utf-8", PLAIN),
        ("TEXT/Plain;version=1.0.0;escaping=allow-utf-8", PLAIN),
        ("text/plain;", PLAIN),
        ('text/plain; charset="utf\\"8"', PLAIN),
        ("application/openmetrics-text", OPEN),
        ("application/openmetrics-text; version=0.0.1; charset=utf-8", OPEN),
        ("application/openmetrics-text; version=2.0.0", None),
        ("application/vnd.google.protobuf", None),
        ("application/json", None),
        ("text/plain; version", None),
        ("text/plain; a=1; a=2", None),
        ("text", None),
        ("", None),
    ],
)
def test_content_types(text, expected):
    """What is unknown, malformed or missing is an error unless there is a fallback."""
    if expected is not None:
        assert read_content_type(text, OPEN if expected is PLAIN else PLAIN) is expected
        return
    with pytest.raises(ContentTypeError, match="Content-Type"):
        read_content_type(text)
    assert read_content_type(text, OPEN) is OPEN


@pytest.mark.parametrize("text_format", TextFormat)
def test_own_content_types(text_format):
    """What is said of a body is understood."""
    assert read_content_type(content_type(text_format)) is text_format


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (accept_header(), OPEN),
        (accept_header([ScrapeProtocol.TEXT_0_0_4, ScrapeProtocol.OPENMETRICS_1_0_0]), PLAIN),
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/openmetrics-text;q=0", PLAIN),
        ("application/openmetrics-text;q=x,text/html", PLAIN),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", PLAIN),
        ("application/openmetrics-text", OPEN),
    ],
)
def test_answers(accept, expected):
    """What is liked best of the two is chosen, and 0.0.4 in doubt."""
    assert choose_format(accept) is expected


@given(st.text('text/plain;=", q.0app*\\', max_size=40))
def test_any_header(text):
    """Any header is understood or refused, and nothing else."""
    assert choose_format(text) in TextFormat
    try:
        assert read_content_type(text) in TextFormat
    except ContentTypeError:
        assert read_content_type(text, PLAIN) is PLAIN
