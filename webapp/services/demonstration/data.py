"""The fictional département de Valmont: places, workshops, agents and names, in French. Nobody here exists."""

from typing import Any

ORGANISATION: dict[str, Any] = {
    "name": "Maison des solidarités de Valmont",
    "slug": "valmont",
    "phone": "+33475990100",
    "phone_hours": "du lundi au vendredi, de 9 h à 17 h",
    "email": "contact@valmont.exemple.fr",
    "sms_sender": "MDSValmont",
    "colour": "#0b5f63",
    "mentions": "Département de Valmont (imaginaire), 1 place de la Préfecture, 26990 Valmont.\n"
    "Direction de la publication : la présidente du conseil départemental de Valmont.\n"
    "Hébergement : l’ordinateur qui fait tourner cette démonstration.\n"
    "Délégué à la protection des données : contact@valmont.exemple.fr.",
    "secondes_formulaire": 0,  # programs fill its forms too, as soon as they have them
}

PASSWORD = "atelier-valmont"
API_TOKEN = "rdv_demonstration-de-valmont-que-tout-le-monde-connait"
HOLIDAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))  # (month, day): nobody works then

SERVICES = {
    "insertion": ("Service insertion et emploi", "Insertion"),
    "pmi": ("Protection maternelle et infantile", "PMI"),
    "numerique": ("Inclusion numérique et accès aux droits", "Numérique"),
}

# preset, first name, last name, address, services: the first is an admin, the second a plain agent, the third of
# another service.
AGENTS = [
    ("admin", "Camille", "Perrin", "admin@valmont.exemple.fr", ["insertion", "pmi", "numerique"]),
    ("agent", "Nadia", "Kaci", "nadia@valmont.exemple.fr", ["insertion"]),
    ("agent", "Paul", "Rey", "paul@valmont.exemple.fr", ["pmi"]),
    ("référent", "Hélène", "Marchand", "helene@valmont.exemple.fr", ["insertion"]),
    ("accueil", "Awa", "Sow", "accueil@valmont.exemple.fr", ["numerique"]),
    ("agent", "Maëlle", "Le Goff", "maelle@valmont.exemple.fr", ["pmi"]),
    ("agent", "Julien", "Ferrand", "julien@valmont.exemple.fr", ["numerique"]),
]

# name, address, postal code, city, accessibility, rooms (name, capacity)
LIEUX = [
    ("Maison des solidarités", "3 rue des Lilas", "26990", "Valmont", "accessible en fauteuil, ascenseur",
     [("Salle Simone-Veil", 16), ("Petit salon", 8)]),
    ("Centre social du Vallon", "12 avenue de la Gare", "26990", "Saint-Aubin-du-Vallon", "accessible en fauteuil",
     [("Grande salle", 30), ("Atelier", 10)]),
    ("Espace France services", "1 place du Marché", "26991", "Beaurepaire-les-Eaux", "accessible en fauteuil",
     [("Salle informatique", 8)]),
    ("Médiathèque Louise-Michel", "8 boulevard des Arts", "26990", "Valmont", "accessible en fauteuil",
     [("Auditorium", 60)]),
    ("PMI des Tilleuls", "27 rue des Tilleuls", "26992", "Montferrier", "entrée de plain-pied, poussettes bienvenues",
     [("Salle d’éveil", 10)]),
]  # fmt: skip

RAISON = "Je n’ai pas de moyen de transport"
# Everything a motif may set that differs from its default; `service` and `name` always.
MOTIFS: list[dict[str, Any]] = [
    {
        "service": "insertion", "name": "Mes droits au RSA", "nom_sms": "Atelier RSA",
        "nom_courriel": "Atelier « Mes droits au RSA »", "capacite_max": 12, "capacite_min": 4, "liste_attente": True,
        "description": "Comprendre ses droits et ses démarches quand on vient d’ouvrir un droit au RSA.",
        "instructions_avant": "Cet atelier s’adresse aux personnes qui viennent d’ouvrir un droit au RSA.",
        "instructions_apres": "Prévoyez votre numéro d’allocataire et une pièce d’identité.",
        "champs": ["telephone", "courriel", "numero_dossier"], "rappels": [48],
    },
    {
        "service": "insertion", "name": "Réunion d’information RSA", "nom_sms": "Réunion info RSA",
        "nom_courriel": "Réunion d’information RSA", "capacite_max": 30,
        "description": "La première réunion d’information après une demande de RSA.",
        "instructions_avant": "Cette réunion présente l’accompagnement et répond à vos questions.",
        "instructions_apres": "Apportez le courrier qui vous invite à cette réunion.", "rappels": [72, 24],
    },
    {
        "service": "insertion", "name": "Préparer un entretien d’embauche", "nom_sms": "Atelier entretien",
        "nom_courriel": "Atelier « Préparer un entretien d’embauche »", "capacite_max": 8,
        "description": "S’entraîner en petit groupe, avec des retours bienveillants.",
        "instructions_apres": "Venez avec votre CV si vous en avez un.",
    },
    {
        "service": "pmi", "name": "Groupe mère-enfant\N{NO-BREAK SPACE}: l’éveil de bébé",
        "nom_sms": "Groupe éveil bébé",
        "nom_courriel": "Groupe « L’éveil de bébé »", "capacite_max": 8, "liste_attente": True,
        "description": "Un temps de jeu et d’échange pour les parents et leurs enfants de 0 à 18 mois.",
        "instructions_avant": "Pour les enfants de 0 à 18 mois, avec un parent.",
        "instructions_apres": "Apportez le carnet de santé et de quoi changer votre enfant.",
    },
    {
        "service": "pmi", "name": "Préparer l’arrivée de bébé", "nom_sms": "Rencontre PMI", "discretion": "neutre",
        "nom_courriel": "Rencontre avec la PMI", "capacite_max": 10,
        "description": "Rencontre avec une sage-femme et une puéricultrice, à partir du 4e mois de grossesse.",
        "instructions_apres": "L’entrée se fait par le jardin, au 27 rue des Tilleuls.",
    },
    {
        "service": "numerique", "name": "Mes démarches en ligne, pas à pas", "nom_sms": "Atelier numérique",
        "nom_courriel": "Atelier « Mes démarches en ligne »", "capacite_max": 8,
        "description": "Sur ordinateur : créer une adresse, utiliser FranceConnect, retrouver une attestation.",
        "instructions_avant": "Aucune connaissance n’est nécessaire. Un ordinateur est prêté.",
        "instructions_apres": "Apportez votre téléphone et vos identifiants si vous en avez.",
    },
    {
        "service": "numerique", "name": "Café des droits", "nom_sms": "Café des droits",
        "nom_courriel": "Café des droits", "capacite_max": None, "reservable_par": "entree_libre",
        "description": "Un café, des réponses, sans inscription.",
        "instructions_avant": "Entrée libre : venez quand vous voulez pendant l’horaire.",
    },
    {
        "service": "numerique", "name": "Bien vivre dans son logement", "nom_sms": "Atelier logement",
        "nom_courriel": "Atelier « Bien vivre dans son logement »", "capacite_max": 15, "reservable_par": "agents",
        "description": "Énergie, assurance, voisinage : les gestes qui évitent les ennuis.",
        "instructions_apres": "Apportez une facture d’énergie récente.",
    },
    {
        "service": "insertion", "name": "Construire mon projet", "nom_sms": "Construire mon projet",
        "nom_courriel": "Atelier « Construire mon projet »", "capacite_max": 8, "reservable_par": "invites",
        "description": "Trois heures en petit groupe pour faire le point, avec un conseiller.",
        "instructions_avant": "Cet atelier est proposé par votre conseiller, sur invitation.",
        "instructions_apres": "Apportez votre CV, même ancien, et de quoi noter.",
    },
]  # fmt: skip

# motif, lieu, salle (index), weekday (0 = Monday), every n weeks, start, end, agents (addresses' first word), overrides
PLAGES: list[dict[str, Any]] = [
    {"motif": 0, "lieu": 0, "salle": 0, "jour": 1, "toutes": 1, "de": 14, "a": 16, "agents": ["nadia", "helene"]},
    {"motif": 0, "lieu": 1, "salle": 1, "jour": 3, "toutes": 2, "de": 9, "a": 11, "agents": ["helene"],
     "capacite_max": 8,
     "instructions_apres": "Le parking est derrière le centre social. Prévoyez votre numéro d’allocataire."},
    {"motif": 1, "lieu": 3, "salle": 0, "jour": 0, "toutes": 1, "de": 10, "a": 12, "agents": ["nadia"]},
    {"motif": 2, "lieu": 0, "salle": 1, "jour": 4, "toutes": 1, "de": 9, "a": 12, "agents": ["helene"]},
    {"motif": 3, "lieu": 4, "salle": 0, "jour": 2, "toutes": 1, "de": 10, "a": 11, "agents": ["paul", "maelle"]},
    {"motif": 4, "lieu": 4, "salle": 0, "jour": 4, "toutes": 2, "de": 14, "a": 16, "agents": ["maelle"]},
    {"motif": 5, "lieu": 2, "salle": 0, "jour": 1, "toutes": 1, "de": 9, "a": 11, "agents": ["julien"]},
    {"motif": 6, "lieu": 2, "salle": 0, "jour": 3, "toutes": 1, "de": 14, "a": 17, "agents": ["julien"]},
    {"motif": 7, "lieu": 1, "salle": 0, "jour": 2, "toutes": 2, "de": 14, "a": 16, "agents": ["julien"],
     "reservable_par": "tous", "nom_sms": "Atelier logement"},
    {"motif": 8, "lieu": 0, "salle": 1, "jour": 3, "toutes": 1, "de": 14, "a": 17, "agents": ["helene", "nadia"]},
]  # fmt: skip

PRENOMS = """
Yasmina Élodie Marie-Antoinette Luc Aïssatou Paul Fatou Jean-Baptiste Chloé Mehdi Anaïs Thomas Ingrid Samuel Leïla
Noémie Youssef Camille Bernard Solène Ibrahim Françoise Malik Océane Gérard Inès Kevin Maïmouna Hugo Zoé Ana Driss
Jeanne Romain Khadija Loïc Mireille Tom Sofia Étienne
""".split()  # noqa: SIM905
NOMS = """
Amrani Berthelot-Desgranges Caron Diallo Évrard Fontaine Garnier Haddad Imbert Jacquet Kovač Leroy Marchal N’Diaye
Olivier Petit Quéméner Roussel Sanchez Traoré Urbain Vasseur Wagner Yilmaz Zidane d’Aubigné Benali Chevalier
Delcourt Faure Gonçalves Lefèvre Moreau Nguyen Perret Rahmani Simon Touré Vidal Weiss
""".split()  # noqa: SIM905
