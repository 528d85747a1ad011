"""Which blocks are kept: those that are young enough, and of these as many as there is room for."""

from collections.abc import Sequence

import attrs

from obsflow.tsdb.meta import BlockMeta


@attrs.frozen
class Retention:
    """How long blocks are kept (ms) and how many bytes all data may take; 0 is without a limit.

    Age counts from the end of the newest block, as Prometheus does it, so that a database that nothing is written to
    loses nothing; with `by_clock`, from the time that is given.
    """

    duration: int = 0
    size: int = 0
    by_clock: bool = False


@attrs.frozen
class StoredBlock:
    """A block and what its files take, bytes."""

    meta: BlockMeta
    size: int


def expired(blocks: Sequence[StoredBlock], retention: Retention, *, other_bytes: int = 0, now: int = 0) -> list[str]:
    """The names of the blocks that go, the newest first.

    `other_bytes` are those of the logs and the head's chunks, which the size counts before any block. A block that says
    of itself that it can go does so. `now` (ms) counts only by the clock.
    """
    ordered = sorted(blocks, key=lambda block: (-block.meta.max_time, block.meta.ulid))
    if not ordered:
        return []
    end = now if retention.by_clock else ordered[0].meta.max_time
    taken, gone = other_bytes, []
    for block in ordered:
        taken += block.size
        is_old = retention.duration > 0 and end - block.meta.max_time >= retention.duration
        is_too_much = retention.size > 0 and taken > retention.size
        is_newest = block is ordered[0]
        if block.meta.is_deletable or is_too_much or (is_old and (retention.by_clock or not is_newest)):
            gone.append(block.meta.ulid)
    return gone


def replaced(metas: Sequence[BlockMeta]) -> list[str]:
    """The names of those blocks that another of them was made of: what a compaction that was interrupted left."""
    parents = {parent for meta in metas for parent in meta.parents}
    return sorted(meta.ulid for meta in metas if meta.ulid in parents)
