"""An agent invites somebody to choose a session of a motif: the only public door to what is `invites` (rule 8)."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import update

from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.dates import day_month, long_moment
from webapp.domain.droits import Droit
from webapp.domain.errors import AutreSeance, Introuvable, Refus
from webapp.domain.events import Invitation as Invite
from webapp.domain.invitations import LIFE, EtatInvitation
from webapp.domain.phones import national
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Invitation, Motif, Participation, Rdv, TypeMotif, Usager, ouverture
from webapp.notifications.base import emit, emit_many
from webapp.notifications.people import addresses
from webapp.queries import invitations as queries
from webapp.queries import lots
from webapp.queries import usagers as people

from . import journal
from .droits import require
from .transaction import transaction

UNREACHABLE = "à appeler"
"""Why somebody is not invited whom no message reaches."""


def closed(motif: Motif) -> str:
    """Why nobody can be invited to that motif, in a sentence agents read; nothing when one can."""
    if motif.archived_at is not None:
        return "Ce motif est archivé : il ne se réserve plus."
    if motif.type is not TypeMotif.COLLECTIF or motif.visibilite is Visibilite.INVISIBLE:
        return "Ce motif est invisible pour le public : une personne invitée n’y verrait rien. Inscrivez-la vous-même."
    if not queries.ever_open(motif, utcnow()):
        return (
            "Ce motif n’est ouvert ni au public, ni aux personnes invitées. Changez « Qui peut réserver », "
            "dans le motif ou dans une de ses plages."
        )
    return ""


def invite(usager_id: int, motif: Motif, agent: Agent, *, envoi: str, prevenir: bool = True) -> Invitation:
    """Invite this person for twelve weeks, and tell them. Who holds a live invitation to this motif keeps its link, for
    twelve weeks more; one that was withdrawn or has expired gets another. The same form sent twice invites once.

    Without a message (`prevenir`), only a live invitation is renewed. Raises `Introuvable`, `Interdit`, `Refus`.
    """
    require(agent, Droit.GERER_RDV, motif)
    if reason := closed(motif):
        raise Refus(reason)
    organisation_id, motif_id, tz = motif.organisation_id, motif.id, motif.organisation.timezone
    cle = _key(motif_id, usager_id, envoi, prevenir)
    with transaction():
        usager = people.of_organisation(organisation_id, usager_id, held=True)
        if usager is None:
            raise Introuvable("Cette personne n’est pas connue de votre organisation.")
        row = _row(motif, usager, agent)
        if row.cle == cle:
            return row
        if seat := queries.coming_seat(motif_id, usager.id, utcnow()):
            quand = long_moment(seat.starts_at, tz)
            raise Refus(f"{usager.nom_complet} a déjà une place à une séance de ce motif, {quand}.")
        _reachable(usager, live=_live(row), prevenir=prevenir)
        _renew(row, agent, cle, prevenir=prevenir)
        if prevenir:
            emit(Invite(auteur_agent_id=agent.id, invitation_id=row.id, version=row.version))
        return row


def left_out(motif: Motif, usagers: Sequence[Usager]) -> dict[int, str]:
    """Person → why they are not invited with others: they have a date, or may still choose one, or nothing reaches
    them."""
    now, ids = utcnow(), [usager.id for usager in usagers]
    seats, known = lots.coming_seats(motif.id, ids, now), queries.of_people(motif.id, ids, now)
    found = {}
    for usager in usagers:
        if usager.id in seats:
            found[usager.id] = f"a une place le {day_month(seats[usager.id], motif.organisation.timezone)}"
        elif known.get(usager.id) in (EtatInvitation.ENVOYEE, EtatInvitation.OUVERTE):
            found[usager.id] = "invitation en cours"
        elif not addresses(usager):
            found[usager.id] = UNREACHABLE
    return found


def invite_many(usager_ids: Collection[int], motif: Motif, agent: Agent, *, envoi: str) -> list[Invitation]:
    """Invite these people, each told once; those `left_out` says are left alone. The same form sent twice invites once:
    the second answers nobody. Raises `Introuvable`, `Interdit`, `Refus`."""
    require(agent, Droit.GERER_RDV, motif)
    if reason := closed(motif):
        raise Refus(reason)
    if not usager_ids:
        raise Refus("Choisissez au moins une personne.")
    organisation_id, done = motif.organisation_id, []
    with transaction():
        found = [people.of_organisation(organisation_id, one, held=True) for one in sorted(set(usager_ids))]
        usagers = [usager for usager in found if usager is not None]
        left = left_out(motif, usagers)
        for usager in usagers:
            if usager.id in left:
                continue
            row, cle = _row(motif, usager, agent), _key(motif.id, usager.id, envoi, True)
            if row.cle == cle or (_live(row) and queries.seat_of(row) is None):  # by another form, at this moment
                continue
            _renew(row, agent, cle, prevenir=True)
            done.append(row)
        emit_many([Invite(auteur_agent_id=agent.id, invitation_id=row.id, version=row.version) for row in done])
    return done


def _key(motif_id: int, usager_id: int, envoi: str, prevenir: bool) -> str:
    """The form that sends an invitation."""
    return hashlib.sha256(repr(("invitation", motif_id, usager_id, envoi, prevenir)).encode()).hexdigest()


def _live(row: Invitation) -> bool:
    """Was it sent already, and does its link still open something?"""
    return row.version > 0 and row.moments().live(utcnow())


def _renew(row: Invitation, agent: Agent, cle: str, *, prevenir: bool) -> None:
    """Twelve weeks from now, by the same link while it was live."""
    now, live = utcnow(), _live(row)
    if row.version > 0 and not live:
        row.lien_nonce, row.lien_hash = links.new_link(links.INVITATION)
    row.agent_id, row.prevenir, row.cle = agent.id, prevenir, cle
    row.envoyee_le, row.expire_le, row.ouverte_le, row.retiree_le = now, now + LIFE, None, None
    row.version += 1
    db.session.flush()
    action = "invitation_renouvelee" if live else "invitation_envoyee"
    details: dict[str, Any] = {} if prevenir else {"prevenir": False}
    journal.note(row.organisation_id, action, row, agent=agent, **details)


def _row(motif: Motif, usager: Usager, agent: Agent) -> Invitation:
    """Their row, held; one that was just made has version 0."""
    now = utcnow()
    nonce, hashed = links.new_link(links.INVITATION)
    new = insert(Invitation.__table__, db.session.get_bind().dialect.name)
    db.session.execute(
        new.on_conflict_do_nothing(index_elements=["motif_id", "usager_id"]),
        {
            "organisation_id": motif.organisation_id,
            "motif_id": motif.id,
            "usager_id": usager.id,
            "agent_id": agent.id,
            "version": 0,
            "cle": "",
            "prevenir": True,
            "envoyee_le": now,
            "expire_le": now + LIFE,
            "lien_nonce": nonce,
            "lien_hash": hashed,
            "cree_le": now,
        },
    )
    row = queries.held(motif.id, usager.id)
    assert row is not None
    return row


def _reachable(usager: Usager, *, live: bool, prevenir: bool) -> None:
    if not prevenir and not live:
        raise Refus("Sans message, cette invitation n’arriverait à personne : cochez la case pour l’envoyer.")
    if prevenir and not addresses(usager):
        raise Refus(
            f"{usager.nom_complet} n’a ni portable ni courriel, ou n’en veut pas : l’invitation n’arriverait pas. "
            "Appelez cette personne, et inscrivez-la vous-même."
        )


def withdraw(invitation_id: int, agent: Agent) -> Invitation:
    """Its link opens nothing any more, and it is not said again. A seat that was booked stays."""
    with transaction():
        row = queries.hold(invitation_id)
        if row is None:
            raise Introuvable
        require(agent, Droit.GERER_RDV, row.motif)
        if row.moments().live(utcnow()):
            row.retiree_le = utcnow()
            journal.note(row.organisation_id, "invitation_retiree", row, agent=agent)
        return row


def find(lien_hash: str) -> Invitation | None:
    """The invitation behind this fingerprint of a link, while it opens something."""
    row = queries.by_hash(lien_hash)
    if row is None or not row.moments().live(utcnow()):
        return None
    motif = row.motif
    closed_now = motif.archived_at is not None or motif.visibilite is Visibilite.INVISIBLE
    return None if closed_now or row.usager.anonymise_le is not None else row


def still_opens(place: Participation) -> bool:
    """Does the invitation this place was taken by still lead to another one?"""
    row = db.session.get(Invitation, place.invitation_id) if place.invitation_id is not None else None
    return row is not None and find(row.lien_hash) is not None and queries.seat_of(row) is None


def note_opened(invitation_id: int) -> None:
    """Somebody, or a program that looks at links, opened it: agents see it, nothing is used up."""
    with transaction() as session:
        session.execute(
            update(Invitation)
            .where(Invitation.id == invitation_id, Invitation.ouverte_le.is_(None))
            .values(ouverte_le=utcnow())
            .execution_options(synchronize_session=False)
        )


def use(invitation_id: int, rdv: Rdv, usager: Usager, *, changer: bool) -> Participation | None:
    """In a booking, before its seat is locked: hold the invitation, and answer the seat to be given back for this one.

    Two browsers that use it at once take turns here. Raises `Introuvable` when it no longer stands, `AutreSeance` when
    the person has a seat in another session of this motif and did not say `changer`.
    """
    row = queries.hold(invitation_id)
    now = utcnow()
    if row is None or not row.moments().live(now) or (row.motif_id, row.usager_id) != (rdv.motif_id, usager.id):
        raise Introuvable
    seat = queries.seat_of(row, but=rdv.id)
    if seat is not None and seat.rdv.starts_at <= now:
        call = f"appelez le {national(rdv.organisation.phone)}" if rdv.organisation.phone else "appelez-nous"
        raise Refus(f"Votre invitation a déjà servi. Pour venir à une autre séance, {call}.")
    if seat is not None and not changer:
        raise AutreSeance
    return seat


def check_only_seat(rdv: Rdv, usager_id: int, *, by_invitation: bool) -> None:
    """Before somebody comes back to a seat: an invitation is worth one, however they got the other. Raises `Refus`.

    `by_invitation`: they had this seat by their invitation. Otherwise a live one counts as well, unless everybody may
    book here.
    """
    if not by_invitation and ouverture(rdv).reservable_par is ReservablePar.TOUS:
        return
    row = queries.held(rdv.motif_id, usager_id)
    if row is None or not (by_invitation or row.moments().live(utcnow())):
        return
    if queries.seat_of(row, but=rdv.id) is not None:
        raise Refus("Vous avez choisi une autre séance depuis : votre invitation vaut pour une seule place.")
