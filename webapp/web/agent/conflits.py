"""What stands at the same time as a session being prepared: said once as a warning, then one may go on."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from flask import request

from webapp.domain.dates import hour, local, long_date, span
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Refus
from webapp.domain.intervals import Interval, clashes
from webapp.models import Agent, Organisation, Salle
from webapp.queries.agenda import Services
from webapp.queries.disponibilites import Prise, occupations
from webapp.web.auth import current_agent

SHOWN = 8
KEPT = 400
"""Of the warnings a page showed, how many come back with it."""
FIELD = "vus"
CLASH = "Quelque chose d’autre est prévu en même temps : vérifiez, puis validez à nouveau pour passer outre."


@dataclass(frozen=True, slots=True)
class Conflit:
    """One thing at the same time: on which day, in words; `cle` tells it from any other."""

    jour: str
    phrase: str
    cle: str


@dataclass(frozen=True, slots=True)
class Conflits:
    """All of them, in order, and how many dates they are about."""

    liste: Sequence[Conflit] = ()
    dates: int = 0

    @property
    def montres(self) -> Sequence[Conflit]:
        return self.liste[:SHOWN]

    @property
    def encore(self) -> int:
        return max(0, len(self.liste) - SHOWN)

    @property
    def vus(self) -> str:
        """What comes back with the page: these were in view."""
        return " ".join(one.cle for one in self.liste[:KEPT])

    def nouveaux(self) -> bool:
        """Is there one that the page sent did not show?"""
        seen = set(request.form.get(FIELD, "").split())
        return any(one.cle not in seen for one in self.liste[:KEPT])

    def check(self) -> None:
        """Raise `Refus` for what was not in view: the page comes back with it, and the next click goes on."""
        if self.nouveaux():
            raise Refus(CLASH)


def conflits(
    organisation: Organisation,
    when: Sequence[Interval],
    agents: Iterable[Agent],
    salle: Salle | None,
    *,
    sauf_plage: int | None = None,
    sauf_rdvs: Collection[int] = (),
) -> Conflits:
    """Absences and other sessions of these agents, other sessions in that room, at these times: three statements."""
    people = {agent.id: agent for agent in agents}
    if not when or not (people or salle):
        return Conflits()
    window = Interval(min(one.start for one in when), max(one.end for one in when))
    taken = occupations(
        organisation, window, people.keys(), salle.id if salle else None, sauf_plage=sauf_plage, sauf_rdvs=sauf_rdvs
    )
    words = _Words(organisation.timezone)
    found: set[tuple[Interval, str]] = set()
    for agent_id, prises in taken.agents.items():
        found |= set(words.of(when, people[agent_id].nom_court, prises))
    if salle:
        found |= set(words.of(when, f"La salle « {salle.name} »", taken.salle))
    return Conflits(
        [
            Conflit(long_date(one.start, organisation.timezone), phrase, _cle(one, phrase))
            for one, phrase in sorted(found)
        ],
        len({one for one, _ in found}),
    )


def _cle(when: Interval, phrase: str) -> str:
    return hashlib.sha256(f"{when.start.isoformat()} {phrase}".encode()).hexdigest()[:8]


class _Words:
    """What takes somebody or a room, said to this agent: a session of a service that is not theirs has no name."""

    def __init__(self, tz: str) -> None:
        me = current_agent()
        self.tz = tz
        self.services: Services = services_with(me.octrois(), Droit.VOIR, me.organisation_id)

    def of(self, when: Sequence[Interval], who: str, prises: Iterable[Prise]) -> Iterator[tuple[Interval, str]]:
        for one, prise in clashes(when, ((prise.quand, prise) for prise in prises)):
            yield one, f"{who} : {self.reason(prise)}"

    def reason(self, prise: Prise) -> str:
        """ "Mes droits au RSA, de 14 h à 16 h", or an absence, never why."""
        if prise.rdv is None:
            return self._absence(prise.quand)
        hours = f"de {span(*prise.quand, self.tz)}"
        seen = self.services is None or prise.rdv.motif.service_id in self.services
        return f"{prise.rdv.motif.name if seen else 'séance d’un autre service'}, {hours}"

    def _absence(self, quand: Interval) -> str:
        first, last = (local(moment, self.tz) for moment in quand)
        if first.date() == last.date():
            return f"absence notée, de {hour(first)} à {hour(last)}"
        return "absence notée"


def reason(prises: Sequence[Prise], tz: str) -> str:
    """What takes somebody, in words for this agent: an absence says more than a session."""
    return _Words(tz).reason(next((one for one in prises if one.rdv is None), prises[0]))
