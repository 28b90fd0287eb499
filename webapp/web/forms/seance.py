"""What agents fill in about a whole session: another date or place, a message to its people, a note."""

import re
from collections.abc import Sequence
from typing import Any

from wtforms import (
    DateField,
    Field,
    HiddenField,
    SelectField,
    StringField,
    TextAreaField,
    TimeField,
    URLField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length

from webapp.domain.dates import local
from webapp.domain.participation import Statut
from webapp.domain.recurrence import interval_utc
from webapp.models import Lieu, Rdv, TypeLieu
from webapp.services.ecrire import CORPS_MAX, Ecrit
from webapp.services.rdvs import NOTE_MAX, OuEtQuand

from .base import BaseForm
from .motif import answers, boxes, strip
from .plage import places

SMS, COURRIEL = "sms", "courriel"


class DeplacementForm(BaseForm):
    """Hold one session at another time or place; it opens with where and when it is."""

    connu = HiddenField()
    jour = DateField("Date", [InputRequired("Indiquez la date.")], format=["%Y-%m-%d", "%d/%m/%Y"])
    debut = TimeField("De", [InputRequired("Indiquez l’heure de début.")], format=["%H:%M", "%H:%M:%S"])
    fin = TimeField("À", [InputRequired("Indiquez l’heure de fin.")], format=["%H:%M", "%H:%M:%S"])
    endroit = SelectField("Lieu et salle")
    lien_visio = URLField(
        "Lien de la visioconférence",
        [Length(max=300, message="C’est trop long : 300 caractères au plus.")],
        filters=[strip],
    )

    def __init__(self, rdv: Rdv, *, lieux: Sequence[Lieu] = ()) -> None:
        self.timezone = rdv.organisation.timezone
        first, last = local(rdv.starts_at, self.timezone), local(rdv.ends_at, self.timezone)
        super().__init__(
            data={
                "connu": OuEtQuand.of(rdv).cle,
                "jour": first.date(),
                "debut": first.time(),
                "fin": last.time(),
                "endroit": f"s{rdv.salle_id}" if rdv.salle_id else f"l{rdv.lieu_id}" if rdv.lieu_id else "",
                "lien_visio": rdv.lien_visio,
            }
        )
        self.here = rdv
        self.rooms = {f"s{room.id}": room for lieu in lieux for room in lieu.salles}
        self.endroit.choices = answers([("", "Choisissez un lieu"), *places(lieux)])
        del self["endroit" if self.visio else "lien_visio"]

    @property
    def visio(self) -> bool:
        return self.here.motif.location_type is TypeLieu.VISIO

    def validate_fin(self, field: Field) -> None:
        """A session does not cross midnight."""
        if field.data and self.debut.data and field.data <= self.debut.data:
            raise ValidationError("L’heure de fin doit être après l’heure de début.")

    def validate_jour(self, field: Field) -> None:
        """A slip of the finger."""
        if field.data and not 2000 <= field.data.year <= 2100:
            raise ValidationError("Vérifiez l’année.")

    def validate_endroit(self, field: Field) -> None:
        """Where to come."""
        if not field.data:
            raise ValidationError("Choisissez un lieu.")

    def validate_lien_visio(self, field: Field) -> None:
        """An address people's browsers can open."""
        if not re.match(r"https?://[^\s/]+\.\S+", field.data or ""):
            raise ValidationError("Écrivez l’adresse entière, par exemple https://visio.exemple.fr/atelier")

    @property
    def place(self) -> OuEtQuand:
        """What the form says, in UTC; only after `validate()` has said yes."""
        starts, ends = interval_utc(self.jour.data, self.debut.data, self.fin.data, self.timezone)
        where = self.endroit.data if self.endroit else ""
        room = self.rooms.get(where)
        lieu_id = room.lieu_id if room else int(where[1:]) if where else None
        link = self.lien_visio.data or "" if self.lien_visio else ""
        return OuEtQuand(starts, ends, lieu_id, room.id if room else None, link)


class MessageForm(BaseForm):
    """Write to the participants of a session: to whom, by what, what."""

    statuts = boxes("À qui ?", [], coerce=str)
    canaux = boxes("Par quel moyen ?", [(SMS, "SMS"), (COURRIEL, "Courriel")], coerce=str)
    corps = TextAreaField("Votre message", filters=[strip])

    def __init__(self, present: Sequence[tuple[Statut, int]], **options: Any) -> None:
        chosen = [Statut.INSCRIT] if any(statut is Statut.INSCRIT for statut, _ in present) else []
        super().__init__(
            data={"statuts": [s.value for s in chosen], "canaux": [SMS, COURRIEL]},
            **options,
        )
        self.statuts.choices = answers((statut.value, f"{LABELS[statut]} ({count})") for statut, count in present)

    def validate_statuts(self, field: Field) -> None:
        """Somebody to write to."""
        if not field.data:
            raise ValidationError("Choisissez au moins un groupe de personnes.")

    def validate_canaux(self, field: Field) -> None:
        """Some way to write."""
        if not field.data:
            raise ValidationError("Choisissez le SMS, le courriel, ou les deux.")

    def validate_corps(self, field: Field) -> None:
        """Something to say, that can be sent."""
        if not field.data:
            raise ValidationError("Écrivez votre message.")
        if len(field.data) > CORPS_MAX:
            raise ValidationError(f"C’est trop long : {CORPS_MAX} caractères au plus.")

    @property
    def ecrit(self) -> Ecrit:
        """What is typed so far."""
        known = {statut.value for statut in Statut}
        return Ecrit(
            corps=self.corps.data or "",
            par_sms=SMS in (self.canaux.data or ()),
            par_courriel=COURRIEL in (self.canaux.data or ()),
            statuts=frozenset(Statut(value) for value in self.statuts.data or () if value in known),
        )


LABELS = {
    Statut.INSCRIT: "Inscrits",
    Statut.PRESENT: "Présents",
    Statut.ABSENT: "Absents",
    Statut.EXCUSE: "Excusés",
    Statut.ANNULE: "Retirés",
}


class NoteForm(BaseForm):
    """The agents' own words about a session."""

    note = StringField("Note", [Length(max=NOTE_MAX, message=f"C’est trop long : {NOTE_MAX} caractères au plus.")])
