"""Why a scrape failed, as data."""

import enum

import attrs


class FailureKind(enum.Enum):
    """What a scrape failed for."""

    NO_ANSWER = "no answer"
    CONTENT_TYPE = "content type"
    SYNTAX = "syntax"
    NO_NAME = "no metric name"
    INVALID_NAME = "invalid name"
    BODY_SIZE_LIMIT = "body_size_limit"
    SAMPLE_LIMIT = "sample_limit"
    LABEL_LIMIT = "label_limit"
    LABEL_NAME_LENGTH_LIMIT = "label_name_length_limit"
    LABEL_VALUE_LENGTH_LIMIT = "label_value_length_limit"


@attrs.frozen
class ScrapeFailure:
    """Why nothing of a scrape counts. `line` and `column` of the body count from 1; 0 where it has no place."""

    kind: FailureKind
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}" if self.line else self.message
