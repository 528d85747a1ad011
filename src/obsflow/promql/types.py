"""The static checks: every operand has the type that its place asks for."""

import itertools
from typing import NoReturn

import attrs

from obsflow.errors import QuerySyntaxError
from obsflow.model.labels import METRIC_NAME, quote
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
    children,
    with_children,
)
from obsflow.promql.cursor import MAX_DEPTH
from obsflow.promql.signatures import AGGREGATIONS, COMPARISONS, FUNCTIONS, SET_OPERATORS

_OPERANDS = frozenset((ValueType.SCALAR, ValueType.VECTOR))


def check(expr: Expr, source: str) -> Expr:
    """The tree with its types checked, and without the matching of operators that have a scalar operand.

    Raises QuerySyntaxError, in the words of Prometheus.
    """
    checker = _Checker(source)
    checker.check_depth(expr)
    return checker.check(expr)[0]


class _Checker:
    """One walk over a tree, from the leaves up."""

    def __init__(self, source: str) -> None:
        self._source = source

    def check_depth(self, expr: Expr) -> None:
        """Refuse a tree that is too deep to be walked by recursion, here and in evaluation."""
        level = [expr]
        for _ in range(MAX_DEPTH):
            level = list(itertools.chain.from_iterable(map(children, level)))
            if not level:
                return
        self._fail(f"expression is more than {MAX_DEPTH} levels deep", level[0].span)

    def check(self, node: Expr) -> tuple[Expr, ValueType]:
        """The node, checked together with all below it, and its type."""
        if isinstance(node, Call):
            self._check_arity(node)
        old = children(node)
        exempt = self._info_matchers(node)
        pairs = [(child, ValueType.VECTOR) if child is exempt else self.check(child) for child in old]
        new, types = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
        if any(a is not b for a, b in zip(old, new, strict=True)):
            node = with_children(node, new)
        return self._resolve(node, types)

    def _resolve(self, node: Expr, types: tuple[ValueType, ...]) -> tuple[Expr, ValueType]:
        """The node and its type, given the types of its children."""
        match node:
            case NumberLiteral():
                return node, ValueType.SCALAR
            case StringLiteral():
                return node, ValueType.STRING
            case VectorSelector():
                self._check_selector(node)
                return node, ValueType.VECTOR
            case MatrixSelector():
                return node, ValueType.MATRIX
            case Subquery():
                self._check_subquery(node, types[0])
                return node, ValueType.MATRIX
            case Paren():
                return node, types[0]
            case Unary():
                self._check_unary(node, types[0])
                return node, types[0]
            case Binary():
                return self._check_binary(node, types)
            case Aggregation():
                self._check_aggregation(node, types)
                return node, ValueType.VECTOR
            case Call():
                self._check_arguments(node, types)
                return node, FUNCTIONS[node.name].returns

    def _fail(self, message: str, span: Span) -> NoReturn:
        raise QuerySyntaxError(message, self._source, span)

    def _expect(self, node: Expr, actual: ValueType, wanted: ValueType, context: str) -> None:
        if actual is not wanted:
            self._fail(f"expected type {wanted.value} in {context}, got {actual.value}", node.span)

    def _check_selector(self, node: VectorSelector) -> None:
        if node.name:
            for matcher in node.matchers[1:]:
                if matcher.name == METRIC_NAME:
                    names = f"{quote(node.name)} or {quote(matcher.value)}"
                    self._fail(f"metric name must not be set twice: {names}", node.span)
        elif all(matcher.matches("") for matcher in node.matchers):
            self._fail("vector selector must contain at least one non-empty matcher", node.span)

    def _check_subquery(self, node: Subquery, inner: ValueType) -> None:
        if inner is not ValueType.VECTOR:
            got = "matrix" if inner is ValueType.MATRIX else inner.value
            self._fail(f"subquery is only allowed on instant vector, got {got} instead", node.span)

    def _check_unary(self, node: Unary, operand: ValueType) -> None:
        if operand not in _OPERANDS:
            allowed = "unary expression only allowed on expressions of type scalar or instant vector"
            self._fail(f'{allowed}, got "{operand.value}"', node.span)

    def _check_aggregation(self, node: Aggregation, types: tuple[ValueType, ...]) -> None:
        self._expect(node.expr, types[-1], ValueType.VECTOR, "aggregation expression")
        wanted = AGGREGATIONS[node.op].parameter
        if node.param is not None and wanted is not None:
            self._expect(node.param, types[0], wanted, "aggregation parameter")

    def _check_arity(self, node: Call) -> None:
        signature, count = FUNCTIONS[node.name], len(node.args)
        if signature.variadic == 0:
            bound, limit, wrong = "", signature.least, count != signature.least
        elif count < signature.least:
            bound, limit, wrong = "at least ", signature.least, True
        else:
            most = signature.most
            bound, limit, wrong = "at most ", most or 0, most is not None and count > most
        if wrong:
            self._fail(f'expected {bound}{limit} argument(s) in call to "{node.name}", got {count}', node.span)

    def _info_matchers(self, node: Expr) -> Expr | None:
        """The second argument of `info`, which is read as matchers alone and may match everything."""
        if not isinstance(node, Call) or node.name != "info" or len(node.args) < 2:
            return None
        matchers = node.args[1]
        if not isinstance(matchers, VectorSelector):
            self._expect(matchers, self.check(matchers)[1], ValueType.VECTOR, 'call to function "info"')
            self._fail("expected label selectors only", matchers.span)
        if matchers.name:
            self._fail("expected label selectors only, got vector selector instead", matchers.span)
        return matchers

    def _check_arguments(self, node: Call, types: tuple[ValueType, ...]) -> None:
        signature = FUNCTIONS[node.name]
        for index, (argument, actual) in enumerate(zip(node.args, types, strict=True)):
            self._expect(argument, actual, signature.argument(index), f'call to function "{node.name}"')

    def _check_binary(self, node: Binary, types: tuple[ValueType, ...]) -> tuple[Expr, ValueType]:
        is_comparison = node.op in COMPARISONS
        if node.returns_bool and not is_comparison:
            self._fail("bool modifier can only be used on comparison operators", node.op_span)
        if is_comparison and not node.returns_bool and types == (ValueType.SCALAR, ValueType.SCALAR):
            self._fail("comparisons between scalars must use BOOL modifier", node.op_span)
        for operand, actual in ((node.left, types[0]), (node.right, types[1])):
            if actual not in _OPERANDS:
                self._fail("binary expression must contain only scalar and instant vector types", operand.span)
        matching = node.matching or VectorMatching(Cardinality.ONE_TO_ONE)
        self._check_matching(node, matching)
        if ValueType.SCALAR not in types:
            return node, ValueType.VECTOR
        self._check_scalar_operand(node, matching)
        return_type = ValueType.VECTOR if ValueType.VECTOR in types else ValueType.SCALAR
        return attrs.evolve(node, matching=None), return_type

    def _check_matching(self, node: Binary, matching: VectorMatching) -> None:
        if matching.on:
            for label in matching.labels:
                if label in matching.include:
                    self._fail(f"label {quote(label)} must not occur in ON and GROUP clause at once", node.op_span)
        if node.op in SET_OPERATORS:
            if matching.cardinality is not Cardinality.MANY_TO_MANY:
                self._fail(f'no grouping allowed for "{node.op}" operation', node.span)
            if _fills(matching):
                self._fail("filling in missing series not allowed for set operators", node.span)

    def _check_scalar_operand(self, node: Binary, matching: VectorMatching) -> None:
        if matching.labels:
            self._fail("vector matching only allowed between instant vectors", node.span)
        if _fills(matching):
            self._fail("filling in missing series only allowed between instant vectors", node.span)
        if node.op in SET_OPERATORS:
            self._fail(f'set operator "{node.op}" not allowed in binary scalar expression', node.span)


def _fills(matching: VectorMatching) -> bool:
    return matching.fill_left is not None or matching.fill_right is not None
