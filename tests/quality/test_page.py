"""The page about checks says what the catalogue says."""

import pathlib
import re

from obsflow.cli.main import main
from obsflow.quality import CHECKS, QUESTIONS

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "checks.md"


def render_catalogue():
    """The catalogue as a table of a page."""
    rows = ["| code | name | severity | what is found | why it matters |", "| --- | --- | --- | --- | --- |"]
    rows += [f"| {c.code} | `{c.name}` | {c.severity.value} | {c.what} | {c.why} |" for c in CHECKS]
    return "\n".join(rows)


def test_the_table_of_the_page_is_the_catalogue():
    """Every check, in its words."""
    assert render_catalogue() in PAGE.read_text(encoding="utf-8")


def test_the_questions_of_the_page_are_those_that_are_asked():
    """With the outcome of a wrong answer."""
    text = PAGE.read_text(encoding="utf-8")
    rows = [f"| {q.id} | {q.text} | {q.otherwise.value} |" for q in QUESTIONS]

    assert [row for row in rows if row not in text] == []


def test_the_example_of_the_page_prints_what_it_says(tmp_path, monkeypatch, capsys):
    """The rule file that is shown, and the output under it."""
    text = PAGE.read_text(encoding="utf-8")
    rules, shown = re.search(r"```yaml\n(groups:.*?)```.*?```console\n\$ [^\n]*\n(.*?)```", text, re.DOTALL).groups()
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert main(["check", "rules", "rules.yml"]) == 3
    assert capsys.readouterr().out == shown
