"""What if: every variation gives what a backtest of the changed rules gives."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flow.test_played import ALERTS, OTHERS, contents, scenario

from obsflow.flow.backtest import run_backtest
from obsflow.flow.sweep import parse_sweep, run_sweep, variations
from obsflow.flow.thresholds import find_threshold, leading_threshold, with_threshold
from obsflow.promql import parse
from obsflow.promql.printer import render

NARROWED = "{alert: Narrow, expr: '(load > 2) and on (i) up == 1', for: 1m}"
MIRRORED = "{alert: Mirrored, expr: '-1 * 2 + 5 < load', for: 1m}"


def compare(groups, sweeps, seed=1, **kwargs):
    base = scenario(groups, seed, **kwargs)
    wanted = variations([parse_sweep(text) for text in sweeps])
    runs = list(run_sweep(base, wanted))
    assert [variation for variation, _ in runs] == list(wanted)
    for variation, result in runs:
        alone = run_backtest(variation.vary(base), stepwise=True)
        for name in ("transitions", "failures", "rejected", "decisions", "grouped", "notifications"):
            assert list(map(repr, getattr(result, name))) == list(map(repr, getattr(alone, name))), (variation, name)
        assert contents(result.written) == contents(alone.written)
    return runs


@pytest.mark.parametrize(
    "sweeps",
    [
        [],
        ["for=0s,1m,10m"],
        ["keep_firing_for=0s,7m"],
        ["threshold=1,3"],
        ["threshold=x0.5,x2"],
        ["Busy:threshold=4", "for=0s,2m"],
    ],
)
def test_every_variation(sweeps):
    """Durations, thresholds, factors and combinations, of rules of every kind."""
    groups = [("1m", "", [*ALERTS.values(), NARROWED, MIRRORED, OTHERS["record"]])]
    runs = compare([*groups, ("1m", "", [OTHERS["reads alerts"]])], sweeps)

    assert len({repr(result.transitions) for _, result in runs}) == len(runs)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from([*ALERTS.values(), *OTHERS.values(), NARROWED]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["for=0s,3m", "keep_firing_for=5m", "threshold=1,2.5", "threshold=x1,x1.5"]), max_size=2),
    st.integers(0, 99),
)
def test_any_rules(rules, sweeps, seed):
    """Rules that must be led from tick to tick vary too."""
    compare([("1m", "", rules)], sweeps, seed)


@pytest.mark.parametrize("text", ["for", "for=", "for=x", "fur=1m", "threshold=x", "threshold=1,,2", "=1", ":for=5"])
def test_what_is_no_sweep_is_refused(text):
    """With the fields that there are."""
    with pytest.raises(ValueError, match=r"."):
        parse_sweep(text)


@given(st.text() | st.from_regex(r"([A-Z]:)?(for|keep_firing_for|threshold)=[x0-9.,smh-]*", fullmatch=True))
def test_any_text_is_a_sweep_or_refused(text):
    """Nothing else comes out, and each value is of the field that was named."""
    with contextlib.suppress(ValueError):
        assert {change.field for change in parse_sweep(text)} <= {"for", "keep_firing_for", "threshold"}


def test_a_sweep_is_read():
    """Field, values, factors, and the one alert that it is about."""
    changes = parse_sweep("High:threshold=0.5, x2,-1")

    assert [(c.alert, c.field, c.value, c.is_factor) for c in changes] == [
        ("High", "threshold", 0.5, False),
        ("High", "threshold", 2.0, True),
        ("High", "threshold", -1.0, False),
    ]
    assert [str(each) for each in variations([changes[:1], parse_sweep("for=1m,2m")])] == [
        "as it is",
        "High:threshold=0.5 for=1m",
        "High:threshold=0.5 for=2m",
    ]


@pytest.mark.parametrize(
    ("expr", "compared", "changed"),
    [
        ("a > 5", "a > 5", "a > 9"),
        ("(sum(rate(a[5m])) / 2) >= 2 * 4", "(sum(rate(a[5m])) / 2) >= 8", "(sum(rate(a[5m])) / 2) >= 9"),
        ("0.5 > a", "a < 0.5", "9 > a"),
        ("((a != -1))", "a != -1", "((a != 9))"),
        ("a > 1 and b < 2", None, "a > 9 and b < 2"),
        ("(a > 1 unless b) and c", None, "(a > 9 unless b) and c"),
        ("a > b", None, None),
        ("a > bool 1", None, None),
        ("a > 1 or b > 2", None, None),
        ("absent(a)", None, None),
        ("a * 2", None, None),
        ("a > scalar(b)", None, None),
    ],
)
def test_thresholds(expr, compared, changed):
    """What is compared with what, and the same with another number."""
    found = find_threshold(parse(expr))
    other = with_threshold(parse(expr), 9.0)

    assert (found and f"{render(found.expr)} {found.op} {found.value:g}") == compared
    assert (other and render(other)) == changed
    assert (leading_threshold(parse(expr)) is None) == (changed is None)
