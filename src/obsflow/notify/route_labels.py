"""The labels of a route: texts that are templates themselves and may refer to one another."""

from collections.abc import Callable, Iterator, Mapping

import attrs

from obsflow.errors import TemplateSyntaxError
from obsflow.gotemplate import ast
from obsflow.gotemplate.builtins import BUILTINS
from obsflow.gotemplate.parser import parse
from obsflow.gotemplate.times import Time
from obsflow.notify.functions import ROUTE_LABELS, build_functions

_KNOWN = frozenset((*BUILTINS, *build_functions(Time, str)))


@attrs.define
class LabelResolver:
    """Renders labels for one notification by name, each once; `execute` gives what a template comes to."""

    labels: Mapping[str, str]
    execute: Callable[[str], str]
    _rendered: dict[str, str] = attrs.field(init=False, factory=dict)
    _under_way: list[str] = attrs.field(init=False, factory=list)

    def __call__(self, name: str) -> str:
        """The label's value; nothing for a name that there is not.

        Raises TemplateError where its template fails, and ValueError where it refers to itself, be it by others.
        """
        if name not in self.labels:
            return ""
        if name not in self._rendered:
            if name in self._under_way:
                raise ValueError(_cycle((*self._under_way, name)))
            self._under_way.append(name)
            try:
                self._rendered[name] = self.execute(self.labels[name])
            finally:
                self._under_way.pop()
        return self._rendered[name]


def label_problems(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the labels of a route, each problem with the name of its label.

    A template that does not parse is, and so is a label that whatever the alerts are refers to itself. A reference
    inside a condition or a loop may never be followed, and is left to the rendering.
    """
    references: dict[str, tuple[str, ...]] = {}
    for name, text in labels.items():
        if "{{" not in text:
            continue
        try:
            references[name] = tuple(_references(text))
        except TemplateSyntaxError as error:
            line, column = error.position
            yield name, f"{line}:{column}: {error.message}"
    reported: set[str] = set()
    for name in references:
        cycle = _find_cycle(name, references)
        if cycle and not reported.intersection(cycle):
            reported.update(cycle)
            yield name, _cycle(cycle)


def _cycle(names: tuple[str, ...]) -> str:
    return f"route label cycle detected: {' -> '.join(names)}"


def _references(text: str) -> Iterator[str]:
    """The labels that a template always asks for."""
    for node in parse(text, "", _KNOWN)[-1].body:
        if isinstance(node, ast.Action):
            for command in node.pipeline.commands:
                match command.operands:
                    case (ast.Identifier(name=function), ast.String(value=name)) if function == ROUTE_LABELS:
                        yield name
                    case _:
                        pass


def _find_cycle(start: str, references: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A way from a label back to itself, both ends included; empty if there is none."""
    seen: set[str] = set()
    ways: list[tuple[str, ...]] = [(start,)]
    while ways:
        way = ways.pop()
        for name in references.get(way[-1], ()):
            if name == start:
                return (*way, name)
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
