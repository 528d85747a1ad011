"""The rules of the house that a program can check."""

import ast
import pathlib
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES + sorted((ROOT / "csrc").glob("*.[ch]")), ids=relative)
def test_files_are_short(path):
    """A file that grows past its size asks to be two."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_functions_are_short(path):
    """A function that grows past its size is read again."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f.name for f in functions if f.end_lineno - f.lineno + 1 > MAX_FUNCTION_LINES]

    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_what_is_public_is_documented(path):
    """Every public module, class, function and method says what it is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [name for name, node in public(tree) if ast.get_docstring(node) is None]

    assert ast.get_docstring(tree) is not None
    assert bare == []


def public(tree, prefix=""):
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            overload = any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)
            if not overload:
                yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{node.name}.")


def test_only_native_imports_the_kernels():
    """The compiled module is invisible to the import graph, so its one importer is counted here."""
    importers = [relative(p) for p in SOURCES if re.search(r"\b_kernels\b", p.read_text(encoding="utf-8"))]

    assert importers == ["src/obsflow/native/memory.py"]


def test_no_vague_module_names():
    """A module is named for the noun a reader looks for."""
    vague = {"utils", "util", "helpers", "common", "misc", "base", "core", "tools"}

    assert [relative(p) for p in SOURCES if p.stem in vague] == []


def test_floors_hold():
    """Imports go down, the edge is the only one that touches the world."""
    command = [str(pathlib.Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout


def test_dependencies_are_the_few_that_were_chosen():
    """The core stands on these alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.match(r"[\w.-]+", d)[0].lower() for d in project["dependencies"]}

    assert names == {"attrs", "backports.zstd", "cffi", "google-re2", "numpy", "pyyaml"}


@pytest.mark.parametrize("page", ["README.md", "docs/promql.md", "docs/scraping.md"])
def test_code_of_a_page_runs_and_prints_what_it_says(page):
    """The Python of a page is run, and the output shown under it is its output."""
    text = (ROOT / page).read_text(encoding="utf-8")
    code, shown = re.search(r"```python\n(.*?)```\n+```text\n(.*?)```", text, re.DOTALL).groups()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.stderr == ""
    assert result.stdout == shown


def test_demo_output_in_the_readme_is_current():
    """What `make demo` prints stands in the README, line for line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"\$ make demo\n(.*?)```", text, re.DOTALL).group(1)
    command = [sys.executable, "-m", "obsflow.cli.main", "backtest", "examples/checkout-incident"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.stderr == ""
    assert result.stdout == shown


@pytest.mark.parametrize("page", ["backtest.md", "storage-commands.md"])
def test_commands_of_a_page_print_what_it_says(page):
    """A command on the page is run, and the output shown under it is its output."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n\$ obsflow (.*?)\n(.*?)```", text, re.DOTALL)
    assert blocks
    for arguments, shown in blocks:
        command = [sys.executable, "-m", "obsflow.cli.main", *shlex.split(arguments)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (result.stderr, result.stdout) == ("", shown)
