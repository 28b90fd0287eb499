"""Gauges that move by themselves: the fragment, the stream, and what happens without one."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from tests import factories as make
from tests.noise import noise
from tests.pages import PageClient
from tests.servers import Site
from tests.visitors import PERSON, book, change, motif_address, session, statements
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.live import hub
from webapp.models import Participation, Rdv
from webapp.services.booking import change_statut
from webapp.services.rdvs import cancel_rdv

Maker = Callable[..., Flask]


def first_message(app: Flask, address: str) -> tuple[int, str, dict[str, str]]:
    """The status of a stream, what it says at once, its headers. Closed as a browser that leaves closes it."""
    with app.app_context():
        answer = app.test_client().get(address, buffered=False)
        text = next(iter(answer.response), b"") if answer.status_code == 200 else b""
        answer.close()
        return answer.status_code, text.decode() if isinstance(text, bytes) else text, dict(answer.headers)


def test_the_gauge_alone_and_304(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    page = client.get(f"/rdv/{rdv_id}/jauge")
    (gauge,) = page.select(f"#jauge-{rdv_id}[data-jauge]")
    assert gauge.attributes["data-libres"] == "12" and not page.whole
    tag = page.headers["ETag"]
    assert client.get(f"/rdv/{rdv_id}/jauge", headers={"If-None-Match": tag}).status == 304
    book(client, rdv_id)
    page = client.get(f"/rdv/{rdv_id}/jauge", headers={"If-None-Match": tag})
    assert page.status == 200 and page.has("11 places libres")


def test_a_stream_starts_with_the_state_of_all(app: Flask) -> None:
    first, second = session(app), session(app)
    hidden = session(app, reservable_par="agents")
    status, text, headers = first_message(app, f"/flux?rdv={first}&rdv={second}&rdv={hidden}&rdv=999&rdv=x")
    assert status == 200 and headers["Content-Type"].startswith("text/event-stream")
    assert headers["X-Accel-Buffering"] == "no" and headers["Cache-Control"] == "no-store"
    assert f'hx-target="#jauge-{first}"' in text and f'hx-target="#jauge-{second}"' in text
    assert f"jauge-{hidden}" not in text and text.startswith("retry:")
    assert first_message(app, f"/flux/rdv/{first}")[0] == 200
    with app.app_context():
        assert (hub().total, dict(hub().streams)) == (0, {})  # a page that left is forgotten


def test_a_stream_asks_the_database_little(app: Flask) -> None:
    ids = [session(app) for _ in range(5)]
    with statements(app) as seen:
        first_message(app, "/flux?" + "&".join(f"rdv={one}" for one in ids))
    assert len(seen) <= 3


def test_a_head_request_opens_no_stream(app: Flask) -> None:
    rdv_id = session(app)
    with app.app_context():
        assert app.test_client().head(f"/flux/rdv/{rdv_id}").status_code == 200
        assert hub().total == 0


def test_past_the_limit_pages_poll(make_app: Maker) -> None:
    app = make_app(STREAMS_PER_ADDRESS="1")
    rdv_id = session(app)
    with app.app_context():
        first = app.test_client().get(f"/flux/rdv/{rdv_id}", buffered=False)
        assert first.status_code == 200
        status, _, headers = first_message(app, f"/flux/rdv/{rdv_id}")
        assert status == 503 and int(headers["Retry-After"]) > 0
        first.close()
    assert first_message(app, f"/flux/rdv/{rdv_id}")[0] == 200


def test_without_redis_pages_poll(make_app: Maker) -> None:
    app = make_app(REDIS_URL="redis://127.0.0.1:1/0")
    rdv_id = session(app)
    status, _, headers = first_message(app, f"/flux/rdv/{rdv_id}")
    assert status == 503 and headers["Retry-After"]
    page = PageClient(app).get(f"/rdv/{rdv_id}")
    (probe,) = page.select("[data-sonde]")
    assert probe.attributes["hx-get"] == f"/rdv/{rdv_id}/jauge"
    with app.app_context():
        hub().shut()


def test_more_than_twenty_is_refused(app: Flask) -> None:
    assert first_message(app, "/flux?" + "&".join(f"rdv={n}" for n in range(21)))[0] == 400
    assert first_message(app, "/flux")[0] == 404


def test_what_the_hub_says_is_the_page_s_gauge(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    with app.app_context():
        render = hub().render
    message = render(rdv_id)
    assert message.startswith(f'<hx-partial hx-target="#jauge-{rdv_id}" hx-swap="outerMorph">')
    assert client.get(f"/rdv/{rdv_id}/jauge").html in message
    change(app, rdv_id, motif_visibilite="invisible")
    assert render(rdv_id) == "" and render(999) == ""


def free(app: Flask, rdv_id: int) -> None:
    """The one person who has a place gives it back."""
    with app.app_context():
        place = db.session.scalars(select(Participation).where(Participation.rdv_id == rdv_id)).one()
        change_statut(place.id, Statut.EXCUSE, by=Acteur.USAGER)


def said_live(app: Flask, rdv_id: int) -> str:
    with app.app_context():
        return hub().render(rdv_id)


def test_what_follows_the_gauge_moves_with_it(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, capacite_propre=1)
    button = f'href="/rdv/{rdv_id}/inscription"'
    assert button in said_live(app, rdv_id) and f'hx-target="#suite-{rdv_id}"' in said_live(app, rdv_id)
    book(client, rdv_id)
    full = said_live(app, rdv_id)
    assert "Complet" in full and "Cette séance est maintenant complète." in full and button not in full
    assert "Réserver" not in full and len(full.encode()) < 2048
    free(app, rdv_id)
    assert button in said_live(app, rdv_id)


def test_a_session_cancelled_says_so_and_takes_nobody(client: PageClient, app: Flask) -> None:
    booked, free_entry = session(app), session(app, reservable_par="entree_libre", capacite_propre=None)
    for rdv_id in (booked, free_entry):
        shown = client.get(f"/rdv/{rdv_id}/jauge").headers["ETag"]
        change(app, rdv_id, cancelled_at=utcnow())
        for text in (said_live(app, rdv_id), first_message(app, f"/flux?rdv={rdv_id}")[1]):
            assert "Séance annulée" in text and "Cette séance a été annulée." in text
            assert "Réserver" not in text and "places libres" not in text and "Venez" not in text
        page = client.get(f"/rdv/{rdv_id}/jauge", headers={"If-None-Match": shown})
        assert page.status == 200 and page.text == "Séance annulée"
        assert page.select("[data-jauge]")[0].attributes["data-libres"] == "0"


def test_a_page_without_a_stream_gets_the_same_by_asking(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    polled = client.get(f"/rdv/{rdv_id}/jauge", htmx=True)
    assert polled.headers["ETag"] != client.get(f"/rdv/{rdv_id}/jauge").headers["ETag"]
    page = client.get(f"/rdv/{rdv_id}")
    (zone,) = page.select(f"#reserver-{rdv_id}")
    assert zone.html in polled.html
    (card,) = client.get(motif_address(app, rdv_id)).select(f"#suite-{rdv_id}")
    assert card.html in polled.html


@pytest.mark.browser
def test_the_button_goes_when_the_last_seat_does_and_comes_back(
    app: Flask, live_server: Callable[..., Site], browser: Browser
) -> None:
    rdv_id = session(app, capacite_propre=1)
    address = motif_address(app, rdv_id)
    site = live_server(processes=("web",))
    watcher, dates = (browser.new_context(locale="fr-FR").new_page() for _ in range(2))
    errors: list[str] = []
    for page, shown in ((watcher, f"/rdv/{rdv_id}"), (dates, address)):
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        with page.expect_response(lambda answer: "/flux" in answer.url):
            page.goto(site.url + shown)
    book(PageClient(app), rdv_id)
    expect(watcher.locator(f"#reserver-{rdv_id}")).to_have_text("Cette séance est maintenant complète.")
    expect(dates.locator(f"#suite-{rdv_id}")).to_contain_text("Voir la séance")
    free(app, rdv_id)
    expect(watcher.get_by_role("link", name="Réserver ma place")).to_be_visible()
    expect(dates.locator(f"#suite-{rdv_id}")).to_contain_text("Réserver le")
    with app.app_context():
        cancel_rdv(rdv_id, agent=make.agent(db.session.get_one(Rdv, rdv_id).motif.service), raison="", prevenir=False)
    expect(watcher.locator(f"#jauge-{rdv_id}")).to_have_text("Séance annulée")
    expect(watcher.get_by_role("link", name="Réserver ma place")).to_have_count(0)
    expect(watcher.locator("#annonces")).to_have_text("Séance annulée", timeout=10_000)
    expect(dates.locator(f"#suite-{rdv_id}")).to_have_text("Cette séance a été annulée.")
    assert errors == []


@pytest.mark.browser
def test_a_booking_moves_the_gauge_of_another_page(
    app: Flask, live_server: Callable[..., Site], browser: Browser
) -> None:
    rdv_id = session(app, capacite_propre=3)
    address = motif_address(app, rdv_id)
    site = live_server(processes=("web",))
    watcher, dates, typing, booker = (browser.new_context(locale="fr-FR").new_page() for _ in range(4))
    for page, shown in ((watcher, f"/rdv/{rdv_id}"), (dates, address)):
        with page.expect_response(lambda answer: "/flux" in answer.url):
            page.goto(site.url + shown)
    typing.goto(f"{site.url}/rdv/{rdv_id}/inscription")
    typing.fill("#prenom", "Awa")
    gauge = f"#jauge-{rdv_id}"
    for page in (watcher, dates):
        expect(page.locator(gauge)).to_have_attribute("data-libres", "3")
    booker.goto(f"{site.url}/rdv/{rdv_id}/inscription")
    for name, value in PERSON.items():
        booker.fill(f"#{name}", value)
    booker.get_by_role("button", name="Réserver ma place").click()
    for page in (watcher, dates):
        expect(page.locator(gauge)).to_have_attribute("data-libres", "2", timeout=1000 * noise())
    expect(watcher.locator("#annonces")).to_have_text("Plus que 2 places")
    expect(booker.locator("h1")).to_have_text("Votre place est réservée")
    assert typing.input_value("#prenom") == "Awa"
