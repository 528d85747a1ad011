"""Recording rules that read nothing and that no rule reads, such as thresholds: their series are known beforehand."""

from collections import Counter
from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from obsflow.errors import QueryError
from obsflow.flow.dependencies import ScheduledGroup
from obsflow.model.frames import Symbols, TimeArray
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Runs, Selection
from obsflow.promql import Expr
from obsflow.promql.inspect import metric_names, selectors
from obsflow.query.engine import Engine
from obsflow.query.result import Batch
from obsflow.rules import AlertingRule, RecordingRule, Rule, RuleGroup
from obsflow.tsdb.memory import TSDB
from obsflow.tsdb.series import SeriesTable


class TableStore:
    """Series that are known for all of the time, each of them a row of `runs`."""

    def __init__(self, symbols: Symbols, labels: Sequence[Labels], runs: Runs) -> None:
        self._table = SeriesTable.from_labels(symbols, labels)
        self._runs = runs

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._table.symbols

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:  # noqa: ARG002 - none are left out
        """The series that pass all matchers."""
        found = self._table.match(matchers)
        return Selection(found.labels(), self._runs.take(found.rows))


@attrs.frozen(eq=False)
class ConstantRules:
    """What was found: the groups less those rules, the series that they write, and by id the ones that write any."""

    schedule: list[ScheduledGroup]
    store: TableStore
    writing: frozenset[int]


def take_constants(schedule: Sequence[ScheduledGroup], symbols: Symbols, default_step_ms: int) -> ConstantRules:
    """Evaluate the constant rules, equal expressions once, and take them out of their groups.

    Only rules that never fail, that write one series without gaps, or nothing, and whose series nobody else may read or
    write.
    """
    wanted = _find_constants([each.group for each in schedule])
    engine = Engine(TSDB(), default_step_ms=default_step_ms)
    labels, times, values = [], [], []
    taken: set[int] = set()
    writing: set[int] = set()
    for scheduled in schedule if wanted else ():
        answers: dict[Expr, Batch | None] = {}
        asked = scheduled.times - scheduled.query_offset_ms
        for rule in scheduled.group.rules:
            if not isinstance(rule, RecordingRule) or id(rule) not in wanted:
                continue
            if rule.expr not in answers:
                answers[rule.expr] = _ask(engine, rule.expr, asked)
            batch = answers[rule.expr]
            if batch is None:
                continue
            taken.add(id(rule))
            if len(batch.frame):
                writing.add(id(rule))
                labels.append(batch.frame.labels.labels(0).with_({**rule.labels, METRIC_NAME: rule.record}))
                times.append(asked)
                values.append(batch.frame.values[0])
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(each) for each in times], dtype=np.int64)))
    runs = Runs.from_arrays(
        np.concatenate((np.zeros(0, np.int64), *times)), np.concatenate((np.zeros(0), *values)), offsets
    )
    rest = [_without(each, taken) for each in schedule]
    return ConstantRules(rest, TableStore(symbols, labels, runs), frozenset(writing))


def _ask(engine: Engine, expr: Expr, times: TimeArray) -> Batch | None:
    """The answers at all times; None unless they are one series without gaps, or nothing, and none failed."""
    try:
        batch = engine.query_batch(expr, times)
    except QueryError:
        return None
    frame = batch.frame
    return batch if not batch.failures and len(frame) <= 1 and bool(frame.present.all()) else None


def _find_constants(groups: Sequence[RuleGroup]) -> frozenset[int]:
    """The rules (by id) that read nothing, and whose name no other rule writes or may read."""
    rules = [rule for group in groups for rule in group.rules]
    candidates = [rule for rule in rules if isinstance(rule, RecordingRule) and not selectors(rule.expr)]
    read: set[str] = set()
    for names in _read_names(rules):
        if names is None:
            return frozenset()
        read |= names
    written = Counter(rule.record for rule in rules if isinstance(rule, RecordingRule))
    return frozenset(id(rule) for rule in candidates if written[rule.record] == 1 and rule.record not in read)


def _read_names(rules: Sequence[Rule]) -> Iterator[frozenset[str] | None]:
    """The metric names that each rule reads; None for one that may read any, and for a query in a template."""
    for rule in rules:
        if isinstance(rule, AlertingRule):
            templates = (*rule.label_templates.values(), *rule.annotation_templates.values())
            if any(template.asks_queries for template in templates):
                yield None
        yield metric_names(rule.expr)


def _without(scheduled: ScheduledGroup, taken: set[int]) -> ScheduledGroup:
    rules = tuple(rule for rule in scheduled.group.rules if id(rule) not in taken)
    if len(rules) == len(scheduled.group.rules):
        return scheduled
    return attrs.evolve(scheduled, group=attrs.evolve(scheduled.group, rules=rules))
