"""A file an agent asked for is ready: the page where it is, never the file itself."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.extensions import db
from webapp.links import address
from webapp.models import Agent, Export, Notification

from .account import AccountNotice


class ExportPretNotice(AccountNotice, event=events.ExportPret):
    def sujet(self, event: Any) -> tuple[str, int]:
        return "export", event.export_id

    def changement(self, event: Any) -> str:
        return "pret"

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if not agent.actif:
            return "Ce compte n’est plus actif."
        return None if db.session.get(Export, notification.sujet_id) else "Le fichier a été supprimé depuis."

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        export = db.session.get(Export, notification.sujet_id)
        return {"lignes": export.total if export else 0, "lien": address("/agent/exports")}
