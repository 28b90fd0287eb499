"""The states of what waits for agents, and of the signed sheet typed in."""

from datetime import timedelta

from playwright.sync_api import Page

from tests import factories as make
from tests.browser.stage import HELENE, NADIA
from tests.browser.states import LONG, LONG_WORD, Scene, State, at, press
from webapp.clock import utcnow
from webapp.domain.participation import Statut


def waits(_page: Page, scene: Scene) -> str:
    """One of each thing to do, under a long name."""
    with scene.stage.rows() as rows:
        soon, helene = utcnow() + timedelta(hours=20), rows.agent(HELENE)
        motif = make.motif(rows.service("Insertion"), name=LONG, capacite_min=4, liste_attente=True)
        make.rdv(motif, starts_at=soon, agents=[helene])
        make.attente(make.full(make.rdv(motif, starts_at=soon, capacite_propre=4, agents=[helene])))
        make.participation(make.rdv(motif, starts_at=soon - timedelta(hours=40), agents=[helene]))
        rows.trouble()
    return "/agent/"


def minimum(page: Page, scene: Scene) -> str:
    waits(page, scene)
    return "/agent/a-faire?quoi=minimum"


def begun(scene: Scene) -> int:
    """A session that has begun, with relatives, long names and somebody who had said no."""
    with scene.stage.rows() as rows:
        org, rdv = rows.organisation(), rows.session(taken=6, starts_at=utcnow() - timedelta(minutes=20))
        parent = make.usager(org, last_name="Berthelot-Desgranges")
        child = make.usager(org, first_name="Marie-Antoinette", last_name=f"de {LONG_WORD}", phone=None)
        child.responsable_id = parent.id
        make.participation(rdv, child)
        make.participation(rdv, parent, Statut.EXCUSE, statut_le=utcnow() - timedelta(days=1))
        return int(rdv.id)


def typed_in(_page: Page, scene: Scene) -> str:
    return f"/agent/rdv/{begun(scene)}/pointage"


def all_present(_page: Page, scene: Scene) -> str:
    return f"/agent/rdv/{begun(scene)}/pointage?reste=present"


def changed_meanwhile(page: Page, scene: Scene) -> None:
    rdv_id = begun(scene)
    page.goto(f"/agent/rdv/{rdv_id}/pointage?reste=present")
    with scene.stage.rows() as rows:
        row = rows.rdv(rdv_id).participations[0]
        row.statut, row.version, row.statut_par_agent_id = Statut.ABSENT, row.version + 1, rows.agent(HELENE).id
    page.locator("[name=venues-0-nom]").fill("Diallo")
    page.locator("[name=venues-0-prenom]").fill("Awa")
    press(page, "Enregistrer la feuille")
    page.locator("#erreurs").wait_for()


def half_a_name(page: Page, scene: Scene) -> None:
    page.goto(f"/agent/rdv/{begun(scene)}/pointage")
    page.locator("[name=venues-0-nom]").fill("Diallo")
    press(page, "Enregistrer la feuille")
    page.locator("#erreurs").wait_for()


JOUR = [
    State("today, all there is to do", waits, HELENE),
    State("today, mine", at("/agent/?qui=moi"), NADIA),
    State("to do, minimum", minimum, HELENE),
    State("to do, failed messages", at("/agent/a-faire?quoi=echecs"), HELENE),
    State("to do, nothing", at("/agent/a-faire?quoi=attente&qui=moi"), NADIA),
    State("sheet typed in", typed_in, HELENE),
    State("sheet typed in, all present", all_present, HELENE),
    State("sheet typed in, changed meanwhile", changed_meanwhile, HELENE, status=409),
    State("sheet typed in, half a name", half_a_name, HELENE, status=422),
    State("sheet typed in, too early", at("/agent/rdv/{scene.rdv[open]}/pointage"), HELENE),
]
