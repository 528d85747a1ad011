"""A recorded day of incidents: the labels that explain each, when it began, and whom an investigation blames."""

import json

import pytest

import obsflow
from obsflow.flow.investigating import investigate_store
from obsflow.incident.evidence import EvidenceKind, Series, Window, explain_change, find_change_point
from obsflow.incident.evidence.investigation import add_up
from tests.external import shared

RATE_MS = 20_000


@pytest.mark.parametrize(
    ("fault", "query", "pair"),
    [
        ("error-spike", 'sum by (job, endpoint) (rate(http_requests_total{status=~"5.."}[20s]))', ("job", "myapp")),
        (
            "latency-spike",
            "sum by (job, instance, endpoint) (rate(http_request_duration_seconds_sum[20s]))",
            ("job", "myapp"),
        ),
        ("instance-down", "up", ("instance", "127.0.0.1:9202")),
        ("instance-down", "sum by (job, instance) (rate(http_requests_total[20s]))", ("instance", "127.0.0.1:9202")),
        ("cluster-down", "sum by (job, instance, method) (rate(http_requests_total[20s]))", ("job", "myapp")),
    ],
)
def test_the_labels_of_a_recorded_fault(fault, query, pair):
    """The label that was made to fail is the first, and the level changed within a rate's window of the fault."""
    path = shared("captures", "payment-incidents")
    lines = [json.loads(line) for line in (path / "faults.jsonl").read_text(encoding="utf-8").splitlines()]
    began = next(int(line["t"] * 1000) for line in lines if line["what"] == fault)
    engine = obsflow.Engine(obsflow.open(path / "data"))
    result = engine.query_range(query, began - 60_000, began + 60_000, 2000)
    series = [Series(*each) for each in result.series()]
    found = explain_change(series, Window(began - 60_000, began), Window(began + RATE_MS, began + 60_000))

    assert found[0].pair == pair
    concerned = [each for each in series if each.labels.get(pair[0]) == pair[1]]
    assert 0 <= find_change_point(add_up(concerned)).time - began <= RATE_MS


@pytest.mark.parametrize(
    ("fault", "lasts_s", "blamed", "kinds"),
    [
        ("error-spike", 120, ["payment-api"], (EvidenceKind.METRICS, EvidenceKind.DEPLOY_EVENT)),
        ("latency-spike", 120, ["payment-api"], (EvidenceKind.METRICS,)),
        ("instance-down", 50, ["node-1", "payment-api"], (EvidenceKind.METRICS,)),
        ("blip", 30, ["payment-api"], (EvidenceKind.METRICS,)),
        ("traffic-drop", 70, [], ()),  # all services alike
        ("cluster-down", 110, ["eu1", "payment-api"], (EvidenceKind.METRICS,)),
        ("flap", 60, ["payment-api"], (EvidenceKind.METRICS,)),
    ],
)
def test_an_investigation_of_a_recorded_fault(fault, lasts_s, blamed, kinds):
    """With nothing but the data and the times, the minute before beside the fault."""
    path = shared("captures", "payment-incidents")
    lines = [json.loads(line) for line in (path / "faults.jsonl").read_text(encoding="utf-8").splitlines()]
    began = next(int(line["t"] * 1000) for line in lines if line["what"] == fault)
    windows = Window(began - 60_000, began), Window(began, began + lasts_s * 1000)
    diagnosis = investigate_store(obsflow.open(path / "data"), *windows).diagnosis

    assert sorted(hypothesis.subject for hypothesis in diagnosis.hypotheses[: len(blamed) or 1]) == blamed
    assert [hypothesis.kinds for hypothesis in diagnosis.hypotheses[:1]] == ([kinds] if kinds else [])
    assert 0 <= diagnosis.onset - began <= RATE_MS
