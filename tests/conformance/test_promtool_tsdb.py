"""`obsflow tsdb` beside `promtool tsdb` 2.42: the same dump, the same figures, the same blocks of a text."""

import filecmp
import gzip
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from obsflow.cli.main import main
from tests.external import shared, tool

_LISTS = {
    "Label pairs most involved in churning": "churning_pairs",
    "Label names most involved in churning": "churning_names",
    "Most common label pairs": "common_pairs",
    "Label names with highest cumulative label value length": "longest_names",
    "Highest cardinality labels": "widest_names",
    "Highest cardinality metric names": "common_metrics",
}
_ALL = 100_000  # more than there is of anything


def promtool(*arguments, out=None):
    result = subprocess.run([tool("promtool"), "tsdb", *map(str, arguments)], stdout=out or subprocess.PIPE, check=True)
    return "" if out else result.stdout.decode()


def obsflow(capfdbinary, *arguments):
    code = main(["tsdb", *map(str, arguments)])
    out, err = capfdbinary.readouterr()
    assert (code, err) == (0, b"")
    return out


def copy(source, target):
    """A data directory that promtool can open: it wants a log, and writes beside it."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (target / "wal").mkdir(exist_ok=True)
    return target


@pytest.fixture(scope="module")
def incidents(tmp_path_factory):
    return copy(shared("captures", "payment-incidents", "data"), tmp_path_factory.mktemp("data") / "incidents")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return copy(shared("captures", "killed-server", "data"), tmp_path_factory.mktemp("data") / "killed")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["--match", '{job="myapp"}'], ["--match", '{job="myapp"}']),
        (
            ["--from", "1795412000.5", "--to", "1795412020.25"],
            ["--min-time", "1795412000500", "--max-time", "1795412020250"],
        ),
        (
            ["--match", '{__name__=~"ALERTS.*"}', "--from", "1795412000"],
            ["--match", '{__name__=~"ALERTS.*"}', "--min-time", "1795412000000"],
        ),
    ],
)  # fmt: skip
def test_a_block_is_dumped_byte_by_byte(capfd, tmp_path, incidents, ours, theirs):
    """Order, labels, numbers and times as promtool prints them."""
    with (tmp_path / "theirs").open("wb") as out:
        promtool("dump", *theirs, incidents, out=out)
    assert main(["tsdb", "dump", str(incidents), *ours]) == 0
    printed, err = capfd.readouterr()
    (tmp_path / "ours").write_text(printed, encoding="utf-8")

    assert err == ""
    assert (tmp_path / "ours").stat().st_size > 10_000
    assert filecmp.cmp(tmp_path / "theirs", tmp_path / "ours", shallow=False)


def test_a_head_is_dumped_byte_by_byte(capfdbinary, killed):
    """The log of a server that was killed."""
    with gzip.open(shared("captures", "killed-server", "dump.txt.gz")) as recorded:
        assert obsflow(capfdbinary, "dump", killed) == recorded.read()


def test_figures_are_those_of_analyze(capfdbinary, incidents):
    """Every figure of every list; equal ones come in any order there."""
    text = promtool("analyze", "--limit", _ALL, incidents)
    record = json.loads(obsflow(capfdbinary, "stats", incidents, "--limit", _ALL, "--format", "json"))
    analysis = record["analysis"]
    single = {key: int(value) for key, value in re.findall(r"^(.*): (\d+)$", text, re.MULTILINE)}

    assert single == {
        "Series": analysis["series"],
        "Label names": analysis["label_names"],
        "Postings (unique label pairs)": analysis["label_pairs"],
        "Postings entries (total label pairs)": analysis["entries"],
    }
    for title, name in _LISTS.items():
        lines = text.split(f"\n{title}:\n")[1].split("\n\n")[0].splitlines()
        assert len(lines) > 30
        assert sorted(lines) == sorted(f"{count} {of}" for count, of in analysis[name])
        assert [int(line.split()[0]) for line in lines] == [count for count, _ in analysis[name]]


def test_blocks_are_listed_with_the_same_figures(capfdbinary, incidents):
    """Name, times, samples, chunks, series, bytes."""
    line = promtool("list", incidents).splitlines()[1].split()
    (block,) = json.loads(obsflow(capfdbinary, "list", incidents, "--format", "json"))
    keys = ("name", "min_time", "max_time", None, "samples", "chunks", "series", "bytes")

    assert line[:3] + line[4:] == [str(block[key]) for key in keys if key]


def test_a_text_makes_the_same_blocks(capfdbinary, tmp_path, incidents):
    """What is dumped as OpenMetrics is taken by both, and comes out of promtool's blocks and ours as it was."""
    match = '{job="prometheus",__name__=~"go_.*|up|prometheus_tsdb_.*"}'
    text = tmp_path / "text"
    text.write_bytes(obsflow(capfdbinary, "dump", incidents, "--match", match, "--format", "openmetrics"))
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    promtool("create-blocks-from", "openmetrics", text, theirs)
    obsflow(capfdbinary, "create-blocks", "openmetrics", text, ours)
    for each in (theirs, ours):
        (each / "wal").mkdir(exist_ok=True)
    dumps = [promtool("dump", *arguments) for arguments in (["--match", match, incidents], [theirs], [ours])]

    assert dumps[0] == dumps[1] == dumps[2]
    assert dumps[0].count("\n") > 100_000
    for each in (theirs, ours):
        assert main(["tsdb", "verify", str(each)]) == 0


def test_blocks_of_rules_can_be_opened(capfdbinary, tmp_path, incidents):
    """promtool reads from them what we do."""
    rules = shared("captures", "payment-incidents", "rules.yml")
    out = tmp_path / "out"
    obsflow(capfdbinary, "create-blocks", "rules", incidents, rules, out, "--interval", "4s")
    (out / "wal").mkdir()
    dump = promtool("dump", out)

    assert dump.encode() == obsflow(capfdbinary, "dump", out)
    assert dump.startswith('{__name__="ALERTS", ')
    assert '{__name__="job:http_requests:rate20s", ' in dump


def damage(path: pathlib.Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << at % 8
    path.write_bytes(data)


def test_damage_to_the_captures_is_found_and_repaired(capfd, tmp_path, incidents, killed):
    """A bit in each kind of file: all are named, and what is left opens in promtool and was there before."""
    target = copy(incidents, tmp_path / "data")
    shutil.copy(killed / "wal" / "00000000", target / "wal")
    (block,) = [path for path in target.iterdir() if (path / "index").exists()]
    files = [block / "index", block / "chunks" / "000001", target / "wal" / "00000000"]
    for i, path in enumerate(files):
        damage(path, 150_000 + i)
    assert main(["tsdb", "verify", str(target)]) == 1
    out = capfd.readouterr().out
    assert all(f"    {path}: offset " in out for path in files)
    assert main(["tsdb", "repair", str(target)]) == 0
    assert main(["tsdb", "verify", str(target)]) == 0
    capfd.readouterr()
    match = '{job="prometheus"}'
    left = promtool("dump", "--match", match, target).splitlines()
    before = {*promtool("dump", "--match", match, incidents).splitlines()}

    assert set(left) <= before
    assert len(left) > len(before) * 0.99
