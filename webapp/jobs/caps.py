"""The public form is not an SMS cannon (docs/notifications.md, SMS): texts are counted just before they leave.

Counted in the database, once for each message, in one short transaction for each chunk: workers that count for the same
number or the same organisation wait for each other there, and nowhere else.
"""

import hashlib
import hmac
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import current_app
from sqlalchemy import bindparam, select, update

from webapp.clock import utcnow
from webapp.domain.events import BudgetSms
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Canal, CompteurSms, EtatNotification, Notification
from webapp.notifications.base import emit
from webapp.notifications.wake import hint_after_commit
from webapp.services.transaction import transaction

NUMBER_A_DAY, NUMBER_A_WEEK, WEEK = 3, 10, timedelta(days=7)
UNLIMITED = frozenset({"acces"})
"""Codes people wait for in front of their screen: counted in the organisation's budget, never refused by it."""
TOO_MANY = "Trop de SMS à ce numéro aujourd’hui."
TOO_MANY_WEEK = "Trop de SMS à ce numéro cette semaine."
NO_BUDGET = "Le budget SMS du jour est atteint."
SAME_PROMISE = (
    *("organisation_id", "event", "sujet_type", "sujet_id", "changement", "destinataire_type", "destinataire_id"),
    *("rdv_id", "participation_ids", "avant", "par_formulaire", "file"),
)
"""What an e-mail promised instead of a text has in common with it."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text about to leave. `jour` is its organisation's calendar day; `courriel` whether its reader can be written
    to by e-mail."""

    row_id: int
    event: str
    number: str
    par_formulaire: bool
    organisation_id: int
    budget: int
    jour: date
    courriel: bool

    @property
    def number_key(self) -> str:
        """The number, so that nobody reads it in the table of counters."""
        key = current_app.config["LINK_KEY"].encode()
        return hmac.new(key, f"compteurs_sms\0{self.number}".encode(), hashlib.sha256).hexdigest()

    @property
    def organisation_key(self) -> str:
        return f"organisation:{self.organisation_id}"


@dataclass(frozen=True, slots=True)
class TooMany:
    """It must not leave, and its row already says why; or the row is no longer ours."""


def count(texts: Sequence[Text], until: datetime) -> dict[int, TooMany]:
    """Count these texts, none of which was before. Answers the rows that must not be sent: over a cap (they are written
    off, with the reason, and an e-mail promised instead), or no longer ours."""
    now = utcnow()
    with transaction() as session:
        ours = set(
            session.scalars(
                update(Notification)
                .where(
                    Notification.id.in_([c.row_id for c in texts]),
                    Notification.etat == EtatNotification.EN_COURS,
                    Notification.claimed_until == until,
                )
                .values(comptee_le=now)
                .returning(Notification.id)
                .execution_options(synchronize_session=False)
            )
        )
        counted = [c for c in texts if c.row_id in ours]
        refused = _decide(counted)
        if refused:
            _write_off(refused, now)
    return {c.row_id: TooMany() for c in texts if c.row_id not in ours or c.row_id in refused}


def _decide(texts: Sequence[Text]) -> dict[int, tuple[Text, str]]:
    """Those that are one too many, and why; the others are counted."""
    sums = _locked({(key, c.jour) for c in texts for key in _keys(c)})
    taken: Counter[tuple[str, date]] = Counter()
    refused = {}
    full: set[tuple[int, date]] = set()
    for c in texts:
        number, organisation = (c.number_key, c.jour), (c.organisation_key, c.jour)
        today, week = sums[number] if c.par_formulaire else (0, 0)
        used = sums[organisation][0] + taken[organisation]
        if c.par_formulaire and today + taken[number] >= NUMBER_A_DAY:
            refused[c.row_id] = c, TOO_MANY
        elif c.par_formulaire and week + taken[number] >= NUMBER_A_WEEK:
            refused[c.row_id] = c, TOO_MANY_WEEK
        elif used >= c.budget and c.event not in UNLIMITED:
            refused[c.row_id] = c, NO_BUDGET
            if c.budget:  # none at all is a choice, not an accident
                full.add((c.organisation_id, c.jour))
        else:
            taken.update((number, organisation) if c.par_formulaire else (organisation,))
            if used + 1 == c.budget:
                full.add((c.organisation_id, c.jour))
    _add(taken)
    for organisation_id, jour in sorted(full):
        emit(BudgetSms(organisation_id=organisation_id, jour=jour.isoformat()))  # told once a day, by its unique key
    return refused


def _keys(c: Text) -> tuple[str, ...]:
    return (c.number_key, c.organisation_key) if c.par_formulaire else (c.organisation_key,)


def _locked(keys: Iterable[tuple[str, date]]) -> Mapping[tuple[str, date], tuple[int, int]]:
    """What was counted that day, and in the seven days that end with it; nobody else counts for these until we are
    done. Always in the same order: two workers never wait for each other."""
    wanted = sorted(keys)
    if not wanted:
        return {}
    table = CompteurSms.__table__
    statement = insert(table, db.session.get_bind().dialect.name)
    statement = statement.on_conflict_do_update(index_elements=["cle", "jour"], set_={"nombre": table.c.nombre})
    db.session.execute(statement, [{"cle": key, "jour": jour, "nombre": 0} for key, jour in wanted])
    first = min(jour for _, jour in wanted) - WEEK
    counts: dict[str, dict[date, int]] = {}
    for row in db.session.execute(
        select(table.c.cle, table.c.jour, table.c.nombre).where(
            table.c.cle.in_({key for key, _ in wanted}), table.c.jour > first
        )
    ):
        counts.setdefault(row.cle, {})[row.jour] = row.nombre
    return {
        (key, jour): (
            counts[key][jour],
            sum(number for day, number in counts[key].items() if jour - WEEK < day <= jour),
        )
        for key, jour in wanted
    }


def _add(taken: Counter[tuple[str, date]]) -> None:
    if taken:
        table = CompteurSms.__table__
        db.session.execute(
            table.update()
            .where(table.c.cle == bindparam("key"), table.c.jour == bindparam("day"))
            .values(nombre=table.c.nombre + bindparam("more")),
            [{"key": key, "day": jour, "more": more} for (key, jour), more in sorted(taken.items())],
        )


def _write_off(refused: Mapping[int, tuple[Text, str]], now: datetime) -> None:
    """These rows end here; their readers get the e-mail they had not been promised."""
    table = Notification.__table__
    db.session.execute(
        table.update()
        .where(table.c.id == bindparam("row_id"))
        .values(
            etat=EtatNotification.IGNOREE,
            claimed_until=None,
            comptee_le=None,
            erreur=bindparam("why", type_=table.c.erreur.type),
        ),
        [{"row_id": row_id, "why": why} for row_id, (_, why) in refused.items()],
    )
    reachable = [row_id for row_id, (c, _) in refused.items() if c.courriel]
    if not reachable:
        return
    rows = [
        {
            **row._mapping,
            "canal": Canal.COURRIEL,
            "prevue_le": now,
            "a_envoyer_le": now,
            "cle_envoi": uuid.uuid4().hex,
        }
        for row in db.session.execute(
            select(*(table.c[name] for name in SAME_PROMISE)).where(table.c.id.in_(reachable)).order_by(table.c.id)
        )
    ]
    db.session.execute(insert(table, db.session.get_bind().dialect.name).on_conflict_do_nothing(), rows)
    for file in {row["file"] for row in rows}:
        hint_after_commit(file)
