"""The service moved somebody to another session: they are told once, what was and what is; so are the agents of both.

In a calendar it is the same event that moves: the place that is taken keeps the number of the one that is left.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.participation import Statut, holds_seat
from webapp.extensions import db
from webapp.models import Canal, Notification, Participation, Rdv
from webapp.queries import notifications as queries

from .base import AGENT, NEWER, Destination, SeanceNotice
from .people import agents_to_tell

DEPLACEMENT = "deplacement"


class Deplacement(SeanceNotice, event=events.Deplacement):
    calendar = "REQUEST"

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        # Moved again before they heard of the first time: they are told from where they think they are.
        avant = queries.move_not_told(event.parties) or dict(event.avant)
        return [{**row, "avant": avant} for row in super().rows(event, now)] + self._left(event, now)

    def _left(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        """To the agents of the session that was left, but for those who hold the other one too."""
        place, there = db.session.get_one(Participation, event.parties[0]), db.session.get_one(Rdv, event.de_rdv_id)
        here = {agent.id for agent in db.session.get_one(Participation, event.participation_id).rdv.agents}
        values = {
            "organisation_id": there.organisation_id,
            "rdv_id": there.id,
            "sujet_type": "participation",
            "sujet_id": place.id,
            "changement": f"v{place.version}",
            "file": self.queue,
            "par_formulaire": False,
            "avant": None,
        }
        return [
            self.row(Destination(AGENT, agent.id, Canal.COURRIEL, event.parties), now, **values)
            for agent in agents_to_tell(there, event.auteur_agent_id, now)
            if agent.id not in here
        ]

    def starts(self, avant: Mapping[str, str] | None) -> list[datetime]:
        return [datetime.fromisoformat(avant["debut"])] if avant else []

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        if notification.avant is None:  # told of who left
            return "La personne a retrouvé sa place." if holds_seat(participation.statut) else None
        if participation.statut is not Statut.INSCRIT:
            return "La personne n’est plus inscrite."
        return NEWER if participation.inscrit_le > notification.cree_le else None

    def words(self, notification: Notification) -> dict[str, Any]:
        return {"ancienne": notification.avant["nom"] if notification.avant else ""}
