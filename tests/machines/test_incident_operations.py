"""Everything that can happen to incidents, reloads and maintenance included, as a Hypothesis state machine."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from obsflow.errors import StateError
from obsflow.incident import (
    Acknowledge,
    Beat,
    Change,
    EndMaintenance,
    Escalate,
    Escalated,
    IncidentReason,
    Incidents,
    IncidentState,
    Merge,
    Page,
    PageCause,
    Reassign,
    Reload,
    Reloaded,
    Resolve,
    Snooze,
    SourceAcknowledge,
    SourceResolve,
    StartMaintenance,
    Transition,
    Trigger,
    Unacknowledge,
    Unsnooze,
    Urgency,
    load_config,
)

SECOND = 1000
USERS = ("ada", "bob", "eve")
RULES = """
  contact_methods: [{name: app, kind: push}, {name: mobile, kind: phone}]
  notification_rules: [{method: app}, {method: mobile, after: 3s}, {method: mobile, after: 7s}]
"""
CONFIG = (
    "users:\n"
    + "".join(f"- name: {user}{RULES}" for user in USERS)
    + """
schedules:
- name: turns
  layers: [{name: all, users: [ada, bob, eve], rotation: 1m}]
policies:
- name: p
  levels:
  - {targets: [{user: ada}, {user: bob}, {channel: c}], escalate_after: 5s, round_robin: true}
  - {targets: [{user: ada}, {user: eve}, {schedule: turns}], escalate_after: 8s, acknowledgements: all}
  repeat: 1
  then: q
- name: q
  levels: [{targets: [{user: eve}], escalate_after: 6s}]
services:
- name: s
  policy: p
  acknowledge_timeout: 20s
  acknowledge_reminder: 6s
  auto_resolve: 90s
  heartbeats: [{name: cron, timeout: 15s}]
- {name: t, policy: q, group_within: 10s, low_urgency_escalates: true, acknowledge_timeout: 9s, status_page: Shop}
"""
)
CHANGES = [
    ("then: q", "then: null"),
    ("  - {targets: [{user: ada}, {user: eve}, {schedule: turns}], escalate_after: 8s, acknowledgements: all}\n", ""),
    ("policy: q, group", "policy: p, group"),
    ("acknowledge_timeout: 20s", "acknowledge_timeout: 2s"),
    ("auto_resolve: 90s", "auto_resolve: 10s"),
    ("repeat: 1", "repeat: 0"),
    ("{method: mobile, after: 7s}", "{method: mobile, after: 5s}, {method: app, after: 9s}"),
    ("- {name: t, policy: q", "- {name: u, policy: q"),
    ("heartbeats: [{name: cron, timeout: 15s}]", "low_urgency_escalates: true"),
    ("escalate_after: 5s", "escalate_after: 2s"),
]
CONFIGS = [load_config(CONFIG, "x"), *(load_config(CONFIG.replace(*change), "x") for change in CHANGES)]
KEYS = st.tuples(st.sampled_from("st"), st.sampled_from("ab"))
BY = st.sampled_from(USERS)
BY_HAND = (PageCause.ESCALATED, PageCause.REASSIGNED)


class OperatedMachine(RuleBasedStateMachine):
    """A machine that is interrupted at any time, beside one that is not."""

    @initialize()
    def start(self):
        self.machine, self.twin = Incidents(CONFIGS[0]), Incidents(CONFIGS[0])
        self.now = 1_000 * SECOND
        assert self.machine.poll(self.now) == self.twin.poll(self.now) == []
        self.states, self.levels, self.returned = {}, {}, set()
        self.windows = {"s": 0, "t": 0, "u": 0}
        self.pages = set()

    def receive(self, event):
        """What the machine says to it; both machines say the same."""
        outcomes = []
        for each in (self.machine, self.twin):
            before = each.snapshot()
            try:
                each.receive(event, self.now)
            except (StateError, LookupError) as error:
                assert each.snapshot() == before
                outcomes.append(str(error))
            else:
                outcomes.append("")
        assert outcomes[0] == outcomes[1]
        return [] if outcomes[0] else self.poll()

    def poll(self):
        effects = self.machine.poll(self.now)
        assert effects == self.twin.poll(self.now)
        for each in effects:
            self.check(each)
        return effects

    def check(self, effect):
        if isinstance(effect, Transition):
            self.states[effect.incident] = effect.to_state
            if effect.reason is IncidentReason.ACKNOWLEDGE_TIMEOUT:
                self.returned.add(effect.incident)
        elif isinstance(effect, Escalated):
            place = (effect.position.policy.name, effect.position.level, effect.position.loop)
            if effect.incident in self.returned and effect.cause is PageCause.RESUMED:
                assert place == self.levels.get(effect.incident, place)  # none yet if its first level was held
            self.returned.discard(effect.incident)
            self.levels[effect.incident] = place
        elif isinstance(effect, Page):
            place = (effect.position.policy.name, effect.position.level, effect.position.loop)
            assert self.states[effect.incident] is IncidentState.TRIGGERED
            assert place == self.levels[effect.incident]
            assert effect.position.loop <= effect.position.policy.repeat
            identity = (effect.time, effect.incident, effect.user, effect.method.name, place)
            assert identity not in self.pages
            self.pages.add(identity)
            service = self.machine.incident(effect.incident).service
            assert effect.time >= self.windows[service] or effect.reason.cause in BY_HAND

    def pick(self, data):
        return data.draw(st.sampled_from(self.machine.incidents))

    @rule(key=KEYS, is_high=st.booleans())
    def trigger(self, key, is_high):
        """One that is open already never starts anew."""
        known = self.machine.find(*key)
        urgency = Urgency.HIGH if is_high else Urgency.LOW
        effects = self.receive(Trigger(*key, "broken", urgency))
        if known is not None and known.state.is_open and not (is_high and known.urgency is Urgency.LOW):
            after = self.machine.incident(known.number)
            assert not [
                each for each in effects if isinstance(each, Page | Escalated) and each.incident == after.number
            ]
            assert (after.timers, after.position, after.level_since) == (
                known.timers,
                known.position,
                known.level_since,
            )

    @rule(key=KEYS, kind=st.sampled_from([SourceResolve, SourceAcknowledge]))
    def source(self, key, kind):
        self.receive(kind(*key))

    @precondition(lambda self: self.machine.incidents)
    @rule(
        data=st.data(),
        by=BY,
        kind=st.sampled_from([Acknowledge, Acknowledge, Unacknowledge, Unsnooze, Escalate, Resolve]),
    )
    def person(self, data, by, kind):
        self.receive(kind(self.pick(data).number, by))

    @precondition(lambda self: self.machine.incidents)
    @rule(data=st.data(), by=BY, seconds=st.integers(1, 20))
    def snooze(self, data, by, seconds):
        self.receive(Snooze(self.pick(data).number, by, self.now + seconds * SECOND))

    @precondition(lambda self: self.machine.incidents)
    @rule(data=st.data(), users=st.lists(BY, max_size=2, unique=True).map(tuple))
    def reassign(self, data, users):
        self.receive(Reassign(self.pick(data).number, "ada", "" if users else "q", users))

    @precondition(lambda self: self.machine.incidents)
    @rule(data=st.data())
    def merge(self, data):
        self.receive(Merge(self.pick(data).number, "ada", self.pick(data).number))

    @rule(service=st.sampled_from("st"), seconds=st.integers(1, 20))
    def start_maintenance(self, service, seconds):
        if service in self.machine.config.services:
            self.windows[service] = self.now + seconds * SECOND
            self.receive(StartMaintenance(service, "ada", self.windows[service]))

    @rule(service=st.sampled_from("st"))
    def end_maintenance(self, service):
        if service in self.machine.config.services:
            self.windows[service] = min(self.now, self.windows[service])
            self.receive(EndMaintenance(service, "ada"))

    @rule()
    def beat(self):
        """What it says is that the incident of its absence is over."""
        self.receive(Beat("s", "cron"))
        missed = self.machine.find("s", "heartbeat cron")
        key = ("s", "heartbeat cron")
        has_heartbeats = bool(self.machine.config.services["s"].heartbeats)
        assert missed is None or not missed.state.is_open or not has_heartbeats or key not in missed.open_keys

    @rule(service=st.sampled_from("st"))
    def change(self, service):
        self.receive(Change(service, "deployed", self.now - SECOND, "ci"))

    @rule(data=st.data())
    def reload(self, data):
        """Afterwards incidents may stand elsewhere without anybody being paged."""
        self.receive(Reload(data.draw(st.sampled_from(CONFIGS))))
        for each in self.machine.incidents:
            self.levels[each.number] = (each.position.policy.name, each.position.level, each.position.loop)

    @rule(seconds=st.integers(1, 25))
    def wait(self, seconds):
        until = self.now + seconds * SECOND
        while (due := self.machine.next_timer()) is not None and due <= until:
            assert due >= self.now
            self.now = due
            self.poll()
        self.now = until
        self.poll()

    @rule()
    def restart_or_reload_the_same(self):
        """Neither a restart nor the configuration that is in force changes anything."""
        restarted = Incidents(CONFIGS[0])
        restarted.restore(self.machine.snapshot())
        self.machine = restarted
        before = self.machine.incidents
        self.machine.receive(
            Reload(load_config(CONFIG, "x") if self.config_is_first else self.machine.config), self.now
        )
        assert self.machine.poll(self.now) == [Reloaded(self.now)]
        assert self.machine.incidents == before

    @property
    def config_is_first(self):
        return self.machine.config == CONFIGS[0]

    @invariant()
    def every_incident_is_sound(self):
        if not hasattr(self, "machine"):
            return
        open_keys = [key for each in self.machine.incidents if each.state.is_open for key in each.open_keys]
        assert len(open_keys) == len(set(open_keys))
        for each in self.machine.incidents:
            kinds = {timer.observation.name for timer in each.timers}
            assert each.state.is_open or not kinds
            assert each.state is IncidentState.TRIGGERED or not kinds & {"PAGE_DUE", "LEVEL_DUE", "QUIET_END"}
            assert each.position.loop <= each.position.policy.repeat
            assert len(each.acknowledgers) == len(set(each.acknowledgers))


TestOperatedIncidents = OperatedMachine.TestCase
TestOperatedIncidents.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
