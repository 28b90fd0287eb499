"""The outbox delivered to real providers: once each, in order, whatever breaks (docs/notifications.md, Reliability)."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
import time_machine
from flask import Flask
from icalendar import Calendar
from sqlalchemy import select, update

from dev.servers import Valkey, free_port
from tests import factories as make
from tests.servers import SmsSink, SmtpSink
from webapp.clock import utcnow
from webapp.domain.events import Annulation, Inscription, MotDePasse, Retrait
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.jobs import messages
from webapp.jobs.messages import backoff, deliver
from webapp.models import MessageDemo, Notification, Participation
from webapp.notifications import wake
from webapp.notifications.base import emit
from webapp.services.transaction import transaction


@pytest.fixture
def app(kept_app: Callable[..., Flask], sms: SmsSink, smtp: SmtpSink) -> Flask:
    """Both providers are configured."""
    return kept_app(
        SMS_URL=sms.url,
        SMS_AUTHORIZATION="Bearer clef",
        MAIL_SERVER=smtp.host,
        MAIL_PORT=smtp.port,
        MAIL_DEFAULT_SENDER="rdv@drome.exemple.fr",
    )


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context():
        yield


@pytest.fixture
def seat() -> Participation:
    """A booking by somebody with a mobile and an e-mail."""
    rdv = make.rdv()
    found = make.participation(rdv, make.usager(rdv.organisation_id, email="yasmina@exemple.fr"))
    db.session.commit()
    return found


def booked(seat: Participation, version: int = 1, agent: int | None = None) -> None:
    with transaction():
        emit(Inscription(participation_id=seat.id, version=version, auteur_agent_id=agent))


def outbox() -> list[Notification]:
    db.session.rollback()
    return list(
        db.session.scalars(select(Notification).order_by(Notification.id).execution_options(populate_existing=True))
    )


def states() -> list[str]:
    return [row.etat.value for row in outbox()]


def change(row: object, **values: object) -> None:
    kept = db.session.merge(row)  # a delivery lets go of the session, and of what a test had from it
    for name, value in values.items():
        setattr(kept, name, value)
    db.session.commit()


def test_a_text_and_a_mail_leave(seat: Participation, sms: SmsSink, smtp: SmtpSink) -> None:
    booked(seat)
    assert deliver("default") == 2
    text, mail = outbox()

    [request] = sms.requests
    assert request.json() == {"to": seat.usager.phone, "from": "MDS", "text": request.json()["text"]}
    assert request.headers["Idempotency-Key"] == text.cle_envoi
    assert request.headers["Authorization"] == "Bearer clef"
    link = request.json()["text"].split()[-1]
    assert link.startswith("http://localhost/p/")

    [taken] = smtp.mails
    assert taken.recipients == ["yasmina@exemple.fr"]
    assert taken.sender == "rdv@drome.exemple.fr"
    organisation = seat.rdv.organisation
    assert str(taken.message["From"]) == f"{organisation.name} <rdv@drome.exemple.fr>"
    assert organisation.email in str(taken.message["Reply-To"])
    assert str(taken.message["Message-ID"]) == f"<{mail.cle_envoi}@drome.exemple.fr>"
    kinds = [part.get_content_type() for part in taken.message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
    calendar = next(part for part in taken.message.walk() if part.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "REQUEST"
    assert Calendar.from_ical(calendar.get_content()).walk("VEVENT")
    assert link in taken.message.get_body(("plain",)).get_content()

    for row in (text, mail):
        assert (row.etat.value, row.tentatives, row.claimed_until, row.erreur) == ("envoyee", 1, None, "")
        assert row.envoyee_le is not None
        assert row.provider_id
        assert "[lien personnel]" in row.corps
        assert "/p/" not in row.corps
    assert (text.adresse, text.segments, mail.adresse) == (seat.usager.phone, 1, "yasmina@exemple.fr")
    assert mail.objet.startswith("Votre place est réservée : Mes droits au RSA")
    assert deliver("default") == 0


@pytest.mark.parametrize(
    ("status", "state"), [(400, "echec"), (422, "echec"), (401, "a_envoyer"), (429, "a_envoyer"), (503, "a_envoyer")]
)
def test_what_a_text_provider_may_answer(
    seat: Participation, sms: SmsSink, valkey: Valkey, status: int, state: str
) -> None:
    change(seat.usager, email=None)
    sms.status = status
    booked(seat)
    assert deliver("default") == 0
    [row] = outbox()
    assert (row.etat.value, row.tentatives) == (state, 1)
    assert str(status) in row.erreur
    assert seat.usager.phone not in row.erreur
    if state == "a_envoyer":
        assert row.a_envoyer_le > utcnow() + timedelta(seconds=20)
        sms.status = 200
        change(row, a_envoyer_le=utcnow())
        redis.Redis.from_url(valkey.url).flushall()  # the channel rested
        assert deliver("default") == 1
        keys = {request.headers["Idempotency-Key"] for request in sms.requests}
        assert keys == {row.cle_envoi}
        assert outbox()[0].tentatives == 2


@pytest.mark.parametrize(
    ("answer", "state"), [("550 inconnu", "echec"), ("451 plus tard", "a_envoyer"), ("421 au revoir", "a_envoyer")]
)
def test_what_a_mail_server_may_answer(seat: Participation, smtp: SmtpSink, answer: str, state: str) -> None:
    change(seat.usager, phone=None)
    smtp.answer = answer
    booked(seat)
    deliver("default")
    [row] = outbox()
    assert row.etat.value == state
    assert "yasmina" not in row.erreur


def test_an_address_that_can_t_be_one_fails_for_good(seat: Participation) -> None:
    change(seat.usager, phone=None, email="pas une adresse\r\nBcc: x@y.fr")
    booked(seat)
    deliver("default")
    assert states() == ["echec"]


def test_providers_that_do_not_answer_are_tried_again(
    seat: Participation, make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    booked(seat)
    gone = make_app(SMS_URL=f"http://127.0.0.1:{free_port()}/", MAIL_SERVER="127.0.0.1", MAIL_PORT=free_port())
    with gone.app_context(), caplog.at_level(logging.INFO):
        deliver("default")
    assert states() == ["a_envoyer", "a_envoyer"]
    assert seat.usager.phone not in caplog.text
    assert "yasmina" not in caplog.text


def test_without_a_channel_production_says_so_and_the_demonstration_shows_them(
    seat: Participation, make_app: Callable[..., Flask]
) -> None:
    booked(seat)
    with make_app().app_context():
        deliver("default")
    assert [(row.etat.value, row.erreur) for row in outbox()] == [("ignoree", "canal non configuré")] * 2
    booked(seat, version=2)
    with make_app(MODE="demo").app_context():
        assert deliver("default") == 2
    shown = db.session.scalars(select(MessageDemo).order_by(MessageDemo.canal)).all()
    assert [message.a for message in shown] == ["yasmina@exemple.fr", seat.usager.phone]
    assert "BEGIN:VCALENDAR" in shown[0].ics
    assert "<h1" in shown[0].html
    assert "/p/" in shown[1].corps


def test_what_is_no_longer_true_is_left_out(seat: Participation, sms: SmsSink, smtp: SmtpSink) -> None:
    booked(seat)
    change(seat, statut=Statut.ANNULE, version=2)
    with transaction():
        emit(Retrait(participation_id=seat.id, version=2))
    assert deliver("default") == 2
    assert [(row.event, row.etat.value) for row in outbox()] == [
        ("inscription", "ignoree"),
        ("inscription", "ignoree"),
        ("retrait", "envoyee"),
        ("retrait", "envoyee"),
    ]
    assert outbox()[0].erreur == "La personne n’est plus inscrite."
    assert len(sms.requests) == len(smtp.mails) == 1


def test_a_session_that_started_meanwhile_is_not_announced(seat: Participation, sms: SmsSink) -> None:
    booked(seat)
    change(seat.rdv, starts_at=utcnow() - timedelta(minutes=1), ends_at=utcnow() + timedelta(hours=1))
    deliver("default")
    assert set(states()) == {"ignoree"}
    assert not sms.requests


def test_a_person_who_refuses_meanwhile_gets_nothing(seat: Participation, sms: SmsSink) -> None:
    booked(seat)
    change(seat.usager, notify_by_sms=False)
    deliver("default")
    assert states() == ["ignoree", "envoyee"]
    assert not sms.requests


def test_a_contact_corrected_meanwhile_is_used(seat: Participation, sms: SmsSink) -> None:
    booked(seat)
    change(seat, telephone="+33639980077")
    deliver("default")
    assert sms.requests[0].json()["to"] == "+33639980077"


def test_a_later_message_waits_ten_minutes_for_an_earlier_one(seat: Participation, sms: SmsSink) -> None:
    change(seat.usager, email=None)
    sms.status = 500
    booked(seat)
    deliver("default")
    sms.status = 200
    booked(seat, version=2)  # the person came back, say
    assert deliver("default") == 0
    assert states() == ["a_envoyer", "a_envoyer"]
    db.session.execute(update(Notification).where(Notification.changement == "v1").values(a_envoyer_le=utcnow()))
    db.session.commit()
    assert deliver("default") == 2
    sent = [request.headers["Idempotency-Key"] for request in sms.requests]
    assert sent == [outbox()[0].cle_envoi, outbox()[0].cle_envoi, outbox()[1].cle_envoi]

    booked(seat, version=3, agent=1)
    sms.status = 500
    deliver("default")
    sms.status = 200
    booked(seat, version=4, agent=1)
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        db.session.execute(
            update(Notification)
            .where(Notification.changement == "v3")
            .values(a_envoyer_le=utcnow() + timedelta(minutes=30))
        )
        db.session.commit()
        assert deliver("default") == 1
    assert states() == ["envoyee", "envoyee", "a_envoyer", "envoyee"]


def test_what_makes_another_void_does_not_wait_for_it(seat: Participation, sms: SmsSink) -> None:
    change(seat.usager, email=None)
    sms.status = 500
    booked(seat)
    deliver("default")
    sms.status = 200
    change(seat, statut=Statut.ANNULE)
    change(seat.rdv, cancelled_at=utcnow())
    with transaction():
        emit(Annulation(rdv_id=seat.rdv_id, version=2, participation_ids=(seat.id,)))
    assert deliver("default") == 1, [row.erreur for row in outbox()]
    change(outbox()[0], a_envoyer_le=utcnow())
    assert deliver("default") == 0
    assert states() == ["ignoree", "envoyee"]


def many(number: int) -> list[Participation]:
    rdv = make.rdv(make.motif(capacite_max=number))
    seats = [make.participation(rdv) for _ in range(number)]
    rdv.cancelled_at = utcnow()
    for row in seats:
        row.statut = Statut.ANNULE
    db.session.commit()
    with transaction():
        emit(Annulation(rdv_id=rdv.id, version=2, participation_ids=tuple(s.id for s in seats)))
    return seats


def test_two_workers_at_once_send_each_message_once(app: Flask, sms: SmsSink) -> None:
    seats = many(120)
    errors: list[BaseException] = []

    def work() -> None:
        with app.app_context():
            try:
                while deliver("mass"):
                    pass
            except BaseException as error:
                errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    while deliver("mass"):
        pass
    assert not errors
    assert set(states()) == {"envoyee"}
    assert len(sms.requests) == len({r.headers["Idempotency-Key"] for r in sms.requests}) == len(seats)


def test_a_slow_provider_does_not_hold_a_worker(sms: SmsSink, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    many(30)
    monkeypatch.setattr(messages, "WORK_SECONDS", 1.5)
    sms.delay_seconds = 0.5
    redis.Redis.from_url(valkey.url).flushall()
    assert 1 <= deliver("mass") <= 4
    rows = outbox()
    waiting = [row for row in rows if row.etat.value == "a_envoyer"]
    assert len(waiting) >= 26
    assert {row.tentatives for row in waiting} == {0}
    assert {row.claimed_until for row in waiting} == {None}
    assert redis.Redis.from_url(valkey.url).exists(wake.key("mass"))


def test_a_claim_whose_worker_died_is_taken_again_with_the_same_key(seat: Participation, sms: SmsSink) -> None:
    change(seat.usager, email=None)
    booked(seat)
    claim = messages.take("default")
    assert claim.ids == [outbox()[0].id]
    assert deliver("default") == 0  # it is another's
    with time_machine.travel(utcnow() + messages.CLAIM + timedelta(seconds=1)):
        assert deliver("default") == 1
    [row] = outbox()
    assert (row.etat.value, row.tentatives) == ("envoyee", 2)
    messages.record(row.id, claim.until, etat="echec")  # the dead one comes back: too late
    assert states() == ["envoyee"]


def test_a_message_that_can_t_be_composed_does_not_hold_the_others(
    seat: Participation, sms: SmsSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked(seat)
    right = messages.compose

    def compose(row: Notification, *rest: object) -> object:
        if row.canal == "sms":
            raise KeyError("nothing of this may be seen")
        return right(row, *rest)

    monkeypatch.setattr(messages, "compose", compose)
    assert deliver("default") == 1
    assert states() == ["a_envoyer", "envoyee"]
    assert outbox()[0].erreur == "Erreur interne : KeyError"


def test_a_link_of_an_hour_is_not_sent_late(seat: Participation, smtp: SmtpSink) -> None:
    agent = make.agent(seat.rdv.motif.service)
    change(agent, reset_nonce="n", reset_version=1, reset_expire_le=utcnow() + timedelta(hours=1))
    with transaction():
        emit(MotDePasse(agent_id=agent.id, version=1))
    with time_machine.travel(utcnow() + timedelta(hours=2)):
        deliver("urgent")
    assert states() == ["ignoree"]
    assert not smtp.mails


def test_pauses_grow_to_an_hour_and_end_after_twelve() -> None:
    pauses = []
    while (pause := backoff(len(pauses) + 1)) is not None:
        pauses.append(pause)
    assert pauses[0] == timedelta(seconds=30)
    assert pauses[-1] == max(pauses) == timedelta(hours=1)
    assert timedelta(hours=11) <= sum(pauses, timedelta()) <= timedelta(hours=12)


def test_the_outbox_says_what_waits_and_failed_without_names(
    app: Flask, seat: Participation, sms: SmsSink, smtp: SmtpSink
) -> None:
    run = app.test_cli_runner().invoke
    assert "Rien" in run(args=["outbox"]).output
    sms.status, smtp.answer = 400, "451 plus tard"
    booked(seat)
    deliver("default")
    said = run(args=["outbox"]).output
    assert "echec" in said
    assert "a_envoyer" in said
    assert "HTTP 400" in said
    assert seat.usager.phone not in said
    sms.status, smtp.answer = 200, "250 OK"
    assert "1 message(s)" in run(args=["outbox", "--retry"]).output
    assert deliver("default") == 1
    assert states() == ["envoyee", "a_envoyer"]
