"""The states of « Mes rendez-vous »: the contact, the code, the link, the list."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.states import LONG_WORD, Scene, State, at, fill, press, sent
from webapp import links
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Acces, Canal


def asked_code(page: Page, _scene: Scene) -> None:
    page.goto("/mes-rendez-vous?autre=1")
    fill(page, contact="06 39 98 76 30")
    press(page, "Recevoir un code")
    expect(page.get_by_role("heading", level=1)).to_have_text("Écrivez le code reçu")


def wrong_code(page: Page, scene: Scene) -> None:
    asked_code(page, scene)
    fill(page, code="12")
    press(page, "Voir mes rendez-vous")
    expect(page.locator("#erreurs")).to_be_visible()


def asked_link(_page: Page, scene: Scene, contact: str) -> str:
    """The link of a demand made with that contact: a new one each time, whatever its limits."""
    is_mail = "@" in contact
    with scene.stage.rows() as rows:
        nonce, hashed = links.new_link(links.ACCES)
        demande = Acces(
            organisation_id=rows.organisation().id,
            canal=Canal.COURRIEL if is_mail else Canal.SMS,
            contact=contact.lower() if is_mail else "+33" + contact.replace(" ", "")[1:],
            navigateur="",
            expire_le=utcnow() + timedelta(minutes=10),
            lien_nonce=nonce,
            lien_hash=hashed,
        )
        db.session.add(demande)
        return f"/mes-rendez-vous/{links.token(links.ACCES, nonce)}"


def opened(page: Page, scene: Scene, contact: str) -> None:
    page.goto(asked_link(page, scene, contact))
    press(page, "Voir mes rendez-vous")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mes rendez-vous")


ACCES = [
    State("find mine", at("/mes-rendez-vous")),
    State("find mine, errors", sent("/mes-rendez-vous", "Recevoir un code", contact="06"), status=422),
    State("find mine, code", asked_code),
    State("find mine, wrong code", wrong_code, status=422),
    State("find mine, link", lambda page, scene: asked_link(page, scene, "06 39 98 76 31")),
    State("find mine, used link", at("/mes-rendez-vous/aaaaaaaaaaaaaaaaaaaaaa"), status=404),
    State("mine", lambda page, scene: opened(page, scene, f"{LONG_WORD.lower()}@exemple.fr")),
    State("mine, none", lambda page, scene: opened(page, scene, "06 39 98 76 32")),
]
