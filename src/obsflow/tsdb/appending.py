"""Columns of samples that a store takes, and bodies of exposition text that become such columns."""

import abc
from collections.abc import Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.exposition import Scraped, ScrapeLoop, Target
from obsflow.model.labels import EMPTY, Labels
from obsflow.tsdb.staged import Appended

_PLAIN: Final = "text/plain; version=0.0.4"


@attrs.frozen(eq=False)
class Ingested:
    """What became of a body: what the scrape gave, and which of its samples were taken."""

    scraped: Scraped
    appended: Appended


class Ingesting(abc.ABC):
    """A store that takes columns of samples, and so bodies of exposition text.

    It knows each target by its labels, so that series which a target no longer has go stale.
    """

    _loops: dict[Labels, ScrapeLoop] | None = None

    @abc.abstractmethod
    def series(self, labels: Labels | Mapping[str, str]) -> int:
        """The reference of a series, made now if there is none."""

    @abc.abstractmethod
    def append_columns(
        self, references: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> Appended:
        """Add samples: int64 references that `series` gave, int64 times (ms) and float64 values, one of each."""

    def ingest(
        self,
        body: bytes,
        time: int,
        *,
        target_labels: Labels | Mapping[str, str] = EMPTY,
        content_type: str = _PLAIN,
        duration: float = 0.0,
        target: Target | None = None,
    ) -> Ingested:
        """Add what a target answered to a scrape that began at `time` (ms) and took `duration` seconds.

        With the samples come those about the scrape (`up` and others), and stale markers for what the target no longer
        has. A body that cannot be taken adds just these, and the result tells the `failure`. `target` says more than
        its labels; from the first body on it stays what it was. Raises what `append_columns` raises.
        """
        loop = self._loop_of(target or Target(Labels(target_labels), aligns=False))
        scraped = loop.scraped(body, content_type, time, duration=duration)
        return Ingested(scraped, self._append_scraped(loop, scraped))

    def ingest_failure(
        self,
        reason: str,
        time: int,
        *,
        target_labels: Labels | Mapping[str, str] = EMPTY,
        target: Target | None = None,
    ) -> Ingested:
        """Say that a target did not answer the scrape that began at `time` (ms): its series go stale."""
        loop = self._loop_of(target or Target(Labels(target_labels), aligns=False))
        scraped = loop.failed(reason, time)
        return Ingested(scraped, self._append_scraped(loop, scraped))

    def _append_scraped(self, loop: ScrapeLoop, scraped: Scraped) -> Appended:
        try:
            return self.append_columns(scraped.references, scraped.times, scraped.values)
        except BaseException:
            loop.lost()
            raise

    def _loop_of(self, target: Target) -> ScrapeLoop:
        if self._loops is None:
            self._loops = {}
        loop = self._loops.get(target.labels)
        if loop is None:
            loop = self._loops[target.labels] = ScrapeLoop(target, self)
        return loop

    def _forget_series(self, references: npt.NDArray[np.int64]) -> None:
        """The store dropped these series."""
        for loop in (self._loops or {}).values():
            loop.forget(references)
