"""What happens to a whole session: moved or cancelled by the service, noted by agents, frozen when it starts."""

import hashlib
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from dateutil.relativedelta import relativedelta
from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.errors import Perime, Refus
from webapp.domain.events import Annulation, Modification
from webapp.domain.participation import OCCUPENT, Acteur, Statut
from webapp.domain.settings import HERITABLES, nom_sms, resolve
from webapp.extensions import db
from webapp.models import Agent, Lieu, Motif, Participation, Rdv, Salle, TypeLieu
from webapp.notifications.base import emit
from webapp.notifications.content import ou_et_quand

from . import journal, offres
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
        now = utcnow()
        if now >= rdv.ends_at:
            raise Refus("Cette séance est terminée : elle ne s’annule plus.")
        active = db.session.execute(
            select(Participation.id, Participation.statut)
            .where(Participation.rdv_id == rdv.id, Participation.statut.in_(OCCUPENT))
            .order_by(Participation.id)
        ).all()
        if any(statut is Statut.PRESENT for _, statut in active):
            raise Refus("Quelqu’un est déjà noté présent : la séance a lieu, elle ne s’annule plus.")
        waiting = offres.close(rdv, agent)
        rdv.version += 1
        rdv.cancelled_at, rdv.cancelled_reason, rdv.cancelled_by_id = now, raison[:300], agent.id
        rdv.places_prises = rdv.places_proposees = 0
        db.session.execute(
            update(Participation)
            .where(Participation.rdv_id == rdv.id, Participation.statut.in_(OCCUPENT))
            .values(
                statut=Statut.ANNULE,
                version=Participation.version + 1,
                rdv_version=rdv.version,
                statut_le=now,
                statut_par=Acteur.AGENT,
                statut_par_agent_id=agent.id,
            )
            .execution_options(synchronize_session="fetch")
        )
        db.session.flush()
        journal.note(
            rdv.organisation_id,
            "annulation",
            rdv,
            agent=agent,
            rdv_id=rdv.id,
            personnes=len(active),
            prevenir=prevenir,
        )
        if prevenir:
            emit(
                Annulation(
                    auteur_agent_id=agent.id,
                    rdv_id=rdv.id,
                    version=rdv.version,
                    participation_ids=tuple(row.id for row in active),
                    attente_ids=waiting,
                )
            )
        live.publish(rdv.id, rdv.version)
        return rdv


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

    @property
    def cle(self) -> str:
        """What a page shows of it, to find out whether a colleague changed it meanwhile."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]


def move_rdv(rdv_id: int, to: OuEtQuand, *, agent: Agent, connu: str = "", prevenir: bool = True) -> bool:
    """Hold one session at another time or place; everybody booked is told once what was and what is. Answers whether
    anything changed: the same form sent twice changes nothing more.

    The session leaves its plage's pattern (`detache`). `connu` is the `OuEtQuand.cle` of what the page showed: raises
    `Perime` when a colleague changed it meanwhile. Raises `Refus` with the reason.
    """
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        here = OuEtQuand.of(rdv)
        if to == here:
            return False
        if connu and connu != here.cle:
            raise Perime("La date ou le lieu vient de changer : regardez, puis validez à nouveau.")
        _check_move(rdv, to)
        avant = ou_et_quand(rdv)
        rdv.version += 1
        for name in ("starts_at", "ends_at", "lieu_id", "salle_id", "lien_visio"):
            setattr(rdv, name, getattr(to, name))
        rdv.detache = rdv.plage_ouverture_id is not None
        db.session.flush()
        db.session.refresh(rdv, ["lieu", "salle"])
        journal.note(
            rdv.organisation_id,
            "modification",
            rdv,
            agent=agent,
            rdv_id=rdv.id,
            de=_kept(here),
            a=_kept(to),
            prevenir=prevenir,
        )
        if prevenir:
            emit(Modification(auteur_agent_id=agent.id, rdv_id=rdv.id, version=rdv.version, avant=avant))
        offres.pass_on(rdv)
        live.publish(rdv.id, rdv.version)
        return True


def _kept(place: OuEtQuand) -> dict[str, Any]:
    """What the journal keeps of it."""
    return {**asdict(place), "starts_at": place.starts_at.isoformat(), "ends_at": place.ends_at.isoformat()}


def _check_move(rdv: Rdv, to: OuEtQuand) -> None:
    """Raise `Refus` when the session can't be held there and then."""
    if rdv.cancelled_at is not None:
        raise Refus("Cette séance est annulée : elle ne se déplace plus.")
    if rdv.starts_at <= utcnow():
        raise Refus("Cette séance a commencé : elle ne se déplace plus.")
    check_place(rdv.motif, to, rdv.lieu_id)


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


def effective_capacity(rdv: Rdv) -> int | None:
    """The capacity the seat lock needs in the row: own, else the plage's, else the motif's; none in entrée libre."""
    if rdv.capacite_propre is not None:
        return rdv.capacite_propre
    plage = rdv.plage_ouverture
    if resolve("reservable_par", rdv=rdv, plage=plage, motif=rdv.motif).valeur == "entree_libre":
        return None
    return resolve("capacite_max", rdv=None, plage=plage, motif=rdv.motif).valeur
