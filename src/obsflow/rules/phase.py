"""At which moment of its interval a group is evaluated, so that not all groups run at once."""

from obsflow.native import xxhash64

_NANOSECONDS_PER_MS = 1_000_000
_LONG = 255  # lengths from here on take four bytes


def group_offset(source: str, name: str, interval_ms: int) -> int:
    """The offset in ms within the interval, as Prometheus 3 derives it from the file and the name of the group.

    It hashes the labels `file` and `name` as it holds them in memory, each text after its length, and takes the
    remainder in nanoseconds.
    """
    encoded = b"".join(_prefixed(text) for text in ("file", source, "name", name))
    return xxhash64(encoded) % (interval_ms * _NANOSECONDS_PER_MS) // _NANOSECONDS_PER_MS


def _prefixed(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    size = len(data)
    return (bytes((size,)) if size < _LONG else bytes((_LONG,)) + size.to_bytes(3, "little")) + data
