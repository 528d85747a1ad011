"""Families that were collected in this process as the body that they would be, without any text of what is known."""

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.exposition.body import Exemplar, Exposition, Family, MetricType, Sample, TextFormat, labels_of_keys
from obsflow.exposition.cache import UNTAKEN, SeriesCache
from obsflow.exposition.render import MetricFamily, render_exemplar_labels, render_series
from obsflow.model.floats import NORMAL_NAN_BITS
from obsflow.model.labels import Labels

_FORMAT: Final = TextFormat.OPENMETRICS
_KINDS: Final = {MetricType.HISTOGRAM: native.TEXT_LE, MetricType.SUMMARY: native.TEXT_QUANTILE}
_SLACK: Final = 1000


@attrs.frozen(eq=False)
class Collected(Exposition):
    """Such a body: its bytes are the series alone, as they are written."""

    families: tuple[MetricFamily, ...] = attrs.field(kw_only=True)

    def metadata(self) -> dict[str, Family]:
        """What is said of families, by name."""
        return {each.name: Family(each.name, each.type, each.help, each.unit) for each in self.families}


class Writings:
    """How series are written, each worked out once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Labels, bytes] = {}

    def of(self, labels: Sequence[Labels]) -> list[bytes]:
        """Each as a key of exposition text."""
        known = self._known
        if len(known) > 2 * len(labels) + _SLACK:
            known.clear()
        out = []
        for each in labels:
            key = known.get(each)
            if key is None:
                key = known[each] = render_series(each).encode()
            out.append(key)
        return out


def read_collected(families: Sequence[MetricFamily], cache: SeriesCache, writings: Writings) -> Collected:
    """The families as a body in OpenMetrics. Keys that the cache does not know are put in, and are UNTAKEN."""
    samples = [sample for family in families for sample in family.samples]
    keys = writings.of([sample.labels for sample in samples])
    exemplars = [sample.exemplar for sample in samples if sample.exemplar is not None]
    texts = [render_exemplar_labels(each.labels).encode() for each in exemplars]
    lengths = np.array([len(key) for key in (*keys, *texts)], np.int32)
    starts = np.cumsum(lengths + 1, dtype=np.int64) - lengths - 1
    body, n = b"\n".join([*keys, *texts]), len(samples)
    kinds = np.repeat(
        np.array([_KINDS.get(family.type, 0) + _FORMAT.value for family in families], np.uint8),
        np.array([len(family.samples) for family in families], np.int64),
    )
    before = cache.known.n_entries
    entries = cache.known.add(body, starts[:n], lengths[:n], kinds)
    cache.known.references[before : cache.known.n_entries] = UNTAKEN
    columns = native.TextColumns(
        _samples(samples, starts[:n], lengths[:n], kinds, entries, cache.known.references[entries]),
        _no_metadata(),
        _exemplars(exemplars, starts[n:], lengths[n:]),
        0,
        n,
        0,
    )
    exemplar_kinds = np.full(len(texts), native.TEXT_EXEMPLAR + _FORMAT.value, np.uint8)
    of_exemplars = labels_of_keys(body, starts[n:], lengths[n:], exemplar_kinds)
    nothing = labels_of_keys(body, starts[:0], lengths[:0], kinds[:0])
    return Collected(body, _FORMAT, columns, np.empty(0, np.int64), nothing, of_exemplars, families=tuple(families))


def _samples(
    samples: Sequence[Sample],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.uint8],
    entries: npt.NDArray[np.int32],
    references: npt.NDArray[np.int64],
) -> native.TextSamples:
    values = np.array([sample.value for sample in samples], np.float64)
    values.view(np.uint64)[np.isnan(values)] = NORMAL_NAN_BITS
    has_exemplar = np.array([sample.exemplar is not None for sample in samples], np.bool_)
    times, has_time = _times([sample.time for sample in samples])
    exemplars = np.where(has_exemplar, np.cumsum(has_exemplar) - 1, -1).astype(np.int32)
    families = np.full(len(samples), -1, np.int32)
    return native.TextSamples(starts, lengths, kinds, values, times, has_time, families, exemplars, entries, references)


def _exemplars(
    exemplars: Sequence[Exemplar], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32]
) -> native.TextExemplars:
    times, has_time = _times([each.time for each in exemplars])
    return native.TextExemplars(
        starts, lengths, np.array([each.value for each in exemplars], np.float64), times, has_time
    )


def _times(times: Sequence[int | None]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    has_time = np.array([time is not None for time in times], np.uint8)
    return np.array([time or 0 for time in times], np.int64), has_time


def _no_metadata() -> native.TextMetadata:
    bytes_, places, lengths = np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int32)
    return native.TextMetadata(bytes_, bytes_, places, lengths, places, lengths)
