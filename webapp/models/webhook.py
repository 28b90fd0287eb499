"""Webhooks out: where an organisation's changes are told to its other programs, and each telling."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.webhooks import Evenement

from .base import Horodatage, Model, UTCDateTime, Word, one_of
from .organisation import Service


class EtatEnvoi(StrEnum):
    A_ENVOYER = "a_envoyer"
    ENVOYE = "envoye"
    ECHEC = "echec"


class Webhook(Horodatage, Model):
    """`secret` and `ancien_secret` (which signs too until `ancien_jusqu_au`) are sealed. A worker owns the webhook, and
    all that waits for it, from its claim to `claimed_until`: what it is told leaves in order. After `echecs` failures
    in a row nothing leaves before `repos_jusqu_au`; `echoue_depuis` is when the first of them was."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("services.id"))  # of that service alone
    cle: Mapped[str] = mapped_column(String(64), unique=True)  # of the form that made it: sent twice, it made one
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(120), default="")
    evenements: Mapped[list[Any]] = mapped_column(JSON)
    secret: Mapped[str] = mapped_column(String(300), default="")
    ancien_secret: Mapped[str | None] = mapped_column(String(300))
    ancien_jusqu_au: Mapped[datetime | None] = mapped_column(UTCDateTime)
    actif: Mapped[bool] = mapped_column(default=True)
    suspendu_le: Mapped[datetime | None] = mapped_column(UTCDateTime)  # by the site: nothing was taken for days
    echecs: Mapped[int] = mapped_column(default=0)
    echoue_depuis: Mapped[datetime | None] = mapped_column(UTCDateTime)
    repos_jusqu_au: Mapped[datetime | None] = mapped_column(UTCDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)

    service: Mapped[Service | None] = relationship()

    @property
    def nom(self) -> str:
        """How pages call it: what was written of it, or whose server it is. Its address may hold a key of its own."""
        return self.description or urlsplit(self.url).hostname or "?"


class WebhookEnvoi(Horodatage, Model):
    """One event to one webhook: the promise, then what came of the last attempt. `cle` goes with every attempt, so that
    the receiver knows it again; `depuis` is from when it is tried. Its numbers are no foreign keys: what was told
    outlives the session."""

    __tablename__ = "webhook_envois"
    __table_args__ = (
        one_of("evenement", Evenement),
        one_of("etat", EtatEnvoi),
        Index(
            "ix_webhook_envois_a_envoyer",
            "webhook_id",
            "a_envoyer_le",
            postgresql_where=text("etat = 'a_envoyer'"),
            sqlite_where=text("etat = 'a_envoyer'"),
        ),
        Index("ix_webhook_envois_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_envois_cree_le", "cree_le"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    cle: Mapped[str] = mapped_column(String(32), unique=True)
    evenement: Mapped[Evenement] = mapped_column(Word(Evenement))
    rdv_id: Mapped[int | None]
    corps: Mapped[str] = mapped_column(Text)
    etat: Mapped[EtatEnvoi] = mapped_column(Word(EtatEnvoi), default=EtatEnvoi.A_ENVOYER)
    depuis: Mapped[datetime] = mapped_column(UTCDateTime)
    a_envoyer_le: Mapped[datetime] = mapped_column(UTCDateTime)
    tentatives: Mapped[int] = mapped_column(default=0)
    essaye_le: Mapped[datetime | None] = mapped_column(UTCDateTime)
    duree_ms: Mapped[int | None]
    code: Mapped[int | None]  # of the HTTP answer
    reponse: Mapped[str] = mapped_column(String(500), default="")  # how the answer begins
    erreur: Mapped[str] = mapped_column(String(200), default="")

    webhook: Mapped[Webhook] = relationship()
