"""The journal: who did what, to which record, when. Ids and words; personal data never goes in."""

from typing import Any

from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, Journal


def note(
    organisation_id: int,
    action: str,
    sujet: Any,
    *,
    by: Acteur = Acteur.AGENT,
    agent: Agent | None = None,
    rdv_id: int | None = None,
    **details: Any,
) -> None:
    """Write one line about `sujet` (a row that already has an id) in the running transaction."""
    db.session.add(
        Journal(
            organisation_id=organisation_id,
            acteur=by,
            agent_id=agent.id if agent else None,
            rdv_id=rdv_id,
            sujet_type=type(sujet).__name__.lower(),
            sujet_id=sujet.id,
            action=action,
            details=details,
        )
    )
