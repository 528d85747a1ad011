"""What a receiver's answer means: delivered, to be tried again, or given up."""

import enum
import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from obsflow.model.labels import quote

_AUTH_CODES = frozenset({401, 403})
_RATE_LIMITED = 429
_WECHAT_EXPIRED = 42001  # the token; the next try gets another
_XML_MESSAGE = re.compile("<Message>(.*?)</Message>", re.DOTALL)


class FailureClass(enum.Enum):
    """Why a delivery failed, in the words of Alertmanager's metrics."""

    OTHER = "other"
    CLIENT_ERROR = "clientError"
    SERVER_ERROR = "serverError"
    AUTH_ERROR = "authError"
    RATE_LIMITED = "rateLimited"


@attrs.frozen
class Outcome:
    """What came of a delivery. `reason` is empty and `failure` None if it succeeded."""

    retry: bool = False
    reason: str = ""
    failure: FailureClass | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.failure is None


DELIVERED = Outcome()


@attrs.frozen
class _Rule:
    """How one kind of receiver answers. 2xx is success and 5xx is worth another try everywhere."""

    retry_codes: frozenset[int] = frozenset()
    details: Callable[[int, str], str] = lambda _, body: body
    check_body: Callable[[str], str] = lambda _: ""  # an error that hides behind a 2xx


def _pagerduty_details(status_code: int, body: str) -> str:
    answer = _parse_object(body) if status_code == 400 else None
    if answer is None:
        return ""
    errors = answer.get("errors")
    listed = ",".join(map(str, errors)) if isinstance(errors, list) else ""
    return f"{answer.get('message', '')}: {listed}"


def _slack_error(body: str) -> str:
    # an incoming webhook answers the text `ok`, the web API an object
    if not body.startswith("{"):
        return "" if body == "ok" else f"received an error response from Slack: {body}"
    answer = _parse_object(body)
    if answer is None:
        return f"could not unmarshal JSON response: {body}"
    return "" if answer.get("ok") is True else f"error response from Slack: {answer.get('error', '')}"


def _telegram_outcome(_status_code: int, body: str) -> Outcome:
    # whatever goes wrong is tried again, a refusal too: only `ok` counts
    answer = _parse_object(body)
    if answer is None:
        return Outcome(retry=True, reason="the answer is not a JSON object", failure=FailureClass.OTHER)
    if answer.get("ok") is True:
        return DELIVERED
    reason = f"telegram: {answer.get('description', '')} ({answer.get('error_code', 0)})"
    return Outcome(retry=True, reason=reason, failure=FailureClass.OTHER)


def _wechat_outcome(status_code: int, body: str) -> Outcome:
    if status_code != 200:
        return Outcome(retry=True, reason=f"unexpected status code {status_code}", failure=_classify(status_code))
    answer = _parse_object(body)
    if answer is None:
        return Outcome(retry=True, reason="the answer is not a JSON object", failure=FailureClass.OTHER)
    code = answer.get("errcode", 0)
    if code == 0:
        return DELIVERED
    message = str(answer.get("errmsg", ""))
    return Outcome(retry=code == _WECHAT_EXPIRED, reason=message, failure=FailureClass.OTHER)


def _rocketchat_outcome(status_code: int, body: str) -> Outcome:
    outcome = _by_status(_Rule(), status_code, body)
    if not outcome.is_delivered:
        return outcome
    answer = _parse_object(body)
    if answer is None:
        reason = f"could not unmarshal JSON response {quote(body)}"
        return Outcome(retry=True, reason=reason, failure=FailureClass.CLIENT_ERROR)
    if answer.get("success") is True:
        return DELIVERED
    reason = f"error response from Rocketchat: {answer.get('error', '')}"
    return Outcome(reason=reason, failure=FailureClass.CLIENT_ERROR)


def _incidentio_details(_status_code: int, body: str) -> str:
    answer = _parse_object(body) or {}
    errors = answer.get("errors")
    listed = ", ".join(map(str, errors)) if isinstance(errors, list) else ""
    parts = (answer.get("message", ""), answer.get("error", ""), listed)
    return ": ".join(str(part) for part in parts if part)


def _sns_details(_status_code: int, body: str) -> str:
    found = _XML_MESSAGE.search(body)
    return html.unescape(found[1]) if found else ""


def _parse_object(body: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


_RULES = {
    "webhook": _Rule(),
    "slack": _Rule(check_body=_slack_error),
    "pagerduty": _Rule(frozenset({429}), _pagerduty_details),
    "pagerduty-v1": _Rule(frozenset({403}), _pagerduty_details),
    "opsgenie": _Rule(frozenset({429})),
    "victorops": _Rule(),
    "pushover": _Rule(),
    "sns": _Rule(details=_sns_details),
    "discord": _Rule(),
    "webex": _Rule(),
    "msteams": _Rule(),
    "msteamsv2": _Rule(),
    "jira": _Rule(frozenset({429})),
    "incidentio": _Rule(frozenset({429}), _incidentio_details),
    "mattermost": _Rule(),
    # every refusal of a mail server is tried again: greylisting and full mailboxes look like any other
    "email": _Rule(frozenset(range(300, 600))),
}

_READERS: Final[Mapping[str, Callable[[int, str], Outcome]]] = {
    "telegram": _telegram_outcome,
    "wechat": _wechat_outcome,
    "rocketchat": _rocketchat_outcome,
}


def interpret(kind: str, status_code: int, body: str = "") -> Outcome:
    """What the answer of a receiver means.

    `kind` is the name of an integration, or `pagerduty-v1` for a `service_key`, whose API limits rates with 403
    rather than 429. For mail `status_code` is the SMTP reply code. Raises KeyError for another kind.
    """
    if kind in _READERS:
        return _READERS[kind](status_code, body)
    return _by_status(_RULES[kind], status_code, body)


def _by_status(rule: _Rule, status_code: int, body: str) -> Outcome:
    if 200 <= status_code < 300:
        error = rule.check_body(body)
        return Outcome(retry=False, reason=error, failure=FailureClass.CLIENT_ERROR) if error else DELIVERED
    details = rule.details(status_code, body)
    reason = f"unexpected status code {status_code}" + (f": {details}" if details else "")
    retry = 500 <= status_code < 600 or status_code in rule.retry_codes
    return Outcome(retry=retry, reason=reason, failure=_classify(status_code))


def _classify(status_code: int) -> FailureClass:
    if status_code in _AUTH_CODES:
        return FailureClass.AUTH_ERROR
    if status_code == _RATE_LIMITED:
        return FailureClass.RATE_LIMITED
    by_hundred = {4: FailureClass.CLIENT_ERROR, 5: FailureClass.SERVER_ERROR}
    return by_hundred.get(status_code // 100, FailureClass.OTHER)
