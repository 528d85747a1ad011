"""Test scripts: every command, every expectation, and every way to get one wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError, ObsflowError
from obsflow.model.labels import Labels
from obsflow.testing.promql_tests.runner import run_script
from obsflow.testing.promql_tests.script import Clear, Evaluation, Grid, Load, Malformed, parse_script
from obsflow.testing.series_notation import Series, StartTimes

UP = Labels({"__name__": "up"})
MINUTE = 60_000


def commands(text):
    script = parse_script(text, "a.test")
    script.check()
    return script.commands


def only(text):
    (command,) = commands(text)
    return command


def test_commands_with_their_lines():
    """Blocks end at an empty line or a comment; what a comment hides is not there."""
    text = "# head\nclear\nload 1m\n\tup 1\n# end of block\n\neval instant at 0 up\n  up 1\n\nCLEAR all"
    found = [(type(command), command.line) for command in commands(text)]
    assert found == [(Clear, 2), (Load, 3), (Evaluation, 7), (Clear, 10)]


def test_load():
    """Series with their interval, and the start timestamps of the next."""
    command = only("load 30s\n  up 1 2\n  up@st _ -1m\n  up 3 4\n")
    starts = StartTimes(UP, (None, -MINUTE))
    assert command == Load(1, 30_000, ((Series(UP, (1.0, 2.0)), None), (Series(UP, (3.0, 4.0)), starts)))
    assert only("load_with_nhcb 5m\n").with_nhcb


def test_an_instant_evaluation():
    """A time, a query to the end of the line, and what it answers."""
    command = only('eval instant at 5m sum(up)  by (job)\n  {job="a"} 3\n')
    assert (command.expr, command.grid, command.is_range) == ("sum(up)  by (job)", Grid(300_000, 300_000, 1), False)
    assert command.series == (Series(Labels({"job": "a"}), (3.0,)),)


def test_a_range_evaluation():
    """From, to and step, and a value a step."""
    command = only("eval range from 0 to 2m step 1m up\n  up 1 _ 3")
    assert (command.grid, list(command.grid.times)) == (Grid(0, 2 * MINUTE, MINUTE), [0, MINUTE, 2 * MINUTE])
    assert (command.is_range, command.series[0].values) == (True, (1.0, None, 3.0))


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3.0), ("-Inf", float("-inf")), ("1e3", 1000.0), ("0x10", 16.0), ("-0x1", -1.0), ("+.5", 0.5)],
)
def test_a_scalar_ends_the_block(text, value):
    """A number alone is a scalar, and the next line another command."""
    first, second = commands(f"eval instant at 0 1\n  {text}\neval instant at 0 2\n  2")
    assert (first.scalar, second.scalar, second.line) == (value, 2.0, 3)


def test_a_metric_may_be_called_as_the_words_are():
    """`stale` and `expect` are metrics where values follow, and `5m` is no scalar."""
    command = only("eval instant at 0 x\n  expect{} 1\n  stale 2\n")
    assert [series.labels.name for series in command.series] == ["expect", "stale"]


@pytest.mark.parametrize(
    ("literal", "text"), [(r'"a\nb"', "a\nb"), (r"`a\nb`", r"a\nb"), ("'a'", "a"), ('""', ""), (r'"\""', '"')]
)
def test_a_string(literal, text):
    """A quoted string, as Go reads it."""
    assert only(f"eval instant at 0 x\n  expect string {literal}").string == text


def test_a_range_vector():
    """Its grid is that of the values, and its end the time of the query."""
    command = only("eval instant at 9m up[1m]\n  expect range vector from 10s to 1m step 10s\n  up 1 2 3\n")
    assert (command.grid, command.gives_range_vector) == (Grid(10_000, MINUTE, 10_000), True)


@pytest.mark.parametrize(
    ("lines", "kind", "accepted", "refused"),
    [
        ("eval instant at 0 x\nexpect warn", "warn", "anything", None),
        ("eval instant at 0 x\nexpect info msg:  so (1:1) ", "info", "so (1:1)", "so"),
        ("eval instant at 0 x\nexpect fail regex: ^a.c", "fail", "abcd", "xabc"),
        ("eval_fail instant at 0 x\nexpected_fail_message  so", "fail", "so", None),
        ("eval_fail instant at 0 x\nexpected_fail_regexp s+o", "fail", "-sso-", None),
        ("eval_warn instant at 0 x", "warn", "anything", None),
        ("eval_info range from 0 to 1s step 1s x", "info", "anything", None),
        ("eval_ordered instant at 0 x", "ordered", "anything", None),
        ("eval instant at 0 x\nexpect no_warn\nexpect no_info", "no_warn", "anything", None),
    ],
)
def test_expectations(lines, kind, accepted, refused):
    """Each kind, in its newer form and the older, with nothing, a text or a pattern."""
    expectation = only(lines).expected(kind)[-1]
    assert expectation.accepts(accepted)
    assert refused is None or not expectation.accepts(refused)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("what", 1, "not a command: what"),
        ("\n\nclearly", 3, "not a command"),
        ("load", 1, "expected load"),
        ("load 5", 1, "not a valid duration"),
        ("load_with 5m", 1, "expected load"),
        ("LOAD 5m", 1, "expected load"),
        ("load 5m\n  up 1\n  up 1-", 3, "not a value of a series: 1-"),
        ("load 5m\n  1", 2, "not a series: 1"),
        ("load 5m\n  up@st 0\n", 3, "no samples follow"),
        ("load 5m\n  up@st 0\n  up@st 0\n  up 1", 3, "no samples follow"),
        ("load 5m\n  up@st 0\n  down 1", 3, "followed by samples of down"),
        ("load 5m\n  up@st 0 0\n  up 1", 3, "2 start timestamps for 1 samples"),
        ("eval", 1, "expected eval"),
        ("eval instant at 5m", 1, "expected eval"),
        ("eval instant up", 1, "expected eval"),
        ("eval instant at 5 up", 1, "not a valid duration"),
        ("eval instant at -5m up", 1, "not a valid duration"),
        ("eval_range from 0 to 1m step 1m up", 1, "expected eval"),
        ("eval_ordered range from 0 to 1m step 1m up", 1, "expected eval"),
        ("eval_maybe instant at 0 up", 1, "expected eval"),
        ("eval range from 0 to 1m up", 1, "expected eval"),
        ("eval range from 1m to 0 step 1m up", 1, "before the start"),
        ("eval range from 0 to 1m step 0 up", 1, "not positive"),
        ("eval instant at 0 up\n  up 1 2", 2, "one value of each series, not 2"),
        ("eval instant at 0 up\n  up", 2, "one value of each series, not 0"),
        ("eval instant at 0 up\n  up@st 0", 2, "no start timestamps"),
        ("eval instant at 0 up\n  expect\n", 2, "expected expect"),
        ("eval instant at 0 up\n  expect joy", 2, "expected expect"),
        ("eval instant at 0 up\n  expect warn text: x", 2, "expected expect"),
        ("eval instant at 0 up\n  expect warn msg:", 2, "expected expect"),
        ("eval instant at 0 up\n  expect warn regex: (", 2, "not a regular expression"),
        ("eval instant at 0 up\n  expect warn\n  expect no_warn", 3, "cannot expect warn and no_warn"),
        ("eval instant at 0 up\n  expect no_info\n  expect info msg: x", 3, "cannot expect info and no_info"),
        ("eval instant at 0 up\n  expect fail\n  expect fail msg: x", 3, "one failure"),
        ("eval instant at 0 up\n  expected_fail_message x", 2, "not a value of a series"),
        ("eval_fail instant at 0 up\n  expected_fail_regexp (", 2, "not a regular expression"),
        ("eval instant at 0 up\n  expect string", 2, "expected a quoted string, got: nothing"),
        ("eval instant at 0 up\n  expect string x", 2, "expected a quoted string"),
        ('eval instant at 0 up\n  expect string "\\z"', 2, "not a string"),
        ("eval instant at 0 up\n  expect range vector from 0 to 1m", 2, "expected expect"),
        ("eval instant at 0 up\n  expect range vector from 1m to 0 step 1m", 2, "before the start"),
    ],
)
def test_refuses(text, line, message):
    """A malformed block says its file and line and what is wrong, and what comes after it is read."""
    script = parse_script(f"{text}\n\nclear\n", "dir/a.test")
    with pytest.raises(ConfigError) as caught:
        script.check()

    (problem,) = caught.value.problems
    assert (problem.source, problem.line) == ("dir/a.test", line)
    assert message in problem.message
    assert [type(command) for command in script.commands] == [Malformed, Clear]


def test_all_problems_are_told_at_once():
    """One block after the other, each with its line."""
    script = parse_script("load x\n\neval instant at 0 up\n  up 1\n\nnothing\n", "a.test")
    assert [problem.line for problem in script.problems] == [1, 6]
    assert [command.line for command in script.commands] == [1, 3, 6]


PIECES = [
    *("load 1m", "load_with_nhcb 5m", "clear", "eval instant at 1m", "eval range from 0 to 5m step 1m"),
    *("eval_fail instant at 0", "expect", "fail", "warn", "no_info", "msg:", "regex:", "string"),
    *("range vector from 0 to 1m step 10s", "expected_fail_message", "up", "sum(up)", "rate(up[5m])", "up @ 30"),
    *('up{job="a"}', "{}", "{", "@st", "_x3", "1+2x3", "-1mx2", "{{count:1}}x2", "NaN", "stale", "3", "0x1F"),
    *("\n", "\n", "\n  ", "\n\n", " ", "#", '"x"', "`", "\\", "(", "\x00", "é", "\udcff"),
]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3))).map(" ".join)))
def test_no_text_crashes(text):
    """Any text is read and run: what is not of the language is told, as an error of ours or as a failure."""
    script = parse_script(text, "a.test")
    try:
        script.check()
    except ObsflowError as error:
        assert str(error).startswith("a.test:")
    outcomes = list(run_script(script))
    assert len(outcomes) >= sum(isinstance(command, Evaluation | Malformed) for command in script.commands)
