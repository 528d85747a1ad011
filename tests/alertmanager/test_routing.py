"""Which routes an alert takes, with which options, and under which keys."""

import re
import subprocess

import pytest

from obsflow.alertmanager import OBSFLOW, Compat, trace
from obsflow.alertmanager.routing import Router, render_matcher
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from tests.alertmanager.loop import load
from tests.external import tool

RECEIVERS = (
    "\nreceivers: ["
    + ", ".join(
        f"{{name: {name}}}"
        for name in (
            "notify-def",
            "notify-A",
            "notify-testing",
            "notify-productionA",
            "notify-productionB",
            "notify-BC",
        )
    )
    + "]\n"
)
OLD_KEYS = (
    """
route:
  receiver: notify-def
  routes:
  - match: {owner: team-A}
    receiver: notify-A
    routes:
    - {match: {env: testing}, receiver: notify-testing, group_by: [...]}
    - {match: {env: production}, receiver: notify-productionA, group_wait: 1m, continue: true}
    - match_re: {env: 'produ.*', job: '.*'}
      receiver: notify-productionB
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 1h
      group_by: [job]
  - match_re: {owner: 'team-(B|C)'}
    group_by: [foo, bar]
    group_wait: 2m
    receiver: notify-BC
  - match: {group_by: role}
    group_by: [role]
    routes:
    - match: {env: testing}
      receiver: notify-testing
      routes: [{match: {wait: long}, group_wait: 2m}]
"""
    + RECEIVERS
)
NEW_KEYS = OLD_KEYS
for old, new in (
    ("match: {owner: team-A}", 'matchers: [\'{owner="team-A",level!="critical"}\']'),
    ("{match: {env: testing}, receiver: notify-testing, group", "{matchers: ['env=testing', 'baz!~\".*quux\"'], group"),
    ("group_by: [...]", "receiver: notify-testing, group_by: [...]"),
    ("match: {env: production}", "matchers: [env=production]"),
    ("match_re: {env: 'produ.*', job: '.*'}", "matchers: ['env=~\"produ.*\"', 'job=~\".*\"']"),
    ("match_re: {owner: 'team-(B|C)'}", "matchers: ['owner=~\"team-(B|C)\"']"),
    ("match: {group_by: role}", "matchers: [group_by=role]"),
):
    assert old in NEW_KEYS, old
    NEW_KEYS = NEW_KEYS.replace(old, new)

A, B, ROLE = '{}/{owner="team-A"}', '{}/{owner=~"^(?:team-(B|C))$"}', '{}/{group_by="role"}'
# labels → (receiver, key, by which labels, group wait in s, repeat interval in s)
MATCHES = [
    ({"owner": "team-A"}, [("notify-A", A, "", 30, 14400)]),
    ({"owner": "team-A", "env": "unset"}, [("notify-A", A, "", 30, 14400)]),
    ({"owner": "team-C"}, [("notify-BC", B, "bar,foo", 120, 14400)]),
    ({"owner": "team-A", "env": "testing"}, [("notify-testing", A + '/{env="testing"}', "...", 30, 14400)]),
    (
        {"owner": "team-A", "env": "production"},
        [
            ("notify-productionA", A + '/{env="production"}', "", 60, 14400),
            ("notify-productionB", A + '/{env=~"^(?:produ.*)$",job=~"^(?:.*)$"}', "job", 30, 3600),
        ],
    ),
    ({"group_by": "role"}, [("notify-def", ROLE, "role", 30, 14400)]),
    ({"env": "testing", "group_by": "role"}, [("notify-testing", ROLE + '/{env="testing"}', "role", 30, 14400)]),
    (
        {"env": "testing", "group_by": "role", "wait": "long"},
        [("notify-testing", ROLE + '/{env="testing"}/{wait="long"}', "role", 120, 14400)],
    ),
    ({"nobody": "knows"}, [("notify-def", "{}", "", 30, 14400)]),
]


def described(route):
    by = "..." if route.group_by_all else ",".join(sorted(route.group_by))
    return route.receiver, route.key, by, route.group_wait_ms // 1000, route.repeat_interval_ms // 1000


@pytest.mark.parametrize(("labels", "expected"), MATCHES)
def test_old_keys(labels, expected):
    """Depth first, the first matching child unless it continues, options inherited unless given."""
    routes = load(OLD_KEYS).route.match(Labels(labels))
    assert [described(route) for route in routes] == expected


@pytest.mark.parametrize(("labels", "expected"), MATCHES)
def test_new_keys(labels, expected):
    """The same tree with `matchers`: the same routes; their regexes stand in the key as they were written."""

    def new(key):
        key = key.replace('{owner="team-A"}', '{level!="critical",owner="team-A"}')
        if "level" in key:
            key = key.replace('{env="testing"}', '{baz!~".*quux",env="testing"}')
        return re.sub(r"\^\(\?:((?:\([^)]*\)|[^)(])*)\)\$", r"\1", key)

    routes = load(NEW_KEYS).route.match(Labels(labels))
    assert [described(route) for route in routes] == [(r, new(key), *rest) for r, key, *rest in expected]
    assert not any(
        route.receiver == "notify-A" for route in load(NEW_KEYS).route.match(Labels(owner="team-A", level="critical"))
    )


def test_ids_count_the_children():
    """The id of a route tells siblings with the same matchers apart."""
    text = (
        """
route:
  receiver: notify-def
  routes:
  - {matchers: [foo=bar], continue: true, routes: [{matchers: [bar=baz]}]}
  - {matchers: [foo=bar], continue: true, routes: [{matchers: [bar=baz]}]}
  - {matchers: [bar=baz], continue: true, routes: [{matchers: [baz=qux]}, {matchers: [qux=corge]}]}
  - {matchers: ['qux=~"[a-zA-Z0-9]+"'], continue: true}
  - {matchers: ['corge!~"[0-9]+"'], continue: true}
"""
        + RECEIVERS
    )
    assert [route.id for route in load(text).route.walk()] == [
        "{}",
        '{}/{foo="bar"}/0',
        '{}/{foo="bar"}/0/{bar="baz"}/0',
        '{}/{foo="bar"}/1',
        '{}/{foo="bar"}/1/{bar="baz"}/0',
        '{}/{bar="baz"}/2',
        '{}/{bar="baz"}/2/{baz="qux"}/0',
        '{}/{bar="baz"}/2/{qux="corge"}/1',
        '{}/{qux=~"[a-zA-Z0-9]+"}/3',
        '{}/{corge!~"[0-9]+"}/4',
    ]


@pytest.mark.parametrize(
    ("child", "compat", "expected"),
    [
        ("", OBSFLOW, (frozenset(), True)),
        ("group_by: [a, b]", OBSFLOW, (frozenset("ab"), False)),
        ("group_by: []", OBSFLOW, (frozenset(), False)),
        ("group_by: []", Compat(empty_group_by_inherits=True), (frozenset(), True)),
    ],
)
def test_group_by_of_a_child(child, compat, expected):
    """It is inherited unless given; an empty list asks for one group, once it asked for nothing."""
    text = f"route: {{receiver: a, group_by: [...], routes: [{{matchers: [x=y], {child}}}]}}\nreceivers: [{{name: a}}]"
    (route,) = load(text, compat).route.routes
    assert (route.group_by, route.group_by_all) == expected


@pytest.mark.parametrize(
    ("matcher", "text"),
    [
        (Matcher("a", MatchOp.REGEX, 'x"\\\n\t'), 'a=~"x\\"\\\\\\n\t"'),
        (Matcher("größe.🙂", MatchOp.NOT_EQUAL, "é\x00"), 'größe.🙂!="é\x00"'),
        (Matcher("a b", MatchOp.EQUAL, "\t\x00"), r'''"a b"="\t\x00"'''),
        (Matcher("a\u2003b", MatchOp.NOT_REGEX, ""), r'''"a\u2003b"!~""'''),
        (Matcher("'", MatchOp.EQUAL, ""), """"'"=\"\""""),
    ],
)
def test_a_step_of_a_key(matcher, text):
    """Names are quoted where they would not be read otherwise, and only then are values escaped as Go does."""
    assert render_matcher(matcher) == text


def test_groups():
    """An alert is in a group of each of its routes, by those group labels that it has."""
    text = """
route:
  receiver: prod
  group_by: [alertname]
  routes:
  - {match: {env: testing}, receiver: testing, group_by: [alertname, service]}
  - {match: {env: prod}, receiver: prod, group_by: [alertname, service, cluster], continue: true}
  - {match: {kafka: 'yes'}, receiver: kafka, group_by: [alertname, service, cluster]}
receivers: [{name: prod}, {name: testing}, {name: kafka}]
"""
    router = Router(load(text).route)

    def keys(**labels):
        return [(route.receiver, route.group_key(group)) for route, group in router.route(Labels(labels))]

    assert keys(alertname="OtherAlert", cluster="cc", service="dd") == [("prod", '{}:{alertname="OtherAlert"}')]
    assert keys(env="testing", alertname="T", service="api", instance="i") == [
        ("testing", '{}/{env="testing"}:{alertname="T", service="api"}')
    ]
    assert keys(env="prod", alertname="HighLatency", cluster="bb", service="db", kafka="yes", instance="inst3") == [
        ("prod", '{}/{env="prod"}:{alertname="HighLatency", cluster="bb", service="db"}'),
        ("kafka", '{}/{kafka="yes"}:{alertname="HighLatency", cluster="bb", service="db"}'),
    ]
    assert keys(env="prod", alertname="NoService") == [("prod", '{}/{env="prod"}:{alertname="NoService"}')]


def test_a_trace_says_why():
    """Which route passes the alert down, which takes it, which does not match, and which comes too late."""
    text = """
route:
  receiver: a
  routes:
  - {matchers: [x=y, team=b]}
  - {matchers: [team=a], continue: true, routes: [{matchers: [env=prod]}]}
  - {matchers: [x=~"y|z"], routes: [{matchers: [team=a]}, {matchers: [x=y]}]}
  - {matchers: [team=a], routes: [{}]}
receivers: [{name: a}]
"""
    visits = trace(load(text).route, Labels(team="a", x="y"))
    assert [(each.route.id, each.outcome.value, each.mismatch and str(each.mismatch)) for each in visits] == [
        ("{}", "passed down", None),
        ('{}/{team="b",x="y"}/0', "mismatch", 'team="b"'),
        ('{}/{team="a"}/1', "taken", None),
        ('{}/{team="a"}/1/{env="prod"}/0', "mismatch", 'env="prod"'),
        ('{}/{x=~"y|z"}/2', "passed down", None),
        ('{}/{x=~"y|z"}/2/{team="a"}/0', "taken", None),
        ('{}/{x=~"y|z"}/2/{x="y"}/1', "not reached", None),
        ('{}/{team="a"}/3', "not reached", None),
    ]


@pytest.mark.parametrize("labels", [labels for labels, _ in MATCHES])
@pytest.mark.parametrize("text", [OLD_KEYS, NEW_KEYS], ids=["old", "new"])
def test_amtool_agrees(text, labels, tmp_path):
    """The receivers are those that the reference tool names."""
    amtool = tool("amtool")
    file = tmp_path / "alertmanager.yml"
    file.write_text(text)
    pairs = [f"{name}={value}" for name, value in labels.items()]
    command = [amtool, "config", "routes", "test", f"--config.file={file}", *pairs]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert said.split(",") == [route.receiver for route in load(text).route.match(Labels(labels))]
