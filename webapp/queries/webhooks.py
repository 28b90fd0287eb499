"""An organisation's webhooks, what was told to them, and what still is to be."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.orm import joinedload

from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import EtatEnvoi, Motif, Organisation, Participation, Rdv, Webhook, WebhookEnvoi

PAGE = 30


def webhooks(organisation_id: int) -> Sequence[Webhook]:
    """All of them, the oldest first."""
    return db.session.scalars(
        select(Webhook)
        .where(Webhook.organisation_id == organisation_id)
        .options(joinedload(Webhook.service))
        .order_by(Webhook.id)
    ).all()


def webhook(organisation_id: int, webhook_id: int) -> Webhook | None:
    """One of them."""
    return db.session.scalars(
        select(Webhook)
        .where(Webhook.organisation_id == organisation_id, Webhook.id == webhook_id)
        .options(joinedload(Webhook.service))
    ).first()


def envoi(organisation_id: int, envoi_id: int) -> WebhookEnvoi | None:
    """One telling, of one of them."""
    return db.session.scalars(
        select(WebhookEnvoi)
        .join(WebhookEnvoi.webhook)
        .where(Webhook.organisation_id == organisation_id, WebhookEnvoi.id == envoi_id)
        .options(joinedload(WebhookEnvoi.webhook))
    ).first()


def active(organisation_ids: Collection[int]) -> Sequence[Webhook]:
    """Those that are told what happens there."""
    return db.session.scalars(
        select(Webhook)
        .where(Webhook.organisation_id.in_(organisation_ids), Webhook.actif.is_(True))
        .order_by(Webhook.id)
    ).all()


@dataclass(frozen=True, slots=True)
class Compte:
    """How many tellings are in each state, for one webhook."""

    attente: int = 0
    envoyes: int = 0
    echecs: int = 0


def counts(webhook_ids: Collection[int]) -> dict[int, Compte]:
    """Webhook → what is kept of it, counted: one statement."""

    def many(etat: EtatEnvoi) -> ColumnElement[int]:
        return func.sum(case((WebhookEnvoi.etat == etat, 1), else_=0))

    rows = db.session.execute(
        select(WebhookEnvoi.webhook_id, many(EtatEnvoi.A_ENVOYER), many(EtatEnvoi.ENVOYE), many(EtatEnvoi.ECHEC))
        .where(WebhookEnvoi.webhook_id.in_(webhook_ids))
        .group_by(WebhookEnvoi.webhook_id)
    )
    return {row[0]: Compte(*map(int, row[1:])) for row in rows}


def log(webhook_id: int, etat: EtatEnvoi | None, before: int | None) -> tuple[Sequence[WebhookEnvoi], int | None]:
    """What was told to it, the latest first, a page at a time: (lines, where the next page begins)."""
    question = select(WebhookEnvoi).where(WebhookEnvoi.webhook_id == webhook_id)
    if etat is not None:
        question = question.where(WebhookEnvoi.etat == etat)
    if before is not None:
        question = question.where(WebhookEnvoi.id < before)
    rows = db.session.scalars(question.order_by(WebhookEnvoi.id.desc()).limit(PAGE + 1)).all()
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def waiting(webhook_id: Any, now: datetime) -> Select[Any]:
    """What is to be told to it now, in the order in which it happened."""
    return (
        select(WebhookEnvoi.id)
        .where(
            WebhookEnvoi.webhook_id == webhook_id,
            WebhookEnvoi.etat == EtatEnvoi.A_ENVOYER,
            WebhookEnvoi.a_envoyer_le <= now,
        )
        .order_by(WebhookEnvoi.id)
    )


def due(now: datetime) -> Select[Any]:
    """The webhooks that can be told something now, who waited longest first."""
    return (
        select(Webhook.id)
        .where(
            Webhook.actif.is_(True),
            or_(Webhook.claimed_until.is_(None), Webhook.claimed_until < now),
            or_(Webhook.repos_jusqu_au.is_(None), Webhook.repos_jusqu_au <= now),
            exists(waiting(Webhook.id, now).correlate(Webhook)),
        )
        .order_by(Webhook.repos_jusqu_au.asc().nulls_first(), Webhook.id)
    )


def anything_due(now: datetime) -> bool:
    """Is there anything to tell now?"""
    return db.session.scalar(due(now).limit(1)) is not None


def sessions(rdv_ids: Collection[int]) -> Sequence[Any]:
    """What a telling says of these sessions, with the service they belong to; one statement."""
    return db.session.execute(
        select(
            Rdv.id,
            Rdv.organisation_id,
            Rdv.motif_id,
            Motif.service_id,
            Rdv.version,
            Rdv.starts_at,
            Rdv.ends_at,
            Rdv.cancelled_at,
        )
        .join(Rdv.motif)
        .where(Rdv.id.in_(rdv_ids))
        .order_by(Rdv.id)
    ).all()


def places(participation_ids: Collection[int], emptied: Collection[int]) -> Sequence[Any]:
    """The same of these places, and of those that were just taken back with their cancelled session (`emptied`)."""
    just = (Participation.rdv_id.in_(emptied)) & (Participation.statut == Statut.ANNULE)
    return db.session.execute(
        select(
            Participation.id,
            Participation.rdv_id,
            Participation.usager_id,
            Participation.statut,
            Participation.statut_le,
            Participation.version,
        )
        .join(Participation.rdv)
        .where(or_(Participation.id.in_(participation_ids), just & (Participation.rdv_version == Rdv.version)))
        .order_by(Participation.rdv_id, Participation.id)
    ).all()


def listens(organisation_id: int) -> bool:
    """Has this organisation any webhook? Asked in every change: from memory when the organisation is there already."""
    organisation = db.session.get(Organisation, organisation_id)
    return organisation is not None and organisation.webhooks_actifs
