"""Runs made into the chunks that a block shall hold: raw samples encoded, and XOR chunks with better windows."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.storage import ENCODING_RAW, ENCODING_RAW_STARTS, ENCODING_XOR, Runs
from obsflow.tsdb.encoding import IntArray, expand, offsets_of

MAX_CHUNK_SAMPLES = 120


def as_chunks(runs: Runs, *, compatible: bool = False) -> Runs:
    """The same samples with every raw run as XOR chunks of at most 120 samples.

    XOR chunks have the windows that make them shortest, which every reader of the format decodes to the same bits.
    `compatible` makes the bytes those that Prometheus writes, and leaves chunks as they are; so are those of other
    encodings always. Raises ValueError for raw runs with start times, which XOR chunks cannot hold.
    """
    return encode_raw(runs if compatible else shorten(runs), compatible=compatible)


def shorten(runs: Runs) -> Runs:
    """The same runs, with those XOR chunks written again that other windows make shorter."""
    data, starts, lengths = native.xor_shorten(runs)
    new = lengths > 0
    if not new.any():
        return runs
    return attrs.evolve(
        runs,
        buffers=(*runs.buffers, data.data),
        buffer=np.where(new, len(runs.buffers), runs.buffer).astype(np.int32),
        start=np.where(new, starts, runs.start),
        length=np.where(new, lengths, runs.length),
    )


def encode_raw(runs: Runs, *, compatible: bool = False) -> Runs:
    """The same samples with every raw run as XOR chunks, and all chunks as they are; else as `as_chunks`."""
    if (runs.encoding == ENCODING_RAW_STARTS).any():
        raise ValueError("samples with start times cannot be made into XOR chunks")
    raw = runs.encoding == ENCODING_RAW
    if not raw.any():
        return runs
    at = np.flatnonzero(raw)
    parts = attrs.evolve(runs, offsets=np.arange(len(runs.start) + 1)).take(at)
    times, values, offsets, _ = native.decode_runs(parts)
    coded = chunk_samples(times, values, offsets, compatible=compatible)
    # every run again, in its place, a raw one as its chunks
    counts = np.ones(len(raw), np.int64)
    counts[at] = np.diff(coded.offsets)
    source = np.repeat(np.arange(len(raw)), counts)
    new = np.repeat(raw, counts)
    columns = {name: getattr(runs, name)[source] for name in _COLUMNS}
    columns["buffer"][new] = len(runs.buffers)
    for name in _COLUMNS[1:]:
        columns[name][new] = getattr(coded, name)
    return Runs((*runs.buffers, *coded.buffers), offsets_of(counts)[runs.offsets], **columns)


_COLUMNS = ("buffer", "start", "length", "encoding", "min_time", "max_time")


def chunk_samples(
    times: IntArray, values: npt.NDArray[np.float64], offsets: IntArray, *, compatible: bool = False
) -> Runs:
    """XOR chunks of at most 120 samples, of samples in CSR form: series `i` owns `offsets[i]:offsets[i + 1]`."""
    pieces = -(-np.diff(offsets) // MAX_CHUNK_SAMPLES)
    ends = offsets_of(pieces)
    owner, within = expand(pieces)
    first = offsets[owner] + within * MAX_CHUNK_SAMPLES
    last = np.minimum(first + MAX_CHUNK_SAMPLES, offsets[owner + 1])
    encode = native.xor_encode_many if compatible else native.xor_encode_shortest
    data, edges = encode(times, values, np.append(first, offsets[-1]))
    return Runs(
        buffers=(data,),
        offsets=ends,
        buffer=np.zeros(len(first), np.int32),
        start=edges[:-1],
        length=np.diff(edges),
        encoding=np.full(len(first), ENCODING_XOR, np.uint8),
        min_time=times[first],
        max_time=times[last - 1],
    )
