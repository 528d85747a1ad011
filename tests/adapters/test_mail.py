"""Mail servers: who logs in, how, and what is handed over."""

import base64
import contextlib
import hmac
import socketserver
import threading

import pytest

from obsflow.adapters.delivery import Sender
from obsflow.adapters.mail import tls_context
from obsflow.notify import FailureClass, Request, Secret, Step
from obsflow.notify.config import TlsConfig
from obsflow.notify.request import MailOptions

MESSAGE = "Subject: x\r\n\r\n.dots\r\nand \u00fc\r\n"
CHALLENGE = "<1@sink>"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@contextlib.contextmanager
def server(*extensions, refusal=""):
    """A mail server on loopback; yields its port and the list of what it is told."""
    heard = []

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line):
            self.wfile.write(line.encode() + b"\r\n")

        def hear(self):
            heard.append(self.rfile.readline().decode().rstrip("\r\n"))
            return heard[-1]

        def handle(self):
            self.say("220 sink")
            while line := self.hear():
                verb = line.partition(" ")[0].upper()
                if verb == "EHLO":
                    lines = ("sink", *extensions)
                    for number, each in enumerate(lines, 1):
                        self.say(f"250{'-' if number < len(lines) else ' '}{each}")
                elif verb == "AUTH" and refusal:
                    self.say(refusal)
                elif verb == "AUTH" and "CRAM" in line:
                    self.say(f"334 {encoded(CHALLENGE)}")
                    self.hear()
                    self.say("235 ok")
                elif verb == "AUTH":
                    while "LOGIN" in heard[-1]:
                        self.say(f"334 {encoded('Password:')}")
                        self.hear()
                    self.say("235 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    while self.hear() != ".":
                        pass
                    self.say("250 ok")
                else:
                    self.say("221 bye" if verb == "QUIT" else "250 ok")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield listening.server_address[1], heard
        finally:
            listening.shutdown()
            thread.join()


def deliver(port, **options):
    mail = MailOptions(**{"require_tls": False, "hello": "me.test", **options})
    request = Request("SMTP", f"smtp://127.0.0.1:{port}", {}, MESSAGE, "a@x", ("b@x", "c@x"), mail)
    return Sender(timeout_s=5).send(Step(request, lambda _: pytest.fail("mail has no reader")))


def test_a_message_without_a_login():
    """The greeting is the configured name, and each recipient gets it."""
    with server("AUTH PLAIN") as (port, heard):
        assert deliver(port, password=Secret("unused")).is_delivered
    assert heard[:2] == ["ehlo me.test", "mail FROM:<a@x>"]
    assert heard[2:4] == ["rcpt TO:<b@x>", "rcpt TO:<c@x>"]
    assert heard[5:9] == ["Subject: x", "", "..dots", "and \u00fc"]


@pytest.mark.parametrize(
    ("mechanisms", "said"),
    [
        ("PLAIN LOGIN", [f"AUTH PLAIN {encoded(chr(0).join(('i', 'u', 'p')))}"]),
        ("LOGIN", [f"AUTH LOGIN {encoded('u')}", encoded("p")]),
        ("X-OTHER CRAM-MD5", ["AUTH CRAM-MD5", encoded(f"u {hmac.new(b's', CHALLENGE.encode(), 'md5').hexdigest()}")]),
    ],
)
def test_who_logs_in(mechanisms, said):
    """By the first mechanism of the server that is known."""
    with server(f"AUTH {mechanisms}") as (port, heard):
        outcome = deliver(port, username="u", identity="i", password=Secret("p"), secret=Secret("s"))
    assert outcome.is_delivered, outcome
    assert heard[1 : 1 + len(said)] == said


@pytest.mark.parametrize(
    ("extensions", "options", "reason"),
    [
        (
            (),
            {"require_tls": True},
            "'require_tls' is true (default) but 127.0.0.1:PORT does not advertise the STARTTLS",
        ),
        (("AUTH PLAIN",), {"username": "u"}, "find auth mechanism: missing password for PLAIN auth mechanism"),
        (("AUTH NTLM",), {"username": "u"}, "find auth mechanism: unknown auth mechanism: NTLM"),
    ],
)
def test_what_is_not_sent(extensions, options, reason):
    """Nothing goes out unprotected that must not, and every failure is tried again."""
    with server(*extensions) as (port, heard):
        outcome = deliver(port, **options)
    assert not any(line.startswith("mail") for line in heard)
    assert (outcome.retry, outcome.failure) == (True, FailureClass.OTHER)
    assert outcome.reason.startswith(reason.replace("PORT", str(port)))


def test_a_refusal_that_repeats_the_password():
    """Does not show it."""
    with server("AUTH PLAIN", refusal="535 hunter2 is wrong") as (port, _):
        outcome = deliver(port, username="u", password=Secret("hunter2"))
    assert outcome.retry
    assert "hunter2" not in outcome.reason


def test_nobody_answers():
    """A server that is not there is tried again."""
    with server() as (port, _):
        pass
    assert deliver(port).retry


def test_whom_to_trust():
    """Nobody is checked where that was asked for; a client's certificate comes from files."""
    assert not tls_context(TlsConfig(insecure_skip_verify=True)).check_hostname
    assert tls_context(None).check_hostname
    assert tls_context(TlsConfig(min_version="TLS13")).minimum_version.name == "TLSv1_3"
    with pytest.raises(ValueError, match="from a file"):
        tls_context(TlsConfig(cert="c", key="k"))
