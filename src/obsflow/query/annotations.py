"""What a query has to say beside its answer: warnings and infos, each with its place in the text."""

from obsflow.model.floats import render_float_g
from obsflow.model.labels import quote
from obsflow.promql.ast import Expr


class Annotations:
    """Warnings and infos of one query, each text once, in order of appearance."""

    def __init__(self, text: str | None) -> None:
        self._text = text
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings so far."""
        return tuple(self._warnings)

    @property
    def infos(self) -> tuple[str, ...]:
        """Infos so far."""
        return tuple(self._infos)

    def warn(self, message: str, node: Expr | None = None) -> None:
        """Add a warning about `node`."""
        self._warnings[f"PromQL warning: {message}{self._place(node)}"] = None

    def inform(self, message: str, node: Expr) -> None:
        """Add an info about `node`."""
        self._infos[f"PromQL info: {message}{self._place(node)}"] = None

    def warn_quantile(self, quantile: float, node: Expr) -> None:
        """Add the warning that `quantile` is not one."""
        self.warn(f"quantile value should be between 0 and 1, got {render_float_g(quantile)}", node)

    def _place(self, node: Expr | None) -> str:
        if node is None or self._text is None:
            return ""
        before = self._text[: node.span[0]]
        return f" ({before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))})"


def of_metric(name: str) -> str:
    """The part of a message that names the metric, if it still has a name."""
    return f" for metric name {quote(name)}" if name else ""
