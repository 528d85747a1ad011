"""Routes that are quiet by the hour: which intervals are named, in the place that they are about."""

import zoneinfo

import pytest

from obsflow.alertmanager import Alertmanager, TimeMuted
from obsflow.model.labels import Labels
from obsflow.model.times import parse_time
from tests.alertmanager.loop import load

CONFIG = """
route:
  receiver: hook
  routes:
  - {matchers: [kind=muted], mute_time_intervals: [evenings, weekends]}
  - {matchers: [kind=active], active_time_intervals: [weekdays]}
  - {matchers: [kind=both], active_time_intervals: [weekdays], mute_time_intervals: [lunch]}
receivers: [{name: hook, webhook_configs: [{url: x}]}]
time_intervals:
- name: evenings
  time_intervals:
  - times: [{start_time: '00:00', end_time: '09:00'}, {start_time: '17:00', end_time: '24:00'}]
    location: Australia/Sydney
- name: weekends
  time_intervals: [{weekdays: ['saturday', 'sunday'], location: Australia/Sydney}]
- name: weekdays
  time_intervals:
  - weekdays: ['monday:friday']
    times: [{start_time: '09:00', end_time: '17:00'}]
    location: Australia/Sydney
- name: lunch
  time_intervals: [{times: [{start_time: '12:00', end_time: '13:00'}], location: Australia/Sydney}]
"""


def cause(kind, time):
    machine = Alertmanager(load(CONFIG, zones=zoneinfo.ZoneInfo), started_at=0)
    labels = Labels(kind=kind)
    (route,) = machine.routes(labels)
    return machine.mute_cause(labels, route, parse_time(time))


@pytest.mark.parametrize(
    ("time", "names"),
    [
        ("2024-01-01T00:00:00+11:00", ("evenings",)),
        ("2024-01-01T09:00:00+11:00", ()),
        ("2024-01-06T10:00:00+11:00", ("weekends",)),
        ("2024-01-06T17:00:00+11:00", ("evenings", "weekends")),
        ("2024-01-01T10:00:00Z", ("evenings",)),
        ("2024-01-06T10:00:00Z", ("evenings", "weekends")),
        ("2024-07-01T08:59:59+10:00", ("evenings",)),  # winter has another offset
        ("2024-07-01T09:00:00+10:00", ()),
    ],
)
def test_mute_intervals(time, names):
    """All that contain the instant are named, in the order of the route; without any nothing is muted."""
    assert cause("muted", time) == (TimeMuted(names, is_active_kind=False) if names else None)


@pytest.mark.parametrize(
    ("time", "is_muted"),
    [
        ("2024-01-01T00:00:00+11:00", True),
        ("2024-01-01T09:00:00+11:00", False),
        ("2024-01-06T10:00:00+11:00", True),
        ("2024-01-06T10:00:00Z", True),
    ],
)
def test_active_intervals(time, is_muted):
    """Outside of all of them everything is muted, and they are named."""
    assert cause("active", time) == (TimeMuted(("weekdays",), is_active_kind=True) if is_muted else None)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2024-01-01T11:59:59+11:00", None),
        ("2024-01-01T12:00:00+11:00", TimeMuted(("lunch",), is_active_kind=False)),
        ("2024-01-06T12:00:00+11:00", TimeMuted(("weekdays",), is_active_kind=True)),
    ],
)
def test_both_kinds(time, expected):
    """The active ones are asked first."""
    assert cause("both", time) == expected
