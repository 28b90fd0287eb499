"""The page of figures: what one may see, with a chart and its table, from addresses that can be shared."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.jobs.statistiques import count_due
from webapp.models import Motif, Rdv
from webapp.web.graphiques import HEIGHT, bars

PAGE = "/agent/statistiques"


@pytest.fixture
def made(app: Flask) -> Desk:
    """Three people of four were there; the other service held one session too."""
    made = desk(app, people=0, starts_at=utcnow() - timedelta(hours=3), capacite_max=8)
    with app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        for statut in (Statut.PRESENT, Statut.PRESENT, Statut.PRESENT, Statut.ABSENT):
            make.participation(rdv, statut=statut)
        motif = db.session.scalars(select(Motif).where(Motif.name == "Groupe mère-enfant")).one()
        make.rdv(motif, starts_at=utcnow() - timedelta(hours=2))
        db.session.commit()
        count_due()
    return made


def numbers(page: Page, table: str) -> dict[str, list[str]]:
    rows = page.select(f"#{table} tbody tr")
    return {row.css_first("th").text().strip(): [cell.text().strip() for cell in row.css("td")] for row in rows}


def test_figures_of_my_services(made: Desk) -> None:
    page = made.log_in("référent").get(PAGE)
    assert page.h1 == "Statistiques"
    [(_, figures)] = numbers(page, "t-motif").items()
    assert figures == ["1", "50 %", "3", "75 %", "25 %", "0 %"]
    assert len(page.select(".chart rect[height] > title")) == 2  # three present, one absent
    assert not page.select("#t-service")
    everything = made.log_in("admin").get(PAGE)
    assert set(numbers(everything, "t-service")) == {"Insertion", "PMI"}
    assert numbers(everything, "t-mois").popitem()[1][0] == "2"
    assert made.log_in("agent").get(PAGE).status == 403
    assert made.log_in("étranger").get(PAGE).has("Aucune séance commencée")


def test_filters_are_in_the_address(made: Desk) -> None:
    client = made.log_in("admin")
    page = client.get(PAGE)
    with made.app.app_context():
        mine = db.session.get_one(Rdv, made.rdv)
        motif, service = mine.motif_id, mine.motif.service_id
    only = page.form(PAGE).submit(motif=str(motif))
    assert f"motif={motif}" in only.url and len(numbers(only, "t-motif")) == 1
    assert len(numbers(client.get(f"{PAGE}?service={service}"), "t-motif")) == 1
    assert client.get(f"{PAGE}?de=2020-01&a=2020-03").has("Aucune séance commencée")
    for nonsense in ("de=x&a=2026-13", "motif=999999", "service=-1", "lieu=a", "de=0001-01&a=9999-12", "de=2150-01"):
        assert client.get(f"{PAGE}?{nonsense}").status == 200, nonsense


def test_the_page_costs_the_same_whatever_the_history(made: Desk) -> None:
    client = made.log_in("admin")
    with made.app.app_context():
        with statements() as before:
            client.get(PAGE)
        motif = db.session.get_one(Rdv, made.rdv).motif
        for months in range(1, 11):
            make.rdv(motif, starts_at=utcnow() - timedelta(days=30 * months))
        db.session.commit()
        count_due()
        with statements() as after:
            client.get(PAGE)
    assert len(after) == len(before) <= 12


@pytest.mark.parametrize(("most", "axis"), [(0, 2), (2, 2), (3, 4), (5, 10), (41, 100), (999, 1000), (1001, 2000)])
def test_bars_stay_in_their_drawing(most: int, axis: int) -> None:
    chart = bars(("a", "b"), [("janvier", "janv.", (most, 0)), ("février", "févr.", (0, most // 2))])
    assert chart.reperes[-1] == (0.0, axis) and chart.vide is (most == 0)
    for bar in chart.barres:
        assert bar.x + chart.barre <= chart.largeur
        for part in bar.morceaux:
            assert 0 <= part.y <= part.y + part.hauteur <= HEIGHT + 0.1
    assert sum(1 for bar in bars(("a",), [(str(n), str(n), (n,)) for n in range(40)]).barres if bar.etiquette) <= 12
