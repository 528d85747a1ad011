"""The router as a Hypothesis state machine: nothing muted is sent, nothing undelivered is logged, replay is exact."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.alertmanager.loop import load
from tests.oracles.alertmanager import is_inhibited, is_silenced

from obsflow.alertmanager import (
    PRESETS,
    Alertmanager,
    AlertState,
    Decision,
    Delivered,
    DeliveryFailed,
    ExpireSilence,
    Notify,
    ReceiveAlerts,
    Reload,
    SetSilence,
    Silence,
    SilenceState,
    parse_matchers,
)
from obsflow.errors import ObsflowError
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.notifications import AlertStatus, NotifyReason

CONFIG = """
route:
  receiver: both
  group_by: [team]
  group_wait: 2s
  group_interval: 10s
  repeat_interval: 30s
  routes:
  - {matchers: [severity=critical], receiver: page, group_wait: 1s, continue: true}
  - {matchers: [team=a], group_by: [...]}
receivers:
- {name: both, webhook_configs: [{url: a}], email_configs: [{}]}
- {name: page, pagerduty_configs: [{}]}
inhibit_rules:
- {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [team]}
"""
LABELS = st.builds(
    lambda name, severity, team: Labels(alertname=name, severity=severity, team=team),
    st.sampled_from(["x", "y"]),
    st.sampled_from(["critical", "warning"]),
    st.sampled_from(["", "a", "b"]),
)
SECONDS = st.integers(0, 40).map(lambda seconds: seconds * 1000)


class RouterMachine(RuleBasedStateMachine):
    """Drives a router with arbitrary events, answers its notifications late, badly or never, and replays it all."""

    @initialize(compat=st.sampled_from(sorted(PRESETS)))
    def start(self, compat):
        self.compat = PRESETS[compat]
        self.config = load(CONFIG, self.compat)
        self.now = 1_000_000
        self.machine = self.new_machine()
        self.twin = None
        self.history = []
        self.effects = []
        self.under_way = {}
        self.believed = {}
        self.silences = 0

    def new_machine(self):
        return Alertmanager(self.config, compat=self.compat, started_at=999_000, explains=True)

    def receive(self, event):
        self.history.append((event, self.now))
        self.machine.receive(event, self.now)
        self.poll(self.now)

    def poll(self, now):
        self.history.append((None, now))
        effects = self.machine.poll(now)
        self.effects += effects
        for effect in effects:
            if isinstance(effect, Notify):
                assert effect.delivery not in self.under_way
                assert effect.notification.time <= now <= effect.deadline
                self.under_way[effect.delivery] = effect
                if effect.attempt == 1:
                    self.check(effect.notification)

    def check(self, notification):
        assert notification.reason.sends
        assert notification.alerts
        if self.compat.inhibition_keeps_one_source:
            return  # its lapses are its own
        for alert in notification.alerts:
            assert not is_silenced(self.machine.silences, alert.labels, notification.time)
            assert not is_inhibited(self.config.inhibit_rules, self.machine.alerts, alert.labels, notification.time)

    @rule(labels=st.lists(LABELS, min_size=1, max_size=3), age=SECONDS, left=SECONDS)
    def alerts(self, labels, age, left):
        self.receive(ReceiveAlerts(tuple(Alert(each, EMPTY, self.now - age, self.now + left) for each in labels)))

    @rule(labels=LABELS, age=SECONDS)
    def resolve(self, labels, age):
        self.receive(ReceiveAlerts((Alert(labels, EMPTY, self.now - age, self.now),)))

    @rule(text=st.sampled_from(["team=a", "severity=warning", "alertname=~x|y"]), after=SECONDS, lasts=SECONDS)
    def silence(self, text, after, lasts):
        self.silences += 1
        start = self.now + after
        silence = Silence(str(self.silences), parse_matchers(text), start, start + lasts)
        self.receive(SetSilence(silence))

    @precondition(lambda self: self.silences)
    @rule(data=st.data())
    def expire(self, data):
        self.receive(ExpireSilence(str(data.draw(st.integers(1, self.silences)))))

    @rule()
    def reload(self):
        """Every group is made again."""
        self.receive(Reload(self.config))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), outcome=st.sampled_from(["ok", "ok", "retry", "refused"]))
    def answer(self, data, outcome):
        delivery = data.draw(st.sampled_from(sorted(self.under_way)))
        notification = self.under_way.pop(delivery).notification
        if outcome == "ok":
            firing = {each.labels for each in notification.alerts if each.status is AlertStatus.FIRING}
            receiver = (notification.receiver, notification.integration)
            self.believed.setdefault(receiver, set()).update(firing)
            self.receive(Delivered(delivery))
        else:
            self.receive(DeliveryFailed(delivery, can_retry=outcome == "retry", error=outcome))

    @rule(delivery=st.integers(0, 1000))
    def answer_what_was_not_asked(self, delivery):
        if delivery in self.under_way:
            return
        before = self.machine.snapshot()
        try:
            self.machine.receive(Delivered(delivery), self.now)
        except ObsflowError:
            assert before.deliveries == self.machine.snapshot().deliveries
        else:
            raise AssertionError("nobody asked")

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        """Time passes, in the steps that the machine asks for."""
        until = self.now + seconds
        while (due := self.machine.next_timer()) is not None and due <= until:
            assert due >= self.now
            self.now = due
            self.poll(due)
        self.now = until

    @rule()
    def snapshot(self):
        """A machine that goes on from a snapshot does the same."""
        twin = self.new_machine()
        twin.restore(self.machine.snapshot())
        self.machine = twin

    @rule()
    def ask(self):
        """What the machine says of itself changes nothing, and agrees with what would be sent."""
        before = self.machine.snapshot()
        for standing in self.machine.standings(self.now):
            labels = standing.alert.labels
            assert bool(standing.silenced_by) is is_silenced(self.machine.silences, labels, self.now)
            assert (standing.state is AlertState.SUPPRESSED) is bool(standing.silenced_by or standing.inhibited_by)
            if not self.compat.inhibition_keeps_one_source:
                inhibited = is_inhibited(self.config.inhibit_rules, self.machine.alerts, labels, self.now)
                assert bool(standing.inhibited_by) is inhibited
        for group in self.machine.groups(self.now):
            assert group.alerts
        states = [each.shown_state(self.now) for each in self.machine.find_silences(self.now)]
        assert states == sorted(states, key=[SilenceState.ACTIVE, SilenceState.PENDING, SilenceState.EXPIRED].index)
        assert self.machine.snapshot().groups == before.groups

    @invariant()
    def decisions_have_reasons(self):
        for effect in self.effects[-10:]:
            if isinstance(effect, Decision) and not effect.firing and not effect.resolved:
                assert effect.muted
                assert effect.reason is NotifyReason.NOTHING_NEW

    @invariant()
    def the_log_lists_what_was_delivered(self):
        if not hasattr(self, "machine"):
            return
        for key, entry in self.machine.snapshot().log.entries():
            _, _, receiver, kind, _ = key
            assert entry.firing <= self.believed.get((receiver, kind), set())

    def teardown(self):
        if not hasattr(self, "machine"):
            return
        replayed = self.new_machine()
        effects = []
        for event, now in self.history:
            if event is None:
                effects += replayed.poll(now)
            else:
                replayed.receive(event, now)
        assert effects == self.effects


TestRouter = RouterMachine.TestCase
TestRouter.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
