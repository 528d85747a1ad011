"""Rule files and templates: a value or an error of ours, whatever the text; and errors point at what is wrong."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError, ObsflowError, TemplateSyntaxError
from obsflow.model.labels import Labels
from obsflow.rules import RuleFile, load_rules
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
    separator = between if style in ("literal", "folded") else " "
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
