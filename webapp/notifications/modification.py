"""Date, time, place, room or video link changed: everybody booked is told what was and what is."""

from datetime import datetime
from typing import Any

from sqlalchemy import update

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import EtatNotification, Notification, Participation, Rdv
from webapp.queries import notifications as queries

from . import content
from .base import SeanceNotice

UNKNOWN = (EtatNotification.A_ENVOYER, EtatNotification.ECHEC)
REPLACED = "Remplacé par un changement plus récent."


class Modification(SeanceNotice, event=events.Modification):
    calendar = "REQUEST"

    def participations(self, event: Any) -> Any:
        return queries.active_participations(event.rdv_id)

    def rdv(self, event: Any, participations: Any) -> Rdv | None:
        return db.session.get(Rdv, event.rdv_id)

    def sujet(self, event: Any) -> tuple[str, int]:
        return "rdv", event.rdv_id

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        """Each reader's row keeps what that reader knows: a change they were not told of yet makes way for this one,
        which then goes from what they know to what is."""
        rows = super().rows(event, now)
        known, waiting = self._known(event.rdv_id)
        for row in rows:
            row["avant"] = known.get(_reader(row)) or dict(event.avant)
        if waiting:
            db.session.execute(
                update(Notification)
                .where(Notification.id.in_(waiting), Notification.etat == EtatNotification.A_ENVOYER)
                .values(etat=EtatNotification.IGNOREE, erreur=REPLACED)
                .execution_options(synchronize_session=False)
            )
        return rows

    def _known(self, rdv_id: int) -> tuple[dict[Any, dict[str, str]], list[int]]:
        """(reader and channel → what they knew before changes nobody told them, the rows that still wait)."""
        known: dict[Any, dict[str, str]] = {}
        waiting = []
        for row in queries.changes_written(rdv_id):
            reader = (row.destinataire_type, row.destinataire_id, row.canal)
            if row.etat is EtatNotification.A_ENVOYER:
                waiting.append(row.id)
            if row.etat not in UNKNOWN:
                known.pop(reader, None)
            elif row.avant:
                known.setdefault(reader, row.avant)
        return known, waiting

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        return None if participation.statut is Statut.INSCRIT else "La personne n’est plus inscrite."

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        if rdv.cancelled_at:
            return "La séance est annulée."
        if notification.avant == content.ou_et_quand(rdv):
            return "La séance est revenue à ce que la personne savait."
        return None


def _reader(row: dict[str, Any]) -> Any:
    return row["destinataire_type"], row["destinataire_id"], row["canal"]
