"""What a receiver's answer means: delivered, to be tried again, or given up."""

import enum
import html
import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from obsflow.model.labels import quote
from obsflow.notify.answers import Answer, read_members, texts_of

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
    """What came of a delivery. `reason` is empty and `failure` None if it succeeded.

    Another try is not to come before `retry_after_ms` have passed. `receiver_data` is what the receiver told that the
    next delivery to the same group needs: see `Renderer.begin`.
    """

    retry: bool = False
    reason: str = ""
    failure: FailureClass | None = None
    retry_after_ms: int = 0
    receiver_data: Mapping[str, str] = attrs.field(factory=dict)

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
    has_retry_after: bool = False
    rate_limited_codes: frozenset[int] = frozenset({_RATE_LIMITED})


def _pagerduty_details(status_code: int, body: str) -> str:
    if status_code != 400:
        return ""
    answer = read_members(body, {"status": str, "message": str, "errors": list}, ignore_rest=True)
    errors = None if answer is None else texts_of(answer["errors"])
    return "" if answer is None or errors is None else f"{answer['message']}: {','.join(errors)}"


def _incidentio_details(_status_code: int, body: str) -> str:
    answer = read_members(body, {"message": str, "error": str, "errors": list}, ignore_rest=True)
    errors = None if answer is None else texts_of(answer["errors"])
    if answer is None or errors is None:
        return ""
    return ": ".join(part for part in (answer["message"], answer["error"], ", ".join(errors)) if part)


def _sns_details(_status_code: int, body: str) -> str:
    found = _XML_MESSAGE.search(body)
    return html.unescape(found[1]) if found else ""


def _slack_outcome(answer: Answer) -> Outcome:
    outcome = _by_status(_RULES["slack"], answer)
    if not outcome.is_delivered:
        return outcome
    # an incoming webhook answers the text `ok`, the web API an object
    kind = answer.header("Content-Type")
    if not (kind.startswith("application/json") or (not kind and answer.body.startswith("{"))):
        return DELIVERED if answer.body == "ok" else _hidden(f"received an error response from Slack: {answer.body}")
    members = read_members(answer.body, {"ok": bool, "error": str, "channel": str, "ts": str})
    if members is None:
        return _hidden(f"could not unmarshal JSON response {quote(answer.body)}", retry=True)
    if not members["ok"]:
        return _hidden(f"error response from Slack: {members['error']}")
    if not (members["ts"] and members["channel"]):
        return DELIVERED
    return Outcome(receiver_data={"threadTs": members["ts"], "channelId": members["channel"]})


def _telegram_outcome(answer: Answer) -> Outcome:
    # whatever goes wrong is tried again, a refusal too: only `ok` counts
    kinds = {"ok": bool, "error_code": int, "description": str}
    members = read_members(answer.body, kinds)
    if members is None:
        return Outcome(retry=True, reason="the answer is not a JSON object", failure=FailureClass.OTHER)
    if not members["ok"]:
        code = members["error_code"]
        return Outcome(retry=True, reason=f"telegram: {members['description']} ({code})", failure=_classify(code))
    if read_members(answer.body, {"result": dict}) is None:
        return Outcome(retry=True, reason="the answer holds no message", failure=FailureClass.OTHER)
    return DELIVERED


def _wechat_outcome(answer: Answer) -> Outcome:
    status_code = answer.status_code
    if status_code != 200:
        return Outcome(retry=True, reason=f"unexpected status code {status_code}", failure=_classify(status_code))
    members = read_members(answer.body, {"errcode": int, "errmsg": str})
    if members is None:
        return Outcome(retry=True, reason="the answer is not a JSON object", failure=FailureClass.OTHER)
    if members["errcode"] == 0:
        return DELIVERED
    retry = members["errcode"] == _WECHAT_EXPIRED
    return Outcome(retry=retry, reason=members["errmsg"], failure=FailureClass.OTHER)


def _rocketchat_outcome(answer: Answer) -> Outcome:
    outcome = _by_status(_Rule(), answer)
    if not outcome.is_delivered:
        return outcome
    members = read_members(answer.body, {"success": bool, "error": str})
    if members is None:
        return _hidden(f"could not unmarshal JSON response {quote(answer.body)}", retry=True)
    return DELIVERED if members["success"] else _hidden(f"error response from Rocketchat: {members['error']}")


def _email_outcome(answer: Answer) -> Outcome:
    # every refusal of a mail server is tried again: greylisting and full mailboxes look like any other
    if 200 <= answer.status_code < 300:
        return DELIVERED
    details = f": {answer.body}" if answer.body else ""
    reason = f"unexpected status code {answer.status_code}{details}"
    return Outcome(retry=True, reason=reason, failure=FailureClass.OTHER)


def _hidden(reason: str, *, retry: bool = False) -> Outcome:
    """An error that hides behind a 2xx."""
    return Outcome(retry=retry, reason=reason, failure=FailureClass.CLIENT_ERROR)


_LIMITED = frozenset({_RATE_LIMITED})
_RULES = {
    "webhook": _Rule(),
    "slack": _Rule(_LIMITED, has_retry_after=True),
    "pagerduty": _Rule(_LIMITED, _pagerduty_details),
    "pagerduty-v1": _Rule(frozenset({403}), _pagerduty_details, rate_limited_codes=frozenset({403, 429})),
    "opsgenie": _Rule(_LIMITED),
    "victorops": _Rule(),
    "pushover": _Rule(),
    "sns": _Rule(details=_sns_details),
    "discord": _Rule(_LIMITED),
    "webex": _Rule(_LIMITED, has_retry_after=True),
    "msteams": _Rule(),
    "msteamsv2": _Rule(),
    "jira": _Rule(_LIMITED),
    "incidentio": _Rule(_LIMITED, _incidentio_details),
    "mattermost": _Rule(),
}

_READERS: Final[Mapping[str, Callable[[Answer], Outcome]]] = {
    "slack": _slack_outcome,
    "telegram": _telegram_outcome,
    "wechat": _wechat_outcome,
    "rocketchat": _rocketchat_outcome,
    "email": _email_outcome,
}


def interpret(kind: str, status_code: int, body: str = "", headers: Mapping[str, str] | None = None) -> Outcome:
    """What the answer of a receiver means.

    `kind` is the name of an integration, or `pagerduty-v1` for a `service_key`, whose API limits rates with 403
    rather than 429. For mail `status_code` is the SMTP reply code. Raises KeyError for another kind.
    """
    return interpret_answer(kind, Answer(status_code, body, headers or {}))


def interpret_answer(kind: str, answer: Answer) -> Outcome:
    """Like `interpret`, for an answer as one thing."""
    return _READERS[kind](answer) if kind in _READERS else _by_status(_RULES[kind], answer)


def _by_status(rule: _Rule, answer: Answer) -> Outcome:
    status_code = answer.status_code
    if 200 <= status_code < 300:
        return DELIVERED
    details = rule.details(status_code, answer.body)
    reason = f"unexpected status code {status_code}" + (f": {details}" if details else "")
    retry = 500 <= status_code < 600 or status_code in rule.retry_codes
    failure = FailureClass.RATE_LIMITED if status_code in rule.rate_limited_codes else _classify(status_code)
    wait_ms = answer.retry_after_ms if retry and rule.has_retry_after else 0
    return Outcome(retry=retry, reason=reason, failure=failure, retry_after_ms=wait_ms)


def _classify(status_code: int) -> FailureClass:
    if status_code in _AUTH_CODES:
        return FailureClass.AUTH_ERROR
    if status_code == _RATE_LIMITED:
        return FailureClass.RATE_LIMITED
    by_hundred = {4: FailureClass.CLIENT_ERROR, 5: FailureClass.SERVER_ERROR}
    return by_hundred.get(status_code // 100, FailureClass.OTHER)
