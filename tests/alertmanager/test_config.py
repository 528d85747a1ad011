"""The configuration file: what it becomes, and what is wrong with it."""

import contextlib
import subprocess
import zoneinfo

import pytest

from obsflow.alertmanager import ALERTMANAGER_0_25, Alertmanager, Compat, ReceiveAlerts
from obsflow.errors import ConfigError, ObsflowError
from obsflow.model.labels import Labels
from tests.alertmanager.loop import KINDS, Globals, alert, drive, load, load_config, notifications, one_route
from tests.external import shared, tool

FULL = """
global: {resolve_timeout: 10m}
route:
  receiver: default
  group_by: [alertname, cluster]
  group_wait: 10s
  repeat_interval: 1h
  labels: {tier: gold}
  routes:
  - receiver: night
    matchers: ['team="a"', severity=~"warning|info"]
    mute_time_intervals: [weekend]
    active_time_intervals: [day]
    group_interval: 1m30s
    labels: {team: a}
    routes: [{matchers: [x=y]}]
receivers:
- name: default
- name: night
  slack_configs: [{channel: '#a', send_resolved: true}, {channel: '#b'}]
  webhook_configs: [{url: 'http://localhost'}]
  email_configs:
inhibit_rules:
- name: cluster
  source_matchers: [alertname=ClusterDown]
  target_match_re: {severity: warning|info}
  equal: [cluster]
time_intervals:
- name: day
  time_intervals: [{times: [{start_time: '08:00', end_time: '18:00'}], location: Europe/Paris}]
mute_time_intervals:
- name: weekend
  time_intervals: [{weekdays: ['saturday', 'sunday']}]
templates: ['templates/*.tmpl']
"""


def test_a_full_file():
    """Every section arrives, options are inherited, integrations stand in the order in which they are built."""
    config = load(FULL, zones=zoneinfo.ZoneInfo)
    assert config.resolve_timeout_ms == 600_000
    assert config.templates == ("templates/*.tmpl",)
    root, (night,) = config.route, config.route.routes
    assert (root.group_wait_ms, root.group_interval_ms, root.repeat_interval_ms) == (10_000, 300_000, 3_600_000)
    assert (night.group_wait_ms, night.group_interval_ms, night.repeat_interval_ms) == (10_000, 90_000, 3_600_000)
    assert [str(each) for each in night.matchers] == ['severity=~"warning|info"', 'team="a"']
    assert (night.mute_time_intervals, night.active_time_intervals) == (("weekend",), ("day",))
    assert night.routes[0].mute_time_intervals == ()
    assert dict(night.labels) == {"tier": "gold", "team": "a"}
    assert night.routes[0].receiver == "night"
    integrations = config.receivers["night"].integrations
    assert [(each.kind, each.index, each.send_resolved) for each in integrations] == [
        ("webhook", 0, True),
        ("slack", 0, True),
        ("slack", 1, False),
    ]
    assert config.receivers["default"].integrations == ()
    (rule,) = config.inhibit_rules
    assert (str(rule.source[0]), str(rule.target[0]), rule.equal) == (
        'alertname="ClusterDown"',
        'severity=~"^(?:warning|info)$"',
        ("cluster",),
    )
    assert set(config.time_intervals) == {"day", "weekend"}


LABELS = """
route:
  receiver: a
  routes:
  - matchers: [owner=A, level!=critical]
    labels: {team: A}
    routes:
    - {matchers: [env=testing], labels: {team: A-testing}}
    - {matchers: [env=production], labels: {severity: production}}
    - {matchers: [env=none], labels: {team: ''}}
  - {matchers: [owner=B]}
receivers: [{name: a, labels: {tier: gold}}, {name: b, labels: {name: b}}]
"""


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"owner": "A"}, {"team": "A"}),
        ({"owner": "A", "env": "testing"}, {"team": "A-testing"}),
        ({"owner": "A", "env": "production"}, {"team": "A", "severity": "production"}),
        ({"owner": "A", "env": "none"}, {}),
        ({"owner": "B", "env": "production"}, {}),
        ({"owner": "A", "level": "critical"}, {}),
    ],
)
def test_labels_of_routes(labels, expected):
    """A child has those of its parent, and its own come first; an empty one takes the parent's away."""
    (route,) = load(LABELS).route.match(Labels(labels))
    assert dict(route.labels) == expected


def test_labels_of_receivers():
    """The name is one of them, given or not."""
    receivers = load(LABELS).receivers
    assert [dict(each.labels) for each in receivers.values()] == [{"tier": "gold", "name": "a"}, {"name": "b"}]


def test_a_notification_has_the_labels_of_its_route():
    """As they are written: what they come to is not the router's business."""
    config = load(one_route("1s", "1m", "1h").replace("group_by: []", "labels: {team: '{{ .Status }}'}"))
    machine = Alertmanager(config, started_at=0)
    (sent,) = notifications(drive(machine, [(1, ReceiveAlerts((alert("x", 1),)))], until=5))
    assert dict(sent.route_labels) == {"team": "{{ .Status }}"}


def test_time_intervals_may_be_inherited():
    """Where it is asked for, a child that names none has those of its parent."""
    config = load(FULL, Compat(time_intervals_inherited=True), zoneinfo.ZoneInfo)
    assert config.route.routes[0].routes[0].mute_time_intervals == ("weekend",)


ROOT = "route: {receiver: a%s}\nreceivers: [{name: a%s}]\n%s"


def file(route="", receiver="", more=""):
    return ROOT % (route and ", " + route, receiver and ", " + receiver, more)


PROBLEMS = {
    "": "no route provided in config",
    "receivers: [{name: a}]": "no routes provided",
    "route: {}\nreceivers: [{name: a}]": "root route must specify a default receiver",
    file("match: {a: b}"): "root route must not have any matchers",
    file("matchers: [a=b]"): "root route must not have any matchers",
    file("continue: true"): "cannot have continue in root route",
    file("mute_time_intervals: [x]"): "root route must not have any mute time intervals",
    file("active_time_intervals: [x]"): "root route must not have any active time intervals",
    file("routes: [{receiver: b}]"): 'undefined receiver "b" used in route',
    file("routes: [{mute_time_intervals: [x]}]"): 'undefined time interval "x" used in route',
    file("group_by: [a, a]"): 'duplicated label "a" in group_by',
    file("group_by: [..., a]"): "cannot have wildcard group_by (`...`) and other labels at the same time",
    file("group_by: ['']"): 'invalid label name "" in group_by list',
    file("group_interval: 0s"): "group_interval cannot be zero",
    file("repeat_interval: 0s"): "repeat_interval cannot be zero",
    file("group_wait: 10"): 'not a valid duration string: "10"',
    file("routes: [{matchers: [foo]}]"): "bad matcher format: foo",
    file("routes: [{matchers: ['a=~\"(\"']}]"): "error parsing regexp: missing closing ): `^(?:()$`",
    file("routes: [{matchers: ['a=~\"b[c\"']}]"): "error parsing regexp: missing closing ]: `[c)$`",
    file("routes: [{matchers: ['a=\"b']}]"): 'matcher value contains unescaped double quote: "b',
    file("routes: [{matchers: a=b}]"): 'expected a list, got "a=b"',
    file("group_by: a"): 'expected a list, got "a"',
    file("group_by: ['a', '...', 'b']"): "cannot have wildcard group_by (`...`) and other labels at the same time",
    file("continue: maybe"): 'expected a boolean, got "maybe"',
    file("group_wait: 1m1h"): 'not a valid duration string: "1m1h"',
    file("group_wait: 1.5s"): 'unknown unit "." in duration "1.5s"',
    file("group_wait: -1s"): 'not a valid duration string: "-1s"',
    file("group_wait: 1s1s"): 'not a valid duration string: "1s1s"',
    file("group_interval: 0"): "group_interval cannot be zero",
    file("receiver: b"): 'key "receiver" is already set in line 1',
    file("routes: [{active_time_intervals: [y]}]"): 'undefined time interval "y" used in route',
    file("routes: [{routes: [{receiver: c}]}]"): 'undefined receiver "c" used in route',
    file("routes: [{routes: [{group_interval: 0s}]}]"): "group_interval cannot be zero",
    file("match_re: {a: b}"): "root route must not have any matchers",
    file("routes: [{match: {-x-: b}}]"): 'invalid label name "-x-"',
    file("routes: [{match_re: {a: }}]"): 'invalid regexp value for "a"',
    file("routes: [{match_re: {a: (}}]"): "error parsing regexp: missing closing ): `^(?:()$`",
    file("routes: [{match_re: {-x-: b}}]"): 'invalid label name "-x-"',
    file("routes: [{recevier: a}]"): 'unknown field "recevier", did you mean "receiver"?',
    "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]": 'notification config name "a" is not unique',
    "route: {receiver: a}\nreceivers: [{name: a}, {}]": "missing name in receiver",
    file(receiver="labels: {name: b}"): 'receiver label "name" must match receiver name "a", got "b"',
    file(receiver="webhook_configs: [null]"): "missing webhook config",
    file(receiver="slack_configs: [{}, ~]"): "missing slack config",
    file("labels: {'': b}"): 'invalid label name "" in route labels',
    file(receiver="carrier_pigeon_configs: []"): 'unknown field "carrier_pigeon_configs"',
    file(receiver="jira_configs: [{}]"): "jira_configs is not supported",
    file(receiver="webhook_configs: [{}]"): "one of url or url_file must be configured",
    file(receiver="webhook_configs: {}"): "expected a list",
    file(more="time_intervals: [{time_intervals: []}]"): "missing name in time interval",
    file(more="mute_time_intervals: [{time_intervals: []}]"): "missing name in mute time interval",
    file(more="time_intervals: [{name: x}, {name: x}]"): 'time interval "x" is not unique',
    file(more="time_intervals: [{name: x}]\nmute_time_intervals: [{name: x}]"): 'mute time interval "x" is not unique',
    file(more="time_intervals: [{name: x, time_intervals: [{location: Mars/X}]}]"): "unknown time zone Mars/X",
    file(more="inhibit_rules: [{equal: ['']}]"): 'invalid label name "" in equal list',
    file(more="inhibit_rules: [{source_match: {-x-: b}}]"): 'invalid label name "-x-"',
    file(more="inhibit_rules: [{source_match_re: {a: }}]"): 'invalid regexp value for "a"',
    file(more="inhibit_rules: [{target_match_re: {a: }}]"): 'invalid regexp value for "a"',
    file(more="inhibit_rules: [{target_matchers: [a]}]"): "bad matcher format: a",
    file(more="inhibit_rules: [{source_matcher: [a=b]}]"): (
        'unknown field "source_matcher", did you mean "source_matchers"?'
    ),
    file(more="tracing: {insecure: true}"): "tracing endpoint must be set",
    file(more="tracing: {endpoint: x, client_type: tcp}"): "expected tracing client type to be http or grpc",
    file(more="tracing: {endpoint: x, compression: zip}"): "valid options: gzip, but got zip",
    file(more="templates: {a: b}"): "expected a list, got a mapping",
    "route:\nreceivers: [{name: a}]": "no routes provided",
    file(more="global: {resolve_timeout: soon}"): 'not a valid duration string: "soon"',
    file(more="routes: []"): 'unknown field "routes"',
    file(more="global: [1]"): "expected a mapping, got a list",
    "[1]": "expected a mapping, got a list",
    "route: [": "",
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_what_is_wrong_with_a_file(text):
    """Each mistake is told in a sentence, with its place where there is one."""
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert any(PROBLEMS[text] in each.message for each in caught.value.problems), caught.value
    assert all(each.source == "alertmanager.yml" for each in caught.value.problems)
    if text:
        assert all(each.line and each.column for each in caught.value.problems)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("repeat_interval: 5m", []),
        ("repeat_interval: 4m", [(1, 22, "repeat_interval 4m is less than group_interval 5m")]),
        ("routes: [{group_interval: 5h}]", [(1, 31, "repeat_interval 4h is less than group_interval 5h")]),
        ("repeat_interval: 120h", []),
        ("repeat_interval: 1w", [(1, 22, "repeat_interval 1w is greater than the 5d")]),
    ],
)
def test_what_loads_and_is_odd(route, expected):
    """A repeat interval that is not what happens is warned of, at every route that has it."""
    warnings = load(file(route)).warnings
    assert [(each.line, each.column) for each in warnings] == [each[:2] for each in expected]
    assert all(text in each.message for each, (*_, text) in zip(warnings, expected, strict=True))


@pytest.mark.parametrize("place", ["Europe", "../UTC", "Mars/X"])
def test_no_place_of_that_name(place):
    """A directory of the zone database, a path out of it and a name that it lacks are no places."""
    text = file(more=f"time_intervals: [{{name: x, time_intervals: [{{location: {place}}}]}}]")
    with pytest.raises(ConfigError, match=f"unknown time zone {place}"):
        load(text, zones=zoneinfo.ZoneInfo)


def test_every_problem_at_once():
    """They are told together, in the order of the file, each with line and column."""
    text = """route:
  receiver: nobody
  group_interval: 0s
  routes:
  - matchers: [oops]
  - match_re: {a: '('}
    colour: red
receivers:
- name: a
  webhook_configs: [{}]
  jira_configs: [{}]
"""
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert [(each.line, each.column) for each in caught.value.problems] == [
        (2, 3),
        (3, 3),
        (5, 16),
        (6, 5),
        (7, 5),
        (10, 21),
        (11, 3),
    ]


def test_classic_names_only_under_025():
    """A matcher that only the newer grammar reads is an error there."""
    text = file("routes: [{matchers: ['Σ=s']}]")
    assert load(text).route.routes[0].matchers[0].name == "Σ"
    with pytest.raises(ConfigError, match="bad matcher format: Σ=s"):
        load(text, ALERTMANAGER_0_25)
    with pytest.raises(ConfigError, match='invalid label name "-x-" in group_by list'):
        load(file("group_by: [-x-]"), ALERTMANAGER_0_25)


ACCEPTED = [
    file(),
    file("repeat_interval: 1ms"),
    file("group_wait: 0"),
    file("group_wait: 1y2w3d4h5m6s7ms"),
    file("group_wait: , group_interval: null, repeat_interval: ~"),
    file("routes: [{receiver: , matchers: [~]}]"),
    file("routes: [{receiver: null, continue: true}]"),
    file("routes: [{group_by: ['...']}]"),
    file("routes: [{match: {a: b}, match_re: {a: b}, matchers: [a=b]}]"),
    file(receiver="email_configs: , webhook_configs: []"),
    file(more="global: {resolve_timeout: 1h, smtp_smarthost: }"),
    file(more="inhibit_rules: [{source_match: {a: }, target_match_re: {b: ''}, equal: [c]}]"),
    file(more="time_intervals: [{name: x, time_intervals: [{times: [], weekdays: []}]}]"),
    file("routes: [{group_by: []}]"),
    file("routes: [{match: {a: }}]"),
    file("routes: [{matchers: }]"),
    file(more="inhibit_rules: [{}]"),
    file(more="time_intervals: [{name: x, time_intervals: [{days_of_month: ['1:-1'], months: ['January:december']}]}]"),
    file(more="time_intervals: [{name: x, time_intervals: [{days_of_month: ['28:-1']}]}]"),
    file(more="time_intervals: [{name: x, time_intervals: [{days_of_month: ['27:-1']}]}]"),
    file(more="time_intervals: [{name: x, time_intervals: [{times: [{start_time: '09:00'}]}]}]"),
    file(more="time_intervals: [{name: x, time_intervals: [{weekdays: ['friday:monday']}]}]"),
    file("routes: [{matchers: ['{a=b,c!~\"d|e\"}']}]"),
    file(more="templates: ['nothing*.tmpl']"),
    file("group_wait: 0s"),
]
UNLIKE_AMTOOL = (FULL, "jira_configs", "webhook_configs", "slack_configs", "carrier", "global: [1]", "tracing")


@pytest.mark.parametrize("text", [*ACCEPTED, *(text for text in PROBLEMS if not any(e in text for e in UNLIKE_AMTOOL))])
def test_amtool_agrees(text, tmp_path):
    """A file is accepted where the reference accepts it, and refused where it refuses."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(text)
    checked = subprocess.run([tool("amtool"), "check-config", path], capture_output=True, text=True, check=False)
    try:
        load(text, ALERTMANAGER_0_25, zoneinfo.ZoneInfo)
    except ConfigError as error:
        assert checked.returncode, (error, checked.stdout)
    else:
        assert not checked.returncode, checked.stdout


def test_a_recorded_configuration():
    """The file of a real server, with old keys, gives its routes in order."""
    text = shared("captures", "payment-incidents", "alertmanager.yml").read_text()
    config = load_config(text, "alertmanager.yml", KINDS, Globals, compat=ALERTMANAGER_0_25)
    assert [route.receiver for route in config.route.routes] == [
        "pagerduty-critical",
        "slack-critical",
        "slack-warnings",
        "backend-team",
        "frontend-team",
    ]
    assert config.route.routes[0].continue_
    assert [each.kind for each in config.receivers["slack-critical"].integrations] == ["webhook", "slack"]


@pytest.mark.parametrize("cut", range(0, len(FULL), 7))
def test_a_cut_file_is_a_configuration_or_an_error(cut):
    """Whatever is left of a file, loading it gives a value or an error of ours."""
    with contextlib.suppress(ObsflowError):
        load(FULL[:cut], zones=zoneinfo.ZoneInfo)
