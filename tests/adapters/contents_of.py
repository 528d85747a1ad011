"""What a written store holds, as a dictionary, and steps that change both: the model of the tests that write."""

import struct

import attrs
import numpy as np
from tests.tsdb.contents import equal, everything

from obsflow.adapters.disk import DiskTSDB
from obsflow.model.labels import Labels
from obsflow.model.storage import Queryable

Held = dict[tuple[Labels, int], int]
"""The bits of a value by series and time (ms)."""


def bits(value: float) -> int:
    return int(struct.unpack(">Q", struct.pack(">d", value))[0])


def series(number: int) -> Labels:
    return Labels({"__name__": "m", "i": str(number)})


def held(store: Queryable) -> Held:
    """All samples, with the bits of their values."""
    found = everything(store)
    return {(labels, time): value for labels, samples in found.items() for time, value in samples}


@attrs.frozen
class Append:
    """Samples of series by their numbers, at times, with values."""

    samples: tuple[tuple[int, int, float], ...]

    def do(self, store: DiskTSDB) -> None:
        rows = np.array([store.series(series(number)) for number, _, _ in self.samples])
        times = np.array([time for _, time, _ in self.samples])
        appended = store.append_columns(rows, times, np.array([value for *_, value in self.samples], np.float64))
        assert appended.accepted == len(self.samples), appended.codes

    def apply(self, model: Held) -> None:
        for number, time, value in self.samples:
            model.setdefault((series(number), time), bits(value))


@attrs.frozen
class Delete:
    """An interval of one series."""

    number: int
    start: int
    end: int

    def do(self, store: DiskTSDB) -> None:
        store.delete([equal("i", str(self.number))], self.start, self.end)

    def apply(self, model: Held) -> None:
        for labels, time in list(model):
            if labels == series(self.number) and self.start <= time <= self.end:
                del model[labels, time]


@attrs.frozen
class Maintain:
    """Cut what is due."""

    now: int

    def do(self, store: DiskTSDB) -> None:
        store.maintain(self.now)

    def apply(self, model: Held) -> None:
        """Nothing is to be seen of it."""


Step = Append | Delete | Maintain


def abandon(store: DiskTSDB) -> None:
    """What the operating system does when a process dies."""
    store._files.close()
    if store._lock is not None:
        store._lock.close()
