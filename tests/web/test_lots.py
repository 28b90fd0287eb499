"""Pages about several people at once, and a session found for somebody on the phone."""

from datetime import timedelta

import pytest
from flask import Flask

from tests import factories as make
from tests.desk import Desk, desk, sound, sqlite_only, told  # noqa: F401
from tests.pages import Page
from tests.visitors import statements
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import weekday_date
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Invitation, Participation, Rdv


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=3, capacite_max=4, liste_attente=True, reservable_par=ReservablePar.TOUS)


def other(made: Desk, *, days: int = 12, full: bool = False) -> int:
    with made.app.app_context():
        found = make.rdv(db.session.get_one(Rdv, made.rdv).motif, starts_at=utcnow() + timedelta(days=days))
        if full:
            make.full(found)
        db.session.commit()
        return found.id


def past(made: Desk) -> None:
    """The session was yesterday: one came, one did not, one is still to be noted."""
    with made.app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        rdv.starts_at, rdv.ends_at = utcnow() - timedelta(days=1), utcnow() - timedelta(hours=22)
        for place, statut in zip(made.places, (Statut.PRESENT, Statut.ABSENT, Statut.INSCRIT), strict=True):
            db.session.get_one(Participation, place).statut = statut
        db.session.commit()


def boxes(page: Page) -> list[bool]:
    return ["checked" in box.attributes for box in page.select("input[name=qui]")]


# --- a session for somebody on the phone ------------------------------------------------------------------------------


def test_three_clicks_from_any_page(made: Desk) -> None:
    client = made.log_in()
    there = other(made, days=2)
    page = client.get("/agent/plages").link("Trouver une séance")
    motif = str(made.session().motif_id)
    page = page.form("/agent/seances").submit(motif=motif)
    assert "Inscrire une personne" in page.select("#resultats li")[0].text() and page.has("0 place prise sur 4")
    page = page.link(
        f"Inscrire une personne : Mes droits au RSA, {weekday_date(made.session(there).starts_at, 'Europe/Paris')}"
    )
    assert page.url.startswith(f"/agent/rdv/{there}")
    page = page.form("/agent/usagers/recherche").submit(q="Prénom0")
    page = page.form(f"/agent/rdv/{there}/participations", css="#resultats form").submit(button="Inscrire")
    assert page.has("NOM000 Prénom0") and len(told(made, "inscription")) == 1


def test_what_is_found(made: Desk) -> None:
    near, far = other(made, days=2), other(made, days=40)
    gone = other(made, days=3)
    with made.app.app_context():
        db.session.get_one(Rdv, gone).cancelled_at = utcnow()
        make.rdv(make.motif(db.session.get_one(Rdv, made.rdv).motif.service, reservable_par="entree_libre"))
        shut = make.motif(db.session.get_one(Rdv, made.rdv).motif.service, name="Sans attente", capacite_max=1)
        make.full(make.rdv(shut))
        db.session.commit()
    client = made.log_in()

    def found(**asked: object) -> list[str]:
        page = client.get("/agent/seances", query_string=asked)
        return [str(node.attributes["id"]).removeprefix("seance-") for node in page.select("#resultats li")]

    assert found() == [str(near), str(made.rdv), str(far)]
    day = (utcnow() + timedelta(days=20)).date().isoformat()
    assert found(du=day) == [str(far)] and found(au=day) == [str(near), str(made.rdv)]
    assert found(du="jamais", motif="x", lieu="-1") == []
    assert made.log_in("voisin").get("/agent/seances").has("Groupe mère-enfant")
    fragment = client.get("/agent/seances", htmx=True)
    assert "<html" not in fragment.text and fragment.has("3 séances")


def test_a_full_one_has_a_list_to_wait_on(made: Desk) -> None:
    there = other(made, days=2, full=True)
    page = made.log_in().get("/agent/seances").link("Mettre sur la liste d’attente")
    page = page.form(f"/agent/rdv/{there}/attente/ajout", css="form[role=search]").submit(q="Prénom0")
    page = page.form("/attente/ajout", css="form[aria-label]").submit(places="2", button="Mettre en attente")
    assert page.has("Prénom0 Nom000 est sur la liste d’attente") and page.has("2 places")
    page = made.log_in().get(f"/agent/rdv/{there}/attente/ajout?q=Inconnue+Personne")
    page = page.form("/attente/ajout", css="#creation form").submit(telephone="06 39 98 12 34")
    assert page.has("Inconnue Personne est sur la liste d’attente")
    assert sound(made)


def test_nobody_waits_where_there_is_room(made: Desk) -> None:
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/attente/ajout")
    assert page.has("Il reste de la place") and not page.select("#q")


def test_many_sessions_take_no_more_questions(made: Desk) -> None:
    client = made.log_in()
    asked = []
    for days in (3, 4, 5):
        for _ in range(2):
            other(made, days=days)
        client.get("/agent/seances")
        with statements(made.app) as seen:
            client.get("/agent/seances")
        asked.append(len(seen))
    assert asked[0] == asked[1] == asked[2]


# --- copied ----------------------------------------------------------------------------------------------------------


def test_copy_from_the_sheet(made: Desk) -> None:
    there = other(made)
    past(made)
    page = made.log_in().get(f"/agent/rdv/{made.rdv}").link("Copier les participants à une autre séance")
    page = page.link("Choisir")
    assert boxes(page) == [True, True, True] and page.has("3 personnes seront inscrites")
    page = page.link("les absents")
    assert boxes(page) == [False, True, False] and page.has("1 personne : 1 SMS")
    page = page.form("/copie").submit(button="Inscrire à cette séance")
    assert page.history[0].status == 303 and page.has("1 personne inscrite : 1 SMS part.")
    assert page.url.startswith(f"/agent/rdv/{there}") and page.has("NOM001 Prénom1")
    again = made.log_in().get(f"/agent/rdv/{made.rdv}/copie?vers={there}")
    assert again.has("a déjà une place") and again.has("2 personnes seront inscrites")


def test_other_boxes_than_the_page_announced_are_shown_before(made: Desk) -> None:
    """Without JavaScript: who receives what is read before it leaves."""
    there = other(made)
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/copie?vers={there}")
    page = page.form("/copie").submit(qui=str(made.places[0]), button="Inscrire à cette séance")
    assert page.status == 409 and page.has("1 personne sera inscrite") and told(made, "inscription") == []
    page = page.form("/copie").submit(button="Inscrire à cette séance")
    assert page.has("1 personne inscrite")


def test_who_does_not_fit(made: Desk) -> None:
    there = other(made)
    with made.app.app_context():
        for _ in range(2):
            make.participation(db.session.get_one(Rdv, there))
        db.session.commit()
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/copie?vers={there}")
    assert page.has("2 personnes seront inscrites") and page.has("1 personne n’aura pas de place : Prénom2 Nom002")
    assert not page.select("#surbooking")
    page = made.log_in("référent").get(f"/agent/rdv/{made.rdv}/copie?vers={there}")
    page = page.form("/copie").submit(surbooking="1", button="Recalculer")
    assert page.has("3 personnes seront inscrites")


# --- invited again ---------------------------------------------------------------------------------------------------


def test_the_absent_from_the_sheet(made: Desk) -> None:
    other(made)
    past(made)
    page = made.log_in().get(f"/agent/rdv/{made.rdv}").link("Inviter les absents à une autre date")
    assert boxes(page) == [False, True, False] and page.has("1 personne sera invitée : 1 SMS")
    page = page.form("/relance", css="form[method=post].card").submit(button="Inviter")
    assert page.has("1 personne invitée : 1 SMS part.") and page.has("NOM001 Prénom1")
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/relance")
    assert page.has("invitation en cours") and page.has("Personne n’est coché.")


def test_one_click_from_the_row(made: Desk) -> None:
    other(made)
    past(made)
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    (button,) = page.select("#participants button[form=relance]")
    assert "Inviter Prénom1 Nom001 à une autre date" in button.text()
    form = page.form("/relance")
    form.values["qui"] = [str(button.attributes["value"])]
    page = form.submit()
    assert page.has("1 personne invitée : 1 SMS part.") and page.url.startswith(f"/agent/rdv/{made.rdv}")
    assert form.submit().has("0 personne invitée")
    assert len(told(made, "invitation")) == 1


def test_one_click_from_the_invitations(made: Desk) -> None:
    other(made)
    past(made)
    with made.app.app_context():
        place = db.session.get_one(Participation, made.places[1])
        row = make.invitation(place.rdv.motif, place.usager, envoyee_le=utcnow() - timedelta(days=9))
        motif_id = row.motif_id
        db.session.commit()
    page = made.log_in().get(f"/agent/motifs/{motif_id}/invitations")
    assert page.has("Absence notée") and page.has("0 présence notée, 1 absence notée")
    page = page.form("/invitations", css="tbody form").submit(button="Relancer")
    assert page.has("un SMS part") and page.has("Pas encore ouverte")
    with made.app.app_context():
        assert len(db.session.query(Invitation).all()) == 1


# --- the room's places -----------------------------------------------------------------------------------------------


def test_a_new_room_gives_its_places(made: Desk) -> None:
    with made.app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        rdv.lieu = make.lieu(rdv.organisation)
        big, small = (make.salle(rdv.lieu, name=f"Salle {n}", capacite=n).id for n in (9, 2))
        db.session.commit()
    client = made.log_in()
    page = (
        client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification").submit(endroit=f"s{big}", adapter="y")
    )
    assert page.has("La séance est modifiée") and made.session().capacite_max == 9
    page = (
        client.get(f"/agent/rdv/{made.rdv}/modification").form("/modification").submit(endroit=f"s{small}", adapter="y")
    )
    assert page.status == 409 and page.has("Salle 2 : 2 places. Cette séance : 3 personnes inscrites.")
    page = page.form("/modification").submit(quand_meme=str(small))
    session = made.session()
    assert (session.capacite_max, session.places_prises) == (2, 3) and page.has("3 places prises sur 2")
    assert sound(made)


@pytest.mark.parametrize("what", ["copie", "relance"])
def test_a_box_nobody_drew_ticks_nobody(made: Desk, what: str) -> None:
    query = {"vers": other(made), "montre": "1", "qui": ["9" * 5000, "²", "-1", str(made.places[1])]}
    page = made.log_in().get(f"/agent/rdv/{made.rdv}/{what}", query_string=query)
    assert page.status == 200 and sum(boxes(page)) == 1


def test_a_crowd_is_copied_in_one_statement_each(made: Desk) -> None:
    """The session is locked meanwhile, and nobody waits for it longer than three seconds."""
    there, client, costs = other(made), made.log_in(), []
    for many in (3, 40):
        with made.app.app_context():
            rdv = db.session.get_one(Rdv, made.rdv)
            rdv.capacite_max = rdv.capacite_propre = 100
            for n in range(many - 3):
                make.participation(rdv, make.usager(rdv.organisation_id, last_name=f"Foule{n}"))
            there = make.rdv(rdv.motif, starts_at=utcnow() + timedelta(days=13 + many), capacite_propre=100).id
            db.session.commit()
        page = client.get(f"/agent/rdv/{made.rdv}/copie?vers={there}")
        with statements(made.app) as sent:
            page.form("/copie").submit(follow=False)
        assert made.session(there).places_prises == many and sound(made)
        costs.append(len(sent))
    assert costs[1] <= costs[0] + 37, costs
