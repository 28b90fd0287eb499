"""What the components show: plain values, so that templates ask the database nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.domain.capacity import Jauge


@dataclass(frozen=True, slots=True, kw_only=True)
class SeanceVue:
    """One session, as `components/seance.html` shows it. `debut_local` is in the organisation's time zone."""

    id: int
    debut_local: datetime
    fin_local: datetime
    heures: str
    lieu_nom: str
    jauge: Jauge
    adresse: str = ""
    pmr: str = ""
    intitule: str = ""
    motif_nom: str = ""
    reservable: bool = False
    attente_ouverte: bool = False
    raison: str = ""
    duree: str = ""
    carte: str = ""  # where to look at it on a map
    avant: str = ""  # instructions before booking that the other sessions of its motif don't have


@dataclass(frozen=True, slots=True, kw_only=True)
class AttenteVue:
    """Somebody who waits for a seat, as a row of the collective sheet."""

    id: int
    version: int
    rang: int
    nom: str
    nom_dit: str
    places: int
    mot: str
    ton: str
    depuis: str
    donner_url: str
    retrait_url: str
    contact: str = ""
    tel: str = ""
    avec: str = ""
    appeler: bool = False  # no message reaches them


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonneVue:
    """One participant, as a row of the collective sheet (docs/domain.md rule 15)."""

    id: int
    version: int
    nom: str
    nom_dit: str
    statut: str
    statut_url: str
    trop_tot: bool = False  # nobody can be noted present or absent before the day
    seance_annulee: bool = False  # had a place when the session was cancelled
    contact: str = ""
    tel: str = ""
    numero_dossier: str = ""
    retrait_url: str = ""
    deplacement_url: str = ""
    relance: bool = False  # one click invites who was absent to another date (the form `relance` of the page)
    origine: str = ""
    mot: str = ""
    ton: str = ""
    messages: Sequence[str] = ()
    joindre: Sequence[str] = ()  # channels nobody can reach them by, and why
    en_cours: bool = False  # a message is still leaving
    note: str = ""
    note_url: str = ""
    retour: int = 0  # seconds left to take my own change back
    alerte: str = ""
