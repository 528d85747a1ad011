"""Selections that were made and are kept: asking again costs no search, and, if there is room for it, no decoding."""

from collections.abc import Hashable
from typing import Final

import attrs

from obsflow.model.storage import Selection

_MAX_KEPT: Final = 256
_MAX_KEPT_RUNS: Final = 1 << 20
"""Selections that are kept, and runs in all of them: some 40 bytes each."""


@attrs.define(eq=False)
class _Answer:
    """A selection and the interval (ms, closed) for which it is complete; `samples` are those that it holds decoded.

    `is_settled` says that it is as it will stay: decoded, or with no room for that.
    """

    start: int
    end: int
    selection: Selection
    samples: int = 0
    is_settled: bool = False

    @property
    def runs(self) -> int:
        """How many runs it has."""
        return len(self.selection.runs.start)


class Selections:
    """The newest answers to questions, which are anything that can be compared. Threads may share them.

    Up to `decoded_samples` samples, of 16 bytes each, are kept decoded: those of what has been asked twice.
    """

    def __init__(self, decoded_samples: int = 0) -> None:
        self._answers: dict[Hashable, _Answer] = {}
        self._runs = 0
        self._room = decoded_samples

    def find(self, question: Hashable, start: int, end: int) -> Selection | None:
        """The answer to a question, if it is known from `start` to `end` (ms, closed)."""
        answer = self._answers.get(question)
        if answer is None or start < answer.start or answer.end < end:
            return None
        if self._room and not answer.is_settled:
            answer.is_settled = True
            self._decode(answer)
        return answer.selection

    def extend(self, question: Hashable, start: int, end: int) -> tuple[int, int]:
        """The interval to answer a question for that was asked from `start` to `end`.

        It takes in the one that is known, and is twice as long where it grows, so that a window which moves on is not
        searched at every step.
        """
        answer = self._answers.get(question)
        if answer is None:
            return start, end
        room = answer.end - answer.start
        return (
            min(answer.start, start - room) if start < answer.start else answer.start,
            max(answer.end, end + room) if end > answer.end else answer.end,
        )

    def keep(self, question: Hashable, start: int, end: int, selection: Selection) -> None:
        """Remember an answer. Where threads do at the same time, the count of runs is right again when old ones go."""
        gone = self._answers.pop(question, None)
        self._runs -= gone.runs if gone is not None else 0
        answer = _Answer(start, end, selection)
        if answer.runs > _MAX_KEPT_RUNS:
            return
        self._answers[question] = answer
        self._runs += answer.runs
        if self._runs > _MAX_KEPT_RUNS or len(self._answers) > _MAX_KEPT:
            self._make_room()

    def _make_room(self) -> None:
        """Let old answers go until a quarter of the room is free, so that it is not done for each that comes."""
        answers = self._answers
        runs = sum([each.runs for each in list(answers.values())])
        for old in list(answers)[:-1]:
            if runs <= _MAX_KEPT_RUNS * 3 // 4 and len(answers) <= _MAX_KEPT * 3 // 4:
                break
            gone = answers.pop(old, None)
            runs -= gone.runs if gone is not None else 0
        self._runs = runs

    def forget(self) -> None:
        """Remember nothing."""
        self._answers.clear()
        self._runs = 0

    def _decode(self, answer: _Answer) -> None:
        """Decode an answer's samples, if they find room; the oldest that are decoded make it."""
        selection = answer.selection
        samples = selection.runs.passed.measure(answer.start, answer.end)[1]
        if not 0 < samples <= self._room:
            return
        decoded = [(key, each) for key, each in list(self._answers.items()) if each.samples and each is not answer]
        used = sum(each.samples for _, each in decoded)
        for key, old in decoded:
            if used + samples <= self._room:
                break
            self._answers.pop(key, None)
            used -= old.samples
        runs = selection.runs.unpack(answer.start, answer.end)
        if runs is not None:
            answer.selection, answer.samples = Selection(selection.labels, runs), samples
