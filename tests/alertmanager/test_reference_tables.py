"""Alertmanager's own tables that no other file has: routes in mixed syntax, ids, lives of silences and groups."""

import attrs
import pytest

from obsflow.alertmanager import (
    Alertmanager,
    Delivered,
    DeliveryFailed,
    Notify,
    ReceiveAlerts,
    Silence,
    SilenceState,
    parse_matchers,
)
from obsflow.alertmanager.limits import AlertCounts
from obsflow.alertmanager.silences import Silences
from obsflow.errors import StateError
from obsflow.model.labels import Labels
from tests.alertmanager.loop import alert, load, one_route, told

M, H = 60_000, 3_600_000
NOW = 1_000 * H

MIXED = """
route:
  receiver: notify-def
  routes:
  - match: {owner: team-A}
    matchers: [level!="critical"]
    receiver: notify-A
    routes:
    - {match: {env: testing}, matchers: ['baz!~".*quux"'], receiver: notify-testing, group_by: [...]}
    - {match: {env: production}, receiver: notify-productionA, group_wait: 1m, continue: true}
    - match_re: {env: 'produ.*'}
      matchers: ['job=~".*"']
      receiver: notify-productionB
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 1h
      group_by: [job]
  - match_re: {owner: 'team-(B|C)'}
    group_by: [foo, bar]
    group_wait: 2m
    receiver: notify-BC
  - matchers: [group_by="role"]
    group_by: [role]
    routes:
    - match: {env: testing}
      receiver: notify-testing
      routes: [{matchers: [wait="long"], group_wait: 2m}]
receivers:
- {name: notify-def}
- {name: notify-A}
- {name: notify-testing}
- {name: notify-productionA}
- {name: notify-productionB}
- {name: notify-BC}
"""
A, ROLE = '{}/{level!="critical",owner="team-A"}', '{}/{group_by="role"}'


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"owner": "team-A"}, [("notify-A", A, 30)]),
        ({"owner": "team-A", "env": "unset"}, [("notify-A", A, 30)]),
        ({"owner": "team-A", "level": "critical"}, [("notify-def", "{}", 30)]),
        ({"owner": "team-C"}, [("notify-BC", '{}/{owner=~"^(?:team-(B|C))$"}', 120)]),
        ({"owner": "team-A", "env": "testing"}, [("notify-testing", A + '/{baz!~".*quux",env="testing"}', 30)]),
        ({"owner": "team-A", "env": "testing", "baz": "aquux"}, [("notify-A", A, 30)]),
        (
            {"owner": "team-A", "env": "production"},
            [
                ("notify-productionA", A + '/{env="production"}', 60),
                ("notify-productionB", A + '/{env=~"^(?:produ.*)$",job=~".*"}', 30),
            ],
        ),
        ({"group_by": "role"}, [("notify-def", ROLE, 30)]),
        ({"group_by": "role", "env": "testing"}, [("notify-testing", ROLE + '/{env="testing"}', 30)]),
        (
            {"group_by": "role", "env": "testing", "wait": "long"},
            [("notify-testing", ROLE + '/{env="testing"}/{wait="long"}', 120)],
        ),
    ],
)
def test_old_and_new_keys_in_one_route(labels, expected):
    """All of them must match, and in the key each stands as it was written."""
    routes = load(MIXED).route.match(Labels(labels))
    assert [(each.receiver, each.key, each.group_wait_ms // 1000) for each in routes] == expected


def test_ids():
    """Siblings are told apart though they have the same matchers, and whatever their receivers."""
    text = """
route:
  receiver: default
  routes:
  - {continue: true, matchers: [foo=bar], receiver: test1, routes: [{matchers: [bar=baz]}]}
  - {continue: true, matchers: [foo=bar], receiver: test1, routes: [{matchers: [bar=baz]}]}
  - {continue: true, matchers: [foo=bar], receiver: test2, routes: [{matchers: [bar=baz]}]}
  - {continue: true, matchers: [bar=baz], receiver: test3, routes: [{matchers: [baz=qux]}, {matchers: [qux=corge]}]}
  - {continue: true, matchers: ['qux=~"[a-zA-Z0-9]+"']}
  - {continue: true, matchers: ['corge!~"[0-9]+"']}
receivers: [{name: default}, {name: test1}, {name: test2}, {name: test3}]
"""
    foo, bar = '{}/{foo="bar"}', '{}/{bar="baz"}'
    assert [route.id for route in load(text).route.walk()] == [
        "{}",
        f"{foo}/0",
        foo + '/0/{bar="baz"}/0',
        f"{foo}/1",
        foo + '/1/{bar="baz"}/0',
        f"{foo}/2",
        foo + '/2/{bar="baz"}/0',
        f"{bar}/3",
        bar + '/3/{baz="qux"}/0',
        bar + '/3/{qux="corge"}/1',
        '{}/{qux=~"[a-zA-Z0-9]+"}/4',
        '{}/{corge!~"[0-9]+"}/5',
    ]


def silence(start, end, text="foo=bar", id_="1"):
    return Silence(id_, parse_matchers(text), NOW + start, NOW + end)


def test_a_silence_that_is_set_again_and_again():
    """Created, begun at once, unchanged, commented, extended, replaced, begun again; one without an end is refused."""
    silences = Silences()
    assert silences.set(silence(2 * M, 5 * M, id_="a"), "", NOW).starts_at == NOW + 2 * M
    second = silences.set(attrs.evolve(silence(M, 2 * M, "foo=baz", "b")), "", NOW + M)
    assert silences.set(second, "", NOW + M).id == "b"
    assert silences.set(attrs.evolve(second, comment="c"), "", NOW + M).id == "b"
    longer = silences.set(attrs.evolve(second, ends_at=NOW + 100 * M), "", NOW + 2 * M)
    assert (longer.id, longer.ends_at, longer.updated_at) == ("b", NOW + 100 * M, NOW + 2 * M)
    other = silences.set(attrs.evolve(longer, matchers=parse_matchers("foo=qux")), "c", NOW + 3 * M)
    assert (other.id, silences.get("b").ends_at) == ("c", NOW + 3 * M)
    again = silences.set(silence(0, 5 * M, "foo=baz", "b"), "d", NOW + 4 * M)
    assert (again.id, again.starts_at, again.ends_at) == ("d", NOW + 4 * M, NOW + 5 * M)
    with pytest.raises(ValueError, match="invalid silence: invalid zero end timestamp"):
        attrs.evolve(again, starts_at=0, ends_at=0)
    assert silences.get("d") == again


def test_what_mutes_an_alert_as_silences_come_and_go():
    """None, one of another label, one, past its end, put off, begun, and two that overlap."""
    silences, labels = Silences(), Labels(foo="bar")
    assert silences.muting(labels, NOW) == ()
    silences.set(silence(0, 5 * M, "foo=baz", "other"), "", NOW)
    assert silences.muting(labels, NOW) == ()
    silences.set(silence(0, 5 * M, id_="1"), "", NOW)
    assert silences.muting(labels, NOW) == ("1",)
    later = NOW + H
    assert silences.muting(labels, later) == ()
    silences.set(silence(2 * H, 4 * H, id_="1"), "2", later)
    assert silences.muting(labels, later) == ()
    assert silences.muting(labels, NOW + 2 * H) == ("2",)
    silences.set(silence(3 * H, 5 * H, "foo=~b..", "3"), "", NOW + 2 * H)
    assert [silences.muting(labels, NOW + hours * H) for hours in (2, 3, 4, 5)] == [
        ("2",),
        ("2", "3"),
        ("2", "3"),
        ("3",),
    ]
    assert silences.muting(labels, NOW + 4 * H + 1) == ("3",)


@pytest.mark.parametrize(
    ("span", "now", "state"),
    [
        ((0, H), -1, SilenceState.PENDING),
        ((0, H), M, SilenceState.ACTIVE),
        ((0, H), H + 1, SilenceState.EXPIRED),
    ],
)
def test_silences_are_asked_for_by_state(span, now, state):
    """Each is in exactly one."""
    silences = Silences((silence(*span),))
    assert [len(silences.find(NOW + now, [each])) for each in SilenceState] == [each is state for each in SilenceState]


def test_silences_are_forgotten_over_time():
    """Each when its retention is over; one that was extended later, one that was ended early sooner."""
    silences = Silences((silence(0, H, id_="short"), silence(0, 2 * H, id_="long"), silence(0, 9 * H, id_="ended")))
    silences.set(silence(0, 3 * H, id_="short"), "", NOW + M)
    silences.expire("ended", NOW + H)
    left = []
    for hours in (1, 2, 3):
        silences.collect(NOW + (120 + hours) * H)
        left.append([each.id for each in silences])
    assert left == [["short", "long"], ["short"], []]


def test_as_many_silences_as_there_may_be():
    """The new one for which another ends needs room too, unless it is changed in place."""
    counted = attrs.evolve(Silences()._limits, silences=1)
    silences = Silences((silence(0, H),), counted)
    assert silences.set(silence(0, 2 * H), "", NOW).ends_at == NOW + 2 * H
    with pytest.raises(StateError, match=r"exceeded maximum number of silences: 1 \(limit: 1\)"):
        silences.set(silence(0, H, "foo=qux"), "2", NOW)
    silences.expire("1", NOW)
    with pytest.raises(StateError, match=r"exceeded maximum number of silences: 1 \(limit: 1\)"):
        silences.set(silence(0, H, "foo=qux", "3"), "", NOW)
    assert [each.id for each in silences] == ["1"]


def test_a_bucket_of_alerts():
    """What is in may come again, what is over makes room, the one that is over first; what is full takes no more."""
    counts = AlertCounts(2)

    def takes(name, ends_at, now):
        try:
            counts.admit(Labels(alertname="a", i=name), ends_at, now)
        except ValueError:
            return False
        return True

    assert [takes(*each) for each in (("1", 50, 0), ("2", 40, 0), ("3", 90, 0), ("1", 60, 0), ("3", 90, 40))] == [
        True, True, False, True, False,
    ]  # fmt: skip
    assert [takes(*each) for each in (("3", 90, 41), ("2", 90, 42), ("1", 55, 43), ("2", 90, 56))] == [
        True, False, True, True,
    ]  # fmt: skip


# how the delivery of the end ends, what is heard before that, what is told, and what the group holds then
ENDINGS = {
    "it arrives: the resolved one leaves, and is not told again": (True, [], ["11 a(0,5) b(0)"], {"b"}),
    "it fails: the resolved one stays, and is told again": (
        False,
        [],
        ["11 a(0,5) b(0)", "21 a(0,5) b(0)"],
        {"a", "b"},
    ),
    "it fires again while it is told: it stays, and is news": (
        True,
        [alert("a", 12, 99)],
        ["11 a(0,5) b(0)", "21 a(12) b(0)"],
        {"a", "b"},
    ),
    "it is said to have ended again while that is told: it stays, and is told no more": (
        True,
        [alert("a", 0, 6)],
        ["11 a(0,5) b(0)"],
        {"a", "b"},
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_when_a_resolved_alert_leaves_its_group(name):
    """Once its end is delivered, unless it was heard of meanwhile."""
    arrives, meanwhile, expected, left = ENDINGS[name]
    machine = Alertmanager(load(one_route("1s", "10s", "4h")), started_at=0)
    machine.receive(ReceiveAlerts((alert("a", 0, 5), alert("b", 0, 900))), 0)
    (first,) = machine.poll(1000)
    machine.receive(Delivered(first.delivery), 1000)
    (second,) = machine.poll(11_000)
    if meanwhile:
        machine.receive(ReceiveAlerts(tuple(meanwhile)), 12_000)
    failed = DeliveryFailed(second.delivery, can_retry=False)
    machine.receive(Delivered(second.delivery) if arrives else failed, 13_000)
    (group,) = machine.snapshot().groups.values()
    assert {each["alertname"] for each in group.alerts} == left
    rest = [each for each in machine.poll(21_000) if isinstance(each, Notify)]
    assert [told(each.notification) for each in (second, *rest)] == expected
