"""What a rule needs to know besides itself: who answers its query, and the group and the server it runs in."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from obsflow.model.durations import MINUTE_MS
from obsflow.model.labels import EMPTY, Labels
from obsflow.rules.config import Rule

Vector = Sequence[tuple[Labels, float]]
"""The result of a query at one instant: no two samples have the same labels."""

DEFAULT_RESEND_DELAY_MS = MINUTE_MS
_VALID_INTERVALS = 4


class Evaluator(Protocol):
    """Answers queries, live or from a history that was evaluated before."""

    def evaluate(self, rule: Rule, time: int) -> Vector:
        """The result of the rule's expression at `time` (ms); a scalar is one without labels. Raises QueryError."""

    def query(self, text: str, time: int) -> Vector:
        """The result of any query at `time`, for templates. Raises QueryError, or QuerySyntaxError."""


@attrs.frozen
class RuleContext:
    """The surroundings of a rule; durations in ms. `limit` 0 is none."""

    group: str
    evaluator: Evaluator
    interval_ms: int
    query_offset_ms: int = 0
    limit: int = 0
    external_labels: Labels = EMPTY
    external_url: str = ""
    resend_delay_ms: int = DEFAULT_RESEND_DELAY_MS

    @property
    def valid_ms(self) -> int:
        """For how long the router is to believe that an alert fires of which it is told."""
        return _VALID_INTERVALS * max(self.interval_ms, self.resend_delay_ms)
