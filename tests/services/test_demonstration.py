"""The demonstration: logins that are true, and no session on a day when nobody works."""

from flask import Flask
from sqlalchemy import select

from tests.desk import sqlite_only  # noqa: F401
from tests.programs import Program
from webapp import links
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.invitations import EtatInvitation
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import Agent, FileAttente, Invitation, Jeton, Rdv
from webapp.queries import invitations
from webapp.services import demonstration, jetons
from webapp.services.checks import broken
from webapp.services.comptes import hash_password
from webapp.services.demonstration import data


def test_what_is_said_of_the_demonstration_is_true(app: Flask) -> None:
    with app.app_context():
        demonstration.load()
        admin, *others = demonstration.summary()["agents"]
        assert {one["mot_de_passe"] for one in (admin, *others)} == {data.PASSWORD}
        agent = db.session.scalars(select(Agent).where(Agent.email == admin["courriel"])).one()
        agent.password_hash = hash_password("une autre phrase")
        db.session.commit()
        admin, *others = demonstration.summary()["agents"]
        assert admin["mot_de_passe"] is None and {one["mot_de_passe"] for one in others} == {data.PASSWORD}
        days = [local(rdv.starts_at, rdv.organisation.timezone).date() for rdv in db.session.scalars(select(Rdv))]
        assert days and not [day for day in days if (day.month, day.day) in data.HOLIDAYS]


def test_its_token_is_the_same_each_time_until_it_is_revoked(app: Flask) -> None:
    with app.app_context():
        for _ in range(2):
            demonstration.load()
            token = demonstration.summary()["api_token"]
        program = Program(app, token)
    assert program.get("/rdvs?places=1&limite=2").get_json()["suite"]
    with app.app_context():
        jeton = db.session.scalars(select(Jeton)).one()
        jetons.revoke(jeton.id, jeton.agent)
        demonstration.load()
        assert demonstration.summary()["api_token"] is None
    assert program.get("/rdvs").status_code == 401


def test_somebody_waits_for_a_full_session_and_somebody_is_offered_a_seat(app: Flask) -> None:
    with app.app_context():
        demonstration.load()
        full = db.session.get_one(Rdv, demonstration.summary()["full_rdv"])
        assert full.places_attente >= 4 and full.jauge().libres == 0
        offered = db.session.scalars(select(FileAttente).where(FileAttente.etat == EtatAttente.PROPOSEE)).all()
        assert len(offered) == 1 and offered[0].rdv_id != full.id
        assert list(broken()) == []


def test_the_demonstration_has_invitations_in_every_state(app: Flask) -> None:
    with app.app_context():
        demonstration.load()
        rows = db.session.scalars(select(Invitation)).all()
        states = invitations.of_people(rows[0].motif_id, [row.usager_id for row in rows], utcnow())
        assert set(states.values()) == set(EtatInvitation)
        assert list(broken()) == []
        said = str(demonstration.summary())
        hidden = set(db.session.scalars(select(Rdv.id).where(Rdv.motif_id == rows[0].motif_id)))
        assert not hidden & set(demonstration.summary()["rdvs"])
        assert not any(links.token(links.INVITATION, row.lien_nonce) in said for row in rows)
