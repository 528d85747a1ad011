"""Trees into closures: a template is compiled once and executed many times.

Variables are resolved to slots here; scopes are lexical, so nothing of them is left at run time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from obsflow.gotemplate import ast
from obsflow.gotemplate.arguments import check, checked, compile_argument, last_evaluated
from obsflow.gotemplate.builtins import SHORT_CIRCUIT
from obsflow.gotemplate.printf import render
from obsflow.gotemplate.runtime import (
    MAX_DEPTH,
    Body,
    Expression,
    Failure,
    Frame,
    Signal,
    Step,
    entries,
    failure,
    invoke,
    not_a_method,
    take,
)
from obsflow.gotemplate.values import Function, Kind, go_type, is_true
from obsflow.model.labels import quote


def compile_definition(definition: ast.Definition, functions: Mapping[str, Function]) -> Body:
    """The closures of a template. Nothing fails here: what is wrong is raised when it is reached."""
    compiler = _Compiler(definition, functions)
    step = compiler.steps(definition.body)
    return Body(definition, step, compiler.slots)


class _Compiler:
    """Compiles one template. `_scope` maps the variables in reach to slots."""

    def __init__(self, definition: ast.Definition, functions: Mapping[str, Function]) -> None:
        self._definition = definition
        self._functions = functions
        self._scope = {name: slot for slot, name in enumerate(("$", *definition.variables))}
        self.slots = len(self._scope)
        self._steps: dict[type, Callable[[Any], Step]] = {
            ast.Text: self._text,
            ast.Action: self._action,
            ast.If: self._if,
            ast.With: self._with,
            ast.Range: self._range,
            ast.Call: self._call_template,
            ast.Break: lambda _: lambda _frame, _dot: Signal.BREAK,
            ast.Continue: lambda _: lambda _frame, _dot: Signal.CONTINUE,
        }
        self._operands: dict[type, Callable[[Any], Expression]] = {
            ast.Field: self._field,
            ast.Variable: self._variable,
            ast.Chain: self._chain,
            ast.Identifier: lambda node: self._call(node, node, (), None),
            ast.Dot: lambda _: lambda _frame, dot: dot,
            ast.Nil: lambda node: self._fails(node, "nil is not a command"),
            ast.Bool: lambda node: _constant(node.value),
            ast.String: lambda node: _constant(node.value),
            ast.Number: self._number,
            ast.Pipeline: self.pipeline,
        }

    def _fail(self, node: object) -> Failure:
        return failure(self._definition, node)

    def _fails(self, node: object, message: str) -> Expression:
        fail = self._fail(node)

        def run(_frame: Frame, _dot: Any) -> Any:
            raise fail(message)

        return run

    # Steps

    def steps(self, nodes: Sequence[ast.Node]) -> Step:
        """Steps one after the other, until one of them leaves a loop."""
        steps = tuple(self._steps[type(node)](node) for node in nodes)
        if len(steps) == 1:
            return steps[0]

        def run(frame: Frame, dot: Any) -> int | None:
            for step in steps:
                signal = step(frame, dot)
                if signal is not None:
                    return signal
            return None

        return run

    def _text(self, node: ast.Text) -> Step:
        text = node.text
        return lambda frame, _dot: frame.write(text)

    def _action(self, node: ast.Action) -> Step:
        value_of = self.pipeline(node.pipeline)
        if node.pipeline.declared:

            def declare(frame: Frame, dot: Any) -> None:
                value_of(frame, dot)

            return declare
        fail = self._fail(node)

        def write(frame: Frame, dot: Any) -> None:
            value = value_of(frame, dot)
            if type(value) is str:
                frame.write(value)
                return
            known = go_type(value)
            if known.kind is Kind.FUNC:
                raise fail(f"can't print {node} of type {known.name}")
            frame.write(render(value))

        return write

    def _branches(self, node: ast.If | ast.With) -> tuple[Expression, Step, Step]:
        outer = dict(self._scope)
        value_of = self.pipeline(node.pipeline)
        inner = dict(self._scope)
        body = self.steps(node.body)
        self._scope = inner
        orelse = self.steps(node.orelse)
        self._scope = outer
        return value_of, body, orelse

    def _if(self, node: ast.If) -> Step:
        value_of, body, orelse = self._branches(node)
        return lambda frame, dot: (body if is_true(value_of(frame, dot)) else orelse)(frame, dot)

    def _with(self, node: ast.With) -> Step:
        value_of, body, orelse = self._branches(node)

        def run(frame: Frame, dot: Any) -> int | None:
            value = value_of(frame, dot)
            return body(frame, value) if is_true(value) else orelse(frame, dot)

        return run

    def _range(self, node: ast.Range) -> Step:
        outer = dict(self._scope)
        pipeline = node.pipeline
        value_of = self.pipeline(pipeline, in_range=True)
        slots = [self._scope.get(variable.name) for variable in pipeline.declared]
        body = self.steps(node.body)
        self._scope = dict(outer)
        orelse = self.steps(node.orelse)
        self._scope = outer
        fail = self._fail(last_evaluated(pipeline))
        index_slot = slots[0] if len(slots) == 2 else None
        element_slot = slots[-1] if slots else None

        def run(frame: Frame, dot: Any) -> int | None:
            value = value_of(frame, dot)
            entered = False
            state, variables = frame.run, frame.variables
            for index, element in entries(value, fail, len(slots)):
                entered = True
                state.iterations -= 1
                if state.iterations < 0:
                    raise fail("too many iterations")
                if index_slot is not None:
                    variables[index_slot] = index
                if element_slot is not None:
                    variables[element_slot] = element
                if body(frame, element) == Signal.BREAK:
                    break
            return None if entered else orelse(frame, dot)

        return run

    def _call_template(self, node: ast.Call) -> Step:
        name = node.name
        value_of = None if node.pipeline is None else self.pipeline(node.pipeline)
        fail = self._fail(node)

        def run(frame: Frame, dot: Any) -> None:
            state = frame.run
            body = state.bodies.get(name)
            if body is None:
                raise fail(f"template {quote(name)} not defined")
            if state.depth >= MAX_DEPTH:
                raise fail(f"exceeded maximum template depth ({MAX_DEPTH})")
            data = None if value_of is None else value_of(frame, dot)
            state.depth += 1
            body.execute(state, data)
            state.depth -= 1

        return run

    # Values

    def pipeline(self, node: ast.Pipeline, *, in_range: bool = False) -> Expression:
        """The value of a pipeline, which goes to its variables too unless a range gives them other values."""
        value_of: Expression | None = None
        for command in node.commands:
            value_of = self._command(command, value_of)
        assert value_of is not None
        for variable in node.declared:
            if node.assigns and variable.name not in self._scope:
                return self._fails(last_evaluated(node), f"undefined variable: {variable.name}")
            if not node.assigns:
                self._scope[variable.name] = self.slots
                self.slots += 1
        if in_range or not node.declared:
            return value_of
        slots = tuple(self._scope[variable.name] for variable in node.declared)
        inner = value_of

        def run(frame: Frame, dot: Any) -> Any:
            value = inner(frame, dot)
            for slot in slots:
                frame.variables[slot] = value
            return value

        return run

    def operand(self, node: ast.Operand) -> Expression:
        """The value of an operand that is given no arguments."""
        return self._operands[type(node)](node)

    def _command(self, command: ast.Command, final: Expression | None) -> Expression:
        """A command; `final` gives the value of the command before it, which is its last argument."""
        first, arguments = command.operands[0], command.operands[1:]
        if isinstance(first, ast.Identifier):
            return self._call(first, command, arguments, final)
        if not arguments and final is None:
            return self.operand(first)
        if isinstance(first, (ast.Field, ast.Chain)) or (isinstance(first, ast.Variable) and first.names):
            return self._method(first, arguments, final)
        return self._fails(first, f"can't give argument to non-function {_shown(first)}")

    def _number(self, node: ast.Number) -> Expression:
        if isinstance(node.value, int) and node.value >= 1 << 63:
            return self._fails(node, f"{node.text} overflows int")
        return _constant(node.value)

    def _field(self, node: ast.Field) -> Expression:
        fail = self._fail(node)
        if len(node.names) == 1:
            name = node.names[0]
            return lambda frame, dot: take(dot, name, frame, fail)
        return _walk(lambda _frame, dot: dot, node.names, fail)

    def _variable(self, node: ast.Variable) -> Expression:
        slot = self._scope.get(node.name)
        if slot is None:
            return self._fails(node, f"undefined variable: {node.name}")
        index = slot
        if not node.names:
            return lambda frame, _dot: frame.variables[index]
        return _walk(lambda frame, _dot: frame.variables[index], node.names, self._fail(node))

    def _chain(self, node: ast.Chain) -> Expression:
        return _walk(self.operand(node.operand), node.names, self._fail(last_evaluated(node)))

    def _receiver(self, node: ast.Field | ast.Variable | ast.Chain) -> Expression:
        """What the last name of a chain is taken from."""
        names = node.names[:-1]
        if isinstance(node, ast.Field):
            return self._field(ast.Field(names, node.pos)) if names else lambda _frame, dot: dot
        if isinstance(node, ast.Variable):
            return self._variable(ast.Variable(node.name, names, node.pos))
        return _walk(self.operand(node.operand), names, self._fail(last_evaluated(node)))

    def _method(
        self, node: ast.Field | ast.Variable | ast.Chain, operands: tuple[ast.Operand, ...], final: Expression | None
    ) -> Expression:
        """A method with arguments. Which method it is, and so what they must be, is known only when it is called."""
        name = node.names[-1]
        receiver_of = self._receiver(node)
        fail = self._fail(last_evaluated(operands[-1]) if operands else node)
        fail_call, fail_here = self._fail(node), self._fail(last_evaluated(node))
        compiled = tuple(self.operand(operand) for operand in operands)
        known_arguments: dict[Function, tuple[Expression, ...]] = {}

        def run(frame: Frame, dot: Any) -> Any:
            last = None if final is None else final(frame, dot)
            receiver = receiver_of(frame, dot)
            if receiver is None:
                return None
            method = go_type(receiver).methods.get(name)
            if method is None:
                raise fail_here(not_a_method(go_type(receiver), name))
            problem = method.arity_error(len(operands) + (final is not None))
            if problem:
                raise fail_here(f"wrong number of args for {name}: {problem}")
            expressions = known_arguments.get(method)
            if expressions is None:
                expressions = known_arguments[method] = self._arguments(method, operands, compiled)
            values = [receiver, *(value_of(frame, dot) for value_of in expressions)]
            if final is not None:
                values.append(check(last, method.parameter(len(operands)), fail))
            return invoke(method, values, frame.run, fail_call)

        return run

    def _arguments(
        self, function: Function, operands: tuple[ast.Operand, ...], compiled: tuple[Expression, ...]
    ) -> tuple[Expression, ...]:
        return tuple(
            compile_argument(function.parameter(i), operand, value_of, self._fail)
            for i, (operand, value_of) in enumerate(zip(operands, compiled, strict=True))
        )

    def _call(
        self,
        name: ast.Identifier,
        command: ast.Command | ast.Identifier,
        operands: tuple[ast.Operand, ...],
        final: Expression | None,
    ) -> Expression:
        """A function with its arguments."""
        function = self._functions[name.name]
        problem = function.arity_error(len(operands) + (final is not None))
        if problem:
            fails = self._fails(name, f"wrong number of args for {name}: {problem}")
            return fails if final is None else _after(final, fails)
        compiled = tuple(self.operand(operand) for operand in operands)
        expressions = self._arguments(function, operands, compiled)
        if final is not None:
            fail_final = self._fail(last_evaluated(operands[-1]) if operands else name)
            final = checked(final, function.parameter(len(operands)), fail_final)
        if name.name in SHORT_CIRCUIT:
            return _short_circuit(expressions, final, wanted=name.name == "or")
        fail = self._fail(command)
        if final is not None:
            return _piped(function, expressions, final, fail)
        return lambda frame, dot: invoke(function, [value_of(frame, dot) for value_of in expressions], frame.run, fail)


def _constant(value: Any) -> Expression:
    return lambda _frame, _dot: value


def _shown(node: ast.Operand) -> str:
    return f"({node})" if isinstance(node, ast.Pipeline) else str(node)


def _after(first: Expression, then: Expression) -> Expression:
    """The second, once the first did not fail."""

    def run(frame: Frame, dot: Any) -> Any:
        first(frame, dot)
        return then(frame, dot)

    return run


def _walk(receiver_of: Expression, names: Sequence[str], fail: Failure) -> Expression:
    """Field after field."""

    def run(frame: Frame, dot: Any) -> Any:
        value = receiver_of(frame, dot)
        for name in names:
            value = take(value, name, frame, fail)
        return value

    return run


def _piped(function: Function, expressions: tuple[Expression, ...], final: Expression, fail: Failure) -> Expression:
    """A call whose last argument comes from the pipeline, and so is evaluated first."""
    if not expressions:
        return lambda frame, dot: invoke(function, (final(frame, dot),), frame.run, fail)

    def run(frame: Frame, dot: Any) -> Any:
        last = final(frame, dot)
        values = [value_of(frame, dot) for value_of in expressions]
        values.append(last)
        return invoke(function, values, frame.run, fail)

    return run


def _short_circuit(expressions: tuple[Expression, ...], final: Expression | None, *, wanted: bool) -> Expression:
    """`or` (wanted: true) and `and` (wanted: false): the first argument of that truth, or else the last."""

    def run(frame: Frame, dot: Any) -> Any:
        last = None if final is None else final(frame, dot)
        value = None
        for value_of in expressions:
            value = value_of(frame, dot)
            if is_true(value) == wanted:
                return value
        return value if final is None else last

    return run
