"""What happens in a scenario, written in the many ways in which people write it, and what is said where it fails."""

import pathlib

import pytest

from obsflow.schema.decode import _fields
from obsflow.testing.scenario_tests import document
from obsflow.testing.scenario_tests.suite import run_file

CONFIG = """\
alertmanager:
  route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
  receivers: [{name: default, webhook_configs: [{url: 'http://localhost:1/', timeout: 2s}]}, {name: other}]
"""
A = "{at: 0, alerts: [{labels: {alertname: a}, starts_at: 0, ends_at: 1h}]}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines_of(scenario, config=CONFIG):
    path = pathlib.Path("s.yml")
    path.write_text(f"{config}scenarios:\n{scenario}\n", encoding="utf-8")
    return [line.removeprefix("s.yml:") for outcome in run_file(path) for line in outcome.message.splitlines()]


def events(*each, until="20s", times=(), more=""):
    listed = "".join(f"  - {event}\n" for event in each)
    expected = ", ".join(f"{{at: {time}, receiver: default}}" for time in times)
    return f"- events:\n{listed}  until: {until}\n  expect: [{expected}]\n{more}"


PASSES = {
    "numbers are seconds, quoted or not": events(
        "{at: 0, alerts: [{labels: {alertname: a, code: 500}, ends_at: '3'}]}", times=("1", "'6.0'")
    ),
    "a scalar is the text that stands there": """\
- events: [{at: 0, alerts: [{labels: {alertname: 'yes', code: "500", on: true, version: 1.10, hex: 0x1F}}]}]
  until: 2
  expect:
  - {at: 1, receiver: default, alerts: [{labels: {alertname: yes, code: 500, on: 'true', version: '1.10', hex: 0x1F}}]}
""",
    "a number may be quoted": """\
- events: [{at: '0', alerts: [{labels: {alertname: a}}]}, {receiver: default, index: '0', fails: {status: '400'}}]
  until: '1'
""",
    "how deliveries go to a receiver that has none is nothing": events(
        A, "{receiver: other, fails: {from: 0s, until: 4.5s, status: 500}}", times=("1s",)
    ),
    "an event may stand anywhere in the file": events(
        "{at: 9s, alerts: [{labels: {alertname: b}}]}", A, times=("1s", "10s")
    ),
    "what has ended when it comes is told to nobody": events(
        "{at: 10s, alerts: [{labels: {alertname: a}, starts_at: 1s, ends_at: 5s}]}",
        "{at: 10s, alerts: [{labels: {alertname: b}, ends_at: 5s}]}",
        until="1h",
    ),
    "a silence that nothing refers to needs no id": events(
        "{at: 0, alerts: [{labels: {alertname: a}}, {labels: {alertname: b}}]}",
        "{at: 0, silence: {matchers: [alertname=a], ends_at: 3s, created_by: me, comment: why, annotations: {t: 1}}}",
        "{at: 0, silence: {matchers: ['{alertname=b, alertname=~\"b|c\"}'], ends_at: 8s}}",
        times=("6s", "11s"),
    ),
    "a silence is made longer": events(
        A,
        "{at: 0, silence: {id: s, matchers: [alertname=a], starts_at: 0, ends_at: 5s}}",
        "{at: 3s, silence: {id: s, matchers: [alertname=a], starts_at: 0, ends_at: 12s}}",
        times=("16s",),
    ),
    "a silence is made shorter, whatever its start": events(
        A,
        "{at: 0, silence: {id: s, matchers: [alertname=a], ends_at: 50s}}",
        "{at: 3s, silence: {id: s, matchers: [alertname=a], ends_at: 4s}}",
        times=("6s",),
    ),
    "a silence that has ended begins again under its name": events(
        A,
        "{at: 0, silence: {id: s, matchers: [alertname=a], ends_at: 2s}}",
        "{at: 4s, silence: {id: s, matchers: [alertname=a], ends_at: 8s}}",
        "{at: 4.5s, expire: s}",
        "{at: 4.6s, expire: s}",
        times=("6s",),
    ),
    "a change that is refused changes nothing": events(
        A,
        "{at: 0, silence: {id: s, matchers: [alertname=a], ends_at: 8s}}",
        '{at: 3s, silence: {id: s, matchers: [alertname=a], ends_at: 2s}, refused: "end time can\'t be in the past"}',
        times=("11s",),
    ),
    "what is expected to be refused is": events(
        "{at: 1s, alerts: [{labels: {alertname: a}, starts_at: 5s, ends_at: 1s}], refused: start time must be}",
        "{at: 1s, alerts: [{labels: {a: ''}}], refused: at least one label pair required}",
        "{at: 1s, expire: nobody, refused: true}",
        "{at: 1s, acknowledge: {receiver: default}, refused: nothing was sent}",
    ),
    "flags": events(
        "{at: 1s, alerts: [{labels: {alertname: a, i: 1}}, {labels: {alertname: a, i: 2}}], refused: too many}",
        "{at: 1s, silence: {matchers: [a=b], ends_at: 8s}}",
        "{at: 1s, silence: {matchers: [a=c], ends_at: 8s}, refused: 'number of silences: 1 (limit: 1)'}",
        "{at: 68s, silence: {matchers: [a=c], ends_at: 80s}}",
        until="80s",
        times=("5s",),
        more="  flags: {dispatch.start-delay: 5s, alerts.per-alertname-limit: 1, silences.max-silences: 1,\n"
        "    data.retention: 1m}",
    ),
    "an alert that has resolved is forgotten when the flag says": """\
- flags: {alerts.gc-interval: 10s, alerts.per-alertname-limit: 1}
  events:
  - {at: 1s, alerts: [{labels: {alertname: a, i: 1}, starts_at: 1s, ends_at: 9.9s}]}
  - {at: 9.8s, alerts: [{labels: {alertname: a, i: 2}, starts_at: 9.8s, ends_at: 1h}], refused: too many}
  - {at: 10s, alerts: [{labels: {alertname: a, i: 2}, starts_at: 10s, ends_at: 1h}]}
  until: 12.5s
  expect:
  - {at: 2s, receiver: default}
  - {at: 12s, receiver: default}
""",
    "an acknowledgement is nothing to Alertmanager": events(
        A, "{at: 2s, acknowledge: {receiver: default, by: alice}}", times=("1s",)
    ),
    "an answer that comes after the receiver's timeout is none": events(
        A, "{receiver: default, latency: 2.5s}", "{at: 3.4s, receiver: default, latency: 0}", times=("3.5s",)
    ),
    "failures say how long they take, or take as long as the timeout": events(
        A, "{receiver: default, fails: {until: 2s, latency: 1h}}", times=("3.5s",)
    ),
    "what was before the start": """\
- events:
  - {at: -10m, alerts: [{labels: {alertname: a}, ends_at: 1h}]}
  until: 3s
  expect: [{at: -9m59s, receiver: default}]
""",
    "a route of another receiver after a reload": events(
        A,
        "{receiver: default, fails: {until: 1h, status: 503}}",
        "{at: 2.1s, reload: {route: {receiver: other, group_wait: 1s}, receivers: [{name: other}]}}",
    ),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_passes(name):
    """It means what whoever wrote it expects, with the times of the receiver and the server's flags."""
    assert lines_of(PASSES[name]) == []


FAILS = {
    "a refusal of something else": (
        events("{at: 1s, expire: nobody, refused: too many}"),
        ['6: refused: expected too many, got silence "nobody" not found'],
    ),
    "nothing is refused": (
        events("{at: 1s, silence: {matchers: [a=b]}, refused: true}", "{at: 1m, expire: x, refused: true}"),
        ["6: not refused", "7: not refused: the scenario ends before it happens"],
    ),
    "an acknowledgement of nothing": (
        events("{at: 1s, acknowledge: {receiver: default, by: alice}}"),
        ["6: refused: nothing was sent to default yet"],
    ),
    "another start than its end": (
        events("{at: 0, alerts: [{labels: {alertname: a}, ends_at: 1h}]}").replace(
            "expect: []", "expect: [{at: 1s, receiver: default, alerts: [{labels: {alertname: a}, starts_at: 0}]}]"
        ),
        ['{alertname="a"} was sent with an end and without a start, and so starts at its end'],
    ),
    "a miss in time and in alerts": (
        events(A).replace("expect: []", "expect: [{at: 1.5s, receiver: default, alerts: [{labels: {alertname: b}}]}]"),
        [
            '- {alertname="b"}',
            'nearest: to default (webhook) at 1s, first notification: {alertname="a"} firing (from 0s)',
            "    time: expected at 1.5s, got 1s",
            '    - {alertname="b"}: missing',
            '    + {alertname="a"} firing: not expected',
            'nobody sent an alert {alertname="b"} until then',
        ],
    ),
    "attempts that were in vain": (
        events(A, "{receiver: default, latency: 3s}", until="3s", times=("3s",)),
        ["an attempt at 1s failed: no answer within 2s"],
    ),
    "what was before the start": (
        events("{at: -10m, alerts: [{labels: {alertname: a}}]}", until="0"),
        ["5: 2 notifications not expected"],
    ),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_fails(name):
    """It is said what was instead, and what comes closest."""
    scenario, expected = FAILS[name]
    lines = [each.strip() for each in lines_of(scenario)]
    wanted = [each.strip() for each in expected]
    assert wanted in [lines[i : i + len(wanted)] for i in range(len(lines))]


EMPTY = {
    "silence": "such as {matchers: ['alertname=\"Down\"'], ends_at: 2h}",
    "acknowledge": "such as {receiver: pager, by: alice}",
    "expire": "the id of a silence",
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_event_of_nothing(name):
    """It is no event, and it is said what to write."""
    assert lines_of(f"- events: [{{at: 1s, {name}: }}]") == [
        f"5:21: scenarios[0].events[0].{name}: expected {EMPTY[name]}, got nothing"
    ]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ("acknowledge: default", '34: scenarios[0].events[0].acknowledge: expected a mapping, got "default"'),
        ("expire: {id: s}", "29: scenarios[0].events[0].expire: expected a string, got a mapping"),
        ("silence: {matchers: ['a=~(']}", None),
    ],
)
def test_an_event_of_something_else(event, problem):
    """What cannot be read is not said to be missing, too."""
    lines = lines_of(f"- events: [{{at: 1s, {event}}}]")
    assert problem is None or lines == [f"5:{problem}"]
    assert not any("got nothing" in line for line in lines)


@pytest.mark.parametrize("name", ["fails", "latency"])
def test_a_delivery_of_nothing(name):
    """Likewise."""
    (line,) = lines_of(f"- events: [{{receiver: default, {name}: }}]")
    assert line.startswith(f"5:32: scenarios[0].events[0].{name}: expected ")


@pytest.mark.parametrize("scenarios", ["[]", "", "~"])
def test_a_file_without_scenarios(scenarios):
    """It tests nothing, which nobody wants."""
    pathlib.Path("s.yml").write_text(f"{CONFIG}scenarios: {scenarios}\n", encoding="utf-8")
    ((line,),) = (outcome.message.splitlines() for outcome in run_file(pathlib.Path("s.yml")))
    assert line.endswith("scenarios: there is none, and so nothing is tested")


KEYS = {
    "": document.ScenarioFile,
    "scenarios": document.Scenario,
    "events": document.Event,
    "events.alerts": document.SentAlert,
    "silence": document.SentSilence,
    "fails": document.Failure,
    "acknowledge": document.Acknowledgement,
    "expect": document.ExpectedNotification,
    "expect.alerts": document.ExpectedAlert,
    "pages": document.ExpectedPage,
}


@pytest.mark.parametrize("where", KEYS)
def test_the_keys_that_are_named_are_those_that_are_read(where):
    """Whoever writes a word that is like none of them is told them all."""
    read = {meta.key or attribute.name for attribute, _, meta in _fields(KEYS[where]) if meta.role == "value"}
    assert set(document.KEYS[where].split(", ")) == read
    assert document.KEYS.keys() == KEYS.keys()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("- {base_time: 2024-01-01T00:00:00Z}", "scenarios"),
        ("- events: [{at: 1s, alerts: [{labels: {a: b}, since: 1s}]}]", "events.alerts"),
        ("- events: [{at: 1s, silence: {matchers: [a=b], duration: 1h}}]", "silence"),
        ("- expect: [{at: 1s, receiver: default, alerts: [{labels: {a: b}, fingerprint: x}]}]", "expect.alerts"),
        ("- expect: [{at: 1s, receiver: default, count: 1}]", "expect"),
    ],
)
def test_an_unknown_key(text, where):
    """What stands there instead is told."""
    assert any(line.endswith(f"; expected one of {document.KEYS[where]}") for line in lines_of(text))


def test_a_file_of_rule_tests():
    """Whatever is read as scenarios and is none says what it should have been."""
    (line, *_) = lines_of("", config="rule_files: [x]\n")
    assert line == f'1:1: rule_files: unknown field "rule_files"; expected one of {document.KEYS[""]}'
