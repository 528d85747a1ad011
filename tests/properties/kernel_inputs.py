"""What kernels are fed in property tests: series as lists of (time in ms, value)."""

import math
import struct

from hypothesis import strategies as st

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
NORMAL_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]

gauge_values = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.0, 1e100, -1e100, 1e308, 1.7e308, 5e-324, math.inf, -math.inf, NORMAL_NAN]),
    st.integers(-50, 50).map(float),
    st.integers(-10_000, 10_000).map(lambda n: n / 100),
    st.floats(allow_nan=False),
)


@st.composite
def counters(draw, size):
    """A counter that may start again from a small value."""
    value, out = float(draw(st.integers(0, 100))), []
    for _ in range(size):
        out.append(value)
        reset = draw(st.integers(0, 7)) == 0
        value = float(draw(st.integers(0, 5))) if reset else value + draw(st.sampled_from([0.0, 1.0, 2.5, 1e9]))
    return out


@st.composite
def one_series(draw, max_size=30):
    """Scraped at one interval, or at any; with gaps and stale markers."""
    size = draw(st.integers(0, max_size))
    interval = draw(st.sampled_from([1_000, 15_000, None]))
    steps = st.sampled_from([1, 1, 1, 1, 2, 9]) if interval else st.integers(1, 40_000)
    times, time = [], draw(st.integers(-20_000, 60_000))
    for _ in range(size):
        time += draw(steps) * (interval or 1)
        times.append(time)
    drawn = draw(st.one_of(counters(size), st.lists(gauge_values, min_size=size, max_size=size)))
    stale = draw(st.sets(st.integers(0, max(0, size - 1)), max_size=3))
    return [(t, STALE if i in stale else v) for i, (t, v) in enumerate(zip(times, drawn, strict=True))]


series_lists = st.lists(one_series(), min_size=1, max_size=4)
step_lists = st.one_of(
    st.lists(st.integers(-30_000, 500_000), min_size=1, max_size=12).map(sorted),
    st.tuples(st.integers(-20_000, 100_000), st.sampled_from([1, 5_000, 15_000, 60_000]), st.integers(1, 12)).map(
        lambda grid: [grid[0] + grid[1] * i for i in range(grid[2])]
    ),
)
ranges_ms = st.sampled_from([0, 1, 1_000, 15_000, 60_000, 61_500, 300_000, 10**9])
