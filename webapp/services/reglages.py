"""What one session says for itself, rather than its plage or its motif (docs/domain.md rule 3)."""

import hashlib
from dataclasses import dataclass, fields
from typing import Any

from webapp import live
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.droits import Droit
from webapp.domain.errors import Perime, Refus
from webapp.domain.settings import resolve
from webapp.extensions import db
from webapp.models import Agent, Rdv

from . import journal, offres
from .droits import require
from .rdvs import becomes_free, effective_capacity
from .transaction import seat_lock, transaction


@dataclass(frozen=True, slots=True)
class Propres:
    """A session's own settings; an empty one inherits."""

    intitule: str = ""
    capacite_propre: int | None = None
    reservable_par: ReservablePar | None = None
    nom_sms: str | None = None
    instructions_avant: str | None = None
    instructions_apres: str | None = None

    @classmethod
    def of(cls, rdv: Rdv) -> "Propres":
        """As the session is now."""
        return cls(*(getattr(rdv, field.name) for field in fields(cls)))

    @property
    def cle(self) -> str:
        """What a page shows of them, to find out whether a colleague changed them meanwhile."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def set_reglages(rdv_id: int, data: Propres, *, agent: Agent, connu: str = "") -> tuple[Rdv, bool]:
    """Change what one session says for itself; answers with it whether anything changed. Nobody is told, nobody loses a
    seat (rule 7).

    `connu` is the `Propres.cle` of what the page showed: raises `Perime` when a colleague changed them meanwhile,
    `Refus` with the reason.
    """
    with transaction():
        (rdv,) = seat_lock(rdv_id)
        require(agent, Droit.GERER_RDV, rdv)
        before = Propres.of(rdv)
        if data == before:
            return rdv, False
        if connu and connu != before.cle:
            raise Perime("Un collègue vient de changer ces réglages : regardez, puis enregistrez à nouveau.")
        if rdv.cancelled_at is not None:
            raise Refus("Cette séance est annulée : ses réglages ne changent plus.")
        if rdv.starts_at <= utcnow():
            raise Refus("Cette séance a commencé : ses réglages ne changent plus.")
        changes = {}
        for field in fields(Propres):
            old, new = getattr(before, field.name), getattr(data, field.name)
            if old != new:
                setattr(rdv, field.name, new)
                changes[field.name] = {"de": old, "a": new}
        capacity = _capacity(rdv)
        journal.note_capacities([(rdv, capacity)], agent)
        rdv.capacite_max = capacity
        rdv.version += 1
        db.session.flush()
        journal.note(rdv.organisation_id, "seance_reglages", rdv, agent=agent, rdv_id=rdv.id, changements=changes)
        offres.pass_on(rdv)
        live.publish(rdv.id, rdv.version)
        return rdv, True


def _capacity(rdv: Rdv) -> int | None:
    """The capacity its settings give; raises `Refus` when people book and nothing says how many."""
    levels: dict[str, Any] = {"rdv": rdv, "plage": rdv.plage_ouverture, "motif": rdv.motif}
    free_entry = resolve("reservable_par", **levels).valeur is ReservablePar.ENTREE_LIBRE
    if free_entry:
        becomes_free([rdv], nommee=False)
    if rdv.capacite_propre is not None and rdv.capacite_propre < 1:
        raise Refus("La capacité est d’au moins une place.")
    capacity = effective_capacity(rdv)
    if capacity is None and not free_entry:
        raise Refus("Indiquez une capacité : ni la plage ni le motif n’en donnent.")
    return capacity
