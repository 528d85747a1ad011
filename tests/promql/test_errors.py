"""Queries that are refused: what is said, and where."""

import pytest

from obsflow.errors import QuerySyntaxError
from obsflow.promql import PROMQLTEST, parse
from obsflow.promql.cursor import MAX_DEPTH, MAX_NESTING

LEXICAL = [
    ("", "1:1", "no expression found in input"),
    ("# only this", "1:1", "no expression found in input"),
    ("$", "1:1", "unexpected character: '$'"),
    ("a ! b", "1:3", "unexpected character after '!': ' '"),
    ("a =~ b", "1:3", "unexpected character after '=': '~'"),
    ("a{", "1:3", "unexpected end of input inside braces"),
    ("a}", "1:2", "unexpected character: '}'"),
    ("a{{", "1:3", "unexpected left brace '{'"),
    ("a{1}", "1:3", "unexpected character inside braces: '1'"),
    ("a{b!c}", "1:4", "unexpected character after '!' inside braces: 'c'"),
    ("a[", "1:3", "unexpected end of input in duration expression"),
    ("a[5m", "1:5", "unclosed left bracket"),
    ("a[5m]]", "1:6", "unexpected right bracket ']'"),
    ("a[x]", "1:3", "unexpected character in duration expression: 'x'"),
    ("a[:5m]", "1:3", "unexpected colon before duration in duration expression"),
    ("a[step():5m]", "1:9", "unexpected colon before duration in duration expression"),
    ("a[5m:1m:1m]", "1:8", "unexpected colon ':'"),
    ("a[#c\n5m]", "1:3", "unexpected character in duration expression: '#'"),
    ("a[step2()]", "1:7", 'unexpected number "2" in subquery or range selector'),
    ("a[5m x]", "1:6", "unexpected character: 'x', expected ':'"),
    ("a[5m = 1]", "1:6", 'unexpected "=" in subquery or range, expected ":" or "]"'),
    ("a[5m[", "1:5", "unexpected left bracket '['"),
    ("a[(", "1:4", "unexpected end of input in duration expression"),
    ("(a[5m", "1:6", "unclosed left parenthesis"),
    ("(a", "1:3", "unclosed left parenthesis"),
    ("(a))", "1:4", "unexpected right parenthesis ')'"),
    ('"a', "1:1", "unterminated quoted string"),
    ('"a\nb"', "1:1", "unterminated quoted string"),
    ("`a", "1:1", "unterminated raw string"),
    (r'"\z"', "1:2", "unknown escape sequence U+007A 'z'"),
    (r'"\xg0"', "1:2", "illegal character U+0067 'g' in escape sequence"),
    (r'"\u12"', "1:2", "illegal character U+0022 '\"' in escape sequence"),
    (r'a "\08"', "1:4", "illegal character U+0038 '8' in escape sequence"),
    ('"\\x\n"', "1:2", "illegal character U+000A in escape sequence"),
    ('"\\', "1:2", "escape sequence not terminated"),
    ('"a\\q', "1:3", "unknown escape sequence U+0071 'q'"),
    (r'"\ud800"', "1:2", "escape sequence is an invalid Unicode code point"),
    (r'"\777"', "1:2", "escape sequence is an invalid Unicode code point"),
    ("'\udc80'", "1:1", "invalid UTF-8 rune"),
    ("1.5h", "1:1", 'unknown unit "." in duration "1.5h"'),
    ("a[5hs]", "1:3", 'unknown unit "hs" in duration "5hs"'),
    ("5x", "1:1", 'bad number or duration syntax: "5x"'),
    ("1__0", "1:1", 'bad number or duration syntax: "1__0"'),
    ("1e999", "1:1", 'error parsing number: "1e999" is out of range'),
    ("5m1h", "1:1", 'not a valid duration string: "5m1h"'),
    ("1000000y", "1:1", "duration out of range"),
]

SYNTAX = [
    ("a\nb", "2:1", 'unexpected identifier "b"'),
    ("a by", "1:3", "unexpected <by>"),
    ("a sum", "1:3", "unexpected <aggr:sum>"),
    ("1 + *", "1:5", "unexpected <op:*>"),
    ("a and", "1:6", "unexpected end of input"),
    ("a start", "1:3", 'unexpected "start"'),
    ("a Start", "1:3", 'unexpected "Start"'),
    ("a BY", "1:3", "unexpected <BY>"),
    ("@", "1:1", "unexpected <op:@>"),
    ('a "a long string"', "1:3", r'unexpected string "\"a long st"...'),
    ("atan2", "1:1", "unexpected <op:atan2>"),
    ("a:b(1)", "1:4", 'unexpected "("'),
    ("a{b}", "1:4", 'unexpected "}" in label matching, expected label matching operator'),
    ("a{b=c}", "1:5", 'unexpected identifier "c" in label matching, expected string'),
    ('a{b="c" d}', "1:9", 'unexpected identifier "d" in label matching, expected "," or "}"'),
    ("a{,}", "1:3", 'unexpected "," in label matching, expected identifier or "}"'),
    ("sum by a", "1:8", 'unexpected identifier "a" in grouping opts, expected "("'),
    ("sum by (1) (a)", "1:9", 'unexpected number "1" in grouping opts, expected label'),
    ("sum by (a b) (c)", "1:11", 'unexpected identifier "b" in grouping opts, expected "," or ")"'),
    ('sum by ("") (a)', "1:9", 'invalid label name for grouping: ""'),
    ("sum by (a)", "1:11", "unexpected end of input in aggregation"),
    ("sum()", "1:1", "no arguments for aggregate expression provided"),
    ("sum(a, b)", "1:1", "wrong number of arguments for aggregate expression provided, expected 1, got 2"),
    ("topk(a)", "1:1", "wrong number of arguments for aggregate expression provided, expected 2, got 1"),
    ("rate(a[5m],)", "1:11", "trailing commas not allowed in function call args"),
    ("nope(a)", "1:1", 'unknown function with name "nope"'),
    ("RATE(a[5m])", "1:1", 'unknown function with name "RATE"'),
    ("sum by (without) (a)", "1:9", "unexpected <without> in grouping opts, expected label"),
    ("a offset (1m) + b", "1:17", 'unexpected identifier "b" in offset, expected number, duration, step(), or range()'),
    ("a + group_left b", "1:5", "unexpected <group_left>"),
    ("a + fill(x) b", "1:10", 'unexpected identifier "x"'),
    ("a offset", "1:9", "unexpected end of input in offset, expected number, duration, step(), or range()"),
    ("a @ b", "1:5", 'unexpected identifier "b" in @, expected timestamp'),
    ("a @ nan", "1:1", "timestamp out of bounds for @ modifier: nan"),
    ("a @ 1 @ 2", "1:1", "@ <timestamp> may not be set multiple times"),
    ("a offset 1s offset 2s", "1:1", "offset may not be set multiple times"),
    (
        "1 offset 1s",
        "1:1",
        "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ),
    (
        "sum(a) @ 1",
        "1:1",
        "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ),
    ("a[0]", "1:3", "duration must be greater than 0"),
    ("a[5m:-1m]", "1:6", "duration must be greater than 0"),
    ("a[1e20]", "1:3", "duration out of range"),
    ("a[5m / 0]", "1:6", "division by zero"),
    ("a[5m % 0]", "1:6", "modulo by zero"),
    ("a[5m 5m]", "1:6", 'unexpected duration "5m" in subquery or range, expected ":" or "]"'),
    ("a[]", "1:3", 'unexpected "]" in subquery or range selector, expected number, duration, step(), or range()'),
    ("(a)[5m]", "1:4", "ranges only allowed for vector selectors"),
    ("a offset 1m [5m]", "1:13", "no offset modifiers allowed before range"),
    ("a @ end() [5m]", "1:11", "no @ modifiers allowed before range"),
    ("a anchored smoothed", "1:1", "anchored and smoothed modifiers cannot be used together"),
    ("a[5m:] anchored", "1:1", "anchored modifier is not supported for subqueries"),
    ("sum(a) smoothed", "1:1", "smoothed modifier is only supported for selectors"),
]

TYPES = [
    ("{}", "1:1", "vector selector must contain at least one non-empty matcher"),
    ('{a=~".*"}', "1:1", "vector selector must contain at least one non-empty matcher"),
    ('a{__name__="b"}', "1:1", 'metric name must not be set twice: "a" or "b"'),
    ('-"a"', "1:1", 'unary expression only allowed on expressions of type scalar or instant vector, got "string"'),
    (
        "-a[5m]",
        "1:1",
        'unary expression only allowed on expressions of type scalar or instant vector, got "range vector"',
    ),
    ("1 == 1", "1:3", "comparisons between scalars must use BOOL modifier"),
    ("a + bool b", "1:3", "bool modifier can only be used on comparison operators"),
    ("1 and a", "1:1", 'set operator "and" not allowed in binary scalar expression'),
    ("a and on(x) group_left(y) b", "1:1", 'no grouping allowed for "and" operation'),
    ("a and fill(1) b", "1:1", "filling in missing series not allowed for set operators"),
    ("a + fill(1) 2", "1:1", "filling in missing series only allowed between instant vectors"),
    ("a + on(x) 1", "1:1", "vector matching only allowed between instant vectors"),
    ("a * on(x) group_left(x) b", "1:3", 'label "x" must not occur in ON and GROUP clause at once'),
    ("a + b[5m]", "1:5", "binary expression must contain only scalar and instant vector types"),
    ("sum(1)", "1:5", "expected type instant vector in aggregation expression, got scalar"),
    ("topk(a, b)", "1:6", "expected type scalar in aggregation parameter, got instant vector"),
    ("count_values(1, a)", "1:14", "expected type string in aggregation parameter, got scalar"),
    ("rate(a)", "1:6", 'expected type range vector in call to function "rate", got instant vector'),
    ("time(1)", "1:1", 'expected 0 argument(s) in call to "time", got 1'),
    ("label_join(a, 'b')", "1:1", 'expected at least 3 argument(s) in call to "label_join", got 2'),
    ("round(a, 1, 2)", "1:1", 'expected at most 2 argument(s) in call to "round", got 3'),
    ("a[5m][1h:]", "1:1", "subquery is only allowed on instant vector, got matrix instead"),
    ("info(a, b)", "1:9", "expected label selectors only, got vector selector instead"),
    ("info(a, sum(b))", "1:9", "expected label selectors only"),
    ("info(a, 1)", "1:9", 'expected type instant vector in call to function "info", got scalar'),
]


@pytest.mark.parametrize(("text", "where", "message"), LEXICAL + SYNTAX + TYPES)
def test_refusals_say_what_and_where(text, where, message):
    """In the words of Prometheus where it has good ones."""
    with pytest.raises(QuerySyntaxError) as caught:
        parse(text, PROMQLTEST)
    assert caught.value.message == message
    assert "{}:{}".format(*caught.value.position) == where


def test_a_pattern_is_utf8():
    """A stray byte is an error of the query, wherever it stands in a pattern."""
    for pattern in (r"\xff", r"b|\xff", r"[\xff]"):
        with pytest.raises(QuerySyntaxError, match="invalid UTF-8"):
            parse(f'a{{b=~"{pattern}"}}')


def test_a_refusal_shows_the_place():
    """With a caret under it, in a query of several lines."""
    with pytest.raises(QuerySyntaxError) as caught:
        parse("sum(\n  rate(a[5m)\n)")
    assert str(caught.value) == (
        '2:12: parse error: unexpected ")" in subquery or range, expected ":" or "]"\n  rate(a[5m)\n           ^'
    )


def test_the_first_mistake_is_the_one_reported():
    """What the grammar objects to comes before a character that makes no sense later on."""
    with pytest.raises(QuerySyntaxError, match=r'unexpected identifier "b"'):
        parse("a b $")


def test_a_bad_pattern_is_an_error_of_the_query():
    """And its span is the matcher."""
    with pytest.raises(QuerySyntaxError, match="invalid regular expression") as caught:
        parse('a{b="c",d=~"["}')
    assert caught.value.span == (8, 14)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "-" * 5000 + "a",
        "sum(" * 5000,
        "2 ^ " * 5000 + "2",
        "a[" + "(" * 5000,
        "a[" + "-" * 5000 + "1]",
        "a offset " + "-" * 5000 + "1",
        "a + " * 5000 + "a",
        "a[" + "step() + " * 5000 + "1]",
        "a offset (" + "step() + " * 5000 + "1)",
        "a" + "[5m:]" * 5000,
    ],
    ids=lambda text: text[:12],
)
def test_depth_is_limited(text):
    """A clear error, however the query is made deep."""
    with pytest.raises(QuerySyntaxError, match=r"levels deep|only allowed on instant vector"):
        parse(text)


def test_what_people_write_is_within_the_limits():
    """Depth is for machines to exceed."""
    assert parse("(" * (MAX_NESTING - 1) + "a" + ")" * (MAX_NESTING - 1)) is not None
    assert parse(" or ".join("a" * (MAX_DEPTH))) is not None
