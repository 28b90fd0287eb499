"""What messages need to know: the people to tell with who answers for them, what waits, what became of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from webapp.domain.capacity import Visibilite
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import (
    Acces,
    Agent,
    Canal,
    EtatNotification,
    Motif,
    Notification,
    Organisation,
    Participation,
    Rdv,
    Usager,
)

from . import attente, invitations
from .foyer import households_of

WAITING = (EtatNotification.A_ENVOYER, EtatNotification.EN_COURS)
WAIT_FOR_EARLIER = timedelta(minutes=10)
REPLACED = ("inscription", "rappel")
REPLACING = ("annulation", "retrait", "desistement")
MOVED = "La séance a changé d’heure depuis."
"""Why a reminder was left out when its session moved: back at its hour, it is promised again."""
FARTHEST_REMINDER = timedelta(days=32)


def with_readers() -> ExecutableOption:
    """Loads with a participation its usager and who answers for them: what `notifications.people` reads."""
    return joinedload(Participation.usager).joinedload(Usager.responsable)


def places_of(rdv_ids: Collection[int], *statuts: Statut) -> Mapping[int, Sequence[Participation]]:
    """Session → its participations, of these statuses only when some are given, with their readers: one statement."""
    found: dict[int, list[Participation]] = {rdv_id: [] for rdv_id in rdv_ids}
    if not found:
        return found
    question = select(Participation).where(Participation.rdv_id.in_(found))
    if statuts:
        question = question.where(Participation.statut.in_(statuts))
    for place in db.session.scalars(question.options(with_readers()).order_by(Participation.rdv_id, Participation.id)):
        found[place.rdv_id].append(place)
    return found


def concerned(rdv_ids: Collection[int]) -> Mapping[int, Sequence[Participation]]:
    """Session → the people who are told when it changes or is cancelled, with their readers. The one place that says
    so: what a page announces, and what leaves."""
    return places_of(rdv_ids, Statut.INSCRIT)


def active_participations(rdv_id: int) -> Sequence[Participation]:
    """The same for one session."""
    return concerned([rdv_id])[rdv_id]


# --- delivery ----------------------------------------------------------------------------------------------------


def in_state(row: Any, *etats: EtatNotification) -> ColumnElement[bool]:
    """In one of these states, written in the statement itself: plans are made without looking at values, and the index
    of what waits holds only these states."""
    return row.etat.in_([literal(etat, row.etat.type, literal_execute=True) for etat in etats])  # type: ignore[no-any-return]


def is_due(now: datetime) -> ColumnElement[bool]:
    """Due, or claimed by a worker that did not come back."""
    return or_(
        and_(in_state(Notification, EtatNotification.A_ENVOYER), Notification.a_envoyer_le <= now),
        and_(in_state(Notification, EtatNotification.EN_COURS), Notification.claimed_until < now),
    )


def claimable(file: str, now: datetime, without: Collection[Canal] = ()) -> Select[int]:
    """Ids of what may leave now by any other channel than those, oldest first. A message to an usager waits, 10 minutes
    at most, for the earlier ones about the same session by the same channel; not for those it makes void."""
    earlier = aliased(Notification)
    waits_for = (
        select(earlier.id)
        .where(
            earlier.rdv_id == Notification.rdv_id,
            earlier.canal == Notification.canal,
            earlier.destinataire_type == Notification.destinataire_type,
            earlier.destinataire_id == Notification.destinataire_id,
            earlier.id < Notification.id,
            in_state(earlier, *WAITING),
            or_(earlier.a_envoyer_le <= now, earlier.tentatives > 0),
            ~and_(
                earlier.event.in_(REPLACED),
                in_state(earlier, EtatNotification.A_ENVOYER),
                Notification.event.in_(REPLACING),
            ),
        )
        .exists()
    )
    return (
        select(Notification.id)
        .where(
            Notification.file == file,
            Notification.canal.not_in(without),
            is_due(now),
            or_(
                Notification.destinataire_type != "usager",
                Notification.prevue_le <= now - WAIT_FOR_EARLIER,
                ~waits_for,
            ),
        )
        .order_by(Notification.a_envoyer_le, Notification.id)
    )


def due_files(now: datetime) -> Sequence[str]:
    """Queues where something is due."""
    return db.session.scalars(select(Notification.file).where(is_due(now)).distinct()).all()


def waiting(now: datetime) -> Sequence[Any]:
    """What waits, by queue and state: file, etat, count, due (the oldest moment one should have left, or None). Reads
    only what waits, however much was sent."""
    due = case((Notification.prevue_le <= now, Notification.prevue_le))
    return db.session.execute(
        select(Notification.file, Notification.etat, func.count().label("count"), func.min(due).label("due"))
        .where(in_state(Notification, *WAITING))
        .group_by(Notification.file, Notification.etat)
    ).all()


@dataclass(frozen=True, slots=True)
class Batch:
    """Claimed rows with all that their words need."""

    notifications: Sequence[Notification]
    participations: Mapping[int, Participation]
    rdvs: Mapping[int, Rdv]
    agents: Mapping[int, Agent]
    demandes: Mapping[int, Acces] = field(default_factory=dict)
    foyers: Mapping[tuple[int, int], Sequence[Participation]] = field(default_factory=dict)
    """(session, reader) → the places they answer for there: what a mail may change of a calendar."""
    attentes: Mapping[int, Any] = field(default_factory=dict)
    invitations: Mapping[int, Any] = field(default_factory=dict)
    history: Mapping["Reader", Sequence[Any]] = field(default_factory=dict)
    """What said, or was to say, to each reader where and when a session is; oldest first, where a change is to be told:
    id, event, changement, etat, participation_ids, avant, dit."""


Reader = tuple[int | None, str, int, Canal]
"""(session, kind of reader, reader, channel)."""
SAYS_WHERE = ("inscription", "rappel", "modification", "deplacement", "attente", "proposition")
"""Messages that say where and when their session is."""


def reader_key(row: Any) -> Reader:
    """Whom a row of the outbox is for, about which session, by what."""
    return row.rdv_id, row.destinataire_type, row.destinataire_id, row.canal


def known_before(row: Notification, history: Sequence[Any]) -> Mapping[str, str] | None:
    """What the reader of a change knows of where and when: what they were last told, or else what was before the first
    change they were not told of. None when another change was written down since."""
    known: Mapping[str, str] | None = None
    places = set(row.participation_ids)
    for entry in history:
        if places and not places.intersection(entry.participation_ids):
            continue  # told at another address, about another place of the household
        if entry.event == row.event and _version(entry.changement) > _version(row.changement):
            return None
        if entry.etat is EtatNotification.ENVOYEE:
            known = entry.dit
        elif entry.event == row.event and known is None:
            known = entry.avant
    return known or row.avant


def _version(changement: str) -> int:
    return int(changement.removeprefix("v"))


def load_batch(ids: Sequence[int], until: datetime) -> Batch:
    """Those of these rows still claimed until then, in the order of `ids`, with their subjects: ten statements."""
    found = {
        row.id: row
        for row in db.session.scalars(
            select(Notification).where(
                Notification.id.in_(ids),
                Notification.etat == EtatNotification.EN_COURS,
                Notification.claimed_until == until,
            )
        )
    }
    rows = [found[row_id] for row_id in ids if row_id in found]
    wanted = {i for row in rows for i in row.participation_ids}
    wanted |= {row.sujet_id for row in rows if row.sujet_type == "participation"}
    agent_ids = {row.destinataire_id for row in rows if row.destinataire_type == "agent"}
    rdv_ids = {row.rdv_id for row in rows if row.rdv_id is not None}
    agents = (
        db.session.scalars(select(Agent).where(Agent.id.in_(agent_ids)).options(joinedload(Agent.organisation)))
        if agent_ids
        else ()
    )
    rdvs = (
        db.session.scalars(
            select(Rdv)
            .where(Rdv.id.in_(rdv_ids))
            .options(
                joinedload(Rdv.organisation),
                joinedload(Rdv.motif),
                joinedload(Rdv.plage_ouverture),
                joinedload(Rdv.lieu),
                joinedload(Rdv.salle),
                *([selectinload(Rdv.agents)] if agent_ids else ()),
            )
        )
        if rdv_ids
        else ()
    )
    sessions = {rdv.id: rdv for rdv in rdvs}
    participations = (
        db.session.scalars(select(Participation).where(Participation.id.in_(wanted)).options(with_readers()))
        if wanted
        else ()
    )
    return Batch(
        rows,
        {p.id: p for p in participations},
        sessions,
        {agent.id: agent for agent in agents},
        _demandes({row.sujet_id for row in rows if row.sujet_type == "acces"}),
        households_of([row for row in rows if row.canal is Canal.COURRIEL and row.destinataire_type == "usager"]),
        {entry.id: entry for entry in attente.to_tell({r.sujet_id for r in rows if r.sujet_type == "attente"})},
        invitations.by_id({row.sujet_id for row in rows if row.sujet_type == invitations.EVENT}),
        _history([row for row in rows if row.avant]),
    )


def move_not_told(participation_ids: Collection[int]) -> Mapping[str, Any] | None:
    """Where these people were, in words, when a first move to these places is still to be told; None otherwise."""
    row = Notification
    return db.session.scalars(
        select(row.avant)
        .where(
            row.event == "deplacement",
            row.sujet_type == "participation",
            row.sujet_id.in_(participation_ids),
            row.destinataire_type == "usager",
            in_state(row, EtatNotification.A_ENVOYER),
        )
        .order_by(row.id)
    ).first()


def _demandes(ids: Collection[int]) -> Mapping[int, Acces]:
    return {row.id: row for row in db.session.scalars(select(Acces).where(Acces.id.in_(ids)))} if ids else {}


def _history(changes: Sequence[Notification]) -> Mapping[Reader, Sequence[Any]]:
    found: dict[Reader, list[Any]] = defaultdict(list)
    row = Notification
    if changes:
        for entry in db.session.execute(
            select(
                *(row.id, row.rdv_id, row.destinataire_type, row.destinataire_id, row.canal, row.event, row.changement),
                *(row.etat, row.participation_ids, row.avant, row.dit),
            )
            .where(
                row.rdv_id.in_({change.rdv_id for change in changes}),
                row.destinataire_id.in_({change.destinataire_id for change in changes}),
                row.event.in_(SAYS_WHERE),
            )
            .order_by(row.id)
        ):
            found[reader_key(entry)].append(entry)
    return found


def late_messages(now: datetime, *, without_event: str) -> Sequence[Any]:
    """What should have left already, but for such alerts themselves: organisation_id, canal, count, oldest."""
    row = Notification
    return db.session.execute(
        select(row.organisation_id, row.canal, func.count().label("count"), func.min(row.prevue_le).label("oldest"))
        .where(in_state(row, *WAITING), row.prevue_le <= now, row.event != without_event)
        .group_by(row.organisation_id, row.canal)
    ).all()


# --- reminders ---------------------------------------------------------------------------------------------------


def sessions_to_remind(now: datetime) -> Sequence[Any]:
    """Coming sessions whose motif reminds people: id, starts_at, rappels, timezone."""
    return db.session.execute(
        select(Rdv.id, Rdv.starts_at, Motif.rappels, Organisation.timezone)
        .join(Rdv.motif)
        .join(Organisation, Organisation.id == Rdv.organisation_id)
        .where(
            Rdv.starts_at > now,
            Rdv.starts_at < now + FARTHEST_REMINDER,
            Rdv.cancelled_at.is_(None),
            Rdv.places_prises > 0,
            Motif.visibilite == Visibilite.VISIBLE_NOTIFIE,
        )
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()


def people_to_remind(rdv_ids: Collection[int]) -> Mapping[int, Sequence[Any]]:
    """Session → its booked people who want reminders and can be written to: id, rdv_id, inscrit_le."""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.execute(
        select(Participation.id, Participation.rdv_id, Participation.inscrit_le)
        .join(Participation.usager)
        .where(
            Participation.rdv_id.in_(rdv_ids),
            Participation.statut == Statut.INSCRIT,
            Participation.rappeler,
            Participation.prevenir,
            or_(
                Participation.telephone.is_not(None),
                Participation.courriel.is_not(None),
                Usager.phone.is_not(None),
                Usager.email.is_not(None),
                Usager.responsable_id.is_not(None),
            ),
        )
        .order_by(Participation.id)
    ):
        found[row.rdv_id].append(row)
    return found


def reminders_promised(rdv_ids: Collection[int]) -> Mapping[tuple[int | None, str], set[int]]:
    """(session, change) → participations a reminder was already written down for."""
    found: dict[tuple[int | None, str], set[int]] = defaultdict(set)
    for rdv_id, changement, ids in db.session.execute(
        select(Notification.rdv_id, Notification.changement, Notification.participation_ids).where(
            Notification.rdv_id.in_(rdv_ids),
            Notification.event == "rappel",
            ~and_(in_state(Notification, EtatNotification.IGNOREE), Notification.erreur == MOVED),
        )
    ):
        found[rdv_id, changement].update(ids)
    return found


# --- alerts ------------------------------------------------------------------------------------------------------


def sessions_with_minimum(now: datetime) -> Sequence[Any]:
    """Coming sessions that are under their motif's minimum, that nobody decided to keep: id, starts_at, cree_le,
    places_prises, capacite_min, minimum_heures."""
    return db.session.execute(
        select(Rdv.id, Rdv.starts_at, Rdv.cree_le, Rdv.places_prises, Motif.capacite_min, Motif.minimum_heures)
        .join(Rdv.motif)
        .where(
            Rdv.starts_at > now,
            Rdv.starts_at < now + FARTHEST_REMINDER,
            Rdv.cancelled_at.is_(None),
            Rdv.capacite_max.is_not(None),
            Rdv.places_prises < Motif.capacite_min,
            or_(Rdv.maintenu_pour.is_(None), Rdv.maintenu_pour != Rdv.starts_at),
        )
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()


def minimum_promised(rdv_ids: Collection[int]) -> set[tuple[int, str]]:
    """(session, its start) of those whose agents were told already."""
    rows = db.session.execute(
        select(Notification.sujet_id, Notification.changement).where(
            Notification.event == "minimum",
            Notification.rdv_id.in_(rdv_ids),
            ~in_state(Notification, EtatNotification.IGNOREE),
        )
    )
    return {(row.sujet_id, row.changement) for row in rows}


def digests_promised(now: datetime) -> set[tuple[int, str]]:
    """(agent, day) of the morning mails written down lately."""
    rows = db.session.execute(
        select(Notification.sujet_id, Notification.changement).where(
            Notification.event == "recapitulatif", Notification.cree_le > now - timedelta(days=2)
        )
    )
    return {(row.sujet_id, row.changement) for row in rows}


def timezones(organisation_ids: Collection[int]) -> Mapping[int, str]:
    """Organisation → its IANA time zone."""
    rows = db.session.execute(
        select(Organisation.id, Organisation.timezone).where(Organisation.id.in_(organisation_ids))
    )
    return {row.id: row.timezone for row in rows}


# --- what became of it -------------------------------------------------------------------------------------------


def outbox_summary(now: datetime) -> Sequence[Any]:
    """What waits and what failed, by state, queue, event and channel, with the oldest of each."""
    return db.session.execute(
        select(
            Notification.etat,
            Notification.file,
            Notification.event,
            Notification.canal,
            func.count().label("count"),
            func.min(Notification.cree_le).label("oldest"),
        )
        .where(in_state(Notification, *WAITING, EtatNotification.ECHEC))
        .group_by(Notification.etat, Notification.file, Notification.event, Notification.canal)
        .order_by(Notification.etat, Notification.file, Notification.event, Notification.canal)
    ).all()


def failures(limit: int = 20) -> Sequence[Any]:
    """The last failures: id, event, canal, tentatives as `attempts`, erreur."""
    return db.session.execute(
        select(
            Notification.id,
            Notification.event,
            Notification.canal,
            Notification.tentatives.label("attempts"),
            Notification.erreur,
        )
        .where(in_state(Notification, EtatNotification.ECHEC))
        .order_by(Notification.id.desc())
        .limit(limit)
    ).all()
