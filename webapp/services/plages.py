"""A collective plage d'ouverture becomes its sessions (docs/domain.md rules 2 to 5)."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Occupe, Perime, Refus
from webapp.domain.recurrence import Recurrence, horizon, interval_utc, occurrences, to_utc
from webapp.extensions import db
from webapp.models import (
    Agent,
    FileAttente,
    Journal,
    Lieu,
    Motif,
    Participation,
    PlageOuverture,
    Rdv,
    Salle,
    TypeLieu,
    TypeMotif,
)
from webapp.models.rdv import rdv_agents

from . import journal, offres
from .droits import may, require
from .rdvs import effective_capacity
from .transaction import seat_lock, transaction

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
    """What saving a plage did to its coming sessions."""

    plage: PlageOuverture
    creees: int
    retirees: int
    gardees: int  # booked sessions that no longer fit the plage: they keep their date and place
    depassees: int = 0  # coming sessions with more people than their new capacity: nobody is removed


def save_plage(plage_id: int | None, data: PlageData, agent: Agent, *, version: int | None = None) -> Reconciliation:
    """Create or change a collective plage, and its coming sessions with it, in one transaction.

    Empty coming sessions follow the plage; booked ones keep their date and place (`detache`) and take the rest. Past
    sessions never change. `version` is the one the form showed: raises `Perime` when a colleague saved meanwhile.
    Raises `Refus` with the reason when the data don't hold together, `Interdit`, `Introuvable`.
    """
    data.recurrence.check(data.first_day)
    with transaction():
        motif = _settled(data.motif_id, alone=plage_id is None)
        coming: list[Rdv] = []
        if plage_id is None:
            if not may(agent, Droit.GERER_SES_PLAGES, motif):
                require(agent, Droit.GERER_PLAGES, motif)
            plage = PlageOuverture(organisation_id=motif.organisation_id, motif=motif, agents=[])
        else:
            plage = _locked(plage_id)
            require(agent, Droit.GERER_PLAGES, plage)
            if version is not None and version != plage.version:
                raise Perime("Un collègue a modifié cette plage entre-temps : rechargez-la avant d’enregistrer.")
            if plage.motif_id != motif.id:
                raise Refus("Le motif d’une plage ne change plus une fois ses séances créées : créez une autre plage.")
            coming = _coming(plage)
        agents = _check(data, motif, plage)
        if plage_id is None and (twin := _twin(data, motif)) is not None:
            return Reconciliation(twin, coming_count(twin.id), 0, 0)  # the same form sent twice
        plage.agents = agents
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
        if plage_id is None:
            db.session.add(plage)
        else:
            plage.version += 1
        if not may(agent, Droit.GERER_PLAGES, plage):
            raise Refus("Vous pouvez gérer vos propres plages : restez parmi les agents de celle-ci.")
        db.session.flush()
        retirees, gardees = _reconcile(plage, coming, agent)
        creees = _create_missing(plage)
        journal.note(
            plage.organisation_id,
            "plage_creee" if plage_id is None else "plage_modifiee",
            plage,
            agent=agent,
            creees=creees,
            retirees=retirees,
            gardees=gardees,
        )
        over = sum(1 for rdv in coming if rdv.capacite_max is not None and rdv.places_prises > rdv.capacite_max)
        return Reconciliation(plage, creees, retirees, gardees, over)


def materialise(plage_id: int) -> int:
    """Create the plage's missing sessions up to the horizon; returns how many. A second run changes nothing."""
    with transaction():
        motif_id = db.session.scalar(select(PlageOuverture.motif_id).where(PlageOuverture.id == plage_id))
        if motif_id is None:
            raise Introuvable(GONE)
        _settled(motif_id)
        return _create_missing(_locked(plage_id))


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


def _settled(motif_id: int, *, alone: bool = False) -> Motif:
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


def _twin(data: PlageData, motif: Motif) -> PlageOuverture | None:
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


def _locked(plage_id: int) -> PlageOuverture:
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


def _coming(plage: PlageOuverture) -> list[Rdv]:
    """The plage's coming sessions, locked, with their agents. One cancelled while we waited for it is left out."""
    now = utcnow()
    ids = db.session.scalars(
        select(Rdv.id).where(Rdv.plage_ouverture_id == plage.id, Rdv.starts_at > now, Rdv.cancelled_at.is_(None))
    ).all()
    if not ids:
        return []
    rows = [rdv for rdv in seat_lock(*ids) if rdv.cancelled_at is None and rdv.starts_at > now]
    db.session.scalars(select(Rdv).where(Rdv.id.in_(ids)).options(selectinload(Rdv.agents))).all()
    return rows


def _check(data: PlageData, motif: Motif, plage: PlageOuverture) -> list[Agent]:
    """The agents of the plage; raises `Refus` when something does not belong to something else."""
    if motif.type is not TypeMotif.COLLECTIF:
        raise Refus("Une plage collective a un motif collectif.")
    if motif.archived_at is not None and plage.id is None:
        raise Refus("Ce motif est archivé : on n’ouvre plus de plage pour lui.")
    if data.end_time <= data.start_time:
        raise Refus("L’heure de fin doit être après l’heure de début.")
    if data.capacite_max is not None and data.capacite_max < 1:
        raise Refus("La capacité est d’au moins une place.")
    reservable_par = data.reservable_par or motif.reservable_par
    if reservable_par is not ReservablePar.ENTREE_LIBRE and data.capacite_max is None and motif.capacite_max is None:
        raise Refus("Indiquez une capacité : le motif n’en donne pas.")
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


def _reconcile(plage: PlageOuverture, coming: list[Rdv], agent: Agent) -> tuple[int, int]:
    """Bring the coming sessions in line with the plage; returns how many were removed, how many kept as they were."""
    if not coming:
        return 0, 0
    # A session may stand beyond today's horizon, which the motif's booking delay moves: it is still one of the plage's.
    wanted = set(days_of(plage, until=max(rdv.occurrence_le for rdv in coming if rdv.occurrence_le)))
    ids = [rdv.id for rdv in coming]
    used = {
        *db.session.scalars(select(Participation.rdv_id).where(Participation.rdv_id.in_(ids)).distinct()),
        *db.session.scalars(select(FileAttente.rdv_id).where(FileAttente.rdv_id.in_(ids)).distinct()),
    }
    gone = [rdv for rdv in coming if not rdv.detache and rdv.id not in used and rdv.occurrence_le not in wanted]
    # Somebody being booked at this moment waits for our lock: their session is not ours to remove, nor to wait for.
    free = select(Rdv.id).where(Rdv.id.in_([rdv.id for rdv in gone])).with_for_update(skip_locked=True)
    removable = set(db.session.scalars(free)) if gone else set()
    used |= {rdv.id for rdv in gone if rdv.id not in removable}
    gone = [rdv for rdv in gone if rdv.id in removable]
    _remove(gone)
    kept = [rdv for rdv in coming if rdv not in gone]
    gardees, rows = 0, []
    for rdv in kept:
        rdv.agents = list(plage.agents)
        row: dict[str, Any] = {"id": rdv.id, "version": rdv.version + 1, "capacite_max": effective_capacity(rdv)}
        place = _where_and_when(plage, rdv.occurrence_le)
        here = {name: getattr(rdv, name) for name in place}
        stays = rdv.detache or (rdv.id in used and (rdv.occurrence_le not in wanted or here != place))
        gardees += stays and not rdv.detache
        rows.append({**row, "detache": stays, **(here if stays else place)})
        live.publish(rdv.id, row["version"])
    db.session.flush()
    journal.note_capacities(((rdv, row["capacite_max"]) for rdv, row in zip(kept, rows, strict=True)), agent)
    if rows:  # all of them in one statement, whatever changes in each
        db.session.execute(update(Rdv), rows)
        ids = [row["id"] for row in rows]
        db.session.scalars(select(Rdv).where(Rdv.id.in_(ids)).execution_options(populate_existing=True)).all()
        offres.pass_on(*kept)
    return len(gone), gardees


def _remove(empty: list[Rdv]) -> None:
    """Delete sessions nobody ever booked; what the journal says of them stays."""
    ids = [rdv.id for rdv in empty]
    if not ids:
        return
    for rdv in empty:
        db.session.expunge(rdv)
    db.session.execute(update(Journal).where(Journal.rdv_id.in_(ids)).values(rdv_id=None))
    db.session.execute(delete(Rdv).where(Rdv.id.in_(ids)))


def _where_and_when(plage: PlageOuverture, day: date | None) -> dict[str, Any]:
    """What a session of that day takes from its plage."""
    assert day is not None
    starts, ends = interval_utc(day, plage.start_time, plage.end_time, plage.organisation.timezone)
    return {
        "starts_at": starts,
        "ends_at": ends,
        "lieu_id": plage.lieu_id,
        "salle_id": plage.salle_id,
        "lien_visio": plage.lien_visio,
    }


def _create_missing(plage: PlageOuverture) -> int:
    """One session per coming occurrence that has no row yet: moved, kept or cancelled ones keep theirs (rule 4).

    An archived motif gets no new session.
    """
    db.session.flush()
    db.session.refresh(plage, ["lieu", "salle"])
    if plage.motif.archived_at is not None:
        return 0
    known = set(db.session.scalars(select(Rdv.occurrence_le).where(Rdv.plage_ouverture_id == plage.id)))
    missing = [day for day in days_of(plage) if day not in known]
    if missing:
        _insert(plage, missing)
    return len(missing)


def _insert(plage: PlageOuverture, days: list[date]) -> None:
    """Their sessions, in three statements whatever their number."""
    common = {
        "organisation_id": plage.organisation_id,
        "motif_id": plage.motif_id,
        "plage_ouverture_id": plage.id,
        "capacite_max": effective_capacity(Rdv(motif=plage.motif, plage_ouverture=plage)),
    }
    rows = [{**common, "occurrence_le": day, **_where_and_when(plage, day)} for day in days]
    db.session.execute(insert(Rdv), rows)
    made = db.session.scalars(select(Rdv.id).where(Rdv.plage_ouverture_id == plage.id, Rdv.occurrence_le.in_(days)))
    pairs = [{"rdv_id": rdv_id, "agent_id": agent.id} for rdv_id in made for agent in plage.agents]
    db.session.execute(insert(rdv_agents), pairs)


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
