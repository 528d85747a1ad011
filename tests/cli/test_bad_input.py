"""Bad input gets a clear error, and what was good is not lost."""

import json
import pathlib
import shutil

import pytest

from obsflow.cli.main import main

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"

MATCHER = '{"name": "alertname", "value": "HighLatency", "isRegex": false, "isEqual": true}'


@pytest.fixture
def capture(tmp_path):
    """A copy of the example that a test may damage."""
    return pathlib.Path(shutil.copytree(EXAMPLE, tmp_path / "capture"))


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("alertmanager.yml", "receiver: backend", "receiver: nobody", 'undefined receiver "nobody" used in route'),
        ("alertmanager.yml", "{{ .GroupLabels.alertname }}", "{{ .GroupLabels.alertname", "unclosed action"),
        ("alertmanager.yml", "severity = none", "severity is none", "bad matcher format"),
        ("alertmanager.yml", "group_wait: 30s", "group_wait: 30", 'not a valid duration string: "30"'),
        ("rules.yml", "for: 5m", "for: 5 minutes", 'unknown unit " minutes" in duration "5 minutes"'),
        ("rules.yml", "humanizePercentage", "humanisePercentage", 'function "humanisePercentage" not defined'),
        ("rules.yml", "sum by (endpoint)", "sum by (endpoint", "unexpected"),
        ("rules.yml", "expr: node_up == 0", "exprr: node_up == 0", 'did you mean "expr"?'),
        ("silences.json", MATCHER, "", "at least one matcher"),
        ("silences.json", "2026-09-21T11:40:00Z", "tomorrow", 'cannot parse "tomorrow" as a time'),
        ("prometheus.yml", "interval: 1m", "interval: never", 'not a valid duration string: "never"'),
        ("capture.yml", "compat: obsflow", "compat: nagios", 'unknown compat "nagios"'),
    ],
)  # fmt: skip
def test_configuration_errors_say_where(capsys, capture, file, old, new, message):
    """The file, the line, and what is wrong with it."""
    path = capture / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    code, out, err = run(capsys, "backtest", capture)

    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith(f"{path}:")
    assert err.split(":")[1].isdecimal()


def block_of(capture):
    return min((capture / "data").iterdir())


def test_a_truncated_segment_costs_its_chunks(capsys, capture):
    """The block opens, the chunks behind the cut are reported with file and offset, the other block is whole."""
    segment = block_of(capture) / "chunks" / "000001"
    segment.write_bytes(segment.read_bytes()[:20_000])
    code, out, err = run(
        capsys, "query", "--data", capture / "data", "count_over_time(up[5h])", "--format", "json"
    )  # fmt: skip
    values = [int(series["value"][1]) for series in json.loads(out)["result"]]

    assert code == 0
    assert f"{segment}: offset " in err
    assert len(values) == 3
    assert all(480 <= value <= 960 for value in values)


@pytest.mark.parametrize("at", [3, 200, -200, -10])
def test_a_wrong_index_checksum_is_reported(capsys, capture, at):
    """One flipped byte of an index is never silent, and the other block still answers."""
    index = block_of(capture) / "index"
    data = bytearray(index.read_bytes())
    data[at] ^= 0x40
    index.write_bytes(data)
    code, out, err = run(capsys, "query", "--data", capture / "data", "up", "--time", "2026-09-21T11:00:00Z")

    assert code == 0
    assert str(index) in err
    assert out.count("\n") == 4


def test_a_data_directory_without_anything_readable(capsys, capture):
    """Both blocks without a usable index: two problems, no data, and no trace."""
    for block in (capture / "data").iterdir():
        (block / "index").write_bytes(b"not an index")
    code, out, err = run(capsys, "query", "--data", capture / "data", "up", "--time", "2026-09-21T11:00:00Z")

    assert (code, out) == (0, "no data\n")
    assert err.count("index") >= 2
