"""What happened to sessions and seats, told to the organisation's webhooks: gathered while the use case writes, and
written down with it, by its own transaction, just before the commit.

The journal says most of it (`gather` reads its lines), so what writes its line is told; `changed` is for changes that
have none of their own. An organisation without webhooks costs nothing.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.domain.webhooks import Evenement, body, stamp
from webapp.extensions import db
from webapp.models import EtatEnvoi, Rdv, Webhook, WebhookEnvoi
from webapp.notifications import wake
from webapp.queries import webhooks as queries

KEY = "webhooks"
"""Where a session keeps what its running transaction did."""
SEANCES = {
    "rdv_cree": Evenement.RDV_CREE,
    "annulation": Evenement.RDV_ANNULE,
    "modification": Evenement.RDV_MODIFIE,
    "capacite": Evenement.RDV_MODIFIE,
    "agents_changes": Evenement.RDV_MODIFIE,
    "seance_reglages": Evenement.RDV_MODIFIE,
}
"""Action of the journal about a session → what webhooks are told. The agents' own note is theirs alone."""
PLACES = {"inscription": Evenement.PARTICIPATION_CREEE, "statut": Evenement.PARTICIPATION_STATUT}
STRONGER = (Evenement.RDV_MODIFIE, Evenement.RDV_CREE, Evenement.RDV_ANNULE)
"""Several things happened to a session at once: it is told once, of the last of these."""


class Happened:
    """What the running transaction did: the sessions by organisation, the places, the sessions that are no more."""

    def __init__(self) -> None:
        self.sessions: dict[int, Evenement] = {}
        self.places: dict[int, Evenement] = {}
        self.gone: list[dict[str, Any]] = []
        self.organisations: set[int] = set()


def gather(lines: Iterable[Mapping[str, Any]]) -> None:
    """What these lines of the journal mean for webhooks."""
    for line in lines:
        if line["sujet_type"] == "rdv" and line["action"] in SEANCES:
            changed(line["organisation_id"], [line["sujet_id"]], SEANCES[line["action"]])
        elif line["sujet_type"] == "participation" and line["action"] in PLACES:
            happened = _happened(line["organisation_id"])
            happened.places.setdefault(line["sujet_id"], PLACES[line["action"]])


def changed(organisation_id: int, rdv_ids: Iterable[int], event: Evenement) -> None:
    """That happened to these sessions."""
    happened = _happened(organisation_id)
    for rdv_id in rdv_ids:
        known = happened.sessions.get(rdv_id, event)
        happened.sessions[rdv_id] = max(known, event, key=STRONGER.index)


def removed(rdvs: Iterable[Rdv]) -> None:
    """These sessions, where nobody ever was, are about to be deleted: they are told as cancelled."""
    for rdv in rdvs:
        happened = _happened(rdv.organisation_id)
        happened.sessions.pop(rdv.id, None)
        said = _said(rdv, "supprime", rdv.version + 1)
        happened.gone.append({"organisation_id": rdv.organisation_id, "service_id": rdv.motif.service_id, "rdv": said})


def write() -> None:
    """Promise it to every webhook that wants it: one INSERT for the whole use case. Called before the commit."""
    happened: Happened | None = db.session().info.pop(KEY, None)
    if happened is None:
        return
    listening = [one for one in sorted(happened.organisations) if queries.listens(one)]
    if not listening:
        return
    db.session.flush()
    tellings = _tellings(happened)
    rows = [row for webhook in queries.active(listening) for row in _rows(webhook, tellings)]
    if rows:
        db.session.execute(WebhookEnvoi.__table__.insert(), rows)
        wake.hint_after_commit(wake.WEBHOOKS)


def forget() -> None:
    """It did not happen after all."""
    db.session().info.pop(KEY, None)


def promise(webhook: Webhook, event: Evenement, about: Mapping[str, Any], rdv_id: int | None = None) -> dict[str, Any]:
    """The row that promises one event to one webhook."""
    cle, now = uuid.uuid4().hex, utcnow()
    return {
        "webhook_id": webhook.id,
        "cle": cle,
        "evenement": event,
        "rdv_id": rdv_id,
        "corps": body(cle, event, now, about),
        "etat": EtatEnvoi.A_ENVOYER,
        "depuis": now,
        "a_envoyer_le": now,
        "cree_le": now,
        "tentatives": 0,
        "reponse": "",
        "erreur": "",
    }


def _happened(organisation_id: int) -> Happened:
    found: Happened = db.session().info.setdefault(KEY, Happened())
    found.organisations.add(organisation_id)
    return found


def _tellings(happened: Happened) -> list[tuple[Evenement, int, int, dict[str, Any], int]]:
    """(event, organisation, service, what is said, session) of all that happened, two questions in all."""
    emptied = [rdv_id for rdv_id, event in happened.sessions.items() if event is Evenement.RDV_ANNULE]
    places = queries.places(happened.places, emptied) if happened.places or emptied else ()
    sessions = {row.id: row for row in queries.sessions({*happened.sessions, *(row.rdv_id for row in places)})}
    told = []
    for rdv_id, event in happened.sessions.items():
        if (row := sessions.get(rdv_id)) is not None:
            told.append((event, row.organisation_id, row.service_id, {"rdv": _session(row)}, rdv_id))
    for gone in happened.gone:
        about = {"rdv": gone["rdv"]}
        told.append((Evenement.RDV_ANNULE, gone["organisation_id"], gone["service_id"], about, gone["rdv"]["id"]))
    for place in places:
        row = sessions[place.rdv_id]
        about = {"participation": _place(place), "rdv": _session(row)}
        told.append((_event_of(place, happened), row.organisation_id, row.service_id, about, place.rdv_id))
    return told


def _event_of(place: Any, happened: Happened) -> Evenement:
    if place.statut is Statut.ANNULE:
        return Evenement.PARTICIPATION_RETIREE
    if place.version == 1 and happened.places.get(place.id) is Evenement.PARTICIPATION_CREEE:
        return Evenement.PARTICIPATION_CREEE
    return Evenement.PARTICIPATION_STATUT  # who comes back has the place they had


def _rows(webhook: Webhook, told: Iterable[tuple[Evenement, int, int, dict[str, Any], int]]) -> list[dict[str, Any]]:
    wanted = set(webhook.evenements)
    return [
        promise(webhook, event, about, rdv_id)
        for event, organisation_id, service_id, about, rdv_id in told
        if organisation_id == webhook.organisation_id and event in wanted and webhook.service_id in (None, service_id)
    ]


def _session(row: Any) -> dict[str, Any]:
    return _said(row, "annule" if row.cancelled_at else "prevu", row.version)


def _said(row: Any, statut: str, version: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "motif_id": row.motif_id,
        "statut": statut,
        "version": version,
        "starts_at": stamp(row.starts_at),
        "ends_at": stamp(row.ends_at),
    }


def _place(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "rdv_id": row.rdv_id,
        "usager_id": row.usager_id,
        "statut": row.statut.value,
        "version": row.version,
        "statut_le": stamp(row.statut_le),
    }
