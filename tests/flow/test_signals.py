"""What is asked of a store to investigate it: by names, by alerts, how often; and the deploys that it tells of."""

import pytest

from obsflow.flow.investigating import investigate_store, recorded_alerts
from obsflow.flow.signals import Sampling, Signal, find_deploys, find_signals, plan_sampling, sample
from obsflow.incident.evidence import Deploy, Observations, Window, Worse
from obsflow.model.labels import Labels
from obsflow.promql import parse
from obsflow.query.engine import Engine
from obsflow.tsdb.memory import TSDB

MINUTE = 60_000
SAMPLING = Sampling(0, 40 * MINUTE, MINUTE, 4 * MINUTE)


def store(*series, until=40):
    """Each is labels, and its value by the minute; None is no sample."""
    database = TSDB()
    for minute in range(until):
        for labels, value in series:
            if (sample_ := value(minute)) is not None:
                database.append(Labels(labels), minute * MINUTE, sample_)
    return database


def named(name, **labels):
    return {"__name__": name, "job": "api", **labels}, lambda minute: minute


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("up", {}, [("up", Worse.LOWER)]),
        ("mysql_up", {}, [("mysql_up", Worse.LOWER)]),
        ("http_requests_total", {}, [("rate(http_requests_total[4m])", Worse.EITHER)]),
        (
            "http_requests_total",
            {"code": "200"},
            [
                ("rate(http_requests_total[4m])", Worse.EITHER),
                ('rate(http_requests_total{code=~"5.."}[4m])', Worse.HIGHER),
            ],
        ),
        ("jobs_failed_total", {}, [("rate(jobs_failed_total[4m])", Worse.HIGHER)]),
        (
            "http_server_request_duration_seconds_sum",
            {},
            [("rate(http_server_request_duration_seconds_sum[4m])", Worse.HIGHER)],
        ),
        ("gc_duration_seconds_sum", {}, []),
        ("http_request_duration_seconds_bucket", {}, []),
        ("process_resident_memory_bytes", {}, [("process_resident_memory_bytes", Worse.HIGHER)]),
        ("container_cpu_usage_seconds_total", {}, [("rate(container_cpu_usage_seconds_total[4m])", Worse.HIGHER)]),
        ("process_start_time_seconds", {}, [("changes(process_start_time_seconds[4m])", Worse.HIGHER)]),
        ("prometheus_http_requests_total", {}, []),
        ("node_disk_flush_requests_total", {}, []),
        ("queue_length", {}, []),
    ],
)
def test_what_is_asked_by_the_names_of_metrics(name, labels, expected):
    """Availability, traffic, errors, latency, resources, restarts; and where trouble lies."""
    found = find_signals(store(named(name, **labels)), SAMPLING)

    assert [(signal.query, signal.worse) for signal in found] == expected
    engine = Engine(store(named(name, **labels)))
    assert set(sample(engine, found, SAMPLING)) <= {signal.query for signal in found}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("queue_length > 5", ["queue_length"]),
        (
            'rate(jobs_total{queue="a"}[5m] offset 1h) / ignoring(queue) workers > 1',
            ['rate(jobs_total{queue="a"}[4m])', "workers"],
        ),
        ('histogram_quantile(0.9, rate(d_seconds_bucket{le!="1",a="b"}[1m])) > 1', ['rate(d_seconds_sum{a="b"}[4m])']),
        ('ALERTS{alertname="x"} and up == 0', ["up"]),
        ("vector(1)", []),
    ],
)
def test_what_is_asked_of_an_alert(expr, expected):
    """Every selector as it is: a counter where a range is taken of it, a sum for its buckets."""
    assert [signal.query for signal in find_signals(TSDB(), SAMPLING, [parse(expr)])] == expected


def test_monitoring_does_not_speak_of_itself():
    """Unless an alert reads it."""
    database = store(
        named("process_resident_memory_bytes"),
        named("process_resident_memory_bytes", job="prom"),
        named("prometheus_build_info", job="prom"),
    )
    (signal,) = find_signals(database, SAMPLING)
    series = sample(Engine(database), [signal], SAMPLING)[signal.query]

    assert signal.but == {"prom"}
    assert [each.labels["job"] for each in series] == ["api"]
    asked = find_signals(database, SAMPLING, [parse('process_resident_memory_bytes{job="prom"} > 1')])[-1]
    assert asked == Signal('process_resident_memory_bytes{job="prom"}')
    assert len(sample(Engine(database), [asked], SAMPLING)[asked.query]) == 1


def test_what_says_the_same_is_said_once():
    """An alert's selector may be all that its metric has."""
    database = store(named("queue_up", pod="a"), named("queue_up", pod="b"))
    signals = find_signals(database, SAMPLING, [parse('queue_up{pod=~".+"} < 1 or queue_up{pod="a"} < 1')])

    assert [signal.query for signal in signals] == ["queue_up", 'queue_up{pod=~".+"}', 'queue_up{pod="a"}']
    assert list(sample(Engine(database), signals, SAMPLING)) == ["queue_up", 'queue_up{pod="a"}']


@pytest.mark.parametrize(
    ("every", "minutes", "step", "rate"),
    [
        (1, 40, MINUTE, 4 * MINUTE),
        (2, 40, 2 * MINUTE, 8 * MINUTE),
        (1, 480, 2 * MINUTE, 4 * MINUTE),
        (None, 40, MINUTE, 4 * MINUTE),
    ],
)
def test_how_often_is_what_the_scrapes_say(every, minutes, step, rate):
    """At most 240 steps, and a rate over four scrapes."""
    value = lambda minute: None if every is None or minute % every else 1  # noqa: E731
    database = store(({"__name__": "up", "job": "a"}, value), until=minutes)

    assert plan_sampling(Engine(database), 0, minutes * MINUTE) == Sampling(0, minutes * MINUTE, step, rate)


def info(version, minutes, *, instance="x", **labels):
    more = {"version": version, "instance": instance, **labels}
    return {"__name__": "app_build_info", "job": "api", **more}, lambda minute: 1 if minute in minutes else None


def test_a_version_that_follows_another_is_a_deploy():
    """When the first target turned to it, or back; the first version of all, and other targets' turns, are none."""
    database = store(
        info("v1", range(20)),
        info("v2", range(20, 40)),
        info("v1", range(22), instance="y", pod="a"),
        info("v2", range(22, 40), instance="y", pod="b"),
        info("v7", range(30, 40), instance="new"),
        info("v2", range(35, 40), instance="z", goversion="1.20"),
        info("v5", [*range(10), *range(30, 40)], service="back"),
        info("v6", range(10, 30), service="back"),
        info("v5", range(5), service="gap"),
        info("v5", range(20, 25), service="gap"),
        info("v6", range(35, 40), service="gap"),
        info("v8", range(9), app="pods", pod="a"),
        info("v9", range(9, 40), app="pods", pod="b"),
        info("v3", range(10), service="cart"),
        info("v4", range(10, 40), service="cart"),
        info("", range(40), service="none"),
    )

    assert find_deploys(Engine(database), SAMPLING) == (
        Deploy(9 * MINUTE, "pods", "v9"),
        Deploy(10 * MINUTE, "back", "v6"),
        Deploy(10 * MINUTE, "cart", "v4"),
        Deploy(20 * MINUTE, "api", "v2"),
        Deploy(30 * MINUTE, "api", "v7"),
        Deploy(30 * MINUTE, "back", "v5"),
        Deploy(35 * MINUTE, "gap", "v6"),
    )


BASELINE, DURING = Window(0, 20 * MINUTE), Window(20 * MINUTE, 40 * MINUTE)


def incident():
    def failures(minute):
        return minute if minute < 21 else 20 + 100 * (minute - 20)

    return store(
        ({"__name__": "http_requests_total", "service": "pay", "status": "500"}, failures),
        ({"__name__": "http_requests_total", "service": "cart", "status": "500"}, lambda minute: minute),
        info("v1", range(19), service="pay"),
        info("v2", range(19, 40), service="pay"),
        (
            {"__name__": "ALERTS", "alertname": "Errors", "alertstate": "firing", "service": "pay"},
            lambda minute: 1 if minute >= 25 else None,
        ),
    )


def test_a_store_is_investigated():
    """Errors of one service after its deploy: the metric, the deploy, and what else is known."""
    beside = Observations(deploys=[Deploy(18 * MINUTE, "cart", "v9"), Deploy(19 * MINUTE, "pay", "v2")])
    found = investigate_store(incident(), BASELINE, DURING, beside=beside)

    assert found.diagnosis.cause.subject == "pay"
    assert found.diagnosis.cause.is_corroborated
    assert [deploy.name for deploy in found.deploys] == ["cart v9", "pay v2"]  # known from both sides, told once
    assert 20 * MINUTE <= found.diagnosis.onset <= 22 * MINUTE
    assert investigate_store(incident(), BASELINE, DURING).deploys == (Deploy(19 * MINUTE, "pay", "v2"),)


def test_alerts_that_were_recorded():
    """What fired in the window, since when, without the state."""
    (alert,) = recorded_alerts(incident(), DURING)

    assert (alert.name, alert.starts_at, alert.labels) == (
        "Errors",
        25 * MINUTE,
        Labels(alertname="Errors", service="pay"),
    )
    assert recorded_alerts(incident(), BASELINE) == ()


def test_an_empty_store_has_no_cause():
    """Nothing to ask, nothing found."""
    found = investigate_store(TSDB(), BASELINE, DURING)

    assert (found.series, found.diagnosis.hypotheses, found.diagnosis.onset) == (0, (), None)
