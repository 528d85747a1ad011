"""Numbers, times and labels as people read them."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Final

from obsflow.model.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.model.times import to_datetime
from obsflow.rules.humanize import humanize

_UNITS: Final = (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS), ("ms", 1))


def render_moment(time_ms: int, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """The instant in UTC; seconds since the epoch where the calendar has no name for it."""
    try:
        return to_datetime(time_ms).strftime(pattern)
    except (OverflowError, ValueError):
        return f"{time_ms // SECOND_MS} s"


def render_span(duration_ms: int) -> str:
    """A duration by its two greatest units, the rest rounded: `3h 59m`."""
    if duration_ms < 0:
        return f"-{render_span(-duration_ms)}"
    for (name, unit), (small_name, small) in itertools.pairwise(_UNITS):
        rounded = round(duration_ms / small) * small
        if rounded >= unit and name != "s":
            rest = rounded % unit // small
            return f"{rounded // unit}{name}" + (f" {rest}{small_name}" if rest else "")
    if duration_ms >= SECOND_MS or not duration_ms:
        return f"{round(duration_ms / SECOND_MS)}s"
    return f"{duration_ms}ms"


def render_number(value: float) -> str:
    """Four significant digits, with a metric prefix from ten thousand on."""
    if math.isfinite(value) and abs(value) >= 10_000:
        return humanize(value)
    return f"{value:.4g}" if math.isfinite(value) else {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")


def render_count(count: int) -> str:
    """A count with its thousands apart; nothing is a dot."""
    return f"{count:,}" if count else "·"


def plural(count: int, noun: str) -> str:
    """`1 alert`, `2 alerts`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def render_times(count: int) -> str:
    """`once`, `2 times`."""
    return "once" if count == 1 else f"{count:,} times"


def count_alerts(notification: Notification) -> str:
    """`2 firing, 1 resolved`."""
    firing = sum(alert.status is AlertStatus.FIRING for alert in notification.alerts)
    resolved = len(notification.alerts) - firing
    return ", ".join(f"{count} {what}" for count, what in ((firing, "firing"), (resolved, "resolved")) if count)


def render_labels(labels: Labels) -> str:
    """`name=value` one after the other."""
    return " ".join(f"{name}={value}" for name, value in labels.pairs)


def telling_names(sets: Sequence[Labels], ignored: Iterable[str] = ()) -> tuple[str, ...]:
    """The few label names by which these label sets are told apart, the one that tells most first."""
    hidden = {METRIC_NAME, *ignored}
    candidates = sorted({name for each in sets for name in each if name not in hidden})
    chosen: list[str] = []
    groups, count = [0] * len(sets), 1
    while candidates:
        finer = {name: _refine(groups, [each.get(name) for each in sets]) for name in candidates}
        best = max(candidates, key=lambda name: finer[name][1])
        if finer[best][1] == count:
            break
        groups, count = finer[best]
        chosen.append(best)
        candidates.remove(best)
    return tuple(chosen)


def _refine(groups: Sequence[int], values: Sequence[str]) -> tuple[list[int], int]:
    """The groups, divided by these values, and how many that makes."""
    known: dict[tuple[int, str], int] = {}
    return [known.setdefault(key, len(known)) for key in zip(groups, values, strict=True)], len(known)


def name_by(labels: Labels, names: Sequence[str], *, with_names: bool = False) -> str:
    """A label set by some of its labels; by all where there are none to choose."""
    if not names:
        return render_labels(labels.without(METRIC_NAME))
    if len(names) == 1:
        return labels.get(names[0]) or f"no {names[0]}"
    return " ".join(f"{name}={labels.get(name)}" if with_names else labels.get(name) or "·" for name in names)


def shorten(text: str, most: int) -> str:
    """At most so many characters, the middle left out."""
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
