"""Bodies of exposition text at random: well-formed lines, odd ones, and bytes changed in either."""

NAMES = ["a", "b_total", "http:requests", "_x", "h_bucket", "h", "s", "le", "A9"]
LABELS = ["le", "quantile", "a", "b", "B", "__x", "_", "job"]
VALUES = [
    "",
    "x",
    "1",
    "0.10",
    "+Inf",
    "1e3",
    "100000000",
    "é",
    "a b",
    r"\n",
    r"\"",
    r"\\",
    r"\x",
    "}",
    "{",
    ",",
    "#",
    "0.30000000000000004",
]
NUMBERS = [
    *("1", "0", "-0", "17", "1.5", ".5", "5.", "1e3", "-1E-3", "+Inf", "-inf", "Infinity", "NaN", "nan", "1e-400"),
    *("0.1", "123456789012345678901234567890", "0.30000000000000004441", "9007199254740993", "1.7976931348623157e308"),
    *("+nan", "1e400", "0x1p3", "1_0", ".", "e5", "1e", "1e+", "infinit", "--1", "1.2.3", "", "1\r", "1\0", "1é"),
]
TIMES = [
    "0",
    "1700000000000",
    "1700000000.123",
    "-1",
    "0005",
    "99999999999999999999",
    "1e300",
    "NaN",
    "x",
    "1.5e3",
    "-0.0005",
]
TYPES = [
    *("counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram"),
    *("Counter", "", "gauge ", "nothing"),
]
PIECES = [
    *(
        b" ",
        b"\t",
        b"\n",
        b"{",
        b"}",
        b'"',
        b"=",
        b",",
        b"#",
        b"\\",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"\r",
        b"1",
        b"a",
        b"-",
    ),
    *(b"# HELP ", b"# TYPE ", b"# UNIT ", b"# EOF", b"# EOF\n", b" # {", b'a="b"', b'"q"', b'{"n"', b"  ", b"\\\n"),
]


class Writer:
    """Writes one body, with `random` to choose; `oddness` is how often something is not as it should be."""

    def __init__(self, random, is_open, oddness):
        self.random, self.is_open, self.oddness = random, is_open, oddness

    def odd(self):
        return self.random.random() < self.oddness

    def blank(self):
        if self.is_open:
            return " " if not self.odd() else self.random.choice(["", "  ", "\t"])
        return self.random.choice([" ", " ", " ", "  ", "\t", " \t"]) if not self.odd() else ""

    def gap(self):
        if self.is_open:
            return "" if not self.odd() else " "
        return self.random.choice(["", "", "", "", " ", "\t "])

    def number(self):
        return self.random.choice(NUMBERS if self.odd() else NUMBERS[:20])

    def time(self):
        times = TIMES if self.odd() else [t for t in TIMES[:4] if self.is_open or t.isdigit()]
        return self.random.choice(times)

    def name(self):
        return self.random.choice(NAMES)

    def pair(self, used):
        free = [label for label in LABELS if label not in used] or LABELS
        label = self.random.choice(LABELS if self.odd() else free)
        used.add(label)
        if self.random.random() < 0.1:
            label = self.random.choice(['"q r"', '"é"', r'"\n"', f'"{label}"', *(['""', '"\0"'] if self.odd() else [])])
        value = self.random.choice(VALUES) + (self.random.choice(VALUES) if self.odd() else "")
        if self.odd():
            value += self.random.choice(["\n", "\0", "\\"])
        return f'{self.gap()}{label}{self.gap()}={self.gap()}"{value}"{self.gap()}'

    def braces(self, extra=()):
        used = set()
        parts = [self.pair(used) for _ in range(self.random.randrange(4))]
        for part in extra:
            parts.insert(self.random.randrange(len(parts) + 1), part)
        between = "," if not self.odd() else self.random.choice(["", " ", ",,"])
        return "{" + between.join(parts) + ("," if parts and self.random.random() < 0.1 else self.gap()) + "}"

    def series(self):
        if self.random.random() < 0.15:
            return self.braces([self.gap() + self.random.choice(['"u v"', '"é"', r'"a\"b"', '"a"']) + self.gap()])
        name = self.name()
        if self.random.random() < 0.4:
            return name
        return name + self.gap() + self.braces(['"z"'] if self.odd() and self.odd() else ())

    def sample(self):
        line = self.series() + self.blank() + self.number()
        if self.random.random() < 0.3:
            line += self.blank() + self.time()
        if self.random.random() < 0.3 and (self.is_open or self.odd()):
            line += f" # {self.braces()}{self.blank()}{self.number()}"
            if self.random.random() < 0.5:
                line += self.blank() + self.time()
        return line + (self.gap() if not self.is_open or self.odd() else "")

    def metadata(self):
        name, text = self.name(), self.random.choice(VALUES)
        word = self.random.choice(["HELP", "TYPE", "TYPE", "UNIT"] if self.is_open or self.odd() else ["HELP", "TYPE"])
        if self.random.random() < 0.15:
            name = self.random.choice(['"u v"', r'"a\"b_s"', '"é"'])
        if word == "TYPE":
            allowed = TYPES[:4] + (TYPES[5:9] if self.is_open else TYPES[4:5])
            text = self.random.choice(TYPES if self.odd() else allowed)
        elif word == "UNIT":
            name, text = self.random.choice(
                [
                    ("a_s", "s"),
                    ("x_bytes_seconds", "bytes_seconds"),
                    ("a", ""),
                    ("as", "s") if self.odd() else ("_s", "s"),
                ]
            )
        return f"#{self.blank()}{word}{self.blank()}{name}{self.blank()}{text}"

    def line(self):
        kind = self.random.random()
        if kind < 0.3:
            return self.metadata()
        if kind < 0.4 and (not self.is_open or self.odd()):
            return self.random.choice(["", "# a comment", "#", "#HELP", "# HELPING", "# ", " "])
        return self.sample()

    def body(self):
        text = "".join(self.line() + "\n" for _ in range(self.random.randrange(8)))
        end = "# EOF" + self.random.choice(["", "\n"])
        if self.is_open:
            text += end if not self.odd() else self.random.choice(["", "\n" + end, end + "\n", "# EOF x"])
        elif self.random.random() < 0.2:
            text = text.removesuffix("\n")
        return text.encode()


def mutated(random, body):
    """The body with a few of its bytes changed, taken out or put in."""
    out = bytearray(body)
    for _ in range(random.randrange(4)):
        at = random.randrange(len(out) + 1)
        choice = random.randrange(4)
        if choice == 0:
            out[at:at] = random.choice(PIECES)
        elif choice == 1:
            del out[at : at + random.randrange(1, 4)]
        elif choice == 2:
            out[at : at + 1] = random.choice(PIECES)
        else:
            start = random.randrange(len(out) + 1)
            out[at:at] = out[start : start + random.randrange(12)]
    return bytes(out)


def body(random, is_open):
    """A body, mostly one of the format."""
    made = Writer(random, is_open, random.choice([0, 0, 0.03, 0.1])).body()
    return mutated(random, made) if random.random() < 0.4 else made
