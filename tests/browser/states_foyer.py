"""The states of booking for several, of a professional who books, of a household's link, of one's contact."""

import re

from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.states import LONG_WORD, Scene, State, at, fill, form, press
from webapp import links
from webapp.domain.events import Inscription
from webapp.domain.participation import Statut
from webapp.notifications.base import emit

PHONE = "06 39 98 76 40"


def family(page: Page, scene: Scene, rdv: str = "long", rows: int = 2) -> None:
    form(page, scene, rdv)
    press(page, "Réserver pour un proche ou à plusieurs")
    for _ in range(rows - 1):
        press(page, "Ajouter une personne")
    expect(page.locator("fieldset[data-focus], fieldset:focus")).to_have_count(1)


def named(page: Page) -> None:
    page.get_by_label("Mes proches et moi").check()
    fill(page, prenom="Élodie", nom="N’Diaye", telephone=PHONE)
    fill(page, **{"accompagnants-0-prenom": f"Léa-{LONG_WORD}", "accompagnants-1-prenom": "Tom"})


def family_wrong(page: Page, scene: Scene) -> None:
    family(page, scene)
    fill(page, prenom="Élodie", telephone="12", **{"accompagnants-0-prenom": "Léa"})
    press(page, "Réserver les places")
    expect(page.locator("#erreurs")).to_be_visible()


def checked(page: Page, scene: Scene) -> None:
    family(page, scene, "empty")
    named(page)
    press(page, "Réserver les places")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vérifiez avant de réserver")


def too_few(page: Page, scene: Scene) -> None:
    """Checked for a session with seats, sent to one with too few."""
    checked(page, scene)
    address = f"/rdv/{scene.rdv['few']}/inscription"
    page.locator("main form").evaluate("(form, address) => { form.action = address }", address)
    press(page, "Réserver les 3 places")
    expect(page.locator("#erreurs")).to_contain_text(re.compile("vous en demandez|vient de changer"))


def booked(page: Page, scene: Scene) -> None:
    checked(page, scene)
    press(page, "Réserver les 3 places")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vos places sont réservées")


def prescribed(page: Page, scene: Scene) -> None:
    page.goto(f"/rdv/{scene.rdv['empty']}/prescription")
    fill(page, prenom="Awa", nom="Sow", telephone="06 39 98 76 41", prescripteur_nom="Claire Petit")
    fill(page, prescripteur_structure="Mission locale", prescripteur_courriel="claire@mission.exemple.fr")
    press(page, "Inscrire cette personne")
    expect(page.get_by_role("heading", level=1)).to_have_text("L’inscription est faite")


def prescribed_wrong(page: Page, scene: Scene) -> None:
    page.goto(f"/rdv/{scene.rdv['long']}/prescription")
    fill(page, prenom="Awa", prescripteur_courriel="claire@")
    press(page, "Inscrire cette personne")
    expect(page.locator("#erreurs")).to_be_visible()


def household(scene: Scene, *statuts: Statut) -> str:
    """The link of a household of three, told by one mail."""
    with scene.stage.rows() as rows:
        rdv, org = rows.session(), rows.organisation()
        parent = make.usager(org, first_name=f"Léonie-{LONG_WORD}", email="leonie@exemple.fr")
        children = [make.usager(org, first_name=name, phone=None, responsable_id=parent.id) for name in ("Léa", "Tom")]
        people = zip((parent, *children), statuts, strict=True)
        first, *others = [make.participation(rdv, who, statut) for who, statut in people]
        emit(Inscription(participation_id=first.id, version=1, avec=tuple(place.id for place in others)))
        return f"/p/{links.token(links.PARTICIPATION, first.lien_nonce)}"


def some_come(_page: Page, scene: Scene) -> str:
    return household(scene, Statut.INSCRIT, Statut.EXCUSE, Statut.INSCRIT)


def none_comes(_page: Page, scene: Scene) -> str:
    return household(scene, Statut.EXCUSE, Statut.EXCUSE, Statut.ANNULE)


def some_can_t(page: Page, scene: Scene) -> None:
    page.goto(some_come(page, scene))
    page.get_by_role("link", name="Annuler pour Tom").click()
    page.get_by_label("Tom").uncheck()
    press(page, "Confirmer l’annulation")
    expect(page.locator("#erreurs")).to_be_visible()


def corrected(page: Page, scene: Scene) -> None:
    page.goto(some_come(page, scene))
    page.get_by_role("link", name="Corriger mes coordonnées").click()
    fill(page, telephone="06 39 98 76 42", courriel=f"{LONG_WORD.lower()}@exemple.fr")
    press(page, "Enregistrer pour ce rendez-vous")
    expect(page.get_by_role("heading", name="Et pour la suite")).to_be_visible()


def corrected_wrong(page: Page, scene: Scene) -> None:
    page.goto(f"/p/{scene.link['here']}/contact")
    fill(page, telephone="06")
    press(page, "Enregistrer pour ce rendez-vous")
    expect(page.locator("#erreurs")).to_be_visible()


def code_asked(page: Page, scene: Scene) -> None:
    corrected(page, scene)
    page.get_by_label(re.compile("l••••@exemple.fr")).check()
    press(page, "Recevoir le code")
    expect(page.get_by_role("heading", name="Le code reçu")).to_be_visible()


def code_wrong(page: Page, scene: Scene) -> None:
    code_asked(page, scene)
    fill(page, code="000000")
    press(page, "Changer pour tous mes rendez-vous")
    expect(page.locator("#erreurs")).to_be_visible()


FOYER = [
    State("family", family),
    State("family, errors", family_wrong, status=422),
    State("family, to check", checked),
    State("family, too few seats", too_few, status=409),
    State("family, booked", booked),
    State("prescription", at("/rdv/{scene.rdv[long]}/prescription")),
    State("prescription, errors", prescribed_wrong, status=422),
    State("prescription, done", prescribed),
    State("household", some_come),
    State("household, nobody comes", none_comes),
    State("household, who can't come", some_can_t, status=422),
    State("contact", at("/p/{scene.link[here]}/contact")),
    State("contact, errors", corrected_wrong, status=422),
    State("contact, corrected", corrected),
    State("contact, code", code_asked),
    State("contact, wrong code", code_wrong, status=422),
]
