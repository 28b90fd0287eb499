"""A collective session on its own, without a plage (docs/domain.md rules 4 and 21)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from webapp.domain.capacity import ReservablePar
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Refus
from webapp.extensions import db
from webapp.models import Agent, Motif, Rdv, TypeMotif

from . import journal
from .droits import require
from .lieux_ponctuels import LieuPonctuel, typed_place
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
    instructions_avant: str | None = None
    instructions_apres: str | None = None
    nom_sms: str | None = None
    autre: LieuPonctuel | None = None
    """A place typed for it, rather than one that is offered."""

    @property
    def propres(self) -> dict[str, Any]:
        """What the session says for itself, by the name of its column."""
        return {
            "intitule": self.intitule[:120],
            "capacite_propre": self.capacite_max,
            "reservable_par": self.reservable_par,
            "instructions_avant": self.instructions_avant,
            "instructions_apres": self.instructions_apres,
            "nom_sms": self.nom_sms,
        }


def open_rdv(data: RdvData, agent: Agent, *, look: Callable[[], None] = lambda: None) -> Rdv:
    """Hold a session that belongs to no plage. The same form sent twice makes one. `look` is a last look when no rule
    stands against it.

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
        place = data.place
        if data.autre is not None:
            place = place.at(typed_place(motif.organisation_id, data.autre, agent))
        check_place(motif, place, place.lieu_id if data.autre else None)
        agents = chosen_agents(data.agent_ids, motif)
        if (twin := _twin(data, place)) is not None:
            return twin
        rdv = Rdv(
            organisation_id=motif.organisation_id,
            motif=motif,
            agents=agents,
            **asdict(place),
            **data.propres,
        )
        rdv.capacite_max = effective_capacity(rdv)
        free_entry = (data.reservable_par or motif.reservable_par) is ReservablePar.ENTREE_LIBRE
        if rdv.capacite_max is None and not free_entry:
            raise Refus("Indiquez une capacité : le motif n’en donne pas.")
        look()
        db.session.add(rdv)
        db.session.flush()
        journal.note(rdv.organisation_id, "rdv_cree", rdv, agent=agent, rdv_id=rdv.id)
        return rdv


def _twin(data: RdvData, place: OuEtQuand) -> Rdv | None:
    """A session of its own that says exactly this already: a double click makes one (docs/domain.md rule 19)."""
    found = db.session.scalars(
        select(Rdv)
        .where(
            Rdv.motif_id == data.motif_id,
            Rdv.plage_ouverture_id.is_(None),
            Rdv.cancelled_at.is_(None),
            Rdv.starts_at == place.starts_at,
            *(getattr(Rdv, name).is_not_distinct_from(value) for name, value in data.propres.items()),
        )
        .options(selectinload(Rdv.agents))
        .order_by(Rdv.id)
    )
    return next(
        (rdv for rdv in found if OuEtQuand.of(rdv) == place and {a.id for a in rdv.agents} == set(data.agent_ids)), None
    )
