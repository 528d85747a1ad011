"""Transition tables drawn for a page: as a diagram and as a table. The code, the tests and the page read one table."""

import enum
from collections.abc import Mapping
from typing import Protocol


class Cell(Protocol):
    """What follows from an observation in a state."""

    @property
    def next(self) -> enum.Enum:
        """The state that follows."""


def draw_diagram(table: Mapping[tuple[enum.Enum, enum.Enum], Cell], first: enum.Enum) -> str:
    """The table as a Mermaid state diagram that begins with `first`: an arrow for each cell that changes the state."""
    lines = ["stateDiagram-v2", f"    [*] --> {first.value}"]
    lines += [
        f"    {state.value} --> {cell.next.value}: {observation.value}"
        for (state, observation), cell in table.items()
        if cell.next is not state
    ]
    return "\n".join(lines) + "\n"


def draw_table(
    table: Mapping[tuple[enum.Enum, enum.Enum], Cell], states: type[enum.Enum], observations: type[enum.Enum]
) -> str:
    """The table in Markdown: observations down, states across, an empty cell where there is none."""
    header = "| | " + " | ".join(state.value for state in states) + " |"
    rule = "| --- |" + " --- |" * len(states)
    rows = [
        f"| {observation.value} | "
        + " | ".join(_cell(table.get((state, observation)), state) for state in states)
        + " |"
        for observation in observations
    ]
    return "\n".join((header, rule, *rows)) + "\n"


def _cell(cell: Cell | None, state: enum.Enum) -> str:
    if cell is None:
        return ""
    return "stays" if cell.next is state else f"→ {cell.next.value}"
