"""How the rules of a test get their results: over all times at once where that shows them nothing but the past."""

from collections.abc import Sequence

from obsflow.errors import QuerySyntaxError
from obsflow.flow.dependencies import ALERT_SERIES
from obsflow.flow.evaluators import BatchEvaluator, vector_of
from obsflow.promql import PROMETHEUS, Dialect, parse
from obsflow.promql.ast import Expr, Subquery, VectorSelector
from obsflow.promql.inspect import walk
from obsflow.query.engine import Engine
from obsflow.rules import AlertingRule, RecordingRule, Rule, RuleGroup
from obsflow.rules.context import Vector
from obsflow.testing.rule_tests.data import InputData


def is_batchable(groups: Sequence[RuleGroup], data: InputData) -> bool:
    """Whether rules that are asked over all times at once see what they see one time after the other.

    Not if a rule, or a query in a template, may look ahead, where samples are not loaded yet, and not if the test has
    series that rules may write too.
    """
    rules = [rule for group in groups for rule in group.rules]
    written = ALERT_SERIES | {rule.record for rule in rules if isinstance(rule, RecordingRule)}
    return not (written & data.names or any(looks_ahead(rule.expr) or _asks_ahead(rule) for rule in rules))


def looks_ahead(expr: Expr) -> bool:
    """Whether a query may read samples of after the time at which it is asked."""
    return any(
        node.at is not None or not isinstance(node.offset, int) or node.offset < 0
        for node, _ in walk(expr)
        if isinstance(node, VectorSelector | Subquery)
    )


def _asks_ahead(rule: Rule) -> bool:
    """Whether a template of the rule may ask a query that looks ahead."""
    if not isinstance(rule, AlertingRule):
        return False
    templates = (*rule.label_templates.values(), *rule.annotation_templates.values())
    return any(text is None or _may_look_ahead(text) for template in templates for text in template.queries)


def _may_look_ahead(text: str) -> bool:
    try:
        return looks_ahead(parse(text))
    except QuerySyntaxError:  # it reads nothing
        return False


class RuleEvaluator:
    """Answers rules one at a time, but those that `batch` knows from what it found over all times.

    Notes in `had_samples` which rules, by id, ever had a result.
    """

    def __init__(self, engine: Engine, batch: BatchEvaluator | None) -> None:
        self._engine = engine
        self._batch = batch
        self._ticked = frozenset() if batch is None else frozenset(id(rule) for rule in batch.ticked)
        self.had_samples: set[int] = set()

    def evaluate(self, rule: Rule, time: int) -> Vector:
        """The rule's result at `time` (ms). Raises QueryError."""
        key = id(rule)
        if self._batch is None or key in self._ticked:
            vector = vector_of(self._engine.query(rule.expr, time))
        else:
            vector = self._batch.evaluate(rule, time)
        if vector:
            self.had_samples.add(key)
        return vector

    def query(self, text: str, time: int) -> Vector:
        """The result of any query at `time`, for templates. Raises QueryError."""
        return vector_of(self._engine.query(text, time))


def has_plain_evaluation(dialect: Dialect) -> bool:
    """Whether a tree is evaluated under the dialect as it is by default."""
    switches = ("delayed_name_removal", "use_start_timestamps", "type_and_unit_labels")
    return all(getattr(dialect, switch) == getattr(PROMETHEUS, switch) for switch in switches)
