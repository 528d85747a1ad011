"""Which function evaluates which node of the tree."""

from typing import Final

import numpy as np

from obsflow.errors import QueryError
from obsflow.model.frames import FloatArray
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    NumberLiteral,
    Paren,
    StringLiteral,
    Unary,
    VectorSelector,
)
from obsflow.promql.inspect import walk
from obsflow.query.aggregate import AGGREGATIONS, evaluate_aggregation
from obsflow.query.binary import OPERATORS, evaluate_binary, evaluate_unary
from obsflow.query.boundaries import check_mode
from obsflow.query.context import EvalContext, Evaluator, Value
from obsflow.query.functions import IMPLEMENTATIONS, evaluate_call
from obsflow.query.selectors import evaluate_selector


def _evaluate_number(ctx: EvalContext, node: NumberLiteral) -> FloatArray:
    return np.full(ctx.steps, node.value)


def _evaluate_string(_ctx: EvalContext, node: StringLiteral) -> str:
    return node.value


def _evaluate_paren(ctx: EvalContext, node: Paren) -> Value:
    return ctx.evaluate(node.expr)


EVALUATORS: Final[dict[type, Evaluator]] = {
    Aggregation: evaluate_aggregation,
    Binary: evaluate_binary,
    Call: evaluate_call,
    NumberLiteral: _evaluate_number,
    Paren: _evaluate_paren,
    StringLiteral: _evaluate_string,
    Unary: evaluate_unary,
    VectorSelector: evaluate_selector,
}
"""Node class to evaluator. Range vectors have none: what takes one cuts its windows itself."""


def check_supported(expr: Expr) -> None:
    """Raise QueryError, which names it, for anything in the expression that cannot be evaluated."""
    for node, _ in walk(expr):
        match node:
            case Call(name=name) if name not in IMPLEMENTATIONS:
                raise QueryError(f"the experimental function {name}() is not supported")
            case Aggregation(op=op) if op not in AGGREGATIONS:
                raise QueryError(f"the experimental aggregation {op} is not supported")
            case Binary(op=op) if op not in OPERATORS:
                raise QueryError(f"the operator {op} is not supported")
            case Call():
                check_mode(node)
            case _:
                continue
