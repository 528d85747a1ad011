"""Why a notification was not sent: the alerts that it should have had, from their arrival to the last look at them."""

from collections.abc import Iterator

from obsflow.alertmanager import Decision, VisitOutcome, trace
from obsflow.flow.flushes import explain_flush, render_flush, render_visit, render_waiting
from obsflow.model.labels import Labels
from obsflow.model.notifications import Notification
from obsflow.testing.expectations import difference, render_texts
from obsflow.testing.scenario_tests.document import ExpectedAlert, ExpectedNotification
from obsflow.testing.scenario_tests.offsets import render_offset
from obsflow.testing.scenario_tests.player import Played

_MAX_ATTEMPTS = 5


def why_not(test: ExpectedNotification, played: Played) -> Iterator[str]:
    """Lines that say what there was instead of a notification."""
    latest = played.start + test.at + test.within

    def render_time(time: int) -> str:
        return render_offset(time - played.start)

    for alert in test.alerts or ():
        yield from _why_not_there(alert, test, played, latest)
    attempts = [
        each for each in played.lost if _is_asked_for(test, each.notification) and played.start + each.at <= latest
    ]
    for lost in attempts[-_MAX_ATTEMPTS:]:
        yield f"an attempt at {render_offset(lost.at)} failed: {lost.error}"
    looks = [each for each in played.decisions if _is_asked_for(test, each) and each.time <= latest]
    newest = {(each.group_key, each.integration, each.index): each for each in looks}
    if not looks:
        waiting = [each for each in played.grouped if each.receiver == test.receiver and each.time <= latest]
        yield from (render_waiting(each, render_time) for each in waiting)
        if not waiting:
            yield "no alert came to this receiver until then"
        return
    labels = [labels for labels in played.told for each in test.alerts or () if _is_meant(each, labels)]
    related = [
        each
        for each in newest.values()
        if not labels
        or any(label in (*each.firing, *each.resolved, *(muted for muted, _ in each.muted)) for label in labels)
    ]
    for decision in related or newest.values():
        explanation = explain_flush(decision, played.config_at(decision.time), played.silences)
        first, *rest = render_flush(explanation, render_time)
        yield from (f"last look, {first}", *rest)


def _is_asked_for(test: ExpectedNotification, got: Decision | Notification) -> bool:
    return (
        got.receiver == test.receiver
        and test.integration in (None, got.integration)
        and test.index in (None, got.index)
    )


def _is_meant(test: ExpectedAlert, labels: Labels) -> bool:
    return not any(difference(test.labels, labels, "", partial=False))


def _why_not_there(test: ExpectedAlert, expected: ExpectedNotification, played: Played, latest: int) -> Iterator[str]:
    """Why an alert was not in a group of the receiver by then."""
    own = [labels for labels, first in played.told.items() if first <= latest and _is_meant(test, labels)]
    if not own:
        yield f"nobody sent an alert {render_texts(test.labels)} until then"
    for labels in own:
        if any(each.labels == labels and each.receiver == expected.receiver for each in played.grouped):
            continue
        visits = trace(played.config_at(latest).route, labels)
        taken = [each.route.receiver for each in visits if each.outcome is VisitOutcome.TAKEN]
        yield f"{labels} went to {', '.join(taken)}:"
        yield from (f"    {render_visit(each, labels)}" for each in visits)
