"""The page of a backtest: well-formed, self-contained, escaped, and drawn where things happened."""

import html.parser
import itertools
import json
import math
import re
import xml.etree.ElementTree as ET

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.alertmanager.loop import load
from tests.flow.test_played import ALERTS, OTHERS, scenario

from obsflow.alertmanager import PRESETS, Silence, parse_compat, parse_matcher
from obsflow.flow.backtest import run_backtest
from obsflow.flow.report.axes import LEFT, RIGHT, TimeAxis, ValueAxis
from obsflow.flow.report.bands import alert_histories
from obsflow.flow.report.curves import COLUMNS, MAX_CURVES, Curve, path
from obsflow.flow.report.faults import Fault, judge
from obsflow.flow.report.figures import name_by, render_number, render_span, shorten, telling_names
from obsflow.flow.report.lanes import MAX_ALERTS
from obsflow.flow.report.markup import Markup, element
from obsflow.flow.report.page import MAX_PANELS, render_page
from obsflow.flow.scenario import Scenario
from obsflow.flow.sweep import parse_sweep, run_sweep, variations
from obsflow.model.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from obsflow.model.labels import Labels
from obsflow.rules import load_rules
from obsflow.tsdb.memory import TSDB

END = 60 * MINUTE_MS
VOID = {"meta", "br", "input"}
HOSTILE = '<script>alert("1")</script>\'&\x00\x1b\ud800 \u202e'
ROUTES = """
route: {receiver: team, group_by: [alertname], group_wait: 30s, group_interval: 2m, repeat_interval: 1h}
receivers: [{name: team, webhook_configs: [{url: "http://t"}]}]
"""


class Checker(html.parser.HTMLParser):
    """Holds that elements are nested; collects what the document would load, and every element."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.elements = []
        self.text = ""

    def handle_starttag(self, tag, pairs):
        assert len({name for name, _ in pairs}) == len(pairs), "an attribute twice"
        self.elements.append((tag, dict(pairs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, pairs):
        self.elements.append((tag, dict(pairs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def check(page):
    """Parse a page, every drawing of it as XML too; it is all there is to load."""
    assert page == page.encode().decode()
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        for each in ET.fromstring(drawing).iter():
            for name in ("d", "x", "y", "width", "height"):
                assert re.fullmatch(r"(?:[MLHVmlhvz ]|-?\d+\.?\d?|-?\.\d)*", each.get(name, "")), each.get(name)
    tags = [tag for tag, _ in checker.elements]
    assert tags.count("script") == 1
    assert not {"link", "img", "iframe", "object", "embed", "image", "use", "base", "form"} & set(tags)
    for tag, attributes in checker.elements:
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        link = attributes.get("href", "#")
        assert link.startswith("#") or (tag == "a" and re.match("https?://", link))
    assert re.findall(r"url\((?!#)|@import|@font-face", page) == []
    ids = [attributes["id"] for _, attributes in checker.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {link[1:] for _, each in checker.elements if (link := each.get("href", "")).startswith("#")} <= set(ids)
    return checker


def make(rules, series, *, end=END, routes=ROUTES, every=MINUTE_MS, labels=(), **kwargs):
    """A scenario of one group over series given as functions of the time; None is no sample."""
    store = TSDB()
    for number, value_at in enumerate(series):
        for time in range(0, end + 1, every):
            value = value_at(time)
            if value is not None:
                store.append({"__name__": "m", "i": str(number), **dict(labels)}, time, value)
    text = "groups:\n- name: g\n  interval: 1m\n  rules:\n" + "".join(f"  - {rule}\n" for rule in rules)
    alertmanager = load(routes, parse_compat("obsflow")) if routes else None
    return Scenario(store, (load_rules(text, "f.yml"),), 0, end, alertmanager=alertmanager, **kwargs)


def high_between(start, end, high=10.0, low=1.0):
    return lambda time: high if start <= time < end else low


def always(value):
    return lambda _time: value


def page_of(scenario_, **kwargs):
    page = render_page(scenario_, run_backtest(scenario_), **kwargs)
    check(page)
    return page


def panels(page):
    """The drawing of each rule, by name."""
    sections = re.findall(r'<section class="rule".*?</section>', page, re.DOTALL)
    return {
        re.search("<h3>(.*?)<", each)[1]: ET.fromstring(re.search('<svg role="img".*?</svg>', each, re.DOTALL)[0])
        for each in sections
    }


def of_class(drawing, *names):
    return [each for each in drawing.iter() if set(names) <= set(each.get("class", "").split())]


def x_of(time, end=END):
    return LEFT + time / end * (RIGHT - LEFT)


def start_of(shape):
    return tuple(map(float, re.match(r"M(-?[\d.]+) (-?[\d.]+)", shape.get("d")).groups()))


WAITS = "{alert: High, expr: m > 5, for: 3m, annotations: {summary: 'at {{ $value }}'}}"


def test_bands_and_notifications_stand_where_they_happened():
    """Each band begins and ends, and each mark stands, where its time is on the axis."""
    given_ = make([WAITS], [high_between(10 * MINUTE_MS, 25 * MINUTE_MS)])
    result = run_backtest(given_)
    drawing = panels(page_of(given_))["High"]
    times = {each.to_state.value: each.time for each in result.transitions}

    for kind, start, end in (("pending", "pending", "firing"), ("firing", "firing", "resolved")):
        (band,) = of_class(drawing, "b", kind)
        assert float(band.get("x")) == pytest.approx(x_of(times[start]), abs=0.06)
        assert float(band.get("width")) == pytest.approx(x_of(times[end]) - x_of(times[start]), abs=0.11)
    marks = of_class(drawing, "mark")
    assert [(each.get("class"), each.find("title").text.split("\n")[1]) for each in marks] == [
        ("mark firing", "1 firing: first notification"),
        ("mark resolved", "1 resolved: all alerts resolved"),
    ]
    for mark, (told, _) in zip(marks, result.notifications, strict=True):
        assert start_of(mark)[0] == pytest.approx(x_of(told.time), abs=0.06)


def test_the_threshold_is_drawn_where_its_value_is():
    """The line of a threshold is at its value on the axis, and names it; the curve crosses it."""
    drawing = panels(page_of(make([WAITS], [high_between(10 * MINUTE_MS, 25 * MINUTE_MS)])))["High"]
    (line,) = of_class(drawing, "limit")
    (curve,) = of_class(drawing, "graph")
    low, high, bottom = (float(drawing.get(f"data-{name}")) for name in ("v0", "v1", "bottom"))
    y = start_of(line)[1]

    assert bottom - (y - 0) == pytest.approx((5 - low) / (high - low) * (bottom - 8), abs=0.06)
    assert [each.text for each in of_class(drawing, "limit-label")] == ["> 5"]
    assert start_of(curve)[1] == pytest.approx(bottom - (1 - low) / (high - low) * (bottom - 8), abs=0.06)


def test_an_expression_without_a_threshold_is_drawn_as_it_is():
    """There is a curve and no line."""
    drawing = panels(page_of(make(["{alert: A, expr: m > 2 * m - 6}"], [always(1.0)])))["A"]

    assert len(of_class(drawing, "graph")) == 1
    assert of_class(drawing, "limit") == []


def test_no_excursion_is_lost_where_there_are_more_evaluations_than_columns():
    """One evaluation of a week reaches the greatest value of its curve, and the band is wide enough to be seen."""
    end = 7 * DAY_MS
    spike = 3 * DAY_MS + 7 * MINUTE_MS
    series = high_between(spike, spike + MINUTE_MS, high=100.0)
    drawing = panels(page_of(make(["{alert: A, expr: m > 50}"], [series], end=end)))["A"]
    (curve,) = of_class(drawing, "graph")
    (band,) = of_class(drawing, "b", "firing")
    high, bottom = (float(drawing.get(f"data-{name}")) for name in ("v1", "bottom"))
    (x, y) = min(points(curve.get("d")), key=lambda point: point[1])

    assert y == pytest.approx(bottom - 100 / high * (bottom - 8), abs=0.06)
    assert x == pytest.approx(x_of(spike, end), abs=1.1)
    assert float(band.get("width")) >= 1.5
    assert len(curve.get("d")) < 100


def points(shape):
    """The places that a path visits, and whether the pen was down: a second reading of what the page's script reads."""
    x = y = 0.0
    out = []
    for verb, one, other in re.findall(r"([Mlhv])(-?[\d.]+)(?: ?(-?[\d.]+))?", shape):
        a = float(one)
        if verb == "M":
            x, y = a, float(other)
        elif verb == "l":
            x, y = x + a, y + float(other)
        elif verb == "h":
            x += a
        else:
            y += a
        out.append((round(x, 1), round(y, 1)))
    return out


@given(
    st.lists(st.one_of(st.just(math.nan), st.floats(-1e9, 1e9), st.sampled_from([0.0, 1.0])), min_size=1, max_size=40)
)
@settings(deadline=None)
def test_a_path_visits_every_value(values):
    """Every value has its place on the path, whatever runs and gaps there are, and there is one start for each run."""
    axis = TimeAxis(0, 1000 * len(values))
    low = np.array(values)
    shown = [each for each in values if not math.isnan(each)]
    scale = ValueAxis.around(shown, 8.0, 122.0)
    shape = path(Curve(Labels(), np.arange(len(values)) * 1000.0, low, low), axis, scale)
    visited = points(shape)
    runs = sum(not math.isnan(b) and math.isnan(a) for a, b in zip([math.nan, *values], values, strict=False))

    assert shape.count("M") == runs
    for i, value in enumerate(values):
        if not math.isnan(value):
            place = (round(axis.x(i * 1000) * 10) / 10, round(scale.y(value) * 10) / 10)
            assert place in visited or is_on_a_level_run(place, visited)


def is_on_a_level_run(place, visited):
    return any(a[1] == b[1] == place[1] and a[0] <= place[0] <= b[0] for a, b in itertools.pairwise(visited))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None], ids=str)
def test_what_has_no_place_on_the_axis_is_a_gap(value):
    """NaN, infinities and missing samples interrupt the curve."""
    series = high_between(20 * MINUTE_MS, 40 * MINUTE_MS, high=value)
    drawing = panels(page_of(make(["{alert: A, expr: m != 7}"], [series, always(1.0)])))["A"]
    shapes = [each.get("d") for each in of_class(drawing, "graph")]

    # the lookback carries the last value over the first five minutes without a sample
    assert sorted(shape.count("M") for shape in shapes) == [1, 2]


def test_hostile_texts_are_escaped():
    """Whatever stands in labels, names, annotations and titles is text, and shown."""
    rules = [
        {
            "alert": "High<b>",
            "expr": "m > 5",
            "labels": {"team": "</svg><script>x</script>"},
            "annotations": {
                "link": "javascript:alert(1)",
                "page": "https://e.x/?a=<&b='\"",
                "t": "<i>{{ $value }}</i>",
            },
        }
    ]
    routes = ROUTES.replace("team", '"te<am>"')
    given_ = make(map(json.dumps, rules), [high_between(0, END)], routes=routes, labels=[("v", HOSTILE)])
    silence = Silence("<s>", (parse_matcher('i=~".+"'),), 30 * MINUTE_MS, 50 * MINUTE_MS, comment="<img src=x>")
    given_ = attrs.evolve(given_, silences=(silence,))
    result = run_backtest(given_)
    faults = judge([Fault("<script>f", 0, END)], alert_histories(result.transitions), [], END)
    page = render_page(given_, result, title="</title><script>", faults=faults)
    checker = check(page)

    assert "<script>alert" not in page
    for text in ("High<b>", "te<am>", "<script>f", "</title><script>", "<i>{{ $value }}</i>", "javascript:alert(1)"):
        assert text in checker.text
    assert [each["href"] for tag, each in checker.elements if tag == "a" and each["href"][0] != "#"] == [
        "https://e.x/?a=<&b='\""
    ]
    assert "<img src=x>" in checker.text


def test_equal_results_give_equal_pages():
    """Nothing but the scenario decides what a page says, byte for byte."""
    groups = [("1m", "", list(ALERTS.values()))]
    one, other = (page_of(scenario(groups, 3)) for _ in range(2))

    assert one == other


def test_all_kinds_of_mutes_have_a_lane():
    """Silenced, inhibited and off hours are told apart, each with its cause."""
    routes = ROUTES.replace("1h}", "1h, routes: [{mute_time_intervals: [night]}]}") + (
        "time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:40', end_time: '00:50'}]}]}]\n"
        "inhibit_rules: [{source_matchers: ['i=\"1\"'], target_matchers: ['i=\"0\"'], equal: [alertname]}]\n"
    )
    series = [high_between(0, END), high_between(25 * MINUTE_MS, 35 * MINUTE_MS)]
    silence = Silence("s1", (parse_matcher('i="0"'),), 5 * MINUTE_MS, 15 * MINUTE_MS, comment="at work")
    drawing = panels(page_of(make([WAITS], series, routes=routes, silences=(silence,))))["High"]
    told = {kind: of_class(drawing, "b", kind)[0].find("title").text for kind in ("silenced", "inhibited", "off-hours")}

    assert "silenced by s1 (at work), kept from team" in told["silenced"]
    assert "inhibited by alertname=High i=1 (inhibit rule 1)" in told["inhibited"]
    assert "within night" in told["off-hours"]
    (silenced,) = of_class(drawing, "b", "silenced")
    assert x_of(5 * MINUTE_MS) <= float(silenced.get("x")) <= x_of(8 * MINUTE_MS)


def test_faults_are_shaded_over_all_drawings_and_judged():
    """Each drawing has the fault behind it; the table says what was detected, missed and false."""
    given_ = make([WAITS], [high_between(10 * MINUTE_MS, 25 * MINUTE_MS)])
    result = run_backtest(given_)
    histories = alert_histories(result.transitions)
    faults = [Fault("spike", 9 * MINUTE_MS, 20 * MINUTE_MS), Fault("quiet", 40 * MINUTE_MS, None)]
    told = [each for each, _ in result.notifications]
    page = render_page(given_, result, faults=judge(faults, histories, told, END))
    checker = check(page)

    for drawing in (panels(page)["High"], ET.fromstring(re.search('<svg role="img".*?</svg>', page, re.DOTALL)[0])):
        shades = of_class(drawing, "shade")
        assert [float(each.get("x")) for each in shades] == pytest.approx(
            [x_of(9 * MINUTE_MS), x_of(40 * MINUTE_MS)], abs=0.06
        )
        assert float(shades[1].get("width")) == pytest.approx(RIGHT - x_of(40 * MINUTE_MS), abs=0.06)
    assert "✓ detected" in checker.text
    assert "✗ missed" in checker.text
    assert "1 of 2 faults detected, 0 false firings." in checker.text


def test_variations_have_their_figures_beside_each_other():
    """One line for each variation of a rule that differs, one in all for a rule that does not."""
    rules = [WAITS, "{alert: Always, expr: vector(1)}"]
    given_ = make(rules, [high_between(10 * MINUTE_MS, 25 * MINUTE_MS)])
    wanted = variations([parse_sweep("High:for=1m,30m")])
    page = render_page(given_, run_backtest(given_), sweeps=tuple(run_sweep(given_, wanted)))
    checker = check(page)
    body = re.search(r"<h2>Variations.*?</section>", page, re.DOTALL)[0]

    assert re.findall(r"<td class=\"t\">(.*?)</td>", body) == [
        "all variations", "as it is", "High:for=1m", "High:for=30m"
    ]  # fmt: skip
    assert "Variations" in checker.text


EMPTY = {
    "no rules": ([], [always(1.0)], {}),
    "no alert": (["{alert: A, expr: m > 5, for: 1m}"], [always(1.0)], {}),
    "no data": ([WAITS], [], {}),
    "no routes": ([WAITS], [always(10.0)], {"routes": None}),
    "only recordings": (["{record: r, expr: m}"], [always(1.0)], {}),
    "no time at all": (["{alert: A, expr: vector(1)}"], [], {"end": 0}),
}


@pytest.mark.parametrize("name", EMPTY)
def test_there_is_a_page_of_hardly_anything(name):
    """Whatever is missing, the page says so."""
    rules, series, kwargs = EMPTY[name]
    page = page_of(make(rules, series, **kwargs), sweeps=(), faults=judge([], [], [], 0))

    assert "Replayed" in page
    if name == "no alert":
        assert "1 rule never had an alert" in page


def test_what_went_wrong_is_told():
    """Failures, lost samples, groups led from tick to tick and series that are not drawn are named."""
    rules = [
        "{alert: Fails, expr: 'm * on() group_left() (m > 0)', for: 1m}",
        "{record: r, expr: m, labels: {i: x}}",
        "{alert: Counts, expr: 'count(ALERTS) > 0'}",
    ]
    series = [high_between(0, 20 * MINUTE_MS, high=0.0), *[always(1.0)] * (MAX_CURVES + 3)]
    given_ = make(rules, series)
    checker = Checker()
    checker.feed(page_of(given_))

    assert "Evaluations that failed" in checker.text
    assert "Groups that were led from tick to tick" in checker.text
    assert "reads what it, a later rule or an alert writes" in checker.text


def test_many_alerts_and_series_are_bounded():
    """So many lanes and curves, the rest in one lane; a notification stream becomes bars."""
    count = MAX_ALERTS + 5
    series = [lambda time, i=i: 10.0 if time // MINUTE_MS % 4 < 2 else 1.0 + i for i in range(count)]
    routes = ROUTES.replace("group_wait: 30s, group_interval: 2m", "group_wait: 0s, group_interval: 1m")
    given_ = make(["{alert: A, expr: m >= 10}"], series, end=9 * HOUR_MS, routes=routes)
    drawing = panels(page_of(given_))["A"]

    assert len(of_class(drawing, "graph")) == MAX_CURVES
    labels = [each.find("title").tail for each in of_class(drawing, "lane")]
    assert len(labels) == MAX_ALERTS + 1
    assert labels[MAX_ALERTS - 1 :] == [f"{count - MAX_ALERTS + 1} more alerts", "→ team"]
    assert len(of_class(drawing, "bars")) == 1
    assert len(ET.tostring(drawing)) < 200_000


def test_rules_beyond_the_greatest_number_of_panels_are_in_the_table():
    """Those that were noisiest have a graph, all have their figures."""
    rules = [f"{{alert: A{number}, expr: 'm > {number}'}}" for number in range(MAX_PANELS + 3)]
    given_ = make(rules, [high_between(20 * MINUTE_MS, 30 * MINUTE_MS, high=1000.0, low=50.0)])
    page = page_of(given_)

    assert page.count('<section class="rule"') == MAX_PANELS
    assert "and 3 more rules that had an alert, without a graph" in page
    assert all(f">A{number}<" in page for number in range(MAX_PANELS + 3))


def test_rules_of_one_name_are_told_apart():
    """Alerts go to the rule whose labels they have, and each has its own threshold."""
    rules = [
        "{alert: High, expr: m > 5, labels: {severity: warning}}",
        "{alert: High, expr: m > 8, labels: {severity: critical}}",
    ]
    page = page_of(make(rules, [high_between(10 * MINUTE_MS, 25 * MINUTE_MS, high=7.0)]))

    assert page.count('<section class="rule"') == 1
    assert [each.text for each in of_class(panels(page)["High"], "limit-label")] == ["> 5"]
    assert "1 rule never had an alert" in page


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["30s", "1m", "5m"]),
            st.sampled_from(["", "", "query_offset: 40s", "limit: 2"]),
            st.lists(st.sampled_from([*ALERTS.values(), *OTHERS.values()]), min_size=1, max_size=4),
        ),
        max_size=3,
    ),
    st.integers(0, 999),
    st.sampled_from(list(PRESETS)),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 9_000_000), st.integers(0, 900_000)), max_size=3),
)
def test_any_backtest_has_a_page(groups, seed, compat, with_routes, faults):
    """Never an error, never anything but a document, and a panel for each rule that had an alert."""
    given_ = scenario(groups, seed, compat=compat, with_routes=with_routes)
    result = run_backtest(given_)
    histories = alert_histories(result.transitions)
    told = [each for each, _ in result.notifications]
    wrong = [Fault(str(start), start, start + length) for start, length in faults]
    page = render_page(given_, result, faults=judge(wrong, histories, told, given_.end))
    check(page)

    assert page.count('<section class="rule"') >= len({(each.group, each.rule) for each in histories})


SPANS = [
    (0, "0s"),
    (999, "999ms"),
    (59_400, "59s"),
    (59_700, "1m"),
    (61_000, "1m 1s"),
    (3_599_700, "1h"),
    (4 * HOUR_MS - 9 * SECOND_MS, "4h"),
    (3 * DAY_MS + 5 * HOUR_MS + 31 * MINUTE_MS, "3d 6h"),
    (-61_000, "-1m 1s"),
]


@pytest.mark.parametrize(("duration", "text"), SPANS)
def test_durations_for_people(duration, text):
    """The two greatest units, rounded without ever naming sixty of one."""
    assert render_span(duration) == text


NUMBERS = [
    (0.05, "0.05"),
    (1234.5678, "1235"),
    (123_456.0, "123.5k"),
    (math.inf, "+Inf"),
    (math.nan, "NaN"),
    (0.0, "0"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers_for_people(value, text):
    """Four digits, prefixes for what is large."""
    assert render_number(value) == text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_values_of_any_size_have_an_axis(values):
    """Every value has a place between bottom and top, and the ticks are apart."""
    axis = ValueAxis.around(values, 8.0, 122.0)
    ticks = axis.ticks()

    assert all(8.0 <= axis.y(each) <= 122.0 for each in values)
    assert 2 <= len(ticks) <= 6
    assert len({text for _, text in ticks}) == len(ticks)


AXES = [(0, 0), (0, 1), (0, 999), (0, HOUR_MS), (7, 7 + 30 * DAY_MS), (0, 40 * 365 * DAY_MS), (5, 4)]


@pytest.mark.parametrize(("start", "end"), AXES)
def test_times_have_a_few_ticks(start, end):
    """From a moment to decades: some ticks, all of them within."""
    axis = TimeAxis(start, end)
    ticks = axis.ticks()

    assert 1 <= len(ticks) <= 14
    assert all(LEFT <= axis.x(time) <= RIGHT for time, _ in ticks)


def test_names_are_as_short_as_tells_apart():
    """The label that tells most comes first, and what another label tells already is left out."""
    sets = [
        Labels(job="a", instance="1", path="/x", service="s"),
        Labels(job="a", instance="1", path="/y", service="s"),
        Labels(job="b", instance="2", path="/x", service="s"),
        Labels(job="b", instance="3", path="/x", service="s"),
    ]
    names = telling_names(sets)

    assert names == ("instance", "path")
    assert [name_by(each, names) for each in sets] == ["1 /x", "1 /y", "2 /x", "3 /x"]
    assert telling_names(sets[:1]) == ()
    assert shorten("abcdefghij", 6) == "abc…ij"


def test_only_markup_is_not_escaped():
    """Texts and attributes are, whatever they hold; an attribute that is None is left out."""
    made = element("p", "<b>", Markup("<i></i>"), None, ["&"], class_='"', id=None, data_x=1)

    assert made.text == '<p class="&quot;" data-x="1">&lt;b&gt;<i></i>&amp;</p>'


def test_the_columns_fill_the_plot():
    """Each column of a reduced curve is two units wide."""
    assert 2 * COLUMNS == RIGHT - LEFT


def test_an_alert_is_muted_only_while_it_fires():
    """What the router still remembers of an alert that has ended is nothing that was kept from anybody."""
    silence = Silence("s1", (parse_matcher('i="0"'),), 20 * MINUTE_MS, 50 * MINUTE_MS)
    series = [high_between(5 * MINUTE_MS, 25 * MINUTE_MS), high_between(5 * MINUTE_MS, END)]
    drawing = panels(page_of(make([WAITS], series, silences=(silence,))))["High"]
    (band,) = of_class(drawing, "b", "silenced")

    assert float(band.get("x")) + float(band.get("width")) <= x_of(29 * MINUTE_MS)
