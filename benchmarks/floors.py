"""What nothing can be faster than: measured in the same run, so that figures can be read against them."""

import numpy as np

from benchmarks import Table, median_ns
from obsflow import native

COPIED_BYTES = 64 << 20


def floors(rounds: int) -> Table:
    """The price of a call, of fresh memory, and of moving bytes."""
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.ones(COPIED_BYTES, np.uint8)
    copy_ns = median_ns(lambda: np.copyto(target, source), rounds)
    rows = (
        ("empty kernel call", f"{median_ns(lambda: native.crc32c(b''), rounds, 100_000):,.0f} ns"),
        ("np.empty, 120 float64", f"{median_ns(lambda: np.empty(120), rounds, 100_000):,.0f} ns"),
        ("np.empty, 16 MiB, touched", f"{median_ns(lambda: np.empty(2 << 20).fill(0), rounds) / 1e6:.2f} ms"),
        ("memcpy, 64 MiB", f"{COPIED_BYTES / copy_ns:.1f} GB/s"),
    )
    return Table("Floors", ("what", "median"), rows)
