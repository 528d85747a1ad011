"""What is read off a tree holds when the tree is evaluated."""

import math

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from obsflow.errors import QueryError, QuerySyntaxError
from obsflow.model.labels import METRIC_NAME
from obsflow.promql import PROMQLTEST, parse, render
from obsflow.promql.label_sets import result_labels
from obsflow.quality import ReviewedFile, Settings, check_rules
from obsflow.quality.bounds import bounds_of
from obsflow.query.engine import Engine
from obsflow.rules import AlertingRule, RuleFile, RuleGroup
from tests.promql.trees import expressions
from tests.quality.cases import alert, find, group_text, rule_file
from tests.query.store import ListStore

NOW = 600_000
UNHURRIED = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))

# ---- expressions over few metrics and labels, so that most have results

names = st.sampled_from(["a", "b", "up"])
labels = st.sampled_from(["job", "instance", "x"])
lists = st.lists(labels, max_size=2, unique=True).map(", ".join)
texts = st.sampled_from(["", "1", "2", "1|2"])
matcher = st.builds("{}{}{!r}".format, labels, st.sampled_from(["=", "!=", "=~", "!~"]), texts)
matchers = st.lists(matcher, max_size=2).map(lambda parts: f"{{{','.join(parts)}}}".replace("'", '"'))
selectors = st.builds("{}{}".format, names, matchers)
numbers = st.sampled_from(["0", "1", "0.5", "2", "-1"])
ranged = st.sampled_from([
    "rate", "increase", "resets", "changes", "delta", "avg_over_time", "max_over_time", "sum_over_time",
    "count_over_time", "present_over_time", "stddev_over_time", "last_over_time", "absent_over_time",
])  # fmt: skip
plain = st.sampled_from(
    ["abs", "ceil", "sgn", "exp", "sort", "absent", "timestamp", "hour", "histogram_fraction", "label_replace", "clamp"]
)
aggregations = st.sampled_from(["sum", "avg", "min", "max", "count", "group", "stddev"])
comparisons = st.sampled_from(["==", "!=", ">", "<", ">=", "<=", "> bool ", "== bool "])
matching = st.one_of(
    st.just(""),
    st.builds(" on ({}) ".format, lists),
    st.builds(" ignoring ({}) ".format, lists),
    st.builds(" on ({}) group_left ({}) ".format, st.just("job"), st.sampled_from(["", "x"])),
    st.builds(" on ({}) group_right ({}) ".format, st.just("job"), st.sampled_from(["", "x"])),
)


def call(name, inner):
    extra = {
        "histogram_fraction": "histogram_fraction(0, 1, {})",
        "label_replace": 'label_replace({}, "x", "$1", "job", "(1)")',
        "clamp": "clamp({}, 0, 2)",
    }
    return extra.get(name, name + "({})").format(inner)


def above(inner):
    return st.one_of(
        st.builds(call, plain, inner),
        st.builds("{} by ({}) ({})".format, aggregations, lists, inner),
        st.builds("{} without ({}) ({})".format, aggregations, lists, inner),
        st.builds("topk(2, {})".format, inner),
        st.builds('count_values("v", {})'.format, inner),
        st.builds("({}) {} {}".format, inner, comparisons, numbers),
        st.builds("{} {} ({})".format, numbers, comparisons, inner),
        st.builds("({}) {} {}".format, inner, st.sampled_from("+-*/"), numbers),
        st.builds("-({})".format, inner),
        st.builds("({}) {}{} ({})".format, inner, st.sampled_from([*"+-*/", ">", "=="]), matching, inner),
        st.builds(
            "({}) {}{} ({})".format,
            inner,
            st.sampled_from(["and", "or", "unless"]),
            matching.filter(lambda m: "group" not in m),
            inner,
        ),
        st.builds("{}(({})[5m:1m])".format, ranged, inner),
    )


leaves = st.one_of(selectors, st.builds("{}({}[5m])".format, ranged, selectors), st.just("vector(1)"))
queries = st.recursive(leaves, above, max_leaves=4)

values = st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, 0.5, math.inf]), min_size=11, max_size=11)


@st.composite
def stores(draw, x=("", "1", "2")):
    """Series as scrapes leave them: with job and instance, and not below zero; `up` is 0 or 1."""
    store, seen = ListStore(), set()
    for _ in range(draw(st.integers(1, 6))):
        name = draw(names)
        series = {METRIC_NAME: name, "job": draw(st.sampled_from("12")), "instance": draw(st.sampled_from("12"))}
        series["x"] = draw(st.sampled_from(x))
        key = tuple(sorted(series.items()))
        samples = draw(values)
        if key not in seen:
            seen.add(key)
            samples = [float(v > 0) for v in samples] if name == "up" else samples
            store.add(series, [i * 60_000 for i in range(11)], samples)
    return store


def evaluate(store, text):
    try:
        return Engine(store).query(text, NOW).to_dict()["result"]
    except (QueryError, QuerySyntaxError):
        assume(False)


@given(stores(), queries)
@UNHURRIED
def test_values_are_within_bounds_and_labels_in_their_set(store, text):
    """Every sample of the result is NaN or within the bounds, and has only labels and values that were foreseen."""
    expr = parse(text)
    within, there = bounds_of(expr), result_labels(expr)
    for series in evaluate(store, text):
        value = float(series["value"][1].replace("Inf", "inf"))
        own = {name: v for name, v in series["metric"].items() if name != METRIC_NAME}

        assert math.isnan(value) or within.low <= value <= within.high
        assert all(there.may_have(name) for name in own)
        assert all(own.get(name, "") in listed | {""} for name, listed in there.values.items())


def count_found(code, text):
    """How often a code is said of an alert for the expression."""
    group = RuleGroup("g", rules=(AlertingRule("A", parse(text)),))
    return sum(finding.code == code for finding in check_rules([ReviewedFile(RuleFile("r", (group,)), "", {})]))


@given(stores(x=("1", "2")), queries, st.sampled_from(["+", "/", ">", "and"]), matching, queries)
@UNHURRIED
def test_sides_that_never_match_give_nothing(store, left, operator, how, right):
    """Where X102 is said of the operator itself, there is no result if series have the labels that a query names."""
    assume(operator != "and" or "group" not in how)
    assume(not count_found("X102", left) and not count_found("X102", right))
    whole = f"({left}) {operator}{how} ({right})"
    assume(count_found("X102", whole))

    assert evaluate(store, whole) == []


filters = comparisons.filter(lambda op: "bool" not in op)
bounded = st.one_of(
    st.builds("{}({}[5m])".format, st.sampled_from(["rate", "increase", "changes", "count_over_time"]), selectors),
    st.builds(call, st.sampled_from(["abs", "exp", "absent", "hour", "clamp", "histogram_fraction"]), queries),
    st.builds("{} by (job) ({})".format, st.sampled_from(["count", "group", "stddev"]), queries),
    st.builds("sum(({}) {} 0)".format, queries, filters),
    st.builds("max(({}) {} 1)".format, queries, filters),
)


@given(stores(), bounded, filters, numbers)
@UNHURRIED
def test_what_is_never_true_gives_nothing(store, left, operator, number):
    """Where X103 is said of the comparison itself, there is no result, whatever the data."""
    whole = f"({left}) {operator} {number}"
    assume(count_found("X103", whole) > count_found("X103", left))

    assert evaluate(store, whole) == []


growing = st.one_of(
    st.builds("{}({}[5m])".format, st.sampled_from(["rate", "increase", "changes", "resets"]), selectors),
    st.builds("{}({})".format, st.sampled_from(["abs", "sqrt", "timestamp", "stddev"]), selectors),
    st.builds("sum by (job) (increase({}[5m])) + {}".format, selectors, st.sampled_from(["0", "time()"])),
)


@given(stores(), growing, st.sampled_from([">=", ">", "!="]), st.sampled_from(["0", "-1"]))
@UNHURRIED
def test_what_is_always_true_leaves_nothing_out(store, left, operator, number):
    """Where X104 is said of the comparison itself, every sample passes, but for NaN."""
    whole = f"({left}) {operator} {number}"
    assume(count_found("X104", whole) > count_found("X104", left))
    before, after = ([s for s in evaluate(store, each) if s["value"][1] != "NaN"] for each in (left, whole))

    assert len(after) == len(before)


wrappers = st.sampled_from(
    ["{}", "rate({}[5m])", "sum by (job, instance, x) ({})", "sum without (v) (increase({}[5m]))", "abs({})"]
)


@given(stores(), names, matchers, matcher, wrappers, st.booleans(), matching)
@UNHURRIED
def test_a_ratio_of_itself_is_one(store, name, shared, more, wrapper, is_swapped, how):
    """Where X101 is said of a division, every quotient is 1, or 0 / 0."""
    narrow = name + shared.replace("}", f",{more}}}").replace("{,", "{").replace("'", '"')
    sides = [f"({wrapper.format(each)})" for each in (narrow, name + shared)]
    whole = f"{sides[is_swapped]} /{how} {sides[not is_swapped]}"
    assume(count_found("X101", whole))

    values = [float(series["value"][1].replace("Inf", "inf")) for series in evaluate(store, whole)]
    assert all(value == 1 or math.isnan(value) for value in values)


@given(expressions())
@UNHURRIED
def test_no_expression_makes_a_check_fail(tree):
    """Whatever parses is reviewed: the language's own trees, in an alert and in a recording rule."""
    text = render(tree)
    try:
        parse(text, PROMQLTEST)
        file = rule_file(group_text(alert(text), {"record": "a:b:c", "expr": text}, interval="1h"))
    except ValueError:
        assume(False)

    check_rules([file], Settings(scrape_interval_ms=15_000))


@given(st.lists(queries, min_size=1, max_size=4))
@UNHURRIED
def test_findings_are_sorted_and_each_is_said_once(texts):
    """The order is that of the file, whatever the order of the checks."""
    found = find(*(alert(text, f"A{i}") for i, text in enumerate(texts)))

    assert [f.place for f in found] == sorted(f.place for f in found)
    assert len(found) == len(set(found))
