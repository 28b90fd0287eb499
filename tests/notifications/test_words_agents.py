"""The words of the mail that opens an agent's account."""

from datetime import timedelta

from tests.notifications.scene import NOW, check, messages_of, one_base, scene, shown, words_context
from webapp.domain.events import InvitationAgent
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
