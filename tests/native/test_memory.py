"""What kernels are lent and how it is given back."""

import gc
import mmap

import numpy as np
from tests.native.tables import run_table

from obsflow.model.storage import Runs


def test_mapped_memory_in_a_cycle(tmp_path):
    """A table over mapped files can be collected as part of a cycle, in whatever order its parts are cleared."""
    table = run_table([[(1000 * i, float(i)) for i in range(12)]])
    for number, data in enumerate(table.buffers):
        (tmp_path / str(number)).write_bytes(data)
    for _ in range(20):
        mapped = []
        for number in range(len(table.buffers)):
            with (tmp_path / str(number)).open("rb") as file:
                mapped.append(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
        columns = (table.buffer, table.start, table.length, table.encoding, table.min_time, table.max_time)
        runs = Runs(tuple(mapped), table.offsets, *columns)
        assert runs.passed.measure(0, 10**6)[1] == 12
        cycle: list[object] = [mapped, runs]
        cycle.append(cycle)
        del mapped, runs, cycle
        gc.collect()
    assert np.array_equal(table.offsets, [0, 3])
