"""The API's doors to a seat: the same sessions and people as the pages', by a program with a token."""

import json
from typing import Any

from bench.wire import Answer
from tests.crowd import person
from tests.door_people import Visitor


def ask(v: Visitor, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Answer:
    """One request with a token; an answer that got lost is asked again with the same key."""
    sent = json.dumps(body).encode() if body is not None else b""
    said = {"Authorization": f"Bearer {v.dice.choice(v.world.jetons)}", "Idempotency-Key": v.dice.randbytes(12).hex()}
    if body is not None:
        said["Content-Type"] = "application/json"
    return v._ask(method, f"/api/v1{path}", sent, {**said, **headers})


def book_by_token(v: Visitor) -> Answer:
    """Somebody known, or somebody named; over the capacity from time to time."""
    told = v.dice.random() < 0.8
    how = {"prevenir": told, "surbooking": v.dice.random() < 0.1}
    if v.dice.random() < 0.5:
        who: dict[str, Any] = {"usager_id": v.dice.choice(v.world.known)}
    else:
        typed = person(v.dice.choice(v.world.people))
        who = {name: typed[name] for name in ("prenom", "nom", "telephone")}
    rdv_id = v.dice.choice([*v.world.sessions, *v.world.sheets])
    return ask(v, "POST", f"/rdvs/{rdv_id}/participations", {**who, **how})


def tap_by_token(v: Visitor) -> Answer | None:
    """A status, by the version last seen or whatever it is."""
    row = v.row()
    if row is None:
        return None
    _, place, version = row
    known = v.dice.choice([f'"{version}"', "*"])
    statut = v.dice.choice(("inscrit", "present", "absent", "excuse", "annule"))
    return ask(v, "PATCH", f"/participations/{place}", {"statut": statut}, **{"If-Match": known})


def remove_by_token(v: Visitor) -> Answer | None:
    row = v.row()
    if row is None:
        return None
    return ask(v, "DELETE", f"/participations/{row[1]}?prevenir={v.dice.randint(0, 1)}", **{"If-Match": "*"})
