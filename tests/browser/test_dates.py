"""A motif's dates: the next ten come after those there, and gauges that move push nothing around."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import Stage, has_focus, until
from tests.browser.test_live import stream_opens
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.services.booking import book_seat, change_statut

SEATS = 4
SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      window.shifts.push([entry.value, ...entry.sources.map((source) => source.node?.outerHTML?.slice(0, 100) ?? '')]);
    }
  }).observe({type: 'layout-shift'});
}"""


@pytest.fixture
def dates(stage: Stage) -> tuple[str, list[int]]:
    """A motif of thirty dates, two a week: its page, its sessions in order."""
    with stage.rows() as rows:
        motif = make.motif(rows.service("Insertion"), name="Trente dates", capacite_max=SEATS)
        lieu = make.lieu(rows.organisation(), name="Maison des associations")
        first = (utcnow() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        made = [make.rdv(motif, starts_at=first + n * timedelta(days=2.8), lieu_id=lieu.id) for n in range(30)]
        return f"/o/valmont/motifs/{motif.id}", [rdv.id for rdv in made]


def book(stage: Stage, rdv_id: int, n: int) -> int:
    """Somebody books, as any process of the site would."""
    with stage.app.app_context():
        done = book_seat(rdv_id, Identity("Zoé", "Ünal", f"+3363998{n:04}"), by=Acteur.USAGER, envoi=f"{rdv_id}-{n}")
        db.session.remove()
        return done.participation_id


def give_back(stage: Stage, place: int) -> None:
    with stage.app.app_context():
        change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)
        db.session.remove()


def test_the_next_dates_come_after_those_already_there(
    visitor: Callable[..., Page], stage: Stage, dates: tuple[str, list[int]]
) -> None:
    address, sessions = dates
    page = visitor()
    page.clock.install()
    stream_opens(page, address)
    gauges = page.locator("[data-jauge]")
    expect(gauges).to_have_count(10)
    for count, left in ((20, 10), (30, 0)):
        with page.expect_response(lambda answer: "/flux?" in answer.url and answer.status == 200):
            page.get_by_role("link", name="Voir les dates suivantes").click()
        expect(gauges).to_have_count(count)
        heading = page.locator("main h2[tabindex]").last
        until(lambda heading=heading: has_focus(heading), 5, "the first of the new dates has the focus")
        expect(page.get_by_role("link", name=f"Voir les dates suivantes ({left})")).to_have_count(1 if left else 0)
    assert page.url.endswith(address)
    expect(page.locator("#flux")).to_have_count(1)
    shown = [int(gauge.get_attribute("data-rdv") or 0) for gauge in gauges.all()]
    assert shown == sessions
    for n, rdv_id in enumerate((sessions[-1], sessions[0])):
        book(stage, rdv_id, n)
    expect(page.locator(f"#jauge-{sessions[-1]}")).to_have_attribute("data-prises", "1")  # the stream follows twenty
    first = page.locator(f"#jauge-{sessions[0]}")
    until(lambda: page.clock.run_for(5000) or first.get_attribute("data-prises") == "1", 20, "others are asked for")


def test_without_javascript_they_are_pages(visitor: Callable[..., Page], dates: tuple[str, list[int]]) -> None:
    page = visitor(js=False)
    page.goto(dates[0])
    page.get_by_role("link", name="Voir les dates suivantes (20)").click()
    assert page.url.endswith("?page=2")
    expect(page.locator("[data-jauge]")).to_have_count(10)
    page.get_by_role("link", name="Voir les dates précédentes").click()
    assert page.url.endswith(dates[0])


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_a_gauge_that_moves_pushes_nothing(
    visitor: Callable[..., Page], stage: Stage, dates: tuple[str, list[int]], width: int
) -> None:
    """From free to « plus que 2 », to one, to full, and back."""
    address, sessions = dates
    rdv_id = sessions[0]
    page = visitor(width=width)
    stream_opens(page, address)
    gauge = page.locator(f"#jauge-{rdv_id}")
    page.evaluate(SHIFTS)
    places = []
    for n in range(SEATS):
        places.append(book(stage, rdv_id, n))
        expect(gauge).to_have_attribute("data-prises", str(n + 1))
    expect(page.locator(f"#suite-{rdv_id}")).to_contain_text("Voir la séance")
    give_back(stage, places[0])
    expect(gauge).to_have_attribute("data-libres", "1")
    expect(page.locator(f"#suite-{rdv_id}")).to_contain_text("Réserver")
    page.wait_for_timeout(700)  # the bar has its time to move
    assert page.evaluate("window.shifts") == []
    # And the observer sees what does move.
    page.evaluate("document.querySelector('main h1').insertAdjacentHTML('afterend', '<p>Et voilà</p><p>Encore</p>')")
    until(lambda: page.wait_for_timeout(50) or page.evaluate("window.shifts.length"), 5, "a shift is seen")
