"""Doors to a seat that an invitation opens (tests/doors.py lists them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.wire import Answer

if TYPE_CHECKING:
    from tests.doors import Visitor


def by_invitation(v: Visitor) -> Answer:
    """Choose a session, or another one than before: several people hold the same links. Sometimes closed afterwards, as
    on a shared screen."""
    v.get(f"/i/{v.dice.choice(v.world.invitations)}")
    changes = {"changer": "1"} if v.dice.random() < 0.5 else {}
    answer = v.post(f"/rdv/{v.dice.choice(v.world.for_invited)}/inscription", changes)
    if v.dice.random() < 0.5:
        v.post("/i/fermeture", {})
    return answer


def not_invited(v: Visitor) -> Answer:
    """The same address, by who holds no invitation."""
    v.post("/i/fermeture", {})
    return v.post(f"/rdv/{v.dice.choice(v.world.for_invited)}/inscription", v.somebody())


def invite(v: Visitor) -> Answer:
    """Somebody known, who may hold an invitation or a seat already."""
    person = {"usager_id": v.dice.choice(v.world.known), "prevenir": v.dice.choice("011")}
    return v.post(f"/agent/motifs/{v.world.invited_to}/invitations", person)
