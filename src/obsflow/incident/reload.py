"""Another configuration: where open incidents stand in it, and which of their timers still run."""

from collections.abc import Mapping

import attrs

from obsflow.incident.config import Config, Service
from obsflow.incident.contacts import Urgency
from obsflow.incident.escalation import Move, Policy, Position, following
from obsflow.incident.lifecycle import IncidentState, Observation
from obsflow.incident.paging import escalates
from obsflow.incident.state import Incident, PlannedPage, Snapshot, Wanted
from obsflow.incident.steps import Cause, Steps

_UNTOUCHED = frozenset({Observation.SNOOZE_END, Observation.QUIET_END})


def readjust(steps: Steps, incident: Incident, services: Mapping[str, Service], now: int) -> None:
    """Let an open incident go on by the configuration of the state; `services` are those of before.

    Another policy begins at its first level. A level that is still there goes on, with its time and its users' rules as
    they are now: what they would have sent by now is not made up for. One that is gone is replaced by the nearest.
    """
    state = steps.state
    observation, position = _follow(incident, services[incident.service], state)
    if observation is not None:
        is_new = observation is Observation.POLICY_CHANGED
        changes = {"is_assigned": False, "is_started": False} if is_new else {}
        steps.apply(incident, Cause(observation, now), position=position, **changes)
        incident = state.incidents[incident.number]
    else:
        incident = attrs.evolve(incident, position=position)
    if incident.is_exhausted and following(position, state.config.policies)[0] is not Move.END:
        incident = attrs.evolve(incident, is_exhausted=False)
    state.incidents[incident.number] = state.rearm(incident, _wanted(incident, state, now))


def _follow(incident: Incident, before: Service, state: Snapshot) -> tuple[Observation | None, Position]:
    """Where an incident stands, and what that is to it; None where nobody needs to be told."""
    service, position = state.services[incident.service], incident.position
    home = state.config.policies.get(service.policy)  # None: neither the service nor its policy is there any more
    if not incident.is_assigned and before.policy != service.policy and home is not None:
        return Observation.POLICY_CHANGED, Position(home)
    changed: Policy | None
    if position.policy.name:
        changed = state.config.policies.get(position.policy.name)
    else:
        users = tuple(target.name for target in position.targets if target.name in state.config.users)
        changed = Policy.of_users(users) if users else None
    if changed is None:
        return (None, position) if home is None else (Observation.POLICY_CHANGED, Position(home))
    return (None, position) if changed == position.policy else _nearest(position, changed)


def _nearest(position: Position, policy: Policy) -> tuple[Observation | None, Position]:
    """The same level in a policy that changed, by its targets or its place; else the one in its place, or the last."""
    here, loop = position.here, min(position.loop, policy.repeat)
    same = [i for i, level in enumerate(policy.levels) if level.targets == here.targets]
    if same:
        level = min(same, key=lambda i: (abs(i - position.level), i))
        return None, Position(policy, level, loop, position.turn)
    level = min(position.level, len(policy.levels) - 1)
    is_same = not set(here.targets).isdisjoint(policy.levels[level].targets)
    return None if is_same else Observation.LEVEL_GONE, Position(policy, level, loop)


def _wanted(incident: Incident, state: Snapshot, now: int) -> list[Wanted]:
    """The timers that an incident has by the configuration; those that stay, in the order in which they are."""
    single = {**_state_times(incident, state.services[incident.service], now), **_level_times(incident, state, now)}
    pages = _Pages(incident, state.config)
    wanted: list[Wanted] = []
    for timer in incident.timers:
        if timer.observation in single:
            wanted.append((single.pop(timer.observation), timer.observation, None))
        elif timer.observation in _UNTOUCHED:
            wanted.append((timer.due, timer.observation, timer.page))
        elif timer.page is not None and (page := pages.renewed(timer.page)) is not None:
            wanted.append((timer.due, timer.observation, page))
    wanted += pages.added(now)
    wanted += [(due, observation, None) for observation, due in single.items()]
    return wanted


def _state_times(incident: Incident, service: Service, now: int) -> dict[Observation, int]:
    """When what depends on the state alone is due."""
    found: dict[Observation, int] = {}
    is_acknowledged = incident.state is IncidentState.ACKNOWLEDGED
    may_end = incident.state is IncidentState.TRIGGERED or (is_acknowledged and service.auto_resolves_acknowledged)
    if service.auto_resolve_ms is not None and may_end:
        found[Observation.AUTO_RESOLVE] = incident.since + service.auto_resolve_ms
    if is_acknowledged and service.acknowledge_timeout_ms is not None:
        found[Observation.ACKNOWLEDGE_TIMEOUT] = incident.since + service.acknowledge_timeout_ms
    if is_acknowledged and (interval_ms := service.acknowledge_reminder_ms) is not None:
        running = next((each.due for each in incident.timers if each.observation is Observation.REMINDER_DUE), None)
        if running is None or (running - incident.since) % interval_ms:
            running = now + interval_ms - (now - incident.since) % interval_ms
        found[Observation.REMINDER_DUE] = running
    return found


def _level_times(incident: Incident, state: Snapshot, now: int) -> dict[Observation, int]:
    """When the next level is due, and when the urgency rises."""
    found: dict[Observation, int] = {}
    if incident.state is not IncidentState.TRIGGERED:
        return found
    after_ms = incident.position.escalate_after_ms
    is_running = incident.cycle is not None and not incident.is_exhausted
    if is_running and after_ms is not None and escalates(state, incident):
        found[Observation.LEVEL_DUE] = incident.level_clock + after_ms
    hours = state.services[incident.service].hours
    if hours is not None and incident.urgency is Urgency.LOW and (at := hours.raised_at(now)) is not None:
        found[Observation.WORSEN] = at
    return found


@attrs.frozen
class _Pages:
    """The delayed pages of an incident by the rules that its users have now."""

    incident: Incident
    config: Config

    def renewed(self, page: PlannedPage) -> PlannedPage | None:
        """A page that waits, with user and contact method as they are now; None if the rule is gone."""
        user = self.config.users.get(page.reached.user.name)
        rules = () if user is None else user.rules_for(self.incident.urgency)
        for rule in rules:
            if (rule.method.name, rule.after_ms) == (page.rule.method.name, page.rule.after_ms) and user is not None:
                return attrs.evolve(page, reached=attrs.evolve(page.reached, user=user), rule=rule)
        return None

    def added(self, now: int) -> list[Wanted]:
        """The pages of rules that are new and not too late."""
        cycle = self.incident.cycle
        if cycle is None or self.incident.state is not IncidentState.TRIGGERED:
            return []
        waiting = {
            (timer.page.reached.user.name, timer.page.rule.method.name, timer.page.rule.after_ms)
            for timer in self.incident.timers
            if timer.page is not None
        }
        found: list[Wanted] = []
        for reached in cycle.reached:
            user = self.config.users.get(reached.user.name)
            if user is None or user.name in self.incident.acknowledgers:
                continue
            for rule in user.rules_for(self.incident.urgency):
                due = cycle.since + rule.after_ms
                if due > now and (user.name, rule.method.name, rule.after_ms) not in waiting:
                    page = PlannedPage(attrs.evolve(reached, user=user), rule, cycle.cause)
                    found.append((due, Observation.PAGE_DUE, page))
        return found
