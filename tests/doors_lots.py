"""Doors that take several people, or one from a session to another (tests/doors.py lists them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.wire import Answer

if TYPE_CHECKING:
    from tests.doors import Visitor


def move_person(v: Visitor) -> Answer | None:
    """From a sheet to any other session, with the version last seen or none; over the capacity or not."""
    row = v.row()
    if row is None:
        return None
    rdv_id, place, version = row
    fields = {
        "vers": v.dice.choice([one for one in (*v.world.sheets, *v.world.sessions) if one != rdv_id]),
        "prevenir": v.dice.choice("01"),
        "surbooking": v.dice.choice("01"),
    }
    if v.dice.random() < 0.9:
        fields[f"version-{place}"] = version
    answer = v.post(f"/agent/rdv/{rdv_id}/participations/{place}/deplacement", fields)
    v.rows.pop((rdv_id, place), None)
    return answer


def copy_people(v: Visitor) -> Answer | None:
    """Those the page proposes, or some of them, to any other session; as it announced or by another selection."""
    rdv_id, vers = v.dice.sample([*v.world.sheets, *v.world.sessions], 2)
    values = v.form(f"/agent/rdv/{rdv_id}/copie?vers={vers}", "vu")
    if values is None:
        return None
    values["qui"] = [one for one in values.get("qui", []) if v.dice.random() < 0.8]
    if v.dice.random() < 0.3:
        values["surbooking"] = ["1"]
    return v.post(f"/agent/rdv/{rdv_id}/copie", values)


def invite_some(v: Visitor) -> Answer | None:
    """People of a sheet, whatever became of them, to the motif invitations open."""
    rdv_id = v.dice.choice(v.world.sheets)
    values = v.form(f"/agent/rdv/{rdv_id}/relance?motif={v.world.invited_to}", "montre")
    return v.post(f"/agent/rdv/{rdv_id}/relance", values) if values else None


def put_on_the_list(v: Visitor) -> Answer:
    """Somebody known waits, because an agent says so."""
    fields = {
        "usager_id": v.dice.choice(v.world.known),
        "places": v.dice.choice("112"),
        "prevenir": v.dice.choice("01"),
    }
    return v.post(f"/agent/rdv/{v.sheet()}/attente/ajout", fields)
