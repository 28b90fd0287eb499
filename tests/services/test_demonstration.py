"""The demonstration: logins that are true, and no session on a day when nobody works."""

from flask import Flask
from sqlalchemy import select

from tests.desk import sqlite_only  # noqa: F401
from webapp.domain.dates import local
from webapp.extensions import db
from webapp.models import Agent, Rdv
from webapp.services import demonstration
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
