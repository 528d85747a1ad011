"""What is written here is Prometheus' own: promtool and a server read it, and what a server left is written on."""

import contextlib
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from tests.adapters.contents_of import Held, abandon, held
from tests.external import shared, tool
from tests.tsdb.contents import equal

import obsflow
from obsflow.adapters.disk import DiskTSDB
from obsflow.model.labels import Labels

HOUR = 3_600_000
BASE = 1_700_000_000_000
VALUES = (0.0, -0.0, 1.0, 0.1, 1e300, -1e-300, float("inf"), float("-inf"), 1 / 3)
LOCKED = "--storage.tsdb.use-lockfile"  # as Prometheus does unless a distribution turns it off
CONFIG = "storage: {tsdb: {out_of_order_time_window: 3h}}\n"


def fill(store: DiskTSDB, hours: int, *, late: bool) -> None:
    """Some series for some hours, in order and, if so, late; cut into blocks as it goes; and a part deleted."""
    rows = np.array([store.series({"__name__": "m", "i": str(i), "text": 'quoted "é"\n'}) for i in range(12)])
    values = np.array(VALUES)
    for k in range(hours * 60):
        now = BASE + k * 60_000
        store.append_columns(rows, np.full(12, now), values[(np.arange(12) + k // 3) % len(VALUES)])
        if late and k % 9 == 8:
            store.append_columns(rows[:3], np.full(3, now - 400_000 - 7 * k), np.full(3, k / 7))
        if k % 60 == 59:
            store.maintain(now)


def dumped(directory: pathlib.Path) -> Held:
    """What `promtool tsdb dump` prints, which wants a log beside the blocks."""
    (directory / "wal").mkdir(exist_ok=True)
    out = subprocess.run([tool("promtool"), "tsdb", "dump", str(directory)], capture_output=True, text=True, check=True)
    found: Held = {}
    for line in out.stdout.splitlines():
        text, value, stamp = line.rsplit(" ", 2)
        found[parse_labels(text), int(stamp)] = as_bits(value)
    return found


def as_bits(text: str) -> int:
    return int(struct.unpack(">Q", struct.pack(">d", float(text)))[0])


def parse_labels(text: str) -> Labels:
    """`{name="value", ...}` with the values quoted as Go does, which JSON reads."""
    pairs, decoder, at = {}, json.JSONDecoder(), 1
    while text[at] != "}":
        name, _, _ = text[at:].partition("=")
        pairs[name], length = decoder.raw_decode(text[at + len(name) + 1 :])
        at += len(name) + 1 + length
        at += len(", ") if text[at] == "," else 0
    return Labels(pairs)


@contextlib.contextmanager
def serve(directory: pathlib.Path, data: pathlib.Path) -> Iterator[str]:
    """A Prometheus over a data directory, which scrapes nothing; yields the address of its API when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = directory / "prometheus.yml"
    config.write_text(CONFIG, "utf-8")
    arguments = [
        program := tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={address}",
        "--storage.tsdb.retention.time=100y",
        LOCKED,
    ]
    if LOCKED not in subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout:
        arguments.remove(LOCKED)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 20
            while not is_ready(address):
                assert time.monotonic() < deadline, (directory / "log").read_text()
                time.sleep(0.1)
            yield f"http://{address}"
        finally:
            process.kill()
            process.wait()


def is_ready(address: str) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError, ConnectionError),
        urllib.request.urlopen(f"http://{address}/-/ready", timeout=1),
    ):
        return True
    return False


def served(api: str, end: int, hours: int) -> Held:
    """All samples that a server has of the hours before `end` (ms)."""
    query = urllib.parse.urlencode({"query": f'{{__name__=~".+"}}[{hours}h]', "time": end / 1000})
    with urllib.request.urlopen(f"{api}/api/v1/query?{query}", timeout=20) as answer:
        result = json.load(answer)["data"]["result"]
    return {
        (Labels(each["metric"]), round(at * 1000)): as_bits(value) for each in result for at, value in each["values"]
    }


@pytest.mark.parametrize("late", [False, True], ids=["in order", "late too"])
def test_promtool_prints_what_is_in_the_directory(tmp_path: pathlib.Path, late: bool) -> None:
    """Blocks and the log, by series, time and bits; while it is open, after a kill, and when it was closed."""
    tool("promtool")
    store = obsflow.open(tmp_path, mode="a", out_of_order_window=3 * HOUR if late else 0)
    fill(store, 8, late=late)
    store.delete([equal("i", "5")], BASE + HOUR, BASE + 7 * HOUR)
    assert len(list(tmp_path.glob("*/meta.json"))) == 3
    expected = held(store)
    in_order = held(store) if not late else {}
    if not late:
        assert dumped(tmp_path) == in_order
    abandon(store)
    with obsflow.open(tmp_path, mode="a", out_of_order_window=3 * HOUR) as again:
        assert held(again) == expected
        again.append({"__name__": "after"}, BASE + 8 * HOUR, 4.5)
        expected[Labels({"__name__": "after"}), BASE + 8 * HOUR] = as_bits("4.5")
        again.snapshot(tmp_path / "snapshot", BASE)
    assert dumped(tmp_path / "snapshot") == expected
    if not late:
        assert dumped(tmp_path) == expected


def test_a_server_answers_from_the_directory(tmp_path: pathlib.Path) -> None:
    """A running Prometheus has the same samples, and goes on where the log ends; so does this side after it."""
    tool("prometheus")
    data = tmp_path / "data"
    store = obsflow.open(data, mode="a", out_of_order_window=3 * HOUR)
    fill(store, 8, late=True)
    store.delete([equal("i", "5")], BASE + 7 * HOUR, BASE + 8 * HOUR)
    expected = held(store)
    abandon(store)
    with max(path for path in (data / "wal").iterdir() if path.is_file()).open("ab") as log:
        log.write(b"\x01\x00\xff\x12\x34")  # as a write leaves it that was cut short
    with obsflow.open(data, mode="a", out_of_order_window=3 * HOUR) as again:
        assert held(again) == expected
        again.append({"__name__": "after"}, BASE + 8 * HOUR - 1, 4.5)
        expected[Labels({"__name__": "after"}), BASE + 8 * HOUR - 1] = as_bits("4.5")
    with serve(tmp_path, data) as api:
        assert served(api, BASE + 8 * HOUR, 9) == expected
        assert "Deletion of corrupted" not in (log_text := (tmp_path / "log").read_text()), log_text
        with pytest.raises(obsflow.ObsflowError, match="another process"):
            obsflow.open(data, mode="a")
    with obsflow.open(data, mode="a", out_of_order_window=3 * HOUR) as once_more:
        assert held(once_more) == expected


def test_what_a_killed_server_left_is_written_on(tmp_path: pathlib.Path) -> None:
    """Opened for writing, the directory has what it had; promtool then finds that and what was added."""
    source = shared("captures", "killed-server")
    data = tmp_path / "data"
    (found,) = [path.parent for path in source.rglob("wal") if path.is_dir()]
    shutil.copytree(found, data)
    before = held(obsflow.open(data))
    with obsflow.open(data, mode="a") as store:
        assert held(store) == before
        now = store.max_time + 1
        store.append({"__name__": "added"}, now, 1.5)
    before[Labels({"__name__": "added"}), now] = as_bits("1.5")
    assert held(obsflow.open(data)) == before
    assert {key: value for key, value in dumped(data).items() if key[0]["__name__"] == "added"} == {
        (Labels({"__name__": "added"}), now): as_bits("1.5")
    }
