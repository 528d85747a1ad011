"""What start times change equals, bit for bit, what the slow twin says, whatever holds the samples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import start_times, xor2
from tests.query.store import ListStore

from obsflow.model.floats import STALE_NAN, float_bits
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import all_match
from obsflow.model.storage import ENCODING_XOR2, Runs, Selection
from obsflow.promql import PROMQLTEST, Dialect
from obsflow.query.engine import Engine
from obsflow.tsdb.memory import TSDB

VALUES = st.one_of(
    st.integers(0, 9).map(float),
    st.sampled_from([math.nan, math.inf, -1.0, 1e100, 0.1, STALE_NAN]),
    st.floats(width=32),
)
OVERLAP = 'PromQL warning: sample has start time that overlaps with previous sample timestamp for metric "c_total" (1:'


@st.composite
def counters(draw):
    """(time, value, start) every 15 s or so: deltas, counters that restart, unknown and impossible starts."""
    samples, time, start = [], draw(st.integers(0, 40_000)), 0
    for _ in range(draw(st.integers(1, 14))):
        before = samples[-1][0] if samples else time - 15_000
        start = draw(
            st.sampled_from((0, start, start, before, before + 1, before - 1, time - 4_000, time - 1, time, time + 1))
        )
        samples.append((time, draw(VALUES), start))
        time += draw(st.sampled_from((15_000, 15_000, 14_321, 45_000)))
    return samples


databases = st.lists(counters(), min_size=1, max_size=3).map(
    lambda several: {Labels({"__name__": "c_total", "i": str(i)}): samples for i, samples in enumerate(several)}
)


def in_memory(series):
    store = TSDB()
    for labels, samples in series.items():
        for time, value, start in samples:
            store.append(labels, time, value, start=start)
    return store


class Chunks:
    """Series in XOR2 chunks of a few samples, as a block has them."""

    def __init__(self, series):
        self.symbols = Symbols()
        self.series = series

    def select(self, matchers, _start, _end):
        chosen = [(labels, samples) for labels, samples in self.series.items() if all_match(tuple(matchers), labels)]
        runs, offsets = [], [0]
        for _, samples in chosen:
            runs += [samples[i : i + 5] for i in range(0, len(samples), 5)]
            offsets.append(len(runs))
        chunks = [
            xor2.encode([t for t, _, _ in r], [float_bits(v) for _, v, _ in r], [s for _, _, s in r]) for r in runs
        ]
        length = np.array([len(chunk) for chunk in chunks], np.int64)
        return Selection(
            LabelColumns.from_labels(self.symbols, [labels for labels, _ in chosen]),
            Runs(
                buffers=(b"".join(chunks),),
                offsets=np.array(offsets, np.int64),
                buffer=np.zeros(len(runs), np.int32),
                start=np.cumsum(length) - length,
                length=length,
                encoding=np.full(len(runs), ENCODING_XOR2, np.uint8),
                min_time=np.array([run[0][0] for run in runs], np.int64),
                max_time=np.array([run[-1][0] for run in runs], np.int64),
            ),
        )


def bits(value):
    return "NaN" if math.isnan(value) else float_bits(value)


def at_step(frame, step):
    rows = zip(frame.labels.decode(), frame.values[:, step], frame.present[:, step], strict=True)
    return {labels: bits(value) for labels, value, there in rows if there}


TIMES = st.lists(st.integers(0, 300_000), min_size=1, max_size=5)
STORES = pytest.mark.parametrize("hold", [in_memory, Chunks])


@STORES
@settings(max_examples=150, deadline=None)
@given(
    series=databases,
    function=st.sampled_from(sorted(start_times.FUNCTIONS)),
    range_s=st.sampled_from((16, 40, 90)),
    times=TIMES,
)
def test_windows_with_start_times_equal_the_twin(hold, series, function, range_s, times):
    """Rates, increases and resets have its values, and its warning where start times overlap."""
    times = np.sort(np.array(times))
    batch = Engine(hold(series), dialect=PROMQLTEST).query_batch(f"{function}(c_total[{range_s}s])", times)
    warned = False
    for step, time in enumerate(times.tolist()):
        windows = {labels: start_times.window(samples, time, 1000 * range_s) for labels, samples in series.items()}
        values = {
            labels.without("__name__"): start_times.FUNCTIONS[function](window, time, 1000 * range_s)
            for labels, window in windows.items()
        }
        expected = {labels: bits(value) for labels, value in values.items() if value is not None}
        assert at_step(batch.frame, step) == expected
        warned |= any(start_times.overlaps(*pair) for window in windows.values() for pair in start_times.pairs(window))
    found = [text for text in batch.warnings if text.startswith(OVERLAP)]
    assert bool(found) is (warned and function in ("increase", "rate"))


@STORES
@settings(max_examples=80, deadline=None)
@given(series=databases, times=TIMES)
def test_start_timestamps_equal_the_twin(hold, series, times):
    """Each sample that a selector finds gives its start, or 0 for none."""
    times = np.sort(np.array(times))
    engine = Engine(hold(series), dialect=PROMQLTEST, lookback_ms=50_000)
    batch = engine.query_batch("start_timestamp(c_total)", times)
    for step, time in enumerate(times.tolist()):
        values = {
            labels.without("__name__"): start_times.start_timestamp(samples, time, 50_000)
            for labels, samples in series.items()
        }
        assert at_step(batch.frame, step) == {
            labels: bits(value) for labels, value in values.items() if value is not None
        }


@STORES
@settings(max_examples=60, deadline=None)
@given(series=databases, function=st.sampled_from(sorted(start_times.FUNCTIONS)), times=TIMES)
def test_without_the_switch_start_times_are_not_seen(hold, series, function, times):
    """The answers are those of the same samples without any, bit for bit."""
    times, query = np.sort(np.array(times)), f"{function}(c_total[40s])"
    plain = ListStore((labels, [t for t, _, _ in each], [v for _, v, _ in each]) for labels, each in series.items())
    found, expected = (
        Engine(each, dialect=Dialect()).query_batch(query, times).frame for each in (hold(series), plain)
    )
    assert [at_step(found, i) for i in range(len(times))] == [at_step(expected, i) for i in range(len(times))]
