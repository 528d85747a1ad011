"""Trees to text over several lines, for people to read."""

from typing import Final

from obsflow.promql.ast import Aggregation, Binary, Call, Expr, Paren, Subquery, Unary
from obsflow.promql.printer import render, render_aggregation_head, render_operator, render_subquery_suffix

MAX_WIDTH: Final = 100
_INDENT = "  "


def format_query(expr: Expr) -> str:
    """The query laid out as Prometheus' formatter does: what is longer than 100 bytes is broken and indented."""
    return _layout(expr, 0)


def _layout(expr: Expr, level: int) -> str:
    indent = _INDENT * level
    if isinstance(expr, Unary):
        return indent + expr.op + _layout(expr.expr, level).lstrip(" ")
    line = render(expr)
    if len(line.encode("utf-8", "surrogateescape")) <= MAX_WIDTH:
        return line if isinstance(expr, Subquery) else indent + line  # Prometheus does not indent these
    match expr:
        case Binary(left=left, right=right):
            operator = indent + render_operator(expr)
            return f"{_layout(left, level + 1)}\n{operator}\n{_layout(right, level + 1)}"
        case Aggregation(expr=inner, param=param):
            arguments = (inner,) if param is None else (param, inner)
            return _call(render_aggregation_head(expr), arguments, level)
        case Call(name=name, args=args):
            return _call(name, args, level)
        case Paren(expr=inner):
            return _call("", (inner,), level)
        case Subquery(expr=inner):
            return _layout(inner, level) + render_subquery_suffix(expr)
        case _:
            return indent + line


def _call(head: str, arguments: tuple[Expr, ...], level: int) -> str:
    indent = _INDENT * level
    lines = ",\n".join(_layout(argument, level + 1) for argument in arguments)
    return f"{indent}{head}(\n{lines}\n{indent})"
