"""The blocks that measurements are made on are blocks of the real format."""

import subprocess

import numpy as np
import pytest
from benchmarks import blocks

import obsflow
from obsflow.model.floats import STALE_NAN
from tests.external import tool

ULID = "01HA0000000000000000000009"


def series(count=5, samples=300):
    """Series of three chunks each; the last value of each is a stale marker."""
    times = 1_700_000_000_000 + 15_000 * np.arange(samples)
    for i in range(count):
        values = np.where(np.arange(samples) < samples - 1, np.arange(samples) * (i + 0.1), STALE_NAN)
        yield blocks.Series((("__name__", "x"), ("i", str(i))), times + i, values)


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A block whose chunks need several segments."""
    monkeypatch.setattr(blocks, "MAX_SEGMENT_BYTES", 4_000)
    blocks.write_block(tmp_path, ULID, series())
    assert len(list((tmp_path / ULID / "chunks").iterdir())) > 1
    return tmp_path


def test_every_sample_comes_back(directory):
    """What was written is what a query over the samples themselves gives, without a problem told."""
    database = obsflow.open(directory)
    read = obsflow.Engine(database).query("x[2h]", 1_700_000_000_000 + 15_000 * 300).series()

    assert database.problems == ()
    for (labels, times, values), written in zip(read, series(), strict=True):
        assert labels.pairs == written.labels
        assert times.tolist() == written.times[:-1].tolist()
        assert values.tolist() == written.values[:-1].tolist()


def test_prometheus_reads_every_sample_by_its_postings(directory):
    """Prometheus finds a series by its label, and all its samples."""
    (directory / "wal").mkdir()  # without which it does not look
    command = [tool("promtool"), "tsdb", "dump", "--match={i='3'}", str(directory)]
    dumped = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    written = list(series())[3]

    assert [int(line.rsplit(" ", 1)[1]) for line in dumped] == written.times.tolist()
    assert all(line.startswith('{__name__="x", i="3"} ') for line in dumped)
    assert [float(line.split()[-2]) for line in dumped[:-1]] == pytest.approx(written.values[:-1].tolist(), rel=1e-12)


def test_series_out_of_order_are_refused(tmp_path):
    """An index whose series do not ascend would be read wrongly, so it is not written."""
    with pytest.raises(AssertionError, match="ascend"):
        blocks.write_block(tmp_path, ULID, reversed(list(series())))
