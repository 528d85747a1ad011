"""All that an index promises and that reading it does not need: orders, postings, every byte accounted for."""

from collections.abc import Iterator

import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.coverage import find_strays, lengths_at
from obsflow.tsdb.encoding import Cursor, IntArray, offsets_of
from obsflow.tsdb.files import File
from obsflow.tsdb.index import CRC_BYTES, HEADER_BYTES, SERIES_ALIGNMENT, TOC_BYTES, Index, decode_toc
from obsflow.tsdb.series import SeriesTable

_ALIGNMENT = 4
_FRAME_BYTES = 8
_KEY_PARTS = 2


def check_index(file: File, index: Index) -> list[CorruptionError]:
    """What is wrong with an index that was decoded without problems. Raises CorruptionError where reading on fails."""
    version = file.data[HEADER_BYTES - 1]
    alignment = 1 if version == 1 else SERIES_ALIGNMENT
    entries = index.references * alignment
    problems = [*_check_symbols(file), *_check_labels(file, index.series, entries), *_check_times(file, index, entries)]
    if version == 1:
        return problems
    table = _read_postings_table(file)
    covered = _sections(file, entries, [at for *_, at in table], problems)
    problems += find_strays(file, *covered, may_be_zero=True)
    problems += _check_postings(file, index, table)
    return problems


def _check_symbols(file: File) -> Iterator[CorruptionError]:
    cursor = Cursor(file.data, file.name, decode_toc(file).symbols + 4)
    before = b""
    for number in range(cursor.be32()):
        at = cursor.position
        text = cursor.take(cursor.uvarint())
        if number and text <= before:
            yield CorruptionError("symbols are not in order", file.name, at)
            return
        before = text


def _check_labels(file: File, series: SeriesTable, entries: IntArray) -> Iterator[CorruptionError]:
    """Labels of a series are sorted and have values; label sets are distinct and sorted."""
    symbols = series.symbols
    used, inverse = np.unique(series.names, return_inverse=True)
    texts = [symbols[i].encode("utf-8", "surrogateescape") for i in used.tolist()]
    rank = np.empty(len(used), np.int64)
    rank[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    ranks = rank[inverse]
    owner = np.repeat(np.arange(len(series)), np.diff(series.offsets))
    disordered = (np.diff(ranks) <= 0) & (owner[1:] == owner[:-1])
    for row in np.unique(owner[1:][disordered]).tolist():
        yield CorruptionError("labels of a series are not in order", file.name, int(entries[row]))
    for row in np.unique(owner[series.values == 0]).tolist():
        yield CorruptionError("a label of a series has no value", file.name, int(entries[row]))
    labels = series.take(np.arange(len(series)))
    order = labels.sort_order
    if not labels.is_distinct:
        ids, first = labels.group()
        again = np.setdiff1d(np.arange(len(ids)), first)
        yield from (CorruptionError("label set comes twice", file.name, int(at)) for at in entries[again].tolist())
    elif not labels.is_sorted:
        row = int(np.flatnonzero(order != np.arange(len(order)))[0])
        yield CorruptionError("series are not in the order of their labels", file.name, int(entries[row]))


def _check_times(file: File, index: Index, entries: IntArray) -> Iterator[CorruptionError]:
    """Chunks of a series follow one another, and those of all series lie in their segments in order."""
    chunks = index.chunks
    owner = np.repeat(np.arange(len(entries)), np.diff(chunks.offsets))
    wrong = chunks.max_time < chunks.min_time
    wrong[1:] |= (owner[1:] == owner[:-1]) & (chunks.min_time[1:] <= chunks.max_time[:-1])
    for row in np.unique(owner[wrong]).tolist():
        yield CorruptionError("chunks of a series do not follow one another", file.name, int(entries[row]))
    backwards = np.flatnonzero(np.diff(chunks.reference) < 0)
    if len(backwards):
        at = int(entries[owner[backwards[0] + 1]])
        yield CorruptionError("chunks are not in the order of their series", file.name, at)
    for row in np.flatnonzero(np.diff(chunks.offsets) == 0).tolist():
        yield CorruptionError("series has no chunks", file.name, int(entries[row]))


_Key = tuple[bytes, bytes, int]
"""Name, value, and where the postings of that pair are."""


def _read_postings_table(file: File) -> list[_Key]:
    """The entries of the postings offset table, whose checksum holds."""
    at = decode_toc(file).postings_offset_table
    size = Cursor(file.data, file.name, at).be32()
    cursor = Cursor(file.data, file.name, at + 4, at + 4 + size)
    entries = []
    for _ in range(cursor.be32()):
        start = cursor.position
        if cursor.uvarint() != _KEY_PARTS:
            cursor.fail("expected a name and a value", start)
        entries.append((cursor.take(cursor.uvarint()), cursor.take(cursor.uvarint()), cursor.uvarint()))
    if cursor.remaining:
        cursor.fail("bytes after the last entry of the postings offset table")
    return entries


def _sections(
    file: File, entries: IntArray, lists: list[int], problems: list[CorruptionError]
) -> tuple[IntArray, IntArray]:
    """Where all that has a checksum starts and ends. Label indices, which older writers made, are checked here."""
    toc, size = decode_toc(file), len(file.data)
    data = np.frombuffer(file.data, np.uint8)
    framed = [toc.symbols, toc.postings_offset_table, *lists]
    tables = (toc.postings, toc.label_offset_table, toc.postings_offset_table)
    if toc.label_indices < toc.end_of(toc.label_indices, size) and toc.label_indices not in tables:
        indices = list(_walk(file, toc.label_indices, toc.end_of(toc.label_indices, size)))
        if toc.label_offset_table != toc.postings_offset_table:
            indices.append(toc.label_offset_table)
        problems += _check_sums(file, indices)
        framed += indices
    framed = [at for at in framed if at + 4 <= size]
    ends = [at + _FRAME_BYTES + int.from_bytes(file.data[at : at + 4], "big") for at in framed]
    lengths, widths = lengths_at(data, entries)
    starts = np.concatenate((np.array([0, *framed, size - TOC_BYTES], np.int64), entries))
    return starts, np.concatenate((np.array([HEADER_BYTES, *ends, size]), entries + widths + lengths + CRC_BYTES))


def _walk(file: File, at: int, end: int) -> Iterator[int]:
    """Where the framed parts of a section begin, each four bytes aligned."""
    at += -at % _ALIGNMENT
    while at + _FRAME_BYTES <= end:
        yield at
        at += _FRAME_BYTES + int.from_bytes(file.data[at : at + 4], "big")
        at += -at % _ALIGNMENT


def _check_sums(file: File, at: list[int]) -> Iterator[CorruptionError]:
    for start in at:
        cursor = Cursor(file.data, file.name, start)
        body = cursor.take(cursor.be32())
        if native.crc32c(body) != cursor.be32():
            yield CorruptionError("checksum of a label index does not match", file.name, start)


def _check_postings(file: File, index: Index, table: list[_Key]) -> Iterator[CorruptionError]:
    """Each list has the series with that label, all of them and in order; and each label has a list."""
    if [entry[:2] for entry in table] != sorted({entry[:2] for entry in table}):
        yield CorruptionError("entries of the postings offset table are not in order", file.name, 0)
    series = index.series
    owner = np.repeat(np.arange(len(series)), np.diff(series.offsets))
    keys = series.names.astype(np.int64) << 32 | series.values
    order = np.lexsort((owner, keys))
    distinct, counts = np.unique(keys, return_counts=True)
    offsets = offsets_of(counts).tolist()
    members = index.references[owner[order]]
    expected = {key: (offsets[i], offsets[i + 1]) for i, key in enumerate(distinct.tolist())}
    find = series.symbols.find
    for name, value, at in table:
        key = find(_text(name)) << 32 | find(_text(value))
        first, last = expected.pop(key, (0, 0))
        wanted = members[first:last] if name else index.references
        cursor = Cursor(file.data, file.name, at)
        size, count = cursor.be32(), cursor.be32()
        if size != 4 + 4 * count or not np.array_equal(np.frombuffer(cursor.take(4 * count), ">u4"), wanted):
            what = f"{_text(name)}={_text(value)}" if name else "all series"
            yield CorruptionError(f"postings of {what} are not the series that there are", file.name, at)
    for key in expected:
        what = f"{series.symbols[key >> 32]}={series.symbols[key & 0xFFFFFFFF]}"
        yield CorruptionError(f"postings of {what} are missing", file.name, decode_toc(file).postings_offset_table)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
