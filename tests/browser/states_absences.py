"""The states of absences, and of what one session says for itself: agents, settings, a place typed for it."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.stage import ADMIN, HELENE, NADIA, Rows
from tests.browser.states import ALONE, LONG, LONG_WORD, Scene, State, at, fill, press, sent
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Absence, Rdv

LIST = "/agent/absences"
NEW = f"{LIST}/nouvelle"
AWAY = f"{LONG} !"
"""The absence these states are about: others note some for her too."""


def _made(rows: Rows) -> Absence:
    """Hélène is away while she holds most sessions of the scene; colleagues are free, busy, away or of a long name."""
    helene = rows.agent(HELENE)
    mine = select(Absence).where(Absence.agent_id == helene.id, Absence.title == AWAY)
    found = db.session.scalars(mine).first()
    if found is not None:
        return found
    found = make.absence(helene, title=AWAY)
    make.absence(helene, first_day=(utcnow() - timedelta(days=40)).date(), title="Formation")
    service = rows.service("Insertion")
    make.agent(service, first_name="Marie-Ange", last_name=f"de {LONG_WORD}")
    make.absence(rows.agent(NADIA), rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR", title="Temps partiel")
    rows.session(agents=[helene, make.agent(service, first_name="Zoé", last_name="Petit")])
    return found


def absence(path: str = "") -> Callable[[Page, Scene], str]:
    """An address of that absence."""

    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            return f"{LIST}/{_made(rows).id}{path}"

    return go


def listed(page: Page, scene: Scene) -> None:
    absence()(page, scene)
    page.goto(LIST)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    expect(page.get_by_role("heading", name="Celles de mes collègues")).to_be_visible()


def typed(page: Page, _scene: Scene) -> None:
    """Some hours of certain days, until a date: every question that shows."""
    page.goto(NEW)
    for label in ("Non, certaines heures", "Certains jours de la semaine", "Jusqu’à une date"):
        page.get_by_label(label).check()
    expect(page.get_by_label("Dernier jour possible")).to_be_visible()


def stale(page: Page, scene: Scene) -> None:
    page.goto(absence("/seances")(page, scene))
    page.locator("main form [name=csrf_token]").evaluate("e => { e.value = 'périmé' }")
    press(page, "Enregistrer ces choix")
    expect(page.locator("#erreurs")).to_contain_text("ouverte depuis trop longtemps")


def nobody(page: Page, scene: Scene) -> str:
    """An absence without a session."""
    with scene.stage.rows() as rows:
        return f"{LIST}/{make.absence(rows.agent(ALONE)).id}/seances"


def warned(page: Page, scene: Scene) -> None:
    """Two sessions of one agent in one room at the same time."""
    with scene.stage.rows() as rows:
        _made(rows)
        day = rows.rdv(scene.rdv["open"]).starts_at.date().isoformat()
    page.goto(f"/agent/rdv/nouvelle?motif_id={scene.motif['RSA']}")
    page.get_by_label("Date", exact=True).fill(day)
    page.get_by_label("De", exact=True).fill("00:01")
    page.get_by_label("À", exact=True).fill("23:59")
    page.get_by_label("Lieu et salle").select_option("autre")
    fill(page, lieu_nom=f"Salle des fêtes de {LONG_WORD}", lieu_ville=LONG_WORD)
    press(page, "Créer la séance")
    expect(page.locator("#conflits")).to_be_visible()


def holidays(page: Page, scene: Scene) -> None:
    """A plage of every day: public holidays, an absence and other sessions beside its dates."""
    absence()(page, scene)
    page.goto(f"/agent/plages/nouvelle?motif_id={scene.motif['RSA']}")
    page.get_by_label("Premier jour").fill((utcnow() + timedelta(days=3)).date().isoformat())
    page.get_by_label("De", exact=True).fill("00:01")
    page.get_by_label("À", exact=True).fill("23:59")
    page.get_by_label("Certains jours de la semaine").check()
    for day in ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"):
        page.get_by_label(day, exact=True).check()
    expect(page.get_by_role("button", name="Sauter les jours fériés")).to_be_visible()
    expect(page.locator("#conflits")).to_be_visible()


def own(page: Page, scene: Scene) -> str:
    """A session of a plage with agents and settings of its own."""
    with scene.stage.rows() as rows:
        rdv = db.session.scalars(
            select(Rdv)
            .where(Rdv.plage_ouverture_id == scene.plage, Rdv.starts_at > utcnow(), Rdv.cancelled_at.is_(None))
            .order_by(Rdv.starts_at.desc())
        ).first()
        assert rdv is not None
        rdv.agents, rdv.agents_propres, rdv.nom_sms = [rows.agent(NADIA)], True, "Un nom à elle"
        return f"/agent/rdv/{rdv.id}"


def of_own(path: str) -> Callable[[Page, Scene], str]:
    return lambda page, scene: own(page, scene) + path


ABSENCES = [
    State("absences, none", at(LIST), ALONE),
    State("absences", listed, HELENE),
    State("absence, new", at(NEW), NADIA),
    State("absence, new, of a colleague", typed, ADMIN),
    State("absence, errors", sent(NEW, "Noter l’absence", title="x" * 121), HELENE, status=422),
    State("absence", absence(), HELENE),
    State("absence, to delete", absence("/suppression"), HELENE),
    State("absence, its sessions", absence("/seances"), HELENE),
    State("absence, its sessions, stale", stale, ADMIN, status=419),
    State("absence, no session", nobody, ALONE),
    State("session, agents", at("/agent/rdv/{scene.rdv[open]}/agents"), HELENE),
    State("session, agents of its own", of_own("/agents"), ADMIN),
    State("session, agents, cancelled", at("/agent/rdv/{scene.rdv[cancelled]}/agents"), HELENE),
    State("session, settings", at("/agent/rdv/{scene.rdv[open]}/reglages"), HELENE),
    State("session, settings of its own", of_own("/reglages"), ADMIN),
    State("session, settings, begun", at("/agent/rdv/{scene.rdv[now]}/reglages"), HELENE),
    State(
        "session, settings, errors",
        sent("/agent/rdv/{scene.rdv[open]}/reglages", "Enregistrer", capacite_max="0", nom_sms="x" * 61),
        HELENE,
        status=422,
    ),
    State("session, new", at("/agent/rdv/nouvelle?motif_id={scene.motif[RSA]}"), HELENE),
    State("session, new, something else is on", warned, HELENE, status=409),
    State("session, moved", at("/agent/rdv/{scene.rdv[open]}/modification"), HELENE),
    State("plage, holidays and what else is on", holidays, HELENE),
]
