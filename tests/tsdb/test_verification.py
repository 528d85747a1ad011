"""Verification: what is sound passes, and nothing that is damaged does."""

import json
import struct

import attrs
import pytest

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.tsdb.files import BlockFiles, Checkpoint, File, HeadFiles
from obsflow.tsdb.verification import verify, verify_block
from tests.tsdb import writer
from tests.tsdb.contents import directory, log

ULID = "01M83P43ZCZ74E6477Q17422B3"
HISTOGRAM = struct.pack(">H", 3) + b"\x80 what a histogram holds"
SERIES = [({"__name__": "up", "job": f"api-{i}", "zone": "eu" * i}, i) for i in range(2)]


def chunk(first: int) -> list[tuple[int, float]]:
    return [(time, time / 7) for time in (first, first + 2, first + 8)]


def entries(segment: writer.SegmentWriter) -> list[tuple[dict[str, str], list[writer.ChunkMeta]]]:
    """Two series with two float chunks each, and one with a histogram."""
    out = []
    for labels, i in SERIES:
        encoding, encode = (writer.XOR2, writer.xor2_chunk) if i == 1 else (writer.XOR, writer.xor_chunk)
        named = {name: value for name, value in labels.items() if value}
        out.append((named, [(at, at + 8, segment.add(encode(chunk(at)), encoding)) for at in (10, 20)]))
    out.append(({"__name__": "waits"}, [(12, 15, segment.add(HISTOGRAM, 2))]))
    return sorted(out, key=lambda each: sorted(each[0].items()))


def meta(stats: dict[str, int] | None = None, **changes: object) -> bytes:
    counts = {"numSamples": 15, "numFloatSamples": 12, "numHistogramSamples": 3, "numSeries": 3, "numChunks": 5}
    record = json.loads(writer.meta(ULID, 10, 29)) | {"stats": counts | (stats or {})}
    return json.dumps(record | changes, indent="\t").encode()


def build(index: bytes | None = None, segments: dict[int, bytes] | None = None, **files: bytes | None) -> BlockFiles:
    """A sound block, with files in other places."""
    segment = writer.SegmentWriter()
    named = entries(segment)
    contents = {"meta": meta(), "index": index or writer.index(named), "tombstones": writer.tombstones([])} | files
    given = {1: bytes(segment.data)} if segments is None else segments
    return BlockFiles(
        name=f"data/{ULID}",
        meta=File("meta.json", contents["meta"]),
        index=File("index", contents["index"]),
        segments={number: File(f"chunks/{number:06d}", data) for number, data in given.items()},
        tombstones=None if contents["tombstones"] is None else File("tombstones", contents["tombstones"]),
    )


def with_file(files: BlockFiles, name: str, data: bytes) -> BlockFiles:
    if name == "segment":
        return attrs.evolve(files, segments={1: attrs.evolve(files.segments[1], data=data)})
    return attrs.evolve(files, **{name: attrs.evolve(getattr(files, name), data=data)})


def content(files: BlockFiles, name: str) -> bytes:
    return bytes((files.segments[1] if name == "segment" else getattr(files, name)).data)


def flips(data: bytes) -> list[bytes]:
    """Every single bit the other way round."""
    out = []
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        out.append(bytes(changed))
    return out


def test_a_sound_block_is_told_in_numbers():
    """Series, chunks, samples of floats and of histograms; that those are not decoded is a note."""
    part = verify_block(build())

    assert part.problems == ()
    assert part.lost == {}
    assert {kind: part.counts[kind] for kind in ("series", "chunks", "samples", "tombstones")} == {
        "series": 3, "chunks": 5, "samples": 15, "tombstones": 0,
    }  # fmt: skip
    assert part.counts["bytes"] == sum(
        len(content(build(), each)) for each in ("meta", "index", "segment", "tombstones")
    )
    assert part.notes == ("1 histogram chunks: sums checked, not decoded",)


@pytest.mark.parametrize("files", [build(), build(tombstones=None), build(index=None, meta=meta({}, thanos={"a": 1}))])
def test_what_may_be_missing_or_added(files):
    """Tombstones need not be there, and meta may say more than is known here."""
    assert verify_block(files).is_sound


@pytest.mark.parametrize("name", ["index", "segment", "tombstones"])
def test_every_flipped_bit_is_found(name):
    """Sums, orders and zeros leave no bit of a file unwatched; only index version 3 is as good as 2."""
    sound = build(tombstones=writer.tombstones([(writer.series_references(content(build(), "index"), 3)[1], 11, 13)]))
    sound = with_file(sound, "meta", meta({"numTombstones": 1}))
    assert verify_block(sound).is_sound
    data = content(sound, name)
    missed = [i for i, changed in enumerate(flips(data)) if verify_block(with_file(sound, name, changed)).is_sound]

    assert missed == ([8 * 4] if name == "index" else [])


@pytest.mark.parametrize("name", ["meta", "index", "segment", "tombstones"])
def test_every_truncation_is_found(name):
    """However much is missing at the end of a file."""
    data = content(build(), name)
    missed = [size for size in range(len(data)) if verify_block(with_file(build(), name, data[:size])).is_sound]

    assert missed == []


def swapped(index: int) -> bytes:
    """The index of a sound block where something is wrong that no sum tells."""
    segment = writer.SegmentWriter()
    named = entries(segment)
    labels, chunks = named[0]
    match index:
        case 0:
            named = [named[1], named[0], *named[2:]]
        case 1:
            named[1] = (labels, named[1][1])
        case 2:
            named[0] = (labels, [(*chunks[0][:2], chunks[1][2]), (*chunks[1][:2], chunks[0][2])])
        case 3:
            named[0] = (labels, [chunks[0], (chunks[0][1], chunks[1][1], chunks[1][2])])
        case 4:
            named[0] = (labels, [(chunks[0][0], chunks[0][1] - 1, chunks[0][2]), chunks[1]])
        case 5:
            named[0] = (labels, [chunks[0], (*chunks[1][:2], chunks[0][2])])
        case 6:
            named[0] = (labels, [])
        case 7:
            named[0] = ({**labels, "zone": ""}, chunks)
        case 8:
            named = named[:-1]
    return writer.index(named)


def replaced(old: bytes, new: bytes, *, section: int) -> bytes:
    """The index of a sound block, some bytes of it others, and the sum of that section made right again."""
    data = bytearray(content(build(), "index"))
    (at,) = struct.unpack(">Q", data[len(data) - 52 + 8 * section :][:8])
    at += -at % 4 if section == POSTINGS else 0
    (size,) = struct.unpack(">I", data[at : at + 4])
    found = data.index(old, at, at + 4 + size)
    assert len(old) == len(new)
    data[found : found + len(new)] = new
    data[at + 4 + size : at + 8 + size] = writer.crc32c(bytes(data[at + 4 : at + 4 + size]))
    return bytes(data)


SYMBOLS, POSTINGS, TABLE = 0, 4, 5
EMPTY_SEGMENT = bytes(writer.SegmentWriter().data)


def test_the_list_of_all_series_is_checked():
    """A list of postings whose sum holds and that names another series."""
    references = writer.series_references(content(build(), "index"), 3)
    old, new = struct.pack(">II", *references[:2]), struct.pack(">II", references[0], references[0])
    (problem,) = verify_block(build(replaced(old, new, section=POSTINGS))).problems

    assert problem.message == "postings of all series are not the series that there are"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (build(swapped(0)), "series are not in the order of their labels"),
        (build(swapped(1)), "label set comes twice"),
        (build(swapped(2)), "chunks are not in the order of their series"),
        (build(swapped(3)), "chunks of a series do not follow one another"),
        (build(swapped(4)), "chunk has other times than were noted for it"),
        (build(swapped(5)), "bytes belong to two things at once"),
        (build(swapped(5)), "bytes belong to nothing"),
        (build(swapped(6)), "series has no chunks"),
        (build(swapped(7)), "a label of a series has no value"),
        (build(swapped(8)), "bytes belong to nothing"),
        (build(replaced(b"\5api-0", b"\5api-3", section=SYMBOLS)), "symbols are not in order"),
        (build(replaced(b"\5api-0", b"\5api-3", section=TABLE)), "of the postings offset table are not in order"),
        (build(replaced(b"\3job\5api-1", b"\3jab\5api-1", section=TABLE)), "postings of job=api-1 are missing"),
        (build(meta=meta({"numSamples": 16})), "numSamples is 16, and there are 15"),
        (build(meta=meta({"numSeries": 2})), "numSeries is 2, and there are 3"),
        (build(meta=meta({"numHistogramSamples": 0})), "numHistogramSamples is 0, and there are 3"),
        (build(meta=meta({"numChunks": -1})), "expected a count numChunks, found -1"),
        (build(meta=meta(ulid="01M83P442ZEVB16NZPE5NBZ4GS")), "names the block '01M83P442ZEVB16NZPE5NBZ4GS'"),
        (build(meta=meta(maxTime=28)), "2 chunks lie outside of the block's time, 10 to 28 ms"),
        (build(meta=meta(minTime=29)), "maxTime 29 is not after minTime 29"),
        (build(meta=meta(compaction={"level": 0})), "expected a level of 1 or more, found 0"),
        (build(meta=meta(compaction={"level": 1, "sources": ["?"]})), "expected a ULID among sources and parents"),
        (build(tombstones=writer.tombstones([(99, 1, 2)])), "deletes from series 99, which is not there"),
        (build(segments={}), "segment is missing"),
        (build(segments={1: content(build(), "segment"), 3: EMPTY_SEGMENT}), "segment 000002 is missing"),
        (build(segments={1: content(build(), "segment") + b"\0"}), "1 bytes belong to nothing"),
    ],
)  # fmt: skip
def test_what_no_sum_tells_is_found(files, message):
    """Orders, counts, times, and parts that contradict one another."""
    problems = [str(problem) for problem in verify_block(files).problems]

    assert any(message in problem for problem in problems), problems


def test_chunks_whose_times_do_not_ascend():
    """The sum of such a chunk holds; no query expects it."""
    segment = writer.SegmentWriter()
    backwards = segment.add(writer.xor_chunk([(10, 1.0), (12, 2.0), (11, 3.0), (13, 4.0)]))
    files = build(
        writer.index([({"a": "b"}, [(10, 13, backwards)])]), {1: bytes(segment.data)}, meta=writer.meta(ULID, 10, 14)
    )

    assert [problem.message for problem in verify_block(files).problems] == ["times of a chunk do not ascend"]


def test_losses_are_told_in_numbers():
    """One chunk of five is damaged: it, and its three samples, are lost."""
    data = bytearray(content(build(), "segment"))
    data[40] ^= 1
    part = verify_block(with_file(build(), "segment", bytes(data)))

    assert part.lost == {"chunks": 1, "samples": 3}
    assert part.counts["samples"] == 9 + 3
    assert [(problem.file, problem.message) for problem in part.problems] == [
        ("chunks/000001", "checksum of a chunk does not match")
    ]


def test_a_block_without_an_index_has_lost_what_its_meta_counts():
    """Nothing of it can be read."""
    part = verify_block(with_file(build(), "index", b""))

    assert part.lost == {"series": 3, "chunks": 5, "samples": 15}


# -- the head

RECORDS = [
    writer.series_record([(1, {"a": "b"}), (2, {"a": "c"})]),
    writer.samples_record([(1, 5, 0.5), (2, 5, 1.5)]),
    writer.tombstones_record([(1, 0, 4)]),
]


def head(
    records: list[bytes], *more: bytes, chunks: bytes = writer.head_chunks([(1, chunk(10), 1), (2, chunk(10), 1)])
) -> HeadFiles:
    return HeadFiles(chunks={1: File("chunks_head/000001", chunks)}, wal=log(writer.segment(records), *more))


SEGMENT = head(RECORDS).wal[0]
BACKWARDS = [(10, 1.0), (12, 1.0), (11, 1.0), (13, 1.0)]


def verify_head(files: HeadFiles):
    (part,) = verify(directory(head=files), decompress_zstd)
    return part


def test_a_sound_head_is_told_in_numbers():
    """Log, samples, chunks."""
    part = verify_head(head(RECORDS))

    assert (part.problems, part.notes) == ((), ())
    assert {kind: count for kind, count in part.counts.items() if kind != "bytes"} == {
        "series": 2, "samples": 2, "records": 3, "segments": 1, "tombstones": 1, "chunks": 2,
    }  # fmt: skip


@pytest.mark.parametrize("pad", [True, False])
def test_every_flipped_bit_of_a_log_is_found(pad):
    """In the last segment one may make a record look as if it was being written, which is a note."""
    data = writer.segment(RECORDS)
    for changed in flips(data):
        segments = (changed + bytes(writer.PAGE - len(changed)), writer.segment([])) if pad else (changed,)
        part = verify_head(attrs.evolve(head(RECORDS), wal=log(*segments)))
        assert part.problems or (part.notes and not pad)


def test_every_truncation_of_a_log_is_found():
    """Within a record it is a note at the end of the log, and damage before; between records nothing tells it."""
    data = writer.segment(RECORDS)
    ends = {len(writer.segment(RECORDS[:n])) for n in range(len(RECORDS) + 1)}
    for size in range(len(data)):
        last = verify_head(attrs.evolve(head(RECORDS, chunks=b""), wal=log(data[:size])))
        before = verify_head(attrs.evolve(head(RECORDS, chunks=b""), wal=log(data[:size], writer.segment(RECORDS))))
        assert last.is_sound
        assert bool(last.notes) == (size not in ends)
        assert before.is_sound == (size in ends)


def test_every_flipped_bit_of_a_chunk_file_is_found():
    """The zeros behind the last chunk as well; a whole magic of zeros would be a file that was not begun."""
    data = writer.head_chunks([(1, chunk(10), 1), (2, chunk(10), 1)], zeros=30)
    missed = [i for i, changed in enumerate(flips(data)) if verify_head(head(RECORDS, chunks=changed)).is_sound]

    assert missed == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (head([*RECORDS, b"\x01\0"]), "malformed record: expected 8 more bytes, found 1"),
        (head([*RECORDS, writer.series_record([(1, {"a": "z"})])]), "reference 1 is given to a second series"),
        (head([*RECORDS, b"\x03\0"]), "malformed record"),
        (head([*RECORDS, b"\x06\1"]), "malformed record"),
        (head([*RECORDS, writer.samples_record([(1, 6, 0.5)])[:-1]]), "samples record ends within a sample"),
        (head(RECORDS, chunks=writer.head_chunks([(1, chunk(10), 1), (1, chunk(15), 1)])), "begins before the one"),
        (head(RECORDS, chunks=writer.head_chunks([(1, BACKWARDS, 1)])), "times of a chunk do not ascend"),
        (attrs.evolve(head(RECORDS), wal={0: SEGMENT, 2: SEGMENT}), "segments 1 to 1 before it are missing"),
        (attrs.evolve(head(RECORDS), checkpoint=Checkpoint(4, {}), wal={6: SEGMENT}), "segments 5 to 5 before it"),
        (attrs.evolve(head(RECORDS), chunks={1: File("1", b""), 3: File("3", b"")}), "file 000002 before it"),
        (attrs.evolve(head(RECORDS), wbl=log(b"\7")), None),
        (attrs.evolve(head(RECORDS), wbl=log(b"\7" * 9)), "fragment of unknown type"),
        (attrs.evolve(head(RECORDS), checkpoint=Checkpoint(0, log(b"\1"))), "segment ends within a record"),
    ],
)  # fmt: skip
def test_damage_to_a_head_is_found(files, message):
    """Records, references, order, gaps; in the log, its checkpoint, the log of late samples, and chunks."""
    problems = [str(problem) for problem in verify_head(files).problems]

    assert any(message in problem for problem in problems) if message else not problems


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (head([*RECORDS, b"\x07"]), "1 records of histograms: not decoded"),
        (head([*RECORDS, writer.samples_record([(9, 6, 0.5)])]), "1 samples of series that the log does not name"),
        (head(RECORDS[1:]), "2 chunks in chunks_head of series that the log does not name"),
        (head(RECORDS, chunks=writer.head_chunks([(1, chunk(10), 2)])), "1 histogram chunks in chunks_head"),
    ],
)
def test_what_is_unread_and_sound_is_a_note(files, note):
    """It is no damage, and worth knowing."""
    part = verify_head(files)

    assert part.is_sound
    assert any(note in each for each in part.notes), part.notes


def test_the_checkpoint_may_overlap_the_log():
    """Segments that a checkpoint covers are there until they are removed."""
    files = attrs.evolve(head(RECORDS), checkpoint=Checkpoint(1, log(writer.segment(RECORDS[:1]))))
    files = attrs.evolve(files, wal={1: files.wal[0], 2: File("2", writer.segment(RECORDS[1:]))})

    assert verify_head(files).is_sound
