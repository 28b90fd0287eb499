"""An agent's day and an admin's morning, in a browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.hands import Keyboard, Mouse
from tests.browser.stage import ADMIN, HELENE, MAELLE, NADIA, PASSWORD, RSA, Stage, messages_to, starting
from webapp.clock import utcnow

NEW_PASSWORD = "une phrase entière se retient"


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Courriel").fill(MAELLE)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()


@pytest.mark.parametrize("js", [True, False], ids=["htmx", "no-javascript"])
def test_wrong_then_forgotten_password(visitor: Callable[..., Page], stage: Stage, js: bool) -> None:
    """The page asked for comes after the login; a forgotten password is chosen again by the mail's link, once."""
    page = visitor(js=js)
    page.goto("/agent/plages")
    expect(page).to_have_url(re.compile("/agent/connexion"))
    log_in(page, "ce n’est pas lui")
    expect(page).to_have_title(starting("Erreur : Se connecter"))
    expect(page.locator("#erreurs")).to_contain_text("ne vont pas ensemble")
    expect(page.get_by_label("Courriel")).to_have_value(MAELLE)
    expect(page.get_by_label("Mot de passe")).to_have_value("")
    page.get_by_role("link", name="Mot de passe oublié").click()
    page.get_by_label("Courriel").fill(MAELLE)
    page.get_by_role("button", name="Recevoir le lien").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Regardez vos courriels")
    messages_to(page, MAELLE, mails=1 if js else 2)
    page.frame_locator("#messages iframe").first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choisir un mot de passe")
    link = page.url
    page.get_by_label("Nouveau mot de passe").fill("court")
    page.get_by_label("Le même, une seconde fois").fill("court")
    page.get_by_role("button", name="Enregistrer ce mot de passe").click()
    expect(page.locator("#erreurs")).to_contain_text("au moins 12")
    for label in ("Nouveau mot de passe", "Le même, une seconde fois"):
        page.get_by_label(label).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Enregistrer ce mot de passe").click()
    expect(page.get_by_text("Votre nouveau mot de passe est enregistré")).to_be_visible()
    log_in(page, PASSWORD)
    expect(page.locator("#erreurs")).to_be_visible()
    log_in(page, NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bonjour Maëlle")
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_text("Votre session est fermée")).to_be_visible()
    page.goto(link)
    expect(page.get_by_text("Ce lien n’est plus valable")).to_be_visible()


@pytest.fixture
def workshop(stage: Stage) -> int:
    """Nadia's workshop, begun a moment ago: Fatou, and Marie-Antoinette whose name is long."""
    with stage.rows() as rows:
        rdv = rows.session(
            starts_at=utcnow() - timedelta(minutes=1), agents=[rows.agent(NADIA)], intitule="Groupe du jour"
        )
        org = rows.organisation()
        for first, last in (("Fatou", "Évrard"), ("Marie-Antoinette", "Berthelot-Desgranges")):
            make.participation(rdv, make.usager(org, first_name=first, last_name=last))
        return rdv.id


TAPS = [
    pytest.param(Mouse, True, 360, id="tap"),
    pytest.param(Keyboard, True, 1280, id="keyboard"),
    pytest.param(Mouse, False, 360, id="no-javascript"),
]


@pytest.mark.parametrize(("hand", "js", "width"), TAPS)
def test_who_came(visitor: Callable[..., Page], workshop: int, hand: type[Mouse], js: bool, width: int) -> None:
    """From the page of the day to two people noted, the gauge following."""
    page = visitor(agent=NADIA, js=js, width=width)
    me = hand(page, js)
    page.goto("/agent/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bonjour Nadia")
    me.press(page.locator(f'a[href="/agent/rdv/{workshop}"]'))
    expect(page.get_by_role("heading", level=1)).to_have_text(RSA)
    gauge = page.locator("main [data-jauge]")
    expect(gauge).to_contain_text("2 places prises sur 12")
    fatou, marie = (
        page.locator("#participants > li").filter(has_text=name) for name in ("ÉVRARD Fatou", "BERTHELOT-DESGRANGES")
    )
    me.press(fatou.get_by_role("button", name="Présent"))
    expect(fatou.get_by_role("button", name="Présent")).to_have_attribute("aria-pressed", "true")
    if js:
        expect(fatou.get_by_role("button", name="Présent")).to_be_focused()
    expect(gauge).to_contain_text("2 places prises sur 12")
    me.press(marie.get_by_role("button", name="Excusé"))
    expect(marie.get_by_role("button", name="Excusé")).to_have_attribute("aria-pressed", "true")
    expect(gauge).to_contain_text("1 place prise sur 12")
    if js:
        expect(page.locator("#annonces")).to_contain_text("Marie-Antoinette Berthelot-Desgranges")
    page.reload()
    expect(fatou.get_by_role("button", name="Présent")).to_have_attribute("aria-pressed", "true")
    expect(marie.get_by_role("button", name="Excusé")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(("hand", "js", "width"), TAPS)
def test_add_somebody(visitor: Callable[..., Page], stage: Stage, hand: type[Mouse], js: bool, width: int) -> None:
    """Somebody known, found without accents or capitals; then somebody nobody knew, after an error."""
    known = f"Ottavia{hand.__name__}{js}"
    with stage.rows() as rows:
        rdv_id = rows.session(capacite_propre=4).id
        make.usager(rows.organisation(), first_name="Éléonore", last_name=known)
    page = visitor(agent=HELENE, js=js, width=width)
    me = hand(page, js)
    page.goto(f"/agent/rdv/{rdv_id}")
    people = page.locator("#participants > li")
    me.type(page.get_by_label("Nom, téléphone ou courriel"), f"eleonore {known.lower()}")
    if not js:
        me.press(page.get_by_role("button", name="Chercher"))
    me.press(page.get_by_role("button", name=f"Inscrire Éléonore {known}"))
    expect(people).to_have_count(1)
    expect(people).to_contain_text(f"{known.upper()} Éléonore")
    if js:
        expect(page.get_by_label("Nom, téléphone ou courriel")).to_be_focused()
        expect(page.get_by_label("Nom, téléphone ou courriel")).to_have_value("")
        expect(page.locator("#creation")).not_to_have_attribute("open", "")
    fold = page.locator("#creation")
    me.type(page.get_by_label("Nom, téléphone ou courriel"), "06 39 98 73 99")
    if not js:
        me.press(page.get_by_role("button", name="Chercher"))
    me.press(page.get_by_role("link", name="Créez-la ci-dessous."))
    expect(fold.get_by_label("Prénom")).to_be_focused()
    me.type(fold.get_by_label("Prénom"), "Aïssatou")
    expect(fold.get_by_label("Téléphone")).to_have_value("06 39 98 73 99")  # what was looked for comes along
    me.type(fold.get_by_label("Téléphone"), "06 39")
    me.press(fold.get_by_role("button", name="Créer et inscrire"))
    expect(page.locator("#erreurs")).to_contain_text("nom de famille")
    expect(fold.get_by_label("Prénom")).to_have_value("Aïssatou")
    if js:
        expect(page.locator("#erreurs")).to_be_focused()
    me.type(fold.get_by_label("Nom", exact=True), f"Diallo {known}")
    me.type(fold.get_by_label("Téléphone"), "06 39 98 73 01")
    me.press(fold.get_by_role("button", name="Créer et inscrire"))
    expect(people).to_have_count(2)
    expect(page.locator("main [data-jauge]")).to_contain_text("2 places prises sur 4")


def test_remove_somebody(visitor: Callable[..., Page], stage: Stage) -> None:
    """A page of its own says who will be told; the place is free again and the row says it was removed."""
    with stage.rows() as rows:
        rdv = rows.session()
        place = make.participation(rdv, make.usager(rows.organisation(), first_name="Awa", last_name="Retirée")).id
        rdv_id = rdv.id
    page = visitor(agent=HELENE)
    page.goto(f"/agent/rdv/{rdv_id}")
    row = page.locator(f"#participation-{place}")
    row.locator("summary").click()
    row.get_by_role("link", name="Retirer Awa Retirée de cet atelier").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Retirer Awa Retirée\s\?"))
    expect(page.locator("main")).to_contain_text("1 SMS")
    page.get_by_role("button", name="Oui, retirer cette personne").click()
    expect(row).to_contain_text("place retirée")
    expect(page.locator("main [data-jauge]")).to_contain_text("0 place prise sur 12")


def test_full_then_over_on_purpose(visitor: Callable[..., Page], stage: Stage) -> None:
    """A full session takes one more only when asked twice; the gauge says so."""
    with stage.rows() as rows:
        rdv_id = rows.session(taken=1, capacite_propre=1).id
        make.usager(rows.organisation(), first_name="Ingrid", last_name="Surnombre")
    page = visitor(agent=ADMIN, width=1280)
    page.goto(f"/agent/rdv/{rdv_id}")
    page.get_by_label("Nom, téléphone ou courriel").fill("surnombre")
    page.get_by_role("button", name="Inscrire Ingrid Surnombre").click()
    ask = page.get_by_role("alert")
    expect(ask).to_contain_text("Rien n’a été enregistré")
    expect(ask).to_be_focused()
    ask.get_by_label(starting("Inscrire quand même")).check()
    ask.get_by_role("button", name="Inscrire en surnombre").click()
    expect(page.locator("main [data-jauge]")).to_contain_text("2 places prises sur 1")
    expect(page.locator("#participants > li")).to_have_count(2)


def test_cancel_the_session(visitor: Callable[..., Page], stage: Stage) -> None:
    """Who will be told, and whom to call, before the click; then the page and the messages say it."""
    phone = "+33639987401"
    with stage.rows() as rows:
        rdv, org = rows.session(), rows.organisation()
        people = (
            {"first_name": "Luc", "last_name": "Caron", "phone": phone, "email": "luc.caron@exemple.fr"},
            {"first_name": "Zoé", "last_name": "Weiss", "phone": "+33475990199"},
        )
        for who in people:
            make.participation(rdv, make.usager(org, **who))
        rdv_id = rdv.id
    page = visitor(agent=HELENE, width=1280)
    page.goto(f"/agent/rdv/{rdv_id}")
    page.get_by_role("link", name="Annuler l’atelier").click()
    expect(page.locator("main")).to_contain_text("1 SMS")
    expect(page.locator("main")).to_contain_text("1 courriel")
    expect(page.locator("main")).to_contain_text("WEISS Zoé")
    expect(page.get_by_role("link", name=re.compile("04.75.99.01.99"))).to_be_visible()
    page.get_by_label("Raison").fill("Salle inondée")
    page.get_by_role("button", name="Oui, annuler l’atelier").click()
    expect(page.get_by_text("L’atelier est annulé")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Salle inondée")
    expect(page.get_by_role("link", name="Annuler l’atelier")).to_have_count(0)
    messages_to(page, phone, sms=1)
    expect(page.locator("#messages .bubble").first).to_contain_text("Annulé : Atelier RSA")
    page.goto(f"/rdv/{rdv_id}")
    expect(page.get_by_role("heading", name="Cette séance est annulée")).to_be_visible()


def test_an_admin_opens_a_workshop(visitor: Callable[..., Page]) -> None:
    """A motif seen in its messages while it is typed; a plage that becomes sessions; somebody books one."""
    page = visitor(agent=ADMIN, width=1280)
    page.goto("/configuration/motifs")
    page.get_by_role("link", name="Créer un motif").click()
    page.get_by_label("Service", exact=True).select_option(label="Service insertion et emploi")
    page.get_by_label("Nom", exact=True).fill("Atelier CV et lettre")
    page.get_by_label("Nombre de places").fill("6")
    preview = page.locator("#apercu .bubble").first
    expect(preview).to_contain_text("Atelier CV et lettre")
    name = page.get_by_label("Nom dans les SMS")
    name.press_sequentially("Mon CV en 2 h")
    expect(preview).to_contain_text("Mon CV en 2 h")
    expect(preview).not_to_contain_text("lettre")
    expect(name).to_be_focused()
    page.get_by_label(re.compile("^Nom dans (les|le) courriel")).fill("Atelier « Mon CV »")
    expect(page.locator("#apercu")).to_contain_text("Atelier « Mon CV »")
    page.get_by_role("button", name="Créer le motif").click()
    expect(page.get_by_text(re.compile("Le motif .* est enregistré"))).to_be_visible()
    open_a_plage(page)
    book_there(visitor())


def open_a_plage(page: Page) -> None:
    first = (utcnow() + timedelta(days=14)).date()
    page.get_by_role("link", name="Ouvrir une plage").click()
    expect(page.get_by_label("Motif collectif")).to_have_value(re.compile(r"\d+"))
    page.get_by_label("Hélène Marchand").check()
    page.get_by_label("Lieu et salle").select_option(label="Maison des solidarités : Petit salon (8 places)")
    page.get_by_label("Premier jour").fill(first.isoformat())
    page.get_by_label("De", exact=True).fill("09:30")
    page.get_by_label("À", exact=True).fill("11:30")
    page.get_by_label("Certains jours de la semaine").check()
    page.get_by_label("Un nombre de fois").check()
    page.get_by_label("Combien de fois ?").fill("3")
    expect(page.locator("#dates")).to_contain_text("3 séances")
    page.get_by_role("button", name="Créer la plage et ses séances").click()
    expect(page.get_by_role("heading", name="3 séances à venir")).to_be_visible()


def book_there(page: Page) -> None:
    page.goto("/?quoi=cv")
    page.get_by_role("link", name="Atelier CV et lettre").click()
    expect(page.locator("main [data-jauge]")).to_have_count(3)
    page.get_by_role("link", name=starting("Réserver le ")).first.click()
    page.get_by_role("link", name="Réserver ma place").click()
    for label, text in (("Prénom", "Sam"), ("Nom", "Leroy"), ("Téléphone", "06 39 98 75 01")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Réserver ma place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre place est réservée")
    messages_to(page, "0639987501", sms=1)
    expect(page.locator("#messages .bubble").first).to_contain_text("Mon CV en 2 h")
