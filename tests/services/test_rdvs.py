"""A whole session: cancelled, frozen at its start (rules 3 and 6 of docs/domain.md)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from webapp.clock import utcnow
from webapp.domain.errors import Refus
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Journal, Notification, Participation, Rdv
from webapp.services.checks import broken
from webapp.services.rdvs import cancel_rdv, freeze_started


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context():
        yield


def test_cancelling_tells_each_active_person_once_and_nobody_else() -> None:
    rdv = make.rdv()
    agent = make.agent(rdv.motif.service)
    active = [make.participation(rdv) for _ in range(3)]
    gone = make.participation(rdv, statut=Statut.EXCUSE)
    db.session.commit()
    cancel_rdv(rdv.id, agent=agent, raison="Salle indisponible")
    cancel_rdv(rdv.id, agent=agent)
    db.session.expire_all()
    assert {row.statut for row in db.session.scalars(select(Participation).where(Participation.id != gone.id))} == {
        Statut.ANNULE
    }
    assert db.session.get(Participation, gone.id).statut is Statut.EXCUSE
    told = [n.destinataire_id for n in db.session.scalars(select(Notification)) if n.destinataire_type == "usager"]
    assert sorted(told) == sorted(row.usager_id for row in active)
    fresh = db.session.get(Rdv, rdv.id)
    assert (fresh.places_prises, fresh.cancelled_reason) == (0, "Salle indisponible")
    assert len(db.session.scalars(select(Journal)).all()) == 1
    assert list(broken()) == []


def test_without_prevenir_nobody_is_told_and_the_journal_says_so() -> None:
    rdv = make.rdv()
    agent = make.agent(rdv.motif.service)
    make.participation(rdv)
    db.session.commit()
    cancel_rdv(rdv.id, agent=agent, prevenir=False)
    assert db.session.scalars(select(Notification)).all() == []
    assert db.session.scalar(select(Journal.details))["prevenir"] is False


@pytest.mark.parametrize(("hours", "statut"), [(-5, Statut.INSCRIT), (-1, Statut.PRESENT)])
def test_a_session_that_took_place_is_not_cancelled(hours: int, statut: Statut) -> None:
    rdv = make.rdv(starts_at=utcnow() + timedelta(hours=hours))
    agent = make.agent(rdv.motif.service)
    make.participation(rdv, statut=statut)
    db.session.commit()
    with pytest.raises(Refus):
        cancel_rdv(rdv.id, agent=agent)
    assert db.session.scalar(select(Rdv.cancelled_at)) is None


def test_cancelling_500_people_takes_a_bounded_number_of_statements() -> None:
    counts = []
    for people in (5, 200):
        rdv = make.rdv(make.motif(capacite_max=500))
        agent = make.agent(rdv.motif.service)
        for _ in range(people):
            make.participation(rdv)
        db.session.commit()
        with statements() as seen:
            cancel_rdv(rdv.id, agent=agent)
        counts.append(len(seen))
    assert counts[1] <= counts[0] + 4, counts
    assert counts[1] <= 25, counts


def test_a_session_freezes_at_its_start_and_only_once() -> None:
    motif = make.motif()
    started = make.rdv(motif, starts_at=utcnow() - timedelta(minutes=1), lieu=make.lieu(motif.organisation))
    coming = make.rdv(motif)
    db.session.commit()
    assert freeze_started() == 1
    motif.name = "Un autre nom"
    db.session.commit()
    assert freeze_started() == 0
    db.session.expire_all()
    assert started.fige["motif"] == "Mes droits au RSA"
    assert (started.fige["capacite_max"], started.fige["lieu"]) == (12, "Maison des solidarités")
    assert coming.fige is None
