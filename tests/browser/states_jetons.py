"""The states of the pages about tokens of the API, and of its documentation."""

from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.stage import ADMIN
from tests.browser.states import LONG, Scene, State, at, fill, press, sent
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Agent, Jeton

LIST = "/configuration/integrations"
NEW = f"{LIST}/jetons/nouveau"


def several(page: Page, scene: Scene) -> None:
    """One that serves, with a long name, and one that is over, made once; what is folded is open."""
    with scene.stage.rows():
        if db.session.scalars(select(Jeton).where(Jeton.nom == LONG[:80])).first() is None:
            admin = db.session.scalars(select(Agent).where(Agent.email == ADMIN)).one()
            make.jeton(admin, nom=LONG[:80])
            make.jeton(admin, nom="Ancien logiciel", expire_le=utcnow() - timedelta(days=3))
    page.goto(LIST)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")


def revoked(page: Page, scene: Scene) -> str:
    several(page, scene)
    with scene.stage.rows():
        return f"{LIST}/jetons/{db.session.scalars(select(Jeton.id).where(Jeton.nom == LONG[:80])).one()}/revocation"


def created(page: Page, _scene: Scene) -> None:
    page.goto(NEW)
    fill(page, nom="Accueil du Vallon")
    press(page, "Créer le jeton")
    expect(page.get_by_label("Copiez-le maintenant")).to_be_visible()


JETONS = [
    State("tokens", several, ADMIN),
    State("token, new", at(NEW), ADMIN),
    State("token, errors", sent(NEW, "Créer le jeton", nom=""), ADMIN, status=422),
    State("token, made", created, ADMIN),
    State("token, to revoke", revoked, ADMIN),
    State("api, documentation", at("/api/v1/")),
]
