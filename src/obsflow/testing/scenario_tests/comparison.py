"""What a scenario sent, held against what it is expected to send: the differences, and why."""

from collections.abc import Iterator, Sequence

from obsflow.flow.flushes import explain_flush, find_decision, render_flush
from obsflow.incident import Page
from obsflow.model.notifications import NotifiedAlert
from obsflow.schema import Position
from obsflow.testing.expectations import difference, pair_up, render_texts
from obsflow.testing.outcome import Finding
from obsflow.testing.scenario_tests.absence import why_not
from obsflow.testing.scenario_tests.document import ExpectedAlert, ExpectedNotification, ExpectedPage, Scenario
from obsflow.testing.scenario_tests.offsets import render_offset
from obsflow.testing.scenario_tests.player import Played, Sent


def judge(scenario: Scenario, played: Played) -> Iterator[Finding]:
    """What is different, missing or unexpected, and what the router refused; nothing if all is as expected."""
    yield from _judge_refusals(scenario, played)
    expected, sent = scenario.expect, played.sent
    start = played.start
    pairing = pair_up(expected, sent, lambda one, got: not any(_differences(one, got, start)))
    left = [sent[j] for j in pairing.unexpected]
    for i in pairing.missing:
        test = expected[i]
        place, title = test.places[""], f"notification {_render_expected(test)}"
        nearest = _nearest(test, left, start)
        if nearest is None:
            details = (*_render_alerts(test), *_near_miss(test, left, start), *why_not(test, played))
            yield Finding(place, f"{title}: missing", details)
        else:
            left.remove(nearest)
            details = (
                f"~ {_render_sent(nearest, start)}",
                *(f"    {each}" for each in _differences(test, nearest, start)),
                *_surprises(test, nearest, played),
            )
            yield Finding(place, f"{title}: different", (*details, *_why(nearest, played)))
    if left:
        noun = "notification" if len(left) == 1 else "notifications"
        lines = tuple(line for each in left for line in (f"+ {_render_sent(each, start)}", *_why(each, played)))
        yield Finding(scenario.place, f"{len(left)} {noun} not expected", lines)

    if scenario.pages is not None:
        yield from _judge_pages(scenario.pages, scenario.places["pages"], played)


def _judge_refusals(scenario: Scenario, played: Played) -> Iterator[Finding]:
    """What the router did not take and should have, and the other way round."""
    for refused in sorted(played.refused, key=lambda each: (each.place.line, each.place.column)):
        expected = scenario.events[refused.event].refused
        if expected is None:
            yield Finding(refused.place, f"refused: {refused.error}")
        elif expected != "true" and expected not in refused.error:
            yield Finding(refused.place, f"refused: expected {expected}, got {refused.error}")
    happened = {each.event for each in played.refused}
    for i, event in enumerate(scenario.events):
        if event.refused is not None and i not in happened:
            after = "" if event.at is None or event.at <= scenario.end else ": the scenario ends before it happens"
            yield Finding(event.places["refused"], f"not refused{after}")


def _judge_pages(expected: Sequence[ExpectedPage], place: Position, played: Played) -> Iterator[Finding]:
    """Who was not paged, and who was though nobody expects it."""
    start = played.start

    def fits(test: ExpectedPage, page: Page) -> bool:
        return (
            abs(page.time - start - test.at) <= test.within
            and page.user == test.user
            and test.method in (None, page.method.name)
            and test.level in (None, page.position.level + 1)
        )

    pairing = pair_up(expected, played.pages, fits)
    left = [f"+ {_render_page(played.pages[j], start)}" for j in pairing.unexpected]
    for i in pairing.missing:
        test = expected[i]
        yield Finding(test.places[""], f"page to {test.user} {_render_span(test)}: missing", tuple(left))
    if left and not pairing.missing:
        yield Finding(place, f"{len(left)} {'page' if len(left) == 1 else 'pages'} not expected", tuple(left))


def _render_page(page: Page, start: int) -> str:
    return (
        f"to {page.user} ({page.method.name}) at {render_offset(page.time - start)}, level {page.position.level + 1}: "
        f"{page.reason.cause.value}"
    )


def _nearest(test: ExpectedNotification, left: Sequence[Sent], start: int) -> Sent | None:
    """What may be meant by an expectation: the one that differs least of those that are to the same receiver.

    Either the time is right, or all but the time.
    """

    def distance(each: Sent) -> tuple[int, int]:
        return sum(1 for _ in _differences(test, each, start)), abs(each.at - test.at)

    alike = [
        each
        for each in left
        if each.notification.receiver == test.receiver
        and (_is_timely(test, each) or len(list(_differences(test, each, start))) == 1)
    ]
    return min(alike, key=distance, default=None)


def _near_miss(test: ExpectedNotification, left: Sequence[Sent], start: int) -> Iterator[str]:
    """What comes closest of what nobody expects, to the same receiver or else at the same time, and its differences."""
    alike = [each for each in left if each.notification.receiver == test.receiver]
    alike = alike or [each for each in left if _is_timely(test, each)]
    if alike:
        nearest = min(alike, key=lambda each: (len(list(_differences(test, each, start))), abs(each.at - test.at)))
        yield f"nearest: {_render_sent(nearest, start)}"
        yield from (f"    {each}" for each in _differences(test, nearest, start))


def _is_timely(test: ExpectedNotification, got: Sent) -> bool:
    return abs(got.at - test.at) <= test.within


def _differences(test: ExpectedNotification, got: Sent, start: int) -> Iterator[str]:
    """How a notification differs from the expected one, a line each."""
    notification = got.notification
    if not _is_timely(test, got):
        yield f"time: expected {_render_span(test)}, got {render_offset(got.at)}"
    for name, wanted, found in (
        ("receiver", test.receiver, notification.receiver),
        ("integration", test.integration, notification.integration),
        ("index", test.index, notification.index),
        ("status", test.status and test.status.value, notification.status.value),
        ("reason", test.reason and test.reason.value, notification.reason.value),
        ("group_key", test.group_key, notification.group_key),
    ):
        if wanted is not None and wanted != found:
            yield f"{name}: expected {wanted}, got {found}"
    if test.alerts is not None:
        yield from _alert_differences(test.alerts, notification.alerts, start)


def _alert_differences(expected: Sequence[ExpectedAlert], got: Sequence[NotifiedAlert], start: int) -> Iterator[str]:
    pairing = pair_up(expected, got, lambda test, alert: not any(_differing(test, alert, start)))
    unexpected = list(pairing.unexpected)
    for i in pairing.missing:
        same = next(
            (j for j in unexpected if not any(difference(expected[i].labels, got[j].labels, "", partial=False))), None
        )
        if same is None:
            yield f"- {render_texts(expected[i].labels)}: missing"
        else:
            unexpected.remove(same)
            yield f"~ {got[same].labels}: {'; '.join(_differing(expected[i], got[same], start))}"
    yield from (f"+ {got[j].labels} {got[j].status.value}: not expected" for j in unexpected)


def _differing(test: ExpectedAlert, alert: NotifiedAlert, start: int) -> Iterator[str]:
    """How an alert differs from the expected one."""
    yield from difference(test.labels, alert.labels, "label", partial=False)
    if test.annotations is not None:
        yield from difference(test.annotations, alert.annotations, "annotation", partial=False)
    if test.status is not None and test.status is not alert.status:
        yield f"status: expected {test.status.value}, got {alert.status.value}"
    for name, wanted, found in (
        ("starts_at", test.starts_at, alert.starts_at),
        ("ends_at", test.ends_at, alert.ends_at),
    ):
        if wanted is not None and found != start + wanted:
            got = "none" if found is None else render_offset(found - start)
            yield f"{name}: expected {render_offset(wanted)}, got {got}"


def _why(got: Sent, played: Played) -> Iterator[str]:
    """Why a notification was sent."""
    decision = find_decision(got.notification, played.decisions)
    if decision is not None:
        explanation = explain_flush(decision, played.config_at(decision.time), played.silences)
        lines = render_flush(explanation, lambda time: render_offset(time - played.start))
        yield from (f"    {line}" for line in lines)


def _surprises(test: ExpectedNotification, got: Sent, played: Played) -> Iterator[str]:
    """What is as in Alertmanager, and not everybody knows."""
    if any(each.starts_at is not None for each in test.alerts or ()):
        for alert in got.notification.alerts:
            if alert.labels in played.without_start:
                yield f"    {alert.labels} was sent with an end and without a start, and so starts at its end"


def _render_expected(test: ExpectedNotification) -> str:
    whom = test.receiver + (f" ({test.integration})" if test.integration else "")
    words = [f"to {whom}", _render_span(test)]
    words += [each.value for each in (test.status, test.reason) if each is not None]
    return " ".join(words)


def _render_span(test: ExpectedNotification | ExpectedPage) -> str:
    return f"at {render_offset(test.at)}" + (f" within {render_offset(test.within)}" if test.within else "")


def _render_alerts(test: ExpectedNotification) -> Iterator[str]:
    for each in test.alerts or ():
        status = f" {each.status.value}" if each.status is not None else ""
        yield f"- {render_texts(each.labels)}{status}"


def _render_sent(sent: Sent, start: int) -> str:
    notification = sent.notification
    alerts = ", ".join(
        f"{each.labels} {each.status.value} ({_render_life(each, start)})" for each in notification.alerts
    )
    return (
        f"to {notification.receiver} ({notification.integration}) at {render_offset(sent.at)}, "
        f"{notification.reason.value}: {alerts}"
    )


def _render_life(alert: NotifiedAlert, start: int) -> str:
    begun = f"from {render_offset(alert.starts_at - start)}"
    return begun if alert.ends_at is None else f"{begun} to {render_offset(alert.ends_at - start)}"
