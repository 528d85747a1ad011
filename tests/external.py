"""Finds what tests use and the repository does not hold: shared data and real peers. Absent ones skip, saying so."""

import functools
import os
import pathlib
import shutil
import subprocess

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_BESIDE = _ROOT.parent / "shared"


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


def newest_alertmanager(name: str) -> str:
    """The path of `alertmanager` or `amtool` of the newest release, which `make peers` builds where Go is installed."""
    built = _built_alertmanager()
    if not (built / "version").exists():
        reason = built / "why-not"
        why = reason.read_text("utf-8").strip() if reason.exists() else "make peers has not built it"
        pytest.skip(f"the newest Alertmanager is not here: {why}")
    return str(built / name)


@functools.cache
def _built_alertmanager() -> pathlib.Path:
    where = [_ROOT / "tools" / "build-alertmanager", "--where"]
    return pathlib.Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
