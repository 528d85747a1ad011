"""Vector selectors: a metric name, matchers in braces, or both."""

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.regex import RegexError
from obsflow.promql.ast import VectorSelector
from obsflow.promql.cursor import Cursor
from obsflow.promql.lexer import Kind, Token

_CONTEXT = "label matching"
_MATCH_OPS = {op.value: op for op in MatchOp}
_NOT_METRIC_NAMES = frozenset(("bool", "on", "ignoring", "group_left", "group_right", "atan2"))


def starts_selector(token: Token) -> bool:
    """Whether a selector may begin with the token."""
    return token.word == "{" or _is_metric_name(token)


def _is_metric_name(token: Token) -> bool:
    if token.kind is Kind.KEYWORD:
        return token.word not in _NOT_METRIC_NAMES
    return token.kind in (Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER)


def parse_selector(cursor: Cursor) -> VectorSelector:
    """Read `name`, `name{...}` or `{...}`. The matcher of a name outside comes first."""
    start = cursor.token.start
    name = cursor.advance().text if _is_metric_name(cursor.token) else ""
    matchers = [Matcher(METRIC_NAME, MatchOp.EQUAL, name)] if name else []
    if cursor.accept("{"):
        while not cursor.accept("}"):
            matchers.append(_parse_matcher(cursor))
            if not cursor.accept(",") and not cursor.at("}"):
                cursor.unexpected(_CONTEXT, '"," or "}"')
    return VectorSelector(name, tuple(matchers), (start, cursor.end))


def _parse_matcher(cursor: Cursor) -> Matcher:
    label = cursor.token
    if label.kind not in (Kind.IDENTIFIER, Kind.STRING):
        cursor.unexpected(_CONTEXT, 'identifier or "}"')
    cursor.advance()
    op = _MATCH_OPS.get(cursor.token.word)
    if label.kind is Kind.STRING:
        name = cursor.unquote(label)
        if op is None:
            return Matcher(METRIC_NAME, MatchOp.EQUAL, name)
    else:
        name = label.text
        if op is None:
            cursor.unexpected(_CONTEXT, "label matching operator")
    cursor.advance()
    value = cursor.token
    if value.kind is not Kind.STRING:
        cursor.unexpected(_CONTEXT, "string")
    cursor.advance()
    try:
        return Matcher(name, op, cursor.unquote(value))
    except RegexError as error:
        cursor.fail(str(error), (label.start, value.end))
