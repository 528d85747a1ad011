"""Where in a page a place is: HTML text, a tag, an attribute's value, a URL, a script, a style.

A context is carried over the text of a template, piece by piece, as a browser would read it. The states and the names
they have in messages are those of Go's html/template.
"""

import enum
import html
import re
from collections.abc import Callable

import attrs

from obsflow.gotemplate.htmlattributes import Content, content_of_attribute
from obsflow.model.labels import quote


class ContextError(ValueError):
    """HTML that browsers do not agree about."""


class State(enum.Enum):
    """What the parser of a browser would be reading."""

    TEXT = "stateText"
    TAG = "stateTag"
    ATTR_NAME = "stateAttrName"
    AFTER_NAME = "stateAfterName"
    BEFORE_VALUE = "stateBeforeValue"
    COMMENT = "stateHTMLCmt"
    RCDATA = "stateRCDATA"
    ATTR = "stateAttr"
    URL = "stateURL"
    SRCSET = "stateSrcset"
    JS = "stateJS"
    JS_DOUBLE = "stateJSDqStr"
    JS_SINGLE = "stateJSSqStr"
    JS_TEMPLATE = "stateJSTmplLit"
    JS_REGEXP = "stateJSRegexp"
    JS_BLOCK_COMMENT = "stateJSBlockCmt"
    JS_LINE_COMMENT = "stateJSLineCmt"
    CSS = "stateCSS"
    CSS_DOUBLE = "stateCSSDqStr"
    CSS_SINGLE = "stateCSSSqStr"
    CSS_DOUBLE_URL = "stateCSSDqURL"
    CSS_SINGLE_URL = "stateCSSSqURL"
    CSS_URL = "stateCSSURL"
    CSS_BLOCK_COMMENT = "stateCSSBlockCmt"
    CSS_LINE_COMMENT = "stateCSSLineCmt"
    DEAD = "stateDead"


class Delim(enum.Enum):
    """What ends an attribute's value."""

    NONE = "delimNone"
    DOUBLE = "delimDoubleQuote"
    SINGLE = "delimSingleQuote"
    SPACE = "delimSpaceOrTagEnd"


class UrlPart(enum.Enum):
    """Which part of a URL."""

    NONE = "urlPartNone"
    PRE_QUERY = "urlPartPreQuery"
    QUERY = "urlPartQueryOrFrag"
    UNKNOWN = "urlPartUnknown"


class Slash(enum.Enum):
    """What a slash in a script would start."""

    REGEXP = "jsCtxRegexp"
    DIVISION = "jsCtxDivOp"
    UNKNOWN = "jsCtxUnknown"


@attrs.frozen
class Context:
    """A place in a page. `attribute` is what the value to come holds; `element` is one that is read specially."""

    state: State = State.TEXT
    delim: Delim = Delim.NONE
    url: UrlPart = UrlPart.NONE
    slash: Slash = Slash.REGEXP
    attribute: Content = Content.PLAIN
    element: str = ""
    braces: tuple[int, ...] = ()

    def to(self, state: State) -> "Context":
        """The context in another state."""
        return attrs.evolve(self, state=state)

    def __str__(self) -> str:
        element = f"element{self.element.capitalize()}" if self.element else "elementNone"
        parts = (self.state, self.delim, self.url, self.slash)
        braces = f"[{' '.join(map(str, self.braces))}]"
        return f"{{{' '.join(part.value for part in parts)} {braces} {self.attribute.value} {element} <nil>}}"

    def mangle(self, name: str) -> str:
        """The name of a template when it is called in this context."""
        if self.state is State.TEXT:
            return name
        parts = [part.value for part in (self.state, self.delim, self.url, self.slash) if part not in _DEFAULTS]
        parts += [self.attribute.value] * (self.attribute is not Content.PLAIN)
        parts += [f"element{self.element.capitalize()}"] * bool(self.element)
        return f"{name}$htmltemplate_{'_'.join(map(str, (*parts, *self.braces)))}"


_DEFAULTS = frozenset((Delim.NONE, UrlPart.NONE, Slash.REGEXP))
_SPACE = " \t\n\f\r"
_SPECIAL = {"script": State.JS, "style": State.CSS, "textarea": State.RCDATA, "title": State.RCDATA}
_VALUE_STATES = {
    Content.PLAIN: State.ATTR,
    Content.SCRIPT_TYPE: State.ATTR,
    Content.JS: State.JS,
    Content.CSS: State.CSS,
    Content.URL: State.URL,
    Content.SRCSET: State.SRCSET,
}
COMMENTS = frozenset(
    (State.COMMENT, State.JS_BLOCK_COMMENT, State.JS_LINE_COMMENT, State.CSS_BLOCK_COMMENT, State.CSS_LINE_COMMENT)
)
SCRIPT_LITERALS = frozenset((State.JS_DOUBLE, State.JS_SINGLE, State.JS_TEMPLATE, State.JS_REGEXP))
_DELIM_ENDS = {Delim.DOUBLE: '"', Delim.SINGLE: "'", Delim.SPACE: " \t\n\f\r>"}

_TAG = re.compile(r"<(?:(!--)|(/?)([a-zA-Z][a-zA-Z0-9]*(?:[-:][a-zA-Z0-9]+)*))")
_ATTR_NAME = re.compile(r"[^ \t\n\f\r=>'\"<]*")


def _find(text: str, chars: str, start: int = 0) -> int:
    """The first of the characters in the text, or -1."""
    return min((i for i in (text.find(c, start) for c in chars) if i >= 0), default=-1)


def nudge(context: Context) -> Context:
    """The context for an action: in a tag it stands for an attribute, behind `=` for a value without quotes."""
    if context.state is State.TAG:
        return context.to(State.ATTR_NAME)
    if context.state is State.BEFORE_VALUE:
        return attrs.evolve(context, state=_VALUE_STATES[context.attribute], delim=Delim.SPACE, attribute=Content.PLAIN)
    if context.state is State.AFTER_NAME:
        return attrs.evolve(context, state=State.ATTR_NAME, attribute=Content.PLAIN)
    return context


def join(a: Context, b: Context) -> Context | None:
    """The context after either of two branches; None if there is none that holds for both."""
    if a.state is State.DEAD:
        return b
    if b.state is State.DEAD or a == b:
        return a
    if attrs.evolve(a, url=b.url) == b:
        return attrs.evolve(a, url=UrlPart.UNKNOWN)
    if attrs.evolve(a, slash=b.slash) == b:
        return attrs.evolve(a, slash=Slash.UNKNOWN)
    nudged = nudge(a), nudge(b)
    return join(*nudged) if nudged != (a, b) else None


def after_text(context: Context, text: str) -> tuple[Context, int]:
    """The context after a first part of the text, and how long that part is."""
    if context.delim is Delim.NONE:
        end = _special_end(context, text)
        if end == 0:
            return Context(), 0
        return TRANSITIONS[context.state](context, text[:end])
    end = _find(text, _DELIM_ENDS[context.delim])
    value = text if end < 0 else text[:end]
    if context.delim is Delim.SPACE:
        bad = _find(value, "\"'<=`")
        if bad >= 0:
            raise ContextError(f"{quote(value[bad])} in unquoted attr: {quote(value)}")
    if end < 0:
        rest = html.unescape(text)
        while rest:
            context, read = TRANSITIONS[context.state](context, rest)
            rest = rest[read:]
        return context, len(text)
    element = context.element
    if context.state is State.ATTR and element == "script" and context.attribute is Content.SCRIPT_TYPE:
        element = element if is_script_type(value) else ""
    return Context(State.TAG, element=element), end + (context.delim is not Delim.SPACE)


_SCRIPT_TYPES = re.compile(
    r"(?:application|text)/(?:x-)?(?:ecmascript|javascript)|application/(?:ld\+)?json"
    r"|text/(?:javascript1\.[0-5]|jscript|livescript|json)|module",
)


def is_script_type(value: str) -> bool:
    """Whether a script of that type is JavaScript or JSON."""
    return _SCRIPT_TYPES.fullmatch(value.partition(";")[0].strip().lower()) is not None


def _special_end(context: Context, text: str) -> int:
    """Where the end tag of an element that is read specially starts; the length of the text if nowhere."""
    if not context.element:
        return len(text)
    if context.element == "script" and (context.state in SCRIPT_LITERALS or context.state in COMMENTS):
        return len(text)
    match = re.search(rf"</{context.element}[> \t\n\f/]", text, re.IGNORECASE)
    return match.start() if match else len(text)


def _text(context: Context, text: str) -> tuple[Context, int]:
    match = _TAG.search(text)
    if match is None:
        return context, len(text)
    if match[1]:
        return Context(State.COMMENT), match.end()
    name = match[3].lower()
    return Context(State.TAG, element=name if name in _SPECIAL and not match[2] else ""), match.end()


def _tag(context: Context, text: str) -> tuple[Context, int]:
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        return context, start
    if text[start] == ">":
        return Context(_SPECIAL.get(context.element, State.TEXT), element=context.element), start + 1
    end = _name_end(text, start)
    if end == start:
        raise ContextError(f"expected space, attr name, or end of tag, but got {quote(text[start:])}")
    name = text[start:end].lower()
    content = Content.SCRIPT_TYPE if (context.element, name) == ("script", "type") else content_of_attribute(name)
    attribute = content if content in _VALUE_STATES else Content.PLAIN
    state = State.ATTR_NAME if end == len(text) else State.AFTER_NAME
    return Context(state, element=context.element, attribute=attribute), end


def _name_end(text: str, start: int) -> int:
    match = _ATTR_NAME.match(text, start)
    end = match.end() if match else start
    if text[end : end + 1] in ("'", '"', "<"):
        raise ContextError(f"{quote(text[end])} in attribute name: {quote(text[:32])}")
    return end


def _attr_name(context: Context, text: str) -> tuple[Context, int]:
    end = _name_end(text, 0)
    return context.to(State.ATTR_NAME if end == len(text) else State.AFTER_NAME), end


def _after_name(context: Context, text: str) -> tuple[Context, int]:
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        return context, start
    if text[start] != "=":
        return context.to(State.TAG), start
    return context.to(State.BEFORE_VALUE), start + 1


def _before_value(context: Context, text: str) -> tuple[Context, int]:
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        return context, start
    delim = {'"': Delim.DOUBLE, "'": Delim.SINGLE}.get(text[start], Delim.SPACE)
    state = _VALUE_STATES[context.attribute]
    return attrs.evolve(context, state=state, delim=delim), start + (delim is not Delim.SPACE)


def _comment(context: Context, text: str) -> tuple[Context, int]:
    end = text.find("-->")
    return (Context(), end + 3) if end >= 0 else (context, len(text))


def _stay(context: Context, text: str) -> tuple[Context, int]:
    return context, len(text)


def url_after(context: Context, text: str) -> tuple[Context, int]:
    """A URL is in its query from the first question mark or number sign on."""
    if "#" in text or "?" in text:
        context = attrs.evolve(context, url=UrlPart.QUERY)
    elif text.strip(_SPACE) and context.url is UrlPart.NONE:
        context = attrs.evolve(context, url=UrlPart.PRE_QUERY)
    return context, len(text)


Transition = Callable[[Context, str], tuple[Context, int]]

TRANSITIONS: dict[State, Transition] = {
    State.TEXT: _text,
    State.TAG: _tag,
    State.ATTR_NAME: _attr_name,
    State.AFTER_NAME: _after_name,
    State.BEFORE_VALUE: _before_value,
    State.COMMENT: _comment,
    State.RCDATA: _stay,
    State.ATTR: _stay,
    State.URL: url_after,
    State.SRCSET: url_after,
}
"""How text moves each state on; scripts and styles add theirs."""
