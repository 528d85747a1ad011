"""What makes a value safe in each place of a page. A value that cannot be made safe becomes `ZgotmplZ`."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from obsflow.gotemplate.content import HTML, URL
from obsflow.gotemplate.htmlattributes import Content, content_of_attribute
from obsflow.gotemplate.htmlcontext import Context, Delim, State, after_text
from obsflow.gotemplate.htmlscripts import decode_css
from obsflow.gotemplate.json import encode_json
from obsflow.gotemplate.printf import sprint
from obsflow.gotemplate.values import encode, go_type

FAILSAFE: Final = "ZgotmplZ"

_QUOTED = {"\0": "\ufffd", '"': "&#34;", "&": "&amp;", "'": "&#39;", "+": "&#43;", "<": "&lt;", ">": "&gt;"}
_UNQUOTED = {c: f"&#{ord(c)};" for c in "\t\n\v\f\r =`"} | _QUOTED | {"\0": "&#xfffd;"}
_UNQUOTED |= {chr(c): f"&#x{c:x};" for c in (*range(0xFDD0, 0xFDF0), *range(0xFFF0, 0x10000))}


def _table(mapping: Mapping[str, str], *, entities: bool = True) -> dict[int, str]:
    """A table for translate; without `entities` the text has entities already, which stay."""
    return str.maketrans({c: escaped for c, escaped in mapping.items() if entities or c != "&"})


_HTML_TABLE = _table(_QUOTED)
_HTML_KEEPING_ENTITIES = _table(_QUOTED, entities=False)
_UNQUOTED_TABLE = _table(_UNQUOTED)
_UNQUOTED_KEEPING_ENTITIES = _table(_UNQUOTED, entities=False)

_JS_CONTROL = {chr(c): f"\\u{c:04x}" for c in range(32)} | {"\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_JS_STRING = _JS_CONTROL | {c: f"\\u{ord(c):04x}" for c in "\"`&'+<>\u2028\u2029"} | {"/": "\\/", "\\": "\\\\"}
_JS_STRING_TABLE = str.maketrans(_JS_STRING)
_JS_TEMPLATE_TABLE = str.maketrans(_JS_STRING | {c: f"\\u{ord(c):04x}" for c in "${}"})
_JS_REGEXP_TABLE = str.maketrans(
    {c: escaped for c, escaped in _JS_STRING.items() if c != "`"} | {c: f"\\{c}" for c in "$()*-.?[]^{|}"}
)
_JS_WORD = re.compile(r"[\w$]", re.ASCII)

_CSS_SPECIAL = re.compile("[\0\t\n\f\r\"&'()+/:;<>\\\\{}](?=([\\da-fA-F\t\n\f\r ]|\\Z)?)")
_CSS_BAD = re.compile(r"[\0\"'()/;@\[\\\]`{}<>]|--")
_CSS_NOT_NAME = re.compile(r"[^\w-]", re.ASCII)
_URL_ESCAPED = re.compile(rb"[^\w.~-]", re.ASCII)
_URL_NORMALIZED = re.compile(rb"%(?![\da-fA-F]{2})|[^\w.~%!#$&*+,/:;=?@\[\]-]", re.ASCII)


def text_of(values: tuple[Any, ...]) -> str:
    """Arguments as one text; nil is nothing."""
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return sprint(*(value for value in values if value is not None))


def _is(values: tuple[Any, ...], cls: type) -> bool:
    return len(values) == 1 and isinstance(values[0], cls)


def escape_text(*values: Any) -> str:
    """For text between tags."""
    text = text_of(values)
    return text if _is(values, HTML) else text.translate(_HTML_TABLE)


def escape_rcdata(*values: Any) -> str:
    """For the text of a title or textarea, where tags mean nothing."""
    return text_of(values).translate(_HTML_KEEPING_ENTITIES if _is(values, HTML) else _HTML_TABLE)


def escape_attribute(*values: Any) -> str:
    """For a value in quotes."""
    if _is(values, HTML):
        return strip_tags(values[0]).translate(_HTML_KEEPING_ENTITIES)
    return text_of(values).translate(_HTML_TABLE)


def escape_unquoted(*values: Any) -> str:
    """For a value without quotes, which must not be empty."""
    text = text_of(values)
    if not text:
        return FAILSAFE
    if _is(values, HTML):
        return strip_tags(text).translate(_UNQUOTED_KEEPING_ENTITIES)
    return text.translate(_UNQUOTED_TABLE)


def strip_tags(html: str) -> str:
    """The text of a fragment of HTML, its entities kept."""
    out: list[str] = []
    context = Context()
    rest = html
    while rest:
        in_element = context.element and context.state not in _IN_TAG
        before = context.to(State.RCDATA) if in_element else context
        context, read = after_text(before, rest)
        if before.state in (State.TEXT, State.RCDATA):
            kept = rest[:read]
            out.append(kept if context.state is before.state else kept[: kept.rfind("<")] if "<" in kept else kept)
        elif before.delim is not Delim.NONE and read == len(rest):
            break
        rest = rest[read:]
    return "".join(out)


_IN_TAG = frozenset((State.TAG, State.ATTR_NAME, State.AFTER_NAME, State.BEFORE_VALUE, State.ATTR))


def filter_name(*values: Any) -> str:
    """For the name of a tag or attribute: only one that holds plain text."""
    name = text_of(values).lower()
    known = name.isascii() and name.isalnum() and content_of_attribute(name) is Content.PLAIN
    return name if known else FAILSAFE


def is_safe_url(url: str) -> bool:
    """Whether a URL is relative, or of a scheme that runs nothing."""
    scheme, colon, _ = url.partition(":")
    return not colon or "/" in scheme or scheme.lower() in ("http", "https", "mailto")


def filter_url(*values: Any) -> str:
    """For the start of a URL."""
    url = text_of(values)
    return url if _is(values, URL) or is_safe_url(url) else f"#{FAILSAFE}"


def _percent(match: re.Match[bytes]) -> bytes:
    return b"%%%02x" % match[0][0]


def normalize_url(*values: Any) -> str:
    """For a URL up to its query; what is escaped already stays so."""
    return _URL_NORMALIZED.sub(_percent, encode(text_of(values))).decode()


def escape_url(*values: Any) -> str:
    """For a part of a query."""
    if _is(values, URL):
        return normalize_url(*values)
    return _URL_ESCAPED.sub(_percent, encode(text_of(values))).decode()


def filter_srcset(*values: Any) -> str:
    """For a list of images with their sizes."""
    text = text_of(values)
    if _is(values, URL):
        return normalize_url(text).replace(",", "%2c")
    return ",".join(_filter_source(source) for source in text.split(","))


_SOURCE = re.compile(r"([ \t\n\f\r]*)([^ \t\n\f\r]*)([ \t\n\f\ra-zA-Z0-9]*)")


def _filter_source(source: str) -> str:
    match = _SOURCE.fullmatch(source)
    if match is None or not is_safe_url(match[2]):
        return f"#{FAILSAFE}"
    return match[1] + normalize_url(match[2]) + match[3]


def escape_js_value(*values: Any) -> str:
    """For an expression in a script: the value as JSON."""
    value = values[0] if len(values) == 1 else sprint(*values)
    known = go_type(value)
    if known.string_method is not None and known.name != "time.Time":
        value = known.string_method(value)
    try:
        text = encode_json(value)
    except ValueError as error:
        reason = str(error).replace("*/", "* /").replace("<!--", "\\x3C!--")
        return f" /* {reason} */null "
    padded = _JS_WORD.match(text) or _JS_WORD.match(text[-1])
    return f" {text} " if padded else text


def escape_js_string(*values: Any) -> str:
    """For the inside of a string in a script."""
    return text_of(values).translate(_JS_STRING_TABLE)


def escape_js_template(*values: Any) -> str:
    """For the inside of a template literal in a script."""
    return text_of(values).translate(_JS_TEMPLATE_TABLE)


def escape_js_regexp(*values: Any) -> str:
    """For the inside of a regular expression in a script."""
    return text_of(values).translate(_JS_REGEXP_TABLE) or "(?:)"


def escape_css(*values: Any) -> str:
    """For the inside of a string in a style."""

    def escape(match: re.Match[str]) -> str:
        if match[0] == "\\":
            return "\\\\"
        space = " " if match[1] is not None else ""
        return f"\\{ord(match[0]):x}{space}"

    return _CSS_SPECIAL.sub(escape, text_of(values))


def filter_css(*values: Any) -> str:
    """For a value in a style: quantities, keywords, colours, names."""
    text = decode_css(text_of(values))
    name = _CSS_NOT_NAME.sub("", text).lower()
    unsafe = _CSS_BAD.search(text) or "expression" in name or "mozbinding" in name
    return FAILSAFE if unsafe else text


def drop(*_values: Any) -> str:
    """For a comment."""
    return ""


def join_values(*values: Any) -> str:
    """Arguments as one text, for an escaper that follows."""
    return values[0] if len(values) == 1 and type(values[0]) is str else sprint(*values)


_PREFIX = "_html_template_"

ESCAPERS: Final[Mapping[str, Callable[..., str]]] = {
    f"{_PREFIX}attrescaper": escape_attribute,
    f"{_PREFIX}commentescaper": drop,
    f"{_PREFIX}cssescaper": escape_css,
    f"{_PREFIX}cssvaluefilter": filter_css,
    f"{_PREFIX}htmlescaper": escape_text,
    f"{_PREFIX}htmlnamefilter": filter_name,
    f"{_PREFIX}jsregexpescaper": escape_js_regexp,
    f"{_PREFIX}jsstrescaper": escape_js_string,
    f"{_PREFIX}jstmpllitescaper": escape_js_template,
    f"{_PREFIX}jsvalescaper": escape_js_value,
    f"{_PREFIX}nospaceescaper": escape_unquoted,
    f"{_PREFIX}rcdataescaper": escape_rcdata,
    f"{_PREFIX}srcsetescaper": filter_srcset,
    f"{_PREFIX}urlescaper": escape_url,
    f"{_PREFIX}urlfilter": filter_url,
    f"{_PREFIX}urlnormalizer": normalize_url,
    "_eval_args_": join_values,
}
"""The escapers under the names that html/template gives them in a pipeline."""
