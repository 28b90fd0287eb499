"""One telling, tried once: what is sent, and what is written down of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform

from flask import current_app
from sqlalchemy import select, update

from webapp.clock import utcnow
from webapp.domain.events import WebhookSuspendu
from webapp.domain.participation import Acteur
from webapp.domain.webhooks import GIVE_UP, pause, rest, sign
from webapp.extensions import db
from webapp.models import EtatEnvoi, Organisation, Webhook, WebhookEnvoi
from webapp.notifications.base import emit
from webapp.notifications.channels.webhook import Reponse, post
from webapp.secrets_at_rest import unseal

from . import journal
from .transaction import transaction
from .webhooks import purpose, recount

UNREADABLE = "Le secret de ce webhook n’est plus lisible : faites-en un autre."
SUSPENDED = "Webhook suspendu : il n’a rien pris pendant trois jours."


@dataclass(frozen=True, slots=True)
class Colis:
    """What one attempt sends. It needs neither the application nor the database any more."""

    envoi_id: int
    webhook_id: int
    url: str
    headers: dict[str, str]
    corps: bytes
    local: bool
    obstacle: str = ""

    def send(self) -> Reponse:
        """Send it; may run in a thread."""
        if self.obstacle:
            return Reponse(None, "", self.obstacle, 0)
        return post(self.url, self.headers, self.corps, local=self.local)


def pack(envoi: WebhookEnvoi) -> Colis:
    """Make it ready, signed as of now by every secret that counts."""
    webhook, now = envoi.webhook, utcnow()
    sealed = [webhook.secret]
    if webhook.ancien_secret and webhook.ancien_jusqu_au and now < webhook.ancien_jusqu_au:
        sealed.append(webhook.ancien_secret)
    known = [secret for one in sealed if (secret := unseal(purpose(webhook.id), one))]
    body = envoi.corps.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "RDV-Collectifs-Webhook/1",
        "Accept-Encoding": "identity",
        "X-RDV-Event": envoi.evenement.value,
        "X-RDV-Delivery": envoi.cle,
        "X-RDV-Signature": sign(known, now, body),
    }
    obstacle = "" if known else UNREADABLE
    return Colis(envoi.id, webhook.id, webhook.url, headers, body, current_app.config["DEMO"], obstacle)


def try_now(envoi_id: int) -> Reponse:
    """Send a test while somebody waits for its answer; the database is let go meanwhile."""
    envoi = db.session.get_one(WebhookEnvoi, envoi_id)
    colis = pack(envoi)
    db.session.remove()
    answer = colis.send()
    with transaction() as session:
        session.execute(
            update(WebhookEnvoi)
            .where(WebhookEnvoi.id == envoi_id)
            .values(**_told(answer), etat=EtatEnvoi.ENVOYE if answer.prise else EtatEnvoi.ECHEC)
        )
    return answer


def record(colis: Colis, answer: Reponse) -> bool:
    """Write down what came of an attempt, and what it means for the webhook; False when it is to be left alone now."""
    now = utcnow()
    with transaction() as session:
        webhook = session.scalars(
            select(Webhook)
            .where(Webhook.id == colis.webhook_id)
            .with_for_update(key_share=True)  # who promises it something refers to it, and does not wait
            .execution_options(populate_existing=True)
        ).first()
        envoi = session.get(WebhookEnvoi, colis.envoi_id, populate_existing=True)
        if webhook is None or envoi is None:
            return False  # deleted meanwhile
        for name, value in _told(answer, envoi.tentatives).items():
            setattr(envoi, name, value)
        if answer.prise:
            envoi.etat = EtatEnvoi.ENVOYE
            webhook.echecs, webhook.echoue_depuis, webhook.repos_jusqu_au = 0, None, None
            return webhook.actif
        webhook.echecs += 1
        webhook.echoue_depuis = webhook.echoue_depuis or now
        webhook.repos_jusqu_au = now + _jittered(rest(webhook.echecs))
        envoi.a_envoyer_le = now + _jittered(pause(envoi.tentatives))
        if now - envoi.depuis >= GIVE_UP:
            envoi.etat = EtatEnvoi.ECHEC
        if webhook.actif and now - webhook.echoue_depuis >= GIVE_UP:
            _suspend(webhook, now)
        return False


def _suspend(webhook: Webhook, now: datetime) -> None:
    webhook.actif, webhook.suspendu_le = False, now
    webhook.version += 1
    db.session.flush()
    db.session.execute(
        update(WebhookEnvoi)
        .where(WebhookEnvoi.webhook_id == webhook.id, WebhookEnvoi.etat == EtatEnvoi.A_ENVOYER)
        .values(etat=EtatEnvoi.ECHEC, erreur=SUSPENDED)
    )
    recount(db.session.get_one(Organisation, webhook.organisation_id, populate_existing=True))
    journal.note(webhook.organisation_id, "webhook_suspendu", webhook, by=Acteur.SYSTEME, nom=webhook.nom)
    emit(
        WebhookSuspendu(
            organisation_id=webhook.organisation_id, webhook_id=webhook.id, le=now.isoformat(timespec="seconds")
        )
    )


def _told(answer: Reponse, before: int = 0) -> dict[str, object]:
    return {
        "tentatives": before + 1,
        "essaye_le": utcnow(),
        "duree_ms": answer.duree_ms,
        "code": answer.code,
        "reponse": answer.texte,
        "erreur": answer.erreur,
    }


def _jittered(wait: timedelta) -> timedelta:
    """A thousand tellings do not come back at once."""
    return wait * uniform(0.75, 1.25)
