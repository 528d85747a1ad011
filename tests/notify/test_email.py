"""Mails: the message, its envelope and its ids."""

import email
import email.policy

import attrs
import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.errors import TemplateError
from obsflow.notify import EmailConfig
from obsflow.notify.email import ThreadingConfig, canonical_header


def parse(request):
    return email.message_from_string(request.body, policy=email.policy.SMTP)


def page(told):
    (part,) = parse(render(EmailConfig(to="a@example.com"), told)).iter_parts()
    return part.get_content()


def test_a_mail_has_its_fields_and_one_part():
    """The subject is the default one; the page is the only alternative; the envelope has the bare addresses."""
    request = render(EmailConfig(to="On Call <a@example.com>, b@example.com"))
    message = parse(request)
    assert (request.method, request.url) == ("SMTP", "smtp://mail:25")
    assert (request.sender, request.recipients) == ("from@example.com", ("a@example.com", "b@example.com"))
    assert request.headers.keys() == {
        "Subject", "To", "From", "Message-Id", "Date", "Content-Type", "MIME-Version"
    }  # fmt: skip
    assert message["Subject"] == "[FIRING:1] HighLoad (a)"
    assert message["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert message["Message-Id"].startswith("<1700000000000000000.")
    (page,) = message.iter_parts()
    assert page.get_content_type() == "text/html"
    assert "summary = load &lt; 9 &amp; rising<br" in page.get_content()
    assert message.defects == []


def test_lines_end_with_crlf_and_are_short():
    """No line of the message is longer than 76 characters, but for fields that were longer already."""
    body = render(EmailConfig(to="a@example.com", html="ä" * 500)).body
    assert "\n" not in body.replace("\r\n", "")
    assert all(len(line) <= 76 for line in body.partition("\r\n\r\n")[2].split("\r\n"))


def test_a_text_comes_before_the_page():
    """The alternative that is preferred stands last."""
    message = parse(render(EmailConfig(to="a@example.com", text="{{ .Status }} & <b>", html="<p>{{ .Status }}</p>")))
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content() for part in message.iter_parts()] == ["firing & <b>", "<p>firing</p>"]


def test_ids_are_the_same_in_a_replay_and_differ_between_mails():
    """The id and the boundary come from the receiver, the group and the time, and from nothing else."""
    config = EmailConfig(to="a@example.com")
    first = render(config).headers
    assert render(config).headers == first
    for other in (notification(time=NOON + 1), notification(group_key="other"), notification(receiver="other")):
        headers = render(config, other).headers
        assert headers["Message-Id"] != first["Message-Id"]
        assert headers["Content-Type"] != first["Content-Type"]


def test_headers_of_ones_own_are_templates():
    """Their names become canonical; what is not ASCII is encoded."""
    config = EmailConfig(to="a@example.com", headers={"subject": "{{ .Status }} ü", "reply-TO": "r@example.com"})
    headers = render(config).headers
    assert headers["Subject"] == "=?utf-8?q?firing_=C3=BC?="
    assert headers["Reply-To"] == "r@example.com"


@pytest.mark.parametrize(("by_date", "day"), [("daily", "2023-11-14"), ("none", "")])
def test_mails_of_a_group_form_a_thread(by_date, day):
    """They refer to one id that no mail has, made of the group's key and, if wanted, the day."""
    config = EmailConfig(to="a@example.com", threading=ThreadingConfig(enabled=True, thread_by_date=by_date))
    headers = render(config, notification(group_key="1")).headers
    assert headers["References"] == headers["In-Reply-To"] == f"<alert-6b86b273ff34fce1-{day}@alertmanager>"


def test_the_page_shows_resolved_alerts_below_firing_ones():
    """Both are counted, with a rule between them; a group without firing alerts has the green banner."""
    both = page(notification(alert(), alert(resolved_at=NOON)))
    assert both.index("[1] Firing") < both.index("<hr ") < both.index("[1] Resolved")
    assert "alert-warning" in both
    resolved = page(notification(alert(resolved_at=NOON)))
    assert "alert-good" in resolved
    assert "<hr " not in resolved


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"from_": "a@x, b@x"}, r"must be exactly one 'from' address \(got: 2\)"),
        ({"to": "{{ .GroupLabels.nothing }}"}, "parse 'to' addresses"),
        ({"to": "nobody"}, "parse 'to' addresses"),
    ],
)
def test_addresses_must_be_addresses(changes, message):
    """They are only known once their templates were executed."""
    with pytest.raises(TemplateError, match=message):
        render(EmailConfig(**{"to": "a@x", **changes}))


@pytest.mark.parametrize(
    ("name", "canonical"), [("subject", "Subject"), ("REPLY-to", "Reply-To"), ("x-a-b", "X-A-B"), ("", "")]
)
def test_header_names_are_canonical(name, canonical):
    """Each word starts with a capital."""
    assert canonical_header(name) == canonical


def test_how_a_mail_is_handed_over():
    """As the configuration and its files say; port 465 speaks TLS from the start unless that is forbidden."""
    config = EmailConfig(
        to="t@x",
        smarthost="m:465",
        hello="h",
        auth_username="u",
        auth_identity="i",
        auth_password_file="/p",
        auth_secret="s",
    )
    mail = render(config, files={"/p": " hush\n"}).mail
    assert (mail.hello, mail.username, mail.identity, mail.password, mail.secret) == ("h", "u", "i", "hush", "s")
    assert (mail.require_tls, mail.implicit_tls) == (True, True)
    assert "hush" not in repr(mail)
    mail = render(attrs.evolve(config, force_implicit_tls=False, require_tls=False), files={}).mail
    assert (mail.require_tls, mail.implicit_tls, mail.password) == (False, False, "")
