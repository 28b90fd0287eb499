"""How a message leaves: by SMS over HTTP, by e-mail over SMTP, or into the demonstration's inbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from flask import current_app

from webapp.config import APPRISE
from webapp.models import Canal
from webapp.notifications.outgoing import Outgoing

TIMEOUT = timedelta(seconds=10)


class Permanent(Exception):
    """The provider will never take this message; the text is for agents, without names or addresses."""


class Temporary(Exception):
    """The provider did not take it this time."""


class Saturated(Temporary):
    """The provider takes nothing for some seconds: what else would leave by it waits, untried."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = seconds


class Channel(Protocol):
    """`send` returns the provider's id of the message, or raises `Permanent` or `Temporary`."""

    def send(self, message: Outgoing) -> str: ...

    def close(self) -> None: ...


class Channels:
    """The channels of one delivery run: each is made once and serves all its messages."""

    def __init__(self) -> None:
        self._made: dict[Canal, Channel | None] = {}

    def of(self, canal: Canal) -> Channel | None:
        """The configured channel; in the demonstration its inbox; None in production without configuration."""
        if canal not in self._made:
            self._made[canal] = _make(canal)
        return self._made[canal]

    def close(self) -> None:
        """Say goodbye to every server."""
        for channel in self._made.values():
            if channel is not None:
                channel.close()
        self._made.clear()


@contextmanager
def opened() -> Iterator[Channels]:
    """Channels for one run, closed at its end whatever happens."""
    channels = Channels()
    try:
        yield channels
    finally:
        channels.close()


def _make(canal: Canal) -> Channel | None:
    from . import by_apprise, demo, email, sms

    if canal is Canal.SMS and (url := current_app.config["SMS_URL"]):
        return by_apprise.AppriseSms() if url.startswith(APPRISE) else sms.HttpSms()
    if canal is Canal.COURRIEL and current_app.config["MAIL_SERVER"]:
        return email.SmtpMail()
    return demo.Inbox() if current_app.config["DEMO"] else None
