"""What the public may see and book (docs/domain.md rule 8): the effective opening is worked out in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Integer, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.extensions import db
from webapp.models import Lieu, Motif, Organisation, Participation, PlageOuverture, Rdv, TypeMotif

OPEN = (ReservablePar.TOUS, ReservablePar.ENTREE_LIBRE)
InvitedTo = int | BindParameter[int] | None
"""The motif the visitor holds a valid invitation to, if any: what is `invites` exists for them, in that motif only."""


@dataclass(frozen=True, slots=True)
class Prochaine:
    """A motif's next session that fits a search, and how many of those that fit can be booked; when none can, the
    session has a waitlist."""

    rdv: Rdv
    dates: int


@dataclass(frozen=True, slots=True)
class Place:
    """A lieu where a motif has coming sessions, and how many."""

    lieu: Lieu
    seances: int


def _effective() -> ColumnElement[ReservablePar]:
    """Who may book, nearest first: Rdv → PlageOuverture → Motif (rule 3)."""
    return func.coalesce(Rdv.reservable_par, PlageOuverture.reservable_par, Motif.reservable_par)


def _visible() -> ColumnElement[bool]:
    return and_(Motif.type == TypeMotif.COLLECTIF, Motif.visibilite != Visibilite.INVISIBLE)


def _public(question: Select, invited_to: InvitedTo = None) -> Select:
    """Only sessions that exist for the public, or for who is invited; the question selects from rdvs."""
    exists = _effective().in_(OPEN)
    if invited_to is not None:
        exists = or_(exists, and_(_effective() == ReservablePar.INVITES, Rdv.motif_id == invited_to))
    return (
        question.join(Motif, Rdv.motif_id == Motif.id)
        .outerjoin(PlageOuverture, Rdv.plage_ouverture_id == PlageOuverture.id)
        .where(_visible(), exists)
    )


def _loaded(question: Select) -> Select:
    """All that a page says of a session, in the same statement."""
    return question.options(
        contains_eager(Rdv.motif).joinedload(Motif.service),
        contains_eager(Rdv.plage_ouverture),
        joinedload(Rdv.organisation),
        joinedload(Rdv.lieu),
        joinedload(Rdv.salle),
    )


def _seat() -> ColumnElement[bool]:
    free = Rdv.capacite_max - Rdv.places_prises - Rdv.places_proposees
    return or_(_effective() == ReservablePar.ENTREE_LIBRE, free > 0)


def _waitlist() -> ColumnElement[bool]:
    """One may wait for a seat there (rule 12)."""
    return and_(
        Motif.liste_attente,
        Motif.visibilite == Visibilite.VISIBLE_NOTIFIE,
        _effective() == ReservablePar.TOUS,
    )


def _in_time(now: Any, first: Any, last: Any) -> ColumnElement[bool]:
    """Between the moments the booking delays give; entrée libre is shown until it starts."""
    return and_(
        Rdv.starts_at > now,
        Rdv.starts_at <= last,
        or_(Rdv.starts_at >= first, _effective() == ReservablePar.ENTREE_LIBRE),
    )


def _bounds(motif: Motif, now: datetime) -> dict[str, datetime]:
    """What `_in_time` compares with, for this motif."""
    first, last = timedelta(minutes=motif.delai_min_minutes), timedelta(days=motif.delai_max_jours)
    return {"now": now, "first": now + first, "last": now + last}


def _moment(name: str) -> BindParameter[datetime]:
    return bindparam(name, type_=Rdv.starts_at.type)


def _invited(one: bool) -> InvitedTo:
    """The same, in a question that is kept."""
    return bindparam("invited_to", type_=Integer) if one else None


# --- organisations -----------------------------------------------------------------------------------------------


def organisation_by_slug(slug: str) -> Organisation | None:
    return db.session.scalars(select(Organisation).where(Organisation.slug == slug)).first()


@cache
def _organisations() -> Select[Organisation]:
    return select(Organisation).order_by(Organisation.name)


def organisations() -> Sequence[Organisation]:
    """Everybody who publishes here, by name."""
    return db.session.scalars(_organisations()).all()


# --- search ------------------------------------------------------------------------------------------------------


def lieux(organisation_id: int | None) -> Sequence[Lieu]:
    """Places in use, of one organisation or of all: to compare what a person typed with."""
    question = select(Lieu).where(Lieu.enabled, ~Lieu.ponctuel)
    if organisation_id:
        question = question.where(Lieu.organisation_id == organisation_id)
    return db.session.scalars(question).all()


@cache
def _delays(one: bool) -> Select[Any]:
    question = select(Motif.delai_min_minutes, Motif.delai_max_jours).where(_visible(), Motif.archived_at.is_(None))
    if one:
        question = question.where(Motif.organisation_id == bindparam("organisation_id"))
    return question.distinct()


@cache
def _bookable(windows: int, one: bool, placed: bool, zones: int) -> Select[Any]:
    """For that many different pairs of booking delays, in one organisation or in all, in some lieux or anywhere, before
    the moments that many groups of organisations call the end, or at any time."""
    # A handful of pairs: plain bounds on starts_at, that an index serves and both databases read alike.
    in_time = [
        and_(
            Motif.delai_min_minutes == bindparam(f"least{n}", type_=Integer),
            Motif.delai_max_jours == bindparam(f"most{n}", type_=Integer),
            _in_time(_moment("now"), _moment(f"first{n}"), _moment(f"last{n}")),
        )
        for n in range(windows)
    ]
    order, seat = (Rdv.starts_at, Rdv.id), case((_seat(), 1), else_=0)
    fit = _public(
        select(
            Rdv.id,
            func.row_number().over(partition_by=Rdv.motif_id, order_by=(seat.desc(), *order)).label("rang"),
            func.sum(seat).over(partition_by=Rdv.motif_id).label("dates"),
        ).select_from(Rdv)
    ).where(
        Rdv.cancelled_at.is_(None),
        Motif.archived_at.is_(None),
        Rdv.starts_at > _moment("now"),
        or_(*in_time),
        or_(_seat(), _waitlist()),
    )
    if one:
        fit = fit.where(Rdv.organisation_id == bindparam("organisation_id"))
    if placed:
        fit = fit.where(Rdv.lieu_id.in_(bindparam("lieu_ids", expanding=True)))
    if zones:
        before = [
            and_(Rdv.organisation_id.in_(bindparam(f"of{n}", expanding=True)), Rdv.starts_at < _moment(f"until{n}"))
            for n in range(zones)
        ]
        fit = fit.where(or_(*before))
    ranked = fit.subquery()
    return (
        _loaded(_public(select(Rdv, ranked.c.dates).join(ranked, Rdv.id == ranked.c.id)))
        .where(ranked.c.rang == 1)
        .order_by(*order)
    )


def bookable_motifs(
    organisation_id: int | None,
    now: datetime,
    lieu_ids: Sequence[int] | None = None,
    before: Mapping[datetime, Sequence[int]] | None = None,
) -> list[Prochaine]:
    """Motifs with a session that can be booked now (or entered freely, or waited for), each with its next one.

    `lieu_ids` narrows; so does `before`: a moment → the organisations whose sessions must start before it.
    """
    one, values = organisation_id is not None, {"organisation_id": organisation_id}
    delays = db.session.execute(_delays(one), values).all()
    if not delays:
        return []
    values |= {"now": now, "lieu_ids": lieu_ids}
    for n, (until, ids) in enumerate((before or {}).items()):
        values |= {f"until{n}": until, f"of{n}": ids}
    for n, (least, most) in enumerate(delays):
        first, last = now + timedelta(minutes=least), now + timedelta(days=most)
        values |= {f"least{n}": least, f"most{n}": most, f"first{n}": first, f"last{n}": last}
    found = db.session.execute(_bookable(len(delays), one, lieu_ids is not None, len(before or {})), values)
    return [Prochaine(rdv, dates) for rdv, dates in found]


# --- one motif ---------------------------------------------------------------------------------------------------


def motif_of(slug: str, motif_id: int) -> Motif | None:
    """A motif of that organisation that the public may see, whether or not something can be booked."""
    return db.session.scalars(
        select(Motif)
        .join(Motif.organisation)
        .options(contains_eager(Motif.organisation), joinedload(Motif.service))
        .where(Organisation.slug == slug, Motif.id == motif_id, _visible(), Motif.archived_at.is_(None))
    ).first()


def _coming(motif: Motif, question: Select, now: datetime, invited: bool) -> Select:
    until = now + timedelta(days=motif.delai_max_jours)
    return _public(question, motif.id if invited else None).where(
        Rdv.motif_id == motif.id, Rdv.cancelled_at.is_(None), Rdv.starts_at > now, Rdv.starts_at <= until
    )


def places_of(motif: Motif, now: datetime, *, invited: bool = False) -> list[Place]:
    """Where its coming sessions are, to filter by; sessions at a distance have no place."""
    question = _coming(motif, select(Lieu, func.count()).select_from(Rdv), now, invited)
    rows = db.session.execute(question.join(Lieu, Rdv.lieu_id == Lieu.id).group_by(Lieu.id).order_by(Lieu.name))
    return [Place(lieu, count) for lieu, count in rows]


def count_coming(motif: Motif, now: datetime, lieu_id: int | None = None, *, invited: bool = False) -> int:
    question = _coming(motif, select(func.count()).select_from(Rdv), now, invited)
    return db.session.scalar(question.where(Rdv.lieu_id == lieu_id) if lieu_id else question) or 0


def coming(
    motif: Motif,
    now: datetime,
    lieu_id: int | None = None,
    *,
    limit: int,
    offset: int = 0,
    invited: bool = False,
) -> Sequence[Rdv]:
    """Its coming sessions that exist for the public, or for who is invited; the full ones too."""
    question = _loaded(_coming(motif, select(Rdv), now, invited))
    question = question.order_by(Rdv.starts_at, Rdv.id).limit(limit).offset(offset)
    return db.session.scalars(question.where(Rdv.lieu_id == lieu_id) if lieu_id else question).all()


# --- one session -------------------------------------------------------------------------------------------------


@cache
def _one_session(invited: bool) -> Select[Rdv]:
    return _loaded(_public(select(Rdv), _invited(invited))).where(Rdv.id == bindparam("rdv_id"))


def session_by_id(rdv_id: int, invited_to: int | None = None) -> Rdv | None:
    """One session that exists for the public (or for who is invited), open or not; anything else is as unknown."""
    values = {"rdv_id": rdv_id, "invited_to": invited_to}
    return db.session.scalars(_one_session(invited_to is not None), values).first()


def sessions_by_id(rdv_ids: Sequence[int]) -> Sequence[Rdv]:
    """The public ones of these sessions."""
    return db.session.scalars(_loaded(_public(select(Rdv))).where(Rdv.id.in_(rdv_ids)).order_by(Rdv.id)).all()


@cache
def _others(invited: bool) -> Select[Rdv]:
    return (
        _loaded(_public(select(Rdv), _invited(invited)))
        .where(
            Rdv.motif_id == bindparam("motif_id"),
            Rdv.id != bindparam("rdv_id"),
            Rdv.cancelled_at.is_(None),
            _effective() != ReservablePar.ENTREE_LIBRE,
            _in_time(_moment("now"), _moment("first"), _moment("last")),
            Rdv.capacite_max - Rdv.places_prises - Rdv.places_proposees >= bindparam("seats", type_=Integer),
        )
        .order_by(Rdv.starts_at, Rdv.id)
        .limit(bindparam("limit", type_=Integer))
    )


def others(rdv: Rdv, now: datetime, limit: int = 3, *, seats: int = 1, invited: bool = False) -> Sequence[Rdv]:
    """Other sessions of the same motif where that many seats can be booked now, soonest first."""
    return bookable(rdv.motif, now, limit, but=rdv.id, seats=seats, invited=invited)


def bookable(
    motif: Motif, now: datetime, limit: int, *, but: int = 0, seats: int = 1, invited: bool = False
) -> Sequence[Rdv]:
    """Sessions of that motif where that many seats can be booked now, soonest first, `but` that one."""
    if motif.archived_at is not None:
        return []
    values = {"motif_id": motif.id, "rdv_id": but, "limit": limit, "seats": seats, "invited_to": motif.id}
    return db.session.scalars(_others(invited), values | _bounds(motif, now)).all()


# --- a personal link ---------------------------------------------------------------------------------------------


def participation_by_hash(lien_hash: str) -> Participation | None:
    """The place a personal link opens (docs/domain.md rule 18), with its session, whoever may see that session."""
    if not lien_hash:
        return None
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .join(Rdv.motif)
        .outerjoin(Rdv.plage_ouverture)
        .options(
            joinedload(Participation.usager),
            contains_eager(Participation.rdv).options(
                contains_eager(Rdv.motif).joinedload(Motif.service),
                contains_eager(Rdv.plage_ouverture),
                joinedload(Rdv.organisation),
                joinedload(Rdv.lieu),
                joinedload(Rdv.salle),
            ),
        )
        .where(Participation.lien_hash == lien_hash)
    ).first()
