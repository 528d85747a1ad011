"""The alerts of a post: the JSON array that Prometheus sends to `/api/v2/alerts`.

A sender says the same alerts every minute, with other times. What was read once is known by the kernel that reads, and
a label set that comes again is the same object.
"""

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from obsflow.errors import ParseError
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels
from obsflow.model.times import parse_time
from obsflow.native import AlertVocabulary

_Pairs = tuple[tuple[str, str], ...]

_NO_CHARACTER = re.compile("[\ud800-\udfff]")
_ZERO = parse_time("0001-01-01T00:00:00Z")  # Go's zero time, which is none
_PIECE = 128  # two of them are fewer objects than begin a collection
_OF_THE_FIRST = np.array([1, 1, 0, 0, 1], np.int32)
_KINDS = {str: "a text", dict: "an object", list: "an array", type(None): "null", bool: "a truth value"}


class AlertReader:
    """Reads posts. Alerts that have the same labels, be it in different posts, share them, and so do their texts."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._vocabulary = AlertVocabulary()
        self._strings: list[str] = [""]  # the first is where there is none; those of the vocabulary follow
        self._pairs: list[tuple[str, str]] = []
        self._sets: list[_Pairs | Labels] = [()]  # bare until it is a label set: annotations are not kept as objects

    def read(self, body: bytes) -> tuple[Alert, ...]:
        """The alerts of a post, in order. Raises ParseError.

        A member that is absent or null has no value, nor has a time that is Go's zero. What is not known is ignored,
        and a byte that is not UTF-8 is U+FFFD.
        """
        return tuple([alert for piece in self.read_pieces(body) for alert in piece])

    def read_pieces(self, body: bytes) -> Iterator[tuple[Alert, ...]]:
        """The same, a few at a time: events of one instant. Raises ParseError before there are any.

        What is let go of before the next piece never comes to the notice of the garbage collector.
        """
        if self._vocabulary.is_worn:
            self._forget()
        rows = self._vocabulary.read(body)
        if rows is None:
            return iter((read_any(body),))
        self._learn()
        strings, sets = self._strings, self._sets
        columns = (rows + _OF_THE_FIRST).T.tolist()  # few lists rather than one for each alert
        for i in columns[0]:
            if type(sets[i]) is tuple:
                sets[i] = Labels.from_sorted(sets[i])
        try:
            times: dict[int, int | None] = {
                place: _time_at(body, place) for place in set(rows[:, 2:4].ravel().tolist())
            }
        except ValueError:
            return iter((read_any(body),))  # which says where
        made = (
            Alert(sets[labels], _annotations(sets[annotations]), times[starts_at], times[ends_at], strings[url])
            for labels, annotations, starts_at, ends_at, url in zip(*columns, strict=True)
        )
        return iter(lambda: tuple(itertools.islice(made, _PIECE)), ())

    def _learn(self) -> None:
        """Make objects of what came into the vocabulary."""
        vocabulary = self._vocabulary
        strings, pairs, sets = self._strings, self._pairs, self._sets
        if vocabulary.counts == (len(strings) - 1, len(pairs), len(sets) - 1):
            return
        strings += vocabulary.strings(len(strings) - 1)
        pairs += [(strings[name + 1], strings[value + 1]) for name, value in vocabulary.pairs(len(pairs))]
        sets += [tuple([pairs[i] for i in members]) for members in vocabulary.sets(len(sets) - 1)]


def _annotations(known: _Pairs | Labels) -> Labels:
    return known if isinstance(known, Labels) else Labels.from_sorted(known)


def _time_at(body: bytes, place: int) -> int | None:
    """The time between quotes. Raises ValueError."""
    return None if place < 0 else _time(body[place + 1 : body.index(b'"', place + 1)].decode())


def _time(text: str) -> int | None:
    time = parse_time(text)
    return None if time == _ZERO else time


# -- whatever JSON may look like


def read_any(body: bytes) -> tuple[Alert, ...]:
    """What `AlertReader.read` gives, one value after the other. Raises ParseError."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        posted = json.loads(text)
    except json.JSONDecodeError as error:
        raise _error(error.msg, text, error.pos) from None
    except RecursionError:
        raise _error("it is nested too deeply", text) from None
    time_of = functools.cache(_time)
    try:
        return tuple([_alert(each, f"[{i}]", time_of) for i, each in enumerate(_expect(posted, list, ""))])
    except ValueError as error:
        raise _error(str(error), text) from None


def _error(message: str, text: str, position: int = 0) -> ParseError:
    return ParseError(message, _NO_CHARACTER.sub("\ufffd", text), (position, position + 1))


def _alert(posted: Any, path: str, time_of: Callable[[str], int | None]) -> Alert:
    members = _expect(posted, dict, path)
    labels = Labels(_texts(members.get("labels"), f"{path}.labels"))
    annotations = Labels.of_annotations(_texts(members.get("annotations") or {}, f"{path}.annotations"))
    starts_at, ends_at = (_any_time(members.get(name), f"{path}.{name}", time_of) for name in ("startsAt", "endsAt"))
    url = members.get("generatorURL")
    return Alert(labels, annotations, starts_at, ends_at, "" if url is None else _text(url, f"{path}.generatorURL"))


def _any_time(value: Any, path: str, time_of: Callable[[str], int | None]) -> int | None:
    if value is None:
        return None
    text = _expect(value, str, path)
    try:
        return time_of(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _texts(value: Any, path: str) -> dict[str, str]:
    members = _expect(value, dict, path)
    return {_text(name, path): _text(text, f"{path}.{name}") for name, text in members.items()}


def _text(value: Any, path: str) -> str:
    text: str = _expect(value, str, path)
    return text if text.isascii() else _NO_CHARACTER.sub("\ufffd", text)


def _expect(value: Any, kind: type, path: str) -> Any:
    if not isinstance(value, kind):
        found = _KINDS.get(type(value), "a number")
        message = f"{path}: expected {_KINDS[kind]}, found {found}".removeprefix(": ")
        raise ValueError(message)  # noqa: TRY004 - a sender wrote it, no caller passed it
    return value
