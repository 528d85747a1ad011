"""Which of the samples in a log are still there: those that were not deleted after they were logged."""

from collections.abc import Sequence

import numpy as np

from obsflow.tsdb.encoding import IntArray, MaskArray
from obsflow.tsdb.replay import Deletion, LoggedSamples
from obsflow.tsdb.tombstones import is_deleted


def kept_samples(samples: LoggedSamples, deletions: Sequence[Deletion]) -> MaskArray:
    """For each sample, bool `[n]`, whether no deletion that was logged after it covers it.

    Samples that came late are in both logs, and the one of late samples does not say when it was written: what is
    known of their time is their copy in the other log.
    """
    kept = np.ones(len(samples.rows), np.bool_)
    if not deletions:
        return kept
    own = np.flatnonzero(np.isin(samples.rows, [each.row for each in deletions]))
    own = own[np.argsort(samples.rows[own], kind="stable")]
    rows = samples.rows[own]
    logged = _logged(samples, own)
    for deletion in deletions:
        first, last = np.searchsorted(rows, (deletion.row, deletion.row + 1))
        older = np.flatnonzero(logged[first:last] < deletion.logged) + first
        interval = np.array([(deletion.min_time, deletion.max_time)], np.int64)
        kept[own[older[is_deleted(samples.times[own[older]], interval)]]] = False
    return kept


def _logged(samples: LoggedSamples, own: IntArray) -> IntArray:
    """Before how many others each of the samples at `own` was logged; -1 for a late one whose copy is gone.

    One that came in order precedes all late ones of its time, so it is the last of the copies that are theirs.
    """
    logged = own.copy()
    late = np.flatnonzero(samples.out_of_order[own])
    times = samples.times[own]
    copies: dict[tuple[int, int], list[int]] = {}
    candidates = np.flatnonzero(~samples.out_of_order[own] & np.isin(times, times[late]))
    for i in candidates.tolist():
        copies.setdefault((int(samples.rows[own[i]]), int(times[i])), []).append(int(own[i]))
    for i in reversed(late.tolist()):
        of_its_time = copies.get((int(samples.rows[own[i]]), int(times[i])))
        logged[i] = of_its_time.pop() if of_its_time else -1
    return logged
