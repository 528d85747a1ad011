"""What is sent to a receiver one request after the other, each of which may depend on the answers before it."""

from collections.abc import Callable
from typing import TypeAlias

import attrs

from obsflow.notify.outcome import Outcome
from obsflow.notify.request import Request

Next: TypeAlias = "Step | Outcome"
"""What follows an answer: another request, or what came of the delivery."""


@attrs.frozen
class Step:
    """A request and the reader of its answer.

    `read(status_code, body)` gives what follows. It is pure: the same answer always leads to the same next step.
    `usual` is the answer of a receiver that takes it and has not heard of the group before.
    """

    request: Request
    read: Callable[[int, str], Next] = attrs.field(repr=False)
    usual: tuple[int, str] = (200, "")
