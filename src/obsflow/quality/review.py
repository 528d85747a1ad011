"""Is this a good alert? Six questions, asked in order; the first wrong answer says what to do with the alert.

Whether an alert needs somebody at once, could be automated away, or can be acted on, only its author knows: the
annotations `review_immediate`, `review_automatable` and `review_actionable` say so with yes or no, or an answers file.
What nobody answered stays unknown.
"""

import collections
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from obsflow.flow.report.bands import FLAP_MS, alert_histories
from obsflow.quality.alerts import SEVERITY, has_context, has_for, is_heartbeat
from obsflow.quality.catalog import Severity
from obsflow.quality.findings import Finding
from obsflow.quality.routefile import ReviewedConfig
from obsflow.quality.routes import PAGERS, final_routes
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.shapes import AlertShape
from obsflow.rules import Transition
from obsflow.schema import decode, field


class Outcome(enum.Enum):
    """What to do with an alert."""

    TICKET = "ticket: not an alert, look at it in business hours"
    AUTOMATE = "automate: let scaling, healing or recovery do it"
    RETHINK = "rethink: what should the engineer do? if nothing, it is no alert"
    REFINE = "refine: threshold, `for`, fewer false positives"
    ADD_CONTEXT = "add context: dashboard, runbook, query, recent changes"
    ADJUST = "adjust the severity: critical pages, warning goes to chat, info is mailed"
    DEPLOY = "deploy, and watch false positives, fatigue and time to resolve"


@attrs.frozen
class Question:
    """A question of the review: if the answer is not `good`, the outcome is `otherwise`."""

    id: str
    key: str
    text: str
    good: bool
    otherwise: Outcome


QUESTIONS: Final = (
    Question("AQ1", "immediate", "Does it require immediate action?", True, Outcome.TICKET),
    Question("AQ2", "automatable", "Can it be automated away?", False, Outcome.AUTOMATE),
    Question("AQ3", "actionable", "Is it actionable?", True, Outcome.RETHINK),
    Question("AQ4", "clear", "Is the signal clear?", True, Outcome.REFINE),
    Question("AQ5", "context", "Does it give enough context?", True, Outcome.ADD_CONTEXT),
    Question("AQ6", "severity", "Is the severity correct?", True, Outcome.ADJUST),
)
"""In the order in which they are asked."""


@attrs.frozen
class Answer:
    """An answer and why; `value` None is unknown."""

    value: bool | None
    reason: str


@attrs.frozen
class Review:
    """What the questions came to.

    `outcome` is None while a question before the deciding one is open; `provisional` is what it is if those turn out
    well.
    """

    alert: str
    answers: Mapping[str, Answer]
    outcome: Outcome | None
    provisional: Outcome
    open: tuple[str, ...]


def decide(alert: str, answers: Mapping[str, Answer]) -> Review:
    """Ask the questions in order; `answers` are by the ids of the questions, and what is missing is unknown."""
    unknown = Answer(None, "nobody said")
    given = {question.id: answers.get(question.id, unknown) for question in QUESTIONS}
    wrong = next((each for each in QUESTIONS if given[each.id].value is (not each.good)), None)
    asked = QUESTIONS if wrong is None else QUESTIONS[: QUESTIONS.index(wrong)]
    still_open = tuple(question.id for question in asked if given[question.id].value is None)
    provisional = Outcome.DEPLOY if wrong is None else wrong.otherwise
    return Review(alert, given, None if still_open else provisional, provisional, still_open)


# -- what the author says


@attrs.frozen
class StatedAnswers:
    """What an author says of one alert; None is nothing. Also AQ4 to AQ6 may be stated, over what is worked out."""

    immediate: bool | None = None
    automatable: bool | None = None
    actionable: bool | None = None
    clear: bool | None = None
    context: bool | None = None
    severity: bool | None = None


@attrs.frozen
class AnswersFile:
    """Answers by the name of the alert."""

    alerts: Mapping[str, StatedAnswers] = field(factory=dict)


def load_answers(text: str, source: str) -> AnswersFile:
    """Read an answers file: `alerts: {HighErrorRate: {immediate: yes, automatable: no}}`. Raises ConfigError."""
    return decode(AnswersFile, text, source)


_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
_ANNOTATION: Final = "review_"


def _stated(rule: ReviewedRule, file: AnswersFile) -> dict[str, Answer]:
    by_file = file.alerts.get(rule.rule.name, StatedAnswers())
    annotations = {} if rule.alert is None else rule.alert.annotations
    out = {}
    for question in QUESTIONS:
        value = getattr(by_file, question.key)
        if value is not None:
            out[question.id] = Answer(value, "the answers file says so")
            continue
        value = _WORDS.get(annotations.get(_ANNOTATION + question.key, "").strip().lower())
        if value is not None:
            out[question.id] = Answer(value, f"the annotation {_ANNOTATION}{question.key} says so")
    return out


# -- what a backtest says


@attrs.frozen
class Firings:
    """How an alert behaved in a backtest: how often it fired, and how often that was soon after it had ended."""

    count: int
    flaps: int

    @property
    def is_flapping(self) -> bool:
        """Whether it came and went."""
        return self.flaps >= _FEWEST_FLAPS and self.flaps > _LEAST_SHARE * self.count


_FEWEST_FLAPS: Final = 2
_LEAST_SHARE: Final = 0.2


def count_firings(transitions: Iterable[Transition], *, flap_ms: int = FLAP_MS) -> Mapping[str, Firings]:
    """What a backtest's transitions, in order of time, say of each rule by name."""
    fired: collections.Counter[str] = collections.Counter()
    flaps: collections.Counter[str] = collections.Counter()
    for history in alert_histories(transitions):
        fired[history.rule] += len(history.firings())
        flaps[history.rule] += history.flaps(flap_ms)
    return {name: Firings(count, flaps[name]) for name, count in fired.items() if count}


# -- what is worked out

_UNCLEAR: Final = frozenset(
    (
        "X101", "X102", "X103", "X104", "X105", "X106", "X111", "X112", "X114", "X115", "X121", "X123", "X124", "X125",
        "A202", "D401", "D402",
    )
)  # fmt: skip
"""Findings that say that the signal is not what its author takes it for."""
_NO_THRESHOLD: Final = "X106"


@attrs.frozen
class Evidence:
    """What a review may look at besides the rule: findings, routes, a backtest, and what was stated."""

    findings: Sequence[Finding] = ()
    config: ReviewedConfig | None = None
    firings: Mapping[str, Firings] | None = None
    answers: AnswersFile = attrs.field(factory=AnswersFile)


def review(rule: ReviewedRule, evidence: Evidence | None = None) -> Review:
    """Review an alerting rule: what its author stated, and what can be worked out for AQ4 to AQ6."""
    seen = evidence or Evidence()
    answers = {
        "AQ4": _is_clear(rule, seen),
        "AQ5": _has_context(rule),
        "AQ6": _is_severity_right(rule, seen.config),
        **_stated(rule, seen.answers),
    }
    return decide(rule.rule.name, answers)


def _is_clear(rule: ReviewedRule, seen: Evidence) -> Answer:
    here = (rule.file.rules.source, rule.rule.position.line)
    for finding in seen.findings:
        is_sure = finding.severity is not Severity.NOTE or finding.code == _NO_THRESHOLD
        is_doubtful = finding.code in _UNCLEAR and is_sure
        if is_doubtful and (finding.source, finding.anchor) == here:
            return Answer(False, f"{finding.code}: {finding.message}")
    if not has_for(rule):
        return Answer(False, "there is no `for`")
    firings = None if seen.firings is None else seen.firings.get(rule.rule.name, Firings(0, 0))
    if firings is not None:
        said = f"fired {firings.count} times in the backtest, {firings.flaps} of them soon after the last"
        return Answer(not firings.is_flapping, said)
    return Answer(True, "one sample does not fire it")


def _has_context(rule: ReviewedRule) -> Answer:
    if is_heartbeat(rule):
        return Answer(True, "it is for machines")
    if has_context(rule):
        return Answer(True, "an annotation leads to a runbook or a dashboard")
    return Answer(False, "no annotation leads to a runbook or a dashboard")


_CHANNELS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "critical": (PAGERS | {"webhook"}, "a pager"),
    "page": (PAGERS | {"webhook"}, "a pager"),
    "warning": (frozenset(("slack", "webhook", "discord", "msteams", "mattermost", "rocketchat")), "chat"),
    "info": (frozenset(("email", "webhook")), "mail"),
}


def _is_severity_right(rule: ReviewedRule, config: ReviewedConfig | None) -> Answer:
    severity = None if rule.alert is None else rule.alert.labels.get(SEVERITY)
    if not severity:
        return Answer(False, "there is no severity")
    if "{{" in severity:
        return Answer(None, "the severity is worked out when it fires")
    if severity not in rule.settings.severities:
        return Answer(False, f'the severity "{severity}" is not known')
    if config is None or severity not in _CHANNELS:
        return Answer(True, f'the severity "{severity}" is known')
    return _is_routed_right(severity, rule, config)


def _is_routed_right(severity: str, rule: ReviewedRule, config: ReviewedConfig) -> Answer:
    place = (rule.rule.name, rule.file.rules.source, rule.rule.position.line)
    shape = next((each for each in config.alerts if (each.name, each.source, each.line) == place), None)
    if shape is None:
        shape = AlertShape(*place, {SEVERITY: frozenset((severity,))})
    receivers = dict.fromkeys(node.route.receiver for node in final_routes(config, shape))
    kinds = {each.kind for name in receivers for each in config.config.receivers[name].integrations}
    wanted, channel = _CHANNELS[severity]
    names = ", ".join(receivers)
    if severity not in ("critical", "page") and kinds & PAGERS:
        return Answer(False, f"{severity} pages, through {names}")
    if not kinds & wanted:
        return Answer(False, f"{severity} goes to {names}, none of which is {channel}")
    return Answer(True, f"{severity} goes to {names}")
