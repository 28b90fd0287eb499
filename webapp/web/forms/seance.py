"""What agents fill in about a whole session: another date or place, a message to its people, a note."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from wtforms import (
    BooleanField,
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

from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.participation import Statut
from webapp.domain.recurrence import interval_utc
from webapp.models import Agent, Lieu, Motif, Participation, Rdv, Salle, TypeLieu
from webapp.services.ecrire import CORPS_MAX, Ecrit
from webapp.services.lieux_ponctuels import LieuPonctuel
from webapp.services.ponctuelles import RdvData
from webapp.services.rdvs import NOTE_MAX, OuEtQuand, note_cle
from webapp.services.reglages import Propres

from .base import BaseForm, again
from .lieux import at_most, tidy
from .motif import RESERVABLE_PAR, answers, boxes, strip
from .plage import PlageForm, check_agents, chosen, empty_to_none, places

SMS, COURRIEL = "sms", "courriel"
AUTRE = "autre"
TYPED = ("lieu_nom", "lieu_adresse", "lieu_code_postal", "lieu_ville")
"""Where a place is typed, in the order of `LieuPonctuel`."""


class PlaceForm(BaseForm):
    """Where and when a session is held: `motif` says whether people come or join from home."""

    jour = DateField("Date", [InputRequired("Indiquez la date.")], format=["%Y-%m-%d", "%d/%m/%Y"])
    debut = TimeField("De", [InputRequired("Indiquez l’heure de début.")], format=["%H:%M", "%H:%M:%S"])
    fin = TimeField("À", [InputRequired("Indiquez l’heure de fin.")], format=["%H:%M", "%H:%M:%S"])
    endroit = SelectField("Lieu et salle")
    lieu_nom = StringField("Nom du lieu", [at_most(120)], filters=[tidy])
    lieu_adresse = StringField("Numéro et rue", [at_most(200)], filters=[tidy])
    lieu_code_postal = StringField("Code postal", [at_most(10)], filters=[tidy])
    lieu_ville = StringField("Commune", [at_most(100)], filters=[tidy])
    lien_visio = URLField(
        "Lien de la visioconférence",
        [Length(max=300, message="C’est trop long : 300 caractères au plus.")],
        filters=[strip],
    )

    def __init__(self, motif: Motif | None, here: Rdv | None, lieux: Sequence[Lieu], **data: Any) -> None:
        self.motif = motif
        super().__init__(data={**(_place(here) if here else {}), **data})
        self.rooms = {f"s{room.id}": room for lieu in lieux for room in lieu.salles}
        self.endroit.choices = answers(
            [("", "Choisissez un lieu"), *places(lieux), (AUTRE, "Un autre lieu, pour cette séance seulement")]
        )
        for name in ("endroit", *TYPED) if self.visio else ("lien_visio",):
            del self[name]

    @property
    def visio(self) -> bool:
        return self.motif is not None and self.motif.location_type is TypeLieu.VISIO

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
        if self.motif is not None and not field.data:
            raise ValidationError("Choisissez un lieu.")

    def validate_lieu_nom(self, field: Field) -> None:
        """People look for a name on a door."""
        if self.endroit.data == AUTRE and not field.data:
            raise ValidationError("Donnez un nom au lieu.")

    def validate_lieu_ville(self, field: Field) -> None:
        """And must find the door."""
        if self.endroit.data == AUTRE and not field.data:
            raise ValidationError("Indiquez la commune.")

    def validate_lien_visio(self, field: Field) -> None:
        """An address people's browsers can open."""
        if not re.match(r"https?://[^\s/]+\.\S+", field.data or ""):
            raise ValidationError("Écrivez l’adresse entière, par exemple https://visio.exemple.fr/atelier")

    @property
    def place(self) -> OuEtQuand:
        """What the form says, in UTC; only after `validate()` has said yes."""
        assert self.motif is not None
        tz = self.motif.organisation.timezone
        starts, ends = interval_utc(self.jour.data, self.debut.data, self.fin.data, tz)
        where = self.endroit.data if self.endroit and self.endroit.data != AUTRE else ""
        room = self.rooms.get(where)
        lieu_id = room.lieu_id if room else int(where[1:]) if where else None
        link = self.lien_visio.data or "" if self.lien_visio else ""
        return OuEtQuand(starts, ends, lieu_id, room.id if room else None, link)

    @property
    def autre(self) -> LieuPonctuel | None:
        """The place typed for this session alone, if that is what is chosen."""
        if not self.endroit or self.endroit.data != AUTRE:
            return None
        return LieuPonctuel(*(self[name].data or "" for name in TYPED))

    @property
    def salle(self) -> Salle | None:
        """The room that is chosen."""
        return self.rooms.get(self.endroit.data or "") if self.endroit else None


def _place(rdv: Rdv) -> dict[str, Any]:
    """Where and when a session is, as the form shows it."""
    tz = rdv.organisation.timezone
    first, last = local(rdv.starts_at, tz), local(rdv.ends_at, tz)
    return {
        "jour": first.date(),
        "debut": first.time(),
        "fin": last.time(),
        "endroit": f"s{rdv.salle_id}" if rdv.salle_id else f"l{rdv.lieu_id}" if rdv.lieu_id else "",
        "lien_visio": rdv.lien_visio,
    }


class DeplacementForm(PlaceForm):
    """Hold one session at another time or place; it opens with where and when it is. `connu` and `montre` are what it
    showed: to find out whether it changed meanwhile, and what of it the agent changed."""

    connu = HiddenField()
    montre = HiddenField()
    adapter = BooleanField("Prendre aussi le nombre de places de la nouvelle salle")

    def __init__(self, rdv: Rdv, *, lieux: Sequence[Lieu] = ()) -> None:
        super().__init__(rdv.motif, rdv, lieux, connu=OuEtQuand.of(rdv).cle, montre=_shown(_place(rdv)))
        self.here = rdv.salle_id
        if self.visio or rdv.capacite_max is None or not any(room.capacite for room in self.rooms.values()):
            del self["adapter"]

    @property
    def places(self) -> int | None:
        """The seats of the room that is newly chosen, when they are to be the session's."""
        room = self.salle
        asked = self.adapter is not None and self.adapter.data
        return room.capacite if asked and room is not None and room.id != self.here else None

    def catch_up(self, rdv: Rdv) -> None:
        """The session changed meanwhile: what the agent had not touched says how it is now, the rest what was typed."""
        now = _place(rdv)
        before = dict(parse_qsl(self.montre.data or ""))
        for name, value in now.items():
            if name in self and str(self[name].data or "") == before.get(name, ""):
                self[name].data, self[name].raw_data = value, None
        self.connu.data, self.montre.data = OuEtQuand.of(rdv).cle, _shown(now)


def _shown(place: dict[str, Any]) -> str:
    """jour=2026-03-03&debut=14:00:00…: what the form shows, as it can come back with it."""
    return urlencode({name: str(value or "") for name, value in place.items()})


class PonctuelleForm(PlaceForm):
    """Hold a session on its own, without a plage; `copy` is the one it takes after, but for its people and its day."""

    motif_id = SelectField("Motif collectif", coerce=empty_to_none)
    intitule = StringField(
        "Titre de cette séance", [Length(max=120, message="120 caractères au plus.")], filters=[strip]
    )
    agent_ids = again(PlageForm.agent_ids)
    capacite_max = again(PlageForm.capacite_max)
    reservable_par = again(PlageForm.reservable_par)
    nom_sms = again(PlageForm.nom_sms)
    instructions_avant = again(PlageForm.instructions_avant)
    instructions_apres = again(PlageForm.instructions_apres)

    def __init__(
        self,
        *,
        motif: Motif | None,
        motifs: Sequence[Motif],
        agents: Sequence[Agent],
        lieux: Sequence[Lieu],
        holder: int,
        copy: Rdv | None = None,
        day: date | None = None,
    ) -> None:
        saved: dict[str, Any] = {"motif_id": motif and motif.id, "agent_ids": [holder], "jour": day}
        if copy is not None:
            saved |= {
                "intitule": copy.intitule,
                "agent_ids": [agent.id for agent in copy.agents] or [holder],
                "capacite_max": copy.capacite_propre,
                "reservable_par": copy.reservable_par or "",
                **{name: getattr(copy, name) for name in ("nom_sms", "instructions_avant", "instructions_apres")},
                **_typed(copy.lieu),
            }
        super().__init__(motif, copy, lieux, **saved)
        self.team, self.holder = agents, holder
        self.agent_ids.choices = answers((agent.id, agent.nom_complet) for agent in agents)
        if not self.is_submitted():
            self.propose_agents()
        self.motif_id.choices = answers(
            [("", "Choisissez un motif"), *((m.id, f"{m.name} ({m.service.name})") for m in motifs)]
        )

    @property
    def agents(self) -> list[Agent]:
        """Those chosen so far."""
        return chosen(self.team, self.agent_ids.data)

    def propose_agents(self) -> None:
        """The motif was just chosen: those ticked who work in its service, or who fills the form in."""
        known = self.agents or chosen(self.team, [self.holder])
        self.agent_ids.data = [agent.id for agent in known]

    def validate_motif_id(self, field: Field) -> None:
        """Without a motif there is nothing to hold."""
        if field.data is None:
            raise ValidationError("Choisissez un motif.")
        if len(field.raw_data or ()) > 1:
            raise ValidationError("Une séance collective a un seul motif : choisissez-en un.")

    def validate_agent_ids(self, field: Field) -> None:
        """A session has somebody to hold it."""
        check_agents(field, self.motif, self.team)

    def validate_capacite_max(self, field: Field) -> None:
        """People book it, so somebody says how many."""
        who = self.reservable_par.data or (self.motif.reservable_par if self.motif else "")
        if self.motif and not field.data and not self.motif.capacite_max and who != ReservablePar.ENTREE_LIBRE:
            raise ValidationError("Indiquez une capacité : le motif n’en donne pas.")

    @property
    def rdv_data(self) -> RdvData:
        """What the form says; only after `validate()` has said yes."""
        assert self.motif is not None
        return RdvData(
            motif_id=self.motif.id,
            place=self.place,
            agent_ids=tuple(self.agent_ids.data or ()),
            intitule=self.intitule.data or "",
            capacite_max=self.capacite_max.data,
            reservable_par=ReservablePar(self.reservable_par.data) if self.reservable_par.data else None,
            instructions_avant=self.instructions_avant.data or None,
            instructions_apres=self.instructions_apres.data or None,
            nom_sms=self.nom_sms.data or None,
            autre=self.autre,
        )


def _typed(lieu: Lieu | None) -> dict[str, str]:
    """A place typed for another session, as it can be typed again."""
    if lieu is None or not lieu.ponctuel:
        return {}
    known = (lieu.name, lieu.address, lieu.postal_code, lieu.city)
    return {"endroit": AUTRE, **dict(zip(TYPED, known, strict=True))}


class ReglagesForm(BaseForm):
    """What one session says for itself; an empty field inherits. `connu` tells which settings the page showed."""

    connu = HiddenField()
    intitule = again(PonctuelleForm.intitule)
    capacite_max = again(PlageForm.capacite_max)
    reservable_par = SelectField(
        "Qui peut réserver ?",
        choices=answers(
            [("", "Comme la plage ou le motif"), *((who.value, label) for who, label in RESERVABLE_PAR.items())]
        ),
    )
    nom_sms = again(PlageForm.nom_sms)
    instructions_avant = again(PlageForm.instructions_avant)
    instructions_apres = again(PlageForm.instructions_apres)

    def __init__(self, rdv: Rdv) -> None:
        own = Propres.of(rdv)
        super().__init__(
            obj=own,
            data={"capacite_max": own.capacite_propre, "reservable_par": own.reservable_par or "", "connu": own.cle},
        )
        self.salle = rdv.salle

    @property
    def propres(self) -> Propres:
        """What the form says; only after `validate()` has said yes."""
        return Propres(
            intitule=self.intitule.data or "",
            capacite_propre=self.capacite_max.data,
            reservable_par=ReservablePar(self.reservable_par.data) if self.reservable_par.data else None,
            nom_sms=self.nom_sms.data or None,
            instructions_avant=self.instructions_avant.data or None,
            instructions_apres=self.instructions_apres.data or None,
        )


class AnimationForm(BaseForm):
    """Who holds one session; `connu` tells which agents the page showed."""

    connu = HiddenField()
    agent_ids = again(PlageForm.agent_ids)

    def __init__(self, rdv: Rdv, team: Sequence[Agent], connu: str) -> None:
        super().__init__(data={"agent_ids": [agent.id for agent in rdv.agents], "connu": connu})
        self.motif, self.team = rdv.motif, team
        self.agent_ids.choices = answers((agent.id, agent.nom_complet) for agent in team)

    def validate_agent_ids(self, field: Field) -> None:
        """A session has somebody to hold it."""
        check_agents(field, self.motif, self.team)


class MessageForm(BaseForm):
    """Write to the participants of a session: to whom, by what, what."""

    statuts = boxes("À qui ?", [], coerce=str)
    canaux = boxes("Par quel moyen ?", [(SMS, "SMS"), (COURRIEL, "Courriel")], coerce=str)
    corps = TextAreaField("Votre message", filters=[strip])

    def __init__(self, present: Sequence[tuple[Statut, int]], **options: Any) -> None:
        there = [statut for statut, _ in present]
        chosen = [Statut.INSCRIT] if Statut.INSCRIT in there else there if len(there) == 1 else []
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
    """The agents' own words about a session; `connu` tells which note the page showed."""

    connu = HiddenField()
    note = TextAreaField(
        "Note pour les agents", [Length(max=NOTE_MAX, message=f"C’est trop long : {NOTE_MAX} caractères au plus.")]
    )


class NotePersonneForm(BaseForm):
    """What is useful at the door about one person, as `NoteForm` for a session."""

    connu = HiddenField()
    note = TextAreaField("Note", [Length(max=NOTE_MAX, message=f"C’est trop long : {NOTE_MAX} caractères au plus.")])

    def __init__(self, place: Participation, **options: Any) -> None:
        super().__init__(data={"note": place.note, "connu": note_cle(place.note)}, **options)
        self.note.id = f"note-de-{place.id}"  # several may be open on one sheet
