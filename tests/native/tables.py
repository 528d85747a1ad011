"""Run tables for tests, from series that are lists of (time in ms, value)."""

import numpy as np

from obsflow import native
from obsflow.model.storage import ENCODING_RAW, ENCODING_XOR, Runs


def columns(samples):
    """Times and values of one series."""
    return np.array([t for t, _ in samples], np.int64), np.array([v for _, v in samples], np.float64)


def run_table(series, *, samples_a_run=4, buffers=2):
    """Runs of at most so many samples, raw and XOR by turns, spread over the buffers."""
    data = [bytearray(b"\xff" * 3) for _ in range(buffers)]
    rows, offsets = [], [0]
    for samples in series:
        for first in range(0, len(samples), samples_a_run):
            times, values = columns(samples[first : first + samples_a_run])
            encoding = (ENCODING_XOR, ENCODING_RAW)[len(rows) % 2]
            raw = times.tobytes() + values.tobytes()
            run = native.xor_encode(times, values) if encoding == ENCODING_XOR else raw
            at = len(rows) % buffers
            rows.append((at, len(data[at]), len(run), encoding, times.min(), times.max()))
            data[at] += run
        offsets.append(len(rows))
    table = np.array(rows, np.int64).reshape(len(rows), 6)
    return Runs(
        buffers=tuple(map(bytes, data)),
        offsets=np.array(offsets),
        buffer=table[:, 0].astype(np.int32),
        start=table[:, 1].copy(),
        length=table[:, 2].copy(),
        encoding=table[:, 3].astype(np.uint8),
        min_time=table[:, 4].copy(),
        max_time=table[:, 5].copy(),
    )


def cut(function, runs, times, range_ms, params=None, workers=1):
    """Values, presence and corrupt runs of a function of windows."""
    rows = native.window(runs, native.Windows(function, times, range_ms, params), workers)
    assert rows.filled.tolist() == rows.present.sum(axis=1).tolist()
    return rows.values, rows.present, rows.bad


def bits(values):
    """Floats as integers, so that NaNs and zeros compare as they are."""
    return np.asarray(values, np.float64).view(np.uint64).tolist()


def same(expected, actual):
    """Equal bits, but any NaN for NaN."""
    return np.isnan(expected) & np.isnan(actual) | (
        np.asarray(expected).view(np.uint64) == np.asarray(actual).view(np.uint64)
    )


def check_frame(expected, values, present):
    """A frame against rows that hold a float, or None where absent."""
    wanted = np.array([[cell is not None for cell in row] for row in expected], bool).reshape(present.shape)
    floats = np.array([[0.0 if cell is None else cell for cell in row] for row in expected]).reshape(present.shape)
    assert present.tolist() == wanted.tolist()
    assert same(floats, values).all(), (floats, values)
