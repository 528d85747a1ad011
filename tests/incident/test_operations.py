"""What those who run the machine tell it: maintenance, heartbeats, changes, support hours, another configuration."""

import pytest

from obsflow.errors import StateError
from obsflow.incident import (
    Acknowledge,
    AddNote,
    AlertsReceived,
    Beat,
    Change,
    ChannelUpdate,
    EndMaintenance,
    Escalate,
    Escalated,
    IncidentState,
    MaintenanceChanged,
    Merge,
    Move,
    NoteAdded,
    NoteKind,
    Page,
    PageCause,
    PagesHeld,
    PartlyAcknowledged,
    Reassign,
    Reload,
    Reminder,
    Resolve,
    Snooze,
    SourceResolve,
    StartMaintenance,
    Unacknowledge,
    Urgency,
    parse_event,
    timeline,
)
from obsflow.model.notifications import AlertStatus
from tests.incident.samples import (
    CONFIG,
    HOUR,
    MINUTE,
    instant,
    load,
    machine,
    notification,
    of_kind,
    pages,
    run,
    trigger,
)

HOURS = (
    "policy: backend, support_hours: {time_zone: Europe/Zurich, raises: true, restrictions: "
    '[{weekdays: ["monday:friday"], start_time: "09:00", end_time: "17:00"}]},'
)


def with_hours(**changes):
    text = CONFIG.replace("policy: backend,", HOURS).replace(", auto_resolve: 4h", "")
    for old, new in changes.items():
        text = text.replace(f"{old}: true", f"{old}: {new}")
    return text


# -- acknowledgements


def test_who_acknowledged_is_reminded():
    """Every so often while it is acknowledged, by an effect of its own and not by a page."""
    incidents = machine(
        CONFIG.replace("acknowledge_timeout: 30m", "acknowledge_timeout: 30m, acknowledge_reminder: 10m")
    )
    incidents.receive(trigger(), 0)
    incidents.receive(Acknowledge(1, "ada"), 0)
    incidents.poll(0)
    effects = run(incidents, 30 * MINUTE)

    assert of_kind(effects, Reminder) == [Reminder(at * MINUTE, 1, "ada", at * MINUTE) for at in (10, 20)]
    assert incidents.incident(1).state is IncidentState.TRIGGERED  # the timeout came first


@pytest.mark.parametrize(
    ("wanted", "people", "states"),
    [
        ("1", ("ada", "bob"), ("acknowledged", "acknowledged")),
        ("2", ("ada", "ada", "bob"), ("triggered", "triggered", "acknowledged")),
        ("3", ("ada", "bob"), ("triggered", "acknowledged")),  # no more than were paged
        ("all", ("ada", "eve"), ("triggered", "acknowledged")),  # whoever it is
    ],
)
def test_several_acknowledgements(wanted, people, states):
    """As many different people as the level asks for, and no more than it paged."""
    text = CONFIG.replace("[{user: ada}, {channel:", "[{user: ada}, {user: bob}, {channel:")
    incidents = machine(text.replace("escalate_after: 5m}", f"escalate_after: 5m, acknowledgements: {wanted}}}"))
    incidents.receive(trigger(), 0)
    found = []
    for by in people:
        incidents.receive(Acknowledge(1, by), MINUTE)
        found.append(incidents.incident(1).state.value)

    assert tuple(found) == states


def test_an_acknowledgement_that_is_taken_back_counts_no_more():
    """Those who acknowledged have to do so again; also after a level that was missed by some of them."""
    text = CONFIG.replace("[{user: ada}, {channel:", "[{user: ada}, {user: bob}, {channel:")
    incidents = machine(text.replace("escalate_after: 5m}", "escalate_after: 5m, acknowledgements: all}"))
    incidents.receive(trigger(), 0)
    for by in ("ada", "bob"):
        incidents.receive(Acknowledge(1, by), 0)
    incidents.receive(Unacknowledge(1, "ada"), MINUTE)
    assert incidents.incident(1).acknowledgers == ()
    incidents.receive(Acknowledge(1, "ada"), MINUTE)
    incidents.receive(trigger(key="low", urgency=Urgency.LOW), MINUTE)
    incidents.receive(Acknowledge(2, "ada"), MINUTE)
    incidents.receive(trigger(key="low"), 2 * MINUTE)
    effects = incidents.poll(2 * MINUTE)

    assert [(each.incident, each.missing) for each in of_kind(effects, PartlyAcknowledged)] == [(1, 1), (1, 1), (2, 1)]
    assert [page.user for page in of_kind(effects, Page) if page.incident == 2 and page.urgency is Urgency.HIGH] == [
        "bob"
    ]


def test_the_turn_of_a_round_robin_stays_with_the_incident():
    """Who was paged is paged again when the acknowledgement times out; the next incident is for the next."""
    text = CONFIG.replace("[{user: bob}], escalate_after: 10m", "[{user: bob}, {user: eve}], round_robin: true")
    incidents = machine(
        text.replace('levels:\n  - {targets: [{user: ada}, {channel: "#backend"}], escalate_after: 5m}', "levels:")
    )
    found = []
    for number, key in enumerate("abc", 1):
        incidents.receive(trigger(key=key), 0)
        incidents.receive(Acknowledge(number, "x"), 0)
    found += pages(incidents.poll(0))
    for number in (2, 1, 3):
        incidents.receive(Unacknowledge(number, "x"), MINUTE)
    found += pages(incidents.poll(MINUTE))

    assert [user for _, user, _ in found] == ["bob", "eve", "bob", "eve", "bob", "bob"]


# -- maintenance


def test_what_is_held_is_told():
    """That nobody is paged and until when; and at the end, why they are."""
    incidents = machine()
    incidents.receive(StartMaintenance("pager", "eve", HOUR), 0)
    incidents.receive(trigger(), MINUTE)
    effects = run(incidents, HOUR)

    assert of_kind(effects, MaintenanceChanged) == [MaintenanceChanged(0, 0, "pager", "eve", HOUR)]
    assert of_kind(effects, PagesHeld) == [PagesHeld(MINUTE, 1, HOUR)]
    assert [(each.time, each.reason.cause) for each in of_kind(effects, Page)] == [(HOUR, PageCause.QUIET_ENDED)]


def test_by_hand_people_are_paged_in_a_maintenance_too():
    """Who escalates or reassigns is heard; what follows by itself waits for the end."""
    incidents = machine()
    incidents.receive(StartMaintenance("pager", "eve", HOUR), 0)
    incidents.receive(trigger(), 0)
    incidents.receive(Escalate(1, "eve"), MINUTE)
    incidents.receive(Reassign(1, "eve", users=("ada",)), 2 * MINUTE)

    assert pages(run(incidents, HOUR)) == [
        (MINUTE, "bob", "push"),
        (2 * MINUTE, "ada", "push"),
        (HOUR, "ada", "phone"),
    ]


def test_a_maintenance_replaces_the_one_before():
    """Longer or shorter; what waits follows, and one that is over cannot be ended."""
    incidents = machine()
    incidents.receive(StartMaintenance("pager", "eve", HOUR), 0)
    incidents.receive(trigger(), MINUTE)
    incidents.receive(StartMaintenance("pager", "eve", 2 * HOUR), 2 * MINUTE)
    assert incidents.next_timer() == 2 * HOUR
    incidents.receive(StartMaintenance("pager", "eve", 3 * MINUTE), 2 * MINUTE)
    assert pages(run(incidents, 3 * MINUTE)) == [(3 * MINUTE, "ada", "push")]
    with pytest.raises(StateError, match="in no maintenance"):
        incidents.receive(EndMaintenance("pager", "eve"), 4 * MINUTE)


def test_an_urgency_that_rises_as_a_maintenance_ends():
    """The level is turned to once, by the rules of the higher urgency."""
    incidents = machine()
    incidents.receive(StartMaintenance("pager", "eve", HOUR), 0)
    incidents.receive(trigger(urgency=Urgency.LOW), 0)
    incidents.receive(trigger(), HOUR)
    effects = run(incidents, HOUR)

    assert [(each.move, each.cause) for each in of_kind(effects, Escalated)] == [(Move.START, PageCause.WORSENED)]
    assert pages(effects) == [(HOUR, "ada", "push")]


def test_a_snooze_or_an_acknowledgement_in_a_maintenance():
    """The end of the maintenance pages for neither; what ends in it pages at its end."""
    incidents = machine()
    incidents.receive(StartMaintenance("pager", "eve", HOUR), 0)
    for number, key in enumerate("ab", 1):
        incidents.receive(trigger(key=key), 0)
        incidents.receive(Acknowledge(number, "ada"), 0)
    incidents.receive(Snooze(2, "ada", 2 * HOUR), 0)
    incidents.receive(Unacknowledge(1, "ada"), MINUTE)
    effects = run(incidents, HOUR)

    assert [(page.time, page.incident) for page in of_kind(effects, Page)] == [(HOUR, 1)]


def test_the_timeline_tells_of_it():
    """That nobody was paged, who acknowledged in part, and who was reminded."""
    text = CONFIG.replace("[{user: ada}, {channel:", "[{user: ada}, {user: bob}, {channel:")
    text = text.replace("escalate_after: 5m}", "escalate_after: 5m, acknowledgements: all}")
    incidents = machine(text.replace("acknowledge_timeout: 30m", "acknowledge_reminder: 10m"))
    incidents.receive(StartMaintenance("pager", "eve", MINUTE), 0)
    incidents.receive(trigger(), 0)
    effects = run(incidents, MINUTE)
    for by in ("ada", "bob"):
        incidents.receive(Acknowledge(1, by), 2 * MINUTE)
    told = [(entry.kind, entry.text) for entry in timeline(effects + run(incidents, 12 * MINUTE), 1)]

    for expected in (
        ("maintenance", "nobody is paged, the service is in maintenance until 1970-01-01T00:01:00Z"),
        ("state", "acknowledged by ada, 1 more needed"),
        ("reminder", "bob acknowledged 10m ago, and it is still open"),
    ):
        assert expected in told


# -- heartbeats


def test_a_missed_heartbeat_has_an_incident_of_its_own():
    """With an alert that says since when; each time that it is missed, another."""
    incidents = machine(CONFIG.replace("policy: empty}", "policy: empty, heartbeats: [{name: cron, timeout: 1h}]}"))
    for minute in (0, 90, 200):
        incidents.receive(Beat("empty", "cron"), minute * MINUTE)
    incidents.poll(300 * MINUTE)
    found = [(each.title, each.opened_at // MINUTE, each.state.value) for each in incidents.incidents]
    (alert,) = incidents.incident(1).alerts

    assert found == [
        ("no heartbeat of cron for 1h", 60, "resolved"),
        ("no heartbeat of cron for 1h", 150, "resolved"),
        ("no heartbeat of cron for 1h", 260, "triggered"),
    ]
    assert (alert.labels["heartbeat"], alert.starts_at, alert.ends_at) == ("cron", HOUR, 90 * MINUTE)
    assert incidents.next_timer() is None or incidents.next_timer() > 260 * MINUTE


def test_a_heartbeat_that_is_configured_no_more_is_not_missed():
    """And one with another timeout is missed by that."""
    text = CONFIG.replace(
        "policy: empty}", "policy: empty, heartbeats: [{name: a, timeout: 1h}, {name: b, timeout: 1h}]}"
    )
    incidents = machine(text)
    for name in "ab":
        incidents.receive(Beat("empty", name), 0)
    other = CONFIG.replace("policy: empty}", "policy: empty, heartbeats: [{name: b, timeout: 2h, severity: info}]}")
    incidents.receive(Reload(load(other)), MINUTE)
    incidents.poll(3 * HOUR)

    assert [(each.title, each.opened_at, each.urgency) for each in incidents.incidents] == [
        ("no heartbeat of b for 2h", 2 * HOUR, Urgency.LOW)
    ]


def test_what_is_late_is_in_order():
    """Heartbeats that are missed and timers of incidents, each at its own time, if nobody polls for hours."""
    late, polled = (
        machine(CONFIG.replace("policy: empty}", "policy: empty, heartbeats: [{name: cron, timeout: 10m}]}"))
        for _ in range(2)
    )
    for each in (late, polled):
        each.receive(Beat("empty", "cron"), 0)
        each.receive(trigger(), 0)

    assert late.poll(HOUR) == run(polled, HOUR)


# -- changes


def test_changes_are_noted_in_the_incidents_that_they_may_have_caused():
    """In those that are open, and in those that open within the hour after."""
    incidents = machine()
    incidents.receive(trigger(key="before"), 0)
    incidents.receive(Change("pager", "v2 deployed", MINUTE, "ci"), 2 * MINUTE)
    incidents.receive(Change("office", "elsewhere", MINUTE), 2 * MINUTE)
    incidents.receive(trigger(key="after"), 61 * MINUTE)
    incidents.receive(trigger(key="late"), 61 * MINUTE + 1)
    effects = incidents.poll(61 * MINUTE + 1)

    assert of_kind(effects, NoteAdded) == [
        NoteAdded(2 * MINUTE, 1, "ci", "v2 deployed", NoteKind.DEPLOYMENT, MINUTE),
        NoteAdded(61 * MINUTE, 2, "ci", "v2 deployed", NoteKind.DEPLOYMENT, MINUTE),
    ]


# -- urgency


@pytest.mark.parametrize(
    ("at", "urgency"),
    [
        ("2026-01-05T08:59", Urgency.LOW),
        ("2026-01-05T09:00", Urgency.HIGH),
        ("2026-01-05T16:59", Urgency.HIGH),
        ("2026-01-05T17:00", Urgency.LOW),
        ("2026-01-10T12:00", Urgency.LOW),
        ("2026-03-30T09:00", Urgency.HIGH),  # by the clock on the wall, the day after it went forward
    ],
)
def test_support_hours_decide_the_urgency(at, urgency):
    """Whatever the alerts say."""
    incidents = machine(with_hours())
    now = instant(at, "Europe/Zurich")
    incidents.receive(trigger(urgency=Urgency.LOW), now)

    assert incidents.incident(1).urgency is urgency


def test_the_urgency_rises_when_the_support_hours_begin():
    """What waited through the night is urgent in the morning; what is acknowledged stays quiet, and wakes up urgent."""
    incidents = machine(with_hours())
    night, morning = (instant(f"2026-01-05T{hour}", "Europe/Zurich") for hour in ("03:00", "09:00"))
    incidents.receive(trigger(key="waits"), night)
    incidents.receive(trigger(key="taken"), night)
    incidents.receive(Acknowledge(2, "ada"), morning - MINUTE)
    assert {method for _, _, method in pages(run(incidents, morning - 1))} == {"email"}
    assert incidents.next_timer() == morning - 1 + 1

    effects = run(incidents, morning + 29 * MINUTE)
    assert [(each.time - morning, each.incident, each.method.kind) for each in of_kind(effects, Page)][:2] == [
        (0, 1, "push"),
        (2 * MINUTE, 1, "phone"),
    ]
    assert incidents.incident(2).urgency is Urgency.HIGH
    assert (29 * MINUTE, 2, "push") in [
        (each.time - morning, each.incident, each.method.kind) for each in of_kind(effects, Page)
    ]


def test_without_raising_the_night_stays_the_night():
    """An incident that began outside of the hours stays one of low urgency."""
    incidents = machine(with_hours(raises="false"))
    incidents.receive(trigger(), instant("2026-01-05T03:00", "Europe/Zurich"))
    run(incidents, instant("2026-01-05T10:00", "Europe/Zurich"))
    incidents.receive(trigger(), instant("2026-01-05T10:00", "Europe/Zurich"))

    assert incidents.incident(1).urgency is Urgency.LOW


# -- alerts


def test_a_resolve_without_alerts_ends_those_of_its_key():
    """Of several keys only the one that is over; and the effect says which alerts ended."""
    payload = {"summary": "disk full", "source": "db1", "severity": "critical"}
    event = {"routing_key": "R1", "event_action": "trigger", "payload": payload}
    incidents = machine()
    for number, key in enumerate("ab", 1):
        incidents.receive(parse_event(event | {"dedup_key": key}, {"R1": "pager"}, number), number)
    incidents.receive(
        parse_event(event | {"dedup_key": "a", "payload": payload | {"severity": "error"}}, {"R1": "pager"}, 3), 3
    )
    incidents.receive(Acknowledge(1, "ada"), 4)
    incidents.receive(notification(("X", "critical", True), time=5), 5)
    for number in (2, 3):
        incidents.receive(AddNote(number, "ada", "the same"), 6)
    incidents.poll(6)
    incidents.receive(SourceResolve("pager", "a"), MINUTE)
    (ended,) = of_kind(incidents.poll(MINUTE), AlertsReceived)

    assert [(alert.labels["severity"], alert.status, alert.ends_at) for alert in ended.alerts] == [
        ("error", AlertStatus.RESOLVED, MINUTE)
    ]
    assert incidents.incident(1).alerts == ended.alerts
    assert [alert.status for alert in incidents.incident(2).alerts] == [AlertStatus.FIRING]


def test_of_merged_keys_each_ends_its_own_alerts():
    """The same labels under another key go on firing."""
    payload = {"summary": "disk full", "source": "db1", "severity": "critical"}
    incidents = machine()
    for number, key in enumerate("ab", 1):
        event = {"routing_key": "R1", "event_action": "trigger", "dedup_key": key, "payload": payload}
        incidents.receive(parse_event(event, {"R1": "pager"}, number), number)
    incidents.receive(Merge(2, "ada", 1), MINUTE)
    incidents.receive(SourceResolve("pager", "a"), 2 * MINUTE)

    assert [(alert.starts_at, alert.ends_at) for alert in incidents.incident(1).alerts] == [(1, 2 * MINUTE), (2, None)]
    assert incidents.incident(1).state is IncidentState.TRIGGERED


def test_who_resolves_by_hand_does_not_say_that_alerts_ended():
    """Monitoring has not said so."""
    incidents = machine()
    incidents.receive(notification(("X", "critical", True)), 0)
    incidents.receive(Resolve(1, "ada"), MINUTE)

    assert [alert.status for alert in incidents.incident(1).alerts] == [AlertStatus.FIRING]


def test_the_channel_hears_how_long_it_took():
    """The last update has the duration."""
    incidents = machine()
    incidents.receive(trigger(), 0)
    incidents.receive(SourceResolve("pager", "k"), 23 * MINUTE)

    told = of_kind(incidents.poll(23 * MINUTE), ChannelUpdate)[-1].text
    assert told == "it broke: resolved, resolved by the source, after 23m"
