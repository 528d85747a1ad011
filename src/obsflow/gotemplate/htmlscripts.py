"""How text moves on in scripts and styles."""

import re

import attrs

from obsflow.gotemplate.htmlcontext import Context, ContextError, Slash, State, Transition, url_after
from obsflow.model.labels import quote

_JS_SPECIAL = re.compile(r"[\"'`{}]|//|/\*|/|<!--|-->|#!")
_JS_STATES = {
    '"': State.JS_DOUBLE,
    "'": State.JS_SINGLE,
    "`": State.JS_TEMPLATE,
    "//": State.JS_LINE_COMMENT,
    "/*": State.JS_BLOCK_COMMENT,
    "<!--": State.JS_LINE_COMMENT,
    "-->": State.JS_LINE_COMMENT,
    "#!": State.JS_LINE_COMMENT,
}
_JS_SPACE = "\f\n\r\t\v \u00a0\u2028\u2029\ufeff"
_JS_WORD = re.compile(r"[\w$]+\Z", re.ASCII)
_JS_BEFORE_REGEXP = re.compile(
    r"break|case|continue|delete|do|else|finally|in|instanceof|return|throw|try|typeof|void",
)
_JS_ENDS = {
    State.JS_DOUBLE: re.compile(r'\\.?|"', re.DOTALL),
    State.JS_SINGLE: re.compile(r"\\.?|'", re.DOTALL),
    State.JS_REGEXP: re.compile(r"\\.?|[\[\]/]", re.DOTALL),
    State.JS_TEMPLATE: re.compile(r"\\.?|`|\$\{", re.DOTALL),
}
_LINE_ENDS = {
    State.JS_LINE_COMMENT: (re.compile("[\n\r\u2028\u2029]"), State.JS),
    State.CSS_LINE_COMMENT: (re.compile("[\n\f\r]"), State.CSS),
}
_CSS_SPECIAL = re.compile(r"(?:(?<![\w-])url[ \t\n\f\r]*)?\([ \t\n\f\r]*[\"']?|[\"']|//|/\*", re.IGNORECASE)
_CSS_ENDS = {
    State.CSS_DOUBLE: re.compile(r'\\.?|"', re.DOTALL),
    State.CSS_DOUBLE_URL: re.compile(r'\\.?|"', re.DOTALL),
    State.CSS_SINGLE: re.compile(r"\\.?|'", re.DOTALL),
    State.CSS_SINGLE_URL: re.compile(r"\\.?|'", re.DOTALL),
    State.CSS_URL: re.compile(r"\\.?|[\t\n\f\r )]", re.DOTALL),
}
_CSS_STATES = {
    '"': State.CSS_DOUBLE,
    "'": State.CSS_SINGLE,
    "//": State.CSS_LINE_COMMENT,
    "/*": State.CSS_BLOCK_COMMENT,
}
_CSS_URL_STATES = {'"': State.CSS_DOUBLE_URL, "'": State.CSS_SINGLE_URL}
_CSS_ESCAPE = re.compile(r"\\(?:([\da-fA-F]{1,6})[ \t\n\f\r]?|(.))", re.DOTALL)


def slash_after(text: str, before: Slash) -> Slash:
    """What a slash means behind a piece of script."""
    text = text.rstrip(_JS_SPACE)
    if not text:
        return before
    last = text[-1]
    if last in "+-":
        return Slash.REGEXP if (len(text) - len(text.rstrip(last))) % 2 else Slash.DIVISION
    if last == ".":
        return Slash.DIVISION if text[-2:-1].isdigit() else Slash.REGEXP
    if last in ",<>=*%&|^?!~([:;{}":
        return Slash.REGEXP
    word = _JS_WORD.search(text)
    return Slash.REGEXP if word and _JS_BEFORE_REGEXP.fullmatch(word[0]) else Slash.DIVISION


def _js(context: Context, text: str) -> tuple[Context, int]:
    match = _JS_SPECIAL.search(text)
    before = text if match is None else text[: match.start()]
    slash = slash_after(before, context.slash)
    context = attrs.evolve(context, slash=slash)
    if match is None:
        return context, len(text)
    mark, end = match[0], match.end()
    if mark == "/":
        return _js_slash(context, text[match.start() :]), end
    if mark in "{}":
        return _js_brace(context, mark), end
    if mark in "\"'`":
        context = attrs.evolve(context, slash=Slash.REGEXP)
    return context.to(_JS_STATES[mark]), end


def _js_slash(context: Context, text: str) -> Context:
    if context.slash is Slash.UNKNOWN:
        raise ContextError(f"'/' could start a division or regexp: {quote(text[:32])}")
    if context.slash is Slash.REGEXP:
        return context.to(State.JS_REGEXP)
    return attrs.evolve(context, slash=Slash.REGEXP)


def _js_brace(context: Context, mark: str) -> Context:
    """Braces are counted inside the `${}` of a template literal, to know where it ends."""
    context = attrs.evolve(context, slash=Slash.REGEXP)
    if not context.braces:
        return context
    depth = context.braces[-1] + (1 if mark == "{" else -1)
    if depth < 0:
        return attrs.evolve(context, braces=context.braces[:-1], state=State.JS_TEMPLATE)
    return attrs.evolve(context, braces=(*context.braces[:-1], depth))


def _js_literal(context: Context, text: str) -> tuple[Context, int]:
    """Strings, template literals and regular expressions."""
    in_set = False
    for match in _JS_ENDS[context.state].finditer(text):
        mark = match[0]
        if mark == "\\":
            raise ContextError(f"unfinished escape sequence in JS string: {quote(text)}")
        if mark[0] == "\\":
            continue
        if mark == "${":
            return attrs.evolve(context, state=State.JS, braces=(*context.braces, 0)), match.end()
        if mark in "[]":
            in_set = mark == "["
        elif not in_set and not (mark == "/" and text[match.start() - 1 : match.end() + 6].lower() == "</script"):
            slash = context.slash if context.state is State.JS_TEMPLATE else Slash.DIVISION
            return attrs.evolve(context, state=State.JS, slash=slash), match.end()
    if in_set:
        raise ContextError(f"unfinished JS regexp charset: {quote(text)}")
    return context, len(text)


def _block_comment(context: Context, text: str) -> tuple[Context, int]:
    end = text.find("*/")
    if end < 0:
        return context, len(text)
    return context.to(State.JS if context.state is State.JS_BLOCK_COMMENT else State.CSS), end + 2


def _line_comment(context: Context, text: str) -> tuple[Context, int]:
    pattern, state = _LINE_ENDS[context.state]
    match = pattern.search(text)
    return (context.to(state), match.start()) if match else (context, len(text))


def _css(context: Context, text: str) -> tuple[Context, int]:
    for match in _CSS_SPECIAL.finditer(text):
        mark = match[0]
        if mark[0] in "uU":
            return context.to(_CSS_URL_STATES.get(mark[-1], State.CSS_URL)), match.end()
        if mark[0] == "(":
            if mark[-1] in _CSS_URL_STATES:
                return context.to(_CSS_STATES[mark[-1]]), match.end()
            continue
        return context.to(_CSS_STATES[mark]), match.end()
    return context, len(text)


def _css_string(context: Context, text: str) -> tuple[Context, int]:
    """Every string of a style may be a URL."""
    for match in _CSS_ENDS[context.state].finditer(text):
        if match[0] == "\\":
            raise ContextError(f"unfinished escape sequence in CSS string: {quote(text)}")
        if match[0][0] != "\\":
            return context.to(State.CSS), match.end()
    return url_after(context, decode_css(text))[0], len(text)


def decode_css(text: str) -> str:
    """The text without CSS's escapes."""

    def unescape(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[2]
        point = int(match[1], 16)
        return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else "\ufffd"

    return _CSS_ESCAPE.sub(unescape, text)


SCRIPT_TRANSITIONS: dict[State, Transition] = {
    State.JS: _js,
    **dict.fromkeys(_JS_ENDS, _js_literal),
    State.JS_BLOCK_COMMENT: _block_comment,
    State.CSS_BLOCK_COMMENT: _block_comment,
    **dict.fromkeys(_LINE_ENDS, _line_comment),
    State.CSS: _css,
    **dict.fromkeys(_CSS_ENDS, _css_string),
}
