"""Sends requests: HTTP through urllib, mail through smtplib. No connection outlives its request."""

import smtplib
import ssl
import urllib.error
import urllib.parse
import urllib.request

import attrs

from obsflow.notify import FailureClass, Next, Outcome, Request, Step


@attrs.frozen
class Sender:
    """Carries out requests. Only `http`, `https` and `smtp` addresses are accepted."""

    timeout_s: float = 10.0

    def send(self, step: Step) -> Next:
        """Send, and say what follows from the answer. Network errors are worth another try; nothing is raised."""
        try:
            if step.request.method == "SMTP":
                return self._send_mail(step.request)
            return self._send_http(step)
        except (OSError, smtplib.SMTPException) as error:
            return Outcome(retry=True, reason=str(error), failure=FailureClass.OTHER)

    def _send_http(self, step: Step) -> Next:
        request = step.request
        if urllib.parse.urlsplit(request.url).scheme not in ("http", "https"):
            return Outcome(reason="the address is not http or https", failure=FailureClass.OTHER)
        message = urllib.request.Request(  # noqa: S310 - the scheme was checked
            request.url, request.body.encode(), dict(request.headers), method=request.method
        )
        try:
            with urllib.request.urlopen(message, timeout=self.timeout_s) as answer:  # noqa: S310
                return step.read(answer.status, answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            with error:
                return step.read(error.code, error.read().decode("utf-8", "replace"))

    def _send_mail(self, request: Request) -> Outcome:
        address = urllib.parse.urlsplit(request.url)
        with smtplib.SMTP(address.hostname or "", address.port or 25, timeout=self.timeout_s) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            server.sendmail(request.sender, list(request.recipients), request.body.encode())
        return Outcome()
