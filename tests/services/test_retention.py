"""Nothing personal is kept for ever (docs/domain.md rule 23)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.identity import Identity, Prescripteur
from webapp.domain.participation import Acteur
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import (
    Envoi,
    EtatNotification,
    Notification,
    Participation,
    SessionAgent,
    Usager,
    UsagerCle,
    usager_organisations,
)
from webapp.services import comptes
from webapp.services.booking import book_seat
from webapp.services.checks import broken
from webapp.services.retention import purge


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context():
        yield
        assert list(broken()) == []


def test_who_was_not_seen_for_the_retention_becomes_nobody() -> None:
    long_ago = utcnow() - timedelta(days=800)
    old = make.rdv(starts_at=long_ago)
    gone = make.usager(old.organisation_id, cree_le=long_ago, email="yasmina@exemple.fr", numero_dossier="A12")
    place = make.participation(old, gone, cree_le=long_ago, telephone="+33639989999", raison="transport")
    recent = make.usager(old.organisation_id)
    still = make.usager(old.organisation_id, cree_le=long_ago)
    make.participation(make.rdv(old.motif), still)
    shared = make.usager(old.organisation_id, cree_le=long_ago)
    other = make.organisation(retention_mois=36)
    parent = make.usager(old.organisation_id, cree_le=long_ago)
    make.participation(make.rdv(old.motif), make.usager(old.organisation_id, responsable=parent))
    db.session.execute(usager_organisations.insert().values(usager_id=shared.id, organisation_id=other.id))
    db.session.commit()
    assert purge()["usagers"] == 1
    assert purge()["usagers"] == 0
    db.session.expire_all()
    assert (gone.first_name, gone.last_name, gone.phone, gone.email, gone.numero_dossier, gone.recherche) == (
        "",
        "Anonyme",
        None,
        None,
        None,
        "",
    )
    assert (place.telephone, place.raison, place.statut.value) == (None, "", "inscrit")
    assert db.session.scalar(select(func.count()).where(UsagerCle.usager_id == gone.id)) == 0
    assert recent.phone and still.phone and shared.phone and parent.phone
    assert purge(utcnow() + timedelta(days=400))["usagers"] == 1  # `shared`: its time came too


def test_who_waits_stays_and_who_waited_long_ago_becomes_nobody() -> None:
    long_ago = utcnow() - timedelta(days=800)
    old = make.rdv(starts_at=long_ago)
    gone, waits = (make.usager(old.organisation_id, cree_le=long_ago) for _ in range(2))
    others = [{"prenom": "Léo", "nom": "Amrani", "date_naissance": None}]
    entry = make.attente(
        old, gone, EtatAttente.EXPIREE, cree_le=long_ago, places=2, accompagnants=others, courriel="y@exemple.fr"
    )
    make.attente(make.full(make.rdv(old.motif)), waits)
    db.session.commit()
    assert purge()["usagers"] == 1
    db.session.expire_all()
    assert gone.last_name == "Anonyme" and waits.phone
    assert (entry.courriel, entry.accompagnants, entry.places) == (None, [], 2)


def test_a_person_whose_name_is_anonyme_goes_like_everybody() -> None:
    long_ago = utcnow() - timedelta(days=800)
    person = make.usager(make.organisation(), first_name="Zoé", last_name="Anonyme", cree_le=long_ago)
    db.session.commit()
    assert (purge()["usagers"], purge()["usagers"]) == (1, 0)
    db.session.expire_all()
    assert (person.first_name, person.phone) == ("", None) and person.anonymise_le


def test_messages_lose_their_words_after_six_months_and_keep_their_outcome() -> None:
    rdv = make.rdv()
    db.session.commit()
    book_seat(rdv.id, Identity("Élodie", "Martin", "+33639980001"), by=Acteur.USAGER, envoi="un")
    row = db.session.scalars(select(Notification)).one()
    row.etat, row.envoyee_le, row.corps, row.adresse = EtatNotification.ENVOYEE, utcnow(), "bonjour", "+33639980001"
    db.session.commit()
    assert purge() == {"usagers": 0, "messages": 0, "formulaires": 0, "sessions": 0}
    assert purge(utcnow() + timedelta(days=190))["messages"] == 1
    db.session.expire_all()
    assert (row.corps, row.adresse, row.etat) == ("", "", EtatNotification.ENVOYEE)
    assert db.session.scalar(select(func.count()).select_from(Envoi)) == 0


def test_agents_sessions_that_are_over_go_and_the_open_ones_stay() -> None:
    agent = make.agent(make.service())
    db.session.commit()
    comptes.open_session(agent, "Firefox")
    old = comptes.session_key(comptes.open_session(agent, "Firefox"))
    db.session.get_one(SessionAgent, old).cree_le = utcnow() - timedelta(hours=13)
    db.session.commit()
    assert purge()["sessions"] == 1
    assert [row.cle for row in db.session.scalars(select(SessionAgent)) if row.cle == old] == []
    assert db.session.scalar(select(func.count()).select_from(SessionAgent)) == 1


def test_the_professional_who_booked_goes_with_the_person() -> None:
    rdv = make.rdv()
    db.session.commit()
    who = Prescripteur("Claire Petit", "Mission locale", "claire@mission.exemple.fr")
    person = Identity("Élodie", "Martin", "+33639980001")
    book_seat(rdv.id, person, by=Acteur.PRESCRIPTEUR, envoi="un", prescripteur=who)
    question = select(Notification).where(Notification.event == "prescription")
    assert db.session.scalars(question).one().adresse == "claire@mission.exemple.fr"
    for usager in db.session.scalars(select(Usager)):
        usager.cree_le -= timedelta(days=900)
    place = db.session.scalars(select(Participation)).one()
    place.cree_le, rdv.starts_at, rdv.ends_at = (
        place.usager.cree_le,
        place.usager.cree_le,
        utcnow() - timedelta(days=890),
    )
    db.session.commit()
    assert purge()["usagers"] == 1
    db.session.expire_all()
    assert (place.prescripteur_nom, place.prescripteur_structure, place.prescripteur_courriel) == (None, None, None)
    told = db.session.scalars(question).one()
    assert (told.adresse, told.corps) == ("", "")
