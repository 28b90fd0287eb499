"""Lines of the journal in words: one sentence for each action there is, and what changed, from what to what."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from webapp.domain.dates import NBSP, full_date, long_moment
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Recurrence
from webapp.models import Champ, ConfirmationSms, Discretion, Journal, NiveauNotification, TypeLieu
from webapp.web.forms.motif import DELAIS_MAX, DELAIS_MIN, RAPPELS, RESERVABLE_PAR
from webapp.web.templating import pluriel

ACTIONS = {
    "rdv_cree": "a créé une séance",
    "annulation": "a annulé la séance{plus}",
    "modification": "a changé la date ou le lieu{plus}",
    "maintien": "a maintenu la séance malgré le peu d’inscrits",
    "note": "a changé la note de la séance",
    "agents_changes": "a changé les agents de la séance",
    "seance_reglages": "a changé les réglages de la séance",
    "absence_creee": "a noté une absence de {quoi}",
    "absence_modifiee": "a modifié une absence de {quoi}",
    "absence_supprimee": "a supprimé une absence de {quoi}",
    "motif_cree": "a créé le motif {quoi}",
    "motif_modifie": "a modifié le motif {quoi}",
    "motif_archive": "a archivé le motif {quoi}",
    "motif_restaure": "a proposé à nouveau le motif {quoi}",
    "plage_creee": "a créé une plage d’ouverture de {quoi}{seances}",
    "plage_modifiee": "a modifié une plage d’ouverture de {quoi}{seances}",
    "plage_divisee": "a changé la suite d’une plage d’ouverture de {quoi}{depuis}{seances}",
    "plage_arretee": "a arrêté une plage d’ouverture de {quoi}{depuis}{seances}",
    "plage_date_retiree": "a retiré une date d’une plage d’ouverture de {quoi}{depuis}{seances}",
    "lieu_cree": "a créé le lieu {quoi}",
    "lieu_modifie": "a modifié le lieu {quoi}",
    "lieu_desactive": "a désactivé le lieu {quoi}",
    "lieu_retabli": "a proposé à nouveau le lieu {quoi}",
    "salle_creee": "a créé la salle {quoi}",
    "salle_modifiee": "a modifié la salle {quoi}",
    "salle_retiree": "a retiré la salle {quoi}",
    "organisation_modifiee": "a modifié les réglages de l’organisation",
    "reglages_messages": "a modifié les réglages des messages",
    "agent_cree": "a créé le compte de {quoi}",
    "agent_invite": "a invité {quoi}",
    "agent_droits": "a modifié les services ou les droits de {quoi}",
    "agent_desactive": "a désactivé le compte de {quoi}",
    "agent_reactive": "a réactivé le compte de {quoi}",
    "invitation_renvoyee": "a renvoyé son invitation à {quoi}",
    "mot_de_passe_change": "a choisi un nouveau mot de passe",
    "preferences": "a changé ses préférences",
    "sessions_fermees": "a déconnecté d’autres appareils",
    "second_facteur_active": "a activé sa connexion en deux étapes",
    "second_facteur_retire": "a retiré sa connexion en deux étapes",
    "second_facteur_reinitialise": "a réinitialisé la connexion en deux étapes de {quoi}",
    "code_secours_utilise": "a utilisé un code de secours",
    "codes_secours": "a refait ses codes de secours",
    "jeton_cree": "a créé le jeton d’accès {quoi}",
    "jeton_revoque": "a révoqué le jeton d’accès {quoi}",
    "abonnement_cree": "a créé le lien de son agenda pour Outlook ou Google",
    "abonnement_remplace": "a remplacé le lien de son agenda",
    "abonnement_arrete": "a arrêté l’abonnement à son agenda",
    "webhook_cree": "a créé le webhook {quoi}",
    "webhook_modifie": "a modifié le webhook {quoi}",
    "webhook_secret": "a changé le secret du webhook {quoi}",
    "webhook_active": "a activé le webhook {quoi}",
    "webhook_desactive": "a désactivé le webhook {quoi}",
    "webhook_suspendu": "a suspendu le webhook {quoi}, qui ne prenait plus rien depuis trois jours",
    "webhook_supprime": "a supprimé le webhook {quoi}",
    "webhook_rejoue": "a renvoyé des événements au webhook {quoi}",
}
"""Action → what somebody did. One that is not here is said with its own name."""

CHAMPS = {
    "name": "Nom", "nom": "Nom", "description": "Description", "location_type": "Où", "colour": "Couleur",
    "capacite": "Places", "capacite_max": "Places", "capacite_min": "Minimum de participants",
    "minimum_heures": "Heures avant de vérifier le minimum", "instructions_avant": "Instructions avant de réserver",
    "instructions_apres": "Instructions une fois la place réservée", "nom_sms": "Nom dans les SMS",
    "nom_courriel": "Nom dans les courriels", "avertissement_annulation": "Avertissement à qui voudrait annuler",
    "reservable_par": "Qui peut réserver", "delai_min_minutes": "Réservation jusqu’à",
    "delai_max_jours": "Réservation à partir de", "visibilite": "Discrétion du rendez-vous",
    "discretion": "Ce que nomment les messages", "rappels": "Rappels", "liste_attente": "Liste d’attente",
    "champs": "Renseignements demandés", "confirmation_sms": "Confirmation par SMS",
    "budget_sms_jour": "SMS par jour au plus", "sms_sender": "Expéditeur des SMS", "nom_neutre": "Formule neutre",
    "niveau_notification": "Séances dont prévenir", "recapitulatif": "Récapitulatif du matin",
    "starts_at": "Début", "debut": "Début", "ends_at": "Fin", "fin": "Fin", "lieu_id": "Lieu", "lieu": "Lieu",
    "salle_id": "Salle", "salle": "Salle", "adresse": "Adresse", "lien_visio": "Lien de visioconférence",
    "address": "Adresse", "postal_code": "Code postal", "city": "Commune", "phone": "Téléphone", "email": "Courriel",
    "phone_hours": "Horaires du téléphone", "pmr": "Accessibilité", "timezone": "Fuseau horaire", "slug": "Adresse web",
    "seances_par_contact": "Séances à venir avec un même contact",
    "envois_par_contact": "Formulaires par heure avec un même contact",
    "envois_par_adresse": "Formulaires par minute depuis une même connexion",
    "secondes_formulaire": "Secondes avant l’envoi d’un formulaire",
    "mentions": "Mentions légales", "second_facteur_obligatoire": "Connexion en deux étapes obligatoire",
    "retention_mois": "Mois de conservation", "surbooking_autorise": "Surnombre autorisé", "profil": "Profil",
    "title": "Nom de la plage", "agent_ids": "Agents", "first_day": "Premier jour", "last_day": "Dernier jour",
    "start_time": "De", "end_time": "À", "repetition": "Répétition", "excluded": "Dates à sauter",
    "rrule": "Cela revient", "intitule": "Titre de la séance", "capacite_propre": "Places de la séance",
    "birth_date": "Date de naissance", "numero_dossier": "Numéro de dossier",
    "notify_by_sms": "Accepte les SMS", "notify_by_email": "Accepte les courriels",
    "services": "Services", "droits": "Droits", "first_name": "Prénom", "last_name": "Nom", "short_name": "Nom court",
}  # fmt: skip
"""Fields as pages name them."""

MOTS: dict[str, Mapping[Any, str]] = {
    "reservable_par": {who.value: words for who, words in RESERVABLE_PAR.items()},
    "location_type": {TypeLieu.SUR_PLACE.value: "sur place", TypeLieu.VISIO.value: "en visioconférence"},
    "discretion": {Discretion.COMPLET.value: "le nom de l’atelier", Discretion.NEUTRE.value: "une formule neutre"},
    "visibilite": {
        "visible_notifie": "visible, avec confirmation et rappels",
        "visible_non_notifie": "visible, sans confirmation ni rappel",
        "invisible": "invisible pour le public",
    },
    "delai_min_minutes": DELAIS_MIN,
    "delai_max_jours": DELAIS_MAX,
    "rappels": RAPPELS,
    "champs": {
        Champ.TELEPHONE.value: "téléphone",
        Champ.COURRIEL.value: "courriel",
        Champ.DATE_NAISSANCE.value: "date de naissance",
        Champ.NUMERO_DOSSIER.value: "numéro de dossier",
    },
    "confirmation_sms": {
        ConfirmationSms.TOUJOURS.value: "toujours",
        ConfirmationSms.SANS_COURRIEL.value: "à qui n’a pas de courriel",
        ConfirmationSms.SOUS_48H.value: "dans les dernières 48 heures",
    },
    "niveau_notification": {
        NiveauNotification.TOUTES.value: "toutes",
        NiveauNotification.PROCHES.value: "celles du jour et du lendemain",
        NiveauNotification.AUCUNE.value: "aucune",
    },
}
"""Field → its values in words."""
MOMENTS = {"starts_at", "ends_at", "debut", "fin"}
DAYS = {"first_day", "last_day", "excluded"}
SHOWN = 200
"""Characters of a long text; the rest is cut."""


def sentence(line: Journal, who: str, name: str, quoi: str = "") -> str:
    """What was done, by `who` (empty for the person themself), to `name` (a person) or `quoi` (a thing, quoted)."""
    who = who or {Acteur.SYSTEME: "Le site", Acteur.PRESCRIPTEUR: "Un professionnel"}.get(line.acteur, "")
    details: dict[str, Any] = line.details
    extra = (" en surnombre" if details.get("surbooking") else "") + (
        ", sans prévenir" if details.get("prevenir") is False else ""
    )
    if line.action in _PEOPLE:
        return _PEOPLE[line.action](details, who, name, extra)
    if line.action == "annulation" and details.get("attente"):
        extra = f" et fermé sa liste d’attente ({pluriel(details['attente'], 'demande')}){extra}"
    if line.action in ACTIONS:
        words = ACTIONS[line.action].format(
            quoi=quoi or "qui n’existe plus",
            plus=extra,
            seances=_sessions(details),
            depuis=_since(line.action, details),
        )
        return f"{who or 'Quelqu’un'} {words}."
    return f"{who or 'Quelqu’un'} : {line.action.replace('_', ' ')}{f' {quoi}' if quoi else ''}."


def changes(details: Mapping[str, Any], tz: str, names: Mapping[str, Mapping[int, str]]) -> list[tuple[str, str, str]]:
    """(what, what it was, what it is) of a line; `names` are those of the ids it keeps, by field."""
    found = dict(details.get("changements") or {})
    before, after = details.get("de"), details.get("a")
    if isinstance(before, dict) and isinstance(after, dict):
        found |= {
            name: {"de": before[name], "a": after.get(name)} for name in before if before[name] != after.get(name)
        }

    def words(name: str, value: Any) -> str:
        if name in MOMENTS and value:
            return long_moment(datetime.fromisoformat(value), tz)
        if name in DAYS and value:
            days = [full_date(date.fromisoformat(one)) for one in (value if isinstance(value, list) else [value])]
            return _words(", ".join(days), {})
        if name == "rrule" and value:
            return Recurrence.from_rrule(value).in_words()
        if name in names:
            found = names[name]
            value = [found.get(one, "un autre agent") for one in value] if isinstance(value, list) else found.get(value)
        return _words(value, MOTS.get(name, {}))

    said = []
    for name, change in found.items():
        old, new = change.get("de"), change.get("a")
        if isinstance(old, list) and isinstance(new, list) and len(old) + len(new) > 6:
            old, new = [one for one in old if one not in new], [one for one in new if one not in old]
            said.append((f"{_label(name)}, en plus ou en moins", words(name, old), words(name, new)))
        else:
            said.append((_label(name), words(name, old), words(name, new)))
    return said


def _label(name: str) -> str:
    return CHAMPS.get(name, name.replace("_", " ").capitalize())


def _words(value: Any, known: Mapping[Any, str]) -> str:
    if isinstance(value, bool):
        return "oui" if value else "non"
    if value in (None, "", []):
        return "rien"
    if isinstance(value, list):
        return ", ".join(_words(one, known) for one in value)
    text = known.get(value, str(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN].rstrip()}…"


def _booked(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    if who and details.get("depuis"):
        return f"{who} a inscrit {name}, de la séance du {full_date(date.fromisoformat(details['depuis']))}{extra}."
    if details.get("a") == Statut.PRESENT:
        extra = f", à son arrivée{extra}"
    return f"{who} a inscrit {name}{extra}." if who else f"Inscription de {name} en ligne."


def _status(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    after, before = details.get("a"), details.get("de")
    if after is None:  # the person is forgotten: so is what became of them
        return f"{who} a noté le statut de {name}." if who else f"{name} a changé de statut."
    if details.get("retour"):
        return f"{who} a annulé son changement : {name} est à nouveau « {Statut(str(after)).label} »."
    if not who:
        return f"{name} a prévenu : absence." if after == Statut.EXCUSE else f"{name} a repris sa place."
    if after == Statut.ANNULE and details.get("vers"):
        return f"{who} a déplacé {name} à la séance du {full_date(date.fromisoformat(details['vers']))}{extra}."
    if after == Statut.ANNULE:
        return f"{who} a retiré {name}{extra}."
    if before == Statut.ANNULE:
        return f"{who} a réinscrit {name}{extra}."
    return f"{who} a noté {name} « {Statut(str(after)).label} »{extra}."


def _chosen(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    """ "Nadia K. a noté pour Yasmina Amrani : plus de SMS, des rappels."."""
    words = {"sms": "SMS", "courriel": "courriels", "rappels": "rappels"}
    chosen = ", ".join(f"{'des' if yes else 'plus de'} {words[key]}" for key, yes in details.get("choix", {}).items())
    if not chosen:  # the person is forgotten
        return f"{who} a noté par quoi prévenir {name}." if who else f"Choix de {name}."
    return f"{who} a noté pour {name} : {chosen}." if who else f"Choix de {name} : {chosen}."


def _counted(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    people, were = details.get("a", 0), details.get("de", 0)
    return f"{who} a compté {pluriel(people, 'personne')} ({people - were:+d})."


def _noted(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"{who} a changé la note sur {name}."


def _retried(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"{who} a demandé un nouvel essai pour {pluriel(details.get('messages', 0), 'message')} en échec."


def _written(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"{who} a écrit à {pluriel(details.get('personnes', 0), 'personne')}."


def _waited(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    """What became of somebody's wait for a seat; the site itself makes offers and ends them."""
    of_the_site = who == "Le site"
    return {
        "en_attente": f"La place proposée à {name} n’est plus libre : son rang est gardé."
        if of_the_site
        else (f"{who} a mis {name} sur la liste d’attente." if who else f"{name} attend une place."),
        "proposee": f"Place proposée à {name}.",
        "acceptee": f"{name} n’attend plus : sa place est prise."
        if of_the_site
        else (f"{who} a donné une place à {name}." if who else f"{name} a accepté une place."),
        "refusee": f"{name} a refusé une place.",
        "expiree": f"{name} n’a pas répondu à temps.",
        "retiree": f"{who} a retiré {name} de la liste d’attente." if who else f"{name} a quitté la liste d’attente.",
    }.get(str(details.get("a")), f"Liste d’attente : {name}.")


def _forgotten(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"Une personne a supprimé ses données ({details.get('rendez_vous', 0)} rendez-vous)."


def _capacity(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    seats, were = (pluriel(n, "place") if n else "entrée libre" for n in (details.get("a"), details.get("de")))
    return f"{who} a changé la capacité{NBSP}: {seats} au lieu de {were}."


def _invited(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"{who or 'Quelqu’un'} a invité {name} à choisir une date."


def _invited_again(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"{who or 'Quelqu’un'} a prolongé une invitation : {name}{extra}."


def _uninvited(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"{who or 'Quelqu’un'} a retiré une invitation : {name}."


def _exported(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    what = {"accueil": "séances", "statistiques": "participations"}.get(details.get("genre", ""), "données")
    return f"{who} a exporté des {what} ({pluriel(details.get('lignes', 0), 'ligne')})."


def _kept(verb: str) -> Callable[[dict[str, Any], str, str, str], str]:
    """ "Nadia K. a regardé la fiche de Yasmina Amrani."."""
    return lambda details, who, name, extra: f"{who or 'Quelqu’un'} {verb} {name}."


def _corrected(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    """Which fields changed, never what they said: that would outlive the person."""
    fields = ", ".join(_label(field).lower() for field in details.get("champs", ()))
    return f"{who or 'Quelqu’un'} a modifié la fiche de {name}{f' ({fields})' if fields else ''}."


def _sessions(details: dict[str, Any]) -> str:
    """ " (13 séances créées, 2 retirées)"."""
    counts = (
        ("creees", "séance créée", "séances créées"),
        ("deplacees", "séance réservée déplacée", "séances réservées déplacées"),
        ("annulees", "séance annulée", "séances annulées"),
        ("retirees", "séance retirée", "séances retirées"),
        ("gardees", "séance gardée à part", "séances gardées à part"),
    )
    words = [pluriel(details[name], one, many) for name, one, many in counts if details.get(name)]
    return f" ({', '.join(words)})" if words else ""


def _since(action: str, details: dict[str, Any]) -> str:
    """ ", à partir du 8 décembre 2026"; the date itself when only that one went."""
    if not details.get("depuis"):
        return ""
    day = full_date(date.fromisoformat(details["depuis"]))
    return f", le {day}" if action == "plage_date_retiree" else f", à partir du {day}"


def _contact(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    return f"Nouvelles coordonnées de {name} pour cette séance."


def _file(details: dict[str, Any], who: str, name: str, extra: str) -> str:
    if details.get("double"):
        return f"Nouvelles coordonnées de {name} : une autre fiche les a déjà, sa fiche n’a pas changé."
    return f"Nouvelles coordonnées de {name} dans sa fiche, après un code envoyé aux anciennes."


_PEOPLE: dict[str, Callable[[dict[str, Any], str, str, str], str]] = {
    "inscription": _booked,
    "statut": _status,
    "comptage": _counted,
    "note_personne": _noted,
    "canaux": _chosen,
    "contact": _contact,
    "contact_fiche": _file,
    "nouvel_essai": _retried,
    "message": _written,
    "capacite": _capacity,
    "donnees_supprimees": _forgotten,
    "export": _exported,
    "attente": _waited,
    "fiche_vue": _kept("a regardé la fiche de"),
    "usager_cree": _kept("a créé la fiche de"),
    "usager_modifie": _corrected,
    "usager_exporte": _kept("a remis ses données à"),
    "usager_supprime": lambda details, who, name, extra: f"{who or 'Quelqu’un'} a supprimé la fiche d’une personne.",
    "usager_detache": _kept("a dit que personne d’autre ne lit plus les messages de"),
    "invitation_envoyee": _invited,
    "invitation_renouvelee": _invited_again,
    "invitation_retiree": _uninvited,
}
"""Actions whose sentence depends on more than who and what."""
