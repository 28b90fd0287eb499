"""The door by which the signed sheet is typed in (tests/doors.py lists them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.wire import Answer

if TYPE_CHECKING:
    from tests.doors import Visitor

MARKS = ("inscrit", "present", "absent", "excuse")


def type_in(v: Visitor) -> Answer | None:
    """Many lines at once, as the page shows them or as it did, and sometimes somebody who came without a seat."""
    path = f"/agent/rdv/{v.dice.choice(v.world.sheets)}/pointage"
    values = v.form(path, "venues-0-nom")
    if values is None:
        return None
    for name in sorted(values):
        if name.startswith("connu-") and v.dice.random() < 0.5:
            values[name.replace("connu", "statut")] = [v.dice.choice(MARKS)]
    if v.dice.random() < 0.3:
        who = v.somebody()
        values |= {"venues-0-prenom": [who["prenom"]], "venues-0-nom": [who["nom"]]}
    return v.post(path, values)
