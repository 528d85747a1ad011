"""Runs that are not chunks yet, made into chunks that a block can hold."""

import attrs
import numpy as np

from obsflow import native
from obsflow.model.storage import ENCODING_RAW, ENCODING_XOR, Runs
from obsflow.tsdb.encoding import offsets_of

MAX_CHUNK_SAMPLES = 120


def as_chunks(runs: Runs) -> Runs:
    """The same samples with every raw run as XOR chunks of at most 120 samples; chunks stay as they are, byte for byte.

    Raises ValueError for raw runs with start times, which XOR chunks cannot hold.
    """
    raw = runs.encoding == ENCODING_RAW
    if (runs.encoding > max(ENCODING_XOR, 6)).any():
        raise ValueError("samples with start times cannot be made into XOR chunks")
    if not raw.any():
        return runs
    at = np.flatnonzero(raw)
    parts = attrs.evolve(runs, offsets=np.arange(len(runs.start) + 1)).take(at)
    times, values, offsets, _ = native.decode_runs(parts)
    pieces = -(-np.diff(offsets) // MAX_CHUNK_SAMPLES)
    owner = np.repeat(np.arange(len(at)), pieces)
    within = np.arange(len(owner)) - np.repeat(offsets_of(pieces)[:-1], pieces)
    first = offsets[owner] + within * MAX_CHUNK_SAMPLES
    last = np.minimum(first + MAX_CHUNK_SAMPLES, offsets[owner + 1])
    data, ends = native.xor_encode_many(times, values, np.append(first, offsets[-1]))
    # every run again, in its place, a raw one as its pieces
    counts = np.ones(len(raw), np.int64)
    counts[at] = pieces
    source = np.repeat(np.arange(len(raw)), counts)
    new = np.repeat(raw, counts)
    columns = {name: getattr(runs, name)[source] for name in ("buffer", "start", "length", "encoding")}
    min_time, max_time = runs.min_time[source], runs.max_time[source]
    columns["buffer"][new] = len(runs.buffers)
    columns["start"][new] = ends[:-1]
    columns["length"][new] = np.diff(ends)
    columns["encoding"][new] = ENCODING_XOR
    min_time[new], max_time[new] = times[first], times[last - 1]
    return Runs(
        (*runs.buffers, data), offsets_of(counts)[runs.offsets], **columns, min_time=min_time, max_time=max_time
    )
