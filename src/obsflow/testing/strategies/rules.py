"""Rule files, as text and as what they load to."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from hypothesis import strategies as st

from obsflow.model.durations import MINUTE_MS, render_duration
from obsflow.model.labels import quote
from obsflow.promql import PROMETHEUS, Dialect
from obsflow.rules import RuleFile, RuleGroup, load_rules
from obsflow.testing.strategies.expressions import queries
from obsflow.testing.strategies.label_sets import LABELS, METRICS

_SOURCE = "rules.yml"
_ALERTS = ("HighErrorRate", "InstanceDown", "QueueGrows")
_DURATIONS_MS: Final = (0, MINUTE_MS, 30_000, 5 * MINUTE_MS, 15 * MINUTE_MS)
_INTERVALS_MS: Final = (MINUTE_MS, 15_000, 30_000)
_SEVERITIES = ("critical", "warning")
_ANNOTATIONS = (
    "something is wrong",
    "{{ $labels.job }} is at {{ $value }}",
    "{{ $value | humanize }} on {{ $labels.instance }}",
    "{{ if gt $value 1.0 }}much{{ else }}little{{ end }}",
)


def rule_files(
    *,
    metrics: Sequence[str] = METRICS,
    labels: Mapping[str, Sequence[str]] = LABELS,
    depth: int = 2,
    functions: Collection[str] | None = None,
    dialect: Dialect = PROMETHEUS,
    max_groups: int = 2,
    max_rules: int = 4,
    recording: bool = True,
    alerting: bool = True,
    chained: bool = True,
) -> st.SearchStrategy[RuleFile]:
    """What `rule_texts` load to; the arguments are the same."""
    texts = rule_texts(
        metrics=metrics,
        labels=labels,
        depth=depth,
        functions=functions,
        dialect=dialect,
        max_groups=max_groups,
        max_rules=max_rules,
        recording=recording,
        alerting=alerting,
        chained=chained,
    )
    return texts.map(lambda text: load_rules(text, _SOURCE, dialect=dialect))


def rule_groups(
    *,
    metrics: Sequence[str] = METRICS,
    labels: Mapping[str, Sequence[str]] = LABELS,
    depth: int = 2,
    functions: Collection[str] | None = None,
    dialect: Dialect = PROMETHEUS,
    max_rules: int = 4,
    recording: bool = True,
    alerting: bool = True,
    chained: bool = True,
) -> st.SearchStrategy[RuleGroup]:
    """Groups of one rule or more; the arguments are those of `rule_texts`."""
    files = rule_files(
        metrics=metrics,
        labels=labels,
        depth=depth,
        functions=functions,
        dialect=dialect,
        max_groups=1,
        max_rules=max_rules,
        recording=recording,
        alerting=alerting,
        chained=chained,
    )
    return files.map(lambda file: file.groups[0])


@st.composite
def rule_texts(
    draw: st.DrawFn,
    *,
    metrics: Sequence[str] = METRICS,
    labels: Mapping[str, Sequence[str]] = LABELS,
    depth: int = 2,
    functions: Collection[str] | None = None,
    dialect: Dialect = PROMETHEUS,
    max_groups: int = 2,
    max_rules: int = 4,
    recording: bool = True,
    alerting: bool = True,
    chained: bool = True,
) -> str:
    """Rule files that load: groups of recording and alerting rules, or of one kind.

    The expressions are those of `queries`, which has the first five arguments. `chained` rules may also select what
    recording rules before them write. No two groups, and no two recording rules, have the same name.

    Raises ValueError without either kind of rule.
    """
    kinds = [kind for kind, wanted in (("alert", alerting), ("record", recording)) if wanted]
    if not kinds:
        raise ValueError("a rule records or alerts: one of them must be wanted")
    lines = ["groups:"]
    recorded: list[str] = []
    for i in range(draw(st.integers(1, max_groups))):
        lines += [
            f"- name: group-{i}",
            f"  interval: {render_duration(draw(st.sampled_from(_INTERVALS_MS)))}",
            "  rules:",
        ]
        for _ in range(draw(st.integers(1, max_rules))):
            known = (*metrics, *recorded) if chained else metrics
            expr = draw(queries(metrics=known, labels=labels, depth=depth, functions=functions, dialect=dialect))
            if draw(st.sampled_from(kinds)) == "record":
                recorded.append(f"level:recorded:{len(recorded)}")
                lines += _rule("record", recorded[-1], expr) + draw(_labels(st.just("of_rules")))
            else:
                lines += _rule("alert", draw(st.sampled_from(_ALERTS)), expr) + draw(_alert_lines())
    return "\n".join(lines) + "\n"


def _rule(kind: str, name: str, expr: str) -> list[str]:
    return [f"  - {kind}: {name}", f"    expr: {quote(expr)}"]


@st.composite
def _alert_lines(draw: st.DrawFn) -> list[str]:
    """The part of an alerting rule below its expression."""
    durations = {"for": draw(st.sampled_from(_DURATIONS_MS)), "keep_firing_for": draw(st.sampled_from(_DURATIONS_MS))}
    lines = [f"    {key}: {render_duration(each)}" for key, each in durations.items() if each]
    lines += draw(_labels(st.sampled_from(_SEVERITIES)))
    summary = draw(st.none() | st.sampled_from(_ANNOTATIONS))
    return lines if summary is None else [*lines, f"    annotations: {{summary: {quote(summary)}}}"]


def _labels(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.just([]) | values.map(lambda value: [f"    labels: {{severity: {value}}}"])
