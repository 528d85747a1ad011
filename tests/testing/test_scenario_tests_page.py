"""What docs/scenario-tests.md shows runs, and prints what it says."""

import pathlib
import re
import shlex

import attrs
import pytest
import yaml

from obsflow.cli.main import main
from obsflow.testing.scenario_tests import document
from obsflow.testing.scenario_tests.flags import Flags

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "scenario-tests.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in re.findall(r"```yaml (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    config = yaml.safe_load((tmp_path / "paging.yml").read_text(encoding="utf-8"))["alertmanager"]
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_console(capsys):
    """The commands print what is shown under them."""
    blocks = re.findall(r"```console\n\$ obsflow (.*?)\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for command, shown in blocks:
        assert main(shlex.split(command)) == 0
        assert capsys.readouterr().out == shown


@pytest.mark.usefixtures("folder")
def test_incidents(capsys):
    """The examples of incidents and of refusals pass."""
    for name in ("incidents.yml", "refused.yml"):
        assert main(["test", "scenario", name]) == 0
        assert capsys.readouterr().out == "1 passed, 0 failed\n"


def test_failure(folder, capsys):
    """A failure looks as it is shown."""
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    path = folder / "paging.yml"
    labels = "labels: {alertname: Down, severity: page, instance: a}"
    expected = f"expect: [{{at: 1m30s, receiver: pager, alerts: [{{{labels}, status: firing}}]}}]"
    path.write_text(path.read_text(encoding="utf-8").replace("expect: []", expected), encoding="utf-8")
    assert main(["test", "scenario", path.name]) == 1
    assert capsys.readouterr().out == f"{shown}1 passed, 1 failed\n"


@pytest.mark.parametrize("name", document.KEYS)
def test_every_key_is_named(name):
    """What may stand in a file is on the page."""
    words = set(re.findall(r"\w+", PAGE))
    assert [key for key in document.KEYS[name].split(", ") if key not in words] == []


@pytest.mark.parametrize("field", attrs.fields(Flags), ids=lambda each: each.name)
def test_every_flag_is_named(field):
    """Under the name of the server's."""
    assert f"`{field.metadata['obsflow.schema'].key}`" in PAGE
