"""What comes of one scrape: columns to store, and what they mean."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.exposition.body import Exemplar, Exposition, Family
from obsflow.exposition.failures import ScrapeFailure

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Scraped:
    """What is to be stored of a scrape: int64 `references`, int64 `times` (ms), float64 `values`, one row a sample.

    In order: what was exposed, stale markers, what tells about the scrape. Where a series comes twice with one time,
    the first counts. `time` (ms) is that of the scrape. Of a scrape that failed, nothing that was exposed is there.
    """

    time: int
    references: IntArray
    times: IntArray
    values: FloatArray
    failure: ScrapeFailure | None
    samples_scraped: int
    samples_kept: int  # after relabelling
    series_added: int
    stale: int
    too_far_ahead: int
    exposition: Exposition | None  # None where nothing was, or it failed
    rows: IntArray | None = None  # of the exposition, of which the first of these samples are; None for all
    ends: bool = False  # whether these are the last markers of a target that is gone

    def exemplars(self) -> list[tuple[int, Exemplar]]:
        """The exemplars with the references of their series; one without a time has that of its sample."""
        if self.exposition is None or not len(self.exposition.columns.exemplars.values):
            return []
        of, found = self.exposition.columns.samples.exemplars, self.exposition.exemplars()
        of = of if self.rows is None else of[self.rows]
        out: list[tuple[int, Exemplar]] = []
        for at in np.flatnonzero(of >= 0).tolist():
            each = found[of[at]]
            out.append(
                (
                    int(self.references[at]),
                    each if each.time is not None else attrs.evolve(each, time=int(self.times[at])),
                )
            )
        return out

    def metadata(self) -> dict[str, Family]:
        """What was said of families, by name."""
        return {} if self.exposition is None else self.exposition.metadata()
