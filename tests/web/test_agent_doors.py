"""The closed back office: the whole URL map × nobody, other services, other organisations, each preset (rule 14)."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from tests import factories as make
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from webapp.domain.droits import PRESETS, Droit
from webapp.extensions import db
from webapp.models import Motif, PlageOuverture, Rdv
from webapp.web.auth import CLOSED

OPEN = {
    "agent.connexion", "agent.connexion_code", "agent.connexion_secours", "agent.deconnexion", "agent.mot_de_passe",
    "agent.nouveau_mot_de_passe",
}  # fmt: skip


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app)


def rules(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] in CLOSED:
            yield rule


def ask(client: PageClient, rule: Rule, method: str, token: str = "", **values: int | str) -> Page:
    """One request to that rule, its variables filled (1 when nothing is said)."""
    with client.app.test_request_context():
        adapter = client.app.url_map.bind("localhost")
        filled = {
            name: values.get(name, 1 if "Integer" in type(kind).__name__ else "x")
            for name, kind in rule._converters.items()
        }
        path = adapter.build(rule.endpoint, filled, method=method, force_external=False)
    if method == "GET":
        return client.get(path)
    return client.post(path, data={"csrf_token": token, **{k: v for k, v in values.items() if k in ("statut",)}})


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) & {"GET", "POST"})


def token_of(client: PageClient, made: Desk) -> str:
    return str(client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])


def test_every_view_says_which_right_it_needs_or_that_it_is_open(app: Flask) -> None:
    found = list(rules(app))
    assert len(found) >= 10
    for rule in found:
        view = app.view_functions[rule.endpoint]
        if rule.endpoint in OPEN:
            assert view.open_to_all  # type: ignore[attr-defined]
        else:
            assert not getattr(view, "open_to_all", False), rule.endpoint
            assert isinstance(getattr(view, "droit", None), Droit), f"{rule.endpoint} declares no right"


def test_nobody_enters_without_a_session(made: Desk) -> None:
    for rule in rules(made.app):
        if rule.endpoint in OPEN:
            continue
        for method in methods(rule):
            visitor = PageClient(made.app)
            form = visitor.get("/agent/connexion").form("/agent/connexion")
            page = ask(visitor, rule, method, form.values["csrf_token"][0])
            passive = made.app.view_functions[rule.endpoint].passive  # type: ignore[attr-defined]
            assert page.status == (401 if passive else 303), (rule.rule, method, page.status)
            where = page.headers["HX-Redirect"] if passive else page.location
            assert where.startswith("/agent/connexion"), (rule.rule, method)


@pytest.mark.parametrize("who", ["voisin", "étranger"])
def test_what_is_elsewhere_answers_as_unknown(made: Desk, who: str) -> None:
    """Neighbours of another service, and the admin of another organisation, on every address about our session."""
    client = made.log_in(who)
    token = token_of(client, made)
    asked = 0
    for rule in rules(made.app):
        if "rdv_id" not in rule.arguments:
            continue
        for method in methods(rule):
            page = ask(client, rule, method, token, rdv_id=made.rdv, participation_id=made.places[0], statut="annule")
            assert page.status == 404, (rule.rule, method, page.status)
            asked += 1
    assert asked >= 6
    assert client.get(f"/agent/usagers/recherche?rdv={made.rdv}&q=nom").status == 404
    assert made.place().version == 1 and made.session().cancelled_at is None


def test_inside_without_the_right_one_learns_which_and_from_whom(made: Desk) -> None:
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        only_looks = make.agent(rdv.motif.service, droits=[])
        made.emails["regard"] = only_looks.email
        only_looks.droits = [
            type(right)(organisation_id=rdv.organisation_id, service_id=rdv.motif.service_id, droit=Droit.VOIR)
            for right in make.agent(rdv.motif.service).droits[:1]
        ]
        db.session.commit()
    client = made.log_in("regard")
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.status == 200 and not page.select("form[action$=statut]") and not page.select("#ajout")
    token = token_of(client, made)
    for rule in rules(made.app):
        view = made.app.view_functions[rule.endpoint]
        if "rdv_id" not in rule.arguments or view.droit is Droit.VOIR:  # type: ignore[attr-defined]
            continue
        for method in methods(rule):
            page = ask(client, rule, method, token, rdv_id=made.rdv, participation_id=made.places[0], statut="annule")
            assert page.status == 403, (rule.rule, method, page.status)
            assert page.has(view.droit.label) and page.has("Peuvent vous le donner : Nadia")
    assert made.place().version == 1


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_each_preset_does_what_it_may_with_a_session_of_its_service(made: Desk, preset: str) -> None:
    client = made.log_in(preset)
    for address in ("", "/lignes?depuis=0", "/journal", "/annulation", f"/participations/{made.places[0]}/retrait"):
        assert client.get(f"/agent/rdv/{made.rdv}{address}").status == 200, (preset, address)
    sees_all = preset in ("accueil", "admin")
    assert client.get(f"/agent/rdv/{made.elsewhere}").status == (200 if sees_all else 404)
    assert client.get(f"/agent/rdv/{made.abroad}").status == 404
    page = client.get("/agent/")
    assert page.has("Groupe mère-enfant") is sees_all


PLAGES_AND_MOTIFS = {"agent": 403, "référent": 200, "accueil": 403, "admin": 200, "voisin": 404, "étranger": 404}
"""Whose doors open on a motif of the service, and on a plage a colleague holds there."""
OF_PEOPLE = {"agent.invitations"}
"""About a motif's people, not its settings: tests/web/test_agent_invitations.py says whose doors open."""
NOT_MINE = {"agent": 200, "référent": 200, "accueil": 403, "admin": 200, "voisin": 200, "étranger": 200}
"""New plages: who creates some, in one's own services."""


@pytest.mark.parametrize("who", sorted(PLAGES_AND_MOTIFS))
def test_every_address_of_a_plage_or_a_motif_answers_each_as_it_should(made: Desk, who: str) -> None:
    with made.app.app_context():
        motif = db.session.get_one(Rdv, made.rdv).motif
        motif.name = "Groupe du mardi"
        holder = make.agent(motif.service, "référent")
        plage = make.plage(motif, [holder], lieu=make.lieu(motif.organisation))
        db.session.commit()
        ids = {"plage_id": plage.id, "motif_id": motif.id}
    client, expected = made.log_in(who), PLAGES_AND_MOTIFS[who]
    token = token_of(client, made)
    new = client.get(f"/agent/plages/nouvelle?motif_id={ids['motif_id']}")
    assert new.status == NOT_MINE[who]
    assert ("Groupe du mardi" in new.html) is (new.status == 200 and expected != 404)
    asked = set()
    for rule in rules(made.app):
        if ids.keys() & rule.arguments and rule.endpoint not in OF_PEOPLE:
            for method in methods(rule):
                page = ask(client, rule, method, token, **ids)
                right = page.status in (303, 422) if (method, expected) == ("POST", 200) else page.status == expected
                assert right, (rule.rule, method, page.status)
                assert expected != 403 or page.has("Peuvent vous le donner : Nadia")
                asked.add((rule.endpoint, method))
    views = ("agent.plage", "configuration.motif", "configuration.archivage")
    assert {(view, method) for view in views for method in ("GET", "POST")} <= asked

    data = {"csrf_token": token}
    about = f"plage={ids['plage_id']}"  # the fragments of a plage being changed
    assert client.get(f"/agent/plages/heritage?{about}", htmx=True).status == expected
    assert client.post(f"/agent/plages/heritage?{about}", data=data, htmx=True).status == expected
    assert client.post(f"/agent/plages/apercu?{about}", data=data, htmx=True).status == expected
    lists = expected if expected != 404 else {"voisin": 403, "étranger": 200}[who]
    for address in ("/configuration/motifs", "/configuration/motifs/nouveau"):
        assert client.get(address).status == lists, address
    assert client.post("/configuration/motifs/apercu", data=data, htmx=True).status == lists
    typed = client.post("/agent/plages/nouvelle", data={**data, "motif_id": str(ids["motif_id"])})
    assert typed.status in ({403} if NOT_MINE[who] == 403 else {200, 422})

    with made.app.app_context():
        motif, plages = db.session.get_one(Motif, ids["motif_id"]), db.session.scalars(select(PlageOuverture)).all()
        assert motif.name == "Groupe du mardi" and len(plages) == 1
        assert (motif.archived_at is None) is (expected != 200)  # the one post above that needs no more than its button


SEVERAL = {"agent": 200, "référent": 200, "accueil": 200, "admin": 200, "voisin": 404, "étranger": 404}
"""Whose doors open on a list of sessions of the service."""


@pytest.mark.parametrize("who", sorted(SEVERAL))
def test_a_list_of_sessions_answers_each_as_each_of_them_does(made: Desk, who: str) -> None:
    client, expected = made.log_in(who), SEVERAL[who]
    token = token_of(client, made)
    for page in ("annulation", "suivi", "envoi"):
        assert client.get(f"/agent/seances/{page}?rdv={made.rdv}").status == expected, page
        assert client.get(f"/agent/seances/{page}").status == 404
        both = client.get(f"/agent/seances/{page}?rdv={made.rdv}&rdv={made.elsewhere}").status
        assert both == (200 if who in ("accueil", "admin") else 404), page
    if expected == 404:
        answer = client.post(f"/agent/seances/annulation?rdv={made.rdv}", data={"csrf_token": token})
        assert answer.status == 404
    answer = client.post(f"/agent/seances/annulation?rdv={made.rdv}&rdv={made.abroad}", data={"csrf_token": token})
    assert answer.status in (404, 409)  # what was read is not said: nothing is done
    assert made.session().cancelled_at is None


# --- people of the organisation seen from elsewhere ----------------------------------------------------------------


def test_who_never_came_to_my_services_is_masked(made: Desk) -> None:
    from datetime import date

    with made.app.app_context():
        other = db.session.get(Rdv, made.elsewhere)
        person = make.usager(
            other.organisation_id,
            first_name="Noûr",
            last_name="Ben Saïd",
            phone="+33639980678",
            email="nour.bensaid@exemple.fr",
            birth_date=date(1990, 3, 3),
        )
        make.participation(other, person)
        db.session.commit()
        uid = person.id
    client = made.log_in()
    for text in ("ben said", "NOUR", "saïd noûr", "06 39 98 06 78", "+33639980678", "nour.bensaid@exemple.fr"):
        page = client.get("/agent/usagers/recherche", query_string={"rdv": made.rdv, "q": text})
        assert page.has("BEN SAÏD Noûr"), text
        assert page.has("06 •• •• •• 78 · n••••@exemple.fr") and page.has("naissance en 1990"), text
        assert not page.has("06 39 98 06 78") or text == "06 39 98 06 78"
        assert "bensaid@" not in page.html or "bensaid@" in text
    page = page.form("/participations", css="#resultats form").submit(button="Noûr")
    assert page.has("06 39 98 06 78")
    page = client.get("/agent/usagers/recherche", query_string={"rdv": made.rdv, "q": "ben said"})
    assert page.has("06 39 98 06 78") and page.has("naissance le 3 mars 1990") and uid
    assert made.log_in("accueil").get(f"/agent/usagers/recherche?rdv={made.rdv}&q=ben").has("06 39 98 06 78")


@pytest.mark.parametrize("text", ["", "b", "%", "_", "%%", "zzz", "'; --"])
def test_a_search_that_finds_nobody_says_what_to_do(made: Desk, text: str) -> None:
    client = made.log_in()
    for htmx in (False, True):
        page = client.get("/agent/usagers/recherche", query_string={"rdv": made.rdv, "q": text}, htmx=htmx)
        assert page.status == 200 and not page.select("button[name=usager_id]")


def test_a_page_that_is_not_there_sends_back_to_the_back_office(made: Desk) -> None:
    page = made.log_in().get("/agent/rdv/99999")
    assert page.status == 404 and page.has("Aujourd’hui") and not page.has("ateliers proposés")
    assert page.select("main a.button")[0].attributes["href"] == "/agent/"
