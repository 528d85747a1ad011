"""The configuration of incidents: what it says, and everything that is wrong with it at once."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from obsflow.errors import ConfigError
from obsflow.incident import Urgency, utc_only
from obsflow.incident.config import load_config
from tests.incident.samples import CONFIG, HOUR, MINUTE, instant, load


def test_a_file_is_read():
    """Users, schedules, policies and services by their names."""
    config = load()
    ada = config.users["ada"]

    assert [(rule.method.kind, rule.after_ms) for rule in ada.rules_for(Urgency.HIGH)] == [
        ("push", 0),
        ("phone", 2 * MINUTE),
    ]
    assert [rule.method.name for rule in config.users["bob"].rules_for(Urgency.LOW)] == ["app"]
    assert [level.escalate_after_ms for level in config.policies["backend"].levels] == [5 * MINUTE, 10 * MINUTE]
    assert config.routing_keys == {"R1": "pager"}
    assert config.services["pager"].auto_resolve_ms == 4 * HOUR
    assert config.services["office"].acknowledge_timeout_ms is None
    assert config.services["empty"].acknowledge_timeout_ms == 30 * MINUTE


def test_a_schedule_is_read():
    """Zone, rotation, hand-off, restrictions and overrides."""
    text = """
users:
- {name: a, contact_methods: [{name: app, kind: push}]}
- {name: b, contact_methods: [{name: app, kind: push}]}
schedules:
- name: s
  time_zone: Europe/Zurich
  layers:
  - {name: l, users: [a, b], rotation: weekly, hand_off: "09:00", hand_off_day: tuesday, start: 2026-01-05}
  - name: nights
    users: [b]
    rotation: 12h
    restrictions:
    - {start_day: friday, start_time: "18:00", end_day: monday, end_time: "08:00"}
  overrides:
  - {user: b, start: 2026-01-07T00:00:00Z, end: 2026-01-08T00:00:00Z, replaces: a}
policies: [{name: p, levels: [{targets: [{schedule: s}], escalate_after: null}]}]
services: [{name: x, policy: p, urgency: low}]
"""
    schedule = load(text).schedules["s"]

    def who(at):
        return [each.user for each in schedule.on_call(instant(at, "Europe/Zurich"))]

    assert who("2026-01-06T09:00") == ["a"]
    assert who("2026-01-06T08:59") == ["b"]
    assert who("2026-01-07T12:00") == ["b"]
    assert who("2026-01-09T17:59") == ["a"]
    assert who("2026-01-09T18:00") == ["b"]
    assert who("2026-01-12T08:00") == ["a"]


# What replaces what in the file, and the problems that follow: path and a part of the message.
WRONG = [
    ("[{user: bob}]", "[{user: bub}]", ["policies[0].levels[1].targets[0].user"], 'did you mean "bob"'),
    ("users: [bob]", "users: [ev]", ["schedules[0].layers[0].users[0]"], 'unknown user "ev", did you mean "eve"'),
    ("users: [bob]", "users: []", ["schedules[0].layers[0].users"], "needs somebody"),
    ("{schedule: office}", "{schedule: offices}", ["policies[2].levels[0].targets[0].schedule"], "did you mean"),
    ("then: managers", "then: manager", ["policies[0].then"], 'unknown policy "manager", did you mean "managers"'),
    ("then: managers", "then: backend", ["policies[0].then"], "circle: backend → backend"),
    ("levels: [{targets: [{user: eve}]}]", "levels: []", ["policies[1]"], "has no levels"),
    ("[{user: bob}]", "[]", ["policies[0].levels[1]"], "needs a target"),
    ("[{user: bob}]", "[{user: bob, channel: x}]", ["policies[0].levels[1].targets[0]"], "one of"),
    ("escalate_after: 10m", "escalate_after: null", ["policies[0].levels[1].escalate_after"], "never reached"),
    ("escalate_after: 10m", "escalate_after: 0s", ["policies[0].levels[1].escalate_after"], "nobody can answer"),
    ("repeat: 1\n  then", "repeat: 10\n  then", ["policies[0].repeat"], "0 to 9"),
    ("time_zone: UTC", "time_zone: Europe/Zuerich", ["schedules[0].time_zone"], "unknown time zone"),
    ("monday:friday", "monday:freitag", ["schedules[0].layers[0].restrictions[0].weekdays[0]"], "no weekday"),
    ('"09:00"', '"9:00"', ["schedules[0].layers[0].restrictions[0].start_time"], "time of day"),
    ("policy: empty", "policy: emty", ["services[2].policy"], 'did you mean "empty"'),
    ("policy: empty", "policy: empty, routing_key: R1", ["services[2].routing_key"], "same routing key"),
    ("auto_resolve: 4h", "auto_resolv: 4h", ["services[0].auto_resolv"], 'did you mean "auto_resolve"'),
    ("auto_resolve: 4h", "auto_resolve: 0s", ["services[0].auto_resolve"], "null for never"),
    ("{method: app}", "{method: ap}", ["users[0].notification_rules[0].method"], 'did you mean "app"'),
    ("urgency: low", "urgency: severity", ["users[0].notification_rules[2].urgency"], "high"),
    ("auto_resolve: 4h", "acknowledge_reminder: 0s", ["services[0].acknowledge_reminder"], "null for never"),
    ("auto_resolve: 4h", "heartbeats: [{name: a, timeout: 0s}]", ["services[0].heartbeats[0].timeout"], "a duration"),
    ("auto_resolve: 4h", "heartbeats: [{name: a}]", ["services[0].heartbeats[0]"], "timeout"),
    (
        "auto_resolve: 4h",
        "heartbeats: [{name: a, timeout: 1h}, {name: a, timeout: 1h}]",
        ["services[0].heartbeats[1].name"],
        "defined twice",
    ),
    ("auto_resolve: 4h", "support_hours: {}", ["services[0].support_hours"], "need restrictions"),
    (
        "auto_resolve: 4h",
        'urgency: low, support_hours: {restrictions: [{start_time: "09:00", end_time: "17:00"}]}',
        ["services[0].urgency"],
        "say it already",
    ),
    (
        "auto_resolve: 4h",
        'support_hours: {time_zone: Moon, restrictions: [{start_time: "09:00", end_time: "17:00"}]}',
        ["services[0].support_hours.time_zone"],
        "unknown time zone",
    ),
    (
        "auto_resolve: 4h",
        "maintenance: [{start: 2026-01-02T00:00:00Z, end: 2026-01-01T00:00:00Z}]",
        ["services[0].maintenance[0]"],
        "ends after it starts",
    ),
    ("escalate_after: 10m", "acknowledgements: none", ["policies[0].levels[1].acknowledgements"], 'expected "all"'),
    ("escalate_after: 10m", "acknowledgements: 0", ["policies[0].levels[1].acknowledgements"], "from 1"),
    ("[{user: bob}]", "[{channel: x}], round_robin: true", ["policies[0].levels[1].round_robin"], "only channels"),
    (
        "  time_zone: UTC",
        "  overrides: [{removes: bub, start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z}]",
        ["schedules[0].overrides[0].removes"],
        'did you mean "bob"',
    ),
    (
        "  time_zone: UTC",
        "  overrides: [{start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z}]",
        ["schedules[0].overrides[0]"],
        'needs "user", or "removes"',
    ),
    (
        "  time_zone: UTC",
        "  overrides: [{user: bob, removes: bob, start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z}]",
        ["schedules[0].overrides[0]"],
        "does nothing else",
    ),
    ("users: [bob]", "users: [bob]\n    rotation: yearly", ["schedules[0].layers[0].rotation"], '"monthly"'),
    ("name: eve, ", "name: bob, ", ["users[2].name", "policies[1].levels[0].targets[0].user"], "defined twice"),
    ("contact_methods: [{name: app, kind: push}]}\n- {name: eve", "}\n- {name: eve", ["users[1]"], "cannot be reached"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "paths", "message"), WRONG, ids=[each[1][:40] for each in WRONG])
def test_what_is_wrong_has_its_place(old, new, paths, message):
    """Path, line and column, what was expected, and what was perhaps meant."""
    text = CONFIG.replace(old, new, 1)
    assert text != CONFIG
    with pytest.raises(ConfigError) as caught:
        load(text)
    problems = caught.value.problems

    assert [problem.path for problem in problems][: len(paths)] == paths
    assert message in problems[0].message
    assert all(problem.line > 1 and problem.column > 0 for problem in problems)


def test_all_problems_are_told_at_once_and_in_order():
    """One look at a file is enough."""
    text = CONFIG
    for old, new, *_ in WRONG[:1] + WRONG[12:13] + WRONG[15:16]:
        text = text.replace(old, new, 1)
    with pytest.raises(ConfigError) as caught:
        load(text)

    assert [problem.path for problem in caught.value.problems] == [
        "schedules[0].time_zone",
        "policies[0].levels[1].targets[0].user",
        "services[2].policy",
    ]


def test_a_longer_circle_is_told_once():
    """The way around it is shown; a policy that only leads into it is not part of it."""
    text = CONFIG.replace("levels: [{targets: [{user: eve}]}]", "levels: [{targets: [{user: eve}]}]\n  then: empty")
    text = text.replace("repeat: 1\nservices", "repeat: 1\n  then: managers\nservices")
    with pytest.raises(ConfigError) as caught:
        load(text)

    assert [problem.message for problem in caught.value.problems] == [
        "policies hand over in a circle: managers → empty → managers"
    ]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "services: 7", "users: [{}]", "services: []\nusers: [7]", "a: &a [*a]"]
)
def test_a_file_of_no_use_is_refused(text):
    """Nothing to read, or nothing that could be read."""
    with pytest.raises(ConfigError):
        load_config(text, "incidents.yml")


def test_without_a_database_there_is_only_utc():
    """A zone that is not known is a problem, not an exception of another kind."""
    with pytest.raises(ConfigError, match="unknown time zone"):
        load_config(CONFIG.replace("time_zone: UTC", "time_zone: Europe/Zurich"), "x", zones=utc_only)


WORDS = sorted(
    {word.strip("{},[]:") for word in CONFIG.split()} | {"null", "1e999", "9999-12-31", "-1", "monday", "<<"}
)


@given(
    at=st.integers(0, len(CONFIG.split(" ")) - 1),
    word=st.sampled_from(WORDS) | st.text(max_size=5),
    until=st.integers(1, len(CONFIG)),
)
@settings(max_examples=300, deadline=None)
def test_any_file_is_read_or_refused(at, word, until):
    """A file with a word exchanged, or cut off, is a configuration or a ConfigError."""
    words = CONFIG.split(" ")
    words[at] = word
    for text in (" ".join(words), CONFIG[:until]):
        try:
            load(text)
        except ConfigError as error:
            assert error.problems
