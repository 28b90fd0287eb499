"""E-mail over SMTP with Flask-Mail's settings; the message itself is built by Python's own `email` package.

Flask-Mail's connection has no timeout, and its messages can't carry a calendar part beside the text.
"""

import contextlib
import smtplib
import time
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any

from flask import current_app
from flask_mail import Connection, email_dispatched

from webapp.domain.contacts import clean_name
from webapp.notifications.outgoing import Outgoing

from . import TIMEOUT, Permanent, Temporary


class _Hurried:
    """An SMTP conversation that ends after 20 s in all: a server that takes 9 s for each of its answers would outlast
    the claim, and the message would leave twice."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.ends = time.monotonic() + 2 * TIMEOUT.total_seconds()
        super().__init__(*args, **options)

    def getreply(self) -> Any:
        sock = self.sock  # type: ignore[attr-defined]
        if sock is not None:
            sock.settimeout(min(TIMEOUT.total_seconds(), max(0.01, self.ends - time.monotonic())))
        return super().getreply()  # type: ignore[misc]


class _Smtp(_Hurried, smtplib.SMTP):
    """In clear, or with STARTTLS."""


class _Smtps(_Hurried, smtplib.SMTP_SSL):
    """Under TLS from its first byte."""


class TimedConnection(Connection):
    """Flask-Mail's connection, which gives up after 10 s of silence and never fails at saying goodbye."""

    def configure_host(self) -> Any:
        kind = _Smtps if self.mail.use_ssl else _Smtp
        host = kind(self.mail.server, self.mail.port, timeout=TIMEOUT.total_seconds())
        if self.mail.use_tls:
            host.starttls()
        if self.mail.username and self.mail.password:
            host.login(self.mail.username, self.mail.password)
        return host

    def __exit__(self, *_: object) -> None:
        if self.host is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self.host.quit()


class SmtpMail:
    """The server behind MAIL_SERVER."""

    def send(self, message: Outgoing) -> str:
        """The Message-ID, the same at each attempt. Raises `Permanent`, `Temporary`."""
        try:
            built = build(message, current_app.config["MAIL_DEFAULT_SENDER"])
        except (MessageError, ValueError):
            raise Permanent("Adresse de courriel inutilisable") from None
        sender = built["From"].addresses[0].addr_spec
        try:
            with TimedConnection(current_app.extensions["mail"]) as connection:
                assert connection.host is not None, "MAIL_SUPPRESS_SEND is not for this site"
                connection.host.send_message(built, from_addr=sender, to_addrs=[message.to])
        except smtplib.SMTPNotSupportedError:
            raise Permanent("Adresse de courriel que notre serveur ne sait pas écrire") from None
        except smtplib.SMTPRecipientsRefused as error:
            code = next((code for code, _ in error.recipients.values()), 550)
            raise _refused(code, "Adresse refusée") from None
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused) as error:
            raise Temporary(f"Notre serveur de courriel nous refuse (SMTP {error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, "Courriel refusé") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Temporary(f"Courriel : {type(error).__name__}") from None
        email_dispatched.send(current_app._get_current_object(), message=built)  # type: ignore[attr-defined]
        return str(built["Message-ID"])


def _refused(code: int, words: str) -> Exception:
    """5xx is for ever, 4xx for now."""
    return Permanent(f"{words} (SMTP {code})") if code >= 500 else Temporary(f"{words} pour l’instant (SMTP {code})")


def build(message: Outgoing, default_sender: str) -> EmailMessage:
    """The MIME message: text, HTML and calendar as alternatives, the calendar once more as a file to open.

    Every word that goes into a header is cleaned: no line end, no invisible character. Raises ValueError when an
    address can't be one.
    """
    built = EmailMessage(policy=SMTP)
    domain = default_sender.rpartition("@")[2] or "localhost"
    built["From"] = Address(display_name=clean_name(message.sender), addr_spec=default_sender)
    built["To"] = Address(addr_spec=message.to)
    if message.reply_to:
        built["Reply-To"] = Address(display_name=clean_name(message.sender), addr_spec=message.reply_to)
    built["Subject"] = clean_name(message.subject)
    built["Date"] = formatdate(localtime=False)
    built["Message-ID"] = f"<{message.key}@{domain}>"
    built["Auto-Submitted"] = "auto-generated"
    built["Content-Language"] = "fr"
    built.set_content(message.text, cte="quoted-printable")
    if message.html:
        built.add_alternative(message.html, subtype="html", cte="quoted-printable")
    if message.ics:
        calendar = message.ics.decode()
        built.add_alternative(
            calendar, subtype="calendar", params={"method": message.ics_method}, cte="quoted-printable"
        )
        built.add_attachment(message.ics, maintype="application", subtype="ics", filename="rendez-vous.ics")
    return built
