"""A writer that is killed loses nothing that it said was there."""

import pathlib

import pytest
from benchmarks import kill


@pytest.mark.parametrize(("durability", "cycles"), [("process", 12), ("commit", 8)])
def test_all_that_a_killed_writer_acknowledged_is_there(tmp_path: pathlib.Path, durability: str, cycles: int) -> None:
    """Killed at random points, in appends and while blocks are cut; `python -m benchmarks.kill` does it for longer."""
    told, found = kill.run_cycles(tmp_path, durability, cycles, seed=cycles, seconds=0.1)
    assert found >= told > 0
    assert list(tmp_path.glob("*/meta.json")) or durability == "commit", "it was killed before it cut a block"
