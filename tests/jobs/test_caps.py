"""The public form is not an SMS cannon (docs/notifications.md): what is counted, refused, and what leaves instead."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.servers import SmsSink, SmtpSink
from webapp.clock import utcnow
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.jobs import caps, messages
from webapp.jobs.messages import deliver
from webapp.models import Canal, CompteurSms, Notification, Organisation, Participation
from webapp.notifications.base import emit
from webapp.services.transaction import transaction

NUMBER = "+33639980077"
NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


@pytest.fixture
def app(kept_app: Callable[..., Flask], sms: SmsSink, smtp: SmtpSink) -> Flask:
    return kept_app(SMS_URL=sms.url, MAIL_SERVER=smtp.host, MAIL_PORT=smtp.port)


@pytest.fixture(autouse=True)
def _noon(app: Flask):
    with time_machine.travel(NOON), app.app_context():
        yield


def seats(number: int, org: Organisation | None = None, **usager: object) -> list[Participation]:
    """That many people booked in one session, each with a number of their own unless one is given."""
    motif = make.motif(make.service(org), capacite_max=200)
    rdv = make.rdv(motif, starts_at=NOON + timedelta(days=20))
    found = [make.participation(rdv, make.usager(rdv.organisation_id, **usager)) for _ in range(number)]
    db.session.commit()
    return found


def told(places: list[Participation], *, agent: int | None = None, version: int = 1) -> None:
    with transaction():
        for place in places:
            emit(Inscription(participation_id=place.id, version=version, auteur_agent_id=agent))


def rows(canal: Canal = Canal.SMS) -> list[Notification]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(Notification)
            .where(Notification.canal == canal, Notification.destinataire_type == "usager")
            .order_by(Notification.id)
            .execution_options(populate_existing=True)
        )
    )


def states(canal: Canal = Canal.SMS) -> list[str]:
    return [row.etat.value for row in rows(canal)]


def counted(key: str) -> int:
    return db.session.scalar(select(func.sum(CompteurSms.nombre)).where(CompteurSms.cle == key)) or 0


def alerts() -> list[Notification]:
    return list(db.session.scalars(select(Notification).where(Notification.event == "budget_sms")))


def test_three_texts_a_day_to_one_number_whoever_asks(sms: SmsSink) -> None:
    """Whatever the session, the name or the organisation; the fourth says why, and nothing else changes."""
    places = [*seats(2, phone=NUMBER), *seats(2, phone=NUMBER)]
    assert places[0].rdv.organisation_id != places[3].rdv.organisation_id
    told(places)
    deliver("default")
    assert states() == ["envoyee"] * 3 + ["ignoree"]
    assert rows()[3].erreur == "Trop de SMS à ce numéro aujourd’hui."
    assert len(sms.requests) == 3
    assert places[3].rdv.places_prises == 2
    kept = db.session.scalars(select(CompteurSms.cle)).all()
    assert all(NUMBER not in key and NUMBER[1:] not in key for key in kept)


def test_ten_texts_in_seven_days(sms: SmsSink) -> None:
    places = seats(24, phone=NUMBER)
    for day, sent in enumerate((3, 3, 3, 1, 0, 0, 0, 3)):
        with time_machine.travel(NOON + timedelta(days=day)):
            told(places[3 * day : 3 * day + 3])
            before = len(sms.requests)
            deliver("default")
            assert len(sms.requests) - before == sent, day
    assert rows()[10].erreur == "Trop de SMS à ce numéro cette semaine."


def test_a_day_is_the_organisation_s(sms: SmsSink) -> None:
    """At 22:30 UTC it is tomorrow in Réunion, not yet in Paris."""
    for zone, expected in (("Indian/Reunion", 6), ("Europe/Paris", 3)):
        sms.requests.clear()
        places = seats(6, make.organisation(timezone=zone), phone=NUMBER.replace("77", "88" if expected == 6 else "99"))
        for hour, part in ((19, places[:3]), (22, places[3:])):
            with time_machine.travel(NOON.replace(hour=hour, minute=30)):
                told(part)
                deliver("default")
        assert len(sms.requests) == expected, zone


def test_what_agents_make_leave_is_not_capped_by_number(sms: SmsSink) -> None:
    told(seats(5, phone=NUMBER), agent=1)
    assert deliver("default") == 5
    assert states() == ["envoyee"] * 5


def test_past_the_budget_mail_only_and_its_admins_are_told_once(sms: SmsSink, smtp: SmtpSink) -> None:
    org = make.organisation(budget_sms_jour=12)
    places = seats(20, org, email="personne@exemple.fr", notify_by_email=True)
    make.agent(places[0].rdv.motif.service, "admin")
    db.session.commit()
    told(places, agent=1)
    db.session.execute(Notification.__table__.delete().where(Notification.__table__.c.canal == "courriel"))
    db.session.commit()  # as for people who had no e-mail when they were told
    deliver("default")
    deliver("default")
    assert states() == ["envoyee"] * 12 + ["ignoree"] * 8
    assert {row.erreur for row in rows()[12:]} == {"Le budget SMS du jour est atteint."}
    instead = rows(Canal.COURRIEL)
    assert [row.destinataire_id for row in instead] == [row.destinataire_id for row in rows()[12:]]
    assert {(row.event, row.changement, row.etat.value) for row in instead} == {("inscription", "v1", "envoyee")}
    assert len(smtp.mails) == 8
    assert [row.changement for row in alerts()] == ["2026-11-24"]
    assert counted(f"organisation:{org.id}") == 12

    told(places[:1], agent=1, version=2)
    deliver("default")
    assert len(alerts()) == 1
    with time_machine.travel(NOON + timedelta(days=1)):
        told(places[:1], agent=1, version=3)
        deliver("default")
    assert len(sms.requests) == 13


def test_no_mail_to_who_refuses_it_or_was_promised_one(sms: SmsSink, smtp: SmtpSink) -> None:
    org = make.organisation(budget_sms_jour=0)
    places = [
        *seats(1, org, email="oui@exemple.fr"),
        *seats(1, org, email="non@exemple.fr", notify_by_email=False),
        *seats(1, org),
    ]
    told(places)
    deliver("default")
    assert states() == ["ignoree"] * 3
    assert not sms.requests
    assert [mail.recipients for mail in smtp.mails] == [["oui@exemple.fr"]]
    assert len(rows(Canal.COURRIEL)) == 1


def test_a_code_leaves_past_the_budget_but_not_past_the_number() -> None:
    org = make.organisation(budget_sms_jour=1)
    told(seats(6, org, phone=NUMBER))
    claim = messages.take("default")

    def text(row_id: int, event: str) -> caps.Text:
        return caps.Text(row_id, event, NUMBER, True, org.id, org.budget_sms_jour, NOON.date(), False)

    refused = caps.count([text(row_id, "acces") for row_id in claim.ids[:2]], claim.until)
    assert not refused
    assert set(caps.count([text(claim.ids[2], "inscription")], claim.until)) == {claim.ids[2]}
    assert not caps.count([text(claim.ids[3], "acces")], claim.until)
    assert set(caps.count([text(claim.ids[4], "acces")], claim.until)) == {claim.ids[4]}
    assert [row.erreur for row in rows()][2:5] == [
        "Le budget SMS du jour est atteint.",
        "",
        "Trop de SMS à ce numéro aujourd’hui.",
    ]
    assert counted(f"organisation:{org.id}") == 3


def test_a_message_tried_again_is_counted_once(sms: SmsSink) -> None:
    [place] = seats(1)
    sms.status = 500
    told([place])
    for _ in range(3):
        deliver("default")
        db.session.execute(Notification.__table__.update().values(a_envoyer_le=utcnow()))
        db.session.commit()
    sms.status = 200
    assert deliver("default") == 1
    assert rows()[0].tentatives == 4
    assert rows()[0].comptee_le is not None
    assert counted(f"organisation:{place.rdv.organisation_id}") == 1


def test_nothing_is_counted_without_a_channel(make_app: Callable[..., Flask]) -> None:
    told(seats(1))
    with make_app().app_context():
        deliver("default")
    assert [row.erreur for row in rows()] == ["canal non configuré"]
    assert db.session.scalar(select(func.count()).select_from(CompteurSms)) == 0


def test_a_text_that_is_another_s_is_not_counted() -> None:
    [place] = seats(1)
    told([place])
    claim = messages.take("default")
    org = place.rdv.organisation
    text = caps.Text(claim.ids[0], "inscription", NUMBER, True, org.id, 500, NOON.date(), False)
    assert set(caps.count([text], claim.until + timedelta(seconds=1))) == {claim.ids[0]}
    assert db.session.scalar(select(func.sum(CompteurSms.nombre))) is None
    assert states() == ["en_cours"]


def test_workers_at_once_count_as_one_would(app: Flask, sms: SmsSink) -> None:
    """Sixty texts for a budget of twenty-five and one number that may get three, by three workers."""
    org = make.organisation(budget_sms_jour=25)
    told([*seats(8, org, phone=NUMBER), *seats(52, org)])
    errors: list[BaseException] = []

    def work() -> None:
        with app.app_context():
            try:
                while deliver("default"):
                    pass
            except BaseException as error:
                errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    while deliver("default"):
        pass
    assert not errors
    assert "a_envoyer" not in states() and "en_cours" not in states()
    assert len(sms.requests) == 25 == states().count("envoyee")
    assert sum(request.json()["to"] == NUMBER for request in sms.requests) <= 3
    assert counted(f"organisation:{org.id}") == 25
