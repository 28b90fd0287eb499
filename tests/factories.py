"""Rows for tests, with sensible defaults: give only what the test is about. Each is added, flushed and returned."""

import itertools
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from argon2 import PasswordHasher

from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.contacts import identity_keys
from webapp.domain.droits import PAR_JETON, PRESETS, PRESETS_TOUS_SERVICES, Droit
from webapp.domain.invitations import LIFE
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.domain.webhooks import CHOISIS
from webapp.extensions import db
from webapp.models import (
    Absence,
    Agent,
    DroitAgent,
    EtatEnvoi,
    Export,
    FileAttente,
    FormatExport,
    GenreExport,
    Invitation,
    Jeton,
    Lieu,
    Motif,
    Organisation,
    Participation,
    PlageOuverture,
    Rdv,
    Salle,
    Service,
    Usager,
    UsagerCle,
    Webhook,
    WebhookEnvoi,
    usager_organisations,
)
from webapp.queries.exports import Choix
from webapp.services.jetons import fingerprint, new_token
from webapp.services.rdvs import effective_capacity
from webapp.services.usagers import index, search_text
from webapp.services.webhook_outbox import promise

PASSWORD = "un mot de passe de test"
# Argon2id with the cheapest parameters (what is slow by design slows no test), and PASSWORD hashed by it.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD_HASH = CHEAP.hash(PASSWORD)
_number = itertools.count(1)


def _add(row: Any) -> Any:
    db.session.add(row)
    db.session.flush()
    return row


def organisation(**fields: Any) -> Organisation:
    n = next(_number)
    defaults = {
        "name": f"Maison des solidarités {n}",
        "slug": f"mds-{n}",
        "phone": "+33475990100",
        "email": f"contact{n}@mds.exemple.fr",
        "sms_sender": "MDS",
        "secondes_formulaire": 0,  # tests are quicker than people
    }
    return _add(Organisation(**{**defaults, **fields}))  # type: ignore[no-any-return]


def service(org: Organisation | None = None, **fields: Any) -> Service:
    org = org or organisation()
    defaults = {"organisation_id": org.id, "name": "Service insertion", "short_name": "Insertion"}
    return _add(Service(**{**defaults, **fields}))  # type: ignore[no-any-return]


def lieu(org: Organisation, **fields: Any) -> Lieu:
    defaults = {
        "organisation_id": org.id,
        "name": "Maison des solidarités",
        "address": "3 rue des Lilas",
        "postal_code": "26990",
        "city": "Valmont",
        "pmr": "accessible en fauteuil",
    }
    return _add(Lieu(**{**defaults, **fields}))  # type: ignore[no-any-return]


def salle(where: Lieu, **fields: Any) -> Salle:
    return _add(Salle(**{"lieu_id": where.id, "name": "Salle Simone-Veil", "capacite": 16, **fields}))  # type: ignore[no-any-return]


def motif(of: Service | None = None, **fields: Any) -> Motif:
    of = of or service()
    defaults = {
        "organisation_id": of.organisation_id,
        "service_id": of.id,
        "name": "Mes droits au RSA",
        "capacite_max": 12,
    }
    return _add(Motif(**{**defaults, **fields}))  # type: ignore[no-any-return]


def agent(of: Service, preset: str = "agent", **fields: Any) -> Agent:
    """An agent of that service with a preset's rights, and PASSWORD as password."""
    n = next(_number)
    scope = None if preset in PRESETS_TOUS_SERVICES else of.id
    defaults: dict[str, Any] = {
        "organisation_id": of.organisation_id,
        "email": f"agent{n}@mds.exemple.fr",
        "first_name": "Nadia",
        "last_name": f"Kaci{n}",
        "password_hash": PASSWORD_HASH,
        "services": [of],
        "droits": [
            DroitAgent(organisation_id=of.organisation_id, service_id=scope, droit=droit)
            for droit in sorted(PRESETS[preset])
        ],
    }
    return _add(Agent(**{**defaults, **fields}))  # type: ignore[no-any-return]


def plage(of: Motif, agents: list[Agent], **fields: Any) -> PlageOuverture:
    """A single day in ten days' time, 14:00 to 16:00, without its sessions (services/plages makes them)."""
    defaults = {
        "organisation_id": of.organisation_id,
        "motif": of,
        "agents": agents,
        "first_day": (utcnow() + timedelta(days=10)).date(),
        "start_time": time(14),
        "end_time": time(16),
    }
    return _add(PlageOuverture(**{**defaults, **fields}))  # type: ignore[no-any-return]


def webhook(org: Organisation, **fields: Any) -> Webhook:
    """A program that is told everything, at an address that leads nowhere."""
    defaults = {
        "organisation_id": org.id,
        "url": "https://recoit.invalid/rdv",
        "description": "Logiciel métier",
        "evenements": [one.value for one in CHOISIS],
        "cle": f"webhook-{next(_number)}",
    }
    org.webhooks_actifs = True
    return _add(Webhook(**{**defaults, **fields}))  # type: ignore[no-any-return]


def webhook_envoi(to: Webhook, **fields: Any) -> WebhookEnvoi:
    """Something told to it, that it did not take."""
    row = promise(to, CHOISIS[0], {"rdv": {"id": 1}})
    return _add(WebhookEnvoi(**{**row, "etat": EtatEnvoi.ECHEC, **fields}))  # type: ignore[no-any-return]


def absence(of: Agent, **fields: Any) -> Absence:
    """That agent is away in ten days' time, the whole day."""
    day = (utcnow() + timedelta(days=10)).date()
    defaults = {"organisation_id": of.organisation_id, "agent": of, "first_day": day, "last_day": day}
    return _add(Absence(**{**defaults, **fields}))  # type: ignore[no-any-return]


def rdv(of: Motif | None = None, *, starts_at: datetime | None = None, hours: float = 2, **fields: Any) -> Rdv:
    """A session in ten days' time, open as its motif says, with nobody in it."""
    of = of or motif()
    starts = starts_at or (utcnow() + timedelta(days=10)).replace(minute=0, second=0, microsecond=0)
    row = Rdv(
        **{
            "organisation_id": of.organisation_id,
            "motif": of,
            "starts_at": starts,
            "ends_at": starts + timedelta(hours=hours),
            **fields,
        }
    )
    db.session.add(row)
    row.capacite_max = effective_capacity(row)
    db.session.flush()
    return row


def usager(org: Organisation | int, **fields: Any) -> Usager:
    """A person the organisation knows, with a mobile and no e-mail, and the keys that go with it."""
    organisation_id = org if isinstance(org, int) else org.id
    n = next(_number)
    defaults: dict[str, Any] = {"first_name": "Yasmina", "last_name": f"Amrani{n}", "phone": f"+3363998{n % 10000:04d}"}
    row = Usager(**{**defaults, **fields})
    row.recherche = search_text(row)
    _add(row)
    db.session.execute(usager_organisations.insert().values(usager_id=row.id, organisation_id=organisation_id))
    index(organisation_id, row)
    for key in identity_keys(row.first_name, row.last_name, None, row.phone, row.email):
        db.session.add(UsagerCle(organisation_id=organisation_id, cle=key, usager_id=row.id))
    db.session.flush()
    return row


def participation(of: Rdv, who: Usager | None = None, statut: Statut = Statut.INSCRIT, **fields: Any) -> Participation:
    """A seat booked online an hour ago, or whatever became of it; the session's counter follows."""
    nonce, hashed = links.new_link(links.PARTICIPATION)
    booked = utcnow() - timedelta(hours=1)
    defaults: dict[str, Any] = {
        "rdv": of,
        "usager": who or usager(of.organisation_id),
        "statut": statut,
        "inscrit_le": booked,
        "statut_le": booked,
        "statut_par": Acteur.USAGER,
        "origine": Acteur.USAGER,
        "lien_nonce": nonce,
        "lien_hash": hashed,
    }
    row = _add(Participation(**{**defaults, **fields}))
    of.places_prises += row.occupe
    db.session.flush()
    return row  # type: ignore[no-any-return]


def attente(
    of: Rdv, who: Usager | None = None, etat: EtatAttente = EtatAttente.EN_ATTENTE, **fields: Any
) -> FileAttente:
    """Somebody who waits for one seat since an hour ago, or what became of it; the session's counters follow."""
    nonce, hashed = links.new_link(links.ATTENTE)
    joined = utcnow() - timedelta(hours=1)
    proposed = etat is EtatAttente.PROPOSEE
    defaults: dict[str, Any] = {
        "rdv": of,
        "usager": who or usager(of.organisation_id),
        "etat": etat,
        "rang": next(_number),
        "inscrit_le": joined,
        "etat_le": joined,
        "etat_par": Acteur.USAGER,
        "jusqua": utcnow() + timedelta(days=1) if proposed else None,
        "rdv_version": of.version,
        "lien_nonce": nonce,
        "lien_hash": hashed,
    }
    row = _add(FileAttente(**{**defaults, **fields}))
    of.places_attente += row.places * row.attend
    of.places_proposees += row.places * proposed
    db.session.flush()
    return row  # type: ignore[no-any-return]


def invitation(of: Motif, who: Usager | None = None, **fields: Any) -> Invitation:
    """Somebody invited an hour ago by an agent of the motif's service, who did not open it yet."""
    nonce, hashed = links.new_link(links.INVITATION)
    sent = fields.get("envoyee_le") or utcnow() - timedelta(hours=1)
    defaults: dict[str, Any] = {
        "organisation_id": of.organisation_id,
        "motif": of,
        "usager": who or usager(of.organisation_id),
        "agent": fields.get("agent") or agent(of.service),
        "envoyee_le": sent,
        "expire_le": sent + LIFE,
        "lien_nonce": nonce,
        "lien_hash": hashed,
    }
    return _add(Invitation(**{**defaults, **fields}))  # type: ignore[no-any-return]


def export(of: Agent, **fields: Any) -> Export:
    """A file of sessions that agent asked for."""
    asked = {"genre": GenreExport.ACCUEIL, "format": FormatExport.CSV, "choix": Choix().kept(), "total": 1}
    owner = {"organisation_id": of.organisation_id, "agent_id": of.id, "cle": f"export-{next(_number)}"}
    return _add(Export(**{**asked, **owner, **fields}))  # type: ignore[no-any-return]


def jeton(
    of: Agent, droits: Iterable[Droit] = PAR_JETON, service: int | None = None, **fields: Any
) -> tuple[Jeton, str]:
    """A token in that agent's name with these rights, in that service or everywhere; and its text."""
    text = new_token()
    defaults: dict[str, Any] = {
        "organisation_id": of.organisation_id,
        "agent": of,
        "nom": "Logiciel d’accueil",
        "cle": fingerprint(f"jeton {next(_number)}"),
        "empreinte": fingerprint(text),
        "repere": text[-4:],
        "droits": [[service, droit.value] for droit in droits],
        "expire_le": utcnow() + timedelta(days=30),
    }
    return _add(Jeton(**{**defaults, **fields})), text


def full(of: Rdv) -> Rdv:
    """Take every seat that is left."""
    for _ in range((of.capacite_max or 0) - of.places_prises):
        participation(of)
    return of


__all__ = [
    "PASSWORD",
    "ReservablePar",
    "absence",
    "agent",
    "attente",
    "full",
    "invitation",
    "jeton",
    "lieu",
    "motif",
    "organisation",
    "participation",
    "plage",
    "rdv",
    "salle",
    "service",
    "usager",
]
