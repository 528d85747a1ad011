import gzip
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from backports import zstd
from tests.external import shared, tool
from tests.tsdb import writer
from tests.tsdb.contents import EVER, everything, samples

from obsflow import native
from obsflow.adapters.data_directory import open_database
from obsflow.errors import DataDirectoryError, ObsflowError
from obsflow.model.labels import Labels, quote
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.database import Database

UP = {"__name__": "up", "job": "api"}
DOWN = {"__name__": "up", "job": "db"}
A, B = Labels(UP), Labels(DOWN)
ULID = "01M83F0QNYX1PQK4XX8D98TRK6"


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A data directory with a block, closed head chunks, a checkpoint and a log."""
    writer.write_block(tmp_path, ULID, [(UP, [[(10, 1.0), (20, 2.0)]]), (DOWN, [[(10, 5.0)]])], stones=[(DOWN, 0, 99)])
    write(tmp_path / "chunks_head/000001", writer.head_chunks([(1, [(30, 3.0), (40, 4.0)], 1)]))
    write(tmp_path / "wal/checkpoint.00000002/00000000", writer.segment([writer.series_record([(1, UP)])], pad=True))
    write(tmp_path / "wal/00000003", writer.segment([writer.samples_record([(1, 40, 4.0), (1, 50, 5.0)])], pad=True))
    late = [writer.series_record([(2, DOWN)]), writer.samples_record([(2, 60, 6.0)])]
    write(tmp_path / "wal/00000004", writer.segment(late, 0x10, zstd.compress))
    return tmp_path


def write(path: pathlib.Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


EXPECTED = {A: samples((10, 1.0), (20, 2.0), (30, 3.0), (40, 4.0), (50, 5.0)), B: samples((60, 6.0))}


def test_everything_of_a_directory(root):
    """Blocks, closed chunks, checkpoint and log are one store."""
    database = open_database(root)
    assert everything(database) == EXPECTED
    assert database.problems == ()
    assert (database.min_time, database.max_time, database.series_count) == (10, 60, 2)
    assert everything(open_database(str(root))) == EXPECTED


def test_what_a_server_leaves_lying_about(root):
    """Temporary directories, locks, older checkpoints and foreign files are not looked at."""
    shutil.copytree(root / ULID, root / f"{ULID}.tmp-for-creation")
    (root / f"{ULID}.tmp-for-deletion").mkdir()
    write(root / "wal/checkpoint.00000003.tmp/00000000", b"\xff" * 100)
    write(root / "wal/checkpoint.00000001/00000000", b"\xff" * 100)
    (root / f"{ULID[:-1]}7").symlink_to(root / "nowhere")
    for name in (f"{ULID[:-1]}8", "lock", "queries.active", "wal/notes.txt", f"{ULID}/chunks/.000001.swp"):
        write(root / name, b"?")
    database = open_database(root)
    assert everything(database) == EXPECTED
    assert database.problems == ()


def test_an_empty_head_and_linked_blocks(root, tmp_path_factory):
    """A directory with nothing but an empty log has no series; a block may be a link to one."""
    other = tmp_path_factory.mktemp("other")
    (other / "wal").mkdir()
    database = open_database(other)
    assert (everything(database), database.problems, database.series_count) == ({}, (), 0)
    assert database.min_time > database.max_time
    (other / ULID).symlink_to(root / ULID)
    assert everything(open_database(other)) == {A: samples((10, 1.0), (20, 2.0))}


def test_empty_files(root):
    """Files that were created and not written yet do no harm; an empty index costs its block."""
    for name in ("wal/00000005", "chunks_head/000002"):
        write(root / name, b"")
    assert open_database(root).problems == ()
    write(root / ULID / "index", b"")
    database = open_database(root)
    assert [problem.file for problem in database.problems] == [str(root / ULID / "index")]
    assert everything(database)[B] == samples((60, 6.0))


@pytest.mark.parametrize("name", ["meta.json", "index", "chunks/000001"])
def test_a_missing_file_of_a_block(root, name):
    """A file that a block lacks is told by its path; the rest is read."""
    (root / ULID / name).unlink()
    database = open_database(root)
    assert everything(database)[B] == samples((60, 6.0))
    assert [problem.file for problem in database.problems] == [str(root / ULID / name)]


def test_a_block_that_is_deleted_meanwhile(root, monkeypatch):
    """A block that vanishes between listing and opening makes the listing start anew."""
    kept, gone = root / ULID, root / (ULID[:-1] + "7")
    shutil.copytree(kept, gone)
    read_bytes = pathlib.Path.read_bytes

    def read_and_delete(path: pathlib.Path) -> bytes:
        if path.parent == gone:
            shutil.rmtree(gone, ignore_errors=True)
        return read_bytes(path)

    monkeypatch.setattr(pathlib.Path, "read_bytes", read_and_delete)
    database = open_database(root)
    assert everything(database) == EXPECTED
    assert database.problems == ()


def test_what_was_mapped_outlives_its_files(root):
    """A database that is open goes on answering when a server deletes the files under it."""
    database = open_database(root)
    shutil.rmtree(root)
    assert everything(database) == EXPECTED


def test_nothing_is_written(root):
    """Opening leaves the directory as it was."""
    before = sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*"))
    everything(open_database(root))
    assert sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "found"),
    [("nothing", "nothing"), ("file", "a file"), ("empty", "none of them"), ("root/" + ULID, "a single block")],
)
def test_paths_that_are_no_data_directory(tmp_path, name, found):
    """What was expected, and what is there, is in the error, which is an OSError too."""
    write(tmp_path / "file", b"")
    (tmp_path / "empty").mkdir()
    writer.write_block(tmp_path / "root", ULID, [(UP, [[(10, 1.0)]])])
    with pytest.raises(
        DataDirectoryError, match=f"{name}: expected a Prometheus data directory.*found {found}"
    ) as caught:
        open_database(tmp_path / name)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, ObsflowError)


def test_unreadable_files(root):
    """A file that cannot be read is an error with its path and the system's reason, for root too."""
    index = root / ULID / "index"
    index.unlink()
    index.mkdir()
    with pytest.raises(DataDirectoryError, match=f"{ULID}/index.*directory"):
        open_database(root)


LINE = re.compile(r"(\{.*\}) (\S+) (-?\d+)")


def dumped(lines: list[str]) -> dict[str, list[tuple[int, float]]]:
    """What `promtool tsdb dump` printed, by the text of the label set."""
    out: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        match = LINE.fullmatch(line)
        assert match is not None, line
        out.setdefault(match[1], []).append((int(match[3]), float(match[2])))
    return out


def agree(database: Database, lines: list[str], *matchers: Matcher) -> int:
    """Compare series and samples, by bits where the text tells them apart; returns how many samples there are."""
    expected = dumped(lines)
    selection = database.select(matchers, *EVER)
    times, values, offsets, bad = native.decode_runs(selection.runs)
    assert not bad.any()
    assert len(selection) == len(expected)
    for i, labels in enumerate(selection.labels.decode()):
        key = "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"
        rows = np.array(expected[key])
        part = slice(offsets[i], offsets[i + 1])
        assert [time for time, _ in expected[key]] == times[part].tolist()
        nan = np.isnan(values[part])
        assert (np.isnan(rows[:, 1]) == nan).all()
        assert (rows[:, 1].view(np.uint64)[~nan] == values[part].view(np.uint64)[~nan]).all()
    return len(times)


def promtool_dump(source: pathlib.Path, target: pathlib.Path, *arguments: str) -> list[str]:
    shutil.copytree(source, target, dirs_exist_ok=True)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    (target / "wal").mkdir(exist_ok=True)
    command = [tool("promtool"), "tsdb", "dump", *arguments, str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_killed_server():
    """Closed chunks and a log that ends anywhere give what Prometheus itself reads from them."""
    root = shared("captures", "killed-server")
    lines = gzip.decompress((root / "dump.txt.gz").read_bytes()).decode().splitlines()
    database = open_database(root / "data")
    assert agree(database, lines) == len(lines)
    assert database.problems == ()
    assert database.skipped == ()


def test_a_killed_server_beside_promtool(tmp_path):
    """The installed Prometheus reads the same from the killed server's directory."""
    root = shared("captures", "killed-server", "data")
    lines = promtool_dump(root, tmp_path / "data")
    assert agree(open_database(root), lines) == len(lines)


def test_a_recorded_block_beside_promtool(tmp_path):
    """Series and samples of a recorded block are those that Prometheus reads; the whole has as many as it says."""
    root = shared("captures", "payment-incidents", "data")
    pattern = "up|ALERTS.*|http_requests_total|go_gc_duration_seconds|node_load.*|job:.*"
    lines = promtool_dump(root, tmp_path / "data", f'--match={{__name__=~"{pattern}"}}')
    database = open_database(root)
    assert agree(database, lines, Matcher("__name__", MatchOp.REGEX, pattern)) == len(lines) > 10_000
    times, _, offsets, bad = native.decode_runs(database.select((), *EVER).runs)
    assert (len(offsets) - 1, len(times), int(bad.sum())) == (2431, 2_986_886, 0)
    assert (database.problems, database.skipped) == ((), ())
