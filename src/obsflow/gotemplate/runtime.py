"""What a running template holds, and how it fails."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from obsflow.errors import TemplateError
from obsflow.gotemplate import ast
from obsflow.gotemplate.printf import render
from obsflow.gotemplate.values import Function, GoType, Kind, go_type, sorted_items
from obsflow.model.labels import quote

MAX_DEPTH: Final = 60
"""How deep templates may call each other."""
MAX_ITERATIONS: Final = 1_000_000
"""How many times the loops of one execution may go round, all together."""

Failure = Callable[[str], TemplateError]
"""Makes the error that says where execution was."""


class Run:
    """One execution: what is written so far, and what is left of the limits."""

    __slots__ = ("bodies", "depth", "iterations", "limit", "parts", "size")

    def __init__(self, bodies: "Mapping[str, Body]", limit: int) -> None:
        self.bodies = bodies
        self.limit = limit
        self.parts: list[str] = []
        self.size = 0
        self.depth = 0
        self.iterations = MAX_ITERATIONS

    def write(self, text: str) -> None:
        """Append to the output."""
        self.size += len(text)
        if self.size > self.limit:
            raise TemplateError(f"template: the output is longer than {self.limit} characters")
        self.parts.append(text)


class Frame:
    """One call of a template: its variables, by slot; the first is `$`."""

    __slots__ = ("run", "variables", "write")

    def __init__(self, run: Run, variables: list[Any]) -> None:
        self.run = run
        self.variables = variables
        self.write = run.write


class Signal:
    """How a step ended: None goes on, and these leave the innermost loop or its round."""

    BREAK: Final = 1
    CONTINUE: Final = 2


Expression = Callable[[Frame, Any], Any]
"""Frame and dot to a value."""
Step = Callable[[Frame, Any], int | None]
"""Frame and dot to output, and a Signal."""


@attrs.frozen(eq=False)
class Body:
    """A compiled template: its steps, and how many variables it needs."""

    definition: ast.Definition
    step: Step
    slots: int

    def execute(self, run: Run, data: Any, variables: tuple[Any, ...] = ()) -> None:
        """Write the template's text to `run`; `variables` are those that the definition names."""
        given = [data, *variables]
        self.step(Frame(run, given + [None] * (self.slots - len(given))), data)


def failure(definition: ast.Definition, node: object) -> Failure:
    """Errors at a node of a template, in Go's words."""

    def fail(message: str) -> TemplateError:
        line, column = definition.position(node.pos)  # type: ignore[attr-defined]
        where = f"{definition.origin}:{line}:{column}: executing {quote(definition.name)} at <{node}>"
        return TemplateError(f"template: {where}: {message}")

    return fail


def invoke(function: Function, arguments: Sequence[Any], run: Run, fail: Failure) -> Any:
    """Call a function whose arguments were checked. Whatever it raises is an error of the template."""
    try:
        result = function.call(*arguments)
    except Exception as error:
        raise fail(f"error calling {function.name}: {error}") from error
    if isinstance(result, str) and len(result) > run.limit:
        raise fail(f"error calling {function.name}: the result is longer than {run.limit} characters")
    return result


def take(receiver: Any, name: str, frame: Frame, fail: Failure) -> Any:
    """The field, method without arguments, or map element called `name`."""
    if receiver is None:
        return None
    known = go_type(receiver)
    method = known.methods.get(name)
    if method is not None:
        problem = method.arity_error(0)
        if problem:
            raise fail(f"wrong number of args for {name}: {problem}")
        return invoke(method, (receiver,), frame.run, fail)
    if known.kind is Kind.MAP:
        return receiver.get(name, known.zero)
    attribute = known.fields.get(name)
    if attribute is None:
        raise fail(f"can't evaluate field {name} in type {known.name}")
    return getattr(receiver, attribute)


def not_a_method(known: GoType, name: str) -> str:
    """What is wrong with giving arguments to `name` of a value."""
    if name in known.fields:
        return f"{name} has arguments but cannot be invoked as function"
    if known.kind is Kind.MAP:
        return f"{name} is not a method but has arguments"
    return f"can't evaluate field {name} in type {known.name}"


def entries(value: Any, fail: Failure, variables: int) -> Iterable[tuple[Any, Any]]:
    """Index or key, and element, of what a range goes over."""
    known = go_type(value)
    if known.kind is Kind.LIST:
        return enumerate(value)
    if known.kind is Kind.MAP:
        return sorted_items(value)
    if known.kind is Kind.INT:
        if variables > 1:
            raise fail(f"can't use {value} to iterate over more than one variable")
        return ((i, i) for i in range(value))
    if known.kind is Kind.NIL:
        return ()
    raise fail(f"range can't iterate over {render(value)}")
