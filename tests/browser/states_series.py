"""The states of the pages where a series changes: read first, decided, followed."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.stage import HELENE, RSA
from tests.browser.states import LONG_WORD, Scene, State, at, press
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Rdv


def _booked(scene: Scene) -> Rdv:
    """The first session to come of the scene's plage where people are booked."""
    mine = Rdv.plage_ouverture_id == scene.plage, Rdv.places_prises > 0, Rdv.starts_at > utcnow()
    found = db.session.scalars(select(Rdv).where(*mine, Rdv.cancelled_at.is_(None)).order_by(Rdv.starts_at)).first()
    assert found is not None
    return found


def about_a_date(path: str) -> Callable[[Page, Scene], str]:
    """An address of the plage about the day of that session."""

    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows():
            day = _booked(scene).occurrence_le
        return f"/agent/plages/{scene.plage}/{path}".format(day=day)

    return go


def read_first(page: Page, scene: Scene) -> None:
    page.goto(f"/agent/plages/{scene.plage}")
    page.locator("#start_time").fill("07:15")
    save = page.locator("#formulaire-plage").get_by_role("button", name="Enregistrer")
    save.click()  # something else is on at that time: said first
    expect(page.locator("#erreurs")).to_be_visible()
    save.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Qui est concerné ?")


def read_again(page: Page, scene: Scene) -> None:
    """Somebody who can't be written to was booked while the page was read."""
    read_first(page, scene)
    with scene.stage.rows() as rows:
        rdv = _booked(scene)
        rdv.capacite_max = (rdv.capacite_max or 0) + 1
        who = make.usager(rows.organisation(), phone="+33475990100", last_name=LONG_WORD)
        make.participation(rdv, who)
    press(page, "Enregistrer")
    expect(page.locator("#erreurs")).to_be_visible()
    expect(page.locator(".people .tag").first).to_have_text("vient de changer")


def recounted(page: Page, scene: Scene) -> None:
    """Decided otherwise: who is told follows."""
    read_first(page, scene)
    page.get_by_label("Les garder comme elles sont").check()
    expect(page.locator("#qui")).to_have_text("Avec ces choix, personne n’est à prévenir.")


def several(path: str) -> Callable[[Page, Scene], str]:
    def go(_page: Page, scene: Scene) -> str:
        return f"/agent/seances/{path}?rdv={scene.rdv['open']}&rdv={scene.rdv['long']}"

    return go


def cancelled(page: Page, scene: Scene) -> None:
    """Two sessions of the scene's own, one with somebody to call: cancelled, then followed."""
    with scene.stage.rows() as rows:
        motif = rows.motif(RSA)
        made = [make.rdv(motif), make.rdv(motif)]
        for name, phone in ((f"{LONG_WORD} Bis", "+33475990199"), ("Mobile", "+33639980999")):
            make.participation(made[0], make.usager(rows.organisation(), phone=phone, last_name=name))
        ids = [rdv.id for rdv in made]
    page.goto("/agent/seances/annulation?" + "&".join(f"rdv={one}" for one in ids))
    press(page, "Oui, annuler")
    expect(page.get_by_role("heading", level=1)).to_have_text("Suivi de 2 séances")
    expect(page.get_by_role("heading", name="1 personne à appeler")).to_be_visible()


def closed_door(page: Page, scene: Scene) -> None:
    page.goto(f"/configuration/motifs/{scene.motif['RSA']}")
    page.locator('[name="reservable_par"][value="agents"]').check()
    page.locator("#formulaire-motif").get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#touchees")).to_be_visible()


SERIES = [
    State("plage, read first", read_first, HELENE),
    State("plage, decided", recounted, HELENE),
    State("plage, read again", read_again, HELENE, status=409),
    State("plage, what follows", about_a_date("suite?depuis={day}"), HELENE),
    State("plage, date to remove", about_a_date("arret?depuis={day}"), HELENE),
    State("plage, to stop from a date", about_a_date("arret?depuis={day}&portee=suivantes"), HELENE),
    State("plage, to stop", at("/agent/plages/{scene.plage}/arret"), HELENE),
    State("plage, nobody to call", at("/agent/plages/{scene.plage}/appels"), HELENE),
    State("plage, copied", at("/agent/plages/nouvelle?copie={scene.plage}"), HELENE),
    State("sessions, to cancel", several("annulation"), HELENE),
    State("sessions, cancelled", cancelled, HELENE),
    State("motif, read first", closed_door, HELENE),
]
