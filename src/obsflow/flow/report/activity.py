"""What a backtest holds of each alerting rule: its alerts, what was told of them, and when they were muted."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from obsflow.alertmanager import Decision, Inhibited, MuteCause, Silenced, TimeMuted
from obsflow.flow.backtest import BacktestResult
from obsflow.flow.report.bands import AlertHistory, Band, alert_histories
from obsflow.flow.report.figures import render_labels
from obsflow.flow.scenario import Scenario
from obsflow.model.labels import Labels
from obsflow.model.notifications import Notification
from obsflow.rules import AlertingRule, RuleGroup


@attrs.frozen
class Mute:
    """A firing alert did not reach a receiver from `start` to `end` (ms): the `kind` of reason, in words `because`."""

    kind: str
    start: int
    end: int
    because: str


@attrs.frozen(eq=False)
class RuleActivity:
    """An alerting rule of `group`, and all that came of it, each in order of time."""

    group: RuleGroup
    rule: AlertingRule
    histories: list[AlertHistory] = attrs.field(factory=list)
    notifications: list[Notification] = attrs.field(factory=list)
    mutes: list[Mute] = attrs.field(factory=list)

    @property
    def is_active(self) -> bool:
        """Whether it ever had an alert."""
        return bool(self.histories)

    @property
    def fixed_labels(self) -> tuple[str, ...]:
        """The names of the labels that are the same in all of its alerts."""
        return tuple(name for name, text in self.rule.labels.items() if "{{" not in text)

    def may_have(self, history: AlertHistory) -> bool:
        """Whether the alert may be this rule's, by the labels that all of its alerts have."""
        return (
            self.group.name == history.group
            and self.rule.alert == history.rule
            and all(history.labels.get(name) == self.rule.labels[name] for name in self.fixed_labels)
        )

    def series_key(self, labels: Labels) -> Labels:
        """What the series of an expression and the alert made of it have in common."""
        return labels.without("__name__", "alertname", *self.rule.labels)


def find_activity(scenario: Scenario, result: BacktestResult) -> tuple[RuleActivity, ...]:
    """The activity of every alerting rule, in the order of the files.

    Rules of one name in one group are told apart by their labels.
    """
    rules = [
        RuleActivity(group, rule)
        for file in scenario.rule_files
        for group in file.groups
        for rule in group.rules
        if isinstance(rule, AlertingRule)
    ]
    by_name: dict[str, list[RuleActivity]] = {}
    for each in rules:
        by_name.setdefault(each.rule.alert, []).append(each)
    owners = _Owners(by_name, scenario.prometheus.external_labels)
    for history in alert_histories(result.transitions):
        named = by_name.get(history.rule, [])
        owner = next((each for each in named if each.may_have(history)), None)
        if owner is not None:
            owner.histories.append(history)
            owners.add(history, owner)
    for notification, _ in result.notifications:
        for owner in owners.of(alert.labels for alert in notification.alerts):
            owner.notifications.append(notification)
    comments = {each.id: each.comment for each in scenario.silences}
    _add_mutes(result.decisions, owners, scenario.end, comments)
    return tuple(rules)


class _Owners:
    """Whose an alert is that left with the external labels."""

    def __init__(self, by_name: dict[str, list[RuleActivity]], external: Labels) -> None:
        self._by_name = by_name
        self._external = external
        self._known: dict[Labels, list[RuleActivity]] = {}
        self._firings: dict[Labels, list[Band]] = {}

    def add(self, history: AlertHistory, owner: RuleActivity) -> None:
        sent = self._external.with_(history.labels)
        owners = self._known.setdefault(sent, [])
        if owner not in owners:
            owners.append(owner)
        self._firings.setdefault(sent, []).extend(history.firings())

    def may_fire(self, labels: Labels, time: int) -> bool:
        """Whether the alert fired at a time (ms), as far as it is known."""
        firings = self._firings.get(labels)
        return firings is None or any(band.start <= time and (band.end is None or time < band.end) for band in firings)

    def of(self, alerts: Iterable[Labels]) -> Iterator[RuleActivity]:
        """Each once. An alert that is known by its name alone counts for the first rule of that name."""
        found: dict[int, RuleActivity] = {}
        for labels in alerts:
            for owner in self._known.get(labels) or self._by_name.get(labels.get("alertname"), [])[:1]:
                found[id(owner)] = owner
        yield from found.values()


def _add_mutes(decisions: Iterable[Decision], owners: _Owners, end: int, comments: Mapping[str, str]) -> None:
    """A decision holds until the group is looked at again; what the next one says too is one stretch."""
    last: dict[tuple[int, str, str, str], tuple[RuleActivity, int]] = {}
    for decision in decisions:
        until = max(decision.time, min(decision.next_flush_at, end))
        for labels, cause in decision.muted:
            if not owners.may_fire(labels, decision.time):
                continue  # the router remembers it, but there is no more to say of it than its end
            kind, words = _describe(cause, comments)
            because = f"{render_labels(labels)}: {words}, kept from {decision.receiver}"
            for owner in owners.of([labels]):
                key = (id(owner), decision.group_key, f"{decision.receiver}/{decision.integration}", because)
                _, at = last.get(key, (owner, -1))
                if 0 <= at < len(owner.mutes) and owner.mutes[at].end >= decision.time:
                    owner.mutes[at] = attrs.evolve(owner.mutes[at], end=max(owner.mutes[at].end, until))
                else:
                    last[key] = (owner, len(owner.mutes))
                    owner.mutes.append(Mute(kind, decision.time, until, because))


def _describe(cause: MuteCause, comments: Mapping[str, str]) -> tuple[str, str]:
    match cause:
        case Silenced(silences=ids):
            told = (f"{each} ({comments[each]})" if comments.get(each) else each for each in ids)
            return "silenced", f"silenced by {', '.join(told)}"
        case Inhibited(rule=rule, source=source):
            return "inhibited", f"inhibited by {render_labels(source)} (inhibit rule {rule + 1})"
        case TimeMuted(intervals=names, is_active_kind=True):
            return "off hours", f"outside of {', '.join(names)}"
        case TimeMuted(intervals=names):
            return "off hours", f"within {', '.join(names)}"
