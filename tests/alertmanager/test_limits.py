"""What a router takes no more of, and when it begins to look at groups."""

import attrs
import pytest

from obsflow.alertmanager import (
    ALERTMANAGER_0_25,
    Alertmanager,
    AlertRejected,
    GroupRefused,
    Limits,
    ReceiveAlerts,
    SetSilence,
    Silence,
    parse_matchers,
)
from obsflow.alertmanager.limits import silence_size
from obsflow.alertmanager.silences import Silences
from obsflow.errors import StateError
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels
from tests.alertmanager.loop import alert, drive, load, notifications, one_route, told

CONFIG = load(one_route("1s", "5s", "1h", "[alertname]"))
M, H = 60_000, 3_600_000


def named(name, i, start=1, end=None):
    return alert({"alertname": name, "i": str(i)}, start, end)


def test_alerts_of_a_name():
    """Those that are known may be told again; one that is over makes room; other names have room of their own."""
    machine = Alertmanager(CONFIG, started_at=0, limits=Limits(alerts_per_name=2))
    script = [
        (1, ReceiveAlerts((named("a", 1, 1, 5), named("a", 2, 1, 99), named("a", 3), named("b", 1)))),
        (4, ReceiveAlerts((named("a", 2, 1, 98), named("a", 3)))),
        (6, ReceiveAlerts((named("a", 3),))),
        (7, ReceiveAlerts((named("a", 1),))),
    ]
    effects = drive(machine, script, 8)
    refused = [(now, each.alert.labels["i"]) for now, each in effects if isinstance(each, AlertRejected)]
    assert refused == [(1000, "3"), (4000, "3"), (7000, "1")]
    assert {each.error for _, each in effects if isinstance(each, AlertRejected)} == {
        'too many alerts with alertname "a" (limit: 2)'
    }
    assert len(machine.alerts) == 4  # the one that is over is still known


def test_groups():
    """An alert that would need one too many is known and told to nobody; the groups that there are take more."""
    machine = Alertmanager(CONFIG, started_at=0, limits=Limits(groups=2))
    script = [(1, ReceiveAlerts((named("a", 1), named("b", 1), named("c", 1), named("a", 2))))]
    effects = drive(machine, script, 3)
    (refused,) = [each for _, each in effects if isinstance(each, GroupRefused)]
    assert refused == GroupRefused(1000, named("c", 1).labels, Labels(alertname="c"), "hook", "{}", 2)
    assert [told(each) for each in notifications(effects)] == ["2 a/1(1) a/2(1)", "2 b/1(1)"]
    assert len(machine.alerts) == 4


def test_nothing_is_looked_at_before_the_start():
    """What would have been is looked at then, what waits longer waits."""
    machine = Alertmanager(CONFIG, started_at=1000, limits=Limits(start_delay_ms=2000))
    script = [
        (1, ReceiveAlerts((alert("old", -3600),))),
        (2.5, ReceiveAlerts((alert("new", 2.5),))),
        (3.2, ReceiveAlerts((alert("late", -3600),))),
    ]
    sent = [told(each) for each in notifications(drive(machine, script, 4))]
    assert sent == ["3 old(-3600)", "3.2 late(-3600)", "3.5 new(2.5)"]


def test_without_a_delay_the_start_bounds_nothing():
    """What is sent to a router before its phase begins is told as ever."""
    machine = Alertmanager(CONFIG, started_at=60_000)
    assert [told(each) for each in notifications(drive(machine, [(1, ReceiveAlerts((alert("a", 1),)))], 3))] == [
        "2 a(1)"
    ]


def test_how_many_silences_and_how_large():
    """A change in place needs no room; what is refused leaves the old one as it was."""
    limits = Limits(silences=1, silence_bytes=400)
    silences = Silences((), limits)
    now = 1_000 * H
    first = silences.set(Silence("1", parse_matchers("a=b"), now, now + 5 * M), "", now)
    other = attrs.evolve(first, matchers=parse_matchers("a=c"))
    with pytest.raises(StateError, match=r"exceeded maximum number of silences: 1 \(limit: 1\)"):
        silences.set(other, "2", now)
    with pytest.raises(StateError, match=r"exceeded maximum number of silences: 1 \(limit: 1\)"):
        silences.set(attrs.evolve(other, id="3"), "", now)
    commented = silences.set(attrs.evolve(first, comment="m" * 300), "", now)
    with pytest.raises(StateError, match=r"silence exceeded maximum size: \d{3} bytes \(limit: 400 bytes\)"):
        silences.set(attrs.evolve(first, comment="m" * 400), "", now)
    assert list(silences) == [commented]
    silences.expire("1", now)
    silences.collect(now + limits.retention_ms)
    assert silences.set(attrs.evolve(other, id="3", ends_at=now + 2 * limits.retention_ms), "", now).id == "3"


@pytest.mark.parametrize(
    ("silence", "expected"),
    [
        # 2+1 id, 2+3+3 matcher, three times 2+6+2..., each counted by hand from the wire format
        (Silence("1", parse_matchers("a=b"), 1000, 2000, 1000), 2 + 3 + (2 + 6) + 3 * (2 + 2) + 2 + 4),
        (Silence("1", parse_matchers("a!=b"), 1000, 2000, 1000), 2 + 3 + (2 + 8) + 3 * (2 + 2) + 2 + 4),
        (Silence("é", parse_matchers("a=b"), 1000, 2000, 0, "me", "so"), 2 + 4 + 8 + 4 + 4 + 2 + 4 + 4 + 2 + 4),
        (Silence("1", parse_matchers("a=b"), 1001, 2000, 1000, "", "x" * 200), 3 + 3 + 8 + 16 + 203 + 2 + 4),
    ],
)
def test_the_size_of_a_silence(silence, expected):
    """Tags, lengths and varints of the stored message."""
    assert silence_size(silence, 432_000_000) == expected


@pytest.mark.parametrize(
    ("labels", "annotations", "error"),
    [
        ({"🙂": "b"}, {}, None),
        ({"a": "b\udcff"}, {"c": "\udcff"}, None),  # bytes that are not UTF-8, which no JSON can carry as they are
        ({"a": "b"}, {"": "b"}, 'invalid annotations: invalid name ""'),
        ({"": "b"}, {}, 'invalid label set: invalid name ""'),
        ({"a": "b"}, {"c": ""}, None),
    ],
)
def test_names_and_values(labels, annotations, error):
    """Any name that is not empty, and any value."""
    sent = Alert(Labels(labels), Labels.of_annotations(annotations), 1)
    effects = drive(Alertmanager(CONFIG, started_at=0), [(1, ReceiveAlerts((sent,)))], 1)
    assert [each.error for _, each in effects if isinstance(each, AlertRejected)] == ([] if error is None else [error])


def test_classic_names():
    """The old server takes no others."""
    machine = Alertmanager(CONFIG, compat=ALERTMANAGER_0_25, started_at=0)
    effects = drive(machine, [(1, ReceiveAlerts((alert({"🙂": "b"}), alert({"a": "b"}))))], 1)
    assert [each.error for _, each in effects] == ['invalid label set: invalid name "🙂"']
    assert [each.labels for each in machine.alerts] == [Labels(a="b")]


def test_silences_are_forgotten_whatever_happens():
    """Not only when somebody sets another."""
    machine = Alertmanager(CONFIG, started_at=0)
    machine.receive(SetSilence(Silence("1", parse_matchers("a=b"), 1000, 2000)), 1000)
    machine.receive(ReceiveAlerts((alert("a", 1),)), 2000 + 120 * H - 1)
    assert len(machine.silences) == 1
    machine.receive(ReceiveAlerts((alert("a", 1),)), 2000 + 120 * H)
    assert machine.silences == ()
