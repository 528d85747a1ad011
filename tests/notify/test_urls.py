"""Addresses: what Go would not parse is refused, in its words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError
from obsflow.notify.config import HttpConfig, parse_template_url, parse_url
from obsflow.notify.urls import parse_reference
from obsflow.schema import decode

REFUSED = {
    "http://x:port": 'parse "http://x:port": invalid port ":port" after host',
    "http://::1": 'parse "http://::1": invalid port "::1" after host',
    "http://[::1]x": 'parse "http://[::1]x": invalid port "x" after host',
    "http://[::1": "parse \"http://[::1\": missing ']' in host",
    "http://a|b": 'parse "http://a|b": invalid character "|" in host name',
    "http://a b": 'parse "http://a b": invalid character " " in host name',
    "http://a%41": 'parse "http://a%41": invalid URL escape "%41"',
    "http://a%zz": 'parse "http://a%zz": invalid URL escape "%zz"',
    "http://a/%zz": 'parse "http://a/%zz": invalid URL escape "%zz"',
    "http://a/%2": 'parse "http://a/%2": invalid URL escape "%2"',
    "http://a/#%zz": 'parse "http://a/#%zz": invalid URL escape "%zz"',
    "http://%zz@a": 'parse "http://%zz@a": invalid URL escape "%zz"',
    "http://a|b@a": 'parse "http://a|b@a": net/url: invalid userinfo',
    "http://a/\n": 'parse "http://a/\\n": net/url: invalid control character in URL',
    "://a": 'parse "://a": missing protocol scheme',
    "127.0.0.1:80": 'parse "127.0.0.1:80": first path segment in URL cannot contain colon',
    "1http://a": 'parse "1http://a": first path segment in URL cannot contain colon',
    "h ttp://a": 'parse "h ttp://a": first path segment in URL cannot contain colon',
}
ABSOLUTE = {
    "": 'unsupported scheme "" for URL',
    "//a": 'unsupported scheme "" for URL',
    "ftp://a": 'unsupported scheme "ftp" for URL',
    "a:80/b": 'unsupported scheme "a" for URL',
    "http:a": "missing host for URL",
    "http:///a": "missing host for URL",
    "http://u:p@/a": "missing host for URL",
    "http://?q": "missing host for URL",
}
FINE = [
    "http://a",
    "https://u:p@h.example:8080/p%20q?x=%zz#f",
    "http://[::1]:9/",
    "HTTP://ü/ü",
    "http://a:/",
    "http://a/ b",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_address(text):
    """A scheme that is none, a port without digits, a host with what none has, half an escape."""
    for parse in (parse_reference, parse_url):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
            parse(text)
        assert str(caught.value) == REFUSED[text]


@pytest.mark.parametrize("text", ABSOLUTE)
def test_what_is_no_address_to_send_to(text):
    """It is of HTTP and has a host; of a template only its rendering can tell."""
    parse_reference(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse_url(text)
    assert str(caught.value) == ABSOLUTE[text]
    if text:
        with pytest.raises(ValueError, match=r"^invalid URL: "):
            parse_template_url(text)
    assert parse_template_url(text + "{{ . }}") == text + "{{ . }}"


@pytest.mark.parametrize("text", FINE)
def test_addresses(text):
    """They stay what they are to whoever reads them again."""
    assert parse_url(parse_url(text)) == parse_url(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*":/?#@[]%|. \x00é", "http", "//", "%41", "%zz", "a", "1"]), max_size=9).map("".join))
def test_any_text_is_an_address_or_refused(text):
    """With an error that says so."""
    for parse in (parse_reference, parse_url, parse_template_url):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)


def test_a_proxy_keeps_its_password():
    """Where its address is refused, that is not repeated."""
    with pytest.raises(ConfigError) as caught:
        decode(HttpConfig, "{proxy_url: 'http://user:hush@proxy:port'}", "x")
    assert str(caught.value) == 'x:1:13: proxy_url: parse "<secret>": invalid port ":port" after host'
