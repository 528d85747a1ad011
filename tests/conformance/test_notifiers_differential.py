"""Alertmanager's own notifiers and our builders get the same configurations, notifications and answers.

Every request is compared (method, address, headers, body), and what was made of the answers: whether it was delivered,
whether to try again and when, the class of the failure.
"""

import functools
import random
import re
import time
import urllib.parse

import attrs
import pytest

from obsflow.alertmanager import load_config
from obsflow.errors import ConfigError, TemplateError
from obsflow.model.labels import Labels
from obsflow.notify import KINDS, Globals, Renderer, Step, interpret
from obsflow.notify.telegram_html import count_visible
from tests.conformance.notifier_answers import answers
from tests.conformance.notifier_cases import make_case, write_files
from tests.conformance.notifier_entries import ENTRIES
from tests.conformance.notifier_harness import harness

SEED = 20
CASES = 50  # of each kind
SNIFFED = {"Content-Type": "text/plain; charset=utf-8"}  # what Go's server adds where there is none
EXTERNAL_URL = "http://am.test/x"
# What an HTTP client sets by itself, and what Amazon's adds to a request that it signs.
OF_CLIENTS = frozenset({"Accept-Encoding", "Content-Length", "Connection", "Traceparent", "User-Agent"})
OF_AMAZON = frozenset({"Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "Authorization", "X-Amz-Date"})
# What concerns the connection, or is the same in another form.
UNTRIED = frozenset({"auth_password_file", "auth_secret", "smarthost", "tls_config"})
# Where a template fails, the first two send what they have, and Jira's does not notice unless the text is needed; we
# always say that it failed.
UNCHECKED = frozenset({"slack", "webex", "jira"})


@pytest.fixture(scope="module")
def real():
    """Alertmanager's notifiers."""
    with harness() as running:
        yield running


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Where the files are that configurations name."""
    return tmp_path_factory.mktemp("files")


def told(real, case, directory):
    """What Alertmanager makes of a case."""
    notification = case.notification
    return real.run(
        {
            "config": case.config(real.smarthost, directory),
            "group_key": notification.group_key,
            "group_labels": dict(notification.group_labels),
            "route_labels": dict(notification.route_labels),
            "reason": notification.reason.value,
            "external_url": EXTERNAL_URL,
            "alerts": [
                {
                    "labels": dict(each.labels),
                    "annotations": dict(each.annotations),
                    "starts_at": each.starts_at,
                    "ends_at": each.ends_at,
                    "generator_url": each.generator_url,
                }
                for each in notification.alerts
            ],
            "answers": [attrs.asdict(each) for each in case.answers],
            "stored": case.stored,
            "refused": case.refused,
        }
    )


def ours(real, case, directory, files):
    """What we make of it: the requests and the outcome; None for a template that failed."""
    text = case.config(real.smarthost, directory)
    config = load_config(text, "alertmanager.yml", KINDS, Globals).integration(case.notification).config
    renderer = _renderer(real.version, real.hostname, tuple(files.items()))
    try:
        following = renderer.begin(case.notification, config, case.stored)
    except TemplateError:
        return None
    requests = []
    left = list(case.answers)
    while isinstance(following, Step):
        requests.append(following.request)
        if following.request.method == "SMTP":
            following = following.read(250, "")
            continue
        answer = left.pop(0) if left else None
        following = (
            following.read(answer.status, sent_body(answer), {**SNIFFED, **answer.headers})
            if answer
            else following.read(200, "")
        )
    return requests, following


@functools.cache
def _renderer(version, hostname, files):
    return Renderer(external_url=EXTERNAL_URL, version=version, hostname=hostname, files=dict(files))


def sent_body(answer):
    """These statuses have no body."""
    return "" if answer.status in (204, 304) else answer.body


def assert_same_request(kind, request, real):
    """Equal up to what the clients add, the order of parameters of Amazon's form, and what is drawn at random."""
    if request.method == "SMTP":
        assert (request.sender, list(request.recipients)) == (real["sender"], real["recipients"])
        assert mail(request.body) == mail(real["body"])
        return
    assert (request.method, request.url) == (real["method"], real["url"])
    left_out = OF_CLIENTS | (OF_AMAZON if kind == "sns" else set())
    headers = {name: ", ".join(values) for name, values in real["headers"].items()}
    mine = {"-".join(word.capitalize() for word in name.split("-")): value for name, value in request.headers.items()}
    assert {name: value.strip() for name, value in mine.items() if name not in left_out} == {
        name: value for name, value in headers.items() if name not in left_out
    }
    if "User-Agent" in mine:
        assert mine["User-Agent"] == headers["User-Agent"]
    else:
        assert headers.get("User-Agent", "Go-http-client/1.1").startswith(("Go-http-client", "aws-sdk-go"))
    if kind == "sns":
        form = urllib.parse.parse_qsl(real["body"], keep_blank_values=True, errors="surrogateescape")
        assert sorted(urllib.parse.parse_qsl(request.body, keep_blank_values=True, errors="surrogateescape")) == sorted(
            form
        )
    else:
        assert request.body == real["body"]


def mail(text):
    """The header fields, sorted, and the body, with everything that is drawn at random made equal."""
    boundary = re.search(r"boundary=(\w+)", text)[1]
    head, _, body = text.replace(boundary, "BOUNDARY").partition("\r\n\r\n")
    head = re.sub(r"Message-Id: <\d+\.\d+@", "Message-Id: <1.1@", head)
    return sorted(re.sub(r"Date: .*", "Date", head).split("\r\n")), body


def assert_same(kind, case, expected, made):
    """The same requests, and the same meaning of the answers."""
    if made is None:
        assert expected.error or kind in UNCHECKED, "we could not render it"
        return
    requests, outcome = made
    assert len(requests) == len(expected.requests), (expected.error, outcome)
    for request, real in zip(requests, expected.requests, strict=True):
        assert_same_request(kind, request, real)
    failure = "" if outcome.failure is None else outcome.failure.value
    if kind == "telegram" and expected.failure == "other":
        failure = expected.failure  # its client knows some errors by their words; we go by the code of each
    read = (outcome.is_delivered, outcome.retry, outcome.retry_after_ms, failure)
    wanted = (expected.delivered, expected.retry, expected.delay_ms, expected.failure)
    assert read == wanted, (case.answers, expected.error, outcome.reason)
    if case.kind == "slack":
        assert {**case.stored, **outcome.receiver_data} == expected.stored


@pytest.mark.parametrize("kind", sorted(ENTRIES))
def test_what_is_sent_and_how_answers_are_read(kind, real, directory):
    """Byte for byte what Alertmanager sends, and its verdict."""
    rng = random.Random(f"{SEED} {kind}")
    files = write_files(directory)
    now = time.time_ns() // 1_000_000
    seen = set()
    for _ in range(CASES):
        case = make_case(kind, rng, now, answers)
        expected = told(real, case, directory)
        if expected.invalid:
            with pytest.raises(ConfigError):
                ours(real, case, directory, files)
            continue
        seen |= set(case.entry)
        assert_same(kind, case, expected, ours(real, case, directory, files))
    assert seen >= set(ENTRIES[kind][1])


@pytest.mark.parametrize("kind", sorted(ENTRIES))
def test_what_entries_say_that_say_nothing(kind, real, directory):
    """The default templates and values of each integration render what Alertmanager's do."""
    rng = random.Random(f"{SEED} defaults {kind}")
    files = write_files(directory)
    now = time.time_ns() // 1_000_000
    required, _ = ENTRIES[kind]
    for entry in required * 4:
        case = attrs.evolve(make_case(kind, rng, now, answers), entry=entry, answers=(), stored={})
        expected = told(real, case, directory)
        assert not expected.invalid
        assert expected.requests
        made = ours(real, case, directory, files)
        for request, sent in zip(made[0], expected.requests, strict=kind not in ("slack", "wechat")):
            assert_same_request(kind, request, sent)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("line", ["421 busy", "450 mailbox full", "550 no such user", "554 5.7.1 refused"])
def test_what_a_mail_server_refuses(verb, line, real, directory):
    """Every refusal is tried again, at whatever point it comes."""
    case = make_case("email", random.Random(1), time.time_ns() // 1_000_000, answers)
    case = attrs.evolve(case, entry={"to": "a@x.test"}, refused={verb: line})
    expected = told(real, case, directory)
    code, _, text = line.partition(" ")
    outcome = interpret("email", int(code), text)
    read = (outcome.is_delivered, outcome.retry, outcome.failure.value)
    assert read == (expected.delivered, expected.retry, expected.failure)


def test_every_key_is_known_and_tried(real):
    """Each list of a receiver takes the keys that Alertmanager's takes, and the cases above use them all."""
    for kind in KINDS:
        required, optional = ENTRIES[kind.name]
        used = set(optional).union(*required) | {"send_resolved", "http_config"}
        for theirs in real.keys[kind.key]:
            name = theirs.partition(".")[0]
            assert name in {field.rstrip("_") for field in attrs.fields_dict(kind.config)}, theirs
            assert name in used | UNTRIED, theirs


FRAGMENTS = (
    "<b>", "</b>", '<a href="x>y">', "<a href='>", "&lt;", "&amp", "&ltx;", "&#65;", "&#x41", "&#X41;", "&#0;",
    "&#1114110;", "&#1114111;", "&#9999999;", "&#99999999999;", "&#x0000041;", "&nbsp;", "<", "< b", "</",
    "</>", "<!-- c -->", "<!doctype html>", "<?x?>", "🙂", "ü", "<script>", "</script>", "</script x>", "a<b ",
    '<i a=b c = "d>" e>', "<br/>", "&", "&;", "&#;", "&#x;", "<pre", ">", "<title>", "</TITLE>", "<B\n>",
    '<x/y="z>">', '=">"', "'", '"', "&quot;&gt;", "</2>", "<plaintext>", "<i =>x>", "<i a='b'c>", "<i a=>",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_what_telegram_counts(seed, real, directory):
    """Only what is seen counts towards the limit, so a message that reaches it is sent, and one beyond it is not."""
    rng = random.Random(f"{SEED} html {seed}")
    files = write_files(directory)
    template = {"bot_token": "1:t", "chat_id": 1, "message": "{{ .CommonAnnotations.long | safeHtml }}"}
    base = attrs.evolve(make_case("telegram", rng, time.time_ns() // 1_000_000, answers), entry=template, answers=())
    for _ in range(40):
        soup = "".join(rng.choice(FRAGMENTS) for _ in range(rng.randint(1, 12)))
        left = 4096 - count_visible(soup) + rng.randint(0, 1)
        hidden = f'<a href="{"x" * (32768 - 15 + rng.randint(-1, 1))}">ü</a>'
        message = rng.choice((soup + "x" * left, "x" * left + soup, hidden))
        alert = attrs.evolve(base.notification.alerts[0], annotations=Labels({"long": message}))
        case = attrs.evolve(base, notification=attrs.evolve(base.notification, alerts=(alert,)))
        (request,), _ = ours(real, case, directory, files)
        assert request.body == told(real, case, directory).requests[0]["body"], message.replace("xx", "")
