"""Recording rules: one evaluation at one time."""

from collections.abc import Mapping
from typing import Any, Final

from obsflow.errors import QueryError
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.rules.config import RecordingRule
from obsflow.rules.context import RuleContext, Vector
from obsflow.rules.effects import Effect, EvaluationFailed
from obsflow.rules.health import RuleStatus
from obsflow.rules.written import WrittenSeries

SAME_LABELS: Final = "vector contains metrics with the same labelset after applying rule labels"


def limit_exceeded(limit: int, count: int) -> str:
    """What is wrong with `count` series where there may be `limit`."""
    return f"exceeded limit of {limit} with {count} series"


class RecordingState:
    """A recording rule in a running group: it remembers which series it wrote last."""

    def __init__(self, rule: RecordingRule, context: RuleContext) -> None:
        self.rule = rule
        self._context = context
        self.written = WrittenSeries()
        self.status = RuleStatus()
        self._fixed = {**rule.labels, METRIC_NAME: rule.record}
        self._sources: list[Labels] = []
        self._targets: list[Labels] = []

    def evaluate(self, time: int) -> list[Effect]:
        """Ask for the result at `time` (ms) less the query offset, and decide what to write.

        A failure leaves everything as it was: what was written last stays the last. `status` says how it went.
        """
        effects = self._evaluate(time)
        self.status = RuleStatus.of(time, effects)
        return effects

    def _evaluate(self, time: int) -> list[Effect]:
        try:
            vector = self._context.evaluator.evaluate(self.rule, time - self._context.query_offset_ms)
            self._rename(vector)
            self._check_limit(len(vector))
        except QueryError as error:
            return [EvaluationFailed(time, self._context.group, self.rule.record, str(error))]
        samples = tuple((labels, sample[1]) for labels, sample in zip(self._targets, vector, strict=True))
        return self.written.replace(samples, time - self._context.query_offset_ms)

    def _rename(self, vector: Vector) -> None:
        """Set the targets that the samples go to. The labels of a result seldom change from one time to the next."""
        sources = [labels for labels, _ in vector]
        if sources == self._sources:
            return
        targets = [labels.with_(self._fixed) for labels in sources]
        if len(set(targets)) < len(targets):
            raise QueryError(SAME_LABELS)
        self._sources, self._targets = sources, targets

    def _check_limit(self, count: int) -> None:
        if 0 < self._context.limit < count:
            raise QueryError(limit_exceeded(self._context.limit, count))

    def adopt(self, other: "RecordingState") -> None:
        """Take over what a rule wrote that this one replaces."""
        self.restore({**other.snapshot(), "status": RuleStatus().snapshot()})

    def snapshot(self) -> Mapping[str, Any]:
        """The state as plain data."""
        return {"written": self.written.snapshot(), "status": self.status.snapshot()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Become what `snapshot` described."""
        self.written = WrittenSeries.restore(data["written"])
        self.status = RuleStatus(**data["status"])
