"""`obsflow tsdb create-blocks`: from a text, and from rules over history."""

import json
import pathlib

import numpy as np
import pytest
from tests.tsdb.contents import everything

import obsflow
from obsflow.cli.main import main

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"
DATA = EXAMPLE / "data"
BLOCKS = sorted(path.name for path in DATA.iterdir())


def run(capsys, *arguments):
    code = main(["tsdb", *map(str, arguments)])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ('a{b="c"} 1 1\na{b="c" 2\n# EOF\n', ["2:8: expected `,` or `}` after the label value"]),
        ("a 1 1\n", ["2:1: expected `# EOF` at the end"]),
        (
            "a 1\nb 2 1\nb 3 1.0\nb 2 1\n# EOF\n",
            ["1:1: sample has no time", "3:1: the series has another value at 1000 ms"],
        ),
    ],
)  # fmt: skip
def test_every_line_that_cannot_be_taken_is_named(capsys, tmp_path, text, messages):
    """And no block is written."""
    file = tmp_path / "text"
    file.write_text(text)
    code, out, err = run(capsys, "create-blocks", "openmetrics", file, tmp_path / "out")

    assert (code, out) == (1, "")
    assert err.splitlines() == [f"{file}:{message}" for message in messages]
    assert not (tmp_path / "out").exists()


def test_samples_of_a_text_go_into_aligned_blocks(capsys, tmp_path):
    """In any order, the same one twice; with labels added, and blocks as long as wanted."""
    file = tmp_path / "text"
    file.write_text("a 3 7200\nb 1 7199.999\na 1 0\na 2 3600\na 2 3600\n# EOF\n")
    whole = json.loads(
        run(capsys, "create-blocks", "openmetrics", file, tmp_path / "x", "--label", "dc=eu", "--format", "json")[1]
    )
    hourly = json.loads(
        run(capsys, "create-blocks", "openmetrics", file, tmp_path / "y", "--block-duration", "1h", "--format", "json")[
            1
        ]
    )

    assert [(each["min_time"], each["max_time"], each["samples"]) for each in whole] == [
        (0, 7_200_000, 3), (7_200_000, 7_200_001, 1),
    ]  # fmt: skip
    assert [each["samples"] for each in hourly] == [1, 2, 1]
    assert {str(labels) for labels in everything(obsflow.open(tmp_path / "x"))} == {'a{dc="eu"}', 'b{dc="eu"}'}
    assert run(capsys, "verify", tmp_path / "x")[0] == 0


def test_a_text_without_samples_makes_no_block(capsys, tmp_path):
    """That is no error."""
    (tmp_path / "text").write_text("# TYPE a counter\n# EOF\n")

    assert run(capsys, "create-blocks", "openmetrics", tmp_path / "text", tmp_path / "out") == (
        0, "no samples, no blocks\n", "",
    )  # fmt: skip


def test_rules_over_history(capsys, tmp_path):
    """What a backtest writes is what the blocks hold: recorded series, `ALERTS`, and since when."""
    span = ["--from", "2026-09-21T10:00:00Z", "--to", "2026-09-21T12:00:00Z"]
    code, out, err = run(capsys, "create-blocks", "rules", DATA, EXAMPLE / "rules.yml", tmp_path, *span)
    found = everything(obsflow.open(tmp_path))
    names = {labels["__name__"] for labels in found}

    assert (code, err) == (0, "")
    assert {"ALERTS", "ALERTS_FOR_STATE"} < names
    assert str(sum(map(len, found.values()))) in out.split()
    times = np.concatenate([[time for time, _ in samples] for samples in found.values()])
    assert 1789984800000 <= times.min() < times.max() <= 1789992000000
    assert run(capsys, "verify", tmp_path)[0] == 0


def test_rules_that_fail_are_told(capsys, tmp_path):
    """Each reason once, with how often; what the others write is there."""
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, interval: 5m, rules: "
        "[{record: 'good', expr: 'sum(up)'}, {record: 'bad', expr: 'up + on(job) up'}]}]"
    )
    code, _, err = run(capsys, "create-blocks", "rules", DATA, rules, tmp_path / "out")

    assert code == 0
    assert err.startswith("warning: bad could not be evaluated: ")
    assert err.count("\n") == 1
    assert " times)" in err
    assert {str(labels) for labels in everything(obsflow.open(tmp_path / "out"))} == {"good"}
