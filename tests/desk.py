"""A desk of the back office for tests: an organisation with two services, agents of each kind, one session."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask, session
from sqlalchemy import select

from tests import factories as make
from tests.databases import Base
from tests.pages import Page, PageClient
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Agent, Notification, Participation, Rdv
from webapp.services.checks import broken
from webapp.web.auth import log_in


@pytest.fixture(name="base")
def sqlite_only(sqlite_base: Base) -> Base:
    """Imported by a test module whose tests don't depend on the database: they run once, on SQLite."""
    sqlite_base.empty()
    return sqlite_base


def inside(client: PageClient, email: str) -> PageClient:
    """The same visitor, once logged in as that agent: what the form ends with (tests/web/test_agent_login.py)."""
    app = client.app
    with app.app_context(), app.test_request_context(environ_base=client.flask.environ_base):  # not the test's own
        log_in(db.session.scalars(select(Agent).where(Agent.email == email)).one())
        made = dict(session)
        db.session.remove()
    with client.flask.session_transaction(base_url="http://localhost") as kept:
        kept.update(made)
    return client


@dataclass
class Desk:
    """Ids and addresses only: each request and each look has a session of its own."""

    app: Flask
    rdv: int = 0
    elsewhere: int = 0
    """A session of another service of the same organisation."""
    abroad: int = 0
    """A session of another organisation."""
    places: list[int] = field(default_factory=list)
    emails: dict[str, str] = field(default_factory=dict)

    def log_in(self, who: str = "agent") -> PageClient:
        """A visitor who has logged in as one of `emails`."""
        return inside(PageClient(self.app), self.emails[who])

    def place(self, position: int = 0) -> Participation:
        """One participation as it is now."""
        with self.app.app_context():
            found = db.session.get(Participation, self.places[position])
            assert found is not None
            _read = (found.usager.nom_complet, found.rdv.places_prises)
            return found

    def session(self, rdv_id: int | None = None) -> Rdv:
        """A session as it is now."""
        with self.app.app_context():
            found = db.session.get(Rdv, rdv_id or self.rdv)
            assert found is not None
            return found


def desk(
    app: Flask, *, people: int = 3, starts_at: datetime | None = None, capacite_max: int = 12, **motif: Any
) -> Desk:
    """Two services; agents `agent`, `référent`, `admin`, `accueil` and `voisin` (of the other service), and `étranger`
    of another organisation; a session in ten days with some people."""
    made = Desk(app)
    with app.app_context():
        org = make.organisation()
        mine = make.service(org, name="Insertion", short_name="Insertion")
        other = make.service(org, name="PMI", short_name="PMI")
        for preset in ("agent", "référent", "accueil", "admin"):
            made.emails[preset] = make.agent(mine, preset).email
        made.emails["voisin"] = make.agent(other).email
        away = make.service(make.organisation())
        made.emails["étranger"] = make.agent(away, "admin").email
        rdv = make.rdv(make.motif(mine, capacite_max=capacite_max, **motif), starts_at=starts_at)
        made.rdv = rdv.id
        made.elsewhere = make.rdv(make.motif(other, name="Groupe mère-enfant")).id
        made.abroad = make.rdv(make.motif(away)).id
        for number in range(people):
            person = make.usager(org, first_name=f"Prénom{number}", last_name=f"Nom{number:03}")
            made.places.append(make.participation(rdv, person).id)
        db.session.commit()
    return made


def today(hours: float = -0.5) -> datetime:
    """A start some hours from now: -0.5 has just begun."""
    return utcnow() + timedelta(hours=hours)


def tap(
    client: PageClient, made: Desk, position: int, statut: Statut | str, *, htmx: bool = False, **fields: Any
) -> Page:
    """Press a status on somebody's row, as the page's own form does; `fields` replace what it sends."""
    page = client.get(f"/agent/rdv/{made.rdv}")
    form = page.form(f"/participations/{made.places[position]}/statut")
    data = {name: values[-1] for name, values in form.values.items()} | {"statut": str(statut)} | fields
    return client.post(form.action, data=data, htmx=htmx)


def told(made: Desk, event: str) -> list[Notification]:
    """What usagers were promised about that event."""
    with made.app.app_context():
        return [
            n
            for n in db.session.scalars(select(Notification).order_by(Notification.id))
            if n.event == event and n.destinataire_type == "usager"
        ]


def sound(made: Desk) -> bool:
    """Does every invariant hold?"""
    with made.app.app_context():
        return list(broken()) == []


def order(page: Page) -> list[str]:
    """The names of the sheet, from top to bottom."""
    return [node.text().strip() for node in page.select("#participants .name")]


def gauge(page: Page) -> str:
    """Seats taken and capacity as the page shows them: "3/12"."""
    attributes = page.select(f"#jauge-{page.select('[data-rdv]')[0].attributes['data-rdv']}")[0].attributes
    return f"{attributes['data-prises']}/{attributes['data-capacite']}"
