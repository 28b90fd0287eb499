"""The database can't answer: a page of the site with 503 and when to come back, and nothing typed is lost."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests import visitors
from tests.pages import PageClient
from webapp.extensions import db
from webapp.queries import public as queries


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """What a full disk or a standby server does: everything can be read, nothing written."""
    with app.app_context():
        engine = db.engine
    sqlite = engine.dialect.name == "sqlite"

    def refuse(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            cursor.execute("PRAGMA query_only=1" if sqlite else "SET TRANSACTION READ ONLY")  # type: ignore[attr-defined]

    def allow(raw: object, _record: object) -> None:
        if sqlite and raw is not None:
            raw.execute("PRAGMA query_only=0")  # type: ignore[attr-defined]

    event.listen(engine, "before_cursor_execute", refuse)
    event.listen(engine, "checkin", allow)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", refuse)
        event.remove(engine, "checkin", allow)


@pytest.fixture
def rdv_id(app: Flask) -> int:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return visitors.session(app)


def test_a_booking_that_can_t_be_written_keeps_what_was_typed(app: Flask, client: PageClient, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").fill(visitors.PERSON)
    with read_only(app):
        page = form.submit()
    assert page.status == 503 and page.headers["Retry-After"] and page.has("Rien n’est perdu")
    assert visitors.counts(app) == (0, 0, 0)
    again = page.form("/inscription").submit()
    assert again.url == f"/rdv/{rdv_id}/confirmation" and visitors.counts(app) == (1, 1, 1)


@pytest.mark.parametrize("htmx", [False, True])
def test_a_database_that_is_stopped_is_a_page_of_the_site(
    client: PageClient, rdv_id: int, monkeypatch: pytest.MonkeyPatch, htmx: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def stopped(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, psycopg.OperationalError("connection to server failed"))

    monkeypatch.setattr(queries, "session_by_id", stopped)
    page = client.get(f"/rdv/{rdv_id}", htmx=htmx)
    assert page.status == 503 and page.headers["Retry-After"] == "5"
    assert page.has("Service momentanément indisponible")
    assert [record.levelname for record in caplog.records] == ["ERROR"] and not caplog.records[0].exc_info
