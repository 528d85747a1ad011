"""Rule files: what they become, and every mistake in its place."""

import pytest

from obsflow.errors import ConfigError
from obsflow.model.labels import Labels
from obsflow.promql.printer import render
from obsflow.rules import AlertingRule, RecordingRule, RuleGroup, load_rules
from obsflow.rules.functions import Moment
from obsflow.rules.templates import TemplateData
from tests.external import shared

FILE = """
groups:
- name: one
  interval: 30s
  query_offset: 1m
  limit: 7
  labels: {team: ops, tier: 1}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {tier: "2", gone: }
  - alert: Down
    expr: |
      job:up:sum
        == 0
    for: 5m
    keep_firing_for: 1h30m
    labels: {severity: page}
    annotations:
      summary: "{{ $labels.job }} is down"
- name: two
"""


def problems(text):
    with pytest.raises(ConfigError) as caught:
        load_rules(text, "rules.yml")
    return [(p.line, p.column, p.path, p.message) for p in caught.value.problems]


def places(text):
    return [problem[:3] for problem in problems(text)]


def rule_file(*lines):
    return "\n".join(("groups:", "- name: g", "  rules:", *lines)) + "\n"


def test_a_file():
    """Every field arrives, durations in ms, the group's labels beneath those of the rules."""
    file = load_rules(FILE, "rules.yml")
    one, two = file.groups
    record, alert = one.rules

    assert (file.source, one.source, one.name, two.name) == ("rules.yml", "rules.yml", "one", "two")
    assert (one.interval_ms, one.query_offset_ms, one.limit) == (30_000, 60_000, 7)
    assert (two.interval_ms, two.query_offset_ms, two.limit, two.rules) == (None, None, 0, ())
    assert isinstance(record, RecordingRule)
    assert (record.record, dict(record.labels)) == ("job:up:sum", {"team": "ops", "tier": "2", "gone": ""})
    assert isinstance(alert, AlertingRule)
    assert (alert.alert, alert.for_ms, alert.keep_firing_for_ms) == ("Down", 300_000, 5_400_000)
    assert dict(alert.labels) == {"team": "ops", "tier": "1", "severity": "page"}
    assert dict(alert.annotations) == {"summary": "{{ $labels.job }} is down"}
    assert render(alert.expr) == "job:up:sum == 0"
    assert (alert.position.line, alert.position.column) == (12, 5)


def test_a_resource_of_the_operator():
    """`PrometheusRule` holds the groups under `spec`."""
    text = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: x}\nspec:\n  groups:\n"
    text += "  - name: g\n    partial_response_strategy: warn\n    rules: [{record: r, expr: 1}]\n"

    assert [rule.name for rule in load_rules(text, "r.yaml").groups[0].rules] == ["r"]


@pytest.mark.parametrize("text", ["", "groups:", "groups: []", "# nothing\n", "groups: []\n---\nnonsense: 1\n"])
def test_a_file_may_be_empty(text):
    """No groups are no mistake, and only the first document counts."""
    assert load_rules(text, "r.yml").groups == ()


def test_three_mistakes_are_three_problems():
    """A misspelt field, an expression that does not parse, a duration that is none: all at once, each in its place."""
    text = rule_file(
        "  - alert: A",
        "    exprs: up == 0",
        "    expr: |",
        "      sum by (job) (",
        "        up{job=}",
        "      )",
        "    for: 5 minutes",
    )

    found = problems(text)
    assert [each[:3] for each in found] == [
        (5, 5, "groups[0].rules[0].exprs"),
        (8, 16, "groups[0].rules[0].expr"),
        (10, 10, "groups[0].rules[0].for"),
    ]
    assert 'did you mean "expr"' in found[0][3]
    with pytest.raises(ConfigError, match=r"rules\.yml:8:16: groups\[0\]\.rules\[0\]\.expr"):
        load_rules(text, "rules.yml")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["  - expr: up"], [(4, 5, "groups[0].rules[0]")]),
        (["  - {record: r, alert: A, expr: up}"], [(4, 17, "groups[0].rules[0]")]),
        (["  - record: r"], [(4, 5, "groups[0].rules[0].expr")]),
        (["  - {record: r, expr: ''}"], [(4, 5, "groups[0].rules[0].expr")]),
        (["  - {record: 'r{a=\"b\"}', expr: up}"], [(4, 14, "groups[0].rules[0].record")]),
        (["  - {record: r, expr: up, for: 1m}"], [(4, 27, "groups[0].rules[0].for")]),
        (["  - {record: r, expr: up, annotations: {a: b}}"], [(4, 27, "groups[0].rules[0].annotations")]),
        (["  - {record: r, expr: up, keep_firing_for: 1m}"], [(4, 27, "groups[0].rules[0].keep_firing_for")]),
        (["  - {record: r, expr: up, labels: {__name__: b}}"], [(4, 36, "groups[0].rules[0].labels")]),
        (["  - {alert: A, expr: up, labels: {'': b}}"], [(4, 35, "groups[0].rules[0].labels")]),
        (["  - {alert: A, expr: up, labels: [a]}"], [(4, 34, "groups[0].rules[0].labels")]),
        (["  - {alert: A, expr: up, annotations: {a: [b]}}"], [(4, 43, "groups[0].rules[0].annotations.a")]),
        (["  - {alert: [A], expr: up}"], [(4, 13, "groups[0].rules[0].alert"), (4, 5, "groups[0].rules[0]")]),
        (["  - {alert: A, expr: 'up =='}"], [(4, 28, "groups[0].rules[0].expr")]),
        (["  - {alert: A, expr: up, labels: {a: '{{ nope }}'}}"], [(4, 42, "groups[0].rules[0].labels.a")]),
        (
            ["  - {alert: A, expr: up, annotations: {a: 'x', b: '{{ $x }}'}}"],
            [(4, 55, "groups[0].rules[0].annotations.b")],
        ),
        (["  - just a text"], [(4, 5, "groups[0].rules[0]")]),
        (["  - {alert: A, expr: up, for: 1.5h}"], [(4, 31, "groups[0].rules[0].for")]),
    ],
)
def test_mistakes_in_a_rule(lines, expected):
    """Each is reported with line, column and path."""
    assert sorted(places(rule_file(*lines))) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("groups: [{name: a}, {name: b}, {name: a}]", [(1, 33, "groups[2].name")]),
        ("groups: [{rules: []}]", [(1, 10, "groups[0].name")]),
        ("groups: [{name: a, interval: x}]", [(1, 30, "groups[0].interval")]),
        ("groups: [{name: a, limit: many}]", [(1, 27, "groups[0].limit")]),
        ("groups: [{name: a, rule: []}]", [(1, 20, "groups[0].rule")]),
        ("group: []", [(1, 1, "group")]),
        ("groups: {a: b}", [(1, 9, "groups")]),
        ("groups: [{name: a, labels: {__name__: x}}]", [(1, 29, "groups[0].labels")]),
    ],
)
def test_mistakes_in_a_group(text, expected):
    """Each is reported with line, column and path."""
    assert places(text) == expected


def test_a_name_used_twice_says_where_it_was_first():
    """The reader need not search."""
    text = "groups:\n- name: a\n- name: a\n"

    assert problems(text)[0][3] == 'group name "a" is already used in line 2'


@pytest.mark.parametrize(
    ("lines", "line", "column"),
    [
        (["expr: up + (", "for: 1m"], 5, 17),
        (["expr: 'up{a=''b''} + ('"], 5, 27),
        (['expr: "up{a=\\"b\\"} + )"'], 5, 26),
        (["expr: |", "  up", "", "    + )"], 8, 11),
        (["expr: |-", "      up + )"], 6, 16),
        (["expr: >", "  up", "  + )"], 7, 9),
        (["expr: >-  # folded", "  up", "  + )"], 7, 9),
        (["expr: up", "  +", "  )"], 7, 7),
        (["expr: 'up", "", "  + )'"], 7, 9),
    ],
)
def test_an_error_within_an_expression_is_shown_in_its_line(lines, line, column):
    """However the scalar is written: plain, quoted, literal or folded, over one line or more."""
    found = problems(rule_file("  - alert: A", *(f"    {each}" if each else "" for each in lines)))

    assert [(p[0], p[1]) for p in found] == [(line, column)]


def corpus():
    for folder in ("corpora", "examples", "captures"):
        for path in sorted(shared(folder).rglob("*.y*ml")):
            text = path.read_text(encoding="utf-8")
            if "groups:" in text and ("alert:" in text or "record:" in text):
                yield path, text


def test_every_rule_file_of_the_corpora_loads():
    """Public collections of rules, and those of the mission, are read without a complaint."""
    files = [load_rules(text, str(path)) for path, text in corpus()]

    assert sum(len(group.rules) for file in files for group in file.groups) > 700


def test_every_template_of_the_corpora_expands():
    """With a sample that lacks nearly all labels, no template fails, and no action is left standing."""
    moment = Moment(1_700_000_000_000, "http://x", lambda _text, _time: [(Labels(job="a"), 1.0)])
    data = TemplateData(Labels(instance="a:1", job="a"), 0.5, Labels(cluster="c"), "http://x")
    for path, text in corpus():
        rules = [rule for group in load_rules(text, str(path)).groups for rule in group.rules]
        for rule in (rule for rule in rules if isinstance(rule, AlertingRule)):
            for template in (*rule.label_templates.values(), *rule.annotation_templates.values()):
                expanded = template.expand(data, moment)
                assert "<error" not in expanded
                assert "{{" not in expanded


@pytest.mark.parametrize("field", ["for", "keep_firing_for", "labels", "annotations"])
def test_a_field_of_a_rule_may_say_nothing(field):
    """Null is as good as not written."""
    (group,) = load_rules(rule_file(f"  - {{alert: A, expr: up, {field}: ~}}"), "f").groups

    assert group.rules == (AlertingRule("A", group.rules[0].expr),)


@pytest.mark.parametrize("field", ["interval", "query_offset", "limit", "labels", "rules", "partial_response_strategy"])
def test_a_field_of_a_group_may_say_nothing(field):
    """Null is as good as not written; a query offset of 0s is not."""
    assert load_rules(f"groups: [{{name: g, {field}: null}}]", "f").groups == (RuleGroup("g", "f"),)
    assert load_rules("groups: [{name: g, query_offset: 0s}]", "f").groups[0].query_offset_ms == 0
    assert load_rules("groups: [{name: g, interval: 0s}]", "f").groups[0].interval_ms is None


def test_entries_that_say_nothing_do_not_count():
    """In the list of groups, and in that of rules; the others keep their place."""
    text = "groups:\n-\n- name: g\n  rules:\n  - ~\n  - {record: r, expr: up}\n  - {record: r, expr: up +}\n"

    assert places(text) == [(7, 27, "groups[1].rules[2].expr")]
    (group,) = load_rules(text.replace("up +", "down"), "f").groups
    assert [rule.name for rule in group.rules] == ["r", "r"]


def test_paths_count_entries_that_are_no_rules():
    """A problem after one in the same list is told where it is."""
    assert places(rule_file("  - just a text", "  - {record: r, expr: up, for: 1m}")) == [
        (4, 5, "groups[0].rules[0]"),
        (5, 27, "groups[0].rules[1].for"),
    ]


@pytest.mark.parametrize(
    ("text", "limit"),
    [("5", 5), ("0x10", 16), ("017", 15), ("08", 8), ("1_000", 1000), ("1.9", 1), ("1e3", 1000), ("-3", -3)],
)
def test_limits_are_numbers_as_go_reads_them(text, limit):
    """Octal after a leading zero, and no fractions."""
    assert load_rules(f"groups: [{{name: g, limit: {text}}}]", "f").groups[0].limit == limit


@pytest.mark.parametrize("text", ["'5'", "5s", "9223372036854775808", "1e300", ".inf", "_1", "[5]", "true"])
def test_what_is_no_limit(text):
    """Texts, and numbers that Go cannot hold."""
    assert places(f"groups: [{{name: g, limit: {text}}}]") == [(1, 27, "groups[0].limit")]


def test_a_label_of_a_group_is_a_template_for_its_alerts():
    """One that does not parse is a problem of the group, once, unless all alerts have a label of their own."""
    text = 'groups:\n- name: g\n  labels: {a: "{{ nope }}"}\n  rules:\n'
    record, own, alert = "  - {record: r, expr: up}\n", "  - {alert: A, expr: up, labels: {a: b}}\n", ALERT

    assert problems(text + alert + alert) == [
        (3, 19, "groups[0].labels.a", 'template error: function "nope" not defined')
    ]
    (group,) = load_rules(text + record + own, "f").groups
    assert [rule.labels["a"] for rule in group.rules] == ["{{ nope }}", "b"]


ALERT = "  - {alert: A, expr: up}\n"

RESOURCES = """apiVersion: v1
kind: List
items:
- kind: PrometheusRule
  metadata: {name: one, namespace: infra}
  spec:
    groups:
    - name: g
      rules:
      - {record: r1, expr: up}
- kind: ConfigMap
  data: {groups: nonsense}
- kind: PrometheusRule
  metadata: {name: two}
  spec:
    groups:
    - name: g
      rules:
      - {record: r2, expr: up}
"""


@pytest.mark.parametrize("text", [RESOURCES, RESOURCES.replace("kind: List", "kind: PrometheusRuleList")])
def test_a_list_of_resources(text):
    """Each is a file of its own: groups of two may have one name, and their sources tell them apart."""
    groups = load_rules(text, "all.yml").groups

    assert [(group.source, group.name, group.rules[0].name) for group in groups] == [
        ("all.yml#infra/one", "g", "r1"),
        ("all.yml#two", "g", "r2"),
    ]
    assert {group.position.source for group in groups} == {"all.yml"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("r2, expr: up", "r2, exprs: up", [(19, 9, "rules[0].expr"), (19, 22, "rules[0].exprs")]),
        ("r2, expr: up", "r2, expr: 'up +'", [(19, 33, "rules[0].expr")]),
        (
            "    - name: g\n      rules:\n      - {record: r2",
            "    - name: g\n      rule:\n      - {record: r2",
            [(18, 7, "rule")],
        ),
    ],
)
def test_mistakes_in_a_resource_are_told_where_they_are(old, new, expected):
    """Line and column are those of the document, the path leads through it."""
    text = RESOURCES.replace(old, new)

    assert places(text) == [(line, column, f"items[2].spec.groups[0].{path}") for line, column, path in expected]
    single = text.split("- kind: ")[-1].replace("\n  ", "\n")
    assert places(f"kind: {single}") == [
        (line - 12, column - 2, f"spec.groups[0].{path}") for line, column, path in expected
    ]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("rulez", "rules"),
        ("intervals", "interval"),
        ("query_ofset", "query_offset"),
        ("label", "labels"),
        ("nam", "name"),
    ],
)
def test_a_misspelt_field_of_a_group_is_recognised(wrong, right):
    """The problem says what was probably meant."""
    assert f'did you mean "{right}"?' in problems(f"groups: [{{name: g, {wrong}: x}}]")[0][3]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("annotation", "annotations"), ("exprs", "expr"), ("keep_firing", "keep_firing_for"), ("alerts", "alert")],
)
def test_a_misspelt_field_of_a_rule_is_recognised(wrong, right):
    """The problem says what was probably meant."""
    found = problems(rule_file(f"  - {{alert: A, expr: up, {wrong}: x}}"))

    assert found == [(4, 26, f"groups[0].rules[0].{wrong}", f'unknown field "{wrong}", did you mean "{right}"?')]


def test_anchors_and_merge_keys():
    """A rule may be written once and varied; a problem in what is merged is told where it was written."""
    text = rule_file(
        "  - &first",
        "    alert: One",
        "    expr: &expr up == 0",
        "    labels: {severity: page}",
        "  - <<: *first",
        "    alert: Two",
        "  - {record: r, expr: *expr}",
    )
    one, two, record = load_rules(text, "f").groups[0].rules

    assert (two.alert, two.expr, two.labels) == ("Two", one.expr, {"severity": "page"})
    assert record.expr == one.expr
    assert {place[:2] for place in places(text.replace("up == 0", "up =="))} == {(6, 22)}


NAMES = ["a-b", "a b", "0a", "é", "日本", "a.b", "a:b", "__x__"]


@pytest.mark.parametrize("name", NAMES)
def test_any_characters_make_a_name(name):
    """Of metrics, labels and annotations; of metrics braces are the exception."""
    text = rule_file(
        f"  - {{record: '{name}', expr: up, labels: {{'{name}': x}}}}",
        f"  - {{alert: '{name}', expr: up, labels: {{'{name}': x}}, annotations: {{'{name}': x, __name__: y}}}}",
    )
    record, alert = load_rules(text, "f").groups[0].rules

    assert (record.record, alert.alert) == (name, name)
    assert {*record.labels, *alert.labels} == {name}
    assert set(alert.annotations) == {name, "__name__"}
