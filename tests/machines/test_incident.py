"""Incidents as a Hypothesis state machine: they agree with a plain transcription, and replay is exact."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.oracles.incident import SECOND, PlainIncidents

from obsflow.errors import StateError
from obsflow.incident import (
    Acknowledge,
    AddNote,
    Escalate,
    Incidents,
    Merge,
    Page,
    Resolve,
    Snooze,
    SourceAcknowledge,
    SourceResolve,
    Trigger,
    Unacknowledge,
    Unsnooze,
    Urgency,
    load_config,
)

USERS = ("ada", "bob", "eve")
METHODS = """
  contact_methods: [{name: app, kind: push}, {name: mobile, kind: phone}, {name: mail, kind: mail}]
  notification_rules: [{method: app}, {method: mobile, after: 3s}, {method: mail, urgency: low}]
"""


def config_of(levels, repeat, ack_timeout, auto_resolve):
    text = "users:\n" + "".join(f"- name: {user}{METHODS}" for user in USERS)
    text += f"policies:\n- name: p\n  repeat: {repeat}\n  levels:\n"
    for users, after in levels:
        targets = ", ".join(f"{{user: {user}}}" for user in users)
        text += f"  - {{targets: [{targets}], escalate_after: {after}s}}\n"
    text += "services:\n- name: s\n  policy: p\n"
    text += f"  acknowledge_timeout: {ack_timeout}s\n  auto_resolve: {auto_resolve}s\n"
    return load_config(text, "incidents.yml")


LEVELS = st.lists(
    st.tuples(st.lists(st.sampled_from(USERS), min_size=1, max_size=2, unique=True), st.integers(1, 9)),
    min_size=1,
    max_size=3,
)
KEYS = st.sampled_from("abc")


class IncidentMachine(RuleBasedStateMachine):
    """Drives incidents with arbitrary events, beside the transcription, and replays it all."""

    @initialize(levels=LEVELS, repeat=st.integers(0, 2), ack_timeout=st.integers(1, 20), expiry=st.integers(1, 60))
    def start(self, levels, repeat, ack_timeout, expiry):
        self.config = config_of(levels, repeat, ack_timeout, expiry)
        self.plain = PlainIncidents(levels, repeat, ack_timeout, expiry)
        self.machine = Incidents(self.config)
        self.now = 1_000 * SECOND
        self.history = []
        self.effects = []

    def receive(self, event, is_allowed):
        before = self.machine.snapshot()
        try:
            self.machine.receive(event, self.now)
        except StateError:
            assert not is_allowed
            assert self.machine.snapshot() == before
        else:
            assert is_allowed
            self.history.append((event, self.now))
        self.poll()

    def poll(self):
        self.history.append((None, self.now))
        self.effects += self.machine.poll(self.now)

    def pick(self, data):
        return self.plain.incidents[data.draw(st.integers(1, len(self.plain.incidents)))]

    @rule(key=KEYS, is_high=st.booleans())
    def trigger(self, key, is_high):
        urgency = Urgency.HIGH if is_high else Urgency.LOW
        self.receive(Trigger("s", key, "broken", urgency), self.plain.trigger(key, is_high, self.now))

    @rule(key=KEYS)
    def source_resolves(self, key):
        self.receive(SourceResolve("s", key), self.plain.source_resolve(key))

    @rule(key=KEYS)
    def source_acknowledges(self, key):
        one = self.plain.incidents.get(self.plain.of_key.get(key))
        if one is not None and one.state == "triggered":
            self.plain.acknowledge(one, self.now)
        self.receive(SourceAcknowledge("s", key), is_allowed=True)

    @precondition(lambda self: self.plain.incidents)
    @rule(data=st.data(), kind=st.sampled_from([Acknowledge, Unacknowledge, Unsnooze, Escalate, Resolve]))
    def person(self, data, kind):
        one = self.pick(data)
        allowed = getattr(self.plain, kind.__name__.lower())(one, self.now)
        self.receive(kind(one.number, "ada"), allowed)

    @precondition(lambda self: self.plain.incidents)
    @rule(data=st.data(), seconds=st.integers(-1, 20))
    def snooze(self, data, seconds):
        one, until = self.pick(data), self.now + seconds * SECOND
        self.receive(Snooze(one.number, "ada", until), self.plain.snooze(one, until, self.now))

    @precondition(lambda self: self.plain.incidents)
    @rule(data=st.data())
    def note(self, data):
        self.receive(AddNote(self.pick(data).number, "ada", "hm"), is_allowed=True)

    @precondition(lambda self: self.plain.incidents)
    @rule(data=st.data())
    def merge_into_itself(self, data):
        one = self.pick(data)
        self.receive(Merge(one.number, "ada", one.number), is_allowed=False)

    @rule(seconds=st.integers(1, 25))
    def wait(self, seconds):
        """Time passes, in the steps that the machine asks for and second by second in the transcription."""
        until = self.now + seconds * SECOND
        for each in range(self.now, until + 1, SECOND):
            self.plain.second(each)
        while (due := self.machine.next_timer()) is not None and due <= until:
            assert due >= self.now
            self.now = due
            self.poll()
        self.now = until
        self.poll()

    @rule()
    def restart(self):
        """A machine that goes on from a snapshot does the same."""
        twin = Incidents(self.config)
        twin.restore(self.machine.snapshot())
        self.machine = twin

    @invariant()
    def agrees_with_the_transcription(self):
        if not hasattr(self, "machine"):
            return
        found = [
            (each.time, each.incident, each.user, each.method.kind, each.position.level, each.position.loop)
            for each in self.effects
            if isinstance(each, Page)
        ]
        assert sorted(found) == sorted(self.plain.log)
        states = {each.number: each.state.value for each in self.machine.incidents}
        assert states == {each.number: each.state for each in self.plain.incidents.values()}

    @invariant()
    def one_open_incident_to_a_key(self):
        if not hasattr(self, "machine"):
            return
        open_keys = [key for each in self.machine.incidents if each.state.is_open for key in each.keys]
        assert len(open_keys) == len(set(open_keys))
        for each in self.machine.incidents:
            assert each.state.is_open or not each.timers

    def teardown(self):
        if not hasattr(self, "machine"):
            return
        replayed, effects = Incidents(self.config), []
        for event, now in self.history:
            if event is None:
                effects += replayed.poll(now)
            else:
                replayed.receive(event, now)
        assert effects == self.effects


TestIncidents = IncidentMachine.TestCase
TestIncidents.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
