"""Where a log segment ends whose writer died in the middle of a record."""

import attrs

from obsflow import native
from obsflow.tsdb.encoding import Buffer
from obsflow.tsdb.files import HeadFiles
from obsflow.tsdb.operations import Operation, Sync, Truncate

PAGE_BYTES, HEADER_BYTES = 1 << 15, 7

_KIND, _FLAGS = 0x07, 0x1F
_FULL, _LAST = 1, 4


def mend(files: HeadFiles) -> list[Operation]:
    """What takes away the records that a writer which died has not finished, before the logs go on.

    Otherwise a server that opens the directory later would take that for damage, and drop all that came after.
    """
    operations: list[Operation] = []
    for directory, segments in (("wal", files.wal), ("wbl", files.wbl)):
        newest = max(segments, default=None)
        if newest is None:
            continue
        torn = torn_from(segments[newest].data)
        if torn is not None:
            path = f"{directory}/{newest:08d}"
            operations += [Truncate(path, torn), Sync(path)]
    return operations


@attrs.frozen
class _Page:
    """What the walk over a page's fragments found: where the last record of it ended, and what comes then."""

    ended: int | None
    is_open: bool  # a record goes on at the end of the page
    cut_at: int | None  # where a fragment begins that the file ends within


def torn_from(data: Buffer) -> int | None:
    """Where the record begins that is not whole at the end of a segment; None where there is none.

    Only what a write leaves that was cut short counts. Anything else is damage, and left to be told and looked into.
    """
    size = len(data)
    torn: int | None = None
    for start in range((size - 1) // PAGE_BYTES * PAGE_BYTES, -1, -PAGE_BYTES):
        page = _walk(data, start, min(start + PAGE_BYTES, size))
        if page is None:
            return None
        if page.is_open or page.cut_at is not None:
            torn = start if page.ended is None else page.ended
        if page.cut_at is not None and _has_fragment(data, page.cut_at + 1, size):
            return None  # more was written after it
        if page.ended is not None or torn is None:
            return torn
    return torn


def _walk(data: Buffer, start: int, end: int) -> _Page | None:
    """The fragments of one page by their headers; None where one is damaged."""
    position, page_end = start, start + PAGE_BYTES
    ended: int | None = None
    is_open = False
    while position < end:
        flags = data[position]
        if flags & _KIND == 0:
            return None if any(data[position:end]) else _Page(ended, is_open, None)
        if page_end - position < HEADER_BYTES or flags & ~_FLAGS or flags & _KIND > _LAST:
            return None
        after = position + HEADER_BYTES + int.from_bytes(data[position + 1 : position + 3], "big")
        if end - position < HEADER_BYTES or after > end:
            return None if after > page_end and end - position >= HEADER_BYTES else _Page(ended, is_open, position)
        is_open = flags & _KIND not in (_FULL, _LAST)
        position = after
        if not is_open:
            ended = position
    return _Page(ended, is_open, None)


def _has_fragment(data: Buffer, start: int, end: int) -> bool:
    """Whether some fragment begins after `start` whose checksum holds."""
    rest = bytes(data[start:end])
    for at in range(len(rest) - HEADER_BYTES):
        length = rest[at + 1] << 8 | rest[at + 2]
        if not length or at + HEADER_BYTES + length > len(rest) or not 0 < rest[at] & _KIND <= _LAST:
            continue
        body = rest[at + HEADER_BYTES : at + HEADER_BYTES + length]
        if native.crc32c(body) == int.from_bytes(rest[at + 3 : at + HEADER_BYTES], "big"):
            return True
    return False
