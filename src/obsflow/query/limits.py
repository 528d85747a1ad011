"""What one query may cost."""

import attrs

from obsflow.errors import LimitExceededError


@attrs.frozen
class Limits:
    """Bounds on one query; going over any of them is a LimitExceededError that names it.

    `max_samples` bounds the cells (series x steps) of any one frame; `max_result_samples` the samples of the answer.
    """

    max_samples: int = 50_000_000
    max_steps: int = 1_000_000
    max_series: int = 1_000_000
    max_result_samples: int = 50_000_000
    max_depth: int = 200

    def check(self, limit: str, amount: int) -> None:
        """Raise LimitExceededError if `amount` is over the limit called `limit`."""
        allowed: int = getattr(self, limit)
        if amount > allowed:
            raise LimitExceededError(_MESSAGES[limit].format(amount=amount, allowed=allowed), limit)


_MESSAGES = {
    "max_samples": "query processing would load too many samples into memory in query execution"
    " ({amount}, the limit is {allowed})",
    "max_steps": "exceeded maximum resolution of {allowed} points per timeseries ({amount} steps)",
    "max_series": "the query selects {amount} series, the limit is {allowed}",
    "max_result_samples": "the result has {amount} samples, the limit is {allowed}",
    "max_depth": "the expression is nested {amount} deep, the limit is {allowed}",
}
