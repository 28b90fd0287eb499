"""What machines that watch the site are told, and who may ask."""

import json
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from dev.servers import Valkey, free_port
from tests import factories as make
from tests.crowd import fetch
from tests.databases import Base, build, forget_connections
from tests.pages import PageClient
from tests.servers import Site
from tests.visitors import PERSON, book, session
from webapp.broker import broker
from webapp.clock import utcnow
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.jobs.messages import deliver
from webapp.jobs.schedule import Clock
from webapp.models import Notification
from webapp.notifications.base import emit
from webapp.services.transaction import transaction

Maker = Callable[..., Flask]
one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _redis_may_be_asked(app: Flask) -> Iterator[None]:
    """What one test did to Redis is over."""
    app.extensions["broker"]._closed_until = 0.0
    yield
    app.extensions["broker"]._closed_until = 0.0


def ready(app: Flask) -> tuple[int, dict[str, object]]:
    answer = app.test_client().get("/readyz")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, json.loads(answer.data)


def figures(app: Flask, **options: object) -> str:
    answer = app.test_client().get("/metrics", **options)  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def value(page: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def promised(app: Flask, minutes_ago: int = 0) -> None:
    """One message of a booking, due that long ago."""
    with app.app_context():
        seat = make.participation(make.rdv())
        db.session.commit()
        with transaction():
            emit(Inscription(participation_id=seat.id, version=1))
        row = db.session.query(Notification).one()
        row.prevue_le = row.a_envoyer_le = utcnow() - timedelta(minutes=minutes_ago)
        db.session.commit()


# --- fit to serve ------------------------------------------------------------------------------------------------


def test_ready(app: Flask) -> None:
    with app.app_context():
        Clock().tick()
    status, said = ready(app)
    assert status == 200
    assert said.pop("horloge_vue_il_y_a_s") in (0, 1)
    assert said == {"etat": "ok", "base": "ok", "redis": "ok", "message_en_retard_s": 0}


def test_a_clock_nobody_saw_is_said(app: Flask) -> None:
    assert ready(app) == (
        200,
        {"etat": "degrade", "base": "ok", "redis": "ok", "message_en_retard_s": 0, "horloge_vue_il_y_a_s": None},
    )
    with app.app_context():
        broker().client.set("rdv:horloge:vue", int(utcnow().timestamp()) - 3 * 3600)
    said = ready(app)[1]
    assert said["etat"] == "degrade"
    assert said["horloge_vue_il_y_a_s"] in (10800, 10801)


def test_an_old_message_is_said(app: Flask) -> None:
    promised(app, minutes_ago=20)
    with app.app_context():
        Clock().tick()
    status, said = ready(app)
    assert (status, said["etat"], said["message_en_retard_s"]) == (200, "degrade", 1200)


@one_database
def test_without_redis_the_site_still_serves(app: Flask, valkey: Valkey) -> None:
    valkey.stop()
    status, said = ready(app)
    assert (status, said["etat"], said["redis"], said["base"]) == (200, "degrade", "injoignable", "ok")


@one_database
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_without_its_database_it_does_not(make_app: Maker, kind: str) -> None:
    address = {"sqlite": "sqlite:////nulle/part.sqlite3", "postgresql": f"postgresql://x@127.0.0.1:{free_port()}/x"}
    status, said = ready(make_app(DATABASE_URL=address[kind]))
    assert (status, said["etat"], said["base"]) == (503, "indisponible", "injoignable")


@pytest.mark.parametrize(("revision", "expected"), [(None, (503, "a migrer")), ("9999", (200, "plus recente"))])
def test_a_schema_older_than_the_code_is_fatal_a_newer_one_is_not(
    base: Base, valkey: Valkey, revision: str | None, expected: tuple[int, str]
) -> None:
    app = build(base.another(), REDIS_URL=valkey.url)
    with app.app_context():
        db.session.execute(text("DELETE FROM alembic_version"))
        if revision:
            db.session.execute(text("INSERT INTO alembic_version VALUES (:number)"), {"number": revision})
        db.session.commit()
    status, said = ready(app)
    forget_connections(app)
    assert (status, said["base"]) == expected


# --- figures -----------------------------------------------------------------------------------------------------


def test_answers_bookings_and_messages_are_counted(make_app: Maker) -> None:
    app = make_app(MODE="demo")
    before = figures(app)
    rdv_id = session(app, capacite_propre=1)
    late = PageClient(app).get(f"/rdv/{rdv_id}/inscription").form("/inscription").fill({**PERSON, "prenom": "Awa"})
    book(PageClient(app), rdv_id)
    assert late.submit().status == 409
    waiting = figures(app)
    with app.app_context():
        deliver("default")
    after = figures(app)

    def grown(name: str, page: str = after) -> float:
        return value(page, name) - value(before, name)

    assert grown('rdv_requests_total{endpoint="public.inscription",method="POST",status="303"}') == 1
    assert grown('rdv_requests_total{endpoint="public.inscription",method="POST",status="409"}') == 1
    assert grown('rdv_request_seconds_count{endpoint="public.inscription"}') == 4
    assert grown('rdv_bookings_total{outcome="ok"}') == 1
    assert grown('rdv_bookings_total{outcome="complet"}') == 1
    assert value(waiting, 'rdv_outbox{etat="a_envoyer",file="default"}') == 2
    assert value(waiting, 'rdv_queue_jobs{file="default"}') == 1
    assert value(after, 'rdv_outbox{etat="a_envoyer",file="default"}') == 0
    assert value(after, 'rdv_deliveries_total{canal="sms",outcome="envoyee"}') == 1
    assert value(after, 'rdv_deliveries_total{canal="courriel",outcome="envoyee"}') == 1
    assert value(after, 'rdv_up{part="base"}') == value(after, 'rdv_up{part="redis"}') == 1


def test_how_late_the_oldest_message_is(app: Flask) -> None:
    promised(app, minutes_ago=5)
    assert 300 <= value(figures(app), "rdv_outbox_late_seconds") < 310


@one_database
def test_figures_come_without_redis_and_without_the_database(make_app: Maker, valkey: Valkey) -> None:
    app = make_app(DATABASE_URL="sqlite:////nulle/part.sqlite3")
    valkey.stop()
    page = figures(app)
    assert value(page, 'rdv_up{part="base"}') == 0 and 'rdv_up{part="base"}' in page
    assert 'rdv_up{part="redis"} 0.0' in page and "rdv_outbox{" not in page


@one_database
def test_strangers_make_no_new_series(app: Flask) -> None:
    client = app.test_client()
    size = len(figures(app).splitlines())
    for number in range(30):
        client.get(f"/inconnu-{number}")
        client.open("/", method=f"VERBE{number}")
        client.get(f"/rdv/{900 + number}")
    assert len(figures(app).splitlines()) < size + 40  # one endpoint more at most, and what "aucun" adds


@one_database
def test_who_may_read_the_figures(make_app: Maker) -> None:
    app = make_app()
    client = app.test_client()
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 404
    client = make_app(METRICS_TOKEN="un-jeton").test_client()
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer autre"}).status_code == 404
    far = {"REMOTE_ADDR": "203.0.113.7"}
    assert client.get("/metrics", headers={"Authorization": "Bearer un-jeton"}, environ_base=far).status_code == 200


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_the_figures_are_those_of_all_processes(app: Flask, live_server: Callable[..., Site]) -> None:
    rdv_id = session(app)
    site = live_server(processes=("web",), env={"WEB_CONCURRENCY": "2"})
    readers = [threading.Thread(target=lambda: [fetch(f"{site.url}/rdv/{rdv_id}") for _ in range(20)]) for _ in "1234"]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    streams = [urllib.request.urlopen(f"{site.url}/flux/rdv/{rdv_id}", timeout=10) for _ in range(5)]
    name = 'rdv_requests_total{endpoint="public.rdv",method="GET",status="200"}'
    pages = [fetch(f"{site.url}/metrics")[0].text for _ in range(6)]
    assert [value(page, name) for page in pages] == [80.0] * 6
    assert {value(page, "rdv_streams_open") for page in pages} == {5.0}
    for stream in streams:
        stream.close()


@one_database
def test_counting_costs_microseconds() -> None:
    import timeit

    from webapp import metrics

    runs = 20_000
    cost = min(timeit.repeat(lambda: metrics.answered("essai", "GET", 200, 0.02), number=runs, repeat=5)) / runs
    assert cost < 20e-6, f"{cost * 1e6:.1f} µs"


# --- which request ----------------------------------------------------------------------------------------------


@one_database
@pytest.mark.parametrize("given", ["4bf92f3577b34da6a3ce929d0e0e4736", "9b2d7a35-8a9c-4a58-bd3e-0d8d2a53a9f4"])
def test_the_proxy_s_request_id_is_kept(app: Flask, given: str) -> None:
    assert app.test_client().get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@one_database
@pytest.mark.parametrize("given", ["", "0639981278", "Yasmina", "a" * 200, "abcdefghij0123456789-_", "é" * 32])
def test_another_is_made_when_it_is_none(app: Flask, given: str) -> None:
    said = app.test_client().get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert said != given and re.fullmatch(r"[0-9a-f]{32}", said)
