"""Webhooks: made, changed, given another secret, switched off, tried; what was told to them, told again."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import delete, exists, select, update

from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.domain.webhooks import CHOISIS, OLD_SECRET, PREFIX, AdresseRefusee, Evenement, target
from webapp.extensions import db
from webapp.models import Agent, EtatEnvoi, Organisation, Service, Webhook, WebhookEnvoi
from webapp.notifications import wake
from webapp.secrets_at_rest import seal

from . import journal
from .droits import require
from .organisation import locked_organisation
from .transaction import transaction
from .webhook_outbox import promise

KEPT = timedelta(days=30)
MOST = 20
"""Webhooks of one organisation: each is one more row for every change."""


@dataclass(frozen=True, slots=True)
class WebhookData:
    """What its form says of it."""

    url: str
    description: str
    evenements: Sequence[Evenement]
    service_id: int | None


def create(data: WebhookData, by: Agent, envoi: str) -> tuple[Webhook, str]:
    """A webhook, and its secret, which no page shows again. `envoi` is the form's: sent twice it makes one, and the
    second answer has no secret. Raises `Refus`, `Interdit`."""
    with transaction():
        organisation = _mine(by)
        cle = hashlib.sha256(repr(("webhook", by.id, envoi)).encode()).hexdigest()
        if (known := db.session.scalars(select(Webhook).where(Webhook.cle == cle)).first()) is not None:
            return known, ""
        _check(data, organisation)
        if len(db.session.scalars(select(Webhook.id).where(Webhook.organisation_id == organisation.id)).all()) >= MOST:
            raise Refus(f"Une organisation a {MOST} webhooks au plus : supprimez-en un.")
        row = Webhook(organisation_id=organisation.id, cle=cle, evenements=[])
        _set(row, data)
        db.session.add(row)
        db.session.flush()
        secret = _new_secret(row)
        recount(organisation)
        journal.note(organisation.id, "webhook_cree", row, agent=by, nom=row.nom)
        return row, secret


def change(webhook_id: int, data: WebhookData, by: Agent, version: int | None = None) -> bool:
    """Tell other things, or elsewhere; answers whether anything changed. `version` is the one the form showed. Raises
    `Introuvable`, `Perime`, `Refus`, `Interdit`."""
    with transaction():
        organisation = _mine(by)
        row = _held(organisation, webhook_id)
        before = WebhookData(row.url, row.description, [Evenement(one) for one in row.evenements], row.service_id)
        after = WebhookData(data.url.strip(), data.description[:120], list(data.evenements), data.service_id)
        if after == before:
            return False
        if version is not None and version != row.version:
            raise Perime("Un collègue vient de modifier ce webhook : rechargez la page avant d’enregistrer.")
        _check(data, organisation)
        if row.url != after.url:  # another receiver owes nothing for the first one's silence
            row.echecs, row.echoue_depuis, row.repos_jusqu_au = 0, None, None
        _set(row, data)
        row.version += 1
        journal.note(organisation.id, "webhook_modifie", row, agent=by, nom=row.nom)
        return True


def rotate(webhook_id: int, by: Agent, version: int) -> str:
    """Another secret, which no page shows again; the one it replaces signs beside it for 24 hours. Nothing when it had
    been replaced since the page was shown (`version`). Raises `Introuvable`, `Interdit`."""
    with transaction():
        row = _held(_mine(by), webhook_id)
        if row.version != version:
            return ""
        row.ancien_secret, row.ancien_jusqu_au = row.secret, utcnow() + OLD_SECRET
        row.version += 1
        secret = _new_secret(row)
        journal.note(row.organisation_id, "webhook_secret", row, agent=by, nom=row.nom)
        return secret


def switch(webhook_id: int, on: bool, by: Agent) -> bool:
    """Tell it what happens, or no more; what waits leaves once it is on again. Answers whether anything changed."""
    with transaction():
        organisation = _mine(by)
        row = _held(organisation, webhook_id)
        if row.actif is on:
            return False
        row.actif, row.suspendu_le = on, None
        row.echecs, row.echoue_depuis, row.repos_jusqu_au = 0, None, None
        row.version += 1
        db.session.flush()
        recount(organisation)
        journal.note(organisation.id, "webhook_active" if on else "webhook_desactive", row, agent=by, nom=row.nom)
        wake.hint_after_commit(wake.WEBHOOKS)
        return True


def remove(webhook_id: int, by: Agent) -> None:
    """It is told nothing any more, and what it was told is forgotten."""
    with transaction():
        organisation = _mine(by)
        row = _held(organisation, webhook_id)
        journal.note(organisation.id, "webhook_supprime", row, agent=by, nom=row.nom)
        db.session.execute(delete(WebhookEnvoi).where(WebhookEnvoi.webhook_id == row.id))
        db.session.execute(delete(Webhook).where(Webhook.id == row.id))
        recount(organisation)


def prepare_test(webhook_id: int, by: Agent) -> int:
    """A `test` event for it, that nobody but the caller sends: its number."""
    with transaction():
        row = _held(_mine(by), webhook_id)
        values = {**promise(row, Evenement.TEST, {}), "etat": EtatEnvoi.ECHEC, "erreur": "Essai interrompu."}
        return db.session.execute(
            WebhookEnvoi.__table__.insert().returning(WebhookEnvoi.__table__.c.id), values
        ).scalar_one()


def replay(envoi_id: int, by: Agent) -> bool:
    """Tell that once more, under the same number; answers whether it was not waiting already."""
    with transaction():
        organisation = _mine(by)
        row = db.session.scalars(
            select(WebhookEnvoi)
            .join(WebhookEnvoi.webhook)
            .where(Webhook.organisation_id == organisation.id, WebhookEnvoi.id == envoi_id)
            .with_for_update(of=WebhookEnvoi)
            .execution_options(populate_existing=True)
        ).first()
        if row is None:
            raise Introuvable("Cet envoi n’existe pas ou n’existe plus.")
        if row.evenement is Evenement.TEST:
            raise Refus("Un essai ne se rejoue pas : faites-en un autre.")
        if row.etat is EtatEnvoi.A_ENVOYER:
            return False
        _again([row.id])
        _may_leave(row.webhook)
        journal.note(organisation.id, "webhook_rejoue", row.webhook, agent=by, nom=row.webhook.nom, nombre=1)
        return True


def replay_failures(webhook_id: int, by: Agent) -> int:
    """Tell all that failed once more, in order; answers how many."""
    with transaction():
        organisation = _mine(by)
        row = _held(organisation, webhook_id)
        _may_leave(row)
        failed = select(WebhookEnvoi.id).where(
            WebhookEnvoi.webhook_id == row.id,
            WebhookEnvoi.etat == EtatEnvoi.ECHEC,
            WebhookEnvoi.evenement != Evenement.TEST,
        )
        count = _again(failed)
        if count:
            journal.note(organisation.id, "webhook_rejoue", row, agent=by, nom=row.nom, nombre=count)
        return count


def purge(now: datetime | None = None) -> int:
    """Forget what was told, or could not be, more than 30 days ago; answers how much."""
    with transaction():
        old = delete(WebhookEnvoi).where(WebhookEnvoi.cree_le < (now or utcnow()) - KEPT)
        return len(db.session.execute(old.returning(WebhookEnvoi.id)).all())


def _again(which: object) -> int:
    now = utcnow()
    done = db.session.execute(
        update(WebhookEnvoi)
        .where(WebhookEnvoi.id.in_(which))  # type: ignore[arg-type]
        .values(etat=EtatEnvoi.A_ENVOYER, depuis=now, a_envoyer_le=now)
        .returning(WebhookEnvoi.id)
        .execution_options(synchronize_session=False)
    ).all()
    wake.hint_after_commit(wake.WEBHOOKS)
    return len(done)


def _may_leave(row: Webhook) -> None:
    """What somebody sends again leaves at once, or is refused."""
    if not row.actif:
        raise Refus("Ce webhook est désactivé : activez-le, puis rejouez.")
    row.repos_jusqu_au = None


def _mine(by: Agent) -> Organisation:
    organisation = locked_organisation(by.organisation_id)
    require(by, Droit.GERER_INTEGRATIONS, organisation)
    return organisation


def _held(organisation: Organisation, webhook_id: int) -> Webhook:
    row = db.session.scalars(
        select(Webhook)
        .where(Webhook.organisation_id == organisation.id, Webhook.id == webhook_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise Introuvable("Ce webhook n’existe pas ou n’existe plus.")
    return row


def _check(data: WebhookData, organisation: Organisation) -> None:
    try:
        target(data.url.strip(), local=current_app.config["DEMO"])
    except AdresseRefusee as refusal:
        raise Refus(str(refusal)) from None
    if len(data.url) > 500:
        raise Refus("Cette adresse est trop longue : 500 caractères au plus.")
    if not data.evenements or not set(data.evenements) <= set(CHOISIS):
        raise Refus("Choisissez au moins un événement.")
    if data.service_id is not None:
        service = db.session.get(Service, data.service_id)
        if service is None or service.organisation_id != organisation.id:
            raise Refus("Ce service n’est pas de votre organisation.")


def _set(row: Webhook, data: WebhookData) -> None:
    row.url, row.description, row.service_id = data.url.strip(), data.description.strip()[:120], data.service_id
    row.evenements = [event.value for event in CHOISIS if event in data.evenements]


def _new_secret(row: Webhook) -> str:
    secret = PREFIX + secrets.token_urlsafe(32)
    row.secret = seal(purpose(row.id), secret)
    return secret


def purpose(webhook_id: int) -> str:
    """Whose secret it is, for `secrets_at_rest`."""
    return f"webhook {webhook_id}"


def recount(organisation: Organisation) -> None:
    """Whether a change has anybody to tell: known with the organisation's row, asked for nowhere else."""
    organisation.webhooks_actifs = bool(
        db.session.scalar(select(exists().where(Webhook.organisation_id == organisation.id, Webhook.actif.is_(True))))
    )
