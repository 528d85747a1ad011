"""`obsflow routes`: the tree as it is drawn, and the way of an alert through it, as amtool sees it too."""

import json
import random
import subprocess

import pytest
import yaml
from tests.external import tool

from obsflow.cli.main import main

CONFIG = """
route:
  receiver: team
  group_by: [alertname]
  routes:
  - {receiver: pager, matchers: [severity="page"], group_wait: 10s, continue: true}
  - receiver: db
    matchers: [team=~"db|sql"]
    group_by: [...]
    routes:
    - {matchers: [env=test], mute_time_intervals: [night]}
  - {receiver: late, matchers: [team="db"]}
receivers: [{name: team}, {name: pager}, {name: db}, {name: late}]
time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "alertmanager.yml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


def run(capsys, *arguments):
    code = main(["routes", *arguments])
    return code, *capsys.readouterr()


def test_show(capsys, file):
    """A line a route, with the options that hold there, hanging from its parent."""
    code, out, err = run(capsys, "show", file)
    assert (code, err) == (0, "")
    intervals = "group_interval=5m repeat_interval=4h"
    assert out.splitlines() == [
        f"{{}} -> team  group_by=[alertname] group_wait=30s {intervals}",
        f'├── {{severity="page"}} -> pager  group_by=[alertname] group_wait=10s {intervals} continue',
        f'├── {{team=~"db|sql"}} -> db  group_by=[...] group_wait=30s {intervals}',
        f'│   └── {{env="test"}} -> db  group_by=[...] group_wait=30s {intervals} mute=night',
        f'└── {{team="db"}} -> late  group_by=[alertname] group_wait=30s {intervals}',
    ]


def test_show_json(capsys, file):
    """The same as data, nested as the routes are."""
    _, out, _ = run(capsys, "show", file, "--format", "json")
    tree = json.loads(out)
    assert [each["receiver"] for each in tree["routes"]] == ["pager", "db", "late"]
    assert tree["routes"][1]["routes"][0] == {
        "id": '{}/{team=~"db|sql"}/1/{env="test"}/0',
        "key": '{}/{team=~"db|sql"}/{env="test"}',
        "receiver": "db",
        "matchers": ['env="test"'],
        "continue": False,
        "group_by": ["..."],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "mute_time_intervals": ["night"],
        "active_time_intervals": [],
        "routes": [],
    }


def test_the_way_of_an_alert(capsys, file):
    """Receivers first, then each route with the group there, then why not the others."""
    code, out, err = run(capsys, "test", file, "severity=page", "team=db")
    assert (code, err) == (0, "")
    intervals = "group_interval=5m repeat_interval=4h"
    assert out.splitlines() == [
        "pager,db",
        f'  {{}}/{{severity="page"}} -> pager  group_by=[alertname] group_wait=10s {intervals} continue',
        '    group {}/{severity="page"}:{}',
        '  {}/{team=~"db|sql"} -> db  group_by=[...] group_wait=30s group_interval=5m repeat_interval=4h',
        '    group {}/{team=~"db|sql"}:{severity="page", team="db"}',
        "not by itself, or not at all:",
        "  {} passes it down",
        '  {}/{team=~"db|sql"}/{env="test"} does not match: env="test", it has no such label',
        '  {}/{team="db"} is not reached: a route before it takes the alert and does not continue',
    ]


def test_without_labels_the_root_takes_it(capsys, file):
    """An alert may have no labels as far as routes are concerned."""
    assert run(capsys, "test", file)[1].startswith("team\n")


@pytest.mark.parametrize(
    ("expected", "code", "last"),
    [
        ("pager,db", 0, None),
        ("db, pager", 0, None),
        ("db", 1, "expected db, got pager,db"),
        ("pager,db,late", 1, "expected pager,db,late, got pager,db"),
        ("", 1, "expected , got pager,db"),
    ],
)
def test_expectations(capsys, file, expected, code, last):
    """All of the receivers that are expected and no other, in any order; what was otherwise is said last."""
    got, out, _ = run(capsys, "test", file, "severity=page", "team=db", "--expect", expected)
    assert got == code
    assert last is None or out.splitlines()[-1] == last


def test_json(capsys, file):
    """What is told as data: labels, receivers, routes, every route that was looked at, the expectation."""
    code, out, _ = run(capsys, "test", file, "team=sql", "--format", "json", "--expect", "pager")
    record = json.loads(out)
    assert code == 1
    assert (record["labels"], record["receivers"]) == ({"team": "sql"}, ["db"])
    assert (record["expected"], record["as_expected"]) == (["pager"], False)
    assert [each["group_key"] for each in record["routes"]] == ['{}/{team=~"db|sql"}:{team="sql"}']
    assert [(each["outcome"], each["mismatch"]) for each in record["visits"]] == [
        ("passed down", None),
        ("mismatch", 'severity="page"'),
        ("taken", None),
        ("mismatch", 'env="test"'),
        ("not reached", None),
    ]


@pytest.mark.parametrize("label", ["{foo=bar}", "foo", "foo!=bar"])
def test_what_is_no_label(capsys, file, label):
    """It is said, and nothing else is."""
    code, out, err = run(capsys, "test", file, label)
    assert (code, out) == (1, "")
    assert label in err


def test_a_broken_configuration(capsys, tmp_path):
    """Every problem is printed with its place."""
    path = tmp_path / "broken.yml"
    path.write_text("route: {receiver: a, group_wait: 1x}\nreceivers: [{name: b}, {name: b}]\n", encoding="utf-8")
    code, _, err = run(capsys, "show", str(path))
    assert code == 1
    assert f"{path}:1:34: route.group_wait" in err
    assert "is not unique" in err


NAMES, VALUES = ("a", "b", "c"), ("x", "y", "z")


def random_matcher(chance):
    value = chance.choice((*VALUES, "x|y", "[yz]"))
    return f'{chance.choice(NAMES)}{chance.choice(("=", "!=", "=~", "!~"))}"{value}"'


def random_route(chance, depth):
    route = {"receiver": f"r{chance.randrange(8)}"}
    if depth < 3:
        route["matchers"] = [random_matcher(chance) for _ in range(chance.randrange(1, 3))]
        route["continue"] = chance.random() < 0.4
    if depth:
        route["routes"] = [random_route(chance, depth - 1) for _ in range(chance.randrange(4))]
    return route


@pytest.mark.parametrize("seed", range(20))
def test_amtool_names_the_same_receivers(capsys, tmp_path, seed):
    """For random trees and labels; amtool names a receiver once for each route."""
    amtool, chance = tool("amtool"), random.Random(seed)
    path = tmp_path / "alertmanager.yml"
    config = {"route": random_route(chance, 3), "receivers": [{"name": f"r{i}"} for i in range(8)]}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    for _ in range(5):
        labels = {name: chance.choice(VALUES) for name in NAMES if chance.random() < 0.7}
        pairs = [f"{name}={value}" for name, value in labels.items()]
        command = [amtool, "config", "routes", "test", f"--config.file={path}", *pairs]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        expected = list(dict.fromkeys(said.split(",")))
        code, out, _ = run(capsys, "test", str(path), *pairs, "--expect", said)
        assert (code, out.splitlines()[0].split(",")) == (0, expected)


ODD = """
route:
  receiver: 'a, b'
  routes: [{receiver: pager, matchers: ['foo🙂=bar']}]
receivers: [{name: 'a, b'}, {name: pager}]
"""


def test_names_of_any_characters(capsys, tmp_path):
    """Labels are written as in a key, and a receiver with a comma in its name may be expected."""
    path = tmp_path / "odd.yml"
    path.write_text(ODD, encoding="utf-8")
    code, out, _ = run(capsys, "show", str(path))
    assert (code, out.splitlines()[1].partition(" -> ")[0]) == (0, '└── {foo🙂="bar"}')
    assert run(capsys, "test", str(path), "--expect", "a, b")[0] == 0
    code, out, _ = run(capsys, "test", str(path), "foo🙂=x", "--expect", "pagr")
    assert code == 1
    assert '  {}/{foo🙂="bar"} does not match: foo🙂="bar", it has foo🙂="x"' in out.splitlines()
    assert out.splitlines()[-2:] == ['no route leads to "pagr", did you mean "pager"?', "expected pagr, got a, b"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("a=b", "a=c"), "label a has a value already"),
        (("a=~b",), "expected label=value, got a=~b"),
        (("{foo=bar}",), "unexpected open or close brace: {foo=bar}"),
        (("foo",), "bad matcher format: foo"),
    ],
)
def test_labels_that_cannot_be_meant(capsys, file, labels, message):
    """It is said, with what was written under it."""
    code, out, err = run(capsys, "test", file, *labels)
    assert (code, out) == (1, "")
    assert message in err
    assert labels[-1] in err.splitlines()


def test_a_file_that_is_no_text(capsys, tmp_path):
    """It is said where it ceases to be."""
    path = tmp_path / "x.yml"
    path.write_bytes(b"route: \xff")
    assert run(capsys, "show", str(path)) == (1, "", f"{path}: the file is not UTF-8 at byte 7\n")
