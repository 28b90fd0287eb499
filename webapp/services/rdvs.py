"""What happens to a whole session: moved or cancelled by the service, noted by agents, frozen when it starts."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from dateutil.relativedelta import relativedelta
from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.dates import full_date
from webapp.domain.errors import Perime, Refus
from webapp.domain.events import Annulation, Modification, Prescription
from webapp.domain.participation import OCCUPENT, Acteur, Statut
from webapp.domain.settings import HERITABLES, nom_sms, resolve
from webapp.domain.waitlist import ATTENDENT, EtatAttente
from webapp.extensions import db
from webapp.models import Agent, FileAttente, Lieu, Motif, Participation, PlageOuverture, Rdv, Salle, TypeLieu
from webapp.notifications.base import emit_many
from webapp.notifications.content import ou_et_quand

from . import journal, offres
from .lieux_ponctuels import LieuPonctuel, typed_place
from .transaction import seat_lock, transaction

FREEZE_AT_ONCE = 200
NOTE_MAX = 500


def cancel_rdv(rdv_id: int, *, agent: Agent, raison: str = "", prevenir: bool = True) -> Rdv:
    """The service cancels a session: every active participation becomes `annule`, each person is told once (rule 6).

    Final; asked twice, the second changes nothing. Raises `Refus` when it is over or somebody is marked present.
    """
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        if rdv.cancelled_at is not None:
            return rdv
        if utcnow() >= rdv.ends_at:
            raise Refus("Cette séance est terminée : elle ne s’annule plus.")
        active = occupants([rdv.id])
        if active.present(rdv.id):
            raise Refus("Quelqu’un est déjà noté présent : la séance a lieu, elle ne s’annule plus.")
        cancel_locked([rdv], active, agent=agent, raison=raison, prevenir=prevenir)
        return rdv


@dataclass(frozen=True, slots=True)
class Occupants:
    """Who has, or had, a place in some sessions: (participation, status) by session, in the order of their places."""

    places: Mapping[int, Sequence[tuple[int, Statut]]]
    attentes: Mapping[int, Sequence[tuple[int, EtatAttente]]] = field(default_factory=dict)
    """Who waits for a seat, or did: (entry, state) by session."""

    def actifs(self, rdv_id: int) -> tuple[int, ...]:
        """The participations that hold a seat."""
        return tuple(place for place, statut in self.places.get(rdv_id, ()) if statut in OCCUPENT)

    def attendent(self, rdv_id: int) -> tuple[int, ...]:
        """The entries of those who wait for a seat."""
        return tuple(entry for entry, etat in self.attentes.get(rdv_id, ()) if etat in ATTENDENT)

    def known(self, rdv_id: int) -> bool:
        """Has anybody ever booked it, or waited for a seat?"""
        return bool(self.places.get(rdv_id)) or bool(self.attentes.get(rdv_id))

    def present(self, rdv_id: int) -> bool:
        """Is somebody there already?"""
        return any(statut is Statut.PRESENT for _, statut in self.places.get(rdv_id, ()))


def occupants(rdv_ids: Collection[int]) -> Occupants:
    """The people of these sessions; two statements."""
    found: dict[int, list[tuple[int, Statut]]] = defaultdict(list)
    waited: dict[int, list[tuple[int, EtatAttente]]] = defaultdict(list)
    if not rdv_ids:
        return Occupants(found)
    rows = db.session.execute(
        select(Participation.rdv_id, Participation.id, Participation.statut)
        .where(Participation.rdv_id.in_(rdv_ids))
        .order_by(Participation.id)
    )
    for rdv_id, place, statut in rows:
        found[rdv_id].append((place, statut))
    entries = db.session.execute(
        select(FileAttente.rdv_id, FileAttente.id, FileAttente.etat)
        .where(FileAttente.rdv_id.in_(rdv_ids))
        .order_by(FileAttente.id)
    )
    for rdv_id, entry, etat in entries:
        waited[rdv_id].append((entry, etat))
    return Occupants(found, waited)


def cancel_locked(rdvs: Sequence[Rdv], active: Occupants, *, agent: Agent, raison: str, prevenir: bool) -> None:
    """Cancel sessions that are locked and may be, in a number of statements that does not grow with them: every active
    participation becomes `annule`, each person is told once for each session they were in."""
    if not rdvs:
        return
    now, ids = utcnow(), [rdv.id for rdv in rdvs]
    waiting = {rdv.id: offres.close(rdv) for rdv in rdvs}
    for rdv in rdvs:
        rdv.version += 1
        rdv.cancelled_at, rdv.cancelled_reason, rdv.cancelled_by_id = now, raison[:300], agent.id
        rdv.places_prises = rdv.places_proposees = 0
    db.session.flush()
    version = select(Rdv.version).where(Rdv.id == Participation.rdv_id).scalar_subquery()
    db.session.execute(
        update(Participation)
        .where(Participation.rdv_id.in_(ids), Participation.statut.in_(OCCUPENT))
        .values(
            statut=Statut.ANNULE,
            version=Participation.version + 1,
            rdv_version=version,
            statut_le=now,
            statut_par=Acteur.AGENT,
            statut_par_agent_id=agent.id,
        )
        .execution_options(synchronize_session="fetch")
    )
    people = {rdv.id: active.actifs(rdv.id) for rdv in rdvs}
    details = {
        rdv.id: {"personnes": len(people[rdv.id]), "prevenir": prevenir}
        | ({"attente": len(waiting[rdv.id])} if waiting[rdv.id] else {})
        for rdv in rdvs
    }
    journal.note_sessions("annulation", ((rdv, details[rdv.id]) for rdv in rdvs), agent)
    if prevenir:
        emit_many(
            [
                Annulation(
                    auteur_agent_id=agent.id,
                    rdv_id=rdv.id,
                    version=rdv.version,
                    participation_ids=people[rdv.id],
                    attente_ids=waiting[rdv.id],
                )
                for rdv in rdvs
            ]
        )
        emit_many(_to_prescribers(ids, {place for places in people.values() for place in places}, agent))
    for rdv in rdvs:
        live.publish(rdv.id, rdv.version)


def _to_prescribers(rdv_ids: Collection[int], places: Collection[int], agent: Agent) -> list[Prescription]:
    """Those places, just cancelled, that a professional of another structure had asked for."""
    asked = db.session.scalars(
        select(Participation).where(Participation.rdv_id.in_(rdv_ids), Participation.prescripteur_courriel.is_not(None))
    )
    return [
        Prescription(auteur_agent_id=agent.id, participation_id=row.id, version=row.version, quoi="annulee")
        for row in asked
        if row.id in places
    ]


@dataclass(frozen=True, slots=True)
class OuEtQuand:
    """Where and when a session is held; moments in UTC."""

    starts_at: datetime
    ends_at: datetime
    lieu_id: int | None
    salle_id: int | None
    lien_visio: str = ""

    @classmethod
    def of(cls, rdv: Rdv) -> "OuEtQuand":
        """As the session is now."""
        return cls(rdv.starts_at, rdv.ends_at, rdv.lieu_id, rdv.salle_id, rdv.lien_visio)

    def at(self, lieu: Lieu) -> "OuEtQuand":
        """The same, in that place."""
        return replace(self, lieu_id=lieu.id, salle_id=None)

    @property
    def cle(self) -> str:
        """What a page shows of it, to find out whether a colleague changed it meanwhile."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]


def move_rdv(
    rdv_id: int,
    to: OuEtQuand,
    *,
    agent: Agent,
    connu: str = "",
    prevenir: bool = True,
    autre: LieuPonctuel | None = None,
    places: int | None = None,
    look: Callable[[], None] = lambda: None,
) -> bool:
    """Hold one session at another time or place; everybody booked is told once what was and what is. Answers whether
    anything changed: the same form sent twice changes nothing more.

    The session leaves its plage's pattern (`detache`). `connu` is the `OuEtQuand.cle` of what the page showed: raises
    `Perime` when a colleague changed it meanwhile. `autre` is a place typed for it; `places` its own
    capacity from now on (that of the new room), which takes nobody's seat (rule 7); `look` a last look when no rule
    stands against it. Raises `Refus` with the reason.
    """
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        here = OuEtQuand.of(rdv)
        if autre is not None:
            to = to.at(typed_place(rdv.organisation_id, autre, agent))
        if to == here:
            return False
        if connu and connu != here.cle:
            raise Perime("La date ou le lieu vient de changer : regardez, puis validez à nouveau.")
        _check_move(rdv, to, to.lieu_id if autre else rdv.lieu_id)
        look()
        avant = ou_et_quand(rdv)
        rdv.version += 1
        for name in ("starts_at", "ends_at", "lieu_id", "salle_id", "lien_visio"):
            setattr(rdv, name, getattr(to, name))
        rdv.detache = rdv.plage_ouverture_id is not None
        if places and rdv.capacite_max is not None:
            journal.note_capacities([(rdv, places)], agent)
            rdv.capacite_propre = rdv.capacite_max = places
        db.session.flush()
        db.session.refresh(rdv, ["lieu", "salle"])
        told_moved([(rdv, here, avant)], agent=agent, prevenir=prevenir)
        offres.pass_on(rdv)
        return True


def told_moved(moves: Sequence[tuple[Rdv, OuEtQuand, dict[str, str]]], *, agent: Agent, prevenir: bool) -> None:
    """These sessions have just moved from there: the journal says it, their people are told what was (in words) and
    what is, in a number of statements that does not grow with them."""
    lines = [
        (rdv, {"de": _kept(before), "a": _kept(OuEtQuand.of(rdv)), "prevenir": prevenir}) for rdv, before, _ in moves
    ]
    journal.note_sessions("modification", lines, agent)
    if prevenir:
        emit_many(
            [
                Modification(auteur_agent_id=agent.id, rdv_id=rdv.id, version=rdv.version, avant=avant)
                for rdv, _, avant in moves
            ]
        )
    for rdv, _, _ in moves:
        live.publish(rdv.id, rdv.version)


def _kept(place: OuEtQuand) -> dict[str, Any]:
    """What the journal keeps of it."""
    return {**asdict(place), "starts_at": place.starts_at.isoformat(), "ends_at": place.ends_at.isoformat()}


def _check_move(rdv: Rdv, to: OuEtQuand, kept_lieu_id: int | None) -> None:
    """Raise `Refus` when the session can't be held there and then."""
    if rdv.cancelled_at is not None:
        raise Refus("Cette séance est annulée : elle ne se déplace plus.")
    if rdv.starts_at <= utcnow():
        raise Refus("Cette séance a commencé : elle ne se déplace plus.")
    check_place(rdv.motif, to, kept_lieu_id)


def check_place(motif: Motif, to: OuEtQuand, kept_lieu_id: int | None = None) -> None:
    """Raise `Refus` when a session of this motif can't be held there and then. The place `kept_lieu_id` may stay even
    if it is no longer proposed."""
    now = utcnow()
    if to.ends_at <= to.starts_at:
        raise Refus("L’heure de fin doit être après l’heure de début.")
    if to.starts_at <= now:
        raise Refus("Cette date est passée : choisissez-en une à venir.")
    if to.starts_at > now + relativedelta(years=2):
        raise Refus("Cette date est trop loin : deux ans au plus.")
    if motif.location_type is TypeLieu.VISIO:
        if urlsplit(to.lien_visio).scheme not in {"http", "https"}:
            raise Refus("Indiquez le lien de la visioconférence : une adresse qui commence par https://")
        return
    lieu = db.session.get(Lieu, to.lieu_id) if to.lieu_id else None
    if lieu is None or lieu.organisation_id != motif.organisation_id:
        raise Refus("Choisissez un lieu de votre organisation.")
    if lieu.id != kept_lieu_id and (lieu.ponctuel or not lieu.enabled):
        raise Refus("Ce lieu n’est plus proposé : choisissez-en un autre.")
    salle = db.session.get(Salle, to.salle_id) if to.salle_id else None
    if to.salle_id and (salle is None or salle.lieu_id != lieu.id):
        raise Refus("Cette salle n’est pas dans ce lieu.")


def note_cle(note: str) -> str:
    """What a page shows of a note, to find out whether a colleague wrote another one meanwhile."""
    return hashlib.sha256(note.encode()).hexdigest()[:16]


def note_rdv(rdv_id: int, note: str, *, agent: Agent, connu: str = "") -> Rdv:
    """Keep the agents' own words about a session. Nobody is told (docs/notifications.md).

    `connu` is the `note_cle` of what the page showed: raises `Perime` when a colleague wrote another note meanwhile.
    """
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        if rdv.note != note[:NOTE_MAX]:
            if connu and connu != note_cle(rdv.note):
                raise Perime("Un collègue vient d’écrire une autre note.")
            rdv.note = note[:NOTE_MAX]
            journal.note(rdv.organisation_id, "note", rdv, agent=agent, rdv_id=rdv.id)
        return rdv


def keep_rdv(rdv_id: int, *, agent: Agent) -> Rdv:
    """Hold a session although too few people are booked: decided once, not asked again unless it moves.

    Nobody is told. Asked twice, the second changes nothing. Raises `Refus` when there is nothing to decide.
    """
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        if rdv.maintenu_pour == rdv.starts_at:
            return rdv
        if rdv.cancelled_at is not None:
            raise Refus("Cette séance est annulée.")
        if rdv.starts_at <= utcnow():
            raise Refus("Cette séance a commencé : il n’y a plus rien à décider.")
        if rdv.places_prises >= (rdv.motif.capacite_min or 0):
            raise Refus("Cette séance a maintenant assez d’inscrits : il n’y a rien à décider.")
        rdv.maintenu_pour = rdv.starts_at
        rdv.version += 1
        journal.note(rdv.organisation_id, "maintien", rdv, agent=agent, rdv_id=rdv.id)
        live.publish(rdv.id, rdv.version)
        return rdv


def freeze_started(now: datetime | None = None) -> int:
    """At its start a session keeps its effective settings and names for good (rule 3); returns how many did.

    Safe to run twice: a frozen session is never frozen again.
    """
    with transaction():
        started = db.session.scalars(
            select(Rdv)
            .where(Rdv.starts_at <= (now or utcnow()), Rdv.fige.is_(None))
            .options(selectinload(Rdv.agents))
            .order_by(Rdv.id)
            .limit(FREEZE_AT_ONCE)
            .with_for_update(key_share=True)
        ).all()
        for rdv in started:
            rdv.fige = frozen(rdv)
        return len(started)


def frozen(rdv: Rdv) -> dict[str, Any]:
    """Effective settings and names as they are now, for exports and history."""
    levels = {"rdv": rdv, "plage": rdv.plage_ouverture, "motif": rdv.motif}
    settings = {name: resolve(name, **levels).valeur for name in HERITABLES if name != "capacite_max"}
    return {
        **settings,
        "capacite_max": rdv.capacite_max,
        "nom_sms": nom_sms(**levels),
        "motif": rdv.motif.name,
        "lieu": rdv.lieu.name if rdv.lieu else "",
        "adresse": rdv.lieu.adresse_complete if rdv.lieu else "",
        "salle": rdv.salle.name if rdv.salle else "",
        "agents": [agent.nom_complet for agent in rdv.agents],
    }


def becomes_free(rdvs: Iterable[Rdv], *, nommee: bool = True) -> None:
    """Raise `Refus` when somebody is booked in, or waits for, one of these sessions that would become an entrée libre;
    `nommee`: the sentence says which."""
    for rdv in rdvs:
        which = f"la séance du {full_date(rdv.starts_at, rdv.organisation.timezone)}" if nommee else "la séance"
        if rdv.places_prises:
            raise Refus(f"Des personnes sont inscrites : {which} ne devient pas une entrée libre.")
        if rdv.places_attente:
            raise Refus(f"Des personnes attendent une place : {which} ne devient pas une entrée libre.")


def effective_capacity(rdv: Rdv, plage: PlageOuverture | None = None, motif: Any = None) -> int | None:
    """The capacity the seat lock needs in the row: own, else the plage's, else the motif's; none in entrée libre.

    `plage`, `motif`: what they would say, rather than what they say.
    """
    if rdv.capacite_propre is not None:
        return rdv.capacite_propre
    plage, motif = plage or rdv.plage_ouverture, motif or rdv.motif
    if resolve("reservable_par", rdv=rdv, plage=plage, motif=motif).valeur == "entree_libre":
        return None
    return resolve("capacite_max", rdv=None, plage=plage, motif=motif).valeur
