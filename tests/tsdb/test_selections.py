"""What is kept of selections: which questions it answers, what has to go, and that nobody sees a difference."""

import struct

import numpy as np
import pytest

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.storage import ENCODING_RAW, Selection
from obsflow.query.engine import Engine
from obsflow.tsdb import selections
from obsflow.tsdb.database import Database
from obsflow.tsdb.selections import Selections
from tests.native.tables import run_table
from tests.tsdb.contents import block_files, directory

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def selection(samples=8):
    """One series with a sample a second, in XOR and raw runs of four."""
    labels = LabelColumns.from_labels(Symbols(), [Labels({"a": "b"})])
    return Selection(labels, run_table([[(1_000 * i, float(i)) for i in range(samples)]]))


def test_an_answer_serves_what_lies_within_it():
    """An interval that is not wholly known is not answered."""
    kept, known = Selections(), selection()
    kept.keep("q", 1_000, 5_000, known)

    assert kept.find("q", 1_000, 5_000) is known
    assert kept.find("q", 2_000, 2_000) is known
    assert kept.find("q", 999, 2_000) is None
    assert kept.find("q", 2_000, 5_001) is None
    assert kept.find("other", 2_000, 2_000) is None


@pytest.mark.parametrize(
    ("asked", "extended"),
    [((2, 4), (1, 5)), ((1, 6), (1, 10)), ((0, 3), (-4, 5)), ((-1, 7), (-5, 11))],
)
def test_an_interval_grows_by_its_length(asked, extended):
    """A window that moves on is searched for less and less often."""
    kept = Selections()
    kept.keep("q", 1, 5, selection())

    assert kept.extend("q", *asked) == extended
    assert kept.extend("other", *asked) == asked


def test_the_oldest_answers_go(monkeypatch):
    """So many answers are kept, and so many runs in all of them; some go at once, so that there is room for a while."""
    monkeypatch.setattr(selections, "_MAX_KEPT", 4)
    kept = Selections()
    for question in "abcde":
        kept.keep(question, 0, 9, selection())
    assert [kept.find(question, 0, 9) is not None for question in "abcde"] == [False, False, True, True, True]

    monkeypatch.setattr(selections, "_MAX_KEPT_RUNS", 7)  # each has two
    kept.keep("f", 0, 9, selection())
    assert [kept.find(question, 0, 9) is not None for question in "cdef"] == [False, False, True, True]

    kept.keep("g", 0, 9, selection(40))
    assert kept.find("g", 0, 9) is None  # more than there is room for

    kept.forget()
    assert kept.find("f", 0, 9) is None


def test_what_is_asked_twice_is_decoded():
    """The second time there is one raw run, as far as the interval goes."""
    kept, known = Selections(decoded_samples=100), selection()
    kept.keep("q", 0, 4_500, known)
    found = kept.find("q", 1_000, 2_000)

    assert found is not None
    assert found.runs.encoding.tolist() == [ENCODING_RAW]
    assert (found.runs.min_time.tolist(), found.runs.max_time.tolist()) == ([0], [7_000])
    assert np.frombuffer(found.runs.buffers[0], np.int64)[:8].tolist() == [1_000 * i for i in range(8)]
    assert kept.find("q", 1_000, 2_000) is found


def test_samples_find_room_or_stay_encoded():
    """The oldest that are decoded make room; what is larger than all of it is not decoded."""
    kept = Selections(decoded_samples=20)
    for question, samples in (("a", 8), ("b", 8), ("c", 12), ("d", 40)):
        kept.keep(question, 0, 99_000, selection(samples))
    sizes = [len(kept.find(question, 0, 9).runs.encoding) for question in "abcd"]

    assert sizes == [1, 1, 1, 10]
    assert kept.find("a", 0, 9) is None  # which was there before "c" had to find room
    assert kept.find("b", 0, 9) is not None


def test_damage_is_not_decoded_away():
    """A damaged run stays as it is, so that each query that reads it says so."""
    known = selection()
    known.runs.length[1] -= 1
    kept = Selections(decoded_samples=100)
    kept.keep("q", 0, 9_000, known)

    assert kept.find("q", 0, 9_000) is known


def test_queries_see_no_difference():
    """A database that keeps samples decoded gives the same bits, stale markers and all, time after time."""
    rng = np.random.default_rng(11)
    series = []
    for i in range(4):
        values = np.cumsum(rng.integers(-1, 5, 240)).astype(float).tolist()
        samples = [(15_000 * k + i, STALE if k % 37 == 5 else values[k]) for k in range(240) if k % 50 < 45]
        chunks = [samples[k : k + 120] for k in range(0, len(samples), 120)]
        series.append(({"__name__": "x_total", "i": str(i)}, chunks))
    files = block_files(series)
    plain, decoding = (
        Engine(Database.open(directory(files), decompress_zstd, decoded_samples=room)) for room in (0, 1 << 20)
    )
    for query in (
        "x_total",
        "rate(x_total[5m])",
        "sum(max_over_time(x_total[2m]))",
        "timestamp(x_total)",
        "x_total @ 900",
    ):
        for end in (900_000, 1_800_000, 3_600_000):
            for _ in range(3):
                answers = [engine.query_range(query, end - 600_000, end, 7_000) for engine in (plain, decoding)]
                assert answers[0].to_dict() == answers[1].to_dict()
            assert plain.query(f"{query}", end).to_dict() == decoding.query(f"{query}", end).to_dict()
