"""Writes a block as Prometheus does: chunks of 120 samples, an index with all its postings, meta and tombstones."""

import contextlib
import json
import pathlib
import struct
from collections import defaultdict
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.tsdb.encoding import encode_string, encode_uvarint, encode_varint

SAMPLES_PER_CHUNK = 120
MAX_SEGMENT_BYTES = 512 << 20
XOR = 1
SEGMENT_HEADER = b"\x85\xbd\x40\xdd\x01\0\0\0"
INDEX_HEADER = b"\xba\xaa\xd7\x00\x02"
TOMBSTONES = b"\x01\x30\xba\x30\x01\0\0\0\0"

Pairs = tuple[tuple[str, str], ...]
IntArray = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Series:
    """Label pairs sorted by name, times ascending in ms, values."""

    labels: Pairs
    times: IntArray
    values: npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Chunks:
    """First and last times of a series' chunks, and where they lie."""

    first: IntArray
    last: IntArray
    references: IntArray


def write_block(root: pathlib.Path, ulid: str, series: Iterable[Series]) -> None:
    """A block of at least one series, sorted by labels, as `root/ulid`. They are read one by one, so memory is free."""
    block = root / ulid
    (block / "chunks").mkdir(parents=True)
    entries: list[tuple[Pairs, Chunks]] = []
    samples = 0
    with contextlib.closing(_Segments(block / "chunks")) as segments:
        for each in series:
            assert not entries or entries[-1][0] < each.labels, "series must ascend"
            entries.append((each.labels, segments.add(each)))
            samples += len(each.times)
    (block / "index").write_bytes(_index(entries))
    (block / "tombstones").write_bytes(TOMBSTONES)
    meta = {
        "ulid": ulid,
        "minTime": min(int(chunks.first[0]) for _, chunks in entries),
        "maxTime": max(int(chunks.last[-1]) for _, chunks in entries) + 1,
        "stats": {
            "numSamples": samples,
            "numSeries": len(entries),
            "numChunks": sum(len(chunks.first) for _, chunks in entries),
        },
        "compaction": {"level": 1, "sources": [ulid]},
        "version": 1,
    }
    (block / "meta.json").write_text(json.dumps(meta, indent="\t") + "\n")


class _Segments:
    """The files of a block's chunks; a series is in one of them."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._number = 0
        self._open()

    def _open(self) -> None:
        self._file = (self._directory / f"{self._number + 1:06d}").open("wb")
        self._file.write(SEGMENT_HEADER)
        self._size = len(SEGMENT_HEADER)

    def add(self, series: Series) -> Chunks:
        n = len(series.times)
        bounds = np.append(np.arange(0, n, SAMPLES_PER_CHUNK), n)
        records, starts = _records(*native.xor_encode_many(series.times, series.values, bounds))
        if self._size + len(records) > MAX_SEGMENT_BYTES:
            self._file.close()
            self._number += 1
            self._open()
        self._file.write(records.tobytes())
        references = (self._number << 32) + self._size + starts
        self._size += len(records)
        return Chunks(series.times[bounds[:-1]], series.times[bounds[1:] - 1], references)

    def close(self) -> None:
        self._file.close()


def _records(data: bytes, ends: IntArray) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """Chunks with their lengths, encodings and checksums, and where each record starts."""
    lengths = np.diff(ends)
    assert (lengths < 1 << 14).all(), "a chunk of 120 samples has a length of two bytes at most"
    width = 1 + (lengths >= 1 << 7)
    sizes = width + 1 + lengths + 4
    starts = np.cumsum(sizes) - sizes
    out = np.zeros(int(sizes.sum()), np.uint8)
    long = width == 2
    out[starts] = np.where(long, lengths & 0x7F | 0x80, lengths)
    out[starts[long] + 1] = lengths[long] >> 7
    body = starts + width
    out[body] = XOR
    out[np.arange(len(data)) + np.repeat(body + 1 - ends[:-1], lengths)] = np.frombuffer(data, np.uint8)
    sums = native.crc32c_many(out.tobytes(), body, lengths + 1)
    for byte in range(4):
        out[body + 1 + lengths + byte] = sums >> (24 - 8 * byte) & 0xFF
    return out, starts


def _index(entries: list[tuple[Pairs, Chunks]]) -> bytes:
    out = bytearray(INDEX_HEADER)
    words = sorted({"", *(word for labels, _ in entries for pair in labels for word in pair)})
    symbols = {word: ordinal for ordinal, word in enumerate(words)}
    symbols_at = len(out)
    out += _section(struct.pack(">I", len(words)) + b"".join(map(encode_string, words)))
    series_at = len(out)
    postings: dict[tuple[str, str], list[int]] = defaultdict(list)
    for labels, chunks in entries:
        out += bytes(-len(out) % 16)
        reference = len(out) // 16
        for pair in (("", ""), *labels):
            postings[pair].append(reference)
        body = _entry(labels, chunks, symbols)
        out += encode_uvarint(len(body)) + body + struct.pack(">I", native.crc32c(body))
    postings_at = len(out)
    table = bytearray(struct.pack(">I", len(postings)))
    for pair in sorted(postings):
        out += bytes(-len(out) % 4)
        table += b"\x02" + encode_string(pair[0]) + encode_string(pair[1]) + encode_uvarint(len(out))
        references = postings[pair]
        out += _section(struct.pack(f">I{len(references)}I", len(references), *references))
    table_at = len(out)
    out += _section(bytes(table))
    toc = struct.pack(">6Q", symbols_at, series_at, postings_at, table_at, postings_at, table_at)
    return bytes(out + toc + struct.pack(">I", native.crc32c(toc)))


def _entry(labels: Pairs, chunks: Chunks, symbols: dict[str, int]) -> bytes:
    out = bytearray(encode_uvarint(len(labels)))
    for pair in labels:
        for word in pair:
            out += encode_uvarint(symbols[word])
    out += encode_uvarint(len(chunks.first))
    previous_last = previous = None
    columns = (chunks.first.tolist(), chunks.last.tolist(), chunks.references.tolist())
    for first, last, reference in zip(*columns, strict=True):
        if previous is None:
            out += encode_varint(first) + encode_uvarint(last - first) + encode_uvarint(reference)
        else:
            out += (
                encode_uvarint(first - previous_last)
                + encode_uvarint(last - first)
                + encode_varint(reference - previous)
            )
        previous_last, previous = last, reference
    return bytes(out)


def _section(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body + struct.pack(">I", native.crc32c(body))
