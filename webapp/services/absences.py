"""When agents are not there: noted by themselves, or by who manages absences in one of their services (rule 14)."""

from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.domain.recurrence import MAX_YEARS, Recurrence
from webapp.extensions import db
from webapp.models import Absence, Agent

from . import journal
from .droits import require
from .transaction import transaction

GONE = "Cette absence n’existe pas ou n’existe plus."
DAYS_MAX = 366
FIELDS = ("title", "first_day", "last_day", "start_time", "end_time", "rrule")


@dataclass(frozen=True, slots=True)
class AbsenceData:
    """What a form says of an absence, on the organisation's wall clock; without hours, whole days."""

    agent_id: int
    first_day: date
    last_day: date
    start_time: time | None = None
    end_time: time | None = None
    title: str = ""
    recurrence: Recurrence = field(default_factory=Recurrence)

    @property
    def rrule(self) -> str:
        return self.recurrence.to_rrule()


def save_absence(
    absence_id: int | None, data: AbsenceData, agent: Agent, *, version: int | None = None
) -> tuple[Absence, bool]:
    """Note an absence or change it; answers with it whether anything changed: the same form twice changes once.

    No session changes by itself (rule 6). `version` is the one the form showed: raises `Perime` when it changed
    meanwhile, `Refus` with the reason, `Interdit`, `Introuvable`.
    """
    with transaction():
        if absence_id is None:
            absence = Absence(organisation_id=agent.organisation_id, agent=_colleague(agent, data.agent_id))
        else:
            absence = _locked(absence_id)
        require(agent, Droit.GERER_ABSENCES, absence)
        _check(data, absence)
        if absence_id is None and (twin := _twin(data)) is not None:
            return twin, False
        before = {name: getattr(absence, name) for name in FIELDS}
        after = {name: getattr(data, name) for name in FIELDS}
        if absence_id is not None and before == after:
            return absence, False
        if absence_id is not None and version is not None and version != absence.version:
            raise Perime("Cette absence vient de changer : regardez, puis enregistrez à nouveau.")
        for name, value in after.items():
            setattr(absence, name, value)
        if absence_id is None:
            db.session.add(absence)
        else:
            absence.version += 1
        db.session.flush()
        _note("absence_creee" if absence_id is None else "absence_modifiee", absence, before, after, agent)
        return absence, True


def delete_absence(absence_id: int, agent: Agent) -> Agent:
    """Take an absence away for good; answers whose it was."""
    with transaction():
        absence = _locked(absence_id)
        require(agent, Droit.GERER_ABSENCES, absence)
        owner = absence.agent
        db.session.delete(absence)
        _note("absence_supprimee", absence, {name: getattr(absence, name) for name in FIELDS}, {}, agent)
        return owner


def _check(data: AbsenceData, absence: Absence) -> None:
    """Raise `Refus` when nobody could be absent so."""
    if data.last_day < data.first_day:
        raise Refus("Le dernier jour doit être le premier ou après.")
    if (data.last_day - data.first_day).days >= DAYS_MAX:
        raise Refus("Une absence dure un an au plus : vérifiez le dernier jour.")
    if (data.start_time is None) != (data.end_time is None):
        raise Refus("Indiquez les deux heures, ou aucune.")
    if data.start_time and data.end_time and data.first_day == data.last_day and data.end_time <= data.start_time:
        raise Refus("L’heure de fin doit être après l’heure de début.")
    today = local(utcnow(), absence.agent.organisation.timezone).date()
    if data.first_day > today + relativedelta(years=MAX_YEARS):
        raise Refus(f"Le premier jour est à plus de {MAX_YEARS} ans : vérifiez l’année.")
    data.recurrence.check(data.first_day)


def _colleague(agent: Agent, agent_id: int) -> Agent:
    found = db.session.get(Agent, agent_id)
    if found is None or found.organisation_id != agent.organisation_id or not found.actif:
        raise Introuvable("Cet agent n’existe pas ou ne travaille plus ici.")
    return found


def _locked(absence_id: int) -> Absence:
    found = db.session.scalars(
        select(Absence)
        .where(Absence.id == absence_id)
        .options(joinedload(Absence.agent))
        .with_for_update(key_share=True, of=Absence)
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise Introuvable(GONE)
    return found


def _twin(data: AbsenceData) -> Absence | None:
    """An absence that says exactly this already: a double click makes one (docs/domain.md rule 19)."""
    same: list[Any] = [getattr(Absence, name).is_not_distinct_from(getattr(data, name)) for name in FIELDS]
    return db.session.scalars(select(Absence).where(Absence.agent_id == data.agent_id, *same)).first()


def _note(action: str, absence: Absence, before: dict[str, Any], after: dict[str, Any], agent: Agent) -> None:
    """One line about whose absence it is; the title, that may say why, is not kept."""
    names = [name for name in FIELDS if name != "title" and (before.get(name) or None) != (after.get(name) or None)]
    changes = {name: {"de": _plain(before.get(name)), "a": _plain(after.get(name))} for name in names}
    journal.note_absence(absence, action, agent, changes)


def _plain(value: Any) -> Any:
    """A day or an hour as the journal keeps it."""
    return value.isoformat() if isinstance(value, date) else f"{value:%H:%M}" if isinstance(value, time) else value
