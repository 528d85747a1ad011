"""The commands: what they print, what they write, how they fail."""

import json
import pathlib

import pytest

from obsflow.cli.main import main

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"
DATA = str(EXAMPLE / "data")


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_instant_query_as_a_table(capsys):
    """One line a series, with its time and value."""
    code, out, err = run(capsys, "query", "--data", DATA, "sum(up)", "--time", "2026-09-21T10:35:00Z")

    assert (code, err) == (0, "")
    assert out.splitlines() == ["SERIES  TIME                  VALUE", "{}      2026-09-21T10:35:00Z  2"]


def test_range_query_as_json(capsys):
    """The data object of the HTTP API; times are seconds, RFC 3339 or epoch."""
    code, out, _ = run(
        capsys, "query", "--data", DATA, "sum(up)", "--format", "json",
        "--start", "2026-09-21T10:29:00Z", "--end", "1789986720", "--step", "1m",
    )  # fmt: skip

    assert code == 0
    assert json.loads(out) == {
        "resultType": "matrix",
        "result": [
            {"metric": {}, "values": [[1789986540, "3"], [1789986600, "3"], [1789986660, "2"], [1789986720, "2"]]}
        ],
    }


def test_query_without_a_time_asks_at_the_newest_sample(capsys):
    """The default is what a person wants to see first."""
    code, out, _ = run(capsys, "query", "--data", DATA, 'up{instance="10.0.0.3:8080"}')

    assert code == 0
    assert out.splitlines()[1].endswith(" 1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["query", "--data", DATA, "sum(up"], "1:7: parse error: "),
        (["query", "--data", DATA, "up", "--timeout", "0s"], "query timed out in expression evaluation (after "),
        (["query", "--data", "/nowhere", "up"], "/nowhere: expected a Prometheus data directory"),
        (["backtest", "/nowhere"], "/nowhere: expected a Prometheus data directory"),
        (["backtest", EXAMPLE, "--alerts", "/nowhere/a.jsonl"], "/nowhere/a.jsonl: No such file or directory"),
        (["backtest", EXAMPLE, "--rules", "/nowhere.yml"], "/nowhere.yml: cannot be read: No such file or directory"),
    ],
)
def test_errors_are_said_and_not_traced(capsys, arguments, message):
    """An error is one message on standard error and exit code 1."""
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (1, "")
    assert message in err


@pytest.mark.parametrize(
    "arguments", [["backtest"], ["query", "up"], ["query", "--data", "x", "up", "--time", "noon"], []]
)
def test_usage_errors(arguments):
    """What cannot be understood exits with 2, as is usual."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2


def test_every_problem_of_every_file_is_reported(capsys, tmp_path):
    """Three mistakes in a rules file and one in the routes: four lines, each with its place."""
    rules = tmp_path / "rules.yml"
    text = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'up ==', four: 5m}\n  - {record: b, expr: up, for: 1m}\n"
    rules.write_text(text)
    routes = tmp_path / "am.yml"
    routes.write_text("route: {receiver: nobody}\nreceivers: [{name: somebody}]\n")
    code, _, err = run(capsys, "backtest", EXAMPLE, "--rules", rules, "--alertmanager", routes)
    places = [line.split(": ")[0] for line in err.splitlines() if line.startswith(str(tmp_path))]
    fourth, fifth = text.splitlines()[3:]

    assert code == 1
    assert places == [
        f"{rules}:4:{fourth.index('==') + 3}",
        f"{rules}:4:{fourth.index('four') + 1}",
        f"{rules}:5:{fifth.index('for:') + 1}",
        f"{routes}:1:9",
    ]


def test_relabelling_that_is_not_applied_is_said(capsys, tmp_path):
    """Alerts would leave with other labels: no silent difference."""
    prometheus = tmp_path / "prometheus.yml"
    prometheus.write_text(
        "alerting: {alert_relabel_configs: [{action: labeldrop, regex: replica}]}\nrule_files: [r.yml]"
    )
    (tmp_path / "r.yml").write_text("groups: []")
    code, _, err = run(capsys, "backtest", EXAMPLE, "--prometheus", prometheus)

    assert code == 0
    assert err.startswith("warning: alerting.alert_relabel_configs is not applied")


def test_backtest_writes_what_it_is_asked_for(capsys, tmp_path):
    """Notifications, alerts and requests, one JSON object a line, with the promised fields."""
    names = ("notifications", "alerts", "requests")
    outputs = {name: tmp_path / f"{name}.jsonl" for name in names}
    code, out, err = run(capsys, "backtest", EXAMPLE, *(a for n in names for a in (f"--{n}", outputs[n])))
    notifications, alerts, requests = (
        [json.loads(line) for line in outputs[name].read_text(encoding="utf-8").splitlines()] for name in names
    )

    assert (code, err) == (0, "")
    assert "12 notifications" in out
    assert len(notifications) == len(requests) == 12
    assert set(notifications[0]) == {
        "time", "receiver", "integration", "index", "group_key", "status", "reason", "alerts",
    }  # fmt: skip
    assert set(notifications[0]["alerts"][0]) == {"labels", "annotations", "status", "starts_at", "ends_at"}
    assert set(alerts[0]) == {"time", "rule", "labels", "from", "to", "value", "reason"}
    assert set(requests[0]) == {"time", "receiver", "integration", "index", "method", "url", "headers", "body"}
    assert [n["time"] for n in notifications] == sorted(n["time"] for n in notifications)


def test_parts_can_be_given_one_by_one(capsys):
    """Without a capture the same files give the same report."""
    whole = run(capsys, "backtest", EXAMPLE)
    parts = run(
        capsys, "backtest", "--data", DATA, "--prometheus", EXAMPLE / "prometheus.yml",
        "--alertmanager", EXAMPLE / "alertmanager.yml", "--silences", EXAMPLE / "silences.json",
    )  # fmt: skip

    assert parts == whole


def test_a_stretch_of_the_data(capsys):
    """`--start` and `--end` bound what is evaluated; without an Alertmanager configuration nobody is told."""
    code, out, _ = run(
        capsys, "backtest", "--data", DATA, "--rules", EXAMPLE / "rules.yml",
        "--start", "2026-09-21T10:25:00Z", "--end", "2026-09-21T10:45:00Z",
    )  # fmt: skip

    assert code == 0
    assert out.startswith("2026-09-21T10:25:00Z to 2026-09-21T10:45:00Z, 140 evaluations, 0 notifications")
    assert "NodeDown" in out
