"""`obsflow test rules`: what it prints, what it writes, and how it ends."""

import json
import xml.etree.ElementTree as ET

import pytest

from obsflow.cli.main import main

RULES = """
groups:
- name: g
  rules:
  - {alert: Down, expr: up == 0, for: 1m, labels: {severity: page}}
  - {record: ups, expr: sum(up)}
"""
TESTS = """\
rule_files: [rules.yml]
tests:
- name: good
  input_series: [{series: up, values: 1 0x9}]
  alert_rule_test: [{eval_time: 2m, alertname: Down, exp_alerts: [{exp_labels: {severity: page}}]}]
- name: bad <&>
  input_series: [{series: up, values: 1 0x9}]
  alert_rule_test: [{eval_time: 1m, alertname: Down, exp_alerts: [{exp_labels: {severity: page}}]}]
- input_series: [{series: h, values: '{{count:1}}'}]
  promql_expr_test: [{expr: h}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "tests.yml").write_text(TESTS, encoding="utf-8")
    return tmp_path


def run(capsys, *arguments):
    code = main(["test", "rules", *arguments])
    return code, *capsys.readouterr()


@pytest.mark.usefixtures("folder")
def test_success(capsys):
    """A count, and nothing else; what is skipped is counted only where there is any."""
    assert run(capsys, "tests.yml", "--run", "good") == (0, "1 passed, 0 failed\n", "")


@pytest.mark.usefixtures("folder")
def test_failures_are_printed(capsys):
    """With the test they are in, the place of the expectation, and what the rule did instead."""
    code, out, err = run(capsys, "tests.yml")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "FAILED tests.yml:6 bad <&>",
        "  tests.yml:8: Down at 1m: expected 1 firing, got 0",
        '      - missing    {alertname="Down", severity="page"}',
        "          it is pending since 1m: true for 0s of 1m",
        "SKIPPED tests.yml:9",
        "  tests.yml:10: selects native histograms: h, which are not evaluated",
        "1 passed, 1 failed, 1 skipped",
    ]


def test_json(capsys, folder):
    """One object a line for each test, and with coverage one of all rules behind them."""
    run(capsys, "tests.yml", "--json", "out.json", "--coverage")
    *tests, last = map(json.loads, (folder / "out.json").read_text(encoding="utf-8").splitlines())
    assert [(each["file"], each["line"], each["name"], each["outcome"]) for each in tests] == [
        ("tests.yml", 3, "good", "passed"),
        ("tests.yml", 6, "bad <&>", "failed"),
        ("tests.yml", 9, "", "skipped"),
    ]
    assert tests[1]["message"].startswith("tests.yml:8: Down at 1m")
    assert last["coverage"] == [
        {
            "file": "rules.yml",
            "line": 5,
            "group": "g",
            "kind": "alert",
            "rule": "Down",
            "runs": 3,
            "had_samples": True,
            "failed": False,
            "taken": ["pending", "fired"],
            "missing": ["pending ended", "resolved"],
        },
        {
            "file": "rules.yml",
            "line": 6,
            "group": "g",
            "kind": "record",
            "rule": "ups",
            "runs": 3,
            "had_samples": True,
            "failed": False,
            "taken": [],
            "missing": [],
        },
    ]


@pytest.mark.usefixtures("folder")
def test_coverage(capsys):
    """A table and a total, before the count."""
    _, out, _ = run(capsys, "tests.yml", "--run", "good", "--coverage")
    assert out.splitlines() == [
        "",
        "RULE  AT           SAMPLES  TAKEN           NOT TAKEN",
        "Down  rules.yml:5  yes      pending, fired  pending ended, resolved",
        "ups   rules.yml:6  yes      -               -",
        "2 of 2 rules had samples, 2 of 4 transitions taken",
        "1 passed, 0 failed",
    ]


@pytest.mark.usefixtures("folder")
def test_coverage_of_nothing(capsys):
    """Rules that no test loaded are not known."""
    assert run(capsys, "tests.yml", "--run", "none", "--coverage")[1] == "no rules were loaded\n0 passed, 0 failed\n"


def test_junit(capsys, folder):
    """A suite for each file and a case for each test, whatever characters are in them."""
    (folder / "noise.yml").write_text('tests: [{name: "a\\x01b"}]', encoding="utf-8")
    run(capsys, "tests.yml", "noise.yml", "--junit", "out.xml")
    root = ET.fromstring((folder / "out.xml").read_text(encoding="utf-8"))
    suites = [
        (suite.attrib["name"], *(suite.attrib[key] for key in ("tests", "failures", "skipped"))) for suite in root
    ]
    cases = [(case.attrib["name"], [child.tag for child in case]) for case in root.iter("testcase")]
    assert suites == [("tests.yml", "3", "1", "1"), ("noise.yml", "1", "0", "0")]
    assert cases == [("good", []), ("bad <&>", ["failure"]), ("line 9", ["skipped"]), ("a?b", [])]
    assert root.find(".//failure").text.startswith("tests.yml:8: Down at 1m: expected 1 firing, got 0\n")


def test_a_file_that_is_no_test(capsys, folder):
    """Every problem of it is said, and the other files are run."""
    (folder / "broken.yml").write_text("tets: []\nrule_file: []\n", encoding="utf-8")
    code, out, _ = run(capsys, "broken.yml", "nowhere.yml", "tests.yml", "--run", "good")
    assert code == 1
    assert out.splitlines() == [
        "FAILED broken.yml",
        '  broken.yml:1: tets: unknown field "tets", did you mean "tests"?',
        '  broken.yml:2: rule_file: unknown field "rule_file", did you mean "rule_files"?',
        "FAILED nowhere.yml",
        "  nowhere.yml: cannot be read: No such file or directory",
        "1 passed, 2 failed",
    ]


def test_a_glob_without_a_file_is_a_warning(capsys, folder):
    """It is told apart from the results."""
    (folder / "lonely.yml").write_text("rule_files: [x*.yml]\ntests: [{}]\n", encoding="utf-8")
    assert run(capsys, "lonely.yml") == (0, "1 passed, 0 failed\n", "warning: no file matches x*.yml\n")


def test_dialects(capsys, folder):
    """What a server does not know by default fails unless it is asked for."""
    text = "tests: [{promql_expr_test: [{expr: 'mad_over_time(up[5m])'}]}]"
    (folder / "new.yml").write_text(text, encoding="utf-8")
    assert run(capsys, "new.yml")[0] == 1
    assert run(capsys, "new.yml", "--dialect", "promqltest")[0] == 0


@pytest.mark.parametrize("arguments", [[], ["x", "--run", "("], ["x", "--dialect", "y"]])
def test_usage(arguments):
    """A file has to be named, and a pattern has to be one."""
    with pytest.raises(SystemExit) as caught:
        main(["test", "rules", *arguments])
    assert caught.value.code == 2
