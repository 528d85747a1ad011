"""`obsflow tsdb repair`: what is damaged put aside, and what is sound of it in its place."""

import argparse
import json
import pathlib
import secrets
import time
from collections.abc import Iterator

import attrs

from obsflow.adapters.data_directory import decompress_zstd, read_directory
from obsflow.adapters.files import DirectoryFiles, lock_directory
from obsflow.cli.tsdb_verify import render_counts
from obsflow.tsdb.block_repair import CORRUPT, BlockRepair, repair_block
from obsflow.tsdb.block_writer import make_ulid
from obsflow.tsdb.files import File
from obsflow.tsdb.operations import Operation
from obsflow.tsdb.recovery import Damage, plan_recovery
from obsflow.tsdb.verification import Part, verify_block

_RANDOM_BYTES = 10


@attrs.frozen(eq=False)
class _Step:
    """One thing that is repaired: what was damaged, in numbers, what becomes of it, and how."""

    name: str
    lost: dict[str, int]
    action: str
    operations: tuple[Operation, ...]


def run_repair(options: argparse.Namespace) -> int:
    """Repair all that is damaged, or only say what would be done."""
    root: pathlib.Path = options.data
    directory = read_directory(root)
    lock = None if options.dry_run else lock_directory(root)
    try:
        if lock is not None:
            directory = read_directory(root)  # as it is now that nobody writes
        steps = []
        for files in directory.blocks:
            part = verify_block(files)
            if not part.is_sound:
                steps.append(_plan_block(part, repair_block(files, _new_ulid()), files.tombstones))
        recovery = plan_recovery(directory.head, decompress_zstd)
        steps += [_describe(damage) for damage in recovery.report.damages]
        if lock is not None:
            writer = DirectoryFiles(root)
            try:
                for step in steps:
                    writer.perform(step.operations)
                writer.perform(recovery.operations)
            finally:
                writer.close()
    finally:
        if lock is not None:
            lock.close()
    _print(options, steps)
    return 0


def _plan_block(part: Part, repair: BlockRepair, tombstones: File | None) -> _Step:
    lost = dict(part.lost)
    if repair.block is None:
        action = f"put aside as {part.name}{CORRUPT}: nothing of it can be read"
    else:
        action = f"put aside as {part.name}{CORRUPT}: what is sound of it is now {repair.block.ulid}"
        if tombstones is not None and any(each.file == tombstones.name for each in part.problems):
            action += ", with what had been deleted from it"
    return _Step(part.name, lost, action, repair.operations)


def _describe(damage: Damage) -> _Step:
    loss = damage.loss
    lost = {"records": loss.records, "bytes": loss.bytes, "samples": loss.samples}
    if loss.records:
        return _Step(damage.file, lost, "a copy is kept beside it: only what is sound is in its place", ())
    return _Step(damage.file, {}, f"cut off: {loss.unfinished} bytes of a record that was being written", ())


def _new_ulid() -> str:
    return make_ulid(time.time_ns() // 1_000_000, secrets.token_bytes(_RANDOM_BYTES))


def _print(options: argparse.Namespace, steps: list[_Step]) -> None:
    if options.format == "json":
        record = {
            "is_done": not options.dry_run,
            "repairs": [{"name": each.name, "lost": each.lost, "action": each.action} for each in steps],
        }
        print(json.dumps(record, indent=2))
    else:
        print("\n".join(_render(steps)) or "nothing is damaged")


def _render(steps: list[_Step]) -> Iterator[str]:
    for step in steps:
        yield f"{step.name}: {step.action}"
        if any(step.lost.values()):
            yield f"  lost: {render_counts(step.lost)}"
