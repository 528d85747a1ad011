"""Every file of the corpora loads, renders and backtests over a day of data made for its expressions."""

import collections
import random

import attrs
import numpy as np
import pytest

from obsflow import load_alertmanager
from obsflow.flow.backtest import run_backtest
from obsflow.flow.scenario import Scenario
from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.promql.ast import MatrixSelector
from obsflow.promql.inspect import walk
from obsflow.rules import AlertState, RecordingRule, load_rules
from obsflow.tsdb.memory import TSDB
from tests.conformance.corpora.expressions import CORPORA
from tests.conformance.corpora.families import families
from tests.conformance.corpora.signals import family_samples
from tests.external import shared

DAY_MS = 24 * HOUR_MS
ROUTES = """
route: {receiver: team, group_by: [alertname], group_wait: 30s, group_interval: 30m, repeat_interval: 12h}
receivers: [{name: team, webhook_configs: [{url: "http://team"}]}]
"""


def fill(rules, recorded):
    """A day of the series that each expression selects, but for those that rules record."""
    store = TSDB()
    known = set()
    for rule in rules:
        ranges = [node.range for node, _ in walk(rule.expr) if isinstance(node, MatrixSelector)]
        interval = (
            MINUTE_MS // 3 if any(isinstance(each, int) and each <= MINUTE_MS for each in ranges) else 2 * MINUTE_MS
        )
        chance = random.Random(rule.name)
        for family in families(rule.expr, chance):
            for labels, samples in family_samples(family, range(0, DAY_MS, interval), chance, ties=True):
                key = tuple(sorted(labels.items()))
                if key not in known and labels.get("__name__") not in recorded:
                    known.add(key)
                    times = np.array([time for time, _ in samples], np.int64)
                    values = np.array([value for _, value in samples], np.float64)
                    store.append_columns(np.full(len(times), store.series(labels)), times, values)
    return store


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_day_of_every_file(corpus):
    """All rules are evaluated at every minute; what fires is told, and says what its templates say."""
    seen = collections.Counter()
    for path in sorted(shared("corpora", corpus).rglob("*.y*ml")):
        file = load_rules(path.read_text(encoding="utf-8"), path.name)
        rules = [rule for group in file.groups for rule in group.rules]
        recorded = {rule.record for rule in rules if isinstance(rule, RecordingRule)}
        scenario = Scenario(fill(rules, recorded), (file,), 0, DAY_MS - 1, alertmanager=load_alertmanager(ROUTES))
        result = run_backtest(scenario)

        expected = sum(len(group.rules) * (DAY_MS // (group.interval_ms or MINUTE_MS)) for group in file.groups)
        assert result.evaluations == expected, path.name
        texts = [
            text
            for notification, _ in result.notifications
            for alert in notification.alerts
            for text in (*alert.annotations.values(), *alert.labels.values())
        ]
        assert not [text for text in texts if "<error expanding template" in text], path.name
        told = {alert.labels for notification, _ in result.notifications for alert in notification.alerts}
        fired = {each.labels for each in result.transitions if each.to_state is AlertState.FIRING}
        late = {each.labels for each in result.transitions if each.time > DAY_MS - 31 * MINUTE_MS}
        assert fired - late <= told <= fired, path.name
        assert len(list(result.requests())) == len(result.notifications)
        seen.update(rules=len(rules), fired=len({each.rule for each in result.transitions if each.labels in fired}))
        seen.update(failures=len(result.failures), notifications=len(result.notifications))

        part = attrs.evolve(scenario, end=3 * HOUR_MS)
        stepped = run_backtest(part, stepwise=True)
        played = run_backtest(part)
        assert list(map(repr, played.transitions)) == list(map(repr, stepped.transitions)), path.name
        assert list(map(repr, played.notifications)) == list(map(repr, stepped.notifications)), path.name

    assert seen["fired"] > seen["rules"] / 4, dict(seen)
