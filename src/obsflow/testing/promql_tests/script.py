"""PromQL test scripts: text to commands.

    load 1m                                     series, their samples a minute apart
      requests_total{job="a"} 0+60x10

    eval instant at 10m rate(requests_total[5m])
      expect no_warn                            what else is to be, or not
      {job="a"} 1                               the answer

An empty line ends a block, and so does a comment.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from obsflow.errors import ConfigError, Problem
from obsflow.model.durations import parse_duration
from obsflow.model.regex import Regex, RegexError
from obsflow.promql.literals import EscapeError, parse_number, unquote
from obsflow.testing.series_notation import Series, StartTimes, parse_series, parse_value

_LOAD = re.compile(r"load(?P<nhcb>_with_nhcb)?\s+(?P<step>\S+)")
_INSTANT = re.compile(r"eval(?:_(?P<kind>fail|warn|ordered|info))?\s+instant\s+at\s+(?P<time>\S+)\s+(?P<expr>.+)")
_GRID = r"from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)"
_RANGE = re.compile(rf"eval(?:_(?P<kind>fail|warn|info))?\s+range\s+{_GRID}\s+(?P<expr>.+)")
_EXPECT = re.compile(
    r"expect\s+(?P<kind>ordered|fail|warn|no_warn|info|no_info)(?:\s+(?P<how>msg|regex):(?P<text>.+))?"
)
_EXPECT_STRING = re.compile(r"expect string(?:\s+(?P<literal>.*))?")
_STRING_LITERAL = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])'|`[^`]*`")
_EXPECT_RANGE = re.compile(rf"expect range vector\s+{_GRID}")
_LEGACY_FAILURE = re.compile(r"expected_fail_(?P<how>message|regexp)\b(?P<text>.*)")
_HEXADECIMAL = re.compile(r"[+-]?0[xX][\da-fA-F]+")
_CONTRADICTIONS: Final = (("warn", "no_warn"), ("info", "no_info"))


@attrs.frozen
class Grid:
    """The times `start`, `start + step`, ... up to `end` (ms)."""

    start: int
    end: int
    step: int

    @property
    def times(self) -> range:
        """All times of the grid."""
        return range(self.start, self.end + 1, self.step)


@attrs.frozen
class Expectation:
    """What an evaluation is to do: `kind` is the word after `expect`. The text it is to say, if any, or a pattern."""

    kind: str
    text: str | None = None
    pattern: Regex | None = None

    def accepts(self, message: str) -> bool:
        """Whether the message is what is expected."""
        if self.pattern is not None:
            return self.pattern.search(message)
        return self.text is None or self.text == message

    def __str__(self) -> str:
        if self.pattern is not None:
            return f"{self.kind} like {self.pattern.pattern}"
        return self.kind if self.text is None else f"{self.kind} {self.text}"


@attrs.frozen
class Clear:
    """Forget all series."""

    line: int


@attrs.frozen
class Load:
    """Add series, their values `step` ms apart from the epoch on, and the start timestamps of some of them.

    `with_nhcb` asks for native histograms made of the classic ones beside them.
    """

    line: int
    step: int
    series: tuple[tuple[Series, StartTimes | None], ...]
    with_nhcb: bool = False


@attrs.frozen
class Evaluation:
    """A query and what it is to answer.

    `grid` is that of a range query or of the range vector that an instant query is to give; an instant query is
    evaluated at its end. The answer is a scalar or a string where there is one, else series.
    """

    line: int
    expr: str
    grid: Grid
    is_range: bool
    expectations: tuple[Expectation, ...] = ()
    series: tuple[Series, ...] = ()
    scalar: float | None = None
    string: str | None = None
    gives_range_vector: bool = False

    def expected(self, kind: str) -> tuple[Expectation, ...]:
        """The expectations of one kind."""
        return tuple(expectation for expectation in self.expectations if expectation.kind == kind)


@attrs.frozen
class Malformed:
    """A block that is not of the language, and why."""

    line: int
    problem: Problem


Command = Clear | Load | Evaluation | Malformed


@attrs.frozen
class Script:
    """The commands of a file, in order."""

    file: str
    commands: tuple[Command, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What in the file is not of the language."""
        return tuple(command.problem for command in self.commands if isinstance(command, Malformed))

    def check(self) -> None:
        """Raise ConfigError, with every problem, if there is any."""
        if self.problems:
            raise ConfigError(self.problems)


def parse_script(text: str, file: str) -> Script:
    """The commands of a script.

    A block that is not of the language is `Malformed`, in its place, so that the others can be used.
    """
    return Script(file, tuple(_Reader(text, file).read()))


class _Reader:
    """The lines of a script, and how far they are read."""

    def __init__(self, text: str, file: str) -> None:
        self._raw = text.split("\n")
        self._lines = ["" if line.startswith("#") else line for line in map(str.strip, self._raw)]
        self._file = file
        self._next = 0

    def read(self) -> list[Command]:
        """All commands."""
        commands: list[Command] = []
        while self._next < len(self._lines):
            head = self._advance()
            if head:
                commands.append(self._read_command(head))
        return commands

    def _advance(self) -> str:
        self._next += 1
        return self._lines[self._next - 1]

    def _block(self) -> str:
        """The next line of the block, empty at its end."""
        return self._advance() if self._next < len(self._lines) else ""

    def _read_command(self, head: str) -> Command:
        line = self._next
        try:
            return self._read_block(line, head)
        except ValueError as error:
            raw = self._raw[self._next - 1]
            column = len(raw) - len(raw.lstrip()) + 1
            problem = Problem(self._file, self._next, column, "", str(error))
        while self._block():  # what follows belongs to it
            pass
        return Malformed(line, problem)

    def _read_block(self, line: int, head: str) -> Command:
        word = head.split(None, 1)[0].lower()
        if word == "clear":
            return Clear(line)
        if word.startswith("load"):
            return self._read_load(line, head)
        if word.startswith("eval"):
            return self._read_evaluation(line, head)
        raise ValueError(f"not a command: {head}")

    def _read_load(self, line: int, head: str) -> Load:
        found = _LOAD.fullmatch(head)
        if found is None:
            raise ValueError(f"expected load[_with_nhcb] <step>, got: {head}")
        step = parse_duration(found["step"])
        series: list[tuple[Series, StartTimes | None]] = []
        starts: StartTimes | None = None
        while text := self._block():
            match parse_series(text):
                case StartTimes() if starts is not None:
                    raise ValueError(f"no samples follow the start timestamps of {starts.labels}")
                case StartTimes() as starts:
                    pass
                case Series() as one:
                    if starts is not None:
                        _check_starts(starts, one)
                    series.append((one, starts))
                    starts = None
        if starts is not None:
            raise ValueError(f"no samples follow the start timestamps of {starts.labels}")
        return Load(line, step, tuple(series), found["nhcb"] is not None)

    def _read_evaluation(self, line: int, head: str) -> Evaluation:
        if found := _RANGE.fullmatch(head):
            query = Evaluation(line, found["expr"], _parse_grid(found), is_range=True)
        elif found := _INSTANT.fullmatch(head):
            time = parse_duration(found["time"])
            query = Evaluation(line, found["expr"], Grid(time, time, 1), is_range=False)
        else:
            raise ValueError(
                "expected eval[_fail|_warn|_info|_ordered] instant at <time> <query>, "
                f"or eval[_fail|_warn|_info] range from <time> to <time> step <step> <query>, got: {head}"
            )
        if found["kind"]:
            query = attrs.evolve(query, expectations=(Expectation(found["kind"]),))
        is_legacy_failure = found["kind"] == "fail"
        while text := self._block():
            if is_legacy_failure and (failure := _LEGACY_FAILURE.fullmatch(text)):
                query = _add(query, _parse_expectation("fail", failure["how"], failure["text"]))
                break
            if (scalar := _parse_scalar(text)) is not None:
                query = attrs.evolve(query, scalar=scalar)
                break
            query = _add(query, text)
            if len(query.expected("fail")) > 1 + is_legacy_failure:
                raise ValueError("an evaluation can expect one failure")
        return query


def _add(query: Evaluation, line: "str | Expectation") -> Evaluation:
    """The evaluation with what one more line expects."""
    if isinstance(line, Expectation):
        return attrs.evolve(query, expectations=(*query.expectations, line))
    for pattern, add in _EXPECTATION_LINES:
        if found := pattern.fullmatch(line):
            return add(query, found)
    if line.split(None, 1)[0] == "expect":
        raise ValueError(f"expected expect <kind> [msg:|regex: <text>], got: {line}")
    one = parse_series(line)
    if isinstance(one, StartTimes):
        raise ValueError(f"an answer has no start timestamps: {line}")  # noqa: TRY004 - the text is wrong
    if len(one.values) != 1 and not query.is_range and not query.gives_range_vector:
        raise ValueError(
            f"an instant query gives one value of each series, not {len(one.values)}; "
            "expect range vector says that it is to give more"
        )
    return attrs.evolve(query, series=(*query.series, one))


def _add_range_vector(query: Evaluation, found: re.Match[str]) -> Evaluation:
    return attrs.evolve(query, grid=_parse_grid(found), gives_range_vector=True)


def _add_string(query: Evaluation, found: re.Match[str]) -> Evaluation:
    literal = (found["literal"] or "").strip()
    if not _STRING_LITERAL.fullmatch(literal):
        raise ValueError(f"expected a quoted string, got: {literal or 'nothing'}")
    try:
        return attrs.evolve(query, string=unquote(literal))
    except EscapeError as error:
        raise ValueError(f"not a string: {literal}: {error}") from None


def _add_expectation(query: Evaluation, found: re.Match[str]) -> Evaluation:
    query = _add(query, _parse_expectation(found["kind"], found["how"], found["text"]))
    for noted, absent in _CONTRADICTIONS:
        if query.expected(noted) and query.expected(absent):
            raise ValueError(f"an evaluation cannot expect {noted} and {absent}")
    return query


_EXPECTATION_LINES: Final[Sequence[tuple[re.Pattern[str], Callable[[Evaluation, re.Match[str]], Evaluation]]]] = (
    (_EXPECT_RANGE, _add_range_vector),
    (_EXPECT_STRING, _add_string),
    (_EXPECT, _add_expectation),
)


def _parse_expectation(kind: str, how: str | None, text: str | None) -> Expectation:
    text = (text or "").strip()
    if how is None:
        return Expectation(kind)
    if how in ("msg", "message"):
        return Expectation(kind, text)
    try:
        return Expectation(kind, pattern=Regex(text))
    except RegexError as error:
        raise ValueError(f"not a regular expression: {text}: {error}") from None


def _parse_scalar(text: str) -> float | None:
    if _HEXADECIMAL.fullmatch(text):
        value = parse_number(text.lstrip("+-"))
        return -value if text.startswith("-") else value
    if text == "stale" or text.endswith(("s", "m", "h", "d", "w", "y")):
        return None  # the name of a metric, and durations
    try:
        return parse_value(text)
    except ValueError:
        return None


def _parse_grid(found: re.Match[str]) -> Grid:
    start, end, step = (parse_duration(found[name]) for name in ("start", "end", "step"))
    if end < start:
        raise ValueError(f"the end is before the start: from {found['start']} to {found['end']}")
    if step <= 0:
        raise ValueError(f"the step is not positive: {found['step']}")
    return Grid(start, end, step)


def _check_starts(starts: StartTimes, series: Series) -> None:
    if starts.labels != series.labels:
        raise ValueError(f"the start timestamps of {starts.labels} are followed by samples of {series.labels}")
    if len(starts.offsets) != len(series.values):
        raise ValueError(f"{len(starts.offsets)} start timestamps for {len(series.values)} samples of {series.labels}")
