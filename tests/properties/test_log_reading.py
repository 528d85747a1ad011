"""The reader of segments against its plain twin, on logs that were damaged at random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import log
from tests.tsdb import writer

from obsflow import native

SIZES = st.one_of(
    st.integers(0, 60), st.integers(32_700, 32_800), st.integers(65_400, 65_560), st.just(32_761), st.just(32_754)
)
RECORDS = st.lists(st.tuples(st.sampled_from([b"a", b"\0", b"\x01\x02"]), SIZES), min_size=1, max_size=6)
DAMAGE = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.integers(0, 400_000), st.integers(0, 7)),
        st.tuples(st.just("header"), st.integers(0, 12), st.integers(0, 55)),
        st.tuples(st.just("zero"), st.integers(0, 400_000), st.integers(1, 40_000)),
        st.tuples(st.just("cut"), st.integers(0, 400_000), st.just(0)),
        st.tuples(st.just("garbage"), st.integers(0, 400_000), st.integers(1, 300)),
    ),
    max_size=3,
)


def damage(data: bytearray, changes: list[tuple[str, int, int]]) -> bytes:
    for kind, where, how in changes:
        if not data:
            break
        at = where % len(data)
        if kind == "flip":
            data[at] ^= 1 << how
        elif kind == "header":
            at = min(where * writer.PAGE + how // 8, len(data) - 1)
            data[at] ^= 1 << how % 8
        elif kind == "zero":
            data[at : at + how] = bytes(len(data[at : at + how]))
        elif kind == "cut":
            del data[at:]
        else:
            data[at : at + how] = b"\x01\x00\x05\xff"[: len(data) - at]
    return bytes(data)


def segment(records: list[bytes], flag: int, pad: bool) -> bytes:
    """What the plain writer writes, sooner."""
    data = native.frame_log(
        b"".join(records), np.cumsum([len(r) for r in records]), position=0, limit=1 << 30, compress=False
    ).data
    out, at = bytearray(data), 0
    while at < len(out):
        if len(out) - at < 7 or writer.PAGE - at % writer.PAGE < 7:
            at += writer.PAGE - at % writer.PAGE
            continue
        out[at] |= flag
        at += 7 + (out[at + 1] << 8 | out[at + 2])
    return bytes(out) + bytes(-len(out) % writer.PAGE if pad else 0)


def read(data: bytes, *, is_last: bool) -> tuple[list[tuple[int, int, bytes]], list[int], int]:
    reader = native.LogReader(data, is_last=is_last)
    records, faults = [], []
    for batch in reader.batches():
        faults += batch.faults
        for at, start, length, is_zstd in zip(*(c.tolist() for c in batch[1:5]), strict=True):
            records.append((at, 16 * is_zstd, batch.data[start : start + length].tobytes()))
    return records, [offset for _, offset in faults], reader.lost


@settings(deadline=None, max_examples=80)
@given(RECORDS, DAMAGE, st.sampled_from([0, 16]), st.booleans(), st.booleans())
def test_reads_what_its_twin_reads(kinds, changes, flag, pad, is_last):
    """Records, faults and the bytes that are passed over are the same, whatever is damaged."""
    records = [(unit * size)[:size] for unit, size in kinds]
    data = damage(bytearray(segment(records, flag, pad)), changes)
    assert read(data, is_last=is_last) == log.read(data, is_last=is_last)


@settings(deadline=None, max_examples=25)
@given(RECORDS)
def test_writes_what_the_plain_writer_writes(kinds):
    """Framing gives the very bytes of the plain writer, in one call or record by record."""
    records = [(unit * size)[:size] for unit, size in kinds]
    ends = np.cumsum([len(record) for record in records])
    whole = native.frame_log(b"".join(records), ends, position=0, limit=1 << 30, compress=False)
    out, position = b"", 0
    for record in records:
        framed = native.frame_log(record, np.array([len(record)]), position=position, limit=1 << 30, compress=False)
        out, position = out + framed.data, framed.position
    assert whole.data == out == writer.segment(records)
    assert (whole.records, whole.position) == (len(records), len(out))


@pytest.mark.parametrize("gap", range(16))
@pytest.mark.parametrize("length", [0, 1, 9, 32_761, 32_768, 65_600])
@pytest.mark.parametrize("compress", [False, True])
def test_every_place_at_the_end_of_a_page(gap, length, compress):
    """A record comes back wherever in the last bytes of a page it begins."""
    first = bytes(range(256)) * 128
    records = [first[: writer.PAGE - 7 - gap], b"x" * length, b"after"]
    records[0] = np.random.default_rng(1).bytes(len(records[0]))  # which does not compress
    ends = np.cumsum([len(record) for record in records])
    framed = native.frame_log(b"".join(records), ends, position=0, limit=1 << 30, compress=compress)
    found, faults, lost = read(framed.data, is_last=False)
    assert [record for _, _, record in found] == records
    assert (faults, lost) == ([], 0)


@settings(deadline=None)
@given(st.binary(max_size=400), st.integers(1, 200), st.integers(0, 3))
def test_snappy_round_trips(data, repeat, extra):
    """What Snappy makes of any bytes decodes to them, and never takes more room than it said."""
    text = data * repeat + data[:extra]
    packed = native.snappy_encode(text)
    assert native.snappy_decode(packed) == text
    assert len(packed) <= 32 + len(text) + len(text) // 6


SAMPLES = st.lists(
    st.tuples(st.integers(0, (1 << 64) - 1), st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, (1 << 64) - 1)),
    max_size=40,
)


@settings(deadline=None)
@given(SAMPLES, st.integers(1, 9))
def test_samples_round_trip(samples, per_record):
    """Samples come back bit for bit from however many records, which are those of the plain writer."""
    references = np.array([each[0] for each in samples], np.uint64)
    times = np.array([each[1] for each in samples], np.int64)
    values = np.array([each[2] for each in samples], np.uint64).view(np.float64)
    data, ends = native.encode_log_samples(references, times, values, per_record)
    starts = np.concatenate((np.zeros(1, np.int64), ends))[:-1]
    found = native.decode_log_samples(data, starts, ends - starts)
    assert found[0].tolist() == references.tolist()
    assert found[1].tolist() == times.tolist()
    assert found[2].view(np.uint64).tolist() == values.view(np.uint64).tolist()
    assert not found[5].any()
