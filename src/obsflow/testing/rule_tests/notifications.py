"""Notifications held against what a test expects of them."""

from collections.abc import Iterator, Sequence

from obsflow.alertmanager import Decision
from obsflow.model.durations import render_duration
from obsflow.model.notifications import Notification, NotifiedAlert
from obsflow.schema import Position
from obsflow.testing.expectations import difference, pair_up, render_texts, suggest
from obsflow.testing.outcome import Finding
from obsflow.testing.rule_tests.document import ExpectedNotifiedAlert, NotificationTest

_SECOND_MS = 1000


def judge_notifications(
    expected: Sequence[NotificationTest],
    got: Sequence[Notification],
    decisions: Sequence[Decision],
    place: Position,
    start: int,
    receivers: Sequence[str],
    *,
    partial: bool,
) -> Iterator[Finding]:
    """What is missing, and unless `partial` what nobody expects; `start` (ms) is the beginning of the test."""

    def fits(test: NotificationTest, notification: Notification) -> bool:
        return not any(_differences(test, notification, start, partial=partial))

    pairing = pair_up(expected, got, fits)
    left = [got[j] for j in pairing.unexpected]
    for i in pairing.missing:
        test = expected[i]
        details = list(_explain(test, left, decisions, start, receivers, partial=partial))
        yield Finding(test.positions[""], f"notification {_render_test(test)}: missing", tuple(details))
    if left and not partial:
        noun = "notification" if len(left) == 1 else "notifications"
        lines = tuple(f"+ {_render(each, start)}" for each in left)
        yield Finding(place, f"{len(left)} {noun} not expected", lines)


def _differences(test: NotificationTest, got: Notification, start: int, *, partial: bool) -> Iterator[str]:
    """How a notification differs from the expected one, a line each."""
    first, last = test.span
    if not first <= (got.time - start) // _SECOND_MS * _SECOND_MS <= last and not first <= got.time - start <= last:
        yield f"time: expected {_render_span(test)}, got {render_duration(got.time - start)}"
    for name, wanted, found in (
        ("receiver", test.receiver, got.receiver),
        ("integration", test.integration, got.integration),
        ("status", test.status and test.status.value, got.status.value),
        ("reason", test.reason and test.reason.value, got.reason.value),
    ):
        if wanted is not None and wanted != found:
            yield f"{name}: expected {wanted}, got {found}"
    if test.alerts is not None:
        yield from _alert_differences(test.alerts, got.alerts, partial=partial)


def _alert_differences(
    expected: Sequence[ExpectedNotifiedAlert], got: Sequence[NotifiedAlert], *, partial: bool
) -> Iterator[str]:
    def differences(test: ExpectedNotifiedAlert, alert: NotifiedAlert) -> Iterator[str]:
        yield from difference(test.labels, alert.labels, "label", partial=partial)
        if test.annotations is not None:
            yield from difference(test.annotations, alert.annotations, "annotation", partial=partial)
        if test.status is not None and test.status is not alert.status:
            yield f"status: expected {test.status.value}, got {alert.status.value}"

    pairing = pair_up(expected, got, lambda test, alert: not any(differences(test, alert)))
    unexpected = list(pairing.unexpected)
    for i in pairing.missing:
        if len(pairing.missing) == len(unexpected) == 1:
            alert = got[unexpected.pop()]
            yield f"alert {alert.labels}: {'; '.join(differences(expected[i], alert))}"
        else:
            yield f"alert {render_texts(expected[i].labels)}: missing"
    if not partial:
        yield from (f"alert {got[j].labels}: not expected" for j in unexpected)


def _explain(
    test: NotificationTest,
    left: Sequence[Notification],
    decisions: Sequence[Decision],
    start: int,
    receivers: Sequence[str],
    *,
    partial: bool,
) -> Iterator[str]:
    """What there was instead: the notification that is most like it, or why there was none."""
    if test.receiver not in receivers:
        yield f"no receiver has this name{suggest(test.receiver, receivers)}"
        return
    alike = [each for each in left if each.receiver == test.receiver]
    if alike:
        nearest = min(
            alike,
            key=lambda each: (
                sum(1 for _ in _differences(test, each, start, partial=partial)),
                abs(each.time - start - test.span[0]),
            ),
        )
        yield f"~ {_render(nearest, start)}"
        yield from (f"    {line}" for line in _differences(test, nearest, start, partial=partial))
        return
    own = [each for each in decisions if each.receiver == test.receiver and each.time - start <= test.span[1] + 999]
    if not own:
        yield "no alert reached this receiver"
    for decision in own[-1:]:
        at = render_duration(decision.time - start)
        yield f"last looked at {at}: {decision.reason.value}, {len(decision.firing)} firing"
        for labels, cause in decision.muted:
            yield f"    {labels} was {cause.because}"


def _render_test(test: NotificationTest) -> str:
    words = [test.receiver, *((test.integration,) if test.integration else ()), _render_span(test)]
    words += [each.value for each in (test.status, test.reason) if each is not None]
    return " ".join(words)


def _render_span(test: NotificationTest) -> str:
    first, last = map(render_duration, test.span)
    return f"at {first}" if test.at is not None else f"within {first} to {last}"


def _render(notification: Notification, start: int) -> str:
    alerts = ", ".join(f"{each.labels} {each.status.value}" for each in notification.alerts)
    return (
        f"{notification.receiver} ({notification.integration}) at {render_duration(notification.time - start)}, "
        f"{notification.reason.value}: {alerts}"
    )
