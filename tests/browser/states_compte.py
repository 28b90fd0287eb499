"""The states of « Mon compte », of the second step of logging in, and of help."""

from playwright.sync_api import Page, expect

from tests.browser.stage import HELENE, PASSWORD, Rows
from tests.browser.states import DEDANS, DEHORS, Scene, State, at, fill, press, sent
from webapp.extensions import db
from webapp.models import CodeSecours, SecondFacteur
from webapp.secrets_at_rest import seal

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SETUP = "/agent/compte/deux-etapes"


def second_factor(rows: Rows, email: str) -> None:
    """That agent has it on, and three recovery codes left."""
    agent = rows.agent(email)
    if db.session.get(SecondFacteur, agent.id) is None:
        sealed = seal(f"second_facteur {agent.id}", SECRET)
        db.session.add(SecondFacteur(agent_id=agent.id, secret=sealed, dernier_pas=0))
        db.session.add_all(CodeSecours(agent_id=agent.id, empreinte=letter * 64) for letter in "abc")


def half_in(page: Page, scene: Scene) -> None:
    with scene.stage.rows() as rows:
        second_factor(rows, DEHORS)
    page.goto("/agent/connexion")
    fill(page, courriel=DEHORS, mot_de_passe=PASSWORD)
    press(page, "Se connecter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deuxième étape")


def wrong_code(page: Page, scene: Scene) -> None:
    half_in(page, scene)
    fill(page, code="000000")
    press(page, "Se connecter")
    expect(page.locator("#erreurs")).to_be_visible()


def recovery(page: Page, scene: Scene) -> None:
    half_in(page, scene)
    page.get_by_role("link", name="Je n’ai pas mon téléphone").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Code de secours")


def switched_on(path: str):
    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            second_factor(rows, DEDANS)
        return path

    return go


COMPTE = [
    State("account", at("/agent/compte"), HELENE),
    State("account, password", at("/agent/compte/mot-de-passe"), HELENE),
    State(
        "account, password, errors",
        sent("/agent/compte/mot-de-passe", "Enregistrer", actuel="non", mot_de_passe="x"),
        HELENE,
        status=422,
    ),
    State("account, devices", at("/agent/compte/appareils"), HELENE),
    State("two steps, to set up", at(SETUP), HELENE),
    State("two steps, wrong code", sent(SETUP, "Activer", code="000000", actuel="non"), HELENE, status=422),
    State("two steps, login", half_in),
    State("two steps, login, wrong", wrong_code, status=422),
    State("two steps, login, recovery", recovery),
    State("two steps, account", switched_on("/agent/compte"), DEDANS),
    State("two steps, on", switched_on(SETUP), DEDANS),
    State("two steps, codes gone", switched_on(f"{SETUP}/codes"), DEDANS),
    State("two steps, other codes", switched_on(f"{SETUP}/nouveaux-codes"), DEDANS),
    State("two steps, taken off", switched_on(f"{SETUP}/retrait"), DEDANS),
    State("help", at("/agent/aide"), HELENE),
    State("help, workshop", at("/agent/aide/atelier"), HELENE),
    State("help, desk", at("/agent/aide/accueil"), HELENE),
    State("help, settings", at("/agent/aide/configuration"), HELENE),
    State("help, public", at("/aide")),
]
