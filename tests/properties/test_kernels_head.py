"""The head's kernels against their twin: codes, cuts, and the bytes of every chunk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import head as oracle
from tests.oracles import xor

from obsflow import native

some = settings(max_examples=60, deadline=None)
few = settings(max_examples=30, deadline=None)

ROWS = 4
STALE = 0x7FF0000000000002
START = 1_700_000_000_000
TWO_HOURS = 7_200_000
EVER = (-(1 << 63), (1 << 63) - 1)
OPEN = (EVER[0], native.NO_LATE_SAMPLES)

bits = st.one_of(
    st.integers(0, 6).map(lambda n: xor.bits_of(n / 2)),
    st.sampled_from([1 << 63, STALE]),
    st.integers(0, (1 << 64) - 1),
)
times = st.one_of(
    st.integers(START, START + 8),
    st.integers(-6, 6),
    st.sampled_from([EVER[0], EVER[0] + 1, EVER[1] - 1, EVER[1]]),
)
samples = st.tuples(st.integers(0, ROWS - 1), times, bits)
intervals = st.one_of(
    st.sampled_from([1, 1_000, 15_000, 60_000, 300_000]), st.integers(1, 2 * TWO_HOURS), st.just(1 << 40)
)


def columns(given_samples):
    rows, at, words = zip(*given_samples, strict=True) if given_samples else ((), (), ())
    return np.array(rows, np.int64), np.array(at, np.int64), np.array(words, np.uint64).view(np.float64)


def stored(head, row, start=EVER[0], end=EVER[1]):
    """What `oracle.Head.runs` says of the head under test."""
    runs = head.runs(np.array([row]), start, end)
    arenas = {**head.arenas, native.COPIES: runs.copies}
    return [
        (int(first), int(last), arenas[int(buffer)][at : at + length].tobytes())
        for buffer, at, length, first, last in zip(
            runs.buffer, runs.start, runs.length, runs.min_time, runs.max_time, strict=True
        )
    ]


def heads(chunk_range=TWO_HOURS, rows=ROWS):
    head = native.HeadStore(chunk_range)
    head.add_series(rows)
    return head, oracle.Head(chunk_range, rows)


@st.composite
def histories(draw):
    """Samples that are newer than those before them in their series: stretches of one interval, woven together."""
    each = []
    for row in range(draw(st.integers(1, ROWS))):
        time = draw(
            st.sampled_from([START, START + 7_100_000, 0, -TWO_HOURS - 5_000, EVER[0] + 1, EVER[1] - (1 << 42)])
        )
        word, part = draw(bits), []
        for _ in range(draw(st.integers(1, 4))):
            interval, count = draw(intervals), draw(st.sampled_from([1, 2, 29, 30, 31, 119, 120, 121, 240, 300]))
            change = draw(st.sampled_from([0, 1, 0x9E3779B97F4A7C15, 1 << 52]))
            jitter = draw(st.sampled_from([0, 0, 3]))
            for i in range(count):
                time += interval + (jitter * i * 7919 % 5 if jitter else 0)
                if time > EVER[1]:
                    break
                word = (word + change * (i % 3)) % (1 << 64)
                part.append((row, time, word))
        each.append(part)
    if draw(st.booleans()):
        return [sample for part in each for sample in part]
    longest = max(map(len, each))
    return [part[i] for i in range(longest) for part in each if i < len(part)]


@some
@given(
    st.lists(samples, max_size=40),
    st.lists(samples, max_size=12),
    st.one_of(times, st.just(EVER[0])),
    st.none() | times,
)
def test_codes(before, column, min_time, late_from):
    """A column is judged as if its samples came one by one, also where a series is in it twice; nothing is changed."""
    head, twin = heads()
    bound = native.NO_LATE_SAMPLES if late_from is None else min(late_from, native.NO_LATE_SAMPLES - 1)
    late_from = None if late_from is None else bound
    for row, time, word in before:
        value = np.array([word], np.uint64).view(np.float64)[0]
        expected = oracle.code(twin.series[row].newest, time, word, min_time, late_from)
        assert head.take(row, time, value, bounds=(min_time, bound)) == expected
        if expected == oracle.TAKEN:
            twin.append(row, time, word)
    for _ in range(2):
        found = head.check(*columns(column), bounds=(min_time, bound))
        assert found.tolist() == twin.check(column, min_time, late_from)
    newest = [EVER[0] if series.newest is None else series.newest[0] for series in twin.series]
    assert head.newest_times().tolist() == newest


@few
@given(histories(), st.sampled_from([TWO_HOURS, 60_000, 1]), st.lists(st.integers(0, 3000), max_size=3))
def test_chunks(history, chunk_range, cuts):
    """Every chunk begins, ends and reads as the rules say, in however many columns its samples came."""
    head, twin = heads(chunk_range)
    for row, time, word in history:
        twin.append(row, time, word)
    ends = sorted({min(cut, len(history)) for cut in cuts} | {len(history)})
    for first, last in zip([0, *ends], ends, strict=False):
        head.append(*columns(history[first:last]))
    for row in range(ROWS):
        assert stored(head, row) == twin.runs(row, *EVER)


def test_full_chunks():
    """A chunk is full after 1,005 bytes, wherever in a byte it ends."""
    head, twin = heads(1 << 50, 40)
    rng = np.random.default_rng(5)
    for step in range(160):
        words, time = rng.integers(0, 1 << 63, 40), 15_000 * step + int(rng.integers(0, 9_000))
        column = [(row, time, int(word) >> row % 4) for row, word in enumerate(words)]
        head.append(*columns(column))
        for sample in column:
            twin.append(*sample)
    sizes = {chunk.size for series in twin.series for chunk in series.closed}
    assert {1006, 1007} <= sizes
    for row in range(40):
        assert stored(head, row) == twin.runs(row, *EVER)


@few
@given(histories(), st.data())
def test_one_by_one_is_the_same_as_columns(history, data):
    """Samples that are taken one at a time are in the same chunks, and runs are those that touch the interval."""
    head, columnar = heads()[0], heads()[0]
    columnar.append(*columns(history))
    for row, time, value in zip(*columns(history), strict=True):
        code = head.take(int(row), int(time), float(value), bounds=OPEN)
        assert code == native.HEAD_TAKEN
    known = st.sampled_from([time for _, time, _ in history]) | times
    for row in range(ROWS):
        everything = stored(columnar, row)
        assert stored(head, row) == everything
        start, end = data.draw(known), data.draw(known)
        assert stored(head, row, start, end) == [run for run in everything if run[1] >= start and run[0] <= end]


@few
@given(histories(), st.data())
def test_forgetting(history, data):
    """Whole chunks go, those that stay keep their bytes, and appending goes on with the newest sample in mind."""
    head, twin = heads(60_000)
    for first in range(0, len(history), 97):
        part = history[first : first + 97]
        head.append(*columns(part))
        for row, time, word in part:
            twin.append(row, time, word)
        if data.draw(st.booleans()):
            known = [series.newest[0] for series in twin.series if series.newest] + [part[0][1]]
            before = min(data.draw(st.sampled_from(known)) + data.draw(st.integers(0, 1)), EVER[1])
            head.forget(before)
            for series in twin.series:
                series.forget(before)
    for row in range(ROWS):
        assert stored(head, row) == twin.runs(row, *EVER)
    closed = head.closed
    assert len(closed.series) == sum(len(series.closed) for series in twin.series)
    empty = [row for row, series in enumerate(twin.series) if not series.chunks]
    assert head.empty_series().tolist() == empty
    head.release(np.array(empty, np.int64))
    for row in empty:
        assert head.take(row, EVER[0] + 1, 0.0, bounds=OPEN) == 0


@pytest.mark.parametrize("rows", [3, 500])
def test_slots_are_used_again(rows):
    """Chunks of all sizes in turn, of more series than a page has slots, stay apart."""
    head, twin = heads(60_000, rows)
    words = [xor.bits_of(1.0), 0x9E3779B97F4A7C15]
    shown = range(0, rows, max(1, rows // 5))
    for step in range(400):
        time = START + 1_000 * step
        column = [(row, time, words[(step // 60 + row) % 2] * (step + row + 1) % (1 << 64)) for row in range(rows)]
        head.append(*columns(column))
        for row in shown:
            twin.append(*column[row])
        if step % 90 == 89:
            head.forget(time - 80_000)
            for row in shown:
                twin.series[row].forget(time - 80_000)
    for row in shown:
        assert stored(head, row) == twin.runs(row, *EVER)


def test_pages_with_gaps():
    """Slots that were given back here and there are taken again, each by one chunk."""
    rows, rng = 300, np.random.default_rng(3)
    head, twin = heads(1 << 50, 2 * rows)

    def fill(chosen, first):
        for step in range(first, first + 80):
            column = [
                (row, 15_000 * step, int(word))
                for row, word in zip(chosen, rng.integers(0, 1 << 63, rows), strict=True)
            ]
            head.append(*columns(column))
            for sample in column:
                twin.append(*sample)

    fill(range(rows), 0)
    for row in range(0, rows, 3):
        head.append(*columns([(row, 15_000 * 90, 0)]))
        twin.append(row, 15_000 * 90, 0)
    head.forget(15_000 * 85)
    for series in twin.series:
        series.forget(15_000 * 85)
    taken = head.nbytes
    fill(range(rows, 2 * rows), 100)
    for row in range(2 * rows):
        assert stored(head, row) == twin.runs(row, *EVER)
    assert head.nbytes < 1.7 * taken


def test_a_newest_sample_that_is_elsewhere():
    """It closes the open chunk, and what comes next must be newer."""
    head, twin = heads(rows=2)
    head.append(*columns([(0, 10, 1), (0, 20, 2)]))
    for row, time, word in ((0, 10, 1), (0, 20, 2)):
        twin.append(row, time, word)
    for row in (0, 1):
        head.mark_newest(row, 30, 1.5)
        assert head.take(row, 30, 1.5, OPEN) == native.HEAD_REPEATED
        assert head.take(row, 30, 2.5, OPEN) == native.HEAD_CONTRADICTS
        assert head.take(row, 29, 1.5, OPEN) == native.HEAD_OUT_OF_ORDER
    assert stored(head, 0) == twin.runs(0, *EVER)
    assert len(head.closed.series) == 1
    assert head.empty_series().tolist() == [1]
    assert head.take(0, 31, 0.0, OPEN) == native.HEAD_TAKEN
    assert [run[:2] for run in stored(head, 0)] == [(10, 20), (31, 31)]
    with pytest.raises(ValueError, match="outside"):
        head.mark_newest(0, 31, 1.0)


@pytest.mark.parametrize("row", [-1, ROWS, 1 << 40])
def test_rows_that_are_not_there(row):
    """They are refused by every call, and what came before them in a column is appended."""
    head, _ = heads()
    column = columns([(0, 10, 1), (row, 10, 1), (1, 10, 1)])
    calls = (
        lambda: head.check(*column, bounds=OPEN),
        lambda: head.append(*column),
        lambda: head.take(row, 10, 1.0, bounds=OPEN),
        lambda: head.mark_newest(row, 10, 1.0),
        lambda: head.runs(np.array([0, row]), *EVER),
        lambda: head.release(np.array([3, row])),
    )
    for call in calls:
        with pytest.raises(ValueError, match="outside"):
            call()
    assert head.newest_times().tolist() == [10, *[EVER[0]] * 3]


@pytest.mark.parametrize(
    ("column", "time", "min_time"), [([0, 1], 10, 0), ([1, ROWS], 20, 0), ([1, -1], 20, 0), ([1, 2], 20, 21)]
)
def test_a_column_at_one_time_is_appended_or_not(column, time, min_time):
    """Where one of its series has a sample that is not older, or is not there, or it is too old, nothing is."""
    head, twin = heads()
    for at in (10, 11):
        assert head.append_at(np.array([0, 2]), at, np.array([1.0, 2.0]), min_time=EVER[0])
        for row, value in ((0, 1.0), (2, 2.0)):
            twin.append(row, at, xor.bits_of(value))
    assert not head.append_at(np.array(column), time, np.ones(2), min_time=min_time)
    for row in range(ROWS):
        assert stored(head, row) == twin.runs(row, *EVER)


def test_a_column_with_an_older_sample():
    """Appending stops at it."""
    head, _ = heads()
    with pytest.raises(ValueError, match="outside"):
        head.append(*columns([(0, 10, 1), (0, 10, 1), (1, 5, 1)]))
    assert head.newest_times().tolist() == [10, *[EVER[0]] * 3]


def test_series_with_closed_chunks_are_not_released():
    """Nothing changes then."""
    head, _ = heads(60_000)
    head.append(*columns([(0, 10, 1), (0, 60_010, 1), (1, 10, 1)]))
    with pytest.raises(ValueError, match="outside"):
        head.release(np.array([1, 0]))
    assert [len(stored(head, row)) for row in (0, 1)] == [2, 1]


def test_moved_chunks():
    """Chunks whose bytes are elsewhere are found there, and the arena that held no others is dropped."""
    head, twin = heads(60_000)
    for step in range(300):
        sample = (0, 15_000 * step, step * 0x9E3779B97F4A7C15 % (1 << 64))
        head.append(*columns([sample]))
        twin.append(*sample)
    closed = head.closed
    count = len(closed.series)
    head.move(slice(0, count), -7, np.arange(count) * 1000)
    runs = head.runs(np.array([0]), *EVER)
    assert runs.buffer.tolist() == [*[-7] * count, native.COPIES]
    assert runs.start.tolist() == [*range(0, 1000 * count, 1000), 0]
    assert runs.length[:-1].tolist() == [len(data) for _, _, data in twin.runs(0, *EVER)[:-1]]
    assert head.nbytes > 0
