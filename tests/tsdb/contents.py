"""What a selection holds, spelled out."""

import numpy as np

from obsflow import native
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable, Selection
from obsflow.tsdb.files import BlockFiles, DataDirectory, File, HeadFiles
from tests.tsdb import writer

EVER = (-(1 << 62), 1 << 62)

Contents = dict[Labels, list[tuple[int, int]]]
"""Times and bits of the samples of every series."""


def contents(selection: Selection) -> Contents:
    """All samples of a selection; fails where runs are damaged, out of order or overlap."""
    times, values, offsets, bad = native.decode_runs(selection.runs)
    assert not bad.any()
    bits = values.view(np.uint64).tolist()
    out: Contents = {}
    for i, labels in enumerate(selection.labels.decode()):
        assert labels not in out, f"{labels} twice"
        part = slice(int(offsets[i]), int(offsets[i + 1]))
        assert (np.diff(times[part]) > 0).all()
        out[labels] = list(zip(times[part].tolist(), bits[part], strict=True))
    return out


def everything(store: Queryable) -> Contents:
    """All samples of a store."""
    return contents(store.select((), *EVER))


def samples(*pairs: tuple[int, float]) -> list[tuple[int, int]]:
    """Expected samples, as `contents` gives them."""
    return [(time, writer.bits_of(value)) for time, value in pairs]


def equal(name: str, value: str) -> Matcher:
    return Matcher(name, MatchOp.EQUAL, value)


def block_files(
    series: list[tuple[dict[str, str], list[list[tuple[int, float]]]]], version: int = 2, stones: bytes | None = None
) -> BlockFiles:
    """A block of series with their chunks, in memory."""
    segment = writer.SegmentWriter()
    entries = [
        (labels, [(chunk[0][0], chunk[-1][0], segment.add(writer.xor_chunk(chunk))) for chunk in chunks])
        for labels, chunks in sorted(series, key=lambda each: sorted(each[0].items()))
    ]
    return BlockFiles(
        name="block",
        meta=File("block/meta.json", writer.meta("block", 0, 10_000)),
        index=File("block/index", writer.index(entries, version)),
        segments={1: File("block/chunks/000001", bytes(segment.data))},
        tombstones=None if stones is None else File("block/tombstones", stones),
    )


def directory(*blocks: BlockFiles, head: HeadFiles | None = None) -> DataDirectory:
    return DataDirectory(blocks, HeadFiles() if head is None else head)


def log(*segments: bytes) -> dict[int, File]:
    """Segments of a log by number."""
    return {i: File(f"wal/{i:08d}", data) for i, data in enumerate(segments)}
