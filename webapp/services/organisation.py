"""What an organisation says of itself and decides for all its sessions."""

from typing import Any

from sqlalchemy import func, select

from webapp.clock import utcnow
from webapp.domain.contrast import accent_ok
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Refus
from webapp.extensions import db
from webapp.models import Agent, Organisation, Rdv

from . import journal
from .droits import require
from .transaction import transaction

EDITABLE = (
    "name", "timezone", "phone", "phone_hours", "email", "colour", "retention_mois", "surbooking_autorise",
    "seances_par_contact", "envois_par_contact", "envois_par_adresse", "secondes_formulaire", "mentions",
    "second_facteur_obligatoire",
)  # fmt: skip
"""How messages leave is `preferences.REGLAGES`."""
FUSEAUX = {
    "Europe/Paris": "France métropolitaine (Paris)",
    "America/Guadeloupe": "Guadeloupe",
    "America/Martinique": "Martinique",
    "America/Cayenne": "Guyane",
    "Indian/Reunion": "La Réunion",
    "Indian/Mayotte": "Mayotte",
    "America/Miquelon": "Saint-Pierre-et-Miquelon",
    "America/St_Barthelemy": "Saint-Barthélemy",
    "America/Marigot": "Saint-Martin",
    "Pacific/Noumea": "Nouvelle-Calédonie",
    "Pacific/Tahiti": "Polynésie française (îles de la Société)",
    "Pacific/Marquesas": "Polynésie française (îles Marquises)",
    "Pacific/Gambier": "Polynésie française (îles Gambier)",
    "Pacific/Wallis": "Wallis-et-Futuna",
}
"""Time zone → where its hour is the legal one."""
RETENTION_MAX = 120
LIMITES = {
    "seances_par_contact": (0, 100),
    "envois_par_contact": (1, 1000),
    "envois_par_adresse": (5, 1000),
    "secondes_formulaire": (0, 10),
}
"""What public forms bear: setting → least and most."""


def save_organisation(organisation_id: int, data: dict[str, Any], agent: Agent) -> bool:
    """Change what an organisation says and decides; the journal says what changed, from what to what. Answers whether
    anything did.

    Raises `Refus` with the reason: another time zone while sessions are coming would move their hours.
    """
    unknown = set(data) - set(EDITABLE)
    if unknown:
        raise ValueError(f"not settings of an organisation: {sorted(unknown)}")
    with transaction():
        found = locked_organisation(organisation_id)
        require(agent, Droit.CONFIGURER_ORGANISATION, found)
        if data.get("timezone", found.timezone) != found.timezone:
            if data["timezone"] not in FUSEAUX:
                raise Refus("Choisissez un des fuseaux horaires proposés.")
            if count := coming_count(found.id):
                raise Refus(why_timezone_stays(count))
        changed = set_fields(found, data)
        _check(found)
        if changed:
            db.session.flush()
            journal.note(found.id, "organisation_modifiee", found, agent=agent, changements=changed)
        return bool(changed)


def locked_organisation(organisation_id: int) -> Organisation:
    """The organisation's row, for us alone: what is unique inside it is compared under this lock."""
    found = db.session.get(Organisation, organisation_id, populate_existing=True, with_for_update={"key_share": True})
    if found is None:
        raise Introuvable
    return found


def coming_count(organisation_id: int) -> int:
    """Sessions that are not over nor cancelled: their hours are the time zone's."""
    return (
        db.session.scalar(
            select(func.count()).where(
                Rdv.organisation_id == organisation_id, Rdv.ends_at > utcnow(), Rdv.cancelled_at.is_(None)
            )
        )
        or 0
    )


def why_timezone_stays(count: int) -> str:
    """The reason, for who asks for another time zone and for who reads the page before."""
    which = f"{count} séances sont prévues : leurs heures" if count > 1 else "Une séance est prévue : son heure"
    return f"{which} ne seraient plus celles annoncées. Le fuseau ne change que lorsque aucune séance n’est à venir."


def set_fields(row: Any, wanted: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Set these fields; what changed, from what to what."""
    changed = {
        name: {"de": getattr(row, name), "a": value} for name, value in wanted.items() if getattr(row, name) != value
    }
    for name in changed:
        setattr(row, name, wanted[name])
    return changed


def _check(found: Organisation) -> None:
    """Raise `Refus` when the settings don't hold together."""
    if not found.name:
        raise Refus("Donnez un nom à l’organisation.")
    if not accent_ok(found.colour):
        raise Refus("Cette couleur est trop claire : un texte blanc n’y serait pas lisible.")
    if not 1 <= found.retention_mois <= RETENTION_MAX:
        raise Refus(f"Gardez les données entre 1 et {RETENTION_MAX} mois.")
    for name, (least, most) in LIMITES.items():
        if not least <= getattr(found, name) <= most:
            raise Refus(f"Une des limites des formulaires publics n’est pas possible : de {least} à {most}.")
