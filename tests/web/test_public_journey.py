"""The main job, as a person without JavaScript lives it: from the list of workshops to one's own appointment."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests.pages import PageClient
from tests.visitors import PERSON, another, book, change, counts, fill_up, links_of, session, statements
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Notification, Participation
from webapp.services.booking import change_statut


@pytest.fixture
def rdv_id(app: Flask) -> int:
    """A session in ten days with twelve free seats."""
    return session(
        app,
        motif_instructions_avant="Pour qui vient d’ouvrir un droit.",
        motif_instructions_apres="Prévoyez une pièce d’identité.",
    )


def test_from_the_list_to_the_confirmation(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = client.get("/")
    assert page.has("Mes droits au RSA") and page.has("12 places libres") and page.has("26990 Valmont")
    page = page.link("Mes droits au RSA")
    assert page.h1 == "Mes droits au RSA" and page.has("Pour qui vient d’ouvrir un droit.")
    page = page.link("Réserver le")
    assert page.url == f"/rdv/{rdv_id}" and page.has("Accessible en fauteuil") and page.has("12 places libres")
    page = page.link("Réserver ma place")
    page = page.form("/inscription").submit(PERSON)
    assert page.history[0].status == 303 and page.url == f"/rdv/{rdv_id}/confirmation"
    assert page.h1 == "Votre place est réservée"
    assert page.has("06 •• •• •• 78") and page.has("e••••@exemple.fr") and page.has("Prévoyez une pièce d’identité.")
    assert "/p/" not in page.html and "N’Diaye" not in page.html and links_of(app)[0] not in page.html
    assert page.headers["Cache-Control"] == "no-store"
    assert counts(app) == (1, 1, 1)


def test_a_booking_is_few_statements(client: PageClient, app: Flask, rdv_id: int) -> None:
    for number, person in enumerate((PERSON, {**PERSON, "nom": "Autre"}), 1):
        visitor = client.another()
        with statements(app) as seen:
            page = visitor.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(person)
        assert page.url.endswith("/confirmation")
        assert len(seen) <= 20, "\n".join(seen)
        assert counts(app)[2] == number


def test_excuse_oneself_and_come_back(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    visitor = client.another()
    page = visitor.get(f"/p/{links_of(app)[0]}")
    assert page.has("Rendez-vous pour Élodie") and page.has("Nous vous attendons") and "N’Diaye" not in page.html
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    assert page.select('meta[name="robots"][content="noindex"]')
    page = page.link("Je ne pourrai pas venir")
    page = page.form("/desistement").submit(raison="santé")
    assert page.has("C’est noté") and page.has("Vous avez prévenu que vous ne viendrez pas")
    assert counts(app) == (1, 1, 0)
    with app.app_context():
        row = db.session.scalars(select(Participation)).one()
        assert (row.statut, row.raison) == (Statut.EXCUSE, "santé")
    page = page.form("/reinscription").submit()
    assert page.has("Votre place est à nouveau réservée") and page.has("Nous vous attendons")
    assert counts(app) == (1, 1, 1)


def test_the_confirmation_is_for_this_browser_and_for_a_while(client: PageClient, app: Flask, rdv_id: int) -> None:
    assert client.get(f"/rdv/{rdv_id}/confirmation").location == f"/rdv/{rdv_id}"
    book(client, rdv_id)
    address = f"/rdv/{rdv_id}/confirmation"
    assert client.get(address).status == 200
    assert client.another().get(address).location == f"/rdv/{rdv_id}"
    with time_machine.travel(utcnow() + timedelta(minutes=31), tick=False):
        assert client.get(address).location == f"/rdv/{rdv_id}"


def test_terminer_leaves_nothing_on_a_shared_screen(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = book(client, rdv_id)
    page = page.form("/confirmation").submit(button="Terminer")
    assert page.url == "/" and page.has("C’est terminé")
    assert client.get(f"/rdv/{rdv_id}/confirmation").location == f"/rdv/{rdv_id}"
    assert counts(app) == (1, 1, 1)


def test_asking_twice_gets_the_same_answer_and_one_seat(client: PageClient, app: Flask, rdv_id: int) -> None:
    first = book(client, rdv_id)
    again = book(client.another(), rdv_id, nom="N'DIAYE", prenom="elodie")
    assert again.h1 == first.h1 and again.text == first.text
    assert counts(app) == (1, 1, 1)
    # A contact that differs stays with the booking that brought it: the answer shows what was typed, not what is known.
    other = book(client.another(), rdv_id, courriel="autre@exemple.fr")
    assert other.has("a••••@exemple.fr") and not other.has("e••••@exemple.fr")
    assert counts(app) == (1, 1, 1)


def test_asking_twice_when_full_gets_the_same_answer(client: PageClient, app: Flask, rdv_id: int) -> None:
    first = book(client, rdv_id)
    form = client.another().get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    fill_up(app, rdv_id)
    assert form.submit(PERSON).text == first.text


def test_a_double_click_books_once(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    pages = [form.submit(PERSON), form.submit(PERSON)]
    assert [page.h1 for page in pages] == ["Votre place est réservée"] * 2
    assert counts(app) == (1, 1, 1)
    with app.app_context():
        told = db.session.scalars(select(Notification).where(Notification.event == "inscription")).all()
        assert len({row.changement for row in told}) == 1  # the second click told nobody anything


def test_coming_back_by_the_form_reuses_the_place_and_its_link(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    (token,) = links_of(app)
    client.get(f"/p/{token}/desistement").form("/desistement").submit()
    assert counts(app) == (1, 1, 0)
    assert book(client, rdv_id).h1 == "Votre place est réservée"
    assert counts(app) == (1, 1, 1) and links_of(app) == [token]


def test_a_full_session_proposes_others_with_what_was_typed(client: PageClient, app: Flask, rdv_id: int) -> None:
    other = another(app, rdv_id, starts_at=utcnow() + timedelta(days=12))
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    fill_up(app, rdv_id)
    before = counts(app)
    page = form.submit(PERSON)
    assert page.status == 409 and page.title.startswith("Erreur") and page.has("Cette séance est maintenant complète.")
    assert page.select('#nom[value="N’Diaye"]') and page.select('#telephone[value="06 39 98 12 78"]')
    page = page.form(f"/rdv/{other}/inscription").submit()
    assert page.status == 200 and page.url == f"/rdv/{other}/inscription" and not page.errors
    assert page.select('#courriel[value="elodie@exemple.fr"]')
    assert counts(app) == before  # filling a form writes nothing
    page = page.form("/inscription").submit()
    assert page.url == f"/rdv/{other}/confirmation"
    assert counts(app)[1] == before[1] + 1


def test_a_full_session_with_no_other_says_whom_to_call(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    fill_up(app, rdv_id)
    page = form.submit(PERSON)
    assert page.status == 409 and page.has("Aucune autre date") and page.has("04 75 99 01 00")


def test_the_session_page_says_why_not(client: PageClient, app: Flask, rdv_id: int) -> None:
    other = another(app, rdv_id, starts_at=utcnow() + timedelta(days=12))
    fill_up(app, rdv_id)
    page = client.get(f"/rdv/{rdv_id}")
    assert page.has("Complet") and "Réserver ma place" not in page.text
    assert page.select(f'a[href="/rdv/{other}"]')
    assert client.get(f"/rdv/{rdv_id}/inscription").location == f"/rdv/{rdv_id}"
    change(app, rdv_id, cancelled_at=utcnow())
    assert client.get(f"/rdv/{rdv_id}").has("Cette séance est annulée")
    change(app, other, starts_at=utcnow() - timedelta(hours=3), ends_at=utcnow() - timedelta(hours=1))
    assert client.get(f"/rdv/{other}").has("Cette séance a déjà commencé ou est passée")


def test_the_appointment_says_what_became_of_it(client: PageClient, app: Flask, rdv_id: int) -> None:
    other = another(app, rdv_id, starts_at=utcnow() + timedelta(days=12))
    book(client, rdv_id)
    book(client, other)
    first, second = links_of(app)
    with app.app_context():
        row = db.session.scalars(select(Participation).where(Participation.rdv_id == rdv_id)).one()
        change_statut(row.id, Statut.ANNULE, by=Acteur.AGENT)
    page = client.get(f"/p/{first}")
    assert page.has("Votre place a été retirée") and not page.select("main form")
    change(app, other, cancelled_at=utcnow())
    page = client.get(f"/p/{second}")
    assert page.has("Ce rendez-vous est annulé par le service") and page.select(f'a[href="/rdv/{rdv_id}"]')
    change(app, other, cancelled_at=None, starts_at=utcnow() - timedelta(hours=3), ends_at=utcnow())
    page = client.get(f"/p/{second}")
    assert page.has("Rendez-vous passé") and "Je ne pourrai pas venir" not in page.text


def test_calendar_files_carry_no_link_and_no_name(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = book(client, rdv_id)
    (token,) = links_of(app)
    assert page.select(f'a[href="/rdv/{rdv_id}/rendez-vous.ics"]')
    for address in (f"/rdv/{rdv_id}/rendez-vous.ics", f"/p/{token}/rendez-vous.ics"):
        answer = client.get(address)
        assert answer.headers["Content-Type"].startswith("text/calendar")
        assert "attachment" in answer.headers["Content-Disposition"]
        assert "BEGIN:VEVENT" in answer.html and token not in answer.html and "Diaye" not in answer.html
    assert client.get(f"/p/{token}/rendez-vous.ics").headers["Cache-Control"] == "no-store"


def test_other_messages_are_announced_as_they_will_be(client: PageClient, app: Flask) -> None:
    quiet = session(app, motif_visibilite="visible_non_notifie")
    assert book(client, quiet).has("nous ne pouvons pas vous envoyer de confirmation")
    landline = session(app, motif_champs=["telephone"])
    form = client.get(f"/rdv/{landline}/inscription").form("/inscription")
    page = form.submit(prenom="Paul", nom="Rey", telephone="04 75 99 01 02")
    assert page.has("nous ne pouvons pas vous envoyer de confirmation")
    mails = session(app, org_confirmation_sms="sans_courriel")
    page = book(client, mails)
    assert page.has("par courriel à e••••@exemple.fr") and not page.has("par SMS")


def test_a_link_that_was_cut_says_what_to_do_and_whom_to_call(client: PageClient, app: Flask) -> None:
    session(app)
    page = client.get("/p/4XlTeL09H70Egw2")
    assert page.status == 404 and page.has("copiez-le en entier") and page.has("dernier message reçu")
    assert page.select("main a[href^='tel:']")


def test_who_booked_and_goes_back_to_a_full_session_reads_that_they_have_it(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    assert book(client, rdv_id).has("Votre place est réservée")
    fill_up(app, rdv_id)
    assert client.get(f"/rdv/{rdv_id}/inscription").location == f"/rdv/{rdv_id}"
    page = client.get(f"/rdv/{rdv_id}")
    assert page.has("Complet") and page.has("Vous avez réservé une place ici")
    assert page.link("Voir votre réservation").has("Votre place est réservée")
    assert not PageClient(app).get(f"/rdv/{rdv_id}").has("Vous avez réservé")
