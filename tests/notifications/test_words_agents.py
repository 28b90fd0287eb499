"""The words of the mails about an agent's account."""

from datetime import timedelta

import pytest

from tests.notifications.scene import NOW, check, messages_of, one_base, scene, shown, words_context
from webapp.domain.events import CompteModifie, InvitationAgent
from webapp.extensions import db

__all__ = ["one_base", "words_context"]


def test_the_words_of_an_invitation() -> None:
    _, agent = scene()
    agent.reset_nonce, agent.reset_version, agent.reset_expire_le = "nonce", 1, NOW + timedelta(days=7)
    agent.password_hash = None
    db.session.commit()
    (message,) = messages_of(InvitationAgent(agent_id=agent.id, version=1))
    check("invitation_agent.txt", shown(message))
    assert "[lien personnel]" in message.kept and "/agent/mot-de-passe/" not in message.kept
    assert "Choisir mon mot de passe" in message.html


@pytest.mark.parametrize(
    "quoi",
    [
        "mot_de_passe_change", "second_facteur_active", "second_facteur_retire", "second_facteur_reinitialise",
        "code_secours_utilise", "codes_secours",
    ],
)  # fmt: skip
def test_the_words_about_a_changed_login(quoi: str) -> None:
    _, agent = scene()
    db.session.commit()
    (message,) = messages_of(CompteModifie(agent_id=agent.id, quoi=quoi, le=NOW.isoformat()))
    check(f"compte_modifie-{quoi}.txt", shown(message))
    assert "Si ce n’est pas vous" in message.html and "/agent/" not in message.kept
