"""Files an agent asked for that are too long to wait for: the demand, how far it is, and the file in pieces."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .agent import Agent
from .base import Horodatage, Model, UTCDateTime, Word, one_of


class GenreExport(StrEnum):
    """The two files of docs/domain.md rule 16."""

    ACCUEIL = "accueil"  # one row per session
    STATISTIQUES = "statistiques"  # one row per participation


class FormatExport(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class EtatExport(StrEnum):
    A_FAIRE = "a_faire"
    EN_COURS = "en_cours"
    PRET = "pret"
    ECHEC = "echec"


class Export(Horodatage, Model):
    """`cle` hashes the form's random id with what was asked: the same form sent twice is one file. `faits` of `total`
    rows are written. `tentatives` fences: only the worker whose attempt it is may write on."""

    __tablename__ = "exports"
    __table_args__ = (one_of("genre", GenreExport), one_of("format", FormatExport), one_of("etat", EtatExport))

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)
    cle: Mapped[str] = mapped_column(String(64), unique=True)
    genre: Mapped[GenreExport] = mapped_column(Word(GenreExport))
    format: Mapped[FormatExport] = mapped_column(Word(FormatExport))
    choix: Mapped[dict[str, Any]] = mapped_column(JSON)  # what was asked for, as queries/exports.py reads it
    etat: Mapped[EtatExport] = mapped_column(Word(EtatExport), default=EtatExport.A_FAIRE)
    total: Mapped[int]
    faits: Mapped[int] = mapped_column(default=0)
    taille: Mapped[int] = mapped_column(default=0)  # bytes
    tentatives: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    pret_le: Mapped[datetime | None] = mapped_column(UTCDateTime)

    agent: Mapped[Agent] = relationship()


class ExportMorceau(Model):
    """A piece of the file: web and worker may be on different machines, the database is what they share."""

    __tablename__ = "export_morceaux"

    export_id: Mapped[int] = mapped_column(ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True)
    numero: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contenu: Mapped[bytes] = mapped_column(LargeBinary)
