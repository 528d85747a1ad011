"""`obsflow tsdb`: what it prints, what it writes, and how it ends."""

import itertools
import json
import math
import pathlib
import shutil

import pytest
from tests.tsdb import writer
from tests.tsdb.contents import everything

import obsflow
from obsflow.cli.main import main
from obsflow.cli.tsdb_dump import render_seconds
from obsflow.exposition import parse_timed
from obsflow.model.floats import STALE_NAN

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"
DATA = EXAMPLE / "data"
BLOCKS = sorted(path.name for path in DATA.iterdir())


@pytest.fixture
def data(tmp_path):
    """A copy of the example's data that a test may damage."""
    return pathlib.Path(shutil.copytree(DATA, tmp_path / "data"))


def run(capsys, *arguments):
    code = main(["tsdb", *map(str, arguments)])
    return code, *capsys.readouterr()


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


# -- list and stats


def test_list_has_a_line_a_block(capsys):
    """In order of time, with what its meta counts."""
    code, out, err = run(capsys, "list", DATA)
    header, *lines = [line.split() for line in out.splitlines()]

    assert (code, err) == (0, "")
    assert header[:6] == ["PART", "FROM", "TO", "DURATION", "LEVEL", "SAMPLES"]
    assert [(line[0], *line[4:8]) for line in lines] == [
        (BLOCKS[0], "1", "37440", "312", "78"),
        (BLOCKS[1], "1", "36192", "288", "78"),
    ]


def test_list_as_json(capsys):
    """The same figures under their names; bytes are those of the files."""
    _, out, _ = run(capsys, "list", DATA, "--format", "json")
    records = json.loads(out)

    assert [each["name"] for each in records] == BLOCKS
    for each in records:
        files = [path for path in (DATA / each["name"]).rglob("*") if path.is_file()]
        assert each["bytes"] == sum(path.stat().st_size for path in files)
        assert each["chunk_bytes_per_sample"] == round(each["chunk_bytes"] / each["samples"], 3)


def test_stats_count_the_labels_of_the_newest_block(capsys):
    """Or of the one that is asked for; each list as long as wanted."""
    newest = json.loads(run(capsys, "stats", DATA, "--format", "json", "--limit", 2)[1])
    named = json.loads(run(capsys, "stats", DATA, "--format", "json", "--block", BLOCKS[0])[1])

    assert [newest["analysis"]["of"], named["analysis"]["of"]] == BLOCKS[::-1]
    assert [part["name"] for part in newest["parts"]] == [*BLOCKS, "head"]
    assert newest["analysis"]["series"] == 78
    assert all(len(each) == 2 for each in newest["analysis"].values() if isinstance(each, list))
    assert named["analysis"]["common_metrics"] == sorted(
        named["analysis"]["common_metrics"], key=lambda each: (-each[0], each[1])
    )


def test_stats_of_a_head(capsys, tmp_path):
    """Where there is no block; a series that lasts half of the time makes half of one."""
    log = tmp_path / "wal"
    log.mkdir()
    series = [(1, {"__name__": "up", "job": "a"}), (2, {"__name__": "up", "job": "b"}), (3, {"__name__": "up"})]
    samples = [(ref, time, 1.0) for ref, last in ((1, 100), (2, 50), (3, 50)) for time in range(0, last + 1, 10)]
    (log / "00000000").write_bytes(writer.segment([writer.series_record(series), writer.samples_record(samples)]))
    record = json.loads(run(capsys, "stats", tmp_path, "--format", "json")[1])
    text = run(capsys, "stats", tmp_path)[1]

    assert record["logs"] == {"wal": {"files": 1, "bytes": (log / "00000000").stat().st_size}}
    assert {key: record["parts"][0][key] for key in ("samples", "series", "min_time", "max_time")} == {
        "samples": 23, "series": 3, "min_time": 0, "max_time": 100,
    }  # fmt: skip
    assert record["analysis"]["churning_pairs"][0] == [1, "__name__=up"]
    assert record["analysis"]["widest_names"] == [[2, "job"], [1, "__name__"]]
    assert "Labels of head: 3 series, 2 label names, 3 label pairs, 5 in all series together" in text


def test_damaged_blocks_are_left_out_of_figures_and_named(capsys, data):
    """A warning a block whose meta cannot be read."""
    (data / BLOCKS[0] / "meta.json").write_text("{")
    code, out, err = run(capsys, "list", data)

    assert code == 0
    assert BLOCKS[0] not in out
    assert err.startswith(f"warning: {data / BLOCKS[0] / 'meta.json'}: offset 1: not JSON")


# -- dump


def test_dump_has_every_sample(capsys):
    """One line a sample, series in the order of their labels."""
    code, out, err = run(capsys, "dump", DATA)
    lines = out.splitlines()

    assert (code, err) == (0, "")
    assert len(lines) == 37440 + 36192
    series = list(dict.fromkeys(line.rpartition("}")[0] for line in lines))
    assert series == sorted(series)
    assert lines[0].startswith('{__name__="')


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--match", "up"], 3),
        (["--match", "up", "--match", '{__name__="up"}'], 3),
        (["--match", 'up{instance="10.0.0.1:8080"}', "--match", 'up{instance="10.0.0.2:8080"}'], 2),
        (["--match", '{__name__=~".*"}', "--match", "up"], 78),
        (["--match", "nothing"], 0),
    ],
)
def test_series_that_pass_any_selector_are_dumped_once(capsys, arguments, count):
    """Selectors may say that all pass; those of one metric and of one series are joined."""
    records = [json.loads(line) for line in run(capsys, "dump", DATA, "--format", "json", *arguments)[1].splitlines()]
    labels = [tuple(each["metric"].items()) for each in records]

    assert len(set(labels)) == len(labels) == count
    assert labels == sorted(labels)


def test_both_ends_of_the_time_belong_to_it(capsys):
    """Samples at `--from` and at `--to` are dumped, those a millisecond beyond are not."""
    match = ["--match", 'up{instance="10.0.0.1:8080"}', "--format", "json"]
    times = json.loads(run(capsys, "dump", DATA, *match)[1])["timestamps"]
    start, end = times[3], times[9]
    part = json.loads(run(capsys, "dump", DATA, *match, "--from", start / 1000, "--to", end / 1000)[1])
    less = json.loads(run(capsys, "dump", DATA, *match, "--from", (start + 1) / 1000, "--to", (end - 1) / 1000)[1])

    assert part["timestamps"] == times[3:10]
    assert less["timestamps"] == times[4:9]


LABELS = {
    "plain": {"__name__": "m", "a": "b"},
    "escapes": {"__name__": "m", "a": 'say "x"\\n\n\ttab é 日本'},
    "utf-8 names": {"__name__": "my.metric", "with space": "v"},
    "sorted before the name": {"A": "x", "__name__": "m"},
}
VALUES = [0.0, -0.0, 1.0, 1e6, 1e21, 5e-324, 1.7976931348623157e308, 0.1, math.inf, -math.inf, math.nan]
DRIFTING = 1795412313117
"""A time that comes back a millisecond early when its three decimals are multiplied and cut off."""


@pytest.fixture
def peculiar(tmp_path):
    """A data directory of odd labels, values and times."""
    times = [-1500, -1, 0, 1, 999, 1001, *(DRIFTING + i for i in range(4 * len(VALUES)))]
    chunk = [(time, VALUES[i % len(VALUES)]) for i, time in enumerate(times)]
    writer.write_block(tmp_path / "peculiar", BLOCKS[0], [(labels, [chunk]) for labels in LABELS.values()])
    return tmp_path / "peculiar"


def test_an_openmetrics_dump_can_be_imported_again(capsys, tmp_path, peculiar):
    """All labels, values and times come back as they were, and the series of a metric stand together."""
    text = tmp_path / "dump.om"
    code, out, err = run(capsys, "dump", peculiar, "--format", "openmetrics")
    text.write_text(out, encoding="utf-8")
    assert (code, err) == (0, "")
    assert run(capsys, "create-blocks", "openmetrics", text, tmp_path / "out")[0] == 0
    names = [line.partition("{")[0] for line in out.splitlines()[:-1]]

    imported, given = everything(obsflow.open(tmp_path / "out")), everything(obsflow.open(peculiar))
    nan = writer.bits_of(float("nan"))
    canonical = {
        labels: [(t, 0x7FF8000000000001 if bits == nan else bits) for t, bits in s] for labels, s in given.items()
    }
    assert imported == canonical
    assert out.endswith("# EOF\n")
    assert sum(a != b for a, b in itertools.pairwise(names)) == len(set(names)) - 1


def test_what_openmetrics_cannot_say_is_left_out_and_told(capsys, tmp_path):
    """Stale markers would become ordinary NaNs; a series without a name has no line."""
    series = [({"__name__": "m"}, [[(1, 1.0), (2, float(STALE_NAN))]]), ({"a": "b"}, [[(1, 1.0)]])]
    writer.write_block(tmp_path, BLOCKS[0], series)
    code, out, err = run(capsys, "dump", tmp_path, "--format", "openmetrics")

    assert (code, out) == (0, "m 1 0.001\n# EOF\n")
    assert err.splitlines() == [
        "warning: 1 stale markers are left out: OpenMetrics has no word for them",
        "warning: 1 series are left out: OpenMetrics cannot name them",
    ]


def test_json_tells_all_values_apart(capsys, tmp_path):
    """Numbers are numbers; what JSON has none for are strings, stale markers by that name."""
    values = [1.5, float(STALE_NAN), math.nan, math.inf, -math.inf]
    writer.write_block(tmp_path, BLOCKS[0], [({"__name__": "m"}, [list(enumerate(values))])])
    record = json.loads(run(capsys, "dump", tmp_path, "--format", "json")[1])

    assert record == {
        "metric": {"__name__": "m"},
        "timestamps": [0, 1, 2, 3, 4],
        "values": [1.5, "stale", "NaN", "+Inf", "-Inf"],
    }


def test_an_incomplete_dump_says_so(capsys, data):
    """What can be read is printed; what cannot is named, and the exit code is 1."""
    flip(data / BLOCKS[0] / "chunks" / "000001", 100)
    code, out, err = run(capsys, "dump", data)

    assert code == 1
    assert len(out.splitlines()) == 37440 + 36192 - 120
    assert err.count("\n") == 1
    assert "checksum of a chunk does not match" in err


# -- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "/nowhere"], "/nowhere: expected a Prometheus data directory"),
        (["verify", "/nowhere"], "/nowhere: expected a Prometheus data directory"),
        (["repair", "/nowhere"], "/nowhere: expected a Prometheus data directory"),
        (["dump", "/nowhere"], "/nowhere: expected a Prometheus data directory"),
        (["dump", DATA, "--match", "sum(up)"], "1:1: parse error: expected a series selector and nothing else"),
        (["dump", DATA, "--match", "up{"], "1:4: parse error: "),
        (["stats", DATA, "--block", "X"], f"{DATA}: there is no block X; there are {BLOCKS[0]}, {BLOCKS[1]}, head"),
        (["create-blocks", "openmetrics", "/nowhere.om", "/nowhere"], "/nowhere.om: No such file or directory"),
        (["create-blocks", "rules", DATA, "/nowhere.yml", "/nowhere"], "/nowhere.yml: cannot be read"),
    ],
)
def test_errors_are_said_and_not_traced(capsys, arguments, message):
    """An error is one message on standard error and exit code 1."""
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (1, "")
    assert message in err


@pytest.mark.parametrize(
    "arguments",
    [[], ["dump"], ["list", DATA, "--limit", "2"], ["stats", DATA, "--limit", "-1"], ["create-blocks"],
     ["create-blocks", "openmetrics", "a", "b", "--label", "x"], ["dump", DATA, "--from", "noon"]],
)  # fmt: skip
def test_usage_errors(arguments):
    """What cannot be understood exits with 2, as is usual."""
    with pytest.raises(SystemExit) as caught:
        main(["tsdb", *map(str, arguments)])

    assert caught.value.code == 2


def test_times_come_back_as_they_were():
    """One in some hundred would be a millisecond early with three decimals: those have more."""
    times = [*range(-3000, 3000), *range(DRIFTING, DRIFTING + 3000), 253402300799999, -62135596800000]
    texts = [render_seconds(time) for time in times]
    body = "".join(f"m{i} 1 {text}\n" for i, text in enumerate(texts)) + "# EOF\n"

    assert parse_timed(body.encode()).times.tolist() == times
    assert max(len(text.partition(".")[2]) for text in texts) > 3
