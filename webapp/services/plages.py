"""A collective plage d'ouverture becomes its sessions (docs/domain.md rules 2 to 5)."""

from dataclasses import dataclass, field
from datetime import date, time

from sqlalchemy import func, select

from webapp import live
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.domain.recurrence import Recurrence, horizon, interval_utc, occurrences
from webapp.extensions import db
from webapp.models import Agent, Lieu, Motif, Participation, PlageOuverture, Rdv, Salle, TypeLieu, TypeMotif

from . import journal
from .droits import may, require
from .rdvs import effective_capacity
from .transaction import seat_lock, transaction


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


def save_plage(plage_id: int | None, data: PlageData, agent: Agent, *, version: int | None = None) -> Reconciliation:
    """Create or change a collective plage, and its coming sessions with it, in one transaction.

    Empty coming sessions follow the plage; booked ones keep their date and place (`detache`) and take the rest. Past
    sessions never change. `version` is the one the form showed: raises `Perime` when a colleague saved meanwhile.
    Raises `Refus` with the reason when the data don't hold together, `Interdit`, `Introuvable`.
    """
    data.recurrence.check(data.first_day)
    with transaction():
        motif = db.session.get(Motif, data.motif_id)
        if motif is None or motif.organisation_id != agent.organisation_id:
            raise Introuvable("Ce motif n’existe pas.")
        if plage_id is None:
            plage = PlageOuverture(organisation_id=motif.organisation_id, motif=motif, agents=[])
            kept: list[Rdv] = []
        else:
            plage = _locked(plage_id)
            require(agent, Droit.GERER_PLAGES, plage)
            if version is not None and version != plage.version:
                raise Perime("Un collègue a modifié cette plage entre-temps : rechargez-la avant d’enregistrer.")
            if plage.motif_id != motif.id:
                raise Refus("Le motif d’une plage ne change plus une fois ses séances créées : créez une autre plage.")
            kept = _coming(plage)
        agents = _check(data, motif, agent)
        plage.motif, plage.agents = motif, agents
        for name in (
            "title", "lieu_id", "salle_id", "lien_visio", "first_day", "start_time", "end_time",
            "capacite_max", "instructions_avant", "instructions_apres", "reservable_par", "nom_sms",
        ):  # fmt: skip
            setattr(plage, name, getattr(data, name))
        plage.rrule = data.recurrence.to_rrule()
        plage.excluded = sorted(day.isoformat() for day in data.excluded)
        if plage_id is None:
            db.session.add(plage)
            db.session.flush()
            if not may(agent, Droit.GERER_PLAGES, plage):
                require(agent, Droit.GERER_SES_PLAGES, motif)
                raise Refus("Vous pouvez créer vos propres plages : ajoutez-vous parmi les agents.")
        else:
            plage.version += 1
        retirees, gardees = _reconcile(plage, kept)
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
        return Reconciliation(plage, creees, retirees, gardees)


def materialise(plage_id: int) -> int:
    """Create the plage's missing sessions up to the horizon; returns how many. Run twice, it changes nothing (rule 4)."""
    with transaction():
        return _create_missing(_locked(plage_id))


def extend_horizons() -> int:
    """The daily job: every plage gets the sessions that came within the horizon; returns how many were created."""
    ids = db.session.scalars(
        select(PlageOuverture.id)
        .join(PlageOuverture.motif)
        .where(PlageOuverture.rrule != "", Motif.archived_at.is_(None), Motif.type == TypeMotif.COLLECTIF)
        .order_by(PlageOuverture.id)
    ).all()
    return sum(materialise(plage_id) for plage_id in ids)


def days_of(plage: PlageOuverture) -> list[date]:
    """The local dates on which the plage is held from today to its horizon."""
    now, tz = utcnow(), plage.organisation.timezone
    return occurrences(
        plage.first_day,
        Recurrence.from_rrule(plage.rrule),
        {date.fromisoformat(day) for day in plage.excluded},
        local(now, tz).date(),
        horizon(now, plage.motif.delai_max_jours, tz),
    )


def _locked(plage_id: int) -> PlageOuverture:
    plage = db.session.scalars(
        select(PlageOuverture)
        .where(PlageOuverture.id == plage_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if plage is None:
        raise Introuvable("Cette plage d’ouverture n’existe pas ou n’existe plus.")
    return plage


def _coming(plage: PlageOuverture) -> list[Rdv]:
    """The plage's coming sessions, locked."""
    ids = db.session.scalars(
        select(Rdv.id).where(Rdv.plage_ouverture_id == plage.id, Rdv.starts_at > utcnow(), Rdv.cancelled_at.is_(None))
    ).all()
    return seat_lock(*ids) if ids else []


def _check(data: PlageData, motif: Motif, agent: Agent) -> list[Agent]:
    """The agents of the plage; raises `Refus` when something does not belong to something else."""
    if motif.type is not TypeMotif.COLLECTIF:
        raise Refus("Une plage collective a un motif collectif.")
    if motif.archived_at is not None:
        raise Refus("Ce motif est archivé : on n’ouvre plus de plage pour lui.")
    if data.end_time <= data.start_time:
        raise Refus("L’heure de fin doit être après l’heure de début.")
    agents = list(
        db.session.scalars(
            select(Agent)
            .where(
                Agent.id.in_(data.agent_ids),
                Agent.organisation_id == motif.organisation_id,
                Agent.actif.is_(True),
                Agent.services.any(id=motif.service_id),
            )
            .order_by(Agent.last_name)
        )
    )
    if not agents:
        raise Refus("Choisissez au moins un agent.")
    if len(agents) != len(set(data.agent_ids)):
        raise Refus("Les agents d’une plage sont du service du motif.")
    if motif.location_type is TypeLieu.VISIO:
        if not data.lien_visio:
            raise Refus("Indiquez le lien de la visioconférence.")
    elif data.lieu_id is None:
        raise Refus("Choisissez un lieu.")
    lieu = db.session.get(Lieu, data.lieu_id) if data.lieu_id else None
    if data.lieu_id and (lieu is None or lieu.organisation_id != motif.organisation_id):
        raise Refus("Ce lieu n’est pas de votre organisation.")
    salle = db.session.get(Salle, data.salle_id) if data.salle_id else None
    if data.salle_id and (salle is None or salle.lieu_id != data.lieu_id):
        raise Refus("Cette salle n’est pas dans ce lieu.")
    if data.capacite_max is not None and data.capacite_max < 1:
        raise Refus("La capacité est d’au moins une place.")
    if (
        data.capacite_max is None
        and motif.capacite_max is None
        and (data.reservable_par or motif.reservable_par) is not ReservablePar.ENTREE_LIBRE
    ):
        raise Refus("Indiquez une capacité : le motif n’en donne pas.")
    return agents


def _reconcile(plage: PlageOuverture, coming: list[Rdv]) -> tuple[int, int]:
    """Bring the coming sessions in line with the plage; returns how many were removed, and how many kept as they were."""
    if not coming:
        return 0, 0
    wanted = set(days_of(plage))
    used = set(
        db.session.scalars(
            select(Participation.rdv_id).where(Participation.rdv_id.in_([rdv.id for rdv in coming])).distinct()
        )
    )
    retirees = gardees = 0
    for rdv in coming:
        assert rdv.occurrence_le is not None
        if rdv.detache:
            pass
        elif rdv.occurrence_le not in wanted:
            if rdv.id not in used:
                db.session.delete(rdv)
                retirees += 1
                continue
            rdv.detache = True
            gardees += 1
        elif rdv.id in used and _moved(plage, rdv):
            rdv.detache = True
            gardees += 1
        else:
            _place(plage, rdv)
        rdv.agents = list(plage.agents)
        rdv.capacite_max = effective_capacity(rdv)
        rdv.version += 1
        live.publish(rdv.id, rdv.version)
    db.session.flush()
    return retirees, gardees


def _moved(plage: PlageOuverture, rdv: Rdv) -> bool:
    """Would following the plage change when or where booked people come?"""
    assert rdv.occurrence_le is not None
    starts, ends = interval_utc(rdv.occurrence_le, plage.start_time, plage.end_time, plage.organisation.timezone)
    return (rdv.starts_at, rdv.ends_at, rdv.lieu_id, rdv.salle_id, rdv.lien_visio) != (
        starts,
        ends,
        plage.lieu_id,
        plage.salle_id,
        plage.lien_visio,
    )


def _place(plage: PlageOuverture, rdv: Rdv) -> None:
    assert rdv.occurrence_le is not None
    rdv.starts_at, rdv.ends_at = interval_utc(
        rdv.occurrence_le, plage.start_time, plage.end_time, plage.organisation.timezone
    )
    rdv.lieu_id, rdv.salle_id, rdv.lien_visio = plage.lieu_id, plage.salle_id, plage.lien_visio


def _create_missing(plage: PlageOuverture) -> int:
    """One session per coming occurrence that has no row yet: moved, kept or cancelled ones keep theirs (rule 4)."""
    db.session.flush()
    db.session.refresh(plage, ["lieu", "salle"])
    known = set(db.session.scalars(select(Rdv.occurrence_le).where(Rdv.plage_ouverture_id == plage.id)))
    now, made = utcnow(), 0
    for day in days_of(plage):
        if day in known:
            continue
        rdv = Rdv(
            organisation_id=plage.organisation_id,
            motif=plage.motif,
            plage_ouverture=plage,
            occurrence_le=day,
            agents=list(plage.agents),
        )
        _place(plage, rdv)
        if rdv.starts_at <= now:
            db.session.expunge(rdv)
            continue
        rdv.capacite_max = effective_capacity(rdv)
        db.session.add(rdv)
        made += 1
    db.session.flush()
    return made


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
