"""The timeline and the post-incident report, over whole incidents from the first alert to the follow-ups."""

import json
import typing

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
    ChannelUpdate,
    Effect,
    Escalate,
    FollowUp,
    NoteKind,
    Priority,
    Reassign,
    Resolve,
    Snooze,
    TimeSource,
    timeline,
    write_report,
)
from obsflow.incident.events import MaintenanceChanged, Reloaded
from obsflow.incident.evidence import Deploy, Investigation, LogRecord, LogSeverity, Observations, Series, Window
from obsflow.incident.timeline import _ENTRIES
from obsflow.model.labels import Labels
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
        ActionItem("consider connection pooling"),
        ActionItem("review the query | performance", "bob", priority=Priority.LOW),
        ActionItem("add memory alerts", "ada", START + 48 * HOUR, "MON-1", Priority.HIGH),
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
    assert "| Start | unknown | nobody noted when it began, and no investigation found it |\n" in text
    assert "| Resolved | unknown | the incident is still open |\n" in text
    assert "| Total | unknown | needs start and resolved |\n" in text
    assert "## Causes\n\nNot investigated.\n" in text
    assert "held until unknown" in text
    assert "Category: unknown." in text
    assert report.to_plain()["durations_ms"] == {"ttd": None, "tta": None, "ttm": None, "ttr": None, "total": None}
    assert report.open_points[:4] == tuple(
        f"{name}: time unknown" for name in ("start", "acknowledged", "mitigated", "resolved")
    )


def test_a_whole_report_has_few_open_points():
    """Everything is known but who does two of three actions, until when, how soon, and where they are tracked."""
    report = write_report(out_of_memory(), 1, ANALYSIS)

    assert report.open_points == (
        "no deadline: review the query | performance",
        "no ticket: review the query | performance",
        "no owner: consider connection pooling",
        "no deadline: consider connection pooling",
        "no priority: consider connection pooling",
        "no ticket: consider connection pooling",
    )
    assert report.categories == (Category.TESTING, Category.MONITORING)
    assert report.post_mortem_due_at == START + 20 * MINUTE + 48 * HOUR


def test_the_report_as_markdown():
    """Times, timeline, analysis with the causes, actions; a bar in a text does not break a table."""
    analysis = attrs.evolve(ANALYSIS, done=(FollowUp.TESTS,))
    text = write_report(out_of_memory(), 1, analysis).render_markdown()

    for line in (
        "# Incident 1: HighErrorRate (job=x)",
        "| Start | 2026-03-02T02:57:00Z | noted |",
        "| Detected | 2026-03-02T03:00:00Z | the record of the incident |",
        "| TTD | 3m | started to detected |",
        "| Total | 23m | started to resolved |",
        "* 2026-03-02T03:07:00Z **cause** the database was killed, 2.1Gi of 2Gi (ada)",
        "* Why was it not caught? no alert on memory",
        "| add memory alerts | ada | 2026-03-04T03:00:00Z | high | MON-1 |",
        "| review the query \\| performance | bob | unknown | low | unknown |",
        "| consider connection pooling | unknown | unknown | unknown | unknown |",
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
        "priority": None,
    }
    assert [action["priority"] for action in plain["actions"]] == ["high", "low", None]
    assert plain["investigation"] is None
    assert plain["time_sources"]["started"] == "noted"
    assert plain["time_sources"]["deployed"] == "no deployment before the detection is known"
    assert [entry["kind"] for entry in plain["timeline"]][:2] == ["onset", "opened"]


def test_a_time_before_the_start_is_an_open_point():
    """What people say may be wrong, and durations then are negative."""
    analysis = attrs.evolve(ANALYSIS, started_at=START + MINUTE)
    report = write_report(out_of_memory(), 1, analysis)

    assert report.times.detect_ms == -MINUTE
    assert report.open_points[0] == "TTD is negative: started to detected"


BASELINE, DURING = Window(START - 40 * MINUTE, START - 10 * MINUTE), Window(START - 10 * MINUTE, START + 20 * MINUTE)


def levels(labels, before, after):
    times = range(BASELINE.start, DURING.end, MINUTE)
    return Series(Labels(labels), times, [before if time < START - 4 * MINUTE else after for time in times])


SHARE = "explains 100 % of the change of errors with 50 % of it before"
WHEN = "2026-03-02T02:50:00Z to 2026-03-02T03:20:00Z, beside 2026-03-02T02:20:00Z to 2026-03-02T02:50:00Z"


def found_out():
    """The database fails, and was deployed just before."""
    observations = Observations(
        metrics={"errors": [levels({"service": "database"}, 1, 50), levels({"service": "cart"}, 1, 1)]},
        logs=[
            LogRecord(START + n * MINUTE, LogSeverity.ERROR, "killed: out of memory", service="database")
            for n in range(-4, 10)
        ],
        deploys=[Deploy(START - 5 * MINUTE, "database", "v9"), Deploy(START + 9 * MINUTE, "cart")],
    )
    return Investigation.of(observations, BASELINE, DURING)


def test_an_investigation_is_part_of_the_report():
    """Ranked causes with their evidence, what was set aside, and over what time it was."""
    report = write_report(out_of_memory(), 1, ANALYSIS, found_out())
    text = report.render_markdown()
    causes = text.split("## Causes\n")[1].split("\n## Analysis")[0]

    assert causes.splitlines()[1:11] == [
        "Likely cause: database (0.90; metrics, logs, deploy event).",
        f"From {WHEN}: 2 series, 14 log records, 0 traces.",
        "",
        "1. **database** 0.90",
        f'   * 0.98 metrics at 2026-03-02T02:56:00Z: service="database" {SHARE}',
        '   * 1.00 logs at 2026-03-02T02:56:00Z: database says "killed: out of memory" 14 times (new)',
        "   * 1.00 deploy event at 2026-03-02T02:55:00Z: database v9 was deployed",
        "",
        "Set aside:",
        "",
    ]
    assert "* deploy event: cart was deployed: it came after the trouble began" in causes
    assert json.loads(report.render_json())["investigation"] == found_out().to_plain()


def test_an_investigation_is_part_of_the_timeline():
    """When it began, what was deployed, and the evidence, among what the machine did and people noted."""
    entries = timeline(out_of_memory(), 1, found_out())
    told = [((entry.time - START) // MINUTE, entry.kind, entry.text) for entry in entries]

    assert told[:6] == [
        (-5, "deployment", "database v9 was deployed"),
        (-4, "onset", "the trouble began, by the metrics"),
        (-4, "evidence", 'metrics: service="database" explains 100 % of the change of errors with 50 % of it before'),
        (-4, "evidence", 'logs: database says "killed: out of memory" 14 times (new)'),
        (-3, "onset", "the spike began, only /api/payment (ada)"),
        (0, "opened", "opened for pager, urgency high: HighErrorRate (job=x)"),
    ]
    assert (9, "deployment", "cart was deployed") in told
    assert [entry for entry in entries if entry.effect is not None] == list(timeline(out_of_memory(), 1))


@pytest.mark.parametrize(
    ("noted", "said", "started", "source"),
    [
        (True, True, 60, TimeSource.ANALYSIS),
        (True, False, 3, TimeSource.NOTE),
        (False, False, 4, TimeSource.INVESTIGATION),
    ],
)
def test_who_knows_when_it_began(noted, said, started, source):
    """People's analysis before their notes, and these before what the metrics say."""
    effects = [each for each in out_of_memory() if noted or getattr(each, "kind", None) is not NoteKind.ONSET]
    analysis = Analysis(started_at=START - HOUR) if said else None
    times = write_report(effects, 1, analysis, found_out()).times

    assert (times.started_at, times.sources["started"]) == (START - started * MINUTE, source)
    assert (times.deployed_at, times.sources["deployed"]) == (START - 5 * MINUTE, TimeSource.INVESTIGATION)


def test_trouble_that_came_after_the_detection_is_not_its_start():
    """The investigation found something, and it is not what was detected."""
    late = attrs.evolve(found_out(), diagnosis=attrs.evolve(found_out().diagnosis, onset=START + 1))
    effects = [each for each in out_of_memory() if getattr(each, "kind", None) is not NoteKind.ONSET]
    times = write_report(effects, 1, None, late).times

    assert (times.started_at, times.sources["started"]) == (None, TimeSource.NO_ONSET)


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


def test_every_effect_has_a_line():
    """But channel updates, which repeat what has one, and what is of no incident."""
    assert set(typing.get_args(Effect)) - set(_ENTRIES) == {ChannelUpdate, MaintenanceChanged, Reloaded}
