"""Sends requests: HTTP through urllib, mail through smtplib. No connection outlives its request."""

import http.client
import urllib.error
import urllib.parse
import urllib.request

import attrs

from obsflow.adapters.mail import send_mail
from obsflow.notify import FailureClass, Next, Outcome, Step


@attrs.frozen
class Sender:
    """Carries out requests. Only `http`, `https` and `smtp` addresses are accepted."""

    timeout_s: float = 10.0

    def send(self, step: Step) -> Next:
        """Send, and say what follows from the answer. Network errors are worth another try; nothing is raised."""
        try:
            if step.request.method == "SMTP":
                return send_mail(step.request, self.timeout_s)
            return self._send_http(step)
        except OSError as error:
            return Outcome(retry=True, reason=str(error), failure=FailureClass.OTHER)
        except (http.client.HTTPException, ValueError) as error:
            # the text may repeat the address or a header, and these hold keys
            reason = f"the request cannot be sent, or the answer not be read: {type(error).__name__}"
            return Outcome(retry=True, reason=reason, failure=FailureClass.OTHER)

    def _send_http(self, step: Step) -> Next:
        request = step.request
        if urllib.parse.urlsplit(request.url).scheme not in ("http", "https"):
            return Outcome(reason="the address is not http or https", failure=FailureClass.OTHER)
        message = urllib.request.Request(  # noqa: S310 - the scheme was checked
            request.url, request.body.encode(), dict(request.headers), method=request.method
        )
        try:
            with urllib.request.urlopen(message, timeout=self.timeout_s) as answer:  # noqa: S310
                return step.read(answer.status, answer.read().decode("utf-8", "replace"), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return step.read(error.code, error.read().decode("utf-8", "replace"), dict(error.headers))
