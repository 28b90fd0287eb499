"""The rest of a series: changed from one of its sessions on, stopped, cancelled, and seen before (rules 5 and 6)."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from enum import StrEnum

from sqlalchemy import select, update

from webapp.clock import utcnow
from webapp.domain.dates import full_date, local
from webapp.domain.droits import Droit
from webapp.domain.errors import Refus
from webapp.domain.recurrence import Recurrence, ended_before
from webapp.domain.serie import Choix, Sort
from webapp.extensions import db
from webapp.models import Agent, PlageOuverture, Rdv

from . import journal
from .droits import require
from .plages import (
    Accord,
    PlageData,
    Reconciliation,
    carried_out,
    check,
    coming_count,
    counts,
    locked,
    motif_of,
    proposed,
    reconcile,
    same_version,
    settled,
    twin_of,
    wanted_days,
    write,
)
from .rdvs import OuEtQuand, occupants
from .series import Apercu, Serie, as_shown, carry_out, coming, differences, loaded, planned, values
from .transaction import transaction


def split_plage(
    plage_id: int,
    depuis: date,
    data: PlageData,
    agent: Agent,
    *,
    version: int | None = None,
    accord: Accord = Accord(),  # noqa: B008 (frozen)
) -> Reconciliation:
    """Change the session of that day and all that follow: the plage ends the day before, a new one goes on with its
    coming sessions. Raises as `save_plage` does."""
    data.recurrence.check(data.first_day)
    with transaction():
        motif = settled(data.motif_id, alone=True)
        old = locked(plage_id)
        require(agent, Droit.GERER_PLAGES, old)
        if (twin := twin_of(data, motif)) is not None and twin.id != old.id:
            return Reconciliation(twin, coming_count(twin.id), changee=False)  # the same form sent twice
        same_version(old, version)
        if old.motif_id != motif.id:
            raise Refus("La suite garde le motif de la plage : pour un autre atelier, créez une autre plage.")
        if data.first_day < depuis:
            raise Refus(f"La suite commence le {full_date(depuis)} : son premier jour ne peut pas être avant.")
        serie = coming(old.id, depuis=depuis, locked=True)
        before, rule = values(old), Recurrence.from_rrule(old.rrule)
        ended, skipped = ended_before(old.first_day, rule, depuis)
        stays = _left_behind(old, serie, depuis)
        plage = PlageOuverture(organisation_id=old.organisation_id, motif=motif, agents=[])
        write(plage, replace(data, excluded=(*data.excluded, *stays)), check(data, motif, old, serie), agent)
        old.rrule, old.excluded = ended.to_rrule(), sorted({*old.excluded, *(day.isoformat() for day in skipped)})
        old.version += 1
        db.session.add(plage)
        db.session.flush()
        _follow(old, plage, depuis)
        done = reconcile(plage, serie, agent, accord, visible=True)
        after = values(plage)
        journal.note(
            plage.organisation_id,
            "plage_divisee",
            plage,
            agent=agent,
            origine=old.id,
            changements=differences(before, after),
            depuis=depuis.isoformat(),
            **counts(done),
        )
        return done


class Portee(StrEnum):
    """Which sessions a stop is about."""

    UNE = "une"
    SUIVANTES = "suivantes"
    TOUTES = "toutes"

    def covers(self, jour: date, depuis: date) -> bool:
        """Is the session of that day one of them?"""
        return self is Portee.TOUTES or (jour == depuis if self is Portee.UNE else jour >= depuis)


def stop_plage(
    plage_id: int,
    portee: Portee,
    depuis: date,
    agent: Agent,
    *,
    version: int | None = None,
    accord: Accord = Accord(),  # noqa: B008 (frozen)
) -> Reconciliation:
    """Take one occurrence out, or end a plage from that day on, or at once: empty sessions go away, booked ones are
    cancelled and their people told once each, or kept, as was agreed. Asked twice, the second changes nothing."""
    with transaction():
        settled(motif_of(plage_id))  # who changes the motif locks its sessions: none may go away meanwhile
        plage = locked(plage_id)
        require(agent, Droit.GERER_PLAGES, plage)
        serie = coming(plage.id, locked=True)
        before = values(plage)
        rule, skipped = _stopped(plage, portee, depuis)
        excluded = sorted({*plage.excluded, *(day.isoformat() for day in skipped)})
        if (rule.to_rrule(), excluded) != (plage.rrule, plage.excluded):
            same_version(plage, version)
        apercu = _stop_plan(serie, portee, depuis, accord.choix)
        as_shown(apercu, accord.attendu)
        plage.rrule, plage.excluded = rule.to_rrule(), excluded
        changements = differences(before, values(plage))
        done = carried_out(plage, apercu, serie, agent, accord)
        if not (changements or done.retirees or done.annulees or done.gardees):
            return replace(done, changee=False)
        plage.version += 1
        action = "plage_date_retiree" if portee is Portee.UNE else "plage_arretee"
        journal.note(
            plage.organisation_id, action, plage, agent=agent,
            depuis=depuis.isoformat(), changements=changements, **counts(done),
        )  # fmt: skip
        return done


def preview_plage(plage: PlageOuverture, data: PlageData, choix: Choix, *, depuis: date | None = None) -> Apercu:
    """What saving this plage so, or splitting it from that day, would do to its coming sessions; nothing is written.
    Raises `Refus` as saving would."""
    data.recurrence.check(data.first_day)
    serie = coming(plage.id, depuis=depuis)
    check(data, plage.motif, plage, serie)
    if depuis is not None:
        data = replace(data, excluded=(*data.excluded, *serie.prises))
    wanted = proposed(data, plage.motif, plage)
    return planned(serie, wanted_days(wanted, serie), choix, plage=wanted)


def preview_stop(plage: PlageOuverture, portee: Portee, depuis: date, choix: Choix) -> Apercu:
    """What stopping would do; nothing is written."""
    return _stop_plan(coming(plage.id), portee, depuis, choix)


def preview_cancel(rdv_ids: Collection[int], choix: Choix) -> Apercu:
    """What cancelling these sessions would do; those that are over, started or cancelled already are left out."""
    return _cancel_plan(rdv_ids, choix)[0]


def cancel_rdvs(rdv_ids: Collection[int], agent: Agent, *, accord: Accord) -> Apercu:
    """Cancel these sessions, of any plage or none, but for those `accord` keeps: each person is told once for each
    session they were in. Asked twice, the second changes nothing. Raises `Perime`, `Interdit`, `Introuvable`."""
    with transaction():
        apercu, serie = _cancel_plan(rdv_ids, accord.choix, ours=True)
        for rdv in apercu.rdvs.values():
            require(agent, Droit.GERER_RDV, rdv)
        if apercu.rdvs:
            as_shown(apercu, accord.attendu)
        gone = Apercu([step for step in apercu.etapes if step.sort is Sort.ANNULEE], apercu.rdvs)
        carry_out(gone, serie, agent, raison=accord.raison, prevenir=accord.prevenir)
        return gone


def _cancel_plan(rdv_ids: Collection[int], choix: Choix, *, ours: bool = False) -> tuple[Apercu, Serie]:
    rdvs = loaded(set(rdv_ids), locked=ours)
    mine = {rdv.id for rdv in rdvs}
    serie = Serie(rdvs, occupants(mine))
    return planned(serie, {}, choix, detachees=True, busy=mine), serie  # cancelled for all to see: none just goes away


def _stop_plan(serie: Serie, portee: Portee, depuis: date, choix: Choix) -> Apercu:
    stay = {rdv.occurrence_le: OuEtQuand.of(rdv) for rdv in serie.rdvs if rdv.occurrence_le}
    voulues = {day: ou for day, ou in stay.items() if not portee.covers(day, depuis)}
    return planned(serie, voulues, choix, detachees=True)


def _stopped(plage: PlageOuverture, portee: Portee, depuis: date) -> tuple[Recurrence, frozenset[date]]:
    """The rule once stopped, and the dates it then skips."""
    rule = Recurrence.from_rrule(plage.rrule)
    if portee is Portee.UNE:
        return rule, frozenset({depuis})
    today = local(utcnow(), plage.motif.organisation.timezone).date()
    return ended_before(plage.first_day, rule, depuis if portee is Portee.SUIVANTES else today)


def _left_behind(plage: PlageOuverture, serie: Serie, depuis: date) -> frozenset[date]:
    """Days from there on whose sessions are past: they stay with the plage they were held in, none is made again."""
    past = select(Rdv.occurrence_le).where(
        Rdv.plage_ouverture_id == plage.id, Rdv.occurrence_le >= depuis, Rdv.starts_at <= utcnow()
    )
    return frozenset(day for day in db.session.scalars(past) if day)


def _follow(old: PlageOuverture, new: PlageOuverture, depuis: date) -> None:
    """The sessions to come of these days go on in the new plage, cancelled ones included: they keep their day."""
    db.session.execute(
        update(Rdv)
        .where(Rdv.plage_ouverture_id == old.id, Rdv.occurrence_le >= depuis, Rdv.starts_at > utcnow())
        .values(plage_ouverture_id=new.id)
        .execution_options(synchronize_session="fetch")
    )
