"""Absences from pages: noted, changed, deleted; the sessions they leave without anybody are given to somebody else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests import factories
from tests.desk import sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from tests.web.test_plages_pages import NOW, Office, log_in
from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import Absence, Agent, DroitAgent, Notification, Rdv

NOUVELLE = "/agent/absences/nouvelle"
STARTS = datetime(2026, 12, 1, 13, tzinfo=UTC)  # 14:00 in Paris


@pytest.fixture(name="office")
def on_a_sunday(app: Flask, client: PageClient) -> Iterator[Office]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Office(client)


def colleague(office: Office, **fields: Any) -> Agent:
    agent = factories.agent(office.service, **{"first_name": "Paul", "last_name": "Roy", **fields})
    db.session.commit()
    return agent


def a_session(office: Office, *agents: Agent, **fields: Any) -> Rdv:
    rdv = factories.rdv(office.motif, **{"starts_at": STARTS, "agents": list(agents), **fields})
    db.session.commit()
    return rdv


def note(office: Office, **fields: Any) -> Page:
    return office.client.get(NOUVELLE).form("/nouvelle").submit({"first_day": "2026-12-01", **fields})


def absences() -> list[Absence]:
    db.session.rollback()
    return db.session.query(Absence).order_by(Absence.id).populate_existing().all()


def held(rdv: Rdv) -> list[int]:
    db.session.rollback()
    return [agent.id for agent in db.session.get_one(Rdv, rdv.id, populate_existing=True).agents]


def test_an_absence_is_noted_changed_and_deleted(office: Office) -> None:
    page = office.client.get("/agent/absences")
    assert page.has("Aucune absence à venir.") and page.select("nav [aria-current=page]")[0].text() == "Absences"
    page = note(office, last_day="2026-12-04", title="Congés")
    assert page.has("L’absence est notée.") and page.has("Du mardi 1er décembre 2026 au vendredi 4 décembre 2026")
    assert page.has("Congés")
    page = page.link("Du mardi 1er")
    form = page.form()
    assert (form.values["first_day"], form.values["last_day"]) == (["2026-12-01"], ["2026-12-04"])
    page = form.submit(duree="heures", start_time="14:00", end_time="12:00", frequence="semaines", jours=[1])
    assert page.has("L’absence est modifiée.")
    assert page.has("Toutes les semaines, le mardi, de 14 h à 12 h, 3 jours plus tard, à partir du mardi 1er décembre")
    found = absences()[0]
    assert (found.rrule, found.version) == ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU", 2)
    shown = office.client.get(f"/agent/absences/{found.id}").form()
    assert shown.submit().has("Rien n’a changé.") and absences()[0].rrule == found.rrule
    page = form.submit(title="Écrit avant")
    assert page.status == 409 and page.has("Cette absence vient de changer")
    page = office.client.get(f"/agent/absences/{found.id}").link("Supprimer cette absence")
    assert page.h1 == "Supprimer cette absence\u00a0?"
    assert page.form().submit().has("L’absence est supprimée.") and len(absences()) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Mardi 1er décembre 2026, toute la journée"),
        ({"duree": "heures", "start_time": "09:00", "end_time": "12:30"}, "Mardi 1er décembre 2026, de 9 h à 12 h 30"),
        ({"last_day": "2026-12-03", "duree": "heures", "start_time": "14:00", "end_time": "12:00"},
         "Du mardi 1er décembre 2026 à 14 h au jeudi 3 décembre 2026 à 12 h"),
        ({"frequence": "semaines", "intervalle": "2", "fin": "date", "jusqua": "2027-06-30"},
         "Toutes les 2 semaines, le mardi, jusqu’au 30 juin 2027, toute la journée, à partir du mardi 1er décembre"),
        ({"frequence": "mois_jour", "last_day": "2026-12-02"}, "Le 1er mardi du mois, pendant 2 jours"),
        ({"frequence": "mois_date", "fin": "fois", "fois": "3"}, "Tous les mois, le 1er, 3 fois, toute la journée"),
    ],
)  # fmt: skip
def test_it_is_said_as_people_say_it(office: Office, fields: dict[str, Any], words: str) -> None:
    assert note(office, **fields).has(words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"first_day": ""}, "Indiquez le premier jour"),
        ({"first_day": "2206-12-01"}, "Vérifiez l’année"),
        ({"last_day": "2026-11-30"}, "premier ou après"),
        ({"duree": "heures"}, "Indiquez l’heure de début"),
        ({"duree": "heures", "start_time": "14:00"}, "Indiquez l’heure de fin"),
        ({"duree": "heures", "start_time": "14:00", "end_time": "14:00"}, "après l’heure de début"),
        ({"frequence": "semaines", "fin": "date", "jusqua": "2026-11-30"}, "avant le premier jour"),
        ({"frequence": "semaines", "fin": "date", "jusqua": "2033-11-30"}, "plus de 5 ans"),
        ({"frequence": "semaines", "fin": "date"}, "Indiquez le dernier jour possible"),
        ({"title": "x" * 121}, "120 caractères au plus"),
    ],
)
def test_errors_say_what_to_mend_and_keep_what_was_typed(office: Office, fields: dict[str, Any], words: str) -> None:
    page = note(office, **{"title": "Congés", **fields})
    assert page.status == 422 and page.title.startswith("Erreur") and page.has(words) and page.select("#erreurs li")
    assert page.form().values["title"] == [fields.get("title", "Congés")] and len(absences()) == 0


def test_an_absence_too_far_or_too_long_is_refused(office: Office) -> None:
    for fields, words in (
        ({"last_day": "2028-01-01"}, "un an au plus"),
        ({"first_day": "2033-01-01"}, "plus de 5 ans"),
    ):
        page = note(office, **fields)
        assert page.status == 409 and page.has(words)
    assert len(absences()) == 0


def test_sessions_left_alone_are_offered_and_the_others_only_mentioned(office: Office) -> None:
    paul, zoe = colleague(office), colleague(office, first_name="Zoé", last_name="Petit")
    mine = a_session(office, office.agent)
    later = a_session(office, office.agent, starts_at=STARTS + timedelta(hours=3))
    factories.participation(later)
    shared = a_session(office, office.agent, paul, starts_at=STARTS + timedelta(hours=1))
    page = note(office)
    assert page.h1 == "Séances pendant cette absence" and page.has("2 séances n’ont plus d’agent : choisissez")
    assert page.has("1 séance garde un autre agent") and page.has("avec Paul R.")
    assert held(mine) == [office.agent.id] and db.session.query(Rdv).filter(Rdv.cancelled_at.isnot(None)).count() == 0
    options = page.select(f"#rdv-{mine.id} optgroup")
    assert [group.attributes["label"] for group in options] == ["Libres à cette heure", "Pas libres à cette heure"]
    assert "Zoé Petit" in options[0].text() and "Paul Roy (Mes droits au RSA, de 15 h" in options[1].text().replace(
        "\xa0", " "
    )
    form = page.form("/seances")
    page = form.submit({f"rdv-{mine.id}": zoe.id})
    assert page.has("1 séance a un autre agent. Personne n’est prévenu") and page.has("1 séance n’a plus d’agent")
    assert held(mine) == [zoe.id] and set(held(shared)) == {paul.id, office.agent.id}
    assert form.submit().has("Rien n’a changé.")  # twice is once
    assert db.session.query(Notification).count() == 0
    # The other one is kept, or cancelled once a page has said who will be told.
    third = a_session(office, office.agent, starts_at=STARTS + timedelta(hours=6))
    page = office.client.get(page.url).form("/seances").submit({f"rdv-{n}": "annuler" for n in (later.id, third.id)})
    assert page.url == f"/agent/seances/annulation?rdv={later.id}&rdv={third.id}" and page.has("1 personne")
    assert db.session.query(Rdv).filter(Rdv.cancelled_at.isnot(None)).count() == 0


def test_nothing_chosen_changes_nothing_and_a_forged_choice_neither(office: Office) -> None:
    rdv, other = a_session(office, office.agent), a_session(office, colleague(office))
    stranger = factories.agent(factories.service(office.org, name="PMI"))
    db.session.commit()
    form = note(office).form("/seances")
    assert form.submit().has("Rien n’a changé.")
    data = {
        **form.values,
        f"rdv-{rdv.id}": [str(stranger.id)],
        f"rdv-{other.id}": [str(office.agent.id)],
        "rdv-x": ["y"],
    }
    page = office.client.post(form.action, data=data)
    assert page.status == 409 and page.has("agents en activité du service") and page.select(f"#rdv-{rdv.id}")
    assert held(rdv) == [office.agent.id] and office.agent.id not in held(other)


def test_whose_absences_are_shown_to_whom(office: Office) -> None:
    paul = colleague(office)
    away = factories.agent(factories.service(office.org, name="PMI"), first_name="Inès", last_name="Loin")
    db.session.commit()
    page = note(office, agent_id=paul.id, title="Formation")
    assert page.has("Celles de mes collègues") and page.has("Paul Roy") and page.has("Formation")
    absence = absences()[0]
    assert absence.agent_id == paul.id
    form = office.client.get(NOUVELLE).form("/nouvelle")
    assert {"Moi", "Paul Roy"} == {node.text() for node in office.client.get(NOUVELLE).select("#agent_id option")}
    form.values["agent_id"] = [str(away.id)]
    forged = form.submit(first_day="2026-12-02")
    assert forged.status == 422 and len(absences()) == 1
    for who, status in ((paul, 200), (colleague(office, first_name="Zoé"), 403), (away, 404)):
        client = log_in(PageClient(office.client.app), who)
        assert client.get(f"/agent/absences/{absence.id}").status == status
        assert client.get(NOUVELLE).select("#agent_id") == []
        listed = client.get("/agent/absences")
        assert listed.has("Formation") is (who is paul) and not listed.has("Celles de mes collègues")
    assert len(absences()) == 1


def test_sessions_one_may_not_touch_are_shown_without_their_choices(office: Office) -> None:
    paul = colleague(office)
    rdv = a_session(office, paul)
    elsewhere = factories.rdv(
        factories.motif(factories.service(office.org, name="PMI"), name="Bébés"),
        starts_at=STARTS + timedelta(hours=3),
        agents=[paul],
    )
    looks = colleague(office, droits=[])
    looks.droits = [DroitAgent(organisation_id=office.org.id, service_id=office.service.id, droit=Droit.GERER_ABSENCES)]
    db.session.commit()
    client = log_in(PageClient(office.client.app), looks)
    page = client.get(NOUVELLE).form("/nouvelle").submit(agent_id=paul.id, first_day="2026-12-01")
    assert page.has("1 séance n’a plus d’agent") and page.has("Ce choix revient à qui gère les séances")
    assert not page.select("select") and not page.has("Bébés") and elsewhere.id
    absence = absences()[0]
    token = page.form("/seances").values["csrf_token"]
    path = f"/agent/absences/{absence.id}/seances"
    forged = client.post(path, data={"csrf_token": token, f"rdv-{rdv.id}": looks.id})
    assert forged.status == 403 or forged.has("droit « gérer les séances")
    assert held(rdv) == [paul.id]


def test_past_absences_are_apart(office: Office) -> None:
    note(office, first_day="2026-11-02", last_day="2026-11-03", title="Formation")
    page = office.client.get("/agent/absences")
    assert page.has("1 absence passée") and page.has("Aucune absence à venir.")


def test_one_that_is_gone_answers_as_unknown(office: Office) -> None:
    assert office.client.get("/agent/absences/99").status == 404
    page = note(office)
    absence = absences()[0]
    form = office.client.get(f"/agent/absences/{absence.id}").form()
    office.client.get(f"/agent/absences/{absence.id}/suppression").form().submit()
    assert form.submit(title="Trop tard").status == 404 and page.status == 200


def test_the_journal_says_whose_absence_and_which_agents_from_what_to_what(office: Office) -> None:
    elsewhere = factories.agent(factories.service(office.org, name="PMI"), "référent")
    paul = colleague(office)
    rdv = a_session(office, paul)
    page = note(office, agent_id=paul.id, title="Rendez-vous médical")
    page.form("/seances").submit({f"rdv-{rdv.id}": office.agent.id})
    absence = absences()[0]
    office.client.get(f"/agent/absences/{absence.id}").form().submit(last_day="2026-12-02", frequence="semaines")
    office.client.get(f"/agent/absences/{absence.id}/suppression").form().submit()
    page = office.client.get("/configuration/journal")
    for words in (
        "Hélène Marchand a noté une absence de Paul Roy.",
        "Premier jour : 1er décembre 2026 au lieu de : rien",
        "Hélène Marchand a changé les agents de la séance.",
        "Agents : Hélène Marchand au lieu de : Paul Roy",
        "Hélène Marchand a modifié une absence de Paul Roy.",
        "Dernier jour : 2 décembre 2026 au lieu de : 1er décembre 2026",
        "Cela revient : toutes les semaines, le mardi au lieu de : rien",
        "Hélène Marchand a supprimé une absence de Paul Roy.",
    ):
        assert page.has(words), words
    assert not page.has("médical") and not page.has("rien au lieu de : rien")
    only = office.client.get("/configuration/journal?quoi=absences")
    assert only.has("a noté une absence de Paul Roy") and not only.has("a changé les agents")
    assert not log_in(PageClient(office.client.app), elsewhere).get("/configuration/journal").has("Paul Roy")
