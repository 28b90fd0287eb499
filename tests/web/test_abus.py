"""Programs, haste and hoarding on the public form: each is told plainly, nothing typed is lost, people go through."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from dev.servers import Valkey
from tests import factories as make
from tests.pages import Page, PageClient
from tests.visitors import PERSON, another, book, change, counts, session
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db, limiter
from webapp.models import Participation, Rdv
from webapp.services.booking import book_seat

DAY = timedelta(days=1)
NOT_ONLINE = "Nous ne pouvons pas enregistrer cette inscription en ligne"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock the tests move, by as little as they like."""
    with time_machine.travel(datetime(2026, 11, 3, 9, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def limited(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A site that counts."""
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    return make_app(RATE_LIMITS="on")


def kept(page: Page) -> bool:
    """Is all of PERSON still there?"""
    return all(page.select(f'#{name}[value="{value}"]') for name, value in PERSON.items())


def test_what_nobody_sees_is_filled_by_programs_only(client: PageClient, app: Flask) -> None:
    page = client.get(f"/rdv/{session(app)}/inscription")
    (trap,) = page.select("#precision")
    assert trap.attributes["tabindex"] == "-1" and trap.attributes["autocomplete"] == "off"
    assert trap.parent and trap.parent.attributes["aria-hidden"] == "true"
    page = page.form("/inscription").submit({**PERSON, "precision": "https://exemple.fr"})
    assert (
        page.status == 422 and page.has("Un champ qui ne se voit pas a été rempli") and page.title.startswith("Erreur")
    )
    assert kept(page) and counts(app) == (0, 0, 0)
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"  # a person, whose browser filled it


@pytest.mark.parametrize("least", [1, 10])
def test_a_program_is_quicker_than_anybody(limited: Flask, clock: time_machine.Traveller, least: int) -> None:
    rdv_id = session(limited, org_secondes_formulaire=least)
    client = PageClient(limited)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    clock.shift(timedelta(seconds=least - 0.05))
    page = form.submit(PERSON)
    assert page.status == 422 and page.has("Ce formulaire est revenu très vite") and kept(page)
    assert counts(limited) == (0, 0, 0)
    # one more click, however quick, goes through
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"


def test_whose_browser_fills_the_form_is_quick_enough(limited: Flask, clock: time_machine.Traveller) -> None:
    form = (
        PageClient(limited).get(f"/rdv/{session(limited, org_secondes_formulaire=1)}/inscription").form("/inscription")
    )
    clock.shift(timedelta(seconds=1.05))
    assert form.submit(PERSON).h1 == "Votre place est réservée"


@pytest.mark.parametrize("made_up", ["", "x", "abc.1762160000000", "YWJjLjE3NjIxNjAwMDAwMDAuc2lnbmF0dXJl", "é" * 5000])
def test_the_time_of_a_form_is_signed(limited: Flask, clock: time_machine.Traveller, made_up: str) -> None:
    rdv_id = session(limited, org_secondes_formulaire=1)
    form = PageClient(limited).get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    clock.shift(timedelta(minutes=5))
    page = form.submit({**PERSON, "envoi": made_up})
    assert page.status == 422 and kept(page) and counts(limited) == (0, 0, 0)
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"


def test_the_same_session_chosen_again_has_a_time_of_its_own(limited: Flask, clock: time_machine.Traveller) -> None:
    rdv_id = session(limited, org_secondes_formulaire=1)
    other = another(limited, rdv_id)
    client = PageClient(limited)
    token = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").values["csrf_token"][0]
    page = client.post(f"/rdv/{other}/inscription", data={**PERSON, "csrf_token": token, "reprendre": "1"})
    assert page.form("/inscription").submit().status == 422
    clock.shift(timedelta(seconds=2))
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"


def test_no_waiting_where_an_organisation_wants_none(limited: Flask) -> None:
    rdv_id = session(limited, org_secondes_formulaire=0)
    assert book(PageClient(limited), rdv_id).h1 == "Votre place est réservée"


# --- how often ---------------------------------------------------------------------------------------------------


def from_address(app: Flask, remote: str) -> PageClient:
    client = PageClient(app)
    client.flask.environ_base["REMOTE_ADDR"] = remote
    return client


def test_one_contact_is_counted_wherever_it_comes_from(limited: Flask, valkey: Valkey) -> None:
    import redis

    rdv_id = session(limited, org_envois_par_contact=2)
    pages = [book(from_address(limited, f"198.51.100.{n}"), rdv_id, prenom=f"Élodie {n * 'a'}") for n in range(3)]
    assert [page.status for page in pages] == [200, 200, 429]
    assert pages[2].has("avec ce téléphone ou ce courriel") and pages[2].has("appelez le 04 75 99 01 00 : un agent")
    assert pages[2].headers["Retry-After"] == "3600"
    assert pages[2].select('#telephone[value="06 39 98 12 78"]') and counts(limited)[2] == 2
    with redis.Redis.from_url(valkey.url, decode_responses=True) as server:
        names = " ".join(server.keys("*"))
    assert "rdv-limites" in names.lower() and "39981278" not in names and "elodie" not in names


def test_a_reception_desk_books_for_many_people(limited: Flask) -> None:
    """One connection, one contact for each person."""
    rdv_id = session(limited, org_envois_par_contact=1, org_envois_par_adresse=60, capacite_propre=30)
    desk = from_address(limited, "198.51.100.7")
    for n in range(20):
        page = book(desk, rdv_id, telephone=f"06 39 98 70 {n:02}", courriel=f"p{n}@exemple.fr")
        assert page.h1 == "Votre place est réservée"


def test_then_one_address_is_counted(limited: Flask) -> None:
    rdv_id = session(limited, org_envois_par_adresse=3)
    desk = from_address(limited, "198.51.100.7")
    people = [{"telephone": f"06 39 98 70 {n:02}", "courriel": f"p{n}@exemple.fr"} for n in range(4)]
    pages = [book(desk, rdv_id, **who) for who in people]
    assert [page.status for page in pages] == [200, 200, 200, 429]
    assert pages[3].has("viennent d’arriver de votre réseau") and pages[3].headers["Retry-After"] == "60"
    assert pages[3].select('#courriel[value="p3@exemple.fr"]')
    assert book(from_address(limited, "198.51.100.8"), rdv_id, **people[3]).status == 200


# --- how many ----------------------------------------------------------------------------------------------------


@pytest.fixture
def two(app: Flask) -> list[int]:
    """Three sessions of one motif, two of which may be held at once with one contact; Élodie holds the two first."""
    first = session(app, org_seances_par_contact=2)
    sessions = [first, another(app, first), another(app, first)]
    for rdv_id in sessions[:2]:
        assert book(PageClient(app), rdv_id).h1 == "Votre place est réservée"
    return sessions


def test_one_too_many_is_refused_and_kept(client: PageClient, app: Flask, two: list[int]) -> None:
    page = book(client, two[2])
    assert page.status == 409 and page.has(NOT_ONLINE) and page.has("Appelez le 04 75 99 01 00") and kept(page)
    assert counts(app)[2] == 2


@pytest.mark.parametrize(
    "typed",
    [{"prenom": "Autre", "nom": "Personne"}, {"telephone": ""}, {"courriel": ""}, {"courriel": "autre@exemple.fr"}],
)
def test_it_is_the_contact_that_counts(client: PageClient, app: Flask, two: list[int], typed: dict[str, str]) -> None:
    assert book(client, two[2], **typed).status == 409


def test_a_repeat_is_answered_as_a_first_booking(client: PageClient, app: Flask, two: list[int]) -> None:
    assert book(client, two[1]).h1 == "Votre place est réservée" and counts(app)[2] == 2


def test_only_coming_places_of_that_workshop_count(client: PageClient, app: Flask, two: list[int]) -> None:
    assert book(client, session(app, org_seances_par_contact=2)).h1 == "Votre place est réservée"  # elsewhere
    with app.app_context():
        rdv = db.session.get_one(Rdv, two[0])
        other = make.rdv(make.motif(rdv.motif.service, name="Autre atelier"), lieu_id=rdv.lieu_id)
        db.session.commit()
        other_id = other.id
    assert book(client, other_id).h1 == "Votre place est réservée"
    change(app, two[0], starts_at=utcnow() - DAY, ends_at=utcnow() - DAY / 2)
    assert book(client, two[2]).h1 == "Votre place est réservée"


def test_a_place_given_back_makes_room(client: PageClient, app: Flask, two: list[int]) -> None:
    from webapp.services.booking import change_statut

    with app.app_context():
        change_statut(db.session.scalars(select(Participation.id)).first() or 0, Statut.EXCUSE, by=Acteur.USAGER)
    assert book(client, two[2]).h1 == "Votre place est réservée"


def test_nobody_is_limited_where_there_is_no_limit_nor_by_an_agent(
    client: PageClient, app: Flask, two: list[int]
) -> None:
    with app.app_context():
        rdv = db.session.get_one(Rdv, two[2])
        agent = make.agent(rdv.motif.service)
        db.session.commit()
        identity = Identity("Élodie", "N’Diaye", "+33639981278", "elodie@exemple.fr")
        assert not book_seat(rdv.id, identity, by=Acteur.AGENT, agent=agent, envoi="e").deja
        rdv.organisation.seances_par_contact = 0
        db.session.commit()
    assert book(client, another(app, two[0])).h1 == "Votre place est réservée"


def test_a_stranger_learns_nothing_from_the_refusal(client: PageClient, app: Flask, two: list[int]) -> None:
    """The same words for who holds too many, and for who was removed from that very session."""
    with app.app_context():
        rdv = db.session.get_one(Rdv, two[2])
        who = make.usager(rdv.organisation_id, first_name="Awa", last_name="Sow", phone="+33639980055")
        make.participation(rdv, who, Statut.ANNULE)
        db.session.commit()
    removed = book(client, two[2], prenom="Awa", nom="Sow", telephone="06 39 98 00 55", courriel="")
    many = book(client.another(), two[2])
    said = [page.select("#erreurs h2")[0].text() for page in (removed, many)]
    assert said[0] == said[1] and NOT_ONLINE in said[0].replace("\xa0", " ")
