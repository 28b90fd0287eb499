"""The people of one session are given seats in another: who was chosen, but for who is or was there already
(docs/domain.md rules 20 and 25)."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from webapp.clock import utcnow
from webapp.domain.capacity import Visibilite
from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, Perime, Refus
from webapp.domain.events import Inscription
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.extensions import db
from webapp.models import Agent, Envoi, Participation, Rdv, Usager
from webapp.notifications.base import emit
from webapp.notifications.people import Lecteur, Prevenus, prevenus
from webapp.queries import fiche, lots

from . import offres
from .booking import give_seats
from .demandes import remember
from .deplacements import check_target
from .droits import require
from .transaction import seat_lock, transaction


@dataclass(frozen=True, slots=True)
class Futur:
    """A seat, or an invitation, somebody would get: told by what their file says. Each has a message of its own when
    `rdv_id` differs."""

    usager: Usager
    rdv_id: int = 0
    telephone: str | None = None
    courriel: str | None = None
    refus_sms: bool = False
    refus_courriel: bool = False
    prevenir: bool = True

    @property
    def lecteur(self) -> Usager:
        return self.usager.lecteur


@dataclass(frozen=True, slots=True)
class Plan:
    """What a copy would do: who gets a seat, who is there already, who was and is left alone, who does not fit."""

    inscrites: Sequence[Participation]
    deja: Sequence[Participation]
    parties: Sequence[tuple[Participation, Participation]]
    """(place in the first session, what became of the person's place in the other)."""
    depassent: Sequence[Participation]

    @property
    def cle(self) -> str:
        """Who gets a seat, as a page showed it."""
        return hashlib.sha256(repr([row.usager_id for row in self.inscrites]).encode()).hexdigest()[:16]

    def told(self, vers: Rdv, textes: int | None = None) -> Prevenus:
        """Who would be told of their seat, by what; nobody where the motif confirms nothing."""
        silent = vers.motif.visibilite is not Visibilite.VISIBLE_NOTIFIE
        now, organisation = utcnow(), vers.organisation

        def by_sms(reader: Lecteur) -> bool:
            return organisation.confirms_by_sms(has_email=bool(reader.courriel), starts_at=vers.starts_at, now=now)

        people = [] if silent else [Futur(row.usager) for row in self.inscrites]
        return prevenus(people, textes=textes, par_sms=by_sms)  # type: ignore[arg-type]


def copiable(row: Participation) -> bool:
    """May this person be copied with others? Who said that they could not come is not put back by a crowd (rule 20),
    nor is who was removed; a session that is cancelled did not ask them."""
    if row.usager.anonymise_le is not None:
        return False
    with_the_session = row.statut is Statut.ANNULE and row.statut_le == row.rdv.cancelled_at
    return (
        holds_seat(row.statut) or with_the_session or (row.statut is Statut.EXCUSE and row.statut_par is Acteur.AGENT)
    )


def offered(de: Rdv) -> list[Participation]:
    """The people of a session who may be copied, by name."""
    return [row for row in fiche.people(de) if copiable(row)]


def plan(vers: Rdv, chosen: Sequence[Participation], *, surbooking: bool = False) -> Plan:
    """What copying these people would do: seats go to who booked first."""
    there = lots.places_of(vers.id, [row.usager_id for row in chosen])
    asking = [row for row in chosen if row.usager_id not in there]
    asking.sort(key=lambda row: (row.inscrit_le, row.id))
    room = len(asking) if surbooking else vers.jauge().libres
    return Plan(
        inscrites=asking[:room],
        deja=[row for row in chosen if (p := there.get(row.usager_id)) is not None and p.occupe],
        parties=[(row, p) for row in chosen if (p := there.get(row.usager_id)) is not None and not p.occupe],
        depassent=asking[room:],
    )


def copy_people(
    de_id: int,
    vers_id: int,
    participation_ids: Collection[int],
    *,
    agent: Agent,
    envoi: str,
    annonce: str = "",
    surbooking: bool = False,
    prevenir: bool = True,
) -> int:
    """Give those people of a session seats in another one of its service, each told once; answers how many. The same
    form sent twice copies once: the second answers 0.

    `annonce` is the `Plan.cle` of what the page showed: raises `Perime` when it would be others now. Raises
    `Introuvable`, `Interdit`, `Ferme`, `Complet`, `Refus`.
    """
    if de_id == vers_id:
        raise Refus("Choisissez une autre séance.")
    content = repr(("copie", de_id, vers_id, agent.id, envoi, sorted(participation_ids)))
    cle = hashlib.sha256(content.encode()).hexdigest()
    with transaction():
        both = {rdv.id: rdv for rdv in seat_lock(de_id, vers_id)}
        de, vers = both[de_id], both[vers_id]
        for rdv in (de, vers):
            require(agent, Droit.GERER_RDV, rdv)
        if db.session.scalar(select(Envoi.cle).where(Envoi.cle == cle)) is not None:
            return 0
        check_target(de, vers)
        wanted = set(participation_ids)
        found = plan(vers, [row for row in offered(de) if row.id in wanted], surbooking=surbooking)
        if annonce and annonce != found.cle:
            raise Perime("La liste a changé : vérifiez qui sera inscrit, puis validez à nouveau.")
        if not found.inscrites:
            raise Complet("Cette séance est complète.") if found.depassent else Refus("Il n’y a personne à inscrire.")
        usagers = [row.usager for row in found.inscrites]
        rows = give_seats(vers, usagers, by=Acteur.AGENT, agent=agent, prevenir=prevenir, surbooking=surbooking)
        for row, first in zip(rows, found.inscrites, strict=True):
            row.numero_dossier = first.numero_dossier
        db.session.flush()
        offres.taken(vers, *(usager.id for usager in usagers))
        if prevenir:
            first_row, *others = rows
            also = tuple(row.id for row in others)
            emit(
                Inscription(
                    auteur_agent_id=agent.id, participation_id=first_row.id, version=first_row.version, avec=also
                )
            )
        remember(cle, rows[0].id)
        return len(rows)
