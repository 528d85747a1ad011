"""Compares mails."""

import re


def assert_same_mail(rendered, expected):
    """Equal up to what is drawn at random, the order of header fields, and the seconds of the date."""
    rendered_fields, rendered_body = _split(rendered)
    expected_fields, expected_body = _split(expected)
    assert rendered_fields == expected_fields
    assert rendered_body.rstrip("\n").split("\n") == expected_body.rstrip("\n").split("\n")


def _split(text):
    """The header fields, sorted, and the body, with the boundary and the ids made equal."""
    boundary = re.search(r"boundary=(\w+)", text)[1]
    assert re.fullmatch("[0-9a-f]{60}", boundary)
    head, _, body = text.replace("\r\n", "\n").replace(boundary, "BOUNDARY").partition("\n\n")
    head = re.sub(r"<\d+\.\d+@[^>]+>", "<ID>", head)
    return sorted(re.sub(r":\d\d \+0000", ":SS +0000", head).split("\n")), body
