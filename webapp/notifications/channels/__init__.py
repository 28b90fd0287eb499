"""How a message leaves: by SMS over HTTP, by e-mail over SMTP, or into the demonstration's inbox."""

from datetime import timedelta
from typing import Protocol

from flask import current_app

from webapp.models import Canal
from webapp.notifications.outgoing import Outgoing

TIMEOUT = timedelta(seconds=10)


class Permanent(Exception):
    """The provider will never take this message; the text is for agents, without names or addresses."""


class Temporary(Exception):
    """The provider did not take it this time."""


class Channel(Protocol):
    """`send` returns the provider's id of the message, or raises `Permanent` or `Temporary`."""

    def send(self, message: Outgoing) -> str: ...


def for_canal(canal: Canal) -> Channel | None:
    """The configured channel; in the demonstration its inbox; None in production without configuration."""
    from . import demo, email, sms

    if canal is Canal.SMS and current_app.config["SMS_URL"]:
        return sms.HttpSms()
    if canal is Canal.COURRIEL and current_app.config["MAIL_SERVER"]:
        return email.SmtpMail()
    return demo.Inbox() if current_app.config["DEMO"] else None
