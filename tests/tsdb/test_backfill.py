"""Blocks of samples that are known beforehand."""

import json

import numpy as np
import pytest

from obsflow import TSDB
from obsflow.errors import DuplicateSampleError, NotFoundError
from obsflow.model.floats import STALE_NAN
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.backfill import BlockBuilder
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import make_ulid, write_block
from obsflow.tsdb.database import Database
from tests.tsdb.contents import everything, samples
from tests.tsdb.operated import MemoryFiles

HOUR = 3_600_000
UP = Labels({"__name__": "up", "job": "api"})
DOWN = Labels({"__name__": "up", "job": "api", "zone": "a"})


def name(time):
    return make_ulid((1 << 40) + time, b"0123456789")


def built(builder):
    """The blocks that are written, and a database of them."""
    files, symbols = MemoryFiles(), Symbols()
    for new in builder.blocks(name):
        files.perform(write_block(new))
    blocks = [Block.open(files.block(each), symbols) for each in files.names]
    return blocks, Database(symbols, blocks)


def test_blocks_are_aligned():
    """Each block has the samples of one range, whatever order they came in, and says no more than that."""
    builder = BlockBuilder()
    builder.add(UP, [5 * HOUR, 0, HOUR], [3.0, 1.0, 2.0])
    builder.add(DOWN, [2 * HOUR - 1, 2 * HOUR], [-1.0, -2.0])
    builder.add(UP, [5 * HOUR - 1], [2.5])
    blocks, database = built(builder)

    assert [(block.meta.min_time, block.meta.max_time) for block in blocks] == [
        (0, 2 * HOUR),
        (2 * HOUR, 2 * HOUR + 1),
        (5 * HOUR - 1, 5 * HOUR + 1),
    ]
    assert everything(database) == {
        UP: samples((0, 1.0), (HOUR, 2.0), (5 * HOUR - 1, 2.5), (5 * HOUR, 3.0)),
        DOWN: samples((2 * HOUR - 1, -1.0), (2 * HOUR, -2.0)),
    }
    assert database.problems == ()


def test_times_before_the_epoch():
    """Ranges are aligned below zero too."""
    builder = BlockBuilder()
    builder.add(UP, [-1, 0], [1.0, 2.0])
    blocks, _ = built(builder)

    assert [(block.meta.min_time, block.meta.max_time) for block in blocks] == [(-1, 0), (0, 1)]


@pytest.mark.parametrize(("in_order", "hints"), [(False, ["from-out-of-order"]), (True, None)])
def test_what_a_block_says_of_itself(in_order, hints):
    """A block does not claim that the log before its end is obsolete, unless it is told to."""
    builder = BlockBuilder(in_order=in_order)
    builder.add(UP, np.arange(250) * 1000, np.arange(250))
    (new,) = builder.blocks(name)
    files = MemoryFiles()
    files.perform(write_block(new))
    meta = json.loads(files.data[f"{new.ulid}/meta.json"])

    assert meta["compaction"].get("hints") == hints
    assert meta["stats"] == {"numSamples": 250, "numFloatSamples": 250, "numSeries": 1, "numChunks": 3}
    assert Block.open(files.block(new.ulid), Symbols()).meta.is_in_order == in_order


def test_no_samples_no_blocks():
    """Nothing gives nothing, also where a series has no samples."""
    builder = BlockBuilder()
    assert list(builder.blocks(name)) == []
    builder.add(UP, [], [])
    assert list(builder.blocks(name)) == []


def test_the_same_again():
    """A sample that comes twice is there once; another value at its time is refused, by name."""
    builder = BlockBuilder()
    builder.add(UP, [1, 2], [1.0, float("nan")])
    builder.add(UP, [2, 1], [float("nan"), 1.0])
    assert everything(built(builder)[1]) == {UP: samples((1, 1.0), (2, float("nan")))}
    builder.add(UP, [1], [1.5])
    with pytest.raises(DuplicateSampleError, match=r"up.*1\.0 and 1\.5 at 1"):
        list(builder.blocks(name))


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        (([0, 0], [1], [1.0]), ValueError),
        (([0], [1], [1.0, 2.0]), ValueError),
        (([[0]], [[1]], [[1.0]]), ValueError),
        (([1], [1], [1.0]), NotFoundError),
        (([-1], [1], [1.0]), NotFoundError),
    ],
)
def test_columns_that_do_not_fit(columns, error):
    """Columns of different lengths and series that are not there are refused, and nothing is taken."""
    builder = BlockBuilder()
    builder.series(UP)
    with pytest.raises(error):
        builder.add_columns(*columns)
    assert len(builder) == 0


def test_what_another_store_has():
    """The samples of a store within an interval, and no others."""
    builder = BlockBuilder()
    builder.add(UP, np.arange(300) * 60_000, np.arange(300) / 7)
    builder.add(DOWN, [60_000], [1.0])
    _, database = built(builder)
    copied = BlockBuilder()
    copied.add_store(database, 120_000, 130 * 60_000)

    assert everything(built(copied)[1]) == {UP: samples(*((i * 60_000, i / 7) for i in range(2, 131)))}


def test_what_rules_wrote():
    """What a store in memory was given, stale markers among it, is a block of the same bits."""
    store = TSDB()
    alert = Labels({"__name__": "ALERTS", "alertname": "Down", "alertstate": "firing"})
    for time, value in ((0, 1.0), (60_000, 1.0), (120_000, STALE_NAN)):
        store.append(alert, time, value)
    builder = BlockBuilder()
    builder.add_store(store, 0, HOUR)

    assert everything(built(builder)[1]) == {alert: samples((0, 1.0), (60_000, 1.0), (120_000, STALE_NAN))}
