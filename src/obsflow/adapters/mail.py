"""Hands messages over to mail servers."""

import smtplib
import ssl
import urllib.parse
from typing import Final

from obsflow.notify.config import MASK, TlsConfig
from obsflow.notify.outcome import FailureClass, Outcome
from obsflow.notify.request import MailOptions, Request

_PORT: Final = 25
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


def send_mail(request: Request, timeout_s: float) -> Outcome:
    """Log in as the request says, and hand it over. Every failure is worth another try; none is raised."""
    options = request.mail or MailOptions()
    try:
        _send(request, options, timeout_s)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        reason = str(error)
        for secret in filter(None, (options.password, options.secret)):
            reason = reason.replace(secret, MASK)
        return Outcome(retry=True, reason=reason, failure=FailureClass.OTHER)
    return Outcome()


def _send(request: Request, options: MailOptions, timeout_s: float) -> None:
    address = urllib.parse.urlsplit(request.url)
    host, port = address.hostname or "", address.port or _PORT
    context = tls_context(options.tls_config)
    hello = options.hello or None
    server = (
        smtplib.SMTP_SSL(local_hostname=hello, timeout=timeout_s, context=context)
        if options.implicit_tls
        else smtplib.SMTP(local_hostname=hello, timeout=timeout_s)
    )
    # the name that the certificate must have; it is the host's unless another is configured
    server._host = (options.tls_config and options.tls_config.server_name) or host  # type: ignore[attr-defined] # noqa: SLF001
    with server:
        server.connect(host, port)
        server.ehlo()
        if options.require_tls and not options.implicit_tls:
            if not server.has_extn("starttls"):
                raise smtplib.SMTPNotSupportedError(
                    f"'require_tls' is true (default) but {host}:{port} does not advertise the STARTTLS extension"
                )
            server.starttls(context=context)
            server.ehlo()
        if options.username and server.has_extn("auth"):
            is_private = options.implicit_tls or options.require_tls or host in _LOCAL
            _log_in(server, options, is_private=is_private)
        server.sendmail(request.sender, list(request.recipients), request.body.encode())


def _log_in(server: smtplib.SMTP, options: MailOptions, *, is_private: bool) -> None:
    """By the first of the server's mechanisms for which there is what it needs."""
    problems: list[str] = []
    for mechanism in server.esmtp_features.get("auth", "").upper().split():
        if mechanism not in ("CRAM-MD5", "PLAIN", "LOGIN"):
            problems.append(f"unknown auth mechanism: {mechanism}")
            continue
        is_digest = mechanism == "CRAM-MD5"
        server.user, server.password = options.username, options.secret if is_digest else options.password
        if not server.password:
            problems.append(f"missing {'secret' if is_digest else 'password'} for {mechanism} auth mechanism")
            continue
        if not (is_digest or is_private):
            raise smtplib.SMTPNotSupportedError("unencrypted connection")
        if is_digest:
            server.auth(mechanism, server.auth_cram_md5)
        elif mechanism == "LOGIN":
            server.auth(mechanism, server.auth_login)
        else:
            server.auth(mechanism, lambda challenge=None: _plain(options))  # noqa: ARG005
        return
    raise smtplib.SMTPNotSupportedError(f"find auth mechanism: {'; '.join(problems)}")


def _plain(options: MailOptions) -> str:
    """What RFC 4616 has the client say."""
    return f"{options.identity}\0{options.username}\0{options.password}"


def tls_context(config: TlsConfig | None) -> ssl.SSLContext:
    """Whom to trust. Raises OSError for a file that cannot be read, ValueError for what is not supported."""
    if config is None:
        return ssl.create_default_context()
    context = ssl.create_default_context(cafile=config.ca_file or None, cadata=config.ca or None)
    if config.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if config.cert_file:
        context.load_cert_chain(config.cert_file, config.key_file or None)
    elif config.cert:
        raise ValueError("a client's certificate can only be read from a file")
    if config.min_version:
        context.minimum_version = _VERSIONS[config.min_version]
    if config.max_version:
        context.maximum_version = _VERSIONS[config.max_version]
    return context
