"""`obsflow.open`: reading and writing one directory, alone and from several threads and processes."""

import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from tests.adapters.contents_of import Append, Delete, Held, held, series
from tests.adapters.disks import Disk
from tests.tsdb.contents import equal

import obsflow
from obsflow import Engine
from obsflow.adapters.files import Durability
from obsflow.adapters.opening import open_writable
from obsflow.errors import DataDirectoryError, OutOfOrderError, StateError
from obsflow.tsdb.block import Block
from obsflow.tsdb.operations import Sync
from obsflow.tsdb.store import Options

MINUTE = 60_000


def test_it_is_made_written_and_read(tmp_path: pathlib.Path) -> None:
    """A directory that is not there is made; what is appended answers queries at once, and when opened to read."""
    root = tmp_path / "new" / "data"
    with obsflow.open(root, mode="a") as store:
        for k in range(5):
            store.append({"__name__": "m", "a": "b"}, k * MINUTE, float(k))
        assert Engine(store).query("sum_over_time(m[10m])", 4 * MINUTE).to_dict()["result"][0]["value"][1] == "10"
        with pytest.raises(OutOfOrderError, match=r"later sample"):
            store.append({"__name__": "m", "a": "b"}, 2 * MINUTE, 9.0)
        assert (store.series_count, store.min_time, store.max_time) == (1, 0, 4 * MINUTE)
        assert held(obsflow.open(root)) == held(store)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "w"}, "expected 'r' or 'a'"),
        ({"mode": "a", "durability": "always"}, "expected process, commit or seconds"),
        ({"mode": "a", "durability": -1}, "expected seconds"),
        ({"mode": "a", "durability": float("nan")}, "expected seconds"),
    ],
)
def test_arguments_that_are_none(tmp_path: pathlib.Path, arguments: dict[str, object], message: str) -> None:
    """They are refused before anything is made."""
    with pytest.raises(ValueError, match=message):
        obsflow.open(tmp_path / "data", **arguments)
    assert not (tmp_path / "data").exists()


def test_there_is_one_writer(tmp_path: pathlib.Path) -> None:
    """Another one is refused, in this process and in others, until it is closed; readers are not."""
    program = f"import obsflow; obsflow.open({str(tmp_path)!r}); obsflow.open({str(tmp_path)!r}, mode='a').close()"
    with obsflow.open(tmp_path, mode="a") as store:
        store.append({"__name__": "m"}, 1, 1.0)
        with pytest.raises(DataDirectoryError, match="another process"):
            obsflow.open(tmp_path, mode="a")
        failed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert "DataDirectoryError" in failed.stderr
        assert "mode='a'" in failed.stderr.splitlines()[-1] or "another process" in failed.stderr
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_closed_store_says_so(tmp_path: pathlib.Path) -> None:
    """Closing again is nothing; all else is refused."""
    store = obsflow.open(tmp_path, mode="a")
    row = store.series({"__name__": "m"})
    store.close()
    store.close()
    columns = np.array([row]), np.array([1]), np.array([1.0])
    for call in (
        lambda: store.append_columns(*columns),
        lambda: store.delete([], 0, 1),
        store.sync,
        lambda: store.maintain(0),
        lambda: store.snapshot(tmp_path / "snapshot", 0),
    ):
        with pytest.raises(StateError, match="is closed"):
            call()
    assert not (tmp_path / "snapshot").exists()


def test_unfinished_files_are_removed(tmp_path: pathlib.Path) -> None:
    """What a writer had begun when it died is gone when the directory is opened."""
    names = ("01HF7YAT00H5ZKQJ9D3TAS5B7C.tmp-for-creation", "01HF7YAT00H5ZKQJ9D3TAS5B7C.tmp-for-deletion")
    for name in (*names, "wal/checkpoint.00000002.tmp"):
        (tmp_path / name / "chunks").mkdir(parents=True)
    obsflow.open(tmp_path, mode="a").close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chunks_head", "lock", "wal"]
    assert not any((tmp_path / "wal").iterdir())


@pytest.mark.parametrize(
    ("durability", "appends", "syncs"), [("process", 5, 0), ("commit", 5, 5), (3600.0, 5, 0), (0, 5, 5)]
)
def test_when_it_is_synced(tmp_path: pathlib.Path, durability: str | float, appends: int, syncs: int) -> None:
    """Under `commit` before each call returns, else when it is time, or asked for."""

    class Watched(Disk):
        synced = 0

        def perform(self, operations):
            operations = list(operations)
            self.synced += sum(isinstance(each, Sync) and each.path.startswith("wal/") for each in operations)
            super().perform(operations)

    disk = Watched(tmp_path)
    with open_writable(tmp_path, durability=durability, files=disk) as store:
        for k in range(appends):
            Append(((0, k, 1.0),)).do(store)
        assert disk.synced == syncs
        store.sync()
        assert disk.synced == syncs + (syncs == 0)


def test_an_interval_is_over_some_time() -> None:
    """Durability in seconds counts from the last sync."""
    assert [Durability.parse(2.5).is_due(elapsed) for elapsed in (0.0, 2.4, 2.5, 9.0)] == [False, False, True, True]
    assert not Durability.parse("process").is_due(1e9)
    assert Durability.parse("commit").is_due(0.0)


def test_what_blocks_answer_is_kept_while_the_head_goes_on(tmp_path, monkeypatch) -> None:
    """Samples and series that come after a query are in the next one, which asks no block again."""
    asked = []
    runs = Block.runs
    monkeypatch.setattr(Block, "runs", lambda self, *args: asked.append(self) or runs(self, *args))
    with open_writable(tmp_path, options=Options(chunk_range=10 * MINUTE, retention=0)) as store:
        model: Held = {}

        def append(number: int, time: int) -> None:
            step = Append(((number, time, float(time)),))
            step.do(store)
            step.apply(model)

        for k in range(60):
            append(k % 3, k * MINUTE)
        store.maintain(0)
        assert held(store) == model
        before = len(asked)
        assert before
        for k in range(60, 64):
            append(k % 5, k * MINUTE)  # some of them new
            assert held(store) == model
        assert len(asked) == before
        Delete(1, 0, 30 * MINUTE).do(store)
        Delete(1, 0, 30 * MINUTE).apply(model)
        assert held(store) == model


def test_an_answer_stays_as_it_was(tmp_path: pathlib.Path) -> None:
    """What was selected does not change when samples are added, cut into blocks or deleted, or the store is closed."""
    from tests.tsdb.contents import contents

    with open_writable(tmp_path, options=Options(chunk_range=10 * MINUTE, retention=0)) as store:
        for k in range(50):
            Append(((k % 3, k * MINUTE, float(k)),)).do(store)
        selection = store.select((), 0, 1 << 40)
        seen = contents(selection)
        for k in range(50, 300):
            Append(((k % 3, k * MINUTE, float(k)),)).do(store)
        store.maintain(0)
        store.delete([equal("i", "1")], 0, 1 << 40)
        assert contents(selection) == seen
    assert contents(selection) == seen


def test_threads_write_and_read_at_once(tmp_path: pathlib.Path) -> None:
    """Four writers of their own series, a reader and maintenance: nothing is lost, and a reader never sees a gap."""
    n, errors = 400, []
    store = open_writable(tmp_path, options=Options(chunk_range=40 * MINUTE, retention=0))
    done = threading.Event()

    def guarded(work, *args) -> None:
        try:
            work(*args)
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            errors.append(error)
            done.set()

    turns = threading.Barrier(4)

    def write(number: int) -> None:
        row = store.series(series(number))
        for k in range(n):
            turns.wait(30)  # else one of them would be too late for what another has added
            columns = np.array([row]), np.array([k * MINUTE]), np.array([float(k)])
            assert store.append_columns(*columns).accepted == 1

    def read() -> None:
        while not done.is_set():
            found: dict[object, list[int]] = {}
            for labels, time in held(store):
                found.setdefault(labels, []).append(time)
            for times in found.values():
                assert sorted(times) == [k * MINUTE for k in range(len(times))]

    def maintain() -> None:
        while not done.is_set():
            store.maintain(0)

    beside = [threading.Thread(target=guarded, args=(work,)) for work in (read, maintain)]
    writers = [threading.Thread(target=guarded, args=(write, number)) for number in range(4)]
    for thread in (*beside, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in beside:
        thread.join()
    assert not errors, errors
    assert len(held(store)) == 4 * n
    store.close()
    assert len(list(tmp_path.glob("*/meta.json"))) >= 2
    assert len(held(obsflow.open(tmp_path))) == 4 * n


def test_maintenance_does_all_that_is_due(tmp_path: pathlib.Path) -> None:
    """Blocks are cut, compacted and let go, chunks moved, the log shortened; all else stays, also when reopened."""
    retention = 200 * MINUTE
    options = Options(chunk_range=10 * MINUTE, retention=retention, out_of_order_window=30 * MINUTE)
    model: Held = {}
    with open_writable(tmp_path, options=options) as store:
        for k in range(400):
            steps = [Append(((k % 3, k * MINUTE, float(k)), (3, k * MINUTE, 1.0)))]
            if k > 10 and not k % 7:
                steps.append(Append(((k % 3, (k - 20) * MINUTE + 1, -1.0),)))
            for step in steps:
                step.do(store)
                step.apply(model)
            store.maintain(k * MINUTE)
        metas = [block.meta for block in store._view.blocks]
        assert max(meta.level for meta in metas) > 1
        newest = max(meta.max_time for meta in metas)
        assert all(newest - meta.max_time < retention for meta in metas)
        oldest = min(meta.min_time for meta in metas)
        assert 0 < oldest <= 400 * MINUTE - retention
        model = {key: value for key, value in model.items() if key[1] >= oldest}
        assert held(store) == model
        on_disk = {path.parent.name for path in tmp_path.glob("*/meta.json")}
        assert on_disk == {meta.ulid for meta in metas}
    assert list(tmp_path.glob("wal/checkpoint.*"))
    assert len(list((tmp_path / "wal").iterdir())) < 8
    assert list((tmp_path / "chunks_head").iterdir())
    with open_writable(tmp_path, options=options) as again:
        assert (held(again), again.problems) == (model, ())


def test_size_is_bounded(tmp_path: pathlib.Path) -> None:
    """Of blocks that take too much the oldest go."""
    with open_writable(
        tmp_path, options=Options(chunk_range=10 * MINUTE, retention=0, retention_bytes=600_000)
    ) as store:
        for k in range(600):
            Append(tuple((number, k * MINUTE, k / 7 + number) for number in range(100))).do(store)
            if k % 20 == 19:
                store.maintain(k * MINUTE)
        sizes = [block.size for block in store._view.blocks]
        assert 0 < sum(sizes) < 600_000
        assert min(time for _, time in held(store)) > 0
        assert store.max_time == 599 * MINUTE


def test_blocks_that_others_were_made_of_are_removed_when_it_is_opened(tmp_path, monkeypatch) -> None:
    """A writer that died between making a block and removing its parents leaves no harm."""
    monkeypatch.setattr("obsflow.tsdb.maintenance.remove_block", lambda _: [])
    options = Options(chunk_range=10 * MINUTE, retention=0)
    with open_writable(tmp_path, options=options) as store:
        for k in range(120):
            Append(((k % 3, k * MINUTE, float(k)),)).do(store)
        store.maintain(0)
        expected, kept = held(store), {block.meta.ulid for block in store._view.blocks}
    assert {path.parent.name for path in tmp_path.glob("*/meta.json")} > kept
    with open_writable(tmp_path, options=options) as again:
        assert held(again) == expected
        assert {path.parent.name for path in tmp_path.glob("*/meta.json")} == kept


def test_a_snapshot_is_made_of_links(tmp_path: pathlib.Path) -> None:
    """Blocks are linked, the head is one more block; it stays as it is; and what is there is not written over."""
    root, target = tmp_path / "data", tmp_path / "snapshot"
    with open_writable(root, options=Options(chunk_range=10 * MINUTE, retention=0)) as store:
        for k in range(60):
            Append(((k % 3, k * MINUTE, float(k)),)).do(store)
        store.maintain(0)
        expected = held(store)
        store.snapshot(target, 1)
        blocks = {path.name for path in root.iterdir() if (path / "meta.json").exists()}
        copies = {path.name for path in target.iterdir()}
        assert blocks < copies
        assert len(copies) == len(blocks) + 1
        for name in blocks:
            assert (target / name / "index").samefile(root / name / "index")
        store.delete([equal("i", "1")], 0, 1 << 40)
        with pytest.raises(DataDirectoryError, match="empty directory"):
            store.snapshot(target, 2)
    assert held(obsflow.open(target)) == expected
    with open_writable(tmp_path / "empty") as empty:
        empty.snapshot(tmp_path / "nothing", 3)
    assert not any((tmp_path / "nothing").iterdir())
