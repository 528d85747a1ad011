"""Random files of rules and tests of them: what the rules really do is expected, and some of it spoilt.

Samples lie on whole seconds and windows do not begin on them, so that releases of Prometheus agree on what is in them.
"""

import random

import yaml

from obsflow.flow.evaluators import vector_of
from obsflow.flow.loop import Flow, SampleRejected
from obsflow.model.durations import parse_duration, render_duration
from obsflow.model.labels import Labels
from obsflow.promql import PROMETHEUS
from obsflow.rules import AlertState, EvaluationFailed, load_rules
from obsflow.testing.rule_tests.data import input_of
from obsflow.testing.rule_tests.external_urls import UntrimmedUrl, without_url
from obsflow.testing.rule_tests.replay import RuleReplay, Surroundings

INTERVAL = 60_000
QUERIES = (
    "m",
    "r0",
    "ALERTS",
    "sum by (alertname) (ALERTS_FOR_STATE)",
    "count_over_time(r1[5m500ms])",
    "min_over_time(c[3m500ms])",
)

EXPRESSIONS = (
    "m > {n}",
    "sum by (job) (m) > {n}",
    "resets(c[4m500ms]) > {n}",
    "max_over_time(m[2m500ms]) - min_over_time(m[3m500ms]) > {n}",
    'absent(m{{job="x"}})',
    "m > {n} or on() vector({n})",
    "m unless m offset 1m",
    "count_over_time((m > {n})[3m500ms:30s]) > 2",
    "{n}",
    "m == bool {n}",
    "changes(m[5m500ms]) > 1 and m",
    "r0 > {n}",
    'ALERTS{{alertstate="firing"}}',
    "m * on(job) group_left sum by (job) (c) > {n}",
    'label_replace(m, "dst", "$1", "instance", "(.)") > {n}',
    "quantile(0.{n}, m)",
    "max by (job) (m)",
    "vector(time()) / 100 > {n}",
    "sum(m) / count(c)",
    "m offset -90s > {n}",
    "z > {n}",
    "sum(z) or m > {n}",
    "absent(z)",
    "m unless z",
    "rate(z[4m500ms]) and m",
    "max_over_time(r1[3m500ms]) > {n}",
)
ANNOTATIONS = (
    "{{ $labels.job }} is at {{ $value }}",
    '{{ with query "sum(m)" }}{{ . | first | value | humanize }}{{ end }}',
    "{{ externalURL }}{{ $externalURL }}",
    "{{ .Labels.instance | toUpper }}{{ humanizeDuration $value }}",
    '{{ $externalLabels.region }} {{ range sortByLabel "instance" (query "m") }}{{ .Value }},{{ end }}',
    "{{ if gt $value 3.0 }}high{{ else }}low{{ end }}",
    "",
)


class Files:
    """Draws the texts of a file of rules and of a file of tests."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, choices):
        return self.random.choice(choices)

    def expression(self):
        return self.one_of(EXPRESSIONS).format(n=self.random.randint(1, 6))

    def rules(self):
        return {"groups": [self.group(i) for i in range(self.random.randint(1, 2))]}

    def group(self, number):
        rules = [self.rule(i) for i in range(self.random.randint(1, 4))]
        group = {"name": f"g{number}", "rules": rules}
        if self.random.random() < 0.2:
            group["interval"] = "5m"
        if self.random.random() < 0.15:
            group["limit"] = self.random.randint(1, 3)
        return group

    def rule(self, number):
        if self.random.random() < 0.35:
            return {"record": f"r{number}", "expr": self.expression(), "labels": {"k": "v"}}
        rule = {"alert": self.one_of("AB"), "expr": self.expression()}
        if self.random.random() < 0.6:
            rule["for"] = self.one_of(("0s", "1m", "2m", "150s"))
        if self.random.random() < 0.3:
            rule["keep_firing_for"] = self.one_of(("1m", "3m"))
        rule["labels"] = {"severity": "page", "job": self.one_of(("", "{{ $labels.job }}x", "fixed"))}
        rule["annotations"] = {"summary": self.one_of(ANNOTATIONS)}
        return rule

    def values(self):
        items = [
            self.one_of(("1x6", "0+1x8", "5-1x5", "7", "3 4", "_", "stale", "2x3 9x3", "_x2", "8-0.5x4"))
            for _ in range(self.random.randint(3, 8))
        ]
        return " ".join((*items, "1x60"))

    def test(self):
        series = [
            {"series": f'{name}{{instance="{i}",job="{"ab"[i % 2]}"}}', "values": self.values()}
            for name in "mc"
            for i in range(self.random.randint(1, 3))
        ]
        if self.random.random() < 0.2:  # what a rule may write too
            series.append({"series": 'r0{k="v"}', "values": self.values()})
        return {
            "interval": self.one_of(("7s", "17s", "29s")),
            "input_series": series,
            "external_labels": {"region": "eu"},
            "external_url": self.one_of(("", "http://x/y")),
        }


def expect(rules, test, times):
    """Fill in what obsflow says that the rules do at these times (ms)."""
    groups = [without_url(group) for group in load_rules(yaml.safe_dump(rules), "rules.yml").groups]
    lines = [f"{each['series']} {each['values']}" for each in test["input_series"]]
    around = Surroundings(
        start=0,
        end=max(times),
        interval=INTERVAL,
        dialect=PROMETHEUS,
        external_labels=Labels(test["external_labels"]),
        external_url=UntrimmedUrl(test["external_url"]),
    )
    replay = RuleReplay(groups, input_of(lines, 0, parse_duration(test["interval"])), around)
    flow = Flow(replay.machines, None, replay.written)
    test["alert_rule_test"] = []
    for time in sorted(times):
        while (now := flow.next_timer()) is not None and now <= time:
            replay.loader.load_until(now)
            if any(isinstance(effect, EvaluationFailed | SampleRejected) for effect in flow.poll(now)):
                return
        for name in replay.alert_names:
            firing = [each for each in replay.alerts(name, time) if each.state in (AlertState.FIRING, AlertState.KEPT)]
            test["alert_rule_test"].append(
                {
                    "eval_time": render_duration(time),
                    "alertname": name,
                    "exp_alerts": [
                        {"exp_labels": dict(each.labels), "exp_annotations": dict(each.annotations)} for each in firing
                    ],
                }
            )
    test["promql_expr_test"] = [
        {
            "expr": query,
            "eval_time": render_duration(time),
            "exp_samples": [
                {"labels": str(labels), "value": value} for labels, value in vector_of(replay.engine.query(query, time))
            ],
        }
        for query in QUERIES
        for time in times
    ]


def spoil(files, tests):
    """Change one thing that is expected; whether there was one to change."""
    samples = [sample for test in tests.get("promql_expr_test", ()) for sample in test["exp_samples"]]
    alerts = [alert for test in tests["alert_rule_test"] for alert in test["exp_alerts"]]
    if not samples and not alerts:
        return False
    if alerts and (not samples or files.random.random() < 0.6):
        alert = files.one_of(alerts)
        where = alert[files.one_of(("exp_labels", "exp_annotations"))]
        where[files.one_of((*where, "more"))] = "spoilt"
    else:
        files.one_of(samples)["value"] += 1
    return True
