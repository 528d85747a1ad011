"""Measurements. `python -m benchmarks` lists them; they print and never assert a time."""

import statistics
import time
from collections.abc import Callable, Sequence

import attrs


@attrs.frozen
class Table:
    """Rows of figures, ready for a document."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def render(self) -> str:
        """The table as Markdown."""
        lines = [self.columns, ("---",) + ("---:",) * (len(self.columns) - 1), *self.rows]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(line)} |" for line in lines)])


def median_ns(function: Callable[[], object], rounds: int, calls: int = 1) -> float:
    """Median over the rounds of the time of one call, in ns; the first round warms up and does not count."""
    seen: list[float] = []
    for _ in range(rounds + 1):
        start = time.perf_counter_ns()
        for _ in range(calls):
            function()
        seen.append((time.perf_counter_ns() - start) / calls)
    return statistics.median(seen[1:])


def render_tables(tables: Sequence[Table]) -> str:
    """All tables, one under another."""
    return "\n\n".join(table.render() for table in tables)
