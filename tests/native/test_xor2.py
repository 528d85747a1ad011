"""XOR2 chunks as a server wrote them, and by hand."""

import numpy as np
import pytest

from obsflow import native
from obsflow.errors import CorruptionError

START, SECOND = 1_795_424_000_000, 1000


def seconds(first, count):
    return [START + first + SECOND * i for i in range(count)]


WRITTEN = {
    "without start times": (
        "001400cca8b1fac0683ff0000000000000e807000000",
        seconds(660_006, 20),
        [1.0] * 20,
        [0] * 20,
    ),
    "with one start time": (
        "001480cca8b1fac0680000000000000000a68e20e807000000",
        seconds(660_006, 20),
        [0.0] * 20,
        [START + 396_947] * 20,
    ),
    "with start times that change": (
        "001001f08897fac068000000000000000016c106c3d2659e3e878fa1e3e878fa1e3e878fa1e3e878fa1e3e878fa1e3e878fa1e3e80",
        [START + 444_984, *seconds(445_006, 15)],
        [0.0, *[2.0] * 15],
        [0, *[START + 444_984] * 15],
    ),
}
DAMAGED = {
    "no count": "00",
    "no byte for start times": "0001",
    "no sample": "000100",
    "half a value": "000100" + "02" + "3ff00000",
    "no start time of the first sample": "000180" + "02" + "3ff0000000000000",
    "a time that never ends": "000100" + "ff" * 11,
    "a window wider than a value": "000200" + "02" + "3ff0000000000000" + "02" + "dffe" + "ff" * 8,
}


@pytest.mark.parametrize(("text", "times", "values", "starts"), WRITTEN.values(), ids=WRITTEN.keys())
def test_chunks_of_a_server(text, times, values, starts):
    """What Prometheus 3.16 wrote decodes to what it was scraped from."""
    found_times, found_values, found_starts = native.xor2_decode(bytes.fromhex(text))

    assert (found_times.tolist(), found_values.tolist(), found_starts.tolist()) == (times, values, starts)


def test_stale_markers_leave_the_baseline_alone():
    """After a marker "unchanged" means the newest real value, or 0 if there is none."""
    marker = np.uint64(0x7FF0000000000002)
    times, values, _ = native.xor2_decode(bytes.fromhex("000300" + "02" + "7ff0000000000002" + "02" + "7c"))

    assert times.tolist() == [1, 3, 5]
    assert values.view(np.uint64).tolist() == [marker, 0, marker]


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED.keys())
def test_refuses(text):
    """A chunk that is not whole and consistent is corrupt."""
    with pytest.raises(CorruptionError):
        native.xor2_decode(bytes.fromhex(text))
