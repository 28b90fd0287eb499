"""The outbox (what must be told, and what became of it), the demo inbox, and the forms already answered."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Horodatage, Model, UTCDateTime, Word, one_of


class Canal(StrEnum):
    SMS = "sms"
    COURRIEL = "courriel"


class EtatNotification(StrEnum):
    A_ENVOYER = "a_envoyer"
    EN_COURS = "en_cours"
    ENVOYEE = "envoyee"
    ECHEC = "echec"
    IGNOREE = "ignoree"


class Notification(Horodatage, Model):
    """One message to one person by one channel about one change: the promise, then the receipt.

    The unique key makes a promise once, however often its event is emitted. A worker owns a row from its claim to
    `claimed_until`; the row's `cle_envoi` goes with the message, so that a provider that already took it can say so.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint(
            "event", "sujet_type", "sujet_id", "changement", "canal", "destinataire_type", "destinataire_id"
        ),
        one_of("canal", Canal),
        one_of("etat", EtatNotification),
        Index(
            "ix_notifications_a_traiter",
            "file",
            "a_envoyer_le",
            sqlite_where=text("etat IN ('a_envoyer', 'en_cours')"),
            postgresql_where=text("etat IN ('a_envoyer', 'en_cours')"),
        ),
        # Who else waits to be told about the same session: asked for each row that is claimed, however many there are.
        Index(
            "ix_notifications_en_attente",
            "rdv_id",
            "destinataire_id",
            "canal",
            sqlite_where=text("etat IN ('a_envoyer', 'en_cours')"),
            postgresql_where=text("etat IN ('a_envoyer', 'en_cours')"),
        ),
        Index("ix_notifications_sujet_type_sujet_id", "sujet_type", "sujet_id"),
        Index("ix_notifications_rdv_id", "rdv_id"),
        Index("ix_notifications_organisation_id_cree_le", "organisation_id", "cree_le"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    event: Mapped[str] = mapped_column(String(40))
    sujet_type: Mapped[str] = mapped_column(String(20))  # participation, attente, invitation, rdv, agent, message…
    sujet_id: Mapped[int]
    changement: Mapped[str] = mapped_column(String(80))
    canal: Mapped[Canal] = mapped_column(Word(Canal))
    destinataire_type: Mapped[str] = mapped_column(
        String(20)
    )  # usager, agent, adresse (`adresse` is where; id: the place), contact (who asked for access)
    destinataire_id: Mapped[int]
    rdv_id: Mapped[int | None] = mapped_column(ForeignKey("rdvs.id"))
    participation_ids: Mapped[list[int]] = mapped_column(JSON, default=list)  # whose places the message is about
    avant: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # where and when it was before this change, in words
    dit: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # where and when the message that left said it is
    par_formulaire: Mapped[bool] = mapped_column(default=False)  # asked for by a form anybody can fill in
    comptee_le: Mapped[datetime | None] = mapped_column(UTCDateTime)  # when it was counted in the caps on texts
    file: Mapped[str] = mapped_column(String(20), default="default")  # queue: urgent, default, mass
    etat: Mapped[EtatNotification] = mapped_column(Word(EtatNotification), default=EtatNotification.A_ENVOYER)
    prevue_le: Mapped[datetime] = mapped_column(UTCDateTime)  # when it is meant to leave; a retry does not move it
    a_envoyer_le: Mapped[datetime] = mapped_column(UTCDateTime)  # when it may be tried next
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    tentatives: Mapped[int] = mapped_column(default=0)
    cle_envoi: Mapped[str] = mapped_column(String(40), unique=True)
    adresse: Mapped[str] = mapped_column(String(254), default="")
    objet: Mapped[str] = mapped_column(String(200), default="")
    corps: Mapped[str] = mapped_column(Text, default="")
    segments: Mapped[int | None]
    envoyee_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
    provider_id: Mapped[str] = mapped_column(String(120), default="")
    erreur: Mapped[str] = mapped_column(String(300), default="")  # why it failed or was left out


class CompteurSms(Model):
    """How many texts left on a day: by number (its hash) for what public forms ask for, and by organisation."""

    __tablename__ = "compteurs_sms"

    cle: Mapped[str] = mapped_column(String(64), primary_key=True)
    jour: Mapped[date] = mapped_column(Date, primary_key=True)
    nombre: Mapped[int] = mapped_column(default=0)


class MessageDemo(Horodatage, Model):
    """What the demonstration's channels "sent": shown on /demo/messages as received. Empty in production."""

    __tablename__ = "messages_demo"

    id: Mapped[int] = mapped_column(primary_key=True)
    canal: Mapped[Canal] = mapped_column(Word(Canal))
    cle_envoi: Mapped[str] = mapped_column(String(40), unique=True)
    de: Mapped[str] = mapped_column(String(254))
    a: Mapped[str] = mapped_column(String(254))
    sujet: Mapped[str] = mapped_column(String(200), default="")
    corps: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text, default="")
    ics: Mapped[str] = mapped_column(Text, default="")


class Envoi(Horodatage, Model):
    """A form already answered (docs/domain.md rule 19): `cle` hashes the form's random id with what was sent."""

    __tablename__ = "envois"

    cle: Mapped[str] = mapped_column(String(64), primary_key=True)
    participation_id: Mapped[int | None] = mapped_column(ForeignKey("participations.id", ondelete="CASCADE"))
