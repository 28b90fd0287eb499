"""The states of the waitlist: joining it, one's own page behind its link, the collective sheet."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.stage import HELENE
from tests.browser.states import LONG_WORD, Scene, State, fill, press
from webapp import links
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import FileAttente

Go = Callable[[Page, Scene], Any]


def full(scene: Scene, **fields: Any) -> int:
    """A new full session, where two people wait, one of them for three."""
    with scene.stage.rows() as rows:
        rdv = rows.session(taken=12, **fields)
        make.attente(rdv)
        make.attente(rdv, make.usager(rows.organisation(), first_name="Jean", last_name=LONG_WORD), places=3)
        return int(rdv.id)


def wait(etat: EtatAttente, *, places: int = 1, taken: int = 12, session: Any = None, **fields: Any) -> Go:
    """The page of somebody who waits, or did."""

    def address(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            rdv = rows.session(taken=taken, **(session or {}))
            who = make.usager(rows.organisation(), first_name="Marie-Antoinette", last_name=LONG_WORD)
            row = make.attente(rdv, who, etat, places=places, **fields)
            return f"/p/{links.token(links.ATTENTE, row.lien_nonce)}"

    return address


def seated_elsewhere(_page: Page, scene: Scene) -> str:
    """They have a seat, told to another contact than the wait was."""
    with scene.stage.rows() as rows:
        rdv = rows.session(taken=11)
        who = make.usager(rows.organisation(), first_name="Marie-Antoinette", last_name=LONG_WORD)
        make.participation(rdv, who)
        row = make.attente(rdv, who, EtatAttente.ACCEPTEE, courriel="autre@exemple.fr")
        return f"/p/{links.token(links.ATTENTE, row.lien_nonce)}"


def form(page: Page, scene: Scene) -> None:
    page.goto(f"/rdv/{full(scene)}/attente")
    page.locator("summary", has_text="Dire qui vient").click()


def wrong_form(page: Page, scene: Scene) -> None:
    form(page, scene)
    fill(page, prenom="", telephone="12", **{"accompagnants-0-prenom": "Léo"})
    press(page, "M’inscrire sur la liste")
    expect(page.locator("#erreurs")).to_be_visible()


def nobody_named(page: Page, scene: Scene) -> None:
    """Somebody who does not come, for nobody."""
    form(page, scene)
    page.get_by_label("Un proche ou plusieurs, sans moi").check()
    press(page, "M’inscrire sur la liste")
    expect(page.locator("#erreurs")).to_contain_text("prénom de votre proche")


def by_nothing(page: Page, scene: Scene) -> None:
    """Who waits wants no message at all."""
    page.goto(wait(EtatAttente.EN_ATTENTE)(page, scene))
    page.get_by_label("Par SMS").uncheck()
    press(page, "Enregistrer ce choix")
    expect(page.get_by_text("Nous ne pourrons plus vous proposer de place").first).to_be_visible()


def no_more_mails(page: Page, scene: Scene) -> str:
    return f"{wait(EtatAttente.EN_ATTENTE, courriel='elodie@exemple.fr')(page, scene)}/desabonnement"


def joined(page: Page, scene: Scene) -> None:
    page.goto(f"/rdv/{full(scene)}/attente")
    fill(page, prenom="Élodie", nom=LONG_WORD, telephone="06 39 98 55 01", courriel="elodie@exemple.fr")
    press(page, "M’inscrire sur la liste")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous êtes sur la liste d’attente")


def seats_again(page: Page, scene: Scene) -> None:
    """Seats came free between the form and its post."""
    with scene.stage.rows() as rows:
        rdv_id = rows.session(taken=12).id
    page.goto(f"/rdv/{rdv_id}/attente")
    with scene.stage.rows() as rows:
        rdv = rows.rdv(rdv_id)
        rdv.capacite_max = rdv.capacite_propre = 14
    fill(page, prenom="Élodie", nom="Durand", telephone="06 39 98 55 02")
    press(page, "M’inscrire sur la liste")
    expect(page.locator("#erreurs")).to_be_visible()


def leaving(page: Page, scene: Scene) -> str:
    return f"{wait(EtatAttente.EN_ATTENTE)(page, scene)}/attente/retrait"


def too_late(page: Page, scene: Scene) -> None:
    """Yes to a seat that is no longer offered."""
    address = wait(EtatAttente.PROPOSEE, taken=11)(page, scene)
    page.goto(address)
    with scene.stage.rows():
        hashed = links.fingerprint(address.removeprefix("/p/"))
        entry = db.session.scalars(select(FileAttente).where(FileAttente.lien_hash == hashed)).one()
        entry.jusqua = utcnow() - timedelta(minutes=1)
    press(page, "Oui, je viens")
    expect(page.locator("#erreurs")).to_be_visible()


def sheet_with_waits(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        rdv = rows.session(taken=11)
        make.attente(rdv, make.usager(rows.organisation(), last_name=LONG_WORD), EtatAttente.PROPOSEE)
        make.attente(rdv, places=3, accompagnants=[{"prenom": "Léo", "nom": LONG_WORD, "date_naissance": None}])
        make.participation(rdv, statut=Statut.EXCUSE)
        return f"/agent/rdv/{rdv.id}"


def taking_off(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        row = make.attente(rows.session(taken=12))
        return f"/agent/rdv/{row.rdv_id}/attente/{row.id}/retrait"


SOON = {"starts_at": utcnow() + timedelta(hours=2)}
ATTENTE = [
    State("session, full, waitlist", lambda page, scene: f"/rdv/{full(scene)}"),
    State("waitlist", form),
    State("waitlist, errors", wrong_form, status=422),
    State("waitlist, a relative alone, errors", nobody_named, status=422),
    State("my wait, by nothing", by_nothing),
    State("my wait, no more mails", no_more_mails),
    State("waitlist, seats again", seats_again, status=409),
    State("waitlist, joined", joined),
    State("my wait", wait(EtatAttente.EN_ATTENTE)),
    State("my wait, offered", wait(EtatAttente.PROPOSEE, taken=11)),
    State("my wait, offered several", wait(EtatAttente.PROPOSEE, taken=9, places=3)),
    State("my wait, too late", too_late, status=409),
    State("my wait, free", wait(EtatAttente.EN_ATTENTE, taken=11, session=SOON)),
    State("my wait, expired", wait(EtatAttente.EXPIREE)),
    State("my wait, refused", wait(EtatAttente.REFUSEE)),
    State("my wait, left", wait(EtatAttente.RETIREE)),
    State("my wait, a seat booked otherwise", seated_elsewhere),
    State("my wait, struck off", wait(EtatAttente.RETIREE, etat_par=Acteur.AGENT)),
    State("my wait, cancelled", wait(EtatAttente.RETIREE, session={"cancelled_at": utcnow()})),
    State("my wait, past", wait(EtatAttente.EN_ATTENTE, session={"starts_at": utcnow() - timedelta(hours=1)})),
    State("leaving the waitlist", leaving),
    State("sheet, waitlist", sheet_with_waits, HELENE),
    State("sheet, taking off the waitlist", taking_off, HELENE),
]
