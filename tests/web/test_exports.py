"""The page of exports: a small file at once, a long one followed and found again, for who asked and still may."""

import csv
import io

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page
from webapp.extensions import db
from webapp.jobs import exports as jobs
from webapp.models import Agent, EtatExport, Export, Journal
from webapp.services import exports as service

PAGE = "/agent/exports"


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app)


def ask(page: Page, **fields: str) -> Page:
    return page.form(PAGE).submit(**{"genre": "statistiques", "format": "csv", **fields}, follow=False)


def rows(answer: Page) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.answer.data.decode("utf-8-sig"), newline=""), delimiter=";"))


@pytest.fixture
def long(made: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Nothing is small."""
    monkeypatch.setattr(service, "DIRECT_ROWS", 0)
    return made


def test_a_small_file_comes_at_once_and_is_in_the_journal(made: Desk) -> None:
    page = made.log_in("référent").get(PAGE)
    assert page.h1 == "Exports" and page.has("Aucun grand fichier")
    answer = ask(page)
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="participations.csv"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert len(rows(answer)) == 4
    answer = ask(page, genre="accueil", format="xlsx", du="2026-01-01")
    assert 'filename="seances-2026-01-01.xlsx"' in answer.headers["Content-Disposition"]
    sheet = load_workbook(io.BytesIO(answer.answer.data)).active
    assert sheet.max_row == 2 and sheet["D2"].value
    with made.app.app_context():
        kept = db.session.scalars(select(Journal.details).where(Journal.action == "export")).all()
        assert [(one["genre"], one["lignes"]) for one in kept] == [("statistiques", 3), ("accueil", 1)]
    assert made.log_in("admin").get("/configuration/journal").has("a exporté des participations (3 lignes).")


def test_only_the_services_one_may_export(made: Desk) -> None:
    assert len(rows(ask(made.log_in("admin").get(PAGE), genre="accueil"))) == 3  # both services
    boss = made.log_in("référent").get(PAGE)
    assert len(rows(ask(boss, genre="accueil"))) == 2
    with made.app.app_context():
        other = make.service
        other = db.session.scalars(select(Agent).where(Agent.email == made.emails["voisin"])).one().services[0].id
    forged = ask(boss, genre="accueil", service=str(other))
    assert forged.status == 422
    assert made.log_in("agent").get(PAGE).status == 403
    assert made.log_in("référent").get(f"{PAGE}?rdv={made.elsewhere}").status == 404
    assert made.log_in("admin").get(f"{PAGE}?rdv={made.abroad}").status == 404
    client = made.log_in("référent")  # what the address names is not what the form asks for
    data = {"csrf_token": client.get(PAGE).form(PAGE).values["csrf_token"][-1], "genre": ""}
    for rdv, status in ((made.elsewhere, 404), (2**31, 422), ("9" * 5000, 422)):
        assert client.post(f"{PAGE}?rdv={made.rdv}", data={**data, "rdv": str(rdv)}).status == status


def test_one_session_from_its_sheet(made: Desk) -> None:
    page = made.log_in("référent").get(f"/agent/rdv/{made.rdv}").link("Exporter")
    assert page.has("Une seule séance")
    assert len(rows(ask(page))) == 4
    assert made.log_in("agent").get(f"/agent/rdv/{made.rdv}").has("Exporter") is False


def test_dates_that_mean_nothing_are_said(made: Desk) -> None:
    page = ask(made.log_in("référent").get(PAGE), du="2026-03-02", au="2026-03-01")
    assert page.status == 422 and page.errors == {"au": "Erreur : La fin est avant le début."}
    assert ask(page, du="0206-03-02", au="").status == 422


def test_a_long_file_is_followed_and_found_again(long: Desk) -> None:
    client = long.log_in("référent")
    page = client.get(PAGE)
    done = ask(page)
    assert done.status == 303 and done.location.startswith(f"{PAGE}#export-")
    assert ask(page).location == done.location  # the same form: one file
    waiting = client.get(PAGE)
    assert waiting.has("En attente") and waiting.select("#mes-exports[hx-get] progress")
    with long.app.app_context():
        export = db.session.scalars(select(Export)).one()
        export.etat, export.faits = EtatExport.EN_COURS, 1
        db.session.commit()
        number = export.id
    part = client.get(PAGE, htmx=True)
    assert "1 sur 3" in part.text and not part.select("h1")
    assert client.get(f"{PAGE}/{number}/fichier").status == 404
    with long.app.app_context():
        export = db.session.get_one(Export, number)
        export.etat, export.faits = EtatExport.A_FAIRE, 0
        db.session.commit()
        assert jobs.produce(number)
    page = client.get(PAGE)
    assert not page.select("#mes-exports[hx-get]")
    file = page.link("Télécharger")
    assert len(rows(file)) == 4 and int(file.headers["Content-Length"]) == len(file.answer.data)
    for who in ("admin", "étranger"):
        assert long.log_in(who).get(f"{PAGE}/{number}/fichier").status == 404
        assert long.log_in(who).get(PAGE).form(PAGE)
        assert "Télécharger" not in long.log_in(who).get(PAGE).text
    gone = page.form(f"{PAGE}/{number}/suppression").submit()
    assert gone.has("Le fichier est supprimé") and client.get(f"{PAGE}/{number}/fichier").status == 404


def test_who_lost_the_right_reads_nothing_more(long: Desk) -> None:
    client = long.log_in("référent")
    assert ask(client.get(PAGE)).status == 303
    with long.app.app_context():
        number = db.session.scalars(select(Export.id)).one()
        assert jobs.produce(number)
        agent = db.session.get_one(Export, number).agent
        for held in list(agent.droits):
            if held.droit == "exporter":
                agent.droits.remove(held)
        db.session.commit()
    assert client.get(f"{PAGE}/{number}/fichier").status == 403
    assert client.get(PAGE).status == 403


def test_the_page_costs_the_same_whatever_its_files(long: Desk) -> None:
    client = long.log_in("référent")
    with long.app.app_context(), statements() as before:
        client.get(PAGE)
    for _ in range(3):
        ask(client.get(PAGE))
    with long.app.app_context(), statements() as after:
        client.get(PAGE)
    assert len(after) == len(before)
