"""Somebody asked to find their appointments again: a code and a link go to a contact they have to hold."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Horodatage, Lien, Model, UTCDateTime, Word, one_of
from .outbox import Canal


class Usage(StrEnum):
    """What a code is for. One opens nothing else."""

    RENDEZ_VOUS = "rendez_vous"
    CONTACT = "contact"


class Acces(Horodatage, Lien, Model):
    """One demand: to find one's appointments again, or to change the contact of one's file. Its code and its link are
    made again from the nonce when the message leaves; neither is stored.

    `navigateur` hashes the cookie of the browser that asked: the code opens nothing anywhere else.
    """

    __tablename__ = "acces"
    __table_args__ = (one_of("canal", Canal), one_of("usage", Usage), Index("ix_acces_contact", "contact"))

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    canal: Mapped[Canal] = mapped_column(Word(Canal))
    contact: Mapped[str] = mapped_column(String(254))  # E.164, or lower-case e-mail
    usage: Mapped[Usage] = mapped_column(Word(Usage), default=Usage.RENDEZ_VOUS)
    navigateur: Mapped[str] = mapped_column(String(64))
    essais: Mapped[int] = mapped_column(default=0)
    expire_le: Mapped[datetime] = mapped_column(UTCDateTime)
    utilise_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
