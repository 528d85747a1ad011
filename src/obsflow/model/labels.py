"""Immutable label sets, and the orders and hashes that Prometheus and Alertmanager give them."""

import re
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Self

from obsflow.native import fnv1a64

METRIC_NAME = "__name__"
BUCKET_LABEL = "le"

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def is_label_name(name: str) -> bool:
    """Whether `name` is a label name of the classic form, `[a-zA-Z_][a-zA-Z0-9_]*`."""
    return _NAME.fullmatch(name) is not None


def is_metric_name(name: str) -> bool:
    """Whether `name` is a metric name of the classic form, `[a-zA-Z_:][a-zA-Z0-9_:]*`."""
    return _METRIC.fullmatch(name) is not None


def quote(text: str) -> str:
    """`text` as Go's `%q` prints it."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out = []
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif c.isprintable():
            out.append(c)
        elif c in _SHORT_ESCAPES:
            out.append(_SHORT_ESCAPES[c])
        elif ord(c) < 0x80:
            out.append(f"\\x{ord(c):02x}")
        elif 0xDC80 <= ord(c) <= 0xDCFF:  # a byte that was not UTF-8, as Python carries it
            out.append(f"\\x{ord(c) - 0xDC00:02x}")
        else:
            out.append(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}")
    return '"' + "".join(out) + '"'


_SHORT_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


_HASH_BITS = (1 << 30) - 1  # an int of one digit takes a third less, and tables of a billion label sets are not made


class Labels(Mapping[str, str]):
    """A set of `name=value` pairs: sorted by name, unique, without empty values, immutable and hashable.

    The order is that of Prometheus' `labels.Compare`: pair by pair, name before value, fewer pairs first.
    """

    __slots__ = ("_hash", "pairs")  # and no more: there are as many as there are alerts and series

    pairs: tuple[tuple[str, str], ...]

    def __init__(self, labels: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **more: str) -> None:
        merged = dict(labels.pairs if isinstance(labels, Labels) else labels, **more)
        self.pairs = tuple([(name, merged[name]) for name in sorted(merged) if merged[name]])
        self._hash: int | None = None

    @classmethod
    def from_sorted(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Labels from pairs that are known to be sorted, unique and, but for annotations, without empty values."""
        labels = cls.__new__(cls)
        labels.pairs = tuple(pairs)  # which of a tuple is the same
        labels._hash = None  # noqa: SLF001 - its own class
        return labels

    @classmethod
    def of_annotations(cls, annotations: Mapping[str, str]) -> Self:
        """A set of annotations, which unlike labels may have empty values."""
        return cls.from_sorted(sorted(annotations.items()))

    def __getitem__(self, name: str) -> str:
        for pair in self.pairs:
            if pair[0] == name:
                return pair[1]
        raise KeyError(name)

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """The value of `name`; a label that is absent is the empty string."""
        for pair in self.pairs:
            if pair[0] == name:
                return pair[1]
        return default

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self.pairs])

    def items(self) -> ItemsView[str, str]:
        """The pairs, in order."""
        return dict(self.pairs).items()

    def __len__(self) -> int:
        return len(self.pairs)

    def __contains__(self, name: object) -> bool:
        return any(pair[0] == name for pair in self.pairs)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.pairs) & _HASH_BITS
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (self.pairs == other.pairs if isinstance(other, Labels) else NotImplemented)

    def __lt__(self, other: "Labels") -> bool:
        return self.pairs < other.pairs

    @property
    def name(self) -> str:
        """The metric name, or the empty string."""
        return self.get(METRIC_NAME)

    def with_(self, labels: Mapping[str, str]) -> "Labels":
        """These labels overridden by `labels`; an empty value removes the label."""
        return Labels({**dict(self.pairs), **labels})

    def without(self, *names: str) -> "Labels":
        """These labels less those called `names`."""
        if not any(pair[0] in names for pair in self.pairs):
            return self
        return Labels.from_sorted([pair for pair in self.pairs if pair[0] not in names])

    def only(self, names: Iterable[str]) -> "Labels":
        """Of these labels those called `names`."""
        wanted = frozenset(names)
        return Labels.from_sorted([pair for pair in self.pairs if pair[0] in wanted])

    @property
    def fingerprint(self) -> int:
        """FNV-1a 64 over `name 0xff value 0xff` in order of names: Alertmanager's identity of an alert."""
        parts = [part for pair in self.pairs for part in pair]
        parts.append("")
        return fnv1a64("\udcff".join(parts).encode("utf-8", "surrogateescape"))  # which makes it the byte 0xff

    def __str__(self) -> str:
        inner = ", ".join(
            f"{name if is_label_name(name) else quote(name)}={quote(value)}"
            for name, value in self.pairs
            if name != METRIC_NAME
        )
        return f"{self.name}{{{inner}}}" if inner or not self.name else self.name

    def __repr__(self) -> str:
        return f"Labels({dict(self.pairs)!r})"


EMPTY = Labels()
