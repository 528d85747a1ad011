"""`obsflow investigate`, and the reports of `obsflow backtest`: what they print and write, and how they fail."""

import json
import pathlib

import pytest

from obsflow.cli.main import main

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"
WINDOW = ("--from", "2026-09-21T09:10:00Z", "--to", "2026-09-21T09:28:00Z")
INCIDENTS = """
users: [{name: ada, contact_methods: [{name: app, kind: push}]}]
policies: [{name: p, levels: [{targets: [{user: ada}]}]}]
services: [{name: on-call, policy: p}]
"""


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def files(tmp_path):
    """Logs, spans and deploys of the bad release."""
    at = 1789981860  # 09:11
    log = {"severity": "error", "service": "checkout", "body": "cannot reach redis"}
    (tmp_path / "logs.jsonl").write_text("\n".join(json.dumps({**log, "time": (at + n) * 1000}) for n in range(20)))
    span = {"trace_id": "t", "span_id": "s", "name": "n", "start_ns": at * 10**9, "end_ns": at * 10**9 + 5}
    (tmp_path / "spans.jsonl").write_text(json.dumps(span))
    (tmp_path / "deploys.jsonl").write_text('{"time": "2026-09-21T09:09:30Z", "service": "checkout", "version": "v2"}')
    (tmp_path / "bad.jsonl").write_text('{"time": "soon"}\n{!}\n')
    (tmp_path / "incidents.yml").write_text(INCIDENTS)
    return tmp_path


def test_the_likely_cause_is_printed(capsys):
    """From the metrics alone."""
    code, out, err = run(capsys, "investigate", EXAMPLE, *WINDOW)

    assert (code, err) == (0, "")
    assert out.splitlines()[1:4] == [
        "The trouble began at 2026-09-21T09:10:30Z.",
        "",
        "Likely cause: checkout (0.49; metrics; nothing else confirms it).",
    ]


def test_logs_traces_and_deploys_count_too(capsys, files):
    """As JSON, with a name by which a component is known."""
    code, out, _ = run(
        capsys, "investigate", EXAMPLE / "data", *WINDOW, "--logs", files / "logs.jsonl",
        "--traces", files / "spans.jsonl", "--deploys", files / "deploys.jsonl", "--name", "cache=redis,memcached",
        "--format", "json",
    )  # fmt: skip
    found = json.loads(out)

    assert code == 0
    assert found["looked_at"] == {"series": 36, "logs": 20, "traces": 1}
    assert [each["subject"] for each in found["hypotheses"]] == ["checkout", "cache"]
    assert found["slowest_trace"]["trace_id"] == "t"
    assert {item["kind"] for item in found["hypotheses"][0]["evidence"]} == {"metrics", "logs", "deploy event"}
    assert found["deploys"] == [{"time": "2026-09-21T09:09:30Z", "service": "checkout", "version": "v2"}]


def test_without_times_it_is_the_last_half_hour(capsys):
    """Beside the half hour before."""
    code, out, _ = run(capsys, "investigate", EXAMPLE, "--format", "json")
    found = json.loads(out)

    assert code == 0
    assert found["baseline"]["end"] == found["during"]["start"] == "2026-09-21T11:29:53.618Z"


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["--logs", "bad.jsonl", "--deploys", "bad.jsonl", "--traces", "none.jsonl"],
         ["bad.jsonl:2:2: not JSON", "bad.jsonl:1:1: time: expected ms", "bad.jsonl:1:1: service: required",
          "none.jsonl: cannot be read: No such file"]),
    ],
)  # fmt: skip
def test_every_problem_of_every_file_is_said(capsys, files, arguments, messages):
    """With file, line and column; exit code 1."""
    paths = [files / each if each.endswith("jsonl") else each for each in arguments]
    code, out, err = run(capsys, "investigate", EXAMPLE, *WINDOW, *paths)

    assert (code, out) == (1, "")
    assert [message for message in messages if message not in err] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["investigate", EXAMPLE, "--from", "2027-01-01T00:00:00Z"],
        ["investigate", EXAMPLE, "--from", "2020-01-01T00:00:00Z"],
        ["investigate", EXAMPLE, "--name", "x"],
        ["investigate"],
        ["backtest", EXAMPLE, "--reports", "x"],
        ["backtest", EXAMPLE, "--reviews", "x"],
    ],
)
def test_usage_errors(arguments):
    """What cannot be done as it was asked exits with 2."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])

    assert caught.value.code == 2


def test_a_backtest_writes_a_report_of_every_incident(capsys, files):
    """Markdown and JSON, with what people say."""
    (files / "reviews.yml").write_text(
        "incidents: [{incident: 1, notes: [{at: 2026-09-21T09:20:00Z, by: ada, kind: decision, text: roll back}],"
        " analysis: {impact: payments failed}}]"
    )
    code, out, err = run(
        capsys, "backtest", EXAMPLE, "--incidents", files / "incidents.yml", "--acknowledged-after", "1m",
        "--reports", files / "new" / "reports", "--reviews", files / "reviews.yml",
        "--deploys", files / "deploys.jsonl",
    )  # fmt: skip
    written = sorted(path.name for path in (files / "new" / "reports").iterdir())
    report = json.loads((files / "new" / "reports" / "incident-1.json").read_text())

    assert (code, err) == (0, "")
    assert written == ["incident-1.json", "incident-1.md", "incident-2.json", "incident-2.md"]
    assert report["investigation"]["cause"] == "checkout"
    assert report["impact"] == "payments failed"
    assert (report["times"]["deployed"], report["times"]["decided"]) == ("2026-09-21T09:09:30Z", "2026-09-21T09:20:00Z")
    assert "roll back" in (files / "new" / "reports" / "incident-1.md").read_text()
    assert "#1 HighErrorRate (cluster=eu1)  Likely cause: checkout (" in out
