"""What webhooks were told, held against what is: whatever the door, the last event of a record says how it is now."""

import json

from flask import Flask
from sqlalchemy import select

from webapp.extensions import db
from webapp.models import Participation, Rdv, Webhook, WebhookEnvoi


def untold(app: Flask) -> list[str]:
    """Records that are not as their last event says, or changed without one since their organisation's webhook is."""
    with app.app_context():
        said: dict[tuple[int, str, int], str] = {}
        rows = db.session.execute(select(WebhookEnvoi.webhook_id, WebhookEnvoi.corps).order_by(WebhookEnvoi.id))
        for webhook_id, text in rows:
            body = json.loads(text)
            kind = "participation" if "participation" in body else "rdv"
            said[webhook_id, kind, body[kind]["id"]] = body[kind]["statut"]
        wrong = []
        for hook in db.session.scalars(select(Webhook)):
            mine = Rdv.organisation_id == hook.organisation_id
            places = select(Participation.id, Participation.statut).join(Participation.rdv)
            now = {
                ("participation", place): statut.value
                for place, statut in db.session.execute(places.where(mine, Participation.statut_le > hook.cree_le))
            }
            cancelled = select(Rdv.id).where(mine, Rdv.cancelled_at.is_not(None))
            now |= {("rdv", rdv_id): "annule" for rdv_id in db.session.scalars(cancelled)}
            wrong += [
                f"{kind} {number}: {statut}, told {said.get((hook.id, kind, number))}"
                for (kind, number), statut in now.items()
                if said.get((hook.id, kind, number)) != statut
            ]
        return wrong
