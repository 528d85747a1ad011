"""Regular expressions as Go knows them: RE2 syntax, linear time. The only importer of `re2`."""

import functools
import re

import re2

from obsflow.model.labels import quote

_STRAY = re.compile("[\ud800-\udfff]")
_META = frozenset("\\.+*?()|[]{}^$")


class RegexError(ValueError):
    """A pattern that RE2 does not accept."""


class Regex:
    """A compiled RE2 pattern, searched unanchored."""

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = _compile(pattern)

    def search(self, text: str) -> bool:
        """Whether the pattern occurs anywhere in `text`."""
        return self._compiled.search(_readable(text)) is not None

    def replace_all(self, replacement: str, text: str) -> str:
        """`text` with every match replaced; `replacement` may hold Go's `$1`, `${1}` and `$name`.

        An empty match right after another match does not count.
        """
        out: list[str] = []
        position = 0
        for match in self._compiled.finditer(_readable(text)):
            if out and match.start() == match.end() == position:
                continue
            out += (text[position : match.start()], expand(replacement, match, text))
            position = match.end()
        return "".join((*out, text[position:]))


class LabelRegex:
    """A pattern that must match a whole label value; `.` matches a newline unless `dot_all` is off.

    Literals and alternations of literals, which most patterns are, never reach the engine.
    """

    __slots__ = ("_compiled", "_known", "literals", "pattern")

    def __init__(self, pattern: str, *, dot_all: bool = True) -> None:
        self.pattern = pattern
        _compile(pattern)  # alone first: `a)(b` is balanced only by our own parentheses, and errors show it as written
        self._compiled = _compile(f"^(?s:{pattern})$" if dot_all else f"^(?:{pattern})$")
        self.literals = _literal_alternatives(pattern)
        self._known: dict[str, bool] = {}

    def matches(self, value: str) -> bool:
        """Whether the whole of `value` matches."""
        if self.literals is not None:
            return value in self.literals
        known = self._known.get(value)
        if known is None:
            known = self._known[value] = self._compiled.fullmatch(_readable(value)) is not None
        return known

    def expand(self, replacement: str, value: str) -> str | None:
        """`replacement` with its `$1`, `${1}`, `$name` filled from the match with `value`; None without a match."""
        match = self._compiled.fullmatch(_readable(value))
        return None if match is None else expand(replacement, match, value)


def expand(template: str, match: "re2._Match", text: str) -> str:
    """Fill a Go replacement template from a match in `text`.

    A reference to a group that does not exist is empty; `$$` is a dollar.
    """
    out: list[str] = []
    i = 0
    while True:
        j = template.find("$", i)
        if j < 0:
            return "".join((*out, template[i:]))
        out.append(template[i:j])
        i = j + 1
        if template.startswith("$", i):
            out.append("$")
            i += 1
            continue
        braced = template.startswith("{", i)
        end = i + braced
        while end < len(template) and (template[end].isalnum() or template[end] == "_"):
            end += 1
        name = template[i + braced : end]
        if not name or (braced and not template.startswith("}", end)):
            out.append("$")
            continue
        i = end + braced
        out.append(_group(match, name, text))


def _group(match: "re2._Match", name: str, text: str) -> str:
    try:
        start, end = match.span(int(name) if name.isdecimal() else match.re.groupindex[name])
    except (IndexError, KeyError):
        return ""
    return "" if start < 0 else text[start:end]


def _readable(text: str) -> str:
    """The text with U+FFFD for each byte that is not UTF-8, as Go reads it: character for character."""
    return text if text.isascii() else _STRAY.sub("\ufffd", text)


def _options() -> "re2.Options":
    options = re2.Options()
    options.log_errors = False
    return options


_OPTIONS = _options()


@functools.lru_cache(maxsize=4096)
def _compile(pattern: str) -> "re2._Regexp":
    if _STRAY.search(pattern):
        raise RegexError(f"invalid regular expression {quote(pattern)}: invalid UTF-8")
    try:
        compiled = re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RegexError(f"invalid regular expression {quote(pattern)}: {text}") from None
    if _has_any_byte(pattern):
        raise RegexError(f"invalid regular expression {quote(pattern)}: invalid escape sequence: \\C")
    return compiled


def _has_any_byte(pattern: str) -> bool:
    r"""Whether the pattern has `\C`, which C++'s RE2 accepts and Go's does not."""
    i = 0
    while (i := pattern.find("\\", i)) >= 0:
        if pattern.startswith("C", i + 1):
            return True
        i += 2
    return False


def _literal_alternatives(pattern: str) -> frozenset[str] | None:
    """The strings that the pattern matches, if it is nothing but literals with `|` between them."""
    alternatives = pattern.split("|")
    return None if any(c in _META for part in alternatives for c in part) else frozenset(alternatives)
