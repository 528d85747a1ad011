"""Strategies of expressions, rules and alerts, and series for expressions: each makes what it says."""

import subprocess
import sys

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from obsflow.errors import NotFoundError, QueryError, QuerySyntaxError
from obsflow.model.matchers import Matcher, MatchOp, all_match
from obsflow.promql import PROMETHEUS, PROMQLTEST, Dialect, ast, parse, render
from obsflow.promql.ast import ValueType
from obsflow.promql.inspect import selectors, value_type, walk
from obsflow.promql.signatures import AGGREGATIONS, FUNCTIONS
from obsflow.query.engine import Engine
from obsflow.testing import strategies as obs

CALM = settings(deadline=None, derandomize=True, database=None, max_examples=60)
EAGER = settings(CALM, max_examples=3000, phases=[Phase.generate])
SHRINKING = settings(CALM, phases=[Phase.generate, Phase.shrink])
MINUTE = 60_000
TIMES = range(0, 10 * MINUTE, MINUTE)
DIALECTS = {"prometheus": PROMETHEUS, "promqltest": PROMQLTEST, "plain": Dialect(duration_expressions=False)}


def found(strategy, condition):
    """Any example, as it came."""
    return find(strategy, condition, settings=EAGER)


def simplest(strategy, condition=lambda _: True):
    """The example to which others shrink."""
    return find(strategy, condition, settings=SHRINKING)


def nodes(expr):
    return [node for node, _ in walk(expr)]


def called(expr):
    names = {node.name for node in nodes(expr) if isinstance(node, ast.Call)}
    return names | {node.op for node in nodes(expr) if isinstance(node, ast.Aggregation)}


def test_nothing_else_needs_hypothesis():
    """obsflow, its commands and its runners of tests load without it."""
    code = (
        "import sys, obsflow, obsflow.cli.main, obsflow.testing.promql_tests.runner;"
        "print([name for name in sys.modules if name.startswith('hypothesis')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[]\n", "")


# ---- expressions


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("wanted", ValueType)
def test_expressions_have_their_type_and_parse_back(wanted, dialect):
    """An expression is of the type asked for, prints in canonical form, and equals what that parses to."""

    @CALM
    @given(st.data(), st.integers(0, 3))
    def check(data, depth):
        expr = data.draw(obs.expressions(wanted, depth=depth, dialect=dialect))
        assert value_type(expr) is wanted
        assert parse(render(expr), dialect) == expr
        text = data.draw(obs.queries(wanted, depth=depth, dialect=dialect))
        assert render(parse(text, dialect)) == text

    check()


@CALM
@given(
    obs.expressions(
        metrics=("sum", "http.requests"), labels={"le": ("1",), "a b": ('"', "\\d|")}, functions=("rate", "max")
    )
)
def test_expressions_are_of_their_vocabulary(expr):
    """Metrics, labels, functions and aggregations are those given, also where names need quotes."""
    tests = [matcher for selector in selectors(expr) for matcher in selector.matchers]
    groupings = [name for node in nodes(expr) if isinstance(node, ast.Aggregation) for name in node.grouping]

    assert called(expr) <= {"rate", "max"}
    assert {matcher.name for matcher in tests} | set(groupings) <= {"__name__", "le", "a b"}
    assert {matcher.value for matcher in tests if matcher.name == "__name__"} <= {"sum", "http.requests"}


@CALM
@given(obs.expressions(depth=3), obs.expressions(depth=0), obs.expressions(labels={}, functions=()))
def test_expressions_keep_to_dialect_and_depth(stable, flat, bare):
    """Without flags nothing experimental comes, depth 0 is a selector, and what is not given does not come."""
    experimental = {name for name, each in (FUNCTIONS | AGGREGATIONS).items() if each.experimental}

    assert not called(stable) & experimental
    assert isinstance(flat, ast.VectorSelector)
    assert called(bare) == set()
    assert all(len(selector.matchers) == 1 for selector in selectors(bare))


@pytest.mark.parametrize("name", sorted((FUNCTIONS.keys() | AGGREGATIONS.keys()) - {"info"}))
def test_every_function_comes(name):
    """Each function and aggregation can be asked for alone, and comes."""
    wanted = FUNCTIONS[name].returns if name in FUNCTIONS else ValueType.VECTOR

    expr = found(
        obs.expressions(wanted, functions=[name], depth=1, dialect=PROMQLTEST), lambda expr: name in called(expr)
    )

    assert called(expr) == {name}


def has(kind, condition=lambda _: True):
    return lambda expr: any(isinstance(node, kind) and condition(node) for node in nodes(expr))


INTERESTING = {
    "a matcher with alternatives": has(ast.VectorSelector, lambda s: any("|" in m.value for m in s.matchers[1:])),
    "an offset into the future": has(ast.VectorSelector, lambda s: isinstance(s.offset, int) and s.offset < 0),
    "a time": has(ast.VectorSelector, lambda s: s.at is ast.Anchor.END),
    "a rate of a counter": has(ast.Call, lambda c: c.name == "rate" and "requests_total" in render(c)),
    "a quantile of a rate": has(ast.Call, lambda c: c.name == "histogram_quantile" and "rate" in render(c)),
    "a subquery": has(ast.Subquery),
    "a computed duration": has(ast.MatrixSelector, lambda m: isinstance(m.range, ast.DurationExpr)),
    "labels taken from the one side": has(ast.Binary, lambda b: b.matching and b.matching.include),
    "a set operator": has(ast.Binary, lambda b: b.op == "unless" and b.matching.labels),
    "a comparison of scalars": has(ast.Binary, lambda b: b.returns_bool and b.matching is None),
    "a grouping": has(ast.Aggregation, lambda a: a.without and a.grouping),
    "a filling": has(ast.Binary, lambda b: b.matching and b.matching.fill_left is not None),
    "an anchored window": has(ast.MatrixSelector, lambda m: m.selector.mode is ast.RangeMode.ANCHORED),
}


@pytest.mark.parametrize("case", INTERESTING)
def test_interesting_expressions_are_found(case):
    """Each of them comes up by chance."""
    few = ("rate", "sum", "max_over_time", "histogram_quantile")

    assert INTERESTING[case](found(obs.expressions(functions=few, dialect=PROMQLTEST), INTERESTING[case]))


def test_the_simplest_expression_is_a_metric():
    """Shrunk as far as it goes, an expression is a name; one around something needed is bare but for that."""
    assert simplest(obs.queries()) == "queue_length"
    assert simplest(obs.queries(), lambda text: "rate" in text) == "rate(requests_total[5m])"


def test_a_function_that_is_none_is_refused():
    """A name that is neither function nor aggregation is an error at once."""
    with pytest.raises(NotFoundError, match="sumo"):
        obs.queries(functions=("sum", "sumo"))


# ---- labels and patterns


PATTERNS = {
    "5..": "500",
    "a|b|": "b",
    ".*": "",
    ".+": "0",
    "node-[0-9]+": "node-0",
    "(api|web)(-canary)?": "web-canary",
    "(?i:prod).*": "prod",
    "^/api/v[12]/\\w+$": "/api/v2/a0",
    "\\d{3}": "090",
    "a{2,}": "aaa",
    "x{,3}": "x{,3}",
    "[^/]+\\.svc": "a.svc",
    "[[:alpha:]_][\\d]": "a0",
    "\\Qa.b*\\Eq?": "a.b*q",
    "(?P<n>east|west)-\\x41\\x{42}": "east-AB",
    "[a\\-z]*?": "za",
    "()|k": "k",
    "[]a]": "]",
    "[a-]": "-",
    "\\bup\\b": "up",
    "a\\.b": "a.b",
    "é|ü": "ü",
    "(?i)on|off": "on",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_texts_match_their_pattern(pattern):
    """All texts that are found for a pattern match it, and there is one for each of its ways."""
    matcher = Matcher("x", MatchOp.REGEX, pattern)
    texts = set()

    @CALM
    @given(obs.texts_matching(pattern))
    def check(text):
        assert matcher.matches(text)
        texts.add(text)

    check()
    assert PATTERNS[pattern] in texts


def test_a_pattern_without_texts_is_refused():
    """What matches nothing, and what RE2 does not accept, cannot be drawn from."""
    for pattern in ("a^b", "("):
        with pytest.raises(ValueError, match=r"."):
            obs.texts_matching(pattern)


@CALM
@given(obs.matchers({"a": ("x+", "y"), "b": ("",)}))
def test_matchers_are_about_the_values_given(matcher):
    """Every matcher tells at least one of the values from something else, metacharacters or not."""
    values = {"a": ("x+", "y"), "b": ("",)}[matcher.name]

    assert any(matcher.matches(value) is matcher.op.is_positive for value in values)
    assert matcher.matches("none of them") is not matcher.op.is_positive or matcher.value == ".*"


# ---- series for an expression


EXPRESSIONS = {
    "errors": 'sum by (job) (rate(http_requests_total{status=~"5.."}[5m])) '
    "/ sum by (job) (rate(http_requests_total[5m])) > 0.05",
    "quantile": 'histogram_quantile(0.95, sum by (le, path) (rate(d_seconds_bucket{path!="/health"}[5m]))) > 0.5',
    "down": 'up{job="myapp"} == 0',
    "memory": 'usage_bytes{pod=~"myapp-.*"} / limit_bytes{pod=~"myapp-.*"} > 0.9',
    "join": 'cpu * on (instance) group_left (version) build_info{version!=""}',
    "one bucket": 'd_bucket{le="0.25"} / ignoring (le) d_count > 0.5',
    "names": '{__name__=~"a_total|b_total", env!~"dev|test"} > 5',
    "without": "sum without (cpu) (busy) / cores > 0.5",
    "subquery": "max_over_time((depth > 10)[5m:1m])",
    "absent": 'absent(up{job="a"}) or up{job="b"} unless on (job) muted{job=~".+"}',
    "info": 'info(rate(requests_total[5m]), {version=~"v[0-9]"})',
    "far": "delta(temperature{room=~`[a-c]\\d`}[2m]) > 3",
}


@pytest.mark.parametrize("text", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_every_selector_finds_a_series(text):
    """Each time, unless scrapes are missed; no two series have the same labels."""
    tree = parse(text, PROMQLTEST)

    @settings(CALM, max_examples=20)
    @given(obs.series_for(text, times=TIMES))
    def check(several):
        for selector in selectors(tree):
            assert any(finds(selector, each.labels) for each in several), render(selector)
        assert len({each.labels for each in several}) == len(several)
        obs.store(several)

    check()


def finds(selector, labels):
    return all_match(selector.matchers, labels)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_has_an_answer_and_sometimes_none(name):
    """Joins meet, thresholds are passed, and also not."""
    text = EXPRESSIONS[name]

    def answer(several):
        return Engine(obs.store(several), dialect=PROMQLTEST).query(text, TIMES[-1]).vector()

    def fails(several):
        try:
            return bool(answer(several))
        except QueryError:
            return False

    strategy = obs.series_for(text, times=TIMES, gaps=True)
    assert answer(found(strategy, fails))
    assert not fails(found(strategy, lambda several: not fails(several)))


def test_kinds_follow_from_the_expression():
    """Rates have counters, buckets come with their whole histogram, and le is among the bounds."""
    three = 'rate(odd[5m]) + b_total + on (instance) sum(h_bucket{le="0.3",x="y"}) > g'
    several = found(obs.series_for(three, times=TIMES), lambda each: len(each) > 8)
    names = {each.labels.name for each in several}

    assert {"odd", "b_total", "h_bucket", "h_count", "h_sum", "g"} <= names
    assert {"0.3", "+Inf"} <= {each.labels.get("le") for each in several}
    falling = found(obs.series_for("rate(odd[5m]) > g", times=TIMES), lambda s: len(set(named(s, "g").values)) > 1)
    assert sorted(named(falling, "odd").values) == list(named(falling, "odd").values)


def named(several, name):
    return next(each for each in several if each.labels.name == name)


BYSTANDERS = {
    "another status": lambda each: not finds(selectors(parse(EXPRESSIONS["errors"]))[0], each.labels),
    "another entity": lambda each: each.labels.get("instance") == "instance-1",
}


@pytest.mark.parametrize("case", BYSTANDERS)
def test_there_are_series_beside_those_that_must_be(case):
    """Some are refused by a matcher, and some are of a second entity; neither comes where it is not wanted."""
    condition = BYSTANDERS[case]
    only = obs.series_for(EXPRESSIONS["errors"], times=TIMES, max_entities=1, bystanders=False)

    assert any(
        map(condition, found(obs.series_for(EXPRESSIONS["errors"], times=TIMES), lambda s: any(map(condition, s))))
    )

    @CALM
    @given(only)
    def check(several):
        assert not any(finds(selectors(parse('x{status="other"}'))[0], each.labels) for each in several)
        assert {each.labels["instance"] for each in several} == {"instance-0"}

    check()


def test_simplest_series_are_one_for_each_selector():
    """Shrunk as far as they go: one entity, no bystander, nothing moves."""
    several = simplest(obs.series_for(EXPRESSIONS["memory"], times=TIMES))

    assert [each.notation(TIMES) for each in several] == [
        'usage_bytes{instance="instance-0",pod="myapp-"} 0x9',
        'limit_bytes{instance="instance-0",pod="myapp-"} 0x9',
    ]


def test_what_nothing_satisfies_has_no_series():
    """Matchers that exclude one another leave the others theirs; a text that is no query is an error."""
    several = found(obs.series_for('a{x="1",x="2"} or b', times=TIMES), lambda _: True)

    assert [each.labels.name for each in several] == ["b"]
    with pytest.raises(QuerySyntaxError):
        found(obs.series_for("sum("), lambda _: True)


@settings(CALM, max_examples=100)
@given(st.data())
def test_any_expression_can_be_asked_of_its_series(data):
    """The engine answers, or says why not, whatever comes of expressions and their series."""
    text = data.draw(obs.queries(dialect=PROMQLTEST))
    several = data.draw(obs.series_for(text, times=TIMES, gaps=True))
    try:
        Engine(obs.store(several), dialect=PROMQLTEST).query(text, TIMES[-1])
    except QueryError:
        return
