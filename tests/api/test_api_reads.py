"""What programs read: motifs, sessions, places, people; page by page, and nothing of anybody else's."""

from datetime import timedelta

import pytest
from flask import Flask

from tests import factories as make
from tests.databases import statements
from tests.desk import sqlite_only  # noqa: F401
from tests.programs import Program, Town
from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Rdv


@pytest.fixture
def town(app: Flask) -> Town:
    return Town(app)


def test_motifs_and_sessions_of_my_services_only(town: Town) -> None:
    (motif,) = town.program.get("/motifs").get_json()["donnees"]
    assert (motif["id"], motif["service"]["id"], motif["capacite"]) == (town.motif, town.service, 12)
    (rdv,) = town.program.get("/rdvs").get_json()["donnees"]
    assert rdv["id"] == town.rdv and rdv["places_libres"] == 11 and rdv["etat"] == "a_venir"
    assert town.program.get(f"/rdvs/{town.rdv}").get_json() == rdv
    assert rdv["lieu"]["id"] == town.lieu and rdv["debut"].endswith(("+01:00", "+02:00"))


def test_filters(app: Flask, town: Town) -> None:
    with app.app_context():
        day = db.session.get_one(Rdv, town.rdv).starts_at.date()
    tomorrow = day + timedelta(days=1)
    for query, found in (
        (f"du={day}&au={day}", 1),
        (f"du={tomorrow}", 0),
        (f"au={day - timedelta(days=1)}", 0),
        (f"motif={town.motif}&lieu={town.lieu}", 1),
        (f"motif={town.motif + 1}", 0),
        (f"lieu={town.lieu + 1}", 0),
        ("places=11", 1),
        ("places=12", 0),
        ("du=0001-01-01&au=9999-12-31", 1),
    ):
        assert len(town.program.get(f"/rdvs?{query}").get_json()["donnees"]) == found, query


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/rdvs?places=0", "places"),
        ("/rdvs?du=hier", "du"),
        ("/rdvs?du=1700000000", "du"),
        ("/rdvs?motif=3000000000", "motif"),
        ("/rdvs?motif=1&motif=2", "motif"),
        ("/rdvs?couleur=vert", "couleur"),
        ("/rdvs?limite=101", "limite"),
        ("/rdvs?curseur=abc", "curseur"),
        ("/motifs?curseur=WyJ4Il0", "curseur"),
        ("/usagers", "q"),
        ("/usagers?q=a", "q"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(town: Town, path: str, parameter: str) -> None:
    refused = town.program.get(path)
    assert refused.status_code == 422 and refused.get_json()["errors"][0]["parameter"] == parameter


def test_what_is_somebody_elses_is_not_there(town: Town) -> None:
    """Another organisation's, another service's, nobody's: one answer, word for word."""
    unknown = town.program.get("/rdvs/2000000000")
    assert unknown.status_code == 404
    place = {"prenom": "Awa", "nom": "Diallo"}
    for rdv in (town.abroad, town.elsewhere):
        for path in (f"/rdvs/{rdv}", f"/rdvs/{rdv}/participations"):
            assert town.program.get(path).get_json() == unknown.get_json()
        assert town.program.post(f"/rdvs/{rdv}/participations", place).get_json() == unknown.get_json()
    for other in (town.abroad_place, town.elsewhere_place, 2000000000):
        path = f"/participations/{other}"
        for answer in (
            town.program.get(path),
            town.program.patch(path, {"statut": "excuse"}, If_Match="*"),
            town.program.delete(path, If_Match="*"),
        ):
            assert (answer.status_code, answer.get_json()) == (404, unknown.get_json())
    assert town.program.get(f"/rdvs?lieu=1&motif={town.motif + 1}").get_json()["donnees"] == []


def test_places_with_their_contacts(town: Town) -> None:
    (place,) = town.program.get(f"/rdvs/{town.rdv}/participations").get_json()["donnees"]
    assert place["id"] == town.place and place["usager"]["courriel"] == "y@exemple.fr"
    one = town.program.get(f"/participations/{town.place}")
    assert one.get_json() == place and one.headers["ETag"] == '"1"' and one.headers["Cache-Control"] == "no-store"


def test_a_person_of_another_service_is_masked(town: Town) -> None:
    found = {one["id"]: one for one in town.program.get("/usagers?q=amrani").get_json()["donnees"]}
    hidden = found.pop(town.hidden)
    (seen,) = found.values()
    assert seen["complet"] and seen["courriel"] == "y@exemple.fr"
    assert not hidden["complet"] and hidden["date_naissance"] is None and hidden["annee_naissance"]
    assert "1234" not in hidden["telephone"]
    assert town.program.get("/usagers?q=063998").get_json()["donnees"] != [hidden]


def test_pages_follow_each_other_whatever_comes_meanwhile(app: Flask, town: Town) -> None:
    with app.app_context():
        first = db.session.get_one(Rdv, town.rdv)
        for _ in range(4):  # at the very same moment
            make.rdv(first.motif, starts_at=first.starts_at)
        db.session.commit()
    got, path = [], "/rdvs?limite=2"
    while path:
        answer = town.program.get(path)
        got += [rdv["id"] for rdv in answer.get_json()["donnees"]]
        link = answer.headers.get("Link", "")
        assert bool(link) == bool(answer.get_json()["suite"])
        path = link.partition("/api/v1")[2].partition(">")[0]
        if len(got) == 2:
            with app.app_context():
                make.rdv(db.session.get_one(Rdv, town.rdv).motif, starts_at=utcnow() + timedelta(hours=1))
                db.session.commit()
    assert got == sorted(got) and len(set(got)) == 5
    assert len(town.program.get("/motifs?limite=1").get_json()["donnees"]) == 1


def test_what_did_not_change_is_not_sent_again(town: Town) -> None:
    first = town.program.get("/rdvs")
    assert town.program.get("/rdvs", If_None_Match=first.headers["ETag"]).status_code == 304
    public = town.program.get("/motifs")
    assert town.program.get("/motifs", If_None_Match=public.headers["ETag"]).status_code == 304


def test_however_many_there_are_the_statements_are_the_same(app: Flask, town: Town) -> None:
    def asked() -> list[int]:
        counts = []
        for path in ("/motifs", "/rdvs", f"/rdvs/{town.rdv}/participations", "/usagers?q=amrani"):
            with app.app_context(), statements() as sent:
                assert town.program.get(path).status_code == 200
            counts.append(len(sent))
        return counts

    town.program.get("/motifs")  # its use is noted
    few = asked()
    with app.app_context():
        rdv = db.session.get_one(Rdv, town.rdv)
        for n in range(12):
            motif = make.motif(rdv.motif.service, name=f"Atelier {n}")
            other = make.rdv(motif, lieu_id=make.lieu(rdv.organisation).id, starts_at=utcnow() - timedelta(hours=3))
            make.rdv(motif, agents=[make.agent(motif.service)], lieu_id=make.lieu(rdv.organisation).id)
            parent = make.usager(rdv.organisation_id)
            make.participation(rdv, make.usager(rdv.organisation_id, responsable_id=parent.id, last_name="Amrani"))
            make.participation(other, statut=Statut.PRESENT)
        db.session.commit()
    many = asked()
    assert many == few or many == [few[0], few[1] + 1, *few[2:]], (few, many)  # one for those that are over


@pytest.mark.parametrize("droit", [Droit.VOIR, Droit.GERER_RDV, None])
def test_the_right_that_is_missing_is_named(app: Flask, town: Town, droit: Droit | None) -> None:
    with app.app_context():
        service = db.session.get_one(make.Service, town.service)
        token = make.jeton(make.agent(service, "référent"), [droit] if droit else [])[1]
        db.session.commit()
    program = Program(app, token)
    looks = [
        program.get(path).status_code for path in ("/motifs", f"/rdvs/{town.rdv}", f"/participations/{town.place}")
    ]
    assert looks == ([200, 200, 200] if droit else [403, 403, 403])
    writes = program.post(f"/rdvs/{town.rdv}/participations", {"prenom": "Awa", "nom": "Diallo"})
    search = program.get("/usagers?q=amrani")
    if droit is Droit.GERER_RDV:
        assert (writes.status_code, search.status_code) == (201, 200)
    else:
        assert writes.get_json()["droit"] == search.get_json()["droit"] == "gerer_rdv"
