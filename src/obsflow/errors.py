"""The one exception tree. Context is in attributes; the text is rendered from them."""

import attrs


class ObsflowError(Exception):
    """Base of every error that obsflow raises on purpose. Abstract: raise one of its children."""

    def __init__(self, *args: object) -> None:
        if type(self) is ObsflowError:
            raise TypeError("ObsflowError is abstract: raise one of its children")
        super().__init__(*args)


@attrs.frozen
class Problem:
    """One thing that is wrong in a configuration, and where.

    `line` and `column` count from 1; 0 means that the place is not known. `path` is the way to the value,
    such as `groups[0].rules[2].expr`.
    """

    source: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


@attrs.frozen
class UnknownField(Problem):
    """A field that nobody reads: misspelt, or a note of somebody's own."""


class ParseError(ObsflowError, ValueError):
    """A text that its grammar does not allow.

    `span` is the half-open range of character offsets in `source` that is wrong.
    """

    language = "parse error"

    def __init__(self, message: str, source: str, span: tuple[int, int]) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.span = span

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the start of the span, both from 1."""
        before = self.source[: self.span[0]]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def render_caret(self) -> str:
        """The offending line with carets under the span."""
        line_number, column = self.position
        line = self.source.split("\n")[line_number - 1]
        width = max(1, min(self.span[1] - self.span[0], len(line) - column + 1))
        pad = "".join("\t" if c == "\t" else " " for c in line[: column - 1])
        return f"{line}\n{pad}{'^' * width}"

    def __str__(self) -> str:
        line, column = self.position
        return f"{line}:{column}: {self.language}: {self.message}\n{self.render_caret()}"


class QuerySyntaxError(ParseError):
    """PromQL that does not parse or does not type-check."""


class MatcherSyntaxError(ParseError):
    """A matcher, or a list of them, that does not parse."""


class ExpositionSyntaxError(ParseError):
    """What a target exposed does not parse. `source` is the part of its line around the place.

    `line` and `column` count from 1; the column is in characters.
    """

    language = "exposition"

    def __init__(self, message: str, source: str, span: tuple[int, int], line: int, column: int) -> None:
        super().__init__(message, source, span)
        self.line = line
        self.column = column

    @property
    def position(self) -> tuple[int, int]:
        """Line and column in the whole body, both from 1."""
        return self.line, self.column

    def render_caret(self) -> str:
        """The part of the line with a caret under the place."""
        return ParseError(self.message, self.source, self.span).render_caret()


class ContentTypeError(ObsflowError, ValueError):
    """What a target answered with is in no format that is known."""


class TemplateSyntaxError(ParseError):
    """A Go template that does not parse; `name` is the name it was given."""

    language = "template error"

    def __init__(self, message: str, source: str, span: tuple[int, int], name: str = "") -> None:
        super().__init__(message, source, span)
        self.name = name

    @property
    def summary(self) -> str:
        """The error in one line, as Go words it."""
        return f"template: {self.name}:{self.position[0]}: {self.message}"


class TemplateError(ObsflowError, RuntimeError):
    """A Go template that failed while it was executed."""


class ConfigError(ObsflowError, ValueError):
    """A configuration that cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class QueryError(ObsflowError, RuntimeError):
    """A query that parsed and could not be evaluated; `api_type` is the error type of Prometheus' HTTP API."""

    api_type = "execution"


class LimitExceededError(QueryError):
    """A query that needs more than a limit allows; `limit` names the limit."""

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class CorruptionError(ObsflowError, ValueError):
    """Stored bytes that are not what their format promises; `file` and `offset` say where."""

    def __init__(self, message: str, file: str = "", offset: int = 0) -> None:
        super().__init__(f"{file}: offset {offset}: {message}" if file else message)
        self.message = message
        self.file = file
        self.offset = offset


class NotFoundError(ObsflowError, LookupError):
    """Something that was asked for by name or id and does not exist."""


class StateError(ObsflowError, RuntimeError):
    """An input that a machine's table does not allow in its state; the state is unchanged."""


class SampleError(StateError):
    """A sample that is not taken. Abstract: its children say why."""


class OutOfOrderError(SampleError):
    """A sample older than the newest of its series."""


class DuplicateSampleError(SampleError):
    """A sample at the time of the newest of its series, with another value."""


class OutOfBoundsError(SampleError):
    """A sample older than all that is taken: what is before it is in blocks."""


class TooOldError(SampleError):
    """A sample older than late samples may be."""


class CompactionError(StateError):
    """Blocks that cannot be made into one: chunks that cannot be written again have to be."""


class DataDirectoryError(ObsflowError, OSError):
    """A path that is not a Prometheus data directory, or cannot be read."""
