"""A stretch of time of a store looked at beside the time before, with the logs, traces and deploys of that time."""

from collections.abc import Iterable
from typing import Final

import attrs

from obsflow.flow.signals import find_deploys, find_signals, plan_sampling, sample
from obsflow.incident.evidence import Investigation, Judgement, Observations, Window
from obsflow.model.alerts import Alert
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.storage import Queryable
from obsflow.promql.ast import Expr
from obsflow.query.engine import Engine

_STATE: Final = "alertstate"


def investigate_store(
    store: Queryable,
    baseline: Window,
    during: Window,
    *,
    beside: Observations | None = None,
    reads: Iterable[Expr] = (),
    judgement: Judgement | None = None,
) -> Investigation:
    """What `during` has that `baseline` has not, by the metrics of a store and whatever is known `beside` them.

    The metrics are those that `signals.find_signals` finds by their names, and those that the expressions `reads` read;
    queries that `beside` has results of count too. Versions that `..._build_info` says a component turned to are
    deploys. Raises QueryError.
    """
    beside = beside or Observations()
    engine = Engine(store)
    sampling = plan_sampling(engine, baseline.start, during.end)
    signals = find_signals(store, sampling, reads)
    found, worse = sample(engine, signals, sampling), {each.query: each.worse for each in signals}
    known = {(deploy.service, deploy.version) for deploy in beside.deploys}
    deploys = [each for each in find_deploys(engine, sampling) if (each.service, each.version) not in known]
    seen = attrs.evolve(
        beside,
        metrics={**found, **beside.metrics},
        worse={**worse, **beside.worse},
        deploys=[*beside.deploys, *deploys],
    )
    return Investigation.of(seen, baseline, during, judgement=judgement)


def recorded_alerts(store: Queryable, window: Window) -> tuple[Alert, ...]:
    """The alerts that fired in a window, as the server that recorded the data says in `ALERTS`, by time, then name."""
    engine = Engine(store)
    sampling = plan_sampling(engine, window.start, window.end)
    result = engine.query_range(f'ALERTS{{{_STATE}="firing"}}', window.start, window.end, sampling.step)
    alerts = (
        Alert(Labels({k: v for k, v in labels.items() if k not in (METRIC_NAME, _STATE)}), starts_at=int(times[0]))
        for labels, times, _ in result.series()
        if len(times)
    )
    return tuple(sorted(alerts, key=lambda alert: (alert.starts_at or 0, alert.labels.pairs)))
