"""What receivers answer: as they should, as they may, and as nobody would expect."""

from tests.conformance.notifier_cases import Answer

JSON = {"Content-Type": "application/json; charset=utf-8"}
TEXT = {"Content-Type": "text/plain"}
STATUSES = (200, 201, 202, 204, 300, 304, 400, 401, 403, 404, 408, 413, 418, 429, 499, 500, 502, 503, 504, 599)
BODIES = (
    "",
    "ok",
    "oops",
    "{}",
    "null",
    "[1]",
    '"text"',
    '{"message":"bad","errors":["a","b"],"error":"worse"}',
    '{"message":"bad","errors":"no list"}',
    '{"message":7}',
    '{"message":"half',
    '{"errors":["only"]} trailing',
)
RETRY_AFTER = ("3", "0", "-1", "soon", "1.5", "Wed, 21 Oct 2099 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT")

# Bodies that an API uses with a 2xx, good and bad, each with its type.
SLACK = (
    ("ok", TEXT),
    ("no_service", TEXT),
    ("", {}),
    ("OK", TEXT),
    ('{"ok":true}', TEXT),
    ('{"ok":true,"ts":"17.1","channel":"C1"}', JSON),
    ('{"ok":true,"ts":"17.1"}', JSON),
    ('{"ok":true}', JSON),
    ('{"ok":false,"error":"channel_not_found"}', JSON),
    ('{"ok":"yes"}', JSON),
    ("ok", JSON),
    ("[]", JSON),
    ("null", JSON),
    ("{}", {"Content-Type": "application/json"}),
)
# not those without a result that hold no error, for which its client gives nothing and the notifier crashes
TELEGRAM = (
    '{"ok":true,"result":{"message_id":1,"chat":{"id":1}}}',
    '{"ok":true,"result":true}',
    '{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}',
    '{"ok":false,"error_code":429,"description":"Too Many Requests"}',
    '{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}',
    '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}',
    '{"ok":false,"error_code":401,"description":"Unauthorized"}',
    '{"ok":false,"error_code":500,"description":"Internal Server Error"}',
    '{"ok":false,"error_code":400,"description":"Bad Request: something new"}',
    "not json",
    "[]",
)
ROCKETCHAT = (
    '{"success":true}',
    '{"success":false,"error":"no such room"}',
    "{}",
    '{"success":1}',
    "html",
    "null",
    "[]",
)
TOKENS = (
    '{"errcode":0,"access_token":"tok &="}',
    '{"access_token":"tok"} and more',
    '{"access_token":""}',
    '{"errcode":40013}',
    '{"access_token":7}',
    "[]",
    "null",
    "html",
    "",
)
WECHAT = (
    '{"errcode":0,"errmsg":"ok"}',
    '{"errcode":42001,"errmsg":"access_token expired"}',
    '{"errcode":40001,"errmsg":"invalid"}',
    "{}",
    "html",
    "[]",
    '{"errcode":"0"}',
    "null",
)
SNS_TAKEN = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
SNS = (
    SNS_TAKEN,
    "<ErrorResponse><Error><Code>InvalidParameter</Code><Message>a &amp; b</Message></Error></ErrorResponse>",
    "<ErrorResponse><Error><Code>Throttling</Code><Message/></Error></ErrorResponse>",
)


def issue(category, key="OPS-1"):
    status = f'"status":{{"name":"S","statusCategory":{{"key":"{category}"}}}}'
    return f'{{"key":"{key}","fields":{{{status}}}}}'


SEARCHES = (
    '{"issues":[]}',
    "{}",
    f'{{"issues":[{issue("done")}]}}',
    f'{{"issues":[{issue("new")},{issue("done", "OPS-2")}]}}',
    f'{{"issues":[{issue("indeterminate")}]}}',
    '{"issues":[{"key":"OPS-3","fields":{}}]}',
    '{"issues":[{"key":"OPS-3"}]}',
    '{"issues":[{"key":"OPS-4","fields":{"status":{"name":"x"}}}]}',
    '{"issues":7}',
    "html",
    "null",
)
TRANSITIONS = (
    '{"transitions":[{"id":"11","name":"Done"},{"id":"12","name":"Reopen"}]}',
    '{"transitions":[{"id":"12","name":"Reopen"},{"id":"13","name":"Done"},{"id":"14","name":"Done"}]}',
    '{"transitions":[]}',
    '{"transitions":[{"id":5,"name":"Done"}]}',
    "html",
    "{}",
)


def failing(rng):
    """Any answer at all."""
    headers = {**rng.choice((JSON, TEXT, {}))}
    if rng.random() < 0.4:
        headers |= {"Retry-After": rng.choice(RETRY_AFTER), "Date": "Wed, 21 Oct 2099 07:27:58 GMT"}
    return Answer(rng.choice(STATUSES), rng.choice(BODIES), headers)


def answers(kind, rng):
    """Those to the requests of one delivery, in order."""
    if rng.random() < 0.3 and kind != "telegram":  # whose client reads on whatever the status is
        return (*_begun(kind, rng), failing(rng))
    if kind == "slack":
        return tuple(Answer(200, *rng.choice(SLACK)) for _ in range(2))
    if kind == "telegram":
        status = 200 if rng.random() < 0.5 else rng.choice(STATUSES[:3] + STATUSES[6:])
        return (Answer(status, rng.choice(TELEGRAM), JSON),)
    if kind == "rocketchat":
        return (Answer(200, rng.choice(ROCKETCHAT), JSON),)
    if kind == "wechat":
        token = TOKENS[0] if rng.random() < 0.7 else rng.choice(TOKENS)
        return (Answer(rng.choice((200, 200, 500)), token, JSON), Answer(200, rng.choice(WECHAT), JSON))
    if kind == "sns":
        body = rng.choice(SNS)
        return (Answer(200 if body == SNS_TAKEN else rng.choice(STATUSES[6:]), body, {"Content-Type": "text/xml"}),)
    if kind == "jira":
        written = Answer(rng.choice((201, 204)), "", JSON)
        return (Answer(200, rng.choice(SEARCHES), JSON), written, Answer(200, rng.choice(TRANSITIONS), JSON), written)
    return ()


def _begun(kind, rng):
    """The answers that went well before one did not."""
    usual = {
        "slack": (Answer(200, '{"ok":true}', JSON),),
        "opsgenie": (Answer(202), Answer(200)),
        "wechat": (Answer(200, TOKENS[0]),),
        "jira": (
            Answer(200, SEARCHES[rng.choice((0, 2, 3, 4))]),
            Answer(201),
            Answer(200, TRANSITIONS[0]),
        ),
    }.get(kind, ())
    return usual[: rng.randint(0, len(usual))]
