"""A parent books for three, gives a place back, corrects a number: with htmx, without JavaScript, keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Keyboard, Mouse, shapes
from tests.browser.stage import MESSAGES_SECONDS, RSA, Stage, messages_to, until

SHAPES = shapes("06 39 98 72 1", htmx=1280, no_javascript=320, keyboard=360)


@pytest.mark.parametrize(("hand", "js", "width", "phone"), SHAPES)
def test_a_household_books_and_one_of_it_can_t_come(
    visitor: Callable[..., Page], stage: Stage, hand: type[Mouse], js: bool, width: int, phone: str
) -> None:
    page = visitor(width=width, js=js)
    me = hand(page, js)
    mail = f"parent{phone[-2:]}@exemple.fr"
    page.goto(f"/rdv/{stage.session(RSA)}/inscription")
    me.type(page.get_by_label("Prénom"), "Élodie")
    me.press(page.get_by_role("button", name="Réserver pour un proche ou à plusieurs"))
    expect(page.get_by_label("Prénom", exact=True)).to_have_value("Élodie")
    me.type(page.get_by_label("Son prénom"), "Léa")
    me.press(page.get_by_role("button", name="Ajouter une personne"))
    second = page.get_by_role("group", name="Proche 2")
    if js:
        expect(second).to_be_focused()
    me.type(second.get_by_label("Son prénom"), "Tom")
    choose(page, me, "Mes proches et moi")
    me.type(page.get_by_label("Nom", exact=True), "N’Diaye")
    me.type(page.get_by_label("Téléphone"), phone)
    me.type(page.get_by_label("Courriel"), mail)
    me.press(page.get_by_role("button", name="Réserver les places"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Vérifiez avant de réserver")
    expect(page.get_by_role("listitem").filter(has_text="N’Diaye")).to_have_count(3)
    me.press(page.get_by_role("button", name="Réserver les 3 places"))
    page.wait_for_url(re.compile("/confirmation"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Vos places sont réservées")
    expect(page.locator("main")).to_contain_text("Élodie, Léa et Tom")
    if js:  # pages that answered a post are forms again: no browser asks to send anything twice
        for _ in range(3):
            page.go_back()
            expect(page.get_by_role("heading", level=1)).to_have_text("Réserver ma place")
    messages_to(page, phone.replace(" ", ""), sms=1)
    bubble = page.locator("#messages .bubble")
    expect(bubble).to_have_count(1)  # one text for the three of them
    me.press(bubble.get_by_role("link"))
    expect(page.get_by_text("Rendez-vous pour Élodie, Léa et Tom")).to_be_visible()
    me.press(page.get_by_role("link", name="Annuler pour Léa"))
    me.press(page.get_by_role("button", name="Confirmer l’annulation"))
    expect(page.get_by_text("La place de Léa est libérée")).to_be_visible()
    me.press(page.get_by_role("button", name="Finalement, Léa vient"))
    expect(page.get_by_text("La place de Léa est à nouveau réservée")).to_be_visible()
    me.press(page.get_by_role("link", name="Corriger mes coordonnées"))
    me.type(page.get_by_label("Nouveau téléphone"), "06 39 98 72 99")
    me.press(page.get_by_role("button", name="Enregistrer pour ce rendez-vous"))
    expect(page.get_by_text("iront à vos nouvelles coordonnées")).to_be_visible()
    number = phone.replace(" ", "")
    until(lambda: old_number_is_told(page, number), MESSAGES_SECONDS, f"{number} is told that it is no longer used")


def old_number_is_told(page: Page, number: str) -> bool:
    page.goto(f"/demo/messages?a={number}")
    return page.locator("#messages .bubble").filter(has_text="n'iront plus à ce numéro").count() == 1


def choose(page: Page, me: Mouse, label: str) -> None:
    answer = page.get_by_label(label)
    if isinstance(me, Keyboard):
        answer.focus()
        page.keyboard.press("Space")
    else:
        answer.check()
    expect(answer).to_be_checked()
