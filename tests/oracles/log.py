"""A segment of a write-ahead log read fragment by fragment, as plainly as can be."""

import struct
from collections.abc import Iterator

from obsflow import native
from tests.tsdb.writer import PAGE

HEADER = 7
SEARCHED = 64 * PAGE
REST, FULL, FIRST, MIDDLE, LAST = range(5)
STARTS = (FULL, FIRST)
COMPRESSIONS = (0, 8, 16)

Fragment = tuple[int, int, int, bytes]
"""Offset, type, compression, data."""


class FaultError(Exception):
    pass


class TornError(FaultError):
    """The segment ends within a fragment."""


def read(data: bytes, *, is_last: bool) -> tuple[list[tuple[int, int, bytes]], list[int], int]:
    """Offset, compression and data of each record; the offsets of faults; and how many bytes were passed over."""
    records: list[tuple[int, int, bytes]] = []
    faults: list[int] = []
    lost = 0
    parts: list[Fragment] = []
    in_step = True
    for at, end, fragment in fragments(data, is_last):
        if fragment is None:
            faults.append(at)
            lost += end - (parts[0][0] if parts else at)
            parts, in_step = [], False
            continue
        _, kind, compression, _ = fragment
        if kind == REST and not parts:
            continue
        belongs = kind != REST and (kind in STARTS) != bool(parts) and (not parts or compression == parts[0][2])
        if not belongs:
            if in_step:
                faults.append(at)
            stop = at if kind == REST else end
            lost += stop - (parts[0][0] if parts else at)
            parts, in_step = [], False
            continue
        in_step = True
        parts.append(fragment)
        if kind in (FULL, LAST):
            records.append((parts[0][0], compression, b"".join(part[3] for part in parts)))
            parts = []
    if parts and not is_last:
        faults.append(parts[0][0])
        lost += len(data) - parts[0][0]
    return records, faults, lost


def fragments(data: bytes, is_last: bool) -> Iterator[tuple[int, int, Fragment | None]]:
    """Where each begins and ends; None in the place of a fault, up to where something is sound again."""
    for page in range(0, len(data), PAGE):
        end = min(page + PAGE, len(data))
        at = page
        while at < end and (end - at >= HEADER or end < page + PAGE):
            try:
                fragment = decode(data, at, end, page + PAGE)
            except FaultError as fault:
                after = find_sound(data, at + 1, end)
                if after < end or not (isinstance(fault, TornError) and is_last):
                    yield at, after, None
                at = after
                continue
            after = end if fragment[1] == REST else at + HEADER + len(fragment[3])
            yield at, after, fragment
            at = after


def decode(data: bytes, at: int, end: int, page_end: int) -> Fragment:
    flags = data[at]
    kind, compression = flags & 7, flags & ~7
    if kind == REST:
        if any(data[at:end]):
            raise FaultError
        return at, kind, 0, b""
    if end - at < HEADER:
        raise TornError
    length, checksum = struct.unpack(">HI", data[at + 1 : at + HEADER])
    if kind > LAST or compression not in COMPRESSIONS or at + HEADER + length > page_end:
        raise FaultError
    if at + HEADER + length > end:
        raise TornError
    body = data[at + HEADER : at + HEADER + length]
    if native.crc32c(body) != checksum:
        raise FaultError
    return at, kind, compression, body


def find_sound(data: bytes, start: int, end: int) -> int:
    """Where the next fragment starts that has data, of those that can be looked at in reasonable time; or the end."""
    budget = SEARCHED
    for at in range(start, end - HEADER):
        length = data[at + 1] << 8 | data[at + 2]
        if not 0 < data[at] & 7 <= LAST or data[at] & ~7 not in COMPRESSIONS or not 0 < length <= end - at - HEADER:
            continue
        budget -= length
        if budget < 0:
            return end
        body = data[at + HEADER : at + HEADER + length]
        if native.crc32c(body) == int.from_bytes(data[at + 3 : at + HEADER], "big"):
            return at
    return end
