"""The templates of labels and annotations: what they can say, and what they read."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import attrs

from obsflow.errors import TemplateError, TemplateSyntaxError
from obsflow.gotemplate import ast
from obsflow.gotemplate.templates import Template, TemplateSet
from obsflow.model.labels import EMPTY, Labels
from obsflow.rules.functions import FUNCTIONS, MOMENT, Moment

PRELUDE: Final = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)
"""Before every template in Prometheus, so that errors count columns as it does; here its variables are given."""
VARIABLES: Final = ("$labels", "$externalLabels", "$externalURL", "$value")
_SET: Final = TemplateSet(FUNCTIONS)


@attrs.frozen
class TemplateData:
    """What a template sees: the labels of the sample (not of the alert), its value, and the server it runs in."""

    __gotype__: ClassVar[str] = (
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
    )
    __gofields__: ClassVar[Mapping[str, str]] = {
        "Labels": "labels",
        "ExternalLabels": "external_labels",
        "ExternalURL": "external_url",
        "Value": "value",
    }

    labels: Labels
    value: float
    external_labels: Labels = EMPTY
    external_url: str = ""


@attrs.frozen
class AlertTemplate:
    """A text of a rule in the template language, parsed.

    `reads_value`, `reads_clock` and `queries` say what it may depend on besides labels and configuration: the queries
    that it asks, None for one whose text is not known before.
    """

    text: str
    rule: str
    reads_value: bool
    reads_clock: bool
    queries: tuple[str | None, ...]
    _template: Template | None = attrs.field(eq=False, repr=False)

    @classmethod
    @functools.lru_cache(maxsize=4096)
    def parse(cls, text: str, rule: str) -> "AlertTemplate":
        """The template of a text in the alerting rule `rule`. Raises TemplateSyntaxError, whose span is in `text`."""
        if "{{" not in text:
            return cls(text, rule, reads_value=False, reads_clock=False, queries=(), template=None)
        name = f"__alert_{rule}"
        own = _SET.clone()
        try:
            template = own.parse(PRELUDE + text, name, VARIABLES, start=len(PRELUDE))
        except TemplateSyntaxError as error:
            start, end = (max(0, at - len(PRELUDE)) for at in error.span)
            raise TemplateSyntaxError(error.message, text, (start, end), name) from None
        nodes = [node for definition in own.definitions() for node in _walk(definition.body)]
        called = {node.name for node in nodes if isinstance(node, ast.Identifier)}
        return cls(
            text,
            rule,
            reads_value=any(_may_read_value(node) for node in nodes),
            reads_clock="now" in called,
            queries=tuple(_asked(node) for node in nodes if isinstance(node, ast.Command) and _calls_query(node)),
            template=template,
        )

    @property
    def asks_queries(self) -> bool:
        """Whether it asks any query."""
        return bool(self.queries)

    @property
    def is_volatile(self) -> bool:
        """Whether the result may differ between two samples with equal labels."""
        return self.reads_value or self.reads_clock or self.asks_queries

    def expand(self, data: TemplateData, moment: Moment) -> str:
        """The text that comes out; where the template fails, it says so in its place."""
        if self._template is None:
            return self.text
        token = MOMENT.set(moment)
        try:
            given = (data.labels, data.external_labels, data.external_url, data.value)
            return self._template.execute(data, dict(zip(VARIABLES, given, strict=True)))
        except TemplateError as error:
            return f"<error expanding template: error executing template __alert_{self.rule}: {error}>"
        finally:
            MOMENT.reset(token)


def _walk(node: Any) -> Iterator[Any]:
    """All nodes of a tree."""
    if isinstance(node, tuple):
        for each in node:
            yield from _walk(each)
    elif attrs.has(kind := type(node)):
        yield node
        if kind not in _FIELDS:
            _FIELDS[kind] = tuple(attribute.name for attribute in attrs.fields(kind))
        for name in _FIELDS[kind]:
            yield from _walk(getattr(node, name))


_FIELDS: Final[dict[type, tuple[str, ...]]] = {}


def _calls_query(command: ast.Command) -> bool:
    return any(isinstance(operand, ast.Identifier) and operand.name == "query" for operand in command.operands)


def _asked(command: ast.Command) -> str | None:
    match command.operands:
        case (ast.Identifier(), ast.String(value=text)):
            return text
    return None


def _may_read_value(node: Any) -> bool:
    match node:
        case ast.Variable(name="$value") | ast.Dot():
            return True
        case ast.Variable(name="$", names=names) | ast.Field(names=names) | ast.Chain(names=names):
            return not names or names[0] == "Value"
    return False
