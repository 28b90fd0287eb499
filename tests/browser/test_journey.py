"""The main job, from the first page to giving one's place back: with htmx, without JavaScript, keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import Keyboard, Mouse, shapes
from tests.browser.stage import RSA, has_focus, messages_to, starting

SMS_NAME, MAIL_NAME = "Atelier RSA", "Atelier « Mes droits au RSA »"
NBSP = "\u00a0"


SHAPES = shapes("06 39 98 71 1", htmx=360, no_javascript=320, keyboard=1280)


@pytest.mark.parametrize(("hand", "js", "width", "phone"), SHAPES)
def test_book_a_seat_and_give_it_back(
    visitor: Callable[..., Page], hand: type[Mouse], js: bool, width: int, phone: str
) -> None:
    page = visitor(width=width, js=js)
    me = hand(page, js)
    mail = f"elodie{phone[-2:]}@exemple.fr"
    find_the_form(page, me)
    make_a_mistake(page, me)
    book(page, me, phone, mail)
    link = read_the_messages(page, phone, mail)
    me.press(link)
    change_my_mind(page, me)


def find_the_form(page: Page, me: Mouse) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Réserver une place dans un atelier")
    if isinstance(me, Keyboard):
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Aller au contenu")
        assert has_focus(skip)
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        assert has_focus(page.locator("main"))
    me.type(page.get_by_label("Quel atelier ?"), "rsa droits")
    me.press(page.get_by_role("button", name="Chercher"))
    expect(page).to_have_title(starting("Ateliers trouvés pour « rsa droits »"))
    me.press(page.get_by_role("link", name=RSA, exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text(RSA)
    me.press(page.get_by_role("link", name=starting("Réserver le ")).first)
    expect(page.locator("main [data-jauge]").first).to_be_visible()
    me.press(page.get_by_role("link", name="Réserver ma place"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Réserver ma place")


def make_a_mistake(page: Page, me: Mouse) -> None:
    """An empty name and half a number: said on top and beside the field, nothing typed is lost."""
    me.type(page.get_by_label("Prénom"), "Élodie")
    me.type(page.get_by_label("Téléphone"), "06 39 98")
    me.press(page.get_by_role("button", name="Réserver ma place"))
    expect(page).to_have_title(starting("Erreur : Réserver ma place"))
    summary = page.locator("#erreurs")
    expect(summary.get_by_role("heading")).to_have_text("Il reste 2 points à corriger")
    if me.js:
        expect(summary).to_be_focused()
    for label in ("Nom", "Téléphone"):
        entry = page.get_by_label(label, exact=True)
        expect(entry).to_have_attribute("aria-invalid", "true")
        beside = (entry.get_attribute("aria-describedby") or "").split()
        said = " ".join(page.locator(f"#{name}").inner_text() for name in beside)
        assert "Erreur" in said, f"nothing beside {label}: {said!r}"
    expect(page.get_by_label("Prénom")).to_have_value("Élodie")
    expect(page.get_by_label("Téléphone")).to_have_value("06 39 98")
    expect(page.get_by_label("Prénom")).not_to_have_attribute("aria-invalid", "true")
    me.press(summary.get_by_role("link").first)
    expect(page.get_by_label("Nom", exact=True)).to_be_focused()


def book(page: Page, me: Mouse, phone: str, mail: str) -> None:
    me.type(page.get_by_label("Nom", exact=True), "N’Diaye")
    me.type(page.get_by_label("Téléphone"), phone)
    me.type(page.get_by_label("Courriel"), mail)
    me.press(page.get_by_role("button", name="Réserver ma place"))
    page.wait_for_url(re.compile("/confirmation"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre place est réservée")
    if me.js:
        expect(page.get_by_role("heading", level=1)).to_be_focused()
    text = page.locator("main").inner_text()
    assert f"06 •• •• •• {phone[-2:]}" in text.replace(NBSP, " "), text
    assert phone not in text and mail not in text and "/p/" not in page.content()


def read_the_messages(page: Page, phone: str, mail: str) -> Locator:
    """Both carry the motif's name for their channel, never its type; the link is in the SMS."""
    messages_to(page, phone.replace(" ", ""), sms=1)
    bubble = page.locator("#messages .bubble")
    expect(bubble).to_have_count(1)
    assert SMS_NAME in bubble.inner_text() and "collectif" not in bubble.inner_text().lower()
    messages_to(page, mail, mails=1)
    received = page.locator("#messages .mail")
    expect(received).to_have_count(1)
    assert MAIL_NAME.replace(" ", "") in re.sub(r"\s", "", received.locator(".subject").inner_text())
    body = page.frame_locator("#messages iframe").locator("body").inner_text()
    assert "collectif" not in (received.inner_text() + body).lower()
    assert "Élodie" in body
    messages_to(page, phone.replace(" ", ""), sms=1)
    return bubble.get_by_role("link")


def change_my_mind(page: Page, me: Mouse) -> None:
    """Two clicks to give the place back, one to take it again."""
    expect(page.get_by_role("heading", name="Votre place est réservée")).to_be_visible()
    me.press(page.get_by_role("link", name="Je ne pourrai pas venir"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Je ne pourrai pas venir")
    me.press(page.get_by_role("button", name="Confirmer : je ne viendrai pas"))
    expect(page.get_by_text("C’est noté, merci d’avoir prévenu")).to_be_visible()
    expect(page.get_by_role("heading", name="Vous avez prévenu que vous ne viendrez pas")).to_be_visible()
    me.press(page.get_by_role("button", name="Finalement, je viens"))
    expect(page.get_by_text("Votre place est à nouveau réservée")).to_be_visible()
    expect(page.get_by_role("heading", name="Votre place est réservée")).to_be_visible()


def test_going_back_after_a_mistake_never_asks_to_send_again(visitor: Callable[..., Page]) -> None:
    """Chromium shows an error page of its own (ERR_CACHE_MISS) for an answer to a post it may not keep; here the form
    is there. Pages stay `no-store`: what a person typed is not kept on a shared computer's disk."""
    page = visitor()
    find_the_form(page, Mouse(page, True))
    form = page.url
    page.get_by_label("Prénom").fill("Élodie")
    for _ in range(2):
        page.get_by_role("button", name="Réserver ma place").click()
        expect(page).to_have_title(starting("Erreur : Réserver ma place"))
        page.get_by_label("Courriel").fill("elodie")
    for label, text in (("Nom", "N’Diaye"), ("Téléphone", "06 39 98 71 05"), ("Courriel", "elodie05@exemple.fr")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Réserver ma place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre place est réservée")
    for _ in range(3):
        page.go_back()
        expect(page).to_have_url(form)
        expect(page).to_have_title(starting("Réserver ma place"))
