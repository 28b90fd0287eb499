"""Pages that move by themselves: two windows, two agents, and a Redis that goes away and comes back."""

import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Request, Route, expect

from dev.servers import Valkey
from tests import factories as make
from tests.browser.stage import HELENE, NADIA, Stage, has_focus, until
from tests.crowd import fetch
from tests.noise import noise
from tests.servers import Site
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Rdv

SEEN_MS = 1000  # from the answer to who acts, to the screen of who looks
RECEIVED_MS = 2000
PHONE, MAIL = "06 39 98 72 01", "elodie@exemple.fr"
# Notes, in the page, the moment something becomes true there; the clock is the machine's, hence the test's too.
NOTE = """selector => {
  window.noted = 0;
  const look = () => {
    if (!window.noted && document.querySelector(selector)) window.noted = performance.timeOrigin + performance.now();
  };
  const all = {subtree: true, childList: true, attributes: true, characterData: true};
  new MutationObserver(look).observe(document.documentElement, all);
  look();
}"""


def note(page: Page, selector: str) -> None:
    """From now on, remember when this selector first finds something."""
    page.evaluate(NOTE, selector)
    assert not page.evaluate("window.noted"), f"{selector} is there already"


def noted(page: Page) -> float:
    """The moment it did, in milliseconds since 1970."""
    return float(until(lambda: page.evaluate("window.noted"), 5, "the page moves"))


def answered(request: Request) -> float:
    """When the answer to a request came, on the same clock."""
    response = request.response()
    assert response is not None
    response.finished()
    timing = request.timing
    return float(timing["startTime"] + timing["responseStart"])


def stream_opens(page: Page, address: str, **options: Any) -> None:
    """Open a page and wait for its stream."""
    with page.expect_response(lambda answer: "/flux" in answer.url and answer.status == 200):
        page.goto(address, **options)
    page.wait_for_function("document.readyState === 'complete'")


def log_in(page: Page, email: str) -> None:
    page.goto("/agent/connexion")
    page.get_by_label("Courriel").fill(email)
    page.get_by_label("Mot de passe").fill(make.PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")


@pytest.fixture
def scene(app: Flask) -> dict[str, Any]:
    """One session of 12 seats with three people in it, and the agent who holds it."""
    with app.app_context():
        motif = make.motif(
            name="Mes droits au RSA", nom_sms="Atelier RSA", nom_courriel="Atelier « Mes droits au RSA »"
        )
        agent = make.agent(motif.service)
        rdv = make.rdv(motif, lieu_id=make.lieu(motif.organisation).id, agents=[agent])
        for _ in range(3):
            make.participation(rdv)
        found = {
            "rdv": rdv.id,
            "motif": f"/o/{motif.organisation.slug}/motifs/{motif.id}",
            "agent": agent.email,
        }
        db.session.commit()
        db.session.remove()
        return found


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_a_booking_moves_the_other_windows(
    live_server: Callable[..., Site],
    scene: dict[str, Any],
    window: Callable[..., Page],
    record_property: Callable[[str, object], None],
) -> None:
    """Within a second of its answer, under the hands of an agent who is typing; its messages within two."""
    site, rdv_id = live_server(), scene["rdv"]
    session, dates, sheet, booker = (window(site.url, width=width) for width in (360, 360, 1280, 360))
    log_in(sheet, scene["agent"])
    for page, address in ((session, f"/rdv/{rdv_id}"), (dates, scene["motif"]), (sheet, f"/agent/rdv/{rdv_id}")):
        stream_opens(page, address)
    entry = type_in_the_middle(sheet)
    booker.goto(f"/rdv/{rdv_id}/inscription")
    for label, text in (("Prénom", "Élodie"), ("Nom", "N’Diaye"), ("Téléphone", PHONE), ("Courriel", MAIL)):
        booker.get_by_label(label, exact=True).fill(text)
    for page in (session, dates):
        note(page, f'#jauge-{rdv_id}[data-prises="4"]')
    note(sheet, "#participants > li:nth-child(4)")
    with booker.expect_request(lambda request: request.method == "POST") as posted:
        booker.get_by_role("button", name="Réserver ma place").click()
    at = answered(posted.value)
    received = until(lambda: received_messages(site), 10, "an SMS and a mail") - at
    took = {name: noted(page) - at for name, page in (("session", session), ("dates", dates), ("sheet", sheet))}
    record_property("milliseconds", json.dumps({**took, "messages": received}))
    print(f"milliseconds after the booking's answer: {took}, messages {received:.0f}")
    expect(sheet.locator("#participants > li")).to_have_count(4)
    expect(sheet.locator("#participants")).to_contain_text("N’DIAYE Élodie")
    expect(sheet.locator(f"#jauge-{rdv_id}")).to_contain_text("4 places prises sur 12")
    expect(session.locator(f"#jauge-{rdv_id}")).to_contain_text("8 places libres")
    expect(session.locator("#annonces")).to_have_text("8 places libres")
    still_typing(entry)
    assert max(took.values()) < SEEN_MS * noise(), took
    assert received < RECEIVED_MS * noise(), received


def type_in_the_middle(sheet: Page) -> Locator:
    """An agent looks for somebody: the caret stands inside the word."""
    entry = sheet.get_by_label("Nom, téléphone ou courriel")
    entry.click()
    entry.press_sequentially("zzz")
    expect(sheet.locator("#resultats")).to_contain_text("Aucune personne")
    entry.evaluate("e => e.setSelectionRange(1, 2)")
    return entry


def still_typing(entry: Locator) -> None:
    """Nothing was lost under the agent's hands: the words, the focus, the selection."""
    expect(entry).to_have_value("zzz")
    assert has_focus(entry)
    assert entry.evaluate("e => [e.selectionStart, e.selectionEnd]") == [1, 2]


def received_messages(site: Site) -> float:
    """The moment both messages are on the page of the demonstration, under the motif's name for each; or 0."""
    pages = (fetch(f"{site.url}/demo/messages?a={to}")[0].text for to in (PHONE.replace(" ", ""), MAIL))
    by_sms, by_mail = (page.partition('id="messages"')[2].partition("</section>")[0] for page in pages)
    if 'class="bubble"' not in by_sms or 'class="mail"' not in by_mail:
        return 0
    now = time.time() * 1000
    assert "Atelier RSA" in by_sms and "collectif" not in by_sms.lower()
    assert "droits au RSA" in by_mail and "collectif" not in by_mail.lower()
    return now


@pytest.fixture
def workshop(stage: Stage) -> tuple[int, list[int]]:
    """A session that goes on now, and its three people."""
    with stage.rows() as rows:
        rdv = rows.session(starts_at=utcnow() - timedelta(minutes=30))
        people = [make.participation(rdv).id for _ in range(3)]
        return rdv.id, people


def test_two_agents_hold_the_same_sheet(
    stage: Stage,
    visitor: Callable[..., Page],
    workshop: tuple[int, list[int]],
    record_property: Callable[[str, object], None],
) -> None:
    """A tap in one window shows in the other within a second, which keeps its focus."""
    rdv_id, (first, second, _) = workshop
    mine, other = visitor(agent=NADIA), visitor(agent=HELENE, width=1280)
    for page in (mine, other):
        stream_opens(page, f"/agent/rdv/{rdv_id}")
    held = other.locator(f"#s-{second}-absent")
    held.focus()
    details = other.locator(f"#participation-{first} details")
    details.locator("summary").evaluate("e => e.click()")
    note(other, f"#s-{first}-present[aria-pressed=true]")
    with mine.expect_request(lambda request: request.method == "POST") as posted:
        mine.locator(f"#s-{first}-present").click()
    took = noted(other) - answered(posted.value)
    record_property("milliseconds", took)
    print(f"milliseconds after the tap's answer: {took:.0f}")
    expect(mine.locator(f"#s-{first}-present")).to_have_attribute("aria-pressed", "true")
    expect(mine.locator(f"#s-{first}-present")).to_be_focused()
    assert has_focus(held)
    expect(details).to_have_attribute("open", "")  # what was unfolded stays so
    assert took < SEEN_MS * noise(), took


def test_both_change_the_same_person(visitor: Callable[..., Page], workshop: tuple[int, list[int]]) -> None:
    """The second, whose page did not hear of it, is told what happened and overwrites nothing."""
    rdv_id, (person, *_) = workshop
    mine, other = visitor(agent=NADIA), visitor(agent=HELENE, allowed=("ERR_FAILED", "Failed to fetch"))
    other.route("**/lignes?**", lambda route: route.abort())
    for page in (mine, other):
        stream_opens(page, f"/agent/rdv/{rdv_id}")
    mine.locator(f"#s-{person}-present").click()
    expect(mine.locator(f"#s-{person}-present")).to_have_attribute("aria-pressed", "true")
    expect(other.locator(f"#s-{person}-present")).to_have_attribute("aria-pressed", "false")
    other.locator(f"#s-{person}-absent").click()
    row = other.locator(f"#participation-{person}")
    expect(row.get_by_role("alert")).to_be_visible()
    expect(row.get_by_role("alert")).to_contain_text(re.compile(r"vient de passer à «\sPrésent\s» \(Nadia K\.\)"))
    expect(row.locator(f"#s-{person}-present")).to_have_attribute("aria-pressed", "true")
    expect(row.locator(f"#s-{person}-absent")).to_have_attribute("aria-pressed", "false")
    row.locator(f"#s-{person}-absent").click()  # now knowing
    expect(row.locator(f"#s-{person}-absent")).to_have_attribute("aria-pressed", "true")
    expect(row.get_by_role("alert")).to_have_count(0)
    expect(mine.locator(f"#s-{person}-absent")).to_have_attribute("aria-pressed", "true")


def test_a_refusal_outlives_a_late_refresh(visitor: Callable[..., Page], workshop: tuple[int, list[int]]) -> None:
    """On a slow network what changed arrives after the answer that says why a tap was refused: both are seen."""
    rdv_id, (person, *_) = workshop
    mine, other = visitor(agent=NADIA), visitor(agent=HELENE)
    late: list[Route] = []
    other.route("**/lignes?**", lambda route: late.append(route))
    for page in (mine, other):
        stream_opens(page, f"/agent/rdv/{rdv_id}")
    mine.locator(f"#s-{person}-present").click()
    until(lambda: other.wait_for_timeout(50) or late, 5, "the page asks what changed")
    other.locator(f"#s-{person}-absent").click()
    row = other.locator(f"#participation-{person}")
    expect(row.get_by_role("alert")).to_be_visible()
    with other.expect_response("**/lignes?**"):
        late[0].continue_()
    expect(other.locator("#annonces")).to_contain_text("présence notée")
    expect(row.get_by_role("alert")).to_be_visible()
    row.locator(f"#s-{person}-absent").click()
    expect(row.locator(f"#s-{person}-absent")).to_have_attribute("aria-pressed", "true")
    expect(row.get_by_role("alert")).to_have_count(0)


STREAMS = """() => {
  window.streams = 0;
  document.addEventListener('htmx:sse:after:connection', () => { window.streams += 1; });
}"""


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_redis_away_then_back(
    app: Flask, live_server: Callable[..., Site], scene: dict[str, Any], window: Callable[..., Page], valkey: Valkey
) -> None:
    """Without it pages ask by themselves; once it is back their streams are too. The page's clock is moved on."""
    site, rdv_id = live_server(processes=("web",)), scene["rdv"]
    away = ("503", "Error", "ERR_INCOMPLETE_CHUNKED_ENCODING")
    session, sheet = (window(site.url, width=width, allowed=away) for width in (360, 1280))
    log_in(sheet, scene["agent"])
    pages = {session: f"/rdv/{rdv_id}", sheet: f"/agent/rdv/{rdv_id}"}
    for page, address in pages.items():
        page.clock.install()
        stream_opens(page, address)
        page.evaluate(STREAMS)
    valkey.stop()
    book_behind(app, rdv_id)
    for page in pages:
        gauge = page.locator(f"#jauge-{rdv_id}")
        until(lambda page=page, gauge=gauge: moved(page, gauge, "4"), 20, "the page asks by itself")
    valkey.start()
    for page in pages:
        until(lambda page=page: moved(page) and page.evaluate("window.streams"), 20, "the stream is back")
    booker = window(site.url)
    booker.goto(f"/rdv/{rdv_id}/inscription")
    for label, text in (("Prénom", "Élodie"), ("Nom", "N’Diaye"), ("Téléphone", PHONE)):
        booker.get_by_label(label, exact=True).fill(text)
    booker.get_by_role("button", name="Réserver ma place").click()
    for page in pages:
        expect(page.locator(f"#jauge-{rdv_id}")).to_have_attribute("data-prises", "5")


def book_behind(app: Flask, rdv_id: int) -> None:
    """One more person, as another process would: nobody is told."""
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        make.participation(rdv)
        rdv.version += 1
        db.session.commit()
        db.session.remove()


def moved(page: Page, gauge: Locator | None = None, taken: str = "") -> bool:
    """Move the page's clock on by 5 s; has its gauge moved?"""
    page.clock.run_for(5000)
    return gauge is None or gauge.get_attribute("data-prises") == taken
