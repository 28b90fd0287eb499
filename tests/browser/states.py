"""Every page of the site in every state it has: who looks, and how to get there from the demonstration and a scene."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import ADMIN, HELENE, NADIA, RSA, Rows, Stage
from webapp import links
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.models import Champ

ALONE = "seule@valmont.exemple.fr"  # an agent whose service holds nothing yet
RESET = "oubli@valmont.exemple.fr"
DEDANS, DEHORS = "dedans@valmont.exemple.fr", "dehors@valmont.exemple.fr"  # agents whose login has a second step
LONG = "Accompagnement renforcé vers l’emploi et l’autonomie numérique des bénéficiaires isolés"
LONG_WORD = "Saint-Rémy-en-Bouzemont-Saint-Genest-et-Isson"


@dataclass
class Scene:
    """What the states are about: ids and personal links."""

    stage: Stage
    rdv: dict[str, int] = field(default_factory=dict)
    motif: dict[str, int] = field(default_factory=dict)
    place: dict[str, int] = field(default_factory=dict)
    link: dict[str, str] = field(default_factory=dict)
    plage: int = 0
    agent: int = 0


def prepare(stage: Stage) -> Scene:
    """Add to the demonstration what it does not have."""
    scene = Scene(stage)
    with stage.rows() as rows:
        _agents(scene, rows)
        _motifs(scene, rows)
        _sessions(scene, rows)
        _people(scene, rows)
        scene.plage = rows.plage_with_people(RSA)
    for name, place in scene.place.items():
        scene.link[name] = stage.token(place)
    return scene


def _agents(scene: Scene, rows: Rows) -> None:
    password = rows.agent(NADIA).password_hash
    scene.agent = rows.agent(NADIA).id
    alone = make.service(rows.organisation(), name="Accueil social", short_name="Accueil")
    make.agent(alone, email=ALONE, first_name="Solène", last_name="Vidal", password_hash=password)
    for email in (DEDANS, DEHORS):
        make.agent(alone, email=email, password_hash=password)
    forgot = make.agent(alone, email=RESET, password_hash=password)
    forgot.reset_nonce, forgot.reset_hash = links.new_link(links.MOT_DE_PASSE)
    forgot.reset_expire_le = utcnow() + timedelta(hours=1)
    scene.link["reset"] = links.token(links.MOT_DE_PASSE, forgot.reset_nonce)


def _motifs(scene: Scene, rows: Rows) -> None:
    service = rows.service("Insertion")
    scene.motif["RSA"] = rows.motif(RSA).id
    scene.motif["empty"] = make.motif(service, name="Atelier sans date").id
    scene.motif["archived"] = make.motif(service, name="Atelier d’avant", archived_at=utcnow()).id
    asks = [champ.value for champ in Champ]
    long = make.motif(service, name=LONG, description=f"{LONG}, à {LONG_WORD}. " * 2, champs=asks, nom_sms=LONG[:60])
    scene.motif["long"] = long.id
    scene.motif["visio"] = make.motif(service, name="Questions à distance", location_type="visio").id


def _sessions(scene: Scene, rows: Rows) -> None:
    now = utcnow()
    hour = timedelta(hours=1)
    made = {
        "open": rows.session(taken=4),
        "few": rows.session(taken=11),
        "full": rows.session(taken=12),
        "over": rows.session(taken=5, capacite_propre=3),
        "empty": rows.session(),
        "cancelled": rows.session(taken=2, cancelled_at=now, cancelled_reason="Agent absent"),
        "late": rows.session(starts_at=now + 10 * timedelta(minutes=1)),
        "now": rows.session(taken=6, starts_at=now - hour / 2),
        "to note": rows.session(taken=3, starts_at=now - 30 * hour),
        "free": rows.session("Café des droits"),
        "long": make.rdv(rows.motif(LONG), intitule=f"Séance de rattrapage de {LONG_WORD}", capacite_propre=70),
        "visio": make.rdv(rows.motif("Questions à distance"), lien_visio="https://visio.exemple.fr/atelier"),
        "lonely": make.rdv(make.motif(rows.service("Insertion"), name="Séance unique", capacite_max=1)),
        "of others": rows.session("Préparer l’arrivée de bébé"),
    }
    make.full(made["lonely"])
    for taken in made["now"], made["to note"]:
        taken.fige = {}
    scene.rdv = {name: rdv.id for name, rdv in made.items()}


def _people(scene: Scene, rows: Rows) -> None:
    org = rows.organisation()

    def place(rdv: str, statut: Statut = Statut.INSCRIT, **fields: Any) -> int:
        who = make.usager(org, **{"first_name": "Marie-Antoinette", "last_name": "Berthelot-Desgranges", **fields})
        return make.participation(rows.rdv(scene.rdv[rdv]), who, statut, raison="transport").id

    scene.place = {
        "here": place("open"),
        "excused": place("open", Statut.EXCUSE),
        "excused too late": place("full", Statut.EXCUSE),
        "removed": place("open", Statut.ANNULE),
        "cancelled": place("cancelled", Statut.ANNULE),
        "past": place("to note"),
        "visio": place("visio"),
        "long": place("long", last_name=f"de {LONG_WORD}", phone=None, email=f"{LONG_WORD.lower()}@exemple.fr"),
        "unreachable": place("few", Statut.EXCUSE, phone=None),
        "called": place("open", last_name="Sans-Contact", phone=None),
        "here mail": place("open", last_name="Courriel", email="marie-antoinette@exemple.fr"),
    }


@dataclass(frozen=True)
class State:
    """One page as somebody sees it. `go` gives the address to open, or walks there and gives nothing."""

    name: str
    go: Callable[[Page, Scene], str | None]
    agent: str = ""
    status: int = 200


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f'main [name="{name}"]:visible').first.fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def old_token(page: Page) -> None:
    """The page was left open for too long."""
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach(e => { e.value = 'old' })")


def form(page: Page, scene: Scene, rdv: str) -> None:
    page.goto(f"/rdv/{scene.rdv[rdv]}/inscription")


def wrong_form(page: Page, scene: Scene) -> None:
    form(page, scene, "long")
    fill(page, prenom="Élodie", telephone="12", courriel="elodie@", date_naissance="31/02/1990")
    press(page, "Réserver ma place")
    expect(page.locator("#erreurs")).to_be_visible()


def stale_form(page: Page, scene: Scene) -> None:
    form(page, scene, "open")
    fill(page, prenom="Élodie", nom="N’Diaye")
    old_token(page)
    press(page, "Réserver ma place")
    expect(page.locator("#erreurs")).to_contain_text("ouverte depuis trop longtemps")


def refused_form(rdv: str) -> Callable[[Page, Scene], None]:
    """Full since the form was opened: another form's answer is sent to the full session."""

    def go(page: Page, scene: Scene) -> None:
        form(page, scene, "open")
        fill(page, prenom="Élodie", nom="N’Diaye", telephone="06 39 98 76 01")
        address = f"/rdv/{scene.rdv[rdv]}/inscription"
        page.locator("main form").evaluate("(form, address) => { form.action = address }", address)
        press(page, "Réserver ma place")
        expect(page.locator("#erreurs")).to_contain_text("complète")

    return go


def confirmation(page: Page, scene: Scene) -> None:
    form(page, scene, "empty")
    fill(page, prenom="Noémie", nom="Quéméner", telephone="06 39 98 76 02", courriel="noemie@exemple.fr")
    press(page, "Réserver ma place")
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre place est réservée")


def late_return(page: Page, scene: Scene) -> None:
    """« Finalement, je viens » sent once the session is full."""
    page.goto(f"/p/{scene.link['excused']}")
    address = f"/p/{scene.link['excused too late']}/reinscription"
    page.locator("form[action$=reinscription]").evaluate("(form, address) => { form.action = address }", address)
    press(page, "Finalement, je viens")
    expect(page.locator("#erreurs")).to_be_visible()


def too_old(page: Page, scene: Scene) -> None:
    page.goto(f"/p/{scene.link['excused']}")
    old_token(page)
    press(page, "Finalement, je viens")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page ouverte depuis trop longtemps")


def sent(address: str, button: str, **values: str) -> Callable[[Page, Scene], None]:
    """Open, fill, send: the page comes back with its errors."""

    def go(page: Page, scene: Scene) -> None:
        page.goto(address.format(scene=scene))
        fill(page, **values)
        press(page, button)
        expect(page.locator("#erreurs")).to_be_visible()

    return go


def sheet(rdv: str, then: Callable[[Page, Scene], None] | None = None) -> Callable[[Page, Scene], None]:
    """The collective sheet, and what is done on it."""

    def go(page: Page, scene: Scene) -> None:
        page.goto(f"/agent/rdv/{scene.rdv[rdv]}")
        if then:
            then(page, scene)

    return go


def unfolded(page: Page, _scene: Scene) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    expect(page.locator("#journal")).to_be_visible()


def messages_unfolded(page: Page, scene: Scene) -> None:
    """Some failed, one waits; days and texts are open."""
    with scene.stage.rows() as rows:
        rows.trouble()
    page.goto("/configuration/messages?jours=30")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    expect(page.get_by_role("button", name="Tout réessayer")).to_be_visible()


def looked_for(text: str, found: str) -> Callable[[Page, Scene], None]:
    def then(page: Page, _scene: Scene) -> None:
        page.locator("#q").fill(text)
        expect(page.locator("#resultats")).to_contain_text(re.compile(found))

    return then


def created_wrong(page: Page, _scene: Scene) -> None:
    page.locator("#creation > summary").click()
    fill(page, prenom="Awa", telephone="06")
    press(page, "Créer et inscrire")
    expect(page.locator("#erreurs")).to_be_visible()


def one_too_many(page: Page, _scene: Scene) -> None:
    page.locator("#q").fill("amrani")
    press(page, "Inscrire")
    expect(page.locator("#avis [role=alert]")).to_be_visible()


def changed_meanwhile(page: Page, _scene: Scene) -> None:
    row = page.locator("#participants > li").first
    row.locator("form[action$=statut] [name=version]").evaluate("e => { e.value = 0 }")
    row.get_by_role("button", name="Présent").click()
    expect(row.get_by_role("alert")).to_be_visible()


def two_dates(page: Page, scene: Scene) -> None:
    """A plage typed as far as its dates."""
    page.goto(f"/agent/plages/nouvelle?motif_id={scene.motif['RSA']}")
    page.get_by_label("Premier jour").fill((utcnow() + timedelta(days=9)).date().isoformat())
    page.get_by_label("De", exact=True).fill("09:30")
    page.get_by_label("À", exact=True).fill("11:00")
    for label in ("Certains jours de la semaine", "Un nombre de fois"):
        page.get_by_label(label).check()
    page.get_by_label("Combien de fois ?").fill("2")
    page.get_by_label("Nombre de places").fill("40")
    page.get_by_label("Lieu et salle").select_option(index=2)
    expect(page.locator("#dates")).to_contain_text("2 séances")
    expect(page.locator("#herite-capacite_max")).to_contain_text("Propre à cette plage")


def typed_motif(page: Page, _scene: Scene) -> None:
    """A preview with all its remarks: several SMS, Unicode, a neutral name."""
    page.goto("/configuration/motifs/nouveau")
    fill(page, name=f"{LONG} 🌱", nom_sms="🌱 Mon jardin")
    expect(page.locator("#apercu")).to_contain_text("SMS seront facturés")
    page.locator("#apercu-courriel > summary").click()


def motif_people_have_read(page: Page, scene: Scene) -> None:
    """Another name for a motif whose coming sessions are booked: how many people, before it is saved."""
    page.goto(f"/configuration/motifs/{scene.motif['RSA']}")
    fill(page, name="Mes droits, tous mes droits")
    press(page, "Enregistrer")
    expect(page.locator("#touchees")).to_be_focused()


def other_message_previewed(page: Page, scene: Scene) -> None:
    page.goto(f"/configuration/motifs/{scene.motif['RSA']}")
    page.get_by_label("Aperçu du message").select_option("modification")
    page.get_by_label("Que nomme-t-il ?").select_option("neutre")
    expect(page.locator("#apercu")).to_contain_text("avant")
    expect(page.locator("#apercu")).to_contain_text("Formule neutre")


def at(address: str) -> Callable[[Page, Scene], str]:
    return lambda _page, scene: address.format(scene=scene)


PUBLIC = [
    State("home", at("/")),
    State("search", at("/?quoi=rsa&ou=valmont")),
    State("search, nothing", at("/?quoi=zzzz")),
    State("organisation", at("/o/valmont")),
    State("motif", at("/o/valmont/motifs/{scene.motif[RSA]}")),
    State("motif, page 2", at("/o/valmont/motifs/{scene.motif[RSA]}?page=2")),
    State("motif, no date", at("/o/valmont/motifs/{scene.motif[empty]}")),
    State("motif, long", at("/o/valmont/motifs/{scene.motif[long]}")),
    State("motif, free entry", lambda page, scene: _through_home(page, "Café des droits")),
    State("session, open", at("/rdv/{scene.rdv[open]}")),
    State("session, one seat", at("/rdv/{scene.rdv[few]}")),
    State("session, full", at("/rdv/{scene.rdv[full]}")),
    State("session, full, no other", at("/rdv/{scene.rdv[lonely]}")),
    State("session, cancelled", at("/rdv/{scene.rdv[cancelled]}")),
    State("session, too late", at("/rdv/{scene.rdv[late]}")),
    State("session, past", at("/rdv/{scene.rdv[to note]}")),
    State("session, free entry", at("/rdv/{scene.rdv[free]}")),
    State("session, distance", at("/rdv/{scene.rdv[visio]}")),
    State("session, long", at("/rdv/{scene.rdv[long]}")),
    State("form", at("/rdv/{scene.rdv[open]}/inscription")),
    State("form, every question", at("/rdv/{scene.rdv[long]}/inscription")),
    State("form, errors", wrong_form, status=422),
    State("form, too old", stale_form, status=419),
    State("form, full meanwhile", refused_form("full"), status=409),
    State("form, full, no other", refused_form("lonely"), status=409),
    State("confirmation", confirmation),
    State("my place", at("/p/{scene.link[here]}")),
    State("my place, long", at("/p/{scene.link[long]}")),
    State("my place, distance", at("/p/{scene.link[visio]}")),
    State("my place, excused", at("/p/{scene.link[excused]}")),
    State("my place, excused, full", at("/p/{scene.link[excused too late]}")),
    State("my place, late return", late_return, status=409),
    State("my place, removed", at("/p/{scene.link[removed]}")),
    State("my place, cancelled", at("/p/{scene.link[cancelled]}")),
    State("my place, past", at("/p/{scene.link[past]}")),
    State("unsubscribing", at("/p/{scene.link[here mail]}/desabonnement")),
    State("unsubscribed", at("/p/{scene.link[here]}/desabonnement")),
    State("giving it back", at("/p/{scene.link[here]}/desistement")),
    State("accessibility", at("/accessibilite")),
    State("personal data", at("/donnees-personnelles")),
    State("legal", at("/mentions-legales")),
    State("404", at("/nulle-part"), status=404),
    State("419", too_old, status=419),
    State("messages, nobody", at("/demo/messages?a=personne@exemple.fr")),
    State("style", at("/demo/style")),
]
AGENTS = [
    State("login", at("/agent/connexion")),
    State("login, wrong", sent("/agent/connexion", "Se connecter", courriel=NADIA, mot_de_passe="non"), status=422),
    State("login, empty", sent("/agent/connexion", "Se connecter"), status=422),
    State("forgotten", at("/agent/mot-de-passe")),
    State("forgotten, empty", sent("/agent/mot-de-passe", "Recevoir le lien"), status=422),
    State("forgotten, sent", at("/agent/mot-de-passe?envoye=1")),
    State("reset", at("/agent/mot-de-passe/{scene.link[reset]}")),
    State("reset, short", sent("/agent/mot-de-passe/{scene.link[reset]}", "Enregistrer", mot_de_passe="x"), status=422),
    State("reset, used", at("/agent/mot-de-passe/aaaaaaaaaaaaaaaaaaaaaa"), status=404),
    State("today", at("/agent/"), HELENE),
    State("today, page 2", at("/agent/?page=2"), HELENE),
    State("today, nothing", at("/agent/"), ALONE),
    State("sheet, coming", sheet("open"), HELENE),
    State("sheet, unfolded", sheet("open", unfolded), HELENE),
    State("sheet, now", sheet("now"), HELENE),
    State("sheet, to note", sheet("to note"), HELENE),
    State("sheet, cancelled", sheet("cancelled"), HELENE),
    State("sheet, full", sheet("full"), HELENE),
    State("sheet, over", sheet("over"), HELENE),
    State("sheet, empty", sheet("empty"), HELENE),
    State("sheet, long", sheet("long"), HELENE),
    State("sheet, free entry", sheet("free"), ADMIN),
    State("sheet, found", sheet("open", looked_for("marie", "Inscrire")), NADIA),
    State("sheet, found nobody", sheet("open", looked_for("zzzz", "Aucune personne")), NADIA),
    State("sheet, new person, errors", sheet("open", created_wrong), NADIA),
    State("sheet, over on purpose", sheet("full", one_too_many), ADMIN),
    State("sheet, over, not allowed", sheet("full", one_too_many), NADIA),
    State("sheet, changed meanwhile", sheet("now", changed_meanwhile), NADIA),
    State("search page", at("/agent/usagers/recherche?rdv={scene.rdv[open]}&q=marie"), NADIA),
    State("journal page", at("/agent/rdv/{scene.rdv[open]}/journal"), NADIA),
    State("removal", at("/agent/rdv/{scene.rdv[open]}/participations/{scene.place[here]}/retrait"), NADIA),
    State("removal, to call", at("/agent/rdv/{scene.rdv[open]}/participations/{scene.place[called]}/retrait"), NADIA),
    State("removal, done", at("/agent/rdv/{scene.rdv[open]}/participations/{scene.place[removed]}/retrait"), NADIA),
    State("cancellation", at("/agent/rdv/{scene.rdv[open]}/annulation"), HELENE),
    State("cancellation, nobody", at("/agent/rdv/{scene.rdv[late]}/annulation"), HELENE),
    State("cancellation, begun", at("/agent/rdv/{scene.rdv[now]}/annulation"), HELENE),
    State("403", at("/configuration/motifs"), NADIA, status=403),
    State("404, agents", at("/agent/rdv/{scene.rdv[of others]}"), NADIA, status=404),
    State("plages", at("/agent/plages"), HELENE),
    State("plages, none", at("/agent/plages"), ALONE),
    State("plage, no motif", at("/agent/plages/nouvelle"), ALONE),
    State("plage, new", at("/agent/plages/nouvelle"), HELENE),
    State("plage, typed", two_dates, HELENE),
    State("plage, errors", sent("/agent/plages/nouvelle", "Créer la plage et ses séances"), HELENE, status=422),
    State("plage", at("/agent/plages/{scene.plage}"), HELENE),
    State("configuration", at("/configuration/"), ADMIN),
    State("motifs", at("/configuration/motifs"), ADMIN),
    State("motifs, none fits", at("/configuration/motifs?q=introuvable"), ADMIN),
    State("motifs, archived ones too", at("/configuration/motifs?etat=tous"), ADMIN),
    State("motif, new", at("/configuration/motifs/nouveau"), ADMIN),
    State(
        "motif, errors",
        sent("/configuration/motifs/nouveau", "Créer le motif", name="", nom_sms="x" * 61),
        ADMIN,
        status=422,
    ),
    State("motif, typed", typed_motif, ADMIN),
    State("motif, edited", at("/configuration/motifs/{scene.motif[RSA]}"), ADMIN),
    State("motif, another message", other_message_previewed, ADMIN),
    State("motif, people have read it", motif_people_have_read, ADMIN),
    State("motif, duplicated", at("/configuration/motifs/nouveau?copie={scene.motif[RSA]}"), ADMIN),
    State("motif, archived", at("/configuration/motifs/{scene.motif[archived]}"), ADMIN),
    State("motif, to archive", at("/configuration/motifs/{scene.motif[RSA]}/archivage"), ADMIN),
    State("motif, to take back", at("/configuration/motifs/{scene.motif[archived]}/archivage"), ADMIN),
    State("journal", at("/configuration/journal"), ADMIN),
    State("journal, none fits", at("/configuration/journal?du=2001-01-01&au=2001-01-02"), ADMIN),
    State("messages sent", at("/configuration/messages"), ADMIN),
    State("messages sent, one day unfolded", messages_unfolded, ADMIN),
    State("messages sent, none fits", at("/configuration/messages?evenement=minimum&etat=echec"), ADMIN),
    State("messages that wait", at("/configuration/messages/attente"), ADMIN),
    State("message settings", at("/configuration/messages/reglages"), ADMIN),
    State(
        "message settings, errors",
        sent("/configuration/messages/reglages", "Enregistrer", sms_sender="Été", budget_sms_jour="-1"),
        ADMIN,
        status=422,
    ),
    State("agents", at("/configuration/agents"), ADMIN),
    State("agents, none fits", at("/configuration/agents?q=zzzz"), ADMIN),
    State("agent, invitation", at("/configuration/agents/invitation"), ADMIN),
    State("agent, invitation, empty", sent("/configuration/agents/invitation", "Envoyer"), ADMIN, status=422),
    State("agent, rights", at("/configuration/agents/{scene.agent}"), ADMIN),
    State("agent, to deactivate", at("/configuration/agents/{scene.agent}/desactivation"), ADMIN),
    State("preferences", at("/agent/preferences"), NADIA),
    State("messages", at("/demo/messages")),
]


def _through_home(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
