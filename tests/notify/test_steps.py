"""Deliveries of several requests, as they usually go."""

import pytest
from tests.notify.samples import NOON, alert, notification, renderer

from obsflow.notify import JiraConfig, OpsgenieConfig, WebhookConfig, WechatConfig, complete
from obsflow.notify.config import Globals

FIRING = notification()
RESOLVED = notification(alert(resolved_at=NOON))
JIRA = JiraConfig(api_url="http://j", project="P", issue_type="i", resolve_transition="Done")
OPSGENIE = OpsgenieConfig(api_key="k", api_url="http://o", update_alerts=True)


@pytest.mark.parametrize(
    ("config", "told", "methods"),
    [
        (WebhookConfig(url="http://w"), FIRING, ["POST"]),
        (OPSGENIE, FIRING, ["POST", "PUT", "PUT"]),
        (OPSGENIE, RESOLVED, ["POST"]),
        (JIRA, FIRING, ["POST", "POST"]),
        (JIRA, RESOLVED, ["POST"]),
        (WechatConfig(api_secret="s", corp_id="c"), FIRING, ["GET", "POST"]),
    ],
)
def test_all_requests_of_a_delivery(config, told, methods):
    """The first of them is what `render` gives."""
    completed = complete(config, Globals())
    requests = renderer().render_all(told, completed)
    assert [each.method for each in requests] == methods
    assert requests[0] == renderer().render(told, completed)
