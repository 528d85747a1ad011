"""Series that look like those of a scraped server, from a fixed seed."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.storage import ENCODING_XOR, Runs

INTERVAL_MS = 15_000
SAMPLES_PER_CHUNK = 120


@attrs.frozen(eq=False)
class Samples:
    """`series` series of `samples` samples each, one after another."""

    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    series: int
    samples: int

    @property
    def chunk_offsets(self) -> npt.NDArray[np.int64]:
        """Where each chunk of 120 samples begins and ends."""
        return np.arange(0, len(self.times) + 1, SAMPLES_PER_CHUNK)


def regular_times(series: int, samples: int) -> npt.NDArray[np.int64]:
    """A sample every 15 s, the same for every series."""
    return np.tile(1_700_000_000_000 + INTERVAL_MS * np.arange(samples), series)


def constants(series: int, samples: int) -> Samples:
    """Gauges that never change."""
    return Samples(regular_times(series, samples), np.repeat(np.arange(series) * 1.0, samples), series, samples)


def counters(series: int, samples: int) -> Samples:
    """Counters that grow by 0 to 199 between scrapes."""
    steps = np.random.default_rng(1).integers(0, 200, (series, samples))
    return Samples(regular_times(series, samples), np.cumsum(steps, axis=1).astype(np.float64).ravel(), series, samples)


def gauges(series: int, samples: int) -> Samples:
    """Gauges with two decimals, uniform in 0 to 100."""
    values = np.random.default_rng(2).integers(0, 10_000, series * samples) / 100
    return Samples(regular_times(series, samples), values, series, samples)


KINDS = {"constant": constants, "counter": counters, "2-decimal gauge": gauges}


def chunked(samples: Samples) -> Runs:
    """The same samples as XOR chunks of 120."""
    offsets = samples.chunk_offsets
    data, ends = native.xor_encode_many(samples.times, samples.values, offsets)
    n_chunks = len(offsets) - 1
    return Runs(
        buffers=(data,),
        offsets=np.arange(samples.series + 1) * (n_chunks // samples.series),
        buffer=np.zeros(n_chunks, np.int32),
        start=ends[:-1],
        length=np.diff(ends),
        encoding=np.full(n_chunks, ENCODING_XOR, np.uint8),
        min_time=samples.times[offsets[:-1]],
        max_time=samples.times[offsets[1:] - 1],
    )
