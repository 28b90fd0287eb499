"""The states of the pages where places, rooms and the organisation are set."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.stage import ADMIN, Rows
from tests.browser.states import LONG, LONG_WORD, Scene, State, at, fill, press, sent
from webapp.extensions import db
from webapp.models import Lieu, Salle

LIST = "/configuration/lieux"
APART = "Ancienne mairie"


def _first(rows: Rows) -> Lieu:
    """Where the scene's sessions are held."""
    where = Lieu.organisation_id == rows.organisation().id
    return db.session.scalars(select(Lieu).where(where).order_by(Lieu.id)).first() or make.lieu(rows.organisation())


def first(path: str = "") -> Callable[[Page, Scene], str]:
    """An address of that place."""

    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            return f"{LIST}/{_first(rows).id}{path}"

    return go


def apart(page: Page, scene: Scene) -> str:
    """A place no longer proposed and one of a single session, made once: the address of the former."""
    with scene.stage.rows() as rows:
        found = db.session.scalars(select(Lieu).where(Lieu.name == APART)).first()
        if found is None:
            found = make.lieu(rows.organisation(), name=APART, enabled=False)
            make.lieu(rows.organisation(), name=f"Chez {LONG_WORD}", ponctuel=True)
            make.salle(found, name=LONG[:80], capacite=None)
        return f"{LIST}/{found.id}"


def unfolded(page: Page, scene: Scene) -> None:
    apart(page, scene)
    page.goto(LIST)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    expect(page.get_by_role("link", name=APART, exact=True)).to_be_visible()


def room(page: Page, scene: Scene) -> str:
    """The room of the place apart, where nothing is held."""
    address = apart(page, scene)
    with scene.stage.rows():
        salle = db.session.scalars(select(Salle).where(Salle.lieu_id == int(address.rpartition("/")[2]))).one()
        return f"{address}/salles/{salle.id}"


def used_room(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        lieu = _first(rows)
        salle = lieu.salles[0] if lieu.salles else make.salle(lieu)
        session = rows.rdv(scene.rdv["open"])
        session.salle_id = salle.id
        return f"{LIST}/{lieu.id}/salles/{salle.id}/retrait"


def corrected(page: Page, scene: Scene) -> None:
    page.goto(first()(page, scene))
    fill(page, address="1 rue d’à côté")
    press(page, "Enregistrer")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Prévenir les inscrits")
    expect(page.get_by_role("heading", level=2).first).to_have_text("Qui serait prévenu")


LIEUX = [
    State("places", at(LIST), ADMIN),
    State("places, unfolded", unfolded, ADMIN),
    State("place, new", at(f"{LIST}/nouveau"), ADMIN),
    State("place, errors", sent(f"{LIST}/nouveau", "Créer le lieu", phone="12", postal_code="2A"), ADMIN, status=422),
    State("place", first(), ADMIN),
    State("place, no longer proposed", apart, ADMIN),
    State("place, corrected", corrected, ADMIN),
    State("place, to put aside", first("/activation"), ADMIN),
    State("place, to propose again", lambda page, scene: f"{apart(page, scene)}/activation", ADMIN),
    State("room, new", first("/salles/nouvelle"), ADMIN),
    State("room", room, ADMIN),
    State("room, to remove", lambda page, scene: f"{room(page, scene)}/retrait", ADMIN),
    State("room, in use", used_room, ADMIN),
    State("organisation set", at("/configuration/organisation"), ADMIN),
    State(
        "organisation, errors",
        sent("/configuration/organisation", "Enregistrer", name="", retention_mois="0"),
        ADMIN,
        status=422,
    ),
]
