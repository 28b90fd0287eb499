"""What a form asks of a session, and the first answer it got (docs/domain.md rule 19)."""

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

from sqlalchemy import select

from webapp import links
from webapp.clock import utcnow
from webapp.domain.identity import Foyer, Identity, Prescripteur
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Envoi, Participation, Rdv, Usager

from .transaction import written


@dataclass(frozen=True, slots=True)
class Booking:
    """The answer to a booking; `deja`: the person already had this seat (the page must not tell)."""

    participation_id: int
    deja: bool


@dataclass(frozen=True, slots=True)
class Demande:
    """Who asks for a seat, for whom, and by which form (`cle`)."""

    identity: Identity | None
    usager_id: int | None
    by: Acteur
    agent: Agent | None
    surbooking: bool
    prevenir: bool
    cle: str
    prescripteur: Prescripteur | None = None
    invitation_id: int | None = None
    changer: bool = False
    statut: Statut = Statut.INSCRIT

    def keys(self) -> list[str]:
        """What the person is recognised by, unless their number in the file says who they are."""
        return self.identity.keys() if self.identity is not None and self.usager_id is None else []

    def by_form_only(self) -> bool:
        """No contact, no number: nothing but the form's own id tells that it was sent already."""
        return self.usager_id is None and not self.keys()


def form_key(rdv_id: int, envoi: str, who: Identity | Foyer | None, usager_id: int | None = None) -> str:
    """The same form with the same content, for the same session: another name typed after "back" is another booking."""
    content = repr(("inscription", rdv_id, envoi, astuple(who) if who else None, usager_id))
    return hashlib.sha256(content.encode()).hexdigest()


def first_answer(cle: str) -> Booking | None:
    """What this form was answered the first time, while the seat it gave is held."""
    found = db.session.execute(
        select(Participation.id, Participation.statut)
        .join(Envoi, Envoi.participation_id == Participation.id)
        .where(Envoi.cle == cle)
    ).first()
    return Booking(found.id, deja=False) if found is not None and holds_seat(found.statut) else None


@cache
def _answers(dialect: str) -> Any:
    row = insert(Envoi.__table__, dialect)
    return row.on_conflict_do_update(index_elements=["cle"], set_={"participation_id": row.excluded.participation_id})


def remember(cle: str, participation_id: int) -> None:
    """Remember a form's answer. It may have had one already, for a seat given up since."""
    answer = {"cle": cle, "participation_id": participation_id}
    db.session.execute(_answers(db.session.get_bind().dialect.name), answer)


def new_row(rdv: Rdv, usager: Usager, demande: Demande) -> Participation:
    """The place that is asked for, in one statement, so that it has its id; the caller counts the seat."""
    now = utcnow()
    nonce, hashed = links.new_link(links.PARTICIPATION)
    identity, agent_id = demande.identity, demande.agent.id if demande.agent else None
    reader = usager.lecteur
    who = demande.prescripteur
    contact: dict[str, Any] = {"telephone": None, "courriel": None, "numero_dossier": None}
    if identity is not None:
        # A contact that differs from the file's serves this participation only; the file does not change (rule 9).
        contact = {
            "telephone": identity.telephone if identity.telephone != reader.phone else None,
            "courriel": identity.courriel if identity.courriel != reader.email else None,
            "numero_dossier": identity.numero_dossier,
        }
    # A stranger may have made the file, with a name and number that are somebody else's and an address of their own:
    # who books in public is told by what they typed, and by nothing else.
    typed_only = demande.by is not Acteur.AGENT and identity is not None
    row = Participation(
        rdv_id=rdv.id,
        usager_id=usager.id,
        statut=demande.statut,
        version=1,
        rdv_version=rdv.version,
        inscrit_le=now,
        statut_le=now,
        statut_par=demande.by,
        statut_par_agent_id=agent_id,
        origine=demande.by,
        cree_par_agent_id=agent_id,
        cree_le=now,
        lien_nonce=nonce,
        lien_hash=hashed,
        raison="",
        note="",
        avant=None,
        prevenir=demande.prevenir,
        rappeler=True,
        invitation_id=demande.invitation_id,
        refus_sms=bool(typed_only and identity and not identity.telephone and reader.phone),
        refus_courriel=bool(typed_only and identity and not identity.courriel and reader.email),
        prescripteur_nom=who.nom if who else None,
        prescripteur_structure=who.structure if who else None,
        prescripteur_courriel=who.courriel if who else None,
        **contact,
    )
    return written(row, rdv=rdv, usager=usager)
