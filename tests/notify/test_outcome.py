"""What answers mean."""

import pytest

from obsflow.notify import FailureClass, interpret


@pytest.mark.parametrize(
    ("kind", "code", "body", "retry", "reason"),
    [
        ("webhook", 200, "anything", False, ""),
        ("webhook", 299, "", False, ""),
        ("webhook", 302, "", False, "unexpected status code 302"),
        ("webhook", 400, "bad", False, "unexpected status code 400: bad"),
        ("webhook", 429, "", False, "unexpected status code 429"),
        ("webhook", 500, "", True, "unexpected status code 500"),
        ("webhook", 599, "x", True, "unexpected status code 599: x"),
        ("pagerduty", 202, "", False, ""),
        ("pagerduty", 429, "", True, "unexpected status code 429"),
        ("pagerduty", 403, "", False, "unexpected status code 403"),
        ("pagerduty", 400, '{"message":"M","errors":["a","b"]}', False, "unexpected status code 400: M: a,b"),
        ("pagerduty", 400, "no json", False, "unexpected status code 400"),
        ("pagerduty", 400, "[]", False, "unexpected status code 400"),
        ("pagerduty-v1", 403, "", True, "unexpected status code 403"),
        ("pagerduty-v1", 429, "", False, "unexpected status code 429"),
        ("slack", 200, "ok", False, ""),
        ("slack", 200, "no_service", False, "received an error response from Slack: no_service"),
        ("slack", 200, '{"ok":true,"ts":"1"}', False, ""),
        ("slack", 200, '{"ok":false,"error":"not_in_channel"}', False, "error response from Slack: not_in_channel"),
        ("slack", 404, "no_team", False, "unexpected status code 404: no_team"),
        ("slack", 503, "", True, "unexpected status code 503"),
        ("email", 250, "ok", False, ""),
        ("email", 421, "later", True, "unexpected status code 421: later"),
        ("email", 550, "unknown", True, "unexpected status code 550: unknown"),
    ],
)
def test_answers(kind, code, body, retry, reason):
    """2xx is success, 5xx and what the receiver limits rates with are tried again, the rest is given up."""
    outcome = interpret(kind, code, body)
    assert (outcome.retry, outcome.reason, outcome.is_delivered) == (retry, reason, not reason)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (204, None),
        (301, FailureClass.OTHER),
        (401, FailureClass.AUTH_ERROR),
        (403, FailureClass.AUTH_ERROR),
        (404, FailureClass.CLIENT_ERROR),
        (429, FailureClass.RATE_LIMITED),
        (500, FailureClass.SERVER_ERROR),
    ],
)
def test_failures_are_classified(code, failure):
    """The classes are those of Alertmanager's metrics."""
    assert interpret("webhook", code).failure is failure


def test_an_error_that_slack_hides_is_the_clients():
    """A 200 with an error in its body is no delivery."""
    assert interpret("slack", 200, "no_service").failure is FailureClass.CLIENT_ERROR
