"""What the journal's page asks for, read from its address: what it says that means nothing is as if it said nothing."""

from dataclasses import dataclass, fields
from datetime import date, time, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from webapp.domain.participation import Acteur
from webapp.domain.recurrence import to_utc
from webapp.queries.journal import Choix
from webapp.web.intake import number

SUJETS = {
    "inscriptions": ("Inscriptions et présences", ("participation", "fileattente")),
    "usagers": ("Fiches des usagers", ("usager",)),
    "invitations": ("Invitations", ("invitation",)),
    "seances": ("Séances", ("rdv",)),
    "messages": ("Messages écrits", ("message",)),
    "plages": ("Plages d’ouverture", ("plageouverture",)),
    "motifs": ("Motifs", ("motif",)),
    "lieux": ("Lieux et salles", ("lieu", "salle")),
    "absences": ("Absences", ("absence",)),
    "agents": ("Agents et droits", ("agent",)),
    "integrations": ("Intégrations", ("jeton", "webhook")),
    "organisation": ("Organisation et réglages", ("organisation", "service")),
}
"""Kind of thing → its words, and the records it means."""
ACTEURS = {Acteur.USAGER: "Les personnes elles-mêmes", Acteur.SYSTEME: "Le site"}


@dataclass(frozen=True, slots=True)
class Filtres:
    """Between which days, both included, by whom (`usager`, `systeme` or an agent's id), about what."""

    du: date | None = None
    au: date | None = None
    qui: str = ""
    quoi: str = ""

    @classmethod
    def of(cls, args: "MultiDict[str, str]") -> "Filtres":
        """From the parameters of an address."""
        agent = args.get("qui", type=number)
        who = args.get("qui", "") if args.get("qui", "") in set(ACTEURS) else str(agent) if agent else ""
        about = args.get("quoi", "")
        return cls(_day(args.get("du", "")), _day(args.get("au", "")), who, about if about in SUJETS else "")

    def address(self) -> dict[str, str]:
        """The parameters of an address that asks for the same."""
        asked: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in asked.items() if value}

    def choix(self, tz: str) -> Choix:
        """The same for the database; days are those of `tz`."""
        return Choix(
            debut=to_utc(self.du, time(), tz) if self.du else None,
            fin=to_utc(self.au + timedelta(days=1), time(), tz) if self.au else None,
            agent_id=int(self.qui) if self.qui and self.qui not in set(ACTEURS) else None,
            acteur=Acteur(self.qui) if self.qui in set(ACTEURS) else None,
            sujets=SUJETS[self.quoi][1] if self.quoi else (),
        )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 < day.year < 2200 else None
