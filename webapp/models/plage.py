"""When and where: a plage d'ouverture whose motif is collectif becomes the collective appointments."""

from datetime import date, time

from sqlalchemy import JSON, CheckConstraint, Column, Date, ForeignKey, String, Table, Text, Time
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.capacity import ReservablePar

from .agent import Agent
from .base import Horodatage, Model, Word, one_of
from .motif import Motif
from .organisation import Lieu, Organisation, Salle

plage_agents = Table(
    "plage_agents",
    Model.metadata,
    Column("plage_id", ForeignKey("plages_ouverture.id", ondelete="CASCADE"), primary_key=True),
    Column("agent_id", ForeignKey("agents.id"), primary_key=True),
)


class PlageOuverture(Horodatage, Model):
    """`first_day`, `start_time`, `end_time` are the organisation's wall clock; `rrule` is an RFC 5545 subset, empty for
    a single day. The five overrides inherit from the motif when they are empty (docs/domain.md rule 3)."""

    __tablename__ = "plages_ouverture"
    __table_args__ = (
        one_of("reservable_par", ReservablePar),
        CheckConstraint("end_time > start_time", name="fin_apres_debut"),
        CheckConstraint("capacite_max >= 1", name="capacite_max_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    motif_id: Mapped[int] = mapped_column(ForeignKey("motifs.id"), index=True)
    title: Mapped[str] = mapped_column(String(120), default="")
    lieu_id: Mapped[int | None] = mapped_column(ForeignKey("lieux.id"))
    salle_id: Mapped[int | None] = mapped_column(ForeignKey("salles.id"))
    lien_visio: Mapped[str] = mapped_column(String(300), default="")
    first_day: Mapped[date] = mapped_column(Date)
    start_time: Mapped[time] = mapped_column(Time)
    end_time: Mapped[time] = mapped_column(Time)
    rrule: Mapped[str] = mapped_column(String(200), default="")
    excluded: Mapped[list[str]] = mapped_column(JSON, default=list)  # ISO dates

    capacite_max: Mapped[int | None]
    instructions_avant: Mapped[str | None] = mapped_column(Text)
    instructions_apres: Mapped[str | None] = mapped_column(Text)
    reservable_par: Mapped[ReservablePar | None] = mapped_column(Word(ReservablePar))
    nom_sms: Mapped[str | None] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(default=1)

    organisation: Mapped[Organisation] = relationship()
    motif: Mapped[Motif] = relationship()
    lieu: Mapped[Lieu | None] = relationship()
    salle: Mapped[Salle | None] = relationship()
    agents: Mapped[list[Agent]] = relationship(secondary=plage_agents, order_by=Agent.last_name)
