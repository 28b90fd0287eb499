"""Organisation, its services, places and rooms."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Horodatage, Model, Word, one_of

SOON = timedelta(hours=48)


class ConfirmationSms(StrEnum):
    """When a booking is also confirmed by a text."""

    TOUJOURS = "toujours"
    SANS_COURRIEL = "sans_courriel"
    SOUS_48H = "sous_48h"


class Organisation(Horodatage, Model):
    __tablename__ = "organisations"
    __table_args__ = (
        one_of("confirmation_sms", ConfirmationSms),
        CheckConstraint("retention_mois >= 1", name="retention_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    timezone: Mapped[str] = mapped_column(String(60), default="Europe/Paris")
    phone: Mapped[str] = mapped_column(String(20), default="")
    phone_hours: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    sms_sender: Mapped[str] = mapped_column(String(11), default="")
    colour: Mapped[str] = mapped_column(String(7), default="#0b5f63")
    nom_neutre: Mapped[str] = mapped_column(String(80), default="rendez-vous à la Maison des solidarités")
    retention_mois: Mapped[int] = mapped_column(default=24)
    surbooking_autorise: Mapped[bool] = mapped_column(default=True)
    confirmation_sms: Mapped[ConfirmationSms] = mapped_column(Word(ConfirmationSms), default=ConfirmationSms.TOUJOURS)
    budget_sms_jour: Mapped[int] = mapped_column(default=500)
    # What the public forms bear (0 = no limit): coming sessions of one motif with one contact, posts an hour with one
    # contact, posts a minute from one address, seconds that nobody is quicker than.
    seances_par_contact: Mapped[int] = mapped_column(default=4)
    envois_par_contact: Mapped[int] = mapped_column(default=12)
    envois_par_adresse: Mapped[int] = mapped_column(default=60)
    secondes_formulaire: Mapped[int] = mapped_column(default=1)
    second_facteur_obligatoire: Mapped[bool] = mapped_column(default=False)  # agents without it set it up at login
    mentions: Mapped[str] = mapped_column(Text, default="")  # its address, who answers for the site, who hosts it
    demo: Mapped[bool] = mapped_column(default=False)
    webhooks_actifs: Mapped[bool] = mapped_column(default=False)  # has any: no change asks for them otherwise

    services: Mapped[list["Service"]] = relationship(back_populates="organisation", order_by="Service.name")
    lieux: Mapped[list["Lieu"]] = relationship(back_populates="organisation", order_by="Lieu.name")

    def confirms_by_sms(self, *, has_email: bool, starts_at: datetime, now: datetime) -> bool:
        """Is a booking confirmed by a text too? Always to who has no e-mail (docs/notifications.md, Matrix)."""
        if self.confirmation_sms is ConfirmationSms.TOUJOURS or not has_email:
            return True
        return self.confirmation_sms is ConfirmationSms.SOUS_48H and starts_at - now <= SOON


class Service(Model):
    __tablename__ = "services"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    short_name: Mapped[str] = mapped_column(String(40))

    organisation: Mapped[Organisation] = relationship(back_populates="services")


class Lieu(Model):
    __tablename__ = "lieux"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200), default="")
    postal_code: Mapped[str] = mapped_column(String(10), default="")
    city: Mapped[str] = mapped_column(String(100), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    pmr: Mapped[str] = mapped_column(String(200), default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    ponctuel: Mapped[bool] = mapped_column(default=False)

    organisation: Mapped[Organisation] = relationship(back_populates="lieux")
    salles: Mapped[list["Salle"]] = relationship(back_populates="lieu", order_by="Salle.name")

    @property
    def adresse_complete(self) -> str:
        """One line: "3 rue des Lilas, 26100 Valmont"."""
        ville = " ".join(part for part in (self.postal_code, self.city) if part)
        return ", ".join(part for part in (self.address, ville) if part)


class Salle(Model):
    __tablename__ = "salles"
    __table_args__ = (CheckConstraint("capacite >= 1", name="capacite_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lieu_id: Mapped[int] = mapped_column(ForeignKey("lieux.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    capacite: Mapped[int | None]

    lieu: Mapped[Lieu] = relationship(back_populates="salles")
