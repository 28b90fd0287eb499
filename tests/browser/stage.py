"""The whole site in front of a browser: its processes, its demonstration, and what a test adds to it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import select

from tests import factories as make
from tests.servers import Site
from webapp import links
from webapp.extensions import db
from webapp.models import (
    Agent,
    EtatNotification,
    Lieu,
    Motif,
    Notification,
    Organisation,
    Participation,
    Rdv,
    Service,
)
from webapp.services.transaction import transaction

ADMIN, NADIA, HELENE, PAUL, MAELLE = (
    f"{name}@valmont.exemple.fr" for name in ("admin", "nadia", "helene", "paul", "maelle")
)
PASSWORD = "atelier-valmont"
RSA = "Mes droits au RSA"
WAIT_MS = 5000  # how long a page may take to do what is expected of it
MESSAGES_SECONDS = 10  # how long a message may take where its speed is not what is tested


@dataclass
class Stage:
    """A running site and its database, open to the test."""

    site: Site
    app: Flask

    @property
    def url(self) -> str:
        return self.site.url

    @contextmanager
    def rows(self) -> Iterator["Rows"]:
        """Add or change rows in one transaction; only ids may leave the block."""
        with self.app.app_context():
            try:
                with transaction():
                    yield Rows()
            finally:
                db.session.remove()

    def session(self, motif: str = RSA, *, taken: int = 0, **fields: Any) -> int:
        """A new session in ten days of one of the demonstration's motifs, with that many people in it."""
        with self.rows() as rows:
            return rows.session(motif, taken=taken, **fields).id

    def token(self, participation_id: int) -> str:
        """The personal link of a place: only messages show it."""
        with self.app.app_context():
            nonce = db.session.get_one(Participation, participation_id).lien_nonce
            db.session.remove()
            return links.token(links.PARTICIPATION, nonce)


class Rows:
    """What the demonstration has, found by the names people read; inside `Stage.rows()` only."""

    def organisation(self) -> Organisation:
        return db.session.scalars(select(Organisation).where(Organisation.slug == "valmont")).one()

    def motif(self, name: str) -> Motif:
        return db.session.scalars(select(Motif).where(Motif.name == name)).one()

    def service(self, short_name: str) -> Service:
        return db.session.scalars(select(Service).where(Service.short_name == short_name)).one()

    def agent(self, email: str) -> Agent:
        return db.session.scalars(select(Agent).where(Agent.email == email)).one()

    def rdv(self, rdv_id: int) -> Rdv:
        return db.session.get_one(Rdv, rdv_id)

    def plage_with_people(self, motif: str) -> int:
        """The id of a plage of that motif where people are booked in sessions to come."""
        question = select(Rdv).where(Rdv.plage_ouverture_id.is_not(None), Rdv.places_prises > 0)
        question = question.where(Rdv.motif_id == self.motif(motif).id).order_by(Rdv.starts_at.desc())
        rdv = db.session.scalars(question).first()
        assert rdv is not None and rdv.plage_ouverture_id is not None
        return rdv.plage_ouverture_id

    def trouble(self) -> None:
        """Four of the messages that left did not, and one waits."""
        sent = (
            select(Notification).where(Notification.etat == EtatNotification.ENVOYEE).order_by(Notification.id.desc())
        )
        *lost, waits = db.session.scalars(sent.limit(5))
        for message in lost:
            message.etat, message.erreur = EtatNotification.ECHEC, "SMS refusé par l’opérateur (HTTP 400)"
        waits.etat, waits.a_envoyer_le = EtatNotification.A_ENVOYER, waits.cree_le + timedelta(days=30)

    def session(self, motif: str = RSA, *, taken: int = 0, **fields: Any) -> Rdv:
        lieu = db.session.scalars(select(Lieu).order_by(Lieu.id)).first()
        of = self.motif(motif)
        usual: dict[str, Any] = {"lieu_id": lieu.id if lieu else None, "agents": [self.agent(HELENE)]}
        rdv = make.rdv(of, **{**usual, **fields})
        for _ in range(taken):
            make.participation(rdv)
        return rdv


@dataclass
class Watch:
    """What must never happen in a page of the site at `url`, noted as it happens, but for what has `allowed` words."""

    page: Page
    url: str
    allowed: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._note(f"script error: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failed)

    def nothing_happened(self) -> None:
        """Fail with all that was noted."""
        assert not self.faults, "\n".join(self.faults)

    def _note(self, fault: str) -> None:
        if not any(words in fault for words in self.allowed):
            self.faults.append(fault)

    def _console(self, message: ConsoleMessage) -> None:
        # A refused form is an answer of ours; `_response` judges which addresses may answer so.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self._note(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" != self.url:
            self._note(f"left this machine: {request.url}")

    def _response(self, response: Response) -> None:
        kind = response.request.resource_type
        if response.status >= 500 or (response.status >= 400 and kind not in ("document", "fetch", "xhr")):
            self._note(f"{response.status} {kind} {response.url}")

    def _failed(self, request: Request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # a stream left open by the page before
            self._note(f"failed: {request.url}: {request.failure}")


def until(happened: Callable[[], Any], seconds: float, what: str) -> Any:
    """Ask again until it is so, and give what it was; for what the browser itself can't wait for."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


def starting(words: str) -> re.Pattern[str]:
    """A text that starts with these words, whatever the kind of space between them."""
    return re.compile("^" + re.escape(words).replace("\\ ", r"\s"))


def has_focus(target: Locator) -> bool:
    """Is it what the keyboard speaks to?"""
    try:
        return bool(target.evaluate("e => e === document.activeElement", timeout=1000))
    except PlaywrightError:
        return False


def messages_to(page: Page, recipient: str, *, sms: int = 0, mails: int = 0) -> None:
    """Open the demonstration's inbox of somebody, again until that many messages are there."""

    def arrived() -> bool:
        page.goto(f"/demo/messages?a={recipient}")
        return page.locator("#messages .bubble").count() >= sms and page.locator("#messages .mail").count() >= mails

    until(arrived, MESSAGES_SECONDS, f"{sms} SMS and {mails} mails to {recipient}")
