"""Framing of the write-ahead log, its checkpoints and the out-of-order log: segments, pages, fragments, records."""

from collections.abc import Iterator

import attrs

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.encoding import Buffer
from obsflow.tsdb.files import Decompress, File

PAGE_BYTES = 1 << 15
HEADER_BYTES = 7

_REST_IS_ZERO, _FULL, _FIRST, _MIDDLE, _LAST = range(5)
_STARTS = (_FULL, _FIRST)
_CONTINUES = (_MIDDLE, _LAST)
_OCCUPIED = (*_STARTS, *_CONTINUES)
_OUT_OF_PLACE = {
    _REST_IS_ZERO: "record is not continued",
    _FULL: "record starts within a record",
    _FIRST: "record starts within a record",
    _MIDDLE: "record has no start",
    _LAST: "record has no start",
}
_TYPE_MASK = 0x07
_SNAPPY = 0x08
_ZSTD = 0x10
_NO_COMPRESSION = 0
_COMPRESSIONS = (_NO_COMPRESSION, _SNAPPY, _ZSTD)


@attrs.frozen
class Record:
    """One record, uncompressed, and where its first fragment is."""

    file: str
    offset: int
    data: bytes


@attrs.frozen
class _Fragment:
    offset: int
    kind: int
    compression: int
    data: bytes


class _TornError(CorruptionError):
    """The segment ends within a fragment."""


_ENDS_WITHIN = "segment ends within a record"


def read_segment(
    file: File, decompress_zstd: Decompress, problems: list[CorruptionError], *, is_last: bool = False
) -> Iterator[Record]:
    """The records of a segment. What is damaged is added to `problems`, and reading goes on after it.

    A record that is not whole at the end of the last segment is no damage: it is being written.
    """
    parts: list[_Fragment] = []
    in_step = True  # False after a fault, until a record starts

    for fragment in _fragments(file, problems, is_last=is_last):
        if fragment is None:
            parts, in_step = [], False
            continue
        if fragment.kind == _REST_IS_ZERO and not parts:
            continue
        if fragment.kind not in (_CONTINUES if parts else _STARTS):
            if in_step:
                problems.append(CorruptionError(_OUT_OF_PLACE[fragment.kind], file.name, fragment.offset))
            parts, in_step = [], fragment.kind in _STARTS
            if not in_step:
                continue
        in_step = True
        parts.append(fragment)
        if fragment.kind in (_FULL, _LAST):
            record = _assemble(file.name, parts, decompress_zstd, problems)
            parts = []
            if record is not None:
                yield record
    if parts and not is_last:
        problems.append(CorruptionError(_ENDS_WITHIN, file.name, parts[0].offset))


def _fragments(file: File, problems: list[CorruptionError], *, is_last: bool) -> Iterator[_Fragment | None]:
    """The fragments of all pages; None in the place of each fault, after which comes what is sound again."""
    data = file.data
    for page in range(0, len(data), PAGE_BYTES):
        page_end = page + PAGE_BYTES
        position, end = page, min(page_end, len(data))
        while end - position >= HEADER_BYTES or (position < end < page_end):
            try:
                fragment = _decode_fragment(file, position, end, page_end)
            except CorruptionError as problem:
                torn = isinstance(problem, _TornError)
                # A page that begins with a fault is given up at once, so that a file of garbage is passed quickly.
                after = _find_sound(file, position + 1, end) if torn or position > page else end
                if after < end or not (torn and is_last):
                    problems.append(CorruptionError(problem.message, file.name, position))
                    yield None
                position = after
                continue
            yield fragment
            if fragment.kind == _REST_IS_ZERO:
                break
            position += HEADER_BYTES + len(fragment.data)


def _find_sound(file: File, position: int, end: int) -> int:
    """Where the next fragment starts whose checksum holds, or `end`."""
    data = bytes(file.data[position:end])
    for at in range(len(data) - HEADER_BYTES):
        stop = at + HEADER_BYTES + (data[at + 1] << 8 | data[at + 2])
        if (
            data[at] & _TYPE_MASK in _OCCUPIED
            and data[at] & ~_TYPE_MASK in _COMPRESSIONS
            and at + HEADER_BYTES < stop <= len(data)
            and native.crc32c(data[at + HEADER_BYTES : stop]) == int.from_bytes(data[at + 3 : at + HEADER_BYTES], "big")
        ):
            return position + at
    return end


def _decode_fragment(file: File, position: int, end: int, page_end: int) -> _Fragment:
    """The fragment at `position`, which has no data where its type says that the rest of the page is empty."""
    data = file.data
    flags = data[position]
    kind = flags & _TYPE_MASK
    if kind == _REST_IS_ZERO:
        if any(data[position:end]):
            raise CorruptionError("expected zeros in the rest of the page", file.name, position)
        return _Fragment(position, kind, _NO_COMPRESSION, b"")
    if end - position < HEADER_BYTES:
        raise _TornError(_ENDS_WITHIN)
    compression = flags & ~_TYPE_MASK
    if kind not in _OCCUPIED or compression not in _COMPRESSIONS:
        raise CorruptionError(f"fragment of unknown type {flags:#04x}", file.name, position)
    start = position + HEADER_BYTES
    stop = start + int.from_bytes(data[position + 1 : position + 3], "big")
    if stop > page_end:
        raise CorruptionError("fragment does not fit into its page", file.name, position)
    if stop > end:
        raise _TornError(_ENDS_WITHIN)
    body = bytes(data[start:stop])
    if native.crc32c(body) != int.from_bytes(data[position + 3 : start], "big"):
        raise CorruptionError("checksum of a fragment does not match", file.name, position)
    return _Fragment(position, kind, compression, body)


def _assemble(
    file: str, parts: list[_Fragment], decompress_zstd: Decompress, problems: list[CorruptionError]
) -> Record | None:
    data = b"".join([part.data for part in parts])
    try:
        return Record(file, parts[0].offset, _uncompress(data, parts[0].compression, decompress_zstd))
    except CorruptionError as error:
        problems.append(CorruptionError(f"record does not decompress: {error.message}", file, parts[0].offset))
        return None


def _uncompress(data: Buffer, compression: int, decompress_zstd: Decompress) -> bytes:
    if compression == _SNAPPY:
        return native.snappy_decode(data)
    if compression == _ZSTD:
        return decompress_zstd(bytes(data))
    return bytes(data)
