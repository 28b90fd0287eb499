"""Tables and relationships, and their bridges to domain values. Importing this package registers every table."""

from .absence import Absence
from .acces import Acces, Usage
from .agent import Agent, CodeSecours, DroitAgent, NiveauNotification, SecondFacteur, SessionAgent
from .agregat import FIGURES, Agregat, Comptage
from .attente import FileAttente
from .export import EtatExport, Export, ExportMorceau, FormatExport, GenreExport
from .invitation import Invitation
from .jeton import Jeton, ReponseApi
from .journal import Journal
from .message import Message
from .motif import Champ, Discretion, Motif, TypeLieu, TypeMotif
from .organisation import ConfirmationSms, Lieu, Organisation, Salle, Service
from .outbox import Canal, CompteurSms, Envoi, EtatNotification, MessageDemo, Notification
from .plage import PlageOuverture
from .rdv import Participation, Rdv, ouverture, quand
from .usager import END_OF_NAME, Usager, UsagerCle, usager_mots, usager_organisations
from .webhook import EtatEnvoi, Webhook, WebhookEnvoi

__all__ = [
    "END_OF_NAME",
    "FIGURES",
    "Absence",
    "Acces",
    "Agent",
    "Agregat",
    "Canal",
    "Champ",
    "CodeSecours",
    "Comptage",
    "CompteurSms",
    "ConfirmationSms",
    "Discretion",
    "DroitAgent",
    "Envoi",
    "EtatEnvoi",
    "EtatExport",
    "EtatNotification",
    "Export",
    "ExportMorceau",
    "FileAttente",
    "FormatExport",
    "GenreExport",
    "Invitation",
    "Jeton",
    "Journal",
    "Lieu",
    "Message",
    "MessageDemo",
    "Motif",
    "NiveauNotification",
    "Notification",
    "Organisation",
    "Participation",
    "PlageOuverture",
    "Rdv",
    "ReponseApi",
    "Salle",
    "SecondFacteur",
    "Service",
    "SessionAgent",
    "TypeLieu",
    "TypeMotif",
    "Usage",
    "Usager",
    "UsagerCle",
    "Webhook",
    "WebhookEnvoi",
    "ouverture",
    "quand",
    "usager_mots",
    "usager_organisations",
]
