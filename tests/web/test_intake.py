"""What no database can hold: numbers beyond every id, NUL characters, names no file can have, addresses that are none.

Nobody who follows links sends these; whoever does reads a page of the site, on both databases, never a breakdown.
"""

import re

import pytest
from flask import Flask

from tests.desk import Desk, desk
from tests.pages import PageClient
from webapp.web.intake import LARGEST, number

BEYOND = (LARGEST + 1, 2**63, 10**30)
QUERIES = (
    "/flux?rdv={}", "/?page={}", "/agent/?page={}", "/agent/jauges?rdv={}", "/agent/flux?rdv={}",
    "/agent/usagers/recherche?rdv={}&q=nom", "/agent/plages/nouvelle?motif_id={}", "/agent/plages/heritage?plage={}",
    "/agent/rdv/1/lignes?depuis={}", "/agent/rdv/1/lignes?personne={}", "/agent/rdv/1/lignes?dernier={}&depuis=0",
    "/agent/rdv/1/lignes?personne=1&essai={}", "/demo/messages?page={}",
)  # fmt: skip


@pytest.fixture
def made(app: Flask) -> Desk:
    app.config.update(PROPAGATE_EXCEPTIONS=False, MODE="demo")
    return desk(app)


@pytest.mark.parametrize("beyond", BEYOND)
def test_a_number_no_row_has_is_an_unknown_address(made: Desk, beyond: int) -> None:
    client = made.log_in("admin")
    with_ids = [rule for rule in made.app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(with_ids) > 15
    for rule in with_ids:
        address = re.sub("<[^>]+>", "x", re.sub("<int:[^>]+>", str(beyond), rule.rule))
        answers = [client.get(address).status]
        if "POST" in (rule.methods or ()):
            answers.append(client.post(address, data={"csrf_token": "x"}).status)
        assert set(answers) <= {404, 405}, (address, answers)


@pytest.mark.parametrize("value", [*BEYOND, *(-beyond for beyond in BEYOND), -100, 0, "1e9", "x"])
def test_a_number_asked_for_is_never_a_breakdown(made: Desk, value: int | str) -> None:
    client = made.log_in("admin")
    for query in QUERIES:
        for htmx in (False, True):
            assert client.get(query.format(value), htmx=htmx).status < 500, query


def test_only_numbers_a_column_holds() -> None:
    assert (number("12"), number(str(-LARGEST))) == (12, -LARGEST)
    for text in (str(LARGEST + 1), str(-LARGEST - 1), "x", "", "1" * 5000):
        with pytest.raises(ValueError):
            number(text)


@pytest.mark.parametrize(
    ("address", "status"),
    [("/o/a%00b", 404), ("/o/%00/theme.css", 404), ("/p/%00", 404), ("/?quoi=%00", 400), ("/?%00=1", 400)],
)
def test_nul_in_an_address(made: Desk, address: str, status: int) -> None:
    assert PageClient(made.app).get(address).status == status


def test_nul_in_a_form(made: Desk) -> None:
    login = PageClient(made.app).get("/agent/connexion").form("/agent/connexion")
    assert login.submit(courriel="a\0@exemple.fr", mot_de_passe="x").status == 400
    motif = made.log_in("admin").get("/configuration/motifs/nouveau").form("/configuration/motifs/nouveau")
    assert motif.submit({"name": "Atel\0ier", "capacite_max": "3"}).status == 400


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + "/b", "%00", "css", "../config.py", "css/../../config.py"])
def test_a_static_name_no_file_has(made: Desk, name: str) -> None:
    assert PageClient(made.app).get(f"/static/{name}").status in (400, 404)


@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
@pytest.mark.parametrize("said", ["http://[", "//[x", "http://a]b/agent/"])
def test_a_page_that_is_no_address(made: Desk, header: str, said: str) -> None:
    answer = PageClient(made.app).get("/agent/rdv/1", htmx=True, headers={header: said})
    assert answer.status == 204 and answer.headers["HX-Redirect"] == "/agent/connexion"
