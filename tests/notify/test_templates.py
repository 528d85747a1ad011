"""Data and functions of templates."""

import pytest
from tests.notify.samples import NOON, alert, notification

from obsflow.errors import TemplateError, TemplateSyntaxError
from obsflow.model.labels import Labels
from obsflow.notify.data import build_data
from obsflow.notify.default_templates import default_templates
from obsflow.notify.templates import Templates, check_template

TEMPLATES = {"0.25": Templates(api="0.25"), "0.34": Templates()}
TOLD = notification(
    alert(resolved_at=NOON, instance="b", severity="warning", annotations={"s": "<i>"}),
    alert(instance="a", severity="critical"),
    group_labels=Labels(zone="z", alertname="HighLoad"),
)


def execute(text, told=TOLD, api="0.34"):
    templates = TEMPLATES[api]
    templates.at(told.time)
    return templates.render_text(text, build_data(told, "http://am", api))


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("{{ .GroupLabels }}", "map[alertname:HighLoad zone:z]", "alertname=HighLoad, zone=z"),
        ("{{ .GroupLabels.SortedPairs }}", "[{alertname HighLoad} {zone z}]", "alertname=HighLoad, zone=z"),
        ("{{ .GroupLabels.Names }}", "[alertname zone]", "[alertname zone]"),
        ('{{ .GroupLabels.Remove (stringSlice "zone") }}', "map[alertname:HighLoad]", "alertname=HighLoad"),
    ],
)
def test_pairs_print_as_their_version_prints_them(text, old, new):
    """Since 0.26 labels and pairs print as `a=b, c=d`; before, as Go prints maps and structs."""
    assert execute(text, api="0.25") == old
    assert execute(text) == new


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{{ .GroupLabels.Values.Join ":" }}', "HighLoad:z"),
        ("{{ .NotificationReason }}|{{ len .RouteLabels }}|{{ routeLabels `x` }}", "new alerts added|0|"),
        ("{{ range .Alerts.Firing }}{{ .Labels.instance }}{{ end }}", "a"),
        ("{{ range .Alerts.Resolved }}{{ .Labels.instance }}{{ end }}", "b"),
        ('{{ "  x\\u2003" | trimSpace }}|', "x|"),
        ('{{ "a%20b+c%26" | urlUnescape }}', "a b c&"),
        ('{{ date "2006-01-02 15:04" now }}', "2023-11-14 22:13"),
        ('{{ now | tz "Asia/Kolkata" | date "15:04 -0700" }}', "03:43 +0530"),
        ("{{ since (index .Alerts 0).StartsAt }}", "1m0s"),
        ("{{ humanizeDuration (since (index .Alerts 0).StartsAt) }}", "1m 0s"),
        ('{{ (toDate "2006-01-02" "2024-02-30").IsZero }}', "true"),
        ('{{ (mustToDate "2006-01-02" "2024-02-29").Unix }}', "1709164800"),
        ('{{ dict "b" (list 1 "<") "a" nil | toJson }}', '{"a":null,"b":[1,"\\u003c"]}'),
        ("{{ (index .Alerts 0).Labels | toJson }}", '{"alertname":"HighLoad","instance":"b","severity":"warning"}'),
        ('{{ append (list "a") "b" "c" | len }}', "3"),
        ('{{ (toDate "2006-01-02" "2024-02-29") | addDuration "-1h30m0.0015s" }}', "1709159399998"),
        (
            '{{ list 1 "a" 2.5 | join "," }} {{ .Alerts.Firing | join "," | len | lt 0 }}{{ join "," nil }}',
            "1,a,2.5 true",
        ),
        ('{{ slice ("<x>" | safeHtml) 1 | printf "%T" }} {{ printf "%T" now.Unix }}', "template.HTML int64"),
        ('{{ "ü?>" | base64encode }} {{ "w7w_Pg==" | base64decode }}', "w7w_Pg== ü?>"),
        ('{{ "x" | safeHtml }}{{ "y" | safeUrl }}', "xy"),
        ('{{ "hello wORLD foo-bar" | title }}', "Hello World Foo-Bar"),
        ('{{ "it\'s x_y 1st a.b ÜBER \u0391\u03a3" | title }}', "It's X_y 1St A.b Über \u0391\u03c2"),
        ('{{ template "jira.default.priority" . }}', "High"),
    ],
)
def test_functions(text, expected):
    """What the functions give, those of newer versions among them."""
    assert execute(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "0s"),
        ("60", "1m 0s"),
        ("86400", "1d 0h 0m 0s"),
        ("0.1", "100ms"),
        ("0.12345", "123.5ms"),
        ("1.2345", "1.234s"),
        ("-183845", "-2d 3h 4m 5s"),
        ("1e-9", "1ns"),
        ('"3600"', "1h 0m 0s"),
        ('"NaN"', "NaN"),
        ('"+Inf"', "+Inf"),
    ],
)
def test_humanized_durations(value, expected):
    """Whole units from a minute on, four digits below."""
    assert execute(f"{{{{ humanizeDuration {value} }}}}") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ .Nope }}", r"can't evaluate field Nope in type \*template.Data"),
        ('{{ match "(" "a" }}', "error calling match"),
        ('{{ reReplaceAll "a(?=b)" "x" "ab" }}', "error calling reReplaceAll"),
        ('{{ dict "a" }}', "dict requires an even number of arguments"),
        ("{{ dict 1 2 }}", "dict keys must be strings"),
        ('{{ "%zz" | urlUnescape }}', 'invalid URL escape "%zz"'),
        ('{{ "!" | base64decode }}', "illegal base64 data at input byte 0"),
        ('{{ addDuration "soon" now }}', 'time: invalid duration "soon"'),
        ('{{ join "," "a" }}', "join expects a slice or array, got string"),
        ("{{ humanizeDuration now }}", "can't convert time.Time to float"),
        ("{{ (list).Sub 1 }}", r"at <list>: can't evaluate field Sub in type \[\]interface \{\}"),
        ('{{ tz "Mars/X" now }}', "unknown time zone Mars/X"),
        ('{{ mustToDate "2006" "x" }}', "parsing time"),
        ('{{ humanizeDuration "x" }}', "ParseFloat: parsing .x.: invalid syntax"),
        ("{{ humanizeDuration true }}", "can't convert bool to float"),
        ('{{ template "nope" . }}', "nope"),
    ],
)
def test_what_fails_while_it_is_executed(text, message):
    """Every failure is an error of the template."""
    with pytest.raises(TemplateError, match=message):
        execute(text)


def test_files_replace_default_templates():
    """A later definition of a name wins, in texts and in pages."""
    templates = Templates(['{{ define "__subject" }}mine: {{ .Status }}{{ end }}'])
    data = build_data(TOLD, "http://am", "0.34")
    assert templates.render_text('{{ template "slack.default.title" . }}', data) == "mine: firing"
    assert "<title>mine: firing</title>" in templates.render_html('{{ template "email.default.html" . }}', data)


def test_a_file_that_does_not_parse_is_refused():
    """When the renderer is made, not when it is used."""
    with pytest.raises(TemplateSyntaxError):
        Templates(["{{ define }}"])


def test_templates_are_checked_without_their_set():
    """Names of other templates are looked up only when they are executed."""
    assert check_template('{{ template "unknown" . }}') is None
    assert check_template("{{ unknown }}").message == 'function "unknown" not defined'


def test_default_templates_of_both_versions_differ_only_in_an_address():
    """The page of 0.25 names its schema with http."""
    assert default_templates("0.25").replace("http://schema.org", "https://schema.org") == default_templates("0.34")
