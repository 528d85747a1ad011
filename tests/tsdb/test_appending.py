"""Bodies of exposition text into stores: in memory, and on disk."""

import numpy as np
import pytest

from obsflow import TSDB, Labels, native
from obsflow.adapters.files import DirectoryFiles
from obsflow.adapters.opening import open_writable
from obsflow.errors import NotFoundError
from obsflow.exposition import FailureKind, Target
from obsflow.model.floats import STALE_NAN
from tests.tsdb.contents import everything, samples


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    """A store of each kind."""
    if request.param == "memory":
        yield TSDB()
        return
    with open_writable(tmp_path / "data") as opened:
        yield opened


def named(contents, *names):
    return {str(labels): pairs for labels, pairs in contents.items() if labels.name in names}


def test_bodies_become_series(store):
    """Samples, those about the scrape, and the end of a series."""
    first = store.ingest(b"a 1\nb 2\n", 1000, target_labels={"job": "j"}, duration=0.5)
    assert (first.scraped.failure, first.appended.accepted) == (None, 7)
    store.ingest(b"a 3\n", 2000, target_labels=Labels(job="j"))
    assert named(everything(store), "a", "b", "up", "scrape_duration_seconds") == {
        'a{job="j"}': samples((1000, 1.0), (2000, 3.0)),
        'b{job="j"}': samples((1000, 2.0), (2000, STALE_NAN)),
        'up{job="j"}': samples((1000, 1.0), (2000, 1.0)),
        'scrape_duration_seconds{job="j"}': samples((1000, 0.5), (2000, 0.0)),
    }


def test_targets_are_told_apart(store):
    """What one target no longer has ends; what another has does not."""
    store.ingest(b"a 1\n", 1000, target_labels={"job": "x"})
    store.ingest(b"b 1\n", 1000, target_labels={"job": "y"})
    store.ingest(b"", 2000, target_labels={"job": "x"})
    assert named(everything(store), "a", "b") == {
        'a{job="x"}': samples((1000, 1.0), (2000, STALE_NAN)),
        'b{job="y"}': samples((1000, 1.0)),
    }


def test_failures(store):
    """A body that cannot be taken, and no answer at all: the target is down and its series end."""
    target = Target(Labels(job="j"), sample_limit=1)
    store.ingest(b"a 1\n", 1000, target=target)
    assert store.ingest(b"a 1\nb 1\n", 2000, target=target).scraped.failure.kind is FailureKind.SAMPLE_LIMIT
    assert store.ingest_failure("refused", 3000, target=target).scraped.failure.message == "refused"
    assert named(everything(store), "a", "b", "up") == {
        'a{job="j"}': samples((1000, 1.0), (2000, STALE_NAN)),
        'up{job="j"}': samples((1000, 1.0), (2000, 0.0), (3000, 0.0)),
    }


def test_the_first_of_two_counts(store):
    """Also where it is the target's own `up`."""
    codes = store.ingest(b"a 1\na 1\na 2\nup 7\na 3 500\n", 1000).appended.codes
    assert codes.tolist() == [
        *(0, native.HEAD_REPEATED, native.HEAD_CONTRADICTS, 0, native.HEAD_OUT_OF_ORDER, native.HEAD_CONTRADICTS),
        *(0, 0, 0, 0),
    ]
    assert named(everything(store), "a", "up") == {"a": samples((1000, 1.0)), "up": samples((1000, 7.0))}


def test_columns(store):
    """Times of a series must increase within a column too; a reference that is none adds nothing."""
    a, b = store.series({"__name__": "a"}), store.series({"__name__": "b"})
    appended = store.append_columns(
        np.array([a, b, a, a, b]), np.array([1, 1, 2, 1, 1]), np.array([1.0, 2.0, 3.0, 4.0, 2.0])
    )
    expected = [0, 0, 0, native.HEAD_OUT_OF_ORDER, native.HEAD_REPEATED]
    assert (appended.codes.tolist(), appended.accepted) == (expected, 4)
    with pytest.raises(NotFoundError, match="no such series: 99"):
        store.append_columns(np.array([a, 99]), np.array([5, 5]), np.array([1.0, 1.0]))
    assert named(everything(store), "a", "b") == {"a": samples((1, 1.0), (2, 3.0)), "b": samples((1, 2.0))}


def test_ends_that_the_disk_did_not_take(tmp_path, monkeypatch):
    """A marker that was not written is written with the next body."""
    with open_writable(tmp_path / "data") as store:
        store.ingest(b"a 1\nb 1\n", 1000)
        with monkeypatch.context() as patch:
            patch.setattr(DirectoryFiles, "perform", lambda *_: (_ for _ in ()).throw(OSError("full")))
            with pytest.raises(OSError, match="full"):
                store.ingest(b"a 2\n", 2000)
        store.ingest(b"a 3\n", 3000)
        assert named(everything(store), "a", "b") == {
            "a": samples((1000, 1.0), (3000, 3.0)),
            "b": samples((1000, 1.0), (3000, STALE_NAN)),
        }


def test_series_that_were_cut_away(tmp_path):
    """A target that comes back when its series have left the head is taken as if it were new."""
    hour = 3_600_000
    with open_writable(tmp_path / "data") as store:
        store.ingest(b"a 1\n", hour, target_labels={"job": "x"})
        for i in range(8):
            store.ingest(b"b 1\n", hour + i * hour, target_labels={"job": "y"})
        store.maintain(9 * hour)
        store.ingest(b"a 2\n", 9 * hour, target_labels={"job": "x"})
        assert named(everything(store), "a") == {'a{job="x"}': samples((hour, 1.0), (9 * hour, 2.0))}
