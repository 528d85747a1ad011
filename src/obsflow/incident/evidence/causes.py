"""Hypotheses about a cause, ranked by the evidence for each, and what was set aside and why."""

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from obsflow.incident.evidence.items import Evidence, EvidenceKind
from obsflow.model.durations import MINUTE_MS
from obsflow.model.times import render_rfc3339

RELIABILITY: Final[Mapping[EvidenceKind, float]] = {
    EvidenceKind.METRICS: 0.5,
    EvidenceKind.LOGS: 0.6,
    EvidenceKind.TRACES: 0.6,
    EvidenceKind.HEALTH_CHECK: 0.5,
    EvidenceKind.DEPLOY_EVENT: 0.5,
    EvidenceKind.ALERT: 0.1,
    EvidenceKind.USER_REPORT: 0.1,
}
SYMPTOMS: Final = frozenset({EvidenceKind.ALERT, EvidenceKind.USER_REPORT})
HEARSAY: Final = 0.5  # what a message that names another component says of the one that writes it


@attrs.frozen
class Judgement:
    """How evidence is weighed.

    `lookback_ms` before or after the onset evidence counts nothing, within `tolerance_ms` all. `names` are other names
    by which components are known, such as `{"postgres": ("db", "postgres-0")}`. A hypothesis scores at least
    `min_score`.
    """

    lookback_ms: int = 30 * MINUTE_MS
    tolerance_ms: int = MINUTE_MS
    names: Mapping[str, Iterable[str]] = attrs.field(factory=dict)
    reliability: Mapping[EvidenceKind, float] = RELIABILITY
    min_score: float = 0.2


class SetAside(enum.Enum):
    """Why an item counts for nothing."""

    NO_STRENGTH = "it shows nothing"
    SUBJECT_UNKNOWN = "it is not known whom it blames"
    TIME_UNKNOWN = "it is not known when it was"
    ONSET_UNKNOWN = "it is not known when the trouble began"
    AFTER_ONSET = "it came after the trouble began"
    TOO_FAR = "it is too far from when the trouble began"
    ONLY_SYMPTOMS = "it is a symptom, and nothing says why"
    TOO_WEAK = "it is too weak alone"


@attrs.frozen
class Weighed:
    """An item and its weight for a hypothesis: strength times closeness, and half where the message names another."""

    evidence: Evidence
    weight: float


@attrs.frozen
class Hypothesis:
    """That `subject` is the cause. `score` is from 0 to 1; the evidence is by kind, the heaviest first."""

    subject: str
    score: float
    evidence: tuple[Weighed, ...]

    @property
    def kinds(self) -> tuple[EvidenceKind, ...]:
        """Where the evidence comes from, in the order of EvidenceKind."""
        found = {weighed.evidence.kind for weighed in self.evidence}
        return tuple(kind for kind in EvidenceKind if kind in found)

    @property
    def is_corroborated(self) -> bool:
        """Whether two kinds of evidence or more agree, symptoms not counted."""
        return len(set(self.kinds) - SYMPTOMS) >= 2


@attrs.frozen
class Diagnosis:
    """The hypotheses, the likeliest first, and what was set aside. `onset` is ms, None where not known."""

    onset: int | None
    hypotheses: tuple[Hypothesis, ...]
    set_aside: tuple[tuple[Evidence, SetAside], ...]

    @property
    def cause(self) -> Hypothesis | None:
        """The likeliest hypothesis; None if there is none, or if several are equally likely."""
        if not self.hypotheses or (len(self.hypotheses) > 1 and self.hypotheses[1].score == self.hypotheses[0].score):
            return None
        return self.hypotheses[0]

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        if not self.hypotheses:
            return "No cause found: no evidence points at a component."
        best = self.hypotheses[0]
        if self.cause is None:
            equals = [each.subject for each in self.hypotheses if each.score == best.score]
            return f"No single cause: {', '.join(equals)} are equally likely ({best.score:.2f})."
        sources = ", ".join(kind.value for kind in best.kinds)
        alone = "" if best.is_corroborated else "; nothing else confirms it"
        return f"Likely cause: {best.subject} ({best.score:.2f}; {sources}{alone})."

    def to_plain(self) -> dict[str, Any]:
        """The diagnosis as plain data; times in RFC 3339, null where not known."""
        return {
            "verdict": self.verdict,
            "cause": self.cause.subject if self.cause else None,
            "onset": _instant(self.onset),
            "hypotheses": [
                {
                    "subject": each.subject,
                    "score": each.score,
                    "corroborated": each.is_corroborated,
                    "evidence": [{**_item(w.evidence), "weight": w.weight} for w in each.evidence],
                }
                for each in self.hypotheses
            ],
            "set_aside": [{**_item(item), "reason": reason.value} for item, reason in self.set_aside],
        }

    def render(self) -> str:
        """The verdict, and under it each hypothesis with its evidence, then what was set aside."""
        lines = [self.verdict]
        for rank, hypothesis in enumerate(self.hypotheses, 1):
            lines.append(f"{rank}. {hypothesis.subject} {hypothesis.score:.2f}")
            lines += [f"   {w.weight:.2f} {w.evidence.kind.value}: {w.evidence.statement}" for w in hypothesis.evidence]
        if self.set_aside:
            lines.append("Set aside:")
            lines += [f"   {item.kind.value}: {item.statement}: {reason.value}" for item, reason in self.set_aside]
        return "\n".join(lines)


def _instant(time: int | None) -> str | None:
    return None if time is None else render_rfc3339(time)


def _item(item: Evidence) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "time": _instant(item.time),
        "statement": item.statement,
        "facts": dict(item.facts),
    }


def diagnose(evidence: Iterable[Evidence], onset: int | None, judgement: Judgement | None = None) -> Diagnosis:
    """Rank the components that evidence blames for trouble that began at `onset`.

    An item weighs strength x closeness. Closeness falls evenly from 1, at the onset or within the tolerance, to 0 at
    the lookback; a deploy after the onset has none, and one without a time, or without an onset to compare it with,
    neither. Other items without a time are as close as can be: they were found in the incident. A message that names
    other known components weighs for these, and half for the one that wrote it. Of each kind k the heaviest item
    counts, since items of one kind are seldom independent: w_k. With the reliability r_k of the kind, score = 1 - Π_k
    (1 - r_k·w_k), the noisy-or of Pearl, "Probabilistic Reasoning in Intelligent Systems", 1988, section 4.3: each
    further kind that agrees raises it. Components with symptoms alone, alerts and what users report, are no hypothesis.
    Equal scores are ordered by how many kinds agree, then by name. The order of the evidence does not matter.
    """
    judgement = judgement or Judgement()
    items = sorted(set(evidence), key=_order)
    aliases = _aliases(judgement, items)
    set_aside: list[tuple[Evidence, SetAside]] = []
    blamed: dict[str, list[Weighed]] = {}
    for item in items:
        shares = _shares(item, aliases)
        reason, closeness = _closeness(item, onset, judgement)
        if reason is None and item.strength == 0:
            reason = SetAside.NO_STRENGTH
        if reason is None and not shares:
            reason = SetAside.SUBJECT_UNKNOWN
        if reason is not None:
            set_aside.append((item, reason))
            continue
        for subject, share in shares.items():
            blamed.setdefault(subject, []).append(Weighed(item, item.strength * closeness * share))
    hypotheses = []
    for subject, weighed in blamed.items():
        score = _score(weighed, judgement)
        only_symptoms = SYMPTOMS.issuperset(w.evidence.kind for w in weighed)
        if only_symptoms or score < judgement.min_score:
            reason = SetAside.ONLY_SYMPTOMS if only_symptoms else SetAside.TOO_WEAK
            set_aside.extend((w.evidence, reason) for w in weighed)
        else:
            hypotheses.append(Hypothesis(subject, score, tuple(sorted(weighed, key=_rank))))
    hypotheses.sort(key=lambda h: (-h.score, -len(h.kinds), h.subject))
    used = {weighed.evidence for hypothesis in hypotheses for weighed in hypothesis.evidence}
    left = {(item, reason) for item, reason in set_aside if item not in used}
    return Diagnosis(onset, tuple(hypotheses), tuple(sorted(left, key=lambda pair: (_order(pair[0]), pair[1].value))))


_KINDS: Final = tuple(EvidenceKind)


def _order(item: Evidence) -> tuple[object, ...]:
    time = (item.time is None, item.time or 0)
    return (_KINDS.index(item.kind), item.subject, time, item.statement, item.strength, item.facts, sorted(item.words))


def _rank(weighed: Weighed) -> tuple[object, ...]:
    return (_KINDS.index(weighed.evidence.kind), -weighed.weight, _order(weighed.evidence))


def _aliases(judgement: Judgement, items: list[Evidence]) -> dict[str, str]:
    """Every known name in lower case, and the component that it stands for."""
    aliases = {item.subject.lower(): item.subject for item in reversed(items) if item.subject}
    for component, names in judgement.names.items():
        aliases.update({name.lower(): component for name in (component, *names)})
    return aliases


def _shares(item: Evidence, aliases: dict[str, str]) -> dict[str, float]:
    """The components that an item blames, and how much of its weight each gets."""
    subject = aliases.get(item.subject.lower(), "")
    named = {aliases[word] for word in item.words if word in aliases} - {subject}
    shares = dict.fromkeys(sorted(named), 1.0)
    if subject:
        shares[subject] = HEARSAY if named else 1.0
    return shares


def _closeness(item: Evidence, onset: int | None, judgement: Judgement) -> tuple[SetAside | None, float]:
    is_deploy = item.kind is EvidenceKind.DEPLOY_EVENT
    if item.time is None:
        return (SetAside.TIME_UNKNOWN, 0.0) if is_deploy else (None, 1.0)
    if onset is None:
        return (SetAside.ONSET_UNKNOWN, 0.0) if is_deploy else (None, 1.0)
    if is_deploy and item.time > onset + judgement.tolerance_ms:
        return (SetAside.AFTER_ONSET, 0.0)
    distance = abs(item.time - onset)
    if distance <= judgement.tolerance_ms:
        return (None, 1.0)
    if distance >= judgement.lookback_ms:
        return (SetAside.TOO_FAR, 0.0)
    return (None, 1 - distance / judgement.lookback_ms)


def _score(weighed: list[Weighed], judgement: Judgement) -> float:
    doubt = 1.0
    for kind in _KINDS:
        heaviest = max((each.weight for each in weighed if each.evidence.kind is kind), default=0.0)
        doubt *= 1 - judgement.reliability.get(kind, 0.0) * heaviest
    return 1 - doubt
