"""What people say of an incident afterwards: why it occurred, what is done about it by whom and until when."""

import enum
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from obsflow.errors import ConfigError, Problem
from obsflow.incident.causes import Category, Cause, FollowUp
from obsflow.incident.events import AddNote, NoteKind
from obsflow.model.times import parse_time
from obsflow.schema import Position, compose, decode_document, field, positions

E = TypeVar("E", bound=enum.Enum)


class Priority(enum.Enum):
    """How soon an action is needed, the most urgent first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def _one_of(kind: type[E]) -> Callable[[str], E]:
    def parse(text: str) -> E:
        try:
            return kind(text.strip().lower())
        except ValueError:
            names = ", ".join(each.value for each in kind)
            raise ValueError(f'expected one of {names}; got "{text}"') from None

    parse.__name__ = kind.__name__
    return parse


def _parse_follow_up(text: str) -> FollowUp:
    names = {each.value.lower(): each for each in FollowUp}
    if text.strip().lower() not in names:
        raise ValueError(f'expected one of {", ".join(each.value for each in FollowUp)}; got "{text}"')
    return names[text.strip().lower()]


def _parse_deadline(text: str) -> int:
    """An instant, or a date: the first moment after that day in UTC is too late."""
    if len(text) == len("2026-01-31") and text.count("-") == 2:
        return parse_time(f"{text}T23:59:59Z")
    return parse_time(text)


@attrs.frozen
class ActionItem:
    """Something to do; `deadline` in ms. What it `lacks` is an open point of the report."""

    text: str = field()
    owner: str = field(default="")
    deadline: int | None = field(parse=_parse_deadline, default=None)
    ticket: str = field(default="")
    priority: Priority | None = field(parse=_one_of(Priority), default=None)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What an action needs to be done, and this one has not: who, until when, how soon, and where it is tracked."""
        needed = {"owner": self.owner, "deadline": self.deadline is not None, "priority": self.priority}
        needed["ticket"] = self.ticket
        return tuple(name for name, value in needed.items() if not value)


@attrs.frozen
class Analysis:
    """What people found out. Times, ms, go before those that the timeline knows."""

    started_at: int | None = field(parse=parse_time, default=None)
    mitigated_at: int | None = field(parse=parse_time, default=None)
    impact: str = field(default="")
    why: str = field(default="")
    why_not_caught: str = field(default="")
    learned: str = field(default="")
    causes: tuple[Cause, ...] = field(parse=_one_of(Cause), default=())
    categories: tuple[Category, ...] = field(parse=_one_of(Category), default=())  # besides those of the causes
    actions: tuple[ActionItem, ...] = field(default=())
    done: tuple[FollowUp, ...] = field(parse=_parse_follow_up, default=())


@attrs.frozen
class _Note:
    at: int = field(parse=parse_time)
    text: str = field()
    by: str = field(default="")
    kind: NoteKind = field(parse=_one_of(NoteKind), default=NoteKind.NOTE)


@attrs.frozen
class _Entry:
    incident: int = field()
    notes: tuple[_Note, ...] = field(default=())
    analysis: Analysis = field(factory=Analysis)
    positions: Mapping[str, Position] = positions()


@attrs.frozen
class _Document:
    incidents: tuple[_Entry, ...] = field(default=())


@attrs.frozen
class Review:
    """What is known of one incident beside its record: notes, at the times they tell of, and the analysis."""

    notes: tuple[AddNote, ...] = ()
    analysis: Analysis = attrs.field(factory=Analysis)


def load_reviews(text: str, source: str) -> Mapping[int, Review]:
    """Read a YAML file of reviews by the number of the incident. Raises ConfigError with every problem."""
    problems: list[Problem] = []
    document = decode_document(_Document, compose(text, source), problems)
    reviews: dict[int, Review] = {}
    for index, entry in enumerate(document.incidents):
        where, path = entry.positions.get("incident", entry.positions[""]), f"incidents[{index}].incident"
        if entry.incident < 1:
            problems.append(where.problem(path, f"incidents are counted from 1, got {entry.incident}"))
        if entry.incident in reviews:
            problems.append(where.problem(path, f"incident {entry.incident} is reviewed twice"))
        notes = (AddNote(entry.incident, note.by, note.text, note.kind, note.at) for note in entry.notes)
        reviews[entry.incident] = Review(tuple(sorted(notes, key=lambda note: note.occurred_at or 0)), entry.analysis)
    if problems:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))))
    return reviews
