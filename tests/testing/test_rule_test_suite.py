"""The files that a file of tests names."""

import pytest

from obsflow.testing.rule_tests.coverage import Coverage
from obsflow.testing.rule_tests.suite import RuleTestSuite, SuiteSettings, run_file

RULES = """
groups:
- name: {name}
  rules:
  - {{record: {name}, expr: vector(1)}}
"""
NOTED = """
# ours
groups:
- name: a
  owner:
  - me
  # and
  - you
  rules:
  - note: |
      of two lines
      with a colon: here

      and a gap
    record: a
    expr: vector(1)
  - {record: b, expr: vector(2)}
  team: {x: [y,
    z]}
more: "text
  goes on"
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b", ".c"):
        (tmp_path / f"{name}.yml").write_text(RULES.format(name=name.strip(".")), encoding="utf-8")
    return tmp_path


def suite(folder, text, **more):
    path = folder / "tests.yaml"
    path.write_text(text, encoding="utf-8")
    warnings = []
    return RuleTestSuite(path, SuiteSettings(**more), warnings.append), warnings


@pytest.mark.parametrize(
    ("patterns", "groups"),
    [
        ("['*.yml']", ["c", "a", "b"]),
        ("[b.yml, a.yml]", ["b", "a"]),
        ("['[ab].yml', a.yml, ./b.yml]", ["a", "b"]),
        ("['[^a].yml']", ["b"]),
        ("[]", []),
    ],
)
def test_globs(folder, patterns, groups):
    """Files are taken in the order of their globs, those of one by name, and each once."""
    found, warnings = suite(folder, f"rule_files: {patterns}")
    assert [group.name for group in found.groups] == groups
    assert warnings == []


def test_a_glob_without_a_file(folder):
    """It is told, and is no error."""
    found, warnings = suite(folder, "rule_files: [none*.yml]")
    assert found.groups == ()
    assert warnings == [f"no file matches {folder / 'none*.yml'}"]


def test_order(folder):
    """Groups in the list by their place, all others with the first of them."""
    found, _ = suite(folder, "rule_files: ['*.yml']\ngroup_eval_order: [b, a]")
    assert [group.name for group in found.groups] == ["c", "b", "a"]


def test_unknown_fields(folder):
    """They are errors unless they are to be ignored; the rules then keep their places."""
    (folder / "a.yml").write_text(NOTED, encoding="utf-8")
    strict, _ = suite(folder, "rule_files: [a.yml]\ntests: [{}]")
    (outcome,) = run_file(folder / "tests.yaml")
    assert [each.position.line for each in outcome.findings] == [5, 10, 18, 20]
    with pytest.raises(ValueError, match="unknown field"):
        strict.groups  # noqa: B018 - read when asked for
    lenient, _ = suite(folder, "rule_files: [a.yml]", ignore_unknown_fields=True)
    (group,) = lenient.groups
    assert [(rule.name, rule.position.line) for rule in group.rules] == [("a", 10), ("b", 17)]


def test_unknown_fields_inside_braces(folder):
    """Wherever they stand."""
    (folder / "a.yml").write_text("groups: [{name: a, owner: me}]", encoding="utf-8")
    lenient, _ = suite(folder, "rule_files: [a.yml]\ntests: [{}]", ignore_unknown_fields=True)
    assert [group.name for group in lenient.groups] == ["a"]


def test_rules_that_do_not_load(folder):
    """All problems of all files are one failure of the file; without a test to run nobody looks."""
    for name in "ab":
        (folder / f"{name}.yml").write_text("groups: [{name: g, rules: [{record: r, expr: '1 +'}]}]", encoding="utf-8")
    suite(folder, "rule_files: [a.yml, b.yml]\ntests: [{name: x}, {name: y}]")
    (outcome,) = run_file(folder / "tests.yaml")
    assert (outcome.line, outcome.title, len(outcome.findings)) == (0, "unreadable", 2)
    assert list(run_file(folder / "tests.yaml", only=["z"])) == []


def test_only_some_tests(folder):
    """Those in whose name one of the patterns is found."""
    suite(folder, "tests: [{name: first one}, {name: second}, {}]")
    assert [each.name for each in run_file(folder / "tests.yaml", only=["^sec", "one$"])] == ["first one", "second"]


@pytest.mark.parametrize("content", [b"\xff", None])
def test_a_file_that_cannot_be_read(folder, content):
    """It is a failure of its own, and so is a rule file."""
    if content is None:
        (folder / "bad").mkdir()
    else:
        (folder / "bad").write_bytes(content)
    (outcome,) = run_file(folder / "bad")
    suite(folder, "rule_files: [bad]\ntests: [{}]")
    (other,) = run_file(folder / "tests.yaml")
    assert outcome.message.startswith(f"{folder / 'bad'}: ")
    assert other.message == outcome.message


COVERED = """
groups:
- name: g
  rules:
  - {alert: Waits, expr: up == 0, for: 2m}
  - {alert: Kept, expr: up == 0, keep_firing_for: 1m}
  - {alert: Never, expr: nothing}
  - {alert: Same, expr: up == 0, labels: {n: "1"}}
  - {alert: Same, expr: nothing, labels: {n: "2"}}
  - {record: some, expr: sum(up)}
  - {record: none, expr: nothing}
"""
SERIES = "input_series: [{series: up, values: %s}]\n  alert_rule_test: [{eval_time: 9m, alertname: None}]"


@pytest.mark.parametrize("stepped", [False, True])
def test_coverage(folder, stepped):
    """Which rules had samples, and which transitions their alerts took, over all tests of a run."""
    rules = COVERED + ('  - {record: ahead, expr: "up offset -1m"}\n' if stepped else "")
    (folder / "a.yml").write_text(rules, encoding="utf-8")
    coverage = Coverage()
    tests = "".join(f"- {SERIES % values}\n" for values in ("1 0x3 1x9", "'1 0 1x9'", "0 1 0 1x9"))
    suite(folder, f"rule_files: [a.yml]\ntests:\n{tests}")
    outcomes = list(run_file(folder / "tests.yaml", SuiteSettings(coverage=coverage)))
    assert [each.message for each in outcomes] == ["", "", ""]
    found = {
        (each.rule.name, each.rule.position.line): (
            each.had_samples,
            sorted(each.taken),
            sorted(each.missing),
            each.runs,
        )
        for each in coverage
        if each.rule.name != "ahead"
    }
    assert found == {
        ("Waits", 5): (True, ["fired", "pending", "pending ended", "resolved"], [], 3),
        ("Kept", 6): (True, ["fired", "keep elapsed", "kept", "true again"], [], 3),
        ("Never", 7): (False, [], ["fired", "resolved"], 3),
        ("Same", 8): (True, ["fired", "resolved"], [], 3),
        ("Same", 9): (False, [], ["fired", "resolved"], 3),
        ("some", 10): (True, [], [], 3),
        ("none", 11): (False, [], [], 3),
    }
