"""The doors of the waitlist: wait, answer, leave, come back; give a place, take somebody off."""

import re
from typing import Any

from bench.wire import Answer

WAITS = re.compile(rb"/attente/(\d+)/place\"[^>]*>.*?name=\"version\" value=\"(\d+)\"", re.DOTALL)
A_WAIT = "Liste d’attente, pour".encode()


def is_wait(answer: Answer) -> bool:
    """Is the page behind a personal link that of somebody who waits, or did until they got a seat?"""
    return answer.status == 302 or A_WAIT in answer.body


def join(v: Any) -> Answer:
    """For oneself, or with somebody who is named or not."""
    fields = {**v.somebody(), "places": v.dice.choice("1112")}
    if fields["places"] == "2" and v.dice.random() < 0.5:
        fields |= {"accompagnants-0-prenom": "Léo", "accompagnants-0-nom": "Du Nom"}
    return v.post(f"/rdv/{v.session()}/attente", fields)


def answer_offer(v: Any) -> Answer | None:
    """Yes, most of the time; whether something was offered or not."""
    link = v.wait()
    return (
        v.post(f"/p/{link}/proposition", {"reponse": v.dice.choice(["accepter"] * 3 + ["refuser"])}) if link else None
    )


def leave_list(v: Any) -> Answer | None:
    link = v.wait()
    return v.post(f"/p/{link}/attente/retrait", {}) if link else None


def wait_again(v: Any) -> Answer | None:
    link = v.wait()
    return v.post(f"/p/{link}/attente/retour", {}) if link else None


def wrong_kind(v: Any) -> Answer | None:
    """The link of a place does not open what is for those who wait, nor the other way round."""
    if v.dice.random() < 0.5:
        link = v.link()
        return v.post(f"/p/{link}/proposition", {"reponse": "accepter"}) if link else None
    link = v.wait()
    return v.post(f"/p/{link}/reinscription", {}) if link else None


def _somebody_waiting(v: Any) -> tuple[int, str, str] | None:
    for rdv_id in v.dice.sample(v.world.sheets, len(v.world.sheets)):
        if found := WAITS.findall(v.get(f"/agent/rdv/{rdv_id}").body):
            entry, version = v.dice.choice(found)
            return rdv_id, entry.decode(), version.decode()
    return None


def promote(v: Any) -> Answer | None:
    """The first or not, with room or over the capacity on purpose."""
    found = _somebody_waiting(v)
    if found is None:
        return None
    rdv_id, entry, version = found
    fields = {"version": version, "prevenir": v.dice.choice("01"), "surbooking": v.dice.choice("01")}
    return v.post(f"/agent/rdv/{rdv_id}/attente/{entry}/place", fields)


def strike(v: Any) -> Answer | None:
    found = _somebody_waiting(v)
    return v.post(f"/agent/rdv/{found[0]}/attente/{found[1]}/retrait", {}) if found else None
