"""A live comparison with `amtool template render`, where it is installed."""

import json
import subprocess
from typing import ClassVar

import attrs
import pytest

from obsflow.errors import TemplateError, TemplateSyntaxError
from obsflow.gotemplate.times import Time
from tests.external import tool
from tests.gotemplate.shapes import templates


class KV(dict):
    __gotype__ = "template.KV"
    __goelem__ = ""
    __gomethods__: ClassVar = {"SortedPairs": "sorted_pairs"}

    def sorted_pairs(self):
        return [Pair(name, value) for name, value in sorted(self.items())]


@attrs.frozen
class Pair:
    name: str
    value: str

    __gotype__ = "template.Pair"
    __gofields__: ClassVar = {"Name": "name", "Value": "value"}


class Alerts(list):
    __gotype__ = "template.Alerts"
    __gomethods__: ClassVar = {"Firing": "firing"}

    def firing(self):
        return [alert for alert in self if alert.status == "firing"]


@attrs.frozen
class Alert:
    status: str
    labels: KV
    starts_at: Time

    __gotype__ = "template.Alert"
    __gofields__: ClassVar = {"Status": "status", "Labels": "labels", "StartsAt": "starts_at"}


@attrs.frozen
class Data:
    receiver: str
    status: str
    alerts: Alerts
    common_labels: KV

    __gotype__ = "template.Data"
    __gofields__: ClassVar = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "CommonLabels": "common_labels",
    }


_LABELS = {"alertname": "A", "job": '<api> & "co"'}
_DATA = Data("team", "firing", Alerts([Alert("firing", KV(_LABELS), Time(1_767_323_045_123_456_789))]), KV(_LABELS))
_DOCUMENT = {
    "receiver": "team",
    "status": "firing",
    "alerts": [{"status": "firing", "labels": _LABELS, "startsAt": "2026-01-02T03:04:05.123456789Z"}],
    "commonLabels": _LABELS,
}

_TEMPLATES = (
    "{{ .Receiver }} {{ .Status }} {{ len .Alerts }} {{ .Alerts.Firing | len }}",
    "{{ range $i, $a := .Alerts }}{{ $i }}={{ $a.Labels.job }}{{ $a.Labels.nope }}{{ if $i }},{{ end }}{{ end }}",
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
    '{{ printf "%-8s|%5.1f|%q|%T" .Receiver 1.25 .Status .Alerts }}',
    "{{ .Nope }}",
    '{{ template "nope" . }}',
    "{{ (index .Alerts 0).StartsAt }}",
    '{{ with index .Alerts 0 }}{{ .StartsAt.Format "Mon, 02 Jan 2006 15:04:05 MST" }}{{ end }}',
    "{{ if eq .Status `firing` }}{{ .Status | toUpper }}{{ else }}-{{ end }}",
    "{{ index .Alerts 9 }}",
    "{{ .Status",
    "<a title='{{ .CommonLabels.job }}' href=\"/{{ .CommonLabels.job }}?q={{ .CommonLabels.job }}\">{{ .Status }}",
)


def _here(text, *, html):
    """What this package makes of the template."""
    try:
        return templates(html=html).parse(text).execute(_DATA)
    except TemplateSyntaxError as error:
        return error.summary
    except TemplateError as error:
        return str(error)


@pytest.mark.parametrize("kind", ["text", "html"])
def test_amtool_renders_the_same(kind, tmp_path):
    """Output and errors are those of Alertmanager's own tool."""
    amtool = tool("amtool")
    (tmp_path / "data.json").write_text(json.dumps(_DOCUMENT))
    (tmp_path / "empty.tmpl").write_text("")
    files = ["--template.glob", str(tmp_path / "*.tmpl"), "--template.data", str(tmp_path / "data.json")]
    for text in _TEMPLATES:
        done = subprocess.run(
            [amtool, "template", "render", *files, "--template.type", kind, "--template.text", text],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        theirs = done.stdout if done.returncode == 0 else done.stderr.strip().removeprefix("amtool: error: ")
        ours = _here(text, html=kind == "html")
        if kind == "html" and done.returncode:
            assert "emplate:" in ours, text
        else:
            assert ours == theirs, text
