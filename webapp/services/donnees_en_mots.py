"""What is kept about people, in words a person can read."""

from collections.abc import Sequence
from typing import Any

from webapp.clock import utcnow
from webapp.domain.dates import full_date, long_moment
from webapp.domain.participation import Acteur
from webapp.models import Canal, FileAttente, Invitation, Notification, Participation, Usager

ORIGINES = {Acteur.USAGER: "en ligne", Acteur.AGENT: "par un agent", Acteur.PRESCRIPTEUR: "par un professionnel"}


def file_as_text(
    usager: Usager,
    proches: Sequence[Usager],
    places: Sequence[Participation],
    attentes: Sequence[FileAttente],
    invitations: Sequence[Invitation],
    messages: Sequence[Notification],
    zone: str,
) -> dict[str, Any]:
    """One person's file, asked for at the desk."""
    reader = usager.responsable.nom_complet if usager.responsable else ""
    return {
        "extrait le": long_moment(utcnow(), zone),
        "personne": person(usager) | given({"ses messages vont à": reader}),
        "proches": [one.nom_complet for one in proches],
        "rendez-vous": [place(one) for one in places],
        "listes d’attente": [wait(entry) for entry in attentes],
        "invitations": [invitation(row) for row in invitations],
        "messages": [message(row, zone) for row in messages],
    }


def person(usager: Usager) -> dict[str, Any]:
    return given(
        {
            "prénom": usager.first_name,
            "nom": usager.last_name,
            "date de naissance": full_date(usager.birth_date) if usager.birth_date else "",
            "téléphone": usager.phone,
            "courriel": usager.email,
            "numéro de dossier": usager.numero_dossier,
            "accepte les SMS": "oui" if usager.notify_by_sms else "non",
            "accepte les courriels": "oui" if usager.notify_by_email else "non",
        }
    )


def known(usager: Usager, canal: Canal) -> dict[str, Any]:
    """Of a file that is not only theirs: the name, and the contact they proved."""
    way = {"téléphone": usager.phone} if canal is Canal.SMS else {"courriel": usager.email}
    return given({"prénom": usager.first_name, "nom": usager.last_name, **way})


def place(row: Participation) -> dict[str, Any]:
    rdv, zone = row.rdv, row.rdv.organisation.timezone
    frozen = rdv.fige or {}
    return given(
        {
            "pour": row.usager.nom_complet,
            "organisme": rdv.organisation.name,
            "atelier": frozen.get("motif") or rdv.motif.name,
            "intitulé": rdv.intitule,
            "début": long_moment(rdv.starts_at, zone),
            "fin": long_moment(rdv.ends_at, zone),
            "lieu": frozen.get("lieu") or (rdv.lieu.name if rdv.lieu else ""),
            "statut": "séance annulée" if rdv.cancelled_at else row.statut.label,
            "réservé le": long_moment(row.cree_le, zone),
            "réservé": ORIGINES.get(row.origine, row.origine.value),
            "téléphone donné pour ce rendez-vous": row.telephone,
            "courriel donné pour ce rendez-vous": row.courriel,
            "numéro de dossier": row.numero_dossier,
            "raison de l’absence": row.raison,
            "note des agents": row.note,
            "rappels": "oui" if row.rappeler else "non",
        }
    )


def wait(entry: FileAttente) -> dict[str, Any]:
    zone = entry.rdv.organisation.timezone
    with_them = (f"{one.get('prenom', '')} {one.get('nom', '')}".strip() for one in entry.accompagnants)
    return given(
        {
            "pour": entry.usager.nom_complet,
            "organisme": entry.rdv.organisation.name,
            "atelier": entry.rdv.motif.name,
            "début": long_moment(entry.rdv.starts_at, zone),
            "places demandées": entry.places,
            "avec": ", ".join(with_them),
            "demandé le": long_moment(entry.cree_le, zone),
            "attend encore": "oui" if entry.attend else "non",
            "téléphone donné pour cette attente": entry.telephone,
            "courriel donné pour cette attente": entry.courriel,
            "numéro de dossier": entry.numero_dossier,
        }
    )


def invitation(row: Invitation) -> dict[str, Any]:
    zone = row.motif.organisation.timezone
    return given(
        {
            "pour": row.usager.nom_complet,
            "organisme": row.motif.organisation.name,
            "atelier": row.motif.name,
            "envoyée le": long_moment(row.envoyee_le, zone),
            "valable jusqu’au": long_moment(row.expire_le, zone),
            "ouverte le": long_moment(row.ouverte_le, zone) if row.ouverte_le else "",
            "retirée le": long_moment(row.retiree_le, zone) if row.retiree_le else "",
        }
    )


def message(row: Notification, zone: str) -> dict[str, Any]:
    return given(
        {
            "le": long_moment(row.envoyee_le or row.cree_le, zone),
            "par": "SMS" if row.canal is Canal.SMS else "courriel",
            "objet": row.objet,
            "texte": row.corps,
        }
    )


def given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
