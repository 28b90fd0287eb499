"""Reminders: due by a pure rule, promised once, caught up after an outage, by day (docs/notifications.md)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select

from tests import factories as make
from webapp.extensions import db
from webapp.jobs.messages import deliver
from webapp.jobs.reminders import emit_due
from webapp.models import Notification, Participation

START = datetime(2026, 3, 5, 13, tzinfo=UTC)  # a Thursday, 14:00 in Paris
EARLY = START - timedelta(days=9)


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context(), time_machine.travel(EARLY, tick=False):
        yield


@pytest.fixture
def seat() -> Participation:
    """Somebody with a mobile only, booked nine days before."""
    rdv = make.rdv(make.motif(rappels=[48]), starts_at=START)
    found = make.participation(rdv)
    db.session.commit()
    return found


def at(moment: datetime) -> int:
    with time_machine.travel(moment, tick=False):
        return emit_due()


def rows() -> list[Notification]:
    db.session.rollback()
    return list(db.session.scalars(select(Notification).order_by(Notification.id)))


def change(row: object, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()


def test_a_reminder_is_promised_at_its_hour_and_once(seat: Participation) -> None:
    due = START - timedelta(hours=48)
    assert [at(due - timedelta(minutes=1)), at(due), at(due), at(due + timedelta(hours=3))] == [0, 1, 0, 0]
    [row] = rows()
    assert (row.event, row.sujet_type, row.sujet_id) == ("rappel", "participation", seat.id)
    assert row.changement == f"48h {START.isoformat()}"


def test_each_delay_has_its_own_and_late_joiners_get_the_later_ones(seat: Participation) -> None:
    change(seat.rdv.motif, rappels=[72, 24])
    late = make.participation(seat.rdv, inscrit_le=START - timedelta(hours=50))
    db.session.commit()
    assert at(START - timedelta(hours=72)) == 1
    assert at(START - timedelta(hours=49)) == 0
    assert at(START - timedelta(hours=24)) == 2
    assert [(row.sujet_id, row.changement[:3]) for row in rows()] == [
        (seat.id, "72h"),
        (seat.id, "24h"),
        (late.id, "24h"),
    ]


def test_a_moved_session_is_reminded_again(seat: Participation) -> None:
    assert at(START - timedelta(hours=48)) == 1
    later = START + timedelta(days=4)
    change(seat.rdv, starts_at=later, ends_at=later + timedelta(hours=2))
    assert at(later - timedelta(hours=48)) == 1


@pytest.mark.parametrize("hours", [30, 25])
def test_an_outage_is_caught_up_as_long_as_it_helps(seat: Participation, hours: int) -> None:
    assert at(START - timedelta(hours=hours)) == 1


def test_what_no_longer_helps_is_skipped(seat: Participation) -> None:
    assert at(START - timedelta(hours=23)) == 0


def test_nobody_is_reminded_of_what_they_left_or_refused(seat: Participation) -> None:
    due = START - timedelta(hours=48)
    for values in ({"statut": "excuse"}, {"statut": "inscrit", "rappeler": False}):
        change(seat, **values)
        assert at(due) == 0
    change(seat, rappeler=True)
    change(seat.rdv, cancelled_at=EARLY)
    assert at(due) == 0


def test_a_household_gets_one_reminder(seat: Participation) -> None:
    for name in ("Léa", "Tom"):
        child = make.usager(seat.rdv.organisation_id, first_name=name, phone=None, responsable=seat.usager)
        make.participation(seat.rdv, child)
    db.session.commit()
    due = START - timedelta(hours=48)
    assert [at(due), at(due)] == [1, 0]
    assert len(rows()[0].participation_ids) == 3


def test_a_reminder_held_back_until_night_leaves_in_the_morning(seat: Participation) -> None:
    start = datetime(2026, 3, 5, 19, 30, tzinfo=UTC)  # 20:30 in Paris
    change(seat.rdv, starts_at=start, ends_at=start + timedelta(hours=2))
    change(seat.rdv.motif, rappels=[50])
    assert at(datetime(2026, 3, 3, 17, 30, tzinfo=UTC)) == 1
    with time_machine.travel(datetime(2026, 3, 3, 21, tzinfo=UTC), tick=False):
        deliver("default")
    [row] = rows()
    assert (row.etat.value, row.a_envoyer_le) == ("a_envoyer", datetime(2026, 3, 4, 7, tzinfo=UTC))


def test_a_tick_costs_the_same_for_twenty_sessions_as_for_one(seat: Participation) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            seen.append(statement)

        db.session.remove()
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            assert emit_due() == 0
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    one = statements()
    for _ in range(20):
        rdv = make.rdv(starts_at=START)
        for _ in range(3):
            make.participation(rdv)
    db.session.commit()
    assert statements() == one <= 6
