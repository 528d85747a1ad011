"""The templates that every configuration starts with, under the names that Alertmanager's users call them by.

What they render is what Alertmanager's own render; the page of mails is in `email_template`.
"""

from typing import Final

from obsflow.notify.data import Api
from obsflow.notify.email_template import email_page

_ANNOTATIONS: Final = '{{ .CommonAnnotations.SortedPairs.Values | join " " }}\n'

_BY_STATUS: Final = """\
{{ if .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" .Alerts.Firing }}{{ end }}
{{ if .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" .Alerts.Resolved }}{{ end }}"""

_SPACED_BY_STATUS: Final = """\
{{ if .Alerts.Firing }}
Alerts Firing:
{{ template "__text_alert_list" .Alerts.Firing }}
{{ end }}
{{ if .Alerts.Resolved }}
Alerts Resolved:
{{ template "__text_alert_list" .Alerts.Resolved }}
{{ end }}
"""

_MARKDOWN_BY_STATUS: Final = _SPACED_BY_STATUS.replace("Alerts ", "# Alerts ").replace(
    "_alert_list", "_alert_list_markdown"
)

_OWN: Final = {
    "__alertmanager": "Alertmanager",
    "__alertmanagerURL": "{{ .ExternalURL }}/#/alerts?receiver={{ .Receiver | urlquery }}",
    "__subject": (
        '[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] '
        '{{ .GroupLabels.SortedPairs.Values | join " " }} '
        "{{ if gt (len .CommonLabels) (len .GroupLabels) }}"
        '({{ (.CommonLabels.Remove .GroupLabels.Names).Values | join " " }}){{ end }}'
    ),
    "__description": "",
    "__text_alert_list": (
        "{{ range . }}Labels:\n"
        "{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}\n{{ end }}Annotations:\n"
        "{{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}\n{{ end }}"
        "Source: {{ .GeneratorURL }}\n{{ end }}"
    ),
    "__text_alert_list_markdown": (
        "{{ range . }}\nLabels:\n"
        "{{ range .Labels.SortedPairs }}  - {{ .Name }} = {{ .Value }}\n{{ end }}\nAnnotations:\n"
        "{{ range .Annotations.SortedPairs }}  - {{ .Name }} = {{ .Value }}\n{{ end }}\n"
        "Source: {{ .GeneratorURL }}\n{{ end }}\n"
    ),
    "slack.default.fallback": '{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}',
    "pagerduty.default.instances": '{{ template "__text_alert_list" . }}',
    "opsgenie.default.description": _ANNOTATIONS + _BY_STATUS,
    "victorops.default.state_message": _ANNOTATIONS + _BY_STATUS,
    "wechat.default.message": (
        f'{{{{ template "__subject" . }}}}\n{_ANNOTATIONS}{_BY_STATUS}\n'
        'AlertmanagerUrl:\n{{ template "__alertmanagerURL" . }}'
    ),
    "jira.default.priority": (
        '{{ $priority := "" }}{{ range list .Alerts.Firing .Alerts.Resolved }}{{ if not $priority }}'
        '{{ range . }}{{ $severity := .Labels.severity }}{{ if eq $severity "critical" }}{{ $priority = "High" }}'
        '{{ else if and (eq $severity "warning") (ne $priority "High") }}{{ $priority = "Medium" }}'
        '{{ else if and (eq $severity "info") (not $priority) }}{{ $priority = "Low" }}{{ end }}{{ end }}'
        "{{ end }}{{ end }}{{ $priority }}"
    ),
    "mattermost.default.fallback": (
        '{{ template "mattermost.default.title" . }} | {{ template "mattermost.default.titlelink" . }}'
    ),
}

_COLOR: Final = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
_ALIKE: Final = {
    '{{ template "__subject" . }}': (
        "slack.default.title pagerduty.default.description email.default.subject opsgenie.default.message"
        " victorops.default.entity_display_name pushover.default.title sns.default.subject discord.default.title"
        " msteams.default.summary msteams.default.title msteamsv2.default.title jira.default.summary"
        " rocketchat.default.title mattermost.default.title"
    ),
    '{{ template "__alertmanager" . }}': (
        "slack.default.username pagerduty.default.client victorops.default.monitoring_tool rocketchat.default.alias"
        " mattermost.default.username"
    ),
    '{{ template "__alertmanagerURL" . }}': (
        "slack.default.titlelink pagerduty.default.clientURL opsgenie.default.source pushover.default.url"
        " rocketchat.default.titlelink mattermost.default.titlelink"
    ),
    _COLOR: "slack.default.color mattermost.default.color",
    _ANNOTATIONS + _SPACED_BY_STATUS: "pushover.default.message sns.default.message webex.default.message",
    "\n" + _SPACED_BY_STATUS: "telegram.default.message discord.default.message",
    "\n" + _MARKDOWN_BY_STATUS: (
        "msteams.default.text msteamsv2.default.text jira.default.description mattermost.default.text"
    ),
    "": (
        "slack.default.callbackid slack.default.pretext slack.default.iconemoji slack.default.iconurl"
        " slack.default.text slack.default.footer wechat.default.to_user wechat.default.to_party"
        " wechat.default.to_tag wechat.default.agent_id discord.default.content rocketchat.default.emoji"
        " rocketchat.default.iconurl rocketchat.default.text"
    ),
}


def default_templates(api: Api) -> str:
    """The text that defines them all."""
    bodies = _OWN | {name: body for body, names in _ALIKE.items() for name in names.split()}
    bodies["email.default.html"] = email_page(api)
    return "".join(f'{{{{ define "{name}" }}}}{body}{{{{ end }}}}' for name, body in bodies.items())
