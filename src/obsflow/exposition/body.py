"""A body of exposition text: columns, and Python objects for who wants them."""

import enum
import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import Final, Self

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import ExpositionSyntaxError
from obsflow.model.labels import Labels

IntArray = npt.NDArray[np.int64]


class TextFormat(enum.Enum):
    """A format of exposition text."""

    PLAIN = native.TEXT_PLAIN  # text/plain; version=0.0.4
    OPENMETRICS = native.TEXT_OPENMETRICS  # application/openmetrics-text; version=1.0.0


class MetricType(enum.Enum):
    """The type of a family, numbered as in the write-ahead log."""

    UNKNOWN = 0
    COUNTER = 1
    GAUGE = 2
    HISTOGRAM = 3
    GAUGE_HISTOGRAM = 4
    SUMMARY = 5
    INFO = 6
    STATESET = 7


@attrs.frozen
class Exemplar:
    """One observation that went into a sample. `time` is in ms, None where the sample's own counts."""

    labels: Labels
    value: float
    time: int | None


@attrs.frozen
class Sample:
    """One line. `time` is in ms, None where that of the scrape counts."""

    labels: Labels
    value: float
    time: int | None
    exemplar: Exemplar | None


@attrs.frozen
class Family:
    """What TYPE, HELP and UNIT say of a name: the last of each, and None where there is none."""

    name: str
    type: MetricType | None = None
    help: str | None = None
    unit: str | None = None


_EXPECTED: Final = {
    "NO_START": "expected a metric name, `{` or `#`",
    "NO_FAMILY": "expected a metric name after HELP, TYPE or UNIT",
    "NO_TEXT": "expected a space and a text after the name",
    "BAD_TYPE": "expected a metric type that the format has",
    "BAD_UNIT": "expected a unit that the metric name ends with, after `_`",
    "BAD_UTF8": "expected valid UTF-8",
    "NO_LABEL": "expected a label name, a quoted name or `}`",
    "EMPTY_LABEL": "expected a label name that is not empty",
    "NO_EQUALS": "expected `=` after the label name",
    "NO_QUOTED": "expected a quoted label value",
    "NO_COMMA": "expected `,` or `}` after the label value",
    "TWO_NAMES": "expected one metric name, not a second",
    "NO_NAME": "expected a metric name within the braces",
    "SAME_LABEL": "expected each label once",
    "BAD_VALUE": "expected a number",
    "LARGE_VALUE": "expected a number that a 64-bit float can hold",
    "BAD_TIME": "expected a time or the end of the line",
    "LARGE_TIME": "expected a time that 64 bits can hold",
    "NO_LINE_END": "expected the end of the line",
    "NO_COMMENT": "expected `# HELP`, `# TYPE`, `# UNIT` or `# EOF`",
    "NO_EOF": "expected `# EOF` at the end",
    "AFTER_EOF": "expected nothing after `# EOF`",
    "TOO_LONG": "expected a line of less than 2 GiB",
}
_SHOWN: Final = 120  # characters before and after the place of an error


@attrs.frozen(eq=False)
class Exposition:
    """A body that was read.

    `columns.samples` has a row for each sample, in order. Of the rows at `new`, the key is not in the cache, and its
    labels are known already; `labels_of` works out those of any row.
    """

    body: bytes
    text_format: TextFormat
    columns: native.TextColumns
    new: IntArray  # [new] rows
    _new_labels: native.TextLabels
    _exemplar_labels: native.TextLabels

    def __len__(self) -> int:
        return len(self.columns.samples.values)

    def new_labels(self) -> list[Labels]:
        """The labels of the rows at `new`."""
        return _to_labels(self._new_labels)

    def labels_of(self, rows: IntArray) -> list[Labels]:
        """The labels of these rows."""
        samples = self.columns.samples
        return _to_labels(
            labels_of_keys(self.body, samples.key_starts[rows], samples.key_lengths[rows], samples.kinds[rows])
        )

    def samples(self) -> Iterator[Sample]:
        """The samples as objects."""
        samples, exemplars = self.columns.samples, self._exemplar_objects
        columns = (samples.values, samples.times, samples.has_time, samples.exemplars)
        labels = self.labels_of(np.arange(len(self)))
        for of, value, time, has_time, at in zip(labels, *(each.tolist() for each in columns), strict=True):
            yield Sample(of, value, time if has_time else None, exemplars[at] if at >= 0 else None)

    @cached_property
    def _exemplar_objects(self) -> list[Exemplar]:
        rows = self.columns.exemplars
        columns = (rows.values, rows.times, rows.has_time)
        return [
            Exemplar(labels, value, time if has_time else None)
            for labels, value, time, has_time in zip(
                _to_labels(self._exemplar_labels), *(each.tolist() for each in columns), strict=True
            )
        ]

    def exemplars(self) -> list[Exemplar]:
        """The exemplars, by the rows that `columns.samples.exemplars` names."""
        return list(self._exemplar_objects)

    def metadata(self) -> dict[str, Family]:
        """What is said of families, by name, in the order in which they are first named."""
        families: dict[str, Family] = {}
        rows, is_open = self.columns.metadata, self.text_format is TextFormat.OPENMETRICS
        for row, (word, metric_type) in enumerate(zip(rows.words.tolist(), rows.types.tolist(), strict=True)):
            name = _unescape(self._text(rows.name_starts[row], rows.name_lengths[row]), quotes=True)
            text = self._text(rows.text_starts[row], rows.text_lengths[row])
            family = families.get(name) or Family(name)
            if word == native.TEXT_TYPE:
                family = attrs.evolve(family, type=MetricType(metric_type))
            elif word == native.TEXT_HELP:
                family = attrs.evolve(family, help=_unescape(text, quotes=is_open))
            else:
                family = attrs.evolve(family, unit=text)
            families[name] = family
        return families

    def with_series(self, rows: IntArray, entries: npt.NDArray[np.int32], references: IntArray) -> Self:
        """The same with `entries` and `references` of the cache for these rows, among which are all that were new."""
        samples = self.columns.samples
        all_entries, all_references = samples.entries.copy(), samples.references.copy()
        all_entries[rows], all_references[rows] = entries, references
        samples = attrs.evolve(samples, entries=all_entries, references=all_references)
        nothing = labels_of_keys(self.body, samples.key_starts[:0], samples.key_lengths[:0], samples.kinds[:0])
        columns = attrs.evolve(self.columns, samples=samples)
        return attrs.evolve(self, columns=columns, new=self.new[:0], new_labels=nothing)

    def first(self, n: int) -> Self:
        """The first `n` samples, and nothing of which the labels are known already."""
        samples = self.columns.samples
        part = attrs.evolve(
            samples, **{each.name: getattr(samples, each.name)[:n] for each in attrs.fields(type(samples))}
        )
        return attrs.evolve(self, columns=attrs.evolve(self.columns, samples=part), new=self.new[:0])

    def _text(self, start: int, length: int) -> str:
        return self.body[start : start + length].decode()


def labels_of_keys(
    body: bytes, starts: IntArray, lengths: npt.NDArray[np.int32], kinds: npt.NDArray[np.uint8]
) -> native.TextLabels:
    """The labels of keys, which are ranges of the body. Raises ExpositionSyntaxError for one that has a label twice."""
    labels = native.text_labels(body, starts, lengths, kinds)
    if isinstance(labels, native.TextFault):
        raise to_error(body, labels)
    return labels


def _to_labels(labels: native.TextLabels) -> list[Labels]:
    columns = (labels.name_starts, labels.name_lengths, labels.value_starts, labels.value_lengths)
    ranges = zip(*(column.tolist() for column in columns), strict=True)
    text = labels.text
    if text.isascii():
        letters = text.decode("ascii")
        pairs = [(letters[n : n + n_length], letters[v : v + v_length]) for n, n_length, v, v_length in ranges]
    else:
        pairs = [
            (text[n : n + n_length].decode(), text[v : v + v_length].decode()) for n, n_length, v, v_length in ranges
        ]
    offsets = labels.offsets.tolist()
    return [Labels.from_sorted(pairs[a:b]) for a, b in itertools.pairwise(offsets)]


def _unescape(text: str, *, quotes: bool) -> str:
    if "\\" not in text:
        return text
    escapes = {"\\": "\\", "n": "\n", **({'"': '"'} if quotes else {})}
    parts: list[str] = []
    at = 0
    while (found := text.find("\\", at)) >= 0:
        following = text[found + 1 : found + 2]
        parts += (text[at:found], escapes.get(following, "\\"))
        at = found + (2 if following in escapes else 1)
    return "".join([*parts, text[at:]])


def to_error(body: bytes, fault: native.TextFault) -> ExpositionSyntaxError:
    """The error of a fault, with the part of the line around it."""
    start = body.rfind(b"\n", 0, fault.offset) + 1
    end = body.find(b"\n", fault.offset)
    before = body[start : fault.offset].decode(errors="replace")
    after = body[fault.offset : end if end >= 0 else len(body)].decode(errors="replace")
    source = before[-_SHOWN:] + after[:_SHOWN]
    at = min(len(before), _SHOWN)
    line = body.count(b"\n", 0, start) + 1
    return ExpositionSyntaxError(_EXPECTED[fault.error], source, (at, at + 1), line, len(before) + 1)
