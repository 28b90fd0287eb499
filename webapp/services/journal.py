"""The journal: who did what, to which record, when. Ids and words; personal data never goes in."""

from collections.abc import Iterable
from typing import Any

from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Absence, Agent, FileAttente, Journal, Participation, Rdv

from . import webhook_outbox


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


def note_moves(
    rdv: Rdv,
    moves: Iterable[tuple[Participation, Statut]],
    *,
    by: Acteur,
    agent: Agent | None,
    a: Statut,
    **details: Any,
) -> None:
    """Each of these people of one session was moved, from the status that goes with them: one statement for all."""
    common = {**_of_session(rdv, "participation", by, agent), "action": "statut"}
    _write(*({**common, "sujet_id": row.id, "details": {"de": de, "a": a, **details}} for row, de in moves))


def note_seats(rdv: Rdv, rows: Iterable[Participation], *, by: Acteur, agent: Agent | None, **details: Any) -> None:
    """Each of these people has a seat of that session now: one statement for all."""
    common = {**_of_session(rdv, "participation", by, agent), "action": "inscription"}
    _write(*({**common, "sujet_id": row.id, "details": details} for row in rows))


def note_sessions(action: str, lines: Iterable[tuple[Rdv, dict[str, Any]]], agent: Agent) -> None:
    """The same thing was done to each of these sessions, with these details: one statement for all."""
    rows = [
        {
            "organisation_id": rdv.organisation_id,
            "acteur": Acteur.AGENT,
            "agent_id": agent.id,
            "rdv_id": rdv.id,
            "sujet_type": "rdv",
            "sujet_id": rdv.id,
            "action": action,
            "details": details,
        }
        for rdv, details in lines
    ]
    if rows:
        _write(*rows)


def note_capacities(changes: Iterable[tuple[Rdv, int | None]], agent: Agent) -> None:
    """These sessions are about to have that many seats, through their plage or their motif."""
    changed = ((rdv, {"de": rdv.capacite_max, "a": seats}) for rdv, seats in changes if seats != rdv.capacite_max)
    note_sessions("capacite", changed, agent)


def note_absence(absence: Absence, action: str, agent: Agent, changements: dict[str, Any]) -> None:
    """One line about whose absence it is: it stands when the absence no longer does."""
    _write(
        {
            "organisation_id": absence.organisation_id,
            "acteur": Acteur.AGENT,
            "agent_id": agent.id,
            "rdv_id": None,
            "sujet_type": "absence",
            "sujet_id": absence.agent_id,
            "action": action,
            "details": {"changements": changements},
        }
    )


def note_waits(rdv: Rdv, entries: Iterable[FileAttente], *, by: Acteur, agent: Agent | None) -> None:
    """What became of these people's wait for a seat: one statement for all."""
    common = {**_of_session(rdv, "fileattente", by, agent), "action": "attente"}
    _write(
        *(
            {**common, "sujet_id": entry.id, "details": {"a": entry.etat.value, "places": entry.places}}
            for entry in entries
        )
    )


def _of_session(rdv: Rdv, sujet_type: str, by: Acteur, agent: Agent | None) -> dict[str, Any]:
    """What lines about several places or waits of one session share."""
    return {
        "organisation_id": rdv.organisation_id,
        "acteur": by,
        "agent_id": agent.id if agent else None,
        "rdv_id": rdv.id,
        "sujet_type": sujet_type,
    }


def _write(*rows: dict[str, Any]) -> None:
    db.session.execute(Journal.__table__.insert(), rows)
    webhook_outbox.gather(rows)
