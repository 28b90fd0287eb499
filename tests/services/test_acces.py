"""Codes and links to one's appointments: who is known, what is promised, what is never sent late, what is forgotten."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests import factories as make
from webapp import links
from webapp.clock import utcnow
from webapp.domain.errors import Refus
from webapp.extensions import db
from webapp.jobs import messages
from webapp.models import Acces, Canal, EtatNotification, Notification, Rdv, Usager
from webapp.notifications.compose import Ignored, compose
from webapp.queries import acces as queries
from webapp.queries import notifications as outbox
from webapp.services import acces
from webapp.services.retention import purge

PHONE, OWN = "+33639980001", "+33639980042"


@pytest.fixture(autouse=True)
def in_context(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context():
        yield


def booked(**fields: object) -> Rdv:
    """Yasmina's place in a session."""
    rdv = make.rdv()
    make.participation(rdv, make.usager(rdv.organisation_id, phone=PHONE, email="yasmina@exemple.fr"), **fields)
    db.session.commit()
    return rdv


def ignored() -> str:
    """Why the only message promised does not leave."""
    claim = messages.take("urgent")
    batch = outbox.load_batch(claim.ids, claim.until)
    (row,) = batch.notifications
    found = compose(row, batch, utcnow())
    assert isinstance(found, Ignored), found
    return found.reason


def test_the_promise_of_a_known_contact() -> None:
    rdv = booked()
    acces.ask(Canal.SMS, PHONE, "navigateur")
    demande, row = db.session.scalars(select(Acces)).one(), db.session.scalars(select(Notification)).one()
    assert demande.organisation_id == row.organisation_id == rdv.organisation_id
    assert (row.event, row.sujet_type, row.sujet_id) == ("acces", "acces", demande.id)
    assert (row.destinataire_type, row.destinataire_id, row.file) == ("contact", demande.id, "urgent")
    assert row.par_formulaire and row.etat is EtatNotification.A_ENVOYER and row.canal is Canal.SMS
    assert row.participation_ids == [] and row.adresse == row.corps == "" and row.cree_le == row.prevue_le
    assert "navigateur" not in demande.navigateur and links.code(demande.lien_nonce).isdigit()


def test_whose_contact_is_known() -> None:
    rdv = booked(telephone=OWN)
    child = make.usager(
        rdv.organisation_id, phone="+33639980099", responsable=make.usager(rdv.organisation_id, phone="+33639980050")
    )
    make.participation(rdv, child)
    make.usager(rdv.organisation_id, phone="+33639980060")  # on file, with no place
    db.session.commit()
    now = utcnow()
    known = {
        phone: queries.situation(Canal.SMS, phone, now).connue is not None
        for phone in (PHONE, OWN, "+33639980099", "+33639980050", "+33639980060")
    }
    assert known == {PHONE: True, OWN: True, "+33639980099": False, "+33639980050": True, "+33639980060": True}
    assert len(queries.places_held(Canal.SMS, OWN, now)) == 1
    assert queries.places_held(Canal.SMS, PHONE, now) == []
    assert len(queries.places_held(Canal.COURRIEL, "yasmina@exemple.fr", now)) == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"utilise_le": "now"}, "Le code a servi avant l’envoi."),
        ({"essais": 5}, "Le code a été essayé trop de fois avant l’envoi."),
        ({"expire_le": "now", "cree_le": "before"}, "Le code a expiré avant l’envoi."),
        ({"expire_le": "now"}, "Un autre code a été demandé avant l’envoi."),
    ],
)
def test_what_nobody_could_use_is_not_sent(values: dict[str, object], why: str) -> None:
    booked()
    acces.ask(Canal.SMS, PHONE, "navigateur")
    moments = {"now": utcnow(), "before": utcnow() - timedelta(minutes=11)}
    db.session.execute(update(Acces).values({name: moments.get(str(v), v) for name, v in values.items()}))
    db.session.commit()
    assert ignored() == why


def test_a_demand_forgotten_meanwhile_is_not_sent() -> None:
    booked()
    acces.ask(Canal.SMS, PHONE, "navigateur")
    purge(utcnow() + timedelta(days=1, minutes=1))
    assert ignored() == "La demande n’existe plus."
    assert db.session.scalar(select(func.count()).select_from(Acces)) == 0
    acces.ask(Canal.SMS, PHONE, "navigateur")  # whose id may be that of the first
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 2


def test_without_any_organisation_nothing_happens() -> None:
    acces.ask(Canal.COURRIEL, "personne@exemple.fr", "navigateur")
    assert db.session.scalar(select(func.count()).select_from(Acces)) == 0


def test_ten_demands_at_once_send_three(app: Flask) -> None:
    booked()

    def one() -> None:
        with app.app_context():
            acces.ask(Canal.SMS, PHONE, "navigateur")
            db.session.remove()

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 3
    assert db.session.scalar(select(func.count()).select_from(Acces).where(queries.live(utcnow()))) == 1


def test_one_of_two_at_once_uses_the_link(app: Flask) -> None:
    booked()
    acces.ask(Canal.SMS, PHONE, "navigateur")
    token = links.token(links.ACCES, db.session.scalars(select(Acces.lien_nonce)).one())
    db.session.remove()
    outcomes = []

    def one() -> None:
        with app.app_context():
            try:
                outcomes.append(acces.use_link(token, "autre"))
            except Refus:
                outcomes.append(0)
            db.session.remove()

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(bool, outcomes)) == [False] * 4 + [True]


def test_an_anonymised_person_is_unknown() -> None:
    booked()
    db.session.execute(update(Usager).values(phone=None, email=None))
    db.session.commit()
    acces.ask(Canal.SMS, PHONE, "navigateur")
    assert db.session.scalars(select(Notification)).all() == []
