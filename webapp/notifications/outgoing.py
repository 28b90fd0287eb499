"""A message ready to leave: plain values, so that nothing of the database is held while a provider answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.models import Canal

PERSONAL_LINK = "[lien personnel]"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`key` goes with every attempt, so that a provider that already took the message can say so; `kept` is the text as
    the outbox keeps it, without the personal link."""

    canal: Canal
    key: str
    to: str
    text: str
    kept: str
    attempts: int = 0
    sender: str = ""
    """SMS: the organisation's sender name (may be empty); e-mail: its display name."""
    reply_to: str = ""
    unsubscribe: str = ""
    """E-mail: where a reader refuses such mails in one click (RFC 8058); empty on what they have to be told."""
    subject: str = ""
    html: str = ""
    ics: bytes = b""
    ics_method: str = ""
    segments: int | None = None
    dit: Mapping[str, str] | None = None
    """Where and when it says the session is."""
