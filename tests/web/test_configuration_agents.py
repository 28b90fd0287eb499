"""Agents & droits, as those who manage agents see it: the list, an invitation, the grid, a closed account."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from webapp import links
from webapp.domain.droits import PRESETS, Droit
from webapp.extensions import db
from webapp.models import Agent, DroitAgent, Journal, Notification, Rdv
from webapp.services.agents import own_octrois
from webapp.web.forms.agents import GROUPES, PROFILS

PAGE = "/configuration/agents"
PHRASE = "une phrase assez longue"
TYPED = {"prenom": "Awa", "nom": "Diallo", "courriel": "awa.diallo@mds.exemple.fr"}


@pytest.fixture
def made(app: Flask) -> Desk:
    """The desk, and `chef`, who manages the agents of Insertion only."""
    found = desk(app, people=0)
    with app.app_context():
        service = db.session.get_one(Rdv, found.rdv).motif.service
        chef = make.agent(service, "référent", first_name="Hélène")
        grant = DroitAgent(organisation_id=service.organisation_id, service_id=service.id, droit=Droit.GERER_AGENTS)
        chef.droits.append(grant)
        found.emails["chef"] = chef.email
        db.session.commit()
    return found


def who(made: Desk, name: str) -> Agent:
    """That agent as they are now."""
    email = made.emails.get(name, name)
    with made.app.app_context():
        agent = db.session.scalars(select(Agent).where(Agent.email == email)).one()
        _read = (agent.droits, agent.services)
        return agent


def address(made: Desk, name: str, end: str = "") -> str:
    return f"{PAGE}/{who(made, name).id}{end}"


def services(made: Desk) -> dict[str, int]:
    with made.app.app_context():
        rdvs = [db.session.get_one(Rdv, one) for one in (made.rdv, made.elsewhere)]
        return {rdv.motif.service.name: rdv.motif.service_id for rdv in rdvs}


def ticked(page: Page) -> set[str]:
    return {str(node.attributes["value"]) for node in page.select("input[name=droits][checked]")}


# --- whose doors open ------------------------------------------------------------------------------------------------

LISTS = {"agent": 403, "référent": 403, "accueil": 403, "voisin": 403, "chef": 200, "admin": 200, "étranger": 200}
SEES = {
    "chef": {"agent", "référent", "accueil", "admin", "chef"},
    "admin": {"agent", "référent", "accueil", "admin", "chef", "voisin"},
    "étranger": {"étranger"},
}
"""Whom each may open: agents of their service, of the organisation, of their own."""


def test_every_preset_is_in_the_matrix() -> None:
    assert set(PRESETS) <= set(LISTS) and set(PROFILS) == set(PRESETS)
    assert sorted(right for rights in GROUPES.values() for right in rights) == sorted(Droit)


@pytest.mark.parametrize("name", sorted(LISTS))
def test_each_address_answers_each_as_it_should(made: Desk, name: str) -> None:
    client, expected = made.log_in(name), LISTS[name]
    token = client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"]
    for page in (PAGE, f"{PAGE}/invitation"):
        answer = client.get(page)
        assert answer.status == expected
        if expected == 403:
            assert answer.has("gérer les agents et leurs droits") and answer.has("Peuvent vous le donner : ")
    assert client.post(f"{PAGE}/invitation", data={"csrf_token": token}).status == (422 if expected == 200 else 403)
    before = {one: own_octrois(who(made, one)) for one in made.emails}
    for one in made.emails:
        seen = expected if expected == 403 else 200 if one in SEES[name] else 404
        for end in ("", "/desactivation"):
            assert client.get(address(made, one, end)).status == seen, (one, end)
        for end in ("", "/invitation", "/desactivation", "/reactivation"):
            if seen == 200:
                continue
            answer = client.post(address(made, one, end), data={"csrf_token": token, "droits": "tous:voir"})
            assert answer.status == seen, (one, end)
    assert before == {one: own_octrois(who(made, one)) for one in made.emails}
    assert all(who(made, one).actif for one in made.emails)
    home = client.get("/configuration/")
    assert bool(home.select(f'a[href="{PAGE}"]')) is (expected == 200)


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_says_who_where_and_what(made: Desk) -> None:
    client = made.log_in("admin")
    page = client.get(PAGE)
    rows = {row.css("td")[0].text(): [cell.text() for cell in row.css("td")[1:]] for row in page.select("tbody tr")}
    assert rows[made.emails["référent"]] == ["Insertion", "Référent", "actif"]
    assert rows[made.emails["accueil"]] == ["Insertion", "Accueil", "actif"]
    assert rows[made.emails["voisin"]] == ["PMI", "Agent", "actif"]
    assert rows[made.emails["chef"]][1] == "13 droits choisis"
    assert made.emails["étranger"] not in rows and len(rows) == 6
    assert made.emails["voisin"] not in made.log_in("chef").get(PAGE).text


def test_many_agents_are_searched_and_read_in_the_same_statements(made: Desk) -> None:
    client = made.log_in("admin")
    assert not client.get(PAGE).select("input[name=q]")

    def count() -> int:
        with made.app.app_context(), statements() as seen:
            assert client.get(PAGE).status == 200
        return len(seen)

    few = count()
    with made.app.app_context():
        service = db.session.get_one(Rdv, made.rdv).motif.service
        for number in range(30):
            make.agent(service, first_name="Éloïse", last_name=f"Bérard{number}")
        make.agent(service, first_name="Éloïse", last_name="Partie", actif=False)
        db.session.commit()
    assert count() == few
    page = client.get(PAGE).form(PAGE).submit(q="eloise berard1")
    assert len(page.select("tbody tr")) == 11 and page.has("11 agents")
    assert client.get(f"{PAGE}?q=partie").has("1 compte désactivé")
    assert client.get(f"{PAGE}?q=zzz").has("Aucun agent pour « zzz »")


# --- invited ---------------------------------------------------------------------------------------------------------


def test_an_invitation_opens_an_account_whose_owner_chooses_a_password(made: Desk) -> None:
    client = made.log_in("admin")
    form = client.get(PAGE).link("Inviter un agent").form()
    place = services(made)["Insertion"]
    page = form.submit(TYPED, services=[place], profil="référent")
    assert (
        page.url == PAGE
        and page.has("L’invitation part à awa.diallo@mds.exemple.fr")
        and page.has("invitation envoyée")
    )
    assert form.submit().url == PAGE  # sent twice
    with made.app.app_context():
        (mail,) = db.session.scalars(select(Notification).where(Notification.event == "invitation_agent"))
        assert (mail.file, mail.corps) == ("urgent", "")
    agent = who(made, TYPED["courriel"])
    page = client.get(f"{PAGE}/{agent.id}")
    assert page.has("pas encore acceptée") and page.form(f"{agent.id}/invitation").submit().has("vient de partir")
    with made.app.app_context():
        link = f"/agent/mot-de-passe/{links.token(links.MOT_DE_PASSE, agent.reset_nonce or '')}"
    visitor = PageClient(made.app)
    visitor.get(link).form(link).submit(mot_de_passe=PHRASE, confirmation=PHRASE)
    login = visitor.get("/agent/connexion").form("/agent/connexion")
    assert login.submit(courriel=TYPED["courriel"], mot_de_passe=PHRASE).h1 == "Bonjour Awa"
    assert visitor.get(link).status == 404
    assert not client.get(f"{PAGE}/{agent.id}").has("pas encore acceptée")


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"prenom": " "}, "prenom", "Écrivez le prénom"),
        ({"nom": "x" * 81}, "nom", "80 caractères au plus"),
        ({"courriel": "awa.diallo"}, "courriel", "Il manque le signe @"),
        ({"services": []}, "services", "au moins un service"),
    ],
)
def test_an_invitation_says_what_to_mend(made: Desk, typed: dict[str, Any], field: str, said: str) -> None:
    form = made.log_in("admin").get(f"{PAGE}/invitation").form()
    page = form.submit({**TYPED, "services": [services(made)["Insertion"]], **typed})
    assert page.status == 422 and any(said in text for _, text in [(field, page.text)])
    assert field == "services" or said in page.errors[field]


def test_an_address_of_another_organisation_names_nobody(made: Desk) -> None:
    form = made.log_in("chef").get(f"{PAGE}/invitation").form()
    assert {node.attributes["value"] for node in form.page.select("input[name=profil]")} == {"agent", "référent"}
    page = form.submit({**TYPED, "courriel": made.emails["étranger"]})
    assert page.status == 409 and page.has("une autre adresse professionnelle")
    assert who(made, "étranger").last_name not in page.text
    page = form.submit({**TYPED, "courriel": made.emails["voisin"]})
    assert page.status == 409 and page.has("autre service") and who(made, "voisin").last_name not in page.text


# --- rights ----------------------------------------------------------------------------------------------------------


def test_the_grid_is_read_changed_and_journaled(made: Desk) -> None:
    client, place = made.log_in("admin"), services(made)
    page = client.get(address(made, "agent"))
    insertion = place["Insertion"]
    assert ticked(page) == {f"{insertion}:{right}" for right in PRESETS["agent"]}
    heads = [" ".join(node.text().split()) for node in page.select(".grille thead th")]
    assert heads == ["Droit", "Tous les services", "Insertion", "PMI"]
    form = page.form(address(made, "agent"))
    wanted = [*form.values["droits"], f"{insertion}:exporter", f"{place['PMI']}:gerer_rdv"]
    page = form.submit(droits=wanted, services=list(place.values()))
    assert page.has("sont enregistrés") and page.has("8 droits choisis")
    assert ticked(page) == {*wanted, f"{place['PMI']}:voir"}
    again = form.submit()
    assert again.status == 200 and again.has("n’ont pas changé")
    with made.app.app_context():
        (line,) = db.session.scalars(select(Journal).where(Journal.action == "agent_droits"))
        assert set(line.details["changements"]) == {"services", "profil", "droits"}


def test_a_preset_ticks_boxes_and_saves_nothing(made: Desk) -> None:
    client, place = made.log_in("admin"), services(made)
    form = client.get(address(made, "agent")).form(address(made, "agent"))
    page = form.submit(button="Cocher", profil="référent", services=list(place.values()))
    assert page.status == 200 and page.has("Rien n’est encore enregistré")
    assert ticked(page) == {f"{one}:{right}" for one in place.values() for right in PRESETS["référent"]}
    assert len(own_octrois(who(made, "agent"))) == len(PRESETS["agent"])
    assert page.form(address(made, "agent")).submit().has("Profil : référent")
    page = form.submit(button="Cocher", profil="admin")
    assert ticked(page) == {f"tous:{right}" for right in Droit}


def test_who_manages_one_service_sees_and_changes_that_one(made: Desk) -> None:
    client, place = made.log_in("chef"), services(made)
    page = client.get(address(made, "agent"))
    assert [node.text() for node in page.select(".grille thead th span")] == ["Tous les services", "Insertion"]
    assert len(page.select(".grille .tous input:not([disabled])")) == 0
    assert [
        n.attributes["value"]
        for n in page.select("input[name=droits][disabled]")
        if "tous" not in n.attributes["value"]
    ] == [f"{place['Insertion']}:configurer_lieux"]
    form = page.form(address(made, "agent"))
    for forged in ("tous:gerer_rdv", f"{place['Insertion']}:configurer_lieux"):
        data = {**form.values, "droits": [*form.values["droits"], forged]}
        answer = client.post(address(made, "agent"), data=data)
        assert answer.status == 409 and answer.select("#erreurs")
    assert client.post(address(made, "agent"), data={**form.values, "droits": f"{place['PMI']}:voir"}).status == 422
    assert client.post(address(made, "agent"), data={**form.values, "services": str(place["PMI"])}).status == 422
    assert len(own_octrois(who(made, "agent"))) == len(PRESETS["agent"])


def test_one_s_own_rights_go_with_a_warning_but_not_the_last(made: Desk) -> None:
    client = made.log_in("admin")
    page = client.get(address(made, "admin"))
    assert page.has("vos propres droits") and not page.select('a[href$="/desactivation"]')
    form = page.form(address(made, "admin"))
    page = form.submit(droits=[right for right in form.values["droits"] if right != "tous:gerer_agents"])
    assert page.status == 409 and page.has("Plus personne ne pourrait gérer les agents")
    assert page.form(address(made, "admin")).submit(button="Cocher", profil="admin").has("Rien n’est encore")
    with made.app.app_context():
        make.agent(db.session.get_one(Rdv, made.rdv).motif.service, "admin")
        db.session.commit()
    page = form.submit()
    assert page.url == "/agent/" and client.get(PAGE).status == 403


def test_a_form_left_open_while_the_rights_changed_is_looked_at_again(made: Desk) -> None:
    client, other = made.log_in("admin"), made.log_in("chef")
    old = client.get(address(made, "agent")).form(address(made, "agent"))
    place = services(made)["Insertion"]
    other.get(address(made, "agent")).form(address(made, "agent")).submit(droits=[f"{place}:voir"])
    page = old.submit(droits=[f"{place}:voir", f"{place}:exporter"])
    assert page.status == 409 and page.has("vient de changer")
    assert page.form(address(made, "agent")).submit().has("sont enregistrés")


# --- closed ----------------------------------------------------------------------------------------------------------


def test_an_account_is_closed_once_its_sessions_were_seen(made: Desk) -> None:
    theirs, client = made.log_in("agent"), made.log_in("admin")
    with made.app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        rdv.agents.append(db.session.get_one(Agent, who(made, "agent").id))
        db.session.commit()
    page = client.get(address(made, "agent")).link("Désactiver ce compte")
    assert page.has("1 séance à venir compte sur cette personne") and page.has("sans autre agent")
    assert page.select(f'main a[href="/agent/rdv/{made.rdv}"]')
    form = page.form("/desactivation")
    assert form.submit().has("est désactivé") and form.submit().status == 200
    assert theirs.get("/agent/").status == 303 and not who(made, "agent").actif
    page = client.get(address(made, "agent"))
    assert page.has("Ses droits sont gardés") and page.has("Profil : agent")
    assert page.form("/reactivation").submit().has("de nouveau ouvert")
    assert made.log_in("agent").get(f"/agent/rdv/{made.rdv}").status == 200


def test_nobody_closes_their_own_account(made: Desk) -> None:
    client = made.log_in("admin")
    page = client.get(address(made, "admin", "/desactivation"))
    assert page.has("demandez à un collègue") and not page.select('form[action$="/desactivation"]')
    token = page.select("input[name=csrf_token]")[0].attributes["value"]
    assert client.post(address(made, "admin", "/desactivation"), data={"csrf_token": token}).status == 409


def test_the_grid_says_each_box_by_its_right_and_its_service(made: Desk) -> None:
    page = made.log_in("admin").get(address(made, "agent"))
    for box in page.select("input[name=droits]"):
        names = (box.attributes["aria-labelledby"] or "").split()
        said = " ".join(page.select(f'[id="{name}"]')[0].text() for name in names)
        assert re.fullmatch(r"\S.+ (Tous les services|Insertion|PMI)", " ".join(said.split()))
