"""Messages masked, clustered, counted and compared."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.incident.evidence import LogSeverity, Window, cluster_logs, find_new, find_spikes
from obsflow.incident.evidence.rates import ONE_IN_A_HUNDRED, ONE_IN_A_THOUSAND, likelihood_ratio, rose
from obsflow.incident.evidence.templates import mask
from tests.incident.evidence.cases import error


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("Cannot connect to db:5432", "Cannot connect to db:<num>"),
        ("SELECT * FROM orders WHERE user_id=123 took 5200ms", "SELECT * FROM orders WHERE user_id=<num> took <num>"),
        ("memory 2.1Gi/2Gi, 99.5% of limit", "memory <num>/<num>, <num> of limit"),
        ("pod postgres-0 restarted 8 times", "pod postgres-<num> restarted <num> times"),
        ("v2.5 of http2 and p95 stay", "v2.5 of http2 and p95 stay"),
        ("user 6f1d2c3a-0b1c-4d2e-8f90-123456789abc gone", "user <uuid> gone"),
        ("from 10.0.0.1:8080 to 10.0.0.2", "from <ip>:<num> to <ip>"),
        ("commit deadbeef42 and 0x1F at face", "commit <hex> and <hex> at face"),
        ("open /var/lib/data.db: denied", "open <path>: denied"),
        (r"open C:\temp\x.txt now", "open <path> now"),
        ("GET /checkout failed", "GET /checkout failed"),
        ("call http://a.b:80/c?d=1, then stop", "call <url>, then stop"),
        ("at 2026-01-02T03:04:05.678Z stop", "at <time> stop"),
        ("at 2026-01-02 stop", "at <time> stop"),
        ("\n  first   line \n at frame 1", "first line"),
        ("", ""),
        ("a 1,2,3 b", "a <num> b"),
    ],
)
def test_values_are_masked(message, masked):
    """By what they look like."""
    assert mask(message) == masked


def test_messages_are_clustered_by_template():
    """Words that vary in a long message are one cluster; short messages that differ in a word are not."""
    records = [
        error(1, "failed to charge order 17 of customer alice today"),
        error(3, "failed to charge order 18 of customer bob today"),
        error(2, "failed to charge order 19 of customer bob today"),
        error(5, "Cannot connect to cache"),
        error(4, "Cannot connect to db:5432"),
        error(6, "slow", severity=LogSeverity.WARN),
        error(7, "who knows", severity=LogSeverity.UNKNOWN),
    ]
    clusters = cluster_logs(records)

    assert [(c.template, c.count, c.first_at, c.last_at) for c in clusters] == [
        ("failed to charge order <num> of customer <*> today", 3, 1, 3),
        ("Cannot connect to cache", 1, 5, 5),
        ("Cannot connect to db:<num>", 1, 4, 4),
    ]
    assert [c.template for c in cluster_logs(records, similarity=0.7)][1] == "Cannot connect to <*>"
    assert [c.template for c in cluster_logs(records, at_least=LogSeverity.WARN)][-1] == "slow"
    with pytest.raises(ValueError, match="similarity"):
        cluster_logs(records, similarity=0)


def test_counts_by_window():
    """Half-open steps; the last may be shorter."""
    (cluster,) = cluster_logs([error(t, "x") for t in (0, 9, 10, 10, 24, 25)])

    assert cluster.counts(Window(0, 25), 10) == (2, 2, 1)
    assert cluster.counts(Window(5, 100), 1000) == (5,)
    assert cluster.count_in(Window(9, 10)) == 1
    assert [record.time for record in cluster.records_in(Window(10, 25))] == [10, 10, 24]
    with pytest.raises(ValueError, match="1 ms"):
        cluster.counts(Window(0, 1), 0)


def test_what_is_new_since():
    """At that time or later, the earliest first."""
    clusters = cluster_logs([error(5, "a"), error(20, "a"), error(10, "b"), error(9, "c"), error(12, "d")])

    assert [cluster.template for cluster in find_new(clusters, 10)] == ["b", "d"]


@pytest.mark.parametrize(
    ("before", "during", "expected"),
    [
        (0, 7, []),  # G² = 2·7·ln 2 = 9.70
        (0, 8, [(8, 0.0, 11.0904)]),  # 2·8·ln 2
        (10, 30, [(30, 10.0, 10.4650)]),  # 2·(10·ln(10/20) + 30·ln(30/20)), below 10.828
        (20, 60, [(60, 20.0, 20.9299)]),
        (30, 10, []),
        (5, 5, []),
    ],
)
def test_spikes_are_significant(before, during, expected):
    """By the likelihood ratio of two rates, in windows of the same length."""
    records = [error(n, "x") for n in range(before)] + [error(100 + n, "x") for n in range(during)]
    found = find_spikes(
        cluster_logs(records), Window(0, 100), Window(100, 200), significant=10.0 if before == 10 else 10.828
    )

    assert [(s.observed, s.expected, round(s.significance, 4)) for s in found] == expected


def test_thresholds_are_those_of_the_chi_squared():
    """With one degree of freedom: P(X > x) = erfc(√(x/2))."""
    assert math.erfc(math.sqrt(ONE_IN_A_THOUSAND / 2)) == pytest.approx(0.001, rel=1e-3)
    assert math.erfc(math.sqrt(ONE_IN_A_HUNDRED / 2)) == pytest.approx(0.01, rel=1e-3)


@given(
    counts=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    exposures=st.tuples(st.integers(1, 99), st.integers(1, 99)),
)
def test_the_ratio_is_twice_the_gain_in_likelihood(counts, exposures):
    """Of two Poisson rates over one, written out."""

    def likelihood(means):
        return math.fsum((k * math.log(mean) if k else 0) - mean for k, mean in zip(counts, means, strict=True))

    rate = sum(counts) / sum(exposures)
    gain = likelihood(counts) - likelihood([rate * d for d in exposures]) if sum(counts) else 0
    assert likelihood_ratio(counts, exposures) == pytest.approx(2 * gain, abs=1e-9)
    assert rose(counts, exposures) == (counts[1] / exposures[1] > counts[0] / exposures[0])


def test_a_spike_is_judged_by_rates():
    """A baseline ten times as long has ten times as many."""
    records = [error(n * 10, "x") for n in range(100)] + [error(1000 + n * 10, "x") for n in range(10)]
    records += [error(1000, "new thing") for _ in range(20)]
    (spike,) = find_spikes(cluster_logs(records), Window(0, 1000), Window(1000, 1100))

    assert (spike.cluster.template, spike.is_new, spike.excess, spike.first_at) == ("new thing", True, 1.0, 1000)
    assert spike.significance == pytest.approx(2 * 20 * 2.3978952728)  # 20 records, 20/11 expected


WORDS = st.sampled_from(["failed", "to", "connect", "db", "7", "10.0.0.1", "<*>", "a=1", "x"])
MESSAGES = st.lists(WORDS, max_size=6).map(" ".join)


@settings(deadline=None)
@given(
    messages=st.lists(st.tuples(st.integers(0, 50), MESSAGES), max_size=25),
    seed=st.integers(0, 99),
    shift=st.integers(0, 10**13),
)
def test_clusters_hang_on_the_records_alone(messages, seed, shift):
    """Their order does not matter, each record is in one cluster, and later records give later clusters."""
    records = [error(time, body) for time, body in messages]
    clusters = cluster_logs(records)
    shuffled = random.Random(seed).sample(records, len(records))
    later = cluster_logs([error(time + shift, body) for time, body in messages])

    assert cluster_logs(shuffled) == clusters
    assert sorted((r.time, r.body) for c in clusters for r in c.records) == sorted(messages)
    assert [(c.template, c.first_at + shift, c.count) for c in clusters] == [
        (c.template, c.first_at, c.count) for c in later
    ]


@settings(deadline=None)
@given(message=st.text())
def test_masking_takes_any_text(message):
    """It gives words parted by single spaces, and masks the same for the same."""
    masked = mask(message)

    assert masked == " ".join(masked.split())
    assert mask(message) == masked


def test_messages_without_end_are_one_cluster_in_the_end():
    """Beside 200 templates of a kind; the most frequent have theirs."""
    words = ["".join(chr(97 + n // 26**place % 26) for place in range(3)) for n in range(300)]
    records = [error(n, f"failed {word} {word}x") for n, word in enumerate(words)] + [error(900, "failed zz zzz")] * 2
    clusters = cluster_logs(records)

    assert len(clusters) == 201
    assert [(c.template, c.count) for c in clusters[:2]] == [("failed <*> <*>", 101), ("failed zz zzz", 2)]
