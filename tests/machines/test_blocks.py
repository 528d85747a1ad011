"""Blocks as a Hypothesis state machine: whatever is compacted, deleted, expired or interrupted, a dictionary agrees."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.tsdb.contents import equal, everything
from tests.tsdb.operated import MemoryFiles

from obsflow.model.floats import STALE_NAN
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.backfill import BlockBuilder
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_deletion import delete_from_block
from obsflow.tsdb.block_writer import make_ulid, remove_block, write_block
from obsflow.tsdb.compaction import compact, plan
from obsflow.tsdb.database import Database, open_blocks
from obsflow.tsdb.retention import Retention, StoredBlock, expired, replaced

WIDTH = 100
RANGES = (WIDTH, 3 * WIDTH, 9 * WIDTH)
SERIES = [Labels({"__name__": "m", "a": a, **({"b": b} if b else {})}) for a in "xy" for b in ("", "z")]
SLOTS = st.integers(-1, 8)
VALUES = st.sampled_from([0.0, 1.0, 0.1, 1e300, STALE_NAN, float("nan")])
SAMPLES = st.dictionaries(
    st.sampled_from(SERIES),
    st.dictionaries(st.integers(0, 9).map(lambda n: 11 * n), VALUES, min_size=1, max_size=8),
    min_size=1,
)


def bits(value):
    return int(np.array([value]).view(np.uint64)[0])


class BlocksMachine(RuleBasedStateMachine):
    """Drives the blocks of a directory, beside what each of them should hold."""

    @initialize(compatible=st.booleans())
    def start(self, compatible):
        self.files = MemoryFiles()
        self.model = {}  # by name: where the block begins, and its samples by series and time
        self.compatible = compatible
        self.made = 0

    def name(self, _time=0):
        self.made += 1
        return make_ulid(self.made, bytes(10))

    def opened(self):
        blocks, problems = open_blocks([self.files.block(name) for name in self.files.names], Symbols())
        assert problems == []
        return blocks

    def truth(self, model):
        """Of samples at one time that of the block that begins first stays."""
        out = {}
        for _, held in sorted(((begin, name), held) for name, (begin, held) in model.items()):
            for labels, samples in held.items():
                known = out.setdefault(labels, {})
                known.update({time: value for time, value in samples.items() if time not in known})
        return {labels: sorted(samples.items()) for labels, samples in out.items() if samples}

    @rule(slot=SLOTS, given_samples=SAMPLES, shift=st.sampled_from([0, 0, 0, 30]))
    def add(self, slot, given_samples, shift):
        """A block comes, within its range or across an edge of it."""
        builder = BlockBuilder(block_range=10**6, in_order=True, compatible=self.compatible)
        held = {
            labels: {slot * WIDTH + shift + time + 10**5: value for time, value in samples.items()}
            for labels, samples in given_samples.items()
        }
        for labels, samples in held.items():
            builder.add(labels, list(samples), list(samples.values()))
        (new,) = builder.blocks(self.name)
        self.files.perform(write_block(new))
        held = {labels: {t: bits(value) for t, value in samples.items()} for labels, samples in held.items()}
        self.model[new.ulid] = (new.min_time, held)

    @rule(
        label=st.sampled_from([("a", "x"), ("a", "y"), ("b", "z"), ("b", "")]), slot=SLOTS, width=st.integers(-1, 400)
    )
    def delete(self, label, slot, width):
        """An interval of some series is deleted from every block."""
        start = 10**5 + slot * WIDTH
        for block in self.opened():
            meta = self.files.block(block.meta.ulid).meta
            prepare, do = delete_from_block(block, meta, [equal(*label)], start, start + width)
            self.files.perform([*prepare, *do])
        for _, held in self.model.values():
            for labels, samples in held.items():
                if labels.get(label[0], "") == label[1]:
                    for time in [time for time in samples if start <= time <= start + width]:
                        del samples[time]

    def planned(self):
        blocks = self.opened()
        chosen = {meta.ulid for meta in plan([block.meta for block in blocks], RANGES)}
        return [block for block in blocks if block.meta.ulid in chosen]

    def merge_in_model(self, blocks, name):
        parts = {block.meta.ulid: self.model.pop(block.meta.ulid) for block in blocks}
        truth = {labels: dict(samples) for labels, samples in self.truth(parts).items()}
        if truth:
            self.model[name] = (min(block.meta.min_time for block in blocks), truth)

    @rule()
    def compact_once(self):
        """What is planned is done."""
        blocks = self.planned()
        if blocks:
            name = self.name()
            self.files.perform(compact(blocks, name, compatible=self.compatible))
            self.merge_in_model(blocks, name)

    @rule(share=st.floats(0, 1))
    def compact_and_die(self, share):
        """It is interrupted somewhere, and what is left over is removed at the next start."""
        blocks = self.planned()
        if not blocks:
            return
        name = self.name()
        operations = list(compact(blocks, name, compatible=self.compatible))
        self.files.perform(operations[: int(share * len(operations))])
        before = self.truth(self.model)
        assert {k: sorted(v) for k, v in self.found().items()} == before
        if name in self.files.names or not any(block.meta.ulid in self.files.names for block in blocks):
            self.merge_in_model(blocks, name)
        for path in list(self.files.data):
            if ".tmp" in path:
                del self.files.data[path]
        gone = [block.meta.ulid for block in blocks if block.meta.ulid not in self.files.names]
        for ulid in gone:
            self.model.pop(ulid, None)
        metas = [Block.open(self.files.block(each), Symbols()).meta for each in self.files.names]
        for ulid in replaced(metas):
            self.files.perform(remove_block(ulid))

    @precondition(lambda self: len(self.model) > 2)
    @rule(duration=st.integers(200, 1500))
    def expire(self, duration):
        """Old blocks go."""
        blocks = self.opened()
        newest = max(block.meta.max_time for block in blocks)
        gone = expired([StoredBlock(block.meta, block.size) for block in blocks], Retention(duration=duration))
        for ulid in gone:
            self.files.perform(remove_block(ulid))
            del self.model[ulid]
        assert all(newest - block.meta.max_time < duration for block in self.opened())

    def found(self):
        blocks = self.opened()
        if not blocks:
            return {}
        return everything(Database(blocks[0].series.symbols, blocks))

    @invariant()
    def agree(self):
        """Every sample that was put in and not deleted is found, bit by bit, and no other."""
        assert self.found() == self.truth(self.model)
        assert self.files.names == sorted(self.model)


BlocksMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestBlocks = BlocksMachine.TestCase
