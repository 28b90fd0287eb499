"""*Accueil*: one row per session, for the reception."""

from webapp.domain.participation import Statut
from webapp.queries.exports import Seance

from .columns import Column, Kind

IDENTIFICATION: list[Column[Seance]] = [
    Column("Date", "jour de la séance", lambda s, v: v.local(s.starts_at).date(), Kind.DATE),
    Column("Début", "heure de début", lambda s, v: v.local(s.starts_at).time(), Kind.HEURE),
    Column("Fin", "heure de fin", lambda s, v: v.local(s.ends_at).time(), Kind.HEURE),
    Column("Motif", "nom du motif au début de la séance", lambda s, v: s.motif),
    Column("Intitulé", "titre propre à la séance", lambda s, v: s.intitule),
    Column("Service", "service du motif", lambda s, v: s.service),
    Column("Lieu", "nom du lieu au début de la séance", lambda s, v: s.lieu),
    Column("Salle", "nom de la salle", lambda s, v: s.salle),
    Column("Agents", "qui anime, séparés par des virgules", lambda s, v: s.agents),
]
"""What says which session it is, at the beginning of both files."""


def _count(statut: Statut) -> "Column[Seance]":
    words = {
        Statut.ABSENT: ("Absents", "inscrits notés absents"),
        Statut.EXCUSE: ("Excusés", "personnes qui ont prévenu"),
        Statut.ANNULE: ("Annulés", "personnes retirées par le service, ou dont la séance est annulée"),
    }
    header, aide = words[statut]
    return Column(header, aide, lambda s, v: s.statuts.get(statut, 0), Kind.NOMBRE)


def _fill(s: Seance) -> int | None:
    return round(100 * s.prises / s.capacite) if s.capacite else None


ACCUEIL: list[Column[Seance]] = [
    *IDENTIFICATION,
    Column("Capacité", "places de la séance ; vide en entrée libre", lambda s, v: s.capacite, Kind.NOMBRE),
    Column("Places prises", "inscrits, présents et absents", lambda s, v: s.prises, Kind.NOMBRE),
    Column(
        "Présents",
        "personnes présentes, comptées à l’entrée comprises",
        lambda s, v: s.statuts.get(Statut.PRESENT, 0) + s.anonymes,
        Kind.NOMBRE,
    ),
    _count(Statut.ABSENT),
    _count(Statut.EXCUSE),
    _count(Statut.ANNULE),
    Column("En attente", "places demandées sur la liste d’attente", lambda s, v: s.attente, Kind.NOMBRE),
    Column("Remplissage (%)", "places prises pour 100 places", lambda s, v: _fill(s), Kind.NOMBRE),
    Column("État", "à venir, en cours, à renseigner, clos ou annulé", lambda s, v: s.etat(v.now).label),
    Column("Origine", "plage d’ouverture, ou séance isolée", lambda s, v: "Plage" if s.serie else "Séance isolée"),
    Column("Plage", "nom de la plage d’ouverture", lambda s, v: s.plage),
    Column("N° de séance", "celui de l’adresse de sa fiche", lambda s, v: s.id, Kind.NOMBRE),
    Column("Commune du lieu", "vide à distance", lambda s, v: s.commune),
]
