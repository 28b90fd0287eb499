"""What becomes of each coming session of a series when it changes (docs/domain.md rules 4 to 6): a plan, read before it
is carried out. The same function makes the page that asks and the save that does, so that they can't disagree.

Where and when (`ou`) is any value that can be compared: the plan never looks inside.
"""

import hashlib
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum


class Sort(StrEnum):
    """What becomes of a session."""

    INCHANGEE = "inchangee"
    DEPLACEE = "deplacee"
    RETIREE = "retiree"  # nobody ever had a place in it
    GARDEE = "gardee"  # it no longer fits, and stays where and when it is
    ANNULEE = "annulee"
    CREEE = "creee"


class Decision(StrEnum):
    """What an agent may decide of a session where people are booked, or wait."""

    DEPLACER = "deplacer"
    GARDER = "garder"
    ANNULER = "annuler"


class Question(StrEnum):
    """What is asked about a session before anything is done to its people."""

    AUCUNE = "aucune"
    OU_QUAND = "ou_quand"  # it could follow: move it, or keep it as it is
    SANS_DATE = "sans_date"  # its date goes away: keep it, or cancel it


POSSIBLES: Mapping[Question, tuple[Decision, ...]] = {
    Question.AUCUNE: (),
    Question.OU_QUAND: (Decision.DEPLACER, Decision.GARDER),
    Question.SANS_DATE: (Decision.GARDER, Decision.ANNULER),
}


@dataclass(frozen=True, slots=True)
class Seance:
    """A coming session: its day in the series, where and when it is, who has a seat (`inscrits`, ids of their places)
    and who waits for one (`attendent`). `connue`: somebody has or had a place. `presents`: somebody is there already.
    The capacities are what it has and what it would have (None: no limit)."""

    id: int
    jour: date
    ou: Hashable
    inscrits: tuple[int, ...] = ()
    attendent: tuple[int, ...] = ()
    connue: bool = False
    detachee: bool = False
    presents: bool = False
    capacite: int | None = None
    capacite_voulue: int | None = None

    @property
    def concerne(self) -> bool:
        """Is somebody told when it moves or is cancelled?"""
        return bool(self.inscrits or self.attendent)


@dataclass(frozen=True, slots=True)
class Choix:
    """The agent's decisions: one for all the sessions a question is about, and exceptions by session. What does not
    answer a session's question is not one."""

    ou_quand: Decision = Decision.GARDER
    sans_date: Decision = Decision.GARDER
    exceptions: Mapping[int, Decision] = field(default_factory=dict)

    def of(self, question: Question, seance_id: int) -> Decision:
        """What was decided of that session."""
        usual = self.sans_date if question is Question.SANS_DATE else self.ou_quand
        for decision in (self.exceptions.get(seance_id), usual):
            if decision in POSSIBLES[question]:
                return decision
        return Decision.GARDER


@dataclass(frozen=True, slots=True)
class Etape:
    """One line of the plan; `seance` is None for one to create, `vers` is where and when it would be, if anywhere."""

    sort: Sort
    jour: date
    seance: Seance | None = None
    vers: Hashable = None
    question: Question = Question.AUCUNE

    @property
    def deborde(self) -> bool:
        """Does it get fewer places than it has people? Nobody is removed (rule 7)."""
        one = self.seance
        return (
            one is not None
            and self.sort is not Sort.ANNULEE
            and one.capacite_voulue is not None
            and one.capacite_voulue != one.capacite
            and len(one.inscrits) > one.capacite_voulue
        )

    @property
    def a_voir(self) -> bool:
        """Is it to be read before anything is done? Not when nobody is concerned."""
        return self.question is not Question.AUCUNE or self.deborde

    @property
    def cle(self) -> str:
        """What a page shows of it whatever is decided, to find out whether it is still so when the page is sent."""
        one = self.seance
        assert one is not None
        shown = (
            self.question, self.jour, one.ou, self.vers, one.inscrits, one.attendent, one.presents, one.capacite_voulue
        )  # fmt: skip
        return f"{one.id}-{hashlib.sha256(repr(shown).encode()).hexdigest()[:12]}"


def plan(
    seances: Iterable[Seance],
    voulues: Mapping[date, Hashable],
    choix: Choix,
    *,
    prises: Collection[date] = (),
    detachees: bool = False,
) -> list[Etape]:
    """What becomes of each of these sessions, and which are to be created, by day.

    `voulues`: the days the series is to be held, and where and when. `prises`: days that have a session not given here
    (cancelled, or past): none is made again. Detached ones stay as they are, unless the series itself stops
    (`detachees`).
    """
    steps = [_step(one, voulues, choix, detachees) for one in seances]
    taken = {step.jour for step in steps}.union(prises)
    steps += [Etape(Sort.CREEE, jour, vers=ou) for jour, ou in voulues.items() if jour not in taken]
    return sorted(steps, key=lambda step: (step.jour, step.seance.id if step.seance else 0))


def _step(one: Seance, voulues: Mapping[date, Hashable], choix: Choix, detachees: bool) -> Etape:
    to = voulues.get(one.jour)
    if (one.detachee and not (detachees and one.jour not in voulues)) or to == one.ou:
        return Etape(Sort.INCHANGEE, one.jour, one, one.ou)
    if one.jour in voulues:
        if not one.concerne:
            return Etape(Sort.DEPLACEE, one.jour, one, to)
        step = Etape(Sort.GARDEE, one.jour, one, to, Question.OU_QUAND)
        return replace(step, sort=Sort.DEPLACEE) if choix.of(step.question, one.id) is Decision.DEPLACER else step
    if not one.connue and not one.concerne:
        return Etape(Sort.RETIREE, one.jour, one)
    step = Etape(Sort.GARDEE, one.jour, one, None, Question.SANS_DATE)
    if choix.of(step.question, one.id) is Decision.ANNULER and not one.presents:
        return replace(step, sort=Sort.ANNULEE)
    return step


def shown(steps: Iterable[Etape]) -> frozenset[str]:
    """The keys of what is to be read before anything is done."""
    return frozenset(step.cle for step in steps if step.a_voir)
