"""A collective plage d'ouverture becomes its sessions (docs/domain.md rules 2 to 5)."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from dateutil.relativedelta import relativedelta
from sqlalchemy import func, or_, select
from sqlalchemy.orm import selectinload

from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Occupe, Perime, Refus
from webapp.domain.recurrence import MAX_YEARS, Recurrence, horizon, occurrences, to_utc
from webapp.domain.serie import Choix, Sort
from webapp.extensions import db
from webapp.models import Agent, Lieu, Motif, PlageOuverture, Rdv, Salle, TypeLieu, TypeMotif

from . import journal
from .droits import may, require
from .rdvs import Occupants, OuEtQuand, becomes_free
from .series import (
    VISIBLES,
    Apercu,
    Serie,
    as_shown,
    carry_out,
    coming,
    create,
    differences,
    held_by_a_booking,
    planned,
    values,
    where_and_when,
)
from .transaction import transaction

log = logging.getLogger(__name__)

GONE = "Cette plage d’ouverture n’existe pas ou n’existe plus."


@dataclass(frozen=True, slots=True)
class PlageData:
    """What a form says of a plage. Times are the organisation's wall clock; an empty override inherits the motif's."""

    motif_id: int
    agent_ids: tuple[int, ...]
    first_day: date
    start_time: time
    end_time: time
    title: str = ""
    lieu_id: int | None = None
    salle_id: int | None = None
    lien_visio: str = ""
    recurrence: Recurrence = field(default_factory=Recurrence)
    excluded: tuple[date, ...] = ()
    capacite_max: int | None = None
    instructions_avant: str | None = None
    instructions_apres: str | None = None
    reservable_par: ReservablePar | None = None
    nom_sms: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was done to the coming sessions of a plage."""

    plage: PlageOuverture
    creees: int = 0
    retirees: int = 0
    gardees: int = 0  # booked sessions that no longer fit the plage: they keep their date and place
    depassees: int = 0  # coming sessions with more people than their new capacity: nobody is removed
    deplacees: int = 0  # those where people are booked
    annulees: int = 0
    prevenues: tuple[int, ...] = ()  # sessions whose people were to be told
    changee: bool = True


@dataclass(frozen=True, slots=True)
class Accord:
    """What an agent decided, once they had read what would happen. `attendu`: the keys of what was read (None: there
    was no page to read); anything else by then raises `Perime`."""

    choix: Choix = field(default_factory=Choix)
    prevenir: bool = True
    raison: str = ""
    attendu: Collection[str] | None = None


def save_plage(
    plage_id: int | None,
    data: PlageData,
    agent: Agent,
    *,
    version: int | None = None,
    accord: Accord = Accord(),
    look: Callable[[], None] = lambda: None,
) -> Reconciliation:
    """Create or change a collective plage, and its coming sessions with it, in one transaction.

    Empty coming sessions follow the plage; booked ones are moved and their people told, kept as they are (`detache`) or
    cancelled, as was agreed. Past sessions never change. `version` is the one the form showed: raises `Perime` when a
    colleague saved meanwhile. `look` is a last look when no rule stands against a new plage: what it raises stops the
    saving. Raises `Refus` with the reason when the data don't hold together, `Interdit`, `Introuvable`. The same form
    sent twice changes nothing more.
    """
    data.recurrence.check(data.first_day)
    with transaction():
        motif = settled(data.motif_id, alone=plage_id is None)
        if plage_id is None:
            return _created(data, motif, agent, look)
        plage = locked(plage_id)
        require(agent, Droit.GERER_PLAGES, plage)
        before = values(plage)
        if values(proposed(data, motif, plage)) != before:
            same_version(plage, version)
        if plage.motif_id != motif.id:
            raise Refus("Le motif d’une plage ne change plus une fois ses séances créées : créez une autre plage.")
        serie = coming(plage.id, locked=True)
        write(plage, data, check(data, motif, plage, serie), agent)
        changements = differences(before, values(plage))
        if changements:
            plage.version += 1
        db.session.flush()
        done = reconcile(plage, serie, agent, accord, visible=bool(VISIBLES & set(changements)))
        if not changements and not counts(done):
            return replace(done, changee=False)
        journal.note(
            plage.organisation_id, "plage_modifiee", plage, agent=agent, changements=changements, **counts(done)
        )
        return done


def materialise(plage_id: int) -> int:
    """Create the plage's missing sessions up to the horizon; returns how many. A second run changes nothing."""
    with transaction():
        settled(motif_of(plage_id))
        plage = locked(plage_id)
        known = set(db.session.scalars(select(Rdv.occurrence_le).where(Rdv.plage_ouverture_id == plage.id)))
        missing = {day: ou for day, ou in wanted_days(plage, Serie((), Occupants({}))).items() if day not in known}
        if missing:
            create(plage, missing)
        return len(missing)


def extend_horizons() -> int:
    """The daily job: every plage gets the sessions that came within the horizon; returns how many were created.

    A plage somebody is saving at this moment waits for the next day: its own saving reaches the horizon too.
    """
    yesterday = local(utcnow()).date() - timedelta(days=1)  # wherever the organisation is
    ids = db.session.scalars(
        select(PlageOuverture.id)
        .join(PlageOuverture.motif)
        .where(
            or_(PlageOuverture.rrule != "", PlageOuverture.first_day >= yesterday),
            Motif.archived_at.is_(None),
            Motif.type == TypeMotif.COLLECTIF,
        )
        .order_by(PlageOuverture.id)
    ).all()
    made = 0
    for plage_id in ids:
        try:
            made += materialise(plage_id)
        except (Occupe, Introuvable) as reason:
            log.warning("plage %s: sessions not extended this time (%s)", plage_id, reason.code)
    return made


def coming_days(
    motif: Motif,
    first_day: date,
    start_time: time,
    recurrence: Recurrence,
    excluded: Iterable[date] = (),
    until: date | None = None,
) -> list[date]:
    """The local dates on which such a plage is still to be held, up to the motif's horizon (or `until`, when later)."""
    now, tz = utcnow(), motif.organisation.timezone
    end = horizon(now, motif.delai_max_jours, tz)
    days = occurrences(first_day, recurrence, set(excluded), local(now, tz).date(), max(end, until or end))
    return [day for day in days if to_utc(day, start_time, tz) > now]


def days_of(plage: PlageOuverture, until: date | None = None) -> list[date]:
    """The local dates on which the plage is still to be held, up to its horizon (or `until`, when later)."""
    return coming_days(
        plage.motif,
        plage.first_day,
        plage.start_time,
        Recurrence.from_rrule(plage.rrule),
        map(date.fromisoformat, plage.excluded),
        until,
    )


def motif_of(plage_id: int) -> int:
    """The motif of that plage: it is locked first."""
    motif_id = db.session.scalar(select(PlageOuverture.motif_id).where(PlageOuverture.id == plage_id))
    if motif_id is None:
        raise Introuvable(GONE)
    return motif_id


def settled(motif_id: int, *, alone: bool = False) -> Motif:
    """The motif, held still until the commit: what new sessions inherit can't change under them. `alone`: nobody else
    creates a plage of it meanwhile.

    Locks go motif, plage, sessions in ascending id, here and in `motifs.save_motif`: opposite edits wait, never block.
    """
    motif = db.session.get(
        Motif, motif_id, populate_existing=True, with_for_update={"key_share": True} if alone else {"read": True}
    )
    if motif is None:
        raise Introuvable("Ce motif n’existe pas.")
    return motif


def twin_of(data: PlageData, motif: Motif) -> PlageOuverture | None:
    """A plage that says exactly this already: a double click makes one (docs/domain.md rule 19)."""
    found = db.session.scalars(
        select(PlageOuverture)
        .where(
            PlageOuverture.motif_id == motif.id,
            PlageOuverture.title == data.title,
            PlageOuverture.first_day == data.first_day,
            PlageOuverture.start_time == data.start_time,
            PlageOuverture.end_time == data.end_time,
            PlageOuverture.rrule == data.recurrence.to_rrule(),
            PlageOuverture.lieu_id.is_not_distinct_from(data.lieu_id),
            PlageOuverture.salle_id.is_not_distinct_from(data.salle_id),
        )
        .options(selectinload(PlageOuverture.agents))
        .order_by(PlageOuverture.id)
    )
    return next((plage for plage in found if {a.id for a in plage.agents} == set(data.agent_ids)), None)


def locked(plage_id: int) -> PlageOuverture:
    plage = db.session.scalars(
        select(PlageOuverture)
        .where(PlageOuverture.id == plage_id)
        .options(selectinload(PlageOuverture.agents))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    if plage is None:
        raise Introuvable(GONE)
    return plage


def check(data: PlageData, motif: Motif, plage: PlageOuverture, serie: Serie) -> list[Agent]:
    """The agents of the plage; raises `Refus` when something does not belong to something else, or does not suit the
    coming sessions of `serie` as the plage is now."""
    if motif.type is not TypeMotif.COLLECTIF:
        raise Refus("Une plage collective a un motif collectif.")
    if motif.archived_at is not None and plage.id is None:
        raise Refus("Ce motif est archivé : on n’ouvre plus de plage pour lui.")
    if data.end_time <= data.start_time:
        raise Refus("L’heure de fin doit être après l’heure de début.")
    if data.first_day > utcnow().date() + relativedelta(years=MAX_YEARS):
        raise Refus(f"Le premier jour est à plus de {MAX_YEARS} ans : vérifiez l’année.")
    if data.capacite_max is not None and data.capacite_max < 1:
        raise Refus("La capacité est d’au moins une place.")
    reservable_par = data.reservable_par or motif.reservable_par
    if reservable_par is not ReservablePar.ENTREE_LIBRE and data.capacite_max is None and motif.capacite_max is None:
        raise Refus("Indiquez une capacité : le motif n’en donne pas.")
    before = plage.reservable_par or motif.reservable_par
    if reservable_par is ReservablePar.ENTREE_LIBRE and before is not reservable_par:
        becomes_free(rdv for rdv in serie.rdvs if rdv.reservable_par is None)
    _check_place(data, motif, plage)
    return chosen_agents(data.agent_ids, motif)


def chosen_agents(agent_ids: Collection[int], motif: Motif) -> list[Agent]:
    """These agents, all at work in the motif's service; raises `Refus` when one is not, or there is none."""
    agents = list(
        db.session.scalars(
            select(Agent)
            .where(
                Agent.id.in_(agent_ids),
                Agent.organisation_id == motif.organisation_id,
                Agent.actif.is_(True),
                Agent.services.any(id=motif.service_id),
            )
            .order_by(Agent.last_name)
        )
    )
    if not agent_ids:
        raise Refus("Choisissez au moins un agent.")
    if len(agents) != len(set(agent_ids)):
        raise Refus("Les agents d’une séance sont des agents en activité du service du motif.")
    return agents


def _check_place(data: PlageData, motif: Motif, plage: PlageOuverture) -> None:
    if motif.location_type is TypeLieu.VISIO:
        if urlsplit(data.lien_visio).scheme not in {"http", "https"}:
            raise Refus("Indiquez le lien de la visioconférence : une adresse qui commence par https://")
        return
    lieu = db.session.get(Lieu, data.lieu_id) if data.lieu_id else None
    if lieu is None:
        raise Refus("Choisissez un lieu.")
    if lieu.organisation_id != motif.organisation_id:
        raise Refus("Ce lieu n’est pas de votre organisation.")
    if plage.lieu_id != lieu.id and (lieu.ponctuel or not lieu.enabled):
        raise Refus("Ce lieu n’est plus proposé : choisissez-en un autre.")
    salle = db.session.get(Salle, data.salle_id) if data.salle_id else None
    if data.salle_id and (salle is None or salle.lieu_id != data.lieu_id):
        raise Refus("Cette salle n’est pas dans ce lieu.")


def proposed(data: PlageData, motif: Motif, plage: PlageOuverture | None = None) -> PlageOuverture:
    """The plage as the data say it, that no session of the database knows."""
    wanted = PlageOuverture(
        id=plage.id if plage else None, organisation_id=motif.organisation_id, motif_id=motif.id, motif=motif
    )
    _set(wanted, data, motif)
    wanted.agents = chosen_agents(data.agent_ids, motif)
    return wanted


def _created(data: PlageData, motif: Motif, agent: Agent, look: Callable[[], None]) -> Reconciliation:
    if not may(agent, Droit.GERER_SES_PLAGES, motif):
        require(agent, Droit.GERER_PLAGES, motif)
    plage = PlageOuverture(organisation_id=motif.organisation_id, motif=motif, agents=[])
    serie = Serie((), Occupants({}))
    agents = check(data, motif, plage, serie)
    if (twin := twin_of(data, motif)) is not None:
        return Reconciliation(twin, coming_count(twin.id))  # the same form sent twice
    write(plage, data, agents, agent)
    look()
    db.session.add(plage)
    db.session.flush()
    done = reconcile(plage, serie, agent, Accord())
    journal.note(plage.organisation_id, "plage_creee", plage, agent=agent, **counts(done))
    return done


def same_version(plage: PlageOuverture, version: int | None) -> None:
    if version is not None and version != plage.version:
        raise Perime("Un collègue a modifié cette plage entre-temps : rechargez-la avant d’enregistrer.")


def write(plage: PlageOuverture, data: PlageData, agents: list[Agent], agent: Agent) -> None:
    plage.agents = agents
    _set(plage, data, plage.motif)
    if not may(agent, Droit.GERER_PLAGES, plage):
        raise Refus("Vous pouvez gérer vos propres plages : restez parmi les agents de celle-ci.")


def _set(plage: PlageOuverture, data: PlageData, motif: Motif) -> None:
    for name in (
        "title", "first_day", "start_time", "end_time", "capacite_max", "instructions_avant", "instructions_apres",
        "reservable_par", "nom_sms",
    ):  # fmt: skip
        setattr(plage, name, getattr(data, name))
    sur_place = motif.location_type is TypeLieu.SUR_PLACE
    plage.lieu_id = data.lieu_id if sur_place else None
    plage.salle_id = data.salle_id if sur_place else None
    plage.lien_visio = "" if sur_place else data.lien_visio
    plage.rrule = data.recurrence.to_rrule()
    plage.excluded = sorted({day.isoformat() for day in data.excluded})


def counts(done: Reconciliation) -> dict[str, Any]:
    names = ("creees", "retirees", "gardees", "deplacees", "annulees")
    return {name: count for name in names if (count := getattr(done, name))}


def wanted_days(plage: PlageOuverture, serie: Serie) -> dict[date, OuEtQuand]:
    """The days the plage is still to be held, where and when. A session may stand beyond today's horizon, which the
    motif's booking delay moves: it is still one of the plage's. An archived motif gets no new session."""
    known = {rdv.occurrence_le for rdv in serie.rdvs if rdv.occurrence_le}
    end = horizon(utcnow(), plage.motif.delai_max_jours, plage.motif.organisation.timezone)
    open_to_new = plage.motif.archived_at is None
    days = days_of(plage, until=max(known, default=None))
    return {day: where_and_when(plage, day) for day in days if day in known or (open_to_new and day <= end)}


def reconcile(
    plage: PlageOuverture, serie: Serie, agent: Agent, accord: Accord, *, visible: bool = False
) -> Reconciliation:
    """Bring the coming sessions in line with the plage, as was agreed."""
    db.session.refresh(plage, ["lieu", "salle"])
    wanted = wanted_days(plage, serie)
    gone = [r for r in serie.rdvs if not r.detache and r.occurrence_le not in wanted and not serie.people.known(r.id)]
    apercu = planned(serie, wanted, accord.choix, plage=plage, busy=held_by_a_booking(gone))
    as_shown(apercu, accord.attendu)
    return carried_out(plage, apercu, serie, agent, accord, follows=True, visible=visible)


def carried_out(
    plage: PlageOuverture,
    apercu: Apercu,
    serie: Serie,
    agent: Agent,
    accord: Accord,
    *,
    follows: bool = False,
    visible: bool = False,
) -> Reconciliation:
    over, told = sum(step.deborde for step in apercu.etapes), tuple(apercu.prevenues)
    moved = apercu.count(Sort.DEPLACEE, reservees=True)
    done = carry_out(
        apercu,
        serie,
        agent,
        raison=accord.raison,
        prevenir=accord.prevenir,
        plage=plage if follows else None,
        visible=visible,
    )
    return Reconciliation(
        plage,
        creees=done[Sort.CREEE],
        retirees=done[Sort.RETIREE],
        gardees=done[Sort.GARDEE],
        depassees=over,
        deplacees=moved,
        annulees=done[Sort.ANNULEE],
        prevenues=told,
    )


def coming_count(plage_id: int) -> int:
    """Coming sessions of a plage that are not cancelled."""
    return (
        db.session.scalar(
            select(func.count()).where(
                Rdv.plage_ouverture_id == plage_id, Rdv.starts_at > utcnow(), Rdv.cancelled_at.is_(None)
            )
        )
        or 0
    )
