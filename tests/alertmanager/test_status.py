"""How alerts, groups and silences stand at an instant."""

import pytest

from obsflow.alertmanager import (
    Alertmanager,
    AlertState,
    ReceiveAlerts,
    SetSilence,
    Silence,
    SilenceState,
    StandingFilter,
    parse_matcher,
    parse_matchers,
    select_alerts,
    select_groups,
)
from obsflow.alertmanager.silences import ENDED, MAY_CHANGE, Silences
from obsflow.model.labels import Labels
from obsflow.model.regex import LabelRegex
from tests.alertmanager.loop import alert, drive, load, one_route

RULES = """
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [a]}]
"""
WARNING, CRITICAL = {"a": "b", "severity": "warning"}, {"a": "b", "severity": "critical"}


def test_an_alert_is_silenced_and_inhibited_at_once():
    """Not only when its group is looked at next; one that nobody has looked at is unprocessed."""
    machine = Alertmanager(load(one_route("1s", "1h", "1h", more=RULES)), started_at=0)
    drive(machine, [(1, ReceiveAlerts((alert(WARNING, 1),)))], 1)

    def standings(now=3000):
        return [
            (each.alert.labels["severity"], each.state.value, each.silenced_by, each.inhibited_by, each.receivers)
            for each in machine.standings(now)
        ]

    assert standings(1000) == [("warning", "unprocessed", (), (), ("hook",))]
    drive(machine, [], 3)
    assert standings() == [("warning", "active", (), (), ("hook",))]
    machine.receive(SetSilence(Silence("s", parse_matchers("a=b"), 3000, 9000)), 3000)
    assert standings() == [("warning", "suppressed", ("s",), (), ("hook",))]
    machine.receive(ReceiveAlerts((alert(CRITICAL, 3),)), 3000)
    source = Labels(CRITICAL)
    both = sorted([Labels(WARNING), source], key=lambda each: each.fingerprint)
    assert standings() == [
        (each["severity"], "suppressed", ("s",), (source,) if each["severity"] == "warning" else (), ("hook",))
        for each in both
    ]
    machine.receive(ReceiveAlerts((alert(WARNING, 1, 4),)), 4000)
    assert standings(9001) == [("critical", "unprocessed", (), (), ("hook",))]


GROUPS = """
route:
  receiver: hook
  group_by: [team]
  group_wait: 1s
  routes:
  - {matchers: [team=b], mute_time_intervals: [never, always], continue: true}
  - {matchers: [team=b], receiver: other, active_time_intervals: [never]}
receivers: [{name: hook}, {name: other}]
time_intervals:
- {name: always, time_intervals: [{}]}
- {name: never, time_intervals: [{times: []}]}
"""


def test_groups_stand_by_their_labels():
    """Each with the intervals that mute it; what has resolved, and groups of nothing else, are left out."""
    machine = Alertmanager(load(GROUPS), started_at=0)
    sent = (alert({"team": "b"}, 1), alert({"team": "a"}, 1), alert({"team": "a", "x": "1"}, 1, 2), alert("c", 1, 2))
    drive(machine, [(1, ReceiveAlerts(sent))], 1)
    assert [
        (each.key, each.receiver, each.muted_by, each.next_flush_at, [alert.state for alert in each.alerts])
        for each in machine.groups(2000)
    ] == [
        ('{}:{team="a"}', "hook", (), 2000, [AlertState.UNPROCESSED]),
        ('{}/{team="b"}:{team="b"}', "hook", ("always",), 2000, [AlertState.SUPPRESSED]),
        ('{}/{team="b"}:{team="b"}', "other", ("never",), 2000, [AlertState.SUPPRESSED]),
    ]
    assert [each.route for each in machine.groups(2000)] == ["{}", '{}/{team="b"}/0', '{}/{team="b"}/1']


def test_silences_are_found_by_state_and_matcher():
    """Active ones by end, pending ones by start, ended ones the last first; a matcher counts only if it is the same."""
    texts = {"a": (0, 50), "b": (0, 40), "c": (30, 90), "d": (20, 90), "e": (0, 5), "f": (0, 9)}
    silences = Silences(
        tuple(Silence(id_, parse_matchers(f'x=y,id="{id_}"'), start, end) for id_, (start, end) in texts.items())
    )
    assert [each.id for each in silences.find(10)] == ["b", "a", "d", "c", "f", "e"]
    assert [each.id for each in silences.find(10, [SilenceState.PENDING])] == ["d", "c"]
    assert [each.id for each in silences.find(10, having=[parse_matcher("id=a"), parse_matcher("x=y")])] == ["a"]
    assert silences.find(10, having=[parse_matcher("id=~a")]) == []


@pytest.mark.parametrize(
    ("now", "state", "shown"),
    [
        (9, SilenceState.PENDING, SilenceState.PENDING),
        (10, SilenceState.ACTIVE, SilenceState.ACTIVE),
        (19, SilenceState.ACTIVE, SilenceState.ACTIVE),
        (20, SilenceState.ACTIVE, SilenceState.EXPIRED),
        (21, SilenceState.EXPIRED, SilenceState.EXPIRED),
    ],
)
def test_the_states_of_a_silence(now, state, shown):
    """Both ends belong to it, though the end is shown otherwise, and each state has its row in both tables."""
    silence = Silence("1", parse_matchers("a=b"), 10, 20)
    assert silence.state(now) is state
    assert silence.shown_state(now) is shown
    assert Silences((silence,)).find(now, [state]) == [silence]
    assert (state is SilenceState.ACTIVE) is silence.is_active(now)
    ended = ENDED[state](silence, now)
    assert not ended.is_active(now + 1)
    assert (ended is silence) is (state is SilenceState.EXPIRED)
    assert MAY_CHANGE.keys() == ENDED.keys() == set(SilenceState)


ASKED = """
route:
  receiver: hook
  group_by: [n]
  group_wait: 1s
  routes:
  - {matchers: [n=timed], receiver: night, mute_time_intervals: [always]}
receivers: [{name: hook}, {name: night}]
time_intervals: [{name: always, time_intervals: [{}]}]
inhibit_rules: [{source_matchers: [n=plain], target_matchers: [n=inhibited]}]
"""
EVERY = {"plain", "silenced", "inhibited", "timed", "fresh"}


@pytest.mark.parametrize(
    ("wanted", "alerts", "groups"),
    [
        ({}, EVERY, EVERY),
        ({"active": False}, EVERY - {"plain", "timed"}, EVERY - {"plain"}),
        ({"silenced": False}, EVERY - {"silenced"}, EVERY - {"silenced"}),
        ({"inhibited": False}, EVERY - {"inhibited"}, EVERY - {"inhibited"}),
        ({"unprocessed": False}, EVERY - {"fresh"}, EVERY - {"fresh"}),
        ({"muted": False}, EVERY, EVERY - {"timed"}),
        ({"matchers": parse_matchers('n=~"plain|timed",x=""')}, {"plain", "timed"}, {"plain", "timed"}),
        ({"matchers": parse_matchers('n!="plain"'), "silenced": False}, {"inhibited", "timed", "fresh"}, None),
        ({"receiver": LabelRegex("ni.*")}, {"timed"}, {"timed"}),
        ({"receiver": LabelRegex("nigh")}, set(), set()),
        ({"active": False, "silenced": False, "inhibited": False, "unprocessed": False}, set(), {"timed"}),
    ],
)
def test_what_the_api_is_asked_for(wanted, alerts, groups):
    """Each parameter takes out what it names, and a group without any alert that is left is none."""
    machine = Alertmanager(load(ASKED), started_at=0)
    drive(machine, [(1, ReceiveAlerts(tuple(alert({"n": name}, 1) for name in sorted(EVERY - {"fresh"}))))], 3)
    machine.receive(SetSilence(Silence("s", parse_matchers("n=silenced"), 3000, 9000)), 3000)
    machine.receive(ReceiveAlerts((alert({"n": "fresh"}, 3), alert({"n": "gone"}, 1, 2))), 3000)
    asked = StandingFilter(**wanted)
    assert {each.alert.labels["n"] for each in select_alerts(machine.standings(3000), asked)} == alerts
    found = select_groups(machine.groups(3000), asked)
    names = {each.alert.labels["n"] for group in found for each in group.alerts}
    assert names == (alerts if groups is None else groups)
    assert all(group.alerts for group in found)
