"""Incidents from the first page to the last: escalation, acknowledgement, snooze, merge, and why."""

import attrs
import pytest

from obsflow.errors import NotFoundError, StateError
from obsflow.incident import (
    Acknowledge,
    AddNote,
    AlertsReceived,
    Beat,
    ByLayer,
    Change,
    ChannelUpdate,
    EndMaintenance,
    Escalate,
    Escalated,
    EscalationEnded,
    Ignored,
    IncidentMerged,
    IncidentOpened,
    IncidentReason,
    IncidentResolved,
    IncidentState,
    Merge,
    Move,
    NobodyReached,
    NoteKind,
    Page,
    PageCause,
    PublicStatus,
    Reassign,
    Resolve,
    Snooze,
    SourceAcknowledge,
    SourceResolve,
    StartMaintenance,
    StatusUpdate,
    Transition,
    Unacknowledge,
    Unsnooze,
    UpdateKind,
    Urgency,
)
from tests.incident.samples import CONFIG, HOUR, MINUTE, instant, machine, notification, of_kind, pages, run, trigger

FIRST = [(0, "ada", "push"), (2 * MINUTE, "ada", "phone")]


def opened(**changes):
    incidents = machine()
    incidents.receive(trigger(**changes), 0)
    return incidents


def test_escalates_if_nobody_acknowledges_in_five_minutes():
    """Levels follow each other, round after round, then the policy that takes over; then nobody is paged any more."""
    effects = run(opened(), 3 * HOUR)
    moves = [
        (each.time // MINUTE, each.position.level, each.position.loop, each.move)
        for each in of_kind(effects, Escalated)
    ]

    assert pages(effects)[:3] == [*FIRST, (5 * MINUTE, "bob", "push")]
    assert moves == [
        (0, 0, 0, Move.START),
        (5, 1, 0, Move.LEVEL),
        (15, 0, 1, Move.LOOP),
        (20, 1, 1, Move.LEVEL),
        (30, 0, 0, Move.POLICY),
    ]
    assert [(each.time, each.position.policy.name) for each in of_kind(effects, EscalationEnded)] == [
        (35 * MINUTE, "managers")
    ]
    assert pages(effects)[-1] == (30 * MINUTE, "eve", "push")


@pytest.mark.parametrize(
    ("at", "users"),
    [(5 * MINUTE - 1, {"ada"}), (5 * MINUTE, {"ada"}), (5 * MINUTE + 1, {"ada", "bob"})],
)
def test_an_acknowledgement_stops_the_escalation(at, users):
    """Also one in the very instant in which the next level is due: events come before timers."""
    incidents = opened()
    effects = run(incidents, at - 1)
    incidents.receive(Acknowledge(1, "ada"), at)
    effects += run(incidents, at + 20 * MINUTE)

    assert {user for _, user, _ in pages(effects)} == users
    assert incidents.incident(1).acknowledged_by == "ada"


def test_a_delayed_page_comes_before_the_next_level():
    """A call that is due in the instant of the escalation is still made; one that is due later is not."""
    incidents = machine(CONFIG.replace("after: 2m", "after: 5m").replace("escalate_after: 10m", "escalate_after: 2m"))
    incidents.receive(trigger(), 0)
    effects = run(incidents, 11 * MINUTE)

    assert pages(effects) == [
        (0, "ada", "push"),
        (5 * MINUTE, "ada", "phone"),
        (5 * MINUTE, "bob", "push"),
        (7 * MINUTE, "ada", "push"),
    ]


def test_a_page_says_why():
    """The reason names the target, the layer and turn that put the user there, the level and the delay."""
    incidents = machine()
    incidents.receive(trigger(service="office"), instant("2026-01-05T10:00"))
    effects = run(incidents, instant("2026-01-05T10:05"))
    bob, eve = of_kind(effects, Page)

    assert (bob.user, bob.reason.cause, bob.reason.target.name) == ("bob", PageCause.OPENED, "office")
    assert isinstance(bob.reason.on_call.cause, ByLayer)
    assert (eve.user, eve.reason.cause, eve.reason.on_call) == ("eve", PageCause.NOT_ACKNOWLEDGED, None)
    assert eve.reason.level_since == instant("2026-01-05T10:05")


def test_a_level_with_nobody_on_call_is_skipped():
    """At night the office is empty: the next level is paged at once, and it is said why."""
    incidents = machine()
    incidents.receive(trigger(service="office"), instant("2026-01-05T20:00"))
    effects = incidents.poll(instant("2026-01-05T20:00"))
    (page,) = of_kind(effects, Page)

    assert (page.user, page.reason.cause) == ("eve", PageCause.NOBODY_ON_CALL)
    assert [each.is_skipped for each in of_kind(effects, NobodyReached)] == [True]


def test_a_policy_with_nobody_at_all_waits_for_its_rounds():
    """The only level of a policy is not skipped: it waits, asks again, and ends."""
    incidents = machine()
    start = instant("2026-01-05T20:00")
    incidents.receive(trigger(service="empty"), start)
    effects = run(incidents, start + HOUR)

    assert [each.time - start for each in of_kind(effects, NobodyReached)] == [0, 5 * MINUTE]
    assert [each.time - start for each in of_kind(effects, EscalationEnded)] == [10 * MINUTE]
    assert pages(effects) == []


def test_a_trigger_of_an_open_incident_adds_and_never_starts_anew():
    """The second alert of a group changes nothing about who is paged when."""
    incidents = opened()
    effects = run(incidents, MINUTE)
    incidents.receive(trigger(), MINUTE)
    effects += run(incidents, 5 * MINUTE)

    assert pages(effects) == [*FIRST, (5 * MINUTE, "bob", "push")]
    assert len(of_kind(effects, AlertsReceived)) == 2
    assert len(incidents.incidents) == 1


def test_low_urgency_pages_by_its_own_rules_and_does_not_escalate():
    """Until the urgency rises: then the users are paged by the rules of the high one, and the level's time begins."""
    incidents = opened(urgency=Urgency.LOW)
    effects = run(incidents, HOUR)
    assert pages(effects) == [(0, "ada", "email")]

    incidents.receive(trigger(), HOUR)
    effects = run(incidents, HOUR + 5 * MINUTE)
    assert pages(effects) == [(HOUR + at, user, kind) for at, user, kind in [*FIRST, (5 * MINUTE, "bob", "push")]]
    assert {page.reason.cause for page in of_kind(effects, Page)[:2]} == {PageCause.WORSENED}


def test_an_exhausted_policy_stays_so_when_the_urgency_rises():
    """The users of the last level are paged by the rules of the high urgency; the end is not told twice."""
    text = CONFIG.replace("policy: backend,", "policy: managers, low_urgency_escalates: true,")
    incidents = machine(text)
    incidents.receive(trigger(urgency=Urgency.LOW), 0)
    effects = run(incidents, HOUR)
    incidents.receive(trigger(), HOUR)
    effects += run(incidents, 2 * HOUR)

    assert [each.time for each in of_kind(effects, EscalationEnded)] == [5 * MINUTE]
    assert pages(effects) == [(0, "eve", "push"), (HOUR, "eve", "push")]


def test_everybody_is_reached_once():
    """A user or a channel that several targets of a level name is paged and told once, for the first of them."""
    text = CONFIG.replace(
        "[{user: ada}, {channel: ",
        '[{schedule: office}, {user: bob}, {user: ada}, {channel: "#backend"}, {channel: ',
    )
    incidents = machine(text)
    at = instant("2026-01-05T10:00")
    incidents.receive(trigger(), at)
    effects = incidents.poll(at)

    assert [(page.user, page.reason.target.name) for page in of_kind(effects, Page)] == [
        ("bob", "office"),
        ("ada", "ada"),
    ]
    assert [each.channel for each in of_kind(effects, ChannelUpdate)].count("#backend") == 1


def test_an_acknowledgement_times_out_at_the_level_where_it_was():
    """After half an hour the level that was acknowledged is paged again."""
    incidents = opened()
    run(incidents, 6 * MINUTE)
    incidents.receive(Acknowledge(1, "bob"), 6 * MINUTE)
    effects = run(incidents, 36 * MINUTE)
    back = of_kind(effects, Transition)[-1]

    assert (back.reason, back.elapsed_ms) == (IncidentReason.ACKNOWLEDGE_TIMEOUT, 30 * MINUTE)
    assert pages(effects) == [(36 * MINUTE, "bob", "push")]
    assert incidents.incident(1).acknowledged_by == ""


def test_a_policy_may_resume_at_its_first_level():
    """With `resumes_at_first`, an acknowledgement that is taken back begins again."""
    incidents = machine(CONFIG.replace("then: managers", "then: managers\n  resumes_at_first: true"))
    incidents.receive(trigger(), 0)
    run(incidents, 6 * MINUTE)
    incidents.receive(Acknowledge(1, "bob"), 6 * MINUTE)
    incidents.receive(Unacknowledge(1, "bob"), 7 * MINUTE)

    assert [user for _, user, _ in pages(incidents.poll(7 * MINUTE))] == ["ada"]


def test_a_snooze_is_silent_and_ends():
    """Nobody is paged while it lasts, alerts are taken in, and at its end the level is paged."""
    incidents = opened()
    incidents.receive(Snooze(1, "ada", HOUR), MINUTE)
    incidents.poll(MINUTE)
    incidents.receive(trigger(), 2 * MINUTE)
    assert pages(run(incidents, HOUR - 1)) == []

    effects = run(incidents, HOUR)
    assert pages(effects) == [(HOUR, "ada", "push")]
    assert of_kind(effects, Transition)[0].reason is IncidentReason.SNOOZE_ENDED


def test_another_snooze_replaces_the_first():
    """Only the later end counts; and a snooze can be ended early."""
    incidents = opened()
    incidents.receive(Snooze(1, "ada", HOUR), MINUTE)
    incidents.receive(Snooze(1, "ada", 2 * HOUR), 2 * MINUTE)
    incidents.poll(2 * MINUTE)
    assert incidents.next_timer() == 2 * HOUR
    assert incidents.incident(1).snoozed_until == 2 * HOUR

    incidents.receive(Unsnooze(1, "ada"), HOUR)
    assert pages(incidents.poll(HOUR)) == [(HOUR, "ada", "push")]


def test_escalation_by_hand_takes_the_acknowledgement_back():
    """The next level is paged now, and the state is triggered again."""
    incidents = opened()
    incidents.receive(Acknowledge(1, "ada"), 0)
    incidents.receive(Escalate(1, "ada"), MINUTE)
    effects = incidents.poll(MINUTE)

    assert pages(effects)[-1] == (MINUTE, "bob", "push")
    assert of_kind(effects, Page)[-1].reason.cause is PageCause.ESCALATED
    assert incidents.incident(1).state is IncidentState.TRIGGERED


@pytest.mark.parametrize(
    ("target", "user"), [({"policy": "managers"}, "eve"), ({"users": ("bob",)}, "bob")], ids=["policy", "users"]
)
def test_reassigned(target, user):
    """To a policy, from its first level; or to users, after whom nobody is asked."""
    incidents = opened()
    incidents.poll(0)
    incidents.receive(Reassign(1, "ada", **target), MINUTE)
    effects = run(incidents, HOUR)

    assert pages(effects) == [(MINUTE, user, "push")]
    assert of_kind(effects, Page)[0].reason.cause is PageCause.REASSIGNED


def test_merged_incidents_are_one():
    """The one ends, its alerts and key go to the other, which is over when both keys are."""
    incidents = opened(key="a")
    incidents.receive(notification(("X", "critical", True)), 0)
    incidents.receive(Merge(2, "ada", 1), MINUTE)
    effects = incidents.poll(MINUTE)
    ended = of_kind(effects, IncidentResolved)
    key = incidents.incident(2).keys[0][1]

    assert of_kind(effects, IncidentMerged) == [IncidentMerged(MINUTE, 1, 2, "ada")]
    assert of_kind(effects, StatusUpdate)[-1].status is PublicStatus.INVESTIGATING
    assert [(each.incident, each.reason, each.into) for each in ended] == [(2, IncidentReason.MERGED, 1)]
    assert [alert.labels["alertname"] for alert in incidents.incident(1).alerts] == ["X"]
    incidents.receive(SourceResolve("pager", "a"), 3 * MINUTE)
    assert incidents.incident(1).state is IncidentState.TRIGGERED
    incidents.receive(SourceResolve("pager", key), 4 * MINUTE)
    assert incidents.incident(1).state is IncidentState.RESOLVED


def test_a_merged_key_belongs_to_the_other():
    """What the source says of it from then on goes there, and opens nothing."""
    incidents = opened(key="a")
    incidents.receive(trigger(key="b", urgency=Urgency.LOW), 0)
    incidents.receive(Merge(1, "ada", 2), MINUTE)
    incidents.receive(trigger(key="a"), 2 * MINUTE)

    assert [each.state for each in incidents.incidents] == [IncidentState.RESOLVED, IncidentState.TRIGGERED]
    assert incidents.find("pager", "a").number == 2
    assert incidents.incident(2).urgency is Urgency.HIGH


def test_open_for_too_long_resolves():
    """After four hours without an acknowledgement; one that is acknowledged stays."""
    incidents = opened()
    incidents.receive(trigger(key="other"), 0)
    run(incidents, HOUR)
    incidents.receive(Reassign(2, "ada", users=("ada",)), HOUR)
    incidents.receive(Acknowledge(2, "ada"), 4 * HOUR - MINUTE)
    effects = run(incidents, 4 * HOUR + MINUTE)

    assert [(each.incident, each.reason, each.duration_ms) for each in of_kind(effects, IncidentResolved)] == [
        (1, IncidentReason.AUTO_RESOLVED, 4 * HOUR)
    ]


def test_after_the_end_a_key_has_another_incident():
    """Resolved is the end; what fires again is the next."""
    incidents = opened()
    incidents.receive(SourceResolve("pager", "k"), MINUTE)
    incidents.receive(trigger(), 2 * MINUTE)

    assert [each.incident for each in of_kind(incidents.poll(2 * MINUTE), IncidentOpened)] == [1, 2]
    assert incidents.find("pager", "k").number == 2


@pytest.mark.parametrize("event", [SourceResolve, SourceAcknowledge])
@pytest.mark.parametrize("is_over", [False, True])
def test_a_source_that_speaks_of_no_open_incident_is_ignored(event, is_over):
    """Nothing changes, and the effect says so, with the last incident of the key."""
    incidents = opened() if is_over else machine()
    if is_over:
        incidents.receive(Resolve(1, "ada"), 0)
    incidents.poll(0)
    incidents.receive(event("pager", "k"), MINUTE)

    assert [(type(each), each.incident) for each in incidents.poll(MINUTE)] == [(Ignored, int(is_over))]


def test_an_acknowledgement_by_the_source_has_no_name():
    """Events of a source can acknowledge; nobody in particular did."""
    incidents = opened()
    incidents.receive(SourceAcknowledge("pager", "k"), MINUTE)

    assert incidents.incident(1).state is IncidentState.ACKNOWLEDGED
    assert of_kind(incidents.poll(MINUTE), Transition)[-1].by == ""


def test_a_notification_opens_and_resolves():
    """Our own notifications: the receiver is the service, the group's key the key."""
    incidents = machine()
    incidents.receive(notification(("X", "warning", True), ("X", "critical", True)), 0)
    (first,) = incidents.incidents
    assert (first.title, first.urgency, first.service) == ("X (job=x)", Urgency.HIGH, "pager")

    incidents.receive(notification(("X", "critical", False)), MINUTE)
    (last,) = of_kind(incidents.poll(MINUTE), IncidentResolved)
    assert (last.reason, last.duration_ms) == (IncidentReason.RESOLVED_BY_SOURCE, MINUTE)


def test_those_who_listen_are_told():
    """A channel of the incident's own unless the service names one, and the status page where there is a component."""
    incidents = opened()
    incidents.receive(AddNote(1, "ada", "the disk is full", NoteKind.CAUSE), MINUTE)
    incidents.receive(AddNote(1, "ada", "between us"), MINUTE)
    incidents.receive(AddNote(1, "ada", "emptied", NoteKind.MITIGATION), MINUTE)
    incidents.receive(Resolve(1, "ada"), MINUTE)
    incidents.receive(trigger(service="office"), MINUTE)
    effects = incidents.poll(MINUTE)
    told = [(each.channel, each.kind) for each in of_kind(effects, ChannelUpdate)]

    assert told == [
        ("#incident-1", UpdateKind.STATE),
        ("#backend", UpdateKind.TARGET),
        ("#incident-1", UpdateKind.NOTE),
        ("#incident-1", UpdateKind.NOTE),
        ("#incident-1", UpdateKind.STATE),
        ("#office", UpdateKind.STATE),
    ]
    statuses = [(each.component, each.status.value) for each in of_kind(effects, StatusUpdate)]
    assert statuses == [("Shop", each) for each in ("investigating", "identified", "monitoring", "resolved")]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (Unacknowledge(1, "ada"), StateError),
        (Unsnooze(1, "ada"), StateError),
        (Snooze(1, "ada", MINUTE), StateError),
        (Merge(1, "ada", 1), StateError),
        (Merge(1, "ada", 2), StateError),  # which is resolved
        (Acknowledge(2, "ada"), StateError),
        (Escalate(2, "ada"), StateError),
        (StartMaintenance("pager", "ada", MINUTE), StateError),  # which is now
        (EndMaintenance("pager", "ada"), StateError),
        (StartMaintenance("nobody", "ada", HOUR), NotFoundError),
        (Beat("pager", "nobody"), NotFoundError),
        (Change("nobody", "deployed", 0), NotFoundError),
        (Reassign(1, "ada"), StateError),
        (Reassign(1, "ada", policy="managers", users=("ada",)), StateError),
        (Reassign(1, "ada", policy="nobody"), NotFoundError),
        (Reassign(1, "ada", users=("nobody",)), NotFoundError),
        (Acknowledge(9, "ada"), NotFoundError),
        (Merge(1, "ada", 9), NotFoundError),
        (trigger(service="nobody"), NotFoundError),
        (SourceResolve("nobody", "k"), NotFoundError),
    ],
)
def test_what_is_not_allowed_changes_nothing(event, error):
    """An error, and the machine is as it was."""
    incidents = opened()
    incidents.receive(trigger(key="over"), 0)
    incidents.receive(Resolve(2, "ada"), 0)
    incidents.receive(trigger(key="assigned"), 0)
    incidents.receive(Reassign(3, "ada", users=("ada",)), 0)
    run(incidents, MINUTE)
    before = incidents.snapshot()

    with pytest.raises(error):
        incidents.receive(event, MINUTE)
    assert incidents.snapshot() == before


def test_time_does_not_go_back():
    """An event before the last is refused."""
    incidents = opened()
    incidents.poll(MINUTE)

    with pytest.raises(StateError, match="time went back"):
        incidents.receive(trigger(), MINUTE - 1)


def test_a_late_event_finds_what_was_due_before_it():
    """Timers before an event happen first, each at its own time, also if nobody polled."""
    late, polled = opened(), opened()
    effects = run(polled, 16 * MINUTE - 1)
    for each in (late, polled):
        each.receive(Acknowledge(1, "ada"), 16 * MINUTE)

    assert late.poll(16 * MINUTE) == effects + polled.poll(16 * MINUTE)


def test_a_snapshot_stands_for_itself():
    """What happens to the machine afterwards does not change it, and it can be gone on from twice."""
    incidents = opened()
    snapshot = incidents.snapshot()
    first = run(incidents, HOUR)
    twin = machine()
    twin.restore(snapshot)

    assert run(twin, HOUR) == first
    assert attrs.asdict(twin.snapshot(), recurse=False) == attrs.asdict(incidents.snapshot(), recurse=False)
