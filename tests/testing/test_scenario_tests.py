"""Files of scenarios: the repository's own pass, failures are differences with their reasons, mistakes have places."""

import json
import pathlib
import xml.etree.ElementTree as ET

import attrs
import pytest

from obsflow.alertmanager import PRESETS
from obsflow.cli.main import main
from obsflow.errors import ConfigError
from obsflow.model.labels import quote
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.scenario_tests.offsets import parse_offset, render_offset
from obsflow.testing.scenario_tests.suite import ScenarioSuite, run_file

SCENARIOS = sorted((pathlib.Path(__file__).resolve().parents[1] / "scenarios").glob("*.yml"))
OUTCOMES = [outcome for path in SCENARIOS for outcome in run_file(path)]

CONFIG = """\
alertmanager:
  route: {receiver: default, group_by: [], group_wait: 1s, group_interval: 5s, repeat_interval: 1h}
  receivers: [{name: default, webhook_configs: [{url: 'http://localhost:1/'}]}, {name: idle, webhook_configs: [{url: 'http://localhost:2/'}]}]
"""
FIRES = "  - {at: 1s, alerts: [{labels: {alertname: a}}]}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, scenarios, config=CONFIG, name="s.yml"):
    path = folder / name
    path.write_text(f"{config}scenarios:\n{scenarios}", encoding="utf-8")
    return pathlib.Path(name)


def lines_of(path):
    return [line for outcome in run_file(path) for line in outcome.message.splitlines()]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda each: each.title)
def test_scenarios_of_the_repository(outcome):
    """What is sent, and at which instant, is exactly what each says."""
    assert outcome.message == ""
    assert outcome.verdict is Verdict.PASSED


def test_there_are_scenarios():
    """The files are found, and each holds some."""
    assert {each.source for each in OUTCOMES} == set(map(str, SCENARIOS))
    assert len(OUTCOMES) >= 30


@pytest.mark.parametrize(
    ("text", "ms", "shown"),
    [
        ("0", 0, "0s"),
        ("5", 5000, "5s"),
        ("-0.25", -250, "-250ms"),
        ("1m30s", 90_000, "1m30s"),
        ("500ms", 500, "500ms"),
        ("2.3s", 2300, "2.3s"),
        ("0.5s", 500, "500ms"),
        ("1.5h", 5_400_000, "1h30m"),
        ("1m500ms", 60_500, "1m500ms"),
        ("-100s", -100_000, "-1m40s"),
        ("-1.25s", -1250, "-1.25s"),
        ("10s", 10_000, "10s"),
        ("0.001s", 1, "1ms"),
    ],
)
def test_times(text, ms, shown):
    """Numbers may have fractions, and times may lie before the start."""
    assert parse_offset(text) == ms
    assert render_offset(ms) == shown
    assert parse_offset(shown) == ms


@pytest.mark.parametrize(
    "text", ["", "1e3", "1:30", ".5", "s", "1.s", "1x", "1s ", "0.0001s", "--1s", "9999999y", "\u0661s"]
)
def test_what_is_no_time(text):
    """Another way to write a number, a unit without one, and what is finer than a millisecond, is no time."""
    with pytest.raises(ValueError, match=r"expected a duration|finer|out of range"):
        parse_offset(text)


def test_a_notification_that_is_different(folder):
    """The difference of each alert, and why the notification was as it was."""
    path = write(
        folder,
        f"""\
- name: wrong
  events:
{FIRES}  - {{at: 1s, silence: {{id: s, matchers: [alertname=b], ends_at: 10s}}}}
  - {{at: 1s, alerts: [{{labels: {{alertname: b}}, annotations: {{x: y}}}}]}}
  until: 3s
  expect:
  - at: 2s
    receiver: default
    reason: new alerts added
    alerts:
    - {{labels: {{alertname: a}}, status: resolved, starts_at: 2s, ends_at: 2s, annotations: {{x: z}}}}
    - {{labels: {{alertname: b}}}}
""",
    )
    assert lines_of(path) == [
        "s.yml:12: notification to default at 2s new alerts added: different",
        '    ~ to default (webhook) at 2s, first notification: {alertname="a"} firing (from 1s)',
        "        reason: expected new alerts added, got first notification",
        (
            '        ~ {alertname="a"}: annotation x: expected "z", there is none; '
            "status: expected resolved, got firing; starts_at: expected 2s, got 1s; ends_at: expected 2s, got none"
        ),
        '        - {alertname="b"}: missing',
        "        default (webhook) at 2s: first notification, 1 firing, 0 resolved",
        '            {alertname="b"} was silenced by s until 10s',
        '            {alertname="a"}, {alertname="b"}:',
        "                {} takes it, to default",
        "            next look at 7s, told again without news 1h after this one at the earliest",
    ]


MISSING = {
    "the last look": (
        FIRES + "  - {at: 1s, silence: {id: s, matchers: [alertname=a], ends_at: 4.5s}}\n",
        "2s",
        "{at: 2s, receiver: default, alerts: [{labels: {alertname: a}, status: firing}]}",
        [
            '- {alertname="a"} firing',
            "last look, default (webhook) at 2s: nothing new, 0 firing, 0 resolved",
            '    {alertname="a"} was silenced by s until 4.5s',
            '    {alertname="a"}:',
            "        {} takes it, to default",
            "    next look at 7s",
        ],
    ),
    "the group that waits": (
        FIRES,
        "1.9s",
        "{at: 1.5s, receiver: default, alerts: [{labels: {alertname: a}}]}",
        [
            '- {alertname="a"}',
            '{alertname="a"} came to default at 1s, looked at 2s: group_wait, for others to come',
        ],
    ),
    "another receiver": (
        FIRES,
        "2s",
        "{at: 2s, receiver: idle, alerts: [{labels: {alertname: a}}]}",
        [
            '- {alertname="a"}',
            'nearest: to default (webhook) at 2s, first notification: {alertname="a"} firing (from 1s)',
            "    receiver: expected idle, got default",
            '{alertname="a"} went to default:',
            "    {} takes it, to default",
            "no alert came to this receiver until then",
        ],
    ),
    "an alert that never came": (
        "  - {at: 1s, alerts: []}\n",
        "2s",
        "{at: 2s, receiver: default, alerts: [{labels: {alertname: a}}]}",
        [
            '- {alertname="a"}',
            'nobody sent an alert {alertname="a"} until then',
            "no alert came to this receiver until then",
        ],
    ),
    "deliveries that failed": (
        FIRES + "  - {receiver: default, fails: {status: 404}}\n",
        "2s",
        "{at: 2s, receiver: default}",
        [
            "an attempt at 2s failed: unexpected status code 404",
            "last look, default (webhook) at 2s: first notification, 1 firing, 0 resolved",
            '    {alertname="a"}:',
            "        {} takes it, to default",
            "    next look at 7s, told again without news 1h after this one at the earliest",
        ],
    ),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_notification_that_is_missing(folder, name):
    """It is said what there was instead: a look that came to nothing, a wait, another route, a failure."""
    events, until, expected, details = MISSING[name]
    path = write(folder, f"- events:\n{events}  until: {until}\n  expect: [{expected}]\n")
    heading, *lines = lines_of(path)[: len(details) + 1]
    assert heading.endswith(": missing")
    assert [line.removeprefix("    ") for line in lines] == details


def test_no_more_and_no_less(folder):
    """A notification that nobody expects fails the scenario, with its reason."""
    path = write(folder, f"- events:\n{FIRES}  until: 3s\n")
    heading, first, *_ = lines_of(path)
    assert heading == "s.yml:5: 1 notification not expected"
    assert first == '    + to default (webhook) at 2s, first notification: {alertname="a"} firing (from 1s)'


@pytest.mark.parametrize(
    ("at", "passes"),
    [
        ("at: 2s", True),
        ("at: 2.001s", False),
        ("at: 1.5s, within: 500ms", True),
        ("at: 2.5s, within: 500ms", True),
        ("at: 2.5s, within: 499ms", False),
    ],
)
def test_instants(folder, at, passes):
    """Times are exact unless a tolerance is given, which goes both ways."""
    path = write(folder, f"- events:\n{FIRES}  until: 3s\n  expect: [{{{at}, receiver: default}}]\n")
    (outcome,) = run_file(path)
    assert (outcome.verdict is Verdict.PASSED) is passes


DELIVERIES = {
    "an error of the server is tried again": ("fails: {until: 3s, status: 503}", ["3.25s"]),
    "a refusal is not, but the group is told at its next look": ("fails: {until: 3s, status: 400}", ["7s"]),
    "no answer is tried again": ("fails: {until: 2.1s}", ["2.5s"]),
    "an attempt may take its time to fail": ("fails: {until: 2.1s, latency: 1s}", ["3.5s"]),
    "before it begins to fail nothing fails": ("fails: {from: 2.1s}", ["2s"]),
    "a loss that nobody notices": ("fails: {until: 3s, status: 200}", []),
    "a slow receiver is told when it is told": ("latency: 2s", ["2s"]),
    "from when on it fails may stand before it": ("at: 2.1s, fails: {}", ["2s"]),
    "from when on it is slow": ("at: 2s, latency: 20s", []),
    "later than that": ("at: 2.1s, latency: 20s", ["2s"]),
    "an answer that comes after the deadline does not count": ("latency: 10001ms", []),
    "one that comes just before it does": ("latency: 10s", ["2s"]),
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_deliveries(folder, name):
    """Failures and latencies hold for the receiver that they name, from their beginning to before their end."""
    delivery, times = DELIVERIES[name]
    expected = ", ".join(f"{{at: {each}, receiver: default}}" for each in times)
    path = write(
        folder, f"- events:\n{FIRES}  - {{receiver: default, {delivery}}}\n  until: 20s\n  expect: [{expected}]\n"
    )
    assert lines_of(path) == []


@pytest.mark.parametrize(
    ("integration", "status", "time"),
    [
        ("pagerduty_configs: [{routing_key: k}]", 429, "2.5s"),
        ("pagerduty_configs: [{routing_key: k}]", 403, "7s"),
        ("pagerduty_configs: [{service_key: k}]", 403, "2.5s"),
        ("email_configs: [{to: x@example.org, from: y@example.org, smarthost: 'localhost:25'}]", 451, "2.5s"),
        ("webhook_configs: [{url: 'http://localhost:1/', max_alerts: 3}]", 429, "7s"),
    ],
)
def test_whether_an_attempt_is_repeated_is_up_to_the_kind_of_receiver(folder, integration, status, time):
    """As its answers are read for real."""
    config = CONFIG.replace("webhook_configs: [{url: 'http://localhost:1/'}]", integration)
    assert config != CONFIG
    path = write(
        folder,
        f"""\
- events:
{FIRES}  - {{receiver: default, fails: {{until: 2.1s, status: {status}}}}}
  until: 20s
  expect: [{{at: {time}, receiver: default}}]
""",
        config,
    )
    assert lines_of(path) == []


def test_a_latency_holds_up_the_next_look(folder):
    """The group is looked at again when the delivery has ended."""
    path = write(
        folder,
        f"""\
- events:
{FIRES}  - {{at: 4s, alerts: [{{labels: {{alertname: b}}}}]}}
  - {{receiver: default, latency: 6.5s}}
  until: 9s
  expect: [{{at: 2s, receiver: default}}, {{at: 8.5s, receiver: default}}]
""",
    )
    assert lines_of(path) == []


def test_reloads(folder):
    """Of a configuration that is given, of one in a file, and of the same again."""
    (folder / "other.yml").write_text(
        "route: {receiver: other, group_wait: 3s}\n"
        "receivers: [{name: other, webhook_configs: [{url: 'http://localhost:1/'}]}]\n",
        encoding="utf-8",
    )
    path = write(
        folder,
        f"""\
- events:
{FIRES}  - {{at: 3s, reload: other.yml}}
  - {{at: 3s, reload: }}
  - {{at: 10s, reload: {{route: {{receiver: default}}, receivers: [{{name: default}}]}}}}
  until: 1h
  expect: [{{at: 2s, receiver: default}}, {{at: 6s, receiver: other}}]
""",
    )
    assert lines_of(path) == []


def test_what_the_router_refuses(folder):
    """An alert that ends before it begins, a silence of the past, a silence that is ended before it is set."""
    path = write(
        folder,
        """\
- events:
  - {at: 1s, alerts: [{labels: {alertname: a}, starts_at: 5s, ends_at: 3s}]}
  - {at: 2s, expire: s}
  - {at: 3s, silence: {id: s, matchers: [a=b], starts_at: 1s, ends_at: 2s}}
""",
    )
    assert lines_of(path) == [
        's.yml:6: refused: {alertname="a"}: start time must be before end time',
        's.yml:7: refused: silence "s" not found',
        's.yml:8: refused: silence "s": end time can\'t be in the past',
    ]


SERVICE = """\
- incidents:
    users: [{name: alice, contact_methods: [{name: app, kind: push}]}]
    policies: [{name: p, levels: [{targets: [{user: alice}]}]}]
    services: [{name: other, policy: p}]
  name: x
"""


MISTAKES = [
    ("- {nam: x}", '5:4: scenarios[0].nam: unknown field "nam", did you mean "name"?'),
    ("- {until: -1s}", '5:11: scenarios[0].until: expected a duration that is not negative, got "-1s"'),
    (
        "- {compat: x}",
        f'5:12: scenarios[0].compat: unknown compat "x": expected one of {", ".join(map(quote, PRESETS))}',
    ),
    ("- events: [{at: 1x}]", '5:17: scenarios[0].events[0].at: expected a duration such as 2.3s or 500ms, got "1x"'),
    (
        "- events: [{at: 2024-01-01T00:00:00Z}]",
        (
            "5:17: scenarios[0].events[0].at: expected how long after the start, such as 2.3s, got "
            '"2024-01-01T00:00:00Z": a date is that of "start" alone'
        ),
    ),
    (
        "- events: [{at: 1s}]",
        (
            "5:12: scenarios[0].events[0]: an event is one of alerts, silence, expire, reload, acknowledge, or a "
            "receiver that fails or has a latency"
        ),
    ),
    ("- events: [{alerts: []}]", '5:12: scenarios[0].events[0]: "at" is required'),
    ("- events: [{receiver: default}]", "5:12: scenarios[0].events[0]: a receiver fails, or has a latency"),
    ("- events: [{fails: {}}]", '5:12: scenarios[0].events[0]: "receiver" is required'),
    (
        "- events: [{at: 1s, receiver: default, fails: {from: 1s}}]",
        '5:13: at: either this or "from"',
    ),
    (
        "- events: [{at: 2s, receiver: default, fails: {until: 2s}}]",
        '5:12: scenarios[0].events[0]: "until" must be after "at"',
    ),
    (
        "- events: [{receiver: default, fails: {}, refused: true}]",
        "5:43: refused: nobody refuses how deliveries go",
    ),
    (
        "- events: [{receiver: default, index: 1, fails: {}}]",
        '5:32: scenarios[0].events[0].index: receiver "default" has no such integration, but webhook[0]',
    ),
    (
        "- expect: [{at: 0s, receiver: default, integration: email}]",
        '5:40: scenarios[0].expect[0].integration: receiver "default" has no such integration, but webhook[0]',
    ),
    (
        "- {until: 1s, expect: [{at: 2s, within: 999ms, receiver: default}]}",
        '5:25: scenarios[0].expect[0].at: the scenario ends before that, "until" 1s',
    ),
    (
        "- alertmanager: {route: {receiver: a}, receivers: [{name: a}]}\n  expect: [{at: 2s, receiver: a}]",
        (
            '6:21: scenarios[0].expect[0].receiver: receiver "a" has no integration, and is never sent anything; '
            'give it one, such as webhook_configs: [{url: "http://hook.example"}]'
        ),
    ),
    ("- {flags: {alerts.gc-interval: 0}}", "5:32: scenarios[0].flags.alerts.gc-interval: expected more than nothing"),
    (
        "- {flags: {silences.max-silences: -1}}",
        '5:35: scenarios[0].flags.silences.max-silences: expected how many, 0 for no limit, got "-1"',
    ),
    (
        "- {flags: {dispatch.start_delay: 1s}}",
        (
            '5:12: scenarios[0].flags.dispatch.start_delay: unknown field "dispatch.start_delay", did you mean '
            '"dispatch.start-delay"?'
        ),
    ),
    (
        "- events: [{at: 1s, silence: {id: '', matchers: [a=b]}}]",
        (
            "5:35: scenarios[0].events[0].silence.id: an id is not empty: leave it out for a silence that nothing else "
            "refers to"
        ),
    ),
    (
        "- events: [{at: 1s, receiver: default, expire: s, fails: {}}]",
        "5:12: scenarios[0].events[0]: expire is another event than how a receiver takes deliveries",
    ),
    ("- events: [{at: 1s, reload: {}, index: 1}]", "5:33: index: only with fails or latency"),
    (
        "- events: [{receiver: default, fails: {status: 700}}]",
        '5:48: scenarios[0].events[0].fails.status: expected a status code from 100 to 599, got "700"',
    ),
    (
        "- events: [{receiver: default, fails: {from: 2s, until: 1s}}]",
        '5:39: scenarios[0].events[0].fails: "until" must be after "from"',
    ),
    (
        "- events: [{receiver: defualt, fails: {}}]",
        '5:13: scenarios[0].events[0].receiver: no receiver is called "defualt", did you mean "default"?',
    ),
    ("- events: [{at: 1s, expire: x}]", '5:21: scenarios[0].events[0].expire: no silence has the id "x"'),
    (
        "- events: [{at: 1s, silence: {id: s, matchers: []}}]",
        "5:30: scenarios[0].events[0].silence: invalid silence: matcher set 0 is empty: at least one matcher required",
    ),
    (
        "- events: [{at: 1s, silence: {id: s, matchers: [a]}}]",
        "5:49: scenarios[0].events[0].silence.matchers[0]: bad matcher format: a",
    ),
    (
        "- events: [{at: 1s, acknowledge: {receiver: defaul, by: alice}}]",
        ('5:35: scenarios[0].events[0].acknowledge.receiver: no receiver is called "defaul", did you mean "default"?'),
    ),
    (
        f"{SERVICE}  events: [{{at: 1s, acknowledge: {{receiver: default}}}}]",
        (
            '10:35: scenarios[0].events[0].acknowledge.receiver: receiver "default" has no incidents, as no service is '
            "called so"
        ),
    ),
    ("- expect: [{receiver: default}]", '5:12: scenarios[0].expect[0]: "at" is required'),
    ("- expect: [{at: 1s, receiver: x}]", '5:21: scenarios[0].expect[0].receiver: no receiver is called "x"'),
    (
        "- expect: [{at: 1s, receiver: idle, reason: because}]",
        (
            "5:45: scenarios[0].expect[0].reason: expected one of first notification, new alerts added, "
            "all alerts resolved, some alerts resolved, repeat interval elapsed, got because"
        ),
    ),
    (
        "- expect: [{at: 1s, receiver: idle, alerts: [{labels: {a: [b]}}]}]",
        '5:59: labels.a: expected a string, or a mapping with the one key "regex"',
    ),
    ("- alertmanager: none.yml", "5:17: scenarios[0].alertmanager: none.yml cannot be read: No such file or directory"),
    (
        "- alertmanager: [1]",
        "5:17: scenarios[0].alertmanager: expected a configuration, or the name of a file with one",
    ),
    (
        "- alertmanager: {route: {receiver: a, group_wait: 1x}, receivers: [{name: a}, {name: a}]}",
        '5:51: scenarios[0].alertmanager.route.group_wait: unknown unit "x" in duration "1x"',
    ),
    (
        "- events: [{at: 1s, reload: {route: {receiver: b}, receivers: [{name: a}]}}]",
        '5:38: scenarios[0].events[0].reload.route: undefined receiver "b" used in route',
    ),
]


@pytest.mark.parametrize(("text", "problem"), MISTAKES)
def test_mistakes(folder, text, problem):
    """Each is told with line and column, and the scenarios of the file do not run."""
    path = write(folder, f"{text}\n")
    (outcome,) = run_file(path)
    assert (outcome.verdict, outcome.line) == (Verdict.FAILED, 0)
    assert f"s.yml:{problem}" in outcome.message.splitlines()


def test_every_mistake_at_once(folder):
    """Also those of configurations; one that several scenarios use is told once."""
    config = "alertmanager: {route: {receiver: a, group_wait: 1x}, receivers: [{name: a}, {name: a}]}\n"
    path = write(folder, "- {name: x}\n- {name: y}\n", config)
    with pytest.raises(ConfigError) as caught:
        ScenarioSuite(path)
    assert [(each.line, each.column) for each in caught.value.problems] == [(1, 49), (1, 78)]


def test_no_configuration(folder):
    """It has to stand in the scenario or in the file."""
    assert lines_of(write(folder, "- {name: x}\n", config="")) == [
        's.yml:2:3: scenarios[0]: no "alertmanager", neither here nor for the whole file'
    ]


def test_an_inline_configuration_means_what_it_would_in_a_file(folder):
    """Whatever way its scalars are written: quotes, blocks, numbers, nulls, flags, escapes."""
    text = r"""
global: {resolve_timeout: 7m}
route:
  receiver: "über\t\u263a"
  group_by: ['...']
  routes:
  - receiver: "1"
    continue: yes
    matchers: [ 'a="\\n{}"', "b!~\"x|y\"", c = d ]
    routes: ~
receivers:
- name: "über\t\u263a"
  webhook_configs:
  - {url: 'http://localhost:1/', send_resolved: false, max_alerts: 0x10}
- name: "1"
  email_configs:
  - to: x@example.org
    from: y@example.org
    smarthost: localhost:25
    require_tls: off
    text: |
      first, {{ .Status }}
        second: [x]
inhibit_rules: [{source_match: {a: null, b: ''}, target_match_re: {a: '.+'}, equal: []}]
"""
    (folder / "am.yml").write_text(text, encoding="utf-8")
    inline = "".join(f"  {line}\n" for line in text.splitlines())
    (folder / "s.yml").write_text(
        f"scenarios:\n- alertmanager: am.yml\n- alertmanager:\n{inline.replace(chr(10), chr(10) + '  ').rstrip()}\n",
        encoding="utf-8",
    )
    suite = ScenarioSuite(pathlib.Path("s.yml"))
    named, inlined = (attrs.evolve(each.config, warnings=()) for each in suite._prepared)  # which have places
    assert inlined == named


INCIDENTS = """\
incidents:
  users: [{name: alice, contact_methods: [{name: app, kind: push}]}]
  policies: [{name: p, levels: [{targets: [{user: alice}]}]}]
  services: [{name: default, policy: p}]
"""


def page_lines(folder, rest):
    events = "  events:\n  - {at: 1s, alerts: [{labels: {alertname: a, severity: critical}, ends_at: 1h}]}\n"
    expected = "  until: 1m\n  expect: [{at: 2s, receiver: default}]\n"
    return lines_of(write(folder, f"- name: x\n{events}{rest}{expected}", f"{CONFIG}{INCIDENTS}"))


@pytest.mark.parametrize(
    ("rest", "lines"),
    [
        ("", []),
        ("  pages: [{at: 2s, user: alice, method: app, level: 1}]\n", []),
        (
            "  pages: []\n",
            [
                "s.yml:12: 1 page not expected",
                "    + to alice (app) at 2s, level 1: the incident was opened",
            ],
        ),
        (
            "  pages:\n  - {at: 3s, user: alice}\n",
            [
                "s.yml:13: page to alice at 3s: missing",
                "    + to alice (app) at 2s, level 1: the incident was opened",
            ],
        ),
        (
            "  - {at: 1.5s, acknowledge: {receiver: default, by: alice}}\n",
            ["s.yml:12: refused: no incident of default waits"],
        ),
        ("  - {at: 10s, acknowledge: {receiver: default, by: alice}}\n", []),
    ],
)
def test_pages(folder, rest, lines):
    """They are compared where the scenario lists them; an acknowledgement needs an incident that waits."""
    assert page_lines(folder, rest) == lines


def test_nobody_is_paged_without_incidents(folder):
    """Pages that nothing can send are a mistake of the file, and so is a broken configuration of incidents."""
    assert lines_of(write(folder, "- pages: [{at: 1s, user: alice}]\n")) == [
        's.yml:5:3: scenarios[0].pages: nobody is paged without "incidents", here or for the whole file'
    ]
    (line,) = lines_of(write(folder, "- incidents: {services: [{name: default, policy: q}]}\n"))
    assert line.startswith("s.yml:5:")
    assert "scenarios[0].incidents.services[0]" in line


def run(capsys, *arguments):
    code = main(["test", "scenario", *arguments])
    return code, capsys.readouterr().out.splitlines()


def two_scenarios(folder):
    good = f"- name: good\n  events:\n{FIRES}  until: 3s\n  expect: [{{at: 2s, receiver: default}}]\n"
    write(folder, f"{good}- name: bad\n  events:\n{FIRES}  until: 3s\n")


def test_the_command(folder, capsys):
    """What fails is printed with its place, a count comes last, and it fails if anything did."""
    two_scenarios(folder)
    code, lines = run(capsys, "s.yml")
    assert code == 1
    assert lines[:2] == ["FAILED s.yml:10 bad", "  s.yml:10: 1 notification not expected"]
    assert lines[-1] == "1 passed, 1 failed"
    assert run(capsys, "s.yml", "--run", "^go+d$") == (0, ["1 passed, 0 failed"])


def test_results_for_machines(folder, capsys):
    """A line of JSON and a case of JUnit for each scenario."""
    two_scenarios(folder)
    run(capsys, "s.yml", "--json", "out.json", "--junit", "out.xml")
    records = list(map(json.loads, (folder / "out.json").read_text(encoding="utf-8").splitlines()))
    assert [(each["file"], each["line"], each["name"], each["outcome"]) for each in records] == [
        ("s.yml", 5, "good", "passed"),
        ("s.yml", 10, "bad", "failed"),
    ]
    cases = ET.parse(folder / "out.xml").getroot().findall(".//testcase")
    assert [(each.get("name"), len(each.findall("failure"))) for each in cases] == [("good", 0), ("bad", 1)]


def test_a_file_that_is_not_there(capsys):
    """It is one failure, like any file that cannot be used."""
    assert run(capsys, "nowhere.yml") == (
        1,
        ["FAILED nowhere.yml", "  nowhere.yml: cannot be read: No such file or directory", "0 passed, 1 failed"],
    )


def test_moved_in_time_nothing_changes(folder):
    """Everything shifts with the start of the scenario."""
    body = f"  events:\n{FIRES}  - {{at: 3s, silence: {{id: s, matchers: [alertname=a], ends_at: 9s}}}}\n  until: 20s\n"
    early, late = (lines_of(write(folder, f"- start: {at}\n{body}")) for at in ("0", "2024-02-29T23:59:58Z"))
    assert any("to default" in line for line in early)
    assert early == late


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda each: each.stem)
def test_half_a_file(folder, path):
    """A file that is cut anywhere runs, or says what is wrong with it."""
    text = path.read_text(encoding="utf-8")
    for end in range(1, len(text), max(1, len(text) // 25)):
        (folder / "cut.yml").write_text(text[:end], encoding="utf-8")
        for outcome in run_file(pathlib.Path("cut.yml")):
            assert outcome.verdict is Verdict.PASSED or outcome.findings
