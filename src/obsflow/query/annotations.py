"""What a query has to say beside its answer: warnings and infos, each with its place in the text."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from obsflow.model.floats import render_float_g
from obsflow.model.labels import quote
from obsflow.model.times import render_rfc3339
from obsflow.promql.ast import Expr
from obsflow.query.plan import unwrap

FORCED_MONOTONICITY: Final = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


@attrs.frozen
class Forcing:
    """What was done to counts of buckets that fell.

    Between which bounds, by how much at most, how often, and between which times (ms).
    """

    low: float
    high: float
    difference: float
    count: int
    first: int
    last: int

    def merge(self, other: "Forcing") -> "Forcing":
        """Both as one."""
        return Forcing(
            min(self.low, other.low),
            max(self.high, other.high),
            max(self.difference, other.difference),
            self.count + other.count,
            min(self.first, other.first),
            max(self.last, other.last),
        )

    def __str__(self) -> str:
        bounds = f"from buckets {render_float_g(self.low)} to {render_float_g(self.high)}"
        difference = "+Inf" if math.isinf(self.difference) else f"{self.difference:.2g}"
        times = f"from {_render_second(self.first)} to {_render_second(self.last)}"
        return f", {bounds}, with a max diff of {difference}, over {self.count} samples {times}"


@attrs.frozen
class Note:
    """What is said, about which node, and, of a forced histogram, the details."""

    message: str
    node: Expr | None
    forcing: Forcing | None = None
    is_warning: bool = True


_NEWLINE = "\n"


class Annotations:
    """Warnings and infos of one query, each text once, in order of appearance.

    What is said of several places names the last of them, as Prometheus does; what is said of several histograms, the
    first, and how far it goes for all of them.
    """

    def __init__(self, text: str | None) -> None:
        self._text = text
        self._notes: dict[str, Note] = {}
        self._log: list[Note] = []
        self._is_silent = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings so far."""
        if not self._notes:
            return ()
        return tuple(f"PromQL warning: {self._render(note)}" for note in self._notes.values() if note.is_warning)

    @property
    def infos(self) -> tuple[str, ...]:
        """Infos so far."""
        if not self._notes:
            return ()
        return tuple(f"PromQL info: {self._render(note)}" for note in self._notes.values() if not note.is_warning)

    def warn(self, message: str, node: Expr | None = None) -> None:
        """Add a warning about `node`."""
        self._add(Note(message, node))

    def inform(self, message: str, node: Expr, forcing: Forcing | None = None) -> None:
        """Add an info about `node`."""
        self._add(Note(message, node, forcing, is_warning=False))

    def warn_quantile(self, quantile: float, node: Expr) -> None:
        """Add the warning that `quantile` is not one."""
        self.warn(f"quantile value should be between 0 and 1, got {render_float_g(quantile)}", node)

    def merge(self, other: "Annotations") -> None:
        """Add all that was said elsewhere of the same text."""
        for note in other.notes:
            self._add(note)

    @property
    def notes(self) -> tuple[Note, ...]:
        """All that was said, each text once."""
        return tuple(self._notes.values())

    @property
    def mark(self) -> int:
        """How often something was said so far."""
        return len(self._log)

    def since(self, mark: int) -> tuple[Note, ...]:
        """What was said since."""
        return tuple(self._log[mark:])

    def repeat(self, notes: tuple[Note, ...], places: Mapping[int, Expr]) -> None:
        """Say again what was said of an expression, of the same one elsewhere; `places` is by the id of a node."""
        for note in notes:
            self._add(attrs.evolve(note, node=places.get(id(note.node), note.node)))

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """For the time of the block, nothing is added: all of it has been said."""
        before, self._is_silent = self._is_silent, True
        yield
        self._is_silent = before

    def _add(self, note: Note) -> None:
        if self._is_silent:
            return
        self._log.append(note)
        known = self._notes.get(note.message)
        if known is not None and known.forcing is not None and note.forcing is not None:
            note = attrs.evolve(known, forcing=known.forcing.merge(note.forcing))
        self._notes[note.message] = note

    def _render(self, note: Note) -> str:
        if note.node is None or self._text is None:
            return note.message
        at = unwrap(note.node).span[0]  # the parentheses of an argument do not count
        place = f"{self._text.count(_NEWLINE, 0, at) + 1}:{at - self._text.rfind(_NEWLINE, 0, at)}"
        return f"{note.message}{'' if note.forcing is None else note.forcing} ({place})"


def _render_second(time_ms: int) -> str:
    """A time without its fraction, which is cut off towards the epoch."""
    return render_rfc3339(int(math.fmod(time_ms, 1000)) * -1 + time_ms)


def of_metric(name: str) -> str:
    """The part of a message that names the metric, if it still has a name."""
    return f" for metric name {quote(name)}" if name else ""
