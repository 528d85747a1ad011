"""Exposition text, read by regular expressions: the token that a state allows, and the next state."""

import contextlib
import math
import re
from decimal import Decimal

NAN = "nan"
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:inf|infinity)|(?i:nan)")
_NAME, _LABEL = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*"), re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_BLANKS = re.compile(rb"[ \t]*")
_QUOTED = re.compile(rb'"(?:\\[^\n]|[^\\"])*"', re.DOTALL)
_PLAIN_TYPES = {b"counter": 1, b"gauge": 2, b"histogram": 3, b"summary": 5, b"untyped": 0}
_OPEN_TYPES = {
    b"counter": 1, b"gauge": 2, b"histogram": 3, b"gaugehistogram": 4, b"summary": 5, b"info": 6, b"stateset": 7,
    b"unknown": 0,
}  # fmt: skip


class RefusedError(Exception):
    """The body is not one of its format."""


def number(text):
    """A float as Go reads it; NAN for what is none. Too large a number is refused."""
    if not _NUMBER.fullmatch(text):
        raise RefusedError(f"{text!r} is not a number")
    value = float(text)
    if math.isinf(value) and b"i" not in text.lower():
        raise RefusedError(f"{text!r} is too large")
    return NAN if math.isnan(value) else value


def rendered(value):
    """A bound as OpenMetrics writes it, from the shortest digits that Python finds."""
    if value == NAN:
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits, point = "".join(map(str, digits)), len(digits) + exponent - 1
    if point < -4 or point >= 6:
        text = digits[0] + ("." + digits[1:] if digits[1:] else "") + f"e{'-' if point < 0 else '+'}{abs(point):02d}"
    elif point < 0:
        text = "0." + "0" * (-point - 1) + digits
    else:
        digits = digits.ljust(point + 1, "0")
        text = digits[: point + 1] + "." + (digits[point + 1 :] or "0")
    return "-" * sign + text


def unescaped(text, quotes=True):
    """`\\\\`, `\\n` and, where they may be escaped, `\\"`; every other backslash stands for itself."""
    known = rb'\\([\\n"])' if quotes else rb"\\([\\n])"
    return utf8(re.sub(known, lambda m: b"\n" if m[1] == b"n" else m[1], text))


def utf8(text):
    """The text, which must be UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8") from error


class Reader:
    """Where a body is read."""

    def __init__(self, body, is_open):
        self.body, self.is_open, self.at = body, is_open, 0
        self.type, self.family = None, -1
        self.samples, self.metadata = [], []

    def match(self, pattern):
        """What the pattern matches here, which is then behind; None if it does not."""
        found = (
            re.compile(pattern, re.DOTALL).match(self.body, self.at)
            if isinstance(pattern, bytes)
            else (pattern.match(self.body, self.at))
        )
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def need(self, pattern, what):
        """The same, but refused if it does not."""
        found = self.match(pattern)
        if found is None:
            raise RefusedError(f"{what} at {self.at}")
        return found

    def blanks(self):
        """Blanks, where the format has them."""
        if not self.is_open:
            self.match(_BLANKS)

    def quoted(self, lines, zeros):
        """The inside of a quoted string; None if there is none."""
        start, text = self.at, self.match(_QUOTED)
        if text is None or (not lines and b"\n" in text) or (not zeros and b"\0" in text):
            self.at = start
            return None
        return text[1:-1]

    def pairs(self, name, is_exemplar=False):
        """Name and pairs of labels, from behind `{`."""
        found = []
        while True:
            self.blanks()
            if self.match(b"}"):
                break
            label = self.match(_LABEL)
            if label is None:
                label = self.quoted(not is_exemplar, zeros=False)
                if label is None:
                    raise RefusedError(f"no label at {self.at}")
                utf8(label)
                self.blanks()
                after = self.body[self.at : self.at + 1]
                if after in {b",", b"}"} and not is_exemplar:
                    if name is not None:
                        raise RefusedError("two names")
                    name = label
                    self.match(b",")
                    continue
                if not label:
                    raise RefusedError("empty label name")
            self.blanks()
            self.need(b"=", "no =")
            self.blanks()
            value = self.quoted(not self.is_open, zeros=True)
            if value is None:
                raise RefusedError(f"no label value at {self.at}")
            found.append((label, value))
            utf8(value)
            self.blanks()
            if not self.match(b",") and self.is_open and self.body[self.at : self.at + 1] != b"}":
                raise RefusedError(f"no comma at {self.at}")
        return name, found

    def labels(self, name, pairs):
        """Sorted labels of a series or, without a name, an exemplar."""
        found = [] if name is None else [("__name__", unescaped(name))]
        for label, value in pairs:
            text = unescaped(value)
            if (self.type, label) in {(3, b"le"), (5, b"quantile")} and name is not None:
                with contextlib.suppress(RefusedError):
                    text = rendered(number(text.encode()))
            found.append((unescaped(label), text))
        if len({label for label, _ in found}) < len(found):
            raise RefusedError("a label twice")
        return tuple(sorted(pair for pair in found if pair[1]))

    def family_name(self):
        """The name that HELP, TYPE or UNIT is about."""
        name = self.match(_NAME)
        if name is None:
            name = self.quoted(True, zeros=False)
            if name is None:
                raise RefusedError("no family name")
        return name, unescaped(name)

    def put_metadata(self, word, name, raw, text):
        """One more row of metadata."""
        if word == b"TYPE":
            types = _OPEN_TYPES if self.is_open else _PLAIN_TYPES
            if text not in types:
                raise RefusedError("no type")
            self.type, self.family = types[text], len(self.metadata)
            text = types[text]
        elif word == b"HELP":
            text = unescaped(text, quotes=self.is_open)
        else:
            if text and not (raw.endswith(b"_" + text)):
                raise RefusedError("no unit")
            text = utf8(text)
        self.metadata.append((word.decode(), name, text))

    def series(self):
        """A name with its labels."""
        name = self.match(_NAME)
        back = self.at
        self.blanks()
        if self.match(rb"\{"):
            name, pairs = self.pairs(name)
        elif name is None:
            raise RefusedError(f"no series at {self.at}")
        else:
            self.at, pairs = back, []
        if name is None:
            raise RefusedError("no name")
        return self.labels(name, pairs)


def read_plain(body):
    """The samples (labels, value, time, exemplar, family) and metadata of a body in the text format 0.0.4."""
    r = Reader(body if body.endswith(b"\n") else body + b"\n", is_open=False)
    while True:
        r.blanks()
        if r.at == len(r.body):
            return r.samples, r.metadata
        if r.match(b"\n"):
            continue
        word = r.match(rb"#[ \t]+(HELP|TYPE)[ \t]+")
        if word is not None:
            raw, name = r.family_name()
            text = r.need(rb"[^\n]*", "no text")
            r.put_metadata(word.split()[1], name, raw, b"" if not text.strip(b" \t") else text[1:])
            r.need(b"\n", "no line end")
        elif r.match(rb"#[^\n]*\n") is None:
            labels = r.series()
            r.blanks()
            value = number(r.need(rb"[^{ \t\n]+", "no value"))
            r.blanks()
            digits = r.match(rb"[0-9]+")
            time = None if digits is None else int(digits)
            if time is not None and time >= 1 << 63:
                raise RefusedError("time too large")
            r.blanks()
            r.need(b"\n", "no line end")
            r.samples.append((labels, value, time, None, r.family))


def milliseconds(text):
    """A time in seconds as whole ms, towards zero, within 64 bits."""
    seconds = number(text)
    if seconds == NAN or math.isinf(seconds):
        raise RefusedError("no time")
    ms = seconds * 1000
    if math.isinf(ms):
        return (1 << 63) - 1 if ms > 0 else -(1 << 63)
    return max(-(1 << 63), min((1 << 63) - 1, int(ms)))


def read_open(body):
    """The same of a body in OpenMetrics 1.0."""
    r = Reader(body, is_open=True)
    while True:
        if r.match(rb"# EOF\n?"):
            if r.at < len(body):
                raise RefusedError("after EOF")
            return r.samples, r.metadata
        word = r.match(rb"# (HELP|TYPE|UNIT) ")
        if word is not None:
            raw, name = r.family_name()
            r.put_metadata(word.split()[1], name, raw, r.need(rb" [^\n]*\n", "no text")[1:-1])
            continue
        labels = r.series()
        value, exemplar = number(r.need(rb" [^ \n]+", "no value")[1:]), None
        time = None if r.body.startswith(b" # {", r.at) else r.match(rb" [^ \n]+")
        time = None if time is None else milliseconds(time[1:])
        if r.match(rb" # \{"):
            _, pairs = r.pairs(None, is_exemplar=True)
            of, seen = r.labels(None, pairs), number(r.need(rb" [^ \n]+", "no value")[1:])
            at = r.match(rb" [^ \n]+")
            exemplar = (of, seen, None if at is None else milliseconds(at[1:]))
        r.need(b"\n", "no line end")
        r.samples.append((labels, value, time, exemplar, r.family))


def read(body, is_open):
    """A body of either format, or RefusedError."""
    return read_open(body) if is_open else read_plain(body)
