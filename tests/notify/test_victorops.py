"""Events for VictorOps."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import Globals, VictoropsConfig

GLOBALS = Globals(victorops_api_key="K", victorops_api_url="http://vo/alert")
ENTITY = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def test_an_event():
    """Its members in the order of their names, to the address of the key and the routing key."""
    config = VictoropsConfig(routing_key="r {{ .Status }}/x", state_message="s", custom_fields={"f": "{{ .Status }}"})
    request = render(config, notification(group_key="1"), GLOBALS)
    assert (request.method, request.url) == ("POST", "http://vo/alert/K/r%20firing/x")
    assert request.body == (
        f'{{"entity_display_name":"[FIRING:1] HighLoad (a)","entity_id":"{ENTITY}","f":"firing",'
        '"message_type":"CRITICAL","monitoring_tool":"Alertmanager","state_message":"s"}\n'
    )


@pytest.mark.parametrize(
    ("configured", "resolved", "sent"),
    [
        ("WARNING", False, "WARNING"),
        ("INFO", False, "INFO"),
        ("{{ .GroupLabels.alertname }}", False, "CRITICAL"),
        ("warning", False, "CRITICAL"),
        ("WARNING", True, "RECOVERY"),
    ],
)
def test_the_type_of_an_event(configured, resolved, sent):
    """A firing one is of a known type, a resolved one is a recovery."""
    told = notification(alert(resolved_at=NOON if resolved else None))
    config = VictoropsConfig(routing_key="r", message_type=configured)
    assert json.loads(render(config, told, GLOBALS).body)["message_type"] == sent


def test_a_long_state_message_is_cut():
    """At 20480 characters."""
    config = VictoropsConfig(routing_key="r", state_message="é" * 20481)
    assert json.loads(render(config, None, GLOBALS).body)["state_message"] == "é" * 20479 + "…"


def test_a_key_in_a_file():
    """Comes before the global one, to the default address."""
    config = VictoropsConfig(routing_key="r", api_key_file="/k")
    request = render(config, None, Globals(victorops_api_key="G"), files={"/k": "own\n"})
    assert request.url == "https://alert.victorops.com/integrations/generic/20131114/alert/own/r"
