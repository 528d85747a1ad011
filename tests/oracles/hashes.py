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
