"""*Statistiques*: one row per participation, without a name, a telephone number or an e-mail address."""

from collections.abc import Callable

from webapp.domain.ages import bracket
from webapp.domain.participation import Acteur
from webapp.models import Champ
from webapp.queries.exports import Ligne

from .accueil import IDENTIFICATION
from .columns import Column, Kind, Value, Vue

PAR = {
    Acteur.USAGER: "La personne",
    Acteur.AGENT: "Un agent",
    Acteur.PRESCRIPTEUR: "Un prescripteur",
    Acteur.SYSTEME: "Le site",
}
COMMENT = {
    Acteur.USAGER: "En ligne",
    Acteur.AGENT: "Par un agent",
    Acteur.PRESCRIPTEUR: "Par un prescripteur",
    Acteur.SYSTEME: "Par le site",
}


def _of_session(column: Column[object]) -> Column[Ligne]:
    return Column(column.header, column.aide, lambda p, v: column.value(p.seance, v), column.kind)


def _asked(champ: Champ, value: Callable[[Ligne, Vue], Value]) -> Callable[[Ligne, Vue], Value]:
    """No more than the motif asks."""
    return lambda p, v: value(p, v) if champ in p.seance.champs else ""


def _age(p: Ligne, v: Vue) -> str:
    return bracket(p.naissance, v.local(p.seance.starts_at).date())


STATISTIQUES: list[Column[Ligne]] = [
    *(_of_session(column) for column in IDENTIFICATION),  # type: ignore[arg-type]
    Column(
        "N° de personne", "le même pour une même personne ; il ne dit pas qui", lambda p, v: p.usager_id, Kind.NOMBRE
    ),
    Column("N° de dossier", "si le motif le demande", _asked(Champ.NUMERO_DOSSIER, lambda p, v: p.numero_dossier)),
    Column(
        "Tranche d’âge",
        "le jour de la séance, si le motif demande la date de naissance",
        _asked(Champ.DATE_NAISSANCE, _age),
    ),
    Column("Statut", "inscrit, présent, absent, excusé ou retiré", lambda p, v: p.statut.label),
    Column("Statut le", "quand ce statut a été noté", lambda p, v: v.local(p.statut_le), Kind.MOMENT),
    Column("Statut par", "qui l’a noté", lambda p, v: p.statut_agent or PAR[p.statut_par]),
    Column("Inscription", "en ligne, par un agent, par un prescripteur", lambda p, v: COMMENT[p.origine]),
    Column("Inscrit par", "l’agent qui a inscrit la personne", lambda p, v: p.cree_agent),
    Column("Inscrit le", "dernière inscription à cette séance", lambda p, v: v.local(p.inscrit_le), Kind.MOMENT),
    Column(
        "Délai (jours)",
        "jours entiers entre l’inscription et le début",
        lambda p, v: (p.seance.starts_at - p.inscrit_le).days,
        Kind.NOMBRE,
    ),
    Column("Messages envoyés", "SMS et courriels partis pour cette place", lambda p, v: p.envoyes, Kind.NOMBRE),
    Column("Messages en échec", "SMS et courriels qui n’ont pas pu partir", lambda p, v: p.echecs, Kind.NOMBRE),
    Column("Proche", "oui : ses messages vont à un responsable", lambda p, v: "oui" if p.responsable_id else "non"),
    Column("Prescripteur", "structure du professionnel qui a inscrit", lambda p, v: p.prescripteur),
    Column("Sur invitation", "oui : place prise par une invitation", lambda p, v: "oui" if p.invitee else "non"),
    Column("État de la séance", "comme dans l’autre fichier", lambda p, v: p.seance.etat(v.now).label),
    Column("N° de séance", "celui de l’adresse de sa fiche", lambda p, v: p.seance.id, Kind.NOMBRE),
    Column(
        "Commune du lieu", "vide à distance ; celle des personnes n’est pas demandée", lambda p, v: p.seance.commune
    ),
]
