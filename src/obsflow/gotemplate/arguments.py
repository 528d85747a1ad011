"""Arguments of functions and methods: constants take the type that is asked for, other values must have it."""

from collections.abc import Callable
from typing import Any

from obsflow.gotemplate import ast
from obsflow.gotemplate.runtime import Expression, Failure, Frame
from obsflow.gotemplate.values import Kind, Parameter, go_type

_NILABLE = frozenset((Kind.LIST, Kind.MAP, Kind.FUNC, None))
_WORDS = {Kind.BOOL: "bool", Kind.STRING: "string", Kind.INT: "integer", Kind.FLOAT: "float"}


def compile_argument(
    parameter: Parameter,
    node: ast.Operand,
    value_of: Expression,
    fail_at: Callable[[object], Failure],
) -> Expression:
    """The value of an argument, as its parameter wants it. `value_of` gives the value where none is wanted."""
    if isinstance(node, ast.Nil):
        if parameter.kind in _NILABLE:
            return lambda _frame, _dot: _nil(parameter)
        return _raises(fail_at(node), f"cannot assign nil to {parameter.type_name}")
    if isinstance(node, (ast.Bool, ast.Number, ast.String)) and parameter.kind is not None:
        return _constant(parameter, node, fail_at(node))
    return checked(value_of, parameter, fail_at(last_evaluated(node)))


def checked(value_of: Expression, parameter: Parameter, fail: Failure) -> Expression:
    """The expression, failing where its value is not what the parameter asks for."""
    if parameter.kind is None and parameter.cls is None:
        return value_of

    def run(frame: Frame, dot: Any) -> Any:
        return check(value_of(frame, dot), parameter, fail)

    return run


def check(value: Any, parameter: Parameter, fail: Failure) -> Any:
    """The value, if it is what the parameter asks for."""
    if parameter.accepts(value):
        return value
    if value is None:
        if parameter.kind in _NILABLE:
            return _nil(parameter)
        raise fail(f"invalid value; expected {parameter.type_name}")
    raise fail(f"wrong type for value; expected {parameter.type_name}; got {go_type(value).name}")


def _nil(parameter: Parameter) -> Any:
    """What a nil is to a parameter that can be nil: a list or map without elements."""
    return {Kind.LIST: (), Kind.MAP: {}}.get(parameter.kind) if parameter.kind else None


def _raises(fail: Failure, message: str) -> Expression:
    def run(_frame: Frame, _dot: Any) -> Any:
        raise fail(message)

    return run


def _constant(parameter: Parameter, node: ast.Bool | ast.Number | ast.String, fail: Failure) -> Expression:
    """A constant of the parameter's type; `1` is a float where a float is asked for."""
    kind = parameter.kind
    if kind not in _WORDS:
        return _raises(fail, f"can't handle {node} for arg of type {parameter.type_name}")
    value: object = None
    if isinstance(node, ast.Number):
        value = {Kind.INT: node.integer, Kind.FLOAT: node.float_}.get(kind)
    elif kind is (Kind.BOOL if isinstance(node, ast.Bool) else Kind.STRING):
        value = node.value
    if value is None:
        return _raises(fail, f"expected {_WORDS[kind]}; found {node}")
    constant = value if parameter.cls is None else parameter.cls(value)
    return lambda _frame, _dot: constant


def last_evaluated(node: object) -> object:
    """The node that Go names when an error follows the evaluation of `node`: the part of it evaluated last."""
    while True:
        if isinstance(node, ast.Pipeline):
            node = node.commands[-1]
        elif isinstance(node, ast.Command):
            first = node.operands[0]
            is_alone = isinstance(first, ast.Pipeline) or (isinstance(first, ast.Variable) and not first.names)
            node = first if is_alone else node.operands[-1]
        elif isinstance(node, ast.Chain):
            node = node.operand
        else:
            return node
