"""Quoted-printable, encoded words and multipart bodies as Go writes them."""

import pytest

from obsflow.notify.mime import encode_header, encode_quoted_printable, render_multipart


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("a=b", "a=3Db"),
        ("ü€🚨", "=C3=BC=E2=82=AC=F0=9F=9A=A8"),
        ("\x00\x7f\ta", "=00=7F\ta"),
        ("one\ntwo\rthree\r\nfour\n", "one\r\ntwo\r\nthree\r\nfour\r\n"),
        ("trailing \n\t\nend ", "trailing=20\r\n=09\r\nend=20"),
        ("x" * 75, "x" * 75),
        ("x" * 76, "x" * 75 + "=\r\nx"),
        ("x" * 73 + "=", "x" * 73 + "=\r\n=3D"),
        ("x" * 72 + "=", "x" * 72 + "=3D"),
        ("x" * 74 + " ", "x" * 74 + "=\r\n=20"),
        ("x" * 74 + " y", "x" * 74 + " =\r\ny"),
        ("x" * 75 + " ", "x" * 75 + "=\r\n=20"),
    ],
)
def test_quoted_printable(text, encoded):
    """Lines have at most 76 characters, and a blank at the end of a line is encoded."""
    assert encode_quoted_printable(text) == encoded


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("plain = text?_\t", "plain = text?_\t"),
        ("ü b=?_", "=?utf-8?q?=C3=BC_b=3D=3F=5F?="),
        ("a\nb", "=?utf-8?q?a=0Ab?="),
        ("ü" * 11, "=?utf-8?q?" + "=C3=BC" * 10 + "?= =?utf-8?q?=C3=BC?="),
        ("ü" * 10 + "abcd", "=?utf-8?q?" + "=C3=BC" * 10 + "abc?= =?utf-8?q?d?="),
    ],
)
def test_encoded_words(value, encoded):
    """Printable ASCII stays; anything else becomes words of at most 75 characters, never split within a character."""
    assert encode_header(value) == encoded


def test_multipart():
    """Each part stands between boundary lines, with its headers and a blank line before its body."""
    parts = [({"A": "1", "B": "2"}, "one"), ({}, "two\r\n")]
    assert render_multipart("x", parts) == "--x\r\nA: 1\r\nB: 2\r\n\r\none\r\n--x\r\n\r\ntwo\r\n\r\n--x--\r\n"
