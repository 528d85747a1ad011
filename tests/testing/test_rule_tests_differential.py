"""The same verdict as promtool over random files of rules and tests."""

import subprocess

import yaml
from tests.external import tool
from tests.testing.rule_files import Files, expect, spoil

from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests import replay
from obsflow.testing.rule_tests.suite import run_file

FILES = 40


def write(folder, seed):
    """The path of a file of tests; half of them expect something that is not so."""
    files = Files(seed)
    rules, test = files.rules(), files.test()
    rule_file, path = folder / f"rules{seed}.yml", folder / f"test{seed}.yml"
    rule_file.write_text(yaml.safe_dump(rules), encoding="utf-8")
    times = [files.random.randint(0, 900) * 1000 for _ in range(3)]
    expect(rules, test, times)
    if seed % 2:
        spoil(files, test)
    document = {"rule_files": [rule_file.name], "group_eval_order": ["g0", "g1"], "tests": [test]}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def is_passed_by(promtool, path):
    """Whether promtool passes the file."""
    return subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, check=False).returncode == 0


def passes(path):
    """Whether obsflow passes the file."""
    return all(outcome.verdict is Verdict.PASSED for outcome in run_file(path))


def test_verdicts(tmp_path):
    """What promtool passes passes, and nothing else does."""
    promtool = tool("promtool")
    paths = [write(tmp_path, seed) for seed in range(FILES)]
    theirs = {path.name: is_passed_by(promtool, path) for path in paths}

    assert {path.name: passes(path) for path in paths} == theirs
    assert set(theirs.values()) == {True, False}


def test_stepping_tells_the_same(tmp_path, monkeypatch):
    """Rules that are led from tick to tick do what those do that are evaluated over all times at once."""
    paths = [write(tmp_path, seed) for seed in range(FILES)]
    at_once = [[outcome.message for outcome in run_file(path)] for path in paths]
    monkeypatch.setattr(replay, "is_batchable", lambda _groups, _data: False)
    stepped = [[outcome.message for outcome in run_file(path)] for path in paths]

    assert stepped == at_once
