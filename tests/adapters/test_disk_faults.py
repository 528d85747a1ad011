"""A store whose disk fails at any operation: nothing acknowledged is lost, nothing else is seen, and it goes on."""

import os
import pathlib

import pytest
from tests.adapters.contents_of import Append, Delete, Held, Maintain, Step, abandon, held
from tests.adapters.disks import Died, Disk

from obsflow.adapters.disk import DiskTSDB
from obsflow.adapters.opening import open_writable
from obsflow.errors import DataDirectoryError
from obsflow.tsdb.store import Options

EVERY = int(os.environ.get("OBSFLOW_FAULTS_EVERY", "3"))
"""Which operations fail in turn; 1 for all of them, which takes a minute."""

RANGE = 60_000
OPTIONS = Options(chunk_range=RANGE, out_of_order_window=RANGE, compress_log=False)


def script() -> list[Step]:
    """In order, late, deletions, new series, blocks cut twice."""
    steps: list[Step] = []
    for k in range(22):
        time = k * 15_000 + 7
        steps.append(Append(tuple((number, time, number + k / 8) for number in range(3 + k // 6))))
        if k in (3, 9, 14, 18):
            steps.append(Append(((1, time - 20_001, -1.0), (2, time - 2_500, -2.0))))
        if k in (5, 10):
            steps.append(Delete(0, time - 31_000, time - 14_000))
        if k in (7, 11, 15, 19, 21):
            steps.append(Maintain(time))
    return steps


STEPS = script()


def open_on(root: pathlib.Path, disk: Disk | None = None, durability: str = "commit") -> DiskTSDB:
    return open_writable(root, durability=durability, options=OPTIONS, files=disk)


def expected() -> Held:
    model: Held = {}
    for step in STEPS:
        step.apply(model)
    return model


def do_all(root: pathlib.Path) -> Disk:
    disk = Disk(root)
    with open_on(root, disk) as store:
        for step in STEPS:
            step.do(store)
        assert held(store) == expected()
    return disk


def test_the_script_does_all_that_a_store_does(tmp_path: pathlib.Path) -> None:
    """Blocks are cut, late samples logged, and all of it read again."""
    assert (disk := do_all(tmp_path)).count > 100
    assert len(list(tmp_path.glob("*/meta.json"))) >= 2
    (late,) = (tmp_path / "wbl").iterdir()
    assert late.name > "00000000", "written anew when blocks were cut"
    assert list(tmp_path.glob("wal/checkpoint.*"))
    assert disk.appended == {"wal", "wbl", "chunks_head"}
    with open_on(tmp_path) as store:
        assert held(store) == expected()
        assert store.problems == ()


@pytest.mark.parametrize(("fault", "every"), [("short", EVERY), ("full", 4 * EVERY)])
def test_a_failure_changes_nothing_and_the_same_call_works_after_it(
    tmp_path: pathlib.Path, fault: str, every: int
) -> None:
    """At every operation: the store is as before the call, which then succeeds; and so it is when opened again."""
    count = do_all(tmp_path / "all").count
    failures = 0
    for at in range(0, count, every):
        root = tmp_path / str(at)
        try:
            store = open_on(root, Disk(root, fault, at))
        except DataDirectoryError:
            store = open_on(root)
            failures += 1
        model: Held = {}
        for step in STEPS:
            try:
                step.do(store)
            except DataDirectoryError:
                failures += 1
                if not isinstance(step, Delete):
                    assert held(store) == model, (at, step)
                step.do(store)
            step.apply(model)
        assert held(store) == model, at
        try:
            store.close()
        except DataDirectoryError:
            failures += 1
        with open_on(root) as again:
            assert (held(again), again.problems) == (model, ()), at
    assert failures >= count // every - 6, "what is tidied up after a failure may fail unseen"


@pytest.mark.parametrize("fault", ["full", "short"])
def test_a_disk_that_stays_broken_costs_nothing_that_was_acknowledged(tmp_path: pathlib.Path, fault: str) -> None:
    """From any operation on all fail: what was taken stays readable, and is there when the disk works again."""
    count = do_all(tmp_path / "all").count
    for at in range(5, count - 4, 8 * EVERY):
        root = tmp_path / str(at)
        disk = Disk(root, fault, at, lasting=True)
        store = open_on(root, disk)
        model: Held = {}
        failed: list[Step] = []
        for step in STEPS:
            try:
                step.do(store)
            except DataDirectoryError:
                failed.append(step)
            else:
                assert not any(isinstance(each, Append | Delete) for each in failed)
                step.apply(model)
        assert failed
        if not any(isinstance(each, Delete) for each in failed):
            assert held(store) == model, at
        disk.at = None
        late = Append(((7, 22 * 15_000, 5.0),))
        late.do(store)
        late.apply(model)
        kept = held(store)
        abandon(store)
        with open_on(root) as again:
            assert held(again) == kept, at
            for key, value in model.items():
                if key not in kept:
                    assert any(isinstance(each, Delete) for each in failed), (at, key, value)


@pytest.mark.parametrize(("loses_power", "every"), [(False, 3 * EVERY), (True, EVERY)], ids=["dies", "loses power"])
def test_a_writer_that_dies_at_any_operation_leaves_all_that_it_acknowledged(
    tmp_path: pathlib.Path, loses_power: bool, every: int
) -> None:
    """All that was acknowledged is there, and of the rest at most what was being added, with its own values."""
    count = do_all(tmp_path / "all").count
    for at in range(0, count, every):
        root = tmp_path / str(at)
        disk = Disk(root, at=at, dies=True)
        model: Held = {}
        begun: Step | None = None
        store: DiskTSDB | None = None
        try:
            store = open_on(root, disk)
            for step in STEPS:
                begun = step
                step.do(store)
                step.apply(model)
            begun = None
            store.close()
            store = None
        except Died:
            if store is not None:
                abandon(store)
            disk.close()
        if loses_power:
            disk.lose_power()
        with open_on(root) as again:
            after = dict(model)
            if begun is not None:
                begun.apply(after)
            found = held(again)
            # a deletion that was begun may be half done
            for key in found.keys() | model.keys() | after.keys():
                assert found.get(key) in (model.get(key), after.get(key)), (at, key, begun)
            assert again.problems == ()
            more = Append(((8, 22 * 15_000, 5.0),))
            more.do(again)
            more.apply(found)
            assert held(again) == found
        with open_on(root) as once_more:
            assert held(once_more) == found, at
