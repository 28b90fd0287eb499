"""People who come, and the keys that say who is the same person."""

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, Date, ForeignKey, Index, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Horodatage, Model, UTCDateTime
from .outbox import Canal

if TYPE_CHECKING:
    from .rdv import Participation

usager_organisations = Table(
    "usager_organisations",
    Model.metadata,
    Column("usager_id", ForeignKey("usagers.id", ondelete="CASCADE"), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Index("ix_usager_organisations_organisation_id", "organisation_id"),
)


usager_mots = Table(
    "usager_mots",
    Model.metadata,
    Column("organisation_id", ForeignKey("organisations.id"), primary_key=True),
    Column("mot", String(81).with_variant(String(81, collation="C"), "postgresql"), primary_key=True),
    Column("usager_id", ForeignKey("usagers.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_usager_mots_usager_id", "usager_id"),
)
"""The words of people's names (`domain.contacts.name_words`), forwards and backwards: what begins so is found without
reading everybody. Compared byte by byte, so that a beginning is a range."""

END_OF_NAME = "\n"


class Usager(Horodatage, Model):
    """`recherche` is the folded text agents search in (no accent, no case): names, then after `END_OF_NAME` what only
    those who may see this person in full search in: digits, e-mail, case number."""

    __tablename__ = "usagers"

    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80))
    birth_date: Mapped[date | None] = mapped_column(Date)
    phone: Mapped[str | None] = mapped_column(String(20), index=True)  # E.164
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    notify_by_sms: Mapped[bool] = mapped_column(default=True)
    notify_by_email: Mapped[bool] = mapped_column(default=True)
    responsable_id: Mapped[int | None] = mapped_column(ForeignKey("usagers.id"), index=True)
    numero_dossier: Mapped[str | None] = mapped_column(String(40))
    recherche: Mapped[str] = mapped_column(String(500), default="")
    anonymise_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Who typed the file sees it in full before its person has a session (docs/domain.md rule 14).
    cree_par_agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))

    responsable: Mapped["Usager | None"] = relationship(remote_side=[id])
    participations: Mapped[list["Participation"]] = relationship(back_populates="usager")

    @property
    def nom_liste(self) -> str:
        """ "AMRANI Yasmina": how lists show people."""
        return f"{self.last_name.upper()} {self.first_name}"

    @property
    def nom_complet(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def lecteur(self) -> "Usager":
        """Who reads the messages about them: themself, or who answers for them."""
        return (self.responsable or self) if self.responsable_id else self


class UsagerCle(Model):
    """Who is the same person (docs/domain.md rule 9): unique per organisation, so that the database decides."""

    __tablename__ = "usager_cles"
    __table_args__ = (UniqueConstraint("organisation_id", "cle"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    cle: Mapped[str] = mapped_column(String(64))
    usager_id: Mapped[int] = mapped_column(ForeignKey("usagers.id", ondelete="CASCADE"), index=True)


class Joignable:
    """What has a person and a contact of its own: a place, or the wait for one."""

    if TYPE_CHECKING:
        usager: Mapped[Usager]
        telephone: Mapped[str | None]
        courriel: Mapped[str | None]
        refus_sms: Mapped[bool]
        refus_courriel: Mapped[bool]

    def contact_of(self, canal: Canal) -> str:
        """Where messages about it would go by this channel: its own contact, else that of who reads them."""
        if canal is Canal.SMS:
            return self.telephone or self.lecteur.phone or ""
        return self.courriel or self.lecteur.email or ""

    @property
    def adresses(self) -> frozenset[tuple[Canal, str]]:
        """Wherever messages about it may go: who holds its link reads one of these. A contact of its own is among them
        even when it is refused: its link was sent there."""
        kept = (
            (Canal.SMS, bool(self.telephone) or not self.refus_sms),
            (Canal.COURRIEL, bool(self.courriel) or not self.refus_courriel),
        )
        found = ((canal, self.contact_of(canal)) for canal, yes in kept if yes)
        return frozenset((canal, contact) for canal, contact in found if contact)

    @property
    def lecteur(self) -> Usager:
        """Who reads the messages about it: the person, or who answers for them."""
        return self.usager.lecteur
