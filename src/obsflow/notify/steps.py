"""What is sent to a receiver one request after the other, each of which may depend on the answers before it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from obsflow.notify.answers import Answer
from obsflow.notify.outcome import Outcome
from obsflow.notify.request import Request

Next: TypeAlias = "Step | Outcome"
"""What follows an answer: another request, or what came of the delivery."""


@attrs.frozen
class Step:
    """A request and the reader of its answer.

    The reader is pure: the same answer always leads to the same next step. `usual` is the status code and body of a
    receiver that takes it and has not heard of the group before.
    """

    request: Request
    reader: Callable[[Answer], Next] = attrs.field(repr=False)
    usual: tuple[int, str] = (200, "")

    def read(self, status_code: int, body: str, headers: Mapping[str, str] | None = None) -> Next:
        """What follows from an answer. For mail `status_code` is the SMTP reply code."""
        return self.reader(Answer(status_code, body, headers or {}))
