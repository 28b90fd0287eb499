"""The states of the pages about people: found, in full, masked, created, corrected, erased."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.stage import NADIA, Rows
from tests.browser.states import LONG_WORD, Scene, State, at, fill, press, sent
from webapp.extensions import db
from webapp.models import Usager

LIST = "/agent/usagers"
PHONE = "+33639981234"


def _reader(scene: Scene, rows: Rows) -> Usager:
    """Somebody with a place, a relative and a namesake, made once."""
    found = db.session.scalars(select(Usager).where(Usager.phone == PHONE, Usager.first_name == "Maïwenn")).first()
    if found is None:
        org, name = rows.organisation(), f"de {LONG_WORD}"
        found = make.usager(org, first_name="Maïwenn", last_name=name, phone=PHONE, numero_dossier="A" * 40)
        make.participation(rows.rdv(scene.rdv["open"]), found)
        child = make.usager(org, first_name="Léo", last_name=name, phone=None, responsable_id=found.id)
        make.participation(rows.rdv(scene.rdv["open"]), child)
        make.usager(org, first_name="Maiwen", last_name=name, phone=PHONE)
    return found


def reader(path: str = "") -> Callable[[Page, Scene], str]:
    """An address of their file."""

    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            return f"{LIST}/{_reader(scene, rows).id}{path}"

    return go


def relative(path: str = "") -> Callable[[Page, Scene], str]:
    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            reads = _reader(scene, rows).id
            return f"{LIST}/{db.session.scalars(select(Usager.id).where(Usager.responsable_id == reads)).one()}{path}"

    return go


def masked(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        return f"{LIST}/{make.usager(rows.organisation(), email='longue.adresse@exemple.fr').id}"


def looked_for(page: Page, scene: Scene) -> None:
    """As one types, with a slip."""
    reader()(page, scene)
    page.goto(LIST)
    page.get_by_label("Nom, téléphone").fill("maiwnen")
    expect(page.get_by_text("Noms proches")).to_be_visible()


def alike(page: Page, scene: Scene) -> None:
    reader()(page, scene)
    page.goto(f"{LIST}/nouvelle")
    fill(page, prenom="Maïwena", nom=f"de {LONG_WORD}", telephone="06 39 98 12 34")
    press(page, "Créer la fiche")
    expect(page.get_by_text("peut-être déjà une fiche")).to_be_visible()


def kept_by_a_colleague(page: Page, scene: Scene) -> None:
    address = reader("/modifier")(page, scene)
    page.goto(address)
    with scene.stage.rows() as rows:
        found = _reader(scene, rows)
        found.numero_dossier = "B7" if found.numero_dossier != "B7" else "B8"
    fill(page, courriel="maiwenn@exemple.fr")
    press(page, "Enregistrer")
    expect(page.locator("#erreurs")).to_contain_text("vient d’enregistrer cette fiche")


USAGERS = [
    State("people", at(LIST), NADIA),
    State("people, looked for with a slip", looked_for, NADIA),
    State("people, nobody", at(f"{LIST}?q=xqzwk"), NADIA),
    State("person", reader(), NADIA),
    State("person, masked", masked, NADIA),
    State("person, relative", relative(), NADIA),
    State("person, relative to unlink", relative("/detacher"), NADIA),
    State("person, new relative", reader("/proches"), NADIA),
    State("person, new", at(f"{LIST}/nouvelle"), NADIA),
    State(
        "person, errors", sent(f"{LIST}/nouvelle", "Créer la fiche", telephone="12", courriel="a@"), NADIA, status=422
    ),
    State("person, alike", alike, NADIA),
    State("person, to correct", reader("/modifier"), NADIA),
    State("person, kept by a colleague", kept_by_a_colleague, NADIA, status=409),
    State("person, to erase", reader("/suppression"), NADIA),
]
