"""The members of answers, read as strictly as Go's decoder reads them, and when to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.notify.answers import Answer, parse_json, read_members, texts_of

KINDS = {"ok": bool, "code": int, "error": str, "more": list}
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ('{"ok":true,"code":3,"error":"e","more":[1]}', {"ok": True, "code": 3, "error": "e", "more": [1]}),
        ("{}", {"ok": False, "code": 0, "error": "", "more": []}),
        (" null\n", {"ok": False, "code": 0, "error": "", "more": []}),
        ('{"ok":null,"OK":true,"x":{}}', {"ok": True, "code": 0, "error": "", "more": []}),
        ('{"ok":1}', None),
        ('{"code":true}', None),
        ('{"code":1.0}', None),
        ('{"error":7}', None),
        ('{"more":{}}', None),
        ("[]", None),
        ("true", None),
        ("", None),
        ("{} {}", None),
        ('{"code":NaN}', None),
        ("[" * 100_000, None),
    ],
)
def test_members(text, members):
    """One of another kind makes the answer unreadable; an absent one, or null, is empty."""
    assert read_members(text, KINDS) == members


def test_what_follows_a_document():
    """Where a stream is read, only its first document counts."""
    assert read_members('{"ok":true} and more', KINDS, ignore_rest=True)["ok"] is True
    assert read_members('{"ok":true} and more', KINDS) is None
    with pytest.raises(ValueError, match="after top-level value"):
        parse_json("1 2")


def test_a_list_of_texts():
    """Null is an empty one, and whatever else is no text at all."""
    assert texts_of(["a", None]) == ["a", ""]
    assert texts_of(["a", 1]) is None


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({}, 0),
        ({"retry-after": "3"}, 3_000),
        ({"Retry-After": "+2"}, 2_000),
        ({"Retry-After": "-2"}, 0),
        ({"Retry-After": "1.5"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": DATE}, 0),
        ({"Retry-After": DATE, "Date": "Wed, 21 Oct 2015 07:27:30 GMT"}, 30_000),
        ({"Retry-After": DATE, "Date": "Wed, 21 Oct 2015 07:28:30 GMT"}, 0),
        ({"Retry-After": DATE, "Date": "today"}, 0),
    ],
)
def test_how_long_to_wait(headers, wait_ms):
    """Seconds, or a date by the clock of the receiver."""
    assert Answer(429, "", headers).retry_after_ms == wait_ms


@given(st.text() | st.text(alphabet='{}[]":,okcderu1.0 \\'))
def test_any_answer(text):
    """Either every member is of its kind, or there are none."""
    members = read_members(text, KINDS, ignore_rest=True)
    assert members is None or {name: type(value) for name, value in members.items()} == KINDS


@given(st.text(), st.text())
def test_any_header(value, date):
    """No wait is negative, whatever is asked for."""
    assert Answer(429, "", {"Retry-After": value, "Date": date}).retry_after_ms >= 0
