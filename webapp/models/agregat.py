"""Figures of the sessions that have begun, by month, motif and place: what statistics read, whatever the history."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from .base import Model, UTCDateTime

FIGURES = (
    "seances", "annulees", "capacite", "prises_limitees", "inscrits", "presents", "anonymes", "absents", "excuses",
    "annules", "en_ligne", "par_agent", "par_prescripteur", "par_invitation", "delai_jours", "attentes",
    "attentes_servies", "sms", "segments", "courriels", "echecs",
)  # fmt: skip
"""The columns that add up."""


class Agregat(Model):
    """One month (of the organisation's own clock), one motif, one place (None: at a distance). Each figure is a sum, so
    that any selection of rows adds up to the rows of the exports (webapp/exports) for the same sessions."""

    __tablename__ = "agregats"
    __table_args__ = (Index("ix_agregats_organisation_id_mois", "organisation_id", "mois"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    mois: Mapped[date] = mapped_column(Date)  # its first day
    motif_id: Mapped[int] = mapped_column(ForeignKey("motifs.id"))
    lieu_id: Mapped[int | None] = mapped_column(ForeignKey("lieux.id"))

    seances: Mapped[int] = mapped_column(default=0)  # held: begun, not cancelled
    annulees: Mapped[int] = mapped_column(default=0)
    # Of the sessions held that have a capacity: seats there were, seats taken.
    capacite: Mapped[int] = mapped_column(default=0)
    prises_limitees: Mapped[int] = mapped_column(default=0)
    # Places by status, those of cancelled sessions apart.
    inscrits: Mapped[int] = mapped_column(default=0)
    presents: Mapped[int] = mapped_column(default=0)
    anonymes: Mapped[int] = mapped_column(default=0)  # counted at the door
    absents: Mapped[int] = mapped_column(default=0)
    excuses: Mapped[int] = mapped_column(default=0)
    annules: Mapped[int] = mapped_column(default=0)
    # The same places by how they were booked, and the whole days between booking and start, added up.
    en_ligne: Mapped[int] = mapped_column(default=0)
    par_agent: Mapped[int] = mapped_column(default=0)
    par_prescripteur: Mapped[int] = mapped_column(default=0)
    par_invitation: Mapped[int] = mapped_column(default=0)
    delai_jours: Mapped[int] = mapped_column(default=0)
    attentes: Mapped[int] = mapped_column(default=0)  # people who joined a waitlist
    attentes_servies: Mapped[int] = mapped_column(default=0)  # who got a seat so
    # Messages about these sessions that left: texts, the segments they cost, e-mails; those that failed.
    sms: Mapped[int] = mapped_column(default=0)
    segments: Mapped[int] = mapped_column(default=0)
    courriels: Mapped[int] = mapped_column(default=0)
    echecs: Mapped[int] = mapped_column(default=0)


class Comptage(Model):
    """Until when an organisation's figures are counted."""

    __tablename__ = "comptages"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    jusqua: Mapped[datetime] = mapped_column(UTCDateTime)
