"""`obsflow backtest` beyond who was paged: figures, faults, what if; and `obsflow explain`."""

import json
import pathlib

import pytest

from obsflow.cli.main import main

CAPTURE = str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident")
DAY = "2026-09-21T"


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "faults.jsonl"
    lines = [
        {"name": "bad deploy", "start": f"{DAY}09:10:00Z", "end": f"{DAY}09:31:00Z", "alerts": ["HighErrorRate"]},
        {"name": "lost node", "start": f"{DAY}10:30:00Z", "end": f"{DAY}10:43:00Z"},
        {"name": "nobody noticed", "start": f"{DAY}11:45:00Z", "end": f"{DAY}11:50:00Z"},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path)


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_faults(faults, capsys, tmp_path):
    """Detected, missed and false, with the time that it took."""
    out = tmp_path / "summary.jsonl"
    assert main(["backtest", CAPTURE, "--faults", faults, "--summary", str(out)]) == 0

    printed = capsys.readouterr().out
    assert "2 of 3 faults detected" in printed
    found = {each["name"]: each for each in records(out) if each["kind"] == "fault"}
    assert {name: each["detected"] for name, each in found.items()} == {
        "bad deploy": True,
        "lost node": True,
        "nobody noticed": False,
    }
    deploy = found["bad deploy"]
    assert list(deploy["alerts"]) == ["HighErrorRate"]
    assert deploy["start"] < deploy["detected_at"] < deploy["told_at"] < deploy["end"]
    false = {each["rule"] for each in records(out) if each["kind"] == "false firing"}
    assert false == {"HighLatency"}


def test_figures_of_rules_and_receivers(capsys, tmp_path):
    """One record each, with durations in seconds."""
    out = tmp_path / "summary.jsonl"
    assert main(["backtest", CAPTURE, "--summary", str(out)]) == 0
    capsys.readouterr()

    rules = {each["rule"]: each for each in records(out) if each["kind"] == "rule"}
    receivers = {each["receiver"]: each for each in records(out) if each["kind"] == "receiver"}
    assert rules["HighErrorRate"]["firing_seconds"] == 16 * 60
    assert rules["HighErrorRate"]["pages"] == {"on-call": 1, "backend": 1}
    assert rules["InstanceDown"]["pages"] == {}
    assert sum(receivers["backend"]["by_hour"]) == receivers["backend"]["notifications"] == 4
    assert receivers["backend"]["busiest_hour"]["notifications"] == 4


def test_sweep(capsys, tmp_path):
    """A block of rows for each alert, the rules as they are first."""
    out = tmp_path / "summary.jsonl"
    arguments = ["backtest", CAPTURE, "--sweep", "HighErrorRate:for=0s,10m", "--summary", str(out)]
    assert main(arguments) == 0

    printed = capsys.readouterr().out
    assert "HighErrorRate:for=10m" in printed
    fired = {
        each["variation"]: each["firing_seconds"]
        for each in records(out)
        if each["kind"] == "variation" and each["rule"] == "HighErrorRate"
    }
    assert fired == {
        "as it is": 16 * 60.0,
        "HighErrorRate:for=0s": 21 * 60.0,
        "HighErrorRate:for=10m": 11 * 60.0,
    }


INCIDENTS = """
users:
- {name: ada, contact_methods: [{name: app, kind: push}]}
- {name: bob, contact_methods: [{name: app, kind: push}]}
policies: [{name: p, levels: [{targets: [{user: ada}]}, {targets: [{user: bob}]}]}]
services: [{name: on-call, policy: p}]
"""


def test_incidents(capsys, tmp_path):
    """Nobody acknowledges for five minutes, and the next one is paged; unless somebody does."""
    path = tmp_path / "incidents.yml"
    path.write_text(INCIDENTS)
    assert main(["backtest", CAPTURE, "--incidents", str(path)]) == 0
    alone = capsys.readouterr().out
    assert main(["backtest", CAPTURE, "--incidents", str(path), "--acknowledged-after", "2m"]) == 0
    answered = capsys.readouterr().out

    assert (
        "2026-09-21T09:21:53Z  #1 HighErrorRate (cluster=eu1)  bob  push, level 2  nobody acknowledged in time" in alone
    )
    assert "2026-09-21T09:18:53Z  #1 HighErrorRate (cluster=eu1)  ada  acknowledged" in answered
    assert "bob" not in answered


def test_html(faults, capsys, tmp_path):
    """A page with every alert, the faults, and the variations."""
    out = tmp_path / "page.html"
    assert main(["backtest", CAPTURE, "--faults", faults, "--sweep", "for=1m", "--html", str(out)]) == 0
    capsys.readouterr()

    page = out.read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    for text in ("HighErrorRate", "bad deploy", "for=1m", "first notification"):
        assert text in page


@pytest.mark.parametrize("text", ["for", "fur=1m", "for=never", "threshold=high"])
def test_what_is_no_sweep_is_an_error_of_usage(text, capsys):
    """With the fields that there are, or the value that is none."""
    with pytest.raises(SystemExit) as caught:
        main(["backtest", CAPTURE, "--sweep", text])

    assert caught.value.code == 2
    assert "--sweep" in capsys.readouterr().err


def test_faults_that_cannot_be_read_are_problems(tmp_path, capsys):
    """Each with its line."""
    path = tmp_path / "faults.jsonl"
    path.write_text('{"start": 1}\n{"begin": 1}\n')

    assert main(["backtest", CAPTURE, "--faults", str(path)]) == 1
    assert f"{path}:2:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("alert", "time", "said"),
    [
        ("HighErrorRate", "08:30:00", ["inactive", "> 0.05 holds for none of its values"]),
        ("HighErrorRate", "09:13:00", ["pending since", "fires at 2026-09-21T09:16:43.654Z"]),
        ("HighErrorRate", "09:16:50", ["firing since", "waiting to be told to on-call", "group_wait"]),
        ("HighErrorRate", "09:17:30", ["told on-call (pagerduty)", "first notification", "held for 5m"]),
        ("HighErrorRate", "09:25:00", ["nothing new", "repeated from"]),
        ("HighErrorRate", "09:50:00", ["resolved since", "condition no longer true"]),
        ("InstanceDown", "10:35:00", ["kept from backend", "inhibited by", "NodeDown"]),
        ("HighLatency", "11:20:00", ["kept from backend", "silenced by"]),
        ("HighLatency", "09:34:00", ["kept firing since", "kept firing for up to 3m"]),
        ('HighErrorRate{endpoint="/cart"}', "09:25:00", ["inactive"]),
        ("Watchdog", "07:00:00", ["not evaluated yet"]),
    ],
)
def test_explain(alert, time, said, capsys):
    """What was so then, and why."""
    assert main(["explain", alert, CAPTURE, "--at", f"{DAY}{time}Z"]) == 0

    printed = capsys.readouterr().out
    assert [text for text in said if text not in printed] == []


def test_explain_as_json(capsys):
    """The same as data."""
    assert main(["explain", "InstanceDown", CAPTURE, "--at", f"{DAY}10:35:00Z", "--format", "json"]) == 0

    (rule,) = json.loads(capsys.readouterr().out)
    (alert,) = rule["alerts"]
    (telling,) = alert["tellings"]
    assert (rule["alert"], rule["for"], alert["state"]) == ("InstanceDown", 60.0, "firing")
    assert rule["asked_at"] == 1789986900.0
    assert telling["looked_at"] - alert["transition"]["time"] == 30.0
    assert alert["transition"]["reason"] == "held for 1m"
    assert (telling["outcome"], telling["muted_by"]["kind"]) == ("muted", "Inhibited")
    assert rule["condition"]["threshold"] == ["==", 0.0]


def test_explain_an_alert_that_does_not_exist(capsys):
    """An error with its name."""
    assert main(["explain", "Nothing", CAPTURE, "--at", f"{DAY}10:00:00Z"]) == 1
    assert "no alerting rule is named Nothing" in capsys.readouterr().err


@pytest.mark.parametrize("alert", ["{", "{}", '{a="b"}', "x y"])
def test_explain_wants_the_name_of_an_alert(alert, capsys):
    """And says what is wrong with what it was given."""
    with pytest.raises(SystemExit) as caught:
        main(["explain", alert, CAPTURE, "--at", "0"])

    assert caught.value.code == 2
    assert "name one alert" in capsys.readouterr().err
