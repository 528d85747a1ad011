"""`obsflow check`: what it prints, and with which code it ends."""

import json
import pathlib

import pytest
from tests.external import shared

from obsflow.cli.main import main
from obsflow.quality import CHECKS

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"

CLEAN = """\
groups:
- name: g
  rules:
  - alert: Slow
    expr: queue_depth > 100
    for: 5m
    labels: {severity: warning}
    annotations: {summary: s, runbook_url: u}
"""
FAULTY = CLEAN.replace("queue_depth > 100", "count(queue_depth) == 0")
NOTED = CLEAN.replace(", runbook_url: u", "")
BROKEN = """\
groups:
- name: g
  rules:
  - {alert: A, expr: "sum(", for: 5x}
  - {alert: B, expr: "up == 0", lables: {}}
"""
RESOURCE = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n" + "".join(
    f"  {line}\n" for line in FAULTY.splitlines()
)
ROUTES = """\
route:
  receiver: mail
  routes:
  - {matchers: [severity=warning], receiver: mail}
receivers:
- name: mail
  email_configs: [{to: a@example.com, from: b@example.com, smarthost: 'localhost:25'}]
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def run(capsys, *arguments):
    code = main(["check", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out


@pytest.mark.parametrize(
    ("text", "code", "last"),
    [
        (CLEAN, 0, "1 file: 0 errors, 0 warnings, 0 notes"),
        (NOTED, 3, "1 file: 0 errors, 0 warnings, 1 note"),
        (FAULTY, 3, "1 file: 0 errors, 1 warning, 0 notes"),
        (RESOURCE, 3, "1 file: 0 errors, 1 warning, 0 notes"),
        (BROKEN, 1, "1 file: 3 errors, 0 warnings, 0 notes"),
        ("", 0, "1 file: 0 errors, 0 warnings, 0 notes"),
        ("groups: [", 1, "1 file: 1 error, 0 warnings, 0 notes"),
    ],
)
def test_exit_codes(capsys, write, text, code, last):
    """0 if there is nothing, 3 for warnings and advice, 1 for what a server would refuse."""
    ended, out = run(capsys, "rules", write("rules.yml", text))

    assert (ended, out.splitlines()[-1]) == (code, last)


@pytest.mark.parametrize(
    ("text", "level", "code"),
    [(NOTED, "warning", 0), (NOTED, "note", 3), (FAULTY, "warning", 3), (FAULTY, "error", 0), (BROKEN, "error", 1)],
)
def test_less_severe_findings_can_be_left_out(capsys, write, text, level, code):
    """They are not said, and do not count."""
    ended, out = run(capsys, "rules", write("rules.yml", text), "--level", level)

    assert ended == code
    assert len(out.splitlines()) > 1 or code == 0


def test_findings_of_all_files_are_told_at_once(capsys, write):
    """What does not load does not hide what is wrong with the other files."""
    broken, faulty = write("a.yml", BROKEN), write("b.yml", FAULTY)
    code, out = run(capsys, "rules", broken, faulty, "/nowhere.yml")

    assert code == 1
    assert [line.split(": ")[0] for line in out.splitlines() if not line.startswith(" ")] == [
        "/nowhere.yml", f"{broken}:4:27", f"{broken}:4:35", f"{broken}:5:33", f"{faulty}:5:11", "3 files",
    ]  # fmt: skip
    assert "/nowhere.yml: error L001: The file cannot be read: No such file or directory." in out


def test_a_file_that_is_named_twice_is_read_once(capsys, write):
    """Its rules are not duplicates of themselves."""
    path = write("rules.yml", CLEAN)

    assert run(capsys, "rules", path, path) == (0, "1 file: 0 errors, 0 warnings, 0 notes\n")


def test_a_file_that_is_not_text(capsys, tmp_path):
    """Bytes that are not UTF-8 are an error of that file."""
    path = tmp_path / "rules.yml"
    path.write_bytes(b"groups: \xff")
    code, out = run(capsys, "rules", path)

    assert (code, "is not UTF-8 at byte 8" in out) == (1, True)


def test_a_line_and_its_fix(capsys, write):
    """As compilers say it, with the advice below."""
    path = write("rules.yml", FAULTY)
    _, out = run(capsys, "rules", path)

    assert out.splitlines()[:2] == [
        f"{path}:5:11: warning X103 Slow: `==` is never true: the left side is 1 or more, the right side 0.",
        "    Where there is nothing to count there is no result: write `absent(queue_depth)`.",
    ]


@pytest.mark.parametrize("codes", ["X103", "x103", "never-true", "X101,X103", "all"])
def test_codes_can_be_disabled(capsys, write, codes):
    """By code or by name, several at once."""
    if codes == "all":
        path = write("rules.yml", "# obsflow: disable-file=all\n" + FAULTY)
        assert run(capsys, "rules", path)[0] == 0
    else:
        assert run(capsys, "rules", write("rules.yml", FAULTY), "--disable", codes)[0] == 0


def test_errors_cannot_be_disabled(capsys, write):
    """What a server refuses stays an error."""
    text = "# obsflow: disable-file=all\n" + BROKEN

    assert run(capsys, "rules", write("rules.yml", text))[0] == 1


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "rules"], ["check", "rules", "x", "--disable", "X999"], ["check", "capture"]]
)
def test_usage_errors(arguments, capsys):
    """What cannot be understood exits with 2."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_the_list_has_every_check(capsys):
    """One line a check."""
    code, out = run(capsys, "--list")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [check.code for check in CHECKS]


def test_severities_can_be_given(capsys, write):
    """What is known is an option."""
    path = write("rules.yml", CLEAN)

    assert run(capsys, "rules", path, "--severities", "high,low")[0] == 3
    assert run(capsys, "rules", path, "--severities", "high, warning")[0] == 0


def test_intervals_can_be_given(capsys, write):
    """A range is compared with the scrape interval, `for` with that of the evaluation."""
    path = write("rules.yml", CLEAN.replace("queue_depth >", "rate(queue_depth_total[1m]) >"))
    code, out = run(capsys, "rules", path, "--scrape-interval", "1m", "--interval", "10m")

    assert code == 3
    assert sorted(line.split(" ")[2] for line in out.splitlines() if ".yml:" in line) == ["G305", "G306", "X115"]


def test_json(capsys, write):
    """One object with the findings, their counts, and the reviews if they are asked for."""
    path = write("rules.yml", FAULTY)
    code, out = run(capsys, "rules", path, "--format", "json", "--quality")
    data = json.loads(out)

    assert code == 3
    assert data["counts"] == {"error": 0, "warning": 1, "note": 0}
    assert data["findings"] == [{
        "severity": "warning", "name": "never-true", "code": "X103", "source": str(path), "line": 5, "column": 11,
        "subject": "Slow", "message": "`==` is never true: the left side is 1 or more, the right side 0.",
        "fix": "Where there is nothing to count there is no result: write `absent(queue_depth)`.",
    }]  # fmt: skip
    (review,) = data["reviews"]
    assert (review["outcome"], review["provisional"], review["open"]) == (None, "refine", ["AQ1", "AQ2", "AQ3"])
    assert review["answers"]["AQ4"]["value"] is False


def test_quality_is_a_table(capsys, write):
    """An answer a column, the outcome, and why."""
    answers = write("answers.yml", "alerts: {Slow: {immediate: yes, automatable: no, actionable: yes}}")
    _, out = run(capsys, "rules", write("rules.yml", CLEAN), "--quality", "--answers", answers)
    lines = out.splitlines()

    assert lines[1].split() == ["ALERT", *(f"AQ{i}" for i in range(1, 7)), "OUTCOME", "WHY"]
    assert lines[2].split() == ["Slow", "yes", "no", "yes", "yes", "yes", "yes", "deploy"]


def test_routes_by_themselves_and_with_rules(capsys, write):
    """The rules' alerts make more findings possible."""
    routes, rules = write("alertmanager.yml", ROUTES), write("rules.yml", CLEAN.replace("warning", "critical"))

    assert run(capsys, "alertmanager", routes)[0] == 0
    code, out = run(capsys, "alertmanager", routes, "--rules", rules)
    assert (code, "M506" in out) == (3, True)
    code, out = run(capsys, "rules", rules, "--alertmanager", routes)
    assert (code, "M506" in out) == (3, True)


def test_routes_that_do_not_load(capsys, write):
    """The place is that of the mistake."""
    path = write("alertmanager.yml", ROUTES.replace("[severity=warning], receiver: mail", "[a=b], receiver: nobody"))
    code, out = run(capsys, "alertmanager", path)

    assert code == 1
    assert out.startswith(f"{path}:4:23: error L001 route.routes[0]: Undefined receiver ")


def test_rules_against_data(capsys, write):
    """What the data does not have is told."""
    path = write("rules.yml", CLEAN)
    code, out = run(capsys, "rules", path, "--data", EXAMPLE / "data")

    assert (code, "D401" in out) == (3, True)


def test_data_that_is_none(capsys, write):
    """The rules are reviewed all the same."""
    path = write("rules.yml", FAULTY)
    code, out = run(capsys, "rules", path, "--data", path.parent)

    assert code == 1
    assert f"{path.parent}: error L001: Expected a Prometheus data directory" in out
    assert "X103" in out


def test_a_capture(capsys):
    """Rules, routes and data together; the backtest goes into the review."""
    code, out = run(capsys, "capture", EXAMPLE, "--quality")

    assert code == 3
    assert out.splitlines()[-1] == "4 files: 0 errors, 0 warnings, 4 notes"
    assert "HighErrorRate  ?    ?    ?    yes  yes  yes  open, or deploy" in out


def test_a_capture_whose_rules_are_broken(capsys, tmp_path, write):
    """Nothing is replayed; everything that is wrong is told."""
    write("prometheus.yml", "rule_files: [rules.yml, gone.yml]")
    write("rules.yml", BROKEN)
    write("alertmanager.yml", ROUTES)
    (tmp_path / "data").symlink_to(EXAMPLE / "data")
    code, out = run(capsys, "capture", tmp_path, "--quality")

    assert code == 1
    assert out.count("error L001") == 4
    assert "no alerts" in out


def test_the_recorded_incidents(capsys):
    """A rule that divides series by series, routes that take too much; in compressed time less counts as flapping."""
    code, out = run(capsys, "capture", shared("captures", "payment-incidents"), "--quality", "--format", "json")
    data = json.loads(out)

    assert code == 3
    assert [(each["code"], each["subject"]) for each in data["findings"] if each["severity"] == "warning"] == [
        ("M502", '{team="backend"}'),
        ("M502", '{team="frontend"}'),
        ("X101", "HighErrorRateAsWritten"),
        ("A211", "ClusterDown"),
    ]
    unclear = [each["alert"] for each in data["reviews"] if each["answers"]["AQ4"]["value"] is False]
    assert unclear == ["HighErrorRateAsWritten", "ClusterDown"]
