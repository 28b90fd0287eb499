"""At a person's request, by an agent: their data to take away, their file erased."""

import json

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, sound, tap
from tests.web.test_agent_usagers import LIST, lines, person
from webapp.clock import utcnow
from webapp.domain.errors import Perime
from webapp.domain.participation import Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import (
    Agent,
    Canal,
    EtatNotification,
    FileAttente,
    Notification,
    Participation,
    Rdv,
    Usager,
    UsagerCle,
    usager_mots,
)
from webapp.queries import repertoire
from webapp.services import fin_de_fiche

FULL = {"first_name": "Zoé", "last_name": "Lefèvre", "phone": "+33639987766", "email": "zoe@exemple.fr"}


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app)


def seated(made: Desk, *sessions: int, **fields: object) -> int:
    with made.app.app_context():
        first = db.session.get(Rdv, sessions[0])
        who = make.usager(first.organisation_id, **{**FULL, **fields})
        for session in sessions:
            make.participation(db.session.get(Rdv, session), who, telephone="+33639981111")
        db.session.commit()
        return who.id


def test_the_export_says_what_my_services_keep_and_no_more(made: Desk) -> None:
    one = seated(made, made.rdv, made.elsewhere, numero_dossier="A12B")
    client = made.log_in()
    page = client.get(f"{LIST}/{one}").form("/donnees").submit()
    said = json.loads(page.answer.get_data(as_text=True))
    assert said["personne"]["téléphone"] == "+33639987766" and said["personne"]["numéro de dossier"] == "A12B"
    assert [place["atelier"] for place in said["rendez-vous"]] == ["Mes droits au RSA"]
    assert "D’autres services" in said["à savoir"] and "mère-enfant" not in str(said)
    everything = json.loads(made.log_in("accueil").get(f"{LIST}/{one}").form("/donnees").submit().answer.data)
    assert len(everything["rendez-vous"]) == 2 and "à savoir" not in everything
    assert [action for action, _ in lines(made, "usager_exporte")] == ["usager_exporte"] * 2


def test_erasing_gives_back_the_seats_and_leaves_nobody(made: Desk) -> None:
    one = seated(made, made.rdv)
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        rdv.agents = [db.session.scalars(select(Agent).where(Agent.email == made.emails["référent"])).one()]
        full = make.full(make.rdv(rdv.motif, capacite_propre=1))
        make.attente(full, db.session.get(Usager, one))
        past = make.rdv(rdv.motif, starts_at=rdv.starts_at.replace(year=rdv.starts_at.year - 1))
        make.participation(past, db.session.get(Usager, one), Statut.PRESENT)
        db.session.commit()
    client = made.log_in()
    page = client.get(f"{LIST}/{one}/suppression")
    assert page.has("1 place sera rendue") and page.has("1 liste d’attente") and page.has("aucun message")
    assert page.form("/suppression").submit().status == 422 and person(made, one).phone
    page = page.form("/suppression").submit(raison="demande")
    assert page.has("est supprimée : 1 place rendue")
    assert made.session().places_prises == 3 and sound(made)
    with made.app.app_context():
        gone = db.session.get(Usager, one)
        assert (gone.first_name, gone.last_name, gone.phone, gone.email) == ("", "Anonyme", None, None)
        statuts = {
            place.statut for place in db.session.scalars(select(Participation).where(Participation.usager_id == one))
        }
        assert statuts == {Statut.EXCUSE, Statut.PRESENT}
        assert {wait.etat for wait in db.session.scalars(select(FileAttente))} == {EtatAttente.RETIREE}
        for held in (UsagerCle, usager_mots.c):
            assert not db.session.scalars(select(held.usager_id).where(held.usager_id == one)).all()
        said = db.session.scalars(select(Notification).where(Notification.event == "desistement")).all()
        assert {(row.destinataire_type, row.etat.value) for row in said} == {
            ("agent", "a_envoyer"),
            ("usager", "ignoree"),
        }
        assert "39987766" not in str([(row.adresse, row.corps) for row in db.session.scalars(select(Notification))])
    assert lines(made, "usager_supprime") == [("usager_supprime", {"raison": "demande"})]
    assert client.get(f"{LIST}/{one}").status == 404 and client.get(LIST, query_string={"q": "lefevre"}).has("Aucune")


@pytest.mark.parametrize("choice", ["detacher", "supprimer"])
def test_who_answers_for_others_goes_once_it_is_said_what_becomes_of_them(made: Desk, choice: str) -> None:
    one = seated(made, made.rdv)
    child = seated(made, made.rdv, first_name="Léo", phone=None, email=None, responsable_id=one)
    form = made.log_in().get(f"{LIST}/{one}/suppression").form("/suppression")
    assert form.submit(raison="demande").status == 422 and person(made, one).phone
    assert form.submit(raison="demande", proches=choice).has("est supprimée")
    left = person(made, child)
    assert left.responsable_id is None and (left.anonymise_le is None) is (choice == "detacher")
    assert made.session().places_prises == (4 if choice == "detacher" else 3) and sound(made)


def test_who_another_service_follows_is_erased_by_who_manages_both(made: Desk) -> None:
    one = seated(made, made.rdv, made.elsewhere)
    page = made.log_in().get(f"{LIST}/{one}/suppression")
    assert page.has("Un autre service suit aussi cette personne") and not page.select("form[action$=suppression]")
    client = made.log_in()
    token = client.get(f"{LIST}/{one}").form("/donnees").values["csrf_token"][0]
    data = {"csrf_token": token, "raison": "demande"}
    assert client.post(f"{LIST}/{one}/suppression", data=data).status == 409 and person(made, one).phone
    page = made.log_in("accueil").get(f"{LIST}/{one}/suppression").form("/suppression").submit(raison="double")
    assert page.has("2 places rendues") and sound(made)


def test_people_of_one_household_are_not_taken_for_one_another(made: Desk) -> None:
    assert repertoire.alike(["lefevre", "zoe"], ["zoe", "lefebvre"])
    assert repertoire.alike(["lefevre", "zoe"], ["zoe", "marie", "lefevre"])
    assert not repertoire.alike(["lefevre", "zoe"], ["lefevre", "leo"])


def test_nobody_gives_a_seat_to_a_file_that_was_erased(made: Desk) -> None:
    one = seated(made, made.rdv)
    client = made.log_in()
    client.get(f"{LIST}/{one}/suppression").form("/suppression").submit(raison="demande")
    with made.app.app_context():
        made.places.append(db.session.scalars(select(Participation.id).where(Participation.usager_id == one)).one())
    for wanted in (Statut.INSCRIT, "retour"):
        tap(client, made, -1, wanted)
        assert made.place(-1).statut is Statut.EXCUSE and made.session().places_prises == 3 and sound(made)
    made_up = client.get(f"/agent/rdv/{made.rdv}").form(f"/participations/{made.places[0]}/statut")
    where = f"/agent/rdv/{made.rdv}/participations/{made.places[-1]}/statut"
    token = made_up.values["csrf_token"][-1]
    assert "annulé" not in client.post(where, data={"csrf_token": token, "statut": "retour"}, htmx=True).text
    assert client.post(where, data={"csrf_token": token, "statut": "inscrit"}).status == 409


def test_who_is_moved_while_they_are_erased_keeps_no_seat(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colleague's move ends between the first look and the lock: the answer is to look again."""
    one = seated(made, made.rdv)
    with made.app.app_context():
        there = make.rdv(db.session.get(Rdv, made.rdv).motif)
        make.participation(there, db.session.get(Usager, one), Statut.ANNULE)
        db.session.commit()
        there, rdv_id = there.id, made.rdv
        agent = db.session.scalars(select(Agent).where(Agent.email == made.emails["agent"])).one()
        locked = fin_de_fiche.seat_lock

        def late(*wanted: int) -> list[Rdv]:
            for where, statut, seats in ((rdv_id, Statut.ANNULE, -1), (there, Statut.INSCRIT, 1)):
                row = db.session.scalars(
                    select(Participation).where(Participation.usager_id == one, Participation.rdv_id == where)
                ).one()
                row.statut, row.rdv.places_prises = statut, row.rdv.places_prises + seats
            db.session.flush()
            return locked(*wanted)

        monkeypatch.setattr(fin_de_fiche, "seat_lock", late)
        with pytest.raises(Perime):
            fin_de_fiche.delete(agent, one, fin_de_fiche.Raison.DEMANDE)
    assert person(made, one).phone


def test_what_agents_read_of_a_whole_household_goes_with_one_of_them(made: Desk) -> None:
    one = seated(made, made.rdv)
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        place = db.session.scalars(select(Participation.id).where(Participation.usager_id == one)).one()
        first = made.places[0]
        for about in ([first, place], [first]):
            db.session.add(
                Notification(
                    organisation_id=rdv.organisation_id, event="inscription", sujet_type="participation",
                    sujet_id=first, changement=f"v{len(about)}", canal=Canal.COURRIEL, destinataire_type="agent",
                    destinataire_id=1, cle_envoi=f"foyer-{len(about)}", prevue_le=utcnow(), a_envoyer_le=utcnow(),
                    etat=EtatNotification.ENVOYEE, envoyee_le=utcnow(), rdv_id=rdv.id, participation_ids=about,
                    corps="Inscrits : …",
                )
            )  # fmt: skip
        db.session.commit()
    made.log_in().get(f"{LIST}/{one}/suppression").form("/suppression").submit(raison="demande")
    with made.app.app_context():
        kept = db.session.scalars(select(Notification.participation_ids).where(Notification.corps != "")).all()
    assert kept == [[first]]
