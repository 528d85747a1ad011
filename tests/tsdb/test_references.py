import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from obsflow import native
from obsflow.tsdb.references import References

ANY = st.one_of(st.integers(0, 50), st.integers(1 << 20, (1 << 20) + 50), st.integers(0, (1 << 64) - 1))


@given(st.lists(st.lists(st.tuples(ANY, st.integers(0, 9)), max_size=8), max_size=5), st.lists(ANY, max_size=8))
def test_the_last_that_was_said_counts(batches, asked):
    """References stand for the rows that were said last, near or far from each other; others for none."""
    references, model = References(), {}
    for batch in batches:
        references.add(
            np.array([reference for reference, _ in batch], np.uint64), np.array([row for _, row in batch], np.int64)
        )
        model |= dict(batch)
        everything = [*asked, *model]
        found = references.find(np.array(everything, np.uint64)).tolist()
        assert found == [model.get(reference, -1) for reference in everything]
        assert references.greatest == max(model, default=0)
    keys, rows = references.all()
    assert list(zip(keys.tolist(), rows.tolist(), strict=True)) == sorted(model.items())


CHUNKS = st.lists(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), max_size=4), min_size=1, max_size=4)


@given(CHUNKS, st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 45)), max_size=40))
def test_samples_that_lie_in_chunks(gaps, samples):
    """A sample is covered where a chunk of its series begins before it or with it, and ends after it or with it."""
    spans = []
    for row in gaps:
        at, own = 0, []
        for gap, width in row:
            own.append((at + gap, at + gap + width))
            at = own[-1][1]
        spans.append(own)
    flat = np.array([span for own in spans for span in own], np.int64).reshape(-1, 2)
    offsets = np.cumsum([0, *map(len, spans)])
    samples = [(row % len(spans), time) for row, time in samples]
    rows, times = np.array(samples, np.int64).reshape(-1, 2).T
    found = native.find_covered(rows, times, offsets, flat[:, 0], flat[:, 1]).tolist()
    assert found == [any(first <= time <= last for first, last in spans[row]) for row, time in samples]
