"""What a person may ask of their file through an agent: to be given it, or to be erased (docs/domain.md rule 23)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.clock import utcnow
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Perime, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import Agent, EtatNotification, FileAttente, Invitation, Notification, Participation, Usager
from webapp.notifications.base import AGENT
from webapp.queries import foyer, invitations
from webapp.queries import repertoire as queries

from . import donnees_en_mots, fiches, journal, mes_donnees, offres
from .booking import move
from .retention import erase
from .transaction import seat_lock, transaction
from .usagers import organisations_of

AUTRE_SERVICE = (
    "Un autre service suit aussi cette personne : demandez à un agent qui gère les usagers de tous les services, à "
    "l’accueil par exemple."
)


class Raison(StrEnum):
    """Why a file is erased: words of a list, so that the journal keeps nothing of the person."""

    DEMANDE = "demande"
    DOUBLE = "double"
    ERREUR = "erreur"

    @property
    def label(self) -> str:
        return {
            Raison.DEMANDE: "La personne le demande",
            Raison.DOUBLE: "Elle a une autre fiche",
            Raison.ERREUR: "Fiche créée par erreur",
        }[self]


class Proches(StrEnum):
    """What becomes of those whose messages the person reads."""

    DETACHER = "detacher"
    SUPPRIMER = "supprimer"


@dataclass(frozen=True, slots=True)
class Suppression:
    """What would go: seats to come that are given back, waits that end, those whose messages the person reads; `refus`
    is why it can't be done from here."""

    a_venir: Sequence[Participation]
    attentes: int
    proches: Sequence[Usager]
    refus: str = ""


def export(agent: Agent, usager_id: int) -> dict[str, Any]:
    """All that the agent's services keep about that person, in words; the journal says that it was given."""
    usager = fiches.require_whole(agent, usager_id)
    organisation = agent.organisation
    among = services_with(agent.octrois(), Droit.VOIR, organisation.id)
    places = queries.places_of(organisation.id, among, usager.id)
    waits = queries.waits_of(organisation.id, among, usager.id)
    elsewhere = among is not None and not queries.services_of(organisation.id, [usager.id]) <= among
    said = donnees_en_mots.file_as_text(
        usager,
        foyer.relatives_of(usager.id),
        places,
        waits,
        [row for row, _ in invitations.of_person(organisation.id, among, usager.id)],
        queries.messages_of(organisation.id, usager.id, among),
        organisation.timezone,
    )
    if elsewhere:
        said["à savoir"] = "D’autres services ont des rendez-vous de cette personne : leurs agents les donnent."
    with transaction():
        journal.note(organisation.id, "usager_exporte", usager, agent=agent)
    return said


def preview(agent: Agent, usager_id: int) -> Suppression:
    """What erasing that file would do now."""
    usager = fiches.require_whole(agent, usager_id)
    relatives = foyer.relatives_of(usager.id)
    ids = [usager.id]
    return Suppression(
        queries.coming_seats(ids, utcnow()),
        len(queries.live_waits(ids, utcnow())),
        relatives,
        _refusal(agent, usager, ids),
    )


def delete(agent: Agent, usager_id: int, raison: Raison, proches: Proches | None = None) -> int:
    """Give back the seats to come, then make nobody of the person: all of it or nothing. Their relatives stay, without
    anybody who reads their messages, or go too. Answers how many seats were given back. The session's agents are told
    as of any withdrawal, the person is not: nothing is left to write to. Raises `Introuvable`, `Interdit`, `Refus`."""
    with transaction() as session:
        usager = fiches.hold(agent, usager_id)
        relatives = foyer.relatives_of(usager.id)
        if relatives and proches is None:
            raise Refus("Dites d’abord ce que deviennent ses proches.")
        ids = [usager.id, *(one.id for one in relatives if proches is Proches.SUPPRIMER)]
        if reason := _refusal(agent, usager, ids):
            raise Refus(reason)
        session.execute(select(Usager.id).where(Usager.id.in_(ids)).order_by(Usager.id).with_for_update()).all()
        freed = _leave(agent, ids)
        for one in relatives:
            one.responsable_id = None
        db.session.flush()
        now = utcnow()
        places = session.scalars(select(Participation).where(Participation.usager_id.in_(ids))).all()
        waits = session.scalars(select(FileAttente).where(FileAttente.usager_id.in_(ids))).all()
        invited = session.scalars(select(Invitation).where(Invitation.usager_id.in_(ids))).all()
        gone = session.scalars(select(Usager).where(Usager.id.in_(ids))).all()
        _say_nothing(session, [place.id for place in places])
        erase(session, ids, now)
        mes_donnees.close_all(session, mes_donnees.Tenu(places, gone, waits, invited), now)
        for one in gone:
            journal.note(agent.organisation_id, "usager_supprime", one, agent=agent, raison=raison.value)
    db.session.expire_all()
    return freed


def _leave(agent: Agent, ids: Sequence[int]) -> int:
    """Nobody of these has a seat to come, nor waits for one, any more."""
    now = utcnow()
    wanted = {place.rdv_id for place in queries.coming_seats(ids, now)}
    wanted |= {entry.rdv_id for entry in queries.live_waits(ids, now)}
    if not wanted:
        return 0
    rdvs = {rdv.id: rdv for rdv in seat_lock(*wanted)}
    seats: dict[int, list[Participation]] = defaultdict(list)
    for place in queries.coming_seats(ids, now):
        seats[place.rdv_id].append(place)
    waits = queries.live_waits(ids, now)
    if not {*seats, *(entry.rdv_id for entry in waits)} <= set(rdvs):
        raise Perime("Les rendez-vous de cette personne viennent de changer : regardez, puis recommencez.")
    for entry in waits:
        offres.move(rdvs[entry.rdv_id], entry, EtatAttente.RETIREE, by=Acteur.AGENT, agent=agent)
    for rdv_id in sorted(rdvs):
        if seats[rdv_id]:
            move(rdvs[rdv_id], seats[rdv_id], Statut.EXCUSE, by=Acteur.AGENT, agent=agent)
    offres.pass_on(*rdvs.values())
    return sum(map(len, seats.values()))


def _say_nothing(session: Session, place_ids: Sequence[int]) -> None:
    """What was still to be said about these places, to others than agents, has no reader any more."""
    session.execute(
        update(Notification)
        .where(
            Notification.sujet_type == "participation",
            Notification.sujet_id.in_(place_ids),
            Notification.destinataire_type != AGENT,
            Notification.etat == EtatNotification.A_ENVOYER,
        )
        .values(etat=EtatNotification.IGNOREE, erreur="La fiche de la personne a été supprimée.")
        .execution_options(synchronize_session=False)
    )


def _refusal(agent: Agent, usager: Usager, ids: Sequence[int]) -> str:
    """Why these may not be erased by this agent; nothing when they may."""
    if len(organisations_of(usager.id)) > 1:
        return "Une autre organisation connaît aussi cette personne : sa fiche ne se supprime pas d’ici."
    manages = services_with(agent.octrois(), Droit.GERER_USAGERS, agent.organisation_id)
    if manages is not None and not queries.services_of(agent.organisation_id, ids) <= manages:
        return AUTRE_SERVICE
    return ""
