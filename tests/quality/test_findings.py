"""Where findings stand, what switches them off, and what the given files say."""

import pytest

from obsflow.adapters.routes import load_alertmanager
from obsflow.errors import ConfigError
from obsflow.quality import CATALOG, CHECKS, ReviewedConfig, Settings, check_config, check_rules, reviewed_rules
from tests.external import shared
from tests.quality.cases import codes, rule_file

RULES = """\
groups:
- name: g
  rules:
  - alert: Gone
    expr: |
      # nobody is there
      up == 1
        and
      count(a) == 0
    for: 5m
    labels: {severity: info}
    annotations:
      runbook_url: u
      summary: "none of {{ $labels.job }}, at {{ $externalURL }}"
  - alert: Lost
    expr: "count(b)\\
      \\ == 0"
    for: 5m
    labels: {severity: info}
    annotations: {summary: s, runbook_url: u}
"""


def found_in(text, **settings):
    return check_rules([rule_file(text)], Settings(**settings))


def places(findings, code):
    return [(finding.line, finding.column) for finding in findings if finding.code == code]


def test_a_finding_stands_where_its_expression_does():
    """Line and column of the file, through block scalars, comments and escapes."""
    found = found_in(RULES)

    assert places(found, "X103") == [(9, 7), (16, 12)]
    assert places(found, "X102") == [(7, 7)]


def test_a_finding_about_a_template_stands_in_it():
    """At the action that reads the label."""
    text = RULES.replace("up == 1\n        and\n      count(a) == 0", "sum(a) > 1")

    assert places(found_in(text), "A201") == [(12, 28)]


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        ("", "", [9, 16]),
        ("groups:", "# obsflow: disable-file=X103\ngroups:", []),
        ("groups:", "# obsflow: disable-file=all\ngroups:", []),
        ("- alert: Gone", "- alert: Gone  # obsflow: disable=X103", [16]),
        ("  - alert: Gone", "  # obsflow: disable=X103, X102 we know\n  - alert: Gone", [17]),
        ("  - alert: Gone", "  # obsflow: disable=never-true\n  # because\n  - alert: Gone", [18]),
        ("  - alert: Gone", "  # obsflow: disable=X101\n  - alert: Gone", [10, 17]),
        ("count(a) == 0", "count(a) == 0  # obsflow: disable=X103", [16]),
        ("  - alert: Lost", "  # obsflow: disable=all\n  - alert: Lost", [9]),
        ("  - alert: Lost", "  # obsflow: disable=X103\n\n  - alert: Lost", [9, 18]),
    ],
)
def test_comments_switch_findings_off(old, new, left):
    """In the line itself, above it, at the rule, or for the file; other codes stay."""
    assert [line for line, _ in places(found_in(RULES.replace(old, new, 1)), "X103")] == left


def test_codes_are_switched_off_by_settings():
    """For all files at once."""
    assert codes(found_in(RULES)) == ["X102", "X103"]
    assert codes(found_in(RULES, disabled=frozenset(("X103",)))) == ["X102"]


def test_a_finding_reads_as_a_line_with_its_fix_below():
    """The form that editors understand: file, line and column first."""
    finding = next(each for each in found_in(RULES) if each.code == "X103")

    assert str(finding).split("\n") == [
        "rules.yml:9:7: warning X103 Gone: `==` is never true: the left side is 1 or more, the right side 0.",
        "    Where there is nothing to count there is no result: write `absent(a)`.",
    ]


def test_the_catalogue_is_in_order_and_unambiguous():
    """Codes and names are unique; every entry says what and why."""
    assert len(CATALOG) == len(CHECKS) == len({check.name for check in CHECKS})
    assert all(check.what and check.why for check in CHECKS)


def read(*parts):
    path = shared(*parts)
    return path.read_text(encoding="utf-8"), path.name


def load_config(text, name, rules=None):
    return ReviewedConfig.load(text, name, load_alertmanager, rules)


def test_the_given_rules_have_one_fault():
    """The error rate is divided series by series; the fix sums both sides by what the summary reads."""
    found = check_rules([rule_file(*read("examples", "seed", "prometheus-rules.yaml"))])

    assert [(f.code, f.subject) for f in found] == [
        ("X101", "HighErrorRate"),
        ("A212", "HighLatency"),
        ("A212", "ServiceDown"),
        ("A212", "HighMemoryUsage"),
    ]
    assert (found[0].line, found[0].column) == (10, 13)
    assert found[0].fix == (
        "Aggregate both sides: "
        '(sum by (instance) (rate(http_requests_total{status=~"5.."}[5m])) '
        "/ sum by (instance) (rate(http_requests_total[5m]))) > 0.05"
    )


def test_the_given_routes_of_teams_are_overshadowed():
    """Critical and warning alerts never come to them."""
    found = check_config(load_config(*read("examples", "seed", "alertmanager.yaml")), ["M514"])

    assert [(f.code, f.line, f.subject) for f in found] == [
        ("M502", 49, '{team="backend"}'),
        ("M502", 52, '{team="frontend"}'),
    ]
    assert found[0].message.startswith(
        'team="backend" is reached only by alerts that are neither severity="critical" nor severity="warning": '
        "the routes in lines 40 and 44 "
    )


def test_the_given_routes_beside_the_given_rules():
    """What the rules cannot raise is told, and which alerts a team misses."""
    rules = reviewed_rules((rule_file(*read("examples", "seed", "prometheus-rules.yaml")),), Settings())
    found = check_config(load_config(*read("examples", "seed", "alertmanager.yaml"), rules), ["M514"])

    assert [(f.code, f.line) for f in found] == [
        ("M504", 13), ("M504", 19), ("M502", 49), ("M502", 52), ("M513", 52),
    ]  # fmt: skip
    assert found[2].message.endswith("It misses HighErrorRate, HighLatency.")


def test_the_receiver_that_was_missing_is_missed():
    """A route to a receiver that nobody defined is an error at the route."""
    text, name = read("examples", "seed", "alertmanager.yaml")
    cut = text[: text.index("  - name: 'frontend-team'")]
    with pytest.raises(ConfigError) as caught:
        load_config(cut, name)

    (problem,) = caught.value.problems
    assert 'undefined receiver "frontend-team"' in problem.message
    assert problem.line == 54


TRUE_FINDINGS = {
    "DigitaloceanDropletLimitApproaching": "X102",  # count(x) / y
    "KubernetesCronjobTooLong": "X102",  # x and absent(y) and z
    "KubernetesClientCertificateExpiresNextWeek": "X102",  # x and (sum by (job, le))
    "KubernetesClientCertificateExpiresSoon": "X102",
    "MemcachedLowCacheHitRate(<80%)": "X102",  # x{status="hit"} + x{status="miss"}
    "MongodbTooManyConnections(percona)": "X102",  # x{conn_type="a"} + x{conn_type="b"}
    "SystemdSocketRefusedConnections": "X112",  # delta of a _total
    "TraefikServiceDown": "X103",  # count by (service) (x) == 0
}


def test_rules_of_good_authors_have_few_faults():
    """Of the corpora nothing is warned of but what was looked at and found true."""
    paths = sorted(shared("corpora").rglob("*.y*ml"))
    files = [rule_file(path.read_text(encoding="utf-8"), str(path)) for path in paths]
    found = [finding for file in files for finding in check_rules([file]) if finding.severity.value == "warning"]
    others = [finding for finding in found if finding.code not in ("A201", "A211")]

    assert {finding.subject: finding.code for finding in others} == TRUE_FINDINGS
    assert {f.subject for f in found if f.code == "A211"} == {
        "NodeHighNumberConntrackEntriesUsed", "NodeRAIDDiskFailure", "NodeTextFileCollectorScrapeError",
    }  # fmt: skip
    assert {f.message.split("`")[1] for f in found if f.code == "A201"} == {
        "$labels.instance", "$labels.job", "$labels.namespace",
    }  # fmt: skip
