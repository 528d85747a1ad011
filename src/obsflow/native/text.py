"""Exposition text: bodies to columns, keys to labels, and the cache that knows the keys of the scrape before."""

from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    F64,
    I32,
    I64,
    U8,
    Float64Array,
    Int64Array,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)

Int32Array = npt.NDArray[np.int32]

TEXT_PLAIN: Final[int] = lib.OBS_TEXT_PLAIN
TEXT_OPENMETRICS: Final[int] = lib.OBS_TEXT_OPENMETRICS
TEXT_EXEMPLAR: Final[int] = lib.OBS_TEXT_EXEMPLAR
"""The kind of an exemplar's key, less the format."""
TEXT_LE: Final[int] = lib.OBS_TEXT_LE
TEXT_QUANTILE: Final[int] = lib.OBS_TEXT_QUANTILE
"""Those of keys whose `le` or `quantile` is written anew, less the format."""
TEXT_HELP: Final[int] = lib.OBS_TEXT_HELP
TEXT_TYPE: Final[int] = lib.OBS_TEXT_TYPE
TEXT_UNIT: Final[int] = lib.OBS_TEXT_UNIT

_FORMATS: Final = (TEXT_PLAIN, TEXT_OPENMETRICS)
_ENTRY: Final = np.dtype([("start", np.int64), ("length", np.int32), ("kind", np.int32)])
_ENTRIES, _CACHE = ffi.typeof("obs_text_entry[]"), ffi.typeof("obs_text_cache *")
_OUTCOME, _LABELS = ffi.typeof("obs_text_outcome *"), ffi.typeof("obs_text_labels_out *")
_SIZES: Final = ffi.typeof("size_t[]")
_TABLES: Final = tuple(ffi.typeof(f"obs_text_{rows} *") for rows in ("samples", "metadata", "exemplars"))
_COLUMNS: Final[tuple[tuple[type[np.generic], ...], ...]] = (  # in the order of the headers, and of the classes below
    (
        *(np.int64, np.int32, np.uint8, np.float64, np.int64),
        *(np.uint8, np.int32, np.int32, np.int32, np.int64),
    ),
    (np.uint8, np.uint8, np.int64, np.int32, np.int64, np.int32),
    (np.int64, np.int32, np.float64, np.int64, np.uint8),
)
_ERROR_PREFIX: Final = "OBS_TEXT_"
_POINTERS: Final = {np.dtype(np.uint8): U8, np.dtype(np.int32): I32, np.dtype(np.int64): I64, np.dtype(np.float64): F64}
_LEAST: Final = 64


@attrs.frozen
class TextFault:
    """Why a body is none: `error` is the name of an obs_text_error less its prefix, `offset` where it is, in bytes."""

    error: str
    offset: int


@attrs.frozen(eq=False)
class TextSamples:
    """Rows of samples. Keys are ranges of the body; all columns are `[samples]`."""

    key_starts: Int64Array
    key_lengths: Int32Array
    kinds: UInt8Array  # what the key's labels also depend on: the format, and whether `le` or `quantile` is rewritten
    values: Float64Array
    times: Int64Array  # ms; 0 where there is none
    has_time: UInt8Array  # 0 or 1
    families: Int32Array  # row of the TYPE in force, or -1
    exemplars: Int32Array  # row of the exemplar, or -1
    entries: Int32Array  # entry of the cache, or -1
    references: Int64Array  # what the cache holds for it, or -1


@attrs.frozen(eq=False)
class TextMetadata:
    """Rows of HELP, TYPE and UNIT, `[rows]`. Names and texts are ranges of the body, still escaped."""

    words: UInt8Array
    types: UInt8Array  # of a TYPE, numbered as in the write-ahead log
    name_starts: Int64Array
    name_lengths: Int32Array
    text_starts: Int64Array
    text_lengths: Int32Array


@attrs.frozen(eq=False)
class TextExemplars:
    """Rows of exemplars, `[rows]`. The key is the range of the body from `{` to `}`."""

    key_starts: Int64Array
    key_lengths: Int32Array
    values: Float64Array
    times: Int64Array  # ms; 0 where there is none
    has_time: UInt8Array


@attrs.frozen(eq=False)
class TextColumns:
    """A body as columns; and how many keys came where they were expected, elsewhere in the cache, and not at all."""

    samples: TextSamples
    metadata: TextMetadata
    exemplars: TextExemplars
    n_predicted: int
    n_found: int
    n_missing: int


@attrs.frozen(eq=False)
class TextLabels:
    """The labels of many keys: `i` has the pairs `offsets[i]:offsets[i + 1]`, by name. They are ranges of `text`."""

    offsets: Int64Array  # [keys + 1]
    name_starts: Int64Array  # [pairs]
    name_lengths: Int32Array
    value_starts: Int64Array
    value_lengths: Int32Array
    text: bytes


class TextCache:
    """Keys, each with an int64 reference of the caller's, found again by the place at which they came or by hash.

    `references` int64 `[entries]` may be written to. `seed` makes the hashes other than a target can know.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed & 0xFFFFFFFFFFFFFFFF
        self._turn = 0
        self.n_entries = self.n_gone = self._n_keys = 0
        self.expected = np.zeros(0, np.int32)
        self.metadata_expected = self.exemplars_expected = 0
        self._keys = np.empty(_LEAST, np.uint8)
        self._entries = np.empty(_LEAST, _ENTRY)
        self.references = np.empty(_LEAST, np.int64)
        self._seen, self._tracked = np.empty(_LEAST, np.int64), np.empty(_LEAST, np.int64)
        self._place = np.empty(_LEAST, np.int32)
        self._slots = np.full(2 * _LEAST, -1, np.int64)

    def pass_on(self) -> Any:
        """The cache as kernels take it."""
        return ffi.new(
            _CACHE,
            (
                *(pass_memory(U8, self._keys), self._n_keys, len(self._keys)),
                *(pass_memory(_ENTRIES, self._entries), pass_memory(I64, self.references)),
                *(pass_memory(I64, self._seen), pass_memory(I64, self._tracked), pass_memory(I32, self._place)),
                *(self.n_entries, len(self._entries), pass_memory(I64, self._slots), len(self._slots), self._seed),
            ),
        )

    def add(self, text: bytes, starts: Int64Array, lengths: Int32Array, kinds: UInt8Array) -> Int32Array:
        """Put in keys, which are ranges of `text`: int32 `[keys]`, the entry of each. Raises ValueError."""
        n = len(starts)
        starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int32, (n,), "lengths")
        kinds, entries = as_array(kinds, np.uint8, (n,), "kinds"), np.empty(n, np.int32)
        self._make_room(n, int(np.maximum(lengths, 0).sum()))
        cache = self.pass_on()
        views = [pass_memory(I64, starts), pass_memory(I32, lengths), pass_memory(U8, kinds)]
        check(lib.obs_text_add(cache, text, len(text), *views, n, pass_memory(I32, entries)))
        self.n_entries, self._n_keys = int(cache.n_entries), int(cache.n_keys)
        return entries

    def turn(self, entries: Int32Array, tracks: UInt8Array, *, keeps: bool = False) -> Int32Array:
        """End a scrape whose samples had these entries, which are expected next; int32 entries that went stale.

        Stale is what counted (`tracks`) in the turn before and does not now. What was not seen is gone, unless `keeps`.
        Raises ValueError for an entry that is not there.
        """
        n = len(entries)
        entries, tracks = as_array(entries, np.int32, (n,), "entries"), as_array(tracks, np.uint8, (n,), "tracks")
        stale, counts = np.empty(self.n_entries, np.int32), ffi.new(_SIZES, 2)
        views = [pass_memory(I32, entries), pass_memory(U8, tracks)]
        check(
            lib.obs_text_turn(
                self.pass_on(), *views, n, self._turn + 1, keeps, pass_memory(I32, stale), counts, counts + 1
            )
        )
        self._turn += 1
        self.n_gone += int(counts[1])
        if not keeps:
            self.expected = entries.copy()
        return stale[: counts[0]]

    def compact(self) -> None:
        """Forget what is gone, where that is most of it. Entries have other numbers then."""
        if self.n_gone <= self.n_entries // 2 + _LEAST:
            return
        kept = np.flatnonzero(self._entries["kind"][: self.n_entries] != lib.OBS_TEXT_GONE)
        old, number = self._entries[kept], np.full(self.n_entries, -1, np.int32)
        keys = self._keys.tobytes()
        columns: list[npt.NDArray[Any]] = [self.references, self._seen, self._tracked, self._place]
        held = [column[kept] for column in columns]
        number[kept] = np.arange(len(kept), dtype=np.int32)
        self.n_entries = self.n_gone = self._n_keys = 0
        self._slots.fill(-1)
        self.add(keys, old["start"].copy(), old["length"].copy(), old["kind"].astype(np.uint8))
        for column, values in zip(columns, held, strict=True):
            column[: len(kept)] = values
        self.expected = number[self.expected]

    def _make_room(self, n: int, n_bytes: int) -> None:
        if self._n_keys + n_bytes > len(self._keys):
            self._keys = _grown(self._keys, self._n_keys, self._n_keys + n_bytes)
        needed = self.n_entries + n
        if needed > len(self._entries):
            for name in ("_entries", "references", "_seen", "_tracked", "_place"):
                setattr(self, name, _grown(getattr(self, name), self.n_entries, needed))
        if 2 * needed > len(self._slots):
            self._slots = np.empty(1 << (2 * needed).bit_length(), np.int64)
            check(lib.obs_text_index(self.pass_on()))


def parse_text(body: bytes, text_format: int, cache: TextCache | None = None) -> TextColumns | TextFault:
    """Read a body of the format TEXT_PLAIN or TEXT_OPENMETRICS, with the keys that a cache knows."""
    if text_format not in _FORMATS:
        raise ValueError(f"no text format has the number {text_format}")
    cache = cache or TextCache()
    expected = len(cache.expected)
    hints = [expected, cache.metadata_expected, cache.exemplars_expected] if expected else None
    if hints:
        found = _parse(body, text_format, cache, [hint + hint // 8 + _LEAST for hint in hints])
        if found is not None:
            return found
    found = _parse(body, text_format, cache, [int(lib.obs_text_lines(body, len(body)))] * 3)
    if found is None:
        raise AssertionError("a line makes one row at most")
    return found


def _parse(body: bytes, text_format: int, cache: TextCache, room: list[int]) -> TextColumns | TextFault | None:
    """None where the room is too small."""
    columns = [[np.empty(n, dtype) for dtype in dtypes] for n, dtypes in zip(room, _COLUMNS, strict=True)]
    tables = [
        ffi.new(table, (*map(_pointer, some), n, 0)) for table, some, n in zip(_TABLES, columns, room, strict=True)
    ]
    outcome, passed = ffi.new(_OUTCOME), cache.pass_on()
    expected = pass_memory(I32, cache.expected)
    status = lib.obs_text_parse(body, len(body), text_format, passed, expected, len(cache.expected), *tables, outcome)
    if status == lib.OBS_NO_SPACE:
        return None
    if status == lib.OBS_CORRUPT:
        return TextFault(_error_name(outcome.error), int(outcome.offset))
    check(status)
    samples, metadata, exemplars = (
        [column[: table.n] for column in some] for some, table in zip(columns, tables, strict=True)
    )
    counts = (int(outcome.n_predicted), int(outcome.n_found), int(outcome.n_missing))
    return TextColumns(TextSamples(*samples), TextMetadata(*metadata), TextExemplars(*exemplars), *counts)


def text_labels(body: bytes, starts: Int64Array, lengths: Int32Array, kinds: UInt8Array) -> TextLabels | TextFault:
    """The labels of keys, which are ranges of `body`. The fault of the first that is none, or has a label twice.

    Raises ValueError for a range outside of the body.
    """
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int32, (n,), "lengths")
    kinds, total = as_array(kinds, np.uint8, (n,), "kinds"), int(np.maximum(lengths, 0).sum())
    if n == 0:
        return _NO_LABELS
    usual = _text_labels(body, starts, lengths, kinds, total // 12 + 2 * n, total + 16 * n)
    found = usual or _text_labels(body, starts, lengths, kinds, total // 3 + n, 3 * total + 40 * n)
    if found is None:
        raise AssertionError("a key has no more labels than it has room for")
    return found


_NO_STARTS, _NO_LENGTHS = np.empty(0, np.int64), np.empty(0, np.int32)
_NO_LABELS: Final = TextLabels(np.zeros(1, np.int64), _NO_STARTS, _NO_LENGTHS, _NO_STARTS, _NO_LENGTHS, b"")


def _text_labels(
    body: bytes, starts: Int64Array, lengths: Int32Array, kinds: UInt8Array, n_pairs: int, n_bytes: int
) -> TextLabels | TextFault | None:
    """None where the room is too small."""
    n = len(starts)
    views = [pass_memory(I64, starts), pass_memory(I32, lengths), pass_memory(U8, kinds)]
    offsets, text, outcome = np.empty(n + 1, np.int64), np.empty(n_bytes, np.uint8), ffi.new(_OUTCOME)
    name_starts, value_starts = np.empty(n_pairs, np.int64), np.empty(n_pairs, np.int64)
    name_lengths, value_lengths = np.empty(n_pairs, np.int32), np.empty(n_pairs, np.int32)
    pairs: list[npt.NDArray[Any]] = [offsets, name_starts, value_starts, name_lengths, value_lengths]
    out = ffi.new(_LABELS, (*map(_pointer, pairs), n_pairs, pass_memory(U8, text), n_bytes, 0))
    status = lib.obs_text_labels(body, len(body), *views, n, out, outcome)
    if status == lib.OBS_NO_SPACE:
        return None
    if status == lib.OBS_CORRUPT:
        return TextFault(_error_name(outcome.error), int(outcome.offset))
    check(status)
    used, written = offsets[-1], text[: out.n_text].tobytes()
    names, values = (name_starts[:used], name_lengths[:used]), (value_starts[:used], value_lengths[:used])
    return TextLabels(offsets, *names, *values, written)


def parse_decimals(data: bytes, starts: Int64Array, lengths: Int64Array) -> tuple[Float64Array, UInt8Array]:
    """Go's floats, of many ranges of `data`: values float64 `[n]`, and uint8 `[n]`: 0 a number, 1 none, 2 too large.

    Raises ValueError for a range outside of the data.
    """
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int64, (n,), "lengths")
    values, states = np.empty(n), np.empty(n, np.uint8)
    views = [pass_memory(I64, starts), pass_memory(I64, lengths)]
    check(lib.obs_decimal_read_many(data, len(data), *views, n, pass_memory(F64, values), pass_memory(U8, states)))
    return values, states


def render_openmetrics_float(value: float) -> str:
    """A number as OpenMetrics wants it in `le` and `quantile`: `1.0`, `0.25`, `1e+06`, `+Inf`."""
    text = ffi.new(U8, 32)
    return bytes(ffi.buffer(text, lib.obs_decimal_write(value, text))).decode("ascii")


def _error_name(error: int) -> str:
    return str(ffi.string(ffi.cast("obs_text_error", error))).removeprefix(_ERROR_PREFIX)


def _grown(array: npt.NDArray[Any], used: int, needed: int) -> npt.NDArray[Any]:
    grown = np.empty(max(2 * len(array), needed), array.dtype)
    grown[:used] = array[:used]
    return grown


def _pointer(array: npt.NDArray[Any]) -> Any:
    return pass_memory(_POINTERS[array.dtype], array)
