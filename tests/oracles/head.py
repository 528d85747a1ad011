"""The live head as dictionaries of lists: what is taken, and where chunks are cut, one sample after another."""

import math

from tests.oracles import xor

TAKEN, REPEATED, CONTRADICTS, OUT_OF_ORDER, OUT_OF_BOUNDS, TOO_OLD, LATE = range(7)
NEVER = -(1 << 63)
CHUNK_SAMPLES = 120
FULL_BYTES = 1024 - 19


def code(newest, time, bits, min_time, late_from):
    """What becomes of a sample of a series whose newest is (time, bits), or None; no late ones where `late_from` is."""
    if time == NEVER:
        return OUT_OF_BOUNDS
    if time >= min_time:
        if newest is None or time > newest[0]:
            return TAKEN
        if time == newest[0]:
            return REPEATED if bits == newest[1] else CONTRADICTS
    if late_from is not None:
        return LATE if time >= late_from else TOO_OLD
    return OUT_OF_BOUNDS if time < min_time else OUT_OF_ORDER


class Chunk:
    """An XOR chunk as text of bits that grows; the encoding is `tests.oracles.xor`'s."""

    def __init__(self, end):
        self.end = end
        self.times, self.bits = [], []
        self.text, self.window = "", None

    def __len__(self):
        return len(self.times)

    def append(self, time, bits):
        if not self.times:
            self.text = xor.uvarint((time << 1 ^ time >> 63) & xor.MASK) + xor.field(bits, 64)
        else:
            delta = time - self.times[-1]
            if len(self.times) == 1:
                self.text += xor.uvarint(delta & xor.MASK)
            else:
                self.text += xor.dod_field(xor.signed(delta - self.times[-1] + self.times[-2] & xor.MASK))
            text, self.window = xor.value_field(bits ^ self.bits[-1], self.window)
            self.text += text
        self.times.append(time)
        self.bits.append(bits)

    def to_bytes(self):
        text = xor.field(len(self), 16) + self.text
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")

    @property
    def size(self):
        return 2 + (len(self.text) + 7) // 8

    def is_full(self, time):
        """Whether a sample at `time` must go to another chunk; predicts where it ends once a quarter is there."""
        if self.size > FULL_BYTES:
            return True
        if len(self) == CHUNK_SAMPLES // 4:
            first = self.times[0]
            span = float(self.end - first)
            parts = span / (float(self.times[-1] - first + 1) * 4)
            if parts > 1:
                end = int(float(first) + span / math.floor(parts))
                self.end = end if end < 1 << 63 else self.end
        return time >= self.end or len(self) >= 2 * CHUNK_SAMPLES


def range_end(time, chunk_range):
    """The end of the aligned range of a time, which division towards zero finds."""
    whole = abs(time) // chunk_range
    return (whole if time >= 0 else -whole) * chunk_range + chunk_range


class Series:
    def __init__(self):
        self.newest = None
        self.closed, self.open = [], None

    @property
    def chunks(self):
        return [*self.closed, *([self.open] if self.open else [])]

    def append(self, time, bits, chunk_range):
        if self.open and self.open.is_full(time):
            self.close()
        if not self.open:
            self.open = Chunk(range_end(time, chunk_range))
        self.open.append(time, bits)
        self.newest = time, bits

    def close(self):
        if self.open:
            self.closed.append(self.open)
        self.open = None

    def forget(self, before):
        self.closed = [chunk for chunk in self.closed if chunk.times[-1] >= before]
        if self.open and self.open.times[-1] < before:
            self.open = None


class Head:
    """Series by number."""

    def __init__(self, chunk_range, n):
        self.chunk_range = chunk_range
        self.series = [Series() for _ in range(n)]

    def check(self, samples, min_time, late_from):
        """The codes of (row, time, bits) that are appended one after another; changes nothing."""
        newest = {row: self.series[row].newest for row, _, _ in samples}
        out = []
        for row, time, bits in samples:
            out.append(code(newest[row], time, bits, min_time, late_from))
            if out[-1] == TAKEN:
                newest[row] = time, bits
        return out

    def append(self, row, time, bits):
        self.series[row].append(time, bits, self.chunk_range)

    def runs(self, row, start, end):
        """(first, last, bytes) of the chunks of a series that touch `[start, end]`."""
        return [
            (chunk.times[0], chunk.times[-1], chunk.to_bytes())
            for chunk in self.series[row].chunks
            if chunk.times[-1] >= start and chunk.times[0] <= end
        ]
