"""A session opened on its own, or as another's duplicate: what the page gives, refuses and shows."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, sound
from tests.pages import Page, PageClient
from webapp.extensions import db
from webapp.models import (
    Rdv,
)


@pytest.fixture
def made(app: Flask) -> Desk:
    """A session in ten days, somewhere, with three people."""
    made = desk(app)
    with app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        rdv.lieu = make.lieu(rdv.organisation, name="Maison des Tilleuls")
        db.session.commit()
    return made


def wall(made: Desk) -> datetime:
    return made.session().starts_at.astimezone(ZoneInfo("Europe/Paris"))


def opened(client: PageClient, made: Desk, query: str = "", **changes: object) -> Page:
    """Fill in the page's form for next week, with these changes."""
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        motif_id, lieu_id = rdv.motif_id, rdv.lieu_id
    form = client.get(f"/agent/rdv/nouvelle?motif_id={motif_id}{query}").form()
    day = wall(made) + timedelta(days=4)
    typed = {"jour": f"{day:%Y-%m-%d}", "debut": "09:00", "fin": "11:30", "endroit": f"l{lieu_id}"}
    return form.submit({**typed, **changes}, follow=False)


def test_a_session_of_its_own_is_opened_once(made: Desk) -> None:
    client = made.log_in()
    pages = [opened(client, made, intitule="Spécial rentrée", capacite_max="5") for _ in range(2)]
    assert [page.status for page in pages] == [303, 303]
    assert pages[0].location == pages[1].location
    page = client.get(pages[0].location)
    assert page.has("Spécial rentrée") and page.has("9 h à 11 h 30") and page.has("Personne n’est inscrit")
    with made.app.app_context():
        rdv = db.session.scalars(select(Rdv).where(Rdv.intitule == "Spécial rentrée")).one()
        assert (rdv.capacite_max, rdv.plage_ouverture_id, [a.first_name for a in rdv.agents]) == (5, None, ["Nadia"])
    assert sound(made)


def test_a_duplicate_has_the_settings_and_nobody(made: Desk) -> None:
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        rdv.intitule, rdv.capacite_propre = "Groupe du mardi", 7
        db.session.commit()
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("Dupliquer cette séance à une autre date")
    done = opened(client, made, f"&copie={made.rdv}")
    copy = client.get(done.location)
    assert copy.has("Groupe du mardi") and copy.has("0 place prise sur 7")


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"jour": "2020-01-01"}, 409, "Cette date est passée"),
        ({"fin": "08:00"}, 422, "L’heure de fin doit être après l’heure de début."),
        ({"endroit": ""}, 422, "Choisissez un lieu."),
        ({"agent_ids": None}, 422, "Choisissez au moins un agent."),
        ({"capacite_max": "0"}, 422, "Il faut entre 1 et 2000 places."),
    ],
)
def test_what_a_session_of_its_own_lacks_is_said(
    made: Desk, changes: dict[str, object], status: int, words: str
) -> None:
    page = opened(made.log_in(), made, **changes)
    assert (page.status, page.has(words)) == (status, True), page.text


def test_a_session_is_opened_for_one_s_own_services_only(made: Desk) -> None:
    with made.app.app_context():
        elsewhere = db.session.get(Rdv, made.elsewhere).motif_id
    client = made.log_in()
    assert not client.get(f"/agent/rdv/nouvelle?motif_id={elsewhere}").has("Groupe mère-enfant")
    assert client.get(f"/agent/rdv/nouvelle?copie={made.elsewhere}").status == 404
    form = client.get("/agent/rdv/nouvelle").form()
    values = {name: value[-1] for name, value in form.values.items()} | {"motif_id": str(elsewhere)}
    assert client.post("/agent/rdv/nouvelle", data=values).status == 422
