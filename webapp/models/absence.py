"""When an agent is not there."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import CheckConstraint, Date, ForeignKey, String, Time
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.dates import local
from webapp.domain.intervals import Interval
from webapp.domain.recurrence import MAX_INTERVAL, Frequency, Recurrence, absences_utc

from .agent import Agent
from .base import Horodatage, Model

COUNTED = timedelta(days=31 * MAX_INTERVAL)
"""How far the next time may be: all that many months."""


class Absence(Horodatage, Model):
    """From one day to another, both included, or from an hour of the first to an hour of the last; the days and hours
    are the organisation's wall clock. `rrule` is an RFC 5545 subset, empty when it does not come back: each time it
    lasts as many days. The title is for the agent and for who manages absences."""

    __tablename__ = "absences"
    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="jours_en_ordre"),
        CheckConstraint("(start_time IS NULL) = (end_time IS NULL)", name="deux_heures_ou_aucune"),
        CheckConstraint("last_day > first_day OR start_time IS NULL OR end_time > start_time", name="fin_apres_debut"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)
    title: Mapped[str] = mapped_column(String(120), default="")
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    start_time: Mapped[time | None] = mapped_column(Time)
    end_time: Mapped[time | None] = mapped_column(Time)
    rrule: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)

    agent: Mapped[Agent] = relationship()

    def periods(self, window: Interval, tz: str) -> list[Interval]:
        """The moments of it that touch the window, in order."""
        hours = (self.start_time, self.end_time) if self.start_time and self.end_time else None
        return absences_utc(self.first_day, self.last_day, hours, Recurrence.from_rrule(self.rrule), window, tz)

    def over(self, now: datetime, tz: str) -> bool:
        """Will it never be again?"""
        rule = Recurrence.from_rrule(self.rrule)
        if rule.frequency is Frequency.NONE or rule.count is not None:
            return not self.periods(Interval(now, now + COUNTED), tz)
        return rule.until is not None and rule.until + (self.last_day - self.first_day) < local(now, tz).date()
