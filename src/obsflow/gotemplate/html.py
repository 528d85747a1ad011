"""Contextual escaping: every value of a page is made safe for the place that it goes to, as html/template does.

The tree of a template is read once in the context that it is called in. What comes out is a tree of the same shape in
which the pipelines end with escapers, comments of the page are gone, and calls lead to templates escaped for the
context of the call.
"""

import re
from collections.abc import Mapping

import attrs

from obsflow.errors import TemplateError
from obsflow.gotemplate import ast
from obsflow.gotemplate.htmlcontext import (
    COMMENTS,
    SCRIPT_LITERALS,
    TRANSITIONS,
    Context,
    ContextError,
    Delim,
    Slash,
    State,
    UrlPart,
    after_text,
    join,
    nudge,
)
from obsflow.gotemplate.htmlscripts import SCRIPT_TRANSITIONS
from obsflow.model.labels import quote

TRANSITIONS.update(SCRIPT_TRANSITIONS)

_BY_STATE = {
    State.JS: "jsvalescaper",
    State.JS_DOUBLE: "jsstrescaper",
    State.JS_SINGLE: "jsstrescaper",
    State.JS_TEMPLATE: "jstmpllitescaper",
    State.JS_REGEXP: "jsregexpescaper",
    State.CSS: "cssvaluefilter",
    State.TEXT: "htmlescaper",
    State.RCDATA: "rcdataescaper",
    State.ATTR_NAME: "htmlnamefilter",
    State.SRCSET: "srcsetescaper",
    **dict.fromkeys(COMMENTS, "commentescaper"),
}
_CSS_STRINGS = frozenset((State.CSS_DOUBLE, State.CSS_SINGLE))
_URLS = frozenset((State.URL, State.CSS_DOUBLE_URL, State.CSS_SINGLE_URL, State.CSS_URL)) | _CSS_STRINGS

_PREFIX = "_html_template_"
_EQUIVALENT = {
    f"{_PREFIX}attrescaper": "html",
    f"{_PREFIX}htmlescaper": "html",
    f"{_PREFIX}rcdataescaper": "html",
    f"{_PREFIX}urlescaper": "urlquery",
    f"{_PREFIX}urlnormalizer": "urlquery",
}
_PREDEFINED = frozenset(_EQUIVALENT.values())
_REDUNDANT = frozenset(
    (f"{_PREFIX}{first}", f"{_PREFIX}{second}")
    for first, seconds in {
        "commentescaper": ("attrescaper", "htmlescaper"),
        "cssescaper": ("attrescaper",),
        "jsregexpescaper": ("attrescaper",),
        "jsstrescaper": ("attrescaper",),
        "jstmpllitescaper": ("attrescaper",),
        "urlescaper": ("urlnormalizer",),
    }.items()
    for second in seconds
)
_SCRIPT_TAG = re.compile(r"<(script|/script|!--)", re.IGNORECASE)
_MAX_NESTING = 40


def escape_definitions(root: ast.Definition, known: Mapping[str, ast.Definition]) -> tuple[ast.Definition, ...]:
    """The template and all that it calls, escaped; the template itself comes last. Raises TemplateError.

    A template called in another context than that of text is there under a name that says the context.
    """
    escaper = _Escaper({**known, root.name: root})
    context = escaper.template(Context(), root.name, root)
    if context.state is not State.TEXT:
        raise TemplateError(f"html/template:{root.name}: ends in a non-text context: {context}")
    last = escaper.escaped.pop(root.name)
    return (*escaper.escaped.values(), last)


@attrs.define
class _Loop:
    """The contexts in which the body of a range is left early."""

    exits: list[Context] = attrs.field(factory=list)


class _Escaper:
    """Escapes templates. `escaped` holds what came out, by mangled name."""

    def __init__(self, known: Mapping[str, ast.Definition]) -> None:
        self._known = known
        self.escaped: dict[str, ast.Definition] = {}
        self._outputs: dict[str, Context] = {}
        self._called: set[str] = set()
        self._definition: ast.Definition | None = None
        self._loops: list[_Loop] = []
        self._nesting = 0

    # Templates

    def template(self, context: Context, name: str, node: ast.Definition | ast.Call) -> Context:
        """Escape the template for the context that it is called in; returns the context behind the call."""
        mangled = context.mangle(name)
        self._called.add(mangled)
        if mangled in self._outputs:
            return self._outputs[mangled]
        definition = self._known.get(name)
        if definition is None:
            raise self._error(node, f"no such template {quote(name)}")
        if self._nesting >= _MAX_NESTING:
            raise self._error(node, "templates call each other too deeply")
        self._nesting += 1
        assumed = context
        for _ in range(2):
            behind = self._attempt(definition, mangled, context, assumed)
            if mangled not in self._called or behind == assumed:
                self._called.add(mangled)
                self._outputs[mangled] = behind
                self._nesting -= 1
                return behind
            assumed = behind
        raise self._error(node, f"cannot compute output context for template {mangled}")

    def _attempt(self, definition: ast.Definition, mangled: str, context: Context, assumed: Context) -> Context:
        """Escape a body, on the assumption of what calls of itself end in."""
        outer = self._definition, self._loops, dict(self._outputs)
        self._definition, self._loops = definition, []
        self._outputs[mangled] = assumed
        self._called.discard(mangled)
        body, behind = self._nodes(context, definition.body)
        self._definition, self._loops = outer[:2]
        if mangled in self._called and behind != assumed:
            self._outputs = outer[2]
        self.escaped[mangled] = attrs.evolve(definition, name=mangled, body=body)
        return behind

    def _error(self, node: ast.Node | ast.Definition | None, message: str) -> TemplateError:
        if self._definition is None or node is None or isinstance(node, ast.Definition):
            return TemplateError(f"html/template: {message}")
        line, column = self._definition.position(node.pos)
        return TemplateError(f"html/template:{self._definition.origin}:{line}:{column}: {message}")

    # Nodes

    def _nodes(self, context: Context, nodes: tuple[ast.Node, ...]) -> tuple[tuple[ast.Node, ...], Context]:
        out: list[ast.Node] = []
        for node in nodes:
            if context.state is State.DEAD:
                break
            escaped, context = self._node(context, node)
            out.append(escaped)
        return tuple(out), context

    def _node(self, context: Context, node: ast.Node) -> tuple[ast.Node, Context]:
        if isinstance(node, ast.Text):
            try:
                return self._text(context, node)
            except ContextError as error:
                raise self._error(node, str(error)) from None
        if isinstance(node, ast.Action):
            return self._action(context, node)
        if isinstance(node, ast.Call):
            behind = self.template(context, node.name, node)
            return attrs.evolve(node, name=context.mangle(node.name)), behind
        if isinstance(node, (ast.If, ast.With, ast.Range)):
            return self._branch(context, node)
        self._loops[-1].exits.append(context)
        return node, context.to(State.DEAD)

    def _branch(self, context: Context, node: ast.If | ast.With | ast.Range) -> tuple[ast.Node, Context]:
        word = type(node).__name__.lower()
        if isinstance(node, ast.Range):
            body, behind = self._round(context, node)
            again = behind if behind == context else self._round(behind, node)[1]
            behind = self._join(behind, again, node, word, "on range loop re-entry: ")
        else:
            body, behind = self._nodes(context, node.body)
        orelse, otherwise = self._nodes(context, node.orelse)
        return attrs.evolve(node, body=body, orelse=orelse), self._join(behind, otherwise, node, word)

    def _round(self, context: Context, node: ast.Range) -> tuple[tuple[ast.Node, ...], Context]:
        """One round of a loop, with the places where it may be left."""
        self._loops.append(_Loop())
        body, behind = self._nodes(context, node.body)
        for exit_ in self._loops.pop().exits:
            behind = self._join(behind, exit_, node, "range", "at range loop break: ")
        return body, behind

    def _join(self, a: Context, b: Context, node: ast.Node, word: str, when: str = "") -> Context:
        joined = join(a, b)
        if joined is None:
            raise self._error(node, f"{when}{{{{{word}}}}} branches end in different contexts: {a}, {b}")
        return joined

    def _text(self, context: Context, node: ast.Text) -> tuple[ast.Text, Context]:
        """The text without comments, and with what is no tag escaped."""
        out: list[str] = []
        rest = node.text
        while rest:
            after, read = after_text(context, rest)
            out.append(_written(context, after, rest[:read]))
            context, rest = after, rest[read:]
        return ast.Text("".join(out), node.pos), context

    def _action(self, context: Context, node: ast.Action) -> tuple[ast.Action, Context]:
        pipeline = node.pipeline
        if pipeline.declared:
            return node, context
        context = nudge(context)
        last = len(pipeline.commands) - 1
        for i, command in enumerate(pipeline.commands):
            first = command.operands[0]
            if isinstance(first, ast.Identifier) and first.name in _PREDEFINED:
                unquoted = context.state is State.ATTR and context.delim is Delim.SPACE and first.name == "html"
                if i < last or unquoted:
                    raise self._error(node, f"predefined escaper {quote(first.name)} disallowed in template")
        if context.state in _URLS and context.url is UrlPart.UNKNOWN:
            raise self._error(node, f"{node} appears in an ambiguous context within a URL")
        names = [f"{_PREFIX}{name}" for name in _escapers(context)]
        behind = attrs.evolve(context, slash=Slash.DIVISION) if context.state is State.JS else context
        return attrs.evolve(node, pipeline=_extend(pipeline, names)), behind


def _escapers(context: Context) -> list[str]:
    """The escapers of a place, innermost first."""
    names: list[str] = []
    if context.state in _URLS:
        if context.url is UrlPart.QUERY:
            names.append("urlescaper")
        else:
            names += ["urlfilter"] * (context.url is UrlPart.NONE)
            names.append("cssescaper" if context.state in _CSS_STRINGS else "urlnormalizer")
    elif context.state in _BY_STATE:
        names.append(_BY_STATE[context.state])
    if context.delim is Delim.SPACE:
        names.append("nospaceescaper")
    elif context.delim is not Delim.NONE:
        names.append("attrescaper")
    return names


def _extend(pipeline: ast.Pipeline, names: list[str]) -> ast.Pipeline:
    """The pipeline with escapers behind it; one that the author wrote at its end takes the place of its equal."""
    commands = list(pipeline.commands)
    last = commands[-1].operands[0]
    if isinstance(last, ast.Identifier) and last.name in _PREDEFINED:
        if len(commands) == 1 and len(commands[0].operands) > 1:
            evaluated = (ast.Identifier("_eval_args_", last.pos), *commands[0].operands[1:])
            commands = [ast.Command(evaluated, commands[0].pos), _command(last.name, pipeline.pos)]
        if any(_EQUIVALENT.get(name) == last.name for name in names):
            names = [last.name if _EQUIVALENT.get(name) == last.name else name for name in names]
            commands.pop()
    present = {first.name for command in commands if isinstance(first := command.operands[0], ast.Identifier)}
    present = {_EQUIVALENT.get(name, name) for name in present}
    for name in names:
        if _EQUIVALENT.get(name, name) in present:
            continue
        before = commands[-1].operands[0] if commands else None
        if not (isinstance(before, ast.Identifier) and (before.name, name) in _REDUNDANT):
            commands.append(_command(name, pipeline.pos))
    return attrs.evolve(pipeline, commands=tuple(commands))


def _command(name: str, pos: int) -> ast.Command:
    return ast.Command((ast.Identifier(name, pos),), pos)


_COMMENT_STARTS = re.compile(r"(?:<!--|-->|/\*|//|#!)\Z")


def _written(context: Context, after: Context, text: str) -> str:
    """What is written of a piece of text that leads from one context to another."""
    if context.state in COMMENTS and context.delim is Delim.NONE:
        return _instead_of_comment(context.state, text)
    if context.state in (State.TEXT, State.RCDATA):
        end = text.rfind("<") if after.state is not context.state else len(text)
        end = len(text) if end < 0 else end
        text = re.sub(r"<(?!!DOCTYPE)", "&lt;", text[:end], flags=re.IGNORECASE) + text[end:]
    if context.state in SCRIPT_LITERALS:
        text = _SCRIPT_TAG.sub(r"\\x3C\1", text)
    if after.state in COMMENTS and after.delim is Delim.NONE and after.state is not context.state:
        text = _COMMENT_STARTS.sub("", text)
    return text


def _instead_of_comment(state: State, text: str) -> str:
    """A comment in a script or style separates what is around it."""
    if state is State.JS_BLOCK_COMMENT:
        return "\n" if any(c in text for c in "\n\r\u2028\u2029") else " "
    return " " if state is State.CSS_BLOCK_COMMENT else ""
