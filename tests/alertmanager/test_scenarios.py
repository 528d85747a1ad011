"""Notifications on a virtual clock: what is pushed when, and the exact instant and content of what follows."""

import attrs
import pytest

from obsflow.alertmanager import (
    ALERTMANAGER,
    ALERTMANAGER_0_25,
    OBSFLOW,
    Alertmanager,
    DeliveryAbandoned,
    DeliveryFailed,
    ExpireSilence,
    Notify,
    ReceiveAlerts,
    Reload,
    SetSilence,
    Silence,
    parse_matchers,
)
from obsflow.model.notifications import NotifyReason
from tests.alertmanager.loop import alert, drive, load, notifications, one_route, told


def push(at, *alerts):
    return at, ReceiveAlerts(alerts)


def silence(start, end, text, id_="s1"):
    return SetSilence(Silence(id_, parse_matchers(text), round(start * 1000), round(end * 1000)))


def run(config, script, until, compat=OBSFLOW, **driving):
    machine = Alertmanager(load(config, compat), compat=compat, started_at=0)
    return [told(each) for each in notifications(drive(machine, script, until, **driving))]


JOB_DOWN = """
inhibit_rules:
- {source_match: {alertname: JobDown}, target_match: {alertname: InstanceDown}, equal: [job, zone]}
"""


def instance(name, zone, *times):
    return alert({"alertname": name, "job": "testjob", "zone": zone}, *times)


SCENARIOS = {
    "the start moves back, the end is the one said, and a new alert after it makes a new group": (
        one_route("1s", "1s", "1ms", "[alertname]"),
        [
            push(1, alert("test", 1.1)),
            push(1.2, alert("test", 1)),
            push(2.1, alert("test", 2, ann="v1")),
            push(3.6, alert("test", 1.5, ann="v2")),
            push(4.6, alert("test", 3, 4.5, ann="v2")),
            push(4.8, alert("test", 2.9, 4.8, ann="v3")),
            push(4.8, alert("test", 2.9, 4.1, ann="v3")),
            push(5.3, alert("test", 5)),
        ],
        6.5,
        ["2 test(1)", "3 test(1)[v1]", "4 test(1)[v2]", "5 test(1,4.8)[v3]", "6.3 test(5)"],
    ),
    "a firing alert repeats, its end is told once": (
        one_route("1s", "1s", "1ms", "[alertname]"),
        [push(1, alert("test", 1)), push(3.5, alert("test", 1, 3))],
        10,
        ["2 test(1)", "3 test(1)", "4 test(1,3)"],
    ),
    "alerts without an end resolve after the resolve timeout": (
        one_route("1s", "5s", "4h", "[alertname]", "global: {resolve_timeout: 10s}"),
        [push(1, *(alert({"alertname": "test", "lbl": v}) for v in ("v1", "v2", "v3")))],
        60,
        ["2 test/v1(1) test/v2(1) test/v3(1)", "12 test/v1(1,11) test/v2(1,11) test/v3(1,11)"],
    ),
    "an alert is muted while an alert of the same job and zone fires that says so": (
        one_route("1s", "1s", "1s", more=JOB_DOWN),
        [
            push(1, alert("test1", 1), instance("InstanceDown", "aa", 1), instance("InstanceDown", "ab", 1)),
            push(2.2, instance("JobDown", "aa", 2.2)),
            push(3.6, instance("JobDown", "aa", 2.2, 3.6)),
        ],
        4.5,
        [
            "2 InstanceDown/aa(1) InstanceDown/ab(1) test1(1)",
            "3 InstanceDown/ab(1) JobDown/aa(2.2) test1(1)",
            "4 InstanceDown/aa(1) InstanceDown/ab(1) JobDown/aa(2.2,3.6) test1(1)",
        ],
    ),
    "a rule without any matcher mutes nothing": (
        one_route("1s", "1s", "1h", more="inhibit_rules: [{}]"),
        [push(1, alert("test1"))],
        3,
        ["2 test1(1)"],
    ),
    "a silence mutes from its start to its end": (
        one_route("1s", "1s", "1ms"),
        [
            push(1, alert("test1", 1), alert("test2", 1)),
            (2.3, silence(2.5, 4.5, "alertname=test1")),
        ],
        5.5,
        ["2 test1(1) test2(1)", "3 test2(1)", "4 test2(1)", "5 test1(1) test2(1)"],
    ),
    "a silence that is expired mutes no longer": (
        one_route("1s", "1s", "1ms"),
        [push(1, alert("test1", 1)), (2.3, silence(2.3, 100, "alertname=test1")), (4.2, ExpireSilence("s1"))],
        5,
        ["2 test1(1)", "5 test1(1)"],
    ),
    "an alert that comes and goes within the group wait is not told": (
        one_route("1s", "1s", "4h"),
        [push(1, alert("test1", 1)), push(1.5, alert("test1", 1, 1.5))],
        10,
        [],
    ),
    "an alert that came and went is told when another of its group fires": (
        one_route("1s", "1s", "4h"),
        [push(1, alert("test1", 1), alert("test2", 1)), push(1.5, alert("test1", 1, 1.5))],
        10,
        ["2 test1(1,1.5) test2(1)"],
    ),
    "an alert that comes and goes between two flushes is told as resolved while another fires": (
        one_route("1s", "5s", "4h"),
        [push(1, alert("a", 1)), push(3, alert("b", 3)), push(4, alert("b", 3, 4))],
        10,
        ["2 a(1)", "7 a(1) b(3,4)"],
    ),
    "an old alert does not wait for others": (
        one_route("10s", "60s", "4h"),
        [push(100, alert("old", 10)), push(100, alert({"alertname": "young", "job": "x"}, 95))],
        200,
        ["100 young(95) old(10)"],
    ),
    "an alert that just reached the group wait does": (
        one_route("10s", "60s", "4h"),
        [push(100, alert("old", 90))],
        200,
        ["110 old(90)"],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_notifications_come_when_the_timers_say(name):
    """What is told, and at which instant, is exactly what the scenario says."""
    config, script, until, expected = SCENARIOS[name]
    assert run(config, script, until) == expected


@pytest.mark.parametrize(
    ("repeat", "compat", "expected"),
    [
        ("5m", OBSFLOW, [0, 300, 600, 900]),
        ("5m", ALERTMANAGER, [0, 600]),
        ("7m", OBSFLOW, [0, 600]),
        ("7m", ALERTMANAGER, [0, 600]),
        ("10m", OBSFLOW, [0, 600]),
        ("10m", ALERTMANAGER, [0, 900]),
        ("15m", ALERTMANAGER, [0, 900]),
    ],
)
def test_a_repeat_interval_of_whole_group_intervals(repeat, compat, expected):
    """The repeat comes at the interval; Alertmanager, which counts from the delivery, is one flush late.

    But not where the drift of its timer makes up for the time that the delivery took.
    """
    text = one_route("0s", "5m", repeat)
    lines = run(text, [push(0, alert("a", 0, 10_000))], 1000, compat, latency_ms=2)
    assert [round(float(line.split()[0])) for line in lines] == expected


def test_the_end_of_an_alert_that_was_muted_then_is_told_when_it_is_not():
    """A receiver that knows it as firing hears of the end once the silence is over; Alertmanager never says it."""
    script = [
        push(1, alert("a", 1), alert("b", 1)),
        (3, silence(3, 20, "alertname=a")),
        push(5, alert("a", 1, 5)),
    ]
    text = one_route("1s", "5s", "4h")
    assert run(text, script, 60) == ["2 a(1) b(1)", "22 a(1,5) b(1)"]
    assert run(text, script, 60, ALERTMANAGER) == ["2 a(1) b(1)"]


def test_an_alert_that_fires_again_behind_a_silence_keeps_quiet_where_the_receiver_knows_it():
    """Having resolved and fired again unheard, it is still what the receiver was told."""
    script = [
        push(1, alert("a", 1)),
        (3, silence(3, 20, "alertname=a")),
        push(5, alert("a", 1, 5)),
        push(15, alert("a", 15)),
        push(40, alert("a", 15, 40)),
    ]
    assert run(one_route("1s", "5s", "4h"), script, 60) == ["2 a(1)", "42 a(15,40)"]


def test_a_group_that_emptied_lives_on_in_025():
    """Until the next half minute of the server an alert joins the emptied group and waits for its interval."""
    script = [
        push(31, alert("a", 31)),
        push(33, alert("a", 31, 33)),
        push(43, alert("b", 43)),
        push(70, alert("b", 43, 70)),
        push(95, alert("c", 95)),
    ]
    text = one_route("1s", "10s", "4h")
    assert run(text, script, 200, attrs.evolve(ALERTMANAGER_0_25, flush_drift_ms=0)) == [
        "32 a(31)",
        "42 a(31,33)",
        "52 b(43)",
        "72 b(43,70)",
        "96 c(95)",
    ]
    assert run(text, script, 200) == ["32 a(31)", "42 a(31,33)", "44 b(43)", "74 b(43,70)", "96 c(95)"]


def test_any_old_alert_flushes_a_new_group_in_025():
    """Only there; since then it is the alert that makes the group."""
    script = [push(100, alert("young", 99)), push(102, alert("old", 10))]
    text = one_route("10s", "60s", "4h")
    assert run(text, script, 130, ALERTMANAGER_0_25) == ["102 old(10) young(99)"]
    assert run(text, script, 130, ALERTMANAGER) == ["110 old(10) young(99)"]


def test_a_reload_makes_every_group_again():
    """Alerts that are known flush at once, the log keeps them from being told twice, and the interval starts anew."""
    config = load(one_route("1s", "6s", "10m"))
    machine = Alertmanager(config, started_at=0)
    script = [push(1, alert("test1")), (3, Reload(config)), push(4, alert("test2"))]
    assert [told(each) for each in notifications(drive(machine, script, 30))] == ["2 test1(1)", "9 test1(1) test2(4)"]


def test_a_failed_delivery_is_tried_again_within_its_flush():
    """Half a second later, then ever longer, until it arrives; nothing is told twice."""
    attempts = []

    def down_until_four(effect: Notify, now: int):
        attempts.append(now)
        return DeliveryFailed(effect.delivery, can_retry=True, error="503") if now < 4000 else None

    lines = run(one_route("1s", "1m", "1h"), [push(1, alert("test1", 1))], 30, answer=down_until_four)
    assert attempts == [2000, 2500, 3250, 4375]
    assert len(lines) == 4


def test_a_delivery_that_fails_for_good_is_told_at_the_next_flush():
    """The log does not list it, and an alert that resolved stays in the group until that is told."""
    machine = Alertmanager(load(one_route("1s", "20s", "1h")), started_at=0)

    def refused_once(effect: Notify, now: int):
        return DeliveryFailed(effect.delivery, can_retry=False, error="400") if now in (2000, 42000) else None

    script = [push(1, alert("a", 1)), push(30, alert("a", 1, 30))]
    effects = drive(machine, script, 100, refused_once)
    assert [told(each) for each in notifications(effects)] == ["2 a(1)", "22 a(1)", "42 a(1,30)", "62 a(1,30)"]
    assert [effect.error for _, effect in effects if isinstance(effect, DeliveryAbandoned)] == ["400", "400"]


def test_a_flush_waits_for_the_one_under_way():
    """A timer that fires during a long delivery is made up for when the delivery ends."""
    answers = iter([DeliveryFailed(0, can_retry=True)] * 4)

    def slow(effect: Notify, _: int):
        answer = next(answers, None)
        return answer and DeliveryFailed(effect.delivery, can_retry=True)

    script = [push(1, alert("a", 1)), push(3, alert("b", 3))]
    assert run(one_route("1s", "2s", "3s"), script, 6.5, answer=slow)[-2:] == ["2 a(1)", "6.062 a(1) b(3)"]


def test_one_failing_integration_does_not_hold_the_other():
    """Each integration has its own entry in the log."""
    text = """
route: {receiver: both, group_wait: 1s, group_interval: 20s, group_by: []}
receivers: [{name: both, webhook_configs: [{url: a}, {url: b}]}]
"""

    def second_is_down(effect: Notify, now: int):
        is_down = effect.notification.index == 1 and now < 10_000
        return DeliveryFailed(effect.delivery, can_retry=False) if is_down else None

    machine = Alertmanager(load(text), started_at=0)
    sent = notifications(drive(machine, [push(1, alert("a", 1, 1000))], 60, second_is_down))
    assert [(each.time, each.index) for each in sent] == [(2000, 0), (2000, 1), (22000, 1)]


def test_without_send_resolved_the_end_clears_the_log_unsaid():
    """Only firing alerts are shown; the same alert is then news again."""
    text = """
route: {receiver: mail, group_wait: 1s, group_interval: 5s, group_by: []}
receivers: [{name: mail, email_configs: [{}]}]
"""
    script = [push(1, alert("a", 1)), push(3, alert("a", 1, 3)), push(10, alert("a", 10))]
    machine = Alertmanager(load(text), started_at=0)
    sent = notifications(drive(machine, script, 20))
    assert [told(each) for each in sent] == ["2 a(1)", "11 a(10)"]
    assert [each.reason for each in sent] == [NotifyReason.FIRST_NOTIFICATION] * 2


def test_siblings_with_the_same_matchers():
    """Each tells the receiver by itself; in Alertmanager they share a log entry and only one does."""
    text = """
route:
  receiver: hook
  group_wait: 1s
  routes:
  - {matchers: [a=b], continue: true}
  - {matchers: [a=b], group_wait: 2s}
receivers: [{name: hook, webhook_configs: [{url: x}]}]
"""
    script = [push(1, alert({"a": "b"}, 1))]
    assert len(run(text, script, 10)) == 2
    assert len(run(text, script, 10, ALERTMANAGER)) == 1


HOURS = """
route:
  receiver: hook
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 10s
  routes: [{receiver: hook, %s_time_intervals: [early]}]
receivers: [{name: hook, webhook_configs: [{url: x}]}]
time_intervals: [{name: early, time_intervals: [{times: [{start_time: '00:00', end_time: '00:01'}]}]}]
"""


@pytest.mark.parametrize(("key", "expected"), [("mute", [61, 71, 81]), ("active", [1, 11, 21, 31, 41, 51])])
def test_time_intervals_mute_a_route(key, expected):
    """A route is quiet within its mute intervals and outside its active ones."""
    lines = run(HOURS % key, [push(0, alert("a", 0, 1000))], 85)
    assert [float(line.split()[0]) for line in lines] == expected
