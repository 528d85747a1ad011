"""Each check of an Alertmanager configuration finds what it is for, and leaves alone what only looks like it."""

import pytest

from obsflow.quality import CHECKS
from obsflow.quality.check import CONFIG_CHECKS
from tests.quality.cases import alert, codes, find_in_config

RECEIVERS = """
receivers:
- name: mail
  email_configs: [{to: a@example.com, from: b@example.com, smarthost: localhost:25}]
- name: pager
  pagerduty_configs: [{routing_key: k}]
- name: chat
  slack_configs: [{channel: '#c', api_url: http://example.com}]
- name: nobody
"""


def tree(routes, more="", receivers=RECEIVERS):
    """A configuration whose root has these routes; receivers that no route names are another matter."""
    return f"route:\n  receiver: mail\n  routes:\n{routes}\n{receivers}\n{more}"


def routes(*entries, more=""):
    """A configuration whose root has these routes, each the inside of a flow mapping."""
    return tree("\n".join(f"  - {{{entry}}}" for entry in entries), more)


def critical(name="Down", expr="up == 0", **labels):
    return alert(expr, name, labels={"severity": "critical", **labels})


def warning(name="Slow", expr="a > 1", **labels):
    return alert(expr, name, labels={"severity": "warning", **labels})


PAGED = "  - {matchers: [severity=critical], receiver: pager}\n"
INHIBIT = "inhibit_rules: [{source_matchers: [%s], target_matchers: [%s], equal: [%s]}]"

CASES = {
    "M501": (
        [
            (routes("matchers: [team=a], receiver: chat", "matchers: [team=a, severity=info], receiver: pager"), []),
            (routes("receiver: chat", "matchers: [team=a], receiver: pager"), []),
            (routes("matchers: [team=~a|b], receiver: chat", "matchers: [team=b], receiver: pager"), []),
            (routes("match_re: {team: 'a|b'}, receiver: chat", "match: {team: b}, receiver: pager"), []),
            (
                routes("matchers: [team=a], receiver: chat", "matchers: [team!=a], receiver: chat", "receiver: pager"),
                [],
            ),
            (routes("matchers: [team=a, team=b], receiver: chat"), []),
            (tree("  - matchers: [team=a]\n    routes: [{matchers: [team=b], receiver: chat}]"), []),
            (routes("matchers: [team=~a.*], receiver: chat", "matchers: [team=abc], receiver: pager"), []),
            (routes("matchers: [team=~a.*], receiver: chat", "matchers: [team=~a.*], receiver: pager"), []),
            (routes("matchers: [team=~.+], receiver: chat", "matchers: [team=a], receiver: pager"), []),
            (
                routes(
                    "matchers: [a=1], receiver: chat",
                    "matchers: [a!=1, b=1], receiver: chat",
                    "matchers: [b=1], receiver: pager",
                ),
                [],
            ),
        ],
        [
            (routes("matchers: [team=a], receiver: chat, continue: true", "matchers: [team=a], receiver: pager"), []),
            (routes("matchers: [team=a, x=y], receiver: chat", "matchers: [team=a], receiver: pager"), []),
            (routes("matchers: [team=a], receiver: chat", "matchers: [team=~a|b], receiver: pager"), []),
            (routes("matchers: [team=~a.*], receiver: chat", "matchers: [team=~.*b], receiver: pager"), []),
            (routes("matchers: [team!=a], receiver: chat", "matchers: [team=a], receiver: pager"), []),
            (routes("matchers: [team=~.+], receiver: chat", "matchers: [team=], receiver: pager"), []),
            (
                tree(
                    "  - matchers: [team=a]\n    routes: [{matchers: [b=c], receiver: chat}]\n"
                    "  - {matchers: [team=b], receiver: chat}"
                ),
                [],
            ),
        ],
    ),
    "M502": (
        [
            (routes("matchers: [severity=critical], receiver: pager", "matchers: [team=a], receiver: chat"), []),
            (
                routes("matchers: [severity=critical], receiver: pager", "matchers: [team=a], receiver: chat"),
                [critical(team="a")],
            ),
            (routes("matchers: [team=~a|b], receiver: pager", "matchers: [severity=info], receiver: chat"), []),
        ],
        [
            (
                routes(
                    "matchers: [severity=critical], receiver: pager, continue: true",
                    "matchers: [team=a], receiver: chat",
                ),
                [],
            ),
            (
                routes("matchers: [severity=critical], receiver: pager", "matchers: [team=a], receiver: chat"),
                [warning(team="a"), critical(team="b")],
            ),
            (routes("matchers: [alertname=Watchdog], receiver: chat", "matchers: [team=a], receiver: chat"), []),
            (
                routes(
                    "matchers: [severity=critical], receiver: pager, routes: [{matchers: [team=a], receiver: chat}]",
                    "matchers: [team=b], receiver: chat",
                ),
                [],
            ),
            (routes("matchers: [severity=none], receiver: chat", "matchers: [team=a], receiver: chat"), []),
            (routes("matchers: [env=test], receiver: nobody", "matchers: [team=a], receiver: chat"), []),
            (
                routes("matchers: [team=a, severity=critical], receiver: pager", "matchers: [team=a], receiver: chat"),
                [],
            ),
        ],
    ),
    "M503": (
        [(tree(PAGED), [])],
        [(tree(PAGED + "  - {matchers: [a=b], receiver: chat}\n  - {matchers: [c=d], receiver: nobody}"), [])],
    ),
    "M504": (
        [
            (tree(PAGED, INHIBIT % ("a=b, a=c", "x=y", "z")), []),
            (tree(PAGED, INHIBIT % ("alertname=Gone", "severity=warning", "job")), [critical(), warning()]),
            (tree(PAGED, INHIBIT % ("alertname=Down", "severity=info", "job")), [critical(), warning()]),
            (
                tree(PAGED, INHIBIT % ("severity=critical", "severity=warning", "team")),
                [critical(team="a"), warning(team="b")],
            ),
            (
                tree(PAGED, INHIBIT % ("severity=critical", "severity=warning", "job")),
                [critical(expr='up{job="a"} == 0'), warning(expr='a{job="b"} > 1')],
            ),
        ],
        [
            (tree(PAGED, INHIBIT % ("severity=critical", "severity=warning", "job")), []),
            (tree(PAGED, INHIBIT % ("severity=critical", "severity=warning", "job")), [critical(), warning()]),
            (
                tree(PAGED, INHIBIT % ("alertname=Down", "severity=~warning|info", "cluster")),
                [critical(expr="sum(up) == 0"), warning()],
            ),
            (
                tree(PAGED, INHIBIT % ("team=a", "severity=warning", "job")),
                [alert("a > 1", "X", labels={"team": "{{ $labels.team }}"}), warning()],
            ),
        ],
    ),
    "M505": (
        [(tree(PAGED), [warning()]), (tree(PAGED), [critical(), warning()])],
        [
            (tree(PAGED), [critical()]),
            (tree(PAGED), []),
            (tree(PAGED), [alert("a > 1", labels=None)]),
            ("route: {receiver: mail}" + RECEIVERS, [warning()]),
        ],
    ),
    "M506": (
        [
            (routes("matchers: [severity=critical], receiver: chat"), []),
            (routes("matchers: [severity=critical], receiver: chat"), [critical()]),
            (routes("matchers: [team=a], receiver: pager"), [critical(team="b")]),
            ("route: {receiver: mail}" + RECEIVERS, [critical()]),
        ],
        [
            (tree(PAGED), []),
            (tree(PAGED), [critical()]),
            (routes("matchers: [team=a], receiver: pager"), [critical(team="a")]),
            (routes("matchers: [severity=critical], receiver: chat"), [warning()]),
            (tree("  - {matchers: [severity=critical], receiver: chat, continue: true}\n" + PAGED), [critical()]),
            ("route: {receiver: mail}" + RECEIVERS, []),
        ],
    ),
    "M507": (
        [
            (routes("matchers: [a=b], group_interval: 1h, repeat_interval: 30m"), []),
            (routes("matchers: [a=b], repeat_interval: 1m"), []),
            (routes("matchers: [a=b], repeat_interval: 1w"), []),
        ],
        [
            (routes("matchers: [a=b], group_interval: 1h, repeat_interval: 1h"), []),
            (routes("matchers: [a=b], repeat_interval: 120h"), []),
        ],
    ),
    "M508": (
        [
            (
                routes("matchers: [severity=critical], group_by: [alertname, team]"),
                [critical(expr="sum(up) == 0", team=""), warning(expr="sum by (job) (a) > 1", team="")],
            )
        ],
        [
            (routes("matchers: [severity=critical], group_by: [alertname, team]"), [critical(team="a")]),
            (routes("matchers: [severity=critical], group_by: [cluster]"), [critical(expr="sum(up) == 0")]),
            (routes("matchers: [severity=critical], group_by: [instance]"), [critical()]),
            (routes("matchers: [severity=critical], group_by: ['...']"), [critical()]),
        ],
    ),
    "M509": (
        [(tree(PAGED, receivers=RECEIVERS.replace("routing_key: k", "routing_key: k, send_resolved: false")), [])],
        [(tree(PAGED), [])],
    ),
    "M510": (
        [(tree(PAGED, INHIBIT % ("severity=critical", "severity=~critical|warning", "job")), [])],
        [
            (tree(PAGED, INHIBIT % ("severity=critical", "severity=~warning|info", "job")), []),
            (tree(PAGED, INHIBIT % ("alertname=A", "severity=info", "job")), []),
        ],
    ),
    "M511": (
        [(tree(PAGED, INHIBIT % ("alertname=A", "severity=info", "")), [])],
        [(tree(PAGED, INHIBIT % ("alertname=A", "severity=info", "cluster")), [])],
    ),
    "M512": (
        [(tree(PAGED, "time_intervals: [{name: night, time_intervals: [{weekdays: [sunday]}]}]"), [])],
        [
            (
                routes(
                    "matchers: [a=b], mute_time_intervals: [night]",
                    more="time_intervals: [{name: night, time_intervals: [{weekdays: [sunday]}]}]",
                ),
                [],
            )
        ],
    ),
    "M513": (
        [
            (routes("matchers: [team=a], receiver: chat"), [critical(team="b")]),
            (routes("matchers: [alertname=Gone], receiver: chat"), [critical()]),
        ],
        [
            (routes("matchers: [team=a], receiver: chat"), []),
            (routes("matchers: [team=a], receiver: chat"), [critical(team="a")]),
        ],
    ),
    "M514": (
        [
            (routes("match: {team: a}, receiver: chat"), []),
            (routes("matchers: ['team=a b'], receiver: chat"), []),
            (tree(PAGED, "inhibit_rules: [{source_match: {a: b}, target_matchers: [c=d], equal: [e]}]"), []),
        ],
        [
            (routes("matchers: [team=a], receiver: chat"), []),
            (tree(PAGED, "inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], equal: [e]}]"), []),
        ],
    ),
}


def config_cases(which):
    return [(code, text, rules) for code, sides in CASES.items() for text, rules in sides[which]]


@pytest.mark.parametrize(("code", "text", "rules"), config_cases(0))
def test_a_fault_is_found(code, text, rules):
    """By itself, or with the alerts of rules."""
    assert code in codes(find_in_config(text, *rules))


@pytest.mark.parametrize(("code", "text", "rules"), config_cases(1))
def test_what_is_sound_is_left_alone(code, text, rules):
    """What only looks like the fault is not reported as it."""
    assert code not in codes(find_in_config(text, *rules))


def test_every_code_has_cases():
    """Of each check of configurations there is something that it finds and something that it leaves alone."""
    checked = {code for codes_, _ in CONFIG_CHECKS for code in codes_.split()}

    assert checked == CASES.keys() == {check.code for check in CHECKS if check.code[0] == "M"}
    assert all(found and spared for found, spared in CASES.values())


def test_external_labels_decide_where_they_are_known():
    """A label that the rules do not give may be an external one, unless those are known."""
    text = tree(PAGED, INHIBIT % ("alertname=Down", "severity=warning", "cluster"))
    rules = critical(expr="sum(up) == 0"), warning(expr='a{cluster="eu2"} > 1')

    assert "M504" not in codes(find_in_config(text, *rules))
    assert "M504" not in codes(find_in_config(text, *rules, external={"cluster": "eu2"}))
    assert "M504" in codes(find_in_config(text, *rules, external={"cluster": "eu1"}))


def test_an_unreachable_route_names_the_one_that_takes_all():
    """Where, and what to do."""
    text = routes("matchers: [team=a], receiver: chat", "matchers: [team=a], receiver: pager")
    (finding,) = [each for each in find_in_config(text) if each.code == "M501"]

    assert (finding.line, finding.column, finding.subject) == (5, 5, '{team="a"}')
    assert 'the route {team="a"} in line 4' in finding.message
    assert "continue: true" in finding.fix
