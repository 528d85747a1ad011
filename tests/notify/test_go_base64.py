"""Base64 as Go reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.notify.go_base64 import decode_url_base64, encode_url_base64


@given(st.binary())
def test_what_was_encoded_is_decoded(data):
    """Whatever the bytes are, and however the text is broken into lines."""
    text = encode_url_base64(data)
    assert decode_url_base64(text.encode()) == data
    assert decode_url_base64("\r\n".join([*text, ""]).encode()) == data


@given(st.text("AQ-_=+\n", max_size=12))
def test_any_text_is_bytes_or_an_error(text):
    """Nothing else is raised."""
    try:
        decode_url_base64(text.encode())
    except ValueError as error:
        assert str(error).startswith("illegal base64 data at input byte ")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("!", 0),
        ("Y", 0),
        ("YQ", 0),
        ("YQ=", 3),
        ("YQ=x", 2),
        ("YQ==x", 4),
        ("YWE=\nx", 5),
        ("=", 0),
        ("Y===", 1),
        ("YWEx+w==", 4),
    ],
)
def test_an_error_says_where(text, place):
    """The byte that cannot be there, or with which too few begin."""
    with pytest.raises(ValueError, match=f"^illegal base64 data at input byte {place}$"):
        decode_url_base64(text.encode())


def test_spare_bits_are_dropped():
    """As Go does unless it is asked to be strict."""
    assert decode_url_base64(b"YR==") == b"a"
