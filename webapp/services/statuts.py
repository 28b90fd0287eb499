"""Many statuses in one click, a change taken back, people counted at the door, a note about one person: what the
collective sheet does beside booking (docs/domain.md rules 10, 15 and 20)."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select

from webapp import live
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.errors import Complet, Introuvable, Perime, Refus
from webapp.domain.participation import EN_LOT, TRANSITIONS, Acteur, Statut, check_moment, check_retour, seat_delta
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Envoi, EtatNotification, Notification, Participation, Rdv, ouverture

from . import journal
from .booking import check_seat, fresh, move
from .rdvs import NOTE_MAX, note_cle
from .transaction import seat_lock, transaction

COUNTED_MAX = 9999


def move_all(rdv_id: int, statut: Statut, *, agent: Agent) -> list[Participation]:
    """« Tous présents », and the like: everybody one click may move (`EN_LOT`), in one transaction, each with a line of
    the journal. Who left is left alone, whoever a colleague has just noted too. Raises `Introuvable`, `Refus`,
    `Occupe`."""
    if statut not in EN_LOT:
        raise Refus(f"« {statut.label} » se note une personne à la fois.")
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        _not_cancelled(rdv)
        tz = rdv.organisation.timezone
        when = TRANSITIONS[Acteur.AGENT][next(iter(EN_LOT[statut]))][statut]
        check_moment(statut, when, now=utcnow(), starts_at=rdv.starts_at, tz=tz)
        ids = db.session.scalars(
            select(Participation.id).where(Participation.rdv_id == rdv.id, Participation.statut.in_(EN_LOT[statut]))
        ).all()
        rows = fresh(ids)
        if rows:
            move(rdv, rows, statut, by=Acteur.AGENT, agent=agent)
        return rows


def take_back(participation_id: int, *, agent: Agent, version: int | None) -> Participation:
    """One person as they were before this agent's last change, a moment ago. Raises `Perime` when somebody changed them
    meanwhile, `Refus` when it is too late or the seat is no longer free, `Introuvable`, `Occupe`."""
    found = db.session.get(Participation, participation_id)
    if found is None:
        raise Introuvable
    with transaction():
        (rdv,) = seat_lock(found.rdv_id)
        (row,) = fresh([participation_id])
        kept = row.avant or {}
        if version is not None and kept.get("repris") == version:  # the same click, sent twice
            return row
        if row.version != version or row.statut_par_agent_id != agent.id or "statut" not in kept:
            who = row.statut_par_agent.nom_court if row.statut_par_agent else "la personne elle-même"
            raise Perime(f"{row.usager.nom_complet} vient de passer à « {row.statut.label} » ({who}).")
        _take_back(rdv, [row], agent)
        return row


def take_back_all(rdv_id: int, lot: int, *, agent: Agent) -> list[Participation]:
    """Those this agent moved with one click, that nobody has changed since. Raises as `take_back` does."""
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        ids = db.session.scalars(
            select(Participation.id).where(
                Participation.rdv_id == rdv.id,
                Participation.rdv_version == lot,
                Participation.statut_par_agent_id == agent.id,
            )
        ).all()
        rows = [row for row in fresh(ids) if "statut" in (row.avant or {})]
        if rows:
            _take_back(rdv, rows, agent)
        return rows


def _take_back(rdv: Rdv, rows: Sequence[Participation], agent: Agent) -> None:
    now = utcnow()
    _not_cancelled(rdv)
    for row in rows:
        check_retour(row.statut_le, now)
    kept = {row.id: row.avant or {} for row in rows}
    back: dict[Statut, list[Participation]] = defaultdict(list)
    for row in rows:
        back[Statut(kept[row.id]["statut"])].append(row)
    seats = sum(seat_delta(row.statut, statut) > 0 for statut, those in back.items() for row in those)
    if seats and now < rdv.starts_at:
        try:
            check_seat(rdv, by=Acteur.AGENT, agent=agent, surbooking=False, seats=seats)
        except Complet:
            raise Refus("La place n’est plus libre : ce changement ne s’annule plus.") from None
    for statut, those in back.items():
        move(rdv, those, statut, by=Acteur.AGENT, agent=agent, prevenir=_has_left(those), retour=True)
    for row in rows:
        was = kept[row.id]
        row.avant = {"repris": row.version - 1}
        row.raison, row.prevenir = was["raison"], was["prevenir"]
        row.statut_par, row.statut_par_agent_id = Acteur(was["par"]), was["agent"]
        row.inscrit_le = datetime.fromisoformat(was["inscrit_le"])


def _has_left(rows: Sequence[Participation]) -> bool:
    """Did a message about the change of one of them leave already? One that has not is no longer true, and stays."""
    left = (EtatNotification.EN_COURS, EtatNotification.ENVOYEE)
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    Notification.sujet_type == "participation",
                    Notification.sujet_id.in_([row.id for row in rows]),
                    Notification.cree_le >= min(row.statut_le for row in rows),
                    Notification.etat.in_(left),
                )
            )
        )
    )


def _not_cancelled(rdv: Rdv) -> None:
    if rdv.cancelled_at is not None:
        raise Refus("Cette séance est annulée : les statuts ne changent plus.")


def note_person(participation_id: int, note: str, *, agent: Agent, connu: str = "") -> Participation:
    """Keep what is useful at the door about one person (rule 15); the journal says that it changed, never what it says.

    `connu` is the `note_cle` of what the page showed: raises `Perime` when a colleague wrote another note meanwhile,
    `Refus` when it is too long.
    """
    found = db.session.get(Participation, participation_id)
    if found is None:
        raise Introuvable
    if len(note) > NOTE_MAX:
        raise Refus(f"Cette note est trop longue : {NOTE_MAX} caractères au plus, et elle en a {len(note)}.")
    with transaction():
        (rdv,) = seat_lock(found.rdv_id)
        (row,) = fresh([participation_id])
        if row.note == note:
            return row
        if connu and connu != note_cle(row.note):
            said = f"« {row.note} »" if row.note else "rien : elle a été effacée"
            raise Perime(f"Un collègue vient de changer cette note. Elle dit maintenant {said}.")
        rdv.version += 1
        row.version += 1
        row.note, row.rdv_version = note, rdv.version
        db.session.flush()
        journal.note(rdv.organisation_id, "note_personne", row, agent=agent, rdv_id=rdv.id)
        live.publish(rdv.id, rdv.version)
        return row


# --- people counted at the door ------------------------------------------------------------------------------------


def count_people(rdv_id: int, step: int, *, agent: Agent, envoi: str) -> Rdv:
    """One person more, or less, at an open door; the same form sent twice counts once. Raises `Refus`, `Occupe`."""
    with transaction():
        rdv = _open_door(rdv_id)
        if _first_time(f"comptage {rdv_id} {envoi} {step}"):
            _count(rdv, rdv.presents_anonymes + step, agent)
        return rdv


def set_count(rdv_id: int, total: int, *, agent: Agent, connu: int) -> Rdv:
    """How many people came, counted again; `connu` is what the page showed. Raises `Perime`, `Refus`, `Occupe`."""
    with transaction():
        rdv = _open_door(rdv_id)
        if rdv.presents_anonymes not in (connu, total):
            raise Perime(f"Le compte vient de changer : {rdv.presents_anonymes}, et non plus {connu}.")
        _count(rdv, total, agent)
        return rdv


def _open_door(rdv_id: int) -> Rdv:
    (rdv,) = seat_lock(rdv_id)
    if rdv.cancelled_at is not None:
        raise Refus("Cette séance est annulée : on n’y compte plus personne.")
    if ouverture(rdv).reservable_par is not ReservablePar.ENTREE_LIBRE:
        raise Refus("On ne compte que dans une séance en entrée libre : ici, on note chaque personne.")
    tz = rdv.organisation.timezone
    if local(utcnow(), tz).date() < local(rdv.starts_at, tz).date():
        raise Refus("Les personnes se comptent à partir du jour de l’atelier.")
    return rdv


def _count(rdv: Rdv, total: int, agent: Agent) -> None:
    before = rdv.presents_anonymes
    if total == before:
        return
    if total < 0:
        raise Refus("Le compte est déjà à zéro.")
    if total > COUNTED_MAX:
        raise Refus(f"On compte jusqu’à {COUNTED_MAX} personnes.")
    rdv.presents_anonymes = total
    rdv.version += 1
    db.session.flush()
    journal.note(rdv.organisation_id, "comptage", rdv, agent=agent, rdv_id=rdv.id, de=before, a=total)
    live.publish(rdv.id, rdv.version)


def _first_time(form: str) -> bool:
    """Remember that this form was answered; False when it was already. The session's row is locked."""
    row = insert(Envoi.__table__, db.session.get_bind().dialect.name)
    answer = {"cle": hashlib.sha256(form.encode()).hexdigest()}
    return db.session.execute(row.on_conflict_do_nothing().returning(Envoi.cle), answer).first() is not None
