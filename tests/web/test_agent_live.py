"""What an open page asks by itself: changed rows, gauges, the stream; and what a page costs."""

import json
import re
import time

import pytest
from flask import Flask

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only, tap, today  # noqa: F401
from tests.noise import noise
from tests.pages import Page, PageClient
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Canal, EtatNotification, Notification, Rdv
from webapp.services.booking import book_seat, change_statut


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, starts_at=today())


def lines(client: PageClient, made: Desk, since: int, newest: int = 10**6, **more: str) -> Page:
    return client.get(
        f"/agent/rdv/{made.rdv}/lignes", query_string={"depuis": since, "dernier": newest, **more}, htmx=True
    )


def targets(page: Page) -> list[tuple[str, str]]:
    return re.findall(r'<hx-partial hx-target="([^"]+)" hx-swap="([^"]+)"', page.html)


def crowd(app: Flask, rdv_id: int, count: int) -> list[int]:
    with app.app_context():
        rdv = db.session.get(Rdv, rdv_id)
        rdv.capacite_max = max(rdv.capacite_max, count)
        found = []
        for number in range(count):
            place = make.participation(
                rdv, make.usager(rdv.organisation_id, last_name=f"Foule{number:04}", email=f"p{number}@exemple.fr")
            )
            found.append(place.id)
            for canal in (Canal.SMS, Canal.COURRIEL):
                db.session.add(sent(rdv, place.id, place.usager_id, canal))
        db.session.commit()
        return found


def sent(
    rdv: Rdv, place: int, person: int, canal: Canal, etat: EtatNotification = EtatNotification.ENVOYEE
) -> Notification:
    return Notification(
        organisation_id=rdv.organisation_id,
        event="inscription",
        sujet_type="participation",
        sujet_id=place,
        changement="v1",
        canal=canal,
        destinataire_type="usager",
        destinataire_id=person,
        rdv_id=rdv.id,
        participation_ids=[place],
        etat=etat,
        prevue_le=rdv.cree_le,
        a_envoyer_le=rdv.cree_le,
        cle_envoi=f"{place}-{canal}",
    )


def test_only_what_changed_since_comes(made: Desk) -> None:
    client = made.log_in()
    assert lines(client, made, 1).status == 204
    tap(made.log_in("référent"), made, 1, "present")
    page = lines(client, made, 1)
    assert page.status == 200 and len(page.html.encode()) < 4096
    assert targets(page) == [
        (f"#participation-{made.places[1]}", "outerMorph"),
        (f"#jauge-{made.rdv}", "outerMorph"),
        ("#etat", "outerMorph"),
        ("#etat-seance", "outerMorph"),
        ("#annonces", "innerHTML"),
    ]
    assert page.has("Prénom1 Nom001 : présence notée")
    assert lines(client, made, 2).status == 204


def test_new_people_come_in_their_place_and_neighbours_together(made: Desk) -> None:
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        for name in ("Nom001a", "Nom001b", "Zut"):
            person = make.usager(rdv.organisation_id, first_name="P", last_name=name)
            db.session.commit()
            book_seat(made.rdv, None, by=Acteur.AGENT, envoi=name, usager_id=person.id)
    page = lines(made.log_in(), made, 1, newest=made.places[-1])
    pieces = [piece for piece in targets(page) if piece[1] in ("beforebegin", "beforeend")]
    assert pieces == [(f"#participation-{made.places[2]}", "beforebegin"), ("#participants", "beforeend")]
    first = page.html.split('hx-swap="beforebegin">')[1].split("</hx-partial>")[0]
    assert re.findall(r'class="name">([^<]+)', first) == ["NOM001A P", "NOM001B P"]
    assert ("#personne-encore", "delete") in targets(page) and page.has("3 changements dans la liste")


def test_a_session_cancelled_elsewhere_is_said_on_the_open_page(app: Flask) -> None:
    made = desk(app)
    client = made.log_in()
    made.log_in("référent").get(f"/agent/rdv/{made.rdv}/annulation").form("/annulation").submit(raison="Neige")
    page = lines(client, made, 1)
    assert ("#avis", "innerHTML") in targets(page) and page.has("Raison : Neige")
    assert [tag.text() for tag in page.select("#etat-seance .tag")] == ["Annulé"]
    # the gauge and the button that cancels; adding people; when statuses are noted
    assert {("#places", "delete"), ("#ajout", "delete"), ("#pas-encore", "delete")} <= set(targets(page))
    assert "hx-post" not in page.html


def test_a_session_that_is_over_can_t_be_cancelled_on_the_open_page(app: Flask) -> None:
    made = desk(app, starts_at=today(-3))
    client = made.log_in()
    for number in range(3):
        page = tap(client, made, number, "present", htmx=True)
        assert ("#annuler", "delete") in targets(page)
    assert [tag.text() for tag in page.select("#etat-seance .tag")] == ["Clos"]


def test_a_row_is_asked_again_until_its_message_has_left(made: Desk) -> None:
    with made.app.app_context():
        rdv, place = db.session.get(Rdv, made.rdv), made.place(0)
        row = sent(rdv, place.id, place.usager_id, Canal.SMS, EtatNotification.A_ENVOYER)
        db.session.add(row)
        db.session.commit()
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("SMS en cours d’envoi")
    asks = page.select("#suite [hx-get]")[0].attributes["hx-get"]
    again = client.get(f"{asks}&dernier=99", htmx=True)
    assert "essai=2" in again.html and 'name="depuis"' not in again.html
    with made.app.app_context():
        db.session.merge(row).etat = EtatNotification.ENVOYEE
        db.session.commit()
    done = client.get(f"{asks}&dernier=99", htmx=True)
    assert done.has("SMS envoyé") and "essai" not in done.html


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ({"sms": "envoyee", "courriel": "envoyee"}, "SMS et courriel envoyés"),
        ({"sms": "echec", "courriel": "envoyee"}, "courriel envoyé"),
        ({"sms": "echec"}, "SMS en échec"),
        ({"sms": "en_cours"}, "SMS en cours d’envoi"),
        ({"sms": "ignoree"}, ""),
    ],
)
def test_one_word_for_the_messages(made: Desk, states: dict[str, str], word: str) -> None:
    with made.app.app_context():
        rdv, place = db.session.get(Rdv, made.rdv), made.place(0)
        for canal, etat in states.items():
            db.session.add(sent(rdv, place.id, place.usager_id, Canal(canal), EtatNotification(etat)))
        db.session.commit()
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    row = page.select(f"#participation-{made.places[0]}")[0]
    assert [tag.text() for tag in row.css(".tag")] == ([word] if word else [])


def test_the_stream_starts_with_versions_and_never_says_more(made: Desk) -> None:
    client = made.log_in()
    with made.app.app_context():
        change_statut(made.places[0], Statut.PRESENT, by=Acteur.AGENT)
        answer = client.flask.get(f"/agent/flux?rdv={made.rdv}")
        stream = filter(None, answer.iter_encoded())
        first = next(stream).decode()
        assert answer.mimetype == "text/event-stream" and answer.headers["X-Accel-Buffering"] == "no"
        assert "event: maj\n" in first
        assert json.loads(first.split("data: ")[1]) == {"rdv": made.rdv, "version": 2}
        change_statut(made.places[1], Statut.PRESENT, by=Acteur.AGENT)
        assert json.loads(next(stream).decode().split("data: ")[1]) == {"rdv": made.rdv, "version": 3}
        answer.close()


def test_the_stream_is_closed_to_who_may_not_see(made: Desk) -> None:
    for who in ("voisin", "étranger"):
        assert made.log_in(who).get(f"/agent/flux?rdv={made.rdv}").status == 404
    client = made.log_in()
    assert client.get(f"/agent/flux?rdv={made.rdv}&rdv={made.elsewhere}").status == 404
    assert client.get("/agent/flux").status == 400
    assert client.get("/agent/flux?" + "&".join(f"rdv={n}" for n in range(1, 22))).status == 400
    page = PageClient(made.app).get(f"/agent/flux?rdv={made.rdv}")
    assert page.status == 401 and page.headers["HX-Redirect"].startswith("/agent/connexion")


def test_gauges_of_the_first_page(made: Desk) -> None:
    page = made.log_in().get(f"/agent/jauges?rdv={made.rdv}&rdv={made.elsewhere}&rdv={made.abroad}", htmx=True)
    assert targets(page) == [(f"#jauge-{made.rdv}", "outerMorph")]


# --- what it costs -------------------------------------------------------------------------------------------------


def test_the_sheet_takes_as_many_statements_for_500_people_as_for_3(made: Desk) -> None:
    client = made.log_in()
    counts = []
    for people in (0, 500):
        crowd(made.app, made.rdv, people)
        with made.app.app_context(), statements() as seen:
            page = client.get(f"/agent/rdv/{made.rdv}")
        assert page.status == 200 and len(page.select("#participants > li")) == 3 + people
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 10


def test_a_tap_among_500_is_few_statements_few_bytes_and_little_time(made: Desk) -> None:
    crowd(made.app, made.rdv, 500)
    client, colleague = made.log_in(), made.log_in("référent")
    form = client.get(f"/agent/rdv/{made.rdv}").form(f"/{made.places[0]}/statut")
    times, statuts = [], ["present", "absent"] * 6
    for statut in statuts:
        place = made.place()
        data = {name: values[-1] for name, values in form.values.items()}
        data |= {"statut": statut, "version": str(place.version), "depuis": str(made.session().version)}
        with made.app.app_context(), statements() as seen:
            started = time.perf_counter()
            page = client.post(form.action, data=data | {"dernier": "9999"}, htmx=True)
            times.append(time.perf_counter() - started)
        assert page.status == 200 and len(page.html.encode()) < 4096
        assert len(seen) <= 16, "\n".join(seen)
        with made.app.app_context(), statements() as seen:
            page = lines(colleague, made, made.session().version - 1)
        assert page.status == 200 and len(page.html.encode()) < 4096 and len(seen) <= 8
    assert sorted(times)[len(times) // 2] < 0.06 * noise()


def test_the_first_page_takes_as_many_statements_for_20_sessions_of_30(app: Flask) -> None:
    made = desk(app, people=1, starts_at=today(1))
    client = made.log_in()
    counts = []
    for sessions in (0, 20):
        with app.app_context():
            rdv = db.session.get(Rdv, made.rdv)
            agent = make.agent(rdv.motif.service)
            for number in range(sessions):
                when = today(1 + number / 100) if number % 2 else today(-50 - number)
                more = make.rdv(rdv.motif, starts_at=when, agents=[agent], hours=1, capacite_max=None)
                for _ in range(30):
                    make.participation(more)
            db.session.commit()
        with app.app_context(), statements() as seen:
            page = client.get("/agent/")
        assert page.status == 200
        counts.append(len(seen))
    assert counts[1] <= 10 and counts[1] - counts[0] <= 1
    assert page.has("À renseigner") and page.has("30 personnes à noter")


def test_a_search_is_few_statements(made: Desk) -> None:
    crowd(made.app, made.rdv, 50)
    client = made.log_in()
    with made.app.app_context(), statements() as seen:
        page = client.get("/agent/usagers/recherche", query_string={"rdv": made.rdv, "q": "foule"}, htmx=True)
    assert page.status == 200 and len(seen) <= 9  # whose contacts may be seen in full takes three of them
    assert page.has("D’autres personnes correspondent")
