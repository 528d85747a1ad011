"""Hypothesis strategies for expressions: trees that the parser itself could have made."""

import string

from hypothesis import strategies as st

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql import ast
from obsflow.promql.ast import Cardinality, ValueType
from obsflow.promql.lexer import KEYWORDS
from obsflow.promql.parser import PRECEDENCE
from obsflow.promql.signatures import AGGREGATIONS, COMPARISONS, FUNCTIONS, SET_OPERATORS

NOWHERE = (0, 0)
NO_METRICS = {"bool", "on", "ignoring", "group_left", "group_right", "atan2", "inf", "nan"}

words = st.sampled_from(sorted(KEYWORDS)) | st.text(string.ascii_letters + "_", min_size=1, max_size=6)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
metrics = st.one_of(words, st.just("job:up:sum")).filter(lambda name: name.lower() not in NO_METRICS)
labels = st.one_of(words, texts.filter(bool), st.just("inf"))
milliseconds = st.integers(1, 10**11)
floats = st.floats(0, allow_nan=False, allow_infinity=False)


def _number(value, is_duration=False):
    return ast.NumberLiteral(value, NOWHERE, is_duration)


durations_in_seconds = milliseconds.map(lambda ms: _number(ms / 1000, True))
numbers = st.one_of(
    floats.map(_number),
    floats.map(lambda value: _number(-value)),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]).map(_number),
    durations_in_seconds,
    durations_in_seconds.map(lambda literal: _number(-literal.value, True)),
)
strings = texts.map(lambda value: ast.StringLiteral(value, NOWHERE))
scalar_leaves = numbers | st.sampled_from(["time", "pi", "step"]).map(lambda name: ast.Call(name, (), NOWHERE))


def _is_tight(node):
    """Whether the node can stand anywhere without parentheses."""
    if isinstance(node, ast.NumberLiteral):
        return node.value >= 0 and node.value != float("inf")
    return not isinstance(node, ast.Binary | ast.Unary)


def tight(node):
    return node if _is_tight(node) else ast.Paren(node, NOWHERE)


def _operand(node, precedence):
    """The node as an operand that must bind at least as tightly as `precedence`."""
    if isinstance(node, ast.Binary):
        return node if PRECEDENCE[node.op] >= precedence else ast.Paren(node, NOWHERE)
    return node if precedence <= PRECEDENCE["*"] else tight(node)


def _reads_on(node):
    """Whether the text of the node ends in an offset in parentheses, which would swallow an operator."""
    match node:
        case ast.VectorSelector(offset=offset) | ast.Subquery(offset=offset):
            return isinstance(offset, ast.DurationExpr) and offset.op == "()"
        case ast.Unary(expr=inner) | ast.Binary(right=inner):
            return _reads_on(inner)
    return False


def _binary(op, left, right, returns_bool, matching):
    precedence = PRECEDENCE[op]
    is_right = op == "^"
    left, right = _operand(left, precedence + is_right), _operand(right, precedence + (not is_right))
    left = ast.Paren(left, NOWHERE) if _reads_on(left) else left
    return ast.Binary(op, left, right, NOWHERE, NOWHERE, returns_bool, matching)


# ---- durations


def duration_trees():
    literals = durations_in_seconds | st.integers(1, 1000).map(lambda n: _number(float(n)))
    calls = st.sampled_from(["step", "range"]).map(lambda op: ast.DurationExpr(op, (), NOWHERE))
    return st.recursive(
        calls | literals | literals.map(lambda x: _number(-x.value, x.is_duration)), _duration_above, max_leaves=6
    )


def _duration_above(inner):
    wrapped = inner.map(_wrap)
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.builds(lambda op, pair: ast.DurationExpr(op, pair, NOWHERE), st.sampled_from(["min_of", "max_of"]), pairs),
        wrapped.filter(lambda x: isinstance(x, ast.DurationExpr)).map(lambda x: ast.DurationExpr("-", (x,), NOWHERE)),
        st.builds(lambda op, a, b: ast.DurationExpr(op, (a, b), NOWHERE), st.sampled_from("+-*/%^"), wrapped, wrapped),
    )


def _wrap(node):
    if isinstance(node, ast.NumberLiteral) or node.op in ("step", "range", "min_of", "max_of", "()"):
        return node
    return ast.DurationExpr("()", (node,), NOWHERE)


duration_expressions = duration_trees().filter(lambda x: isinstance(x, ast.DurationExpr))
ranges = milliseconds | duration_expressions
offsets = st.integers(-(10**11), 10**11) | duration_expressions.map(_wrap)
ats = st.none() | st.integers(-(10**13), 10**13) | st.sampled_from(list(ast.Anchor))
modes = st.sampled_from(list(ast.RangeMode))


# ---- selectors


def _matchers():
    plain = st.builds(
        Matcher,
        labels.filter(lambda name: name != METRIC_NAME),
        st.sampled_from([MatchOp.EQUAL, MatchOp.NOT_EQUAL]),
        texts,
    )
    regex = st.builds(
        Matcher, labels, st.sampled_from([MatchOp.REGEX, MatchOp.NOT_REGEX]), st.sampled_from(["", ".*", "a|b", "5.."])
    )
    return st.lists(plain | regex.filter(lambda m: m.name != METRIC_NAME), max_size=3)


def _selector(name, matchers, offset, at, mode, is_named_outside):
    own = Matcher(METRIC_NAME, MatchOp.EQUAL, name)
    ordered = sorted(matchers, key=str)
    listed = (own, *ordered) if is_named_outside else tuple(sorted((*ordered, own), key=str))
    return ast.VectorSelector(name if is_named_outside else "", listed, NOWHERE, offset, at, mode)


selectors = st.builds(_selector, metrics, _matchers(), offsets, ats, modes, st.booleans())
matrix_selectors = st.builds(lambda selector, range_: ast.MatrixSelector(selector, range_, NOWHERE), selectors, ranges)


# ---- the typed tree


def _matchings(op):
    if op in SET_OPERATORS:
        return st.builds(
            ast.VectorMatching,
            st.just(Cardinality.MANY_TO_MANY),
            st.booleans(),
            st.lists(labels, max_size=2).map(tuple),
        ).map(_tidy)
    fills = st.none() | floats.map(lambda value: value + 0.0)
    grouped = st.sampled_from([Cardinality.ONE_TO_ONE, Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY])
    names = st.lists(labels, max_size=2).map(tuple)
    return st.builds(ast.VectorMatching, grouped, st.booleans(), names, names, fills, fills).map(_tidy)


def _tidy(matching):
    """Without labels to include where there is no group, and none that are matched on as well."""
    grouped = matching.cardinality in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY)
    include = tuple(x for x in matching.include if not (matching.on and x in matching.labels)) if grouped else ()
    return ast.VectorMatching(
        matching.cardinality, matching.on, matching.labels, include, matching.fill_left, matching.fill_right
    )


@st.composite
def expressions(draw, wanted=None, depth=2):
    """An expression of a type, or of any."""
    wanted = wanted or draw(st.sampled_from(list(ValueType)))
    match wanted:
        case ValueType.STRING:
            return draw(strings)
        case ValueType.SCALAR:
            return draw(_scalars(depth))
        case ValueType.MATRIX:
            return draw(_matrices(depth))
    return draw(_vectors(depth))


def _scalars(depth):
    if depth == 0:
        return scalar_leaves
    inner = st.deferred(lambda: expressions(ValueType.SCALAR, depth - 1))
    vector = expressions(ValueType.VECTOR, depth - 1)
    return st.one_of(
        scalar_leaves,
        inner.map(lambda x: ast.Paren(x, NOWHERE)),
        inner.filter(lambda x: not isinstance(x, ast.NumberLiteral)).map(_negate),
        vector.map(lambda x: ast.Call("scalar", (x,), NOWHERE)),
        st.builds(_scalar_binary, st.sampled_from(sorted(set(PRECEDENCE) - SET_OPERATORS)), inner, inner),
    )


def _scalar_binary(op, left, right):
    return _binary(op, left, right, op in COMPARISONS, None)


def _negate(node):
    return ast.Unary("-", node if not isinstance(node, ast.Binary) or node.op == "^" else tight(node), NOWHERE)


def _holds_number(duration):
    """Whether the range may be that of a subquery: nothing but `step()` and `range()` is not."""
    if isinstance(duration, ast.DurationExpr):
        return any(map(_holds_number, duration.operands))
    return True


def _matrices(depth):
    if depth == 0:
        return matrix_selectors
    inner = expressions(ValueType.VECTOR, depth - 1).map(tight)
    numbered = ranges.filter(_holds_number)
    return matrix_selectors | st.builds(
        ast.Subquery, inner, numbered, st.none() | ranges, st.just(NOWHERE), offsets, ats
    )


def _vectors(depth):
    if depth == 0:
        return selectors
    return st.one_of(
        selectors,
        _calls(depth),
        _aggregations(depth),
        _vector_binaries(depth),
        expressions(ValueType.VECTOR, depth - 1).map(lambda x: ast.Paren(x, NOWHERE)),
        expressions(ValueType.VECTOR, depth - 1).map(_negate),
    )


@st.composite
def _calls(draw, depth):
    name = draw(
        st.sampled_from(sorted(n for n, s in FUNCTIONS.items() if s.returns is ValueType.VECTOR and n != "info"))
    )
    signature = FUNCTIONS[name]
    most = signature.least + 2 if signature.most is None else signature.most
    count = draw(st.integers(signature.least, most))
    arguments = tuple(draw(expressions(signature.argument(i), depth - 1)) for i in range(count))
    return ast.Call(name, arguments, NOWHERE)


@st.composite
def _aggregations(draw, depth):
    op = draw(st.sampled_from(sorted(AGGREGATIONS)))
    parameter = AGGREGATIONS[op].parameter
    param = None if parameter is None else draw(expressions(parameter, depth - 1))
    grouping = tuple(draw(st.lists(labels, max_size=2)))
    return ast.Aggregation(
        op, draw(expressions(ValueType.VECTOR, depth - 1)), NOWHERE, param, grouping, draw(st.booleans())
    )


@st.composite
def _vector_binaries(draw, depth):
    op = draw(st.sampled_from(sorted(PRECEDENCE)))
    both = op in SET_OPERATORS or draw(st.booleans())
    left = draw(expressions(ValueType.VECTOR, depth - 1))
    right = draw(expressions(ValueType.VECTOR if both else ValueType.SCALAR, depth - 1))
    returns_bool = op in COMPARISONS and draw(st.booleans())
    matching = draw(_matchings(op)) if both else None
    if not both and draw(st.booleans()):
        left, right = right, left
    return _binary(op, left, right, returns_bool, matching)
