"""The states of the agenda: busy and empty, mine and everybody's, and the page of its private link."""

from collections.abc import Callable
from datetime import date, time, timedelta

from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import ADMIN, HELENE, Rows
from tests.browser.states import ALONE, LONG, LONG_WORD, Scene, State, at, press
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.recurrence import to_utc
from webapp.models import Rdv

AGENDA = "/agent/agenda"
DAYS = timedelta(days=35)


def _day() -> date:
    """A Tuesday in five weeks' time, when the scene has little."""
    day = local(utcnow(), "Europe/Paris").date() + DAYS
    return day - timedelta(days=day.weekday() - 1)


def _busy(rows: Rows) -> None:
    """Five sessions at once, one of them cancelled, one full, one beyond its seats, one of a long name; a night of
    absence, a whole day of another; a plage whose session went elsewhere."""
    day, helene = _day(), rows.agent(HELENE)
    at_two = to_utc(day, time(14), "Europe/Paris")
    if Rdv.query.filter_by(intitule=LONG, starts_at=at_two).first():
        return
    rows.session(intitule=LONG, starts_at=at_two, taken=2)
    rows.session(starts_at=at_two, cancelled_at=utcnow())
    rows.session(starts_at=at_two + timedelta(minutes=30), hours=0.5, places_prises=12)
    over = rows.session(starts_at=at_two - timedelta(hours=1), places_prises=13)
    over.agents = [helene, make.agent(rows.service("Insertion"), first_name="Zoé", last_name=f"de {LONG_WORD}")]
    rows.session(starts_at=at_two + timedelta(hours=4, minutes=10))
    make.absence(helene, first_day=day, last_day=day + timedelta(days=1), start_time=time(22), end_time=time(7))
    make.absence(helene, first_day=day + timedelta(days=2), last_day=day + timedelta(days=3), title=LONG)
    make.plage(rows.motif("Mes droits au RSA"), [helene], title=LONG, first_day=day + timedelta(days=1))


def busy(query: str) -> Callable[[Page, Scene], str]:
    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            _busy(rows)
        return f"{AGENDA}?jour={_day()}{query}"

    return go


def filters(page: Page, scene: Scene) -> None:
    page.goto(busy("&qui=tous")(page, scene))
    page.get_by_text("Choisir de qui").click()
    expect(page.get_by_label("Motif")).to_be_visible()


def link(page: Page, _scene: Scene) -> None:
    page.goto(f"{AGENDA}/abonnement")
    if page.get_by_role("button", name="Créer mon lien").count():
        press(page, "Créer mon lien")
    expect(page.get_by_label("Adresse à copier")).to_be_visible()


def link_end(page: Page, scene: Scene) -> None:
    link(page, scene)
    page.get_by_role("link", name="Remplacer ou arrêter ce lien").click()
    expect(page.get_by_role("button", name="Arrêter l’abonnement")).to_be_visible()


AGENDAS = [
    State("agenda, week", busy(""), HELENE),
    State("agenda, week of everybody", filters, ADMIN),
    State("agenda, day", busy("&vue=jour&qui=tous"), HELENE),
    State("agenda, list", busy("&vue=liste&qui=tous"), HELENE),
    State("agenda, this week", at(AGENDA), HELENE),
    State("agenda, holiday", at(f"{AGENDA}?jour=2026-12-25&vue=jour"), HELENE),
    State("agenda, empty", at(AGENDA), ALONE),
    State("agenda, list, empty", at(f"{AGENDA}?vue=liste&jour=2031-05-01"), ALONE),
    State("agenda, no link", at(f"{AGENDA}/abonnement"), ALONE),
    State("agenda, its link", link, HELENE),
    State("agenda, its link to end", link_end, HELENE),
]
