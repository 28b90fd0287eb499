"""Tokens by which programs speak to the API, and the answers their writes got."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.droits import Droit, Octroi

from .agent import Agent
from .base import Horodatage, Model, UTCDateTime


class Jeton(Horodatage, Model):
    """A program's key, in the name of the agent who made it. Only its hash is kept; `repere` is its end, to tell one
    from another. It can do what `droits` says *and* its agent may: it ends with them."""

    __tablename__ = "jetons"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"))
    nom: Mapped[str] = mapped_column(String(80))
    cle: Mapped[str] = mapped_column(String(64), unique=True)  # of the form that made it: sent twice, it made one
    empreinte: Mapped[str] = mapped_column(String(64), unique=True)
    repere: Mapped[str] = mapped_column(String(8))
    droits: Mapped[list[Any]] = mapped_column(JSON)  # [service or null, right]
    expire_le: Mapped[datetime] = mapped_column(UTCDateTime)
    vu_le: Mapped[datetime | None] = mapped_column(UTCDateTime)  # to a quarter of an hour
    revoque_le: Mapped[datetime | None] = mapped_column(UTCDateTime)

    agent: Mapped[Agent] = relationship()

    def octrois(self) -> frozenset[Octroi]:
        """What it was given, as domain values."""
        return frozenset(Octroi(self.organisation_id, service, Droit(droit)) for service, droit in self.droits)


class ReponseApi(Horodatage, Model):
    """The first answer to a write that came with an `Idempotency-Key`. `statut` is null while it is being made, until
    `claimed_until` at the latest. `participation_id`: whose data the body holds, which go with that person."""

    __tablename__ = "reponses_api"
    __table_args__ = (Index("ix_reponses_api_participation_id", "participation_id"),)

    cle: Mapped[str] = mapped_column(String(64), primary_key=True)  # hashes the token's number and the key
    jeton_id: Mapped[int] = mapped_column(ForeignKey("jetons.id", ondelete="CASCADE"))
    empreinte: Mapped[str] = mapped_column(String(64))  # of what was asked
    claimed_until: Mapped[datetime] = mapped_column(UTCDateTime)
    statut: Mapped[int | None]
    corps: Mapped[str] = mapped_column(Text, default="")
    entetes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    participation_id: Mapped[int | None] = mapped_column(ForeignKey("participations.id", ondelete="CASCADE"))
