"""XOR chunks as strings of '0' and '1': what the format says, one sample after another."""

import struct

WIDTHS = (("10", 14), ("110", 17), ("1110", 20))
MASK = (1 << 64) - 1


def bits_of(value):
    return int.from_bytes(struct.pack(">d", value), "big")


def value_of(bits):
    return struct.unpack(">d", bits.to_bytes(8, "big"))[0]


def signed(word):
    return word - (1 << 64) if word >> 63 else word


def field(word, width):
    return format(word, f"0{width}b")


def uvarint(word):
    out = ""
    while word >= 0x80:
        out += field(word & 0x7F | 0x80, 8)
        word >>= 7
    return out + field(word, 8)


def dod_field(dod):
    if dod == 0:
        return "0"
    for prefix, width in WIDTHS:
        if -(1 << width - 1) < dod <= 1 << width - 1:
            return prefix + field(dod & (1 << width) - 1, width)
    return "1111" + field(dod & MASK, 64)


def value_field(x, window):
    """The field of an XOR, and the window that the next one may reuse."""
    if x == 0:
        return "0", window
    text = field(x, 64)
    lead = min(31, len(text) - len(text.lstrip("0")))
    trail = len(text) - len(text.rstrip("0"))
    if window and lead >= window[0] and trail >= window[1]:
        return "10" + text[window[0] : 64 - window[1]], window
    size = 64 - lead - trail
    return "11" + field(lead, 5) + field(size % 64, 6) + text[lead : 64 - trail], (lead, trail)


def encode(times, value_bits):
    """The chunk of these times (ms) and values (as 64 bits)."""
    out, window = field(len(times), 16), None
    for i, (time, bits) in enumerate(zip(times, value_bits, strict=True)):
        if i == 0:
            out += uvarint((time << 1 ^ time >> 63) & MASK) + field(bits, 64)
            continue
        if i == 1:
            out += uvarint(time - times[0] & MASK)
        else:
            out += dod_field(signed((time - 2 * times[i - 1] + times[i - 2]) & MASK))
        text, window = value_field(bits ^ value_bits[i - 1], window)
        out += text
    out += "0" * (-len(out) % 8)
    return int(out, 2).to_bytes(len(out) // 8, "big")


class EndedError(Exception):
    """The chunk ends inside a sample, or a window is wider than a value."""


class Reader:
    def __init__(self, data):
        self.text = "".join(field(byte, 8) for byte in data)
        self.at = 0

    def take(self, width):
        if self.at + width > len(self.text):
            raise EndedError
        self.at += width
        return int(self.text[self.at - width : self.at], 2) if width else 0

    def uvarint(self):
        word = 0
        for i in range(10):
            byte = self.take(8)
            word |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                if word > MASK:
                    break
                return word
        raise EndedError

    def dod(self):
        ones = 0
        while ones < 4 and self.take(1):
            ones += 1
        if ones == 0:
            return 0
        if ones == 4:
            return signed(self.take(64))
        width = WIDTHS[ones - 1][1]
        word = self.take(width)
        return word - (1 << width) if word > 1 << width - 1 else word

    def xor(self, window):
        if not self.take(1):
            return 0, window
        if self.take(1):
            lead, size = self.take(5), self.take(6) or 64
            if lead + size > 64:
                raise EndedError
            window = (lead, 64 - lead - size)
        return self.take(64 - sum(window)) << window[1], window


def decode(data):
    """(times, values as 64 bits, whether it ended well): the samples before a fault."""
    times, values, window, delta = [], [], (0, 0), 0
    reader = Reader(data)
    try:
        for i in range(reader.take(16)):
            if i == 0:
                word = reader.uvarint()
                bits = reader.take(64)
                times.append(word >> 1 ^ -(word & 1))
                values.append(bits)
                continue
            delta = reader.uvarint() if i == 1 else delta + reader.dod()
            x, window = reader.xor(window)
            times.append(signed(times[-1] + delta & MASK))
            values.append(values[-1] ^ x)
    except EndedError:
        return times, values, False
    return times, values, True
