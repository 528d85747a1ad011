"""Hashes bit by bit, and Snappy token by token."""

MASK64 = (1 << 64) - 1


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & MASK64
    return value


class SnappyError(Exception):
    """The block contradicts itself."""


def snappy_decode(data):
    """The decoded block; SnappyError if it is none."""
    rest = list(data)

    def take(n):
        if n > len(rest):
            raise SnappyError
        taken = rest[:n]
        del rest[:n]
        return bytes(taken)

    length = 0
    for i in range(10):
        byte = take(1)[0]
        length |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            break
    else:
        raise SnappyError
    out = bytearray()
    while rest:
        tag = take(1)[0]
        size = (tag >> 2) + 1
        if tag & 3 == 0:
            if size > 60:
                size = int.from_bytes(take(size - 60), "little") + 1
            out += take(size)
            continue
        if tag & 3 == 1:
            size = 4 + (tag >> 2 & 7)
            offset = (tag >> 5) << 8 | take(1)[0]
        else:
            offset = int.from_bytes(take(2 if tag & 3 == 2 else 4), "little")
        if not 0 < offset <= len(out):
            raise SnappyError
        for _ in range(size):
            out.append(out[-offset])
    if len(out) != length:
        raise SnappyError
    return bytes(out)


_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_WORD = (1 << 64) - 1


def _rotate(word, by):
    return (word << by | word >> (64 - by)) & _WORD


def _round(lane, word):
    return _rotate((lane + word * _P2) & _WORD, 31) * _P1 & _WORD


def xxhash64(data):
    """XXH64 with seed 0, as its specification has it: four lanes of eight bytes, then what is left."""
    at, total = 0, _P5
    if len(data) >= 32:
        lanes = [(_P1 + _P2) & _WORD, _P2, 0, -_P1 & _WORD]
        while at + 32 <= len(data):
            for i in range(4):
                lanes[i] = _round(lanes[i], int.from_bytes(data[at : at + 8], "little"))
                at += 8
        total = sum(_rotate(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _WORD
        for lane in lanes:
            total = ((total ^ _round(0, lane)) * _P1 + _P4) & _WORD
    total = (total + len(data)) & _WORD
    while at + 8 <= len(data):
        total ^= _round(0, int.from_bytes(data[at : at + 8], "little"))
        total = (_rotate(total, 27) * _P1 + _P4) & _WORD
        at += 8
    if at + 4 <= len(data):
        total ^= int.from_bytes(data[at : at + 4], "little") * _P1 & _WORD
        total = (_rotate(total, 23) * _P2 + _P3) & _WORD
        at += 4
    for byte in data[at:]:
        total = _rotate(total ^ byte * _P5 & _WORD, 11) * _P1 & _WORD
    total = (total ^ total >> 33) * _P2 & _WORD
    total = (total ^ total >> 29) * _P3 & _WORD
    return total ^ total >> 32
