"""The labels of a route: templates that may refer to one another, rendered for each notification."""

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notify.samples import alert, notification, renderer

from obsflow.adapters.routes import load_alertmanager
from obsflow.errors import ConfigError, TemplateError
from obsflow.model.labels import Labels
from obsflow.notify import SlackConfig, WebhookConfig
from obsflow.notify.data import build_data
from obsflow.notify.route_labels import label_problems
from obsflow.notify.templates import Templates

TEMPLATES = Templates()
TOLD = notification(group_labels=Labels(key1="one", key2="two"))


def render_text(text, labels, told=TOLD):
    """What a text comes to that asks for labels which are not rendered yet."""
    data = build_data(told, "http://am", "0.34")
    return TEMPLATES.route_label_resolver({**labels, "": text}, data)("")


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        (
            'Simple: {{ routeLabels "a" }} - Templated: {{ routeLabels "b" }} - Recursive: {{ routeLabels "c" }}',
            {"a": "plain", "b": "{{ .GroupLabels.key1 }}", "c": '{{ routeLabels "b" }} recursive'},
            "Simple: plain - Templated: one - Recursive: one recursive",
        ),
        ('[{{ routeLabels "nope" }}]', {"a": "plain"}, "[]"),
        (
            '{{ routeLabels "top" }}',
            {
                "top": '{{ routeLabels "left" }}-{{ routeLabels "right" }}',
                "left": '{{ routeLabels "leaf" }}',
                "right": '{{ routeLabels "leaf" }}',
                "leaf": "{{ .GroupLabels.key2 }}",
            },
            "two-two",
        ),
        ('{{ .RouteLabels.b }}{{ routeLabels "b" }}', {"b": "{{ .Status }}"}, "{{ .Status }}firing"),
        ('{{ "b" | routeLabels | toUpper }}', {"b": "{{ .Receiver }}"}, "TEAM"),
        ("{{ .NotificationReason }}", {}, "unknown"),
        ("{{ (index .Alerts 0).Labels.alertname }}", {}, "HighLoad"),
    ],
)
def test_labels_refer_to_one_another(text, labels, expected):
    """By `routeLabels`, each in turn; what is no label is nothing, and why the group is told is not known yet."""
    assert render_text(text, labels) == expected


@pytest.mark.parametrize(
    ("labels", "cycle"),
    [
        ({"a": '{{ routeLabels "a" }}'}, "a -> a"),
        ({"a": '{{ routeLabels "b" }}', "b": '{{ routeLabels "a" }}'}, "a -> b -> a"),
        ({"a": '{{ routeLabels "b" }}', "b": '{{ routeLabels "c" }}', "c": '{{ routeLabels "b" }}'}, "b -> c -> b"),
    ],
)
def test_a_label_cannot_be_made_of_itself(labels, cycle):
    """That is an error that names the way round, both at load and where it is rendered."""
    with pytest.raises(TemplateError, match=f"route label cycle detected: .*{cycle}"):
        render_text('{{ routeLabels "a" }}', labels)
    ((_, message),) = label_problems(labels)
    assert message == f"route label cycle detected: {cycle}"


@pytest.mark.parametrize(
    ("labels", "problems"),
    [
        ({"a": "plain", "b": "{{ .Status }}", "c": '{{ routeLabels "b" }}'}, []),
        ({"a": "{{ if .Alerts }}{{ routeLabels `a` }}{{ end }}"}, []),
        ({"a": "{{ nonsense }}", "b": "{{"}, [("a", '1:4: function "nonsense" not defined'), ("b", "1:3: ")]),
        ({"a": '{{ routeLabels "b" | toUpper }}', "b": "x{{ printf `%s` (routeLabels `a`) }}"}, []),
    ],
)
def test_what_is_wrong_with_labels_before_any_alert(labels, problems):
    """What does not parse, and what always asks for itself; a condition may never come true."""
    found = list(label_problems(labels))
    assert [name for name, _ in found] == [name for name, _ in problems]
    assert all(message.startswith(text) for (_, message), (_, text) in zip(found, problems, strict=True))


LABELS = Labels(
    team="ops", text="is {{ .GroupLabels.key1 }}", raw='{{ "{{ $value }}" }}', bad='{{ routeLabels "bad" }}'
)


def test_notifications_have_the_labels_of_their_route():
    """Rendered once: what then looks like a template is text. One that fails is left out, and the page still goes."""
    told = notification(group_labels=Labels(key1="one"), route_labels=LABELS)
    document = json.loads(renderer(version="").render(told, WebhookConfig(url="http://x")).body)
    assert document["routeLabels"] == {"raw": "{{ $value }}", "team": "ops", "text": "is one"}
    title = '{{ .RouteLabels.team }}|{{ routeLabels "text" }}|{{ routeLabels "raw" }}|{{ routeLabels "bad" }}'
    config = SlackConfig(api_url="http://x", title=title)
    (attachment,) = json.loads(renderer(version="").render(told, config).body)["attachments"]
    assert attachment["title"] == "ops|is one|{{ $value }}|"


def test_labels_do_not_leak_from_one_notification_into_the_next():
    """Two routes with one renderer: each has its own, the second none."""
    each = renderer(version="")
    config = WebhookConfig(url='http://x/{{ routeLabels "team" }}')
    first = each.render(notification(route_labels=Labels(team="a", text='{{ routeLabels "team" }}')), config)
    child = each.render(notification(route_labels=Labels(team="b", text='{{ routeLabels "team" }}')), config)
    none = each.render(notification(alert()), config)
    assert [request.url for request in (first, child, none)] == ["http://x/a", "http://x/b", "http://x/"]
    assert json.loads(child.body)["routeLabels"] == {"team": "b", "text": "b"}


def test_025_knows_no_labels_of_routes():
    """Nor does what it sends."""
    document = json.loads(renderer().render(notification(route_labels=LABELS), WebhookConfig(url="http://x")).body)
    assert "routeLabels" not in document


ROUTE = """route:
  receiver: a
  labels: {team: ops, at: '{{ routeLabels "team" }}'}
  routes:
  - matchers: [a=b]
    %s
receivers: [{name: a}]
"""


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("labels: {x: '{{ nonsense }}'}", 'am.yml:6:5: route.routes[0].labels.x: 1:4: function "nonsense" not defined'),
        (
            """labels: {team: '{{ routeLabels "at" }}'}""",
            "am.yml:6:5: route.routes[0].labels.at: route label cycle detected: at -> team -> at",
        ),
        ("labels: {x: '{{ if .Alerts }}{{ routeLabels `x` }}{{ end }}'}", ""),
        ("group_wait: 1s", ""),
    ],
)
def test_labels_are_looked_at_when_a_file_is_loaded(labels, problem):
    """With what a route has from its parent; what is wrong has its place."""
    if not problem:
        assert load_alertmanager(ROUTE % labels, "am.yml").route.labels["team"] == "ops"
        return
    with pytest.raises(ConfigError) as caught:
        load_alertmanager(ROUTE % labels, "am.yml")
    assert str(caught.value) == problem


NAMES = st.sampled_from("abcde")
DATA = build_data(TOLD, "http://am", "0.34")


def follow(graph, name, way=()):
    """What a label comes to, each after those that it refers to; None if the way leads back."""
    if name in way:
        return None
    parts = [follow(graph, other, (*way, name)) for other in graph.get(name, ())]
    return None if None in parts else "".join(parts) + (name if name in graph else "")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=5))
def test_any_labels_come_to_what_the_oracle_says(graph):
    """Or are refused, at load as where they are rendered, and only if one of them is made of itself."""
    labels = {name: "".join(f"{{{{ routeLabels `{other}` }}}}" for other in to) + name for name, to in graph.items()}
    expected = {name: follow(graph, name) for name in graph}
    assert any(label_problems(labels)) == (None in expected.values())
    rendered = TEMPLATES.render_route_labels(labels, DATA)
    assert rendered == {name: text for name, text in expected.items() if text is not None}


def test_labels_see_the_whole_group():
    """Also alerts that are muted, or of which the integration is not told."""
    told = attrs.evolve(TOLD, route_labels=Labels(many="{{ len .Alerts }} {{ .Status }}"))
    count = len(told.alerts)
    for seen, expected in (((), f"{count} firing"), (told.alerts * 2, f"{2 * count} firing")):
        request = renderer(version="").render(attrs.evolve(told, route_alerts=seen), WebhookConfig(url="http://x"))
        assert json.loads(request.body)["routeLabels"] == {"many": expected}
