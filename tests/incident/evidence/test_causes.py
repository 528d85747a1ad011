"""Evidence weighed: ranked causes, what is set aside and why, and the two incidents that look alike."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.incident.evidence import (
    Deploy,
    Evidence,
    EvidenceKind,
    Investigation,
    Judgement,
    Observations,
    SetAside,
    Window,
    Worse,
    component_of,
    diagnose,
    explain_change,
    investigate,
    of_alert,
    of_alerts,
    of_change_point,
    of_deploy,
)
from obsflow.incident.evidence.change_points import ChangePoint
from obsflow.incident.evidence.items import words_of
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels
from tests.incident.evidence.cases import MS, error, series, span

MINUTE = 60_000
ONSET = 100 * MINUTE


def item(kind, subject, strength=1.0, at=ONSET, words=()):
    return Evidence(EvidenceKind[kind], subject, at, strength, f"{kind} {subject}", words=frozenset(words))


def ranking(diagnosis):
    return [(hypothesis.subject, round(hypothesis.score, 6)) for hypothesis in diagnosis.hypotheses]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([item("METRICS", "a")], [("a", 0.5)]),
        ([item("METRICS", "a", 0.5)], [("a", 0.25)]),
        ([item("METRICS", "a"), item("METRICS", "a", 0.4)], [("a", 0.5)]),  # of one kind the heaviest
        ([item("METRICS", "a"), item("LOGS", "a")], [("a", 0.8)]),  # 1 - 0.5·0.4
        ([item("METRICS", "a"), item("LOGS", "a"), item("TRACES", "a")], [("a", 0.92)]),  # 1 - 0.5·0.4·0.4
        ([item("METRICS", "a"), item("LOGS", "b")], [("b", 0.6), ("a", 0.5)]),
        ([item("METRICS", "b"), item("METRICS", "a")], [("a", 0.5), ("b", 0.5)]),
        ([item("METRICS", "a"), item("ALERT", "a")], [("a", 0.55)]),  # 1 - 0.5·0.9
        ([item("LOGS", "a", words={"cannot", "reach", "b"}), item("METRICS", "b")], [("b", 0.8), ("a", 0.3)]),
        ([item("LOGS", "a", words={"a", "broke"})], [("a", 0.6)]),
        ([item("METRICS", "A"), item("LOGS", "a")], [("A", 0.8)]),
        ([item("METRICS", "a", at=ONSET + 15 * MINUTE)], [("a", 0.25)]),
        ([item("METRICS", "a", at=None)], [("a", 0.5)]),
        ([item("DEPLOY_EVENT", "a", at=ONSET - MINUTE)], [("a", 0.5)]),
        ([item("DEPLOY_EVENT", "a", at=ONSET - 15 * MINUTE), item("LOGS", "a")], [("a", 0.7)]),  # 1 - 0.75·0.4
        ([item("DEPLOY_EVENT", "a", at=ONSET + MINUTE)], [("a", 0.5)]),
    ],
)
def test_scores(evidence, expected):
    """One minus the doubt that each kind leaves."""
    assert ranking(diagnose(evidence, ONSET)) == expected


@pytest.mark.parametrize(
    ("one", "onset", "reason"),
    [
        (item("METRICS", "a", 0.0), ONSET, SetAside.NO_STRENGTH),
        (item("METRICS", ""), ONSET, SetAside.SUBJECT_UNKNOWN),
        (item("DEPLOY_EVENT", "a", at=None), ONSET, SetAside.TIME_UNKNOWN),
        (item("DEPLOY_EVENT", "a"), None, SetAside.ONSET_UNKNOWN),
        (item("DEPLOY_EVENT", "a", at=ONSET + MINUTE + 1), ONSET, SetAside.AFTER_ONSET),
        (item("DEPLOY_EVENT", "a", at=ONSET - 30 * MINUTE), ONSET, SetAside.TOO_FAR),
        (item("LOGS", "a", at=ONSET + 30 * MINUTE), ONSET, SetAside.TOO_FAR),
        (item("LOGS", "a", at=ONSET - 31 * MINUTE), ONSET, SetAside.TOO_FAR),
        (item("ALERT", "a"), ONSET, SetAside.ONLY_SYMPTOMS),
        (item("USER_REPORT", "a"), None, SetAside.ONLY_SYMPTOMS),
        (item("METRICS", "a", 0.39), ONSET, SetAside.TOO_WEAK),
    ],
)
def test_what_says_nothing_is_set_aside(one, onset, reason):
    """And if nothing else speaks, there is no cause, which is said."""
    diagnosis = diagnose([one], onset)

    assert diagnosis.set_aside == ((one, reason),)
    assert (diagnosis.hypotheses, diagnosis.cause) == ((), None)
    assert diagnosis.verdict == "No cause found: no evidence points at a component."
    assert reason.value in diagnosis.render()


def test_verdicts():
    """One that is alone, one that others confirm, and two that are as likely."""
    alone = diagnose([item("METRICS", "a")], ONSET)
    both = diagnose([item("METRICS", "a"), item("LOGS", "a")], ONSET)
    tied = diagnose([item("METRICS", "b"), item("METRICS", "a")], ONSET)

    assert alone.verdict == "Likely cause: a (0.50; metrics; nothing else confirms it)."
    assert both.verdict == "Likely cause: a (0.80; metrics, logs)."
    assert tied.verdict == "No single cause: a, b are equally likely (0.50)."
    assert [d.cause and d.cause.is_corroborated for d in (alone, both, tied)] == [False, True, None]


def test_judgement_is_the_callers():
    """Other names, other windows, other thresholds."""
    evidence = [
        item("LOGS", "api", words=words_of("no route to orders_db, postgres-0")),
        item("METRICS", "database", 0.1),
    ]
    judgement = Judgement(names={"database": ("orders_db",), "k8s": ("postgres-0",)}, min_score=0.5)

    assert ranking(diagnose(evidence, ONSET, judgement)) == [("database", 0.62), ("k8s", 0.6)]
    assert ranking(diagnose(evidence, ONSET)) == [("api", 0.6)]


@pytest.mark.parametrize(
    ("metric", "labels", "component"),
    [
        ("kube_pod_status_phase", {"pod": "a-0", "job": "kube-state-metrics", "service": "ksm"}, "a-0"),
        ("rate(kube_pod_container_status_restarts_total[1m])", {"pod": "a-0", "container": "a", "job": "ksm"}, "a-0"),
        ("node_up", {"node": "n1", "job": "kubelet"}, "n1"),
        ("node_up", {"job": "kubelet"}, "kubelet"),
        ("pod_up", {"node": "n1", "job": "kubelet"}, "n1"),
        ("cluster_up", {"cluster": "eu1", "job": "kubelet"}, "eu1"),
        ("container_memory_usage_bytes", {"pod": "a-0", "node": "n1", "job": "cadvisor"}, "a-0"),
        ('rate(http_requests_total{pod="a-0"}[1m])', {"pod": "a-0", "service": "a", "job": "j"}, "a"),
        ("http_requests_total", {"cluster": "eu1", "job": "j"}, "j"),
        ("up", {"instance": "x"}, ""),
    ],
)
def test_whom_a_metric_is_about(metric, labels, component):
    """What its name and a label of it name, before the service that told it, before its job."""
    assert component_of(metric, Labels(labels)) == component


def test_alerts_of_one_name_and_component_are_one_symptom():
    """As old as the first of them."""
    alerts = [Alert(Labels(alertname="A", job="api", zone=zone), starts_at=at) for zone, at in (("x", 9), ("y", 5))]
    found = of_alerts([*alerts, Alert(Labels(alertname="B", job="api")), Alert(Labels(alertname="A", job="db"))])

    assert [(item.subject, item.time, item.statement) for item in found] == [
        ("api", 5, "A fires (2 alerts)"),
        ("db", None, "A fires"),
        ("api", None, "B fires"),
    ]
    assert found[0].facts == (("labels", '{alertname="A", job="api"}'),)


def test_evidence_of_alerts_deploys_and_levels():
    """The component is in the labels; a strength is from 0 to 1."""
    alert = of_alert(Alert(Labels(alertname="HighErrorRate", job="api"), starts_at=5))
    assert (alert.kind, alert.subject, alert.time, alert.statement) == (
        EvidenceKind.ALERT,
        "api",
        5,
        "HighErrorRate fires",
    )
    deploy = of_deploy(Deploy(7, "api", "v2.5"))
    assert (deploy.subject, deploy.time, deploy.statement) == ("api", 7, "api v2.5 was deployed")
    level = of_change_point("errors", Labels(service="api"), ChangePoint(9, 0.001, 0.18, 0.9))
    assert (level.subject, level.time, level.strength, level.statement) == (
        "api",
        9,
        0.179 / 0.18,
        "errors went from 0.001 to 0.18",
    )
    with pytest.raises(ValueError, match="from 0 to 1"):
        item("METRICS", "a", 1.1)


BASELINE, DURING = Window(0, 20 * MINUTE), Window(20 * MINUTE, 40 * MINUTE)


def errors(labels, before, during):
    return series(labels, *[before] * 20, *[during] * 20, step=MINUTE)


def test_a_bad_deploy():
    """All endpoints fail right after a deploy, the pods are healthy, and the new version cannot reach its cache."""
    seen = Observations(
        metrics={
            "errors": [
                *(errors({"service": "checkout", "path": path}, 0.1, 18) for path in ("/a", "/b", "/c")),
                errors({"service": "search", "path": "/s"}, 0.1, 0.1),
            ]
        },
        logs=[error((20 + n) * MINUTE, "cannot connect to cache: Redis timeout", "checkout") for n in range(12)],
        deploys=[
            Deploy(19 * MINUTE, "checkout", "v2.5"),
            Deploy(21 * MINUTE + 1, "search", "v1.1"),
            Deploy(None, "cart"),
        ],
        alerts=[Alert(Labels(alertname="HighErrorRate", service="checkout"), starts_at=25 * MINUTE)],
    )
    diagnosis = investigate(seen, BASELINE, DURING, judgement=Judgement(names={"redis": ("cache",)}))

    assert diagnosis.onset == 20 * MINUTE
    assert [h.subject for h in diagnosis.hypotheses] == ["checkout", "redis"]
    assert diagnosis.cause.is_corroborated
    assert diagnosis.cause.kinds == (
        EvidenceKind.METRICS,
        EvidenceKind.LOGS,
        EvidenceKind.DEPLOY_EVENT,
        EvidenceKind.ALERT,
    )
    assert {(item.subject, reason) for item, reason in diagnosis.set_aside} == {
        ("search", SetAside.AFTER_ONSET),
        ("cart", SetAside.TIME_UNKNOWN),
    }


def test_a_database_out_of_memory():
    """One endpoint fails, nothing was deployed, and the pod of the database restarts: the same alert, another cause."""
    seen = Observations(
        metrics={
            "errors": [
                errors({"service": "myapp", "path": "/api/payment"}, 0.1, 12),
                errors({"service": "myapp", "path": "/api/list"}, 0.1, 0.1),
            ]
        },
        logs=[
            *(error((20 + n) * MINUTE, "Database connection timeout", "myapp") for n in range(12)),
            *(error((20 + n) * MINUTE, "Cannot connect to db:5432", "myapp") for n in range(12)),
        ],
        alerts=[Alert(Labels(alertname="HighErrorRate", service="myapp"), starts_at=25 * MINUTE)],
        other=[
            Evidence(EvidenceKind.HEALTH_CHECK, "postgres-0", 21 * MINUTE, 1.0, "postgres-0 was OOMKilled, 8 restarts")
        ],
    )
    judgement = Judgement(names={"database": ("db", "postgres-0")})
    diagnosis = investigate(seen, BASELINE, DURING, judgement=judgement)

    assert ranking(diagnosis)[0] == ("database", 0.8)
    assert [h.subject for h in diagnosis.hypotheses] == ["database", "myapp"]


def test_nothing_happened():
    """Nothing changed: no onset, no cause, and the deploy is not blamed."""
    spans = [span("a", "", n * MINUTE * MS, n * MINUTE * MS + 50, trace=str(n)) for n in range(40)]
    seen = Observations(
        metrics={"errors": [errors({"service": "a"}, 1, 1)]},
        logs=[error(n * MINUTE, "the usual") for n in range(40)],
        spans=spans,
        deploys=[Deploy(19 * MINUTE, "a")],
    )
    diagnosis = investigate(seen, BASELINE, DURING)

    assert (diagnosis.onset, diagnosis.cause) == (None, None)
    assert [reason for _, reason in diagnosis.set_aside] == [SetAside.ONSET_UNKNOWN]


@pytest.mark.parametrize(("minute", "onset"), [(10, None), (20, 20), (30, 30), (45, None)])
def test_the_onset_is_found_after_the_baseline(minute, onset):
    """A level that changed before that, or after the incident, is another story."""
    seen = Observations(
        metrics={"errors": [series({"service": "a"}, *[1] * minute, *[9] * (60 - minute), step=MINUTE)]}
    )

    assert investigate(seen, BASELINE, DURING).onset == (onset and onset * MINUTE)


@pytest.mark.parametrize(
    ("worse", "rising", "found"),
    [
        (Worse.HIGHER, True, True),
        (Worse.HIGHER, False, False),
        (Worse.LOWER, True, False),
        (Worse.LOWER, False, True),
        (Worse.EITHER, False, True),
    ],
)
@pytest.mark.parametrize("others", [0, 1])
def test_what_gets_better_is_no_trouble(worse, rising, found, others):
    """That errors become fewer is no cause, nor when the trouble began, with other services and without."""
    levels = (1, 9) if rising else (9, 1)
    quiet = [errors({"service": "b"}, 5, 5)] * others
    seen = Observations(metrics={"m": [errors({"service": "a"}, *levels), *quiet]}, worse={"m": worse})
    diagnosis = investigate(seen, BASELINE, DURING)

    assert (diagnosis.onset, [h.subject for h in diagnosis.hypotheses]) == (
        (20 * MINUTE, ["a"]) if found else (None, [])
    )


@pytest.mark.parametrize(("worse", "normal", "bad"), [(Worse.HIGHER, 1, 50), (Worse.LOWER, 50, 1)])
@pytest.mark.parametrize("minutes", [6, 8, 14])
def test_what_got_worse_and_better_again_began_when_it_got_worse(worse, normal, bad, minutes):
    """The clearest change may be the one for the better."""
    values = [*[normal] * 6, *[bad] * minutes, *[normal] * 20]
    seen = Observations(
        metrics={"m": [series({"service": "a"}, *values, step=MINUTE, start=14 * MINUTE)]}, worse={"m": worse}
    )
    diagnosis = investigate(seen, BASELINE, DURING)

    assert (diagnosis.onset, [h.subject for h in diagnosis.hypotheses]) == (20 * MINUTE, ["a"])


def test_what_all_did_alike_blames_nobody():
    """Everything dropped by one factor: it is told, and nobody is blamed."""
    seen = Observations(metrics={"rate": [errors({"service": s}, n, n / 10) for s, n in (("a", 60), ("b", 40))]})
    diagnosis = investigate(seen, BASELINE, DURING)

    assert (diagnosis.onset, diagnosis.hypotheses) == (20 * MINUTE, ())
    assert [(item.statement, reason) for item, reason in diagnosis.set_aside] == [
        ("rate went from 100 to 10", SetAside.SUBJECT_UNKNOWN)
    ]


def test_an_investigation_says_what_was_looked_at():
    """Windows, counts, deploys by time; as plain data with times in RFC 3339."""
    seen = Observations(
        metrics={"errors": [errors({"service": "a"}, 1, 9)]},
        logs=[error(n * MINUTE, "x") for n in (5, 25, 50)],
        spans=[span("s", "", at, at + 1, trace=str(at)) for at in (0, 30 * MINUTE * MS, 60 * MINUTE * MS)],
        deploys=[Deploy(19 * MINUTE, "a", "v2"), Deploy(2 * MINUTE, "b"), Deploy(None, "c"), Deploy(40 * MINUTE, "d")],
    )
    found = Investigation.of(seen, BASELINE, DURING)
    plain = json.loads(json.dumps(found.to_plain()))

    assert (found.series, found.logs, found.traces) == (1, 2, 2)
    assert [deploy.name for deploy in found.deploys] == ["b", "a v2"]
    assert found.diagnosis == investigate(seen, BASELINE, DURING)
    assert plain["during"] == {"start": "1970-01-01T00:20:00Z", "end": "1970-01-01T00:40:00Z"}
    assert plain["looked_at"] == {"series": 1, "logs": 2, "traces": 2}
    assert plain["deploys"][0] == {"time": "1970-01-01T00:02:00Z", "service": "b", "version": None}
    assert (plain["cause"], plain["onset"]) == ("a", "1970-01-01T00:20:00Z")
    assert plain["hypotheses"][0]["evidence"][0]["kind"] == "metrics"
    assert {each["reason"] for each in plain["set_aside"]} == {
        "it is not known when it was",
        "it came after the trouble began",
        "it is too weak alone",
    }


def test_a_metric_of_one_component_blames_it():
    """No label explains what all series did; then it is what they have in common."""
    both = [series({"service": "a", "pod": pod}, *[1] * 20, *[10] * 20, step=MINUTE) for pod in "xy"]
    diagnosis = investigate(Observations(metrics={"errors": both}), BASELINE, DURING)

    assert ranking(diagnosis) == [("a", 0.45)]  # 1 - (1 - 0.5·0.9)
    assert diagnosis.cause.evidence[0].evidence.statement == "errors went from 2 to 20"


def test_noise_is_no_evidence():
    """Values, durations and failures that only fluctuate say nothing, whoever is at the top."""
    wiggle = random.Random(4).choices(range(11), k=40)
    seen = Observations(
        metrics={
            "rate": [
                series({"service": "a", "path": "/1"}, *(20 + w for w in wiggle), step=MINUTE),
                series({"service": "b", "path": "/2"}, *(20 + w for w in wiggle[5:] + wiggle[:5]), step=MINUTE),
            ]
        },
        logs=[error(n * MINUTE, "the usual", "a") for n in range(0, 40, 3)],
        spans=[
            span("r", "", n * MINUTE * MS, (n * MINUTE + 20 + w) * MS, "a", trace=str(n), failed=n % 5 == 0)
            for n, w in enumerate(wiggle)
        ],
    )
    shares = explain_change(seen.metrics["rate"], BASELINE, DURING)

    assert shares
    assert max(share.coherence * share.magnitude for share in shares) < 0.05
    assert investigate(seen, BASELINE, DURING).render() == "No cause found: no evidence points at a component."


def test_traces_tell_where():
    """Slower in one operation, failing in another, more often than before; each root is compared with its own kind."""
    spans = []
    for n in range(40):
        at, late = n * MINUTE * MS, n >= 20
        end = (300 if late else 100) * MS
        spans += [
            span("r", "", at, at + end, "api", trace=f"a{n}", name="GET /a"),
            span("c", "r", at + 10 * MS, at + end - 10 * MS, "stock", trace=f"a{n}", name="reserve"),
            span("r", "", at, at + 900 * MS, "api", trace=f"b{n}", name="GET /b", failed=late and n % 2 == 0),
            span("c", "r", at, at + 5 * MS, "auth", trace=f"b{n}", failed=late and n % 2 == 0, message="denied"),
        ]
    diagnosis = investigate(Observations(spans=spans), BASELINE, DURING, onset=20 * MINUTE)

    assert [(h.subject, [w.evidence.strength for w in h.evidence]) for h in diagnosis.hypotheses] == [
        ("auth", [1.0]),
        ("stock", [2 / 3]),
    ]
    assert [h.evidence[0].evidence.time for h in diagnosis.hypotheses] == [20 * MINUTE, 20 * MINUTE]


ITEMS = st.lists(
    st.builds(
        item,
        st.sampled_from([kind.name for kind in EvidenceKind]),
        st.sampled_from(["a", "b", "B", ""]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        st.none() | st.integers(60, 140).map(lambda minute: minute * MINUTE),
        st.sets(st.sampled_from(["a", "b", "x"])),
    ),
    max_size=10,
)


@settings(deadline=None)
@given(evidence=ITEMS, seed=st.integers(0, 99), shift=st.integers(0, 10**13))
def test_a_diagnosis_hangs_on_the_evidence_alone(evidence, seed, shift):
    """Not on its order, nor on the date; nothing gets lost, and scores are from 0 to 1."""
    diagnosis = diagnose(evidence, ONSET)
    later = [item(e.kind.name, e.subject, e.strength, e.time and e.time + shift, e.words) for e in evidence]

    assert diagnose(random.Random(seed).sample(evidence, len(evidence)), ONSET) == diagnosis
    assert ranking(diagnose(later, ONSET + shift)) == ranking(diagnosis)
    told = {w.evidence for h in diagnosis.hypotheses for w in h.evidence} | {e for e, _ in diagnosis.set_aside}
    assert told == set(evidence)
    assert all(0 < hypothesis.score < 1 for hypothesis in diagnosis.hypotheses)


@settings(deadline=None)
@given(evidence=ITEMS, kind=st.sampled_from(["METRICS", "LOGS", "TRACES"]))
def test_another_item_never_lowers_the_score_of_whom_it_blames(evidence, kind):
    """Confidence rises when pillars agree."""
    before = dict(ranking(diagnose(evidence, ONSET)))
    after = dict(ranking(diagnose([*evidence, item(kind, "a")], ONSET)))

    assert after["a"] >= before.get("a", 0)
