"""What messages say about a session: one plain value, made from the session or from a sample.

The name shown is the motif's, by channel, or the organisation's neutral words (`docs/notifications.md`, Names).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from webapp.domain import dates, phones, sms
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.contacts import clean_name
from webapp.domain.dates import local
from webapp.domain.settings import nom_sms, resolve
from webapp.links import address
from webapp.models import Discretion, Rdv, TypeLieu

NOM_NEUTRE = "rendez-vous à la Maison des solidarités"
SHORT_PLACE = 22
SUBJECT_NAME = 110
"""Characters of a name in a subject; the session's own title is cut before the name."""


@dataclass(frozen=True, slots=True)
class Emetteur:
    """The organisation as its messages show it."""

    nom: str
    telephone: str
    horaires: str
    courriel: str
    sms: str
    couleur: str
    fuseau: str
    slug: str

    @classmethod
    def of(cls, organisation: Any) -> "Emetteur":
        """From the organisation's row."""
        region = phones.region_of_timezone(organisation.timezone)
        phone = organisation.phone or ""
        return cls(
            nom=clean_name(organisation.name),
            telephone=phones.national(phone, region) if phone.startswith("+") else phone,
            horaires=organisation.phone_hours or "",
            courriel=organisation.email or "",
            sms=organisation.sms_sender or "",
            couleur=organisation.colour or "#0b5f63",
            fuseau=organisation.timezone,
            slug=organisation.slug,
        )


@dataclass(frozen=True, slots=True)
class Seance:
    """One session in words. `nom` is for e-mail, `nom_sms` for texts, `nom_agent` for the agents' own mails; `neutre`
    hides what the session is about, its instructions and title included."""

    id: int
    version: int
    neutre: bool
    nom: str
    nom_sms: str
    nom_agent: str
    intitule: str
    intitule_agent: str
    debut: datetime
    fin: datetime
    fuseau: str
    lieu: str
    adresse: str
    salle: str
    pmr: str
    telephone_lieu: str
    visio: bool
    lien_visio: str
    instructions: str
    avertissement: str
    raison: str
    annulee: bool
    autres: str
    """Address of the other sessions of this motif; empty when naming them is not for everybody."""
    gauge: str = ""
    minimum: int | None = None

    @property
    def quand(self) -> str:
        """mardi 3 mars 2026 à 14 h."""
        return dates.long_moment(self.debut, self.fuseau)

    @property
    def jour(self) -> str:
        """mardi 3 mars 2026."""
        return dates.long_date(self.debut, self.fuseau)

    @property
    def horaires(self) -> str:
        """14 h à 16 h."""
        return dates.span(self.debut, self.fin, self.fuseau)

    @property
    def quand_sms(self) -> str:
        """mar. 3 mars à 14h."""
        return dates.sms_moment(self.debut, self.fuseau)

    @property
    def rappel(self) -> str:
        """jeudi 26 novembre à 9 h: near enough for the year to go without saying."""
        return f"{dates.weekday_date(self.debut, self.fuseau)} à {dates.hour(self.debut, self.fuseau)}"

    @property
    def fin_sms(self) -> str:
        """16h30."""
        return dates.sms_moment(self.fin, self.fuseau).rpartition(" ")[2]

    @property
    def ou_sms(self) -> str:
        return "en visio" if self.visio else self.lieu

    @property
    def nom_complet(self) -> str:
        """The name, then the session's title, which is cut first."""
        return _with_title(self.nom, self.intitule)

    @property
    def nom_complet_agent(self) -> str:
        return _with_title(self.nom_agent, self.intitule_agent)


def _with_title(name: str, title: str) -> str:
    full = f"{name} – {title}" if title else name
    if len(full) <= SUBJECT_NAME:
        return full
    kept = SUBJECT_NAME - len(name) - 4
    return f"{name} – {title[:kept].rstrip()}…" if title and kept > 10 else _cut(name, SUBJECT_NAME)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def discreet(motif: Any) -> bool:
    """Whether messages about this motif say nothing of what it is."""
    return motif.discretion is Discretion.NEUTRE or (motif.visibilite or Visibilite.VISIBLE_NOTIFIE) is not (
        Visibilite.VISIBLE_NOTIFIE
    )


def of_rdv(rdv: Rdv) -> Seance:
    """The session as it stands now."""
    motif, plage, lieu, organisation = rdv.motif, rdv.plage_ouverture, rdv.lieu, rdv.organisation
    neutral = discreet(motif)
    neutral_name = clean_name(organisation.nom_neutre or NOM_NEUTRE)
    levels = {"rdv": rdv, "plage": plage, "motif": motif}
    public = resolve("reservable_par", **levels).valeur is ReservablePar.TOUS and not neutral
    return Seance(
        id=rdv.id,
        version=rdv.version,
        neutre=neutral,
        nom=neutral_name if neutral else clean_name(motif.nom_courriel or motif.name),
        nom_sms=neutral_name if neutral else clean_name(nom_sms(**levels)),
        nom_agent=clean_name(motif.name),
        intitule="" if neutral else clean_name(rdv.intitule),
        intitule_agent=clean_name(rdv.intitule),
        debut=rdv.starts_at,
        fin=rdv.ends_at,
        fuseau=organisation.timezone,
        lieu=clean_name(lieu.name) if lieu else "",
        adresse=clean_name(lieu.adresse_complete) if lieu else "",
        salle=clean_name(rdv.salle.name) if rdv.salle else "",
        pmr=clean_name(lieu.pmr) if lieu else "",
        telephone_lieu=lieu.phone if lieu else "",
        visio=motif.location_type is TypeLieu.VISIO,
        lien_visio=resolve("lien_visio", **levels).valeur or "",
        instructions="" if neutral else str(resolve("instructions_apres", **levels).valeur or ""),
        avertissement="" if neutral else motif.avertissement_annulation or "",
        raison="" if neutral else clean_name(rdv.cancelled_reason).rstrip(" ."),
        annulee=rdv.cancelled_at is not None,
        autres=address(f"/o/{organisation.slug}/motifs/{motif.id}") if public else "",
        gauge=rdv.jauge().phrase_agent,
        minimum=motif.capacite_min,
    )


def ou_et_quand(rdv: Rdv) -> dict[str, str]:
    """Where and when the session is, in words that can be kept: what a change is told from."""
    return {
        "debut": rdv.starts_at.isoformat(),
        "fin": rdv.ends_at.isoformat(),
        "lieu": clean_name(rdv.lieu.name) if rdv.lieu else "",
        "adresse": clean_name(rdv.lieu.adresse_complete) if rdv.lieu else "",
        "salle": clean_name(rdv.salle.name) if rdv.salle else "",
        "lien_visio": rdv.lien_visio,
    }


@dataclass(frozen=True, slots=True)
class Changement:
    """What a session was before it changed, and what of it did. `seance` is the session as it is now."""

    avant: Seance
    seance: Seance

    @classmethod
    def of(cls, seance: Seance, kept: Mapping[str, str]) -> "Changement":
        """From what `ou_et_quand` said before."""
        debut, fin = (datetime.fromisoformat(kept[name]) for name in ("debut", "fin"))
        words = {name: kept[name] for name in ("lieu", "adresse", "salle", "lien_visio")}
        return cls(replace(seance, debut=debut, fin=fin, **words), seance)  # type: ignore[arg-type]

    @property
    def debut(self) -> bool:
        """Another day or another hour to come."""
        return self.avant.debut != self.seance.debut

    @property
    def fin(self) -> bool:
        """Only the hour it ends."""
        return not self.debut and self.avant.fin != self.seance.fin

    @property
    def meme_jour(self) -> bool:
        """Another hour of the same day, on its wall clock."""
        before, now = (local(moment, self.seance.fuseau).date() for moment in (self.avant.debut, self.seance.debut))
        return before == now

    @property
    def avant_sms(self) -> str:
        """When it was: mar. 3 mars à 14h, or 14h alone the same day."""
        words = self.avant.quand_sms
        return words.rpartition(" ")[2] if self.meme_jour else words

    @property
    def lieu(self) -> bool:
        """Another place, or the same at another address."""
        return (self.avant.lieu, self.avant.adresse) != (self.seance.lieu, self.seance.adresse)

    @property
    def salle(self) -> bool:
        """Another room in the same place."""
        return not self.lieu and self.avant.salle != self.seance.salle

    @property
    def visio(self) -> bool:
        """Another address to join the session from home."""
        return self.avant.lien_visio != self.seance.lien_visio

    @property
    def lignes(self) -> list[tuple[str, str, str]]:
        """(what, what it was, what it is), in the order people ask: when, then where."""
        avant, seance = self.avant, self.seance
        found = []
        if self.debut:
            found.append(("Date", f"{avant.jour}, {avant.horaires}", f"{seance.jour}, {seance.horaires}"))
        if self.fin:
            found.append(("Horaires", avant.horaires, f"{seance.jour}, {seance.horaires}"))
        if self.lieu:
            found.append(("Lieu", _place(avant), _place(seance)))
        if self.salle:
            found.append(("Salle", avant.salle, seance.salle or "à voir sur place"))
        if self.visio:
            found.append(("Visioconférence", "", "le lien pour la rejoindre a changé"))
        return found

    def ou_sms(self, court: bool) -> str:
        """Where it is now, in a text: the place, or its address when only that changed."""
        return _short(self._ou(self.seance), court)

    def ou_avant_sms(self, court: bool) -> str:
        """Where it was."""
        return _short(self._ou(self.avant), court)

    def salle_sms(self, court: bool) -> str:
        """salle B (avant : salle A)."""
        before, now = _short(self.avant.salle, court), _short(self.seance.salle, court)
        if not now:
            return f"plus en {before}"
        return f"{now} (avant : {before})" if before else now

    def _ou(self, seance: Seance) -> str:
        return seance.adresse if self.avant.lieu == self.seance.lieu else seance.lieu

    @property
    def quoi(self) -> str:
        """Nouvelle date, nouvel horaire, nouveau lieu…: what the subject says."""
        words = []
        if self.debut:
            words.append("nouvelle heure" if self.meme_jour else "nouvelle date")
        if self.fin:
            words.append("nouvelle heure de fin")
        if self.lieu:
            words.append("nouveau lieu")
        if self.salle:
            words.append("nouvelle salle")
        if self.visio and self.seance.visio:
            words.append("nouveau lien de visio")
        return " et ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def _place(seance: Seance) -> str:
    return ", ".join(part for part in (seance.lieu, seance.adresse) if part)


def _short(place: str, court: bool) -> str:
    return sms.shorten(place, SHORT_PLACE) if court else place
