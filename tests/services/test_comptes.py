"""Agents' accounts: passwords, and links that work once, for an hour."""

from datetime import timedelta

import pytest
from argon2 import Type
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from webapp import links
from webapp.clock import utcnow
from webapp.domain.errors import Introuvable, Refus
from webapp.extensions import db
from webapp.models import Agent, Notification
from webapp.services import comptes


@pytest.fixture
def agent(app: Flask):
    with app.app_context():
        row = make.agent(make.service())
        db.session.commit()
        yield row


def token_of(agent: Agent) -> str:
    nonce = db.session.scalar(select(Agent.reset_nonce).where(Agent.id == agent.id))
    return links.token(links.MOT_DE_PASSE, nonce)


def test_only_the_right_password_of_an_active_agent_opens(agent: Agent) -> None:
    assert comptes.authenticate(agent.email.upper(), make.PASSWORD).id == agent.id
    assert comptes.authenticate(agent.email, "un autre mot de passe") is None
    assert comptes.authenticate("inconnu@exemple.fr", make.PASSWORD) is None
    agent.actif = False
    db.session.commit()
    assert comptes.authenticate(agent.email, make.PASSWORD) is None


def test_the_site_hashes_as_rfc_9106_recommends() -> None:
    """Its second choice, for machines with little memory: Argon2id, 64 MiB, 3 passes, 4 lanes."""
    chosen = comptes.HASHING
    assert chosen.type is Type.ID
    assert (chosen.memory_cost, chosen.time_cost, chosen.parallelism) == (64 * 1024, 3, 4)


def test_a_reset_link_works_once_and_ends_sessions_elsewhere(agent: Agent) -> None:
    comptes.ask_reset(agent.email)
    token = token_of(agent)
    assert comptes.agent_for_reset(token).id == agent.id
    comptes.reset_password(token, "une phrase toute neuve")
    assert comptes.authenticate(agent.email, "une phrase toute neuve").auth_version == 2
    with pytest.raises(Introuvable):
        comptes.reset_password(token, "encore une autre phrase")


def test_a_new_link_kills_the_old_one_and_an_old_one_dies_after_an_hour(agent: Agent) -> None:
    comptes.ask_reset(agent.email)
    old = token_of(agent)
    comptes.ask_reset(agent.email)
    with pytest.raises(Introuvable):
        comptes.agent_for_reset(old)
    agent.reset_expire_le = utcnow() - timedelta(seconds=1)
    db.session.commit()
    with pytest.raises(Introuvable):
        comptes.agent_for_reset(token_of(agent))


def test_asking_for_an_unknown_address_tells_nobody(agent: Agent) -> None:
    comptes.ask_reset("inconnu@exemple.fr")
    assert db.session.scalars(select(Notification)).all() == []
    comptes.ask_reset(agent.email)
    row = db.session.scalars(select(Notification)).one()
    assert (row.event, row.file, row.corps) == ("mot_de_passe", "urgent", "")


@pytest.mark.parametrize("password", ["court", "x" * 201, ""])
def test_a_password_is_long_enough(agent: Agent, password: str) -> None:
    with pytest.raises(Refus):
        comptes.hash_password(password)


def test_passwords_are_kept_as_argon2id(agent: Agent) -> None:
    assert comptes.hash_password("une phrase assez longue").startswith("$argon2id$")
