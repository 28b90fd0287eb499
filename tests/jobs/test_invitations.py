"""Invitations said again: by day, once, never about what was booked, withdrawn, over or closed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.invitations import LIFE
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.jobs.invitations import emit_due
from webapp.jobs.messages import deliver
from webapp.models import EtatNotification, Invitation, Notification, Rdv
from webapp.services import invitations

SENT = datetime(2026, 2, 20, 9, tzinfo=UTC)  # a Friday, 10:00 in Paris
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context(), time_machine.travel(SENT, tick=False):
        yield


@pytest.fixture
def row() -> Invitation:
    """Somebody with a mobile only, invited that Friday; there is a date to choose."""
    motif = make.motif(reservable_par=ReservablePar.INVITES)
    make.rdv(motif, starts_at=SENT + 40 * DAY)
    found = make.invitation(motif, envoyee_le=SENT)
    db.session.commit()
    return found


def at(moment: datetime) -> int:
    with time_machine.travel(moment, tick=False):
        return emit_due()


def rows() -> list[Notification]:
    db.session.rollback()
    return list(db.session.scalars(select(Notification).order_by(Notification.id)))


def test_3_then_10_days_later_and_once_each(row: Invitation) -> None:
    minute = timedelta(minutes=1)
    moments = [3 * DAY - minute, 3 * DAY, 3 * DAY, 5 * DAY, 10 * DAY - minute, 10 * DAY, 11 * DAY, 60 * DAY]
    assert [at(SENT + after) for after in moments] == [0, 1, 0, 0, 0, 1, 0, 0]
    assert [(n.changement, n.sujet_type, n.sujet_id) for n in rows()] == [
        ("v1 relance 3j", "invitation", row.id),
        ("v1 relance 10j", "invitation", row.id),
    ]


def test_what_was_sent_at_night_is_said_again_by_day(row: Invitation) -> None:
    row.envoyee_le = SENT.replace(hour=22)  # 23:00 in Paris
    db.session.commit()
    third = row.envoyee_le + 3 * DAY
    assert [at(third), at(third + timedelta(hours=7, minutes=59)), at(third + timedelta(hours=9))] == [0, 0, 1]


def test_an_outage_is_caught_up_by_the_last_one_only(row: Invitation) -> None:
    assert at(SENT + 12 * DAY) == 1
    assert [n.changement for n in rows()] == ["v1 relance 10j"]


def test_one_held_back_past_the_next_is_left_out(row: Invitation) -> None:
    assert at(SENT + 3 * DAY) == 1
    with time_machine.travel(SENT + 11 * DAY, tick=False):
        emit_due()
        deliver("default")
    assert [(n.changement, n.erreur) for n in rows()] == [
        ("v1 relance 3j", "Le moment de redire cette invitation est passé."),
        ("v1 relance 10j", "canal non configuré"),  # composed, and it would have left
    ]


@pytest.mark.parametrize(
    "why", ["booked", "withdrawn", "expired", "archived", "invisible", "silent motif", "unticked", "full", "no date"]
)
def test_nothing_is_said_again_about_it(row: Invitation, why: str) -> None:
    motif = row.motif
    rdv = db.session.scalars(select(Rdv)).one()
    if why == "booked":
        make.participation(rdv, row.usager)
    elif why == "withdrawn":
        row.retiree_le = utcnow()
    elif why == "expired":
        row.expire_le = SENT + 2 * DAY
    elif why == "archived":
        motif.archived_at = utcnow()
    elif why in ("invisible", "silent motif"):
        motif.visibilite = Visibilite.INVISIBLE if why == "invisible" else Visibilite.VISIBLE_NON_NOTIFIE
    elif why == "unticked":
        row.prevenir = False
    elif why == "full":
        make.full(rdv)
    else:
        rdv.cancelled_at = utcnow()
    db.session.commit()
    assert at(SENT + 3 * DAY) == 0 and rows() == []


def test_who_gave_the_seat_back_is_told_again(row: Invitation) -> None:
    make.participation(db.session.scalars(select(Rdv)).one(), row.usager, Statut.EXCUSE)
    db.session.commit()
    assert at(SENT + 3 * DAY) == 1


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("booked", "La personne a une place."),
        ("withdrawn", "L’invitation a été retirée."),
        ("renewed", "Remplacée par une invitation plus récente."),
        ("archived", "Ce motif ne se réserve plus en ligne."),
        ("expired", "L’invitation a expiré."),
        ("refused", "Plus d’adresse pour ce canal, ou la personne le refuse."),
        ("responsable", "Plus d’adresse pour ce canal, ou la personne le refuse."),
        ("gone", "L’invitation n’existe plus."),
    ],
)
def test_what_is_no_longer_true_does_not_leave(row: Invitation, why: str, said: str) -> None:
    agent = row.agent
    row = invitations.invite(row.usager_id, row.motif, agent, envoi="f1")
    if why == "booked":
        make.participation(db.session.scalars(select(Rdv)).one(), row.usager)
    elif why == "withdrawn":
        invitations.withdraw(row.id, agent)
    elif why == "renewed":
        row.version += 1
    elif why == "archived":
        row.motif.archived_at = utcnow()
    elif why == "expired":
        row.expire_le = SENT + timedelta(seconds=1)
    elif why == "refused":
        row.usager.notify_by_sms = False
    elif why == "responsable":
        row.usager.responsable = make.usager(row.organisation_id)
    else:
        db.session.delete(row)
    db.session.commit()
    with time_machine.travel(SENT + timedelta(seconds=2), tick=False):
        deliver("default")
    (told,) = rows()
    assert (told.etat, told.erreur) == (EtatNotification.IGNOREE, said)


def test_a_repeat_that_night_caught_waits_for_the_morning(row: Invitation) -> None:
    evening = SENT + 3 * DAY + timedelta(hours=9, minutes=59)  # 19:59 in Paris
    assert at(evening) == 1
    with time_machine.travel(evening + timedelta(minutes=2), tick=False):
        deliver("default")
    (told,) = rows()
    assert (told.etat, told.a_envoyer_le) == (EtatNotification.A_ENVOYER, datetime(2026, 2, 24, 7, tzinfo=UTC))


def test_a_renewed_one_has_repeats_of_its_own(row: Invitation) -> None:
    assert at(SENT + 3 * DAY) == 1
    with time_machine.travel(SENT + 4 * DAY, tick=False):
        invitations.invite(row.usager_id, row.motif, row.agent, envoi="f1")
    assert [at(SENT + 6 * DAY), at(SENT + 7 * DAY), at(SENT + 14 * DAY)] == [0, 1, 1]
    assert [n.changement for n in rows()][-2:] == ["v2 relance 3j", "v2 relance 10j"]
    assert LIFE > 17 * DAY


def test_a_tick_costs_the_same_for_twenty_people_as_for_one(row: Invitation) -> None:
    assert at(SENT + 3 * DAY) == 1

    def statements() -> int:
        seen: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        db.session.remove()
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert at(SENT + 3 * DAY) == 0
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    one = statements()
    for _ in range(20):
        make.invitation(row.motif, agent=row.agent, envoyee_le=SENT)
    db.session.commit()
    assert at(SENT + 3 * DAY) == 20
    assert statements() == one <= 3
