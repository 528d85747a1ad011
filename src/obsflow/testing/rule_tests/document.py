"""Files of rule tests as promtool reads them, and obsflow's additions: text to frozen objects.

Only what makes the file unreadable is an error here. A series, a query or labels that do not parse fail the test that
they stand in, so that the others can run.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from obsflow.alertmanager import Silence, parse_matcher
from obsflow.errors import ConfigError, MatcherSyntaxError
from obsflow.model.durations import MINUTE_MS, parse_duration
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, NotifyReason
from obsflow.model.times import parse_time
from obsflow.schema import Node, Position, decode, field, positions
from obsflow.testing.expectations import Texts, one_of, parse_compat_name, parse_reason, parse_status, set_texts

_NOWHERE: Final = Position("", 0, 0)
_WORDS_OF_NUMBERS: Final = {
    **dict.fromkeys((".nan", "nan"), "nan"),
    **dict.fromkeys((".inf", "+.inf", "inf", "+inf"), "inf"),
    **dict.fromkeys(("-.inf", "-inf"), "-inf"),
}


def _parse_match(text: str) -> str:
    return one_of(("exact", "partial"), text)


def _parse_number(text: str) -> float:
    """A number as YAML writes it."""
    word = _WORDS_OF_NUMBERS.get(text.lower())
    if word is not None:
        return float(word)
    try:
        return float(int(text, 0)) if text.lower().lstrip("+-").startswith(("0x", "0o", "0b")) else float(text)
    except (OverflowError, ValueError):
        raise ValueError(f'expected a number, got "{text}"') from None


@attrs.frozen
class Options:
    """What a file, or a test in it, wants otherwise than promtool does it; None leaves it to the file, or to promtool.

    `until` (ms since the test's start) is how far a test runs at least. `alertmanager` is the path of a configuration,
    relative to the test file; `compat` names whose habits its router has.
    """

    match: str | None = field(parse=_parse_match, default=None)
    group_intervals: bool | None = None
    load_all: bool | None = None
    nan_equal: bool | None = None
    external_url_functions: bool | None = None
    alertmanager: str | None = field(default=None)
    compat: str | None = field(parse=parse_compat_name, default=None)
    until: int | None = field(parse=parse_duration, default=None)

    @property
    def is_partial(self) -> bool:
        """Whether expectations name only some of what there is to be."""
        return self.match == "partial"

    def over(self, other: "Options") -> "Options":
        """These, and those of `other` where these say nothing."""
        own = attrs.asdict(self)
        return Options(**{name: value if value is not None else getattr(other, name) for name, value in own.items()})


@attrs.frozen
class InputSeries:
    """A series in the notation of tests, not parsed yet."""

    series: str = field(default="")
    values: str = field(default="")
    at: Mapping[str, Position] = positions()


@attrs.frozen
class ExpectedAlert:
    """Labels and annotations of an alert; its `alertname` need not be among the labels."""

    exp_labels: Mapping[str, Node] = field(factory=dict)
    exp_annotations: Mapping[str, Node] = field(factory=dict)
    at: Mapping[str, Position] = positions()
    labels: Texts = attrs.field(init=False, factory=dict)
    annotations: Texts = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        set_texts(self, labels=self.exp_labels, annotations=self.exp_annotations)


@attrs.frozen
class AlertTest:
    """Which alerts of a name fire at a time, or with `exp_pending` are pending; `eval_time` in ms since the start."""

    eval_time: int = field(parse=parse_duration, default=0)
    alertname: str = field(default="")
    exp_alerts: tuple[ExpectedAlert, ...] = field(default=())
    exp_pending: tuple[ExpectedAlert, ...] | None = field(default=None)
    at: Mapping[str, Position] = positions()

    @property
    def states(self) -> Sequence[tuple[str, tuple[ExpectedAlert, ...]]]:
        """The states that are looked at, and what is expected in each: of pending alerts only where the test asks."""
        if self.exp_pending is None:
            return (("firing", self.exp_alerts),)
        pending = ("pending", self.exp_pending)
        return (("firing", self.exp_alerts), pending) if "exp_alerts" in self.at else (pending,)


@attrs.frozen
class ExpectedSample:
    """A sample of a query's result; its labels are not parsed yet. A native histogram is only known to be one."""

    labels: str = field(default="")
    value: float = field(parse=_parse_number, default=0.0)
    histogram: str = field(default="")
    at: Mapping[str, Position] = positions()


@attrs.frozen
class ExprTest:
    """What a query answers at a time, which is `eval_time` ms after the start."""

    expr: str = field(default="")
    eval_time: int = field(parse=parse_duration, default=0)
    exp_samples: tuple[ExpectedSample, ...] = field(default=())
    at: Mapping[str, Position] = positions()


@attrs.frozen
class ExpectedNotifiedAlert:
    """An alert inside a notification."""

    exp_labels: Mapping[str, Node] = field(key="labels", factory=dict)
    exp_annotations: Mapping[str, Node] | None = field(key="annotations", default=None)
    status: AlertStatus | None = field(parse=parse_status, default=None)
    at: Mapping[str, Position] = positions()
    labels: Texts = attrs.field(init=False, factory=dict)
    annotations: Texts | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        set_texts(self, labels=self.exp_labels, annotations=self.exp_annotations)


@attrs.frozen
class NotificationTest:
    """A notification that leaves `at` a time, or `within` two of them (ms since the start); None says anything goes."""

    receiver: str = field()
    at: int | None = field(parse=parse_duration, default=None)
    within: tuple[int, ...] = field(parse=parse_duration, default=())
    status: AlertStatus | None = field(parse=parse_status, default=None)
    reason: NotifyReason | None = field(parse=parse_reason, default=None)
    integration: str | None = field(default=None)
    alerts: tuple[ExpectedNotifiedAlert, ...] | None = field(default=None)
    positions: Mapping[str, Position] = positions()

    def __attrs_post_init__(self) -> None:
        if (self.at is None) == (not self.within):
            raise ValueError('a notification is expected either "at" a time or "within" two')
        if self.within and (len(self.within) != 2 or self.within[0] > self.within[1]):
            raise ValueError('"within" is a list of two times, the earlier one first')

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last moment at which it may leave (ms since the start)."""
        return (self.at, self.at) if self.at is not None else (self.within[0], self.within[1])


@attrs.frozen
class SilenceSpan:
    """A silence from `start` to `end` (ms since the test's start); without an end it stays."""

    matchers: tuple[str, ...] = field()
    start: int = field(parse=parse_duration, default=0)
    end: int | None = field(parse=parse_duration, default=None)
    comment: str = field(default="")

    def __attrs_post_init__(self) -> None:
        self.to_silence("", 0, 0)

    def to_silence(self, silence_id: str, start: int, end: int) -> Silence:
        """The silence in a test from `start` to `end` (ms). Raises ValueError for one that Alertmanager refuses."""
        try:
            matchers = tuple(parse_matcher(text) for text in self.matchers)
        except MatcherSyntaxError as error:
            raise ValueError(error.message) from None
        ends_at = max(end, start + self.start) + 1 if self.end is None else start + self.end
        return Silence(silence_id, matchers, start + self.start, ends_at, comment=self.comment)


@attrs.frozen
class RuleTest:
    """One entry of `tests`: series, and what follows from them. `interval` in ms, None for that of the evaluations."""

    interval: int = field(parse=parse_duration, default=0)
    input_series: tuple[InputSeries, ...] = field(default=())
    alert_rule_test: tuple[AlertTest, ...] = field(default=())
    promql_expr_test: tuple[ExprTest, ...] = field(default=())
    notification_test: tuple[NotificationTest, ...] | None = field(default=None)
    silences: tuple[SilenceSpan, ...] = field(default=())
    external_labels: Mapping[str, str] = field(factory=dict)
    external_url: str = field(default="")
    name: str = field(default="")
    start: int = field(key="start_timestamp", parse=parse_time, default=0)
    options: Options = field(key="obsflow", factory=Options)
    at: Mapping[str, Position] = positions()

    @property
    def line(self) -> int:
        """The line in which the test begins."""
        return self.at.get("", _NOWHERE).line

    @property
    def last_time(self) -> int:
        """The largest time that an expectation names, ms since the start."""
        alerts = [test.eval_time for test in self.alert_rule_test]
        queries = [test.eval_time for test in self.promql_expr_test]
        notifications = [test.span[1] for test in self.notification_test or ()]
        return max((*alerts, *queries, *notifications), default=0)

    @property
    def labels(self) -> Labels:
        """The external labels."""
        return Labels(self.external_labels)


@attrs.frozen
class RuleTestFile:
    """A file of tests; `rule_files` are globs relative to it, `evaluation_interval` in ms."""

    rule_files: tuple[str, ...] = field(default=())
    interval: int = field(key="evaluation_interval", parse=parse_duration, default=0)
    group_eval_order: tuple[str, ...] = field(default=())
    fuzzy_compare: bool = field(default=False)
    tests: tuple[RuleTest, ...] = field(default=())
    options: Options = field(key="obsflow", factory=Options)
    at: Mapping[str, Position] = positions()

    def __attrs_post_init__(self) -> None:
        repeated = {name for name in self.group_eval_order if self.group_eval_order.count(name) > 1}
        if repeated:
            at = self.at["group_eval_order"]
            raise ConfigError(
                tuple(at.problem("group_eval_order", f'group "{name}" is there twice') for name in sorted(repeated))
            )

    @property
    def evaluation_interval(self) -> int:
        """How often rules are evaluated, in ms."""
        return self.interval or MINUTE_MS

    def options_of(self, test: RuleTest) -> Options:
        """What holds for a test: its own options over those of the file."""
        return test.options.over(self.options)


def load_rule_tests(text: str, source: str) -> RuleTestFile:
    """Read a file of tests. Raises ConfigError with every problem, each with line and column."""
    try:
        return decode(RuleTestFile, text, source)
    except ConfigError as error:
        raise ConfigError(tuple(sorted(error.problems, key=lambda each: (each.line, each.column)))) from None
