"""Claim what is due in the outbox and send it (`docs/notifications.md`, Reliability)."""

import logging
import random
import time
import traceback
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, update

from webapp import metrics
from webapp.broker import Unavailable, broker
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.errors import Occupe
from webapp.extensions import db
from webapp.models import Canal, EtatNotification, Notification, Organisation
from webapp.notifications import channels, wake
from webapp.notifications.base import USAGER
from webapp.notifications.compose import Ignored, Postponed, about, compose
from webapp.notifications.outgoing import Outgoing
from webapp.notifications.people import lecteurs
from webapp.queries import notifications as queries
from webapp.services.transaction import transaction

from . import caps, rates

log = logging.getLogger(__name__)

BATCH = 50
CHUNK = 10  # rows looked at again and composed together, just before they leave
WORK_SECONDS = 2.0
BEFORE_LONG_WORK = (wake.URGENT, wake.DEFAULT)
SHORT_WAIT = 0.05  # seconds one waits for a turn although something else could leave meanwhile
LONGEST_REST = 15 * 60.0
CLAIM = timedelta(seconds=45)  # more than twice the providers' 10 s
RECORD_AGAIN = timedelta(seconds=0.3)
FIRST_PAUSE, LONGEST_PAUSE, GIVE_UP = timedelta(seconds=30), timedelta(hours=1), timedelta(hours=12)


def backoff(attempts: int) -> timedelta | None:
    """How long to wait after that many failed attempts: 30 s, 1 min, 2 min… one hour; None once 12 h went by so."""
    waited = pause = FIRST_PAUSE
    for _ in range(attempts - 1):
        pause = min(pause * 2, LONGEST_PAUSE)
        waited += pause
    return pause if waited <= GIVE_UP else None


@dataclass(slots=True)
class Claim:
    """Rows that are this run's until `until`; nobody else takes them before."""

    ids: list[int]
    until: datetime


@dataclass(slots=True)
class Run:
    """One delivery: until when it works, by which channels, and what became of the messages it handled."""

    deadline: float
    channels: channels.Channels
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    closed: set[Canal] = field(default_factory=set)
    """Nothing more leaves by these: their provider asked to be left alone, or our rate is used up."""
    later: dict[Canal, float] = field(default_factory=dict)
    """When there may be a turn to send by these: until then what leaves by another channel goes first."""
    patient: bool = False
    """Nothing else is left to send: turns are waited for."""

    def left(self) -> float:
        """Seconds this run still works."""
        return self.deadline - time.monotonic()

    def shut(self) -> set[Canal]:
        """The channels by which nothing leaves right now."""
        return self.closed | {canal for canal, at in self.later.items() if at > time.monotonic()}


def deliver(file: str) -> int:
    """Claim up to 50 due messages of a queue and send them, for 2 s; what is left is for the next run.

    Run it twice, each message is sent once: only one run can claim a row. Answers how many left.
    """
    _forget_hint(file)
    with channels.opened() as outlets:
        run = Run(time.monotonic() + WORK_SECONDS, outlets)
        while run.left() > 0:
            claim = take(file, without=run.shut())
            if claim.ids:
                if len(claim.ids) == BATCH and not run.done:
                    wake.hint(file)  # there is more than enough for another worker, if one is idle
                try:
                    _work(run, claim)
                finally:
                    release(claim)
            elif run.later:
                run.later.clear()
                run.patient = True
            else:
                break
    done = run.done
    sent = sum(count for (_, outcome), count in done.items() if outcome == EtatNotification.ENVOYEE)
    if done:
        metrics.delivered(done)
        for due in queries.due_files(utcnow()):  # what waited for one of these may leave too, whatever its queue
            wake.hint(due)
        log.info("queue %s: %d sent of %d handled", file, sent, done.total())
    db.session.remove()
    return sent


def let_messages_go() -> None:
    """Send what is due to people before going on with something long: nobody waits for a code behind a file."""
    for file in queries.due_files(utcnow()):
        if file in BEFORE_LONG_WORK:
            deliver(file)


def _work(run: Run, claim: Claim) -> None:
    """Send what was claimed, until the time is over, a channel must be left alone or may be used again; `claim.ids` are
    then those that were not tried."""
    chunks = [claim.ids[at : at + CHUNK] for at in range(0, len(claim.ids), CHUNK)]
    shut = run.shut()
    for chunk in chunks:
        for row_id, message in prepare(chunk, claim.until, run):
            if run.left() <= 0 or utcnow() + channels.TIMEOUT >= claim.until:
                return
            if isinstance(message, Outgoing) and not _my_turn(run, message.canal):
                return
            claim.ids.remove(row_id)
            canal = message.canal if isinstance(message, Outgoing) else "aucun"
            run.done[canal, _handle(run, row_id, message, claim.until)] += 1
            if run.shut() != shut:
                return


def _my_turn(run: Run, canal: Canal) -> bool:
    """Wait for this channel's next turn, if it comes soon enough."""
    if canal in run.closed:
        return False
    wait = rates.turn(canal, run.left() if run.patient else SHORT_WAIT)
    if wait >= 0:
        time.sleep(wait)
        return True
    if not run.patient:
        run.later[canal] = time.monotonic() - wait
        return False
    run.closed.add(canal)
    if -wait > WORK_SECONDS:  # the next run would not see it come either
        wake.rest(canal, -wait)
    return False


def _forget_hint(file: str) -> None:
    """From here on a new row needs a new hint: this run may have looked already."""
    try:
        broker().call(lambda client: client.delete(wake.key(file)))
    except Unavailable:
        log.info("queue %s: redis is away, delivering all the same", file)


def take(file: str, limit: int = BATCH, without: Collection[Canal] = ()) -> Claim:
    """Make due rows of a queue ours, in order, but for channels `without` or at rest; each takes one attempt."""
    resting = wake.resting().union(without)
    now = utcnow()
    until = now + CLAIM
    due = queries.claimable(file, now, resting).limit(limit).with_for_update(skip_locked=True)
    with transaction() as session:
        found = session.execute(
            update(Notification)
            .where(Notification.id.in_(due))
            .values(etat=EtatNotification.EN_COURS, claimed_until=until, tentatives=Notification.tentatives + 1)
            .returning(Notification.id, Notification.a_envoyer_le)
            .execution_options(synchronize_session=False)
        ).all()
    return Claim([row.id for row in sorted(found, key=lambda row: (row.a_envoyer_le, row.id))], until)


def prepare(
    ids: Sequence[int], until: datetime, run: Run
) -> list[tuple[int, Outgoing | Ignored | Postponed | caps.TooMany]]:
    """What to do with each of these rows, read afresh; texts are counted; the database is let go before anything
    leaves."""
    db.session.remove()
    now = utcnow()
    found: list[tuple[int, Outgoing | Ignored | Postponed | caps.TooMany]] = []
    texts = []
    batch = queries.load_batch(ids, until)
    for row in batch.notifications:
        try:
            message = compose(row, batch, now)
        except Exception as error:
            # A message that can't be made must not hold those behind it; it is tried again, then shown as failed.
            # The error's own words may hold a name or an address: where it happened is enough to mend it.
            log.error(
                "message %s (%s) can't be composed: %s %s", row.id, row.event, type(error).__name__, _where(error)
            )
            _record_failure(row.id, row.tentatives, until, f"Erreur interne : {type(error).__name__}")
            continue
        found.append((row.id, message))
        if isinstance(message, Outgoing) and message.canal is Canal.SMS and row.comptee_le is None:
            texts.append(_text(row, message.to, batch, now))
    if texts and run.channels.of(Canal.SMS):
        too_many = caps.count(texts, until)
        found = [(row_id, too_many.get(row_id, message)) for row_id, message in found]
    db.session.remove()
    return found


def _text(row: Notification, number: str, batch: queries.Batch, now: datetime) -> caps.Text:
    """What the caps must know of a text about to leave."""
    organisation = db.session.get_one(Organisation, row.organisation_id)
    places = about(row, batch)
    return caps.Text(
        row_id=row.id,
        event=row.event,
        number=number,
        par_formulaire=row.par_formulaire,
        organisation_id=organisation.id,
        budget=organisation.budget_sms_jour,
        jour=local(now, organisation.timezone).date(),
        courriel=any(r.courriel for r in lecteurs(places) if (USAGER, r.usager.id) == _reader(row)),
    )


def _reader(row: Notification) -> tuple[str, int]:
    return row.destinataire_type, row.destinataire_id


def _where(error: Exception) -> str:
    """The files and lines an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))


def _handle(
    run: Run, row_id: int, message: Outgoing | Ignored | Postponed | caps.TooMany, until: datetime
) -> EtatNotification:
    """Send or leave out one message and write down what became of it."""
    if isinstance(message, caps.TooMany):  # written down when it was counted
        return EtatNotification.IGNOREE
    if isinstance(message, Ignored):
        record(row_id, until, etat=EtatNotification.IGNOREE, erreur=message.reason[:300])
        return EtatNotification.IGNOREE
    if isinstance(message, Postponed):
        later = {"prevue_le": message.at, "a_envoyer_le": message.at, "tentatives": 0}
        record(row_id, until, etat=EtatNotification.A_ENVOYER, **later)
        return EtatNotification.A_ENVOYER
    channel = run.channels.of(message.canal)
    kept = {"adresse": message.to, "objet": message.subject[:200], "corps": message.kept, "segments": message.segments}
    if channel is None:
        record(row_id, until, etat=EtatNotification.IGNOREE, erreur="canal non configuré", **kept)
        return EtatNotification.IGNOREE
    try:
        provider_id = _send(channel, message)
    except channels.Permanent as error:
        log.warning("message %s refused: %s", row_id, error)
        record(row_id, until, etat=EtatNotification.ECHEC, erreur=str(error)[:300], **kept)
        return EtatNotification.ECHEC
    except channels.Temporary as error:
        log.warning("message %s not taken yet: %s", row_id, error)
        seconds = 0.0
        if isinstance(error, channels.Saturated):  # the others wait as long, untried
            seconds = min(max(error.seconds, 1.0), LONGEST_REST)
            run.closed.add(message.canal)
            wake.rest(message.canal, seconds)
        _record_failure(row_id, message.attempts, until, str(error), timedelta(seconds=seconds), **kept)
        return EtatNotification.A_ENVOYER
    record(
        row_id,
        until,
        etat=EtatNotification.ENVOYEE,
        envoyee_le=utcnow(),
        provider_id=provider_id[:120],
        dit=message.dit,
        erreur="",
        **kept,
    )
    return EtatNotification.ENVOYEE


def _send(channel: channels.Channel, message: Outgoing) -> str:
    """Give it to the provider. One that keeps us waiting longer than a run lasts rests for as long, three times as long
    when it did not take the message: the next runs are for what leaves by the other channels."""
    began = time.monotonic()
    patience = 3
    try:
        provider_id = channel.send(message)
        patience = 1
        return provider_id
    finally:
        took = time.monotonic() - began
        if took > WORK_SECONDS:
            log.warning("channel %s answers in %.0f s", message.canal, took)
            wake.rest(message.canal, took * patience)


def _record_failure(
    row_id: int, attempts: int, until: datetime, error: str, at_least: timedelta = timedelta(), **values: Any
) -> None:
    """Try again later, with jitter so that a thousand messages don't come back at once; in the end give up."""
    pause = backoff(attempts)
    if pause is None:
        record(row_id, until, etat=EtatNotification.ECHEC, erreur=error[:300], **values)
        return
    later = utcnow() + max(pause * random.uniform(0.75, 1.25), at_least)
    record(row_id, until, etat=EtatNotification.A_ENVOYER, a_envoyer_le=later, erreur=error[:300], **values)


def record(row_id: int, until: datetime, **values: Any) -> None:
    """Write the outcome of a row we still own; once the claim is another's, theirs counts. A database that is away is
    waited for while the claim lasts: what the provider took must not leave again."""
    while True:
        try:
            with transaction() as session:
                session.execute(_outcome(tuple(values)), {"row_id": row_id, "until": until, **values})
            return
        except Occupe:
            if utcnow() + RECORD_AGAIN >= until:
                raise
            time.sleep(RECORD_AGAIN.total_seconds())


@cache
def _outcome(names: tuple[str, ...]) -> Any:
    row = Notification.__table__
    return (
        row.update()
        .where(
            row.c.id == bindparam("row_id"),
            row.c.etat == bindparam(None, EtatNotification.EN_COURS, row.c.etat.type),
            row.c.claimed_until == bindparam("until"),
        )
        .values(claimed_until=None, **{name: bindparam(name, type_=row.c[name].type) for name in names})
    )


def release(claim: Claim) -> None:
    """Give back what was claimed and not tried."""
    if not claim.ids:
        return
    with transaction() as session:
        session.execute(
            update(Notification)
            .where(
                Notification.id.in_(claim.ids),
                Notification.etat == EtatNotification.EN_COURS,
                Notification.claimed_until == claim.until,
            )
            .values(etat=EtatNotification.A_ENVOYER, claimed_until=None, tentatives=Notification.tentatives - 1)
            .execution_options(synchronize_session=False)
        )
