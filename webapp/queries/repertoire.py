"""Find people of an organisation by what one remembers of them (docs/domain.md rule 14).

Names are found by the beginnings of their words, whatever their order, case and accents; when nobody fits, by words
that are a slip or two away. Numbers and addresses must be whole, unless the person may be seen in full: a part of one
would let it be guessed digit by digit. Only what is looked for as a part of a number or an address reads everybody.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import joinedload

from webapp.domain import phones
from webapp.domain.contacts import BACKWARDS, fold, fold_email
from webapp.domain.participation import Statut
from webapp.domain.recherche import near, pieces, slips
from webapp.domain.waitlist import ATTENDENT
from webapp.extensions import db
from webapp.models import (
    FileAttente,
    Motif,
    Notification,
    Participation,
    Rdv,
    Usager,
    usager_mots,
    usager_organisations,
)

from .agenda import Services, in_services

LAST = "\U0010ffff"
WORDS_MAX = 6
NEAREST = 60
"""How many words a mistyped one may be taken for."""
READ = 2000
"""How many words of an organisation are compared with a mistyped one."""
OVERSEAS = ("262", "590", "594", "596")


@dataclass(frozen=True, slots=True)
class Cherche:
    """What was typed, read: folded words, the digits of a number and the numbers they may be, whole addresses."""

    mots: tuple[str, ...] = ()
    chiffres: str = ""
    numeros: tuple[str, ...] = ()
    courriels: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        """Is there enough to look for somebody?"""
        return sum(map(len, (*self.mots, self.chiffres, *self.courriels))) > 1


def read(text: str, region: str = "FR") -> Cherche:
    """What somebody typed: names in any order, a number as it is dialled, an address as it is."""
    mots: list[str] = []
    courriels: list[str] = []
    digits = ""
    for word in text.split():
        bare = word.strip("().-/").replace(".", "").replace("-", "").replace("/", "")
        if bare.lstrip("+").isdigit():
            digits += bare
        elif "@" in word:
            courriels.append(fold_email(word))
        else:
            mots += fold(word).split()
    numeros: tuple[str, ...] = ()
    if digits:
        try:
            numeros = (phones.parse(digits, region),)
        except phones.PhoneError:
            numeros = ()
        for prefix in ("+33", "0033"):
            if digits.startswith(prefix):
                digits = "0" + digits.removeprefix(prefix).removeprefix("0")
    return Cherche(tuple(dict.fromkeys(mots))[:WORDS_MAX], digits.replace("+", "")[:40], numeros, tuple(courriels[:2]))


@dataclass(frozen=True, slots=True)
class Trouvailles:
    """Who was found, in order; whether there are more; whether only nearly what was typed fits."""

    ids: Sequence[int] = ()
    encore: bool = False
    proches: bool = False


def find(
    organisation_id: int,
    services: Services,
    cherche: Cherche,
    *,
    agent_id: int | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Trouvailles:
    """People of the organisation who fit what was typed; `services` and `agent_id` say who may be seen in full."""
    if not cherche.enough:
        return Trouvailles()

    def page(question: Select[tuple[int]]) -> list[int]:
        return list(db.session.scalars(question.limit(limit + 1).offset(offset)))

    found = page(_whole(organisation_id, cherche))
    near_only = False
    if not found:
        found = page(_parts(organisation_id, services, cherche, agent_id))
    if not found and cherche.mots:
        found = page(_nearly(organisation_id, cherche))
        near_only = bool(found)
    return Trouvailles(found[:limit], len(found) > limit, near_only)


def _people(organisation_id: int, *conditions: ColumnElement[bool], first: str = "", named: bool = False) -> Any:
    """Who fits; `named`: the conditions about names say already whose organisation it is."""
    order = [Usager.recherche, Usager.id]
    if first:
        order.insert(0, (func.substr(Usager.recherche, 1, len(first)) == first).desc())
    question = select(Usager.id).where(Usager.anonymise_le.is_(None), *conditions).order_by(*order)
    if named:
        return question
    links = usager_organisations.c
    known = exists().where(links.usager_id == Usager.id, links.organisation_id == organisation_id)
    return question.where(known)


def _words(organisation_id: int, condition: ColumnElement[bool]) -> Select[tuple[int]]:
    return select(usager_mots.c.usager_id).where(usager_mots.c.organisation_id == organisation_id, condition)


def _prefix(beginning: str) -> ColumnElement[bool]:
    mot = usager_mots.c.mot
    return and_(mot >= beginning, mot < beginning + LAST)


def _contacts(cherche: Cherche) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Usager.email == courriel for courriel in cherche.courriels]
    if cherche.chiffres:
        found.append(Usager.phone.in_(cherche.numeros))
    return found


def _whole(organisation_id: int, cherche: Cherche) -> Select[tuple[int]]:
    """By the beginnings of names and by whole contacts: for everybody."""
    names = [Usager.id.in_(_words(organisation_id, _prefix(mot))) for mot in cherche.mots]
    first = (*cherche.mots, "")[0]
    return _people(organisation_id, *names, *_contacts(cherche), first=first, named=bool(names))


def _parts(organisation_id: int, services: Services, cherche: Cherche, agent_id: int | None) -> Select[tuple[int]]:
    """By any part of a number, an address or a case number: for those who may be seen in full."""
    digits, text = cherche.chiffres, Usager.recherche
    fits = [text.contains(part, autoescape=True) for part in (*cherche.mots, *cherche.courriels)]
    if digits:
        overseas = [Usager.phone.startswith(f"+{code}{digits[1:]}") for code in OVERSEAS if digits[0] == "0"]
        fits.append(or_(text.contains(digits), *overseas))
    links = usager_organisations.c
    known = exists().where(links.usager_id == Usager.id, links.organisation_id == organisation_id)
    texts = db.session.scalars(select(Usager.id).where(*fits, known).order_by(Usager.id.desc()).limit(READ)).all()
    seen = in_full(organisation_id, services, texts, agent_id)
    return _people(organisation_id, Usager.id.in_(seen), first=(*cherche.mots, "")[0], named=True)


def _nearly(organisation_id: int, cherche: Cherche) -> Select[tuple[int]]:
    """By words that are a slip or two away from those typed."""
    names = []
    for mot in cherche.mots:
        fits = _prefix(mot)
        if slips(mot):
            nearest = _nearest(organisation_id, mot)
            fits = or_(fits, usager_mots.c.mot.in_(nearest)) if nearest else fits
        names.append(Usager.id.in_(_words(organisation_id, fits)))
    return _people(organisation_id, *names, *_contacts(cherche), named=True)


def _nearest(organisation_id: int, mot: str) -> list[str]:
    """The words of the organisation's names nearest to that one."""
    beginning, end = pieces(mot)
    known: set[str] = set()
    for start in (beginning, BACKWARDS + end[::-1]):
        words = (
            select(usager_mots.c.mot)
            .where(usager_mots.c.organisation_id == organisation_id, _prefix(start))
            .distinct()
            .limit(READ)
        )
        found = db.session.scalars(words).all()
        known.update(one.removeprefix(BACKWARDS)[::-1] if one.startswith(BACKWARDS) else one for one in found)
    far = near(mot, known)
    return sorted(far, key=lambda one: (far[one], one))[:NEAREST]


def in_full(organisation_id: int, services: Services, ids: Sequence[int], agent_id: int | None = None) -> set[int]:
    """Which of these people may be seen in full from these services: those who have, had, or wait for a place in a
    session there; who answers for one of them; whoever this agent typed the file of. Four statements."""
    if not ids:
        return set()
    answers = db.session.execute(select(Usager.id, Usager.responsable_id).where(Usager.responsable_id.in_(ids))).all()
    whole = [*ids, *(row.id for row in answers)]
    found: set[int] = set()
    for of in (Participation, FileAttente):
        here = (
            select(of.usager_id)
            .join(Rdv, Rdv.id == of.rdv_id)
            .join(Motif, Motif.id == Rdv.motif_id)
            .where(of.usager_id.in_(whole), Rdv.organisation_id == organisation_id, in_services(services))
        )
        found.update(db.session.scalars(here))
    if agent_id is not None:
        typed = select(Usager.id).where(Usager.id.in_(ids), Usager.cree_par_agent_id == agent_id)
        found.update(db.session.scalars(typed))
    found.update(row.responsable_id for row in answers if row.id in found)
    return found.intersection(ids)


def shown(
    organisation_id: int, services: Services, ids: Sequence[int], agent_id: int | None = None
) -> list[tuple[Usager, bool]]:
    """These people in that order, each with "may be seen in full"."""
    if not ids:
        return []
    rows = db.session.scalars(select(Usager).where(Usager.id.in_(ids)).options(joinedload(Usager.responsable)))
    people, full = {usager.id: usager for usager in rows}, in_full(organisation_id, services, ids, agent_id)
    return [(people[one], one in full) for one in ids if one in people]


def person(organisation_id: int, usager_id: int) -> Usager | None:
    """That person of the organisation, with who answers for them."""
    links = usager_organisations.c
    return db.session.scalars(
        select(Usager)
        .join(usager_organisations, links.usager_id == Usager.id)
        .where(
            links.organisation_id == organisation_id,
            Usager.id == usager_id,
            Usager.anonymise_le.is_(None),
        )
        .options(joinedload(Usager.responsable))
    ).first()


def coming(organisation_id: int, services: Services, usager_id: int, now: datetime) -> Sequence[Participation]:
    """Their places in sessions of these services that are not over, soonest first."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .join(Rdv.motif)
        .where(
            Participation.usager_id == usager_id,
            Rdv.organisation_id == organisation_id,
            Rdv.ends_at > now,
            in_services(services),
        )
        .options(joinedload(Participation.rdv).options(joinedload(Rdv.motif), joinedload(Rdv.lieu)))
        .order_by(Rdv.starts_at, Participation.id)
    ).all()


def places_of(organisation_id: int, services: Services, usager_id: int) -> Sequence[Participation]:
    """All their places in sessions of these services, oldest first, with what their export says of them."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .join(Rdv.motif)
        .where(Participation.usager_id == usager_id, Rdv.organisation_id == organisation_id, in_services(services))
        .options(
            joinedload(Participation.usager),
            joinedload(Participation.rdv).options(
                joinedload(Rdv.motif), joinedload(Rdv.lieu), joinedload(Rdv.organisation)
            ),
        )
        .order_by(Rdv.starts_at, Participation.id)
        .limit(READ)
    ).all()


def waits_of(organisation_id: int, services: Services, usager_id: int) -> Sequence[FileAttente]:
    """All their waits for a place there, as their export says them."""
    return db.session.scalars(
        select(FileAttente)
        .join(FileAttente.rdv)
        .join(Rdv.motif)
        .where(FileAttente.usager_id == usager_id, Rdv.organisation_id == organisation_id, in_services(services))
        .options(
            joinedload(FileAttente.usager),
            joinedload(FileAttente.rdv).options(joinedload(Rdv.motif), joinedload(Rdv.organisation)),
        )
        .order_by(FileAttente.id)
        .limit(READ)
    ).all()


def messages_of(organisation_id: int, usager_id: int, services: Services) -> Sequence[Notification]:
    """What was written to them about these services' sessions, or about none, oldest first."""
    return db.session.scalars(
        select(Notification)
        .outerjoin(Rdv, Rdv.id == Notification.rdv_id)
        .outerjoin(Motif, Motif.id == Rdv.motif_id)
        .where(
            Notification.organisation_id == organisation_id,
            Notification.destinataire_type == "usager",
            Notification.destinataire_id == usager_id,
            or_(Notification.rdv_id.is_(None), in_services(services)),
        )
        .order_by(Notification.id)
        .limit(READ)
    ).all()


def coming_seats(usager_ids: Sequence[int], now: datetime) -> Sequence[Participation]:
    """Their seats that somebody else could have, soonest first, as the database has them now."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .where(
            Participation.usager_id.in_(usager_ids),
            Participation.statut == Statut.INSCRIT,
            Rdv.starts_at > now,
            Rdv.cancelled_at.is_(None),
        )
        .options(joinedload(Participation.usager), joinedload(Participation.rdv).joinedload(Rdv.motif))
        .order_by(Rdv.starts_at, Participation.id)
        .execution_options(populate_existing=True)
    ).all()


def live_waits(usager_ids: Sequence[int], now: datetime) -> Sequence[FileAttente]:
    """Their waits for a seat that are not over, as the database has them now."""
    return db.session.scalars(
        select(FileAttente)
        .join(FileAttente.rdv)
        .where(FileAttente.usager_id.in_(usager_ids), FileAttente.etat.in_(ATTENDENT), Rdv.starts_at > now)
        .order_by(FileAttente.id)
        .execution_options(populate_existing=True)
    ).all()


def services_of(organisation_id: int, usager_ids: Collection[int]) -> set[int]:
    """The services in whose sessions these people have, had, or wait for a place."""
    found: set[int] = set()
    for of in (Participation, FileAttente):
        found.update(
            db.session.scalars(
                select(Motif.service_id)
                .join(Rdv, Rdv.motif_id == Motif.id)
                .join(of, of.rdv_id == Rdv.id)
                .where(of.usager_id.in_(usager_ids), Rdv.organisation_id == organisation_id)
                .distinct()
            )
        )
    return found


def lookalikes(organisation_id: int, usager: Any, limit: int = 5) -> list[int]:
    """People who may be the same: that phone or e-mail with a near name, or the same name and birth date."""
    links = usager_organisations.c
    words = fold(f"{usager.last_name} {usager.first_name}").split()
    same = []
    if usager.phone:
        same.append(Usager.phone == usager.phone)
    if usager.email:
        same.append(Usager.email == usager.email)
    base = (
        select(Usager.id, Usager.first_name, Usager.last_name, Usager.birth_date)
        .join(usager_organisations, links.usager_id == Usager.id)
        .where(
            links.organisation_id == organisation_id,
            Usager.anonymise_le.is_(None),
            Usager.id != (usager.id or 0),
            Usager.responsable_id.is_(None),
        )
        .order_by(Usager.id)
        .limit(READ // 10)
    )
    found: dict[int, Any] = {}
    if same:
        for row in db.session.execute(base.where(or_(*same))):
            if alike(words, fold(f"{row.last_name} {row.first_name}").split()):
                found[row.id] = row
    if usager.birth_date and words:
        longest = max(words, key=len)
        named = Usager.id.in_(_words(organisation_id, usager_mots.c.mot == longest))
        for row in db.session.execute(base.where(named, Usager.birth_date == usager.birth_date)):
            if sorted(fold(f"{row.last_name} {row.first_name}").split()) == sorted(words):
                found[row.id] = row
    return sorted(found)[:limit]


def alike(some: Sequence[str], others: Sequence[str]) -> bool:
    """Are these nearly the same names, in any order? Relatives share a last name, and a telephone."""
    fewer, more = sorted((list(some), list(others)), key=len)
    return bool(fewer) and all(any(one == other or other in near(one, [other]) for other in more) for one in fewer)
