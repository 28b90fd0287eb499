"""The agents' back office."""

from flask import Blueprint

bp = Blueprint("agent", __name__, url_prefix="/agent")

from . import (  # noqa: E402
    a_faire,  # noqa: F401
    abonnement,  # noqa: F401
    absences,  # noqa: F401
    accueil,  # noqa: F401
    agenda,  # noqa: F401
    aide,  # noqa: F401
    animation,  # noqa: F401
    annulation,  # noqa: F401
    attente,  # noqa: F401
    canaux,  # noqa: F401
    compte,  # noqa: F401
    copie,  # noqa: F401
    deplacement,  # noqa: F401
    deux_etapes,  # noqa: F401
    emargement,  # noqa: F401
    etape,  # noqa: F401
    exports,  # noqa: F401
    feuille,  # noqa: F401
    fiche,  # noqa: F401
    fin_de_fiche,  # noqa: F401
    flux,  # noqa: F401
    invitations,  # noqa: F401
    mon_compte,  # noqa: F401
    participations,  # noqa: F401
    plages,  # noqa: F401
    pointage,  # noqa: F401
    preferences,  # noqa: F401
    reglages,  # noqa: F401
    relance,  # noqa: F401
    repertoire,  # noqa: F401
    seance,  # noqa: F401
    statistiques,  # noqa: F401
    suites,  # noqa: F401
    suivi,  # noqa: F401
    trouver,  # noqa: F401
    usagers,  # noqa: F401
)
