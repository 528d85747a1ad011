"""A store on disk against a dictionary: written, deleted from, cut, closed, killed, without power, read meanwhile."""

import pathlib
import shutil
import tempfile

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.adapters.contents_of import Delete, Held, abandon, bits, held, series
from tests.adapters.disks import Disk

from obsflow import native
from obsflow.adapters.data_directory import open_database
from obsflow.adapters.disk import DiskTSDB
from obsflow.adapters.opening import open_writable
from obsflow.errors import DataDirectoryError
from obsflow.tsdb.store import Options

RANGE = 10_000
VALUES = st.sampled_from([0.0, -0.0, 1.0, 2.5, float("inf"), float("nan"), 1e300])


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="store-"))
        self.model: Held = {}
        self.now = 0

    @initialize(window=st.sampled_from([0, RANGE, 3 * RANGE]), compress=st.booleans(), commit=st.booleans())
    def begin(self, window: int, compress: bool, commit: bool) -> None:
        self.options = Options(chunk_range=RANGE, out_of_order_window=window, compress_log=compress)
        self.durability = "commit" if commit else "process"
        self.open()

    def open(self) -> None:
        self.disk = Disk(self.root)
        self.store: DiskTSDB = open_writable(
            self.root, durability=self.durability, options=self.options, files=self.disk
        )
        assert self.store.problems == ()

    @rule(
        samples=st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 40), VALUES), min_size=1, max_size=30),
        step=st.sampled_from([0, 50, 1000, 6000]),
    )
    def append(self, samples: list[tuple[int, int, float]], step: int) -> None:
        """Times around a clock that goes on; what was taken is in the model, and its code says why not, if not."""
        self.now += step
        rows = np.array([self.store.series(series(number)) for number, _, _ in samples])
        times = np.array([self.now + 100 * at for _, at, _ in samples])
        appended = self.store.append_columns(rows, times, np.array([value for *_, value in samples]))
        for (number, _, value), time, code in zip(samples, times.tolist(), appended.codes.tolist(), strict=True):
            key = series(number), time
            if code in (native.HEAD_TAKEN, native.HEAD_LATE):
                assert code == native.HEAD_LATE or key not in self.model
                self.model.setdefault(key, bits(value))
            elif code == native.HEAD_REPEATED:
                assert self.model.get(key, bits(value)) == bits(value)

    @rule(back=st.integers(100, 30_000), number=st.integers(0, 5), value=VALUES)
    def append_late(self, back: int, number: int, value: float) -> None:
        """One sample older than the clock."""
        time = self.now - back
        row = self.store.series(series(number))
        code = int(self.store.append_columns(np.array([row]), np.array([time]), np.array([value])).codes[0])
        if code in (native.HEAD_TAKEN, native.HEAD_LATE):
            self.model.setdefault((series(number), time), bits(value))

    @rule(number=st.integers(0, 5), start=st.integers(-40_000, 3000), length=st.sampled_from([0, 500, 9000, 100_000]))
    def delete(self, number: int, start: int, length: int) -> None:
        """From head and blocks, and not what comes later."""
        step = Delete(number, self.now + start, self.now + start + length)
        step.do(self.store)
        step.apply(self.model)

    @rule()
    def maintain(self) -> None:
        self.store.maintain(1_000_000 + self.now)

    @rule()
    def sync(self) -> None:
        self.store.sync()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.open()

    @rule()
    def kill(self) -> None:
        """The process dies: what was written stays."""
        abandon(self.store)
        self.open()

    @precondition(lambda self: self.durability == "commit")
    @rule()
    def lose_power(self) -> None:
        """What was not synced goes."""
        abandon(self.store)
        self.disk.lose_power()
        self.open()

    @rule(fault=st.sampled_from(["full", "short"]), after=st.integers(0, 12))
    def fail(self, fault: str, after: int) -> None:
        """An operation fails in maintenance or in an append; nothing is to be seen of it, and the next one works."""
        self.disk.fault, self.disk.at = fault, self.disk.count + after
        try:
            self.store.maintain(2_000_000 + self.now)
            self.append([(0, 41, 7.0), (6, 41, 7.0)], 0)
        except DataDirectoryError:
            pass
        self.disk.at = None

    @rule(start=st.integers(-30_000, 4000), length=st.integers(0, 20_000))
    def read_some(self, start: int, length: int) -> None:
        """An interval has all samples in it, whatever is known of it from before."""
        from tests.tsdb.contents import contents

        first, last = self.now + start, self.now + start + length
        found = contents(self.store.select((), first, last))
        inside = {
            (labels, time): value
            for labels, samples in found.items()
            for time, value in samples
            if first <= time <= last
        }
        assert inside == {key: value for key, value in self.model.items() if first <= key[1] <= last}

    @rule()
    def read_beside(self) -> None:
        """Another reader of the directory finds the same."""
        database = open_database(self.root)
        assert held(database) == self.model
        assert database.problems == ()

    @rule()
    def take_snapshot(self) -> None:
        target = self.root.with_name(self.root.name + "-snapshot")
        shutil.rmtree(target, ignore_errors=True)
        self.store.snapshot(target, 3_000_000 + self.now)
        if self.model:
            assert held(open_database(target)) == self.model

    @invariant()
    def is_as_the_model(self) -> None:
        if hasattr(self, "store"):
            assert held(self.store) == self.model

    def teardown(self) -> None:
        if hasattr(self, "store"):
            abandon(self.store)
        shutil.rmtree(self.root)
        shutil.rmtree(self.root.with_name(self.root.name + "-snapshot"), ignore_errors=True)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
