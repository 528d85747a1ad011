"""The log, its checkpoints and the files of head chunks against a dictionary: written, broken off, and read again."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.tsdb import writer
from tests.tsdb.contents import everything
from tests.tsdb.file_table import FileTable

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import File, HeadFiles
from obsflow.tsdb.log_writer import LogWriter
from obsflow.tsdb.recovery import plan_recovery
from obsflow.tsdb.store import Options, Store

RANGE = 1000
SERIES = [Labels(__name__="m", i=str(i)) for i in range(5)]
STEPS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 120), st.floats()), min_size=1, max_size=30)


class LogMachine(RuleBasedStateMachine):
    """Chunks are cut every second, and segments after some hundred bytes, so that there are many."""

    @initialize(window=st.sampled_from([0, 500]), segment_bytes=st.sampled_from([200, 1000, 1 << 20]))
    def start(self, window: int, segment_bytes: int) -> None:
        self.options = Options(chunk_range=RANGE, out_of_order_window=window)
        self.segment_bytes = segment_bytes
        self.files = FileTable()
        self.model: dict[Labels, dict[int, int]] = {labels: {} for labels in SERIES}
        self.newest = dict.fromkeys(SERIES, 0)
        self.deleted = dict.fromkeys(SERIES, 0)
        self.cut = 0
        self.open()

    def open(self) -> None:
        self.symbols = Symbols()
        self.store = Store.replay(
            self.files.head(), self.symbols, decompress_zstd, self.options, min_valid_time=self.cut
        )
        assert self.store.problems == ()
        assert self.store.unread == {}
        for log in self.store._logs:
            assert isinstance(log, LogWriter)
            log._segment_bytes = self.segment_bytes

    def append(self, samples: list[tuple[Labels, int, float]]) -> None:
        rows = np.array([self.store.series(labels) for labels, _, _ in samples], np.int64)
        times = np.array([time for _, time, _ in samples], np.int64)
        values = np.array([value for _, _, value in samples], np.float64)
        change = self.store.stage(rows, times, values)
        self.files.perform(change.operations)
        self.store.commit(change)
        for (labels, time, _), code, value in zip(samples, change.what.codes.tolist(), values, strict=True):
            if code in (0, 6):
                self.model[labels].setdefault(time, writer.bits_of(float(value)))

    @rule(steps=STEPS)
    def grow(self, steps: list[tuple[int, int, float]]) -> None:
        """Samples come in order."""
        now = max(self.newest.values())
        samples = []
        for series, step, value in steps:
            now += step
            samples.append((SERIES[series], now, value))
            self.newest[SERIES[series]] = now
        self.append(samples)

    @precondition(lambda self: self.options.out_of_order_window)
    @rule(series=st.integers(0, 4), age=st.integers(1, 450), value=st.floats())
    def grow_late(self, series: int, age: int, value: float) -> None:
        """A sample comes late."""
        labels = SERIES[series]
        time = max(self.newest.values()) - age
        if time > max(self.deleted[labels], self.cut) and time < self.newest[labels] and time not in self.model[labels]:
            self.append([(labels, time, value)])

    @rule(series=st.integers(0, 4), span=st.integers(0, 900))
    def delete(self, series: int, span: int) -> None:
        """The newest samples of a series are deleted."""
        labels, end = SERIES[series], self.newest[SERIES[series]]
        row = self.store.head.registry.find(labels)
        if row < 0 or not end:
            return
        rows = np.array([row])
        change = self.store.stage_deletion(rows, end - span, end)
        self.files.perform(change.operations)
        self.store.commit(change)
        self.deleted[labels] = end
        self.model[labels] = {time: bits for time, bits in self.model[labels].items() if time < end - span}

    @rule(done=st.sampled_from([None, 0, 1]))
    def move_chunks(self, done: int | None) -> None:
        """The chunks that are closed go to files, or it is broken off."""
        move = self.store.stage_chunks()
        if move is None:
            return
        if self.files.perform(move.operations, count=done) < len(move.operations):
            self.store.chunks_failed()
            return
        self.store.commit_chunks(move, {part.path: File(part.path, self.files[part.path]) for part in move.parts})

    @rule(keep=st.integers(0, 2500))
    def truncate(self, keep: int) -> None:
        """What is old is in a block, so to say."""
        self.cut = max(self.cut, max(self.newest.values()) - keep)
        self.store.truncate(self.cut)
        change = self.store.stage_tidying()
        if change is not None:
            self.files.perform(change.operations)
            self.store.commit(change)
        self.files.perform(self.store.obsolete())
        self.store.removed_obsolete()

    @rule(broken_off_after=st.one_of(st.none(), st.integers(0, 12)))
    def checkpoint(self, broken_off_after: int | None) -> None:
        """The oldest segments are written anew, or that is broken off, and then the process dies."""
        last = self.store.checkpoint_due()
        if last is None:
            return
        head = self.files.head()
        files = HeadFiles(wal={n: file for n, file in head.wal.items() if n <= last}, checkpoint=head.checkpoint)
        checkpoint = list(self.store.checkpoint(files, last, decompress_zstd))
        if self.files.perform(checkpoint, count=broken_off_after) < len(checkpoint):
            self.open()
        else:
            self.store.checkpointed(last)
            assert min(self.files.head().wal, default=last + 1) > last

    @rule(torn=st.integers(0, 40))
    def die(self, torn: int) -> None:
        """The process dies, and the last record was not written whole."""
        self.files.perform(self.store.close() if torn % 2 else ())
        log, _ = self.store._logs
        if torn and not torn % 2 and log.position:
            self.files[log.path] += writer.segment([bytes(50)])[:torn]
        recovery = plan_recovery(self.files.head(), decompress_zstd)
        assert recovery.report.problems == ()
        self.files.perform(recovery.operations)
        self.open()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        found = everything(Database(self.symbols, (self.store.head,)))
        got = {(labels, time, bits) for labels, samples in found.items() for time, bits in samples if time >= self.cut}
        expected = {
            (labels, time, bits)
            for labels, samples in self.model.items()
            for time, bits in samples.items()
            if time >= self.cut
        }
        assert got == expected

    @invariant()
    def files_follow_one_another(self) -> None:
        head = self.files.head()
        for numbers in (head.chunks, head.wal, head.wbl):
            assert list(numbers) == list(range(min(numbers, default=0), max(numbers, default=-1) + 1))


LogMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLog = LogMachine.TestCase
