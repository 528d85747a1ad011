"""Drawings over the time axis of a page: graphs, lanes of states, marks of notifications, and bars."""

import collections
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from obsflow.flow.report.axes import LEFT, RIGHT, WIDTH, TimeAxis, ValueAxis
from obsflow.flow.report.curves import Graph, path
from obsflow.flow.report.figures import plural, render_moment, render_number, render_span, shorten
from obsflow.flow.report.markup import Markup, element, join
from obsflow.model.durations import DAY_MS

MAX_STRETCHES: Final = 120
"""A lane with more of one kind draws them as one shape."""
LANE: Final = 16
GRAPH: Final = 132.0
_CHAR: Final = 6.6
_LETTER_FROM: Final = 14.0
_LEAST_WIDTH: Final = 1.6
_ANGLE: Final = 4.5
_BAR: Final = 4


@attrs.frozen
class Stretch:
    """Something lasted from `start` to `end` (ms).

    `kind` decides what it looks like, `title` tells of it, and `text` stands in it if there is room.
    """

    kind: str
    start: int
    end: int
    title: str
    text: str = ""


@attrs.frozen
class Mark:
    """Something happened at `time` (ms)."""

    kind: str
    time: int
    title: str


@attrs.frozen
class Lane:
    """A row under a graph; `curve` is the number of the curve that it belongs to."""

    label: str
    title: str
    stretches: Sequence[Stretch] = ()
    marks: Sequence[Mark] = ()
    curve: int | None = None


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def draw(
    axis: TimeAxis,
    lanes: Sequence[Lane],
    *,
    title: str,
    description: str,
    graph: Graph | None = None,
    faults: Iterable[Stretch] = (),
) -> Markup:
    """A drawing: the graph if there is one, the lanes, the axis of time; faults are shaded behind all of it."""
    top = GRAPH if graph is not None and graph.curves else 4.0
    bottom = top + LANE * len(lanes) + 4
    height = bottom + 16
    parts = [element("title", title), element("desc", description), _times(axis, bottom), _shades(axis, faults, bottom)]
    data: dict[str, object] = {"data_t0": axis.start, "data_t1": axis.end}
    if graph is not None and graph.curves:
        values = ValueAxis.around(graph.values(), 8.0, GRAPH - 10)
        parts.append(_graph(graph, axis, values))
        data |= {"data_v0": values.low, "data_v1": values.high, "data_bottom": number(values.bottom)}
    parts += [_lane(axis, lane, top + LANE * i + 4) for i, lane in enumerate(lanes)]
    drawing = element(
        "svg",
        parts,
        role="img",
        class_="chart",
        viewBox=f"0 0 {WIDTH} {number(height)}",
        **data,
    )
    return element("div", drawing, class_="wide")


def _times(axis: TimeAxis, bottom: float) -> Markup:
    lines = "".join(f"M{number(axis.x(time))} 4V{number(bottom)}" for time, _ in axis.ticks())
    labels = [
        element("text", text, x=number(axis.x(time)), y=number(bottom + 12), class_="tick m")
        for time, text in axis.ticks()
    ]
    return join(element("path", d=lines, class_="grid") if lines else None, labels)


def _shades(axis: TimeAxis, faults: Iterable[Stretch], bottom: float) -> Markup:
    return join(
        element(
            "rect",
            element("title", each.title),
            class_="shade",
            x=number(axis.x(each.start)),
            y="2",
            width=number(max(1.0, axis.x(each.end) - axis.x(each.start))),
            height=number(bottom - 2),
        )
        for each in faults
        if each.start <= axis.end and each.end >= axis.start
    )


def _graph(graph: Graph, axis: TimeAxis, values: ValueAxis) -> Markup:
    parts: list[Markup] = []
    for tick, text in values.ticks():
        y = number(values.y(tick))
        parts += [
            element("path", d=f"M{number(LEFT)} {y}H{number(RIGHT)}", class_="grid"),
            element("text", text, x=number(LEFT - 7), y=number(values.y(tick) + 3.5), class_="tick e"),
        ]
    parts += [
        element(
            "path",
            element("title", str(curve.labels)),
            d=path(curve, axis, values),
            class_=f"curve graph c{i}",
            data_n=i,
        )
        for i, curve in reversed(list(enumerate(graph.curves)))
    ]
    if graph.threshold is not None and graph.limit is not None:
        level = values.y(graph.limit)
        text = f"{graph.threshold.op} {render_number(graph.limit)}"
        line = f"M{number(LEFT)} {number(level)}H{number(RIGHT)}"
        above = number(level - 4 if level > 24 else level + 12)
        parts += [
            element("path", element("title", f"the condition is {text}"), d=line, class_="limit"),
            element("text", text, x=number(RIGHT - 2), y=above, class_="limit-label e"),
        ]
    return join(parts)


def _lane(axis: TimeAxis, lane: Lane, y: float) -> Markup:
    middle = y + LANE / 2
    key, edge = None, LEFT - 7
    if lane.curve is not None:
        edge -= 23
        key = element("path", d=f"M{number(edge + 6)} {number(middle)}h15", class_=f"curve c{lane.curve}")
    name = element(
        "text",
        element("title", lane.title),
        shorten(lane.label, int(edge / _CHAR)),
        x=number(edge),
        y=number(middle + 3.5),
        class_="lane e",
    )
    base = element("path", d=f"M{number(LEFT)} {number(middle)}H{number(RIGHT)}", class_="base")
    kinds = dict.fromkeys(each.kind for each in lane.stretches)
    of_kinds = [_stretches(axis, [each for each in lane.stretches if each.kind == kind], y) for kind in kinds]
    return element("g", base, key, name, of_kinds, _marks(axis, lane.marks, middle))


_SHAPES: Final = {"pending": (5.0, 6.0), "firing": (2.5, 11.0), "kept": (2.5, 11.0)}
_LETTERS: Final = {"pending": "P", "firing": "F", "kept": "K", "silenced": "S", "inhibited": "I", "off hours": "H"}


def _stretches(axis: TimeAxis, stretches: Sequence[Stretch], y: float) -> Markup:
    kind = stretches[0].kind
    top, height = _SHAPES.get(kind, (4.0, 8.0))
    look = f"b {kind.replace(' ', '-')}"
    spans = [(axis.x(each.start), max(_LEAST_WIDTH, axis.x(each.end) - axis.x(each.start))) for each in stretches]
    if len(stretches) > MAX_STRETCHES:
        title = f"{kind}, {plural(len(stretches), 'time')}, from {render_moment(stretches[0].start)} on"
        shape = "".join(
            f"M{number(x)} {number(y + top)}h{number(width)}v{number(height)}h-{number(width)}z"
            for x, width in _fuse(spans)
        )
        return element("path", element("title", title), d=shape, class_=look)
    parts: list[Markup] = []
    for each, (x, width) in zip(stretches, spans, strict=True):
        box = {"x": number(x), "y": number(y + top), "width": number(width), "height": number(height)}
        parts.append(element("rect", element("title", each.title), class_=look, **box))
        text = each.text or _LETTERS.get(kind, "")
        if width >= max(_LETTER_FROM, _CHAR * len(text) + 6):
            middle = number(y + LANE / 2 + 3)
            parts.append(element("text", text, x=number(x + 4), y=middle, class_=f"letter in-{look[2:]}"))
    return join(parts)


def _fuse(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places and widths of what does not touch, of what may."""
    out: list[tuple[float, float]] = []
    for x, width in sorted(spans):
        if out and x <= out[-1][0] + out[-1][1] + 0.2:
            out[-1] = (out[-1][0], max(out[-1][1], x + width - out[-1][0]))
        else:
            out.append((x, width))
    return out


def _marks(axis: TimeAxis, marks: Sequence[Mark], middle: float) -> Markup:
    """A triangle upwards for what fires, a hollow one downwards for what is resolved; bars where there are too many."""
    if len(marks) > 2 * MAX_STRETCHES:
        return _mark_bars(axis, marks, middle)
    return join(
        element(
            "path",
            element("title", each.title),
            d=_triangle(axis.x(each.time), middle, each.kind),
            class_=f"mark {each.kind}",
        )
        for each in marks
    )


def _mark_bars(axis: TimeAxis, marks: Sequence[Mark], middle: float) -> Markup:
    """How many there were, four units of the drawing by four."""
    counts = collections.Counter(int((axis.x(each.time) - LEFT) // _BAR) for each in marks)
    most = max(counts.values())
    foot = middle + LANE / 2 - 1
    shape = "".join(_bar(LEFT + _BAR * at, foot, (LANE - 3) * count / most) for at, count in sorted(counts.items()))
    span = render_span(round((axis.end - axis.start) * _BAR / (RIGHT - LEFT)))
    title = f"{plural(len(marks), 'notification')}, at most {most:,} within {span}"
    return element("path", element("title", title), d=shape, class_="mark bars")


def _bar(x: float, foot: float, height: float) -> str:
    return f"M{number(x)} {number(foot)}v-{number(height)}h{_BAR - 1}v{number(height)}z"


def _triangle(x: float, middle: float, kind: str) -> str:
    up = 1 if kind == "firing" else -1
    return f"M{number(x)} {number(middle - up * _ANGLE)}l{_ANGLE} {number(up * 2 * _ANGLE)}h-{number(2 * _ANGLE)}z"


def draw_hours(counts: Sequence[int], title: str) -> Markup:
    """24 bars, one for each hour of the day."""
    most = max(*counts, 1)
    bars = [
        element(
            "rect",
            element("title", f"{hour:02d}:00 UTC: {count:,}"),
            x=hour * 6,
            y=number(18 - 17 * count / most),
            width=5,
            height=number(17 * count / most),
        )
        for hour, count in enumerate(counts)
        if count
    ]
    floor = element("path", d="M0 18.5H143", class_="grid")
    return element(
        "svg",
        element("title", title),
        floor,
        bars,
        role="img",
        class_="hours",
        viewBox="0 0 144 20",
    )


def describe_span(start: int, end: int | None, until: int) -> str:
    """From when to when, and for how long."""
    span = render_span((until if end is None else end) - start)
    is_same_day = end is not None and end // DAY_MS == start // DAY_MS
    last = "the end" if end is None else render_moment(end, "%H:%M:%S") if is_same_day else render_moment(end)
    return f"{render_moment(start)} to {last}, {span}"
