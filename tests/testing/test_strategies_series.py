"""Strategies of series: each makes what it says, and what is interesting about it can be found."""

import itertools
import math

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from obsflow.errors import StateError
from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.query.engine import Engine
from obsflow.testing import strategies as obs
from obsflow.testing.promql_tests.script import parse_script

CALM = settings(deadline=None, derandomize=True, database=None, max_examples=60)
EAGER = settings(CALM, max_examples=3000, phases=[Phase.generate])
SHRINKING = settings(CALM, phases=[Phase.generate, Phase.shrink])
TIMES = range(0, 12_000, 1_000)

any_values = st.floats() | st.integers(-3, 1000).map(float) | st.sampled_from((obs.STALE, -0.0, 1e300, 5e-324, 0.1))
any_series = st.builds(
    lambda labels, samples: obs.Series(labels, tuple(sorted(samples)), tuple(samples[t] for t in sorted(samples))),
    obs.label_sets(utf8=True, metric=obs.metric_names(utf8=True) | st.just("")),
    st.dictionaries(st.integers(0, 40).map(lambda i: 15_000 * i) | st.integers(-(10**13), 10**13), any_values),
)
scraped = st.one_of(
    obs.counters("c_total", times=TIMES),
    obs.gauges("g", times=TIMES, special=True),
    obs.interrupted(obs.counters("c_total", times=TIMES)),
    obs.jittered(obs.gauges("g", times=TIMES), max_ms=300),
)


def decreases(series):
    return [later for earlier, later in itertools.pairwise(series.values) if later < earlier]


def markers(series):
    return [time for time, value in series.samples if obs.is_stale_marker(value)]


def found(strategy, condition):
    return find(strategy, condition, settings=EAGER)


# ---- a series as data


@CALM
@given(any_series | scraped)
def test_a_series_is_printed_as_code_that_makes_it(series):
    """The text of a series, evaluated, is the series, to the last bit of its values."""
    assert eval(repr(series), {"series": obs.series, "range": range}) == series


def test_two_series_are_equal_if_their_bits_are():
    """A stale marker is not NaN, and NaN is itself."""
    stale, nan = (obs.series(f"up 1 {text}", range(2)) for text in ("stale", "NaN"))

    assert nan == obs.series("up 1 NaN", range(2))
    assert hash(nan) == hash(obs.series("up 1 NaN", range(2)))
    assert stale != nan
    assert float_bits(stale.values[1]) == STALE_NAN_BITS


@pytest.mark.parametrize(
    ("times", "values"), [((0, 1), (1.0,)), ((1, 1), (1.0, 1.0)), ((2, 1), (1.0, 1.0))], ids=["few", "same", "back"]
)
def test_times_increase_and_each_has_a_value(times, values):
    """Nothing else is a series."""
    with pytest.raises(ValueError, match=r"times"):
        obs.Series(Labels(), times, values)


@pytest.mark.parametrize("text", ["up", "up 1 1", "up 1 {{}} 1", "up@st 1m 1m 1m", "up{ 1 1 1"])
def test_a_text_has_a_float_for_each_time(text):
    """A histogram, a start time, too few values: all are refused."""
    with pytest.raises(ValueError, match=r"."):
        obs.series(text, range(3))


def test_what_a_window_holds():
    """A window is open on the left, knows no stale markers, and an increase counts on after a reset."""
    series = obs.series("c_total 5 7 _ 10 stale 3 4", range(0, 70, 10))

    assert series.between(0, 50) == (7.0, 10.0, 3.0)
    assert series.increase(0, 50) == 6.0
    assert series.increase(-1, 60) == 9.0
    assert series.increase(50, 60) == 0.0
    assert series.notation(range(0, 80, 10)) == "c_total 5 7 _ 10 stale 3 4 _"
    with pytest.raises(ValueError, match="there is a sample at 10 ms"):
        series.notation(range(0, 70, 20))


@CALM
@given(
    st.lists(scraped, max_size=1), scraped.map(lambda series: obs.Series(Labels(a="b"), series.times, series.values))
)
def test_a_store_gives_back_what_was_put_into_it(several, one):
    """Samples in a range are those of the series, stale markers apart."""
    engine = Engine(obs.store(several, one))

    for series in (*several, one):
        name = series.labels.name or '{a="b"}'
        got = [
            (labels, [*map(str, values.tolist())]) for labels, _, values in engine.query(f"{name}[1h]", 99_999).series()
        ]
        values = [*map(str, series.between(-1, 99_999))]
        assert got == ([(series.labels, values)] if values else [])


def test_a_store_refuses_series_that_disagree():
    """Two series of the same labels and times cannot both be right."""
    with pytest.raises(StateError):
        obs.store(obs.series("up 1 1", range(2)), [obs.series("up 1 0", range(2))])


@CALM
@given(obs.interrupted(obs.histograms('d{job="a"}', times=TIMES)))
def test_a_load_command_reads_as_the_series(several):
    """A PromQL test script has the same samples at the same times."""
    (load,) = parse_script(obs.render_load(several, 1_000), "a.test").commands

    assert load.step == 1_000
    got = [(each.labels, [(i * 1_000, value) for i, value in enumerate(each.values)]) for each, _ in load.series]
    pairs = [(labels, [(time, value) for time, value in samples if value is not None]) for labels, samples in got]
    assert [
        obs.Series(labels, *(zip(*samples, strict=True) if samples else ((), ()))) for labels, samples in pairs
    ] == [*several]


# ---- counters, gauges, histograms


@CALM
@given(st.data(), st.booleans())
def test_counters_go_down_only_at_resets(data, resets):
    """Without resets they never do; with them at most twice, to what was counted since."""
    series = data.draw(obs.counters("c_total", times=TIMES, first=5_000, increases=st.integers(0, 9), resets=resets))

    assert series.times == tuple(TIMES)
    assert series.values[0] == 5_000.0
    assert len(decreases(series)) <= 2 * resets
    assert all(0 <= value <= 9 for value in decreases(series))
    assert series.increase(-1, 12_000) <= 9 * 11


@CALM
@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.data())
def test_gauges_stay_within_their_bounds(least, width, data):
    """Whatever their shape, and whole numbers or not; NaN and infinities come only if they are asked for."""
    series = data.draw(obs.gauges("g", times=TIMES, min_value=least, max_value=least + width))
    slack = 1e-9 * (abs(least) + width)

    assert series.times == tuple(TIMES)
    assert all(least - slack <= value <= least + width + slack for value in series.values)


@CALM
@given(obs.gauges("g", times=TIMES, shapes=("constant",)), obs.gauges("g", times=TIMES, values=st.just(7)))
def test_gauges_have_the_shape_and_the_values_asked_for(constant, sevens):
    """A constant gauge has one value, and one that knows one value only has that."""
    assert len(set(constant.values)) == 1
    assert set(sevens.values) == {7.0}


@CALM
@given(obs.histograms({"__name__": "d", "job": "a"}, times=TIMES, bounds=(1, "0.50", 10.5)))
def test_histograms_are_consistent(several):
    """Buckets are cumulative, the last is the count, and the sum is of observations within the bounds."""
    *buckets, count, total = several

    assert [each.labels.get("le") for each in buckets] == ["0.50", "1", "10.5", "+Inf"]
    assert {each.labels.name for each in buckets} == {"d_bucket"}
    assert (count.labels, total.labels) == (Labels(__name__="d_count", job="a"), Labels(__name__="d_sum", job="a"))
    for row in zip(*(each.values for each in buckets), strict=True):
        assert list(row) == sorted(row)
    assert buckets[-1].values == count.values
    for n, below, value in zip(count.values, buckets[0].values, total.values, strict=True):
        assert 0.5 * below <= value <= 21 * n
    downs = {i for each in several for i, (a, b) in enumerate(itertools.pairwise(each.values)) if b < a}
    assert len(downs) <= 2  # resets are those of all series


@CALM
@given(obs.family(obs.gauges, "m", {"a": ("x", "y"), "b": ("z", "")}))
def test_a_family_has_series_of_one_metric_that_differ(several):
    """Each has a value of each label, an empty one being none."""
    assert 1 <= len(several) <= 4
    assert len({each.labels for each in several}) == len(several)
    assert all(each.labels.name == "m" and each.labels["a"] in "xy" for each in several)
    assert all(each.labels.get("b") in ("z", "") for each in several)


@CALM
@given(obs.scrape_times(start=5, interval_ms=7, min_size=2, max_size=9))
def test_scrape_times_are_a_grid(times):
    """They begin at the start and are an interval apart."""
    assert times[0] == 5
    assert 2 <= len(times) <= 9
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {7}


# ---- what scraping does


@CALM
@given(st.data())
def test_an_interruption_takes_away_and_marks(data):
    """What is left is unchanged; a marker stands where a sample was, after one and before none."""
    whole = data.draw(obs.counters("c_total", times=TIMES))
    series = data.draw(obs.interrupted(st.just(whole)))
    values, at = dict(whole.samples), dict(series.samples)

    for time, value in series.samples:
        if obs.is_stale_marker(value):
            assert time - 1_000 in at
            assert not obs.is_stale_marker(at[time - 1_000])
            assert obs.is_stale_marker(at[time])
        else:
            assert value == values[time]
    assert markers(data.draw(obs.interrupted(st.just(whole), stale=False))) == []


@CALM
@given(obs.interrupted(obs.jittered(obs.histograms("d", times=TIMES), max_ms=2_500)))
def test_series_of_one_target_are_scraped_together(several):
    """Late or missed, a scrape is so for all of them; times increase even where delays are longer than intervals."""
    assert len({each.times for each in several}) == 1
    assert len({tuple(markers(each)) for each in several}) == 1
    assert all(time < 14_500 for time in several[0].times)


@CALM
@given(obs.jittered(obs.counters("c_total", times=TIMES), max_ms=999))
def test_jitter_is_bounded(series):
    """A scrape is late by up to so much, never early."""
    assert all(0 <= late - time <= 999 for late, time in zip(series.times, TIMES, strict=True))


INTERESTING = {
    "a reset": (obs.counters("c", times=TIMES), decreases),
    "two resets": (obs.counters("c", times=TIMES), lambda s: len(decreases(s)) == 2),
    "a counter that rests and goes on": (
        obs.counters("c", times=TIMES, resets=False),
        lambda s: any(a < b == c < d for a, b, c, d in zip(*(s.values[i:] for i in range(4)), strict=False)),
    ),
    "a counter in thousands": (obs.counters("c", times=TIMES), lambda s: s.values[-1] > 5_000),
    "a walk": (obs.gauges("g", times=TIMES), lambda s: len(set(s.values)) > 8),
    "two levels": (obs.gauges("g", times=TIMES, shapes=("levels",)), lambda s: len(set(s.values)) == 2),
    "a fraction": (obs.gauges("g", times=TIMES), lambda s: s.values[0] % 1),
    "NaN": (obs.gauges("g", times=TIMES, special=True), lambda s: any(map(math.isnan, s.values))),
    "-Inf": (obs.gauges("g", times=TIMES, special=True), lambda s: -math.inf in s.values),
    "a stale marker": (obs.interrupted(obs.gauges("g", times=TIMES)), markers),
    "a marker after which the series goes on": (
        obs.interrupted(obs.gauges("g", times=TIMES)),
        lambda s: markers(s) and markers(s)[0] < s.times[-1],
    ),
    "two markers": (obs.interrupted(obs.gauges("g", times=TIMES)), lambda s: len(markers(s)) == 2),
    "a gap without a marker": (
        obs.interrupted(obs.gauges("g", times=TIMES)),
        lambda s: not markers(s) and any(b - a > 1_000 for a, b in itertools.pairwise(s.times)),
    ),
    "a late start": (obs.interrupted(obs.gauges("g", times=TIMES)), lambda s: s.times and s.times[0] > 0),
    "an early end": (obs.interrupted(obs.gauges("g", times=TIMES)), lambda s: s.times and s.times[-1] < 5_000),
    "nothing at all": (obs.interrupted(obs.gauges("g", times=TIMES)), lambda s: not s.times),
    "an empty bucket below a full one": (
        obs.histograms("d", times=TIMES, bounds=(1,)),
        lambda h: h[0].values[-1] == 0 < h[1].values[-1],
    ),
    "a histogram that is reset": (obs.histograms("d", times=TIMES, bounds=(1,)), lambda h: decreases(h[-2])),
    "an empty label set": (obs.label_sets(), lambda labels: not labels),
    "a label name that is not classic": (obs.label_names(utf8=True), lambda name: "." in name),
    "a metric name with a colon": (obs.metric_names(), lambda name: ":" in name),
    "a label that is absent": (obs.label_sets({"a": ("x",), "b": ("y",)}), lambda labels: set(labels) == {"b"}),
    "a value in another script": (obs.label_values(), lambda value: not value.isascii()),
}


@pytest.mark.parametrize("case", INTERESTING)
def test_interesting_cases_are_found(case):
    """Each of them comes up by chance."""
    strategy, condition = INTERESTING[case]

    assert condition(found(strategy, condition))


SIMPLEST = {
    "counters": (obs.counters("c", times=TIMES), "series('c 0x11', range(0, 12000, 1000))"),
    "gauges": (obs.gauges("g", times=TIMES), "series('g 0x11', range(0, 12000, 1000))"),
    "interrupted": (obs.interrupted(obs.gauges("g", times=TIMES)), "series('g 0x11', range(0, 12000, 1000))"),
    "jittered": (obs.jittered(obs.gauges("g", times=TIMES)), "series('g 0x11', range(0, 12000, 1000))"),
}


@pytest.mark.parametrize("name", SIMPLEST)
def test_what_is_simplest_is_flat_and_whole(name):
    """Shrunk as far as it goes, a series never moves and nothing of it is missing."""
    strategy, text = SIMPLEST[name]

    assert repr(find(strategy, lambda _: True, settings=SHRINKING)) == text


@pytest.mark.parametrize("labels", ["up{", "up 1", 'up{a!="b"}'])
def test_labels_that_are_none_are_refused(labels):
    """Whoever asks for a series of something that is not labels is told so."""
    with pytest.raises(ValueError, match=r"."):
        found(obs.counters(labels), lambda _: True)
