"""Seats: how many are free, who may take one, and how it is said (docs/domain.md rules 7 and 8)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .errors import Complet, DomainError, Ferme, Introuvable, Libre, Refus


class ReservablePar(StrEnum):
    AGENTS = "agents"
    INVITES = "invites"
    TOUS = "tous"
    ENTREE_LIBRE = "entree_libre"


class Visibilite(StrEnum):
    VISIBLE_NOTIFIE = "visible_notifie"
    VISIBLE_NON_NOTIFIE = "visible_non_notifie"
    INVISIBLE = "invisible"


@dataclass(frozen=True, slots=True)
class Jauge:
    """The seats of one session at one moment. `capacite` is None for entrée libre, which counts people at the door."""

    rdv_id: int
    capacite: int | None
    prises: int
    proposees: int = 0
    attente: int = 0
    annulee: bool = False
    comptees: int = 0

    @property
    def libres(self) -> int:
        """max(0, capacity − taken − offered); never negative, even overbooked; none once the session is cancelled."""
        if self.annulee:
            return 0
        return max(0, (self.capacite or 0) - self.prises - self.proposees)

    @property
    def niveau(self) -> str:
        if self.annulee:
            return "annulee"
        if self.capacite is None:
            return "entree_libre"
        if self.libres == 0:
            return "complet"
        return "peu" if self.libres <= 2 else "libre"

    @property
    def phrase(self) -> str:
        """The gauge in plain words, for the public."""
        if self.annulee:
            return "Séance annulée"
        if self.capacite is None:
            return "Entrée libre, sans inscription"
        if self.libres == 0:
            if self.proposees:
                s = "" if self.proposees == 1 else "s"
                return f"{self.proposees} place{s} libérée{s}, proposée{s} à la liste d’attente"
            return "Complet"
        if self.libres == 1:
            return "Plus qu’une place"
        return f"Plus que {self.libres} places" if self.libres == 2 else f"{self.libres} places libres"

    @property
    def sur(self) -> str:
        """What stands beside the sentence: the total, unless agents went over it, and who waits."""
        if self.capacite is None or self.annulee:
            return ""
        parts = []
        if self.prises <= self.capacite:
            parts.append(f"{self.prises} sur {self.capacite}" if self.libres == 0 else f"sur {self.capacite}")
        if self.attente:
            parts.append(f"{self.attente} personne{'s' if self.attente > 1 else ''} en attente")
        return " · ".join(parts)

    @property
    def phrase_agent(self) -> str:
        """The gauge as agents read it: "9 places prises sur 12" (13 sur 12 when overbooked)."""
        if self.capacite is None:
            s = "s" if self.comptees > 1 else ""
            return f"{self.comptees} personne{s} comptée{s}"
        s = "s" if self.prises > 1 else ""
        return f"{self.prises} place{s} prise{s} sur {self.capacite}"

    @property
    def detail_agent(self) -> str:
        if self.annulee:
            return "Séance annulée"
        if self.capacite is None:
            return "Entrée libre"
        depasse = self.prises + self.proposees - self.capacite
        parts = [
            ("complet" if self.libres == 0 else f"{self.libres} libre{'s' if self.libres > 1 else ''}")
            if depasse <= 0
            else f"{depasse} de plus que la capacité"
        ]
        if self.proposees:
            parts.append(f"{self.proposees} proposée{'s' if self.proposees > 1 else ''}")
        if self.attente:
            parts.append(f"{self.attente} en attente")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Ouverture:
    """All that decides whether one visitor may book one session online at one moment (rule 8)."""

    reservable_par: ReservablePar
    visibilite: Visibilite
    archive: bool
    collectif: bool
    cancelled: bool
    starts_at: datetime
    delai_min: timedelta
    delai_max: timedelta
    jauge: Jauge
    telephone: str = ""
    liste_attente: bool = False

    def public(self, *, invited: bool = False) -> bool:
        """Does the session exist at all online: for everybody, or for who holds a valid invitation to its motif?"""
        everybody = self.reservable_par in (ReservablePar.TOUS, ReservablePar.ENTREE_LIBRE)
        return (
            self.collectif
            and (everybody or (invited and self.reservable_par is ReservablePar.INVITES))
            and self.visibilite is not Visibilite.INVISIBLE
        )

    def refusal(
        self, now: datetime, *, seats: int = 1, invited: bool = False, seated: bool = False
    ) -> DomainError | None:
        """Why the public may not book now, or None. `invited`: the person holds a valid invitation to this motif;
        `seated`: they already hold a seat here, so a full session is no reason (rule 9)."""
        if not self.public(invited=invited):
            return Introuvable()
        if self.cancelled:
            return Ferme("Cette séance a été annulée.")
        if self.reservable_par is ReservablePar.ENTREE_LIBRE:
            return Ferme("Cet atelier est en entrée libre : venez directement, sans réserver.")
        if self.archive:
            return Ferme("Cet atelier n’est plus proposé à la réservation.")
        if now >= self.starts_at:
            return Ferme("Cette séance a déjà commencé ou est passée.")
        if now + self.delai_min > self.starts_at:
            appel = f" Appelez le {self.telephone} pour savoir s’il reste une place." if self.telephone else ""
            return Ferme(f"Cette séance commence bientôt : elle ne se réserve plus en ligne.{appel}")
        if now + self.delai_max < self.starts_at:
            return Ferme("Cette séance n’est pas encore ouverte à la réservation en ligne.")
        if not seated and self.jauge.libres < seats:
            return Complet(too_few(self.jauge.libres, seats))
        return None

    def offers(self, now: datetime) -> bool:
        """Does the waitlist still offer the seats that come free (rule 12)?"""
        return (
            self.liste_attente
            and self.collectif
            and self.reservable_par is ReservablePar.TOUS
            and self.visibilite is Visibilite.VISIBLE_NOTIFIE
            and not (self.archive or self.cancelled)
            and now < self.starts_at
        )

    def waitlist_refusal(self, now: datetime, *, seats: int = 1) -> DomainError | None:
        """Why one may not join the waitlist for that many seats now, or None: fewer are free, and the rest is right."""
        refusal = self.refusal(now, seats=seats)
        if refusal is not None and not isinstance(refusal, Complet):
            return refusal
        if not self.offers(now):
            return Ferme("Cette séance n’a pas de liste d’attente.")
        if self.jauge.capacite is not None and seats > self.jauge.capacite:
            s = "s" if self.jauge.capacite > 1 else ""
            return Refus(f"Cette séance a {self.jauge.capacite} place{s} en tout : demandez moins de places.")
        if refusal is None:
            return Libre("Il reste de la place à cette séance : vous pouvez la réserver tout de suite.")
        return None


def too_few(libres: int, seats: int) -> str:
    """Why that many people don't get a seat."""
    if not libres:
        return "Cette séance est maintenant complète."
    left = "qu’une place" if libres == 1 else f"que {libres} places"
    return f"Il ne reste {left} à cette séance, et vous en demandez {seats}."
