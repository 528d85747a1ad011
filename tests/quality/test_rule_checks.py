"""Each check of rules finds what it is for, and leaves alone what only looks like it."""

import pytest

from obsflow.quality import CHECKS, Settings, Severity
from obsflow.quality.check import RULE_CHECKS, RULES_CHECKS
from tests.quality.cases import alert, codes, find

EXPRESSIONS = {
    "X101": (
        [
            'rate(r_total{status=~"5.."}[5m]) / rate(r_total[5m]) > 0.05',
            '(rate(r_total{status=~"5.."}[5m]) * 100) / rate(r_total[5m]) > 5',
            'sum by (job, status) (rate(r_total{status="500"}[5m])) / sum by (job, status) (rate(r_total[5m])) > 0.1',
            'sum without (job) (rate(r_total{status="500"}[5m])) / sum without (job) (rate(r_total[5m])) > 0.1',
            'x{a="1"} / on (a, instance) x > 0.5',
            'rate(r_total[5m]) / rate(r_total{status="500"}[5m]) > 2',
            '1 - (rate(r_total{status!~"5.."}[5m]) / rate(r_total[5m])) > 0.05',
        ],
        [
            'sum(rate(r_total{status=~"5.."}[5m])) / sum(rate(r_total[5m])) > 0.05',
            'sum by (job) (rate(r_total{status="500"}[5m])) / sum by (job) (rate(r_total[5m])) > 0.1',
            'sum without (status) (rate(r_total{status="500"}[5m])) / sum without (status) (rate(r_total[5m])) > 0.1',
            'rate(a_total{status="500"}[5m]) / rate(b_total[5m]) > 0.05',
            'rate(r_total{status="500"}[5m]) / ignoring (status) rate(r_total[5m]) > 0.05',
            'x{a="1"} / on (instance) group_left () x > 0.5',
            "x / x offset 1h > 2",
            'rate(r_total{status="500"}[5m]) / rate(r_total[10m]) > 2',
            'r{a="1"} / r{a="1"} > 0.5',
        ],
    ),
    "X102": (
        [
            "sum by (job) (a) / sum by (instance) (b) > 1",
            "sum by (job) (a) / sum (b) > 1",
            "a / sum (b) > 1",
            "sum (a) / b > 1",
            "a and on (instance) sum by (job) (b)",
            "a unless on (instance) sum by (job) (b)",
            'a{status="200"} / a{status="500"} > 1',
            "a * on (pod) group_left (node) sum by (namespace) (b) > 1",
            "a > 1 and absent(b)",
            'count by (job) (a) > 1 and label_replace(sum (b), "x", "y", "", "") > 1',
        ],
        [
            "sum by (job) (a) / sum by (job) (b) > 1",
            "sum (a) / sum (b) > 1",
            "a / on () group_left () sum (b) > 1",
            "a and on () absent(b)",
            "a or sum (b) > 1",
            'a{status="200"} / ignoring (status) a{status="500"} > 1',
            "sum by (job, pod) (a) / on (job) group_left () sum by (job) (b) > 1",
            "sum without (instance) (a) / sum without (instance) (b) > 1",
            "job:a:sum / job:b:sum > 1",
            "a > scalar(sum (b))",
            'count by (job) (a) > 1 and label_replace(sum (b), "job", "y", "", "") > 1',
            "sum by (job) (a) > on (job, pod) sum by (job) (b)",
        ],
    ),
    "X103": (
        [
            "count(a) == 0",
            "count by (job) (a) < 1",
            "absent(a) == 0",
            "up == 2",
            "up > 1",
            "changes(a[5m]) < 0",
            "rate(a_total[5m]) < 0",
            "sum(up == 0) > 0",
            "(a > 5) < 3",
            "a > 5 and a < 3",
            "a unless a",
            "hour() > 23",
            "0 > count(a)",
            "clamp_max(a, 5) > 6",
            "count(a) * 2 < 2",
            "a < 3 and on () (b > bool 1) > 1",
        ],
        [
            "(count(a) or vector(0)) == 0",
            "absent(a) == 1",
            "up == 0",
            "count(up == 0) > 0",
            "sum(a) == 0",
            "delta(a[5m]) < 0",
            "rate(a_total[5m]) == 0",
            "a > 3 and a < 5",
            "a > 5 and b < 3",
            "a unless b",
            "a > 5 or a < 3",
            "-rate(a_total[5m]) < 0",
            "count(a) - count(b) < 0",
            "a != 0",
            "count(a) <= 1",
            "quantile(0.5, up) == 0",
            "hour() >= 23",
        ],
    ),
    "X104": (
        ["a > bool 5", "rate(a_total[5m]) >= 0", "a > bool 5 unless b", "abs(a) > -1", "sum(rate(a_total[5m])) >= 0"],
        ["a > 5", "count(a) > 0", "absent(a) == 1", "rate(a_total[5m]) > 0", "(a > bool 5) == 1", "up >= 0"],
    ),
    "X105": (
        ['a{x="1",x="2"} > 1', 'a{x="1",x!="1"} > 1', 'a{x=~"1|2",x="3"} > 1', 'a{x=~"1.*",x!~"1.*"} > 1'],
        ['a{x=~"1|2",x="2"} > 1', 'a{x!="1",x!="2"} > 1', 'a{x=~"1.*",x!~"12.*"} > 1', 'a{x="1"} > 1'],
    ),
    "X106": (
        ["a", "rate(a_total[5m])", "sum by (job) (a)"],
        ["a > 1", 'a{state="failed"}', "vector(1)", "absent(a)", "a unless b", "a and b"],
    ),
    "X111": (
        [
            "rate(up[5m]) > 1",
            "increase(node_memory_MemFree_bytes[5m]) > 1",
            "irate(cpu_ratio[5m]) > 1",
            "resets(t_celsius[5m]) > 1",
        ],
        ["rate(a_total[5m]) > 1", "delta(cpu_ratio[5m]) > 1", "rate(a_seconds[5m]) > 1", "rate(a_seconds_sum[5m]) > 1"],
    ),
    "X112": (
        [
            "delta(a_total[5m]) > 1",
            "deriv(a_total[5m]) > 1",
            "predict_linear(a_total[5m], 60) > 1",
            "idelta(a_count[5m]) > 1",
        ],
        ["rate(a_total[5m]) > 1", "delta(a[5m]) > 1", "deriv(a_bytes[5m]) > 1"],
    ),
    "X113": (
        ["a_total > 5", "sum(a_total) >= 5", "5 < a_total", 'max by (job) (a_total{x="y"}) > 0'],
        ["rate(a_total[5m]) > 5", "a > 5", "rate(a_total[5m]) > 1 and a_total > 0", "a_total - a_total offset 1h > 5"],
    ),
    "X114": (
        ["rate(sum(a_total)[5m:1m]) > 1", "rate(rate(a_total[5m])[5m:1m]) > 1", "increase(job:a:rate5m[1h]) > 1"],
        [
            "sum(rate(a_total[5m])) > 1",
            "max_over_time(rate(a_total[5m])[1h:]) > 1",
            "rate(job:a:sum[5m]) > 1",
            "rate(a_total[5m:1m]) > 1",
        ],
    ),
    "X116": (["irate(a_total[5m]) > 1", "idelta(a[5m]) > 1"], ["rate(a_total[5m]) > 1"]),
    "X121": (
        [
            "histogram_quantile(0.9, sum (rate(a_bucket[5m]))) > 1",
            "histogram_quantile(0.9, sum by (job) (rate(a_bucket[5m]))) > 1",
            "histogram_quantile(0.9, sum without (le) (rate(a_bucket[5m]))) > 1",
        ],
        [
            "histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m]))) > 1",
            "histogram_quantile(0.9, sum without (job) (rate(a_bucket[5m]))) > 1",
            "histogram_quantile(0.9, sum (rate(a[5m]))) > 1",
            "histogram_quantile(0.9, rate(a_bucket[5m])) > 1",
        ],
    ),
    "X122": (
        ["histogram_quantile(0.9, a_bucket) > 1", "histogram_quantile(0.9, sum by (le) (a_bucket)) > 1"],
        [
            "histogram_quantile(0.9, rate(a_bucket[5m])) > 1",
            "histogram_quantile(0.9, job:a_bucket:rate5m) > 1",
            "histogram_quantile(0.9, a_bucket - a_bucket offset 1h) > 1",
            "histogram_quantile(0.9, increase(a_bucket[5m])) > 1",
        ],
    ),
    "X123": (
        [
            "histogram_quantile(0.9, rate(a_sum[5m])) > 1",
            "histogram_quantile(0.9, sum by (le) (rate(a_count[5m]))) > 1",
        ],
        ["histogram_quantile(0.9, rate(a_bucket[5m])) > 1", "histogram_quantile(0.9, rate(a_seconds[5m])) > 1"],
    ),
    "X124": (
        [
            "histogram_quantile(95, rate(a_bucket[5m])) > 1",
            "quantile(95, a) > 1",
            "quantile_over_time(-0.5, a[5m]) > 1",
        ],
        [
            "histogram_quantile(0.95, rate(a_bucket[5m])) > 1",
            "quantile(1, a) > 1",
            "quantile_over_time(95/100, a[5m]) > 1",
        ],
    ),
    "X125": (
        [
            "avg(histogram_quantile(0.9, rate(a_bucket[5m]))) > 1",
            'avg by (job) (a{quantile="0.99"}) > 1',
            'sum(1000 * a{quantile="0.99"}) > 1',
        ],
        [
            "max(histogram_quantile(0.9, rate(a_bucket[5m]))) > 1",
            'max(a{quantile="0.99"}) > 1',
            "avg(a) > 1",
            "sum(histogram_quantile(0.9, rate(a_bucket[5m])) > bool 1) > 1",
        ],
    ),
}


def expression_cases(which):
    return [(code, expr) for code, sides in EXPRESSIONS.items() for expr in sides[which]]


@pytest.mark.parametrize(("code", "expr"), expression_cases(0))
def test_a_faulty_expression_is_found(code, expr):
    """The finding stands in the rule's expression."""
    found = [finding for finding in find(alert(expr)) if finding.code == code]

    assert found
    assert all(finding.line == 8 for finding in found)  # of the generated file, that of the expression


@pytest.mark.parametrize(("code", "expr"), expression_cases(1))
def test_a_sound_expression_is_left_alone(code, expr):
    """What only looks like the fault is not reported as it."""
    assert code not in codes(find(alert(expr)))


def recorded(record, expr, **fields):
    return {"record": record, "expr": expr, **fields}


def says(**annotations):
    return {"annotations": {"runbook_url": "u", "summary": "s"} | annotations}


BY_JOB = "sum by (job) (a) > 1"
AT_15S = Settings(scrape_interval_ms=15_000)

RULES = {
    "A201": (
        [
            [alert(BY_JOB, **says(summary="{{ $labels.instance }}"))],
            [alert(BY_JOB, **says(summary="{{ .Labels.instance }}"))],
            [alert(BY_JOB, **says(summary='{{ index $labels "instance" }}'))],
            [alert(BY_JOB, labels={"severity": "info", "where": "{{ $labels.instance }}"})],
            [alert("sum(a) > 1", **says(summary="{{ $labels.job }}"))],
            [alert("absent(up{job='x'})", **says(summary="{{ $labels.instance }}"))],
            [alert("a / on (job) b > 1", **says(summary="{{ $labels.instance }}"))],
            [alert("sum without (job) (a) > 1", **says(summary="{{ $labels.job }}"))],
            [alert("a > 1", **says(summary="{{ $labels.alertname }}"))],
            [recorded("job:a:sum", "sum by (job) (a)"), alert("job:a:sum > 1", **says(summary="{{ $labels.pod }}"))],
            [alert(BY_JOB, **says(summary="{{ range query `up` }}{{ $labels.pod }}{{ end }}"))],
        ],
        [
            [alert(BY_JOB, **says(summary="{{ $labels.job }} {{ $labels }} {{ $externalLabels.cluster }}"))],
            [alert(BY_JOB, **says(summary="{{ if $labels.instance }}{{ $labels.instance }}{{ end }}"))],
            [alert(BY_JOB, **says(summary="{{ range query `up` }}{{ .Labels.instance }}{{ end }}"))],
            [alert(BY_JOB, **says(summary="{{ with query `up` }}{{ . | first | label `instance` }}{{ end }}"))],
            [alert("absent(up{job='x'})", **says(summary="{{ $labels.job }}"))],
            [alert("a * on (job) group_left (pod) b > 1", **says(summary="{{ $labels.pod }} {{ $labels.instance }}"))],
            [alert("label_replace(sum (a), 'x', 'y', '', '') > 1", **says(summary="{{ $labels.x }}"))],
            [alert("count_values('version', a) > 1", **says(summary="{{ $labels.version }}"))],
            [alert("sum by (job) (a) > 1 or b > 1", **says(summary="{{ $labels.instance }}"))],
            [alert("ALERTS == 1", **says(summary="{{ $labels.alertname }}"))],
            [alert("topk(3, a) > 1", **says(summary="{{ $labels.instance }}"))],
            [recorded("job:a:sum", "sum by (job) (a)"), alert("job:a:sum > 1", **says(summary="{{ $labels.job }}"))],
            [
                recorded("job:a:sum", "sum by (job) (a)", labels={"env": "x"}),
                alert("job:a:sum > 1", **says(summary="{{ $labels.env }}")),
            ],
        ],
    ),
    "A202": (
        [
            [alert("a > 1", labels={"severity": "info", "value": "{{ $value }}"})],
            [alert("a > 1", labels={"severity": "info", "value": "{{ .Value | humanize }}"})],
        ],
        [
            [alert("a > 1", labels={"severity": "{{ if gt $value 5.0 }}critical{{ else }}warning{{ end }}"})],
            [alert("a > 1", labels={"severity": "info", "who": "{{ $labels.team }}"})],
            [alert("a > 1", **says(summary="{{ $value }}"))],
        ],
    ),
    "A203": (
        [
            [alert("a > 90", **says(summary="{{ $value | humanizePercentage }}"))],
            [alert("a / b > 0.9", **says(summary="{{ $value }}%"))],
            [alert("a / b > 0.9", **says(summary='at {{ printf "%.2f" $value }} %'))],
        ],
        [
            [alert("a / b > 0.9", **says(summary="{{ $value | humanizePercentage }}"))],
            [alert("100 * a / b > 90", **says(summary="{{ $value }}%"))],
            [alert("100 * a / b > 0.5", **says(summary="{{ $value }}%"))],
            [alert("a_percent > 0.5", **says(summary="{{ $value }}%"))],
            [
                alert(
                    "a > 90",
                    **says(summary="{{ with query `b` }}{{ . | first | value | humanizePercentage }}{{ end }}"),
                )
            ],
        ],
    ),
    "A211": (
        [[alert("a > 1", **{"for": None})], [alert("absent(a)", **{"for": None})]],
        [
            [alert("a > 1")],
            [alert("a > 1", **{"for": "0s"})],
            [alert("rate(a_total[5m]) > 1", **{"for": None})],
            [alert("vector(1)", **{"for": None})],
        ],
    ),
    "A212": (
        [[alert("a > 1", annotations={"summary": "s"})], [alert("a > 1", annotations=None)]],
        [
            [alert("a > 1")],
            [alert("a > 1", annotations={"dashboard": "u"})],
            [alert("vector(1)", labels={"severity": "none"}, annotations=None)],
        ],
    ),
    "A213": (
        [[alert("a > 1", annotations={"runbook_url": "u"})]],
        [[alert("a > 1", annotations={"description": "d"})], [alert("a > 1", annotations={"message": "d"})]],
    ),
    "A214": (
        [[alert("a > 1", labels=None)]],
        [[alert("a > 1")], [alert('a{severity="info"} > 1', labels=None)]],
    ),
    "A215": (
        [[alert("a > 1", labels={"severity": "Critical"})], [alert("a > 1", labels={"severity": "sev1"})]],
        [[alert("a > 1", labels={"severity": "{{ $labels.severity }}"})], [alert("a > 1")]],
    ),
    "G301": (
        [[alert("a > 1"), alert("a > 1")], [recorded("a:b:c", "a"), recorded("a:b:c", "a")]],
        [[alert("a > 1"), alert("a > 1", "Other")], [alert("a > 1"), alert("a > 1", labels={"severity": "info"})]],
    ),
    "G302": (
        [[alert("a > 1"), alert("a > 2")], [alert("a > 1 and b"), alert("a > 2")]],
        [
            [alert("a > 1"), alert("a > 2", labels={"severity": "critical"})],
            [alert("a > 1"), alert("b > 1")],
            [alert("a > 1"), alert("a > 1", "Other")],
        ],
    ),
    "G303": (
        [[recorded("a", "b")], [recorded("a_total", "b")], [recorded(":a", "b")]],
        [
            [recorded("job:a:rate5m", "b")],
            [recorded("a:b", "b")],
            [recorded("cluster:a:b:sum", "b")],
            [recorded(":a:sum", "b")],
        ],
    ),
    "G304": (
        [
            [alert("job:a:sum > 1"), recorded("job:a:sum", "sum by (job) (a)")],
            [recorded("job:a:max", "max(job:a:max or a)")],
        ],
        [
            [recorded("job:a:sum", "sum by (job) (a)"), alert("job:a:sum > 1")],
            [
                recorded("job:a:sum", "sum by (job) (a)"),
                alert("job:a:sum > 1"),
                recorded("job:a:sum", "sum by (job) (b)", labels={"x": "y"}),
            ],
        ],
    ),
}


def rule_cases(which):
    return [(code, rules) for code, sides in RULES.items() for rules in sides[which]]


@pytest.mark.parametrize(("code", "rules"), rule_cases(0))
def test_a_faulty_rule_is_found(code, rules):
    """The finding is about the last rule, or about one of them."""
    assert code in codes(find(*rules))


@pytest.mark.parametrize(("code", "rules"), rule_cases(1))
def test_a_sound_rule_is_left_alone(code, rules):
    """What only looks like the fault is not reported as it."""
    assert code not in codes(find(*rules))


@pytest.mark.parametrize(
    ("code", "expr", "interval", "faulty"),
    [
        ("X115", "rate(a_total[29s]) > 1", None, True),
        ("X115", "rate(a_total[30s]) > 1", None, False),
        ("X115", "max_over_time(a[10s]) > 1", None, False),
        ("X115", "rate(job:a:sum[10s]) > 1", None, False),
        ("G305", "a > 1", "10m", True),
        ("G305", "a > 1", "5m", False),
        ("G306", "rate(a_total[5m]) > 1", "6m", True),
        ("G306", "rate(a_total[5m]) > 1", "5m", False),
        ("G306", "max_over_time(a[1h:1m]) > 1", "2h", True),
    ],
)
def test_intervals_are_compared(code, expr, interval, faulty):
    """Ranges with the scrape interval, ranges and `for` with that of the group."""
    fields = {} if interval is None else {"interval": interval}

    assert (code in codes(find(alert(expr), settings=AT_15S, **fields))) is faulty


def test_nothing_hangs_on_intervals_that_are_not_known():
    """Without a scrape or an evaluation interval there is nothing to compare with."""
    assert find(alert("rate(a_total[1s]) > 1", **{"for": "1s"})) == []


def test_severities_are_a_setting():
    """What is known decides what is a mistake, and a near miss is named."""
    rule = alert("a > 1", labels={"severity": "waring"})
    (finding,) = find(rule)

    assert (finding.code, finding.fix) == ("A215", "Did you mean warning?")
    assert find(rule, settings=Settings(severities=("waring",))) == []


@pytest.mark.parametrize(
    ("expr", "severity"),
    [
        ("rate(node_memory_MemFree_bytes[5m]) > 1", Severity.WARNING),
        ("rate(received_bytes[5m]) > 1", Severity.NOTE),
        ("delta(a_count[5m]) > 1", Severity.NOTE),
        ("delta(a_total[5m]) > 1", Severity.WARNING),
    ],
)
def test_what_a_name_does_not_settle_is_a_note(expr, severity):
    """A suffix that exporters use for both kinds is no ground for a warning."""
    assert [finding.severity for finding in find(alert(expr))] == [severity]


FIXES = [
    (
        alert('rate(r_total{code=~"5.."}[5m]) / rate(r_total[5m]) > 0.05', **says(summary="{{ $labels.pod }}")),
        'Aggregate both sides: sum by (pod) (rate(r_total{code=~"5.."}[5m])) / sum by (pod) (rate(r_total[5m])) > 0.05',
    ),
    (
        alert('100 * rate(r_total{code="5"}[5m]) / rate(r_total[5m]) > 5'),
        'Aggregate both sides: 100 * sum(rate(r_total{code="5"}[5m])) / sum(rate(r_total[5m])) > 5',
    ),
    (
        alert('sum by (job, code) (r{code="5"}) / on (job, code) sum by (job, code) (r) > 5'),
        'Aggregate both sides: sum by (job) (r{code="5"}) / sum by (job) (r) > 5',
    ),
    (
        alert('sum without (job) (r{code="5"}) / sum without (job) (r) > 5'),
        'Aggregate both sides: sum without (job, code) (r{code="5"}) / sum without (job, code) (r) > 5',
    ),
    (alert("count(a) == 0"), "Where there is nothing to count there is no result: write `absent(a)`."),
    (
        alert("histogram_quantile(0.9, sum by (job) (rate(a_bucket[5m]))) > 1"),
        "Keep it: `histogram_quantile(0.9, sum by (job, le) (rate(a_bucket[5m])))`.",
    ),
    (
        alert("histogram_quantile(0.9, sum without (le, job) (rate(a_bucket[5m]))) > 1"),
        "Keep it: `histogram_quantile(0.9, sum without (job) (rate(a_bucket[5m])))`.",
    ),
    (alert("rate(sum by (job) (a_total)[5m:1m]) > 1"), "Rate first: `sum by (job) (rate(a_total[5m]))`."),
    (alert("quantile(95, a) > 1"), "Did you mean 0.95?"),
    (alert(BY_JOB, **says(summary="{{ $labels.jbo }}")), "Did you mean `$labels.job`?"),
]


@pytest.mark.parametrize(("rule", "fix"), FIXES)
def test_the_fix_shows_the_better_expression(rule, fix):
    """What to write instead is said in full."""
    (finding,) = find(rule)

    assert finding.fix == fix


@pytest.mark.parametrize(("rule", "fix"), [each for each in FIXES if "Aggregate" in each[1]])
def test_a_mended_ratio_is_not_found_again(rule, fix):
    """The expression of the fix passes the review that asked for it."""
    assert "X101" not in codes(find({**rule, "expr": fix.removeprefix("Aggregate both sides: ")}))


def test_every_code_has_cases():
    """Of each check of rules there is something that it finds and something that it leaves alone."""
    checked = {code for codes_, _ in (*RULE_CHECKS, *RULES_CHECKS) for code in codes_.split()}
    tested = EXPRESSIONS.keys() | RULES.keys() | {"X115", "G305", "G306", "D401", "D402", "D403"}

    assert checked == tested
    assert checked == {check.code for check in CHECKS if check.code[0] in "XAGD"}
    assert all(found and spared for found, spared in (EXPRESSIONS | RULES).values())
