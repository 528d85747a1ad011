"""What is kept of a target from scrape to scrape: how each series is written, and the caller's reference for it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.exposition.body import Exposition

IntArray = npt.NDArray[np.int64]

DROPPED: Final = -2
"""The reference of a key whose series is not stored, because relabelling dropped it. It never goes stale."""

UNSTORED: Final = -3
"""The reference of a key whose series is not stored yet: so far it came only in scrapes that failed."""

UNTAKEN: Final = -4
"""The reference of a key of which no sample was taken, because all were too far in the future: it counts as new."""


class SeriesCache:
    """Keys of one target, each with a reference, 0 or more, or DROPPED.

    A scrape goes `parse_exposition(body, text_format, cache)`, `store` for what is new, and `commit`; or `fail`, where
    parsing or anything after it did. Nothing is changed before. `seed` makes the hashes other than a target can know.
    """

    __slots__ = ("known",)

    def __init__(self, seed: int = 0) -> None:
        self.known = native.TextCache(seed)

    def __len__(self) -> int:
        return self.known.n_entries - self.known.n_gone

    def store(self, exposition: Exposition, references: IntArray, rows: IntArray | None = None) -> Exposition:
        """Give references to the keys at `exposition.new`, or at `rows`, which are those and such as are not stored.

        The exposition with nothing new in it. Raises ValueError for other negative references, or too few.
        """
        rows = exposition.new if rows is None else rows
        entries = self.put(exposition, rows, references)
        return exposition.with_series(rows, entries, np.asarray(references, np.int64))

    def put(self, exposition: Exposition, rows: IntArray, references: IntArray) -> npt.NDArray[np.int32]:
        """Give references to the keys at `rows`; int32 entry of each. Raises ValueError as `store` does."""
        references = np.asarray(references, np.int64)
        if references.shape != rows.shape:
            raise ValueError(f"{len(rows)} keys have no reference, not {len(references)}")
        if ((references < UNTAKEN) | (references == -1)).any():
            raise ValueError("a reference is 0 or more, DROPPED, UNSTORED or UNTAKEN")
        samples = exposition.columns.samples
        columns = (samples.key_starts[rows], samples.key_lengths[rows], samples.kinds[rows])
        entries = self.known.add(exposition.body, *columns)
        self.known.references[entries] = references
        return entries

    def forget(self, references: IntArray) -> None:
        """Say that these references are no longer good: their keys are UNSTORED from now on."""
        known = self.known.references[: self.known.n_entries]
        known[np.isin(known, references)] = UNSTORED

    def commit(self, exposition: Exposition, *, tracks_timestamps: bool = False) -> IntArray:
        """End a scrape that was stored; int64 references of the series that it no longer has, ascending.

        Samples with a time of their own take no part in that, unless `tracks_timestamps`. Keys that did not come are
        forgotten. Raises ValueError if keys are new and not stored.
        """
        samples = exposition.columns.samples
        if len(exposition.new):
            raise ValueError(f"{len(exposition.new)} keys are new and not stored")
        tracks = np.ones_like(samples.has_time) if tracks_timestamps else 1 - samples.has_time
        gone = self.known.turn(samples.entries, tracks)
        self.known.metadata_expected = len(exposition.columns.metadata.words)
        self.known.exemplars_expected = len(exposition.columns.exemplars.values)
        stale = self._references(gone)
        # The same series may have been written in another way.
        stale = stale[~np.isin(stale, samples.references[tracks != 0])] if len(stale) else stale
        self.known.compact()
        return stale

    def fail(self, only: npt.NDArray[np.int32] | None = None) -> IntArray:
        """End a scrape that failed; int64 references of all series of the scrape before.

        The keys are kept; with `only` (int32), just those of these entries.
        """
        entries = np.empty(0, np.int32) if only is None else only
        stale = self._references(self.known.turn(entries, np.zeros(len(entries), np.uint8), keeps=only is None))
        self.known.compact()
        return stale

    def _references(self, entries: npt.NDArray[np.int32]) -> IntArray:
        references = np.unique(self.known.references[entries])
        return references[references >= 0]
