"""What the collective sheet shows: the session, its people, their messages, its journal."""

from collections.abc import Collection, Sequence

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from webapp.domain.contacts import fold
from webapp.domain.participation import OCCUPENT, Statut
from webapp.extensions import db
from webapp.models import (
    FileAttente,
    Journal,
    Notification,
    Participation,
    Rdv,
    Usager,
)

from . import repertoire
from .agenda import Services
from .notifications import with_readers

JOURNAL_SHOWN = 20
FOUND_SHOWN = 8


def session(organisation_id: int, rdv_id: int) -> Rdv | None:
    """That session of the organisation, with all its header says: two statements."""
    return db.session.scalars(
        _session(organisation_id, rdv_id).options(
            joinedload(Rdv.lieu),
            joinedload(Rdv.salle),
            joinedload(Rdv.plage_ouverture),
            selectinload(Rdv.agents),
        )
    ).first()


def session_alone(organisation_id: int, rdv_id: int) -> Rdv | None:
    """That session with its motif only, for what asks often: one statement."""
    return db.session.scalars(_session(organisation_id, rdv_id)).first()


def sessions(organisation_id: int, rdv_ids: Collection[int]) -> Sequence[Rdv]:
    """Those of these sessions that are the organisation's, with their motif, soonest first: one statement."""
    return db.session.scalars(
        select(Rdv)
        .where(Rdv.organisation_id == organisation_id, Rdv.id.in_(rdv_ids))
        .options(joinedload(Rdv.motif), joinedload(Rdv.organisation), joinedload(Rdv.lieu))
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()


def _session(organisation_id: int, rdv_id: int) -> Select[tuple[Rdv]]:
    return (
        select(Rdv)
        .where(Rdv.organisation_id == organisation_id, Rdv.id == rdv_id)
        .options(joinedload(Rdv.motif), joinedload(Rdv.organisation))
    )


def participation(organisation_id: int, rdv_id: int, participation_id: int) -> Participation | None:
    """One person's place in one session of the organisation, with both: one statement."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .where(
            Participation.id == participation_id,
            Participation.rdv_id == rdv_id,
            Rdv.organisation_id == organisation_id,
        )
        .options(
            contains_eager(Participation.rdv).options(joinedload(Rdv.motif), joinedload(Rdv.organisation)),
            with_readers(),
            joinedload(Participation.cree_par_agent),
            joinedload(Participation.statut_par_agent),
        )
    ).first()


def people(rdv: Rdv, *, since: int | None = None, only: Collection[int] | None = None) -> list[Participation]:
    """Everybody who has or had a place there, by name, accents ignored; or those changed after version `since`, or
    `only` these participations."""
    question = (
        select(Participation)
        .where(Participation.rdv_id == rdv.id)
        .options(with_readers(), joinedload(Participation.cree_par_agent), joinedload(Participation.statut_par_agent))
        .execution_options(populate_existing=True)
    )
    if since is not None:
        question = question.where(Participation.rdv_version > since)
    if only is not None:
        question = question.where(Participation.id.in_(only))
    return sorted(db.session.scalars(question), key=lambda p: by_name(p.usager.last_name, p.usager.first_name, p.id))


def statuts(rdv: Rdv) -> set[Statut]:
    """The statuses its people have."""
    return set(db.session.scalars(select(Participation.statut).where(Participation.rdv_id == rdv.id).distinct()))


def count_by_statut(rdv_id: int) -> list[tuple[Statut, int]]:
    """(status, how many of its people have it), in the order of the statuses; what nobody has is left out."""
    rows = db.session.execute(
        select(Participation.statut, func.count()).where(Participation.rdv_id == rdv_id).group_by(Participation.statut)
    )
    found = {row.statut: row[1] for row in rows}
    return [(statut, found[statut]) for statut in Statut if statut in found]


def people_of(rdv_id: int, statuts: Collection[Statut]) -> Sequence[Participation]:
    """Participations of a session that have one of these statuses, with their readers."""
    return db.session.scalars(
        select(Participation)
        .where(Participation.rdv_id == rdv_id, Participation.statut.in_(statuts))
        .options(with_readers())
        .order_by(Participation.id)
    ).all()


def order(rdv: Rdv) -> list[int]:
    """Ids of all the participations, in the order of the sheet."""
    rows = db.session.execute(
        select(Participation.id, Usager.last_name, Usager.first_name)
        .join(Participation.usager)
        .where(Participation.rdv_id == rdv.id)
    )
    return [row.id for row in sorted(rows, key=lambda row: by_name(row.last_name, row.first_name, row.id))]


def by_name(last_name: str, first_name: str, tie: int) -> tuple[str, str, int]:
    """The order of the sheet: as a French reader looks names up."""
    return fold(last_name), fold(first_name), tie


def messages(rdv: Rdv, readers: Collection[int] | None = None) -> Sequence[Row[tuple[object, ...]]]:
    """What was written to participants about this session, oldest first; `readers` are the usagers written to."""
    question = (
        select(
            Notification.event,
            Notification.canal,
            Notification.etat,
            Notification.participation_ids,
            Notification.cree_le,
            Notification.envoyee_le,
            Notification.erreur,
        )
        .where(Notification.rdv_id == rdv.id, Notification.destinataire_type == "usager")
        .order_by(Notification.id)
    )
    if readers is not None:
        question = question.where(Notification.destinataire_id.in_(readers))
    return db.session.execute(question).all()


def journal(rdv: Rdv) -> Sequence[Row[tuple[Journal, str | None, str | None]]]:
    """The last things done to the session or its people, latest first, with the name of the person concerned."""
    return db.session.execute(
        select(Journal, Usager.first_name, Usager.last_name)
        .outerjoin(Participation, and_(Journal.sujet_type == "participation", Participation.id == Journal.sujet_id))
        .outerjoin(FileAttente, and_(Journal.sujet_type == "fileattente", FileAttente.id == Journal.sujet_id))
        .outerjoin(Usager, Usager.id == func.coalesce(Participation.usager_id, FileAttente.usager_id))
        .where(Journal.organisation_id == rdv.organisation_id, Journal.rdv_id == rdv.id)
        .options(joinedload(Journal.agent))
        .order_by(Journal.id.desc())
        .limit(JOURNAL_SHOWN)
    ).all()


# --- the field that adds somebody ----------------------------------------------------------------------------------


def known_people(
    organisation_id: int, services: Services, text: str, rdv_id: int
) -> tuple[list[tuple[Usager, bool, bool]], bool]:
    """People of the organisation who fit (`queries.repertoire`), with "may be seen in full" (rule 14) and "already has
    a place in this session"; then whether there are more than shown."""
    found = repertoire.find(organisation_id, services, repertoire.read(text), limit=FOUND_SHOWN)
    people = repertoire.shown(organisation_id, services, found.ids)
    here = (
        set(
            db.session.scalars(
                select(Participation.usager_id).where(
                    Participation.rdv_id == rdv_id,
                    Participation.usager_id.in_(found.ids),
                    Participation.statut.in_(OCCUPENT),
                )
            )
        )
        if found.ids and rdv_id
        else set()
    )
    return [(usager, full, usager.id in here) for usager, full in people], found.encore
