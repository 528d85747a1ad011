"""Blocks as they are written: what was put in, in the bytes that Prometheus expects."""

import json
import subprocess

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow import native
from obsflow.adapters.data_directory import read_block
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.storage import Runs
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import NewBlock, make_ulid, remove_block, write_block
from obsflow.tsdb.database import Database
from obsflow.tsdb.index_writer import write_index
from obsflow.tsdb.operations import Remove, Rename
from obsflow.tsdb.recoding import as_chunks
from tests.external import shared, tool
from tests.properties.kernel_inputs import one_series
from tests.tsdb import writer
from tests.tsdb.contents import everything, samples
from tests.tsdb.operated import MemoryFiles

ULID = "01M83F0QNYX1PQK4XX8D98TRK6"
TOC_BYTES = 52


def new_block(contents, **options):
    """A block of samples (time, value) by labels."""
    symbols = Symbols()
    ordered = sorted(contents)
    labels = LabelColumns.from_labels(symbols, ordered)
    flat = [sample for each in ordered for sample in contents[each]]
    times = np.array([time for time, _ in flat], np.int64)
    values = np.array([writer.bits_of(value) for _, value in flat], np.uint64).view(np.float64)
    offsets = np.cumsum([0, *(len(contents[each]) for each in ordered)])
    runs = as_chunks(Runs.from_arrays(times, values, offsets), **options)
    start, end = (int(times.min()), int(times.max()) + 1) if len(times) else (0, 1)
    return NewBlock(ULID, start, end, labels, runs, {"level": 1, "sources": [ULID]})


def written(block, **options):
    files = MemoryFiles()
    files.perform(write_block(block, **options))
    return files


label_values = st.text(st.characters(exclude_categories=()), min_size=1, max_size=3).filter(
    lambda text: not any("\ud800" <= each < "\udc80" or (each > "\udcff" and each <= "\udfff") for each in text)
)
label_sets = st.dictionaries(st.sampled_from(["__name__", "A", "job", "z"]), label_values, max_size=4).map(Labels)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(label_sets, one_series(130), max_size=4), st.booleans(), st.sampled_from([60, 1 << 29]))
def test_what_is_written_is_read(contents, compatible, segment_bytes):
    """Series of any labels, with any samples, come back bit by bit, from as many segments as it takes."""
    contents = {labels: given_samples for labels, given_samples in contents.items() if given_samples}
    block = new_block(contents, compatible=compatible)
    files = written(block, segment_bytes=segment_bytes)
    opened = Block.open(files.block(ULID), Symbols())
    database = Database(opened.series.symbols, [opened])

    assert everything(database) == {labels: samples(*each) for labels, each in contents.items()}
    assert database.problems == ()
    assert opened.meta.stats.samples == sum(map(len, contents.values()))
    segments = [data for path, data in files.data.items() if "/chunks/" in path]
    assert len(segments) >= (len(block.runs.start) if segment_bytes == 60 else min(1, len(contents)))


def chunk_metas(series):
    """First and last times and references of chunks, by labels."""
    metas = [meta for _, chunks in series for meta in chunks]
    columns = np.array(metas, np.int64).reshape(-1, 3).T
    return np.cumsum([0, *(len(chunks) for _, chunks in series)]), *columns


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.dictionaries(st.sampled_from(["__name__", "a", "b", "c"]), st.sampled_from("xyz"), min_size=1).map(Labels),
        st.integers(0, 4),
        max_size=20,
    )
)
def test_index_is_that_of_the_plain_writer(counts):
    """Symbols, entries, postings, their table and the table of contents have the bytes that the format prescribes."""
    place = iter(range(8, 1 << 20, 37))
    series = [
        (labels, [(1000 * i - 500, 1000 * i + 499 - i, next(place)) for i in range(counts[labels])])
        for labels in sorted(counts)
    ]
    labels = LabelColumns.from_labels(Symbols(), [each for each, _ in series])
    data = b"".join(write_index(labels, *chunk_metas(series)))
    expected = writer.index([(dict(each.pairs), chunks) for each, chunks in series])

    assert data == expected


@pytest.mark.parametrize(
    "chunks", [[(0, 10, 8), (10, 20, 40)], [(0, 10, 8), (5, 20, 40)], [(10, 0, 8)], [(20, 30, 8), (0, 10, 40)]]
)
def test_chunks_that_do_not_follow_one_another(chunks):
    """An index does not take chunks of a series that overlap, or run backwards."""
    labels = LabelColumns.from_labels(Symbols(), [Labels({"a": "b"})])
    with pytest.raises(ValueError, match="outside"):
        list(write_index(labels, *chunk_metas([(None, chunks)])))


def test_a_name_that_was_never_a_value():
    """Names and values are told apart only by their place: a name that the symbols do not know yet is one of them."""
    symbols = Symbols()
    columns = np.array([[symbols.intern("x")]], np.int32)
    data = b"".join(write_index(LabelColumns(symbols, ("a",), columns), *chunk_metas([(None, [(0, 1, 8)])])))
    assert data == writer.index([({"a": "x"}, [(0, 1, 8)])])


@pytest.mark.parametrize(
    ("time", "random", "expected"),
    [
        (0, bytes(10), "0" * 26),
        ((1 << 48) - 1, b"\xff" * 10, "7" + "Z" * 25),
        (1469918176385, bytes(10), "01ARYZ6S41" + "0" * 16),
    ],
)
def test_ulid(time, random, expected):
    """48 bits of time and 80 of chance, five a digit."""
    assert make_ulid(time, random) == expected


@pytest.mark.parametrize(("time", "random"), [(0, bytes(9)), (-1, bytes(10)), (1 << 48, bytes(10))])
def test_no_ulid(time, random):
    """Other times have no name, and neither have other amounts of chance."""
    with pytest.raises(ValueError, match=r"expected|named"):
        make_ulid(time, random)


def test_a_block_is_there_whole_or_not_at_all():
    """All is written and synced under another name; nothing but the new name comes after."""
    files = MemoryFiles()
    operations = list(write_block(new_block({Labels({"a": "b"}): [(1, 1.0)]})))
    names = []
    for operation in operations:
        files.perform([operation])
        names.append(files.names)
    at = next(i for i, each in enumerate(operations) if isinstance(each, Rename))

    assert names == [[]] * at + [[ULID]] * (len(names) - at)
    assert at == len(operations) - 2


def test_removal():
    """A block goes under another name first, over what an earlier try left."""
    files = written(new_block({Labels({"a": "b"}): [(1, 1.0)]}))
    files.data[f"{ULID}.tmp-for-deletion/index"] = b"left"
    operations = remove_block(ULID)
    files.perform(operations)

    assert files.data == {}
    assert [type(each) for each in operations].index(Rename) < len(operations) - 1
    assert operations[-1] == Remove(f"{ULID}.tmp-for-deletion")


def capture():
    """The blocks of a real server."""
    root = shared("captures", "payment-incidents", "data")
    return [path for path in sorted(root.iterdir()) if (path / "meta.json").exists()]


def test_a_real_block_again():
    """The contents of a server's block give its very segments, and its index up to what is written no more."""
    for path in capture():
        block = Block.open(read_block(path), Symbols())
        meta = json.loads((path / "meta.json").read_bytes())
        new = NewBlock(
            meta["ulid"],
            meta["minTime"],
            meta["maxTime"],
            block.series.take(np.arange(len(block.series))),
            block.chunks().runs,
            meta["compaction"],
        )
        files = written(new)
        index, real = files.data[f"{path.name}/index"], (path / "index").read_bytes()
        contents = np.frombuffer(index[-TOC_BYTES:-4], ">u8").tolist()
        theirs = np.frombuffer(real[-TOC_BYTES:-4], ">u8").tolist()

        for segment in sorted((path / "chunks").iterdir()):
            assert files.data[f"{path.name}/chunks/{segment.name}"] == segment.read_bytes()
        assert contents[:2] == theirs[:2]
        assert index[: contents[2]] == real[: contents[2]]
        told = {name: count for name, count in meta["stats"].items() if name != "numFloatSamples"}
        assert json.loads(files.data[f"{path.name}/meta.json"])["stats"].items() >= told.items()


def test_a_real_block_in_fewer_bytes():
    """Its chunks with better windows hold the same bits, and less than nine tenths of the bytes."""
    for path in capture():
        block = Block.open(read_block(path), Symbols())
        runs = block.chunks().runs
        shorter = as_chunks(runs)
        labels = block.series.take(np.arange(len(block.series)))
        meta = block.meta
        files = written(NewBlock(meta.ulid, meta.min_time, meta.max_time, labels, shorter, {"level": 1}))
        again = Block.open(files.block(meta.ulid), Symbols())
        decoded = [native.decode_runs(each) for each in (runs, again.chunks().runs)]

        assert again.series.take(np.arange(len(again.series))).decode() == labels.decode()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(*decoded, strict=True))
        assert shorter.length.sum() < 0.9 * runs.length.sum()
        assert as_chunks(runs, compatible=True) is runs


def on_disk(files, root):
    """The files as a data directory that tools can read."""
    for path, data in files.data.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root / "wal").mkdir()
    return root


def test_prometheus_reads_what_is_written(tmp_path):
    """Its own tools find the series, samples and chunks that were put in, value by value."""
    values = [0.1, 1.0, float("inf"), -0.0, 5e-324, 1e22, 123456.789]
    contents = {
        Labels({"__name__": "m", "i": str(i)}): [
            (1_700_000_000_000 + 15_000 * k + i, values[(k * 7 + i) % 7]) for k in range(200)
        ]
        for i in range(30)
    }
    root = on_disk(written(new_block(contents)), tmp_path)
    dump = subprocess.run([tool("promtool"), "tsdb", "dump", str(root)], check=True, capture_output=True, text=True)
    analysis = subprocess.run(
        [tool("promtool"), "tsdb", "analyze", str(root)], check=True, capture_output=True, text=True
    )

    found = {}
    for line in dump.stdout.splitlines():
        labels, value, time = line.rsplit(" ", 2)
        found.setdefault(labels, []).append((int(time), writer.bits_of(float(value))))
    assert found == {f'{{__name__="m", i="{labels["i"]}"}}': samples(*each) for labels, each in contents.items()}
    assert "\nSeries: 30\n" in analysis.stdout


def test_extra_keys():
    """What another system put beside a block's meta goes with it."""
    block = attrs.evolve(new_block({Labels({"a": "b"}): [(1, 1.0)]}), extra={"thanos": {"labels": {"x": "y"}}})
    meta = json.loads(written(block).data[f"{ULID}/meta.json"])
    assert meta["thanos"] == {"labels": {"x": "y"}}
