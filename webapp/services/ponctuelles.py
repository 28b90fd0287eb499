"""A collective session on its own, without a plage (docs/domain.md rules 4 and 21)."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from webapp.domain.capacity import ReservablePar
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Refus
from webapp.extensions import db
from webapp.models import Agent, Motif, Rdv, TypeMotif

from . import journal
from .droits import require
from .plages import chosen_agents
from .rdvs import OuEtQuand, check_place, effective_capacity
from .transaction import transaction


@dataclass(frozen=True, slots=True)
class RdvData:
    """What a form says of a session of its own; an empty override inherits the motif's."""

    motif_id: int
    place: OuEtQuand
    agent_ids: tuple[int, ...]
    intitule: str = ""
    capacite_max: int | None = None
    reservable_par: ReservablePar | None = None


def open_rdv(data: RdvData, agent: Agent) -> Rdv:
    """Hold a session that belongs to no plage. The same form sent twice makes one.

    Raises `Refus` with the reason when the data don't hold together, `Interdit`, `Introuvable`.
    """
    with transaction():
        motif = db.session.get(Motif, data.motif_id, populate_existing=True, with_for_update={"key_share": True})
        if motif is None:
            raise Introuvable("Ce motif n’existe pas.")
        require(agent, Droit.GERER_RDV, motif)
        if motif.type is not TypeMotif.COLLECTIF:
            raise Refus("Une séance collective a un motif collectif.")
        if motif.archived_at is not None:
            raise Refus("Ce motif est archivé : on n’ouvre plus de séance pour lui.")
        if data.capacite_max is not None and data.capacite_max < 1:
            raise Refus("La capacité est d’au moins une place.")
        check_place(motif, data.place)
        agents = chosen_agents(data.agent_ids, motif)
        if (twin := _twin(data)) is not None:
            return twin
        rdv = Rdv(
            organisation_id=motif.organisation_id,
            motif=motif,
            starts_at=data.place.starts_at,
            ends_at=data.place.ends_at,
            lieu_id=data.place.lieu_id,
            salle_id=data.place.salle_id,
            lien_visio=data.place.lien_visio,
            intitule=data.intitule[:120],
            capacite_propre=data.capacite_max,
            reservable_par=data.reservable_par,
            agents=agents,
        )
        rdv.capacite_max = effective_capacity(rdv)
        free_entry = (data.reservable_par or motif.reservable_par) is ReservablePar.ENTREE_LIBRE
        if rdv.capacite_max is None and not free_entry:
            raise Refus("Indiquez une capacité : le motif n’en donne pas.")
        db.session.add(rdv)
        db.session.flush()
        journal.note(rdv.organisation_id, "rdv_cree", rdv, agent=agent, rdv_id=rdv.id)
        return rdv


def _twin(data: RdvData) -> Rdv | None:
    """A session of its own that says exactly this already: a double click makes one (docs/domain.md rule 19)."""
    found = db.session.scalars(
        select(Rdv)
        .where(
            Rdv.motif_id == data.motif_id,
            Rdv.plage_ouverture_id.is_(None),
            Rdv.cancelled_at.is_(None),
            Rdv.starts_at == data.place.starts_at,
            Rdv.intitule == data.intitule[:120],
        )
        .options(selectinload(Rdv.agents))
        .order_by(Rdv.id)
    )
    return next(
        (
            rdv
            for rdv in found
            if OuEtQuand.of(rdv) == data.place
            and {a.id for a in rdv.agents} == set(data.agent_ids)
            and (rdv.capacite_propre, rdv.reservable_par) == (data.capacite_max, data.reservable_par)
        ),
        None,
    )
