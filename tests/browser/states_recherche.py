"""States of the search, of what a public site owes, of a form that looks like a program's, and of one's own data."""

from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.states import Scene, State, at, fill, form, press
from tests.browser.states_acces import opened
from webapp import links
from webapp.extensions import db
from webapp.models import Acces

PHONE = "06 39 98 76 41"


def full_with_waitlist(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        motif = make.motif(rows.service("PMI"), name="Massage de bébé", capacite_max=1, liste_attente=True)
        make.full(make.rdv(motif))
    return "/?quoi=massage"


def filled_by_a_program(page: Page, scene: Scene) -> None:
    form(page, scene, "open")
    fill(page, prenom="Élodie", nom="N’Diaye", telephone="06 39 98 76 42")
    page.locator("#precision").evaluate("field => { field.value = 'https://exemple.fr' }")
    press(page, "Réserver ma place")
    expect(page.locator("#erreurs")).to_contain_text("Un champ qui ne se voit pas")


def too_many_sessions(page: Page, scene: Scene) -> None:
    """Four other sessions of the same workshop with that telephone."""
    with scene.stage.rows() as rows:
        who = make.usager(rows.organisation(), first_name="Élodie", phone="+33639987643")
        for _ in range(4):
            make.participation(rows.session(), who)
    form(page, scene, "open")
    fill(page, prenom="Élodie", nom="N’Diaye", telephone="06 39 98 76 43")
    press(page, "Réserver ma place")
    expect(page.locator("#erreurs")).to_contain_text("ne pouvons pas enregistrer")


def code_first(page: Page, scene: Scene) -> None:
    opened(page, scene, PHONE)
    page.get_by_role("link", name="Supprimer mes données").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Supprimer mes données")


def with_its_code(what: str, place: bool = True):  # type: ignore[no-untyped-def]
    """The page behind a code of its own."""

    def go(page: Page, scene: Scene) -> None:
        with scene.stage.rows() as rows:
            # A demand too many in an hour, from the widths and states before, would send nothing.
            contact = "+33639987" + str(800 + rows.organisation().id + len(what) + place)
            who = make.usager(rows.organisation(), first_name="Marie-Antoinette", phone=contact)
            if place:
                make.participation(rows.session(), who)
        opened(page, scene, "0" + contact[3:])
        page.get_by_role("link", name=what).click()
        press(page, "Recevoir un code")
        with scene.stage.app.app_context():
            asked = db.session.query(Acces).filter_by(contact=contact).order_by(Acces.id.desc()).first()
            assert asked is not None
            code = links.code(asked.lien_nonce)
            db.session.remove()
        fill(page, code=code)
        press(page, "Voir mes rendez-vous")
        expect(page.get_by_role("heading", level=1)).to_have_text(what)

    return go


def erased(page: Page, scene: Scene) -> None:
    with_its_code("Supprimer mes données", place=False)(page, scene)
    press(page, "Supprimer définitivement")
    expect(page.get_by_role("heading", level=1)).to_have_text("Retrouver mes rendez-vous")
    expect(page.locator("main")).to_contain_text("Vos données sont supprimées")


RECHERCHE = [
    State("search, corrected", at("/?quoi=entretein&quand=mois")),
    State("search, nothing, several criteria", at("/?quoi=zzzz&ou=valmont&quand=semaine&service=1")),
    State("search, no such place", at("/?ou=Saint-R%C3%A9my-en-Bouzemont-Saint-Genest-et-Isson")),
    State("search, full with a waitlist", full_with_waitlist),
    State("search, entrée libre", at("/?quoi=caf%C3%A9")),
    State("organisation, nothing found", at("/o/valmont?quoi=zzzz")),
    State("form, filled by a program", filled_by_a_program, status=422),
    State("form, too many sessions", too_many_sessions, status=409),
    State("statistics", at("/statistiques")),
    State("contacts", at("/contacts")),
    State("my data, code first", code_first),
    State("my data, to download", with_its_code("Télécharger mes données")),
    State("my data, to erase", with_its_code("Supprimer mes données")),
    State("my data, erased", erased),
]
