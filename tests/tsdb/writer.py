"""Writes what Prometheus writes, byte by byte and as plainly as can be: the other side of every reader under test."""

import json
import pathlib
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.oracles import xor2

Sample = tuple[int, float]
LabelSet = Mapping[str, str]

XOR = 1
XOR2 = 4


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
        table.append(state)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> bytes:
    state = 0xFFFFFFFF
    for byte in data:
        state = (state >> 8) ^ _TABLE[(state ^ byte) & 0xFF]
    return struct.pack(">I", state ^ 0xFFFFFFFF)


def uvarint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint(value: int) -> bytes:
    return uvarint(((value << 1) ^ (value >> 63)) & 0xFFFFFFFFFFFFFFFF)


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    return uvarint(len(data)) + data


def bits_of(value: float) -> int:
    return struct.unpack(">Q", struct.pack(">d", value))[0]


def xor_chunk(samples: Sequence[Sample]) -> bytes:
    """The data of an XOR chunk, written without ever reusing a window."""
    out: list[str] = []
    words = [bits_of(value) for _, value in samples]
    for i, (time, _) in enumerate(samples):
        if i == 0:
            out += [f"{byte:08b}" for byte in varint(time)]
            out.append(f"{words[0]:064b}")
            continue
        delta = time - samples[i - 1][0]
        if i == 1:
            out += [f"{byte:08b}" for byte in uvarint(delta)]
        else:
            change = delta - (samples[i - 1][0] - samples[i - 2][0])
            out.append("0" if change == 0 else f"1111{change & 0xFFFFFFFFFFFFFFFF:064b}")
        difference = words[i] ^ words[i - 1]
        out.append("0" if difference == 0 else f"1100000000000{difference:064b}")
    bits = "".join(out)
    bits += "0" * (-len(bits) % 8)
    return struct.pack(">H", len(samples)) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def xor2_chunk(samples: Sequence[Sample]) -> bytes:
    """The data of an XOR2 chunk, with start times."""
    return xor2.encode([time for time, _ in samples], [bits_of(value) for _, value in samples], [1] * len(samples))


CHUNKS = {XOR: xor_chunk, XOR2: xor2_chunk}
"""The data of a chunk of samples, by encoding."""


class SegmentWriter:
    """A segment of chunks; `add` returns the chunk's reference."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.data = bytearray(b"\x85\xbd\x40\xdd\x01\0\0\0")

    def add(self, chunk: bytes, encoding: int = XOR) -> int:
        reference = (self.number - 1) << 32 | len(self.data)
        body = bytes([encoding]) + chunk
        self.data += uvarint(len(chunk)) + body + crc32c(body)
        return reference


ChunkMeta = tuple[int, int, int]
"""First time, last time, reference."""


def index(series: Sequence[tuple[LabelSet, Sequence[ChunkMeta]]], version: int = 2) -> bytes:
    """An index of series, which must be sorted by label set."""
    out = bytearray(b"\xba\xaa\xd7\x00" + bytes([version]))
    words = sorted({"", *(word for labels, _ in series for pair in labels.items() for word in pair)})
    symbols_at = len(out)
    body = bytearray(struct.pack(">I", len(words)))
    references: dict[str, int] = {}
    for ordinal, word in enumerate(words):
        references[word] = ordinal if version > 1 else symbols_at + 4 + len(body)
        body += text(word)
    out += struct.pack(">I", len(body)) + body + crc32c(bytes(body))
    series_at = len(out)
    ids = []
    for labels, chunks in series:
        if version > 1:
            out += bytes(-len(out) % 16)
        ids.append(len(out) // 16 if version > 1 else len(out))
        entry = uvarint(len(labels))
        entry += b"".join(uvarint(references[word]) for pair in sorted(labels.items()) for word in pair)
        entry += uvarint(len(chunks))
        for i, (first, last, reference) in enumerate(chunks):
            if i == 0:
                entry += varint(first) + uvarint(last - first) + uvarint(reference)
            else:
                _, previous_last, previous = chunks[i - 1]
                entry += uvarint(first - previous_last) + uvarint(last - first) + varint(reference - previous)
        out += uvarint(len(entry)) + entry + crc32c(entry)
    postings_at = len(out)
    lists = {("", ""): ids}
    for series_id, (labels, _) in zip(ids, series, strict=True):
        for pair in labels.items():
            lists.setdefault(pair, []).append(series_id)
    table = struct.pack(">I", len(lists))
    for (name, value), members in sorted(lists.items()):
        out += bytes(-len(out) % 4)
        table += uvarint(2) + text(name) + text(value) + uvarint(len(out))
        postings = struct.pack(f">I{len(members)}I", len(members), *members)
        out += struct.pack(">I", len(postings)) + postings + crc32c(postings)
    table_at = len(out)
    out += struct.pack(">I", len(table)) + table + crc32c(table)
    toc = struct.pack(">6Q", symbols_at, series_at, postings_at, table_at, postings_at, table_at)
    return bytes(out + toc + crc32c(toc))


def tombstones(stones: Iterable[tuple[int, int, int]]) -> bytes:
    """Series reference, first and last time of each."""
    body = b"".join(uvarint(reference) + varint(first) + varint(last) for reference, first, last in stones)
    return b"\x01\x30\xba\x30\x01" + body + crc32c(body)


def meta(ulid: str, min_time: int, max_time: int, **compaction: object) -> bytes:
    return json.dumps(
        {"ulid": ulid, "minTime": min_time, "maxTime": max_time, "stats": {}, "version": 1}
        | {"compaction": {"level": 1, "sources": [ulid], **compaction}}
    ).encode()


def write_block(
    root: pathlib.Path,
    ulid: str,
    series: Sequence[tuple[LabelSet, Sequence[Sequence[Sample]]]],
    *,
    version: int = 2,
    stones: Iterable[tuple[LabelSet, int, int]] = (),
    compaction: Mapping[str, object] | None = None,
) -> pathlib.Path:
    """A block of series with their chunks."""
    block = root / ulid
    (block / "chunks").mkdir(parents=True)
    segment = SegmentWriter()
    entries = [
        (labels, [(chunk[0][0], chunk[-1][0], segment.add(xor_chunk(chunk))) for chunk in chunks])
        for labels, chunks in sorted(series, key=lambda each: sorted(each[0].items()))
    ]
    times = [time for _, chunks in entries for first, last, _ in chunks for time in (first, last)]
    (block / "chunks" / "000001").write_bytes(segment.data)
    (block / "index").write_bytes(index(entries, version))
    (block / "meta.json").write_bytes(meta(ulid, min(times), max(times) + 1, **(compaction or {})))
    references = series_references((block / "index").read_bytes(), len(entries))
    by_labels = {tuple(sorted(labels.items())): at for (labels, _), at in zip(entries, references, strict=True)}
    (block / "tombstones").write_bytes(
        tombstones((by_labels[tuple(sorted(labels.items()))], first, last) for labels, first, last in stones)
    )
    return block


def series_references(data: bytes, count: int) -> list[int]:
    """The references in the list of all series, which lies before the table of postings."""
    (at,) = struct.unpack(">Q", data[-52 + 32 : -52 + 40])
    at += -at % 4
    return list(struct.unpack(f">{count}I", data[at + 8 : at + 8 + 4 * count]))


def series_record(series: Iterable[tuple[int, LabelSet]]) -> bytes:
    out = b"\x01"
    for reference, labels in series:
        out += struct.pack(">Q", reference) + uvarint(len(labels))
        out += b"".join(text(word) for pair in sorted(labels.items()) for word in pair)
    return out


def samples_record(samples: Sequence[tuple[int, int, float]]) -> bytes:
    """Reference, time and value of each."""
    if not samples:
        return b"\x02"
    base, base_time, _ = samples[0]
    out = b"\x02" + struct.pack(">Qq", base, base_time)
    for reference, time, value in samples:
        out += varint(reference - base) + varint(time - base_time) + struct.pack(">d", value)
    return out


def samples_v2_record(samples: Sequence[tuple[int, int, float]], start: int = 7) -> bytes:
    """As `samples_record`, with a start time: the first given, then the same, then one that is explicit."""
    out = b"\x0b"
    for i, (reference, time, value) in enumerate(samples):
        if i == 0:
            out += varint(reference) + varint(time) + varint(start)
        else:
            out += varint(reference - samples[i - 1][0]) + varint(time - samples[0][1])
            out += b"\x01" if i % 2 else b"\x02" + varint(i)
        out += struct.pack(">d", value)
    return out


def tombstones_record(stones: Iterable[tuple[int, int, int]]) -> bytes:
    return b"\x03" + b"".join(
        struct.pack(">Q", reference) + varint(first) + varint(last) for reference, first, last in stones
    )


def min_valid_time_record(time: int) -> bytes:
    return b"\x0e" + struct.pack(">q", time)


def snappy_block(data: bytes) -> bytes:
    """A Snappy block of literals of at most 60 bytes."""
    out = uvarint(len(data))
    for i in range(0, len(data), 60):
        part = data[i : i + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return out


PAGE = 32768


def segment(
    records: Iterable[bytes],
    flag: int = 0,
    compress: Callable[[bytes], bytes] = bytes,
    *,
    pad: bool = False,
) -> bytes:
    """A segment of a log. `pad` fills the last page, as a server does when it closes the segment."""
    out = bytearray()
    for record in records:
        rest = compress(record)
        first = True
        while first or rest:
            room = PAGE - len(out) % PAGE
            if room < 7:
                out += bytes(room)
                continue
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if not rest else 2) if first else (4 if not rest else 3)
            out += bytes([kind | flag]) + struct.pack(">H", len(part)) + crc32c(part) + part
            first = False
    if pad:
        out += bytes(-len(out) % PAGE)
    return bytes(out)


def head_chunks(chunks: Iterable[tuple[int, Sequence[Sample], int]], zeros: int = 100) -> bytes:
    """Series reference, samples and encoding of each chunk, then what the file was allotted and not written."""
    out = bytearray(b"\x01\x30\xbc\x91\x01\0\0\0")
    for reference, samples, encoding in chunks:
        data = CHUNKS.get(encoding & 0x7F, xor_chunk)(samples)
        record = struct.pack(">Qqq", reference, samples[0][0], samples[-1][0]) + bytes([encoding])
        record += uvarint(len(data)) + data
        out += record + crc32c(record)
    return bytes(out + bytes(zeros))
