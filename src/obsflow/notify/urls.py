"""Addresses that are built from a configured one, escaped as Go escapes them."""

import urllib.parse
from collections.abc import Mapping

_PATH_SAFE = "/$&+,:;=@-_.~"


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


def encode_query(parameters: Mapping[str, str]) -> str:
    """Parameters as a query or a form, sorted by name."""
    return urllib.parse.urlencode(sorted(parameters.items()), errors="surrogateescape")
