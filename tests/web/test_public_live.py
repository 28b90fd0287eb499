"""Gauges that move by themselves: the fragment, the stream, and what happens without one."""

from collections.abc import Callable

from flask import Flask

from tests.pages import PageClient
from tests.visitors import book, change, free, motif_address, session, statements
from webapp.clock import utcnow
from webapp.live import hub

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
