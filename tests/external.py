"""Finds what tests use and the repository does not hold: shared data and real peers. Absent ones skip, saying so."""

import os
import pathlib
import shutil

import pytest

_BESIDE = pathlib.Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> pathlib.Path:
    """A path in the folder of shared data."""
    path = pathlib.Path(os.environ.get("OBSFLOW_SHARED", _BESIDE)).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared data is not here: {path}")
    return path


def tool(name: str) -> str:
    """The path of a program."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path
