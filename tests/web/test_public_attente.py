"""The waitlist as a person without JavaScript lives it: join, wait, answer, leave, come back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.desk import sqlite_only
from tests.pages import Page, PageClient
from tests.visitors import PERSON, another, change, fill_up, session
from webapp import links
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs.waitlist import pass_on_due
from webapp.models import Canal, FileAttente, Participation, Rdv
from webapp.services import attente
from webapp.services.booking import change_statut
from webapp.services.rdvs import cancel_rdv

__all__ = ["sqlite_only"]
NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def tuesday() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def rdv_id(app: Flask) -> int:
    """A full session of two seats, with a waitlist, in ten days."""
    found = session(app, motif_liste_attente=True, motif_capacite_max=2)
    fill_up(app, found)
    return found


def join(client: PageClient, rdv_id: int, **fields: str) -> Page:
    return client.get(f"/rdv/{rdv_id}/attente").form("/attente").submit({**PERSON, **fields})


def link(app: Flask, position: int = -1) -> str:
    with app.app_context():
        entry = db.session.scalars(select(FileAttente).order_by(FileAttente.id)).all()[position]
        return links.token(links.ATTENTE, entry.lien_nonce)


def free(app: Flask, rdv_id: int, count: int = 1) -> None:
    """That many people can't come."""
    with app.app_context():
        ids = db.session.scalars(
            select(Participation.id)
            .where(Participation.rdv_id == rdv_id, Participation.statut == Statut.INSCRIT)
            .limit(count)
        ).all()
        for place in ids:
            change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)


def test_from_a_full_session_to_the_list(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = client.get(f"/rdv/{rdv_id}")
    assert page.has("Cette séance est maintenant complète") and not page.has("Réserver ma place")
    page = page.link("M’inscrire sur la liste d’attente")
    assert page.has("Ce n’est pas une réservation") and page.h1 == "M’inscrire sur la liste d’attente"
    page = page.form("/attente").submit(PERSON)
    assert page.history[0].status == 303 and page.url == f"/rdv/{rdv_id}/attente/confirmation"
    assert page.h1 == "Vous êtes sur la liste d’attente" and page.has("e••••@exemple.fr")
    assert page.has("1 personne attend une place") and "/p/" not in page.html and "N’Diaye" not in page.html
    assert page.headers["Cache-Control"] == "no-store"
    page = client.get(f"/rdv/{rdv_id}")
    assert 'data-attente="1"' in page.html and page.has("1 personne en attente")
    page = client.get(f"/rdv/{rdv_id}/attente/confirmation").form("/confirmation").submit(button="Terminer")
    assert page.url == "/" and client.get(f"/rdv/{rdv_id}/attente/confirmation").status == 302


def test_a_list_of_dates_says_that_one_can_wait(client: PageClient, app: Flask, rdv_id: int) -> None:
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        address = f"/o/{rdv.organisation.slug}/motifs/{rdv.motif_id}"
    page = client.get(address)
    assert page.has("Complet")
    assert page.link("Liste d’attente du").url == f"/rdv/{rdv_id}/attente"
    change(app, rdv_id, motif_liste_attente=False)
    assert not client.get(address).has("Liste d’attente du")


def test_the_search_lists_a_full_workshop_where_one_can_wait(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = client.get("/")
    assert page.has("Mes droits au RSA") and page.has("Vous pouvez vous inscrire sur la liste d’attente.")
    another(app, rdv_id, starts_at=utcnow() + timedelta(days=20))
    page = client.get("/")
    assert page.has("Plus que 2 places") and not page.has("Complet")  # what can be booked goes first
    for fields in (
        {"motif_liste_attente": False},
        {"motif_liste_attente": True, "motif_delai_max_jours": 5},
        {"motif_delai_max_jours": 92, "motif_visibilite": "visible_non_notifie"},
    ):
        change(app, rdv_id, **fields)
        page = client.get("/")
        assert not page.has("Liste d’attente ouverte"), fields


def test_what_was_typed_to_book_is_carried_to_the_list_in_one_click(
    client: PageClient, app: Flask, rdv_id: int
) -> None:
    free(app, rdv_id)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    fill_up(app, rdv_id)
    page = form.submit(PERSON)
    assert page.status == 409 and page.has("attendre qu’une place se libère")
    page = page.form("/attente").submit(button="Attendre une place")
    assert page.status == 200 and page.form("/attente").values["prenom"] == ["Élodie"]
    page = page.form("/attente").submit()
    assert page.h1 == "Vous êtes sur la liste d’attente"


def test_and_back_to_the_booking_when_a_seat_came_free(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/attente").form("/attente")
    free(app, rdv_id)
    page = form.submit(PERSON)
    assert page.status == 409 and page.has("vous pouvez la réserver tout de suite")
    page = page.form("/inscription").submit(button="Réserver ma place")
    assert page.form("/inscription").values["telephone"] == [PERSON["telephone"]]
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"
    assert client.get(f"/rdv/{rdv_id}/attente").status == 200  # full again


def test_errors_keep_what_was_typed(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/attente").form("/attente")
    page = form.submit({**PERSON, "telephone": "12", "accompagnants-0-nom": "Bel"})
    assert page.status == 422 and page.title.startswith("Erreur : ")
    assert {"telephone", "accompagnants-0-prenom"} <= set(page.errors)
    assert page.form("/attente").values["accompagnants-0-nom"] == ["Bel"]
    page = client.post(f"/rdv/{rdv_id}/attente", data={**PERSON, "csrf_token": "vieux"})
    assert page.status == 419 and page.form("/attente").values["prenom"] == ["Élodie"]
    with app.app_context():
        assert db.session.scalars(select(FileAttente)).all() == []


def test_a_family_waits_together(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_liste_attente=True, motif_capacite_max=4)
    with app.app_context():
        from tests import factories

        rdv = db.session.get_one(Rdv, rdv_id)
        for _ in range(3):
            factories.participation(rdv)
        db.session.commit()
    assert client.get(f"/rdv/{rdv_id}").has("Plus qu’une place")
    page = client.get(f"/rdv/{rdv_id}/attente")
    assert page.has("Il reste 1 place") and page.form("/attente").values["places"] == ["2"]
    page = page.form("/attente").submit(
        {**PERSON, "accompagnants-0-prenom": "Léo", "accompagnants-1-prenom": "Awa", "accompagnants-1-nom": "Bel"}
    )  # fmt: skip
    assert page.h1 == "Vous êtes sur la liste d’attente"
    with app.app_context():
        entry = db.session.scalars(select(FileAttente)).one()
        names = [(one["prenom"], one["nom"]) for one in entry.accompagnants]
        assert entry.places == 3 and names == [("Léo", PERSON["nom"]), ("Awa", "Bel")]  # their own last name, if none
    free(app, rdv_id, 2)
    page = client.get(f"/p/{link(app)}")
    assert page.has("3 places vous sont proposées") and page.has("et 2 autres personnes")
    page = page.form("/proposition").submit(button="Oui, nous venons")
    assert page.has("Vos places sont réservées")
    with app.app_context():
        assert db.session.get_one(Rdv, rdv_id).places_prises == 4


def test_one_waits_is_offered_and_says_yes(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    join(client.another(), rdv_id, prenom="Awa", telephone="06 39 98 00 11", courriel="awa@exemple.fr")
    visitor = client.another()
    page = visitor.get(f"/p/{link(app, 0)}")
    assert page.has("Vous êtes la première personne en attente") and page.has("pour Élodie")
    assert page.headers["Referrer-Policy"] == "no-referrer" and page.headers["Cache-Control"] == "no-store"
    assert visitor.get(f"/p/{link(app, 1)}").has("1 personne avant vous")
    free(app, rdv_id)
    assert client.get(f"/rdv/{rdv_id}").has("1 place libérée, proposée à la liste d’attente")
    page = visitor.get(f"/p/{link(app, 0)}")
    assert page.has("Une place vous est proposée") and page.has("jusqu’au jeudi 5 mars 2026 à 9 h")
    page = page.form("/proposition").submit(button="Oui, je viens")
    assert page.has("Votre place est réservée") and page.has("Je ne pourrai pas venir")
    assert visitor.get(f"/p/{link(app, 0)}").status == 302  # from now on, the seat's own page
    page = visitor.post(f"/p/{link(app, 0)}/proposition", data={"reponse": "accepter", "csrf_token": token(page)})
    assert page.status == 303  # a second click gets the same answer


def token(page: Page) -> str:
    return str(page.select("input[name=csrf_token]")[0].attributes["value"])


def test_no_thanks_and_back_at_the_end(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    free(app, rdv_id)
    page = client.get(f"/p/{link(app)}").form("/proposition").submit(button="Non, merci")
    assert (page.has("Vous avez refusé la place proposée") and page.has("Une place") is False) or page.status == 200
    fill_up(app, rdv_id)
    page = client.get(f"/p/{link(app)}").form("/attente/retour").submit()
    assert page.has("à nouveau sur la liste d’attente") and page.has("Vous êtes la première personne en attente")


def test_leaving_takes_two_clicks(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    page = client.get(f"/p/{link(app)}").link("Quitter la liste d’attente")
    assert page.h1 == "Quitter la liste d’attente\u00a0?"
    page = page.form("/retrait", css="main form").submit()
    assert page.has("Vous avez quitté la liste d’attente") and page.has("vous n’êtes plus sur la liste")
    assert client.get(f"/p/{link(app)}/attente/retrait").status == 302
    page = page.form("/attente/retour").submit()
    assert page.has("Vous êtes la première personne en attente")


def test_an_answer_that_comes_too_late_is_told_kindly(
    client: PageClient, app: Flask, rdv_id: int, tuesday: time_machine.Traveller
) -> None:
    join(client, rdv_id)
    free(app, rdv_id)
    tuesday.shift(timedelta(days=2, minutes=-1))
    form = client.get(f"/p/{link(app)}").form("/proposition")
    tuesday.shift(timedelta(minutes=1))
    page = form.submit(button="Oui, je viens")
    assert page.status == 409 and page.title.startswith("Erreur : ") and page.has("le délai pour répondre est passé")
    with app.app_context():
        pass_on_due()
    page = client.get(f"/p/{link(app)}")
    assert page.has("Une place est libre")  # nobody else waited
    page = page.form("/proposition").submit(button="Je prends la place")
    assert page.has("Votre place est réservée")


def test_close_to_the_session_what_is_said_is_true(
    client: PageClient, app: Flask, rdv_id: int, tuesday: time_machine.Traveller
) -> None:
    """8:00 UTC in ten days is 9:00 in Paris: seats are everybody's from 17:00 the day before."""
    join(client, rdv_id)
    tuesday.move_to(NOW + timedelta(days=9, hours=7))  # 16:00 the day before
    free(app, rdv_id)
    page = client.get(f"/p/{link(app)}")
    assert page.has("jusqu’au jeudi 12 mars 2026 à 17 h") and page.has("à la première personne qui confirme")
    tuesday.shift(timedelta(hours=1, minutes=5))
    with app.app_context():
        pass_on_due()
    page = client.get(f"/p/{link(app)}")
    assert page.has("Une place est libre") and client.get(f"/rdv/{rdv_id}").has("Réserver ma place")


def test_a_page_left_open_for_too_long_asks_again(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    free(app, rdv_id)
    for what in ("proposition", "attente/retrait", "attente/retour"):
        page = client.post(f"/p/{link(app)}/{what}", data={"csrf_token": "vieux", "reponse": "accepter"})
        assert page.status == 419 and page.has("ouverte depuis trop longtemps")
        page = page.form("/proposition")
    assert page.submit(button="Oui, je viens").has("Votre place est réservée")


def test_each_state_has_its_page(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    with app.app_context():
        from tests import factories

        rdv = db.session.get_one(Rdv, rdv_id)
        agent = factories.agent(rdv.motif.service)
        agent_id = agent.id
        entry_id = db.session.scalars(select(FileAttente.id)).one()
        db.session.commit()
        attente.leave(entry_id, by=Acteur.AGENT, agent=agent)
    page = client.get(f"/p/{link(app)}")
    assert page.has("Le service a retiré votre demande") and not page.select("form[action$=retour]")
    assert client.post(f"/p/{link(app)}/attente/retour", data={"csrf_token": anything(client, rdv_id)}).status == 409
    with app.app_context():
        from webapp.models import Agent

        cancel_rdv(rdv_id, agent=db.session.get_one(Agent, agent_id))
    assert client.get(f"/p/{link(app)}").has("Cette séance est annulée par le service")
    change(app, rdv_id, cancelled_at=None, starts_at=utcnow() - timedelta(hours=1))
    assert client.get(f"/p/{link(app)}").has("La liste d’attente est terminée")


def anything(client: PageClient, rdv_id: int) -> str:
    return token(client.get(f"/rdv/{rdv_id}/attente"))


def test_a_link_opens_what_it_is_for_and_nothing_else(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    wait = link(app)
    with app.app_context():
        nonce = db.session.scalars(select(Participation.lien_nonce)).first()
        place = links.token(links.PARTICIPATION, str(nonce))
    csrf = anything(client, rdv_id)
    wrong = ("A" if wait[0] != "A" else "B") + wait[1:]
    unknown = client.get(f"/p/{wrong}")
    assert unknown.status == 404
    for key, what, fields in (
        (place, "proposition", {"reponse": "accepter"}),
        (place, "attente/retrait", {}),
        (place, "attente/retour", {}),
        (wrong, "proposition", {"reponse": "accepter"}),
        (wait, "desistement", {}),
        (wait, "reinscription", {}),
        (wrong, "canaux", {"sms": "1"}),
        (wrong, "desabonnement", {}),
    ):
        page = client.post(f"/p/{key}/{what}", data={"csrf_token": csrf, **fields})
        assert page.status == 404 and page.text == unknown.text, (key, what)
    assert client.post(f"/p/{wait}/proposition", data={"csrf_token": csrf, "reponse": "?"}).status == 400
    assert client.get(f"/p/{wait}/rendez-vous.ics").status == 404


def test_where_there_is_no_list_the_address_leads_to_the_session(client: PageClient, app: Flask, rdv_id: int) -> None:
    change(app, rdv_id, motif_liste_attente=False)
    assert client.get(f"/rdv/{rdv_id}/attente").location == f"/rdv/{rdv_id}"
    csrf = token(client.get(f"/rdv/{another(app, rdv_id)}/inscription"))
    page = client.post(f"/rdv/{rdv_id}/attente", data={**PERSON, "places": "1", "csrf_token": csrf})
    assert page.status == 409 and page.has("n’a pas de liste d’attente")
    assert client.get("/rdv/9999/attente").status == 404


def test_waiting_is_found_among_ones_appointments(client: PageClient, app: Flask, rdv_id: int) -> None:
    from webapp.models import Acces

    join(client, rdv_id)
    page = client.get("/mes-rendez-vous").form("/mes-rendez-vous").submit(contact=PERSON["telephone"])
    with app.app_context():
        nonce = db.session.scalars(select(Acces.lien_nonce)).one()
        code = links.code(nonce)
    page = page.form("/mes-rendez-vous").submit(code=code)
    assert page.h1 == "Mes rendez-vous" and page.has("Sur liste d’attente")
    assert page.link("Mes droits au RSA").url == f"/p/{link(app)}"


def test_the_link_of_a_wait_does_not_open_a_seat_taken_with_another_contact(
    client: PageClient, app: Flask, rdv_id: int
) -> None:
    """Who knows somebody's name and mobile may wait in their name: they learn nothing of the seat that person takes."""
    join(client, rdv_id, courriel="autre@exemple.fr")
    wait = link(app)
    with app.app_context():
        attente.leave(db.session.scalars(select(FileAttente.id)).one())
    free(app, rdv_id)
    page = client.another().get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(PERSON)
    assert page.h1 == "Votre place est réservée"
    with app.app_context():
        nonce = db.session.scalars(select(Participation.lien_nonce).order_by(Participation.id.desc())).first()
        place = links.token(links.PARTICIPATION, str(nonce))
    visitor = client.another()
    page = visitor.get(f"/p/{wait}")
    assert page.status == 200 and page.has("Vous avez déjà une place à cette séance")
    assert place not in page.html and not page.select("main form")
    data = {"csrf_token": anything(client, rdv_id), "reponse": "accepter"}
    page = client.post(f"/p/{wait}/proposition", data=data)
    assert page.status == 409 and page.has("dans le message qui l’a confirmée") and place not in page.html


def test_refusing_ones_own_address_does_not_open_somebody_elses_seat(
    client: PageClient, app: Flask, rdv_id: int
) -> None:
    """The same stranger, who says that the address they gave is not to be used: they still hold the link."""
    free(app, rdv_id)
    page = client.another().get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(PERSON)
    assert page.h1 == "Votre place est réservée"
    with app.app_context():
        theirs = db.session.scalars(select(Participation).order_by(Participation.id.desc())).first()
        assert theirs is not None
        change_statut(theirs.id, Statut.EXCUSE, by=Acteur.USAGER)
    fill_up(app, rdv_id)
    join(client, rdv_id, courriel="autre@exemple.fr")
    page = client.get(f"/p/{link(app)}").form("/canaux").submit(courriel=False)
    assert page.has("C’est noté : nous vous préviendrons par SMS.") and page.has("pour cette demande")
    free(app, rdv_id)
    page = client.get(f"/p/{link(app)}").form("/proposition").submit(button="Oui, je viens")
    assert page.url == f"/p/{link(app)}" and page.has("Vous avez déjà une place")


def test_who_waits_chooses_how_and_their_seat_keeps_it(client: PageClient, app: Flask, rdv_id: int) -> None:
    join(client, rdv_id)
    address = f"/p/{link(app)}"
    page = client.get(address).form("/canaux").submit(sms=False, courriel=False)
    assert page.has("Nous ne pourrons plus vous proposer de place par message")
    page = client.get(address).form("/canaux").submit(sms=True, courriel=True)
    assert page.has("par SMS et par courriel") and not page.has("proposer de place par message : revenez")
    page = client.get(f"{address}/desabonnement")
    assert page.has("Nous vous écrivons à e••••@exemple.fr")
    assert page.form("/desabonnement").submit().has("C’est noté : nous vous préviendrons par SMS.")
    click = {"List-Unsubscribe": "One-Click"}
    assert PageClient(app).flask.post(f"{address}/desabonnement", data=click).status_code == 200
    free(app, rdv_id)
    client.get(address).form("/proposition").submit(button="Oui, je viens")
    with app.app_context():
        seat = db.session.scalars(select(Participation).order_by(Participation.id.desc())).first()
        assert seat is not None and (seat.usager.notify_by_sms, seat.usager.notify_by_email) == (True, False)


def test_a_relative_waits_without_who_asks(client: PageClient, app: Flask, rdv_id: int) -> None:
    """From the booking that was too late, in one click; the messages and the link are the responsable's."""
    asked = {**PERSON, "pour": "proche"}
    page = client.get(f"/rdv/{rdv_id}/attente").form("/attente").submit(asked)
    assert page.status == 422 and "prénom de votre proche" in page.errors["accompagnants-0-prenom"]
    free(app, rdv_id)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(button="Réserver pour un proche")
    fill_up(app, rdv_id)
    page = form.form("/inscription").submit({**asked, "accompagnants-0-prenom": "Léa"}, button="Réserver la place")
    page = page.form("/attente").submit()
    assert page.select('[name="pour"][value="proche"][checked]')
    page = page.form("/attente").submit()
    assert page.h1 == "Vous êtes sur la liste d’attente"
    with app.app_context():
        entry = db.session.scalars(select(FileAttente)).one()
        assert (entry.places, entry.usager.first_name, entry.lecteur.first_name) == (1, "Léa", "Élodie")
        assert entry.adresses == {(Canal.SMS, "+33639981278"), (Canal.COURRIEL, "elodie@exemple.fr")}
    free(app, rdv_id)
    page = client.get(f"/p/{link(app)}").form("/proposition").submit(button="Oui, je viens")
    assert page.has("Rendez-vous pour Léa") and page.has("Votre place est réservée")


def test_accepting_for_somebody_who_had_left_does_not_open_their_link(
    client: PageClient, app: Flask, rdv_id: int
) -> None:
    free(app, rdv_id)
    client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(PERSON)
    with app.app_context():
        place = db.session.scalars(select(Participation).order_by(Participation.id.desc())).first()
        assert place is not None
        theirs, mine = place.id, links.token(links.PARTICIPATION, place.lien_nonce)
        change_statut(theirs, Statut.EXCUSE, by=Acteur.USAGER)
    fill_up(app, rdv_id)
    visitor = client.another()
    join(visitor, rdv_id, courriel="autre@exemple.fr")
    free(app, rdv_id)
    page = visitor.get(f"/p/{link(app)}").form("/proposition").submit(button="Oui, je viens")
    assert page.url == f"/p/{link(app)}" and page.has("Vous avez déjà une place") and mine not in page.html
    with app.app_context():
        assert db.session.get_one(Participation, theirs).courriel != "autre@exemple.fr"
