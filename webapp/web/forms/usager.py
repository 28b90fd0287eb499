"""What agents say of a person: their file, a relative, why a file goes."""

from typing import Any

from wtforms import BooleanField, HiddenField, RadioField
from wtforms.validators import InputRequired

from webapp.models import Usager
from webapp.services.fiches import cle
from webapp.services.fin_de_fiche import Proches, Raison

from .base import BaseForm
from .lieux import phone_shown
from .motif import answers
from .personne import QuelquUn

COLUMNS = {
    "prenom": "first_name",
    "nom": "last_name",
    "date_naissance": "birth_date",
    "telephone": "phone",
    "courriel": "email",
    "numero_dossier": "numero_dossier",
}
"""Field → column of the file."""


class PersonneForm(QuelquUn):
    """Somebody new. `quand_meme`: those who look like them have been seen."""

    quand_meme = HiddenField()


class ProcheForm(PersonneForm):
    """Somebody whose messages another person reads: no contact of their own."""

    telephone = courriel = None


class FicheForm(PersonneForm):
    """Correct a file. Who has a responsable has no contact to change; a number kept before its country was known stays
    as it is while it is not touched."""

    connu = HiddenField()
    sms = BooleanField("Accepte les SMS")
    courriels = BooleanField("Accepte les courriels")

    def __init__(self, usager: Usager, timezone: str) -> None:
        born = usager.birth_date
        super().__init__(
            timezone,
            data={
                **{name: getattr(usager, column) for name, column in COLUMNS.items()},
                "date_naissance": born.strftime("%d/%m/%Y") if born else "",
                "telephone": phone_shown(usager.phone, timezone) if usager.phone else "",
                "sms": usager.notify_by_sms,
                "courriels": usager.notify_by_email,
                "connu": cle(usager),
            },
        )
        if usager.responsable_id is not None:
            for name in ("telephone", "courriel", "sms", "courriels"):
                del self[name]

    def values(self) -> dict[str, Any]:
        """Column → value, once valid."""
        found: dict[str, Any] = {column: self.said[name] for name, column in COLUMNS.items() if name in self}
        if "sms" in self:
            found |= {"notify_by_sms": self.sms.data, "notify_by_email": self.courriels.data}
        return found


class SuppressionForm(BaseForm):
    """Erase a file: why, and what becomes of those whose messages the person reads."""

    raison = RadioField(
        "Pourquoi ?",
        [InputRequired("Dites pourquoi cette fiche est supprimée.")],
        choices=answers((one.value, one.label) for one in Raison),
    )
    proches = RadioField(
        "Que deviennent ses proches ?",
        [InputRequired("Dites ce que deviennent ses proches.")],
        choices=[
            (
                Proches.DETACHER.value,
                "Garder leurs fiches : plus personne ne lira leurs messages, ils seront à appeler",
            ),
            (Proches.SUPPRIMER.value, "Supprimer aussi leurs fiches"),
        ],
    )

    def __init__(self, *, proches: bool) -> None:
        super().__init__()
        if not proches:
            del self.proches

    @property
    def why(self) -> Raison:
        return Raison(self.raison.data)

    @property
    def relatives(self) -> Proches | None:
        return Proches(self.proches.data) if "proches" in self else None
