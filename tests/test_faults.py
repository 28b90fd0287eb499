"""What people see when something breaks behind them: Redis frozen or stopped while they book."""

import time
import urllib.parse
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from dev.servers import Valkey
from tests import factories as make
from tests.crowd import ENVOI, TOKEN, Answer, fetch, person
from tests.noise import noise
from tests.pages import PageClient
from tests.servers import Site
from webapp.extensions import db
from webapp.models import EtatNotification, MessageDemo, Notification, Participation
from webapp.services import comptes

LONGER = 1.0  # seconds a booking may take more without Redis
LATER = 40.0  # seconds within which its messages leave once Redis is back


@pytest.fixture
def rdv_id(app: Flask) -> int:
    with app.app_context():
        found = make.rdv().id
        db.session.commit()
        db.session.remove()
        return found


def book(site: Site, rdv_id: int, number: int) -> tuple[Answer, float]:
    """The post alone, and the seconds it took."""
    address = f"{site.url}/rdv/{rdv_id}/inscription"
    form, cookie = fetch(address)
    data = {"csrf_token": TOKEN.search(form.text)[1], "envoi": ENVOI.search(form.text)[1], **person(number)}
    began = time.monotonic()
    answer, _ = fetch(address, "POST", urllib.parse.urlencode(data), cookie)
    return answer, time.monotonic() - began


def waiting(model: type, *conditions: object) -> int:
    found = db.session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
    db.session.rollback()
    return found


@pytest.mark.parametrize(("base", "fault"), [("postgresql", "frozen"), ("sqlite", "stopped")], indirect=["base"])
def test_redis_away_during_a_booking(
    app: Flask, live_server: Callable[..., Site], valkey: Valkey, rdv_id: int, fault: str
) -> None:
    site = live_server(env={"RATE_LIMITS": "on"})
    book(site, rdv_id, 1)
    usual = min(book(site, rdv_id, number)[1] for number in (2, 3))
    valkey.freeze() if fault == "frozen" else valkey.stop()
    try:
        answer, took = book(site, rdv_id, 4)
        again, second = book(site, rdv_id, 5)
    finally:
        valkey.thaw() if fault == "frozen" else valkey.start()
    assert (answer.status, again.status) == (303, 303)
    assert took < usual + LONGER * noise(), (took, usual)
    assert second < usual + LONGER * noise(), (second, usual)
    with app.app_context():
        assert waiting(Participation) == 5
        deadline = time.monotonic() + LATER
        while waiting(Notification, Notification.etat != EtatNotification.ENVOYEE) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert waiting(Notification, Notification.etat != EtatNotification.ENVOYEE) == 0, site.output()
        assert waiting(MessageDemo) == waiting(Notification) == 5


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_redis_lost_while_a_password_is_checked(
    make_app: Callable[..., Flask], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The throttle asked Redis before, and must count a failure after: the agent gets the usual answer."""
    real = comptes.authenticate

    def authenticate(*typed: str) -> object:
        valkey.stop()
        return real(*typed)

    monkeypatch.setattr(comptes, "authenticate", authenticate)
    page = PageClient(make_app(RATE_LIMITS="on")).get("/agent/connexion").form(css="main form")
    assert page.submit(courriel="personne@mds.exemple.fr", mot_de_passe="un mot de passe").status == 422
