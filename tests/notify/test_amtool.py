"""Templates rendered here and by `amtool template render` of 0.25."""

import pathlib
import subprocess

import pytest
from tests.external import tool

from obsflow.gotemplate.json import encode_json
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.notify.data import build_data
from obsflow.notify.templates import Templates

NOTIFICATION = Notification(
    time=1_700_000_000_000,
    receiver="team-X (a.b)",
    integration="webhook",
    index=0,
    group_key='{}:{alertname="A"}',
    group_labels=Labels(alertname="A", zone="z 1"),
    alerts=(
        NotifiedAlert(
            Labels(alertname="A", zone="z 1", instance="b", severity="warning"),
            Annotations := Labels(summary='<b>"hot" & bothered</b>', runbook="https://r/?a=1&b=ü"),
            AlertStatus.FIRING,
            1_700_000_000_123,
            None,
            "http://p/graph?g0.expr=up&g0.tab=1",
        ),
        NotifiedAlert(
            Labels(alertname="A", zone="z 1", instance="a", severity="critical"),
            Annotations,
            AlertStatus.RESOLVED,
            1_700_000_000_000,
            1_700_000_060_500,
            "javascript:alert(1)",
        ),
    ),
    reason=NotifyReason.FIRST_NOTIFICATION,
)

TEXTS = [
    "{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}",
    "{{ .GroupLabels }} {{ .CommonLabels }} {{ .CommonAnnotations }}",
    "{{ .CommonLabels.SortedPairs }} {{ .CommonLabels.Names }} {{ .CommonLabels.Values }}",
    '{{ .CommonLabels.Remove (stringSlice "zone") }} {{ (.CommonLabels.Remove .GroupLabels.Names).Values }}',
    '{{ range .Alerts }}{{ .Labels.SortedPairs.Values | join "," }} {{ .Fingerprint }};{{ end }}',
    "{{ len .Alerts }} {{ len .Alerts.Firing }} {{ len .Alerts.Resolved }} {{ len .CommonLabels }}",
    "{{ range .Alerts }}{{ .StartsAt }} {{ .EndsAt }} {{ .EndsAt.IsZero }} {{ .EndsAt.Sub .StartsAt }}\n{{ end }}",
    '{{ (index .Alerts 1).EndsAt.Format "Jan 2, 2006 at 3:04pm (MST)" }} {{ (index .Alerts 1).EndsAt.Unix }}',
    "{{ (index .Alerts 0).StartsAt.Weekday }} {{ (index .Alerts 0).StartsAt.Month }}",
    "{{ \"hello wORLD foo-bar it's o'neil x_y 1st a.b übergroß ÉTÉ\" | title }}",
    '{{ "straße ŉ İI ǆ ﬀ" | toUpper }} {{ "ΑΣ ÉCOLE" | toLower }}',
    '{{ match "^a.*z$" "abcz" }} {{ reReplaceAll "([a-z]+)=(\\\\d+)" "$2:${1}x" "ab=12, c=3" }}',
    '{{ join "-" (stringSlice "a" "b") }} {{ stringSlice "a" "b" }} {{ stringSlice }}',
    "{{ .CommonLabels.nothing }}|{{ index .CommonLabels `nothing` }}",
    "{{ with .CommonLabels.nothing }}x{{ else }}y{{ end }}",
    "{{ range $k, $v := .CommonAnnotations }}{{ $k }}={{ $v }};{{ end }}",
    '{{ template "slack.default.title" . }}|{{ template "slack.default.fallback" . }}',
    *(
        f'{{{{ template "{name}" . }}}}'
        for name in (
            "__subject",
            "__alertmanagerURL",
            "opsgenie.default.description",
            "opsgenie.default.source",
            "victorops.default.state_message",
            "wechat.default.message",
            "wechat.default.to_user",
            "pushover.default.title",
            "pushover.default.message",
            "sns.default.message",
            "telegram.default.message",
            "discord.default.message",
            "webex.default.message",
            "email.default.subject",
        )
    ),
    '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
]
PAGES = [
    "<p>{{ .CommonAnnotations.summary }}</p>{{ .CommonAnnotations.summary | safeHtml }}",
    '<a href="{{ .CommonAnnotations.runbook }}" title="{{ .CommonAnnotations.summary }}">{{ .Receiver }}</a>',
    '{{ range .Alerts }}<a href="{{ .GeneratorURL }}">{{ .StartsAt }}</a>{{ end }}',
    '<a href="/x?q={{ .CommonAnnotations.runbook }}&r={{ .GroupLabels.zone }}">{{ .CommonLabels }}</a>',
    '{{ template "email.default.html" . }}',
    "{{ range .Alerts.Firing }}{{ .Labels.SortedPairs }}{{ end }}<br>",
]
INSTALLED = pathlib.Path("/usr/share/prometheus/alertmanager")
SEPARATOR = "\n=====\n"


@pytest.fixture(scope="module")
def render_by_amtool(tmp_path_factory):
    program = tool("amtool")
    if not any(INSTALLED.glob("*.tmpl")):
        pytest.skip("Alertmanager's default templates are not installed")
    directory = tmp_path_factory.mktemp("templates")
    data = encode_json(build_data(NOTIFICATION, "http://am/x", "0.25"))
    (directory / "data.json").write_text(data, "utf-8")

    def render(texts, kind):
        arguments = [
            program,
            "template",
            "render",
            f"--template.glob={INSTALLED}/*.tmpl",
            f"--template.data={directory}/data.json",
            f"--template.text={SEPARATOR.join(texts)}",
            f"--template.type={kind}",
        ]
        done = subprocess.run(arguments, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().split(SEPARATOR)

    return render


@pytest.mark.parametrize(("kind", "texts"), [("text", TEXTS), ("html", PAGES)])
def test_templates_render_as_amtool_renders_them(render_by_amtool, kind, texts):
    """The data, the functions, the default templates and the escaping are those of Alertmanager 0.25."""
    templates = Templates(api="0.25")
    data = build_data(NOTIFICATION, "http://am/x", "0.25")
    render = templates.render_text if kind == "text" else templates.render_html
    expected = render_by_amtool(texts, kind)
    assert len(expected) == len(texts)
    for text, output in zip(texts, expected, strict=True):
        assert render(text, data) == output, text
