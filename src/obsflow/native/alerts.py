"""Posts of alerts: JSON in, numbers out, by a vocabulary that grows from post to post."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import I32, SIZE, U8, Buffer, check, ffi, lib, pass_bytes, pass_memory

_VOCABULARY: Final = ffi.typeof("obs_alerts_vocabulary *")
_LEAST: Final = 1 << 10
_LEAST_ALERT: Final = len('{"labels":{}}')
_SPARE: Final = 4  # bytes that must be free where a character is written
_KINDS: Final = ("string", "pair", "member", "set")
_WIDTHS: Final = {"string": 1, "pair": 2, "member": 1, "set": 1}  # numbers for each thing of a kind
_PER_THING: Final = {"string": 1, "pair": 1, "member": 8, "set": 1}
_NEEDED: Final = {"string": 1, "pair": 1, "member": 64, "set": 1}  # of what a label set may be made of
_TEXT_PER_THING: Final = 64
_SLOTTED: Final = ("string", "pair", "set")

Int32Array = npt.NDArray[np.int32]


class AlertVocabulary:
    """What senders say, each thing once: strings, pairs of their numbers, and sets of the pairs' numbers.

    There are at most `most` of each. `is_worn` once it is so full of what may never be said again that one should begin
    anew.
    """

    __slots__ = ("_arrays", "_capacities", "_most", "_pointer", "_text")

    def __init__(self, most: int = 1 << 20) -> None:
        self._most = max(most, _LEAST)
        self._capacities = dict.fromkeys(_KINDS, _LEAST)
        self._arrays = {kind: np.empty(_WIDTHS[kind] * _LEAST, np.int32) for kind in _KINDS}
        self._text = np.empty(_LEAST, np.uint8)
        self._pointer = ffi.new(_VOCABULARY)
        self._bind()

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many strings, pairs and sets there are."""
        return self._pointer.n_strings, self._pointer.n_pairs, self._pointer.n_sets

    @property
    def is_worn(self) -> bool:
        """Whether any kind has half of what there may be of it."""
        return any(2 * self._used(kind) > _PER_THING[kind] * self._most for kind in _KINDS)

    def read(self, data: Buffer) -> Int32Array | None:
        """The alerts of a post, int32 `[alerts, 5]`.

        The columns are the set of the labels, that of the annotations, the places in the data of the quotes before
        `startsAt` and `endsAt`, and the string that is `generatorURL`; -1 where there is none. None for what is not as
        senders write it, or does not fit.
        """
        data = bytes(data)
        alerts, count = np.empty((len(data) // _LEAST_ALERT + 1, 5), np.int32), ffi.new(SIZE)
        if not self._make_room_for_text(len(data)):
            return None
        while True:
            status = lib.obs_alerts_read(
                self._pointer, pass_bytes(data), len(data), pass_memory(I32, alerts), len(alerts), count
            )
            if status == lib.OBS_CORRUPT:
                return None
            if status != lib.OBS_NO_SPACE:
                check(status)
                return alerts[: count[0]]
            if not self._grow() or not self._make_room_for_text(len(data)):
                return None

    def strings(self, start: int) -> list[str]:
        """The strings from number `start` on."""
        first, ends = self._ends("string", start)
        text = self._text[first : ends[-1] if ends else first].tobytes()
        starts = [first, *ends]
        return [text[a - first : b - first].decode() for a, b in zip(starts, ends, strict=False)]

    def pairs(self, start: int) -> list[list[int]]:
        """The pairs from number `start` on: the numbers of a name and of a value."""
        return self._arrays["pair"][2 * start : 2 * self._pointer.n_pairs].reshape(-1, 2).tolist()

    def sets(self, start: int) -> Iterator[list[int]]:
        """The sets from number `start` on: the numbers of their pairs, by the bytes of their names."""
        first, ends = self._ends("set", start)
        members = self._arrays["member"][first : ends[-1] if ends else first].tolist()
        starts = [first, *ends]
        return (members[a - first : b - first] for a, b in zip(starts, ends, strict=False))

    def _ends(self, kind: str, start: int) -> tuple[int, list[int]]:
        """Where things from number `start` on begin and end."""
        ends = self._arrays[kind][: self._used(kind)]
        return int(ends[start - 1]) if start else 0, ends[start:].tolist()

    def _used(self, kind: str) -> int:
        if kind == "member":
            return int(self._arrays["set"][self._pointer.n_sets - 1]) if self._pointer.n_sets else 0
        return int(getattr(self._pointer, f"n_{kind}s"))

    def _make_room_for_text(self, size: int) -> bool:
        used = int(self._arrays["string"][self._pointer.n_strings - 1]) if self._pointer.n_strings else 0
        needed = used + size + _SPARE
        if needed > len(self._text):
            if used > _TEXT_PER_THING * self._most:
                return False
            text = np.empty(needed + used, np.uint8)
            text[:used] = self._text[:used]
            self._text = text
            self._bind(is_indexed=True)
        return True

    def _grow(self) -> bool:
        """Twice the room for what is full; False, and nothing changed, if nothing is, or may be larger."""
        full = [kind for kind in _KINDS if self._capacities[kind] - self._used(kind) < _NEEDED[kind]]
        if not full or any(2 * self._capacities[kind] > _PER_THING[kind] * self._most for kind in full):
            return False
        for kind in full:
            used = _WIDTHS[kind] * self._used(kind)
            self._capacities[kind] *= 2
            array = np.empty(_WIDTHS[kind] * self._capacities[kind], np.int32)
            array[:used] = self._arrays[kind][:used]
            self._arrays[kind] = array
        self._bind()
        return True

    def _bind(self, *, is_indexed: bool = False) -> None:
        """Point at the arrays, and fill the slots unless they are."""
        vocabulary = self._pointer
        vocabulary.text, vocabulary.text_capacity = pass_memory(U8, self._text), len(self._text)
        if is_indexed:
            return
        for kind in _SLOTTED:
            self._arrays[f"{kind} slots"] = np.empty(2 * self._capacities[kind], np.int32)
            setattr(vocabulary, f"{kind}_slots", pass_memory(I32, self._arrays[f"{kind} slots"]))
            setattr(vocabulary, f"n_{kind}_slots", 2 * self._capacities[kind])
        for kind in _KINDS:
            setattr(vocabulary, f"{kind}_capacity", self._capacities[kind])
        for name, kind in (("text_ends", "string"), ("pairs", "pair"), ("members", "member"), ("set_ends", "set")):
            setattr(vocabulary, name, pass_memory(I32, self._arrays[kind]))
        check(lib.obs_alerts_index(vocabulary))
