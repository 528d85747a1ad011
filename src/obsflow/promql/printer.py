"""Trees to text: the canonical form, in which Prometheus evaluates rules and links to graphs."""

from obsflow.model.durations import render_duration
from obsflow.model.floats import render_float, render_float_g
from obsflow.model.labels import METRIC_NAME, is_label_name, quote
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql.ast import (
    Aggregation,
    Anchor,
    Binary,
    Call,
    Cardinality,
    Duration,
    DurationExpr,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    RangeMode,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)

_GROUPS = {Cardinality.MANY_TO_ONE: "group_left", Cardinality.ONE_TO_MANY: "group_right"}


def render(expr: Expr) -> str:
    """The query in canonical form, on one line: what Prometheus' `expr.String()` gives. It parses to an equal tree.

    It differs where that would not parse to the same tree: a negative base in a duration, `[(-2) ^ 2]`, keeps its
    parentheses, `offset (1m) * 2` has them around all of it, and the grouping labels "inf", "nan" and "without" keep
    their quotes.
    """
    match expr:
        case NumberLiteral():
            return _number(expr)
        case StringLiteral(value=value):
            return quote(value)
        case VectorSelector():
            return f"{_matchers(expr)}{_at(expr.at)}{_mode(expr.mode)}{_offset(expr.offset)}"
        case MatrixSelector(selector=selector):
            modifiers = f"{_mode(selector.mode)}{_at(selector.at)}{_offset(selector.offset)}"
            return f"{_matchers(selector)}[{render_query_duration(expr.range)}]{modifiers}"
        case Subquery(expr=inner):
            return render(inner) + render_subquery_suffix(expr)
        case Paren(expr=inner):
            return f"({render(inner)})"
        case Unary(op=op, expr=inner):
            return op + render(inner)
        case Binary(left=left, right=right):
            return f"{render(left)} {render_operator(expr)} {render(right)}"
        case Aggregation(expr=inner, param=param):
            arguments = render(inner) if param is None else f"{render(param)}, {render(inner)}"
            return f"{render_aggregation_head(expr)}({arguments})"
        case Call(name=name, args=args):
            return f"{name}({', '.join(map(render, args))})"


def render_operator(node: Binary) -> str:
    """A binary operator with its modifiers: `/ on (job) group_left ()`."""
    returns_bool = " bool" if node.returns_bool else ""
    return node.op + returns_bool + ("" if node.matching is None else _matching(node.matching))


def render_aggregation_head(node: Aggregation) -> str:
    """An aggregation up to its arguments: `sum by (job) `."""
    if node.without:
        return f"{node.op} without ({_label_list(node.grouping)}) "
    return f"{node.op} by ({_label_list(node.grouping)}) " if node.grouping else node.op


def render_subquery_suffix(node: Subquery) -> str:
    """What makes a subquery of an expression: `[1h:5m] @ end() offset 1d`."""
    step = "" if node.step is None else render_query_duration(node.step)
    return f"[{render_query_duration(node.range)}:{step}]{_at(node.at)}{_offset(node.offset)}"


def render_query_duration(duration: Duration) -> str:
    """A range, a step or an offset."""
    return render_duration(duration) if isinstance(duration, int) else _duration_operand(duration)


def _number(literal: NumberLiteral) -> str:
    return render_duration(round(literal.value * 1000)) if literal.is_duration else render_float(literal.value)


def _matchers(selector: VectorSelector) -> str:
    shown = sorted(str(matcher) for matcher in selector.matchers if not _is_name(matcher, selector.name))
    return f"{selector.name}{{{','.join(shown)}}}" if shown else selector.name


def _is_name(matcher: Matcher, name: str) -> bool:
    return name != "" and (matcher.name, matcher.op, matcher.value) == (METRIC_NAME, MatchOp.EQUAL, name)


def _at(at: int | Anchor | None) -> str:
    match at:
        case None:
            return ""
        case Anchor():
            return f" @ {at.value}"
        case _:
            return f" @ {at / 1000:.3f}"


def _mode(mode: RangeMode) -> str:
    return f" {mode.value}" if mode.value else ""


def _offset(offset: Duration) -> str:
    return "" if offset == 0 else f" offset {render_query_duration(offset)}"


def _matching(matching: VectorMatching) -> str:
    out = ""
    group = _GROUPS.get(matching.cardinality)
    if matching.labels or matching.on or group:
        out += f" {'on' if matching.on else 'ignoring'} ({_label_list(matching.labels)})"
    if group:
        out += f" {group} ({_label_list(matching.include)})"
    if matching.fill_left is not None and matching.fill_left == matching.fill_right:
        return f"{out} fill ({render_float_g(matching.fill_left)})"
    for side, value in (("fill_left", matching.fill_left), ("fill_right", matching.fill_right)):
        out += "" if value is None else f" {side} ({render_float_g(value)})"
    return out


def _label_list(labels: tuple[str, ...]) -> str:
    return ", ".join(label if _is_bare_label(label) else quote(label) for label in labels)


def _is_bare_label(label: str) -> bool:
    """Whether a grouping label may go without quotes: it must not read as something else."""
    return is_label_name(label) and label.lower() not in ("inf", "nan", "without")


def _duration_operand(operand: NumberLiteral | DurationExpr) -> str:
    if isinstance(operand, NumberLiteral):
        return _number(operand)
    texts = [_duration_operand(inner) for inner in operand.operands]
    match operand.op, texts:
        case "()", [inner]:
            return f"({inner})"
        case sign, [inner]:
            return sign + inner
        case ("step" | "range" | "min_of" | "max_of") as name, _:
            return f"{name}({', '.join(texts)})"
        case op, _:
            base = operand.operands[0]
            if op == "^" and isinstance(base, NumberLiteral) and texts[0].startswith("-"):
                texts[0] = f"({texts[0]})"
            return f"{texts[0]} {op} {texts[1]}"
