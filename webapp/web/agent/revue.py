"""What is read before a series changes: each session, what becomes of it, who receives what, whom to call."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from webapp.domain.dates import long_date, span
from webapp.domain.serie import POSSIBLES, Choix, Etape, Question, Sort
from webapp.models import Organisation, Rdv
from webapp.notifications.people import Prevenus, prevenus
from webapp.queries.attente import waiting_in
from webapp.queries.journal import places
from webapp.queries.notifications import concerned
from webapp.services.rdvs import OuEtQuand
from webapp.services.series import Apercu
from webapp.web.envois import texts_left
from webapp.web.forms.serie import WORDS
from webapp.web.templating import pluriel


@dataclass(frozen=True, slots=True, kw_only=True)
class Ligne:
    """One session to read about: where it is and where it would be, its people, what may be decided of it."""

    id: int
    cle: str
    motif: str
    quand: str
    ou: str
    quand_apres: str = ""
    ou_apres: str = ""
    inscrits: int = 0
    attendent: int = 0
    devient: str = ""
    deborde: str = ""
    presents: bool = False
    change: bool = False  # since the page that was read before
    reponses: Sequence[tuple[str, str]] = ()
    reponse: str = ""


@dataclass(frozen=True, slots=True)
class Revue:
    """The whole page: questions with their sessions, what follows by itself, who is told."""

    deplacer: Sequence[Ligne] = ()
    sans_date: Sequence[Ligne] = ()
    debordent: Sequence[Ligne] = ()
    suites: Sequence[str] = ()
    told: Prevenus = field(default_factory=lambda: Prevenus(0, 0, 0, []))
    prevenues: int = 0
    annulees: int = 0
    disparues: int = 0
    """How many of those that were read are no longer to be decided."""

    @property
    def lignes(self) -> list[Ligne]:
        """All the sessions to read about, each once."""
        return [*self.deplacer, *self.sans_date, *self.debordent]


def review(apercu: Apercu, organisation: Organisation, choix: Choix, montre: Collection[str] = ()) -> Revue:
    """The plan in words; `montre` are the keys of the page that was read before, if there was one."""
    read = _Words(apercu, organisation, choix, frozenset(montre))
    by_question = {
        question: [read.line(step) for step in apercu.a_voir if step.question is question] for question in Question
    }
    told = concerned(apercu.prevenues)
    keys = {step.cle for step in apercu.a_voir}
    return Revue(
        by_question[Question.OU_QUAND],
        by_question[Question.SANS_DATE],
        by_question[Question.AUCUNE],
        _follows(apercu),
        prevenus(
            [*(place for people in told.values() for place in people), *waiting_in(apercu.prevenues)],
            textes=texts_left(organisation),
        ),
        len(told),
        apercu.count(Sort.ANNULEE),
        len({cle.partition("-")[0] for cle in montre} - {cle.partition("-")[0] for cle in keys}),
    )


class _Words:
    """Sessions and places in words, names of places read once."""

    def __init__(self, apercu: Apercu, organisation: Organisation, choix: Choix, montre: frozenset[str]) -> None:
        self.apercu, self.tz, self.choix, self.montre = apercu, organisation.timezone, choix, montre
        self.several = len({rdv.motif_id for rdv in apercu.rdvs.values()}) > 1
        wanted = [step.vers for step in apercu.etapes if isinstance(step.vers, OuEtQuand)]
        known = [OuEtQuand.of(rdv) for rdv in apercu.rdvs.values()]
        every = [*wanted, *known]
        lieux = {ou.lieu_id for ou in every if ou.lieu_id}
        self.lieux, self.salles = places(organisation.id, lieux, {ou.salle_id for ou in every if ou.salle_id})

    def line(self, step: Etape) -> Ligne:
        assert step.seance is not None
        rdv: Rdv = self.apercu.rdvs[step.seance.id]
        here, to, seats = OuEtQuand.of(rdv), step.vers, step.seance.capacite_voulue
        moves = isinstance(to, OuEtQuand) and step.question is Question.OU_QUAND
        people = len(step.seance.inscrits)
        return Ligne(
            id=rdv.id,
            cle=step.cle,
            motif=rdv.motif.name if self.several else "",
            quand=self.when(here),
            ou=self.where(here),
            quand_apres=self.when(to, here) if moves and self.when(to) != self.when(here) else "",
            ou_apres=self.where(to) if moves and self.where(to) != self.where(here) else "",
            inscrits=people,
            attendent=len(step.seance.attendent),
            devient=OUTCOMES.get(step.sort, ""),
            deborde=f"{pluriel(people, 'inscrit')} pour {pluriel(seats or 0, 'place')}" if step.deborde else "",
            presents=step.seance.presents,
            change=bool(self.montre) and step.cle not in self.montre,
            reponses=[] if step.seance.presents and step.question is Question.SANS_DATE else [
                (one.value, WORDS[one]) for one in POSSIBLES[step.question]
            ],
            reponse=self.choix.exceptions.get(rdv.id, ""),
        )  # fmt: skip

    def when(self, ou: Any, before: Any = None) -> str:
        """Day and hours; the hours alone on the day it was `before`."""
        hours, day = span(ou.starts_at, ou.ends_at, self.tz), long_date(ou.starts_at, self.tz)
        return hours if before and day == long_date(before.starts_at, self.tz) else f"{day}, {hours}"

    def where(self, ou: Any) -> str:
        names = (self.salles.get(ou.salle_id), self.lieux.get(ou.lieu_id))
        return ", ".join(name for name in names if name) or ou.lien_visio


OUTCOMES = {Sort.DEPLACEE: "déplacée", Sort.ANNULEE: "annulée", Sort.GARDEE: "gardée"}


def _follows(apercu: Apercu) -> list[str]:
    """What becomes of the sessions nobody has booked or waits for: nothing to decide, nobody to tell."""
    said = (
        (apercu.count(Sort.DEPLACEE, reservees=False), "séance sans inscrit suit", "séances sans inscrit suivent"),
        (apercu.count(Sort.CREEE), "séance est créée", "séances sont créées"),
        (apercu.count(Sort.RETIREE), "séance sans inscrit est retirée", "séances sans inscrit sont retirées"),
    )
    return [pluriel(count, one, many) for count, one, many in said if count]
