"""The machine's own manners: reasons it leaves, events it refuses, timers it names, and going on from a snapshot."""

import pytest

from obsflow.alertmanager import (
    Alertmanager,
    AlertRejected,
    Decision,
    Delivered,
    DeliveryFailed,
    ExpireSilence,
    Inhibited,
    Notify,
    ReceiveAlerts,
    SetSilence,
    Silence,
    Silenced,
    TimeMuted,
    parse_matchers,
)
from obsflow.alertmanager.state import backoff_ms
from obsflow.errors import NotFoundError, StateError
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.notifications import AlertStatus, NotifyReason
from tests.alertmanager.loop import alert, drive, load, notifications, one_route, told

CONFIG = """
route: {receiver: hook, group_wait: 1s, group_interval: 10s, repeat_interval: 30s, group_by: []}
receivers: [{name: hook, webhook_configs: [{url: a}]}]
inhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [alertname=Slow]}]
"""


def silence(text, start, end, id_="s1"):
    return Silence(id_, parse_matchers(text), start * 1000, end * 1000)


def decisions(effects):
    return [effect for _, effect in effects if isinstance(effect, Decision)]


def test_every_look_leaves_its_reason():
    """Why there was a notification or none, when the next look is, and from when on a repeat is due."""
    machine = Alertmanager(load(CONFIG), started_at=0, explains=True)
    told_of = decisions(drive(machine, [(0, ReceiveAlerts((alert("Down", 0, 1000),)))], 32))
    assert [(each.time, each.reason, each.next_flush_at, each.repeat_due_at) for each in told_of] == [
        (1000, NotifyReason.FIRST_NOTIFICATION, 11000, None),
        (11000, NotifyReason.NOTHING_NEW, 21000, 31000),
        (21000, NotifyReason.NOTHING_NEW, 31000, 31000),
        (31000, NotifyReason.REPEAT_INTERVAL, 41000, 31000),
    ]
    first = told_of[0]
    assert (first.group_key, first.receiver, first.integration, first.index) == ("{}:{}", "hook", "webhook", 0)
    assert (first.firing, first.resolved, first.muted) == ((Labels(alertname="Down"),), (), ())


def test_every_muted_alert_has_its_cause():
    """The silence, or the rule and the source, that kept it from the question."""
    machine = Alertmanager(
        load(CONFIG), started_at=0, explains=True, silences=(silence("alertname=Quiet", 0, 100, "known"),)
    )
    script = [(0, ReceiveAlerts((alert("Down", 0, 1000), alert("Slow", 0, 1000), alert("Quiet", 0, 1000))))]
    effects = drive(machine, script, 5)
    (decision,) = decisions(effects)
    assert dict(decision.muted) == {
        Labels(alertname="Slow"): Inhibited(0, Labels(alertname="Down")),
        Labels(alertname="Quiet"): Silenced(("known",)),
    }
    (notification,) = notifications(effects)
    assert [each.labels for each in notification.alerts] == [Labels(alertname="Down")]
    (route,) = machine.routes(Labels(alertname="Slow"))
    assert machine.mute_cause(Labels(alertname="Quiet"), route, 100_000) == Silenced(("known",))
    assert machine.mute_cause(Labels(alertname="Quiet"), route, 100_001) is None


def test_a_group_that_is_all_muted_is_not_put_to_the_log():
    """There is nothing to tell, so nothing counts as told: after the silence the alert is news."""
    machine = Alertmanager(load(CONFIG), started_at=0, explains=True, silences=(silence("alertname=Down", 0, 15),))
    effects = drive(machine, [(0, ReceiveAlerts((alert("Down", 0, 1000),)))], 22)
    assert [told(each) for each in notifications(effects)] == ["21 Down(0)"]
    assert [(each.reason, len(each.muted)) for each in decisions(effects)] == [
        (NotifyReason.NOTHING_NEW, 1),
        (NotifyReason.NOTHING_NEW, 1),
        (NotifyReason.FIRST_NOTIFICATION, 0),
    ]


@pytest.mark.parametrize(
    ("key", "cause"),
    [("mute", TimeMuted(("night",), is_active_kind=False)), ("active", TimeMuted(("day",), is_active_kind=True))],
)
def test_the_hour_is_a_cause(key, cause):
    """With the names of the intervals that say so."""
    text = f"""
route: {{receiver: a, group_wait: 1s, routes: [{{{key}_time_intervals: [{cause.intervals[0]}]}}]}}
receivers: [{{name: a, webhook_configs: [{{url: a}}]}}]
time_intervals:
- {{name: night, time_intervals: [{{times: [{{start_time: '00:00', end_time: '06:00'}}]}}]}}
- {{name: day, time_intervals: [{{times: [{{start_time: '06:00', end_time: '24:00'}}]}}]}}
"""
    machine = Alertmanager(load(text), started_at=0, explains=True)
    (decision,) = decisions(drive(machine, [(0, ReceiveAlerts((alert("a", 0, 1000),)))], 10))
    assert decision.muted == ((Labels(alertname="a"), cause),)


def test_no_reasons_unless_asked():
    """A machine that does not explain only asks for notifications."""
    machine = Alertmanager(load(CONFIG), started_at=0)
    assert decisions(drive(machine, [(0, ReceiveAlerts((alert("a", 0, 1000),)))], 100)) == []


def test_an_invalid_alert_is_rejected_and_the_rest_taken_in():
    """The batch loses only what no sender may send."""
    machine = Alertmanager(load(CONFIG), started_at=0)
    bad = Alert(Labels(a="b"), EMPTY, 20, 10)
    machine.receive(ReceiveAlerts((bad, alert("good", 0, 100), Alert(EMPTY))), 0)
    assert machine.poll(0) == [
        AlertRejected(bad, "start time must be before end time"),
        AlertRejected(Alert(EMPTY), "at least one label pair required"),
    ]
    assert [each.labels for each in machine.alerts] == [Labels(alertname="good")]


def test_impossible_events_change_nothing():
    """An answer that nobody waits for, a silence that is not there, one that cannot be changed."""
    machine = Alertmanager(load(CONFIG), started_at=0, silences=(silence("a=b", 0, 100),))
    machine.receive(ReceiveAlerts((alert("a", 0, 100),)), 0)
    (notify,) = machine.poll(1000)
    machine.receive(DeliveryFailed(notify.delivery, can_retry=True), 1000)
    before = machine.snapshot()
    for event, error in (
        (Delivered(notify.delivery), StateError),  # its next attempt has not begun
        (Delivered(99), StateError),
        (DeliveryFailed(99, can_retry=True), StateError),
        (ExpireSilence("nobody"), NotFoundError),
        (SetSilence(silence("a=c", 0, 100)), StateError),
    ):
        with pytest.raises(error):
            machine.receive(event, 1100)
    after = machine.snapshot()
    assert (after.deliveries, after.groups, after.timers, tuple(after.silences)) == (
        before.deliveries,
        before.groups,
        before.timers,
        tuple(before.silences),
    )
    assert machine.next_timer() == 1500


def test_a_replaced_silence_goes_on_under_its_new_id():
    """The old one ends at the change."""
    machine = Alertmanager(load(CONFIG), started_at=0, silences=(silence("a=b", 0, 100),))
    machine.receive(SetSilence(silence("a=c", 0, 100), replacement_id="s2"), 50_000)
    assert [(each.id, each.starts_at, each.ends_at) for each in machine.silences] == [
        ("s1", 0, 50_000),
        ("s2", 50_000, 100_000),
    ]


def test_the_next_timer_is_one_that_stands():
    """No timer without groups; those of groups that flushed early or are gone are not named."""
    machine = Alertmanager(load(CONFIG), started_at=0)
    assert machine.next_timer() is None
    machine.receive(ReceiveAlerts((alert("a", 10, 100),)), 10_000)
    assert machine.next_timer() == 11_000
    (notify,) = machine.poll(11_000)
    machine.receive(Delivered(notify.delivery), 11_000)
    machine.receive(ReceiveAlerts((alert("a", 10, 12),)), 12_000)
    assert machine.next_timer() == 21_000
    (notify,) = machine.poll(21_000)
    assert notify.notification.status is AlertStatus.RESOLVED
    machine.receive(Delivered(notify.delivery), 21_000)
    assert machine.next_timer() is None


def test_a_late_poll_does_what_was_due_at_its_time():
    """A notification is of the instant of its timer, not of the poll."""
    machine = Alertmanager(load(CONFIG), started_at=0)
    machine.receive(ReceiveAlerts((alert("a", 0, 100),)), 0)
    (notify,) = machine.poll(5_000)
    assert (notify.notification.time, notify.attempt, notify.deadline) == (1000, 1, 11_000)


def test_two_machines_go_on_from_one_snapshot():
    """Both do the same and neither disturbs the other."""
    config = load(one_route("1s", "10s", "30s"))
    machine = Alertmanager(config, started_at=0)
    drive(machine, [(0, ReceiveAlerts((alert("a", 0, 50), alert("b", 0, 20))))], 15)
    snapshot = machine.snapshot()
    rest = []
    for _ in range(2):
        twin = Alertmanager(config, started_at=0)
        twin.restore(snapshot)
        rest.append(drive(twin, [(25, SetSilence(silence("alertname=x", 0, 100)))], 200))
    assert rest[0] == rest[1] == drive(machine, [], 200)
    assert [told(each) for each in notifications(rest[0])] == ["21 a(0) b(0,20)", "51 a(0,50)"]


def test_attempts_grow_apart():
    """Half as long again each time, to a minute at most."""
    assert [backoff_ms(attempt) for attempt in (1, 2, 3, 4, 50)] == [500, 750, 1125, 1687, 60_000]


def test_a_delivery_is_given_up_at_the_deadline():
    """Attempts end ten seconds after the flush at the latest, or with the group interval if that is longer."""
    attempts = []

    def down(effect: Notify, now: int):
        attempts.append(now)
        return DeliveryFailed(effect.delivery, can_retry=True)

    machine = Alertmanager(load(one_route("1s", "12s", "1h")), started_at=0)
    drive(machine, [(0, ReceiveAlerts((alert("a", 0, 100),)))], 12.9, down)
    assert attempts == [1000, 1500, 2250, 3375, 5062, 7593, 11389]
