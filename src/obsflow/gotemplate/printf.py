"""Values as Go's fmt package prints them: `%v` and its kin."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from obsflow.gotemplate.values import Kind, encode, go_type, sorted_items
from obsflow.model.floats import render_float_g
from obsflow.model.labels import quote

_MAX_WIDTH = 1_000_000
_MAX_DEPTH = 50

_FLAGS = re.compile(r"[#+\- 0]*")
_INDEX = re.compile(r"\[[^\]]*\]?")
_DIGITS = re.compile(r"\d+", re.ASCII)


@attrs.frozen
class Directive:
    """One `%` directive: its flags, width, precision and verb."""

    verb: str
    flags: frozenset[str] = frozenset()
    width: int | None = None
    precision: int | None = None

    def pad(self, text: str) -> str:
        """The text at its width."""
        width = self.width
        if width is None or len(text) >= width:
            return text
        if "-" in self.flags:
            return text.ljust(width)
        return text.rjust(width, "0" if "0" in self.flags else " ")


_PLAIN = Directive("v")


def render(value: object) -> str:
    """What `{{value}}` writes out."""
    if type(value) is str:
        return value
    return "<no value>" if value is None else format_value(value, _PLAIN)


def sprint(*values: object) -> str:
    """The values side by side, with a space between two of which neither is a string."""
    out: list[str] = []
    after_string = True
    for value in values:
        is_string = isinstance(value, str)
        if out and not is_string and not after_string:
            out.append(" ")
        out.append(format_value(value, _PLAIN))
        after_string = is_string
    return "".join(out)


def sprintln(*values: object) -> str:
    """The values with spaces between, and a newline."""
    return " ".join(format_value(value, _PLAIN) for value in values) + "\n"


def sprintf(format_: str, *values: object) -> str:
    """The values as a format says. Mistakes are written into the text, as Go does: `%!d(string=hi)`."""
    if format_.find("%") < 0 and not values:
        return format_
    return "".join(_Printer(format_, values).run())


class _Printer:
    """The state of one `sprintf`: where it is in the format and in the arguments."""

    def __init__(self, format_: str, values: tuple[object, ...]) -> None:
        self._format = format_
        self._values = values
        self._pos = 0
        self._next = 0
        self._reordered = False
        self._good_index = True

    def run(self) -> Iterator[str]:
        end = len(self._format)
        reordered = False
        while True:
            start = self._format.find("%", self._pos)
            if start < 0:
                yield self._format[self._pos :]
                break
            yield self._format[self._pos : start]
            self._pos = start + 1
            self._reordered, self._good_index = False, True
            yield self._directive() if self._pos < end else "%!(NOVERB)"
            reordered = reordered or self._reordered
            self._reordered = reordered
        if not self._reordered and self._next < len(self._values):
            extra = ", ".join(_extra(value) for value in self._values[self._next :])
            yield f"%!(EXTRA {extra})"

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._format, self._pos)
        if match is None:
            return ""
        self._pos = match.end()
        return match[0]

    def _directive(self) -> str:
        flags = frozenset(self._match(_FLAGS))
        if "-" in flags:
            flags -= {"0"}
        problems: list[str] = []
        self._index()
        width = self._number(problems, "%!(BADWIDTH)")
        if width is not None and width < 0:
            flags, width = (flags | {"-"}) - {"0"}, -width
        precision = None
        if self._format.startswith(".", self._pos):
            self._pos += 1
            self._index()
            precision = self._number(problems, "%!(BADPREC)", 0)
            if precision is not None and precision < 0:
                precision = None
                problems.append("%!(BADPREC)")
        self._index()
        if self._pos >= len(self._format):
            return "".join((*problems, "%!(NOVERB)"))
        verb = self._format[self._pos]
        self._pos += 1
        return "".join((*problems, self._argument(Directive(verb, flags, width, precision))))

    def _argument(self, directive: Directive) -> str:
        verb = directive.verb
        if verb == "%":
            return "%"
        if not self._good_index:
            return f"%!{verb}(BADINDEX)"
        if self._next >= len(self._values):
            return f"%!{verb}(MISSING)"
        value = self._values[self._next]
        self._next += 1
        return format_value(value, directive)

    def _index(self) -> None:
        """`[n]`: go on with the argument of that number."""
        if not self._format.startswith("[", self._pos):
            return
        self._reordered = True
        text = self._match(_INDEX)[1:-1]
        number = int(text) if _DIGITS.fullmatch(text) and len(text) < 8 else 0
        if 1 <= number <= len(self._values):
            self._next = number - 1
        else:
            self._good_index = False

    def _number(self, problems: list[str], problem: str, default: int | None = None) -> int | None:
        """A width or precision: digits, or `*` for the value of an argument."""
        if not self._format.startswith("*", self._pos):
            text = self._match(_DIGITS)
            if len(text) > 7 or int(text or 0) > _MAX_WIDTH:
                problems.append(problem)
                return None
            return int(text) if text else default
        self._pos += 1
        value = self._values[self._next] if self._next < len(self._values) else None
        self._next += 1
        if type(value) is int and abs(value) <= _MAX_WIDTH:
            return value
        problems.append(problem)
        return None


def format_value(value: object, directive: Directive, depth: int = 0) -> str:
    """A value under one directive."""
    verb = directive.verb
    known = go_type(value)
    if verb == "T":
        return directive.pad(known.name if value is not None else "<nil>")
    if value is None:
        if depth:
            return "interface {}(nil)" if verb == "v" and "#" in directive.flags else "<nil>"
        return directive.pad("<nil>") if verb == "v" else f"%!{verb}(<nil>)"
    if known.string_method is not None and verb in "vsxXq" and not (verb == "v" and "#" in directive.flags):
        return _format_string(known.string_method(value), directive) or ""
    if depth > _MAX_DEPTH:
        return "..."
    if known.kind in _COMPOSITES:
        return _COMPOSITES[known.kind](value, directive, depth)
    scalar = _SCALARS[known.kind]
    text = scalar(value, _plain_numbers(directive) if verb == "v" else directive)
    if text is None:
        return f"%!{verb}({known.name}={scalar(value, attrs.evolve(directive, verb='v')) or ''})"
    return text


def _plain_numbers(directive: Directive) -> Directive:
    """With `%+v` the sign names fields, and numbers go without."""
    return attrs.evolve(directive, flags=directive.flags - {"+"}) if "+" in directive.flags else directive


def _extra(value: object) -> str:
    """An argument that no directive took."""
    return "<nil>" if value is None else f"{go_type(value).name}={format_value(value, _PLAIN)}"


def _format_bool(value: Any, directive: Directive) -> str | None:
    if directive.verb not in "vt":
        return None
    return directive.pad("true" if value else "false")


_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "o": "0", "O": "0o", "x": "0x", "X": "0X"}


def _format_int(value: Any, directive: Directive) -> str | None:
    verb, flags = directive.verb, directive.flags
    if verb in ("c", "q"):
        char = chr(value) if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else "\ufffd"
        unpadded = attrs.evolve(directive, flags=flags - {"0"})
        return unpadded.pad(char if verb == "c" else "'" + quote_char(char) + "'")
    if verb == "U":
        shown = f" '{chr(value)}'" if "#" in flags and 0 <= value < 0x110000 and chr(value).isprintable() else ""
        digits = format(value if value >= 0 else value + (1 << 64), "X").rjust(max(4, directive.precision or 0), "0")
        return attrs.evolve(directive, flags=flags - {"0"}).pad(f"U+{digits}{shown}")
    if verb not in _BASES:
        return None
    sign = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
    digits = format(abs(value), _BASES[verb])
    if directive.precision is not None:
        digits = digits.rjust(directive.precision, "0") if value or directive.precision else ""
    elif "0" in flags and directive.width is not None:
        digits = digits.rjust(directive.width - len(sign), "0")
    prefix = _PREFIXES.get(verb, "") if "#" in flags or verb == "O" else ""
    if verb == "o" and digits.startswith("0"):
        prefix = ""
    return attrs.evolve(directive, flags=flags - {"0"}).pad(sign + prefix + digits)


def quote_char(char: str) -> str:
    """The inside of Go's quoted character."""
    return {"'": "\\'", '"': '"'}.get(char) or quote(char)[1:-1]


def _format_float(value: Any, directive: Directive) -> str | None:
    verb, flags = directive.verb, directive.flags
    if verb not in "veEfFgGxX":
        return None
    value = float(value)
    text = _float_digits(abs(value), verb, directive.precision)
    sign = "-" if format(value, "f").startswith("-") else "+" if "+" in flags else " " if " " in flags else ""
    if not math.isfinite(value):
        sign = sign or ("" if math.isnan(value) else "+")
        return attrs.evolve(directive, flags=flags - {"0"}).pad(sign + text.lstrip("+"))
    if "0" in flags and directive.width is not None:
        text = text.rjust(directive.width - len(sign), "0")
    return directive.pad(sign + text)


def _float_digits(value: float, verb: str, precision: int | None) -> str:
    """A number that is not negative."""
    if not math.isfinite(value):
        return render_float_g(value)
    if verb in "vgG":
        text = render_float_g(value) if precision is None else format(value, f".{precision}g")
        return text.upper() if verb == "G" else text
    if verb in "xX":
        return _hexadecimal(value, verb)
    return format(value, f".{6 if precision is None else precision}{verb}")


def _hexadecimal(value: float, verb: str) -> str:
    mantissa, _, exponent = value.hex().partition("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    text = f"{mantissa}p{exponent[0]}{exponent[1:].rjust(2, '0')}"
    return text.upper() if verb == "X" else text


def _format_string(value: Any, directive: Directive) -> str | None:
    verb, flags = directive.verb, directive.flags
    if verb in "xX":
        data = encode(value)[: directive.precision]
        text = data.hex(" ") if " " in flags else data.hex()
        prefixed = "0x" + text if "#" in flags and text else text
        return directive.pad(prefixed.upper() if verb == "X" else prefixed)
    if verb not in "vsq":
        return None
    text = value if directive.precision is None else value[: directive.precision]
    if verb == "q" or "#" in flags:
        raw = "#" in flags and verb == "q" and "`" not in text and all(c.isprintable() or c == "\t" for c in text)
        text = f"`{text}`" if raw else quote(text)
    return directive.pad(str(text))


def _format_func(_value: Any, directive: Directive) -> str | None:
    return None if directive.verb != "v" else "0x0"


def _format_list(value: Any, directive: Directive, depth: int) -> str:
    inner = [format_value(element, directive, depth + 1) for element in value]
    if directive.verb == "v" and "#" in directive.flags:
        return f"{go_type(value).name}{{{', '.join(inner)}}}"
    return f"[{' '.join(inner)}]"


def _format_map(value: Any, directive: Directive, depth: int) -> str:
    inner = [
        f"{format_value(key, directive, depth + 1)}:{format_value(element, directive, depth + 1)}"
        for key, element in sorted_items(value)
    ]
    if directive.verb == "v" and "#" in directive.flags:
        return f"{go_type(value).name}{{{', '.join(inner)}}}"
    return f"map[{' '.join(inner)}]"


def _format_struct(value: Any, directive: Directive, depth: int) -> str:
    known = go_type(value)
    named = directive.verb == "v" and directive.flags & {"+", "#"}
    inner = [
        (f"{name}:" if named else "") + format_value(getattr(value, attribute), directive, depth + 1)
        for name, attribute in known.fields.items()
    ]
    if directive.verb == "v" and "#" in directive.flags:
        return f"{known.name}{{{', '.join(inner)}}}"
    return f"{{{' '.join(inner)}}}"


_SCALARS: dict[Kind, Callable[[Any, Directive], str | None]] = {
    Kind.BOOL: _format_bool,
    Kind.INT: _format_int,
    Kind.FLOAT: _format_float,
    Kind.STRING: _format_string,
    Kind.FUNC: _format_func,
}
_COMPOSITES: dict[Kind, Callable[[Any, Directive, int], str]] = {
    Kind.LIST: _format_list,
    Kind.MAP: _format_map,
    Kind.STRUCT: _format_struct,
}
