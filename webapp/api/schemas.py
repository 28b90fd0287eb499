"""What the API reads and writes, as the models that check it: the OpenAPI document is made from these very classes."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.contacts import DOSSIER_MAX, NAME_MAX, clean_name, fold
from webapp.domain.participation import Acteur, Etat, Statut
from webapp.models import Champ

LARGEST = 2**31 - 1
PAGE, PAGE_MAX = 50, 100

Numero = Annotated[int, Field(ge=1, le=LARGEST)]
OuiNon = Literal["0", "1"]


def _named(text: str) -> str:
    name = clean_name(text)
    if not fold(name):
        raise ValueError("Écrivez un nom, avec des lettres.")
    return name


def typed(longest: int, shortest: int = 0) -> Any:
    """A text the database can hold: no NUL."""
    return StringConstraints(min_length=shortest, max_length=longest, pattern=r"^[^\x00]*$")


Nom = Annotated[str, typed(NAME_MAX, 1), AfterValidator(_named)]


class Entree(BaseModel):
    """What is sent: a name that is not ours is an error, and so is a text where a number is meant."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Vide(Entree):
    """No parameter."""


class Page(Entree):
    curseur: Annotated[str, typed(200)] | None = Field(None, description="Où reprendre : la valeur de « suite ».")
    limite: Annotated[int, Field(ge=1, le=PAGE_MAX)] = Field(PAGE, description="Combien en donner.")


class ChercheRdvs(Page):
    du: date | None = Field(None, description="Premier jour, à l’heure de l’organisation. Sans lui : aujourd’hui.")
    au: date | None = Field(None, description="Dernier jour, compris.")
    motif: Numero | None = Field(None, description="Seulement les séances de ce motif.")
    lieu: Numero | None = Field(None, description="Seulement celles de ce lieu.")
    places: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Seulement celles à venir où il reste au moins ce nombre de places."
    )


class ChercheUsagers(Entree):
    q: Annotated[str, typed(80, 2)] = Field(description="Nom, prénom, téléphone, courriel ou numéro de dossier.")


class Retrait(Entree):
    prevenir: OuiNon = Field("1", description="0 : la personne ne reçoit pas de message.")


class Inscription(Entree):
    """Une personne connue (`usager_id`), ou son identité : prénom, nom, et un contact s’il y en a un."""

    usager_id: Numero | None = Field(None, description="Quelqu’un que l’organisation connaît ; sans lui, l’identité.")
    prenom: Nom | None = None
    nom: Nom | None = None
    telephone: Annotated[str, typed(60)] | None = Field(None, description="Comme on le compose, ou +33…")
    courriel: Annotated[str, typed(254)] | None = None
    date_naissance: date | None = Field(None, description="Si le motif la demande.")
    numero_dossier: Annotated[str, typed(DOSSIER_MAX)] | None = Field(None, description="Si le motif le demande.")
    surbooking: bool = Field(
        False, description="true : inscrire même si la séance est complète. Demande le droit « surbooker »."
    )
    prevenir: bool = Field(True, description="false : la personne ne reçoit pas de message.")


class ChangementStatut(Entree):
    statut: Statut
    prevenir: bool = Field(True, description="false : la personne ne reçoit pas de message.")
    surbooking: bool = Field(False, description="true : redonner une place même si la séance est complète.")


# --- answers -------------------------------------------------------------------------------------------------------


class Service(BaseModel):
    id: int
    nom: str


class TypeAccueil(StrEnum):
    SUR_PLACE = "sur_place"
    VISIO = "visio"


class Motif(BaseModel):
    id: int
    nom: str
    description: str
    service: Service
    accueil: TypeAccueil
    capacite: int | None = Field(description="null : entrée libre.")
    capacite_min: int | None
    reservable_par: ReservablePar
    visibilite: Visibilite
    liste_attente: bool
    champs: list[Champ] = Field(description="Ce qui est demandé aux personnes, avec leur nom.")
    archive: bool


class Motifs(BaseModel):
    donnees: list[Motif]
    suite: str | None = Field(description="Le curseur de la page suivante ; null à la fin.")


class Renvoi(BaseModel):
    id: int
    nom: str


class Lieu(BaseModel):
    id: int
    nom: str
    adresse: str
    code_postal: str
    ville: str


class Rdv(BaseModel):
    """Une séance. Une fois commencée, elle garde les noms qu’elle avait à son début."""

    id: int
    version: int = Field(description="Augmente à chaque changement visible.")
    motif: Renvoi
    service_id: int
    plage_id: int | None
    intitule: str
    debut: AwareDatetime = Field(description="À l’heure de l’organisation.")
    fin: AwareDatetime
    lieu: Lieu | None
    salle: Renvoi | None
    lien_visio: str | None
    agents: list[Renvoi]
    reservable_par: ReservablePar
    capacite: int | None = Field(description="null : entrée libre.")
    places_prises: int
    places_proposees: int = Field(description="Gardées pour qui attend.")
    places_libres: int | None
    en_attente: int = Field(description="Places demandées par qui attend.")
    presents_anonymes: int
    etat: Etat
    raison_annulation: str | None
    adresse: str = Field(description="Sa feuille, pour un agent.")


class Rdvs(BaseModel):
    donnees: list[Rdv]
    suite: str | None


class UsagerInscrit(BaseModel):
    id: int
    prenom: str
    nom: str
    telephone: str | None = Field(description="Où partent ses messages pour cette séance.")
    courriel: str | None


class Participation(BaseModel):
    """La place de quelqu’un dans une séance."""

    id: int
    version: int = Field(description="Augmente à chaque changement ; c’est aussi son ETag.")
    rdv_id: int
    statut: Statut
    usager: UsagerInscrit
    numero_dossier: str | None = Field(description="Si le motif le demande.")
    origine: Acteur = Field(description="Qui l’a inscrite.")
    inscrit_le: AwareDatetime
    statut_le: AwareDatetime
    statut_par: Acteur


class Participations(BaseModel):
    donnees: list[Participation]
    suite: str | None


class Usager(BaseModel):
    """Une personne connue. Tant qu’elle n’est venue dans aucun de vos services (`complet` faux), son contact est
    masqué et sa date de naissance se réduit à l’année."""

    id: int
    prenom: str
    nom: str
    complet: bool
    annee_naissance: int | None
    date_naissance: date | None
    telephone: str | None
    courriel: str | None


class Usagers(BaseModel):
    donnees: list[Usager]
    encore: bool = Field(description="D’autres personnes conviennent : précisez la recherche.")


class Erreur(BaseModel):
    """Une chose à corriger, et où elle est."""

    pointer: str | None = Field(None, description="Dans le corps, comme #/courriel.")
    parameter: str | None = Field(None, description="Dans l’adresse.")
    header: str | None = None
    detail: str


class Probleme(BaseModel):
    """Un refus (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="Une phrase à montrer telle quelle.")
    code: str = Field(description="Stable : pour les programmes.")
    errors: list[Erreur] | None = Field(None, description="422 : ce qui est à corriger.")
    droit: str | None = Field(None, description="403 : le droit qui manque.")
    peuvent_le_donner: list[str] | None = None
