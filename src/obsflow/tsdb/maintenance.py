"""What is to be done with blocks, one task after another: cut them from the head, compact them, let old ones go."""

from collections.abc import Iterable, Sequence

import attrs

from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import remove_block, write_block
from obsflow.tsdb.compaction import block_ranges, merge, plan
from obsflow.tsdb.cutting import abandon_block, cut_block, due_range
from obsflow.tsdb.live_head import LiveHead
from obsflow.tsdb.operations import Operation
from obsflow.tsdb.retention import Retention, StoredBlock, expired
from obsflow.tsdb.store import Options


@attrs.frozen(eq=False)
class Task:
    """Something to do with blocks: its operations, and when they are done readers see another set of blocks.

    `adds` is the block that is there then; those named in `removes` are not to be read any more, and `afterwards` takes
    their files away. The head drops what is before `truncates` (ms). If an operation fails, those of `on_failure` take
    away what is there of it, as far as they can be done.
    """

    operations: Iterable[Operation] = ()
    on_failure: tuple[Operation, ...] = ()
    adds: str | None = None
    removes: tuple[str, ...] = ()
    truncates: int | None = None

    @property
    def afterwards(self) -> list[Operation]:
        """What removes the files of blocks that are not read any more."""
        return [operation for ulid in self.removes for operation in remove_block(ulid)]


def cut_task(head: LiveHead, ulid: str) -> Task | None:
    """The oldest range of the head as a block called `ulid`, if it is due."""
    due = due_range(head)
    if due is None:
        return None
    block = cut_block(head, ulid, *due)
    if block is None:
        return Task(truncates=due[1])
    return Task(write_block(block), abandon_block(ulid), adds=ulid, truncates=due[1])


def retention_task(blocks: Sequence[Block], options: Options, other_bytes: int) -> Task | None:
    """The blocks that are too old, or too many; `other_bytes` are those of what is no block."""
    stored = [StoredBlock(block.meta, block.size) for block in blocks]
    gone = expired(stored, Retention(options.retention, options.retention_bytes), other_bytes=other_bytes)
    return Task(removes=tuple(gone)) if gone else None


def plan_compaction(blocks: Sequence[Block], options: Options) -> list[Block]:
    """The blocks that are to become one now; none where there are none."""
    ranges = block_ranges(options.chunk_range, options.retention)
    chosen = {meta.ulid for meta in plan([block.meta for block in blocks], ranges)}
    return [block for block in blocks if block.meta.ulid in chosen]


def compaction_task(blocks: Sequence[Block], ulid: str) -> Task:
    """One block called `ulid` in the place of others. Raises CorruptionError, CompactionError."""
    removes = tuple(block.meta.ulid for block in blocks)
    new = merge(blocks, ulid)
    if new is None:
        return Task(removes=removes)
    return Task(write_block(new), abandon_block(ulid), adds=ulid, removes=removes)
