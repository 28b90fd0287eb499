"""The demonstration's inbox: what would have left is a row that /demo/messages shows as received."""

from flask import current_app

from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Canal, MessageDemo
from webapp.notifications.outgoing import Outgoing


class Inbox:
    """Takes each key once, like a good provider."""

    def send(self, message: Outgoing) -> str:
        """The message's key."""
        sender = message.sender
        if message.canal is Canal.COURRIEL:
            sender += f" <{current_app.config['MAIL_DEFAULT_SENDER']}>"
        row = {
            "canal": message.canal,
            "cle_envoi": message.key,
            "de": sender,
            "a": message.to,
            "sujet": message.subject[:200],
            "corps": message.text,
            "html": message.html,
            "ics": message.ics.decode(),
        }
        statement = insert(MessageDemo, db.engine.dialect.name).on_conflict_do_nothing(index_elements=["cle_envoi"])
        with db.engine.begin() as connection:
            connection.execute(statement, row)
        return f"demo-{message.key}"

    def close(self) -> None:
        """Nothing is kept open."""
