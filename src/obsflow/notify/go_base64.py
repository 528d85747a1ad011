"""Base64 in the alphabet of URLs, read as Go reads it: padded, with line breaks anywhere."""

import base64
from typing import Final

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUES: Final = {byte: value for value, byte in enumerate(_ALPHABET)}
_BREAKS: Final = b"\r\n"
_PADDING: Final = ord("=")


def encode_url_base64(data: bytes) -> str:
    """The bytes as text."""
    return base64.urlsafe_b64encode(data).decode("ascii")


def decode_url_base64(text: bytes) -> bytes:
    """What the text stands for; spare bits are dropped. Raises ValueError with the place that is wrong, as Go does."""
    out = bytearray()
    position, quantum = 0, list[int]()
    while position < len(text):
        byte = text[position]
        position += 1
        if byte in _VALUES:
            quantum.append(_VALUES[byte])
            if len(quantum) == 4:
                out += _to_bytes(quantum)
                quantum = []
        elif byte == _PADDING and len(quantum) > 1:
            _check_end(text, position, len(quantum))
            return bytes(out + _to_bytes(quantum))
        elif byte not in _BREAKS:
            raise _illegal(position - 1)
    if quantum:
        raise _illegal(position - len(quantum))
    return bytes(out)


def _check_end(text: bytes, position: int, count: int) -> None:
    """After `count` digits and a padding character comes the other one that may be missing, and nothing else."""
    position = _skip_breaks(text, position)
    if count == 2:
        if position == len(text):
            raise _illegal(position)
        if text[position] != _PADDING:
            raise _illegal(position - 1)
        position = _skip_breaks(text, position + 1)
    if position < len(text):
        raise _illegal(position)


def _skip_breaks(text: bytes, position: int) -> int:
    while position < len(text) and text[position] in _BREAKS:
        position += 1
    return position


def _to_bytes(quantum: list[int]) -> bytes:
    number = sum(value << (18 - 6 * i) for i, value in enumerate(quantum))
    return number.to_bytes(3, "big")[: len(quantum) - 1]


def _illegal(position: int) -> ValueError:
    return ValueError(f"illegal base64 data at input byte {position}")
