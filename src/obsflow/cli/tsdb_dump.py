"""`obsflow tsdb dump`: the samples of a data directory as text."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.adapters.data_directory import open_database
from obsflow.errors import QuerySyntaxError
from obsflow.model.floats import is_stale, render_float_g
from obsflow.model.labels import METRIC_NAME, Labels, is_label_name, is_metric_name, quote
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Selection
from obsflow.promql import PROMETHEUS
from obsflow.promql.ast import VectorSelector
from obsflow.promql.parser import parse_syntax
from obsflow.tsdb.database import Database

_BATCH_RUNS = 1 << 12
_FIRST, _LAST = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@attrs.define(eq=False)
class _LeftOut:
    """What a format has no word for."""

    stale_markers: int = 0
    series: int = 0

    def __iter__(self) -> Iterator[str]:
        if self.stale_markers:
            yield f"{self.stale_markers} stale markers are left out: OpenMetrics has no word for them"
        if self.series:
            yield f"{self.series} series are left out: OpenMetrics cannot name them"


@attrs.frozen
class _Format:
    """How a series is written, and what comes last; `by_name` keeps the series of a metric together."""

    render: Callable[[Labels, Times, Values, _LeftOut], str]
    end: str = ""
    by_name: bool = False


def run(options: argparse.Namespace) -> int:
    """Print all samples, or those that are asked for; returns 1 where some could not be read."""
    matcher_sets = [_parse_selector(text) for text in options.match] or [()]
    database = open_database(options.data)
    start = _FIRST if options.start is None else options.start
    end = _LAST if options.end is None else options.end
    style = FORMATS[options.format]
    selection = _select(database, matcher_sets, start, end)
    left_out = _LeftOut()
    out = sys.stdout.buffer
    n_bad = _write(selection, (start, end), style, left_out, out)
    out.write(style.end.encode())
    out.flush()
    for note in (*database.problems, *database.skipped, *left_out):
        print(f"warning: {note}", file=sys.stderr)
    if n_bad:
        print(f"warning: {n_bad} chunks end within a sample", file=sys.stderr)
    return int(bool(database.problems or database.skipped or n_bad))


def _parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of a selector, which may be such that all series pass."""
    expr = parse_syntax(text, PROMETHEUS)
    if not isinstance(expr, VectorSelector) or expr.offset or expr.at is not None:
        raise QuerySyntaxError("expected a series selector and nothing else", text, (0, len(text)))
    return expr.matchers


def _select(database: Database, matcher_sets: Sequence[tuple[Matcher, ...]], start: int, end: int) -> Selection:
    """The series that pass any of the sets, each once, in the order of their labels."""
    first, *more = [database.select(matchers, start, end) for matchers in matcher_sets]
    for other in more:
        first = first.concat(other)
    if more:
        _, leading = first.labels.group()
        first = first.take(leading)
    return first if first.labels.is_sorted else first.take(first.labels.sort_order)


def _write(selection: Selection, span: tuple[int, int], style: _Format, left_out: _LeftOut, out: BinaryIO) -> int:
    """Write all series; returns how many chunks were damaged. Some are decoded at a time."""
    order = np.arange(len(selection))
    if style.by_name:
        names = selection.labels.decode()
        order = np.array(sorted(order.tolist(), key=lambda row: (names[row].name, names[row].pairs)), np.int64)
    ends = np.cumsum(np.diff(selection.runs.offsets)[order])
    first, n_bad = 0, 0
    while first < len(order):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _BATCH_RUNS, "right")))
        part = selection.take(order[first:last])
        times, values, offsets, bad = native.decode_runs(part.runs, *span)
        n_bad += int(np.count_nonzero(bad))
        inside = (times >= span[0]) & (times <= span[1])
        for row, labels in enumerate(part.labels.decode()):
            own = slice(offsets[row], offsets[row + 1])
            kept = inside[own]
            text = style.render(labels, times[own][kept], values[own][kept], left_out) if kept.any() else ""
            out.write(text.encode("utf-8", "surrogateescape"))
        first = last
    return n_bad


def _render_values(values: Values) -> list[str]:
    """Each value as Go's `%g` prints it; one that comes often is rendered once."""
    bits, at = np.unique(values.view(np.uint64), return_inverse=True)
    texts = [render_float_g(value) for value in bits.view(np.float64).tolist()]
    return [texts[i] for i in at.tolist()]


def _render_promtool(labels: Labels, times: Times, values: Values, _: _LeftOut) -> str:
    pairs = (f"{name if is_label_name(name) else quote(name)}={quote(value)}" for name, value in labels.pairs)
    prefix = "{" + ", ".join(pairs) + "} "
    return "".join(
        [f"{prefix}{value} {time}\n" for value, time in zip(_render_values(values), times.tolist(), strict=True)]
    )


def _render_json(labels: Labels, times: Times, values: Values, _: _LeftOut) -> str:
    stale = is_stale(values)
    numbers: list[float | str] = values.tolist()
    for at in np.flatnonzero(~np.isfinite(values)).tolist():
        numbers[at] = "stale" if stale[at] else render_float_g(float(values[at]))
    record = {"metric": {name: _printable(value) for name, value in labels.pairs}, "timestamps": times.tolist()}
    return json.dumps({**record, "values": numbers}, ensure_ascii=False) + "\n"


def _printable(text: str) -> str:
    """A text that is UTF-8: bytes that were not are replaced, as encoders of JSON do."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


# -- OpenMetrics


def _render_openmetrics(labels: Labels, times: Times, values: Values, left_out: _LeftOut) -> str:
    try:
        prefix = _series_name(labels)
    except ValueError:
        left_out.series += 1
        return ""
    kept = ~is_stale(values)
    left_out.stale_markers += len(kept) - int(kept.sum())
    samples = zip(_render_values(values[kept]), times[kept].tolist(), strict=True)
    return "".join([f"{prefix} {value} {render_seconds(time)}\n" for value, time in samples])


def _series_name(labels: Labels) -> str:
    """A series as OpenMetrics writes it. Raises ValueError for what has no name, or is not UTF-8."""
    name = labels.name
    if not name:
        raise ValueError("series has no name")
    pairs = [
        f"{label if is_label_name(label) else _quote(label)}={_quote(value)}"
        for label, value in labels.pairs
        if label != METRIC_NAME
    ]
    is_classic = is_metric_name(name)
    inner = ",".join(pairs if is_classic else [_quote(name), *pairs])
    text = (name if is_classic else "") + (f"{{{inner}}}" if inner else "")
    text.encode()
    return text


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_HAIRS = ("", "0001", "001", "01", "1", "5")
"""Digits behind the third, until a parser that multiplies by 1000 and cuts off finds the same millisecond."""


def render_seconds(time: int) -> str:
    """A time (ms) in seconds, such that Prometheus reads it back as the same.

    It takes the float times 1000 and cuts off, so that one in 170 times with three decimals comes out a millisecond
    early; those get a digit more.
    """
    sign = "-" if time < 0 else ""
    text = f"{sign}{abs(time) // 1000}.{abs(time) % 1000:03d}"
    return next((text + hair for hair in _HAIRS if int(float(text + hair) * 1000) == time), text)


FORMATS = {
    "promtool": _Format(_render_promtool),
    "openmetrics": _Format(_render_openmetrics, "# EOF\n", by_name=True),
    "json": _Format(_render_json),
}
