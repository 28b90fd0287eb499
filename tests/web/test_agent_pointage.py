"""The day of the workshop on the sheet: one click for all, a change taken back, walk-ins, notes, an open door."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, order, sound, sqlite_only, tap, today, told  # noqa: F401
from tests.pages import Page, PageClient
from tests.web.test_agent_live import crowd, lines, targets
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import EtatNotification, Journal, Notification, Participation, Rdv, Usager
from webapp.services.booking import book_seat, change_statut
from webapp.services.retention import erase

NOTE = "Vient avec un fauteuil roulant, entrée par la cour."


@pytest.fixture
def going_on(app: Flask) -> Desk:
    """A session that has just begun, with three people."""
    return desk(app, starts_at=today())


@pytest.fixture
def made(app: Flask) -> Desk:
    """A session in ten days with three people."""
    return desk(app)


def statuts(made: Desk) -> list[str]:
    return [made.place(n).statut.value for n in range(len(made.places))]


def sheet(client: PageClient, made: Desk) -> Page:
    return client.get(f"/agent/rdv/{made.rdv}")


def all_at_once(client: PageClient, made: Desk, button: str = "Tous présents", **options: object) -> Page:
    form = sheet(client, made).form("/statuts", css="#tous")
    form.values |= {"depuis": [str(made.session().version)], "dernier": ["99999"]}
    return form.submit(button=button, **options)  # type: ignore[arg-type]


def later(made: Desk, seconds: float) -> None:
    """What was done was done that long ago."""
    with made.app.app_context():
        for row in db.session.scalars(select(Participation)):
            row.statut_le -= timedelta(seconds=seconds)
        db.session.commit()


def journal(made: Desk, action: str) -> list[dict[str, object]]:
    with made.app.app_context():
        return [line.details for line in db.session.scalars(select(Journal).where(Journal.action == action))]


# --- one click for all ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("htmx", [False, True])
def test_all_present_then_the_few_corrected(going_on: Desk, htmx: bool) -> None:
    client = going_on.log_in()
    tap(going_on.log_in("référent"), going_on, 1, "absent")
    with going_on.app.app_context():
        change_statut(going_on.places[2], Statut.EXCUSE, by=Acteur.AGENT)
    page = all_at_once(client, going_on, htmx=htmx)
    assert page.status == 200 and page.whole is not htmx
    assert statuts(going_on) == ["present", "absent", "excuse"]  # only who was still « inscrit »
    if htmx:
        assert f"participation-{going_on.places[0]}" in page.html
        assert f"participation-{going_on.places[1]}" not in page.html
    assert tap(client, going_on, 0, "absent").status == 303
    assert all_at_once(client, going_on).has("rien n’a changé")
    assert len(journal(going_on, "statut")) == 4 and sound(going_on)


def test_all_present_takes_back_nobody_who_left(going_on: Desk) -> None:
    """Rule 20: neither « Tous présents » nor « Tout remettre à Inscrit »."""
    client = going_on.log_in()
    with going_on.app.app_context():
        rdv = db.session.get_one(Rdv, going_on.rdv)
        row = make.participation(rdv, statut=Statut.EXCUSE, statut_par=Acteur.USAGER)
        going_on.places += [row.id, make.participation(rdv, statut=Statut.ANNULE).id]
        db.session.commit()
    all_at_once(client, going_on)
    tap(client, going_on, 0, "absent")
    assert statuts(going_on) == ["absent", "present", "present", "excuse", "annule"]
    all_at_once(client, going_on, "Tout remettre")
    assert statuts(going_on) == ["inscrit", "inscrit", "inscrit", "excuse", "annule"]
    tap(client, going_on, 0, "present")
    all_at_once(client, going_on, "Les autres absents")
    assert statuts(going_on) == ["present", "absent", "absent", "excuse", "annule"] and sound(going_on)


def test_all_present_waits_for_the_day_and_is_refused_in_a_cancelled_session(made: Desk) -> None:
    client = made.log_in()
    page = sheet(client, made)
    assert not page.select("form[action$=statuts]")
    data = {"csrf_token": page.select("[name=csrf_token]")[0].attributes["value"], "statut": "present"}
    for htmx in (False, True):
        page = client.post(f"/agent/rdv/{made.rdv}/statuts", data=data, htmx=htmx)
        assert page.status == 409 and page.has("« Présent » se note à partir du jour de l’atelier.")
    assert client.post(f"/agent/rdv/{made.rdv}/statuts", data=data | {"statut": "excuse"}).status == 409
    assert client.post(f"/agent/rdv/{made.rdv}/statuts", data=data | {"statut": "zut"}).status == 400
    with made.app.app_context():
        db.session.execute(update(Rdv).values(cancelled_at=utcnow(), starts_at=today(), ends_at=today(1)))
        db.session.commit()
    page = client.post(f"/agent/rdv/{made.rdv}/statuts", data=data)
    assert page.status == 409 and page.has("Cette séance est annulée")
    assert statuts(made) == ["inscrit"] * 3


def test_the_click_on_all_is_taken_back_but_for_who_changed_since(going_on: Desk) -> None:
    client = going_on.log_in()
    page = all_at_once(client, going_on)
    assert page.has("3 personnes notées « Présent »")
    tap(going_on.log_in("référent"), going_on, 1, "absent")
    assert not sheet(going_on.log_in("référent"), going_on).has("Annuler pour tous")  # not theirs
    page = page.form("/statuts", css="#lot form").submit(button="Annuler pour tous")
    assert page.has("C’est annulé.") and statuts(going_on) == ["inscrit", "absent", "inscrit"]
    assert [line.get("retour") for line in journal(going_on, "statut")] == [None] * 4 + [True] * 2
    assert page.has("a annulé son changement : Prénom0 Nom000 est à nouveau « Inscrit »") and sound(going_on)


def test_the_click_on_all_is_not_taken_back_a_minute_later(going_on: Desk) -> None:
    client = going_on.log_in()
    page = all_at_once(client, going_on, htmx=True)
    form = page.form("/statuts")
    later(going_on, 60)
    page = form.submit(button="Annuler pour tous")
    assert page.status == 409 and page.has("trop tard") and statuts(going_on) == ["present"] * 3


def test_all_present_takes_as_many_statements_for_500_people(going_on: Desk) -> None:
    client = going_on.log_in()
    counts = []
    for people in (0, 500):
        crowd(going_on.app, going_on.rdv, people)
        form = sheet(client, going_on).form("/statuts", css="#tous")
        with going_on.app.app_context(), statements() as seen:
            assert form.submit(button="Tous présents", follow=False).status == 303
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16
    with going_on.app.app_context():
        assert {p.statut for p in db.session.scalars(select(Participation))} == {Statut.PRESENT}


# --- a change taken back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("htmx", [False, True])
def test_a_tap_is_taken_back_for_ten_seconds(going_on: Desk, htmx: bool) -> None:
    client = going_on.log_in()
    page = tap(client, going_on, 0, "absent", htmx=htmx)
    if not htmx:
        page = sheet(client, going_on)
    button = page.select(f"#participation-{going_on.places[0]} [data-retour]")[0]
    assert 8 <= int(str(button.attributes["data-retour"])) <= 10
    form = page.form(f"/{going_on.places[0]}/statut")
    page = form.submit(button="Annuler ce changement", htmx=htmx)
    assert page.status == 200 and statuts(going_on)[0] == "inscrit" and going_on.place().version == 3
    assert not page.select("[data-retour]")
    assert form.submit(button="Annuler ce changement", htmx=htmx).status == 200  # twice is once
    assert going_on.place().version == 3 and sound(going_on)


def colleague(made: Desk) -> None:
    tap(made.log_in("référent"), made, 0, "present")


def person(made: Desk) -> None:
    with made.app.app_context():
        change_statut(made.places[0], Statut.INSCRIT, by=Acteur.USAGER)


def a_minute(made: Desk) -> None:
    later(made, 60)


def newcomer(made: Desk) -> None:
    with made.app.app_context():
        book_seat(made.rdv, Identity("Zoé", "Martin", "+33639980099"), by=Acteur.USAGER, envoi="zoé")


@pytest.mark.parametrize(
    ("who", "hours", "words", "after"),
    [
        (colleague, 1, "vient de passer à « Présent » (Nadia", "present"),
        (person, 48, "vient de passer à « Inscrit » (la personne elle-même)", "inscrit"),
        (a_minute, 1, "trop tard", "excuse"),
        (newcomer, 48, "La place n’est plus libre", "excuse"),
    ],
)
def test_who_else_changed_it_wins(
    app: Flask, who: Callable[[Desk], None], hours: float, words: str, after: str
) -> None:
    made = desk(app, starts_at=today(hours if hours > 24 else -0.5), capacite_max=3)
    client = made.log_in()
    tap(client, made, 0, "excuse")
    form = sheet(client, made).form(f"/{made.places[0]}/statut")
    who(made)
    page = form.submit(button="Annuler ce changement", htmx=True)
    assert page.status == 409 and page.has(words)
    assert made.place().statut == after and sound(made)


def test_what_is_taken_back_is_as_it_was(made: Desk) -> None:
    """Who had said why they can't come, themself, still has."""
    with made.app.app_context():
        change_statut(made.places[0], Statut.EXCUSE, by=Acteur.USAGER, raison="Transport")
    client = made.log_in()
    before = made.place()
    tap(client, made, 0, "inscrit")
    sheet(client, made).form(f"/{made.places[0]}/statut").submit(button="Annuler ce changement")
    after = made.place()
    for name in ("statut", "statut_par", "statut_par_agent_id", "raison", "prevenir", "inscrit_le"):
        assert getattr(after, name) == getattr(before, name), name
    assert made.session().places_prises == 2 and sound(made)


@pytest.mark.parametrize("left", [False, True])
def test_who_was_told_is_told_again_and_who_was_not_hears_nothing(made: Desk, left: bool) -> None:
    client = made.log_in()
    tap(client, made, 0, "excuse")
    if left:
        with made.app.app_context():
            for message in db.session.scalars(select(Notification)):
                message.etat, message.envoyee_le = EtatNotification.ENVOYEE, utcnow()
            db.session.commit()
    sheet(client, made).form(f"/{made.places[0]}/statut").submit(button="Annuler ce changement")
    assert len(told(made, "inscription")) == (1 if left else 0)
    assert made.place().prevenir and sound(made)


def test_only_who_did_it_is_offered_to_take_it_back(going_on: Desk) -> None:
    tap(going_on.log_in("référent"), going_on, 0, "present")
    client = going_on.log_in()
    page = sheet(client, going_on)
    assert not page.select("[data-retour]")
    form = page.form(f"/{going_on.places[0]}/statut")
    data = {name: values[-1] for name, values in form.values.items()} | {"statut": "retour"}
    assert client.post(form.action, data=data).status == 409 and statuts(going_on)[0] == "present"


# --- walk-ins ------------------------------------------------------------------------------------------------------


def test_a_walk_in_is_one_line_and_there_already(going_on: Desk) -> None:
    client = going_on.log_in()
    page = sheet(client, going_on).form("/recherche").submit(q="Awa Diallo")
    page = page.form("/participations", css="#nouvelle").submit(button="Inscrire Awa Diallo")
    assert page.has("DIALLO Awa") and page.has("a inscrit Awa Diallo, à son arrivée")
    with going_on.app.app_context():
        row = db.session.scalars(select(Participation).order_by(Participation.id.desc())).first()
        assert row and row.statut is Statut.PRESENT and row.usager.phone is None
    assert told(going_on, "inscription") == [] and sound(going_on)


def test_before_the_start_who_is_added_is_expected(made: Desk) -> None:
    client = made.log_in()
    page = client.get(f"/agent/usagers/recherche?rdv={made.rdv}&q=Awa+Diallo")
    page.form("/participations", css="#nouvelle").submit(button="Inscrire Awa Diallo")
    with made.app.app_context():
        row = db.session.scalars(select(Participation).order_by(Participation.id.desc())).first()
        assert row and row.statut is Statut.INSCRIT


def test_who_comes_back_during_the_session_is_there(going_on: Desk) -> None:
    client = going_on.log_in()
    tap(client, going_on, 0, "excuse")
    page = client.get(f"/agent/usagers/recherche?rdv={going_on.rdv}&q=nom000")
    page.form("/participations", css="#resultats form").submit(button="Inscrire Prénom0")
    assert statuts(going_on)[0] == "present" and sound(going_on)


def test_somebody_of_that_name_is_proposed_before_a_new_file(made: Desk) -> None:
    with made.app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        known = make.usager(rdv.organisation_id, first_name="Awa", last_name="Diallo").id
        db.session.commit()
    client = made.log_in()
    form = sheet(client, made).form("/participations")
    typed = {"prenom": "awa", "nom": "DIALLO", "telephone": "06 39 98 55 66"}
    page = form.submit(**typed)
    assert page.status == 409 and page.has("Une personne de ce nom existe déjà")
    assert page.select("#telephone")[0].attributes["value"] == "06 39 98 55 66"
    assert made.session().places_prises == 3
    chosen = page.form("/participations", css="#resultats form")
    other = page.form("/participations", css="#creation form")
    assert chosen.submit(button="Inscrire Awa Diallo").status == 200
    assert other.submit(button="Créer et inscrire").has("5 places prises sur 12")
    with made.app.app_context():
        people = db.session.scalars(select(Usager.id).where(Usager.last_name.in_(["Diallo", "DIALLO"]))).all()
        assert known in people and len(people) == 2
    assert sound(made)


def test_a_name_alone_sent_twice_is_one_person_and_nobody_is_asked_who_did_not_ask(made: Desk) -> None:
    client = made.log_in()
    form = sheet(client, made).form("/participations")
    for _ in range(2):
        assert form.submit(prenom="Awa", nom="Diallo", follow=False).status == 303
    assert made.session().places_prises == 4
    form = sheet(client, made).form("/participations")
    del form.values["verifier"]
    assert form.submit(prenom="Awa", nom="Diallo", follow=False).status == 303
    assert made.session().places_prises == 5


@pytest.mark.parametrize("over", [False, True])
def test_overbooking_is_said_when_it_is_done(app: Flask, over: bool) -> None:
    made = desk(app, people=3, capacite_max=3 if over else 4, starts_at=today())
    client = made.log_in("référent")
    page = client.get(f"/agent/usagers/recherche?rdv={made.rdv}&q=Awa+Diallo")
    page = page.form("/participations", css="#nouvelle").submit(button="Inscrire Awa Diallo")
    if over:
        again = page.form("/participations", css="[role=alert] form")
        again.values["surbooking"] = ["1"]
        page = again.submit()
        assert page.has("4 personnes pour 3 places") and page.has("4 places prises sur 3")
    assert page.has("en surnombre") is over and sound(made)


# --- a note about one person ---------------------------------------------------------------------------------------


def note_form(client: PageClient, made: Desk, **options: object) -> Page:
    return client.get(f"/agent/rdv/{made.rdv}/participations/{made.places[0]}/note", **options)  # type: ignore[arg-type]


def test_a_note_about_one_person(made: Desk) -> None:
    client = made.log_in()
    page = sheet(client, made).link("Note et messages de Prénom0 Nom000")
    assert page.h1 == "Note et messages de Prénom0 Nom000" and page.has("uniquement des faits utiles à l’accueil")
    assert page.form("/note").submit(note="x" * 501).status == 422
    page = page.form("/note").submit(note=NOTE)
    assert page.url == f"/agent/rdv/{made.rdv}" and page.has(f"Note : {NOTE}") and page.has("a changé la note sur")
    assert NOTE not in str(journal(made, "note_personne")) and journal(made, "note_personne")
    assert told(made, "inscription") == [] and made.place().statut is Statut.INSCRIT


def test_a_note_is_written_in_the_row_and_shown_elsewhere(made: Desk) -> None:
    client = made.log_in()
    fragment = note_form(client, made, htmx=True)
    assert not fragment.whole and fragment.select(f"#note-de-{made.places[0]}")
    form = fragment.form("/note")
    form.values |= {"depuis": ["1"], "dernier": [str(made.places[-1])]}
    page = form.submit(note=NOTE, htmx=True)
    assert page.status == 200 and (f"#note-{made.places[0]}", "innerHTML") in targets(page) and page.has(NOTE)
    assert lines(made.log_in("référent"), made, 1).has(NOTE)


@pytest.mark.parametrize("htmx", [False, True])
def test_two_notes_at_once_lose_nothing(made: Desk, htmx: bool) -> None:
    client = made.log_in()
    form = note_form(client, made, htmx=htmx).form("/note")
    note_form(made.log_in("référent"), made).form("/note").submit(note="Vient avec sa fille.")
    page = form.submit(note=NOTE, htmx=htmx)
    assert page.status == 409 and page.has("« Vient avec sa fille. »") and page.has(NOTE)
    assert made.place().note == "Vient avec sa fille."
    assert page.form("/note").submit(htmx=htmx).status == 200 and made.place().note == NOTE


def test_a_note_goes_with_the_person(going_on: Desk) -> None:
    client = going_on.log_in()
    note_form(client, going_on).form("/note").submit(note=NOTE)
    tap(client, going_on, 0, "present")
    with going_on.app.app_context():
        row = db.session.get_one(Participation, going_on.places[0])
        assert row.avant
        erase(db.session(), [row.usager_id], utcnow())
        db.session.commit()
        db.session.refresh(row)
        assert (row.note, row.avant) == ("", None)


# --- an open door --------------------------------------------------------------------------------------------------


@pytest.fixture
def door(app: Flask) -> Desk:
    return desk(app, people=0, reservable_par=ReservablePar.ENTREE_LIBRE, capacite_max=None, starts_at=today())


def test_people_are_counted_one_by_one(door: Desk) -> None:
    client = door.log_in()
    page = sheet(client, door)
    assert page.has("0 personne comptée")
    for _ in range(3):
        page = sheet(client, door).form("/comptage", css="#un-de-plus").submit(button="+ 1")
    assert page.has("3 personnes comptées")
    page = page.form("/comptage", css="#un-de-plus").submit(button="− 1")
    assert page.has("2 personnes comptées") and page.has("a compté 2 personnes (-1)")
    page = page.form("/comptage", css="#comptage details form").submit(total="14")
    assert page.has("14 personnes comptées") and door.session().presents_anonymes == 14
    assert page.form("/comptage", css="#comptage details form").submit(total="beaucoup").status == 409
    assert sound(door)


@pytest.mark.parametrize("htmx", [False, True])
def test_a_double_tap_counts_once_and_the_next_form_counts_again(door: Desk, htmx: bool) -> None:
    client = door.log_in()
    form = sheet(client, door).form("/comptage", css="#un-de-plus")
    form.values |= {"depuis": ["1"], "dernier": ["0"]}
    for _ in range(2):
        page = form.submit(button="+ 1", htmx=htmx)
        assert page.status == 200 and door.session().presents_anonymes == 1
    assert (
        page.form("/comptage", css="#un-de-plus").submit(button="+ 1").status == 200
        and door.session().presents_anonymes == 2
    )
    live = lines(door.log_in("référent"), door, 1)
    assert live.has("2 personnes comptées") and re.search(r'hx-target="#jauge-', live.html)


def test_a_count_is_refused_when_it_makes_no_sense(door: Desk, app: Flask) -> None:
    client = door.log_in()
    page = sheet(client, door)
    assert page.form("/comptage", css="#un-de-plus").submit(button="− 1").has("déjà à zéro")
    fix = page.form("/comptage", css="#comptage details form")
    page.form("/comptage", css="#un-de-plus").submit(button="+ 1")
    page = fix.submit(total="8")
    assert page.status == 409 and page.has("Le compte vient de changer : 1") and door.session().presents_anonymes == 1
    with door.app.app_context():
        db.session.execute(
            update(Rdv).values(starts_at=utcnow() + timedelta(days=3), ends_at=utcnow() + timedelta(days=4))
        )
        db.session.commit()
    page = fix.submit(total="8")
    assert page.status == 409 and page.has("à partir du jour") and not sheet(client, door).select("#comptage")


def test_a_session_one_books_is_not_counted(going_on: Desk) -> None:
    client = going_on.log_in()
    page = sheet(client, going_on)
    data = {"csrf_token": page.select("[name=csrf_token]")[0].attributes["value"], "pas": "1", "envoi": "x"}
    page = client.post(f"/agent/rdv/{going_on.rdv}/comptage", data=data)
    assert page.status == 409 and page.has("ici, on note chaque personne") and order(page)
