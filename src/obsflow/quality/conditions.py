"""Checks of conditions: those that are never true, and those that always are."""

from collections.abc import Iterator
from typing import Final

from obsflow.model.matchers import MatchOp
from obsflow.promql import render
from obsflow.promql.ast import Aggregation, Binary, Call, Expr, NumberLiteral, VectorSelector
from obsflow.promql.inspect import selectors, walk
from obsflow.quality.bounds import NOT_NEGATIVE, Bounds, bounds_of, is_always_true, is_never_true
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.trees import bare, comparisons, is_filter, selector_of

_SHORTEST: Final = 60  # characters of an operand that are worth repeating


def check_never_true(rule: ReviewedRule) -> Iterator[Finding]:
    """X103: comparisons that no value passes, and set operators that leave nothing."""
    for node, _ in comparisons(rule.rule.expr):
        left, right = _bounds(node)
        if is_never_true(node.op, left, right):
            what = "is always 0" if node.returns_bool else "is never true"
            message = f"`{node.op}` {what}: the left side is {_say(left)}, the right side {_say(right)}."
            yield rule.find("X103", node, message, _advise(node))
    for part, _ in walk(rule.rule.expr):
        if isinstance(part, Binary) and part.op == "unless" and bare(part.left) == bare(part.right):
            yield rule.find("X103", part, "Both sides of `unless` are the same, so nothing is left.")
        elif isinstance(part, Binary) and part.op == "and" and (pair := _excluding(part)) is not None:
            message = f"The sides of `and` exclude each other: one is {_say(pair[0])}, the other {_say(pair[1])}."
            yield rule.find("X103", part, message)


def _bounds(node: Binary) -> tuple[Bounds, Bounds]:
    """The bounds of both sides; missing samples that are filled in count."""
    left, right = bounds_of(node.left), bounds_of(node.right)
    if node.matching is not None:
        if (fill := node.matching.fill_left) is not None:
            left = left.hull(Bounds(fill, fill))
        if (fill := node.matching.fill_right) is not None:
            right = right.hull(Bounds(fill, fill))
    return left, right


def _say(bounds: Bounds) -> str:
    if bounds.low == bounds.high:
        return f"{bounds.low:g}"
    if bounds.high == float("inf"):
        return f"{bounds.low:g} or more"
    if bounds.low == -float("inf"):
        return f"{bounds.high:g} or less"
    return f"between {bounds.low:g} and {bounds.high:g}"


def _advise(node: Binary) -> str:
    counted = bare(node.left)
    match counted:
        case Call(name="absent" | "absent_over_time"):
            return f"`{counted.name}` is 1 where nothing is found and has no result otherwise: drop the comparison."
        case Aggregation(op="count" | "group", expr=inner):
            if not counted.grouping and not counted.without and len(render(inner)) < _SHORTEST:
                return f"Where there is nothing to count there is no result: write `absent({render(inner)})`."
            return "Where there is nothing to count there is no result: use `absent`, or `unless` what should be there."
    return ""


def _excluding(node: Binary) -> tuple[Bounds, Bounds] | None:
    """The bounds within which both sides of `and` compare the same thing, if they have nothing in common."""
    left, right = bare(node.left), bare(node.right)
    if not isinstance(left, Binary) or not isinstance(right, Binary):
        return None
    if node.matching is not None and (node.matching.on or node.matching.labels):
        return None
    if not (_compares_number(left) and _compares_number(right)) or bare(left.left) != bare(right.left):
        return None
    one, other = bounds_of(left), bounds_of(right)
    strict = one.low == other.high and ">" in (left.op, right.op) and "<" in (left.op, right.op)
    apart = one.low > other.high or other.low > one.high or strict
    return (one, other) if apart and bounds_of(left.left) not in (one, other) else None


def _compares_number(node: Binary) -> bool:
    return is_filter(node) and node.matching is None and isinstance(bare(node.right), NumberLiteral)


def check_always_true(rule: ReviewedRule) -> Iterator[Finding]:
    """X104: alerts whose condition lets everything pass."""
    if rule.alert is None:
        return
    root = _condition(rule.alert.expr)
    if isinstance(root, Binary) and root.returns_bool:
        message = f"`{root.op} bool` has the result 0 where it is not true, and every result is an alert."
        yield rule.find("X104", root, message, "Drop `bool`: a comparison without it leaves out what is not true.")
    for node, ancestors in comparisons(rule.alert.expr):
        left, right = _bounds(node)
        is_asked = node.returns_bool or any(is_filter(above) for above in ancestors) or _says_existence(node.left)
        if is_always_true(node.op, left, right) and not is_asked:
            message = f"`{node.op}` is always true: the left side is {_say(left)}, the right side {_say(right)}."
            yield rule.find("X104", node, message)


def _condition(expr: Expr) -> Expr:
    """The part of an alert's expression whose result is the alerts."""
    expr = bare(expr)
    while isinstance(expr, Binary) and expr.op == "unless":
        expr = bare(expr.left)
    return expr


def _says_existence(expr: Expr) -> bool:
    """Whether the comparison only asks whether there is anything, as `count(x) > 0` does."""
    return bounds_of(expr) != NOT_NEGATIVE or any(is_filter(node) for node, _ in walk(expr))


def check_matchers(rule: ReviewedRule) -> Iterator[Finding]:
    """X105: selectors that select nothing."""
    for selector in selectors(rule.rule.expr):
        for name in sorted({matcher.name for matcher in selector.matchers}):
            own = [matcher for matcher in selector.matchers if matcher.name == name]
            listed = [matcher.literals for matcher in own if matcher.literals is not None]
            negated = {(each.op.is_regex, each.value) for each in own if not each.op.is_positive}
            asked = {(each.op.is_regex, each.value) for each in own if each.op.is_positive}
            is_void = any(not any(all(each.matches(v) for each in own) for v in values) for values in listed)
            if is_void or negated & asked:
                said = " and ".join(f"`{matcher}`" for matcher in own)
                hint = f' For either of several values write `{name}=~"a|b"`.' if _is_choice(selector, name) else ""
                yield rule.find("X105", selector, f"Nothing passes {said}.{hint}")


def _is_choice(selector: VectorSelector, name: str) -> bool:
    ops = [matcher.op for matcher in selector.matchers if matcher.name == name]
    return ops.count(MatchOp.EQUAL) > 1


def check_condition(rule: ReviewedRule) -> Iterator[Finding]:
    """X106: alerts for everything that there is."""
    alert = rule.alert
    if alert is None or any(_is_condition(node) for node, _ in walk(alert.expr)):
        return
    found = selectors(alert.expr)
    if not found:
        return
    inner = selector_of(alert.expr)
    reads = rule.recorded.by_name.keys()
    if inner is not None and (len(inner.matchers) > 1 or inner.name in reads):
        return  # a series that says so by being there
    yield rule.find("X106", alert.expr, "The expression has no condition: every series that it selects is an alert.")


def _is_condition(node: Expr) -> bool:
    if isinstance(node, Binary):
        return is_filter(node) or node.returns_bool
    return isinstance(node, Call) and node.name in ("absent", "absent_over_time")
