"""The alerts that are known: how a new word on one is checked, completed and merged with what was known before."""

from collections.abc import Iterator

import attrs

from obsflow.alertmanager.limits import NO_LIMITS, AlertCounts, Limits
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels, is_label_name, quote

GC_INTERVAL_MS = NO_LIMITS.gc_interval_ms


@attrs.frozen
class KnownAlert:
    """An alert with its times filled in. Every word on it makes another object.

    `has_timeout` says that the sender left the end open, and that `ends_at` is when it counts as forgotten.
    """

    labels: Labels
    annotation_pairs: tuple[tuple[str, str], ...]  # bare: nobody asks for them before there is something to tell
    starts_at: int
    ends_at: int
    generator_url: str
    has_timeout: bool
    updated_at: int

    @property
    def annotations(self) -> Labels:
        """What is said of it."""
        return Labels.from_sorted(self.annotation_pairs)

    def is_resolved(self, now: int) -> bool:
        """Whether the end has come; an end at `now` has."""
        return self.ends_at <= now


def complete(alert: Alert, now: int, resolve_timeout_ms: int) -> KnownAlert:
    """The alert with missing times filled in: start from end or now, end from the resolve timeout.

    Raises ValueError for an alert that no sender may send.
    """
    return KnownAlert(
        alert.labels,
        alert.annotations.pairs,
        *_times(alert, now, resolve_timeout_ms),
        alert.generator_url,
        alert.ends_at is None,
        now,
    )


def _times(alert: Alert, now: int, resolve_timeout_ms: int) -> tuple[int, int]:
    """Start and end. Raises ValueError."""
    if not alert.labels.pairs:
        raise ValueError("at least one label pair required")
    starts_at, ends_at = alert.starts_at, alert.ends_at
    if ends_at is None:
        ends_at = now + resolve_timeout_ms
        starts_at = now if starts_at is None else starts_at
    elif starts_at is None:
        starts_at = ends_at
    if ends_at < starts_at:
        raise ValueError("start time must be before end time")
    return starts_at, ends_at


def overlaps(old: KnownAlert, new: KnownAlert) -> bool:
    """Whether one of the new alert's ends lies strictly within the old alert's time."""
    return old.starts_at < new.ends_at < old.ends_at or old.starts_at < new.starts_at < old.ends_at


def merge(old: KnownAlert, new: KnownAlert, now: int) -> KnownAlert:
    """One alert from two words on it: what `new` says, over the time of both.

    The later end stands between two that are resolved, and where the old end was said rather than a timeout.
    """
    if new.is_resolved(now):
        old_end_stands = old.is_resolved(now) and old.ends_at > new.ends_at
    else:
        old_end_stands = not old.has_timeout and old.ends_at > new.ends_at
    return attrs.evolve(
        new,
        starts_at=min(old.starts_at, new.starts_at),
        ends_at=old.ends_at if old_end_stands else new.ends_at,
    )


def check_name(name: str, what: str, *, classic_names: bool) -> None:
    """Raises ValueError for a name that is none."""
    if not name or (classic_names and not is_label_name(name)):
        raise ValueError(f"invalid {what}: invalid name {quote(name)}")


class AlertStore:
    """The last word on every alert. Resolved ones are forgotten whenever the collection interval of `limits` is over.

    With `classic_names` labels and annotations may only have names of the classic form.
    """

    def __init__(
        self, resolve_timeout_ms: int, started_at: int, limits: Limits = NO_LIMITS, *, classic_names: bool = False
    ) -> None:
        self.resolve_timeout_ms = resolve_timeout_ms
        self._classic_names = classic_names
        self._counts = AlertCounts(limits.alerts_per_name)
        self._good_names: set[str] = set()  # of those that came since the last collection
        self._alerts: dict[Labels, KnownAlert] = {}
        self._gc_interval_ms = limits.gc_interval_ms
        self._next_gc = started_at + self._gc_interval_ms

    def copy(self) -> "AlertStore":
        """A store that goes its own way from here."""
        twin = AlertStore(self.resolve_timeout_ms, 0, classic_names=self._classic_names)
        twin._counts = self._counts.copy()
        twin._alerts, twin._next_gc = dict(self._alerts), self._next_gc
        twin._gc_interval_ms = self._gc_interval_ms
        return twin

    def put(self, alert: Alert, now: int) -> KnownAlert:
        """Take in a word on an alert; what is known of it then. Raises ValueError, and changes nothing, if refused."""
        old = self._alerts.get(alert.labels)
        starts_at, ends_at = _times(alert, now, self.resolve_timeout_ms)
        annotations, url = alert.annotations.pairs, alert.generator_url
        if old is None:
            labels = alert.labels
            self._check_names(labels.pairs, "label set")
        else:  # what is said again is held once
            labels = old.labels
            annotations = old.annotation_pairs if annotations == old.annotation_pairs else annotations
            url = old.generator_url if url == old.generator_url else url
        if old is None or annotations is not old.annotation_pairs:
            self._check_names(annotations, "annotations")
        has_timeout = alert.ends_at is None
        new = KnownAlert(labels, annotations, starts_at, ends_at, url, has_timeout, now)
        if old is not None and overlaps(old, new):
            new = merge(old, new, now)
        self._counts.admit(labels, new.ends_at, now)
        self._alerts[labels] = new
        return new

    def _check_names(self, pairs: tuple[tuple[str, str], ...], what: str) -> None:
        """Raises ValueError for a set with a name that is none."""
        good = self._good_names
        for name, _ in pairs:
            if name not in good:
                check_name(name, what, classic_names=self._classic_names)
                good.add(name)

    def collect(self, now: int) -> tuple[Labels, ...]:
        """If a collection is due, forget the alerts that are resolved; their labels."""
        if now < self._next_gc:
            return ()
        self._next_gc += ((now - self._next_gc) // self._gc_interval_ms + 1) * self._gc_interval_ms
        self._good_names.clear()
        gone = tuple(labels for labels, alert in self._alerts.items() if alert.is_resolved(now))
        for labels in gone:
            del self._alerts[labels]
            self._counts.forget(labels)
        return gone

    def get(self, labels: Labels) -> KnownAlert | None:
        """What is known of one alert."""
        return self._alerts.get(labels)

    def __iter__(self) -> Iterator[KnownAlert]:
        return iter(tuple(self._alerts.values()))

    def __len__(self) -> int:
        return len(self._alerts)
