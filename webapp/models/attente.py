"""Who waits for a seat in a full session (docs/domain.md rule 12)."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.participation import Acteur
from webapp.domain.waitlist import ATTENDENT, EtatAttente

from .base import Horodatage, Lien, Model, UTCDateTime, Word, one_of
from .rdv import Rdv
from .usager import Joignable, Usager


class FileAttente(Horodatage, Lien, Joignable, Model):
    """One person's entry in the waitlist of one session, for one seat or several; who comes back reuses the row and its
    link. `rang` orders the list; `jusqua` is until when an offer holds; `rdv_version` as in `Participation`.

    Its contact is that of a place: what differs from the person's file, and the channels refused for it alone.
    """

    __tablename__ = "file_attente"
    __table_args__ = (
        UniqueConstraint("rdv_id", "usager_id"),
        one_of("etat", EtatAttente),
        one_of("etat_par", Acteur),
        CheckConstraint("places >= 1", name="places_positives"),
        CheckConstraint("(etat = 'proposee') = (jusqua IS NOT NULL)", name="proposee_jusqua"),
        Index("ix_file_attente_usager_id", "usager_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rdv_id: Mapped[int] = mapped_column(ForeignKey("rdvs.id"))
    usager_id: Mapped[int] = mapped_column(ForeignKey("usagers.id"))
    places: Mapped[int] = mapped_column(default=1)
    accompagnants: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)  # prenom, nom, date_naissance
    rang: Mapped[int]
    inscrit_le: Mapped[datetime] = mapped_column(UTCDateTime)
    etat: Mapped[EtatAttente] = mapped_column(Word(EtatAttente), default=EtatAttente.EN_ATTENTE)
    etat_le: Mapped[datetime] = mapped_column(UTCDateTime)
    etat_par: Mapped[Acteur] = mapped_column(Word(Acteur))
    jusqua: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ouverte_le: Mapped[datetime | None] = mapped_column(UTCDateTime)  # told that the seats are open to all
    version: Mapped[int] = mapped_column(default=1)
    rdv_version: Mapped[int] = mapped_column(default=1)
    telephone: Mapped[str | None] = mapped_column(String(20))
    courriel: Mapped[str | None] = mapped_column(String(254))
    numero_dossier: Mapped[str | None] = mapped_column(String(40))
    refus_sms: Mapped[bool] = mapped_column(default=False)
    refus_courriel: Mapped[bool] = mapped_column(default=False)

    rdv: Mapped[Rdv] = relationship()
    usager: Mapped[Usager] = relationship()

    @property
    def prevenir(self) -> bool:
        """Who asks to wait asks to be told."""
        return True

    @property
    def attend(self) -> bool:
        """Still waiting, offers included."""
        return self.etat in ATTENDENT
