"""Kernels over runs and frames against their twins."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.tables import bits, check_frame, columns, cut, run_table
from tests.oracles import group, histogram, window
from tests.properties.kernel_inputs import gauge_values, ranges_ms, series_lists, step_lists

from obsflow import native

few = settings(max_examples=20, deadline=None)

PARAMS = {
    "quantile_over_time": (st.one_of(st.floats(-0.5, 1.5), st.sampled_from([0.0, 0.5, 1.0, math.nan])),),
    "double_exponential_smoothing": (st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    "predict_linear": (st.sampled_from([0.0, 60.0, -3.5, 1e6]), st.integers(-1_000_000, 1_000_000)),
}


@pytest.mark.parametrize("function", sorted(window.FUNCTIONS))
@few
@given(series=series_lists, times=step_lists, range_ms=ranges_ms, data=st.data())
def test_windows(function, series, times, range_ms, data):
    """A range function gives, bit for bit, what its definition gives sample by sample."""
    strategies = PARAMS.get(function, ())
    params = [data.draw(st.lists(each, min_size=len(times), max_size=len(times))) for each in strategies]
    if function == "predict_linear":
        params[1] = [ms / 1000 for ms in params[1]]
    given_params = np.array(params, np.float64) if params else None
    values, present, bad = cut(function, run_table(series), np.array(times), range_ms, given_params)

    check_frame(window.window(function, series, times, range_ms, params), values, present)
    assert not bad.any()


@few
@given(series=series_lists, times=step_lists, lookback_ms=ranges_ms)
def test_instant_selection(series, times, lookback_ms):
    """Instant selection takes the newest sample of the lookback with all its bits, unless it is a stale marker."""
    values, present, bad = cut("select", run_table(series), np.array(times), lookback_ms)
    seconds, _, _ = cut("select_seconds", run_table(series), np.array(times), lookback_ms)

    expected = window.instant(series, times, lookback_ms)
    assert present.tolist() == [[cell is not None for cell in row] for row in expected]
    assert seconds.tolist() == [[cell[0] / 1000 if cell else 0 for cell in row] for row in expected]
    assert [bits(row) for row in values] == [bits([cell[1] if cell else 0.0 for cell in row]) for row in expected]
    assert not bad.any()


@few
@given(series=series_lists, samples_a_run=st.integers(1, 9))
def test_decoding(series, samples_a_run):
    """However a series is cut into runs, decoding them gives it back."""
    times, values, offsets, bad = native.decode_runs(run_table(series, samples_a_run=samples_a_run))

    expected = [columns(samples) for samples in series]
    assert times.tolist() == [t for each, _ in expected for t in each.tolist()]
    assert bits(values) == [b for _, each in expected for b in bits(each)]
    assert np.diff(offsets).tolist() == [len(samples) for samples in series]
    assert not bad.any()


@few
@given(series=series_lists, samples_a_run=st.integers(1, 9), times=step_lists, range_ms=ranges_ms)
def test_unpacking(series, samples_a_run, times, range_ms):
    """Unpacked, a series is one raw run of its samples, and windows over it are the same, read where it lies."""
    packed = run_table(series, samples_a_run=samples_a_run)
    unpacked = packed.unpack(-(2**63), 2**63 - 1)

    assert unpacked is not None
    assert [len(column) for column in (unpacked.encoding, unpacked.offsets)] == [
        sum(map(bool, series)),
        len(series) + 1,
    ]
    assert [bits(column) for column in native.decode_runs(unpacked)[:2]] == [
        bits(column) for column in native.decode_runs(packed)[:2]
    ]
    for function in ("select", "increase", "min_over_time", "stdvar_over_time", "deriv"):
        for before, after in zip(
            *(cut(function, runs, np.array(times), range_ms)[:2] for runs in (packed, unpacked)), strict=True
        ):
            assert before.tobytes() == after.tobytes()


@st.composite
def frames(draw):
    """Rows with a value or None at each step, and the group of each row."""
    n_steps, n_groups = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    cell = st.one_of(st.none(), gauge_values)
    rows = draw(st.lists(st.lists(cell, min_size=n_steps, max_size=n_steps), max_size=8))
    groups = draw(st.lists(st.integers(0, n_groups - 1), min_size=len(rows), max_size=len(rows)))
    return rows, groups, n_groups, n_steps


def arrays(rows, n_steps):
    present = np.array([[cell is not None for cell in row] for row in rows], bool).reshape(len(rows), n_steps)
    values = np.array([[7.0 if cell is None else cell for cell in row] for row in rows]).reshape(len(rows), n_steps)
    return values, present


@pytest.mark.parametrize("op", sorted(group.OPERATORS))
@few
@given(frame=frames(), q=st.one_of(st.floats(-0.5, 1.5), st.just(math.nan)))
def test_groups(op, frame, q):
    """An aggregation gives, bit for bit, what its definition gives value by value in row order."""
    rows, groups, n_groups, n_steps = frame
    params = [q] * n_steps
    values, present = native.reduce_groups(
        op, *arrays(rows, n_steps), native.Groups(np.array(groups, np.int64), n_groups), np.array(params)
    )

    check_frame(group.reduce_groups(op, rows, groups, n_groups, params), values, present)


@few
@given(frame=frames(), limits=st.lists(st.integers(-1, 9), min_size=4, max_size=4), greatest=st.booleans())
def test_ranks(frame, limits, greatest):
    """What a ranking keeps is what a heap of Go keeps, value by value in row order."""
    rows, groups, n_groups, n_steps = frame
    limits = limits[:n_steps]
    kept = native.keep_ranked(
        *arrays(rows, n_steps), native.Groups(np.array(groups, np.int64), n_groups), np.array(limits), greatest=greatest
    )

    assert kept.tolist() == group.keep_ranked(rows, groups, n_groups, limits, greatest=greatest)


bounds = st.sampled_from([-1.0, 0.0, 0.1, 0.5, 1.0, 2.5, 10.0, math.inf])
counts = st.one_of(
    st.none(),
    st.integers(0, 20).map(float),
    st.sampled_from([5 * (1 + 1e-13), math.nan, 1e-310, math.inf]),
    st.floats(0, 9),
)


@few
@given(
    groups=st.lists(st.lists(st.tuples(bounds, counts, counts), max_size=7), min_size=1, max_size=3),
    q=st.tuples(*[st.one_of(st.floats(-0.2, 1.2), st.sampled_from([0.0, 0.5, 1.0, math.nan]))] * 2),
    shuffle=st.randoms(use_true_random=False),
)
def test_histogram_quantiles(groups, q, shuffle):
    """A quantile of a classic histogram is what its definition gives bucket by bucket."""
    groups = [sorted(group, key=lambda bucket: bucket[0]) for group in groups]
    rows = [bucket for group in groups for bucket in group]
    offsets = np.cumsum([0, *map(len, groups)])
    le = np.array([bound for bound, _, _ in rows], np.float64)
    shuffled = np.array(shuffle.sample(range(len(rows)), len(rows)), np.int64)  # where the row of each bucket is
    back = np.argsort(shuffled)
    values, present, forced, extents = native.histogram_quantile(
        np.array(q), le, shuffled, *(column[back] for column in arrays([cells for _, *cells in rows], 2)), offsets
    )

    expected = [
        [
            histogram.quantile(q[step], [(bound, cells[step]) for bound, *cells in group if cells[step] is not None])
            if any(cells[step] is not None for _, *cells in group)
            else (None, None)
            for step in range(2)
        ]
        for group in groups
    ]
    check_frame([[cell[0] for cell in row] for row in expected], values, present)
    assert forced.tolist() == [[int(cell[1] is not None) for cell in row] for row in expected]
    assert extents.tolist() == [list(histogram.join(cell[1] for cell in row)) for row in expected]
