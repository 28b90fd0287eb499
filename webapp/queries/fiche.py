"""What the collective sheet shows: the session, its people, their messages, its journal."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Row, Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from webapp.domain.contacts import fold
from webapp.domain.participation import OCCUPENT, Statut
from webapp.extensions import db
from webapp.models import (
    END_OF_NAME,
    FileAttente,
    Journal,
    Motif,
    Notification,
    Participation,
    Rdv,
    Usager,
    usager_organisations,
)

from .agenda import Services, in_services
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


def terms(text: str) -> list[str]:
    """The words to look for, folded as `Usager.recherche` is: names in any order, a number as it is dialled, an
    address as it is. Short leftovers are ignored."""
    found: list[str] = []
    digits = ""
    for word in text.split():
        bare = word.strip("().-/").replace(".", "").replace("-", "").replace("/", "")
        if bare.lstrip("+").isdigit():
            digits += bare
        elif "@" in word:
            found.append(word.lower())
        else:
            found += fold(word).split()
    if digits:
        for prefix in ("+33", "0033"):
            if digits.startswith(prefix):
                digits = "0" + digits.removeprefix(prefix).removeprefix("0")
        found.append(digits.replace("+", ""))
    return found


def known_people(
    organisation_id: int, services: Services, text: str, rdv_id: int
) -> tuple[list[tuple[Usager, bool, bool]], bool]:
    """People of the organisation who fit, with "may be seen in full" (they have a session in these services, rule 14)
    and "already has a place in this session"; then whether there are more than shown. Who may not be seen in full is
    found by name, or by a whole number or address: a part of one would let it be guessed digit by digit."""
    words = terms(text)
    if sum(len(word) for word in words) < 2:
        return [], False
    seen = exists().where(
        Participation.usager_id == Usager.id,
        Participation.rdv_id == Rdv.id,
        Rdv.motif_id == Motif.id,
        Rdv.organisation_id == organisation_id,
        in_services(services),
    )
    here = exists().where(
        Participation.usager_id == Usager.id,
        Participation.rdv_id == rdv_id,
        Participation.statut.in_(OCCUPENT),
    )
    rows = db.session.execute(
        select(Usager, seen, here)
        .join(usager_organisations, usager_organisations.c.usager_id == Usager.id)
        .where(
            usager_organisations.c.organisation_id == organisation_id,
            *(Usager.recherche.contains(word, autoescape=True) for word in words),
            or_(seen, and_(*(_fits_masked(word) for word in words))),
        )
        .order_by(_starts(words).desc(), Usager.last_name, Usager.first_name, Usager.id)
        .limit(FOUND_SHOWN + 1)
    ).all()
    found = [(usager, bool(full), bool(there)) for usager, full, there in rows[:FOUND_SHOWN]]

    def rank(row: tuple[Usager, bool, bool]) -> tuple[bool, tuple[str, str, int]]:
        usager = row[0]
        return not usager.recherche.startswith(words[0]), by_name(usager.last_name, usager.first_name, usager.id)

    found.sort(key=rank)
    return found, len(rows) > FOUND_SHOWN


def _fits_masked(word: str) -> ColumnElement[bool]:
    if "@" in word:
        return func.lower(Usager.email) == word
    if word.isdigit():
        return Usager.phone.in_([f"+{word}", f"+33{word.removeprefix('0')}"])
    return Usager.recherche.like(f"%{word}%{END_OF_NAME}%")  # folded: no wildcard in it


def _starts(words: Sequence[str]) -> ColumnElement[bool]:
    return Usager.recherche.startswith(words[0], autoescape=True) if words else false()
