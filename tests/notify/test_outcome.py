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
        ("opsgenie", 202, "", False, ""),
        ("opsgenie", 429, "slow", True, "unexpected status code 429: slow"),
        ("opsgenie", 422, "bad", False, "unexpected status code 422: bad"),
        *(
            case
            for kind in ("victorops", "pushover", "msteams", "msteamsv2", "mattermost")
            for case in (
                (kind, 204, "", False, ""),
                (kind, 429, "slow", False, "unexpected status code 429: slow"),
                (kind, 502, "", True, "unexpected status code 502"),
            )
        ),
        ("sns", 200, "<PublishResponse/>", False, ""),
        (
            "sns",
            400,
            "<ErrorResponse><Error><Code>X</Code><Message>bad &amp; worse</Message></Error></ErrorResponse>",
            False,
            "unexpected status code 400: bad & worse",
        ),
        ("sns", 500, "?", True, "unexpected status code 500"),
        ("telegram", 200, '{"ok":true}', False, ""),
        ("telegram", 400, '{"ok":false,"error_code":400,"description":"no"}', True, "telegram: no (400)"),
        ("telegram", 502, "<html>", True, "the answer is not a JSON object"),
        ("wechat", 201, "", True, "unexpected status code 201"),
        ("wechat", 200, '{"errcode":0}', False, ""),
        ("wechat", 200, '{"errcode":42001,"errmsg":"old"}', True, "old"),
        ("wechat", 200, '{"errcode":1,"errmsg":"no"}', False, "no"),
        ("wechat", 200, "[]", True, "the answer is not a JSON object"),
        ("jira", 429, "", True, "unexpected status code 429"),
        ("jira", 404, "gone", False, "unexpected status code 404: gone"),
        ("incidentio", 429, "", True, "unexpected status code 429"),
        (
            "incidentio",
            400,
            '{"message":"M","error":"E","errors":["a","b"]}',
            False,
            "unexpected status code 400: M: E: a, b",
        ),
        ("incidentio", 500, "no json", True, "unexpected status code 500"),
        ("rocketchat", 200, '{"success":true}', False, ""),
        ("rocketchat", 200, '{"success":false,"error":"E"}', False, "error response from Rocketchat: E"),
        ("rocketchat", 200, "ok", True, 'could not unmarshal JSON response "ok"'),
        ("rocketchat", 401, "no", False, "unexpected status code 401: no"),
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


def test_what_limits_rates_in_the_first_api_of_pagerduty():
    """Its 403 says so, and not that the key is wrong."""
    assert interpret("pagerduty-v1", 403).failure is FailureClass.RATE_LIMITED
    assert interpret("pagerduty", 403).failure is FailureClass.AUTH_ERROR


@pytest.mark.parametrize(("kind", "wait_ms"), [("slack", 5_000), ("webex", 5_000), ("discord", 0), ("webhook", 0)])
def test_who_may_say_when_to_try_again(kind, wait_ms):
    """Slack and Webex, where another try follows."""
    headers = {"retry-after": "5"}
    assert interpret(kind, 503, "", headers).retry_after_ms == wait_ms
    assert interpret(kind, 400, "", headers).retry_after_ms == 0


def test_slack_goes_by_the_type_of_its_answer():
    """A text that looks like an object is a text, and an object that is none is tried again."""
    text, document = {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}
    assert not interpret("slack", 200, '{"ok":true}', text).is_delivered
    assert interpret("slack", 200, '{"ok":true}', document).is_delivered
    assert interpret("slack", 200, "ok", document).retry
    assert not interpret("slack", 200, '{"ok":false,"error":"e"}', document).retry
