"""What holds of matchers, routes and inhibition whatever they are given."""

import hypothesis.strategies as st
from hypothesis import given, settings
from tests.alertmanager.loop import load
from tests.oracles import alertmanager as oracle

from obsflow.alertmanager import InhibitRule, VisitOutcome, parse_matcher, parse_matchers, parse_silences, trace
from obsflow.alertmanager.alerts import complete
from obsflow.alertmanager.inhibition import Inhibitor
from obsflow.alertmanager.routing import Route, Router
from obsflow.errors import ObsflowError
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.matchers import Matcher, MatchOp

NAMES = st.sampled_from("abc")
VALUES = st.sampled_from(["", "1", "2"])
LABELS = st.dictionaries(NAMES, VALUES, min_size=1).map(Labels)
MATCHERS = st.builds(Matcher, NAMES, st.sampled_from(MatchOp), VALUES)
LISTS = st.lists(MATCHERS, max_size=2).map(tuple)
TREES = st.recursive(
    st.builds(Route, receiver=NAMES, matchers=LISTS, continue_=st.booleans()),
    lambda routes: st.builds(
        Route,
        receiver=NAMES,
        matchers=LISTS,
        continue_=st.booleans(),
        routes=st.lists(routes, max_size=3).map(tuple),
    ),
    max_leaves=8,
)
TEXT = st.text(st.sampled_from('ab=!~{}," \\n\t🙂0x"'), max_size=14)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Matcher, st.text(min_size=1, max_size=5), st.sampled_from(MatchOp), st.sampled_from(["", 'a"b\\\n', "x|y"])
    )
)
def test_a_matcher_survives_printing(matcher):
    """Whatever its name and value are."""
    if "\udc80" <= max(matcher.name) <= "\udfff":
        return
    assert parse_matcher(str(matcher)) == matcher


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_matchers_parse_or_are_refused(text):
    """Never anything else, and what the classic grammar reads is what is read."""
    try:
        classic = parse_matchers(text, classic=True)
    except ObsflowError:
        classic = None
    try:
        either = parse_matchers(text)
    except ObsflowError as error:
        assert classic is None
        assert str(error)
    else:
        assert classic is None or classic == either


@settings(max_examples=150, deadline=None)
@given(TREES, LABELS)
def test_routes_are_those_of_the_oracle(tree, labels):
    """Also when they are remembered, and so says the trace."""
    router = Router(tree)
    for _ in range(2):
        assert [route for route, _ in router.route(labels)] == oracle.routes(tree, labels)
    taken = [visit.route for visit in trace(tree, labels) if visit.outcome is VisitOutcome.TAKEN]
    assert taken == oracle.routes(tree, labels)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.builds(InhibitRule, st.just(""), LISTS, LISTS, st.lists(NAMES, max_size=2).map(tuple)), max_size=2),
    st.lists(st.tuples(LABELS.filter(bool), st.integers(1, 20)), max_size=6),
    LABELS,
)
def test_inhibition_is_that_of_the_oracle(rules, sent, target):
    """With every order of arrival, several sources of one key, and sources that are targets."""
    inhibitor = Inhibitor(tuple(rules))
    alerts = {}
    for labels, ends_at in sent:
        alerts[labels] = complete(Alert(labels, EMPTY, 0, ends_at), 0, 0)
        inhibitor.add(alerts[labels])
    expected = oracle.is_inhibited(rules, alerts.values(), target, 10)
    assert (inhibitor.find_source(target, 10) is not None) is expected


KEYS = [
    "route",
    "routes",
    "receiver",
    "receivers",
    "name",
    "matchers",
    "match",
    "match_re",
    "group_by",
    "group_wait",
    "continue",
    "inhibit_rules",
    "equal",
    "time_intervals",
    "times",
    "weekdays",
    "webhook_configs",
    "url",
    "global",
]
YAML = st.recursive(
    st.sampled_from(["a", "1s", "0", "~", "'['", "[", "a=b", "'{x!~\"y\"}'", "..."]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        ).map(lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}")
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(YAML)
def test_a_file_loads_or_is_refused(text):
    """Any YAML gives a configuration, or silences, or an error of ours that is not empty."""
    for read in (load, lambda each: parse_silences(each, "silences.json")):
        try:
            read(text)
        except ObsflowError as error:
            assert str(error)
