"""`tombstones` of a block: what was deleted from it and is still in its chunks."""

from collections.abc import Mapping

import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.encoding import Cursor, IntArray, MaskArray, encode_uvarint, encode_varint
from obsflow.tsdb.files import File

MAGIC = 0x0130BA30
VERSION = 1
_HEADER_BYTES = 5
_CRC_BYTES = 4

Stones = Mapping[int, IntArray]
"""Closed intervals of deleted times, int64 `[n, 2]` ms, by series."""


def decode_tombstones(file: File) -> Stones:
    """The deleted intervals by series reference. Raises CorruptionError."""
    cursor = Cursor(file.data, file.name)
    magic, version = cursor.be32(), cursor.u8()
    if magic != MAGIC or version != VERSION:
        raise CorruptionError(f"expected magic {MAGIC:08x} version 1, found {magic:08x} version {version}", file.name)
    end = len(file.data) - _CRC_BYTES
    expected = Cursor(file.data, file.name, end).be32() if end >= _HEADER_BYTES else cursor.fail("checksum is missing")
    if native.crc32c(file.data[_HEADER_BYTES:end]) != expected:
        raise CorruptionError("checksum does not match", file.name, _HEADER_BYTES)
    cursor.end = end
    stones: dict[int, list[tuple[int, int]]] = {}
    while cursor.remaining:
        reference = cursor.uvarint()
        stones.setdefault(reference, []).append((cursor.varint(), cursor.varint()))
    return {reference: np.array(intervals, np.int64) for reference, intervals in stones.items()}


def encode_tombstones(stones: Stones) -> bytes:
    """The file for the deleted intervals by series reference."""
    body = b"".join(
        encode_uvarint(reference) + encode_varint(first) + encode_varint(last)
        for reference, intervals in sorted(stones.items())
        for first, last in intervals.tolist()
    )
    return MAGIC.to_bytes(4, "big") + bytes((VERSION,)) + body + native.crc32c(body).to_bytes(_CRC_BYTES, "big")


def add_interval(stones: dict[int, IntArray], series: int, start: int, end: int) -> None:
    """Delete the closed `[start, end]` (ms) from a series too; intervals that touch or overlap become one."""
    given = stones.get(series, np.zeros((0, 2), np.int64))
    stones[series] = merge_intervals(np.append(given, np.array([(start, end)], np.int64), axis=0))


def merge_intervals(intervals: IntArray) -> IntArray:
    """The same times as intervals that ascend, and between which some times are not deleted; empty ones are gone."""
    merged: list[list[int]] = []
    for first, last in sorted(intervals.tolist()):
        if first > last:
            continue
        if merged and first - 1 <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return np.array(merged, np.int64).reshape(-1, 2)


def is_deleted(times: IntArray, intervals: IntArray) -> MaskArray:
    """Which of the times lie in any of the intervals."""
    first, last = intervals[np.argsort(intervals[:, 0])].T
    before = np.searchsorted(first, times, "right")  # the intervals that begin at or before each time
    reach = np.maximum.accumulate(last)[np.maximum(before - 1, 0)]
    gone: MaskArray = (before > 0) & (times <= reach)
    return gone
