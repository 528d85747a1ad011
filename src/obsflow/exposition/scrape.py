"""Scraping one target: what comes of each answer, as columns to store.

A machine without a clock: it is told what the target answered and when, and says what to store and when to ask again.
The rules are those of Prometheus' scrape loop. Where that errs, this does not: a scrape that fails in its middle marks
all series of the scrape before stale at once, also those that it had read already.
"""

import enum
from collections.abc import Sequence
from typing import Final, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import ContentTypeError, ExpositionSyntaxError, StateError
from obsflow.exposition.body import Exposition, TextFormat
from obsflow.exposition.cache import DROPPED, UNSTORED, UNTAKEN, SeriesCache
from obsflow.exposition.collected import Collected, Writings, read_collected
from obsflow.exposition.failures import FailureKind, ScrapeFailure
from obsflow.exposition.negotiate import read_content_type
from obsflow.exposition.parse import parse_exposition
from obsflow.exposition.render import MetricFamily
from obsflow.exposition.scraped import FloatArray, IntArray, Scraped
from obsflow.exposition.target import Target
from obsflow.model.floats import STALE_NAN
from obsflow.model.labels import METRIC_NAME, Labels

_REPORT: Final = (
    *("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling"),
    "scrape_series_added",
)
_EXTRA: Final = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
_SLACK: Final = 1000  # keys that scrapes may fail with before any is forgotten
_NOTHING: Final = np.empty(0, np.int64)
_END: Final = b"# EOF\n"


class SeriesStore(Protocol):
    """What gives out references of series."""

    def series(self, labels: Labels) -> int:
        """The reference of a series, 0 or more, made now if there is none."""


class ScrapeState(enum.Enum):
    """Where a target is in its life."""

    NEW = "new"
    SCRAPED = "scraped"
    REMOVED = "removed"
    ENDED = "ended"


class ScrapeObservation(enum.Enum):
    """What happens to a target."""

    SCRAPE = "a scrape, well or not"
    REMOVE = "the target is removed"
    RETURN = "the target is back"
    EXPIRE = "it has been away for long enough"


@attrs.frozen
class ScrapeStep:
    """What follows from an observation."""

    next: ScrapeState


SCRAPE_TABLE: Final = {
    (ScrapeState.NEW, ScrapeObservation.SCRAPE): ScrapeStep(ScrapeState.SCRAPED),
    (ScrapeState.NEW, ScrapeObservation.REMOVE): ScrapeStep(ScrapeState.ENDED),
    (ScrapeState.SCRAPED, ScrapeObservation.SCRAPE): ScrapeStep(ScrapeState.SCRAPED),
    (ScrapeState.SCRAPED, ScrapeObservation.REMOVE): ScrapeStep(ScrapeState.REMOVED),
    (ScrapeState.REMOVED, ScrapeObservation.RETURN): ScrapeStep(ScrapeState.SCRAPED),
    (ScrapeState.REMOVED, ScrapeObservation.EXPIRE): ScrapeStep(ScrapeState.ENDED),
}
"""The life of a target. What it does not hold raises StateError and changes nothing."""


@attrs.frozen
class _Counts:
    """What a scrape tells about itself."""

    scraped: int = 0
    kept: int = 0
    added: int = 0
    body_size: int = 0


class ScrapeLoop:
    """The scrapes of one target, one after another; `due` (ms) is when the first should be.

    What `scraped`, `failed` and `expired` return must be stored before the next call, or `lost` be called. References
    that the store gave out and drops later must be told with `forget`. Samples that the store refuses need no telling.
    `seed` makes hashes other than a target can know.
    """

    def __init__(self, target: Target, store: SeriesStore, *, due: int = 0, seed: int = 0) -> None:
        self.target = target
        self._store = store
        self._cache = SeriesCache(seed)
        self._state = ScrapeState.NEW
        self._due = due
        self._tick: int | None = None  # the time at which the last scrape should have begun
        self._stale_time = 0
        self._last_stale = self._owed = _NOTHING
        self._report: IntArray | None = None
        self._writings = Writings()
        self._n_succeeded = 0  # keys of the last scrape that went well

    @property
    def state(self) -> ScrapeState:
        """Where the target is in its life."""
        return self._state

    @property
    def next_due(self) -> int | None:
        """When to scrape next, or, of a target that was removed, to call `expired`: ms, None for never."""
        return None if self._state is ScrapeState.ENDED else self._due

    def scraped(self, body: bytes, content_type: str, time: int, *, duration: float = 0.0) -> Scraped:
        """The target answered the scrape that began at `time` (ms) with this body; it took `duration` seconds.

        Raises StateError for a target that was removed.
        """
        time = self._begin(time)
        if self.target.body_size_limit and len(body) >= self.target.body_size_limit:
            text = f"body size limit exceeded ({len(body)} bytes, the limit is {self.target.body_size_limit})"
            return self._fail(ScrapeFailure(FailureKind.BODY_SIZE_LIMIT, text), time, duration, _Counts(body_size=-1))
        if not body:
            return self._finish(time, duration, _Counts(), self._cache.fail())
        try:
            text_format = read_content_type(content_type, self.target.fallback)
        except ContentTypeError as error:
            return self._fail(
                ScrapeFailure(FailureKind.CONTENT_TYPE, str(error)), time, duration, _Counts(0, 0, 0, len(body))
            )
        try:
            exposition = parse_exposition(body, text_format, self._cache)
        except ExpositionSyntaxError as error:
            failure = ScrapeFailure(FailureKind.SYNTAX, error.message, error.line, error.column)
            return self._fail_at(failure, time, duration, body, text_format)
        return self._take(exposition, time, duration)

    def collected(self, families: Sequence[MetricFamily], time: int, *, duration: float = 0.0) -> Scraped:
        """The families that were collected at `time` (ms): the same as if they had been exposed in OpenMetrics.

        There is no body whose size could be limited. Raises StateError for a target that was removed.
        """
        time = self._begin(time)
        try:
            exposition = read_collected(families, self._cache, self._writings)
        except ExpositionSyntaxError as error:
            return self._fail(ScrapeFailure(FailureKind.SYNTAX, error.message), time, duration, _Counts())
        return self._take(exposition, time, duration)

    def failed(self, reason: str, time: int, *, duration: float = 0.0, too_large: bool = False) -> Scraped:
        """The scrape that began at `time` (ms) got no answer, or, if it was `too_large`, more than `body_size_limit`.

        Raises StateError for a target that was removed.
        """
        time = self._begin(time)
        kind, size = (FailureKind.BODY_SIZE_LIMIT, -1) if too_large else (FailureKind.NO_ANSWER, 0)
        return self._fail(ScrapeFailure(kind, reason), time, duration, _Counts(body_size=size))

    def removed(self, time: int) -> None:
        """The target is gone, at `time` (ms): call `expired` when due. Raises StateError if it was gone already."""
        self._move(ScrapeObservation.REMOVE)
        if self._state is ScrapeState.REMOVED:
            self._stale_time = self._next_tick(time)
            self._due = self._stale_time + self.target.interval_ms + self.target.interval_ms // 10

    def returned(self) -> None:
        """The target that was removed is there again. Raises StateError if it was not, or its series ended already."""
        self._move(ScrapeObservation.RETURN)
        self._due = self._stale_time

    def expired(self, time: int) -> Scraped:
        """The markers that end all series of a target that was removed, at the time of the first scrape that it missed.

        Should another loop have scraped the target since, a store refuses them as out of order, which is right.
        Raises StateError before that is due.
        """
        if self._state is ScrapeState.REMOVED and time < self._due:
            raise StateError(f"the target's series end at {self._due} ms, not at {time} ms")
        self._move(ScrapeObservation.EXPIRE)
        stale = np.concatenate((self._end(self._cache.fail()), self._report_references()))
        times, values = np.full(len(stale), self._stale_time), np.full(len(stale), STALE_NAN)
        return Scraped(self._stale_time, stale, times, values, None, 0, 0, 0, len(stale), 0, None, ends=True)

    def lost(self) -> None:
        """What the last call returned was not stored: the markers in it come again."""
        self._owed = np.union1d(self._owed, self._last_stale)

    def forget(self, references: IntArray) -> None:
        """The store dropped these series: their references are no longer good."""
        self._cache.forget(references)
        self._owed, self._last_stale = (each[~np.isin(each, references)] for each in (self._owed, self._last_stale))
        if self._report is not None and np.isin(self._report, references).any():
            self._report = None

    # ---- time ------------------------------------------------------------------------------------------------

    def _move(self, observation: ScrapeObservation) -> None:
        step = SCRAPE_TABLE.get((self._state, observation))
        if step is None:
            raise StateError(f"a target that is {self._state.value} cannot have: {observation.value}")
        self._state = step.next

    def _begin(self, time: int) -> int:
        """The time that a scrape bears which began at `time`."""
        self._move(ScrapeObservation.SCRAPE)
        interval, tick = self.target.interval_ms, self._tick
        self._tick = tick = time if tick is None else tick + max(0, time - tick) // interval * interval
        self._due = self._next_tick(time)
        return tick if 0 <= time - tick <= self.target.tolerance_ms else time

    def _next_tick(self, time: int) -> int:
        interval, tick = self.target.interval_ms, self._tick
        return time + interval if tick is None else tick + (max(0, time - tick) // interval + 1) * interval

    # ---- what was exposed ------------------------------------------------------------------------------------

    def _take(self, exposition: Exposition, time: int, duration: float) -> Scraped:
        """A body that was read: its samples, or the failure that its series are."""
        target, size = self.target, len(exposition.body)
        references = exposition.columns.samples.references
        rows = np.flatnonzero((references < 0) & (references != DROPPED))
        n, n_kept = len(references), len(references)
        labels = self._label(exposition, rows) if len(rows) else []
        for row, found in zip(rows.tolist(), labels, strict=True):
            failure = target.find_failure(found) if found is not None else None
            if failure is not None:
                return self._fail_in(failure, time, duration, exposition, row)
        is_kept = _are_kept(references, rows, labels)
        if is_kept is not None:
            n_kept = int(np.count_nonzero(is_kept))
        if target.sample_limit and n_kept > target.sample_limit:
            at = target.sample_limit if is_kept is None else int(np.flatnonzero(is_kept)[target.sample_limit])
            added, entries = self._remember(exposition.first(at))[2:]
            text = f"sample_limit exceeded ({n_kept} samples, the limit is {target.sample_limit})"
            counts = _Counts(n, n_kept, added, size)
            return self._fail(ScrapeFailure(FailureKind.SAMPLE_LIMIT, text), time, duration, counts, entries)
        added = 0
        if len(rows):
            exposition, added = self._store_series(exposition, rows, labels, time)
        tracks = target.track_timestamps_staleness or not target.honor_timestamps
        stale = self._cache.commit(exposition, tracks_timestamps=tracks)
        self._n_succeeded = len(self._cache)
        counts = _Counts(n, n_kept, added, size)
        return self._finish(time, duration, counts, stale, exposition=exposition)

    def _label(self, exposition: Exposition, rows: IntArray) -> list[Labels | None]:
        """The labels of series that are not known, in the form in which they are stored; None where one is dropped."""
        exposed = exposition.new_labels() if len(rows) == len(exposition.new) else exposition.labels_of(rows)
        if not self.target.honor_labels:
            return list(map(self.target.label, exposed))
        samples, body = exposition.columns.samples, exposition.body
        starts, lengths = samples.key_starts[rows].tolist(), samples.key_lengths[rows].tolist()
        keys = (body[start : start + length] for start, length in zip(starts, lengths, strict=True))
        return list(map(self.target.label, exposed, keys))

    def _store_series(
        self, exposition: Exposition, rows: IntArray, labels: list[Labels | None], time: int
    ) -> tuple[Exposition, int]:
        """Give references to the series at `rows`; and how many of them no scrape had before."""
        series, ahead = self._store.series, self._too_far_ahead(exposition, time)[rows]
        was_new = exposition.columns.samples.references[rows] != UNSTORED
        found = np.array(
            [
                DROPPED if of is None else UNTAKEN if too_far else series(of)
                for of, too_far in zip(labels, ahead.tolist(), strict=True)
            ],
            np.int64,
        )
        exposition = self._cache.store(exposition, found, rows)
        return exposition, len(np.unique(exposition.columns.samples.entries[rows[was_new & (found >= 0)]]))

    def _too_far_ahead(self, exposition: Exposition, time: int) -> npt.NDArray[np.bool_]:
        """Which samples, bool: those whose own time is too far in the future."""
        samples = exposition.columns.samples
        if not self.target.honor_timestamps:
            return np.zeros(len(exposition), np.bool_)
        too_far: npt.NDArray[np.bool_] = (samples.has_time != 0) & (samples.times > time + self.target.max_ahead_ms)
        return too_far

    # ---- failures --------------------------------------------------------------------------------------------

    def _fail_in(self, failure: ScrapeFailure, time: int, duration: float, exposition: Exposition, row: int) -> Scraped:
        """The sample at `row` has labels that a scrape fails for; it and those before it count as scraped."""
        if not isinstance(exposition, Collected):
            body, key = exposition.body, int(exposition.columns.samples.key_starts[row])
            start = body.rfind(b"\n", 0, key) + 1
            failure = attrs.evolve(failure, line=body.count(b"\n", 0, start) + 1, column=key - start + 1)
        scraped, kept, added, entries = self._remember(exposition.first(row))
        counts = _Counts(scraped + 1, kept, added, len(exposition.body))
        return self._fail(failure, time, duration, counts, entries)

    def _fail_at(self, failure: ScrapeFailure, time: int, duration: float, body: bytes, of: TextFormat) -> Scraped:
        """The body is at fault in a line; what is before counts as scraped."""
        part = _parse_part(body[: _start_of(body, failure.line)], of, self._cache)
        scraped, kept, added, entries = self._remember(part)
        return self._fail(failure, time, duration, _Counts(scraped, kept, added, len(body)), entries)

    def _remember(self, exposition: Exposition) -> tuple[int, int, int, npt.NDArray[np.int32]]:
        """Count the first samples of a scrape that failed later: read, kept, of series that are new.

        Their keys are remembered, so that each counts as new once, up to `sample_limit`; these are the entries.
        """
        references, limit = exposition.columns.samples.references, self.target.sample_limit
        rows = np.flatnonzero((references == -1) | (references == UNTAKEN))
        labels = self._label(exposition, rows) if len(rows) else []
        is_kept = _are_kept(references, rows, labels)
        kept = np.ones(len(references), np.bool_) if is_kept is None else is_kept
        found = np.where(kept[rows], UNSTORED, DROPPED)
        if limit:
            within = np.cumsum(kept)[rows] <= limit
            rows, found = rows[within], found[within]
        entries = exposition.columns.samples.entries.copy()
        entries[rows] = self._cache.put(exposition, rows, found)
        added = len(np.unique(entries[rows[found == UNSTORED]]))
        return len(references), int(np.count_nonzero(kept)), added, entries[entries >= 0]

    def _fail(
        self,
        failure: ScrapeFailure,
        time: int,
        duration: float,
        counts: _Counts,
        entries: npt.NDArray[np.int32] | None = None,
    ) -> Scraped:
        """Nothing of the scrape counts. `entries` are those of its keys that are remembered nevertheless."""
        # A target that fails with other series each time must not fill the memory.
        is_full = entries is not None and len(self._cache) > 2 * self._n_succeeded + _SLACK
        stale = self._cache.fail(entries if is_full else None)
        return self._finish(time, duration, counts, stale, failure=failure)

    # ---- the result ------------------------------------------------------------------------------------------

    def _finish(
        self,
        time: int,
        duration: float,
        counts: _Counts,
        stale: IntArray,
        *,
        failure: ScrapeFailure | None = None,
        exposition: Exposition | None = None,
    ) -> Scraped:
        rows, references, times, values, ahead = self._samples(exposition, time)
        stale = self._end(stale, references)
        report = self._report_references()
        told = [failure is None, duration, counts.scraped, counts.kept, counts.added]
        if self.target.extra_metrics:
            told += [self.target.timeout_ms / 1000, self.target.sample_limit, counts.body_size]
        own = np.full(len(stale) + len(report), time)
        return Scraped(
            time,
            np.concatenate((references, stale, report)),
            np.concatenate((times, own)),
            np.concatenate((values, np.full(len(stale), STALE_NAN), np.array(told, np.float64))),
            failure,
            counts.scraped,
            counts.kept,
            counts.added,
            len(stale),
            ahead,
            exposition,
            rows,
        )

    def _samples(
        self, exposition: Exposition | None, time: int
    ) -> tuple[IntArray | None, IntArray, IntArray, FloatArray, int]:
        """Rows, references, times and values of what was exposed and is stored; how many were too far in the future."""
        if exposition is None:
            return None, _NOTHING, _NOTHING, np.empty(0), 0
        samples = exposition.columns.samples
        references, values, taken, ahead = samples.references, samples.values, samples.references >= 0, 0
        times = np.full(len(values), time)
        if self.target.honor_timestamps and samples.has_time.any():
            times = np.where(samples.has_time, samples.times, times)
            too_far = self._too_far_ahead(exposition, time)
            ahead = int(np.count_nonzero(too_far & (references != DROPPED)))
            taken &= ~too_far
        if taken.all():
            return None, references, times, values, ahead
        rows = np.flatnonzero(taken)
        return rows, references[rows], times[rows], values[rows], ahead

    def _end(self, stale: IntArray, present: IntArray = _NOTHING) -> IntArray:
        """The series that get a marker now: those given, and whose markers were lost unless they are there again."""
        if len(self._owed):
            stale = np.union1d(stale, self._owed[~np.isin(self._owed, present)])
            self._owed = _NOTHING
        self._last_stale = stale
        return stale

    def _report_references(self) -> IntArray:
        if self._report is None:
            names = (*_REPORT, *_EXTRA) if self.target.extra_metrics else _REPORT
            labels = (self.target.labels.with_({METRIC_NAME: name}) for name in names)
            self._report = np.array([self._store.series(each) for each in labels], np.int64)
        return self._report


def _are_kept(references: IntArray, rows: IntArray, labels: list[Labels | None]) -> npt.NDArray[np.bool_] | None:
    """Which samples, bool: what relabelling does not drop; `rows` have no reference yet. None where that is all."""
    kept = references != DROPPED
    kept[rows] = [each is not None for each in labels]
    return None if kept.all() else kept


def _start_of(body: bytes, line: int) -> int:
    """Where in the body a line begins, counted from 1."""
    at = 0
    for _ in range(line - 1):
        at = body.index(b"\n", at) + 1
    return at


def _parse_part(body: bytes, text_format: TextFormat, cache: SeriesCache) -> Exposition:
    """The first lines of a body, as many as are no fault of their own."""
    while True:
        is_open = text_format is TextFormat.OPENMETRICS and not body.endswith(_END)
        try:
            return parse_exposition(body + _END if is_open else body, text_format, cache)
        except ExpositionSyntaxError as error:  # a quoted line feed, and the end was within the quotes
            body = body[: min(_start_of(body, error.line), max(0, len(body) - 1))]
