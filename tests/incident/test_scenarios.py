"""Whole scenarios with exact instants: what happens, and who is paged when by which method, no more and no less."""

import attrs
import pytest

from obsflow.incident import (
    Acknowledge,
    AlertsReceived,
    Beat,
    EndMaintenance,
    Escalate,
    Ignored,
    IncidentOpened,
    IncidentReason,
    Incidents,
    IncidentState,
    PartlyAcknowledged,
    Reload,
    Resolve,
    SourceResolve,
    StartMaintenance,
    Transition,
    Trigger,
    Urgency,
    load_config,
)
from tests.incident.samples import MINUTE, instant, load, of_kind, pages, run

BOB = "{name: bob, contact_methods: [{name: sms, kind: sms}, {name: voice, kind: phone}], notification_rules: [%s]}"
JANE = "{name: jane, contact_methods: [{name: sms, kind: sms}], notification_rules: [%s]}"
AT_ONCE = "{method: sms}"
AND_LATER = "{method: sms}, {method: sms, after: 30m}"
THREE = "{method: sms}, {method: voice}, {method: sms, after: 30m}"


def config(levels, bob=AT_ONCE, jane=AT_ONCE, policy="", service="", more=""):
    """Users bob and jane, one policy of levels (targets and the rest), one service."""
    written = "\n".join(f"  - {{targets: [{targets}], escalate_after: {rest}}}" for targets, rest in levels)
    return load(
        f"users:\n- {BOB % bob}\n- {JANE % jane}\n"
        f"policies:\n- name: p\n  levels:\n{written}\n{policy}\n"
        f"services:\n- {{name: s, policy: p, acknowledge_timeout: null{service}}}\n{more}"
    )


def fire(key="k", service="s"):
    return Trigger(service, key, key, Urgency.HIGH)


@attrs.frozen
class Scenario:
    """Events and pages are by minutes; `pages` are (minute, user, method)."""

    name: str
    config: object
    events: tuple
    pages: list
    until: int = 600
    states: str = "triggered"


ONE, TWO = [("{user: bob}", "null")], [("{user: bob}", "30m"), ("{user: jane}", "60m")]
BOTH = [("{user: bob}, {user: jane}", "null, acknowledgements: all")]
LATER_LEVEL = [
    ("{user: bob}", "60m, acknowledgements: all"),
    ("{user: bob}, {user: jane}", "60m, acknowledgements: all"),
]
OTHER = "- {name: p2, levels: [{targets: [{user: jane}], escalate_after: 60m}]}"
BEATS = ", heartbeats: [{name: test, timeout: 60m}]"

SCENARIOS = [
    Scenario(
        "Escalation: after 30 minutes the second level, after 60 more nobody",
        config(TWO),
        ((0, fire()),),
        [(0, "bob", "sms"), (30, "jane", "sms")],
    ),
    Scenario(
        "EscalationNotification: rules begin anew with each escalation, and run to their end",
        config([("{user: bob}", "60m")], bob=THREE, policy="  repeat: 2"),
        ((0, fire()), (1, Escalate(1, "x")), (32, Escalate(1, "x"))),
        [
            *((0, "bob", "sms"), (0, "bob", "phone"), (1, "bob", "sms"), (1, "bob", "phone"), (31, "bob", "sms")),
            *((32, "bob", "sms"), (32, "bob", "phone"), (62, "bob", "sms")),
        ],
        until=90,
    ),
    Scenario(
        "MultiStepNotifications: two methods at once, one again after 30 minutes",
        config(ONE, bob=THREE),
        ((0, fire()),),
        [(0, "bob", "sms"), (0, "bob", "phone"), (30, "bob", "sms")],
    ),
    Scenario(
        "GenericAPIDedup: one incident to a key and a service",
        config(ONE, more="- {name: t, policy: p}"),
        ((0, fire()), (1, fire()), (2, fire("other")), (3, fire(service="t")), (4, fire("other")), (5, fire("K"))),
        [(0, "bob", "sms"), (2, "bob", "sms"), (3, "bob", "sms"), (5, "bob", "sms")],
        until=20,
        states="triggered triggered triggered triggered",
    ),
    Scenario(
        "GenericAPIClose: what is closed pages no more, and closing what is not open opens nothing",
        config(ONE, bob=AND_LATER),
        (
            *((0, fire("a")), (0, fire("b")), (0, fire("c")), (0, SourceResolve("s", "d"))),
            *((5, SourceResolve("s", "b")), (5, SourceResolve("s", "c"))),
        ),
        [(0, "bob", "sms"), (0, "bob", "sms"), (0, "bob", "sms"), (30, "bob", "sms")],
        states="triggered resolved resolved",
    ),
    Scenario(
        "MultiAck, others are still notified, and who acknowledged is not",
        config(BOTH, bob=AND_LATER, jane=AND_LATER),
        ((0, fire()), (1, Acknowledge(1, "bob"))),
        [(0, "bob", "sms"), (0, "jane", "sms"), (30, "jane", "sms")],
    ),
    Scenario(
        "MultiAck, the second acknowledgement is the one that counts",
        config(BOTH, bob=AND_LATER, jane=AND_LATER),
        ((0, fire()), (1, Acknowledge(1, "bob")), (1, Acknowledge(1, "bob")), (2, Acknowledge(1, "jane"))),
        [(0, "bob", "sms"), (0, "jane", "sms")],
        states="acknowledged",
    ),
    Scenario(
        "MultiAck, an acknowledgement of an earlier level says nothing about a later one",
        config(LATER_LEVEL, bob=AND_LATER),
        ((0, fire()), (1, Acknowledge(1, "bob")), (2, Escalate(1, "x")), (3, Acknowledge(1, "jane"))),
        [(0, "bob", "sms"), (2, "bob", "sms"), (2, "jane", "sms"), (32, "bob", "sms")],
        until=61,
    ),
    Scenario(
        "MultiAck, closing stops everything",
        config(BOTH, bob=AND_LATER, jane=AND_LATER),
        ((0, fire()), (1, Resolve(1, "bob"))),
        [(0, "bob", "sms"), (0, "jane", "sms")],
        states="resolved",
    ),
    Scenario(
        "ManualEscalation: one that is acknowledged is triggered again, at the second level",
        config([("{user: bob}", "60m"), ("{user: jane}", "60m")], policy="  repeat: 1"),
        ((0, fire()), (0, Acknowledge(1, "bob")), (90, Escalate(1, "bob"))),
        [(0, "bob", "sms"), (90, "jane", "sms")],
        until=149,
    ),
    Scenario(
        "ManualEscalation after the last level: the first one again",
        config(TWO),
        ((0, fire()), (100, Escalate(1, "x"))),
        [(0, "bob", "sms"), (30, "jane", "sms"), (100, "bob", "sms"), (130, "jane", "sms")],
    ),
    Scenario(
        "Heartbeat: missing after an hour, well again with the next",
        config(ONE, bob="{method: sms}, {method: sms, after: 15m}", service=BEATS),
        ((0, Beat("s", "test")), (65, Beat("s", "test"))),
        [(60, "bob", "sms")],
        until=124,
        states="resolved",
    ),
    Scenario(
        "Heartbeat: one in the instant in which it would be missed is in time",
        config(ONE, service=BEATS),
        ((0, Beat("s", "test")), (60, Beat("s", "test"))),
        [],
        until=119,
        states="",
    ),
    Scenario(
        "MissingUser: a level with nobody does not keep others from being paged",
        config([("{schedule: empty}", "5m"), ("{schedule: empty}, {user: bob}", "null")], more="""
schedules:
- {name: empty, layers: [{name: l, users: [jane], since: 2200-01-01T00:00:00Z}]}"""),
        ((0, fire()),),
        [(0, "bob", "sms")],
    ),
    Scenario(
        "MissingUser: unless it is not to be skipped",
        config([("{schedule: empty}", "5m, skips_nobody: false"), ("{user: bob}", "null")], more="""
schedules:
- {name: empty, layers: [{name: l, users: [jane], since: 2200-01-01T00:00:00Z}]}"""),
        ((0, fire()),),
        [(5, "bob", "sms")],
    ),
    Scenario(
        "SkipIfEmpty with a single level: the round is not spent in an instant",
        config([("{schedule: empty}", "60m")], policy="  repeat: 1", more="""
schedules:
- {name: empty, layers: [{name: l, users: [bob], since: 1970-01-01T01:00:00Z}]}"""),
        ((0, fire()),),
        [(60, "bob", "sms")],
    ),
    Scenario(
        "DedupNotifications: what was held up for too long comes once",
        config(ONE, bob="{method: sms, after: 1m}, {method: sms, after: 2m}"),
        ((0, fire()), (0, StartMaintenance("s", "x", 3 * MINUTE))),
        [(3, "bob", "sms")],
    ),
    Scenario(
        "PostCycleRules: a rule that is added later counts if it is not too late",
        config([("{user: bob}", "60m")]),
        ((0, fire()), (1, Reload(config([("{user: bob}", "60m")], bob=THREE.replace("sms, after", "voice, after"))))),
        [(0, "bob", "sms"), (30, "bob", "phone")],
    ),
    Scenario(
        "PostCycleRules: and not if it is over",
        config([("{user: bob}", "60m")]),
        ((0, fire()), (1, Resolve(1, "x")), (2, Reload(config([("{user: bob}", "60m")], bob=AND_LATER)))),
        [(0, "bob", "sms")],
        states="resolved",
    ),
    Scenario(
        "AddRules: no rule is made up for, and what is to come, comes",
        config([("{user: bob}", "300m")], bob="{method: sms}, {method: sms, after: 60m}", policy="  repeat: 1"),
        (
            (0, fire()),
            (35, Reload(config(
                [("{user: bob}", "300m")],
                bob="{method: sms}, {method: sms, after: 30m}, {method: sms, after: 60m}, {method: sms, after: 90m}",
                policy="  repeat: 1",
            ))),
            (95, Escalate(1, "x")),
        ),
        [(at, "bob", "sms") for at in (0, 60, 90, 95, 125, 155, 185)],
        until=300,
    ),
    Scenario(
        "a rule that is deleted does not fire, and neither does a user who is",
        config(BOTH, bob=AND_LATER, jane=AND_LATER),
        (
            (0, fire()),
            (1, Reload(config(BOTH, bob=AT_ONCE, jane=AND_LATER))),
            (2, Reload(load_config(
                "users: [{name: bob, contact_methods: [{name: sms, kind: sms}]}]\n"
                "policies: [{name: p, levels: [{targets: [{user: bob}], escalate_after: null}]}]\n"
                "services: [{name: s, policy: p}]", "x",
            ))),
        ),
        [(0, "bob", "sms"), (0, "jane", "sms")],
    ),
    Scenario(
        "DeletedStep: the one in its place is turned to at once",
        config([("{user: bob}", "30m"), ("{user: jane}", "60m"), ("{user: bob}, {channel: c}", "60m")]),
        ((0, fire()), (40, Reload(config([("{user: bob}", "30m"), ("{user: bob}, {channel: c}", "60m")])))),
        [(0, "bob", "sms"), (30, "jane", "sms"), (40, "bob", "sms")],
    ),
    Scenario(
        "DeletedStep: without one in its place, the last",
        config(TWO),
        ((0, fire()), (40, Reload(config([("{user: bob}", "30m")], policy="  repeat: 1")))),
        [(0, "bob", "sms"), (30, "jane", "sms"), (40, "bob", "sms"), (70, "bob", "sms")],
    ),
    Scenario(
        "reordered steps: it stands where its step went, and its time runs on",
        config([("{user: bob}", "30m"), ("{user: jane}", "60m")]),
        ((0, fire()), (10, Reload(config([("{user: jane}", "60m"), ("{user: bob}", "20m"), ("{user: jane}", "1m")])))),
        [(0, "bob", "sms"), (20, "jane", "sms")],
    ),
    Scenario(
        "a step that stands twice in the new policy: the nearer one",
        config([("{user: bob}", "30m"), ("{channel: c}", "30m"), ("{user: jane}", "60m")]),
        (
            (0, fire()),
            (
                61,
                Reload(
                    config(
                        [
                            *(("{user: jane}", "1m"), ("{user: bob}", "1m"), ("{channel: d}", "1m")),
                            *(("{user: jane}", "5m"), ("{user: bob}", "9m")),
                        ]
                    )
                ),
            ),
        ),
        [(0, "bob", "sms"), (60, "jane", "sms"), (65, "bob", "sms")],
    ),
    Scenario(
        "steps that are added after the last: they are gone through",
        config(ONE),
        ((0, fire()), (100, Reload(config(TWO)))),
        [(0, "bob", "sms"), (100, "jane", "sms")],
    ),
    Scenario(
        "maintenance: what is due in it happens at its end",
        config(TWO),
        ((0, fire()), (10, StartMaintenance("s", "x", 50 * MINUTE)), (20, fire("new"))),
        [(0, "bob", "sms"), (50, "jane", "sms"), (50, "bob", "sms"), (80, "jane", "sms")],
        states="triggered triggered",
    ),
    Scenario(
        "maintenance that ends early: what was due is done then",
        config(TWO),
        ((0, StartMaintenance("s", "x", 100 * MINUTE)), (1, fire()), (20, EndMaintenance("s", "x"))),
        [(20, "bob", "sms"), (50, "jane", "sms")],
    ),
    Scenario(
        "maintenance in the configuration",
        config(TWO, service=", maintenance: [{start: 1970-01-01T00:10:00Z, end: 1970-01-01T00:40:00Z}]"),
        ((0, fire()),),
        [(0, "bob", "sms"), (40, "jane", "sms")],
    ),
    Scenario(
        "round robin: each incident is for the next, and stays theirs",
        config([("{user: bob}, {user: jane}", "5m, round_robin: true"), ("{user: jane}", "null")]),
        ((0, fire("a")), (1, fire("b")), (2, fire("c"))),
        [(0, "bob", "sms"), (1, "jane", "sms"), (2, "bob", "sms"), *((at, "jane", "sms") for at in (5, 6, 7))],
        states="triggered triggered triggered",
    ),
    Scenario(
        "grouping: what comes within ten minutes is part of the incident, what comes later is another",
        config(ONE, service=", group_within: 10m"),
        ((0, fire("a")), (10, fire("b")), (11, fire("c")), (12, SourceResolve("s", "a"))),
        [(0, "bob", "sms"), (11, "bob", "sms")],
        states="triggered triggered",
    ),
]  # fmt: skip


def play(scenario):
    """The machine at the end, and its effects."""
    incidents, effects = Incidents(scenario.config), []
    for minute, event in scenario.events:
        if minute:
            effects += run(incidents, minute * MINUTE - 1)
        incidents.receive(event, minute * MINUTE)
    return incidents, effects + run(incidents, scenario.until * MINUTE)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[each.name for each in SCENARIOS])
def test_scenario(scenario):
    """Everybody is paged who is to be, when they are to be, and nobody else."""
    incidents, effects = play(scenario)

    assert pages(effects) == [(minute * MINUTE, user, method) for minute, user, method in scenario.pages]
    assert " ".join(each.state.value for each in incidents.incidents) == scenario.states


def test_every_acknowledgement_of_several_is_told():
    """MultiAck, SecondAckRecorded: neither of both is refused as one too many."""
    incidents = Incidents(config(BOTH))
    incidents.receive(fire(), 0)
    incidents.receive(Acknowledge(1, "bob"), MINUTE)
    incidents.receive(Acknowledge(1, "jane"), 2 * MINUTE)
    effects = incidents.poll(2 * MINUTE)

    assert of_kind(effects, PartlyAcknowledged) == [PartlyAcknowledged(MINUTE, 1, "bob", 1)]
    assert [(each.by, each.reason) for each in of_kind(effects, Transition)[1:]] == [
        ("jane", IncidentReason.ACKNOWLEDGED)
    ]
    assert incidents.incident(1).acknowledgers == ("bob", "jane")


def test_a_service_that_changes_its_policy_and_back():
    """PolicyReassignment: the policy that the service has now, each time from its first level."""
    levels = [("{user: bob}", "30m"), ("{user: bob}", "60m")]
    first = config(levels, policy=OTHER)
    services = {"s": attrs.evolve(first.services["s"], policy="p2")}
    second = attrs.evolve(first, services=services)
    incidents = Incidents(first)
    incidents.receive(fire(), 0)
    effects = run(incidents, MINUTE)
    incidents.receive(Reload(second), MINUTE)
    effects += run(incidents, 31 * MINUTE)
    incidents.receive(Reload(first), 31 * MINUTE)
    effects += run(incidents, 60 * MINUTE)

    assert pages(effects) == [(0, "bob", "sms"), (MINUTE, "jane", "sms"), (31 * MINUTE, "bob", "sms")]


def test_incidents_that_are_old_when_the_time_is_set_end():
    """AlertAutoClose: the time counts from when they were triggered, also before it was configured."""
    incidents = Incidents(config(ONE))
    incidents.receive(fire("old"), 0)
    incidents.receive(fire("new"), 48 * 60 * MINUTE)
    incidents.receive(Reload(config(ONE, service=", auto_resolve: 1d")), 48 * 60 * MINUTE + 1)
    incidents.poll(48 * 60 * MINUTE + 1)

    assert [each.state for each in incidents.incidents] == [IncidentState.RESOLVED, IncidentState.TRIGGERED]


def test_duplicates_are_taken_in_and_unknown_ones_ignored():
    """GenericAPIDedup, GenericAPIClose: what a source says again is kept with the incident; the rest has a reason."""
    incidents = Incidents(config(ONE))
    for event in (fire(), fire(), SourceResolve("s", "other"), SourceResolve("s", "k"), SourceResolve("s", "k")):
        incidents.receive(event, 0)
    effects = incidents.poll(0)

    assert len(of_kind(effects, IncidentOpened)) == 1
    assert len(of_kind(effects, AlertsReceived)) == 3
    assert [each.reason.value for each in of_kind(effects, Ignored)] == [
        "no incident has this key",
        "the incident of this key is over",
    ]


SCHEDULES = """
- name: two hours
  time_zone: America/Chicago
  layers: [{name: l, users: [bob, jane], rotation: 2h, hand_off: "06:10", start: 2026-01-07}]
- name: two days
  time_zone: America/Chicago
  layers: [{name: l, users: [bob, jane], rotation: 2d, hand_off: "09:00", start: 2026-01-07}]
- name: days
  time_zone: America/Chicago
  layers: [{name: l, users: [bob, jane], rotation: daily, hand_off: "09:05", start: 2026-03-06}]
- name: week
  time_zone: America/Chicago
  layers: [{name: l, users: [bob, jane], rotation: weekly, hand_off: "09:00", start: 2026-01-07}]
- name: months
  time_zone: America/Chicago
  layers: [{name: l, users: [bob, jane], rotation: monthly, hand_off: "09:00", start: 2026-01-31}]
- name: shared
  time_zone: America/Chicago
  layers:
  - {name: always, users: [bob], rotation: daily}
  - {name: day, users: [jane], rotation: daily, adds: true, restrictions: [{start_time: "09:00", end_time: "21:00"}]}
  overrides: [{user: tim, start: 2026-01-09T12:00:00Z, end: 2026-01-13T12:00:00Z, adds: true}]
- name: alone
  layers: [{name: l, users: [bob], rotation: daily}]
  overrides: [{removes: bob, start: 2026-01-09T12:00:00Z, end: 2026-01-13T12:00:00Z}]
"""
SCHEDULE_CONFIG = load(
    f"users: [{BOB % AT_ONCE}, {JANE % AT_ONCE}, {{name: tim, contact_methods: [{{name: sms, kind: sms}}]}}]\n"
    f"schedules:{SCHEDULES}"
    "policies: [{name: p, levels: [{targets: [{schedule: shared}]}]}]\n"
    "services: [{name: s, policy: p}]"
)
ON_CALL = [
    ("RotationWrap: the second of two, a minute before the first again", "two hours", "2026-01-07T10:09", "jane"),
    ("RotationWrap: the first again", "two hours", "2026-01-07T10:10", "bob"),
    ("RotationDaily: the first for two days", "two days", "2026-01-09T08:59", "bob"),
    ("RotationDaily: then the second", "two days", "2026-01-10T09:00", "jane"),
    ("RotationDST: at the same hour before the clocks change", "days", "2026-03-07T09:05", "jane"),
    ("RotationDST: five minutes before the hour, the day they do", "days", "2026-03-08T09:00", "jane"),
    ("RotationDST: and at the hour", "days", "2026-03-08T09:05", "bob"),
    ("RotationGap: somebody is on call from the start", "week", "2026-01-07T09:00", "bob"),
    ("RotationGap: and before it", "week", "2026-01-07T08:59", "jane"),
    ("monthly: a month without that day ends with its last", "months", "2026-02-28T08:59", "bob"),
    ("monthly: which is the hand-off", "months", "2026-02-28T09:00", "jane"),
    ("monthly: the next one has it again", "months", "2026-03-31T08:59", "jane"),
    ("ScheduleOverrideAdd: one always", "shared", "2026-01-08T00:00", "bob"),
    ("ScheduleOverrideAdd: another by day", "shared", "2026-01-08T09:00", "bob jane"),
    ("ScheduleOverrideAdd: until nine", "shared", "2026-01-08T21:00", "bob"),
    ("ScheduleOverrideAdd: and a third at night", "shared", "2026-01-12T00:00", "bob tim"),
    ("ScheduleOverrideAdd: three by day", "shared", "2026-01-12T09:00", "bob jane tim"),
    ("ScheduleOverrideAdd: two in the evening", "shared", "2026-01-12T21:00", "bob tim"),
    ("ScheduleOverrideAdd: afterwards as before", "shared", "2026-01-15T09:00", "bob jane"),
    ("an override that removes the only one", "alone", "2026-01-10T00:00", ""),
]


@pytest.mark.parametrize(("schedule", "at", "users"), [each[1:] for each in ON_CALL], ids=[each[0] for each in ON_CALL])
def test_on_call(schedule, at, users):
    """Who is on call at an hour of Chicago."""
    on_call = SCHEDULE_CONFIG.schedules[schedule].on_call(instant(at, "America/Chicago"))

    assert " ".join(each.user for each in on_call) == users
