"""Addresses as Go reads them, and those that are built from a configured one, escaped as Go escapes them."""

import re
import urllib.parse
from collections.abc import Iterator, Mapping

from obsflow.model.labels import quote

_PATH_SAFE = "/$&+,:;=@-_.~"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)
_ASCII_ESCAPE = re.compile(r"%(?!25)[0-7][0-9a-fA-F]")  # a host escapes only what ASCII lacks, and %25 before a zone
_NOT_IN_HOST = re.compile(r"[^a-zA-Z0-9_.~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff-]")
_USER = re.compile(r"[a-zA-Z0-9._:~!$&'()*+,;=%@-]*")


def parse_reference(text: str, shown: str | None = None) -> urllib.parse.SplitResult:
    """The parts of an address, which may lack a scheme or a host.

    Raises ValueError, in the words of Go, with `shown` in place of an address that is a secret.
    """
    main, _, fragment = text.partition("#")
    for problem in _problems(main):
        raise ValueError(f"parse {quote(main if shown is None else shown)}: {problem}")
    whole = quote(text if shown is None else shown)
    for problem in _escape_problems(fragment):
        raise ValueError(f"parse {whole}: {problem}")
    try:
        return urllib.parse.urlsplit(text)
    except ValueError as error:  # Python asks more of what stands in brackets
        raise ValueError(f"parse {whole}: {error}") from None


def _problems(text: str) -> Iterator[str]:
    """What is wrong with an address that has no fragment."""
    if _CONTROL.search(text):
        yield "net/url: invalid control character in URL"
    if text.startswith(":"):
        yield "missing protocol scheme"
    scheme = _SCHEME.match(text)
    rest = (text[scheme.end() :] if scheme else text).partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return  # opaque, such as mailto:
        if ":" in rest.partition("/")[0]:
            yield "first path segment in URL cannot contain colon"
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        yield from _authority_problems(authority)
        rest = slash + path
    yield from _escape_problems(rest)


def _authority_problems(authority: str) -> Iterator[str]:
    user, _, host = authority.rpartition("@")
    port = host[host.rfind("]") + 1 :] if host.startswith("[") else "".join(host.partition(":")[1:])
    if host.startswith("[") and "]" not in host:
        yield "missing ']' in host"
    if port and not re.fullmatch(r":[0-9]*", port):
        yield f"invalid port {quote(port)} after host"
    yield from _escape_problems(host)
    if bad := _ASCII_ESCAPE.search(host):
        yield f"invalid URL escape {quote(bad[0])}"
    if bad := _NOT_IN_HOST.search(host):
        yield f"invalid character {quote(bad[0])} in host name"
    if not _USER.fullmatch(user):
        yield "net/url: invalid userinfo"
    yield from _escape_problems(user)


def _escape_problems(text: str) -> Iterator[str]:
    if bad := _BAD_ESCAPE.search(text):
        yield f"invalid URL escape {quote(bad[0])}"


def extend_path(url: str, suffix: str, query: Mapping[str, str] | None = None) -> str:
    """`url` with `suffix` at the end of its path, and `query` among its parameters, which are then sorted."""
    parts = urllib.parse.urlsplit(url)
    plain = urllib.parse.unquote(parts.path, errors="surrogateescape") + suffix
    path = urllib.parse.quote(plain, safe=_PATH_SAFE, errors="surrogateescape")
    if query is None:
        return urllib.parse.urlunsplit(parts._replace(path=path))
    given = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    merged = {**dict(given), **query}
    return urllib.parse.urlunsplit(parts._replace(path=path, query=encode_query(merged)))


def join_path(url: str, *segments: str) -> str:
    """`url` with more segments in its path; no slash stands twice."""
    parts = urllib.parse.urlsplit(url)
    path = "/" + "/".join(each for part in (parts.path, *segments) for each in part.split("/") if each)
    return urllib.parse.urlunsplit(parts._replace(path=path))


def end_with_slash(url: str) -> str:
    """`url` with a slash at the end of its path."""
    parts = urllib.parse.urlsplit(url)
    return url if parts.path.endswith("/") else urllib.parse.urlunsplit(parts._replace(path=f"{parts.path}/"))


def has_path(url: str) -> bool:
    """Whether anything follows the host."""
    return bool(urllib.parse.urlsplit(url).path)


def encode_query(parameters: Mapping[str, str]) -> str:
    """Parameters as a query or a form, sorted by name."""
    return urllib.parse.urlencode(sorted(parameters.items()), errors="surrogateescape")
