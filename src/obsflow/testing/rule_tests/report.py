"""What a failed expectation of a rule test says: which alert or sample is missing, too many or different, and why."""

import math
from collections.abc import Callable, Iterator, Sequence

import attrs

from obsflow.model.durations import render_duration
from obsflow.model.floats import render_float_g
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Queryable
from obsflow.promql import render
from obsflow.promql.inspect import selectors
from obsflow.rules import AlertingRule, AlertState, Transition
from obsflow.testing.expectations import (
    Texts,
    closest,
    difference,
    pair_up,
    render_texts,
    suggest,
)
from obsflow.testing.rule_tests.document import ExpectedAlert
from obsflow.testing.rule_tests.replay import ActiveView

ALERT_NAME = "alertname"
_ANNOTATION = "annotation "  # before the name of one, where labels and annotations are compared together


@attrs.frozen
class History:
    """What the rules of a name did until now: the rules, all transitions of their alerts, and what there is to read.

    `start` is the beginning of the test; all times are ms. `known` are the names of all alerting rules.
    """

    rules: Sequence[AlertingRule]
    transitions: Sequence[Transition]
    store: Queryable
    start: int
    now: int
    known: Sequence[str] = ()

    def explain(self, labels: Texts) -> str:
        """What the alert that is closest to these labels did last; where there was none, why there was none."""
        own = [each for each in self.transitions if each.labels.get(ALERT_NAME) == labels.get(ALERT_NAME)]
        others = {name: text for name, text in labels.items() if name != ALERT_NAME}
        found = closest(others, [each.labels for each in own]) if others else (0 if own else None)
        if found is None:
            return self._explain_absence(labels)
        last = next(each for each in reversed(own) if each.labels == own[found].labels)
        subject = "it" if dict(last.labels) == dict(labels) else str(last.labels)
        return self._last_of(last, subject)

    def _last_of(self, last: Transition, subject: str) -> str:
        since = f"since {self._offset(last.time)}"
        match last.to_state:
            case AlertState.PENDING:
                limit_ms = next((rule.for_ms for rule in self.rules if rule.alert == last.rule), 0)
                waited = f"true for {render_duration(self.now - last.active_at)} of {render_duration(limit_ms)}"
                return f"{subject} is pending {since}: {waited}"
            case AlertState.INACTIVE:
                return f"{subject} is not active {since}: {last.because}"
            case state:
                return f"{subject} is {state.value} {since}: {last.because}"

    def _explain_absence(self, labels: Texts) -> str:
        if not self.rules:
            name = labels.get(ALERT_NAME, "")
            return f"no rule has this name{suggest(str(name), self.known)}"
        absent = [
            render(each) for rule in self.rules for each in selectors(rule.expr) if not self._is_there(each.matchers)
        ]
        if absent:
            return f"there are no series {absent[0]}"
        if self.transitions:
            return "no alert with any of these labels was ever active"
        return f"the condition was never true: {render(self.rules[0].expr)}"

    def _is_there(self, matchers: Sequence[Matcher]) -> bool:
        return len(self.store.select(matchers, self.start - _LONG_AGO, self.now)) > 0

    def _offset(self, time: int) -> str:
        return render_duration(time - self.start)


_LONG_AGO = 1 << 50


def alert_differences(
    expected: Sequence[ExpectedAlert],
    got: Sequence[ActiveView],
    name: str,
    explain: Callable[[Texts], str],
    *,
    partial: bool,
) -> list[str]:
    """Lines that say what is missing (-), different (~) and unexpected (+); none if all is as expected.

    `explain` says of an alert what its rule did. With `partial`, an alert may have more labels and annotations than are
    expected of it.
    """
    wanted = [{**each.labels, ALERT_NAME: name} for each in expected]

    def fits(i: int, view: ActiveView) -> bool:
        labels, annotations = wanted[i], expected[i].annotations
        return not any(_alert_difference(labels, annotations, view, partial=partial))

    pairing = pair_up(range(len(expected)), got, fits)
    unexpected = list(pairing.unexpected)
    lines: list[str] = []
    for i in pairing.missing:
        j = _closest_alert(wanted[i], expected[i].annotations, [got[j] for j in unexpected], len(pairing.missing))
        if j is None:
            lines += [f"- missing    {render_texts(wanted[i])}", f"    {explain(wanted[i])}"]
            continue
        view = got[unexpected.pop(j)]
        lines.append(f"~ different  {view.labels}")
        lines += (
            f"    {each}" for each in _alert_difference(wanted[i], expected[i].annotations, view, partial=partial)
        )
    for j in unexpected:
        lines += [f"+ unexpected {got[j].labels}", f"    {explain(dict(got[j].labels))}"]
    return lines


def _alert_difference(labels: Texts, annotations: Texts, view: ActiveView, *, partial: bool) -> Iterator[str]:
    yield from difference(labels, view.labels, "label", partial=partial)
    yield from difference(annotations, view.annotations, "annotation", partial=partial)


def _closest_alert(labels: Texts, annotations: Texts, views: Sequence[ActiveView], missing: int) -> int | None:
    """The index of the alert that the expected one was probably meant to be."""
    if missing == len(views) == 1:
        return 0
    texts = {**labels, **{_ANNOTATION + name: text for name, text in annotations.items()}}
    del texts[ALERT_NAME]
    return closest(texts, [_all_texts(view) for view in views])


def _all_texts(view: ActiveView) -> dict[str, str]:
    """Labels and annotations, told apart."""
    return {**view.labels, **{_ANNOTATION + name: text for name, text in view.annotations.items()}}


Vector = Sequence[tuple[Labels, float]]


def sample_differences(expected: Vector, got: Vector, *, fuzzy: bool, nan_equal: bool) -> list[str]:
    """Lines that say which samples are missing (-), different (~) and unexpected (+); none if all are as expected."""
    lines, found, known = [], dict(got), set()
    for labels, value in expected:
        if labels in known:
            lines.append(f"- expected twice {labels}")
        elif labels not in found:
            lines.append(f"- missing    {labels} {render_float_g(value)}")
        elif not _same(value, found[labels], fuzzy=fuzzy, nan_equal=nan_equal):
            hint = " (NaN is equal to nothing)" if math.isnan(value) and math.isnan(found[labels]) else ""
            lines.append(f"~ different  {labels}")
            lines.append(f"    expected {render_float_g(value)}, got {render_float_g(found[labels])}{hint}")
        known.add(labels)
    return lines + [f"+ unexpected {labels} {render_float_g(value)}" for labels, value in got if labels not in known]


def _same(expected: float, got: float, *, fuzzy: bool, nan_equal: bool) -> bool:
    """Whether two values are equal, or with `fuzzy` neighbours."""
    if math.isnan(expected) and math.isnan(got):
        return nan_equal
    return expected == got or (
        fuzzy and got in (math.nextafter(expected, -math.inf), math.nextafter(expected, math.inf))
    )
