"""Notifications that open incidents: who is paged, and again while nobody answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flow.test_report import told

from obsflow.flow.response import page
from obsflow.incident import AddNote, IncidentOpened, NoteAdded, NoteKind, Page, Transition, load_config
from obsflow.model.durations import MINUTE_MS
from obsflow.model.notifications import AlertStatus

CONFIG = load_config(
    """
users:
- {name: ada, contact_methods: [{name: app, kind: push}]}
- {name: bob, contact_methods: [{name: app, kind: push}]}
policies:
- name: p
  levels:
  - {targets: [{user: ada}], escalate_after: 5m}
  - {targets: [{user: bob}], escalate_after: 5m}
  repeat: 1
services: [{name: team, policy: p}]
""",
    "incidents.yml",
)


def pages(notifications, end=100, **options):
    effects = page(notifications, CONFIG, end * MINUTE_MS, **options)
    return [(each.time // MINUTE_MS, each.user) for each in effects if isinstance(each, Page)]


def resolved(minute, **more):
    return told(minute, "A", status=AlertStatus.RESOLVED, **more)


@pytest.mark.parametrize(
    ("notifications", "expected"),
    [
        ([], []),
        ([told(1, "A")], [(1, "ada"), (6, "bob"), (11, "ada"), (16, "bob")]),
        ([told(1, "A"), resolved(4)], [(1, "ada")]),
        ([told(1, "A"), resolved(6)], [(1, "ada")]),  # an event comes before the timers of its instant
        ([told(1, "A"), told(3, "A"), resolved(8)], [(1, "ada"), (6, "bob")]),
        ([told(1, "A"), resolved(4), told(50, "A"), resolved(52)], [(1, "ada"), (50, "ada")]),
        ([told(1, "A", receiver="nobody")], []),
        ([told(50, "A"), told(1, "A"), resolved(3)], [(1, "ada"), (50, "ada"), (55, "bob"), (60, "ada"), (65, "bob")]),
    ],
)
def test_nobody_answers(notifications, expected):
    """The next level is turned to after five minutes, as long as the incident is open."""
    assert pages(notifications) == expected


def test_time_ends():
    """What would come later is not told."""
    assert pages([told(1, "A")], end=7) == [(1, "ada"), (6, "bob")]


@pytest.mark.parametrize(("after", "expected"), [(2, [(1, "ada")]), (5, [(1, "ada")]), (7, [(1, "ada"), (6, "bob")])])
def test_somebody_answers(after, expected):
    """Who was paged first acknowledges, which stops the escalation, also at the very instant of the next level."""
    assert pages([told(1, "A")], end=25, acknowledged_after_ms=after * MINUTE_MS) == expected


@pytest.mark.parametrize(
    ("at", "taken"),
    [(0, 1), (1, 1), (30, 30), (95, 95), (100, 100), (500, 100)],
)
def test_notes_are_taken_when_they_happen(at, taken):
    """While there is no incident yet, when it opens; what comes after the end, at the end; also when it is over."""
    note = AddNote(1, "ada", "x", NoteKind.DECISION, at * MINUTE_MS)
    effects = page([told(1, "A"), resolved(90)], CONFIG, 100 * MINUTE_MS, notes=[note, AddNote(2, "bob", "y")])
    notes = [(each.time // MINUTE_MS, each.occurred_at // MINUTE_MS) for each in effects if isinstance(each, NoteAdded)]

    assert notes == [(taken, at)]
    assert [each.time for each in effects] == sorted(each.time for each in effects)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.booleans(), st.sampled_from(["team", "nobody"])), max_size=12),
    st.none() | st.integers(0, 20),
)
def test_every_page_is_of_an_open_incident(words, after):
    """Time never goes back, and nobody is paged for what is not there or over."""
    notifications = [
        told(minute, "A", receiver=receiver, status=AlertStatus.FIRING if fires else AlertStatus.RESOLVED)
        for minute, fires, receiver in words
    ]
    after_ms = None if after is None else after * MINUTE_MS
    effects = page(notifications, CONFIG, 100 * MINUTE_MS, acknowledged_after_ms=after_ms)

    assert [each.time for each in effects] == sorted(each.time for each in effects)
    states = {}
    for each in effects:
        if isinstance(each, IncidentOpened):
            states[each.incident] = "triggered"
        if isinstance(each, Transition):
            states[each.incident] = each.to_state.value
        if isinstance(each, Page):
            assert states[each.incident] == "triggered"
