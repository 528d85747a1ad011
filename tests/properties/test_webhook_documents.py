"""The webhook's document: written at once, it is the template data as JSON."""

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.notify import Renderer, WebhookConfig
from obsflow.notify.data import build_data
from obsflow.notify.encoding import encode_document

AWKWARD = '<>&"\\/\n\r\t\b\f\x00\x1f\x7f\x80é\u2028\u2029\ufffd\uffff\udc80\udcff\U0001f600'
texts = st.text(st.sampled_from(AWKWARD) | st.sampled_from("ab"), max_size=8)
names = st.sampled_from(["alertname", "a", "b", "zé", "z\udc80", "\U0001f600", "z\uffff"]) | texts
label_sets = st.dictionaries(names, texts, max_size=4).map(Labels)
annotations = st.dictionaries(names, texts, max_size=3).map(Labels.of_annotations)
times = st.integers(-62_135_596_800_000, 253_402_300_799_999)
alerts = st.builds(
    NotifiedAlert,
    labels=label_sets,
    annotations=annotations,
    status=st.sampled_from(AlertStatus),
    starts_at=times,
    ends_at=st.none() | times,
    generator_url=texts,
)
told = st.builds(
    Notification,
    time=st.integers(0, 4_000_000_000_000),
    receiver=texts | st.just("a.b|c"),
    integration=st.just("webhook"),
    index=st.just(0),
    group_key=texts,
    group_labels=label_sets,
    alerts=st.lists(alerts, min_size=1, max_size=4).map(tuple),
    reason=st.sampled_from(NotifyReason),
)
EVERYWHERE = Labels({AWKWARD: AWKWARD, "zé": "1", "z\udc80": "2"})
RENDERERS = {api: Renderer(external_url="http://am", api=api) for api in ("0.25", "0.34")}
AWKWARD_ALERT = NotifiedAlert(EVERYWHERE, EVERYWHERE, AlertStatus.FIRING, 1, None, AWKWARD)


@settings(max_examples=300, deadline=None)
@given(told, st.integers(0, 4), st.sampled_from(list(RENDERERS)))
@example(
    Notification(0, AWKWARD, "webhook", 0, AWKWARD, EVERYWHERE, (AWKWARD_ALERT,) * 2, NotifyReason.NEW_ALERTS),
    0,
    "0.34",
)
def test_a_document_is_the_template_data_as_json(notification, max_alerts, api):
    """Byte for byte, whatever the texts are made of; keys are in the order of their bytes."""
    shown = notification.alerts[: max_alerts or None]
    cut = attrs.evolve(notification, alerts=shown)
    expected = {
        **build_data(cut, "http://am", api).json_members(),
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": len(notification.alerts) - len(shown),
    }
    renderer = RENDERERS[api]
    request = renderer.render(notification, WebhookConfig(url="http://hook", max_alerts=max_alerts))
    assert request.body == encode_document(expected)
    templated = WebhookConfig(url='{{ "http://hook" }}', max_alerts=max_alerts)
    if api == "0.34":  # whose addresses are templates, which need the data
        assert renderer.render(notification, templated) == request
