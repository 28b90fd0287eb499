"""Every door to a seat, in one table, and the people who push them all at once.

`python -m tests.doors` is one process of them: greenlets with a connection, cookies and dice of their own. A feature
that adds a way in or out of a session adds a line to DOORS (tests/test_doors.py fails until it does).
"""

import json
import re
import secrets
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

import gevent
from selectolax.lexbor import LexborHTMLParser

from bench.wire import Answer, Browser
from tests import doors_api as api
from tests import doors_attente as attente
from tests import doors_lots as lots
from tests.door_people import AGENT, PUBLIC, REFERENT, VOISIN, Visitor, World
from tests.doors_feuille import type_in
from tests.doors_fiches import erase
from tests.doors_invitations import by_invitation, invite, not_invited
from tests.doors_series import (
    cancel_several,
    change_plage,
    change_what_follows,
    open_plage,
    refill,
    take_a_date_out,
    told,
)

ROLES = (PUBLIC,) * 6 + (AGENT,) * 3 + (REFERENT,) * 2 + (VOISIN,)
BOX = re.compile(r'name="agent_ids"[^>]*value="(\d+)"')
LOT = re.compile(r'name="lot" value="(\d+)"')
STATUTS = ("inscrit", "present", "absent", "excuse", "annule")


def book(v: Visitor) -> Answer:
    rdv_id = v.session()
    if v.dice.random() < 0.5:
        v.get(f"/rdv/{rdv_id}/inscription")
    return v.post(f"/rdv/{rdv_id}/inscription", v.somebody())


def book_twice(v: Visitor) -> Answer:
    """A double click: the same form on two connections at once."""
    path, fields = f"/rdv/{v.session()}/inscription", {**v.somebody(), "envoi": v.dice.randbytes(12).hex()}
    twin = Visitor(v.world, v.role, v.dice, Browser(v.browser.host, v.browser.port, dict(v.browser.cookies)), v.csrf)
    other = gevent.spawn(twin.post, path, fields)
    answer = v.post(path, fields)
    second: Answer = other.get()
    twin.browser.leave()
    return max(answer, second, key=lambda one: one.status >= 500)


def book_household(v: Visitor) -> Answer:
    """Two or three at once, the parent too or not; half of the time through the page that asks to check."""
    path, who = f"/rdv/{v.session()}/inscription", v.somebody()
    fields = {**who, "pour": v.dice.choice(["proche", "moi_et_proches"]), "envoi": v.dice.randbytes(12).hex()}
    for n in range(v.dice.randint(1, 2)):
        fields[f"accompagnants-{n}-prenom"] = v.dice.choice(["Léa", "Tom", "Zoé"]) + " Aîné" * n
    if v.dice.random() < 0.5:
        v.post(path, {**fields, "verifier": "1"})
    return v.post(path, fields)


def prescribe(v: Visitor) -> Answer:
    """A professional books for one of the people."""
    who = {
        "prescripteur_nom": "Claire Petit",
        "prescripteur_structure": "Mission locale",
        "prescripteur_courriel": "claire@mission.exemple.fr",
    }
    return v.post(f"/rdv/{v.session()}/prescription", {**v.somebody(), **who})


def excuse(v: Visitor) -> Answer | None:
    link = v.link()
    return v.post(f"/p/{link}/desistement", {"raison": "santé"}) if link else None


def come_back(v: Visitor) -> Answer | None:
    link = v.link()
    return v.post(f"/p/{link}/reinscription", {}) if link else None


def excuse_some(v: Visitor) -> Answer | None:
    """Those of a household the page offers, some of them or all."""
    for _ in range(12):
        link = v.link()
        values = v.form(f"/p/{link}/desistement?qui=tous", "qui") if link else None
        if values:
            some = v.dice.sample(values["qui"], v.dice.randint(1, len(values["qui"])))
            return v.post(f"/p/{link}/desistement", {**values, "qui": v.dice.choice([["tous"], some])})
    return None


def come_back_together(v: Visitor) -> Answer | None:
    link = v.link()
    return v.post(f"/p/{link}/reinscription", {"qui": "tous"}) if link else None


def altered(v: Visitor) -> Answer | None:
    """Somebody else's link, guessed from one's own."""
    link = v.link()
    if link is None:
        return None
    at = v.dice.randrange(22)
    wrong = link[:at] + v.dice.choice([c for c in "Az09-_" if c != link[at]]) + link[at + 1 :]
    return v.post(f"/p/{wrong}/{v.dice.choice(['desistement', 'reinscription'])}", {})


def add_known(v: Visitor) -> Answer:
    return v.post(f"/agent/rdv/{v.sheet()}/participations", {"usager_id": v.dice.choice(v.world.known), **told(v)})


def add_new(v: Visitor) -> Answer:
    headers = {"HX-Request": "true"} if v.dice.random() < 0.5 else {}
    return v.post(f"/agent/rdv/{v.sheet()}/participations", {**v.somebody(), **told(v)}, **headers)


def overbook(v: Visitor) -> Answer:
    """On purpose; agents without the right are refused."""
    return v.post(f"/agent/rdv/{v.sheet()}/participations", {**v.somebody(), "surbooking": "1"})


def tap(v: Visitor) -> Answer | None:
    """Any status, from any other, with the version the sheet showed: old ones are refused."""
    row = v.row()
    if row is None:
        return None
    rdv_id, place, version = row
    fields = {"statut": v.dice.choice(STATUTS), "version": version, **told(v)}
    if v.dice.random() < 0.1:
        del fields["version"]
    headers = {"HX-Request": "true"} if v.dice.random() < 0.5 else {}
    answer = v.post(f"/agent/rdv/{rdv_id}/participations/{place}/statut", fields, **headers)
    if answer.status in (200, 303):
        v.rows[rdv_id, place] = version + 1
    else:
        v.rows.pop((rdv_id, place), None)
    return answer


def take_back(v: Visitor) -> Answer | None:
    """A status, and « Annuler ce changement » at once: a colleague may have been faster."""
    row = v.row()
    if row is None:
        return None
    rdv_id, place, version = row
    path = f"/agent/rdv/{rdv_id}/participations/{place}/statut"
    v.post(path, {"statut": v.dice.choice(STATUTS), "version": version})
    v.rows.pop((rdv_id, place), None)
    return v.post(path, {"statut": "retour", "version": version + 1})


def tap_all(v: Visitor) -> Answer:
    """« Tous présents » and the like, among people who come and go; then taken back, sometimes."""
    path = f"/agent/rdv/{v.sheet()}/statuts"
    answer = v.post(path, {"statut": v.dice.choice(("present", "absent", "inscrit"))})
    if v.dice.random() < 0.5:
        page = v.get(path.removesuffix("/statuts")).body.decode()
        for lot in LOT.findall(page):
            return v.post(path, {"statut": "retour", "lot": lot})
    return answer


def remove(v: Visitor) -> Answer | None:
    """The page that says who will be told, then its button."""
    row = v.row()
    if row is None:
        return None
    rdv_id, place, _ = row
    v.get(f"/agent/rdv/{rdv_id}/participations/{place}/retrait")
    return v.post(f"/agent/rdv/{rdv_id}/participations/{place}/statut", {"statut": "annule", **told(v)})


def cancel(v: Visitor) -> Answer:
    return v.post(f"/agent/rdv/{v.dice.choice(v.world.cancellable)}/annulation", {"raison": "Malade", **told(v)})


def move(v: Visitor) -> Answer | None:
    """Another day for one session, while people book it."""
    path = f"/agent/rdv/{v.dice.choice(v.world.sessions)}/modification"
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * v.dice.randint(3, 30)))
    return refill(v, path, "jour", {"jour": day, **told(v)})


def change_agents(v: Visitor) -> Answer | None:
    """Other people hold one session, whose plage may be changing."""
    path = f"/agent/rdv/{v.dice.choice(v.world.sessions)}/agents"
    team = BOX.findall(v.get(path).body.decode())
    return v.post(path, {"agent_ids": v.dice.sample(team, v.dice.randint(1, len(team)))}) if team else None


def change_settings(v: Visitor) -> Answer | None:
    """A capacity of its own, or its plage's again."""
    path = f"/agent/rdv/{v.dice.choice(v.world.sessions)}/reglages"
    return refill(v, path, "capacite_max", {"capacite_max": v.dice.choice(["", 2, 3, 5])})


def change_motif(v: Visitor) -> Answer | None:
    """Its capacity, that coming sessions inherit."""
    path = f"/configuration/motifs/{v.dice.choice(v.world.motifs)}"
    return refill(v, path, "capacite_max", {"capacite_max": v.dice.randint(2, 7), "confirme": "1"})


def archive(v: Visitor) -> Answer:
    """Put a motif away, and take it back: who books meets both."""
    path = f"/configuration/motifs/{v.dice.choice(v.world.motifs)}/archivage"
    v.post(path, {})
    return v.post(path, {})


def not_mine(v: Visitor) -> Answer:
    """Another service's agent, whose addresses are typed by hand."""
    rdv_id = v.dice.choice([*v.world.sheets, *v.world.sessions])
    what = v.dice.choice(("participations", "annulation", f"participations/{v.dice.randint(1, 60)}/statut"))
    return v.post(f"/agent/rdv/{rdv_id}/{what}", {**v.somebody(), "statut": "annule", "surbooking": "1"})


def not_my_settings(v: Visitor) -> Answer:
    what = v.dice.choice([f"/agent/plages/{n}" for n in v.world.plages])
    return v.post(what, {"capacite_max": 1, "first_day": "2030-01-01"})


@dataclass(frozen=True)
class Door:
    """One way in, out or around: the route it posts to, who pushes it, how often, what it may answer."""

    endpoint: str
    push: Callable[[Visitor], Answer | None]
    roles: tuple[str, ...]
    weight: int
    answers: frozenset[int]

    @property
    def opens(self) -> bool:
        """Is it one that lets people through, rather than a wall?"""
        return bool(self.answers & DONE)


def _door(endpoint: str, push: Callable[[Visitor], Answer | None], roles: str, weight: int, *answers: int) -> Door:
    return Door(endpoint, push, tuple(roles.split()), weight, frozenset(answers))


STAFF = f"{AGENT} {REFERENT}"
DONE = {200, 201, 204, 303}
DOORS = (
    _door("public.inscription", book, PUBLIC, 10, 303, 404, 409),
    _door("public.inscription", book_twice, PUBLIC, 3, 303, 404, 409),
    _door("public.inscription", book_household, PUBLIC, 5, 303, 404, 409),
    _door("public.prescription", prescribe, PUBLIC, 2, 303, 404, 409),
    _door("public.desistement", excuse, PUBLIC, 7, 303, 409),
    _door("public.desistement", excuse_some, PUBLIC, 3, 303, 409, 422),
    _door("public.reinscription", come_back_together, PUBLIC, 3, 303, 409),
    _door("public.reinscription", come_back, PUBLIC, 5, 303, 409),
    _door("public.desistement", altered, PUBLIC, 1, 404),
    _door("public.inscription", by_invitation, PUBLIC, 6, 303, 404, 409),
    _door("public.inscription", not_invited, PUBLIC, 1, 404),
    _door("agent.invitations", invite, STAFF, 1, 303, 409),
    _door("agent.ajouter", add_known, STAFF, 4, 303, 404, 409),
    _door("agent.ajouter", add_new, STAFF, 4, 200, 303, 404, 409),
    _door("agent.ajouter", overbook, STAFF, 2, 303, 403, 404, 409),
    _door("agent.statut", tap, STAFF, 16, 200, 303, 404, 409),
    _door("agent.statut", take_back, STAFF, 3, 303, 404, 409),
    _door("agent.statuts", tap_all, STAFF, 3, 303, 404, 409),
    _door("agent.statut", remove, STAFF, 2, 303, 404, 409),
    _door("agent.pointage", type_in, STAFF, 3, 303, 404, 409),
    _door("agent.deplacement", lots.move_person, STAFF, 4, 303, 403, 404, 409),
    _door("agent.copie", lots.copy_people, STAFF, 2, 303, 403, 404, 409),
    _door("agent.relance", lots.invite_some, STAFF, 1, 303, 404, 409),
    _door("agent.ajout_attente", lots.put_on_the_list, STAFF, 2, 303, 404, 409),
    _door("agent.supprimer_usager", erase, STAFF, 2, 303, 404, 409),
    _door("agent.annulation", cancel, REFERENT, 1, 303, 409),
    _door("agent.modification", move, REFERENT, 3, 303, 404, 409),
    _door("agent.agents_seance", change_agents, REFERENT, 2, 303, 404, 409),
    _door("agent.reglages", change_settings, REFERENT, 2, 303, 404, 409),
    _door("configuration.motif", change_motif, REFERENT, 3, 303),
    _door("configuration.archivage", archive, REFERENT, 2, 303),
    _door("agent.plage", change_plage, REFERENT, 4, 303, 409),
    _door("agent.suite", change_what_follows, REFERENT, 2, 200, 303, 409, 422),
    _door("agent.arret", take_a_date_out, REFERENT, 2, 303, 409),
    _door("agent.annulation_seances", cancel_several, REFERENT, 1, 303, 404, 409),
    _door("agent.nouvelle_plage", open_plage, REFERENT, 1, 303, 409, 422),
    _door("public.attente", attente.join, PUBLIC, 8, 303, 404, 409),
    _door("public.proposition", attente.answer_offer, PUBLIC, 8, 303, 409),
    _door("public.retrait_attente", attente.leave_list, PUBLIC, 2, 303),
    _door("public.retour_attente", attente.wait_again, PUBLIC, 3, 303, 409),
    _door("public.proposition", attente.wrong_kind, PUBLIC, 1, 404),
    _door("agent.donner_place", attente.promote, STAFF, 3, 303, 403, 404, 409),
    _door("agent.retrait_attente", attente.strike, STAFF, 1, 303, 404),
    _door("api.inscrire", api.book_by_token, STAFF, 4, 200, 201, 403, 404, 409),
    _door("api.changer_statut", api.tap_by_token, STAFF, 4, 200, 404, 409, 412),
    _door("api.retirer", api.remove_by_token, STAFF, 1, 204, 404, 409),
    _door("agent.ajouter", not_mine, VOISIN, 3, 404),
    _door("agent.plage", not_my_settings, VOISIN, 1, 404),
)
NO_SEATS = {
    "public.terminer": "forgets what a browser booked",
    "public.terminer_attente": "forgets what a browser asked for",
    "public.mes_rendez_vous": "sends a code to a contact, and takes it",
    "public.mes_rendez_vous_lien": "shows somebody their appointments",
    "public.fermer_mes_rendez_vous": "forgets them",
    "public.mes_donnees": "gives somebody what is kept of them",
    "public.supprimer_mes_donnees": "gives places back one by one, by the door of « Je ne pourrai pas venir »",
    "public.nouveau_code": "sends a code to a contact already proven",
    "agent.connexion": "opens a session of the back office",
    "agent.deconnexion": "closes it",
    "agent.mot_de_passe": "asks for a link",
    "agent.nouveau_mot_de_passe": "chooses a password",
    "agent.heritage": "shows what is being typed",
    "agent.message": "writes to people",
    "agent.nouvelle_seance": "opens a session nobody is in yet",
    "agent.maintien": "a session under its minimum is held all the same",
    "agent.note": "keeps the agents' own words",
    "agent.exports": "writes a file of what there is",
    "agent.suppression_export": "deletes that file",
    "agent.nouvel_usager": "writes somebody down",
    "agent.nouveau_proche": "writes down somebody of their household",
    "agent.modifier_usager": "corrects their name and contacts",
    "agent.detacher_usager": "says that nobody reads their messages for them",
    "agent.donnees_usager": "gives somebody what is kept of them",
    "agent.note_personne": "keeps them about one person",
    "agent.comptage": "counts people at an open door, who have no seat",
    "agent.nouvelle_absence": "an agent is away: no session changes by itself",
    "agent.absence": "says it otherwise",
    "agent.suppression_absence": "takes it back",
    "agent.seances_absence": "gives sessions to somebody else, as agent.agents_seance does",
    "agent.apercu_plage": "shows what is being typed",
    "configuration.apercu_motif": "shows what is being typed",
    "public.contact_": "says where messages go",
    "public.fermer_invitation": "this browser forgets an invitation",
    "agent.retrait_invitation": "takes an invitation back, not the seat it gave",
    "public.canaux": "says by what to be told",
    "public.desabonnement": "says no to e-mail",
    "agent.canaux": "notes by what to tell somebody",
    "agent.preferences": "says what an agent is told",
    "agent.connexion_code": "the second step of opening a session",
    "agent.connexion_secours": "the same, without the telephone",
    "agent.changer_mot_de_passe": "chooses a password",
    "agent.fermer_appareils": "ends sessions of the back office",
    "agent.deux_etapes": "sets up a second step of logging in",
    "agent.codes_secours": "forgets codes that were noted",
    "agent.nouveaux_codes": "makes others",
    "agent.retrait_deux_etapes": "takes the second step off",
    "configuration.reinitialisation": "takes a colleague's off",
    "configuration.reessayer": "sends a message again",
    "configuration.reessayer_tout": "sends messages again",
    "configuration.reglages_messages": "sets how messages leave",
    "configuration.nouveau_lieu": "a place that has no session yet",
    "configuration.lieu": "corrects where sessions are held, not their seats",
    "configuration.activation": "proposes a place, or no more",
    "configuration.nouvelle_salle": "a room that has no session yet",
    "configuration.salle": "renames a room",
    "configuration.retrait_salle": "takes away a room where nothing is held",
    "configuration.organisation": "says how the organisation is called and reached",
    "configuration.inviter_agent": "opens an account",
    "configuration.agent": "what an agent may do",
    "configuration.renvoyer_invitation": "sends an agent a link again",
    "configuration.desactivation": "closes an account",
    "configuration.reactivation": "opens it again",
    "agent.abonnement": "gives an agent the address of their calendar",
    "agent.fin_abonnement": "takes it away",
    "configuration.nouveau_jeton": "gives a program a key",
    "configuration.revocation_jeton": "takes it back",
    "configuration.nouveau_motif": "a motif that has no session yet",
    "configuration.nouveau_webhook": "which program is told what happens",
    "configuration.modifier_webhook": "says it otherwise",
    "configuration.secret_webhook": "how it is signed",
    "configuration.etat_webhook": "tells it no more, or again",
    "configuration.suppression_webhook": "forgets it",
    "configuration.essai_webhook": "tells it nothing, to see",
    "configuration.rejouer_echecs": "tells it again",
    "configuration.rejouer_envoi": "tells it again",
}


@dataclass
class Tally:
    """What one process saw: door → status → how many, and what must never happen."""

    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)

    def note(self, door: Door, answer: Answer) -> None:
        name = door.push.__name__
        self.answers[name][answer.status] += 1
        busy = answer.status == 503 and answer.retry_after
        if answer.status not in door.answers and not busy:
            said = LexborHTMLParser(answer.body.decode(errors="replace")).css_first("main, body")
            self.faults.append(f"{name}: {answer.status} {' '.join(said.text().split())[:400] if said else ''}")


def push_doors(visitor: Visitor, tally: Tally, until: float, each: bool) -> None:
    """Push each door once if so asked, however slow the machine, then one after the other as often as it weighs."""
    mine = [door for door in DOORS if visitor.role in door.roles]
    weights = [door.weight for door in mine]
    first = visitor.dice.sample(mine, len(mine)) if each else []
    visitor.log_in()
    while first or time.monotonic() < until:
        (door,) = [first.pop()] if first else visitor.dice.choices(mine, weights)
        answer = door.push(visitor)
        if answer is not None:
            tally.note(door, answer)
    visitor.browser.leave()


def main() -> None:
    """`{seed, seconds, each, world}` on standard input, the tally on standard output."""
    asked = json.load(sys.stdin)
    world, tally = World(**asked["world"]), Tally()
    parts = urlsplit(world.url)
    until = time.monotonic() + asked["seconds"]
    people = []
    for number, role in enumerate(ROLES):
        browser = Browser(str(parts.hostname), int(parts.port or 80))
        visitor = Visitor(world, role, Random(f"{asked['seed']}/{number}"), browser)
        people.append(gevent.spawn(push_doors, visitor, tally, until, asked["each"]))
    gevent.joinall(people)
    for one in people:
        if one.exception is not None:
            tally.faults.append(f"a client ended: {one.exception!r}")
    json.dump({"answers": tally.answers, "faults": tally.faults}, sys.stdout)


def new_seed() -> int:
    return secrets.randbelow(10**6)


if __name__ == "__main__":
    main()
