"""What happens to a whole session: cancelled by the service, frozen when it starts."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.errors import Refus
from webapp.domain.events import Annulation
from webapp.domain.participation import OCCUPENT, Acteur, Statut
from webapp.domain.settings import HERITABLES, nom_sms, resolve
from webapp.extensions import db
from webapp.models import Agent, Participation, Rdv
from webapp.notifications.base import emit

from . import journal
from .transaction import seat_lock, transaction

FREEZE_AT_ONCE = 200


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
                )
            )
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
            .with_for_update()
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
