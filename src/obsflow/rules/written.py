"""Which series a rule wrote last, so that those it no longer writes are ended by a stale marker."""

from collections.abc import Mapping, Sequence
from typing import Self

from obsflow.model.floats import STALE_NAN
from obsflow.model.labels import Labels
from obsflow.rules.effects import Effect, Samples, WriteSamples


class WrittenSeries:
    """The samples of the last successful evaluation of one rule."""

    def __init__(self, samples: Samples = ()) -> None:
        self._samples = samples

    def replace(self, samples: Samples, time: int) -> list[Effect]:
        """Remember `samples` as the last ones, and write them with a stale marker for each series that ended."""
        ended = self._ended(samples)
        self._samples = samples
        return [WriteSamples(time, samples + ended)] if samples or ended else []

    def _ended(self, samples: Samples) -> Samples:
        if samples is self._samples:
            return ()
        if len(samples) == len(self._samples) and all(
            new[0] is old[0] for new, old in zip(samples, self._samples, strict=True)
        ):
            return ()
        current = {labels for labels, _ in samples}
        return tuple((labels, STALE_NAN) for labels, _ in self._samples if labels not in current)

    def snapshot(self) -> list[Mapping[str, str]]:
        """The series as plain data."""
        return [dict(labels) for labels, _ in self._samples]

    @classmethod
    def restore(cls, data: Sequence[Mapping[str, str]]) -> Self:
        """What `snapshot` described."""
        return cls(tuple((Labels(labels), 0.0) for labels in data))
