"""How fast messages leave: real workers, a real PostgreSQL, providers on this machine."""

import time

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.noise import noise
from tests.outbox import booked, until
from tests.servers import SmsSink, SmtpSink
from webapp.extensions import db
from webapp.models import EtatNotification, Notification, Organisation

MESSAGES = 5000
A_SECOND = 200


@pytest.mark.volume
@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_five_thousand_messages_by_two_workers(app: Flask, live_server, sms: SmsSink, smtp: SmtpSink) -> None:
    env = {
        "MODE": "production",
        "SMS_URL": sms.url,
        "MAIL_SERVER": smtp.host,
        "MAIL_PORT": str(smtp.port),
    }
    with app.app_context():
        booked(MESSAGES // 2)
        db.session.execute(Organisation.__table__.update().values(budget_sms_jour=MESSAGES))
        db.session.commit()

        def gone() -> bool:
            waiting = (EtatNotification.A_ENVOYER, EtatNotification.EN_COURS)
            left = db.session.scalar(
                select(func.count()).select_from(Notification).where(Notification.etat.in_(waiting))
            )
            db.session.rollback()
            return not left

        sites = [live_server(processes=("worker",), env=env), live_server(processes=("worker", "clock"), env=env)]
        until(lambda: bool(sms.requests), sites[1], 30 * noise())
        before, began = len(sms.requests) + len(smtp.mails), time.monotonic()
        until(gone, sites[0], 120 * noise())
        took = time.monotonic() - began
    rate = (len(sms.requests) + len(smtp.mails) - before) / took
    print(f"{MESSAGES} messages by two workers: {rate:.0f}/s")
    keys = [request.headers["Idempotency-Key"] for request in sms.requests]
    assert len(keys) == len(set(keys)) == len(smtp.mails) == MESSAGES // 2
    assert rate >= A_SECOND / noise()
