"""Somebody goes from one session to another: a seat given back and a seat taken in one transaction, told once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from webapp import live
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Ferme, Introuvable, Perime, Refus
from webapp.domain.events import Deplacement, Prescription
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.extensions import db
from webapp.models import Agent, Participation, Rdv, ouverture
from webapp.notifications.base import emit
from webapp.notifications.content import of_rdv, ou_et_quand
from webapp.queries import foyer
from webapp.queries import usagers as people

from . import journal, offres
from .booking import _come_back, _count, _set, check_seat, fresh
from .demandes import Demande, new_row
from .droits import require
from .transaction import seat_lock, transaction

GOES_ALONG = (
    *("telephone", "courriel", "refus_sms", "refus_courriel", "numero_dossier", "prevenir", "rappeler", "note"),
    *("prescripteur_nom", "prescripteur_structure", "prescripteur_courriel"),
)
"""What belongs to the person's place, wherever it is."""


def move_places(
    participation_ids: Collection[int],
    vers_id: int,
    *,
    agent: Agent,
    versions: Mapping[int, int] | None = None,
    surbooking: bool = False,
    prevenir: bool = True,
) -> list[Participation]:
    """Give these people of one session seats in another of the same service, all or none; their old seats go to who
    waits. Answers the new places; the same asked again gets the same ones.

    `versions` are those the page showed. Raises `Introuvable`, `Interdit`, `Perime`, `Refus`, `Ferme`, `Complet`.
    """
    ids = sorted(set(participation_ids))
    sources = set(db.session.scalars(select(Participation.rdv_id).where(Participation.id.in_(ids))))
    if len(sources) != 1:
        raise Introuvable
    (de_id,) = sources
    if de_id == vers_id:
        raise Refus("La personne est déjà dans cette séance.")
    with transaction():
        both = {rdv.id: rdv for rdv in seat_lock(de_id, vers_id)}
        de, vers = both[de_id], both[vers_id]
        for rdv in (de, vers):
            require(agent, Droit.GERER_RDV, rdv)
        rows = fresh(ids)
        already = [row.deplacee_vers for row in rows]
        if all(place is not None and place.rdv_id == vers.id and place.occupe for place in already):
            return [place for place in already if place is not None]
        check_sessions(de, vers)
        for row in rows:
            _check_place(row, versions)
        there = {row.usager_id: row for row in people.participations_of(vers.id, [row.usager_id for row in rows])}
        for row in there.values():
            if row.occupe:
                raise Refus(f"{row.usager.nom_complet} a déjà une place à cette séance.")
        over = check_seat(vers, by=Acteur.AGENT, agent=agent, surbooking=surbooking, seats=len(rows))
        avant = {**ou_et_quand(de), "rdv": de.id, "nom": of_rdv(de).nom}
        # A calendar keeps the last SEQUENCE it saw of an event, which goes on here as this session's version.
        vers.version = max(vers.version, de.version)
        details = {**({"surbooking": True} if over else {}), **({} if prevenir else {"prevenir": False})}
        new = [_move(row, there.get(row.usager_id), vers, agent, details) for row in rows]
        db.session.flush()
        _same_events(de, vers, new)
        offres.taken(vers, *(row.usager_id for row in new))
        offres.pass_on(de)
        if prevenir:
            _tell(de, rows, new, avant, agent)
        for rdv in (de, vers):
            live.publish(rdv.id, rdv.version)
        return new


def check_sessions(de: Rdv, vers: Rdv) -> None:
    """Raise why nobody goes from one of these sessions to the other now."""
    now = utcnow()
    if de.cancelled_at is not None:
        raise Refus("Cette séance est annulée : ses places sont déjà rendues.")
    if de.starts_at <= now:
        raise Refus("Cette séance a commencé : notez qui est venu, puis copiez ou invitez les autres.")
    check_target(de, vers)


def check_target(de: Rdv, vers: Rdv) -> None:
    """Raise why nobody of a session can be given a seat in that other one."""
    if vers.organisation_id != de.organisation_id or vers.motif.service_id != de.motif.service_id:
        raise Refus("Cette séance est celle d’un autre service.")
    if vers.cancelled_at is not None:
        raise Ferme("La séance choisie est annulée : on n’y inscrit plus personne.")
    if vers.starts_at <= utcnow():
        raise Ferme("La séance choisie a déjà commencé ou est passée.")
    if ouverture(vers).reservable_par is ReservablePar.ENTREE_LIBRE:
        raise Ferme("La séance choisie est en entrée libre : on n’y inscrit pas, on compte les personnes à l’accueil.")


def followed(place: Participation) -> Participation | None:
    """The seat somebody has now whose place was moved, as far as it went; None when it was not, or when who holds the
    old link may read the messages of somebody else by now (docs/domain.md rule 18)."""
    new, seen = place, {place.id}
    while new.deplacee_vers is not None and not holds_seat(new.statut) and new.deplacee_vers_id not in seen:
        new = new.deplacee_vers
        seen.add(new.id)
    return new if new is not place and place.adresses and place.adresses <= new.adresses else None


def household(place: Participation) -> list[Participation]:
    """The others of that session whose messages the same person reads, and who could move along."""
    read = foyer.places_read_by(place.lecteur.id, place.rdv_id)
    return [one for one in read if one.id != place.id and one.statut is Statut.INSCRIT]


def _check_place(row: Participation, versions: Mapping[int, int] | None) -> None:
    name = row.usager.nom_complet
    if versions is not None and versions.get(row.id, row.version) != row.version:
        raise Perime(f"{name} vient de passer à « {row.statut.label} » : regardez, puis choisissez à nouveau.")
    if row.statut is not Statut.INSCRIT:
        raise Refus(f"{name} n’a plus de place à déplacer : son statut est « {row.statut.label} ».")


def _move(
    old: Participation, back: Participation | None, vers: Rdv, agent: Agent, details: dict[str, Any]
) -> Participation:
    """One seat taken there, one given back here; both sessions are locked."""
    de, usager = old.rdv, old.usager
    demande = Demande(None, usager.id, Acteur.AGENT, agent, surbooking=False, prevenir=old.prevenir, cle="")
    if back is None:
        new = new_row(vers, usager, demande)
    else:
        new = back
        _come_back(vers, new, demande)
    for name in GOES_ALONG:
        setattr(new, name, getattr(old, name))
    new.invitation_id = old.invitation_id if vers.motif_id == de.motif_id else None
    _count(vers, new)
    de.version += 1
    de.places_prises -= 1
    _set(old, de, Statut.ANNULE, by=Acteur.AGENT, agent=agent)
    old.deplacee_vers = new
    _note("inscription", new, agent, details, depuis=_day(de))
    _note("statut", old, agent, details, de=Statut.INSCRIT, a=Statut.ANNULE, vers=_day(vers))
    return new


def _note(action: str, row: Participation, agent: Agent, details: dict[str, Any], **more: Any) -> None:
    journal.note(row.rdv.organisation_id, action, row, agent=agent, rdv_id=row.rdv_id, **more, **details)


def _day(rdv: Rdv) -> str:
    day: date = local(rdv.starts_at, rdv.organisation.timezone).date()
    return day.isoformat()


def _same_events(de: Rdv, vers: Rdv, taken: Sequence[Participation]) -> None:
    """The event in somebody's calendar goes along with the last seat they answer for here, unless they have one there
    already: a household has one event for each session, by its lowest number. The two numbers are exchanged."""
    new = {row.id for row in taken}
    for reader in {row.lecteur.id for row in taken}:
        here, there = foyer.places_read_by(reader, de.id), foyer.places_read_by(reader, vers.id)
        if any(place.occupe for place in here) or any(place.occupe and place.id not in new for place in there):
            continue
        old, took = (min(places, key=lambda place: place.agenda) for places in (here, there))
        old.agenda_id, took.agenda_id = took.agenda, old.agenda
        db.session.flush()


def _tell(
    de: Rdv, left: Sequence[Participation], taken: Sequence[Participation], avant: Mapping[str, Any], agent: Agent
) -> None:
    first, *others = taken
    emit(
        Deplacement(
            auteur_agent_id=agent.id,
            participation_id=first.id,
            version=first.version,
            avec=tuple(row.id for row in others),
            de_rdv_id=de.id,
            parties=tuple(row.id for row in left),
            avant=avant,
        )
    )
    for row in taken:
        if row.prescripteur_courriel:
            emit(Prescription(auteur_agent_id=agent.id, participation_id=row.id, version=row.version, quoi="deplacee"))
