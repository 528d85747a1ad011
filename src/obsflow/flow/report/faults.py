"""What was really wrong and when, beside what the alerts said: detected, missed, false, and how long it took."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from obsflow.errors import ConfigError, Problem
from obsflow.flow.report.bands import AlertHistory
from obsflow.model.durations import MINUTE_MS
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.model.times import parse_time

NOTHING_WRONG = "base"
"""In a schedule, what there is while nothing is wrong."""
DEFAULT_GRACE_MS = 5 * MINUTE_MS
"""How long after its end an alert still counts as a fault's: windows and `for` lag behind."""


@attrs.frozen
class Fault:
    """Something was wrong from `start` to `end` (ms; None: to the end of the data).

    `alerts` names the alerts that are about it; without any, every alert counts.
    """

    name: str
    start: int
    end: int | None
    alerts: tuple[str, ...] = ()


@attrs.frozen
class FaultVerdict:
    """What the alerts said of a fault; times in ms.

    `alerts` fired during it, with the time of the first firing of each. `detected_at` is when the first of them fired,
    and `told_at` when somebody was told of one of them; None if that did not happen.
    """

    fault: Fault
    alerts: tuple[tuple[str, int], ...]
    detected_at: int | None
    told_at: int | None

    @property
    def is_detected(self) -> bool:
        """Whether any alert fired."""
        return self.detected_at is not None


@attrs.frozen
class FalseFiring:
    """An alert fired from `start` to `end` (ms; None: to the end) and nothing was wrong."""

    rule: str
    labels: Labels
    start: int
    end: int | None


@attrs.frozen
class FaultReport:
    """The faults, each with its verdict, and the firings that belong to none of them."""

    verdicts: tuple[FaultVerdict, ...]
    false: tuple[FalseFiring, ...]

    @property
    def missed(self) -> tuple[Fault, ...]:
        """The faults during which no alert fired."""
        return tuple(each.fault for each in self.verdicts if not each.is_detected)


def parse_faults(text: str, source: str) -> tuple[Fault, ...]:
    """Read a list of faults: one JSON object a line, in order of time.

    Either `{"name": ..., "start": ..., "end": ..., "alerts": [...]}`, of which `end` and `alerts` may be missing, or a
    schedule of `{"t": ..., "what": ...}` in which each state lasts until the next and `base` is none. Times are RFC
    3339 or seconds since the epoch. Raises ConfigError with every line that is neither.
    """
    faults: list[Fault] = []
    schedule: list[tuple[int, str]] = []
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            if not isinstance(entry, dict):
                raise ValueError("expected an object")  # noqa: TRY301, TRY004 - one way out for a line
            if "what" in entry:
                schedule.append((_time(entry, "t"), str(entry["what"])))
            else:
                faults.append(_fault(entry))
        except ValueError as error:
            problems.append(Problem(source, number, 1, "", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    for (time, what), following in zip(schedule, (*schedule[1:], None), strict=False):
        if what != NOTHING_WRONG:
            faults.append(Fault(what, time, None if following is None else following[0]))
    return tuple(sorted(faults, key=lambda fault: fault.start))


def _fault(entry: dict[str, Any]) -> Fault:
    unknown = sorted(entry.keys() - {"name", "start", "end", "alerts"})
    if unknown:
        raise ValueError(f'unknown field "{unknown[0]}"')
    alerts = entry.get("alerts", [])
    if not isinstance(alerts, list) or not all(isinstance(name, str) for name in alerts):
        raise ValueError('"alerts" must be a list of names')
    end = None if entry.get("end") is None else _time(entry, "end")
    start = _time(entry, "start")
    if end is not None and end < start:
        raise ValueError("the end is before the start")
    return Fault(str(entry.get("name", "")), start, end, tuple(alerts))


def _time(entry: dict[str, Any], key: str) -> int:
    if key not in entry:
        raise ValueError(f'"{key}" is required')
    if isinstance(entry[key], bool) or not isinstance(entry[key], str | int | float):
        raise ValueError(f'"{key}" must be a time')  # noqa: TRY004 - one way out for a line
    return parse_time(str(entry[key]))


def judge(
    faults: Sequence[Fault],
    histories: Iterable[AlertHistory],
    notifications: Sequence[Notification],
    end: int,
    grace_ms: int = DEFAULT_GRACE_MS,
) -> FaultReport:
    """Hold what fired against what was wrong. `end` (ms) is when the replay ended.

    A firing is a fault's if it overlaps it, or begins within the grace after it. One that began before the fault did
    not detect it, but is not false either.
    """
    firings = [(history, band) for history in histories for band in history.firings()]
    verdicts = []
    excused: set[int] = set()
    for fault in faults:
        until = end if fault.end is None else fault.end + grace_ms
        first: dict[str, int] = {}
        for history, band in firings:
            is_about = not fault.alerts or history.rule in fault.alerts
            last = end if band.end is None else band.end
            if not is_about or band.start > until or last <= fault.start:
                continue
            excused.add(id(band))
            if band.start >= fault.start:
                first.setdefault(history.rule, band.start)
        told = [
            each.time
            for each in notifications
            if fault.start <= each.time <= until and each.status is AlertStatus.FIRING
            if any(first.get(alert.labels.get("alertname"), until + 1) <= each.time for alert in each.alerts)
        ]
        verdict = FaultVerdict(
            fault,
            tuple(sorted(first.items(), key=lambda item: item[1])),
            min(first.values(), default=None),
            min(told, default=None),
        )
        verdicts.append(verdict)
    false = [
        FalseFiring(history.rule, history.labels, band.start, band.end)
        for history, band in firings
        if id(band) not in excused
    ]
    return FaultReport(tuple(verdicts), tuple(sorted(false, key=lambda each: each.start)))
