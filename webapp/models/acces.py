"""Somebody asked to find their appointments again: a code and a link go to a contact they have to hold."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Horodatage, Lien, Model, UTCDateTime, Word, one_of
from .outbox import Canal


class Acces(Horodatage, Lien, Model):
    """One demand. Its code and its link are made again from the nonce when the message leaves; neither is stored.

    `navigateur` hashes the cookie of the browser that asked: the code opens nothing anywhere else.
    """

    __tablename__ = "acces"
    __table_args__ = (one_of("canal", Canal), Index("ix_acces_contact", "contact"))

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    canal: Mapped[Canal] = mapped_column(Word(Canal))
    contact: Mapped[str] = mapped_column(String(254))  # E.164, or lower-case e-mail
    navigateur: Mapped[str] = mapped_column(String(64))
    essais: Mapped[int] = mapped_column(default=0)
    expire_le: Mapped[datetime] = mapped_column(UTCDateTime)
    utilise_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
