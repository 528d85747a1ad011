"""The scrapes of one target: what is stored of each, how it fails, how series end, and when the next is due."""

import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow import Labels
from obsflow.errors import StateError
from obsflow.exposition import (
    SCRAPE_TABLE,
    FailureKind,
    RelabelConfig,
    ScrapeLoop,
    ScrapeObservation,
    ScrapeState,
    Target,
    TextFormat,
)
from obsflow.model.floats import STALE_NAN_BITS
from obsflow.model.transitions import draw_diagram, draw_table

PLAIN, OPEN = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"
REPORT = ("up", "duration", "scraped", "kept", "added", "timeout", "limit", "size")
STALE = "stale"


class Sink:
    """Numbers series as they come."""

    def __init__(self):
        self.numbers = {}

    def series(self, labels):
        return self.numbers.setdefault(labels, len(self.numbers))

    def names(self):
        return {number: labels for labels, number in self.numbers.items()}


class Scraper:
    """A loop whose results are read as `{series: (time, value)}` and the report as numbers."""

    def __init__(self, **options):
        labels = Labels(options.pop("labels", {}))
        self.sink = Sink()
        self.loop = ScrapeLoop(Target(labels, **{"interval_ms": 1000, "timeout_ms": 500, **options}), self.sink)
        self.target, self.time = self.loop.target, 0

    def scrape(self, body, content_type=PLAIN, time=None, **options):
        self.time = self.time + 1000 if time is None else time
        data = body if isinstance(body, bytes) else body.encode()
        return self.read(self.loop.scraped(data, content_type, self.time, **options))

    def read(self, scraped):
        names, n_report = self.sink.names(), 8 if self.target.extra_metrics else 5
        rows, report = [], []
        for reference, time, value in zip(
            scraped.references.tolist(), scraped.times.tolist(), scraped.values, strict=True
        ):
            own = names[reference].without(*self.target.labels)
            is_stale = value.view(np.uint64) == STALE_NAN_BITS
            rows.append((str(own), time, STALE if is_stale else float(value)))
        report = dict(zip(REPORT, (row[2] for row in rows[-n_report:]), strict=False))
        return scraped, rows[:-n_report], report


def test_a_scrape_adds_what_it_says():
    """Samples get the time of the scrape, and five series tell about it."""
    scraper = Scraper(labels={"job": "j"})
    scraped, rows, report = scraper.scrape("a 1\nb 2 700\n", duration=0.25)
    assert rows == [("a", 1000, 1.0), ("b", 700, 2.0)]
    assert report == {"up": 1, "duration": 0.25, "scraped": 2, "kept": 2, "added": 2}
    assert scraped.failure is None
    assert Labels({"__name__": "up", "job": "j"}) in scraper.sink.numbers
    assert scraper.scrape("a 2\nb 2\n")[2]["added"] == 0


def test_extra_metrics():
    """Three more series tell of the limits and the size of the body, -1 where it was too large."""
    scraper = Scraper(extra_metrics=True, sample_limit=7, body_size_limit=10)
    assert list(scraper.scrape("a 1\n")[2].values())[5:] == [0.5, 7, 4]
    assert list(scraper.scrape("a 1\n# 45678")[2].values())[5:] == [0.5, 7, -1]
    assert scraper.read(scraper.loop.failed("refused", 3000))[2]["size"] == 0
    assert scraper.read(scraper.loop.failed("too much", 4000, too_large=True))[2]["size"] == -1


@pytest.mark.parametrize(
    ("options", "body", "expected"),
    [
        ({}, 'a{job="x"} 1\n', [{"__name__": "a", "job": "j", "exported_job": "x"}]),
        (
            {},
            'a{job="x",exported_job="y"} 1\n',
            [{"__name__": "a", "job": "j", "exported_job": "y", "exported_exported_job": "x"}],
        ),
        ({}, 'a{job=""} 1\n', [{"__name__": "a", "job": "j"}]),
        ({"honor_labels": True}, 'a{job="x"} 1\n', [{"__name__": "a", "job": "x"}]),
        ({"honor_labels": True}, 'a{job=""} 1\n', [{"__name__": "a"}]),
        ({"honor_labels": True}, 'a{b="c" ,"job" = "" } 1\n', [{"__name__": "a", "b": "c"}]),
        ({"honor_labels": True}, 'a{b=""} 1\n', [{"__name__": "a", "job": "j"}]),
        ({"honor_labels": True}, 'a{ajob=""} 1\n', [{"__name__": "a", "job": "j"}]),
    ],
)
def test_labels_of_the_target(options, body, expected):
    """The target's labels win and exposed ones get a prefix, unless they are honored, be they empty."""
    scraper = Scraper(labels={"job": "j"}, **options)
    scraper.scrape(body)
    assert [dict(labels) for labels in scraper.sink.numbers][: len(expected)] == expected


def test_several_clashes():
    """Shorter names find a free one first."""
    scraper = Scraper(labels={"x": "1", "exported_x": "2"})
    scraper.scrape('a{x="3",exported_x="4"} 1\n')
    assert dict(next(iter(scraper.sink.numbers))) == {
        "__name__": "a",
        "x": "1",
        "exported_x": "2",
        "exported_exported_x": "3",
        "exported_exported_exported_x": "4",
    }


def test_series_end():
    """What no longer comes gets a marker, once; so does all at a failure, or an answer without a body."""
    scraper = Scraper()
    scraper.scrape("a 1\nb 1\n")
    assert scraper.scrape("b 2\n")[1] == [("b", 2000, 2.0), ("a", 2000, STALE)]
    assert scraper.read(scraper.loop.failed("refused", 3000))[1:] == (
        [("b", 3000, STALE)],
        {"up": 0, "duration": 0, "scraped": 0, "kept": 0, "added": 0},
    )
    assert scraper.scrape("", "", 4000)[1:] == ([], {"up": 1, "duration": 0, "scraped": 0, "kept": 0, "added": 0})
    assert scraper.scrape("b 3\n")[2]["added"] == 0
    assert scraper.scrape("")[1] == [("b", 6000, STALE)]


@pytest.mark.parametrize("tracks", [False, True])
def test_series_with_their_own_times(tracks):
    """They end without a marker, unless that is asked for."""
    scraper = Scraper(track_timestamps_staleness=tracks)
    scraper.scrape("a 1 500\n")
    assert scraper.scrape("b 2 1500\n")[1] == [("b", 1500, 2.0), *([("a", 2000, STALE)] if tracks else [])]


def test_times_that_are_not_honored():
    """The time of the scrape counts, and series end with a marker."""
    scraper = Scraper(honor_timestamps=False)
    assert scraper.scrape("a 1 500\nb 1 999999999\n")[1] == [("a", 1000, 1.0), ("b", 1000, 1.0)]
    assert scraper.scrape("b 1\n")[1] == [("b", 2000, 1.0), ("a", 2000, STALE)]


def test_times_too_far_ahead():
    """What is more than ten minutes ahead is dropped, and counts as new when it is not."""
    scraper = Scraper()
    scraped, rows, report = scraper.scrape("a 1 601000\nb 1 601001\n")
    assert rows == [("a", 601000, 1.0)]
    assert (scraped.too_far_ahead, report["scraped"], report["kept"], report["added"]) == (1, 2, 2, 1)
    assert "b" not in {labels.name for labels in scraper.sink.numbers}
    _, rows, report = scraper.scrape("a 1\nb 2\n")
    assert rows == [("a", 2000, 1.0), ("b", 2000, 2.0)]
    assert report["added"] == 1


FAILURES = [
    ({}, PLAIN, "a 1\nb x\nc 1\n", (FailureKind.SYNTAX, 2, 3), (1, 1, 1)),
    ({}, OPEN, "a 1\nb 1\n", (FailureKind.SYNTAX, 3, 1), (2, 2, 2)),
    ({}, OPEN, "a 1\n# EOF\nb 1\n", (FailureKind.SYNTAX, 3, 1), (1, 1, 1)),
    ({}, PLAIN, 'a 1\nb{c="\n\n" 1\n', (FailureKind.SYNTAX, 4, 3), (1, 1, 1)),
    ({}, "application/json", "a 1\n", (FailureKind.CONTENT_TYPE, 0, 0), (0, 0, 0)),
    ({}, "", "a 1\n", (FailureKind.CONTENT_TYPE, 0, 0), (0, 0, 0)),
    ({"body_size_limit": 8}, PLAIN, "a 1\nb 1\n", (FailureKind.BODY_SIZE_LIMIT, 0, 0), (0, 0, 0)),
    ({"sample_limit": 2}, PLAIN, "a 1\nb 1\nc 1\nd 1\n", (FailureKind.SAMPLE_LIMIT, 0, 0), (4, 4, 2)),
    ({"label_limit": 2}, PLAIN, 'a 1\nb{c="1",d="2"} 1\ne 1\n', (FailureKind.LABEL_LIMIT, 2, 1), (2, 1, 1)),
    (
        {"label_name_length_limit": 8},
        PLAIN,
        'a{bcdefghij="1"} 1\n',
        (FailureKind.LABEL_NAME_LENGTH_LIMIT, 1, 1),
        (1, 0, 0),
    ),
    (
        {"label_value_length_limit": 3},
        PLAIN,
        'a 1\n b{c="üü"} 1\n',
        (FailureKind.LABEL_VALUE_LENGTH_LIMIT, 2, 2),
        (2, 1, 1),
    ),
    (
        {"metric_relabel_configs": (RelabelConfig(action="labeldrop", regex="__name__"),)},
        PLAIN,
        'a{b="1"} 1\n',
        (FailureKind.NO_NAME, 1, 1),
        (1, 0, 0),
    ),
]


@pytest.mark.parametrize(("options", "content_type", "body", "why", "counts"), FAILURES)
def test_failures(options, content_type, body, why, counts):
    """Nothing of the body is stored and no series is made, all series end, and what was read is counted once as new."""
    scraper = Scraper(**options, extra_metrics=True)
    before = scraper.scrape('a{b="1"} 1\n' if why[0] is FailureKind.NO_NAME else "z 1\n")[0]
    known = dict(scraper.sink.numbers)
    scraped, rows, report = scraper.scrape(body, content_type)
    assert (scraped.failure.kind, scraped.failure.line, scraped.failure.column) == why
    assert rows == ([("z", 2000, STALE)] if before.failure is None else [])
    assert (report["up"], report["scraped"], report["kept"], report["added"]) == (0, *counts)
    assert scraper.sink.numbers == known
    again = scraper.scrape(body, content_type)[2]
    assert (again["scraped"], again["kept"], again["added"]) == (*counts[:2], 0)
    assert str(scraped.failure)


def test_after_a_failure():
    """The series of a body that failed are made when one goes well, and are not new then."""
    scraper = Scraper(sample_limit=3)
    scraper.scrape("a 1\nb 1\nc 1\nd 1\n")
    assert scraper.scrape("c 1\nd 1\na 1\n")[1:] == (
        [("c", 2000, 1.0), ("d", 2000, 1.0), ("a", 2000, 1.0)],
        {"up": 1, "duration": 0, "scraped": 3, "kept": 3, "added": 1},
    )


def test_failures_do_not_fill_the_memory():
    """A target that fails with other series each time is remembered for the last."""
    scraper = Scraper()
    for i in range(9):
        scraper.scrape("".join(f"a_{i}_{k} 1\n" for k in range(300)) + "broken\n")
    assert len(scraper.loop._cache) <= 1000 + 300


def test_relabelled_series():
    """Rules come after the target's labels; what they drop is read, not kept, and never stale."""
    rules = (
        RelabelConfig(("job", "__name__"), regex="j;drop.*", action="drop"),
        RelabelConfig(("x",), target_label="y", regex="(.+)"),
    )
    scraper = Scraper(labels={"job": "j"}, metric_relabel_configs=rules, sample_limit=2)
    _, rows, report = scraper.scrape('drop_1 1\na{x="1"} 1\nb 1\ndrop_2 1\n')
    assert rows == [('a{x="1", y="1"}', 1000, 1.0), ("b", 1000, 1.0)]
    assert report == {"up": 1, "duration": 0, "scraped": 4, "kept": 2, "added": 2}
    assert scraper.scrape("b 1\n")[1] == [("b", 2000, 1.0), ('a{x="1", y="1"}', 2000, STALE)]


def test_the_same_series_twice():
    """Both are there, the first first, and count as one that is new; one way of writing for another is no end."""
    scraper = Scraper()
    _, rows, report = scraper.scrape("a 1\na 2\na{} 3\n")
    assert rows == [("a", 1000, 1.0), ("a", 1000, 2.0), ("a", 1000, 3.0)]
    assert (report["scraped"], report["added"]) == (3, 2)
    assert scraper.scrape("a{} 1\n")[1] == [("a", 2000, 1.0)]


def test_exemplars_and_metadata():
    """An exemplar has the reference of its series, and its sample's time where it has none."""
    rules = (RelabelConfig(("__name__",), regex="d_total", action="drop"),)
    scraper = Scraper(metric_relabel_configs=rules)
    body = (
        '# TYPE c counter\n# HELP c Text.\nd_total 1 # {z="0"} 1\n'
        'c_total 5 # {t="1"} 0.5 0.25\nb 1 0.75 # {t="2"} 2\na 1 # {t="3"} 3\nx 1\n# EOF\n'
    )
    scraped, rows, _ = scraper.scrape(body, OPEN)
    assert [row[0] for row in rows] == ["c_total", "b", "a", "x"]
    assert [(reference, dict(each.labels), each.value, each.time) for reference, each in scraped.exemplars()] == [
        (0, {"t": "1"}, 0.5, 250),
        (1, {"t": "2"}, 2.0, 750),
        (2, {"t": "3"}, 3.0, 1000),
    ]
    assert scraped.metadata()["c"].help == "Text."
    failed = scraper.scrape("broken")[0]
    assert (failed.exemplars(), failed.metadata()) == ([], {})


@pytest.mark.parametrize(
    ("interval", "aligns", "times", "expected"),
    [
        (1000, True, [5000, 6001, 7002, 8003, 9000], [5000, 6000, 7000, 8003, 9000]),
        (100, True, [5000, 5101, 5202, 5300], [5000, 5100, 5202, 5300]),
        (1000, False, [5000, 6001], [5000, 6001]),
        (1000, True, [5000, 9001, 12_500, 13_002], [5000, 9000, 12_500, 13_000]),
        (1000, True, [5000, 4000, 6001], [5000, 4000, 6000]),
    ],
)
def test_times_are_aligned(interval, aligns, times, expected):
    """A scrape that is at most 2 ms, or 1 %, late bears the time at which it was due; the clock may go back."""
    scraper = Scraper(interval_ms=interval, timeout_ms=interval, aligns=aligns)
    assert [scraper.scrape("a 1\n", time=time)[0].time for time in times] == expected


def test_when_the_next_is_due():
    """Every interval from the first scrape on, without those that were missed."""
    loop = ScrapeLoop(Target(interval_ms=1000, timeout_ms=500), Sink(), due=700)
    assert loop.next_due == 700
    for time, due in ((705, 1705), (1706, 2705), (2710, 3705), (5000, 5705), (5705, 6705)):
        loop.failed("refused", time)
        assert loop.next_due == due


def test_a_target_that_is_removed():
    """Its series and those about it end after two intervals and a tenth, at the time of the first missed scrape."""
    scraper = Scraper()
    scraper.scrape("a 1\nb 1\n")
    loop = scraper.loop
    loop.removed(1500)
    assert (loop.state, loop.next_due) == (ScrapeState.REMOVED, 3100)
    with pytest.raises(StateError, match="removed"):
        scraper.scrape("a 1\n")
    with pytest.raises(StateError, match="3100"):
        loop.expired(3099)
    scraped = loop.expired(3100)
    assert scraped.ends
    assert sorted(scraper.sink.names()[row].name for row in scraped.references) == [
        *("a", "b", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped"),
        *("scrape_series_added", "up"),
    ]
    assert set(scraped.times.tolist()) == {2000}
    assert set(scraped.values.view(np.uint64).tolist()) == {STALE_NAN_BITS}
    assert (loop.state, loop.next_due) == (ScrapeState.ENDED, None)
    with pytest.raises(StateError, match="ended"):
        loop.removed(4000)


def test_a_target_that_returns():
    """It goes on as if it had been there."""
    scraper = Scraper()
    scraper.scrape("a 1\nb 1\n")
    scraper.loop.removed(1500)
    scraper.loop.returned()
    assert scraper.loop.next_due == 2000
    assert scraper.scrape("a 1\n")[1] == [("a", 2000, 1.0), ("b", 2000, STALE)]


def test_a_target_that_was_never_scraped():
    """It has no series that could end."""
    loop = ScrapeLoop(Target(), Sink())
    loop.removed(5)
    assert (loop.state, loop.next_due) == (ScrapeState.ENDED, None)


def test_what_was_lost_comes_again():
    """Markers that could not be stored come with the next scrape, unless the series is there again."""
    scraper = Scraper()
    scraper.scrape("a 1\nb 1\nc 1\n")
    scraper.scrape("a 1\n")
    scraper.loop.lost()
    assert scraper.scrape("b 1\n")[1] == [("b", 3000, 1.0), ("a", 3000, STALE), ("c", 3000, STALE)]
    assert scraper.scrape("b 1\n")[1] == [("b", 4000, 1.0)]


def test_series_that_the_store_drops():
    """They are asked for again when they come, as are those about the scrape; no marker is given for them."""
    scraper = Scraper()
    scraper.scrape("a 1\nb 1\n")
    numbers = scraper.sink.numbers
    dropped = [numbers.pop(labels) for labels in list(numbers) if labels.name in {"a", "up"}]
    numbers[Labels(other="x")] = 100
    scraper.loop.forget(np.array(dropped))
    scraper.sink.series = lambda labels: numbers.setdefault(labels, 200 + len(numbers))
    _, rows, report = scraper.scrape("b 1\n")
    assert rows == [("b", 2000, 1.0)]
    assert report["up"] == 1
    assert scraper.scrape("a 1\nb 1\n")[1] == [("a", 3000, 1.0), ("b", 3000, 1.0)]
    assert min(numbers[Labels({"__name__": name})] for name in ("a", "up")) >= 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interval_ms": 0}, "more than 0"),
        ({"timeout_ms": 2000, "interval_ms": 1000}, "cannot be greater than scrape interval"),
        ({"sample_limit": -1, "label_limit": -1}, "sample_limit must not be negative; label_limit"),
        ({"labels": Labels(__address__="x")}, "begin with __"),
    ],
)
def test_what_is_no_target(options, message):
    """All that is wrong is told."""
    with pytest.raises(ValueError, match=message):
        Target(**options)


def test_fallback():
    """An answer that does not say what it is, is what the target says."""
    scraper = Scraper(fallback=TextFormat.PLAIN)
    assert scraper.scrape("a 1\n", "application/json")[2]["up"] == 1


def test_the_page_shows_the_table():
    """The diagram and the table of the page are drawn from the table of the code."""
    page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "scraping.md"
    text = page.read_text("utf-8")
    assert f"```mermaid\n{draw_diagram(SCRAPE_TABLE, ScrapeState.NEW)}```\n" in text
    assert draw_table(SCRAPE_TABLE, ScrapeState, ScrapeObservation) in text


PIECES = st.sampled_from(
    [
        b"a",
        b"b{c=",
        b'"x"',
        b"}",
        b" 1",
        b" 2 5",
        b"\n",
        b"# EOF\n",
        b"# TYPE a histogram\n",
        b'{le="1"}',
        b"{",
        b'"',
        b"\\",
        b"\0\xff",
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.lists(PIECES | st.binary(max_size=3), max_size=12).map(b"".join), min_size=1, max_size=4),
    st.sampled_from([PLAIN, OPEN]),
    st.sampled_from([{}, {"sample_limit": 1}, {"honor_labels": True}, {"honor_timestamps": False}, {"label_limit": 3}]),
)
def test_any_body(bodies, content_type, options):
    """Whatever a target answers, the result is columns of one length, nothing exposed where it failed, and a report."""
    scraper = Scraper(labels={"job": "j"}, **options)
    for body in bodies:
        scraped, rows, report = scraper.scrape(body, content_type)
        assert len(scraped.references) == len(scraped.times) == len(scraped.values)
        assert report["up"] == (scraped.failure is None)
        assert report["added"] <= report["kept"] <= report["scraped"] <= body.count(b"\n") + 1
        assert all(value == STALE for _, _, value in rows) or scraped.failure is None
