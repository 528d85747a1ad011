"""What one query may cost."""

from collections.abc import Callable

import attrs

from obsflow.errors import LimitExceededError


@attrs.frozen
class Limits:
    """Bounds on one query; going over any of them is a LimitExceededError that names it.

    `max_samples` bounds the cells (series x steps) of any one frame, which is what a query holds in memory;
    `max_loaded_samples` the samples that all its selectors read together, which is what it takes time for;
    `max_result_samples` the samples of the answer. `max_seconds` is looked at between one part of the work and the
    next, by the clock of the engine.
    """

    max_samples: int = 50_000_000
    max_loaded_samples: int = 1_000_000_000
    max_steps: int = 1_000_000
    max_series: int = 1_000_000
    max_result_samples: int = 50_000_000
    max_depth: int = 200
    max_seconds: float | None = None

    def check(self, limit: str, amount: int) -> None:
        """Raise LimitExceededError if `amount` is over the limit called `limit`."""
        allowed: int = getattr(self, limit)
        if amount > allowed:
            raise LimitExceededError(_MESSAGES[limit].format(amount=amount, allowed=allowed), limit)


@attrs.frozen
class Deadline:
    """When a query has to end: `clock` gives the seconds of now."""

    clock: Callable[[], float]
    start: float
    seconds: float

    def check(self) -> None:
        """Raise LimitExceededError if it has passed."""
        taken = self.clock() - self.start
        if taken > self.seconds:
            raise LimitExceededError(
                f"query timed out in expression evaluation (after {taken:g} s, the limit is {self.seconds:g} s)",
                "max_seconds",
            )


_MESSAGES = {
    "max_loaded_samples": "the query reads {amount} samples, the limit is {allowed}",
    "max_samples": "query processing would load too many samples into memory in query execution"
    " ({amount}, the limit is {allowed})",
    "max_steps": "exceeded maximum resolution of {allowed} points per timeseries ({amount} steps)",
    "max_series": "the query selects {amount} series, the limit is {allowed}",
    "max_result_samples": "the result has {amount} samples, the limit is {allowed}",
    "max_depth": "the expression is nested {amount} deep, the limit is {allowed}",
}
