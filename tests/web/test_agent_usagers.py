"""The people of an organisation, found and kept by agents: masked until they have a session in my services."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import event, select

from tests import factories as make
from tests.desk import Desk, desk, sound
from tests.pages import Page, PageClient
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Journal, Notification, Participation, Rdv, Usager
from webapp.services.booking import book_seat

LIST = "/agent/usagers"
TAG = "<script>alert(1)</script>"


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app)


def known(made: Desk, *, seen: bool = False, **fields: object) -> int:
    """Somebody the organisation knows; `seen`: with a place in the session of the desk."""
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        person = make.usager(rdv.organisation_id, **{"first_name": "Zoé", "last_name": "Lefèvre-Ünal", **fields})
        if seen:
            make.participation(rdv, person)
        db.session.commit()
        return person.id


def search(client: PageClient, text: str, **options: bool) -> Page:
    return client.get(LIST, query_string={"q": text}, **options)


def names(page: Page) -> list[str]:
    return [node.text().strip() for node in page.select(".people .name")]


def person(made: Desk, usager_id: int) -> Usager:
    with made.app.app_context():
        found = db.session.get(Usager, usager_id)
        assert found is not None
        return found


def lines(made: Desk, *actions: str) -> list[tuple[str, dict[str, object]]]:
    with made.app.app_context():
        rows = db.session.scalars(
            select(Journal).where(Journal.sujet_type == "usager", Journal.action.in_(actions)).order_by(Journal.id)
        )
        return [(row.action, row.details) for row in rows]


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize(
    ("typed", "masked_too"),
    [
        ("lefevre", True),
        ("ZOÉ LEFÈVRE", True),
        ("unal zo", True),
        ("lefevreunal", True),
        ("lefevrr zoe", True),  # a slip
        ("leefvre", True),  # two letters swapped, where the halves meet
        ("zoe lefvre", True),
        ("06 39 98 77 66", True),
        ("+33639987766", True),
        ("0033 6 39 98 77 66", True),
        ("Zoe.Unal@exemple.fr", True),
        ("lefevre 06.39.98.77.66", True),
        ("06 39 98", False),
        ("77 66", False),
        ("zoe 0639", False),
        ("@exemple.fr", False),
        ("a12b", False),
        ("lefevre a12b", False),
    ],
)
def test_people_are_found_as_one_remembers_them(made: Desk, typed: str, masked_too: bool, seen: bool) -> None:
    """A part of what is masked finds nobody, so that it can't be guessed."""
    known(made, seen=seen, phone="+33639987766", email="zoe.unal@exemple.fr", numero_dossier="A12B")
    page = search(made.log_in(), typed, htmx=True)
    assert ("LEFÈVRE-ÜNAL Zoé" in names(page)) is (seen or masked_too), page.text


def test_what_is_shown_follows_the_session(made: Desk) -> None:
    """Name, birth year and masked contact; in full once they have a place in one of my services; to the reader of a
    relative's messages too."""
    one = known(made, phone="+33639987766", email="zoe@exemple.fr", birth_date=date(1990, 3, 4), numero_dossier="A12B")
    agent, neighbour = made.log_in(), made.log_in("voisin")
    for client in (agent, neighbour):
        for page in (search(client, "lefevre"), client.get(f"{LIST}/{one}")):
            assert page.has("06 •• •• •• 66") and page.has("1990") and not page.has("4 mars 1990")
            assert "39 98 77" not in page.html and "zoe@exemple.fr" not in page.html and "A12B" not in page.html
        assert client.get(f"{LIST}/{one}/modifier").status == 404
    assert lines(made, "fiche_vue") == []
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        child = make.usager(rdv.organisation_id, first_name="Léo", last_name="Unal", phone=None, responsable_id=one)
        make.participation(rdv, child)
        db.session.commit()
        child_id = child.id
    page = agent.get(f"{LIST}/{one}")
    assert page.has("06 39 98 77 66") and page.has("4 mars 1990") and page.has("A12B") and page.has("Léo Unal")
    assert agent.get(f"{LIST}/{child_id}").has("Ses messages vont à Zoé Lefèvre-Ünal par SMS et courriel.")
    assert not neighbour.get(f"{LIST}/{one}").has("06 39 98 77 66")
    assert made.log_in("étranger").get(f"{LIST}/{one}").status == 404
    for _ in range(3):
        agent.get(f"{LIST}/{one}")
    assert [action for action, _ in lines(made, "fiche_vue")] == ["fiche_vue"] * 2  # each person once a day


def test_the_page_asks_the_same_number_of_questions_whoever_is_found(made: Desk) -> None:
    client = made.log_in()

    def statements(ask: Callable[[], Page]) -> int:
        asked: list[str] = []
        with made.app.app_context():
            engine = db.engine

            def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
                asked.append(statement)

            event.listen(engine, "before_cursor_execute", note)
            try:
                assert ask().status == 200
            finally:
                event.remove(engine, "before_cursor_execute", note)
        return len(asked)

    known(made, seen=True)
    few = statements(lambda: search(client, "lef"))
    for number in range(25):
        known(made, seen=number % 2 == 0, first_name=f"Zoé{number:02}")
    assert statements(lambda: search(client, "lef")) == few
    page = search(client, "lef")
    assert len(names(page)) == 20
    more = client.get(LIST, query_string={"q": "lef", "page": 2})
    assert len(names(more)) == 6 and not set(names(page)) & set(names(more))


def test_create_keeps_what_was_typed_then_shows_who_looks_alike(made: Desk) -> None:
    client = made.log_in("accueil")
    form = client.get(f"{LIST}/nouvelle?q=Awa N’Diaye").form("/nouvelle")
    assert form.values["prenom"] == ["Awa"] and form.values["nom"] == ["N’Diaye"]
    page = form.submit(nom="", telephone="06 12", courriel="awa@", date_naissance="31/02/1990")
    assert page.status == 422 and set(page.errors) == {"nom", "telephone", "courriel", "date_naissance"}
    typed = {"nom": "N’Diaye", "telephone": "06 39 98 11 22", "courriel": "", "date_naissance": "3 mars 1990"}
    form = page.form("/nouvelle")
    for _ in range(2):  # a double click
        page = form.submit(**typed)
        assert page.title.startswith("Awa N’Diaye") and page.has("06 39 98 11 22")  # whoever typed it reads it
    assert len(lines(made, "usager_cree")) == 1
    page = client.get(f"{LIST}/nouvelle").form("/nouvelle").submit(prenom="Awa", nom="Ndiayé", telephone="0639981122")
    assert page.has("Awa N’Diaye")  # the same person by their keys: their file
    form = client.get(f"{LIST}/nouvelle").form("/nouvelle")
    page = form.submit(prenom="AWA", nom="N Diaye", telephone="", date_naissance="03/03/1990")
    assert page.has("peut-être déjà une fiche") and "N’DIAYE Awa" in names(page)
    page = page.form("/nouvelle").submit()
    assert page.has("est créée") and page.has("Peut-être la même personne")
    assert sound(made)


def test_correcting_moves_the_keys_tells_the_old_contact_and_names_no_value(made: Desk) -> None:
    one = known(made, seen=True, phone="+33639987766", email="zoe@exemple.fr")
    client = made.log_in()
    form = client.get(f"{LIST}/{one}/modifier").form("/modifier")
    page = form.submit(telephone="06 39 98 55 44", nom="Lefebvre", numero_dossier="B7")
    assert page.has("enregistrée") and page.has("06 39 98 55 44")
    with made.app.app_context():
        (row,) = db.session.scalars(select(Notification).where(Notification.event == "contact_modifie"))
        assert (row.adresse, row.canal.value) == ("+33639987766", "sms")
        rdv = db.session.get(Rdv, made.rdv)
        for phone, same in (("+33639985544", True), ("+33639987766", False)):
            booking = book_seat(rdv.id, Identity("Zoe", "Lefebvre", phone), by=Acteur.AGENT, envoi=phone)
            assert (db.session.get(Participation, booking.participation_id).usager_id == one) is same
    ((_, details),) = lines(made, "usager_modifie")
    assert details["champs"] == ["last_name", "phone", "numero_dossier"]
    assert not re.search("6398|zoe|Lef|B7", str(details))
    assert names(search(client, "lefebvre")) and not names(search(client, "unal"))
    admin = made.log_in("admin").get("/configuration/journal?quoi=usagers")
    assert admin.has("a modifié la fiche de Zoé Lefebvre (nom, téléphone, numéro de dossier)")


def test_a_colleague_s_change_is_shown_and_somebody_else_s_name_and_contact_are_refused(made: Desk) -> None:
    one = known(made, seen=True, phone="+33639987766")
    known(made, seen=True, last_name="Autre", phone="+33639980000")
    client, colleague = made.log_in(), made.log_in("référent")
    mine = client.get(f"{LIST}/{one}/modifier").form("/modifier")
    colleague.get(f"{LIST}/{one}/modifier").form("/modifier").submit(prenom="Zoélie", sms=[])
    page = mine.submit(telephone="06 39 98 55 44")
    assert page.status == 409 and page.has("Prénom") and page.has("Zoélie Lefèvre-Ünal")
    assert page.select("#telephone")[0].attributes["value"] == "06 39 98 55 44"
    assert page.form("/modifier").submit(prenom="Zoélie").has("enregistrée")
    assert (
        "usager_modifie",
        {"champs": ["first_name"], "changements": {"notify_by_sms": {"de": True, "a": False}}},
    ) in (lines(made, "usager_modifie"))
    page = (
        client.get(f"{LIST}/{one}/modifier")
        .form("/modifier")
        .submit(prenom="Zoé", nom="Autre", telephone="06 39 98 00 00")
    )
    assert page.status == 409 and page.has("Une autre fiche a déjà ce nom avec ce contact")
    assert person(made, one).phone == "+33639985544"


def test_relatives_are_added_reached_through_who_answers_and_unlinked(made: Desk) -> None:
    one = known(made, seen=True, phone="+33639987766")
    client = made.log_in()
    page = client.get(f"{LIST}/{one}/proches").form("/proches").submit(prenom="Léo", date_naissance="04/05/2020")
    assert page.has("ses messages vont à Zoé Lefèvre-Ünal") and page.has("Léo Lefèvre-Ünal")
    with made.app.app_context():
        child = db.session.scalars(select(Usager).where(Usager.first_name == "Léo")).one()
        assert (child.responsable_id, child.phone) == (one, None)
        child_id = child.id
    assert client.get(f"{LIST}/{child_id}/proches").form("/proches").submit(prenom="Bob").status == 409
    page = client.get(f"{LIST}/{child_id}/detacher").form("/detacher").submit()
    assert page.has("ne vont plus à quelqu’un d’autre") and page.has("à appeler ou à voir")
    assert person(made, child_id).responsable_id is None
    assert [action for action, _ in lines(made, "usager_detache")] == ["usager_detache"]


@pytest.mark.parametrize("name", ["O’Neill-d’Été", "N" * 60, "Zoë 🎉 Ünal", f"Anne {TAG}"])
def test_any_name_reads_as_it_was_typed(made: Desk, name: str) -> None:
    client = made.log_in()
    page = client.get(f"{LIST}/nouvelle").form("/nouvelle").submit(prenom="Ana", nom=name)
    assert page.status == 200 and page.has(name) and TAG not in page.html.replace("<script src", "")
    assert names(search(client, f"ana {name}")), page.text


def test_nobody_is_listed_before_something_is_typed_and_the_rest_is_said(made: Desk) -> None:
    client = made.log_in()
    assert names(client.get(LIST)) == [] and client.get(LIST).has("restent masquées")
    assert search(client, "a").has("au moins deux lettres")
    assert search(client, "xqzwk").has("Aucune personne ne correspond")
    assert client.get(LIST, query_string={"q": "nom", "page": 9}).has("Il n’y a pas d’autre personne")
    assert client.get("/agent/").has("Usagers")
