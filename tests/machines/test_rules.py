"""An alerting rule in a group behaves as the plain transcription of Prometheus' code does, whatever happens to it."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.oracles.rules import STALE, NaiveRule

from obsflow.errors import QueryError
from obsflow.model.floats import STALE_NAN, STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.promql import parse
from obsflow.rules import (
    AlertingRule,
    EvaluationFailed,
    ForStateRead,
    GroupMachine,
    GroupReloaded,
    GroupRemoved,
    ReadForState,
    RestorePolicy,
    RuleGroup,
    RuleHealth,
    SendAlerts,
    Transition,
    WriteSamples,
)

INTERVAL = 60_000
TOLERANCE = 60 * INTERVAL
GRACE = 2 * INTERVAL
HEALTH = "obsflow_rule_last_evaluation_successful"
INSTANCES = tuple((("instance", name),) for name in "abcd")
DURATIONS = st.sampled_from([0, INTERVAL, 2 * INTERVAL, 5 * INTERVAL, 90_000])


class Answers:
    def __init__(self):
        self.result = {}

    def evaluate(self, _rule, _time):
        if self.result is None:
            raise QueryError("the query failed")
        return [(Labels({**dict(labels), "__name__": "up"}), value) for labels, value in self.result.items()]

    def query(self, _text, _time):
        return []


class AlertingMachine(RuleBasedStateMachine):
    @initialize(
        for_ms=DURATIONS, keep_ms=DURATIONS, limit=st.sampled_from([0, 0, 2]), resend=st.sampled_from([60_000, 150_000])
    )
    def start(self, for_ms, keep_ms, limit, resend):
        self.answers = Answers()
        self.resend = resend
        self.limit = limit
        self.policy = None
        self.store = {}
        self.begin(for_ms, keep_ms, 0)

    def begin(self, for_ms, keep_ms, at, policy=None):
        self.policy = policy
        self.naive = NaiveRule("A", for_ms, keep_ms, self.limit, INTERVAL, self.resend, restored=policy is None)
        self.machine = self.build(self.group(for_ms, keep_ms), at)
        self.states = {}
        self.failed = None

    def group(self, for_ms, keep_ms):
        alert = AlertingRule("A", parse("up == 0"), for_ms, keep_ms, {}, {"value": "{{ $value }}"})
        return RuleGroup("g", limit=self.limit, rules=(alert,))

    def build(self, group, start=0):
        return GroupMachine(
            group,
            self.answers,
            interval_ms=INTERVAL,
            offset_ms=7_000,
            start=start,
            resend_delay_ms=self.resend,
            restore=self.policy,
            records_health=True,
        )

    def tick(self, result, late_ms=0):
        self.answers.result = result
        now = self.machine.next_timer() + late_ms
        effects = self.machine.poll(now)
        ts = now - (now - 7_000) % INTERVAL
        self.compare(effects, *self.naive.evaluate(ts, result), ts)
        return effects, ts

    @rule(present=st.sets(st.sampled_from(INSTANCES)), value=st.sampled_from([0.0, 1.5]))
    def evaluate(self, present, value):
        self.tick(dict.fromkeys(sorted(present), value))

    @rule(present=st.sets(st.sampled_from(INSTANCES)), times=st.integers(2, 20))
    def stay(self, present, times):
        for _ in range(times):
            self.tick(dict.fromkeys(sorted(present), 2.0))

    @rule()
    def fail(self):
        self.tick(None)

    @rule(late=st.integers(0, 3 * INTERVAL))
    def come_late(self, late):
        self.tick({INSTANCES[0]: 1.0}, late)

    @rule(for_ms=DURATIONS, keep_ms=DURATIONS)
    def reload(self, for_ms, keep_ms):
        self.naive.for_ms, self.naive.keep_ms = for_ms, keep_ms
        self.machine.receive(GroupReloaded(self.group(for_ms, keep_ms)), 0)

    @rule(more=st.sampled_from([3 * INTERVAL, 10 * INTERVAL]))
    def grow_while_kept(self, more):
        """The rarest cell: `for` grows beyond what the alert has been active for, and its condition is false."""
        self.reload(0, more)
        self.tick({INSTANCES[1]: 3.0})
        if self.naive.active:
            self.reload(more, more)
        self.tick({})

    @rule()
    def restart(self):
        saved = self.machine.snapshot()
        self.machine = self.build(self.machine.group)
        self.machine.restore(saved)
        assert self.machine.snapshot() == saved

    @rule(
        away=st.sampled_from([0, 4 * INTERVAL, 30 * INTERVAL, 90 * INTERVAL]),
        with_firing=st.booleans(),
        results=st.tuples(*[st.one_of(st.none(), st.sets(st.sampled_from(INSTANCES)))] * 2),
    )
    def crash(self, away, with_firing, results):
        """Nothing is left but what was written; the store is asked after the second evaluation."""
        policy = RestorePolicy(TOLERANCE, GRACE, with_firing)
        self.begin(self.naive.for_ms, self.naive.keep_ms, self.machine.next_timer() + away, policy)
        for result in results:
            effects, ts = self.tick(None if result is None else dict.fromkeys(sorted(result), 4.0))
        reads = [effect for effect in effects if isinstance(effect, ReadForState)]
        assert len(reads) == (with_firing or self.naive.for_ms >= GRACE)
        for read in reads:
            assert read.reads_firing is with_firing
            firing = self.look_up(read.firing_labels, read) if with_firing else ()
            self.machine.receive(ForStateRead(read.index, self.look_up(read.labels, read), firing), ts)
        effects = self.machine.poll(ts)
        sent = self.naive.restore(ts, self.store, TOLERANCE, GRACE, with_firing)
        self.compare(effects, {}, sent, None, ts)

    def look_up(self, labels, read):
        found = []
        for (metric, state, own), (time, value) in self.store.items():
            series = Labels({**dict(own), "__name__": metric, **({"alertstate": state} if state else {})})
            if read.start <= time <= read.end and all(series.get(name) == text for name, text in labels.pairs):
                found.append((series, time, float(STALE_NAN) if value == STALE else value))
        return tuple(found)

    @rule(after=st.integers(0, INTERVAL - 1))
    def remove(self, after):
        """The group goes, and another of the same rules begins."""
        at = self.machine.next_timer() - INTERVAL + after
        self.machine.receive(GroupRemoved(), at)
        due = self.machine.next_timer()
        written = self.written(self.machine.poll(at + 2 * INTERVAL), at)
        assert due == (at + 2 * INTERVAL if self.failed is not None else None)
        health = {series for series in written if series[0] == HEALTH}
        assert len(health) == (self.failed is not None)
        assert written == dict.fromkeys([*self.naive.previous, *health], STALE)
        assert self.machine.next_timer() is None
        self.begin(self.naive.for_ms, self.naive.keep_ms, at + 1)

    def written(self, effects, ts):
        """What is written at `ts`, which goes to the store."""
        written = {}
        for effect in effects:
            if isinstance(effect, WriteSamples):
                assert effect.time == ts
                for labels, value in effect.samples:
                    series = (
                        labels["__name__"],
                        labels.get("alertstate"),
                        labels.without("__name__", "alertstate").pairs,
                    )
                    written[series] = STALE if float_bits(value) == STALE_NAN_BITS else value
        self.store.update({series: (ts, value) for series, value in written.items()})
        return written

    def compare(self, effects, written, sent, failed, ts):
        """`failed` None says that nothing was evaluated."""
        got = self.written(effects, ts)
        health = [got.pop(series) for series in list(got) if series[0] == HEALTH]
        if failed is not None:
            self.failed = failed
            assert health == [float(not failed)]
        assert got == written
        alerts = [alert for effect in effects if isinstance(effect, SendAlerts) for alert in effect.alerts]
        assert sorted((a.labels.pairs, a.starts_at, a.ends_at) for a in alerts) == sorted(each[:3] for each in sent)
        assert {a.labels.pairs: a.annotations["value"] for a in alerts} == {
            each[0]: "NaN" if math.isnan(each[3]) else f"{each[3]:g}" for each in sent
        }
        assert any(isinstance(effect, EvaluationFailed) for effect in effects) is bool(failed)
        for effect in effects:
            if isinstance(effect, Transition):
                assert effect.time == ts
                assert self.states.pop(effect.labels.pairs, "inactive") == effect.from_state.value
                self.states[effect.labels.pairs] = effect.to_state.value

    @invariant()
    def same_alerts_in_the_same_states(self):
        if not hasattr(self, "machine"):
            return
        words = {"pending": "pending", "firing": "firing", "kept": "firing", "resolved": "inactive"}
        (state,) = self.machine.rules
        alerts = {alert.labels.pairs: alert for alert in state.alerts}
        wanted = [alert["state"] for alert in self.naive.active.values()]
        if state.status.health is not RuleHealth.UNKNOWN:
            assert state.state == next((each for each in ("firing", "pending") if each in wanted), "inactive")
            assert state.status.health is (RuleHealth.ERR if self.failed else RuleHealth.OK)
        assert len(state.active_alerts) == len(wanted) - wanted.count("inactive")
        assert {own: words[alert.state.value] for own, alert in alerts.items()} == {
            own: alert["state"] for own, alert in self.naive.active.items()
        }
        told = {own: state for own, state in self.states.items() if state != "inactive"}
        assert told == {own: alert.state.value for own, alert in alerts.items()}
        for own, alert in alerts.items():
            naive = self.naive.active[own]
            assert (alert.active_at, alert.fired_at, alert.resolved_at, alert.last_sent_at) == (
                naive["active_at"],
                naive["fired_at"],
                naive["resolved_at"],
                naive["sent_at"],
            )


AlertingMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAlertingMachine = AlertingMachine.TestCase
