"""The door out of a session by which a whole file goes (tests/doors.py lists it)."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from bench.wire import Answer

if TYPE_CHECKING:
    from tests.doors import Visitor


def erase(v: Visitor) -> Answer | None:
    """Somebody written down by mistake, and put in a session or two: their seats go with their file."""
    name = "".join(v.dice.choices(string.ascii_lowercase, k=8))
    made = v.post("/agent/usagers/nouvelle", {"prenom": "Fiche", "nom": name, "quand_meme": "1"})
    file = made.location.rsplit("/", 1)[-1]
    if not file.isdecimal():
        return made
    for _ in range(v.dice.randint(1, 2)):
        v.post(f"/agent/rdv/{v.sheet()}/participations", {"usager_id": file, "prevenir": "0"})
    return v.post(f"/agent/usagers/{file}/suppression", {"raison": "erreur"})
