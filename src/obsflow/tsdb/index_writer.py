"""The index of a block as it is written: symbols, series, postings, their table, the table of contents."""

from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.frames import LabelColumns
from obsflow.tsdb.encoding import IntArray, encode_uvarint, offsets_of

MAGIC = 0xBAAAD700
VERSION = 2
_ALIGNMENT = 4

Ordinals = npt.NDArray[np.uint32]


@attrs.frozen(eq=False)
class _Symbols:
    """The texts of an index in order, and the label columns as their ordinals."""

    texts: list[bytes]
    names: Ordinals  # [names]
    values: Ordinals  # [names, series]

    @classmethod
    def of(cls, labels: LabelColumns) -> "_Symbols":
        symbols = labels.symbols
        name_ids = symbols.intern_all(labels.names)
        used = np.zeros(len(symbols), np.bool_)
        used[labels.columns.ravel()] = True
        used[name_ids] = True
        used[0] = True  # the empty text, which the list of all series has as its key
        ids = np.flatnonzero(used)
        texts = [symbols[i].encode("utf-8", "surrogateescape") for i in ids.tolist()]
        order = sorted(range(len(texts)), key=texts.__getitem__)
        ordinals = np.zeros(len(used), np.uint32)
        ordinals[ids[order]] = np.arange(len(order), dtype=np.uint32)
        values = ordinals[labels.columns]
        values[labels.columns == 0] = native.ABSENT
        return cls([texts[i] for i in order], ordinals[name_ids], values)


def write_index(
    labels: LabelColumns,
    offsets: IntArray,
    min_time: IntArray,
    max_time: IntArray,
    reference: IntArray,
    places: Ordinals | None = None,
) -> Iterator[bytes]:
    """The index of series that are sorted and distinct, piece by piece.

    Series `i` has the chunks `offsets[i]:offsets[i + 1]`, with their times (ms, closed) and references. `places`,
    uint32 `[series]`, gets what tombstones call each series. Raises ValueError where chunks do not follow one another.
    """
    parts = _Symbols.of(labels)
    header = MAGIC.to_bytes(4, "big") + bytes((VERSION,))
    symbols = _checked(len(parts.texts).to_bytes(4, "big") + b"".join(_text(text) for text in parts.texts))
    yield header + symbols
    series_at = len(header) + len(symbols)
    entries, at_entries = native.write_index_entries(
        series_at, parts.names, parts.values, offsets, min_time, max_time, reference
    )
    if places is not None:
        places[:] = at_entries
    yield entries.tobytes()
    postings_at = series_at + len(entries)
    padding = -postings_at % _ALIGNMENT
    names, values, members, lists = _postings(parts, at_entries)
    postings, at = native.write_postings(postings_at + padding, members, lists)
    yield bytes(padding) + postings.tobytes()
    table_at = postings_at + padding + len(postings)
    table = native.write_postings_table(parts.texts, names, values, at)
    yield _checked(len(names).to_bytes(4, "big") + table.tobytes())
    # label indices, which are written no more, have their places all the same
    contents = np.array((len(header), series_at, postings_at, table_at, postings_at, table_at), ">u8").tobytes()
    yield contents + native.crc32c(contents).to_bytes(4, "big")


def _postings(parts: _Symbols, places: Ordinals) -> tuple[Ordinals, Ordinals, Ordinals, IntArray]:
    """Name and value of each list in order, the members of all of them one after another, and where each begins."""
    name_of: list[Ordinals] = [np.zeros(1, np.uint32)]
    value_of: list[Ordinals] = [np.zeros(1, np.uint32)]
    members: list[Ordinals] = [places]
    counts: list[IntArray] = [np.array([len(places)], np.int64)]
    for name, column in zip(parts.names, parts.values, strict=True):
        rows = np.flatnonzero(column != native.ABSENT)
        order = rows[np.argsort(column[rows], kind="stable")]
        values = column[order]
        first = np.flatnonzero(np.append(np.ones(min(1, len(values)), np.bool_), values[1:] != values[:-1]))
        name_of.append(np.full(len(first), name, np.uint32))
        value_of.append(values[first])
        members.append(places[order])
        counts.append(np.diff(np.append(first, len(values))))
    return (
        np.concatenate(name_of),
        np.concatenate(value_of),
        np.concatenate(members),
        offsets_of(np.concatenate(counts)),
    )


def _text(text: bytes) -> bytes:
    return encode_uvarint(len(text)) + text


def _checked(body: bytes) -> bytes:
    """A section with its length before it and its checksum behind it."""
    return len(body).to_bytes(4, "big") + body + native.crc32c(body).to_bytes(4, "big")
