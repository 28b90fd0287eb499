"""The second step of an agent's login, on a small phone: set up, noted, asked for; then without the telephone."""

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import NADIA, PASSWORD, Stage
from tests.browser.test_axe import violations
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import SecondFacteur

EMAIL = "deux.etapes{}@valmont.exemple.fr"
CODE = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")


def clean(page: Page) -> None:
    assert violations(page, "light") == []


def log_in(page: Page, email: str) -> None:
    page.goto("/agent/connexion")
    page.get_by_label("Courriel").fill(email)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


@pytest.mark.parametrize("js", [True, False], ids=["htmx", "no-javascript"])
def test_logging_in_in_two_steps(visitor: Callable[..., Page], stage: Stage, js: bool) -> None:
    email, page = EMAIL.format(int(js)), visitor(js=js)
    with stage.rows() as rows:
        known = rows.agent(NADIA)
        make.agent(rows.service("Insertion"), email=email, first_name="Zoé", password_hash=known.password_hash)
    page.set_viewport_size({"width": 360, "height": 800})
    log_in(page, email)
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("link", name="Mon compte").click()
    page.get_by_role("link", name="Connexion en deux étapes").click()
    expect(page.locator(".qr svg")).to_be_visible()
    secret = page.locator("#cle-texte").inner_text().replace(" ", "")
    page.get_by_label("Code à 6 chiffres").fill(pyotp.TOTP(secret).at(utcnow()))
    page.get_by_label("Mot de passe actuel").fill(PASSWORD)
    page.get_by_role("button", name="Activer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Notez vos codes de secours")
    codes = CODE.findall(page.locator("main").inner_text())
    assert len(codes) == 10
    if js:
        clean(page)
    page.get_by_role("button", name="Je les ai notés").click()
    expect(page.get_by_text("La connexion en deux étapes est prête")).to_be_visible()
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("button", name="Se déconnecter").click()
    with stage.rows() as rows:  # as if half a minute had passed
        db.session.get_one(SecondFacteur, rows.agent(email).id).dernier_pas -= 2
    log_in(page, email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Deuxième étape")
    if js:
        clean(page)
    page.get_by_label("Code à 6 chiffres").fill(pyotp.TOTP(secret).at(utcnow()))
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Bonjour Zoé")
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("button", name="Se déconnecter").click()
    log_in(page, email)
    page.get_by_role("link", name="Je n’ai pas mon téléphone").click()
    page.get_by_label("Code de secours").fill(codes[0])
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_text("Il vous reste 9 codes de secours")).to_be_visible()
    page.goto("/agent/compte/deux-etapes/retrait")
    page.get_by_label("Code à 6 chiffres, ou code de secours").fill(codes[1])
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_text("La connexion en deux étapes est retirée")).to_be_visible()
