"""Chunks one by one: by time, and in the bytes of their segments."""

import itertools

from obsflow import native
from tests.oracles import hashes


def is_in_order(intervals):
    """Whether closed intervals follow one another and do not overlap."""
    edges = [edge for interval in intervals for edge in interval]
    return all(a < b if i % 2 else a <= b for i, (a, b) in enumerate(itertools.pairwise(edges)))


def between(intervals, start, end):
    """Indices of the intervals that touch another, and of what lies between them."""
    touching = [i for i, (first, last) in enumerate(intervals) if last >= start and first <= end]
    return list(range(touching[0], touching[-1] + 1)) if touching else []


def locate(segments, reference):
    """State of the chunk at a reference; start and length of its data, and its encoding, where they are there."""
    number, offset = reference >> 32, reference & 0xFFFFFFFF
    if number not in segments:
        return native.CHUNK_MISSING, None
    data = segments[number]
    if offset + 5 > len(data):
        return native.CHUNK_OUTSIDE, None
    length, at = 0, offset
    while True:
        if at == offset + 5:
            return native.CHUNK_CUT, None
        length |= (data[at] & 0x7F) << 7 * (at - offset)
        at += 1
        if data[at - 1] < 0x80:
            break
    end = at + 1 + length
    if length < 2 or end + 4 > len(data):
        return native.CHUNK_CUT, None
    place = at + 1, length, data[at]
    if hashes.crc32c(data[at:end]) != int.from_bytes(data[end : end + 4], "big"):
        return native.CHUNK_CORRUPT, place
    return native.CHUNK_READABLE if data[at] in {1, 4} else native.CHUNK_SKIPPED, place
