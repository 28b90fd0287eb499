"""Rule 14 as one matrix: every address of the back office × each preset × its own service, another one, another
organisation. What is refused is refused before anything is written, fragments and streams included."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests import factories as make
from tests.desk import sqlite_only  # noqa: F401
from tests.pages import PageClient
from tests.test_house_rules import fingerprint
from tests.web.test_agent_doors import OPEN
from webapp.clock import utcnow
from webapp.domain.droits import ORGANISATION_ENTIERE, PRESETS, PRESETS_TOUS_SERVICES, Droit
from webapp.extensions import db
from webapp.models import (
    Agent,
    Canal,
    DroitAgent,
    EtatNotification,
    Notification,
    Organisation,
    Service,
)
from webapp.web.auth import CLOSED

ICI, VOISIN, AILLEURS = "mon service", "un autre service", "une autre organisation"
REGARD = "regard"
WHO = {REGARD: frozenset({Droit.VOIR}), **PRESETS}
OUVERT, INTERDIT, CACHE = "ouvert", 403, 404
ABOUT = {
    "rdv_id": "service", "participation_id": "service", "plage_id": "service", "motif_id": "service",
    "absence_id": "service", "lieu_id": "organisation", "salle_id": "organisation", "message_id": "organisation",
    "attente_id": "service", "invitation_id": "service", "agent_id": "agent", "usager_id": "service",
    "export_id": "somebody", "jeton_id": "organisation",
    "webhook_id": "organisation", "envoi_id": "organisation",
}  # fmt: skip
"""What the thing an address names belongs to."""
RIGHTS = dict.fromkeys(("absence", "suppression_absence", "seances_absence"), Droit.GERER_ABSENCES)
"""Addresses whose right depends on whose thing it is: these are a colleague's."""
DESTROY = ("suppression_absence", "retrait_salle", "suppression_webhook")
MASKED = ("agent.usager",)
"""Shown in the whole organisation, masked outside my services."""
NAMELESS = ("agent.flux", "agent.recherche", "agent.annulation_seances", "agent.suivi", "agent.envoi_seances")
"""Nothing without what they name after their question mark."""
PARAMETERS = (
    ("GET", "/agent/flux?rdv={rdv_id}", Droit.VOIR),
    ("GET", "/agent/usagers/recherche?rdv={rdv_id}&q=nom", Droit.GERER_RDV),
    ("GET", "/agent/rdv/nouvelle?copie={rdv_id}", Droit.GERER_RDV),
    ("GET", "/agent/seances/annulation?rdv={rdv_id}", Droit.GERER_RDV),
    ("POST", "/agent/seances/annulation?rdv={rdv_id}", Droit.GERER_RDV),
    ("GET", "/agent/seances/suivi?rdv={rdv_id}", Droit.GERER_RDV),
    ("GET", "/agent/seances/envoi?rdv={rdv_id}", Droit.GERER_RDV),
    ("GET", "/agent/rdv/{rdv_id}/relance?motif={motif_id}", Droit.GERER_RDV),
    ("GET", "/agent/plages/nouvelle?copie={plage_id}", Droit.GERER_PLAGES),
    ("GET", "/configuration/motifs/nouveau?copie={motif_id}", Droit.CONFIGURER_MOTIFS),
    ("GET", "/agent/plages/heritage?plage={plage_id}", Droit.GERER_PLAGES),
    ("POST", "/agent/plages/heritage?plage={plage_id}", Droit.GERER_PLAGES),
    ("POST", "/agent/plages/apercu?plage={plage_id}", Droit.GERER_PLAGES),
    ("GET", "/agent/agenda?qui={agent_id}", Droit.VOIR),
    ("GET", "/agent/agenda?vue=liste&service={service_id}", Droit.VOIR),
    ("GET", "/agent/agenda?vue=jour&motif={motif_id}", Droit.VOIR),
)
"""Addresses that name something after their question mark, and the right on it."""


@dataclass
class Place:
    """One of each thing there is, in one service."""

    ids: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, service: Service) -> "Place":
        holder = make.agent(service, "référent")
        rdv = make.rdv(make.motif(service), agents=[holder])
        lieu = make.lieu(service.organisation)
        place = make.participation(rdv)
        failed = Notification(
            organisation_id=service.organisation_id, event="rappel", sujet_type="participation", sujet_id=place.id,
            changement="1", canal=Canal.SMS, destinataire_type="usager", destinataire_id=place.usager_id,
            cle_envoi=f"essai-{place.id}", prevue_le=utcnow(), a_envoyer_le=utcnow(), etat=EtatNotification.ECHEC,
        )  # fmt: skip
        hook = make.webhook(service.organisation)
        db.session.add(failed)
        db.session.flush()
        return cls(
            {
                "rdv_id": rdv.id,
                "participation_id": place.id,
                "plage_id": make.plage(rdv.motif, [holder], lieu=lieu).id,
                "motif_id": rdv.motif_id,
                "attente_id": make.attente(rdv).id,
                "invitation_id": make.invitation(rdv.motif, agent=holder).id,
                "absence_id": make.absence(holder).id,
                "lieu_id": lieu.id,
                "salle_id": make.salle(lieu).id,
                "agent_id": holder.id,
                "service_id": service.id,
                "message_id": failed.id,
                "export_id": make.export(holder).id,
                "webhook_id": hook.id,
                "envoi_id": make.webhook_envoi(hook).id,
                "usager_id": place.usager_id,
                "jeton_id": make.jeton(holder)[0].id,
            }
        )


@dataclass
class Town:
    """Three places, and somebody logged in who works in the first."""

    client: PageClient
    places: dict[str, Place]
    token: str
    known: int
    """Somebody the organisation knows."""


def town(app: Flask, who: str) -> Town:
    with app.app_context():
        org: Organisation = make.organisation()
        mine, other = make.service(org, name="Insertion"), make.service(org, name="PMI")
        away = make.service(make.organisation())
        places = {where: Place.of(of) for where, of in ((ICI, mine), (VOISIN, other), (AILLEURS, away))}
        make.agent(mine, "admin", first_name="Nadia")
        looks = [DroitAgent(organisation_id=org.id, service_id=mine.id, droit=droit) for droit in WHO[REGARD]]
        me: Agent = make.agent(mine, who) if who in PRESETS else make.agent(mine, droits=looks)
        known = make.usager(org).id
        db.session.commit()
        email = me.email
    client = PageClient(app)
    client.get("/agent/connexion").form("/agent/connexion").submit(courriel=email, mot_de_passe=make.PASSWORD)
    return Town(
        client, places, str(client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"]), known
    )


def rules(app: Flask) -> Iterator[tuple[Rule, str, Droit]]:
    """Every address of the back office, by each method, with the right it takes; what destroys comes last."""
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint.split(".")[0] in CLOSED]
    for rule in sorted(found, key=lambda rule: (rule.endpoint.endswith(DESTROY), rule.rule)):
        if rule.endpoint not in OPEN:
            droit = RIGHTS.get(rule.endpoint.partition(".")[2], app.view_functions[rule.endpoint].droit)  # type: ignore[attr-defined]
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule, method, droit


def expected(who: str, where: str, droit: Droit, about: str) -> str | int:
    """The cell as rule 14 says: nothing of what the site does decides it."""
    everywhere = who in PRESETS_TOUS_SERVICES
    if about == "":  # a list, or something new: shown with what one may see in it
        return OUVERT if droit in WHO[who] else INTERDIT
    if about == "somebody":  # what one agent asked for: nobody else knows that it exists
        return CACHE if droit in WHO[who] else INTERDIT
    if where == AILLEURS:
        return CACHE
    if about == "organisation" or droit in ORGANISATION_ENTIERE:
        return OUVERT if everywhere and droit in WHO[who] else INTERDIT
    if where == VOISIN and not everywhere:
        return CACHE
    return OUVERT if droit in WHO[who] else INTERDIT


def about(names: set[str]) -> str:
    return next((ABOUT[name] for name in sorted(names, key=list(ABOUT).index)), "")


def ask(town: Town, method: str, path: str, *, htmx: bool, token: str) -> int:
    """The status alone: a stream is not read."""
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"} if htmx else {}
    data = {"csrf_token": token, "statut": "absent", "rdv-1": "1", "usager_id": str(town.known)}
    with town.client.app.app_context():
        answer = town.client.flask.open(path, method=method, headers=headers, data=data if method == "POST" else None)
        answer.close()
        return answer.status_code


def cells(app: Flask, town: Town, who: str, where: str) -> Iterator[tuple[str, str, str | int]]:
    """Method, path and what rule 14 says of it."""
    ids = town.places[where].ids
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule, method, droit in rules(app):
            assert set(ABOUT) >= rule.arguments, f"{rule.rule}: say in ABOUT what it is about"
            path = adapter.build(rule.endpoint, {name: ids[name] for name in rule.arguments}, method=method)
            if rule.endpoint not in NAMELESS:
                inside = ICI if rule.endpoint in MASKED and where == VOISIN else where
                yield method, path, expected(who, inside, droit, about(set(rule.arguments)))
    for method, path, droit in PARAMETERS:
        yield method, path.format(**ids), expected(who, where, droit, "service")


@pytest.mark.parametrize("where", [ICI, VOISIN, AILLEURS])
@pytest.mark.parametrize("who", sorted(WHO))
def test_every_cell_is_as_rule_14_says(app: Flask, who: str, where: str) -> None:
    there = town(app, who)
    all_cells = list(cells(app, there, who, where))
    assert len(all_cells) > 80
    with app.app_context():
        before = fingerprint()
    wrong = []
    for method, path, cell in all_cells:
        if cell is OUVERT:
            continue
        for htmx in (False, True):
            got = ask(there, method, path, htmx=htmx, token=there.token)
            if got != cell and not (got == INTERDIT and nowhere(who, path)):
                wrong.append((method, path, "htmx" if htmx else "page", got, cell))
    assert wrong == []
    with app.app_context():
        assert fingerprint() == before  # a refused write changed nothing
    for method, path, cell in all_cells:
        if cell is OUVERT:
            got = ask(there, method, path, htmx=False, token=there.token)
            if got in (401, 403, 404, 405) or got >= 500:
                wrong.append((method, path, "page", got, cell))
    assert wrong == []


def nowhere(who: str, path: str) -> bool:
    """Who has a page's right in no service is told so before what it names is looked for: it says nothing of it."""
    rights = {
        "/agent/rdv/nouvelle": Droit.GERER_RDV,
        "/configuration/motifs/nouveau": Droit.CONFIGURER_MOTIFS,
        "/configuration/agents/": Droit.GERER_AGENTS,
        "/configuration/messages/": Droit.CONFIGURER_ORGANISATION,
        "/agent/usagers": Droit.GERER_USAGERS,
    }
    return any(path.startswith(start) and droit not in WHO[who] for start, droit in rights.items())
