"""Seats that come free go to who waits (docs/domain.md rule 12): `pass_on`, called by all that frees or adds some."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from webapp import live
from webapp.clock import utcnow
from webapp.domain import waitlist
from webapp.domain.events import PlaceExpiree, Proposition
from webapp.domain.participation import Acteur
from webapp.domain.waitlist import ATTENDENT, EtatAttente
from webapp.extensions import db
from webapp.models import Agent, FileAttente, Rdv, ouverture, quand
from webapp.notifications.base import emit
from webapp.queries import attente as queries

from . import journal


def pass_on(*rdvs: Rdv) -> None:
    """These sessions' rows are locked and their seats counted: end the offers that are over, offer what is free to who
    waits, in order, or tell them all that seats are open once it is too late for offers.

    Asks nothing where nobody waits; run twice, the second changes nothing.
    """
    for rdv in rdvs:
        if rdv.places_attente and rdv.cancelled_at is None:
            _pass_on(rdv)


def _pass_on(rdv: Rdv) -> None:
    now, when = utcnow(), quand(rdv)
    entries = {entry.id: entry for entry in queries.live(rdv.id)}
    decision = decide(rdv, entries.values(), now)
    moves = (
        (decision.expirees, EtatAttente.EXPIREE, None),
        (decision.reprises, EtatAttente.EN_ATTENTE, None),
        (decision.proposees, EtatAttente.PROPOSEE, decision.jusqua),
    )
    moved = [entries[attente_id] for ids, _, _ in moves for attente_id in ids]
    for ids, etat, jusqua in moves:
        for attente_id in ids:
            _set(rdv, entries[attente_id], etat, by=Acteur.SYSTEME, jusqua=jusqua)
    for entry in entries.values():
        if entry.jusqua is not None and entry.jusqua > when.closes:  # the session was moved nearer
            entry.jusqua = when.closes
        entry.ouverte_le = (entry.ouverte_le or now) if entry.id in decision.ouvertes else None
    db.session.flush()
    _said(rdv, moved, by=Acteur.SYSTEME)
    # Whose offer ends early hears it once: that seats are open to all, when they are.
    if over := (*decision.expirees, *(one for one in decision.reprises if one not in decision.ouvertes)):
        emit(PlaceExpiree(attente_ids=over))
    if decision.proposees:
        emit(Proposition(attente_ids=decision.proposees))
    if decision.ouvertes:
        emit(Proposition(attente_ids=decision.ouvertes, ouverte=True))


def decide(rdv: Rdv, file: Iterable[Any], now: datetime) -> waitlist.Decision:
    """What that session's waitlist needs now."""
    opened = ouverture(rdv)
    refusal = opened.refusal(now)
    return waitlist.decide(
        waiting(file),
        capacite=rdv.capacite_max or 0,
        prises=rdv.places_prises,
        now=now,
        quand=quand(rdv),
        ouverte=opened.offers(now),
        en_ligne=refusal is None or refusal.code == "complet",
    )


def waiting(file: Iterable[Any]) -> list[waitlist.Attente]:
    """Entries, or rows of them, as the domain sees them."""
    return [waitlist.Attente(row.id, row.places, row.jusqua, row.ouverte_le is not None) for row in file]


def withheld(rdv: Rdv) -> bool:
    """Do the free seats of that session belong to somebody who waits? The public then finds it full."""
    if rdv.places_attente <= rdv.places_proposees or not ouverture(rdv).offers(now := utcnow()):
        return False
    return waitlist.withheld(now, quand(rdv), queries.smallest_waiting(rdv.id), rdv.jauge().libres)


def taken(rdv: Rdv, *usager_ids: int) -> None:
    """These people have a seat now, however they got it: they wait no more, and what was kept for them goes on. The
    session's row is locked."""
    for usager_id in usager_ids if rdv.places_attente else ():
        entry = queries.entry_of(rdv.id, usager_id)
        if entry is not None and entry.attend:
            move(rdv, entry, EtatAttente.ACCEPTEE, by=Acteur.SYSTEME)
    pass_on(rdv)


def close(rdv: Rdv) -> tuple[int, ...]:
    """The session is cancelled: nobody waits any more, and the journal says it of the session. Answers who did."""
    if not rdv.places_attente:
        return ()
    entries = queries.live(rdv.id)
    for entry in entries:
        _set(rdv, entry, EtatAttente.RETIREE, by=Acteur.AGENT)
    db.session.flush()
    return tuple(entry.id for entry in entries)


def move(rdv: Rdv, entry: FileAttente, etat: EtatAttente, *, by: Acteur, agent: Agent | None = None) -> None:
    """From one state to another, with the seats held or given back and the people who wait, in a session whose row is
    locked."""
    _set(rdv, entry, etat, by=by)
    db.session.flush()
    _said(rdv, [entry], by=by, agent=agent)


def _set(rdv: Rdv, entry: FileAttente, etat: EtatAttente, *, by: Acteur, jusqua: datetime | None = None) -> None:
    before = entry.etat
    rdv.places_proposees += entry.places * ((etat is EtatAttente.PROPOSEE) - (before is EtatAttente.PROPOSEE))
    rdv.places_attente += entry.places * ((etat in ATTENDENT) - (before in ATTENDENT))
    rdv.version += 1
    entry.etat, entry.etat_le, entry.etat_par, entry.jusqua = etat, utcnow(), by, jusqua
    entry.version += 1
    entry.rdv_version = rdv.version


def _said(rdv: Rdv, entries: Sequence[FileAttente], *, by: Acteur, agent: Agent | None = None) -> None:
    """Their lines of the journal, and a word to the pages that show the session."""
    if entries:
        journal.note_waits(rdv, entries, by=by, agent=agent)
        live.publish(rdv.id, rdv.version)
