"""The states of webhooks: none, several, one that fails, its secret."""

from playwright.sync_api import Page

from tests import factories as make
from tests.browser.stage import ADMIN
from tests.browser.states import Scene, State, at, fill, press, sent
from webapp.clock import utcnow
from webapp.models import EtatEnvoi

PAGE = "/configuration/webhooks"


def one(what: str = "", **fields: object):
    """A page of a webhook that took something, did not take something else, and is as `fields` say."""

    def go(_page: Page, scene: Scene) -> str:
        with scene.stage.rows() as rows:
            hook = make.webhook(rows.agent(ADMIN).organisation, secret="-", **fields)
            said = {"tentatives": 3, "essaye_le": utcnow(), "duree_ms": 182}
            make.webhook_envoi(hook, etat=EtatEnvoi.ENVOYE, code=200, reponse="ok", **said)
            make.webhook_envoi(hook, code=500, reponse="<html>erreur" * 30, erreur="Le serveur a répondu 500.", **said)
            make.webhook_envoi(hook, etat=EtatEnvoi.A_ENVOYER, erreur="Pas de réponse à temps.", **said)
            return f"{PAGE}/{hook.id}{what}"

    return go


def created(page: Page, scene: Scene) -> None:
    page.goto(f"{PAGE}/nouveau")
    fill(page, url="https://recoit.invalid/rdv")
    press(page, "Créer le webhook")


WEBHOOKS = [
    State("webhooks, none", at(PAGE), ADMIN),
    State("webhook, new", at(f"{PAGE}/nouveau"), ADMIN),
    State("webhook, refused", sent(f"{PAGE}/nouveau", "Créer le webhook", url="http://10.0.0.1/"), ADMIN, status=409),
    State("webhook, created", created, ADMIN),
    State("webhook, its log", one(echecs=2, echoue_depuis=utcnow()), ADMIN),
    State("webhook, suspended", one(actif=False, suspendu_le=utcnow(), echecs=9), ADMIN),
    State("webhook, changed", one("/modification"), ADMIN),
    State("webhook, another secret", one("/secret"), ADMIN),
    State("webhook, deleted", one("/suppression"), ADMIN),
    State("webhooks, several", at(PAGE), ADMIN),
]
