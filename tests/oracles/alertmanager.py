"""Slow and obvious twins of what the router computes."""

from collections.abc import Iterable

from obsflow.alertmanager import InhibitRule, Route, Silence
from obsflow.alertmanager.alerts import KnownAlert
from obsflow.model.labels import Labels
from obsflow.model.notifications import NotifyReason


def shown_before(one: Labels, other: Labels) -> bool:
    """Whether an alert of the label set `one` is shown before one of `other`: label by label, as the reference says."""
    for name in ("job", "instance"):
        if (name in one) != (name in other):
            return name in one
        if one.get(name) != other.get(name):
            return one.get(name) < other.get(name)
    if len(one) != len(other):
        return len(one) < len(other)
    for name in sorted({*one, *other}):
        if (name in one) != (name in other):
            return name not in one
        if one.get(name) != other.get(name):
            return one.get(name) < other.get(name)
    return False


def routes(root: Route, labels: Labels) -> list[Route]:
    """The routes that an alert takes: every path of matching nodes, cut at the first child that does not continue."""
    if not all(matcher.matches(labels.get(matcher.name)) for matcher in root.matchers):
        return []
    found: list[Route] = []
    for child in root.routes:
        taken = routes(child, labels)
        found += taken
        if taken and not child.continue_:
            return found
    return found or [root]


def is_inhibited(rules: Iterable[InhibitRule], alerts: Iterable[KnownAlert], labels: Labels, now: int) -> bool:
    """Whether any rule and any firing alert mute a label set: every pair is looked at."""

    def passes(matchers, of):
        return all(matcher.matches(of.get(matcher.name)) for matcher in matchers)

    for rule in rules:
        if not passes(rule.target, labels):
            continue
        for alert in alerts:
            source = alert.labels
            if alert.ends_at <= now or not passes(rule.source, source):
                continue
            if any(source.get(name) != labels.get(name) for name in rule.equal):
                continue
            if passes(rule.source, labels) and passes(rule.target, source):
                continue
            return True
    return False


def is_silenced(silences: Iterable[Silence], labels: Labels, now: int) -> bool:
    """Whether any silence is active and passes the label set."""
    return any(
        each.starts_at <= now <= each.ends_at and all(m.matches(labels.get(m.name)) for m in each.matchers)
        for each in silences
    )


def notify_reason(
    logged: tuple[frozenset[int], frozenset[int]] | None,
    firing: frozenset[int],
    resolved: frozenset[int],
    send_resolved: bool,
    repeat_due: bool,
) -> NotifyReason:
    """The question to the log as nested conditions."""
    if logged is None:
        return NotifyReason.FIRST_NOTIFICATION if firing else NotifyReason.NOTHING_NEW
    logged_firing, logged_resolved = logged
    if not firing.issubset(logged_firing):
        return NotifyReason.NEW_ALERTS if logged_firing else NotifyReason.FIRST_NOTIFICATION
    if not firing:
        return NotifyReason.ALL_RESOLVED if logged_firing else NotifyReason.NOTHING_NEW
    if send_resolved and not resolved.issubset(logged_resolved):
        return NotifyReason.SOME_RESOLVED
    return NotifyReason.REPEAT_INTERVAL if repeat_due else NotifyReason.NOTHING_NEW
