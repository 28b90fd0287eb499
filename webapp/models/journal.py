"""Who did what, to which record, when: ids and words, never personal data."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.clock import utcnow
from webapp.domain.participation import Acteur

from .agent import Agent
from .base import Model, UTCDateTime, Word, one_of


class Journal(Model):
    __tablename__ = "journal"
    __table_args__ = (
        one_of("acteur", Acteur),
        Index("ix_journal_organisation_id_quand", "organisation_id", "quand"),
        Index("ix_journal_rdv_id", "rdv_id"),
        Index("ix_journal_sujet_type_sujet_id", "sujet_type", "sujet_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    quand: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    acteur: Mapped[Acteur] = mapped_column(Word(Acteur))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    rdv_id: Mapped[int | None] = mapped_column(ForeignKey("rdvs.id"))
    sujet_type: Mapped[str] = mapped_column(String(20))
    sujet_id: Mapped[int]
    action: Mapped[str] = mapped_column(String(40))
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    agent: Mapped[Agent | None] = relationship()
