"""What a server may be told to hold at most, and when it may begin to notify."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp

if TYPE_CHECKING:
    from obsflow.alertmanager.silences import Silence

RETENTION_MS = 120 * HOUR_MS


@attrs.frozen
class Limits:
    """What the flags of a server bound; 0 is no bound.

    `alerts_per_name` counts the alerts of one `alertname`, `groups` the groups of all routes, `silences` also those
    that have ended and are not forgotten yet, `silence_bytes` is how large one is when it is stored. Silences and the
    log are kept for `retention_ms` (`--data.retention`). Alerts that are resolved are forgotten every `gc_interval_ms`
    (`--alerts.gc-interval`). No group is looked at in the first `start_delay_ms`, which
    gives every sender time to say what fires.
    """

    alerts_per_name: int = 0
    groups: int = 0
    silences: int = 0
    silence_bytes: int = 0
    retention_ms: int = RETENTION_MS
    gc_interval_ms: int = 30 * MINUTE_MS
    start_delay_ms: int = 0


NO_LIMITS = Limits()


class AlertCounts:
    """The alerts of each name, no more than `limit` of one; an alert that is over makes room for another."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ends: dict[str, dict[Labels, int]] = {}

    def copy(self) -> "AlertCounts":
        """Counts that go their own way from here."""
        twin = AlertCounts(self._limit)
        twin._ends = {name: dict(ends) for name, ends in self._ends.items()}
        return twin

    def admit(self, labels: Labels, ends_at: int, now: int) -> None:
        """Count an alert that ends at `ends_at`. Raises ValueError, and changes nothing, if there is no room."""
        if not self._limit:
            return
        name = labels.get("alertname")
        ends = self._ends.setdefault(name, {})
        if labels not in ends and len(ends) >= self._limit:
            first_over = min(ends, key=lambda each: ends[each])
            if ends[first_over] >= now:
                raise ValueError(f'too many alerts with alertname "{name}" (limit: {self._limit})')
            del ends[first_over]
        ends[labels] = ends_at

    def forget(self, labels: Labels) -> None:
        """Count an alert no more."""
        if self._limit:
            self._ends.get(labels.get("alertname"), {}).pop(labels, None)


_TYPES: Mapping[MatchOp, int] = {MatchOp.EQUAL: 0, MatchOp.REGEX: 1, MatchOp.NOT_EQUAL: 2, MatchOp.NOT_REGEX: 3}


def silence_size(silence: "Silence", retention_ms: int) -> int:
    """The bytes that a silence takes in Alertmanager's file of them, which is protocol buffers."""
    sets = [sum(map(_matcher, matchers)) for matchers in silence.matcher_sets]
    matchers = sets[0] if len(sets) == 1 else sum(map(_message, sets))
    annotations = sum(_message(_text(name) + _text(value)) for name, value in silence.annotations.items())
    times = sum(_message(_timestamp(time)) for time in (silence.starts_at, silence.ends_at, silence.updated_at))
    texts = sum(_text(each) for each in (silence.id, silence.created_by, silence.comment))
    return _message(texts + matchers + times + annotations) + _message(_timestamp(silence.ends_at + retention_ms))


def _matcher(matcher: Matcher) -> int:
    return _message((2 if _TYPES[matcher.op] else 0) + _text(matcher.name) + _text(matcher.value))


def _message(size: int) -> int:
    """With its tag and its length."""
    return 1 + _varint(size) + size


def _text(text: str) -> int:
    return _message(len(text.encode("utf-8", "surrogateescape"))) if text else 0


def _timestamp(ms: int) -> int:
    seconds, rest = divmod(ms, 1000)
    return (1 + _varint(seconds) if seconds else 0) + (1 + _varint(rest * 1_000_000) if rest else 0)


def _varint(number: int) -> int:
    return 10 if number < 0 else max(1, -(-number.bit_length() // 7))
