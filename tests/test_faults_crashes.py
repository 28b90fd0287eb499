"""Processes killed without warning at chosen steps: nothing is lost, nothing happens twice."""

import http.client
import pathlib
import time
import urllib.parse
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.crowd import ENVOI, TOKEN, fetch, person
from tests.outbox import booked, until
from tests.servers import Site, SmsSink, SmtpSink
from tests.visitors import counts, session
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import EtatNotification, Notification
from webapp.services.checks import broken

Start = Callable[..., Site]
pytestmark = pytest.mark.volume


@pytest.fixture
def start(live_server: Start, sms: SmsSink, smtp: SmtpSink) -> Start:
    """Starts those processes with both providers configured."""

    def started(*processes: str, env: dict[str, str] | None = None, **options: Any) -> Site:
        providers = {"SMS_URL": sms.url, "MAIL_SERVER": smtp.host, "MAIL_PORT": str(smtp.port)}
        return live_server(processes=processes, env={**providers, **(env or {})}, **options)

    return started


def unsent(app: Flask) -> int:
    with app.app_context():
        waits = Notification.etat != EtatNotification.ENVOYEE
        found = db.session.scalar(select(func.count()).select_from(Notification).where(waits)) or 0
        db.session.remove()
        return found


@pytest.mark.parametrize("step", ["claim", "send", "record"])
def test_a_worker_killed_at_each_step(
    app: Flask, start: Start, sms: SmsSink, smtp: SmtpSink, tmp_path: pathlib.Path, step: str
) -> None:
    """Before it owns the messages, before it sends one, after the provider took one and before that is written."""
    flag = tmp_path / "halt"
    flag.touch()
    site = start("worker", env={"HALT": step, "HALT_AT": str(flag)}, app="tests.halting:app")
    until(lambda: "worker ready" in site.output(), site)
    with app.app_context():
        booked(3)
    until(lambda: not site.children["worker"].alive(), site)
    assert not flag.exists()
    assert unsent(app) == 6
    with app.app_context():
        db.session.execute(
            update(Notification)
            .where(Notification.claimed_until.is_not(None))
            .values(claimed_until=utcnow() - timedelta(seconds=1))  # its 45 s are over
        )
        db.session.commit()
    after = start("worker", "clock")
    until(lambda: unsent(app) == 0, after)
    texts = [request.headers["Idempotency-Key"] for request in sms.requests]
    mails = [mail.message["Message-ID"] for mail in smtp.mails]
    assert len(set(texts)) == 3 and len(set(mails)) == 3
    assert len(texts) + len(mails) == (7 if step == "record" else 6)  # the same key, where it can't be helped


@pytest.mark.parametrize("step", ["before commit", "after commit"])
def test_a_web_process_killed_during_a_booking(
    app: Flask, start: Start, sms: SmsSink, tmp_path: pathlib.Path, step: str
) -> None:
    """The browser sees its connection end; the same form sent again gives the one seat, and one text."""
    flag = tmp_path / "halt"
    rdv_id = session(app)
    site = start("web", "worker", "clock", env={"HALT": step, "HALT_AT": str(flag)}, app="tests.halting:app")
    address = f"{site.url}/rdv/{rdv_id}/inscription"
    form, cookie = fetch(address)
    typed = {"csrf_token": TOKEN.search(form.text)[1], "envoi": ENVOI.search(form.text)[1], **person(1)}  # type: ignore[index]
    flag.touch()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        fetch(address, "POST", urllib.parse.urlencode(typed), cookie)
    assert not flag.exists()
    kept = 1 if step == "after commit" else 0
    assert counts(app)[1] == kept
    began = time.monotonic()
    until(lambda: answers(site), site)
    print(f"{step}: pages again after {time.monotonic() - began:.1f} s")
    answer, _ = fetch(address, "POST", urllib.parse.urlencode(typed), cookie)
    assert answer.status == 303 and answer.location.endswith("/confirmation")
    assert counts(app) == (1, 1, 1)
    until(lambda: unsent(app) == 0, site)
    assert len(sms.requests) == 1
    with app.app_context():
        assert list(broken()) == []


def answers(site: Site) -> bool:
    try:
        return fetch(f"{site.url}/readyz")[0].status == 200
    except (http.client.HTTPException, OSError):
        return False
