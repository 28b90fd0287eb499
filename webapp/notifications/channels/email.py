"""E-mail over SMTP with Flask-Mail's settings; the message itself is built by Python's own `email` package.

Flask-Mail's connection has no timeout, checks no certificate, and its messages can't carry a calendar part beside the
text.
"""

import binascii
import contextlib
import smtplib
import ssl
import time
from email.errors import MessageError
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import formatdate
from typing import Any, TypeVar

from flask import current_app

from webapp.domain.contacts import clean_name
from webapp.notifications.outgoing import Outgoing

from . import TIMEOUT, Permanent, Temporary, hurry

M = TypeVar("M", bound=Message)

GOODBYE_SECONDS = 2.0
_GONE = 421
"""What a server says before it hangs up."""


class _Hurried:
    """An SMTP conversation whose every message ends after 20 s in all: a server that takes 9 s for each of its answers
    would outlast the claim, and the message would leave twice."""

    ends: float
    file: Any = None
    begun = False
    """Whether the server has answered anything about the present message."""

    def __init__(self, ends: float, *args: Any, **options: Any) -> None:
        self.ends = ends
        super().__init__(*args, timeout=self._patience(), **options)

    def _patience(self) -> float:
        """Seconds the next bytes may take."""
        return hurry.patience(self.ends)

    def getreply(self) -> Any:
        sock = self.sock  # type: ignore[attr-defined]
        if sock is not None and self.file is None:
            self.file = hurry.reader(sock, self._patience)
        return super().getreply()  # type: ignore[misc]

    def mail(self, sender: str, options: Any = ()) -> Any:
        code, said = super().mail(sender, options)  # type: ignore[misc]
        self.begun = code != _GONE
        return code, said


class _Smtp(_Hurried, smtplib.SMTP):
    """In clear, or with STARTTLS."""


class _Smtps(_Hurried, smtplib.SMTP_SSL):
    """Under TLS from its first byte."""


Host = _Smtp | _Smtps


class SmtpMail:
    """The server behind MAIL_SERVER. One conversation serves every mail of a run."""

    def __init__(self) -> None:
        self._host: Host | None = None

    def send(self, message: Outgoing) -> str:
        """The Message-ID, the same at each attempt. Raises `Permanent`, `Temporary`."""
        try:
            built = build(message, current_app.config["MAIL_DEFAULT_SENDER"])
        except (MessageError, ValueError):
            raise Permanent("Adresse de courriel inutilisable") from None
        ends = time.monotonic() + 2 * TIMEOUT.total_seconds()
        kept = self._host
        try:
            self._give(built, message.to, ends)
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPSenderRefused, OSError) as error:
            # The server hung up since the last mail, before it heard of this one: nothing of it can have been taken.
            if kept is None or kept.begun or _code(error) not in (0, _GONE):
                raise _failure(error) from None
            self._hang_up()
            try:
                self._give(built, message.to, ends)
            except (smtplib.SMTPException, OSError) as again:
                raise _failure(again) from None
        except smtplib.SMTPException as error:
            raise _failure(error) from None
        return str(built["Message-ID"])

    def _give(self, built: EmailMessage, to: str, ends: float) -> None:
        """One mail on the conversation that is open, or on a new one. What the server refuses it is told to forget
        (RSET, by `smtplib`); after anything else gone wrong, nobody knows what was heard: the conversation ends."""
        host = self._host
        if host is None:
            try:
                host = self._host = _connect(ends)
            except (smtplib.SMTPException, OSError) as error:
                raise _Unreachable(_why(error)) from None
        host.ends, host.begun = ends, False
        try:
            host.send_message(built, from_addr=built["From"].addresses[0].addr_spec, to_addrs=[to])
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError):
            if host.sock is None:  # 421: it hung up
                self._host = None
            raise
        except BaseException:
            self._host = None
            host.close()
            raise

    def _hang_up(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def close(self) -> None:
        """Say goodbye; a server that does not answer is left."""
        host, self._host = self._host, None
        if host is not None and host.sock is not None:
            host.ends = time.monotonic() + GOODBYE_SECONDS
            with contextlib.suppress(smtplib.SMTPException, OSError):
                host.quit()
            host.close()


class _Unreachable(smtplib.SMTPException):
    """No conversation could begin; says why in words."""


def _connect(ends: float) -> Host:
    """A conversation with MAIL_SERVER, identified. Its certificate must be one this machine trusts (SSL_CERT_FILE adds
    an authority of one's own)."""
    mail = current_app.extensions["mail"]
    if mail.use_ssl:
        host: Host = _Smtps(ends, mail.server, mail.port, context=ssl.create_default_context())
    else:
        host = _Smtp(ends, mail.server, mail.port)
    try:
        if mail.use_tls and not mail.use_ssl:
            host.starttls(context=ssl.create_default_context())
        if mail.username and mail.password:
            host.login(mail.username, mail.password)
    except BaseException:
        host.close()
        raise
    return host


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "Le certificat du serveur de courriel n’est pas reconnu"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "Le serveur de courriel n’offre pas STARTTLS ou l’identification que nos réglages demandent"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"Notre serveur de courriel nous refuse (SMTP {error.smtp_code})"
    return f"Courriel : {type(error).__name__}"


def _code(error: Exception) -> int:
    """What the server said, or 0 when it said nothing."""
    return int(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else 0


def _failure(error: Exception) -> Exception:
    """`Permanent` when it is about this mail and for ever, `Temporary` for the rest."""
    if isinstance(error, _Unreachable):
        return Temporary(str(error))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Permanent("Adresse de courriel que notre serveur ne sait pas écrire")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused(next((code for code, _ in error.recipients.values()), 550), "Adresse refusée")
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Temporary(_why(error))
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error.smtp_code, "Courriel refusé")
    return Temporary(_why(error))


def _refused(code: int, words: str) -> Exception:
    """5xx is for ever, 4xx for now."""
    return Permanent(f"{words} (SMTP {code})") if code >= 500 else Temporary(f"{words} pour l’instant (SMTP {code})")


class _AsIs(UnstructuredHeader):
    """A header of ours: short, ASCII, or one long address that Python would cut and encode and nobody could follow."""

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"], kwds["decoded"] = None, value

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


_headers = HeaderRegistry()
for _name in (
    *("date", "message-id", "auto-submitted", "content-language", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post"),
):
    _headers.map_to_type(_name, _AsIs)
POLICY = SMTP.clone(header_factory=_headers)


def build(message: Outgoing, default_sender: str) -> EmailMessage:
    """The MIME message: text, HTML and calendar as alternatives, the calendar once more as a file to open.

    Every word that goes into a header is cleaned: no line end, no invisible character. Raises ValueError when an
    address can't be one.
    """
    built = EmailMessage(policy=POLICY)
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
    if message.unsubscribe:
        built["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        built["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    parts = [_part('text/plain; charset="utf-8"', message.text)]
    if message.html:
        parts.append(_part('text/html; charset="utf-8"', message.html))
    if not message.ics:
        return _join(built, "alternative", f"{message.key:.16}.a", parts)
    calendar = message.ics.decode()
    parts.append(_part(f'text/calendar; charset="utf-8"; method={message.ics_method}', calendar))
    attached = _part("application/ics", calendar)
    attached["Content-Disposition"] = 'attachment; filename="rendez-vous.ics"'
    alternatives = _join(Message(), "alternative", f"{message.key:.16}.a", parts)
    return _join(built, "mixed", f"{message.key:.16}.b", [alternatives, attached])


def _part(kind: str, text: str) -> Message:
    """One part, in quoted-printable. Its headers are ours, short and ASCII: the old `Message` writes them as they are,
    ten times faster than the one that reads and folds them again."""
    part = Message()
    part["Content-Type"] = kind
    part["Content-Transfer-Encoding"] = "quoted-printable"
    lines = text.replace("\r\n", "\n").encode()
    part.set_payload(binascii.b2a_qp(lines, istext=True).decode("ascii"))
    return part


def _join(whole: M, kind: str, boundary: str, parts: list[Message]) -> M:
    """The message made of these parts. Quoted-printable writes every "=" as "=3D": no text can hold the boundary."""
    whole["MIME-Version"] = "1.0"
    whole["Content-Type"] = f'multipart/{kind}; boundary="=_{boundary}"'
    whole.set_payload(parts)
    return whole
