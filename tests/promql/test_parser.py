"""Queries and the trees they stand for."""

import math

import pytest

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql import PROMQLTEST, Dialect, ast, parse
from obsflow.promql.ast import Anchor, Cardinality, RangeMode, VectorMatching

HERE = (0, 0)


def number(value, is_duration=False):
    return ast.NumberLiteral(value, HERE, is_duration)


def metric(name, *matchers, **modifiers):
    own = (Matcher(METRIC_NAME, MatchOp.EQUAL, name),) if name else ()
    return ast.VectorSelector(name, own + matchers, HERE, **modifiers)


def equal(name, value):
    return Matcher(name, MatchOp.EQUAL, value)


def matrix(selector, range_):
    return ast.MatrixSelector(selector, range_, HERE)


def binary(op, left, right, returns_bool=False, **matching):
    chosen = VectorMatching(**{"cardinality": Cardinality.ONE_TO_ONE, **matching}) if matching else None
    return ast.Binary(op, left, right, HERE, HERE, returns_bool, chosen)


def vectors(op, left, right, **matching):
    return binary(op, left, right, **{"cardinality": Cardinality.ONE_TO_ONE, **matching})


def paren(expr):
    return ast.Paren(expr, HERE)


def call(name, *args):
    return ast.Call(name, args, HERE)


def duration(op, *operands):
    return ast.DurationExpr(op, operands, HERE)


A, B, C = metric("a"), metric("b"), metric("c")

NUMBERS = {
    "1": 1.0,
    "1_000": 1000.0,
    "1_000.5": 1000.5,
    ".5": 0.5,
    "2.": 2.0,
    "1e-3": 0.001,
    "1E3": 1000.0,
    "010": 8.0,
    "08": 8.0,
    "0_10": 8.0,
    "0x1F": 31.0,
    "0x_ff": 255.0,
    "0X1E": 30.0,
    "+1": 1.0,
    "-1": -1.0,
    "--1": 1.0,
    "iNf": math.inf,
    "-Inf": -math.inf,
    "NAN": math.nan,
    "9223372036854775808": 2.0**63,
    "0777777777777777777777777": 777777777777777777777777.0,
}


@pytest.mark.parametrize(("text", "value"), NUMBERS.items())
def test_numbers_are_read_as_go_reads_them(text, value):
    """Octal, hexadecimal and underscores included; a sign is part of a literal."""
    assert parse(text) == number(value)


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300.0), ("1h30m", 5400.0), ("100ms", 0.1), ("-2d", -172800.0)])
def test_a_duration_is_a_number_of_seconds(text, seconds):
    """Wherever a number may stand, and it remembers how it was written."""
    assert parse(text) == number(seconds, is_duration=True)


STRINGS = {
    r'"a"': "a",
    r"'a'": "a",
    r"`a\n`": r"a\n",
    "`a\nb`": "a\nb",
    r'"\a\b\f\n\r\t\v\\"': "\a\b\f\n\r\t\v\\",
    r"'\''": "'",
    r'"\""': '"',
    r'"\101\x41\u0041\U00000041"': "AAAA",
    r'"\xc3\xa9"': "é",
    r'"\xff"': "\udcff",
    r'"# no comment"': "# no comment",
}


@pytest.mark.parametrize(("text", "value"), STRINGS.items())
def test_strings_are_unescaped_as_in_go(text, value):
    """Backticks keep everything; escaped bytes that are no UTF-8 are carried along."""
    assert parse(text) == ast.StringLiteral(value, HERE)


SELECTORS = {
    "a": A,
    "job:rate:sum": metric("job:rate:sum"),
    "sum": metric("sum"),
    "Offset": metric("Offset"),
    "fill": metric("fill"),
    "start": metric("start"),
    "a{}": A,
    'a{b="c",}': metric("a", equal("b", "c")),
    'a{b!="c", d=~"e|f", g!~"h.*"}': metric(
        "a",
        Matcher("b", MatchOp.NOT_EQUAL, "c"),
        Matcher("d", MatchOp.REGEX, "e|f"),
        Matcher("g", MatchOp.NOT_REGEX, "h.*"),
    ),
    "{sum=\"x\", on='y'}": metric("", equal("sum", "x"), equal("on", "y")),
    '{"http.requests", "a b"="c"}': metric("", equal(METRIC_NAME, "http.requests"), equal("a b", "c")),
    '{__name__="x"}': metric("", equal(METRIC_NAME, "x")),
    "a{# why\n b='c'}": metric("a", equal("b", "c")),
}


@pytest.mark.parametrize(("text", "tree"), SELECTORS.items())
def test_selectors(text, tree):
    """Matchers stay in the order of the text, that of the name outside the braces first."""
    assert parse(text) == tree


MODIFIERS = {
    "a offset 5m": metric("a", offset=300_000),
    "a OFFSET -5m": metric("a", offset=-300_000),
    "a offset 1.5": metric("a", offset=1500),
    "a offset 0 offset 1s": metric("a", offset=1000),
    "a @ 1.0005": metric("a", at=1001),
    "a @ -1.0005": metric("a", at=-1001),
    "a @ 1m": metric("a", at=60_000),
    "a @ start() offset 1s": metric("a", at=Anchor.START, offset=1000),
    "a offset 1s @ END()": metric("a", at=Anchor.END, offset=1000),
    "a anchored offset 1s": metric("a", mode=RangeMode.ANCHORED, offset=1000),
    "a[5m]": matrix(A, 300_000),
    "a[90]": matrix(A, 90_000),
    "a[1h30m] @ 5 offset 1m": matrix(metric("a", at=5000, offset=60_000), 5_400_000),
    "a[5m] smoothed": matrix(metric("a", mode=RangeMode.SMOOTHED), 300_000),
    "a smoothed[5m]": matrix(metric("a", mode=RangeMode.SMOOTHED), 300_000),
    "a[1h:]": ast.Subquery(A, 3_600_000, None, HERE),
    "a[1h:5m] @ end() offset 1d": ast.Subquery(A, 3_600_000, 300_000, HERE, offset=86_400_000, at=Anchor.END),
    "rate(a[1m])[1h:5m]": ast.Subquery(call("rate", matrix(A, 60_000)), 3_600_000, 300_000, HERE),
    "(a[5m:])": paren(ast.Subquery(A, 300_000, None, HERE)),
    "a offset 1m [5m:]": ast.Subquery(metric("a", offset=60_000), 300_000, None, HERE),
    "a[198d20h11m9s183ms]": matrix(A, 17_179_869_183),
}


@pytest.mark.parametrize(("text", "tree"), MODIFIERS.items())
def test_modifiers(text, tree):
    """Ranges, subqueries, `offset`, `@`, `anchored` and `smoothed`, in ms and in any order that is allowed."""
    assert parse(text, PROMQLTEST) == tree


DURATIONS = {
    "a[step()]": duration("step"),
    "a[STEP() * 2]": duration("*", duration("step"), number(2.0)),
    "a[5m + 1m * 2]": duration("+", number(300.0, True), duration("*", number(60.0, True), number(2.0))),
    "a[2 ^ 3 ^ 2]": duration("^", number(2.0), duration("^", number(3.0), number(2.0))),
    "a[-2 ^ 2]": duration("-", duration("^", number(2.0), number(2.0))),
    "a[(-2) ^ 2]": duration("^", number(-2.0), number(2.0)),
    "a[((5m - 1m))]": duration("()", duration("-", number(300.0, True), number(60.0, True))),
    "a[-(-step())]": duration("-", duration("()", duration("-", duration("step")))),
    "a[max_of(step(), 5m)]": duration("max_of", duration("step"), number(300.0, True)),
    "a[range() % 7]": duration("%", duration("range"), number(7.0)),
    "a[(5m)]": 300_000,
    "a[-(-5m)]": 300_000,
}


@pytest.mark.parametrize(("text", "tree"), DURATIONS.items())
def test_duration_expressions(text, tree):
    """What is known at once is a number of ms; parentheses stay only where they hold something together."""
    assert parse(text) == matrix(A, tree)


OFFSETS = {
    "a offset step()": duration("step"),
    "a offset -range()": duration("-", duration("range")),
    "a offset (step() / 2)": duration("()", duration("/", duration("step"), number(2.0))),
    "a offset -min_of(1, 2)": duration("-", duration("min_of", number(1.0), number(2.0))),
    "a offset -(5m)": -300_000,
}


@pytest.mark.parametrize(("text", "tree"), OFFSETS.items())
def test_offset_expressions(text, tree):
    """Calls need no parentheses, arithmetic does."""
    assert parse(text) == metric("a", offset=tree)


def test_an_offset_ends_before_an_operator():
    """`offset 5m ^ 2` is the power of a selector."""
    assert parse("a offset 5m ^ 2") == binary("^", metric("a", offset=300_000), number(2.0))
    assert parse("a offset -(5m) * 2") == binary("*", metric("a", offset=-300_000), number(2.0))
    assert parse("a offset step() * 2") == binary(
        "*", metric("a", offset=ast.DurationExpr("step", (), HERE)), number(2.0)
    )


def test_an_offset_in_parentheses_reads_on():
    """`offset (5m) * 2` is ten minutes, as in Prometheus; so it is after two signs."""
    for text in ("a offset (5m) * 2", "a offset --5m * 2"):
        assert parse(text) == parse("a offset (5m * 2)")
    assert parse("(a offset (5m)) * 2") == binary("*", ast.Paren(metric("a", offset=300_000), HERE), number(2.0))


PRECEDENCES = {
    "1 + 2 * 3": binary("+", number(1.0), binary("*", number(2.0), number(3.0))),
    "1 - 2 - 3": binary("-", binary("-", number(1.0), number(2.0)), number(3.0)),
    "2 ^ 3 ^ 2": binary("^", number(2.0), binary("^", number(3.0), number(2.0))),
    "-1 ^ 2": ast.Unary("-", binary("^", number(1.0), number(2.0)), HERE),
    "2 ^ -1 * 3": binary("*", binary("^", number(2.0), number(-1.0)), number(3.0)),
    "-a * b": vectors("*", ast.Unary("-", A, HERE), B),
    "(1 + 2) * 3": binary("*", paren(binary("+", number(1.0), number(2.0))), number(3.0)),
    "1 atan2 2 / 3": binary("/", binary("atan2", number(1.0), number(2.0)), number(3.0)),
    "a > 1 > 2": binary(">", binary(">", A, number(1.0)), number(2.0)),
    "a </ 1": binary("</", A, number(1.0)),
    "1 == bool 2": binary("==", number(1.0), number(2.0), returns_bool=True),
    "a or b and c": vectors(
        "or",
        A,
        vectors("and", B, C, cardinality=Cardinality.MANY_TO_MANY),
        cardinality=Cardinality.MANY_TO_MANY,
    ),
    "a unless b > c": vectors("unless", A, vectors(">", B, C), cardinality=Cardinality.MANY_TO_MANY),
}


@pytest.mark.parametrize(("text", "tree"), PRECEDENCES.items())
def test_precedence(text, tree):
    """From `or` up to `^`, which alone associates to the right; a sign binds like `*`."""
    assert parse(text) == tree


MATCHINGS = {
    "a + b": {},
    "a + on() b": {"on": True},
    "a + ignoring(x,) b": {"labels": ("x",)},
    'a + on(x, "y z", by) b': {"on": True, "labels": ("x", "y z", "by")},
    "a + on(x) group_left b": {"on": True, "labels": ("x",), "cardinality": Cardinality.MANY_TO_ONE},
    "a + ignoring() group_right(z) b": {"cardinality": Cardinality.ONE_TO_MANY, "include": ("z",)},
    "a + fill(1) b": {"fill_left": 1.0, "fill_right": 1.0},
    "a + fill\n (1) b": {"fill_left": 1.0, "fill_right": 1.0},
    "a + on(x) fill_right(-1) fill_left(5m) b": {"on": True, "labels": ("x",), "fill_left": 300.0, "fill_right": -1.0},
    "a + fill_left(NaN) b": {"fill_left": math.nan},
}


@pytest.mark.parametrize(("text", "matching"), MATCHINGS.items())
def test_vector_matching(text, matching):
    """`on` and `ignoring`, grouping, and values to fill in."""
    assert parse(text, PROMQLTEST) == vectors("+", A, B, **matching)


@pytest.mark.parametrize("text", ["a + on() 1", "1 + ignoring() a", "1 + 2"])
def test_a_scalar_operand_is_not_matched(text):
    """Only operators between two vectors carry a matching."""
    assert parse(text).matching is None


AGGREGATIONS = {
    "sum(a)": ast.Aggregation("sum", A, HERE),
    "SUM by (x, Y) (a)": ast.Aggregation("sum", A, HERE, grouping=("x", "Y")),
    "sum(a) without (x,)": ast.Aggregation("sum", A, HERE, grouping=("x",), without=True),
    "sum by () (a)": ast.Aggregation("sum", A, HERE),
    "topk(5, a)": ast.Aggregation("topk", A, HERE, param=number(5.0)),
    'count_values by (x) ("v", a)': ast.Aggregation(
        "count_values", A, HERE, param=ast.StringLiteral("v", HERE), grouping=("x",)
    ),
}


@pytest.mark.parametrize(("text", "tree"), AGGREGATIONS.items())
def test_aggregations(text, tree):
    """The clause stands before the arguments or after them."""
    assert parse(text) == tree


CALLS = {
    "time()": call("time"),
    "rate(a[5m])": call("rate", matrix(A, 300_000)),
    "round(a, 5)": call("round", A, number(5.0)),
    "step()": call("step"),
    "end() - start()": binary("-", call("end"), call("start")),
    'info(a, {b=~".*"})': call("info", A, metric("", Matcher("b", MatchOp.REGEX, ".*"))),
    "info(a, {})": call("info", A, metric("")),
}


@pytest.mark.parametrize(("text", "tree"), CALLS.items())
def test_calls(text, tree):
    """Optional arguments may be left out; `info` reads a selector as matchers alone."""
    assert parse(text, PROMQLTEST) == tree


def test_comments_and_lines_do_not_matter():
    """A query may be laid out and annotated."""
    text = "sum by (job) ( # per job\n  rate(a[5m]) # how fast\n)\n/ 2 # half"
    assert parse(text) == parse("sum by (job) (rate(a[5m])) / 2")


def test_spans_cover_what_they_name():
    """Also that of an operator, which reaches over its modifiers."""
    text = "sum(a) by (x) / on (x) group_left () rate(b[5m] offset 1m)"
    tree = parse(text)
    assert text[slice(*tree.span)] == text
    assert text[slice(*tree.left.span)] == "sum(a) by (x)"
    assert text[slice(*tree.op_span)] == "/ on (x) group_left ()"
    assert text[slice(*tree.right.args[0].span)] == "b[5m] offset 1m"
    assert text[slice(*tree.right.args[0].selector.span)] == "b"


SWITCHES = {
    "experimental_functions": "mad_over_time(a[5m])",
    "duration_expressions": "a[step()]",
    "extended_range_selectors": "rate(a[5m] anchored)",
    "binop_fill_modifiers": "a + fill(1) b",
}


@pytest.mark.parametrize(("switch", "text"), SWITCHES.items())
def test_each_switch_opens_its_part_of_the_language(switch, text):
    """Off, the construct is refused with a word on why; on, it parses."""
    with pytest.raises(ValueError, match="not enabled"):
        parse(text, Dialect(**{switch: False}))
    assert parse(text, Dialect(**{switch: True})) is not None


def test_presets():
    """The defaults are a server's; test scripts have more."""
    assert Dialect.prometheus == Dialect()
    assert Dialect.promqltest.experimental_functions
    assert not Dialect.prometheus.experimental_functions
