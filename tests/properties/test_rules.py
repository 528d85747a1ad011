"""Rule files and templates: a value or an error of ours, whatever the text; and errors point at what is wrong.

Groups: the same events give the same effects, also where another machine goes on with a snapshot.
"""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.rules.driver import MINUTE, alerting, machine, recording

from obsflow.errors import ConfigError, ObsflowError, StateError, TemplateSyntaxError
from obsflow.model.labels import Labels
from obsflow.rules import (
    ForStateRead,
    GroupReloaded,
    GroupRemoved,
    ReadForState,
    RestorePolicy,
    RuleFile,
    RuleGroup,
    load_rules,
)
from obsflow.rules.functions import FUNCTIONS, Moment
from obsflow.rules.humanize import humanize, humanize_1024, humanize_duration, humanize_percentage, humanize_timestamp
from obsflow.rules.templates import AlertTemplate, TemplateData

SEED = """groups:
- name: g
  interval: 1m
  labels: {a: b}
  rules:
  - alert: A
    expr: |
      sum by (job) (rate(x{a=~"b.*"}[5m])) > 0.5
    for: 5m
    labels: {severity: "{{ $labels.a | toUpper }}"}
    annotations: &n
      text: 'v {{ if gt $value 1.0 }}{{ humanize $value }}{{ end }}'
  - {record: r, expr: up, labels: {}}
"""
MARKS = st.sampled_from([*list("{}[]|>&*!%@`\"':,-#?~ \n\tA0é\x00�"), "<<: *n", "---\n", "{{", "}}", "null", "expr"])
EDITS = st.lists(st.tuples(st.integers(0, len(SEED)), st.integers(0, 6), MARKS), max_size=4)


@given(EDITS)
@example([(0, 6, "")])
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_rules_or_a_config_error(edits):
    """Nothing else comes out, and every problem knows its place in the file."""
    text = SEED
    for at, removed, inserted in edits:
        text = text[:at] + inserted + text[at + removed :]
    try:
        assert isinstance(load_rules(text, "f"), RuleFile)
    except ConfigError as error:
        lines = text.count("\n") + 2  # the end of the text may be told as a line of its own
        assert error.problems
        assert all(problem.line <= lines for problem in error.problems)


STYLES = {
    "plain": lambda text: f" {text}",
    "anchored": lambda text: f" &e {text}",
    "tagged": lambda text: f" !!str &e  '{text.replace(chr(39), 2 * chr(39))}'",
    "anchored literal": lambda text: " &e |\n" + "\n".join(f"       {line}" for line in text.split("\n")),
    "single": lambda text: " '" + text.replace("'", "''") + "'",
    "double": lambda text: ' "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
    "literal": lambda text: " |\n" + "\n".join(f"       {line}" for line in text.split("\n")),
    "folded": lambda text: " >-\n" + "\n".join(f"       {line}" for line in text.split("\n")),
}


@given(
    st.sampled_from(sorted(STYLES)),
    st.lists(st.sampled_from(["up", "+", "down", "*", "( 1 )", "rate(x[5m])", "'a'", '"b\\\\"', "é"]), max_size=6),
    st.sampled_from([" ", "\n", "  ", "\n\n"]),
)
@settings(max_examples=150, deadline=None)
def test_an_error_is_shown_where_it_stands(style, words, between):
    """The character at fault is found in the file however the scalar is written."""
    separator = between if style in ("literal", "anchored literal", "folded") else " "
    expr = separator.join(["1 + ~", *words])
    text = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr:" + STYLES[style](expr) + "\n"
    try:
        load_rules(text, "f")
    except ConfigError as error:
        problem = error.problems[0]
        assert text.split("\n")[problem.line - 1][problem.column - 1] == "~"
    else:
        raise AssertionError("~ is no PromQL")


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        " ",
        "|",
        "(",
        ")",
        "$value",
        "$labels",
        ".Labels.a",
        ".",
        "1.5",
        '"x"',
        "if",
        "end",
        "range",
        "with",
        "else",
        *sorted(FUNCTIONS),
    ]
)


@given(st.lists(PIECES, max_size=12), st.floats())
@settings(max_examples=200, deadline=None)
def test_a_template_expands_or_does_not_parse(pieces, value):
    """Whatever happens at run time becomes text."""
    try:
        template = AlertTemplate.parse("".join(f"{piece} " for piece in pieces), "T")
    except TemplateSyntaxError:
        return
    moment = Moment(0, "http://x", lambda _text, _time: [(Labels(a="b"), 1.0)])
    assert isinstance(template.expand(TemplateData(Labels(a="b"), value), moment), str)


@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.lists(st.sampled_from(["$value", "$labels", ".", '"x"', "-1", "nil", "true"])),
)
@settings(max_examples=150, deadline=None)
def test_functions_take_anything_and_fail_as_text(name, arguments):
    """Wrong kinds and numbers of arguments are errors of the template."""
    test_a_template_expands_or_does_not_parse.hypothesis.inner_test(["{{", name, *arguments, "}}"], 1.0)


@given(st.floats())
@settings(max_examples=150, deadline=None)
def test_numbers_are_humanised_or_refused(value):
    """Every float has a short text, but for instants that Go cannot hold."""
    for function in (humanize, humanize_1024, humanize_percentage, humanize_duration):
        assert function(value)
    try:
        assert humanize_timestamp(value)
    except ValueError as error:
        assert not isinstance(error, ObsflowError)
        assert abs(value) > 9.2e9


RULES = (
    alerting("A", for_ms=MINUTE, keep_firing_for_ms=2 * MINUTE, annotations={"v": "{{ $value }}"}),
    recording("r"),
    alerting("B"),
)
EVENTS = st.sampled_from(
    [
        None,
        GroupReloaded(RuleGroup("g", "rules.yml", rules=RULES)),
        GroupReloaded(
            RuleGroup("g", "rules.yml", rules=(RULES[1], alerting("A", for_ms=3 * MINUTE, keep_firing_for_ms=MINUTE)))
        ),
        GroupReloaded(RuleGroup("g", "rules.yml", rules=RULES), 2 * MINUTE, 5_000),
        GroupRemoved(),
    ]
)
STEPS = st.lists(st.tuples(st.one_of(st.none(), st.sets(st.sampled_from("ab"))), EVENTS), min_size=2, max_size=12)
PAST = tuple(
    (Labels(__name__="ALERTS_FOR_STATE", alertname=name, instance=instance), -MINUTE, -600.0)
    for name in "AB"
    for instance in "ab"
)
FIRING = tuple((labels.with_({"__name__": "ALERTS", "alertstate": "firing"}), -MINUTE, 1.0) for labels, _, _ in PAST)


def hand_over(group, make, cut):
    """Another machine in the state of this one; the same one, and to be tried again, where it has an event to do."""
    try:
        saved = json.loads(json.dumps(group.snapshot()))
    except StateError:
        return group, cut + 1
    other = make(group.group)
    other.restore(saved)
    assert other.snapshot() == saved
    return other, None


def play(steps, policy, cut=None):
    """All effects, with a machine that goes on with a snapshot before poll number `cut`."""
    results = [result for result, _ in steps]

    def answer(_name, time):
        result = results[min(time // MINUTE, len(results) - 1)]
        return None if result is None else [(Labels(__name__="up", instance=i), 1.0) for i in sorted(result)]

    def make(group=RuleGroup("g", "rules.yml", rules=RULES)):  # noqa: B008 - it is frozen
        more = {"restore": policy, "records_health": True, "interval_ms": MINUTE, "query_offset_ms": None}
        return machine(group.rules, answer, **more)

    out, polls, group, events = [], 0, make(), [event for _, event in steps]
    while (now := group.next_timer()) is not None and now < len(steps) * MINUTE:
        if polls == cut:
            group, cut = hand_over(group, make, cut)
        polls += 1
        effects = group.poll(now)
        out.append((now, effects))
        for read in effects:
            if isinstance(read, ReadForState):
                group.receive(ForStateRead(read.index, PAST, FIRING if read.reads_firing else ()), now)
                out.append((now, group.poll(now)))
        event = events.pop() if events else None
        if event is not None and now // MINUTE > 1:
            group.receive(event, now)
            events = [] if isinstance(event, GroupRemoved) else events
    return repr(out)


POLICIES = st.sampled_from(
    [None, RestorePolicy(), RestorePolicy(grace_period_ms=0), RestorePolicy(restores_firing=True)]
)


@given(STEPS, POLICIES, st.integers(0, 30))
@settings(max_examples=200, deadline=None)
def test_a_group_replays_and_goes_on_from_a_snapshot(steps, policy, cut):
    """Same events, same effects, whatever is restored, reloaded, removed, and wherever it is interrupted."""
    effects = play(steps, policy)

    assert effects == play(steps, policy)
    assert effects == play(steps, policy, cut)
