"""`obsflow test promql`: what it prints, what it writes, and how it ends."""

import json

import pytest

from obsflow.cli.main import main

GOOD = "load 1m\n  up 1x5\n\neval instant at 1m up\n  up 1\n"
MIXED = (
    GOOD + "\neval instant at 1m sum(up)\n  {} 2\n\nload 1m\n  h {{count:1}}\n\neval instant at 0 h\n  h {{count:1}}\n"
)


@pytest.fixture
def folder(tmp_path):
    for name, text in (("good.test", GOOD), ("mixed.test", MIXED), ("broken.test", GOOD + "\nload never\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(capsys, *arguments):
    code = main(["test", "promql", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_success(capsys, folder):
    """A count, and nothing else."""
    assert run(capsys, folder / "good.test") == (0, "1 passed, 0 failed, 0 skipped\n", "")


def test_failures_are_printed(capsys, folder):
    """With file and line of the evaluation; the count is over all files."""
    code, out, err = run(capsys, folder / "good.test", folder / "mixed.test")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"{folder / 'mixed.test'}:7: expected 2 for {{}}, got 1",
        "2 passed, 1 failed, 1 skipped",
    ]


def test_json(capsys, folder):
    """One object a line for each evaluation."""
    code, _, _ = run(capsys, folder / "mixed.test", "--json", folder / "out.json")
    lines = (folder / "out.json").read_text(encoding="utf-8").splitlines()
    file = str(folder / "mixed.test")
    assert code == 1
    assert [json.loads(line) for line in lines] == [
        {"file": file, "line": 4, "outcome": "passed", "message": ""},
        {"file": file, "line": 7, "outcome": "failed", "message": "expected 2 for {}, got 1"},
        {"file": file, "line": 13, "outcome": "skipped", "message": "expects native histograms: h"},
    ]


def test_a_malformed_script(capsys, folder):
    """It is told with file and line, and the rest of the file is run."""
    code, out, err = run(capsys, folder / "broken.test")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f'{folder / "broken.test"}:7: not a valid duration string: "never"',
        "1 passed, 1 failed, 0 skipped",
    ]


def test_bytes_that_are_no_text(capsys, folder):
    """A file of any bytes is a malformed script."""
    path = folder / "noise.test"
    path.write_bytes(b"\xff\xfe\x00load\n\n\x80")
    code, out, _ = run(capsys, path, "--json", folder / "out.json")
    assert (code, out.splitlines()[-1]) == (1, "0 passed, 2 failed, 0 skipped")
    assert len((folder / "out.json").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("name", ["missing.test", "."])
def test_a_file_that_cannot_be_read(capsys, folder, name):
    """Its name and what is wrong, before anything is run."""
    code, out, err = run(capsys, folder / "good.test", folder / name)
    assert (code, out) == (1, "")
    assert err.startswith(f"{folder / name}: ")


def test_a_json_file_that_cannot_be_written(capsys, folder):
    """Its name and what is wrong."""
    code, _, err = run(capsys, folder / "good.test", "--json", folder / "no" / "out.json")
    assert (code, err.startswith(f"{folder / 'no' / 'out.json'}: ")) == (1, True)


def test_dialects(capsys, folder):
    """What a server does not know by default fails under its dialect."""
    path = folder / "experimental.test"
    path.write_text("load 1m\n  up 1x5\n\neval instant at 5m mad_over_time(up[5m])\n  {} 0\n", encoding="utf-8")
    assert run(capsys, path)[0] == 0
    code, out, _ = run(capsys, path, "--dialect", "prometheus")
    assert (code, "mad_over_time" in out) == (1, True)


def test_usage():
    """A language and a file have to be named."""
    for arguments in (
        ["test"],
        ["test", "promql"],
        ["test", "graphql", "x"],
        ["test", "promql", "x", "--dialect", "y"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
