"""The coming sessions of a plage: what they would become, and doing it. The caller holds the motif and the plage."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import joinedload, selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.errors import Perime
from webapp.domain.recurrence import Recurrence, interval_utc
from webapp.domain.serie import Choix, Etape, Question, Seance, Sort, plan, shown
from webapp.domain.webhooks import Evenement
from webapp.extensions import db
from webapp.models import Agent, Journal, Notification, PlageOuverture, Rdv
from webapp.models.rdv import rdv_agents
from webapp.notifications.content import ou_et_quand

from . import journal, offres, webhook_outbox
from .rdvs import Occupants, OuEtQuand, cancel_locked, effective_capacity, occupants, told_moved
from .transaction import seat_lock


class PlanPerime(Perime):
    """What was read before saying yes is no longer what would happen."""


CHANGED = "Une inscription ou une séance a changé entre-temps : regardez la liste, puis validez à nouveau."
SAID = (
    joinedload(Rdv.organisation),
    joinedload(Rdv.motif),
    joinedload(Rdv.plage_ouverture),
    joinedload(Rdv.lieu),
    joinedload(Rdv.salle),
    selectinload(Rdv.agents),
)
"""What messages and pages say of a session, read with it."""


@dataclass(frozen=True, slots=True)
class Serie:
    """Coming sessions with their people; `prises`: the days of the plage's other sessions, past or cancelled."""

    rdvs: Sequence[Rdv]
    people: Occupants
    prises: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Apercu:
    """A plan with the sessions it is about."""

    etapes: Sequence[Etape]
    rdvs: Mapping[int, Rdv]

    def count(self, sort: Sort, *, reservees: bool | None = None) -> int:
        """How many sessions become that; only those where somebody is booked or waits, or only the others, when it is
        said."""
        return sum(
            step.sort is sort and (reservees is None or bool(step.seance and step.seance.concerne) is reservees)
            for step in self.etapes
        )

    @property
    def a_voir(self) -> list[Etape]:
        """What is to be read before anything is done."""
        return [step for step in self.etapes if step.a_voir]

    @property
    def prevenues(self) -> list[int]:
        """The sessions whose people are told: moved or cancelled."""
        told = (Sort.DEPLACEE, Sort.ANNULEE)
        return [step.seance.id for step in self.etapes if step.seance and step.seance.concerne and step.sort in told]


def coming(plage_id: int, *, depuis: date | None = None, locked: bool = False) -> Serie:
    """The plage's coming sessions, those of its days from `depuis` on when it is given. `locked`: in ascending id, read
    again once they are ours."""
    now = utcnow()
    of_plage = [Rdv.plage_ouverture_id == plage_id]
    if depuis is not None:
        of_plage.append(Rdv.occurrence_le >= depuis)
    ids = set(db.session.scalars(select(Rdv.id).where(*of_plage, Rdv.starts_at > now, Rdv.cancelled_at.is_(None))))
    rdvs = loaded(ids, locked=locked)
    mine = {rdv.id for rdv in rdvs}
    days = db.session.execute(select(Rdv.id, Rdv.occurrence_le).where(*of_plage))
    others = frozenset(day for rdv_id, day in days if rdv_id not in mine and day is not None)
    return Serie(rdvs, occupants(mine), others)


def loaded(ids: Collection[int], *, locked: bool = False) -> list[Rdv]:
    """These sessions that are still to come, soonest first, with all that is said of them."""
    if not ids:
        return []
    now = utcnow()
    if locked:
        seat_lock(*ids)
    question = select(Rdv).where(Rdv.id.in_(ids)).options(*SAID)
    rows = db.session.scalars(question.order_by(Rdv.starts_at, Rdv.id))
    return [rdv for rdv in rows if rdv.cancelled_at is None and rdv.starts_at > now]


def held_by_a_booking(rdvs: Sequence[Rdv]) -> set[int]:
    """Which of these locked sessions somebody is being booked in at this moment: their rows wait for our lock, so the
    session is not ours to remove, nor to wait for."""
    if not rdvs:
        return set()
    ids = [rdv.id for rdv in rdvs]
    free = db.session.scalars(select(Rdv.id).where(Rdv.id.in_(ids)).with_for_update(skip_locked=True))
    return set(ids) - set(free)


def planned(
    serie: Serie,
    voulues: Mapping[date, OuEtQuand],
    choix: Choix,
    *,
    plage: PlageOuverture | None = None,
    detachees: bool = False,
    busy: Collection[int] = (),
) -> Apercu:
    """What these sessions would become on these days, there and then; `plage` gives them their capacity, as it is or as
    it would be. `busy`: those somebody is being booked in."""
    seances = [
        Seance(
            id=rdv.id,
            jour=rdv.occurrence_le or rdv.starts_at.date(),
            ou=OuEtQuand.of(rdv),
            inscrits=serie.people.actifs(rdv.id),
            attendent=serie.people.attendent(rdv.id),
            connue=serie.people.known(rdv.id) or rdv.id in busy,
            detachee=rdv.detache,
            presents=serie.people.present(rdv.id),
            capacite=rdv.capacite_max,
            capacite_voulue=effective_capacity(rdv, plage) if plage else rdv.capacite_max,
        )
        for rdv in serie.rdvs
    ]
    steps = plan(seances, voulues, choix, prises=serie.prises, detachees=detachees)
    return Apercu(steps, {rdv.id: rdv for rdv in serie.rdvs})


def as_shown(apercu: Apercu, attendu: Collection[str] | None) -> None:
    """Raise `PlanPerime` when what concerns people is no longer what their page showed (None: there was no page).

    A plan that does nothing any more was carried out already: the same form sent twice.
    """
    done = all(step.sort is Sort.INCHANGEE for step in apercu.etapes)
    if attendu is not None and not done and shown(apercu.etapes) != set(attendu):
        raise PlanPerime(CHANGED)


def where_and_when(plage: PlageOuverture, day: date) -> OuEtQuand:
    """What a session of that day takes from its plage."""
    starts, ends = interval_utc(day, plage.start_time, plage.end_time, plage.motif.organisation.timezone)
    return OuEtQuand(starts, ends, plage.lieu_id, plage.salle_id, plage.lien_visio)


def carry_out(
    apercu: Apercu,
    serie: Serie,
    agent: Agent,
    *,
    raison: str = "",
    prevenir: bool = True,
    plage: PlageOuverture | None = None,
    visible: bool = False,
) -> Counter[Sort]:
    """Do what was planned, in a number of statements that does not grow with the sessions nor with their people.

    `plage` gives the sessions that stay their agents and capacity, and gets the new ones. `visible`:
    something else that people read changed with it.
    """
    by_sort = {sort: [step for step in apercu.etapes if step.sort is sort] for sort in Sort}
    rdvs = apercu.rdvs
    remove([rdvs[step.seance.id] for step in by_sort[Sort.RETIREE] if step.seance])
    cancel_locked(
        [rdvs[step.seance.id] for step in by_sort[Sort.ANNULEE] if step.seance],
        serie.people,
        agent=agent,
        raison=raison,
        prevenir=prevenir,
    )
    stay = [step for step in apercu.etapes if step.sort in (Sort.INCHANGEE, Sort.DEPLACEE, Sort.GARDEE)]
    _bring_in_line(stay, rdvs, agent, plage, visible, prevenir)
    if plage is not None and by_sort[Sort.CREEE]:
        create(plage, {step.jour: step.vers for step in by_sort[Sort.CREEE]})
    return Counter(step.sort for step in apercu.etapes)


def _bring_in_line(
    steps: Sequence[Etape],
    rdvs: Mapping[int, Rdv],
    agent: Agent,
    plage: PlageOuverture | None,
    visible: bool,
    prevenir: bool,
) -> None:
    """The sessions that stay: all of them in one statement, whatever changes in each."""
    rows, moves, capacities = [], [], []
    team = {one.id for one in plage.agents} if plage else set()
    for step in steps:
        assert step.seance is not None
        rdv, here = rdvs[step.seance.id], OuEtQuand.of(rdvs[step.seance.id])
        row: dict[str, Any] = {"id": rdv.id, "capacite_max": step.seance.capacite_voulue}
        row["detache"] = rdv.detache or step.sort is Sort.GARDEE
        row |= {name: getattr(step.vers if step.sort is Sort.DEPLACEE else here, name) for name in PLACE}
        alike = {one.id for one in rdv.agents} == team
        row["agents_propres"] = rdv.agents_propres and not (plage is not None and alike)
        joined = plage is not None and not rdv.agents_propres and not alike
        if not (visible or joined or any(getattr(rdv, name) != value for name, value in row.items())):
            continue
        if step.question is Question.OU_QUAND and step.sort is Sort.DEPLACEE:
            moves.append((rdv, here, ou_et_quand(rdv)))
        if joined and plage is not None:
            rdv.agents = list(plage.agents)
        capacities.append((rdv, row["capacite_max"]))
        rows.append({**row, "version": rdv.version + 1})
    if not rows:
        return
    db.session.flush()
    journal.note_capacities(capacities, agent)
    db.session.execute(update(Rdv), rows)
    ids = [row["id"] for row in rows]
    question = select(Rdv).where(Rdv.id.in_(ids)).options(*SAID)
    db.session.scalars(question.execution_options(populate_existing=True)).all()
    told_moved(moves, agent=agent, prevenir=prevenir)
    webhook_outbox.changed(next(iter(rdvs.values())).organisation_id, ids, Evenement.RDV_MODIFIE)
    for rdv in (rdvs[row["id"]] for row in rows):
        offres.pass_on(rdv)
        live.publish(rdv.id, rdv.version)


PLACE = ("starts_at", "ends_at", "lieu_id", "salle_id", "lien_visio")


def remove(empty: Sequence[Rdv]) -> None:
    """Delete sessions nobody ever booked; what the journal says of them stays, and what agents were told. What they
    were still to be told is no longer true: it is left out when its turn comes."""
    ids = [rdv.id for rdv in empty]
    if not ids:
        return
    webhook_outbox.removed(empty)
    for rdv in empty:
        db.session.expunge(rdv)
    for kept in (Journal, Notification):
        db.session.execute(update(kept).where(kept.rdv_id.in_(ids)).values(rdv_id=None))
    db.session.execute(delete(Rdv).where(Rdv.id.in_(ids)))


def create(plage: PlageOuverture, days: Mapping[date, Any]) -> None:
    """Their sessions, in three statements whatever their number."""
    common = {
        "organisation_id": plage.organisation_id,
        "motif_id": plage.motif_id,
        "plage_ouverture_id": plage.id,
        "capacite_max": effective_capacity(Rdv(motif=plage.motif, plage_ouverture=plage)),
    }
    places = ({name: getattr(ou, name) for name in PLACE} for ou in days.values())
    rows = [{**common, **place, "occurrence_le": day} for day, place in zip(days, places, strict=True)]
    db.session.execute(insert(Rdv), rows)
    made = db.session.scalars(
        select(Rdv.id).where(Rdv.plage_ouverture_id == plage.id, Rdv.occurrence_le.in_(days))
    ).all()
    pairs = [{"rdv_id": rdv_id, "agent_id": agent.id} for rdv_id in made for agent in plage.agents]
    db.session.execute(insert(rdv_agents), pairs)
    webhook_outbox.changed(plage.organisation_id, made, Evenement.RDV_CREE)


VISIBLES = {"instructions_avant", "instructions_apres", "nom_sms", "reservable_par"}
"""What the pages of a session read from its plage, beside what the session's own row keeps."""


def values(plage: PlageOuverture) -> dict[str, Any]:
    """The plage as the journal keeps it: ids and words, no name."""
    return {
        "title": plage.title,
        "agent_ids": sorted(agent.id for agent in plage.agents),
        "lieu_id": plage.lieu_id,
        "salle_id": plage.salle_id,
        "lien_visio": plage.lien_visio,
        "first_day": plage.first_day.isoformat(),
        "start_time": f"{plage.start_time:%H:%M}",
        "end_time": f"{plage.end_time:%H:%M}",
        "repetition": Recurrence.from_rrule(plage.rrule).in_words(),
        "excluded": list(plage.excluded),
        "capacite_max": plage.capacite_max,
        "reservable_par": plage.reservable_par,
        "nom_sms": plage.nom_sms,
        "instructions_avant": plage.instructions_avant,
        "instructions_apres": plage.instructions_apres,
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"de": before[name], "a": after[name]} for name in before if before[name] != after[name]}
