"""The states of invitations: opened, chosen, changed; and the page where agents invite."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import HELENE, NADIA, Rows
from tests.browser.states import LONG, LONG_WORD, Scene, State, at, fill, press
from webapp import links
from webapp.clock import utcnow
from webapp.models import Motif

FOR_INVITED = "Construire mon projet"


def link(rows: Rows, motif: Motif, **person: object) -> str:
    """The address somebody new was sent."""
    who = make.usager(rows.organisation(), **{"first_name": "Marie-Antoinette", **person})
    row = make.invitation(motif, who, agent=rows.agent(HELENE))
    return f"/i/{links.token(links.INVITATION, row.lien_nonce)}"


def opened(page: Page, scene: Scene) -> int:
    """An invitation of their own, opened; a session to choose."""
    with scene.stage.rows() as rows:
        rdv, address = rows.session(FOR_INVITED), link(rows, rows.motif(FOR_INVITED))
        rdv_id = rdv.id
    page.goto(address)
    expect(page.locator("#invitation")).to_have_text("Invitation pour Marie-Antoinette")
    return rdv_id


def first_look(page: Page, scene: Scene) -> None:
    opened(page, scene)


def without_date(page: Page, scene: Scene) -> None:
    with scene.stage.rows() as rows:
        motif = make.motif(rows.service("Insertion"), name=LONG, reservable_par="invites")
        address = link(rows, motif, first_name=LONG_WORD)
    page.goto(address)
    expect(page.get_by_role("heading", name="Aucune date n’est ouverte")).to_be_visible()


def session(page: Page, scene: Scene) -> None:
    page.goto(f"/rdv/{opened(page, scene)}")


def form(page: Page, scene: Scene) -> None:
    page.goto(f"/rdv/{opened(page, scene)}/inscription")


def booked(page: Page, scene: Scene) -> None:
    form(page, scene)
    press(page, "Réserver cette place")
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre place est réservée")


def booked_elsewhere(page: Page, scene: Scene) -> None:
    booked(page, scene)
    with scene.stage.rows() as rows:
        other = rows.session(FOR_INVITED, starts_at=utcnow() + timedelta(days=11)).id
    page.goto(f"/rdv/{other}/inscription")
    expect(page.get_by_role("button", name="Changer pour cette séance")).to_be_visible()


def already_chosen(page: Page, scene: Scene) -> None:
    booked(page, scene)
    with scene.stage.rows() as rows:
        motif_id = rows.motif(FOR_INVITED).id
    page.goto(f"/o/valmont/motifs/{motif_id}")
    expect(page.locator("#invitation ~ p")).to_contain_text("Une date est déjà choisie")


def full_meanwhile(page: Page, scene: Scene) -> None:
    rdv_id = opened(page, scene)
    page.goto(f"/rdv/{rdv_id}/inscription")
    with scene.stage.rows() as rows:
        make.full(rows.rdv(rdv_id))
    press(page, "Réserver cette place")
    expect(page.locator("#erreurs")).to_contain_text("complète")


def page_of(scene: Scene, motif: str = FOR_INVITED) -> str:
    with scene.stage.rows() as rows:
        return f"/agent/motifs/{rows.motif(motif).id}/invitations"


def invited(page: Page, scene: Scene) -> None:
    """People in every state, one with a name as long as names get."""
    with scene.stage.rows() as rows:
        motif = rows.motif(FOR_INVITED)
        make.invitation(motif, make.usager(rows.organisation(), last_name=LONG_WORD), agent=rows.agent(HELENE))
    page.goto(page_of(scene))
    fill(page, q="amrani")
    expect(page.locator("#resultats button").first).to_be_visible()


def unreachable(page: Page, scene: Scene) -> None:
    with scene.stage.rows() as rows:
        make.usager(rows.organisation(), first_name="Jean", last_name="Injoignable", phone=None)
    page.goto(f"{page_of(scene)}?q=injoignable")
    press(page, "Inviter")
    expect(page.locator("#erreurs")).to_contain_text("n’arriverait pas")


def to_take_back(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        return f"/agent/invitations/{make.invitation(rows.motif(FOR_INVITED), agent=rows.agent(HELENE)).id}/retrait"


def nobody_can_be(_page: Page, scene: Scene) -> str:
    return f"/agent/motifs/{scene.motif['archived']}/invitations"


INVITATIONS = [
    State("invitation", first_look),
    State("invitation, no date", without_date),
    State("invitation, session", session),
    State("invitation, form", form),
    State("invitation, full meanwhile", full_meanwhile, status=409),
    State("invitation, booked", booked),
    State("invitation, chosen already", already_chosen),
    State("invitation, to change", booked_elsewhere),
    State("invitation, unknown", at("/i/aaaaaaaaaaaaaaaaaaaaaa"), status=404),
    State("invitations, people", invited, NADIA),
    State("invitations, nobody fits", lambda _page, scene: f"{page_of(scene)}?q=zzzz", NADIA),
    State("invitations, unreachable", unreachable, NADIA, status=409),
    State("invitations, to take back", to_take_back, NADIA),
    State("invitations, closed", nobody_can_be, NADIA),
]
