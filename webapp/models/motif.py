"""What can be booked: name, type, capacity, instructions, names shown in messages."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.capacity import ReservablePar, Visibilite

from .base import Horodatage, Model, UTCDateTime, Word, one_of
from .organisation import Organisation, Service


class TypeMotif(StrEnum):
    INDIVIDUEL = "individuel"
    COLLECTIF = "collectif"


class TypeLieu(StrEnum):
    SUR_PLACE = "sur_place"
    VISIO = "visio"


class Discretion(StrEnum):
    """What messages name: the workshop, or only "rendez-vous à la Maison des solidarités"."""

    COMPLET = "complet"
    NEUTRE = "neutre"


class Champ(StrEnum):
    """Usager fields a motif may ask for beside the name and a contact."""

    TELEPHONE = "telephone"
    COURRIEL = "courriel"
    DATE_NAISSANCE = "date_naissance"
    NUMERO_DOSSIER = "numero_dossier"


class Motif(Horodatage, Model):
    __tablename__ = "motifs"
    __table_args__ = (
        one_of("type", TypeMotif),
        one_of("location_type", TypeLieu),
        one_of("reservable_par", ReservablePar),
        one_of("visibilite", Visibilite),
        one_of("discretion", Discretion),
        CheckConstraint("capacite_max >= 1", name="capacite_max_positive"),
        CheckConstraint("capacite_min >= 1", name="capacite_min_positive"),
        CheckConstraint("capacite_max IS NOT NULL OR reservable_par = 'entree_libre'", name="capacite_obligatoire"),
        CheckConstraint("delai_min_minutes >= 0 AND delai_max_jours >= 1", name="delais"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("services.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(300), default="")
    type: Mapped[TypeMotif] = mapped_column(Word(TypeMotif), default=TypeMotif.COLLECTIF)
    location_type: Mapped[TypeLieu] = mapped_column(Word(TypeLieu), default=TypeLieu.SUR_PLACE)
    colour: Mapped[str] = mapped_column(String(7), default="#0b5f63")
    capacite_max: Mapped[int | None]
    capacite_min: Mapped[int | None]
    minimum_heures: Mapped[int] = mapped_column(default=48)
    instructions_avant: Mapped[str] = mapped_column(Text, default="")
    instructions_apres: Mapped[str] = mapped_column(Text, default="")
    nom_sms: Mapped[str] = mapped_column(String(60), default="")
    nom_courriel: Mapped[str] = mapped_column(String(120), default="")
    avertissement_annulation: Mapped[str] = mapped_column(String(300), default="")
    reservable_par: Mapped[ReservablePar] = mapped_column(Word(ReservablePar), default=ReservablePar.TOUS)
    delai_min_minutes: Mapped[int] = mapped_column(default=30)
    delai_max_jours: Mapped[int] = mapped_column(default=92)
    visibilite: Mapped[Visibilite] = mapped_column(Word(Visibilite), default=Visibilite.VISIBLE_NOTIFIE)
    discretion: Mapped[Discretion] = mapped_column(Word(Discretion), default=Discretion.COMPLET)
    rappels: Mapped[list[int]] = mapped_column(JSON, default=lambda: [48])  # hours before the start
    liste_attente: Mapped[bool] = mapped_column(default=False)
    champs: Mapped[list[str]] = mapped_column(JSON, default=lambda: [Champ.TELEPHONE.value, Champ.COURRIEL.value])
    archived_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    organisation: Mapped[Organisation] = relationship()
    service: Mapped[Service] = relationship()

    def asks(self, champ: str) -> bool:
        return champ in self.champs
