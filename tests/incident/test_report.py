"""The timeline and the post-incident report, over whole incidents from the first alert to the follow-ups."""

import json

import attrs
import pytest

from obsflow.errors import NotFoundError
from obsflow.incident import (
    Acknowledge,
    ActionItem,
    AddNote,
    Analysis,
    Category,
    Cause,
    Escalate,
    FollowUp,
    NoteKind,
    Reassign,
    Resolve,
    Snooze,
    timeline,
    write_report,
)
from tests.incident.samples import HOUR, MINUTE, instant, machine, notification, run, trigger

START = instant("2026-03-02T03:00")
NOTES = [
    # minute, kind, text, minutes ago
    (2, NoteKind.ONSET, "the spike began, only /api/payment", 5),
    (4, NoteKind.FINDING, "connections to the database time out", 0),
    (7, NoteKind.CAUSE, "the database was killed, 2.1Gi of 2Gi", 0),
    (8, NoteKind.DECISION, "raise the limit to 4Gi", 0),
    (14, NoteKind.MITIGATION, "error rate 0.3 %, back to normal", 0),
]


def out_of_memory(is_resolved=True):
    """A night with a database: paged at three, acknowledged, found, fixed; the alert ends and so does the incident."""
    incidents = machine()
    incidents.receive(notification(("HighErrorRate", "critical", True), time=START), START)
    effects = run(incidents, START + MINUTE)
    incidents.receive(Acknowledge(1, "ada"), START + MINUTE)
    for minute, kind, text, ago in NOTES:
        at = START + minute * MINUTE
        incidents.receive(AddNote(1, "ada", text, kind, at - ago * MINUTE), at)
    if is_resolved:
        end = START + 20 * MINUTE
        incidents.receive(notification(("HighErrorRate", "critical", False), time=end), end)
    return effects + run(incidents, START + 25 * MINUTE)


ANALYSIS = Analysis(
    impact="payments failed",
    why="the limit of memory was too low",
    why_not_caught="no alert on memory",
    learned="watch memory before it is gone",
    causes=(Cause.MISSING_ALERT, Cause.LOAD_TESTING),
    actions=(
        ActionItem("add memory alerts", "ada", START + 48 * HOUR, "MON-1"),
        ActionItem("review the query | performance", "bob"),
        ActionItem("consider connection pooling"),
    ),
)


def test_the_timeline_tells_it_in_order():
    """Alerts, pages, acknowledgement, findings, decision, end: by the time at which they happened."""
    entries = timeline(out_of_memory(), 1)
    told = [((entry.time - START) // MINUTE, entry.kind) for entry in entries]

    assert told == sorted(told, key=lambda each: each[0])
    assert [each for each in told if each[1] != "status page"] == [
        (-3, "onset"),
        (0, "opened"),
        (0, "alerts"),
        (0, "state"),
        (0, "escalation"),
        (0, "page"),
        (1, "state"),
        (4, "finding"),
        (7, "cause"),
        (8, "decision"),
        (14, "mitigation"),
        (20, "alerts"),
        (20, "state"),
        (20, "resolved"),
    ]
    texts = [entry.text for entry in entries]
    assert "ada by push (by name), level 1: the incident was opened" in texts
    assert "triggered → acknowledged: acknowledged by ada" in texts
    assert "resolved by the source after 20m" in texts


def test_the_five_times_and_their_durations():
    """Detection counts from the start, the rest from detection, and the whole from the start."""
    times = write_report(out_of_memory(), 1).times

    assert [times.started_at, times.detected_at, times.acknowledged_at, times.mitigated_at, times.resolved_at] == [
        START + minute * MINUTE for minute in (-3, 0, 1, 14, 20)
    ]
    durations = (times.detect_ms, times.acknowledge_ms, times.mitigate_ms, times.resolve_ms, times.total_ms)
    assert [duration // MINUTE for duration in durations] == [3, 1, 14, 20, 23]
    assert times.decided_at == START + 8 * MINUTE
    assert times.deployed_at is None


def test_what_people_do_has_their_names():
    """Snoozing, escalating, reassigning: the timeline says who, and the report knows who took part."""
    incidents = machine()
    incidents.receive(trigger(), START)
    incidents.receive(Snooze(1, "zoe", START + HOUR), START)
    incidents.receive(Escalate(1, "max"), START + MINUTE)
    incidents.receive(Reassign(1, "kim", users=("eve",)), START + 2 * MINUTE)
    report = write_report(incidents.poll(START + 2 * MINUTE), 1)

    assert report.people == ("ada", "bob", "eve", "kim", "max", "zoe")
    assert [entry.text for entry in report.entries if entry.kind in ("snooze", "escalation")] == [
        "level 1 of backend: the incident was opened",
        "until 2026-03-02T04:00:00Z by zoe",
        "level 2 of backend: escalated by hand by max, waited 1m",
        "level 1: reassigned by kim, waited 1m",
    ]


def test_a_deployment_before_the_detection_is_named():
    """The last one before; what is deployed afterwards is the fix."""
    incidents = machine()
    incidents.receive(trigger(), HOUR)
    for minute in (10, 55, 70):
        incidents.receive(AddNote(1, "ci", f"at {minute}", NoteKind.DEPLOYMENT, minute * MINUTE), 2 * HOUR)

    assert write_report(incidents.poll(2 * HOUR), 1).times.deployed_at == 55 * MINUTE


def test_what_people_found_out_goes_before_the_notes():
    """The analysis may correct the start and the mitigation."""
    analysis = Analysis(started_at=START - HOUR, mitigated_at=START + 9 * MINUTE)
    times = write_report(out_of_memory(), 1, analysis).times

    assert (times.detect_ms, times.mitigate_ms) == (HOUR, 9 * MINUTE)


def test_what_is_unknown_stays_unknown():
    """An incident that is not over has no end, nor a date for its post-mortem; nothing is made up."""
    incidents = machine()
    incidents.receive(trigger(), START)
    report = write_report(incidents.poll(START), 1)
    text = report.render_markdown()

    assert text.count("| unknown |") == 11
    assert "held until unknown" in text
    assert "Category: unknown." in text
    assert report.to_plain()["durations_ms"] == {"ttd": None, "tta": None, "ttm": None, "ttr": None, "total": None}
    assert report.open_points[:4] == tuple(
        f"{name}: time unknown" for name in ("start", "acknowledged", "mitigated", "resolved")
    )


def test_a_whole_report_has_few_open_points():
    """Everything is known but an owner and two deadlines."""
    report = write_report(out_of_memory(), 1, ANALYSIS)

    assert report.open_points == (
        "no deadline: review the query | performance",
        "no owner: consider connection pooling",
        "no deadline: consider connection pooling",
    )
    assert report.categories == (Category.TESTING, Category.MONITORING)
    assert report.post_mortem_due_at == START + 20 * MINUTE + 48 * HOUR


def test_the_report_as_markdown():
    """Times, timeline, analysis with the causes, actions; a bar in a text does not break a table."""
    analysis = attrs.evolve(ANALYSIS, done=(FollowUp.TESTS,))
    text = write_report(out_of_memory(), 1, analysis).render_markdown()

    for line in (
        "# Incident 1: HighErrorRate (job=x)",
        "| Detected | 2026-03-02T03:00:00Z |",
        "| TTD | 3m |",
        "| Total | 23m |",
        "* 2026-03-02T03:07:00Z **cause** the database was killed, 2.1Gi of 2Gi (ada)",
        "* Why was it not caught? no alert on memory",
        "| add memory alerts | ada | 2026-03-04T03:00:00Z | MON-1 |",
        "| review the query \\| performance | bob | unknown |  |",
        "- [x] tests added",
        "- [ ] wiki updated",
    ):
        assert f"{line}\n" in text


def test_the_report_as_json():
    """The same as data: RFC 3339, ms, null where unknown."""
    plain = json.loads(write_report(out_of_memory(), 1, ANALYSIS).render_json())

    assert plain["times"]["resolved"] == "2026-03-02T03:20:00Z"
    assert plain["times"]["deployed"] is None
    assert plain["people"] == ["ada"]
    assert set(plain["follow_up"].values()) == {False}
    assert plain["durations_ms"]["total"] == 23 * MINUTE
    assert plain["categories"] == ["insufficient testing", "monitoring gap"]
    assert plain["actions"][2] == {
        "text": "consider connection pooling",
        "owner": None,
        "deadline": None,
        "ticket": None,
    }
    assert [entry["kind"] for entry in plain["timeline"]][:2] == ["onset", "opened"]


def test_every_category_has_three_causes_and_four_suggestions():
    """And every cause has one category."""
    assert [(len(category.causes), len(set(category.suggestions))) for category in Category] == [(3, 4)] * 4
    assert [cause for category in Category for cause in category.causes] == list(Cause)


def test_a_report_needs_an_incident():
    """One that was never opened has none, whatever else is in the effects."""
    with pytest.raises(NotFoundError):
        write_report(out_of_memory(), 2)


def test_incidents_do_not_mix():
    """The effects of a machine hold all incidents; a timeline is of one."""
    incidents = machine()
    incidents.receive(trigger(key="a"), 0)
    incidents.receive(trigger(key="b"), 0)
    incidents.receive(Resolve(2, "bob"), 0)
    effects = incidents.poll(0)

    assert {entry.effect.incident for entry in timeline(effects, 2)} == {2}
    assert write_report(effects, 1).times.resolved_at is None
