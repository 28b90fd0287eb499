"""The doors of plages: opened, changed, continued otherwise, stopped; several sessions cancelled at once."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser

from bench.wire import Answer
from tests.pages import Form

if TYPE_CHECKING:
    from tests.door_people import Visitor

SHOWN = re.compile(rb'name="vus" value="([^"]*)"')


def change_plage(v: Visitor) -> Answer | None:
    """Its capacity, its hours or its days: sessions are made, moved, removed or kept."""
    path = f"/agent/plages/{v.dice.choice(v.world.plages)}"
    values = v.form(path, "first_day")
    return _agreed(v, path, {**values, **_another_rule(v)}) if values else None


def change_what_follows(v: Visitor) -> Answer | None:
    """From one of its dates on, a plage goes on otherwise: a new one takes its sessions and their people over."""
    plage = v.dice.choice(v.world.plages)
    days = v.form(f"/agent/plages/{plage}", "depuis")
    if not days:
        return None
    path = f"/agent/plages/{plage}/suite?depuis={days['depuis'][0]}"
    values = v.form(path, "first_day")
    if not values:
        return None
    values |= {name: [str(value)] for name, value in _another_rule(v).items() if name in ("start_time", "end_time")}
    return _agreed(v, path, values)


def take_a_date_out(v: Visitor) -> Answer | None:
    """One date of a plage, whoever has booked it meanwhile."""
    path = f"/agent/plages/{v.dice.choice(v.world.plages)}/arret?portee=une"
    values = v.form(path, "version")
    return v.post(path.partition("?")[0], {**values, **told(v)}) if values else None


def cancel_several(v: Visitor) -> Answer | None:
    ids = v.dice.sample(v.world.cancellable, min(2, len(v.world.cancellable)))
    path = "/agent/seances/annulation?" + urlencode({"rdv": ids}, doseq=True)
    values = v.form(path, "raison")
    return v.post(path, {**values, **told(v)}) if values else None


def sent(v: Visitor, path: str, values: dict[str, Any]) -> Answer:
    """Send a form; again when it warns of what else is on at that time."""
    answer = v.post(path, values)
    warned = SHOWN.search(answer.body) if answer.status == 409 else None
    return v.post(path, {**values, "vus": warned[1].decode()}) if warned else answer


def refill(v: Visitor, path: str, needs: str, change: dict[str, Any]) -> Answer | None:
    """The page's form with something changed."""
    values = v.form(path, needs)
    return sent(v, path, {**values, **change}) if values else None


def _agreed(v: Visitor, path: str, values: dict[str, Any]) -> Answer:
    """A form of a plage, and a yes to the page that says who is concerned, if there is one."""
    answer = sent(v, path, values)
    if answer.status != 200:
        return answer
    for node in LexborHTMLParser(answer.body.decode()).css("form"):
        form = Form(None, node, path)  # type: ignore[arg-type]
        if "relu" in form.names:
            ways = {
                "ou_quand": v.dice.choice(["deplacer", "garder"]),
                "sans_date": v.dice.choice(["garder", "annuler"]),
            }
            return v.post(path, {**form.values, **ways, **told(v)})
    return answer


def open_plage(v: Visitor) -> Answer | None:
    path = f"/agent/plages/nouvelle?motif_id={v.dice.choice(v.world.motifs)}"
    first_day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * v.dice.randint(20, 60)))
    endroit = v.form(f"/agent/plages/{v.world.plages[0]}", "endroit") or {}
    typed = {"first_day": first_day, "start_time": "09:00", "end_time": "10:00", "endroit": endroit.get("endroit", "")}
    return refill(v, path, "first_day", {**typed, "title": f"Plage {v.dice.randint(1, 5)}"})


def _another_rule(v: Visitor) -> dict[str, Any]:
    change = v.dice.choice(("capacity", "hours", "days"))
    if change == "capacity":
        return {"capacite_max": v.dice.choice(["", 2, 3, 5, 8])}
    if change == "hours":
        return {"start_time": v.dice.choice(["09:00", "10:00", "14:00"]), "end_time": "16:00"}
    days = v.dice.sample(range(7), v.dice.randint(1, 2))
    return {"frequence": "semaines", "intervalle": v.dice.randint(1, 2), "jours": days, "fin": "fois", "fois": 4}


def told(v: Visitor) -> dict[str, str]:
    return {"prevenir": v.dice.choice("011")}
