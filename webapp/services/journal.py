"""The journal: who did what, to which record, when. Ids and words; personal data never goes in."""

from collections.abc import Iterable
from typing import Any

from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, FileAttente, Journal, Rdv


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
    _write(
        {
            "organisation_id": organisation_id,
            "acteur": by,
            "agent_id": agent.id if agent else None,
            "rdv_id": rdv_id,
            "sujet_type": type(sujet).__name__.lower(),
            "sujet_id": sujet.id,
            "action": action,
            "details": details,
        }
    )


def note_capacities(changes: Iterable[tuple[Rdv, int | None]], agent: Agent) -> None:
    """These sessions are about to have that many seats, through their plage or their motif: one statement for all."""
    rows = [
        {
            "organisation_id": rdv.organisation_id,
            "acteur": Acteur.AGENT,
            "agent_id": agent.id,
            "rdv_id": rdv.id,
            "sujet_type": "rdv",
            "sujet_id": rdv.id,
            "action": "capacite",
            "details": {"de": rdv.capacite_max, "a": capacity},
        }
        for rdv, capacity in changes
        if capacity != rdv.capacite_max
    ]
    if rows:
        _write(*rows)


def note_places(changes: Iterable[tuple[Rdv, dict[str, str], dict[str, str]]], agent: Agent, prevenir: bool) -> None:
    """Where these sessions are held reads otherwise since their place or room was corrected: one statement for all."""
    rows = [
        {
            "organisation_id": rdv.organisation_id,
            "acteur": Acteur.AGENT,
            "agent_id": agent.id,
            "rdv_id": rdv.id,
            "sujet_type": "rdv",
            "sujet_id": rdv.id,
            "action": "modification",
            "details": {"de": before, "a": after, "prevenir": prevenir},
        }
        for rdv, before, after in changes
    ]
    if rows:
        _write(*rows)


def note_waits(rdv: Rdv, entries: Iterable[FileAttente], *, by: Acteur, agent: Agent | None) -> None:
    """What became of these people's wait for a seat: one statement for all."""
    common = {
        "organisation_id": rdv.organisation_id,
        "acteur": by,
        "agent_id": agent.id if agent else None,
        "rdv_id": rdv.id,
        "sujet_type": "fileattente",
        "action": "attente",
    }
    _write(
        *(
            {**common, "sujet_id": entry.id, "details": {"a": entry.etat.value, "places": entry.places}}
            for entry in entries
        )
    )


def _write(*rows: dict[str, Any]) -> None:
    db.session.execute(Journal.__table__.insert(), rows)
