"""`index` of a block, versions 1 to 3: symbols and series.

The series section names every series with all its chunks, so neither postings nor their table are needed, nor missed
when they are damaged; that they are is told.
"""

from collections.abc import Iterator

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import IdArray, Symbols
from obsflow.tsdb.encoding import Cursor, IntArray, expand, offsets_of, unzigzag
from obsflow.tsdb.files import File
from obsflow.tsdb.postings import check_postings
from obsflow.tsdb.runs import ChunkMetas
from obsflow.tsdb.series import SeriesTable

MAGIC = 0xBAAAD700
VERSIONS = (1, 2, 3)
HEADER_BYTES = 5
CRC_BYTES = 4
TOC_BYTES = 52
SERIES_ALIGNMENT = 16
_FIELDS_OF_CHUNK = 3
_LONGEST_GUESS_BYTES = 1 << 16  # bounds the work on hostile bytes; a month of chunks takes a sixth of it


@attrs.frozen
class TableOfContents:
    """Where the sections of an index begin, as offsets in the file."""

    symbols: int
    series: int
    label_indices: int
    label_offset_table: int
    postings: int
    postings_offset_table: int

    def end_of(self, section: int, size: int) -> int:
        """Where a section ends: at the next one, or the end of an index of `size` bytes."""
        return min([at for at in attrs.astuple(self) if at > section], default=size)


@attrs.frozen(eq=False)
class Index:
    """A decoded index. `references` (int64 `[series]`) are what tombstones call the series."""

    series: SeriesTable
    references: IntArray
    chunks: ChunkMetas
    problems: tuple[CorruptionError, ...]


def decode_index(file: File, symbols: Symbols) -> Index:
    """Decode an index; label names and values are interned in `symbols`.

    Series entries that are damaged are left out and told in `problems`. So is a damaged table of contents, without
    which all series are looked for behind the symbols. Raises CorruptionError where the header or the symbols are
    damaged, without which nothing in the file means anything.
    """
    cursor = Cursor(file.data, file.name)
    magic, version = cursor.be32(), cursor.u8()
    if magic != MAGIC or version not in VERSIONS:
        raise CorruptionError(
            f"expected magic {MAGIC:08x} version 1 to 3, found {magic:08x} version {version}", file.name
        )
    alignment = 1 if version == 1 else SERIES_ALIGNMENT
    problems: list[CorruptionError] = []
    try:
        toc = decode_toc(file)
    except CorruptionError as problem:
        # All that follows the symbols is searched, and what is no series there is not told on top.
        table, begin = _SymbolTable.decode(file, HEADER_BYTES, version, symbols)
        entries = _find_entries(file, begin, len(file.data), alignment, problems)
        return attrs.evolve(_decode_series(file, alignment, table, *entries, problems), problems=(problem,))
    table, _ = _SymbolTable.decode(file, toc.symbols, version, symbols)
    entries = _find_entries(file, toc.series, toc.end_of(toc.series, len(file.data)), alignment, problems)
    if version > 1:
        lists_end = toc.end_of(toc.postings, len(file.data))
        problems += check_postings(file, toc.postings, lists_end, toc.postings_offset_table)
    return _decode_series(file, alignment, table, *entries, problems)


def decode_toc(file: File) -> TableOfContents:
    """The table of contents at the end of an index. Raises CorruptionError."""
    start = len(file.data) - TOC_BYTES
    if start < HEADER_BYTES:
        raise CorruptionError(f"too short for a table of contents: {len(file.data)} bytes", file.name, len(file.data))
    cursor = Cursor(file.data, file.name, start)
    toc = TableOfContents(*(cursor.be64() for _ in attrs.fields(TableOfContents)))
    if cursor.be32() != native.crc32c(file.data[start : start + TOC_BYTES - CRC_BYTES]):
        raise CorruptionError("checksum of the table of contents does not match", file.name, start)
    if max(attrs.astuple(toc)) > start:
        raise CorruptionError("table of contents points outside of the file", file.name, start)
    return toc


@attrs.frozen(eq=False)
class _SymbolTable:
    """The ids of an index' symbols. Entries refer to them by ordinal, in version 1 by offset in the file."""

    symbols: Symbols
    ids: IdArray
    references: IntArray | None

    @classmethod
    def decode(cls, file: File, at: int, version: int, symbols: Symbols) -> tuple["_SymbolTable", int]:
        """The table that starts at an offset, and the offset where it ends."""
        cursor = Cursor(file.data, file.name, at)
        size = cursor.be32()
        start = cursor.position
        if size > cursor.remaining - CRC_BYTES:
            cursor.fail("symbols do not fit into the file", at)
        if native.crc32c(file.data[start : start + size]) != Cursor(file.data, file.name, start + size).be32():
            cursor.fail("checksum of the symbols does not match", at)
        texts = Cursor(cursor.take(size), file.name)
        count = texts.be32()
        if count > texts.remaining:
            cursor.fail("more symbols than bytes", start)
        ids, references = [], []
        try:
            for _ in range(count):
                references.append(start + texts.position)
                ids.append(symbols.intern(texts.string()))
        except CorruptionError as problem:
            cursor.fail(problem.message, start + problem.offset)
        offsets = np.array(references, np.int64) if version == 1 else None
        return cls(symbols, np.array(ids, np.int32), offsets), start + size + CRC_BYTES

    def resolve(self, references: IntArray) -> IdArray:
        """The id of each reference; -1 where there is no such symbol."""
        if not len(self.ids):
            return np.full(len(references), -1, np.int32)
        if self.references is None:
            at = np.minimum(references, len(self.ids) - 1)
            known = at == references
        else:
            at = np.minimum(np.searchsorted(self.references, references), len(self.ids) - 1)
            known = self.references[at] == references
        return np.where(known, self.ids[at], -1).astype(np.int32)


def _find_entries(
    file: File, begin: int, end: int, alignment: int, problems: list[CorruptionError]
) -> tuple[IntArray, IntArray]:
    """Where the bodies of the sound series entries of a section start, and their lengths."""
    section = bytes(file.data[begin:end])
    entries = native.find_index_entries(section, begin, alignment)
    if entries is not None:
        starts, lengths = entries
        return starts + begin, lengths
    return _salvage(section, begin, alignment, file.name, problems)


def _walk(section: bytes, begin: int, alignment: int, position: int = 0) -> Iterator[tuple[int, int, int]]:
    """Offset, start of the body and its length for one entry after the other, by the lengths they give.

    An entry that does not fit into the section has the length -1 and is the last.
    """
    size = len(section)
    while True:
        position += -(position + begin) % alignment
        while position < size and not section[position]:
            position += alignment  # padding
        if position >= size:
            return
        entry = position
        length = shift = 0
        while True:
            if position >= size or shift > 28:
                yield entry, entry, -1
                return
            byte = section[position]
            position += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        start = position
        position += length + CRC_BYTES
        if position > size:
            yield entry, entry, -1
            return
        yield entry, start, length


def _salvage(
    section: bytes, begin: int, alignment: int, file: str, problems: list[CorruptionError]
) -> tuple[IntArray, IntArray]:
    """The entries whose checksum holds, found again by their alignment after each that does not."""
    starts: list[int] = []
    lengths: list[int] = []
    position, in_step = 0, True
    while position < len(section):
        entry = next(_walk(section, begin, alignment, position), None)
        if entry is None:
            break
        at, start, length = entry
        if _is_sound(section, start, length, len(section) if in_step else _LONGEST_GUESS_BYTES):
            starts.append(start + begin)
            lengths.append(length)
            position, in_step = start + length + CRC_BYTES, True
            continue
        if in_step:
            problems.append(CorruptionError("series entry is damaged", file, at + begin))
        position, in_step = at + alignment, False
    return np.array(starts, np.int64), np.array(lengths, np.int64)


def _is_sound(section: bytes, start: int, length: int, longest: int) -> bool:
    if not 0 < length <= longest:
        return False
    expected = int.from_bytes(section[start + length : start + length + CRC_BYTES], "big")
    return native.crc32c(section[start : start + length]) == expected


def _decode_series(
    file: File,
    alignment: int,
    table: _SymbolTable,
    starts: IntArray,
    lengths: IntArray,
    problems: list[CorruptionError],
) -> Index:
    """Decode the entries, all their varints at once: labels into pairs of ids, chunks into columns."""
    values, bodies = native.decode_index_entries(file.data, starts, lengths)
    counts = np.minimum(values, np.uint64(1 << 32)).view(np.int64)  # as lengths, counts and ids
    first, last = bodies[:-1], bodies[1:]
    counts = np.append(counts, [0, 0])
    labels = np.minimum(counts[first], last - first)
    chunks_at = np.minimum(first + 1 + 2 * labels, len(values))
    chunks = np.minimum(counts[chunks_at], last - first)
    whole = chunks_at + 1 + _FIELDS_OF_CHUNK * chunks == last
    owner, within = expand(labels * whole)
    pair = first[owner] + 1 + 2 * within
    names, texts = table.resolve(counts[pair]), table.resolve(counts[pair + 1])
    sound = whole.copy()
    sound[owner[(names < 0) | (texts < 0)]] = False
    problems += [CorruptionError("series entry is malformed", file.name, at) for at in starts[~sound].tolist()]
    kept = sound[owner]
    labels, chunks = labels[sound], chunks[sound]
    # The reference counts in alignments to the entry, whose length before the body takes fewer bytes than one.
    width = 1 + (lengths[sound] >= 1 << 7) + (lengths[sound] >= 1 << 14) + (lengths[sound] >= 1 << 21)
    return Index(
        SeriesTable(table.symbols, offsets_of(labels), names[kept], texts[kept]),
        (starts[sound] - width) // alignment,
        _decode_chunks(values, chunks_at[sound] + 1, chunks),
        tuple(problems),
    )


def _decode_chunks(
    values: np.ndarray[tuple[int], np.dtype[np.uint64]], first: IntArray, counts: IntArray
) -> ChunkMetas:
    """Undo the differences from chunk to chunk: sums run on over all series, each then less what came before it."""
    offsets = offsets_of(counts)
    owner, within = expand(counts)
    fields = first[owner] + _FIELDS_OF_CHUNK * within
    leads = within == 0
    gap = np.where(leads, unzigzag(values[fields]), values[fields].view(np.int64))
    span = values[fields + 1].view(np.int64)
    step = np.where(leads, values[fields + 2].view(np.int64), unzigzag(values[fields + 2]))
    max_time = _running(gap + span, offsets, owner)
    return ChunkMetas(offsets, max_time - span, max_time, _running(step, offsets, owner))


def _running(steps: IntArray, offsets: IntArray, owner: IntArray) -> IntArray:
    total = offsets_of(steps)
    out: IntArray = total[1:] - total[offsets[:-1]][owner]
    return out
