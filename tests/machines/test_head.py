"""The live head against a dictionary: whatever is added, deleted, dropped and asked, in any order."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.oracles import head as oracle
from tests.oracles import xor
from tests.tsdb.contents import contents, equal

from obsflow.errors import NotFoundError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import File
from obsflow.tsdb.live_head import LiveHead

RANGE = 60_000
NAMES = "abcde"
EVER = (-(1 << 62), 1 << 62)
names = st.sampled_from(NAMES)
words = st.sampled_from([xor.bits_of(1.0), xor.bits_of(2.5), 1 << 63, 0x7FF0000000000002, 0x7FF8000000000001])
steps = st.sampled_from([-70_000, -15_000, -1_000, -1, 0, 1, 1_000, 15_000, 59_999, 60_000, 130_000])


class Model:
    """A series: its samples, bits by time; and the newest that came in order, whether it was deleted or not."""

    def __init__(self):
        self.samples = {}
        self.newest = None

    def delete(self, start, end):
        for time in [time for time in self.samples if start <= time <= end]:
            del self.samples[time]


class HeadMachine(RuleBasedStateMachine):
    @initialize(window=st.sampled_from([0, 15_000, 200_000]), lag=st.sampled_from([None, 30_000]))
    def start(self, window, lag):
        self.window, self.lag = window, lag
        self.symbols = Symbols()
        self.head = LiveHead(self.symbols, chunk_range=RANGE, out_of_order_window=window, max_lag=lag)
        self.rows, self.models = {}, {}
        self.dropped = set()
        self.valid_from = oracle.NEVER
        self.max_time = None
        self.now = 1_000_000
        self.moves = 0

    # ---- what is expected ------------------------------------------------------------------------------------

    @property
    def bounds(self):
        lagging = self.max_time is not None and self.lag is not None
        least = max(self.valid_from, self.max_time - self.lag) if lagging else self.valid_from
        return least, (self.max_time - self.window if self.window and self.max_time is not None else None)

    def model_of(self, row):
        return next(self.models[name] for name, known in self.rows.items() if known == row)

    def expect(self, samples):
        """Put samples in the model; returns their codes."""
        bounds, codes = self.bounds, []
        for row, time, word in samples:
            model = self.model_of(row)
            codes.append(oracle.code(model.newest, time, word, *bounds))
            if codes[-1] == oracle.TAKEN:
                model.newest = time, word
                model.samples[time] = word
                self.max_time = time if self.max_time is None else max(self.max_time, time)
        for (row, time, word), code in zip(samples, codes, strict=True):
            if code == oracle.LATE:
                self.model_of(row).samples.setdefault(time, word)
        return codes

    def row(self, name):
        row = self.head.row(Labels({"__name__": name}))
        if name not in self.rows:
            self.rows[name], self.models[name] = row, Model()
        assert self.rows[name] == row
        return row

    # ---- what happens ----------------------------------------------------------------------------------------

    @rule(name=names, step=steps, word=words)
    def append(self, name, step, word):
        self.append_one(self.row(name), self.now + step, word)

    def append_one(self, row, time, word, start=0):
        self.now = max(self.now, time)
        value = float(np.array([word], np.uint64).view(np.float64)[0])
        assert [self.head.append(row, time, value, start)] == self.expect([(row, time, word)])

    @rule(name=names, step=st.integers(0, 15_000), word=words, start=st.integers(1, 1000))
    def append_started(self, name, step, word, start):
        self.append_one(self.row(name), self.now + step, word, start)

    @rule(column=st.lists(st.tuples(names, steps, words), max_size=12))
    def append_column(self, column):
        samples = [(self.row(name), self.now + step, word) for name, step, word in column]
        rows, times, bits = (np.array(list(each), dtype) for each, dtype in zip(
            zip(*samples, strict=True) if samples else ((), (), ()), (np.int64, np.int64, np.uint64), strict=True
        ))  # fmt: skip
        staged = self.head.stage(rows, times, bits.view(np.float64))
        self.head.commit(staged)
        assert staged.codes.tolist() == self.expect(samples)
        self.now = max([self.now, *times.tolist()])

    @rule(chosen=st.sets(names), word=words, step=st.integers(-5, 20_000))
    def append_at(self, chosen, word, step):
        rows, time = [self.row(name) for name in sorted(chosen)], self.now + step
        values = np.array([word] * len(rows), np.uint64).view(np.float64)
        if self.head.append_at(np.array(rows, np.int64), time, values):
            assert not any(self.expect([(row, time, word) for row in rows]))
            self.now = max(self.now, time)

    @rule(name=names, interval=st.sampled_from([500, 1_000, 15_000]), count=st.integers(1, 150), word=words)
    def append_many(self, name, interval, count, word):
        row = self.row(name)
        samples = [(row, self.now + interval * (i + 1), (word + i % 3) % (1 << 64)) for i in range(count)]
        times, bits = np.array([each[1] for each in samples]), np.array([each[2] for each in samples], np.uint64)
        staged = self.head.stage(np.full(count, row), times, bits.view(np.float64))
        self.head.commit(staged)
        assert staged.codes.tolist() == self.expect(samples)
        self.now = int(times[-1])

    @precondition(lambda self: self.window)
    @rule(name=names, back=st.lists(st.integers(1, 40), min_size=1, max_size=60), word=words)
    def append_late(self, name, back, word):
        row = self.row(name)
        self.append_one(row, self.now + 1, word)
        for each in back:
            self.append_one(row, self.now - 500 * each, word)

    @rule(
        chosen=st.sets(names),
        at=st.integers(0, 1000),
        step=st.sampled_from([-1_000, -1, 0, 0, 1]),
        length=st.sampled_from([-1, 0, 1, 20_000, 20_000, 1 << 62]),
    )
    def delete(self, chosen, at, step, length):
        chosen &= self.rows.keys()
        rows = np.array([self.rows[name] for name in sorted(chosen)], np.int64)
        known = sorted({time for name in chosen for time in self.models[name].samples}) or [self.now]
        start = known[-1 - at % min(60, len(known))] + step
        end = start + length
        self.head.delete(rows, start, end)
        for name in chosen:
            self.models[name].delete(start, end)

    @rule(step=st.sampled_from([-400_000, -200_000, -200_000, -70_000, -20_000, 1]))
    def truncate(self, step):
        before = self.now + step
        gone = self.head.truncate(before).tolist()
        self.valid_from = max(self.valid_from, before)
        for name, row in list(self.rows.items()):
            if row in gone:
                assert not [time for time in self.models[name].samples if time >= before]
                self.dropped.add(row)
                del self.rows[name], self.models[name]
            else:
                self.models[name].delete(-(1 << 63), before - 1)

    @precondition(lambda self: self.dropped)
    @rule()
    def append_to_dropped(self):
        row, time = min(self.dropped), np.array([self.now + 1])
        for call in (
            lambda: self.head.append(row, self.now + 1, 1.0),
            lambda: self.head.stage(np.array([row]), time, np.ones(1)),
        ):
            try:
                call()
            except NotFoundError:
                continue
            raise AssertionError("a series that was dropped takes samples")

    @rule(count=st.integers(0, 5))
    def move(self, count):
        closed, data = self.head.unmoved()
        count = min(count, len(data))
        assert len(closed.series) == len(data)
        lengths = np.array([len(each) for each in data[:count]], np.int64)
        self.moves += 1
        self.head.move(count, File(f"chunks {self.moves}", b"".join(data[:count])), np.cumsum(lengths) - lengths)

    # ---- what is there ---------------------------------------------------------------------------------------

    def expected(self, start, end):
        found = {
            Labels({"__name__": name}): [
                (time, model.samples[time]) for time in sorted(model.samples) if start <= time <= end
            ]
            for name, model in self.models.items()
        }
        return {labels: samples for labels, samples in found.items() if samples}

    def selected(self, matchers, start, end):
        found = contents(Database(self.symbols, (self.head,)).select(matchers, start, end))
        inside = {
            labels: [(time, bits) for time, bits in samples if start <= time <= end]
            for labels, samples in found.items()
        }
        return {labels: samples for labels, samples in inside.items() if samples}

    @invariant()
    def everything_is_there(self):
        if hasattr(self, "head"):
            start = max(EVER[0], self.valid_from)
            assert self.selected((), start, EVER[1]) == self.expected(start, EVER[1])
            assert self.head.series_count == len(self.rows)

    @rule(name=names, start=steps, length=st.integers(0, 100_000))
    def select(self, name, start, length):
        start, end = max(self.now + start - 50_000, self.valid_from), self.now + start + length
        expected = {labels: each for labels, each in self.expected(start, end).items() if labels["__name__"] == name}
        assert self.selected((equal("__name__", name),), start, end) == expected

    @rule()
    def times(self):
        for model in self.models.values():
            for time in model.samples:
                assert self.head.min_time <= time <= self.head.max_time


HeadMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestHead = HeadMachine.TestCase
