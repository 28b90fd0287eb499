"""Find a person, or create them, under the unique keys that say who is the same (docs/domain.md rule 9)."""

from functools import cache
from typing import Any

from sqlalchemy import delete, select

from webapp.clock import utcnow
from webapp.domain.contacts import fold, name_words
from webapp.domain.identity import Identity
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import END_OF_NAME, Usager, UsagerCle, usager_mots, usager_organisations
from webapp.queries import usagers as queries

from .transaction import written


def search_text(usager: Usager) -> str:
    """The folded text agents search in: both orders of the name; then the phone's digits, the e-mail, the case
    number."""
    digits = (usager.phone or "").replace("+33", "0").replace("+", "")
    names = fold(f"{usager.last_name} {usager.first_name} {usager.last_name}")[:300]
    parts = [digits, (usager.email or "").lower(), fold(usager.numero_dossier or "")]
    return f"{names}{END_OF_NAME}{' '.join(part for part in parts if part)}"[:500]


def index(organisation_id: int, usager: Usager) -> None:
    """The words somebody new to the organisation is found by."""
    words = name_words(usager.first_name, usager.last_name)
    rows = [{"organisation_id": organisation_id, "mot": word, "usager_id": usager.id} for word in words]
    if rows:
        db.session.execute(usager_mots.insert(), rows)


def index_again(usager: Usager) -> None:
    """The same once their name has changed, wherever they are known."""
    db.session.execute(delete(usager_mots).where(usager_mots.c.usager_id == usager.id))
    for organisation_id in organisations_of(usager.id):
        index(organisation_id, usager)


def find_or_create(
    organisation_id: int,
    identity: Identity,
    *,
    known: bool = True,
    responsable: Usager | None = None,
    agent_id: int | None = None,
    form: str = "",
) -> tuple[Usager, bool]:
    """The same person, or a new one, and whether they are new. An existing Usager is never changed by this.

    `known`: False when nobody had these keys a moment ago. `responsable`: who reads the messages of somebody new, whose
    contact is not theirs. `agent_id`: who creates them. `form`: a key of the form itself, so that sending it twice
    creates one person, whatever it says. Two transactions that meet the same new person at once agree: the unique key
    lets only one of them create.
    """
    keys = [*identity.keys(), *([form] if form else [])]
    if known:
        found = queries.by_keys(organisation_id, keys, held=True)
        if found is not None:
            return found, False
    usager = Usager(
        first_name=identity.prenom,
        last_name=identity.nom,
        birth_date=identity.date_naissance,
        phone=None if responsable else identity.telephone,
        email=None if responsable else identity.courriel,
        notify_by_sms=True,
        notify_by_email=True,
        responsable_id=responsable.id if responsable else None,
        numero_dossier=identity.numero_dossier,
        anonymise_le=None,
        cree_par_agent_id=agent_id,
        cree_le=utcnow(),
    )
    usager.recherche = search_text(usager)
    written(usager)
    if keys and not claim(organisation_id, keys, usager.id):
        winner = queries.by_keys(organisation_id, keys, held=True)
        if winner is not None and winner.id != usager.id:
            db.session.execute(delete(UsagerCle).where(UsagerCle.usager_id == usager.id))
            db.session.delete(usager)
            db.session.flush()
            return winner, False
    db.session.execute(usager_organisations.insert(), {"usager_id": usager.id, "organisation_id": organisation_id})
    index(organisation_id, usager)
    return usager, True


@cache
def _claims(dialect: str) -> Any:
    return insert(UsagerCle.__table__, dialect).on_conflict_do_nothing().returning(UsagerCle.cle)


def claim(organisation_id: int, keys: list[str], usager_id: int) -> bool:
    """Write the keys down; False when somebody holds one of them already. Sorted, so that two never deadlock."""
    rows = [{"organisation_id": organisation_id, "cle": key, "usager_id": usager_id} for key in sorted(keys)]
    taken = db.session.execute(_claims(db.session.get_bind().dialect.name), rows)
    return len(taken.all()) == len(rows)


def holder_of(organisation_id: int, keys: list[str]) -> int | None:
    """Whose keys these are in that organisation: the number of their file."""
    found = queries.by_keys(organisation_id, keys)
    return found.id if found else None


def organisations_of(usager_id: int) -> list[int]:
    """The organisations that know this person."""
    links = usager_organisations.c
    return list(db.session.scalars(select(links.organisation_id).where(links.usager_id == usager_id)))
