"""What an agent writes to the participants of a session."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Horodatage, Model


class Message(Horodatage, Model):
    """The words, by which channels and to whom; who receives it, and what became of it, is in the outbox.

    `cle` hashes the form's random id with what was sent: the same form sent twice is one message.
    """

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    rdv_id: Mapped[int] = mapped_column(ForeignKey("rdvs.id"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    cle: Mapped[str] = mapped_column(String(64), unique=True)
    corps: Mapped[str] = mapped_column(Text)
    par_sms: Mapped[bool]
    par_courriel: Mapped[bool]
    statuts: Mapped[list[Any]] = mapped_column(JSON, default=list)  # of the participations it was written to
