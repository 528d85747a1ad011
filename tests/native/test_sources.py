"""What the C promises of itself, as far as a search can tell."""

import pathlib
import re

import pytest

CSRC = pathlib.Path(__file__).resolve().parents[2] / "csrc"
FORBIDDEN = r"\b(malloc|calloc|realloc|free|alloca|printf|puts|abort|exit|assert|errno|qsort|strlen|strcpy|goto)\b"


def code(path):
    """The source without its comments."""
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("path", sorted(CSRC.glob("*.[ch]")), ids=lambda path: path.name)
def test_kernels_allocate_and_print_nothing(path):
    """The caller owns all memory, but what threads share, and a status is all that is said."""
    allowed = {"malloc", "free"} if path.name == "parallel.c" else set()

    assert set(re.findall(FORBIDDEN, code(path))) - allowed == set()


@pytest.mark.parametrize("path", sorted(CSRC.glob("*.c")), ids=lambda path: path.name)
def test_kernels_keep_no_state(path):
    """Nothing static can be written to, so that threads need not know of each other."""
    variables = re.findall(r"^\s*static (?!.*[({]$|inline)(?!const)[^()]*[;=]", code(path), flags=re.MULTILINE)

    assert variables == []


@pytest.mark.parametrize("path", sorted(CSRC.glob("*.h")), ids=lambda path: path.name)
def test_headers_say_what_they_are_for(path):
    """A header opens with its purpose."""
    assert path.read_text(encoding="utf-8").startswith("/* ")
