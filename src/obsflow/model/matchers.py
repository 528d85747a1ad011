"""Label matchers: one test of one label."""

import enum
import functools

import attrs

from obsflow.model.labels import Labels, is_label_name, quote
from obsflow.model.regex import LabelRegex


class MatchOp(enum.Enum):
    """How a matcher compares, in the order in which Alertmanager sorts them."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"

    @property
    def is_regex(self) -> bool:
        """Whether the value is a pattern."""
        return self in (MatchOp.REGEX, MatchOp.NOT_REGEX)

    @property
    def is_positive(self) -> bool:
        """Whether the matcher asks for a match rather than for none."""
        return self in (MatchOp.EQUAL, MatchOp.REGEX)


_regex_of = functools.lru_cache(1 << 12)(LabelRegex)  # silences and rules repeat one another, and each remembers


@attrs.frozen(cache_hash=True)
class Matcher:
    """`name op value`. A label that is absent has the empty value.

    In a pattern `.` takes a line feed too, as in Prometheus; without `dot_all`, as in Alertmanager, it does not. Raises
    `obsflow.model.regex.RegexError` (a ValueError) for a pattern that RE2 does not accept.
    """

    name: str
    op: MatchOp
    value: str
    dot_all: bool = attrs.field(default=True, eq=False, repr=False, kw_only=True)
    _regex: LabelRegex | None = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_regex", _regex_of(self.value, dot_all=self.dot_all) if self.op.is_regex else None)

    def matches(self, value: str) -> bool:
        """Whether the label value passes."""
        hit = value == self.value if self._regex is None else self._regex.matches(value)
        return hit is self.op.is_positive

    def matches_labels(self, labels: Labels) -> bool:
        """Whether the label set passes."""
        return self.matches(labels.get(self.name))

    @property
    def literals(self) -> frozenset[str] | None:
        """The values that a positive matcher accepts, where they can be listed."""
        if not self.op.is_positive:
            return None
        return frozenset((self.value,)) if self._regex is None else self._regex.literals

    def __str__(self) -> str:
        name = self.name if is_label_name(self.name) else quote(self.name)
        return f"{name}{self.op.value}{quote(self.value)}"


def all_match(matchers: tuple[Matcher, ...], labels: Labels) -> bool:
    """Whether the label set passes every matcher."""
    return all(matcher.matches_labels(labels) for matcher in matchers)
