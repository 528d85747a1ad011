"""What holds of everything that a router ever does, whatever history it is told."""

import attrs
import hypothesis.strategies as st
from hypothesis import given, settings
from tests.alertmanager.loop import drive, load, notifications

from obsflow.alertmanager import (
    ALERTMANAGER,
    ALERTMANAGER_0_25,
    OBSFLOW,
    Alertmanager,
    Decision,
    Delivered,
    DeliveryFailed,
    ExpireSilence,
    Grouped,
    Notify,
    ReceiveAlerts,
    SetSilence,
    Silence,
    parse_matchers,
)
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.notifications import AlertStatus, NotifyReason

CONFIG = """
route:
  receiver: both
  group_by: [team]
  group_wait: 2s
  group_interval: 10s
  repeat_interval: 25s
  routes:
  - {matchers: [severity=critical], receiver: page, group_wait: 1s, repeat_interval: 1m, continue: true}
  - {matchers: [team=a], group_by: [...], group_interval: 7s}
receivers:
- {name: both, webhook_configs: [{url: a}], email_configs: [{}]}
- {name: page, pagerduty_configs: [{}]}
inhibit_rules:
- {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [team]}
"""
LONGEST_WAIT_MS = 10_000
REPEAT_MS = {"both": 25_000, "page": 60_000}
END_S = 200
START_MS = 1_000_000
STARTED_MS = 990_000

LABELS = st.builds(
    lambda name, severity, team: Labels(alertname=name, severity=severity, team=team),
    st.sampled_from("xy"),
    st.sampled_from(["critical", "warning"]),
    st.sampled_from(["", "a", "b"]),
)
SECONDS = st.integers(0, 60)
# Times are seconds after the word; an end of 0 says resolved.
WORDS = st.tuples(st.just("alert"), LABELS, st.integers(0, 20), st.sampled_from([0, 0, 3, 45, 1000, 1000]))
SILENCES = st.tuples(st.just("silence"), st.sampled_from(["team=a", "severity=warning", "alertname=~x|z"]), SECONDS)
EXPIRIES = st.tuples(st.just("expire"), st.integers(0, 3))
HISTORIES = st.lists(st.tuples(st.integers(0, 150), st.one_of(WORDS, WORDS, WORDS, SILENCES, EXPIRIES)), max_size=25)
COMPATS = st.sampled_from([OBSFLOW, ALERTMANAGER, ALERTMANAGER_0_25])


def script_of(history, shift_ms):
    """The events of a history, by seconds; a silence can only be ended once there is one."""
    script, silences = [], 0
    for at, (kind, *rest) in sorted(history, key=lambda each: each[0]):
        now = START_MS + shift_ms + at * 1000
        if kind == "alert":
            labels, age, left = rest
            event = ReceiveAlerts((Alert(labels, EMPTY, now - age * 1000, now + left * 1000),))
        elif kind == "silence":
            text, lasts = rest
            event = SetSilence(Silence(str(silences), parse_matchers(text), now, now + lasts * 1000))
            silences += 1
        elif rest[0] < silences:
            event = ExpireSilence(str(rest[0]))
        else:
            continue
        script.append((now / 1000, event))
    return script


def run(history, compat, answer=lambda effect, _: Delivered(effect.delivery), shift_ms=0):
    """Every effect of a history with its time."""
    machine = Alertmanager(load(CONFIG, compat), compat=compat, started_at=STARTED_MS + shift_ms, explains=True)
    return drive(machine, script_of(history, shift_ms), (START_MS + shift_ms) / 1000 + END_S, answer)


def failing_at_times(effect, now):
    """A receiver that fails at some instants, for good at some of these."""
    if now // 1000 % 3:
        return Delivered(effect.delivery)
    return DeliveryFailed(effect.delivery, can_retry=bool(now // 1000 % 2), error="no")


def key_of(each):
    """Which integration is told of which group."""
    return each.group_key, each.receiver, each.integration, each.index


def parts(notification):
    """The alerts that a notification says fire, and those that it says are over."""
    return tuple(
        {each.labels for each in notification.alerts if each.status is status}
        for status in (AlertStatus.FIRING, AlertStatus.RESOLVED)
    )


@settings(max_examples=150, deadline=None)
@given(HISTORIES, COMPATS)
def test_every_page_is_explained(history, compat):
    """By one decision of that instant, with the same reason and the same alerts, none of them muted."""
    effects = run(history, compat, failing_at_times)
    decisions = [each for _, each in effects if isinstance(each, Decision)]
    for _, notify in effects:
        if isinstance(notify, Notify):
            told = notify.notification
            (why,) = [each for each in decisions if (each.time, *key_of(each)) == (told.time, *key_of(told))]
            firing, resolved = parts(told)
            assert why.reason is told.reason
            assert firing == set(why.firing)
            assert resolved <= set(why.resolved)
            assert not (firing | resolved) & {labels for labels, _ in why.muted}


@settings(max_examples=150, deadline=None)
@given(HISTORIES, COMPATS)
def test_what_fires_is_told_within_its_interval(history, compat):
    """A group looks at a new alert in time, and whoever should know of one that fires was last told that it does."""
    effects = run(history, compat)
    last_heard = {}
    looks = []
    for _, effect in sorted(effects, key=lambda each: not isinstance(each[1], Notify)):
        if isinstance(effect, Notify):
            firing, resolved = parts(effect.notification)
            for labels in firing | resolved:
                last_heard.setdefault((*key_of(effect.notification), labels), []).append(
                    (effect.notification.time, labels in firing)
                )
        elif isinstance(effect, Decision):
            looks.append(effect)
            for labels in effect.firing:
                heard = [fires for time, fires in last_heard[(*key_of(effect), labels)] if time <= effect.time]
                assert heard[-1]
    for _, effect in effects:
        if isinstance(effect, Grouped):
            assert effect.flush_at - effect.time <= LONGEST_WAIT_MS + compat.flush_drift_ms
            assert any(
                (each.group_key, each.receiver) == (effect.group_key, effect.receiver)
                and effect.time <= each.time <= effect.flush_at
                and effect.labels in {*each.firing, *each.resolved, *(labels for labels, _ in each.muted)}
                for each in looks
            )


@settings(max_examples=150, deadline=None)
@given(HISTORIES, COMPATS)
def test_nothing_is_repeated_too_soon(history, compat):
    """Unless the alerts changed in between, though they may have changed back."""
    last, is_changed = {}, {}
    for _, effect in run(history, compat):
        if isinstance(effect, Decision):
            now = set(effect.firing), set(effect.resolved)
            key = key_of(effect)
            before = last.get(key)
            if effect.reason is NotifyReason.REPEAT_INTERVAL or (effect.reason.sends and before and before[1:] == now):
                assert is_changed[key] or effect.time - before[0] >= REPEAT_MS[effect.receiver]
            if effect.reason.sends:
                last[key], is_changed[key] = (effect.time, *now), False
            elif before:
                is_changed[key] = is_changed[key] or before[1:] != now


@settings(max_examples=60, deadline=None)
@given(HISTORIES, COMPATS, st.sampled_from([1, 999, 30_000, 1_700_000_000_123]))
def test_time_has_no_beginning(history, compat, shift_ms):
    """If everything happens later, everything follows later by as much; and the same follows from the same."""
    effects = run(history, compat)
    assert run(history, compat) == effects
    assert [(now, shifted(each, 0)) for now, each in effects] == [
        (now - shift_ms, shifted(each, -shift_ms)) for now, each in run(history, compat, shift_ms=shift_ms)
    ]


TIMES = {"time", "starts_at", "ends_at", "deadline", "next_flush_at", "repeat_due_at", "flush_at"}


def shifted(value, by):
    """An effect with all of its times moved."""
    if isinstance(value, tuple):
        return tuple(shifted(each, by) for each in value)
    if not attrs.has(type(value)):
        return value
    changes = {}
    for field in attrs.fields(type(value)):
        old = getattr(value, field.name)
        is_time = field.name in TIMES and old is not None
        changes[field.name] = old + by if is_time else shifted(old, by)
    return attrs.evolve(value, **changes)


def test_the_histories_are_not_idle():
    """They lead to notifications, repeats, mutes and ends."""
    history = [
        (0, ("alert", Labels(alertname="x", severity="critical", team="b"), 0, 1000)),
        (1, ("alert", Labels(alertname="x", severity="warning", team="b"), 0, 1000)),
        (90, ("alert", Labels(alertname="x", severity="critical", team="b"), 90, 0)),
    ]
    effects = run(history, OBSFLOW)
    assert {each.reason for each in notifications(effects)} == {
        NotifyReason.FIRST_NOTIFICATION,
        NotifyReason.REPEAT_INTERVAL,
        NotifyReason.ALL_RESOLVED,
    }
    assert any(isinstance(each, Decision) and each.muted for _, each in effects)
