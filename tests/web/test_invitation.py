"""`/i/<token>`, as who is invited lives it without JavaScript; and what it never shows to anybody else."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.desk import sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from tests.visitors import another, change, fill_up, links_of, motif_address, session, statements
from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.invitations import LIFE
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Invitation, Participation, Rdv, Usager
from webapp.services.booking import change_statut
from webapp.services.checks import broken
from webapp.services.rdvs import cancel_rdv


@pytest.fixture
def rdv_id(app: Flask) -> int:
    """A session in ten days, for the invited only."""
    return session(
        app,
        motif_reservable_par=ReservablePar.INVITES,
        motif_name="Bilan de parcours",
        motif_instructions_avant="Pour qui a reçu notre invitation.",
    )


@pytest.fixture
def token(app: Flask, rdv_id: int) -> str:
    """Yasmina's."""
    with app.app_context():
        motif = db.session.get_one(Rdv, rdv_id).motif
        person = make.usager(
            motif.organisation_id,
            first_name="Yasmina",
            last_name="Amrani-Secret",
            phone="+33639980001",
            email="yasmina@exemple.fr",
        )
        row = make.invitation(motif, person)
        db.session.commit()
        return links.token(links.INVITATION, row.lien_nonce)


def invitation(app: Flask) -> Invitation:
    with app.app_context():
        return db.session.scalars(select(Invitation)).one()


def put(app: Flask, **values: object) -> None:
    """Change the invitation behind the site's back."""
    with app.app_context():
        row = db.session.scalars(select(Invitation)).one()
        for name, value in values.items():
            setattr(row, name, value)
        db.session.commit()


def opened(client: PageClient, token: str) -> Page:
    return client.get(f"/i/{token}", follow=True)


def book(client: PageClient, rdv_id: int, button: str = "Réserver cette place") -> Page:
    return client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(button=button)


def seats(app: Flask) -> dict[int, list[str]]:
    with app.app_context():
        found: dict[int, list[str]] = {}
        for place in db.session.scalars(select(Participation).order_by(Participation.id)):
            found.setdefault(place.rdv_id, []).append(f"{place.usager.first_name} {place.statut}")
        assert list(broken()) == []
        return found


# --- the journey ---------------------------------------------------------------------------------------------------


def test_from_the_link_to_the_seat_without_saying_who_one_is(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    page = client.get(f"/i/{token}")
    assert (page.status, page.location) == (303, motif_address(app, rdv_id))
    assert page.headers["Referrer-Policy"] == "no-referrer" and page.headers["Cache-Control"] == "no-store"
    page = client.get(page.location)
    assert page.h1 == "Bilan de parcours" and page.has("Invitation pour Yasmina") and page.has("12 places libres")
    page = page.link("Réserver le").link("Réserver ma place")
    assert page.h1 == "Réserver une place pour Yasmina" and page.has("Pour qui a reçu notre invitation.")
    assert page.has("par SMS au 06 •• •• •• 01 et par courriel à y••••@exemple.fr")
    assert set(page.form("/inscription").names) == {"csrf_token", "envoi", "connu"}
    page = page.form("/inscription").submit()
    assert page.history[0].status == 303 and page.h1 == "Votre place est réservée"
    assert page.has("06 •• •• •• 01") and page.has("y••••@exemple.fr")
    assert seats(app) == {rdv_id: ["Yasmina inscrit"]}
    with app.app_context():
        place = db.session.scalars(select(Participation)).one()
        assert place.invitation_id == invitation(app).id and place.origine is Acteur.USAGER
        assert db.session.scalar(select(func.count()).select_from(Usager)) == 1


def test_no_page_says_more_than_a_first_name_nor_where_the_keys_are(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    place = f"/rdv/{rdv_id}"
    pages = [opened(client, token), *(client.get(at) for at in (place, f"{place}/inscription"))]
    pages += [book(client, rdv_id), client.get(place), opened(client, token), client.get(f"{place}/confirmation")]
    for page in pages:
        for secret in ("Secret", "06 39 98", "yasmina@", token, *links_of(app)):
            assert secret not in page.html and secret not in page.location, (page.url, secret)
        assert page.headers["Cache-Control"] == "no-store"


def test_opening_marks_it_and_uses_nothing_up(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    assert client.flask.head(f"/i/{token}").status_code == 303 and invitation(app).ouverte_le is None
    for _ in range(3):
        opened(client.another(), token)  # what programs that look at links do
    first = invitation(app).ouverte_le
    assert first is not None and seats(app) == {}
    assert opened(client, token).has("Invitation pour Yasmina") and invitation(app).ouverte_le == first


def test_who_is_not_invited_sees_a_page_that_does_not_exist(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    unknown = client.get("/rdv/99999")
    address = motif_address(app, rdv_id)
    rdv = f"/rdv/{rdv_id}"
    paths = (rdv, f"{rdv}/inscription", f"{rdv}/jauge", f"{rdv}/rendez-vous.ics", f"{rdv}/confirmation", address)
    for path in paths:
        page = client.get(path)
        assert page.status == 404 and page.text.replace(path, "") == unknown.text, path
    for path in (f"/flux/rdv/{rdv_id}", f"/flux?rdv={rdv_id}"):
        assert client.get(path).status == 404
    assert not client.get("/").has("Bilan de parcours")
    invited = client.another()
    opened(invited, token)
    for path in paths[:-2]:
        assert invited.get(path).status == 200, path
    for path in (f"/flux/rdv/{rdv_id}", f"/flux?rdv={rdv_id}"):  # a stream is the same for everybody
        assert invited.get(path).status == 404
    gauge = invited.get(f"{rdv}/jauge")
    assert gauge.headers["Cache-Control"] == "private, no-cache" and "Cookie" in gauge.headers["Vary"]
    for page in (invited.get(address), invited.get(rdv)):
        assert page.select("[data-sonde]") and not page.select("#flux")


def test_another_motif_stays_closed(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    other = session(app, motif_reservable_par=ReservablePar.INVITES)
    opened(client, token)
    assert client.get(f"/rdv/{other}").status == client.get(motif_address(app, other)).status == 404


@pytest.mark.parametrize(
    "over", ["withdrawn", "expired", "altered", "place", "archived", "invisible", "cut", "forgotten"]
)
def test_what_opens_nothing_is_the_same_404(client: PageClient, app: Flask, rdv_id: int, token: str, over: str) -> None:
    never = client.get("/i/aaaaaaaaaaaaaaaaaaaaaa")
    assert never.status == 404 and never.has("Ce lien ne mène à aucun rendez-vous.")
    moment = utcnow()
    if over == "withdrawn":
        put(app, retiree_le=utcnow())
    elif over == "expired":
        moment += LIFE
    elif over in ("archived", "invisible"):
        change(app, rdv_id, **{"motif_archived_at": utcnow()} if over == "archived" else {"motif_visibilite": over})
    elif over == "altered":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    elif over == "cut":
        token = token[:-1]
    elif over == "place":
        with app.app_context():
            place = make.participation(db.session.get_one(Rdv, rdv_id))
            db.session.commit()
            token = links.token(links.PARTICIPATION, place.lien_nonce)
    else:
        with app.app_context():
            db.session.scalars(select(Usager)).one().anonymise_le = utcnow()
            db.session.commit()
    with time_machine.travel(moment, tick=False):
        page = client.get(f"/i/{token}")
        assert (page.status, page.text) == (404, never.text)
        assert client.get(f"/rdv/{rdv_id}").status == 404


def test_an_invitation_is_not_the_key_of_a_place(client: PageClient, rdv_id: int, token: str) -> None:
    for path in (f"/p/{token}", f"/p/{token}/desistement", f"/mes-rendez-vous/{token}"):
        assert client.get(path).status == 404


# --- one seat ------------------------------------------------------------------------------------------------------


def test_a_second_choice_is_said_then_changed(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    other = another(app, rdv_id, starts_at=utcnow() + timedelta(days=12))
    opened(client, token)
    book(client, rdv_id)
    page = opened(client.another(), token)
    assert page.has("Une date est déjà choisie") and "/p/" not in page.html
    page = client.get(f"/rdv/{other}/inscription")
    assert page.has("a déjà une place à une autre séance") and page.has("Changer pour cette séance")
    page = page.form("/inscription").submit()
    assert page.h1 == "Votre place est réservée"
    assert seats(app) == {rdv_id: ["Yasmina excuse"], other: ["Yasmina inscrit"]}


def test_a_choice_made_meanwhile_elsewhere_is_told_and_offered(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    other = another(app, rdv_id)
    opened(client, token)
    form = client.get(f"/rdv/{other}/inscription").form("/inscription")
    phone = client.another()
    opened(phone, token)
    book(phone, rdv_id)
    page = form.submit()
    assert page.status == 409 and page.title.startswith("Erreur : ")
    assert page.has("Vous avez déjà une place à une autre séance de cet atelier.")
    assert seats(app) == {rdv_id: ["Yasmina inscrit"]}
    assert page.form("/inscription").submit(button="Changer").h1 == "Votre place est réservée"
    assert seats(app) == {rdv_id: ["Yasmina excuse"], other: ["Yasmina inscrit"]}


def test_given_back_it_may_be_used_again(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    opened(client, token)
    book(client, rdv_id)
    (place,) = links_of(app)
    client.get(f"/p/{place}/desistement").form("/desistement").submit()
    assert seats(app) == {rdv_id: ["Yasmina excuse"]}
    page = opened(client, token)
    assert page.has("Choisissez une date") and not page.has("Une date est déjà choisie")
    assert book(client, rdv_id).h1 == "Votre place est réservée"
    assert seats(app) == {rdv_id: ["Yasmina inscrit"]}


def test_a_session_that_is_cancelled_leads_back_to_the_invitation(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    opened(client, token)
    book(client, rdv_id)
    (place,) = links_of(app)
    words = "Votre invitation reste valable"
    assert not client.another().get(f"/p/{place}").has(words)
    with app.app_context():
        agent = make.agent(db.session.get_one(Rdv, rdv_id).motif.service)
        db.session.commit()
        cancel_rdv(rdv_id, agent=agent, raison="", prevenir=True)
    assert client.another().get(f"/p/{place}").has(words)
    assert opened(client, token).has("Choisissez une date")
    put(app, retiree_le=utcnow())
    assert not client.another().get(f"/p/{place}").has(words)


def test_going_back_to_a_seat_after_choosing_another_is_refused(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    other = another(app, rdv_id)
    opened(client, token)
    book(client, rdv_id)
    book(client, other, "Changer pour cette séance")
    (place, _) = links_of(app)
    page = client.get(f"/p/{place}").form("/reinscription").submit()
    assert page.status == 409 and page.has("Vous avez choisi une autre séance depuis")
    assert seats(app) == {rdv_id: ["Yasmina excuse"], other: ["Yasmina inscrit"]}


def test_a_double_click_and_a_second_browser_answer_the_same(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    opened(client, token)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    answers = [form.submit(follow=False), form.submit(follow=False)]
    other = client.another()
    opened(other, token)
    answers.append(other.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit(follow=False))
    assert {(page.status, page.location) for page in answers} == {(303, f"/rdv/{rdv_id}/confirmation")}
    assert seats(app) == {rdv_id: ["Yasmina inscrit"]}


# --- refused -------------------------------------------------------------------------------------------------------


def test_full_meanwhile_shows_the_other_dates(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    other = another(app, rdv_id)
    opened(client, token)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    fill_up(app, rdv_id)
    page = form.submit()
    assert page.status == 409 and page.has("Cette séance est maintenant complète.")
    assert page.select(f'a[href="/rdv/{other}"]') and not page.select("main form[action], main form[method=post]")
    assert client.get(f"/rdv/{rdv_id}/inscription").location == f"/rdv/{rdv_id}"
    assert client.get(f"/rdv/{rdv_id}").select(f'a[href="/rdv/{other}"]')


def test_withdrawn_while_the_form_was_open_is_an_unknown_page(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    opened(client, token)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    put(app, retiree_le=utcnow())
    assert form.submit().status == 404 and seats(app) == {}


def test_a_stale_form_and_one_whose_session_moved_come_back(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    opened(client, token)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    page = form.submit(csrf_token="périmé")
    assert page.status == 419 and page.has("ouverte depuis trop longtemps")
    change(app, rdv_id, intitule="ailleurs")
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        rdv.starts_at += timedelta(hours=2)
        rdv.ends_at += timedelta(hours=2)
        db.session.commit()
    page = page.form("/inscription").submit()
    assert page.status == 409 and page.has("vient de changer") and seats(app) == {}
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"


def test_what_another_form_carries_books_nobody(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    opened(client, token)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    data = {name: values[-1] for name, values in form.values.items()} | {"reprendre": "1", "prenom": "Awa"}
    assert client.post(form.action, data=data).status == 200 and seats(app) == {}


def test_posts_are_counted_like_those_of_the_other_forms(
    client: PageClient, app: Flask, rdv_id: int, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.web.public import invitation as views
    from webapp.web.public.limites import TropDeDemandes

    def too_many() -> None:
        raise TropDeDemandes

    monkeypatch.setattr(views, "check_rate", too_many)
    opened(client, token)
    page = book(client, rdv_id)
    assert page.status == 429 and page.headers["Retry-After"] and seats(app) == {}


# --- what a browser keeps ------------------------------------------------------------------------------------------


def test_it_is_forgotten_after_half_an_hour_without_use(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    start = utcnow()
    with time_machine.travel(start, tick=False) as clock:
        opened(client, token)
        for _ in range(3):
            clock.shift(timedelta(minutes=29))
            assert client.get(f"/rdv/{rdv_id}").status == 200
        clock.shift(timedelta(minutes=29))
        assert client.get(f"/rdv/{rdv_id}/jauge", htmx=True).status == 200  # asked by the page itself
        clock.shift(timedelta(minutes=2))
        assert client.get(f"/rdv/{rdv_id}").status == 404
        assert opened(client, token).has("Invitation pour Yasmina")


def test_it_is_closed_on_a_shared_screen(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    page = opened(client, token).form("/i/fermeture").submit(button="Ce n’est pas vous")
    assert page.has("n’est plus ouverte sur cet appareil") and client.get(f"/rdv/{rdv_id}").status == 404
    opened(client, token)
    book(client, rdv_id).form("/confirmation").submit(button="Terminer")
    assert client.get(f"/rdv/{rdv_id}").status == 404


def test_another_link_opened_here_takes_its_place(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    with app.app_context():
        motif = db.session.get_one(Rdv, rdv_id).motif
        second = make.invitation(motif, make.usager(motif.organisation_id, first_name="Karim"))
        db.session.commit()
        other = links.token(links.INVITATION, second.lien_nonce)
    opened(client, token)
    assert opened(client, other).has("Invitation pour Karim")
    book(client, rdv_id)
    assert seats(app) == {rdv_id: ["Karim inscrit"]}


def test_a_cookie_made_up_opens_nothing(client: PageClient, app: Flask, rdv_id: int, token: str) -> None:
    """The session is signed: who does not hold the link holds nothing, even with the fingerprint the database keeps."""
    found = invitation(app).lien_hash
    client.flask.set_cookie("session", f"eyJpbnZpdGF0aW9uIjp7ImxpZW4iOiJ7{found}In19.aaaa.bbbb")
    assert client.get(f"/rdv/{rdv_id}").status == 404
    assert client.get(f"/i/{found[:22]}").status == 404


def test_an_invitation_to_an_open_motif_spares_the_form(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    change(app, rdv_id, motif_reservable_par=ReservablePar.TOUS)
    assert client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").names >= {"prenom", "nom"}
    page = opened(client, token)
    assert page.select("#flux")  # what is public is streamed
    assert book(client, rdv_id).h1 == "Votre place est réservée" and seats(app) == {rdv_id: ["Yasmina inscrit"]}


def test_a_child_is_invited_through_who_answers_for_them(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    with app.app_context():
        motif = db.session.get_one(Rdv, rdv_id).motif
        parent = db.session.scalars(select(Usager)).one()
        child = make.usager(motif.organisation_id, first_name="Léa", phone=None, responsable=parent)
        row = make.invitation(motif, child)
        db.session.commit()
        token = links.token(links.INVITATION, row.lien_nonce)
    page = opened(client, token)
    assert page.has("Invitation pour Léa")
    assert client.get(f"/rdv/{rdv_id}/inscription").has("par SMS au 06 •• •• •• 01")
    book(client, rdv_id)
    assert seats(app) == {rdv_id: ["Léa inscrit"]}


def test_a_person_the_service_removed_does_not_come_back_by_it(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    opened(client, token)
    book(client, rdv_id)
    with app.app_context():
        place = db.session.scalars(select(Participation)).one()
        agent = make.agent(place.rdv.motif.service)
        db.session.commit()
        change_statut(place.id, Statut.ANNULE, by=Acteur.AGENT, agent=agent)
    page = book(client, rdv_id)
    assert page.status == 409 and page.has("Nous ne pouvons pas enregistrer cette inscription en ligne.")


def test_pages_ask_the_database_no_more_than_one_question_for_it(
    client: PageClient, app: Flask, rdv_id: int, token: str
) -> None:
    other = client.another()
    with statements(app) as nobody:
        other.get(f"/rdv/{rdv_id}")
    opened(client, token)
    with statements(app) as invited:
        client.get(f"/rdv/{rdv_id}")
    assert not any("invitations" in one for one in nobody)
    assert sum("FROM invitations" in one for one in invited) == 1 and len(invited) <= 4
