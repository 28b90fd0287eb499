"""Nothing personal is kept for ever (docs/domain.md rule 23)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import and_, delete, or_, select, true, union, update
from sqlalchemy.orm import Session, aliased

from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import (
    Acces,
    CompteurSms,
    Envoi,
    EtatNotification,
    FileAttente,
    Invitation,
    Jeton,
    Journal,
    Message,
    MessageDemo,
    Notification,
    Organisation,
    Participation,
    Rdv,
    ReponseApi,
    SessionAgent,
    Usager,
    UsagerCle,
    usager_mots,
    usager_organisations,
)
from webapp.notifications.base import ADRESSE, USAGER
from webapp.queries.acces import KEPT as DEMANDS_KEPT
from webapp.queries.agents import SESSION_LIFE

from .checks import MOVES, READ_BACK
from .reponses import LIFE as ANSWERS_KEPT
from .transaction import transaction

MESSAGES_MONTHS = 6
FORMS_DAYS = 2
COUNTED_DAYS = 31
JETONS_KEPT = timedelta(days=365)
AT_ONCE = 500
ANONYME = "Anonyme"
NOBODY: dict[str, Any] = {
    "first_name": "",
    "last_name": ANONYME,
    "birth_date": None,
    "phone": None,
    "email": None,
    "numero_dossier": None,
    "responsable_id": None,
    "recherche": "",
}
"""What is left of somebody's file."""
NOTHING_OWN: dict[str, Any] = {
    "telephone": None, "courriel": None, "numero_dossier": None, "raison": "", "note": "", "avant": None,
    "prescripteur_nom": None, "prescripteur_structure": None, "prescripteur_courriel": None,
}  # fmt: skip
"""What is left of what a place said of its own."""


def purge(now: datetime | None = None) -> dict[str, int]:
    """Anonymise who has not been seen for the organisation's retention, empty old messages, forget answered forms and
    agents' sessions that are over.

    Answers how many of each. Safe to run twice, and as often as one likes.
    """
    now = now or utcnow()
    return {"usagers": _people(now), "messages": _messages(now), "formulaires": _forms(now), "sessions": _sessions(now)}


def _people(now: datetime) -> int:
    """Those of an organisation whose last session, and file, are older than its retention. A file shared by several
    organisations lasts as long as the longest of them wants, a responsable's as long as their relatives'."""
    count = 0
    for organisation in db.session.scalars(select(Organisation).order_by(Organisation.id)).all():
        limit = now - relativedelta(months=organisation.retention_mois)
        while ids := _forgotten(organisation.id, organisation.retention_mois, limit):
            count += _anonymise(organisation.id, organisation.retention_mois, limit, ids, now)
    return count


def _forgotten(
    organisation_id: int, retention_mois: int, limit: datetime, among: Sequence[int] | None = None
) -> list[int]:
    links = usager_organisations.c
    longer = (
        select(links.usager_id)
        .join(Organisation, Organisation.id == links.organisation_id)
        .where(Organisation.retention_mois > retention_mois)
    )
    relative = aliased(Usager)
    seen = union(
        select(Participation.usager_id).join(Rdv).where(or_(Rdv.ends_at >= limit, Participation.cree_le >= limit)),
        select(FileAttente.usager_id).join(Rdv).where(or_(Rdv.ends_at >= limit, FileAttente.cree_le >= limit)),
    )
    invited = select(Invitation.usager_id).where(Invitation.expire_le >= limit)
    return list(
        db.session.scalars(
            select(Usager.id)
            .join(usager_organisations, links.usager_id == Usager.id)
            .where(
                links.organisation_id == organisation_id,
                Usager.anonymise_le.is_(None),
                Usager.id.in_(among) if among is not None else true(),
                Usager.cree_le < limit,
                Usager.id.not_in(seen),
                Usager.id.not_in(invited),
                Usager.id.not_in(longer),
                Usager.id.not_in(
                    select(relative.responsable_id).where(
                        relative.responsable_id.is_not(None),
                        or_(relative.id.in_(seen), relative.id.in_(invited)),
                    )
                ),
            )
            .order_by(Usager.id)
            .limit(AT_ONCE)
        )
    )


def _anonymise(organisation_id: int, retention_mois: int, limit: datetime, found: list[int], now: datetime) -> int:
    """The people go, the figures stay: statuses and dates are kept, nobody can be recognised in them.

    Who comes back at this moment stays: once the rows are held, nobody can be given a seat under these names any more
    (`queries.usagers` holds them too), so that the second look is the one that counts.
    """
    with transaction() as session:
        session.execute(select(Usager.id).where(Usager.id.in_(found)).order_by(Usager.id).with_for_update()).all()
        ids = _forgotten(organisation_id, retention_mois, limit, among=found)
        erase(session, ids, now)
    db.session.expire_all()
    return len(ids)


def erase(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Make nobody of these people, whose rows are held: their names, contacts, keys, messages and what the journal said
    of them. Their places keep statuses and dates."""
    places = select(Participation.id).where(Participation.usager_id.in_(ids))
    session.execute(delete(UsagerCle).where(UsagerCle.usager_id.in_(ids)))
    session.execute(delete(ReponseApi).where(ReponseApi.participation_id.in_(places)))
    session.execute(delete(usager_mots).where(usager_mots.c.usager_id.in_(ids)))
    session.execute(
        update(Usager)
        .where(Usager.id.in_(ids))
        .values(**NOBODY, anonymise_le=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Participation)
        .where(Participation.usager_id.in_(ids))
        .values(**NOTHING_OWN)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(FileAttente)
        .where(FileAttente.usager_id.in_(ids))
        .values(telephone=None, courriel=None, numero_dossier=None, accompagnants=[])
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Notification)
        .where(
            or_(
                and_(Notification.destinataire_type == USAGER, Notification.destinataire_id.in_(ids)),
                and_(Notification.destinataire_type == ADRESSE, Notification.destinataire_id.in_(places)),
            )
        )
        .values(adresse="", objet="", corps="")
        .execution_options(synchronize_session=False)
    )
    forget_lines(session, places, now)


def forget_lines(session: Session, places: Any, now: datetime) -> None:
    """What the journal kept about these places. From which status to which stays as long as seats are recounted by it:
    of nobody, it tells nothing."""
    recounted = select(Rdv.id).where(Rdv.ends_at >= now - READ_BACK)
    session.execute(
        update(Journal)
        .where(
            Journal.sujet_type == "participation",
            Journal.sujet_id.in_(places),
            or_(Journal.action.not_in(MOVES), Journal.rdv_id.not_in(recounted)),
        )
        .values(details={})
        .execution_options(synchronize_session=False)
    )


def _messages(now: datetime) -> int:
    """Bodies and addresses of messages that ended more than six months ago; what became of them stays."""
    limit = now - relativedelta(months=MESSAGES_MONTHS)
    with transaction() as session:
        emptied = session.execute(
            update(Notification)
            .where(
                Notification.cree_le < limit,
                Notification.etat.not_in([EtatNotification.A_ENVOYER, EtatNotification.EN_COURS]),
                or_(Notification.corps != "", Notification.adresse != "", Notification.objet != ""),
            )
            .values(adresse="", objet="", corps="")
            .returning(Notification.id)
            .execution_options(synchronize_session=False)
        ).all()
        session.execute(delete(MessageDemo).where(MessageDemo.cree_le < limit))
        session.execute(update(Message).where(Message.cree_le < limit).values(corps=""))
        session.execute(delete(CompteurSms).where(CompteurSms.jour < (now - timedelta(days=COUNTED_DAYS)).date()))
        return len(emptied)


def _forms(now: datetime) -> int:
    """A form is not sent again days later, nor a write of the API after the day its answer is promised for. A token
    long over is no longer shown."""
    with transaction() as session:
        session.execute(delete(ReponseApi).where(ReponseApi.cree_le < now - ANSWERS_KEPT))
        limit = now - JETONS_KEPT
        session.execute(delete(Jeton).where(or_(Jeton.expire_le < limit, Jeton.revoque_le < limit)))
        old = delete(Envoi).where(Envoi.cree_le < now - timedelta(days=FORMS_DAYS)).returning(Envoi.cle)
        return len(session.execute(old).all())


def _sessions(now: datetime) -> int:
    """Sessions too old to be open, whether or not somebody logged out of them; and what was asked for to find one's
    appointments again, with what it opened."""
    with transaction() as session:
        session.execute(delete(Acces).where(Acces.cree_le < now - DEMANDS_KEPT))
        over = delete(SessionAgent).where(SessionAgent.cree_le < now - SESSION_LIFE).returning(SessionAgent.cle)
        return len(session.execute(over).all())
