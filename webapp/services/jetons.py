"""Tokens of the API: made, shown once, used, revoked. What one may do is its own rights met with its agent's."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, update

from webapp.clock import utcnow
from webapp.domain.droits import PAR_JETON, Decision, Droit, Octroi, communs, decide
from webapp.domain.errors import Introuvable, Refus
from webapp.extensions import db
from webapp.models import Agent, Jeton
from webapp.queries import jetons as queries

from . import journal
from .droits import require
from .transaction import transaction

PREFIX = "rdv_"
"""What tells a token from any other secret, in a file where it should not be as in our own logs."""
LONGEST = timedelta(days=366)
NOTED = timedelta(minutes=15)
"""The last use is not written more often."""


def new_token() -> str:
    """256 bits nobody guesses: its plain hash is enough to keep."""
    return PREFIX + secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """What the database keeps of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(nom: str, expire_le: datetime, octrois: Iterable[Octroi], by: Agent, envoi: str) -> tuple[Jeton, str]:
    """A token in that agent's name, and its text, which nobody can ever read again.

    `envoi` is the form's: sent twice it makes one token, and the second answer has no text. Raises `Refus`: rights the
    agent does not have, or that mean nothing to a program.
    """
    with transaction():
        by = db.session.get_one(Agent, by.id, populate_existing=True)
        require(by, Droit.GERER_INTEGRATIONS, by.organisation)
        cle = hashlib.sha256(repr(("jeton", by.id, envoi)).encode()).hexdigest()
        known = db.session.scalars(select(Jeton).where(Jeton.cle == cle)).first()
        if known is not None:
            return known, ""
        wanted = sorted(set(octrois), key=lambda one: (one.service_id or 0, one.droit))
        if not wanted:
            raise Refus("Choisissez au moins un droit.")
        for one in wanted:
            held = decide(by.octrois(), one.droit, one.organisation_id, one.service_id)
            if one.droit not in PAR_JETON or held is not Decision.PERMIS:
                raise Refus("Un jeton ne peut pas avoir plus de droits que vous.")
        now = utcnow()
        if not now < expire_le <= now + LONGEST:
            raise Refus("Un jeton expire au plus tard dans un an.")
        row, token = _row(nom, expire_le, wanted, by, cle, new_token())
        journal.note(by.organisation_id, "jeton_cree", row, agent=by, nom=nom)
        return row, token


def keep(nom: str, token: str, expire_le: datetime, octrois: Iterable[Octroi], by: Agent) -> None:
    """A token whose text is known beforehand, once: the demonstration's. In the running transaction."""
    if db.session.scalar(select(Jeton.id).where(Jeton.empreinte == fingerprint(token))) is None:
        _row(nom, expire_le, octrois, by, fingerprint(token), token)


def _row(
    nom: str, expire_le: datetime, octrois: Iterable[Octroi], by: Agent, cle: str, token: str
) -> tuple[Jeton, str]:
    row = Jeton(
        organisation_id=by.organisation_id,
        agent_id=by.id,
        nom=nom,
        cle=cle,
        empreinte=fingerprint(token),
        repere=token[-4:],
        droits=[[one.service_id, one.droit.value] for one in octrois],
        expire_le=expire_le,
    )
    db.session.add(row)
    db.session.flush()
    return row, token


def revoke(jeton_id: int, by: Agent) -> bool:
    """Nothing is answered to it from now on. Answers whether it was still in force. Raises `Introuvable`."""
    with transaction():
        by = db.session.get_one(Agent, by.id, populate_existing=True)
        require(by, Droit.GERER_INTEGRATIONS, by.organisation)
        row = db.session.scalars(
            select(Jeton)
            .where(Jeton.organisation_id == by.organisation_id, Jeton.id == jeton_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if row is None:
            raise Introuvable("Ce jeton n’existe pas.")
        if row.revoque_le is not None:
            return False
        row.revoque_le = utcnow()
        journal.note(by.organisation_id, "jeton_revoque", row, agent=by, nom=row.nom)
        return True


def known(token: str) -> Jeton | None:
    """The token in force that has this text."""
    found = queries.by_fingerprint(fingerprint(token)) if token.startswith(PREFIX) else None
    return found if found is not None and in_force(found, utcnow()) else None


def bearer(token: str) -> Jeton | None:
    """The same for a request in its name: its agent's rights are then no more than its own."""
    found = known(token)
    if found is not None:
        found.agent.jeton_octrois = found.octrois()
    return found


def effective(jeton: Jeton) -> frozenset[Octroi]:
    """What it may do now: what it was given and its agent still has."""
    return communs(jeton.agent.octrois(), jeton.octrois())


def in_force(jeton: Jeton, now: datetime) -> bool:
    """Neither revoked nor expired, and its agent still has an account there."""
    here = jeton.agent.actif and jeton.agent.organisation_id == jeton.organisation_id
    return jeton.revoque_le is None and now < jeton.expire_le and here


def used(jeton: Jeton) -> None:
    """Note that it serves, once in a quarter of an hour."""
    now = utcnow()
    if jeton.vu_le is None or now - jeton.vu_le > NOTED:
        with transaction() as session:
            session.execute(update(Jeton).where(Jeton.id == jeton.id).values(vu_le=now))
