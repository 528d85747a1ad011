"""docs/storage.md: its code runs, and its table is the store's."""

import contextlib
import io
import pathlib
import re

from obsflow.tsdb.store import TRANSITIONS

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "storage.md").read_text("utf-8")


def test_the_example_prints_what_the_page_says(tmp_path, monkeypatch):
    """The first block of code, in an empty directory."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    output = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    assert output is not None
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code[1], "docs/storage.md", "exec"), {})
    assert printed.getvalue() == output[1]


def test_the_table_is_the_stores():
    """Each row of the page is one of the code, and the other way round."""
    part = PAGE.partition("## Order of a change")[2].partition("\n## ")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in part.splitlines() if "|" in line]
    assert rows[2:] == [(state.value, event.value, after.value) for (state, event), after in TRANSITIONS.items()]
