"""The log that we write in the hands of Prometheus, and the one that it wrote in ours, byte for byte."""

import contextlib
import json
import pathlib
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
import pytest
from tests.adapters.test_running_server import prometheus
from tests.external import shared, tool

from obsflow import native
from obsflow.adapters.data_directory import decompress_zstd
from obsflow.adapters.opening import open_writable
from obsflow.tsdb import records
from obsflow.tsdb.files import File
from obsflow.tsdb.log_writer import LogWriter
from obsflow.tsdb.store import Options
from obsflow.tsdb.wal import Segment

STEP_MS, RANGE_MS = 1000, 60_000
START_MS = 1_700_000_000_000 // RANGE_MS * RANGE_MS
SERIES = [{"__name__": "written", "i": str(i)} for i in range(20)]

Written = dict[str, list[tuple[int, float]]]


def write(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """A directory with blocks, a checkpoint, segments and head chunks."""
    monkeypatch.setattr(LogWriter.__init__, "__kwdefaults__", {"compress": True, "segment_bytes": 40_000})
    database = open_writable(root, options=Options(chunk_range=RANGE_MS))
    written: Written = {labels["i"]: [] for labels in SERIES}
    rng = np.random.default_rng(5)
    rows = np.array([database.series(labels) for labels in SERIES])
    for step in range(400):
        now, values = START_MS + STEP_MS * step, rng.integers(0, 1000, len(SERIES)).astype(np.float64)
        database.append_columns(rows, np.full(len(rows), now), values)
        for labels, value in zip(SERIES, values.tolist(), strict=True):
            written[labels["i"]].append((now, value))
        if step % 20 == 0:
            database.maintain(now)
    database.close()
    return written


def names(root: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def dump(root: pathlib.Path) -> Written:
    """What `promtool tsdb dump` says."""
    done = subprocess.run([tool("promtool"), "tsdb", "dump", str(root)], capture_output=True, text=True, check=True)
    out: Written = {}
    for line in done.stdout.splitlines():
        labels, value, time = line.rsplit(" ", 2)
        out.setdefault(labels.split('i="')[1].split('"')[0], []).append((int(time), float(value)))
    return {i: sorted(samples) for i, samples in out.items()}


def test_promtool_reads_a_checkpoint(tmp_path, monkeypatch):
    """promtool finds every sample in a log that was shortened, with chunks that left it."""
    written = write(tmp_path, monkeypatch)
    found = names(tmp_path)
    assert [each for each in found if each.startswith("wal/checkpoint.")]
    assert [each for each in found if each.startswith("chunks_head/")]
    assert dump(tmp_path) == written


def test_promtool_reads_what_was_recovered(tmp_path, monkeypatch):
    """After damage and recovery a server reads what we read: all but the records that were hit."""
    written = write(tmp_path, monkeypatch)
    newest = max((tmp_path / "wal").glob("0*"))
    data = bytearray(newest.read_bytes())
    data[len(data.rstrip(b"\0")) - 50] ^= 0x40  # the samples before are in chunks too
    newest.write_bytes(bytes(data))
    with open_writable(tmp_path, options=Options(chunk_range=RANGE_MS)) as database:
        assert [pathlib.Path(problem.file).name for problem in database.problems] == [newest.name]
        times, _, offsets, _ = native.decode_runs(database.select((), 0, 1 << 62).runs)
    assert len(offsets) - 1 == len(SERIES)
    lost = sum(map(len, written.values())) - len(times)
    assert 0 < lost <= 2 * len(SERIES)
    found = dump(tmp_path)
    assert sum(map(len, found.values())) == len(times)
    assert all(set(found[i]) <= set(written[i]) for i in found)
    assert [each for each in names(tmp_path) if each.startswith("wal/") and each.endswith(".corrupt")]


def test_a_server_replays_a_checkpoint(tmp_path, monkeypatch):
    """A running Prometheus serves every sample, and tells no corruption."""
    data = tmp_path / "data"
    data.mkdir()
    written = write(data, monkeypatch)
    with prometheus(tmp_path) as api:
        end = START_MS + 400 * STEP_MS
        query = urllib.parse.urlencode({"query": "written[10m]", "time": end / 1000})
        answer = None
        while answer is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                answer = json.load(urllib.request.urlopen(f"{api}?{query}", timeout=5))
            time.sleep(0.1)
    found = {
        each["metric"]["i"]: [(round(at * 1000), float(value)) for at, value in each["values"]]
        for each in answer["data"]["result"]
    }
    assert found == written
    log = (tmp_path / "log").read_text("utf-8")
    assert "corrupt" not in log.lower()
    assert "WAL checkpoint loaded" in log


def test_records_of_a_server_come_out_byte_for_byte():
    """Every record that a Prometheus wrote is what we make of its contents."""
    path = shared("captures", "killed-server") / "data" / "wal" / "00000000"
    segment = Segment(File("wal", path.read_bytes()), decompress_zstd, is_last=True)
    kinds = set()
    for batch in segment.records():
        for i in range(len(batch)):
            record = batch[i]
            kinds.add(record.data[0])
            if record.data[0] == records.SERIES:
                encoded = records.encode_series(records.decode_series(record))
            else:
                samples = records.decode_samples(batch.take(slice(i, i + 1)), segment.problems)
                columns = samples.references, samples.times, samples.values
                encoded = native.encode_log_samples(*columns, len(samples.times))[0].tobytes()
            assert encoded == record.data
    assert kinds == {records.SERIES, records.SAMPLES}
    assert segment.problems == []
