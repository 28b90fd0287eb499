"""What the clock tells agents: once each, on both databases, caught up after an outage, with few statements."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, select, update

from tests import factories as make
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.jobs import alerts
from webapp.jobs.schedule import PERIODIC
from webapp.models import Agent, EtatNotification, Notification, Rdv
from webapp.notifications.base import emit
from webapp.services.transaction import transaction

START = datetime(2026, 3, 5, 13, tzinfo=UTC)  # a Thursday, 14:00 in Paris
EARLY = START - timedelta(days=9)


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context(), time_machine.travel(EARLY, tick=False):
        yield


@pytest.fixture
def rdv() -> Rdv:
    """A session of two agents that wants four people and has one; an admin who holds none."""
    service = make.service()
    found = make.rdv(make.motif(service, capacite_min=4), starts_at=START)
    found.agents += [make.agent(service), make.agent(service)]
    make.agent(service, "admin")
    make.participation(found)
    db.session.commit()
    return found


def at(moment: datetime, job) -> int:
    with time_machine.travel(moment, tick=False):
        return job()


def told(name: str) -> list[Notification]:
    db.session.rollback()
    return list(db.session.scalars(select(Notification).where(Notification.event == name).order_by(Notification.id)))


def statements(job) -> int:
    count = []

    def note(*_: object) -> None:
        count.append(1)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        job()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(count)


def test_the_clock_knows_them() -> None:
    names = {periodic.function for periodic in PERIODIC}
    assert {f"webapp.jobs.alerts.{name}" for name in ("under_minimum", "digests", "stuck")} <= names


def test_a_session_under_its_minimum_is_told_once(rdv: Rdv) -> None:
    due = START - timedelta(hours=48)
    assert [at(due - timedelta(minutes=1), alerts.under_minimum), at(due, alerts.under_minimum)] == [0, 1]
    assert at(due + timedelta(minutes=1), alerts.under_minimum) == 0
    assert {row.destinataire_id for row in told("minimum")} == {agent.id for agent in rdv.agents}
    rdv.starts_at, rdv.ends_at = START + timedelta(days=2), START + timedelta(days=2, hours=2)
    db.session.commit()
    assert at(due + timedelta(days=2), alerts.under_minimum) == 1  # moved: it may still be too few


def test_minimum_is_one_look_whatever_the_number_of_sessions(rdv: Rdv) -> None:
    with time_machine.travel(START - timedelta(hours=49), tick=False):
        one = statements(alerts.under_minimum)
        for _ in range(20):
            make.rdv(rdv.motif, starts_at=START)
        db.session.commit()
        assert statements(alerts.under_minimum) == one


def test_a_digest_leaves_once_on_a_working_morning_when_there_is_something(rdv: Rdv) -> None:
    wants = rdv.agents[0]
    wants.recapitulatif = True
    other = db.session.scalars(select(Agent).where(Agent.id.not_in([a.id for a in rdv.agents]))).one()
    other.recapitulatif = True  # nothing of theirs that day
    db.session.commit()
    morning = START.replace(hour=6)
    assert [at(morning - timedelta(minutes=1), alerts.digests), at(morning, alerts.digests)] == [0, 1]
    assert at(morning + timedelta(hours=1), alerts.digests) == 0
    assert [row.destinataire_id for row in told("recapitulatif")] == [wants.id]


def late(rdv: Rdv, minutes: int, **values: object) -> None:
    with transaction():
        emit(Inscription(participation_id=rdv.participations[0].id, version=1))
    moment = EARLY - timedelta(minutes=minutes)
    db.session.execute(update(Notification).values(prevue_le=moment, **values))
    db.session.commit()


@pytest.mark.parametrize(("minutes", "told_of"), [(9, set()), (11, {"sms", "courriel"})])
def test_messages_that_wait_too_long_are_told_once_a_day_and_channel(rdv: Rdv, minutes: int, told_of: set[str]) -> None:
    late(rdv, minutes)
    assert [alerts.stuck(), alerts.stuck()] == [len(told_of)] * 2
    found = [row.changement.rpartition(" ")[2] for row in told("messages_bloques")]
    assert sorted(found) == sorted(told_of)


def test_a_provider_that_refuses_for_now_does_not_hide_that_messages_wait(rdv: Rdv) -> None:
    """Each try puts the next one off; what was meant to leave is still late."""
    late(rdv, 20, a_envoyer_le=EARLY + timedelta(minutes=30), tentatives=5)
    assert alerts.stuck() > 0


def test_what_waits_for_the_morning_is_not_late(rdv: Rdv) -> None:
    late(rdv, -600, a_envoyer_le=EARLY + timedelta(hours=10))
    assert alerts.stuck() == 0


def test_alerts_do_not_call_for_alerts(rdv: Rdv) -> None:
    late(rdv, 20)
    alerts.stuck()
    db.session.execute(
        update(Notification).where(Notification.event != "messages_bloques").values(etat=EtatNotification.ENVOYEE)
    )
    db.session.execute(update(Notification).values(prevue_le=EARLY - timedelta(hours=1)))
    db.session.commit()
    assert alerts.stuck() == 0
