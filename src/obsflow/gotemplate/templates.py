"""Sets of templates that can call each other, and the templates that come of a text."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from obsflow.errors import TemplateError
from obsflow.gotemplate.ast import Definition
from obsflow.gotemplate.builtins import BUILTINS
from obsflow.gotemplate.compile import compile_definition
from obsflow.gotemplate.html import escape_definitions
from obsflow.gotemplate.htmlescapers import ESCAPERS
from obsflow.gotemplate.parser import parse
from obsflow.gotemplate.runtime import Body, Run
from obsflow.gotemplate.values import Function, function_of

MAX_OUTPUT = 1 << 24


class Template:
    """A text that was parsed within a set; it sees the definitions that the set has when it is executed."""

    __slots__ = ("_body", "_set")

    def __init__(self, set_: "TemplateSet", body: Body) -> None:
        self._set = set_
        self._body = body

    @property
    def name(self) -> str:
        """The name that errors call it by."""
        return self._body.definition.name

    def execute(self, data: Any, variables: Mapping[str, Any] | None = None) -> str:
        """The text that comes out. `variables` are the values of those named when it was parsed.

        Raises TemplateError, in the words of Go.
        """
        given = variables or {}
        try:
            body, bodies = self._set.prepare(self._body)
            run = Run(bodies, self._set.max_output)
            body.execute(run, data, tuple(given.get(name) for name in body.definition.variables))
        except RecursionError:
            raise TemplateError(f"template: {self.name}: nested too deeply") from None
        return "".join(run.parts)


class TemplateSet:
    """Templates by name, and the functions that they know.

    A function's annotations say what arguments it takes, as `obsflow.gotemplate.values.function_of` reads them. With
    `html`, values are escaped as the place in the page that they go to needs it. Output longer than `max_output`
    characters is a TemplateError.
    """

    def __init__(
        self, functions: Mapping[str, Callable[..., Any]], *, html: bool = False, max_output: int = MAX_OUTPUT
    ) -> None:
        self._functions: dict[str, Function] = {
            **BUILTINS,
            **{name: function_of(call, name) for name, call in functions.items()},
            **({name: function_of(call, name) for name, call in ESCAPERS.items()} if html else {}),
        }
        self._html = html
        self.max_output = max_output
        self._bodies: dict[str, Body] = {}
        self._escaped: dict[Body, tuple[Body, dict[str, Body]]] = {}

    def parse(self, text: str, name: str = "", variables: Iterable[str] = (), start: int = 0) -> Template:
        """The template of a text, whose `define`s and itself join the set in place of those of the same names.

        `variables` are names such as `$value` that the text may use and that `execute` is given. What is before offset
        `start` counts for the places that errors name, and is not read. Raises TemplateSyntaxError.
        """
        body = None
        for definition in parse(text, name, self._functions, variables, start):
            body = compile_definition(definition, self._functions)
            if not definition.is_blank or definition.name not in self._bodies:
                self._bodies[definition.name] = body
        assert body is not None
        self._escaped = {}
        return Template(self, body)

    def clone(self) -> Self:
        """A set that can be added to without changing this one. It costs little: nothing is compiled again."""
        copied = copy.copy(self)
        copied._bodies = dict(self._bodies)  # noqa: SLF001 - our own
        copied._escaped = {}  # noqa: SLF001 - our own
        return copied

    def lookup(self, name: str) -> Template | None:
        """The template of that name."""
        body = self._bodies.get(name)
        return None if body is None else Template(self, body)

    def names(self) -> tuple[str, ...]:
        """The names of the templates, sorted."""
        return tuple(sorted(self._bodies))

    def definitions(self) -> tuple[Definition, ...]:
        """The trees of the templates, in no order that means anything."""
        return tuple(body.definition for body in self._bodies.values())

    def prepare(self, body: Body) -> tuple[Body, Mapping[str, Body]]:
        """The body to execute and those that it can call; in a set for HTML they are escaped. Raises TemplateError."""
        if not self._html:
            return body, self._bodies
        known = self._escaped.get(body)
        if known is None:
            definitions = {name: other.definition for name, other in self._bodies.items()}
            escaped = [
                compile_definition(definition, self._functions)
                for definition in escape_definitions(body.definition, definitions)
            ]
            known = self._escaped[body] = escaped[-1], {other.definition.name: other for other in escaped}
        return known
