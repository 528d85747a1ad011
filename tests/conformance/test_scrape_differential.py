"""What Prometheus stores of its scrapes of a server, and what the scrape loop makes of the same answers, agree."""

import itertools

import numpy as np
import pytest

from obsflow import Database, Labels
from obsflow import open as open_database
from obsflow.exposition import RelabelConfig, ScrapeLoop, Target
from obsflow.model.floats import STALE_NAN_BITS, float_bits
from tests.conformance.scraped_server import OPEN, Answer, Answers, prometheus, serve, wait_for
from tests.tsdb.contents import everything

SCRAPES = 20
GAUGES = b'# TYPE g gauge\ng 1\ng{x="1"} 2.5\ng{x="2"} NaN\n'
BODIES = {
    "steady": [Answer(GAUGES + b"c_total %d\n" % i) for i in range(5)],
    "vanishing": [Answer(GAUGES), Answer(b'g 2\nh{le="0.5"} 1\n'), Answer(b"")],
    "failing": [Answer(GAUGES), Answer(b"nothing here", status=500), Answer(b"g 7\n")],
    "broken": [Answer(GAUGES), Answer(b"broken\n"), Answer(b"g 7\nk 1\n"), Answer(b'k 2\ng{x="1"} 5\n')],
    "clashing": [Answer(b'a{job="own",instance="i",exported_job="x"} 1\nup 0\nb{job=""} 3\n'), Answer(b"a 1\n")],
    "honored": [Answer(b'a{job="own"} 1\nb{instance="other"} 2\nc 3\nd{job=""} 4\n'), Answer(b'a{job="own"} 2\n')],
    "limited": [Answer(b"a 1\nb 2\n"), Answer(b"x 1\ny 1\nz 1\na 1\n"), Answer(b"a 1\nb 1\nc 1\n")],
    "labelled": [Answer(b"a 1\n"), Answer(b'long{a="1",b="2",c="3"} 1\na 1\n'), Answer(b"b 1\n")],
    "relabelled": [
        Answer(b'a{x="1",tmp="t"} 1\nb{x="2"} 2\ndrop_me 3\nc{x="3"} 1\n'),
        Answer(b'a{x="1",tmp="u"} 5\nb{x="2"} 3\ndrop_me{y="1"} 3\n'),
    ],
    "repeated": [Answer(b"a 1\na 2\nb 1\nb 1\n"), Answer(b"a{} 3\na 4\n")],
    "open": [
        Answer(b'# TYPE r counter\n# HELP r All.\nr_total 5 # {trace="1"} 0.5\nr_created 1.5\n# EOF\n', OPEN),
        Answer(b"# TYPE s gauge\ns 1\n# EOF\n", OPEN),
        Answer(b"s 1\n", OPEN),
    ],
    "middle": [Answer(b"a 1\nb 1\n"), Answer(b"a 1\nbroken\n"), Answer(b"b 1\n"), Answer(b"a 1\nb 2\n")],
    "timed": [
        Answer(b"a 1 <-400>\nb 2 <660000>\nc 1\n"),
        Answer(b"a 2 <-10>\na 3 <-5>\nb 1\n"),
        Answer(b"c 5 <-100>\n"),
    ],
    "untimed": [Answer(b"a 1 <-400>\nb 2 <660000>\n"), Answer(b"a 2 <-9000>\n")],
    "too_large": [Answer(b"a 1\n"), Answer(b"a 2\n" + b"# %s\n" % (b"x" * 2000)), Answer(b"a 3\n")],
}
FAIL_IN_THE_MIDDLE = ("limited", "open", "middle")
"""Of what it read before the failure, Prometheus 2.42 marks nothing stale then, and later also what it never stored."""

CONFIG = """
global: {scrape_interval: 1s, scrape_timeout: 900ms}
scrape_configs:
""" + "".join(
    f"""
- job_name: {name}
  metrics_path: /{name}
  static_configs: [{{targets: ['ADDRESS']}}]
  %({name})s
"""
    for name in BODIES
)
SETTINGS = {
    "honored": "honor_labels: true",
    "limited": "sample_limit: 3",
    "labelled": "label_limit: 4",
    "untimed": "honor_timestamps: false",
    "too_large": "body_size_limit: 1KB",
    "relabelled": """metric_relabel_configs:
  - {source_labels: [__name__], regex: drop_me, action: drop}
  - {regex: tmp, action: labeldrop}
  - {source_labels: [x], target_label: y, regex: '(.)', replacement: 'v${1}'}
  - {source_labels: [__name__, x], modulus: 7, target_label: shard, action: hashmod}""",
}
TARGETS = {
    "honored": {"honor_labels": True},
    "limited": {"sample_limit": 3},
    "labelled": {"label_limit": 4},
    "untimed": {"honor_timestamps": False},
    "too_large": {"body_size_limit": 1024},
    "relabelled": {
        "metric_relabel_configs": (
            RelabelConfig(source_labels=("__name__",), regex="drop_me", action="drop"),
            RelabelConfig(regex="tmp", action="labeldrop"),
            RelabelConfig(source_labels=("x",), target_label="y", regex="(.)", replacement="v${1}"),
            RelabelConfig(source_labels=("__name__", "x"), modulus=7, target_label="shard", action="hashmod"),
        )
    },
}


class Stored:
    """Series and their samples: of two with one time, the first is kept."""

    def __init__(self) -> None:
        self._labels: list[Labels] = []
        self.samples: dict[Labels, dict[int, int]] = {}

    def series(self, labels: Labels) -> int:
        if labels not in self.samples:
            self.samples[labels] = {}
            self._labels.append(labels)
        return self._labels.index(labels)

    def add(self, scraped) -> None:
        rows = zip(scraped.references.tolist(), scraped.times.tolist(), scraped.values, strict=True)
        for reference, time, value in rows:
            self.samples[self._labels[reference]].setdefault(time, float_bits(value))


def scrape_again(name: str, target: Target, answers: Answers, ups: list[int], durations: dict[int, float]) -> Stored:
    """What the scrape loop makes of the answers that were given at these times."""
    stored = Stored()
    loop = ScrapeLoop(target, stored)
    for i, time in enumerate(ups):
        answer = answers.given[name][i]
        if answer.status == 200:
            stored.add(loop.scraped(answer.body, answer.content_type, time, duration=durations[time]))
        else:
            stored.add(loop.failed(f"status {answer.status}", time, duration=durations[time]))
    return stored


@pytest.fixture(scope="module")
def scraped(tmp_path_factory) -> tuple[Database, Answers, str]:
    """The data of a server that scraped every body, its answers, and the address of what it scraped."""
    directory = tmp_path_factory.mktemp("scraped")
    answers = Answers(BODIES)
    settings = {name: SETTINGS.get(name, "") for name in BODIES}
    with serve(answers) as address, prometheus(directory, (CONFIG % settings).replace("ADDRESS", address)):
        done = wait_for(answers, SCRAPES, 60)
    assert done, (directory / "log").read_text()
    return open_database(directory / "data"), answers, address


def compare(scraped, name: str) -> tuple[dict[Labels, dict[int, int]], dict[Labels, dict[int, int]]]:
    """The samples of a target by series and time, as bits: what Prometheus stored, and what the scrape loop gives."""
    database, answers, address = scraped
    own = Labels(job=name, instance=address)
    contents = {labels: dict(samples) for labels, samples in everything(database).items()}
    report = contents[own.with_({"__name__": "scrape_duration_seconds"})]
    durations = {time: np.array([bits], np.uint64).view(np.float64)[0] for time, bits in report.items()}
    assert len(durations) >= SCRAPES - 1
    target = Target(own, interval_ms=1000, timeout_ms=900, aligns=False, **TARGETS.get(name, {}))
    found = scrape_again(name, target, answers, sorted(durations), durations).samples
    mine = {labels for labels in contents if name in (labels.get("job"), labels.get("exported_job"))}
    return {labels: contents[labels] for labels in mine | (found.keys() & contents.keys())}, found


@pytest.mark.parametrize("name", [name for name in BODIES if name not in FAIL_IN_THE_MIDDLE])
def test_samples_of_a_target(scraped, name):
    """Series, times and values are the same, bit for bit, up to the last scrape that was stored."""
    expected, found = compare(scraped, name)
    assert found == expected


@pytest.mark.parametrize("name", FAIL_IN_THE_MIDDLE)
def test_scrapes_that_fail_in_the_middle(scraped, name):
    """But for stale markers, and how many series count as new later, they are the same; each series ends at once."""
    expected, found = compare(scraped, name)
    added, up = (next(labels for labels in found if labels.name == of) for of in ("scrape_series_added", "up"))

    def real(series: dict[Labels, dict[int, int]]) -> dict[Labels, dict[int, int]]:
        kept = {labels: {t: v for t, v in samples.items() if v != STALE_NAN_BITS} for labels, samples in series.items()}
        return {labels: samples for labels, samples in kept.items() if samples and labels != added}

    assert real(found) == real(expected)
    times = sorted(found[up])
    for labels, samples in found.items():
        ended = {time for time, bits in samples.items() if bits == STALE_NAN_BITS}
        last = [time for time, after in itertools.pairwise(times) if time in samples and after not in samples]
        assert all(time in ended for time in last), labels
    assert found != expected
