"""A replay of recorded incidents against what Prometheus and Alertmanager really did in them."""

import collections
import email
import itertools
import json

import numpy as np
import pytest

from obsflow import native
from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.flow.backtest import run_backtest
from obsflow.model.floats import is_stale
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from tests.external import shared

TOLERANCE_S = 2.0


@pytest.fixture(scope="module")
def capture():
    return shared("captures", "payment-incidents")


@pytest.fixture(scope="module")
def scenario(capture):
    return load_scenario(ScenarioFiles(capture))


@pytest.fixture(scope="module")
def result(scenario):
    return run_backtest(scenario)


def samples(store, name, start, end):
    """(labels, time) → value of every sample of a metric that is no stale marker."""
    selection = store.select([Matcher(METRIC_NAME, MatchOp.EQUAL, name)], start, end)
    times, values, offsets, bad = native.decode_runs(selection.runs)
    assert not bad.any()
    rows = np.repeat(np.arange(len(selection)), np.diff(offsets))
    labels = selection.labels.decode()
    kept = ~is_stale(values)
    return {
        (labels[row], time): value
        for row, time, value in zip(rows[kept].tolist(), times[kept].tolist(), values[kept].tolist(), strict=True)
    }


@pytest.mark.parametrize("metric", ["ALERTS", "ALERTS_FOR_STATE"])
def test_every_alert_has_the_recorded_state_at_every_recorded_evaluation(scenario, result, metric):
    """Pending, firing, and since when: all as recorded, and nothing besides."""
    recorded = samples(scenario.database, metric, scenario.start, scenario.end)
    replayed = samples(result.written, metric, scenario.start, scenario.end)

    assert replayed == recorded


@pytest.mark.parametrize("metric", ["job:http_requests:rate20s", "job:http_errors:ratio20s"])
def test_recorded_series_are_recorded_again(scenario, result, metric):
    """Recording rules give the recorded samples, but where 2.42, which recorded them, extrapolated otherwise.

    A counter that begins within the window was extended to where it was zero if that was near; since 3.0 by half a
    scrape interval at most. And sums are compensated now, which shows in the last bits.
    """
    recorded = samples(scenario.database, metric, scenario.start, scenario.end)
    replayed = samples(result.written, metric, scenario.start, scenario.end)
    counters = collections.defaultdict(list)
    for (labels, time), value in samples(
        scenario.database, "http_requests_total", scenario.start, scenario.end
    ).items():
        counters[labels].append((time, value))
    differ = {key for key, value in recorded.items() if replayed[key] != pytest.approx(value, rel=1e-13)}
    extended = {
        (labels, time)
        for labels, time in recorded
        if any(
            is_extended_further(points, time - 20_000, time)
            for counter, points in counters.items()
            if counter.get("job") == labels.get("job")
        )
    }

    assert replayed.keys() == recorded.keys()
    assert differ == extended


def is_extended_further(points, start, end):
    """Whether 2.42 extends a counter to its zero, which lies more than half and less than 1.1 of an interval before."""
    window = [point for point in points if start < point[0] <= end]
    if len(window) < 2:
        return False
    sampled = window[-1][0] - window[0][0]
    interval = sampled / (len(window) - 1)
    resets = sum(before[1] for before, after in itertools.pairwise(window) if after[1] < before[1])
    increase = window[-1][1] - window[0][1] + resets
    begins_late = window[0][0] - start >= 1.1 * interval
    return begins_late and increase > 0 and interval / 2 < sampled * window[0][1] / increase < 1.1 * interval


def test_notifications_are_those_that_were_sent(capture, result):
    """Same receiver, group and set of alerts within two seconds, but where it hung on milliseconds.

    A group that flushed at once keeps flushing in step with the evaluations of its alerts; which of the alerts of such
    an evaluation made it into the flush is not in the data. Every notification that is not found, and every one that
    was not recorded, has to be such a flush or follow in the log from one.
    """
    recorded = [describe_webhook(*each) for each in requests(capture, "/webhook/")]
    replayed = [describe(each) for each, _ in result.notifications if each.integration == "webhook"]
    missing, invented = unmatched(recorded, replayed)
    in_step = {each[2] for each in missing + invented}

    assert len(recorded) - len(missing) >= 212
    assert len(in_step) == 1
    evaluations = {each.time / 1000 for each in result.transitions if each.rule == "HighErrorRateAsWritten"}
    for time, *_ in missing + invented:
        assert min(abs(time - evaluation) for evaluation in evaluations) < 0.05


def requests(capture, path):
    for line in (capture / "notifications.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["path"].startswith(path):
            yield record["t"], record["body"]


def describe_webhook(time, body):
    data = json.loads(body)
    alerts = frozenset((json.dumps(a["labels"], sort_keys=True), a["status"]) for a in data["alerts"])
    return time, data["receiver"], data["groupKey"], alerts


def describe(notification):
    alerts = frozenset((json.dumps(dict(a.labels), sort_keys=True), a.status.value) for a in notification.alerts)
    return notification.time / 1000, notification.receiver, notification.group_key, alerts


def unmatched(recorded, replayed):
    """Those of either list that have no partner in the other."""
    left = collections.defaultdict(list)
    for each in replayed:
        left[each[1:]].append(each)
    missing = []
    for each in recorded:
        near = [other for other in left[each[1:]] if abs(other[0] - each[0]) <= TOLERANCE_S]
        if near:
            left[each[1:]].remove(min(near, key=lambda other, at=each[0]: abs(other[0] - at)))
        else:
            missing.append(each)
    return missing, [each for rest in left.values() for each in rest]


IDENTITIES = {
    "/webhook/": lambda body: tuple(json.loads(body)[key] for key in ("receiver", "groupKey", "status")),
    "/pagerduty": lambda body: tuple(json.loads(body)[key] for key in ("dedup_key", "event_action")),
    "/slack": lambda body: (json.loads(body)["channel"], json.loads(body)["attachments"][0]["fallback"]),
    "smtp:": lambda body: tuple(email.message_from_string(body)[key] for key in ("To", "Subject")),
}


def webhook_fields(body):
    data = json.loads(body)
    return {**data, "alerts": [{k: v for k, v in a.items() if k not in ("startsAt", "endsAt")} for a in data["alerts"]]}


def mail_fields(body):
    message = email.message_from_string(body)
    headers = {name: value for name, value in message.items() if name not in ("Message-Id", "Date", "Content-Type")}
    return headers, [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]


FIELDS = {"/webhook/": webhook_fields, "/pagerduty": json.loads, "/slack": json.loads, "smtp:": mail_fields}
KINDS = {"/webhook/": "webhook", "/pagerduty": "pagerduty", "/slack": "slack", "smtp:": "email"}


@pytest.mark.parametrize(("path", "least"), [("/webhook/", 212), ("/pagerduty", 102), ("/slack", 107), ("smtp:", 2)])
def test_rendered_requests_are_those_that_were_sent(capture, result, path, least):
    """Every field of every body is as recorded, times aside, wherever the same alerts were told.

    What is missing are the flushes in step with an evaluation.
    """
    identity, fields = IDENTITIES[path], FIELDS[path]
    rendered = collections.defaultdict(list)
    for notification, request in result.requests():
        if notification.integration == KINDS[path]:
            rendered[identity(request.body)].append((notification.time / 1000, fields(request.body)))
    equal = 0
    for time, body in requests(capture, path):
        near = [found for at, found in rendered[identity(body)] if abs(at - time) <= TOLERANCE_S]
        equal += fields(body) in near

    assert equal >= least
