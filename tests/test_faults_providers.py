"""Providers that are slow or silent, and clocks that stop: pages are unharmed, the rest goes on, nothing twice."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.crowd import fetch
from tests.noise import noise
from tests.outbox import booked, until
from tests.servers import Site, SmsSink, SmtpSink
from tests.test_faults import book
from tests.visitors import session
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.jobs.messages import deliver
from webapp.models import Canal, EtatNotification, Notification

Start = Callable[..., Site]
one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def providers(sms: SmsSink, smtp: SmtpSink) -> dict[str, str]:
    return {"SMS_URL": sms.url, "MAIL_SERVER": smtp.host, "MAIL_PORT": str(smtp.port)}


def sent(canal: Canal) -> int:
    done = Notification.etat == EtatNotification.ENVOYEE
    found = db.session.scalar(select(func.count()).select_from(Notification).where(Notification.canal == canal, done))
    db.session.remove()
    return found or 0


@one_database
@pytest.mark.volume
@pytest.mark.parametrize("silent", [Canal.SMS, Canal.COURRIEL])
def test_a_silent_provider_holds_neither_pages_nor_the_other_channel(
    app: Flask, live_server: Start, sms: SmsSink, smtp: SmtpSink, providers: dict[str, str], silent: Canal
) -> None:
    """It takes a message and never answers. Ten people's messages by the other channel leave all the same."""
    (sms if silent is Canal.SMS else smtp).delay_seconds = 60
    booked(10)
    rdv_id = session(app)
    site = live_server(env=providers)
    other = Canal.COURRIEL if silent is Canal.SMS else Canal.SMS
    began = time.monotonic()
    took = []
    while sent(other) < 10:
        assert time.monotonic() - began < 40 * noise(), site.output()
        asked = time.monotonic()
        assert fetch(f"{site.url}/rdv/{rdv_id}")[0].status == 200
        took.append(time.monotonic() - asked)
        time.sleep(0.2)
    print(f"{silent} silent: {other} all sent after {time.monotonic() - began:.1f} s; slowest page {max(took):.2f} s")
    assert max(took) < 1.0 * noise()
    answer, seconds = book(site, rdv_id, 1)
    assert answer.status == 303 and seconds < 1.0 * noise()
    assert sent(silent) == 0


@one_database
def test_a_mail_server_that_drips_ends_before_its_claim(
    make_app: Callable[..., Flask], smtp: SmtpSink, providers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its answers comes in time, all of them together do not: the conversation has an end of its own."""
    from webapp.notifications import channels
    from webapp.notifications.channels import email

    monkeypatch.setattr(email, "TIMEOUT", timedelta(seconds=1))
    monkeypatch.setattr(SmtpSink, "handle_MAIL", slowly, raising=False)
    monkeypatch.setattr(SmtpSink, "handle_RCPT", slowly, raising=False)
    smtp.delay_seconds = 0.9
    app = make_app(**providers)
    with app.app_context():
        booked(1)
        began = time.monotonic()
        deliver("default")
        took = time.monotonic() - began
        assert sent(Canal.COURRIEL) == 0 and sent(Canal.SMS) == 1
    assert channels.TIMEOUT.total_seconds() * 2 < 45
    assert 1.5 < took < 4 * noise()


async def slowly(sink: SmtpSink, _server: object, _session: object, envelope: object, address: str, *_: object) -> str:
    import asyncio

    await asyncio.sleep(0.9)
    if not getattr(envelope, "mail_from", None):
        envelope.mail_from = address  # type: ignore[attr-defined]
    else:
        envelope.rcpt_tos.append(address)  # type: ignore[attr-defined]
    return "250 OK"


# --- clocks ------------------------------------------------------------------------------------------------------


def daytime_zone() -> str:
    """A zone where it is now between 14:00 and 15:00: reminders leave by day."""
    ahead = (14 - utcnow().hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_two_clocks_after_three_hours_without_any(
    app: Flask, live_server: Start, sms: SmsSink, providers: dict[str, str]
) -> None:
    """What became due meanwhile leaves once, what no longer helps does not; two clocks and two workers from then on."""
    org = make.organisation(timezone=daytime_zone())
    motif = make.motif(make.service(org), rappels=[48, 3])
    now = utcnow().replace(microsecond=0)
    past = now - timedelta(days=10)
    # Due one, two and three hours ago (48 h before); not due yet; due three hours ago, and starting in 10 minutes.
    wanted = {}
    for minutes in (47 * 60, 46 * 60, 45 * 60 + 1, 49 * 60, 10):
        rdv = make.rdv(motif, starts_at=now + timedelta(minutes=minutes))
        row = make.participation(rdv, make.usager(org.id), inscrit_le=past)
        wanted[row.usager.phone] = 1 if 45 * 60 <= minutes <= 47 * 60 else 0
    db.session.commit()
    db.session.remove()
    sites = [live_server(processes=("worker", "clock"), env=providers) for _ in "12"]
    until(lambda: len(sms.requests) >= 3, sites[0], 30 * noise())
    time.sleep(6)  # one more tick of each
    assert Counter(request.json()["to"] for request in sms.requests) == {to: n for to, n in wanted.items() if n}
    jobs = [line for site in sites for line in site.output().splitlines() if "reminders due" in line]
    assert len(jobs) == 1, jobs
