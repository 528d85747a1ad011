"""Plain data of unknown origin, read field by field: what is wrong is noted with the way to it."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import attrs

from obsflow.errors import ConfigError, Problem

MAX_INTEGER: Final = 2**64 - 1
_WHITESPACE: Final = " \t\r\n"

OnProblem = Callable[[Problem], None]
T = TypeVar("T")


@attrs.frozen
class Place:
    """A value, and the way to it from the root, such as `[3].attributes.path`; `found` takes what is wrong.

    `line` is where the document begins that the value is in, from 1; 0 where there is no text.
    """

    value: object
    path: str
    source: str
    found: list[Problem]
    line: int = 0

    def wrong(self, message: str) -> None:
        """Note that the value is not what it should be."""
        self.found.append(Problem(self.source, self.line, min(self.line, 1), self.path, message))

    def _expected(self, what: str) -> None:
        self.wrong(f"expected {what}, found {_kind(self.value)}")

    def at(self, key: str) -> "Place":
        """The field of an object; None where it is absent. Only of a place whose `fields` are there."""
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Place(value, f"{self.path}.{key}" if self.path else key, self.source, self.found, self.line)

    def is_absent(self) -> bool:
        """Whether there is nothing: JSON's null counts as a field that was left out."""
        return self.value is None

    def fields(self) -> Mapping[str, object] | None:
        """The object, or None: its keys are strings."""
        if isinstance(self.value, Mapping):
            if all(isinstance(key, str) for key in self.value):
                return self.value
            self.wrong("expected keys that are strings")
        elif self.value is not None:
            self._expected("an object")
        return None

    def items(self) -> Iterator["Place"]:
        """The elements of a list; none where it is absent or no list."""
        if isinstance(self.value, Sequence) and not isinstance(self.value, str | bytes | bytearray):
            for index, value in enumerate(self.value):
                yield Place(value, f"{self.path}[{index}]", self.source, self.found, self.line)
        elif self.value is not None:
            self._expected("a list")

    def text(self) -> str:
        """The string; empty where it is absent."""
        if isinstance(self.value, str):
            return self.value
        if self.value is not None:
            self._expected("a string")
        return ""

    def number(self) -> float | None:
        """The finite number, or None."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            try:
                number = float(self.value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
            self.wrong("expected a finite number")
        elif self.value is not None:
            self._expected("a number")
        return None

    def natural(self, most: int = MAX_INTEGER) -> int | None:
        """The integer from 0 to `most`, or None; decimal digits in a string are one too, as JSON writes 64 bits."""
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if 0 <= value <= most:
                return value
            self.wrong(f"expected an integer from 0 to {most}")
        elif value is not None:
            self._expected("an integer")
        return None


def _kind(value: object) -> str:
    """The value in few words."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return f"{value!r}" if len(value) <= 40 else "a long string"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"


def read_each(
    places: Iterator[Place] | Sequence[Place],
    read: Callable[[Place], T | None],
    found: list[Problem],
    on_problem: OnProblem | None,
) -> tuple[T, ...]:
    """What `read` makes of every place.

    A record with something wrong is left out and told to `on_problem`; without one, ConfigError holds every problem.
    """
    records = []
    for place in places:
        before = len(found)
        record = read(place)
        if record is not None and len(found) == before:
            records.append(record)
    if found and on_problem is None:
        raise ConfigError(tuple(found))
    for problem in found:
        assert on_problem is not None
        on_problem(problem)
    return tuple(records)


def parse_documents(text: str | bytes, source: str, found: list[Problem]) -> list[Place]:
    """The JSON documents that stand one after the other, as a collector writes them to a file.

    What is no JSON is noted with its line and column. Reading goes on at the next line where documents stand one in a
    line, and ends where they do not: nobody knows then where the next begins.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
            found.append(Problem(source, line, column, "", f"not UTF-8 at byte {error.start}"))
            return []
    decoder = json.JSONDecoder()
    documents = []
    at, line = _skip(text, 0), 1
    counted = 0
    while at < len(text):
        line += text.count("\n", counted, at)
        counted = at
        try:
            document, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            wrong, message = _fault(error, at)
            below = text.count("\n", at, wrong)
            found.append(Problem(source, line + below, wrong - text.rfind("\n", 0, wrong), "", message))
            end = text.find("\n", wrong)
            if below or end < 0:
                break
        else:
            documents.append(Place(document, "", source, found, line))
        at = _skip(text, end)
    return documents


def _fault(error: ValueError | RecursionError, at: int) -> tuple[int, str]:
    """Where a document that begins at `at` is wrong, and how."""
    match error:
        case json.JSONDecodeError():
            return error.pos, f"not JSON: {error.msg}"
        case RecursionError():
            return at, "nested too deeply"
    return at, "a number with too many digits"  # more than Python reads


def _skip(text: str, at: int) -> int:
    """Behind the white space."""
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at
