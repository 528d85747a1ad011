"""What passes, what fails and why, and what is skipped."""

import pytest

from obsflow.promql import PROMETHEUS, PROMQLTEST
from obsflow.query.engine import Engine
from obsflow.testing.promql_tests.runner import Verdict, run_script
from obsflow.testing.promql_tests.script import parse_script

LOAD = """
load 1m
  c_total{i="1"} 0+60x10
  c_total{i="2"} 0+120x10
  g 5 _ 7 stale NaN
"""
NO_QUANTILE = "PromQL warning: quantile value should be between 0 and 1, got"


NOT_ONE_VALUE = (
    "line 6: an instant query gives one value of each series, not 2; expect range vector says that it is to give more"
)


def outcomes(text, dialect=PROMQLTEST):
    return [(o.line, o.verdict.value, o.message) for o in run_script(parse_script(text, "a.test"), dialect)]


def judge(evaluation, load=LOAD, dialect=PROMQLTEST):
    """Verdict and message of one evaluation over the data."""
    ((_, verdict, message),) = outcomes(f"{load}\n{evaluation}\n", dialect)
    return verdict, message


PASSES = [
    'eval instant at 2m c_total\n  c_total{i="2"} 240\n  c_total{i="1"} 120',
    'eval instant at 10m rate(c_total{i="1"}[5m])\n  {i="1"} 1.0000009',
    "eval instant at 0 g\n  g 5",
    "eval instant at 3m g",
    "eval instant at 4m g\n  g NaN",
    "eval instant at 1m sum(c_total)\n  {} 180",
    "eval instant at 1m scalar(g) + 1\n  6",
    'eval instant at 0 "a" \n  expect string "a"',
    "eval range from 0 to 4m step 1m g\n  g 5 5 7 _ NaN",
    "eval range from 0 to 4m step 1m g * 2 + 1\n  {} 11 11 15 _ NaN",
    "eval range from 0 to 2m step 1m 3\n  {} 3 3 3",
    "eval instant at 9m g[2m]\n  expect range vector from 1m to 2m step 1m\n  g _ 7",
    'eval instant at 1m sort(c_total)\n  expect ordered\n  c_total{i="1"} 60\n  c_total{i="2"} 120',
    'eval_ordered instant at 1m sort_desc(c_total)\n  c_total{i="2"} 120\n  c_total{i="1"} 60',
    "eval instant at 0 quantile(2, g)\n  expect warn\n  {} Inf",
    f"eval instant at 0 quantile(2, g)\n  expect warn msg: {NO_QUANTILE} 2 (1:10)\n  expect no_info\n  {{}} Inf",
    "eval instant at 2m rate(g[3m])\n  expect info regex: .*might not be a counter.*\n  {} 0.016666666666",
    "eval instant at 2m c_total * on() g\n  expect fail",
    "eval instant at 2m c_total * on() g\n  expect fail regex: many-to-many|many-to-one",
    "eval_fail instant at 2m c_total * on() g\n  expected_fail_regexp multiple matches.*",
    "eval_fail range from 0 to 2m step 1m c_total * on() g",
    "eval_fail instant at 0 deriv(g[1m] smoothed)",
    "eval instant at 1m time()\n  60",
    "eval instant at 1m timestamp(g)\n  {} 0",
    "eval instant at 1m start()\n  60",
    'eval instant at 1m c_total{i="1"} @ 120\n  c_total{i="1"} 120',
    'eval instant at 2m sum_over_time(c_total{i="1"}[2m:30s])\n  {i="1"} 240',
    "eval instant at 2m missing",
]  # fmt: skip


@pytest.mark.parametrize("evaluation", PASSES)
def test_passes(evaluation):
    """The answer is the expected one in every form in which the query is asked."""
    assert judge(evaluation) == ("passed", "")


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ("eval instant at 0 g\n  g 6", "expected 6 for g, got 5"),
        ("eval instant at 0 g\n  g stale", "expected a stale marker for g, got 5"),
        ("eval instant at 0 g\n  g _", "expected no sample for g, got 5"),
        ("eval instant at 0 g", "unexpected series g with 5"),
        ("eval instant at 0 missing\n  g 6", "expected series g is not there"),
        ("eval instant at 0 g\n  5", "expected a scalar, got a vector of 1 series"),
        ("eval instant at 0 1\n  {} 1", "expected a vector, got the scalar 1"),
        ("eval instant at 0 1\n  2", "expected 2, got 1"),
        ('eval instant at 0 "a"\n  expect string "b"', "expected the string 'b', got 'a'"),
        ('eval instant at 0 "a"', "expected the string '', got 'a'"),
        ('eval instant at 0 g\n  expect string "b"', "expected a string, got a vector"),
        ("eval range from 0 to 1m step 1m g\n  g 5 6", "expected 6 for g at 60000 ms, got 5"),
        ("eval range from 0 to 1m step 1m g\n  g 5", "expected no sample for g at 60000 ms, got 5"),
        ("eval range from 0 to 1m step 1m missing\n  g 5", "expected series g is not there"),
        ("eval range from 0 to 1m step 1m g", "unexpected series g with 2 samples"),
        ("eval range from 0 to 1m step 1m g\n  g 5 5 7", "3 values of g for 2 steps"),
        ("eval range from 0 to 1m step 1m g\n  5", "expected a scalar, got a matrix of 1 series"),
        ("eval range from 0 to 1m step 1m g\n  expect ordered\n  g 5 5", "an ordered vector, got a matrix of 1 series"),
        ("eval instant at 0 g[1m]\n  g 5", 'invalid expression type "range vector" for range query'),
        (
            'eval_ordered instant at 1m sort(c_total)\n  c_total{i="2"} 120\n  c_total{i="1"} 60',
            'expected c_total{i="1"} at position 2, it is at 1',
        ),
        ("eval instant at 0 g\n  expect fail\n  g 5", "expected a failure, there was none"),
        ("eval range from 0 to 1m step 1m g\n  expect fail", "expected a failure, there was none"),
        ("eval instant at 2m c_total * on() g", "multiple matches for labels"),
        ("eval instant at 2m c_total * on() g\n  expect fail msg: so", "expected fail so, got: "),
        ("eval instant at 2m c_total * on() g\n  expect fail regex: ^so", "expected fail like ^so, got: "),
        ("eval instant at 0 g\n  expect warn\n  g 5", "expected warn, got none"),
        ("eval_info instant at 0 g\n  g 5", "expected info, got none"),
        (
            "eval instant at 0 quantile(2, g)\n  expect no_warn\n  {} Inf",
            "unexpected warning: PromQL warning: quantile",
        ),
        ("eval instant at 0 quantile(2, g)\n  expect warn msg: so\n  {} Inf", "expected warn so, got PromQL warning"),
        ("eval instant at 2m rate(g[3m])\n  expect no_info\n  {} 0.01", "unexpected info: PromQL info: metric might"),
        ("eval instant at 0 sum(\n  1", "1:5: parse error: unclosed left parenthesis"),
        ("eval_fail instant at 0 sum(", "1:5: parse error: unclosed left parenthesis"),
    ],
)
def test_fails(evaluation, message):
    """A difference is told as what was expected and what there was."""
    verdict, found = judge(evaluation)
    assert (verdict, message in found) == ("failed", True), found


def test_all_annotations_have_to_be_expected():
    """Where one warning is expected by its text, another is a difference."""
    query = "quantile(2, g) + quantile(3, g)"
    first = f"  expect warn msg: {NO_QUANTILE} 2 (1:10)\n"
    verdict, message = judge(f"eval instant at 0 {query}\n{first}  {{}} Inf")
    assert (verdict, f"unexpected warning: {NO_QUANTILE} 3" in message) == ("failed", True)
    assert judge(f"eval instant at 0 {query}\n  expect warn regex: got .\n  {{}} Inf")[0] == "passed"


def test_every_form_is_asked(monkeypatch):
    """An instant query is asked again pinned at other times, each as a range too, and once in a batch."""
    asked = []
    for name in ("query", "query_range", "query_batch"):
        plain = getattr(Engine, name)
        monkeypatch.setattr(
            Engine, name, lambda self, *a, _ask=plain, _n=name: (asked.append((_n, *a)), _ask(self, *a))[1]
        )
    assert judge("eval instant at 2m g + sum_over_time(g[2m:1m])\n  {} 19")[0] == "passed"

    pinned = "g @ 120.000 + sum_over_time(g[2m:1m] @ 120.000)"
    times = (-1_200_000, 0, 24_000, 120_000, 1_200_000)
    expected = [("query", "g + sum_over_time(g[2m:1m])", 120_000)]
    expected += [("query", pinned, time) for time in times]
    assert [each for each in asked if each[0] == "query"] == expected
    ranges = [("query_range", expr, time - 60_000, time + 60_000, 60_000) for _, expr, time in expected]
    assert [each for each in asked if each[0] == "query_range"] == ranges
    assert sum(each[0] == "query_batch" for each in asked) == 1


def test_what_is_not_asked_in_other_forms(monkeypatch):
    """A function of the step is not pinned; a range vector, a string or a bound of the query is no range."""
    asked = []
    plain = Engine.query_range
    monkeypatch.setattr(Engine, "query_range", lambda self, *a: (asked.append(a), plain(self, *a))[1])
    for evaluation in (
        'eval instant at 1m "a"\n  expect string "a"',
        "eval instant at 1m g[1m] offset 1m\n  expect range vector from 0 to 1m step 1m\n  g 5",
        "eval instant at 1m end()\n  60",
    ):
        assert judge(evaluation) == ("passed", ""), evaluation
    assert asked == []
    assert judge("eval instant at 1m g @ end()\n  g 5") == ("passed", "")  # pinned in another way it is one
    assert {expr for expr, *_ in asked} == {"g @ 60.000"}
    asked.clear()
    assert judge("eval instant at 1m time()\n  60") == ("passed", "")
    assert len(asked) == 1


def test_a_difference_in_another_form_says_which(monkeypatch):
    """The form is named with its time, and the range as a range."""
    plain = Engine.query
    monkeypatch.setattr(Engine, "query", lambda self, expr, time: plain(self, expr if "@" not in expr else "h", time))
    verdict, message = judge("eval instant at 1m g\n  g 5")
    assert (verdict, message) == ("failed", "as g @ 60.000 at -600000 ms: expected series g is not there")


def test_loads_add_up_until_a_clear():
    """Of equal series in one load the last counts; a later load goes on; a sample that is there cannot change."""
    text = (
        "load 1m\n  a 1 2\n  a 3 4\n\nload 1m\n  a _ _ 5\n\n"
        "eval instant at 0 a\n  a 3\n\neval instant at 2m a\n  a 5\n\n"
        "load 1m\n  a 9\n  b 1\n\neval instant at 0 b\n  b 1\n\nclear\n\neval instant at 2m a\n"
    )
    assert outcomes(text) == [
        (8, "passed", ""),
        (11, "passed", ""),
        (14, "failed", "a: out of order sample: the series already has one at 120000 ms, after 0 ms"),
        (18, "passed", ""),
        (23, "passed", ""),
    ]


def test_start_times_are_loaded():
    """An offset is to the time of its sample; where there is none the start is unknown."""
    load = "load 1m\n  c@st _ -30s -90s\n  c 1 2 3\n"
    assert judge("eval range from 0 to 2m step 1m start_timestamp(c)\n  {} 0 30 30", load) == ("passed", "")
    too_far = "load 292y\n  c@st -1sx9\n  c 1x9\n  d _x900000 1\n\neval instant at 0 c\n"
    assert [verdict for _, verdict, _ in outcomes(too_far)] == ["failed", "failed"]


def test_a_malformed_block_is_told_where_it_is():
    """Its line is that of the command, and the message names the line at fault."""
    text = "load 1m\n  a 1\n  a 1-\n\neval instant at 0 a\n  a 1 2\n\neval instant at 0 2\n  2\n\nwhat\n"
    assert outcomes(text) == [
        (1, "failed", "line 3: not a value of a series: 1-"),
        (5, "failed", NOT_ONE_VALUE),
        (8, "passed", ""),
        (11, "failed", "not a command: what"),
    ]  # fmt: skip


def test_a_dialect_says_what_parses():
    """With a server's defaults an experimental function fails, and names go at once."""
    evaluation = "eval instant at 0 mad_over_time(g[1m])\n  {} 0"
    assert judge(evaluation, dialect=PROMQLTEST) == ("passed", "")
    verdict, message = judge(evaluation, dialect=PROMETHEUS)
    assert (verdict, "mad_over_time" in message) == ("failed", True)
    assert judge("eval instant at 1m last_over_time(g[2m])\n  g 5", dialect=PROMETHEUS) == ("passed", "")


MIXED = """
load 1m
  h{i="1"} {{count:1}}
  h{i="2"} _x50 {{count:1}}x3
  h{i="3"} 1
  f 1
  target_info{job="a"} {{count:1}}
  build_info{job="a"} {{count:1}}

load_with_nhcb 1m
  classic_bucket{le="1"} 1
  classic_bucket{le="+Inf"} 1
  classic_sum 1
  odd_bucket{le="x"} 1
  odd_bucket{le="NaN"} 1
  odd_bucket{le="1"} _
  lone_count _
  part_count{a="b"} 2
"""


@pytest.mark.parametrize(
    ("evaluation", "reason"),
    [
        ('eval instant at 0 h{i="1"}', 'selects native histograms: h{i="1"}'),
        ('eval instant at 0 h{i="2"}', 'selects native histograms: h{i="2"}'),
        ('eval instant at 0 h{i="3"}\n  h{i="3"} 1', ""),
        ("eval instant at 0 sum(rate(h[5m]))", "selects native histograms"),
        ('eval range from 0 to 1m step 1m {__name__=~"f|h"}', "selects native histograms"),
        ("eval instant at 0 f\n  f 1", ""),
        ("eval instant at 0 f\n  f {{count:1}}", "expects native histograms: f"),
        ("eval instant at 0 histogram_count(f)", ""),
        ("eval instant at 0 f </ 1", "trims native histograms: </"),
        ("eval instant at 0 classic", "selects native histograms: classic"),
        ('eval instant at 0 classic_bucket{le="1"}\n  classic_bucket{le="1"} 1', ""),
        ("eval instant at 0 histogram_quantile(1, classic_bucket)\n  {} 1", ""),
        ("eval instant at 0 part", 'selects native histograms: part{a="b"}'),
        ("eval instant at 0 odd", ""),
        ("eval instant at 0 lone", ""),
        ("eval instant at 0 info(f)", 'selects native histograms: target_info{job="a"}'),
        ('eval instant at 0 info(f, {__name__!="x"})', "selects native histograms"),
        ('eval instant at 0 info(f, {__name__="f"})\n  f 1', ""),
        ('eval instant at 0 info(f, {job="b"})', ""),
        ("eval_fail instant at 0 h * on() h", "selects native histograms"),
        ('eval instant at 0 f + on() h{i="1"}', "selects native histograms"),
        ("eval instant at 0 absent_over_time(h[1m])", "selects native histograms"),
    ],
)  # fmt: skip
def test_skips_what_needs_native_histograms(evaluation, reason):
    """What selects, expects or trims them, at whatever time they are there; nothing else."""
    verdict, message = judge(evaluation, MIXED)
    assert (verdict, reason in message) == ("skipped" if reason else "passed", True), message


def test_outcomes_are_printed_with_their_place():
    """File, line and message."""
    (outcome,) = run_script(parse_script("eval instant at 0 1\n  2\n", "dir/a.test"))
    assert (str(outcome), outcome.verdict) == ("dir/a.test:1: expected 2, got 1", Verdict.FAILED)
