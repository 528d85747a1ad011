"""Plain text tables."""

from collections.abc import Sequence


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, as wide as their widest cell, the last one not padded."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header) - 1)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=True)), line[-1])).rstrip()
        for line in lines
    )
