"""Whether a rule could be evaluated: what an evaluation that fails leaves to see."""

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import attrs

from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.rules.effects import Effect, EvaluationFailed

HEALTH_METRIC: Final = "obsflow_rule_last_evaluation_successful"
"""1 after an evaluation of a rule that succeeded, 0 after one that failed."""


class RuleHealth(enum.Enum):
    """How the last evaluation of a rule went."""

    UNKNOWN = "unknown"
    OK = "ok"
    ERR = "err"


@attrs.frozen
class RuleStatus:
    """The last evaluation of a rule: when it was (ms, None before the first), and its error, empty if it had none."""

    evaluated_at: int | None = None
    last_error: str = ""

    @property
    def health(self) -> RuleHealth:
        """The health of the rule."""
        if self.evaluated_at is None:
            return RuleHealth.UNKNOWN
        return RuleHealth.ERR if self.last_error else RuleHealth.OK

    @classmethod
    def of(cls, time: int, effects: Iterable[Effect]) -> Self:
        """The status after the evaluation at `time` that had these effects."""
        failed = (effect.error for effect in effects if isinstance(effect, EvaluationFailed))
        return cls(time, next(failed, ""))

    def snapshot(self) -> Mapping[str, Any]:
        """The status as plain data."""
        return {"evaluated_at": self.evaluated_at, "last_error": self.last_error}


def health_series(group_key: str, kind: str, rule: str, index: int) -> Labels:
    """The series that says how rule number `index` of a group fares. `group_key` is file and name: `rules.yml;g`."""
    return Labels(
        {METRIC_NAME: HEALTH_METRIC, "rule_group": group_key, "rule_type": kind, "rule": rule, "index": str(index)}
    )
