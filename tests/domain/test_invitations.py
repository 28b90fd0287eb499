"""What became of an invitation, and when it is said again: tables of examples."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.capacity import Jauge, Ouverture, ReservablePar, Visibilite
from webapp.domain.invitations import LIFE, RELANCES, USEFUL, EtatInvitation, Moments

SENT = datetime(2026, 2, 20, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def moments(**fields: object) -> Moments:
    return Moments(**{"envoyee_le": SENT, "expire_le": SENT + LIFE, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "after", "etat"),
    [
        ({}, DAY, EtatInvitation.ENVOYEE),
        ({"ouverte_le": SENT}, DAY, EtatInvitation.OUVERTE),
        ({"ouverte_le": SENT}, LIFE, EtatInvitation.EXPIREE),
        ({}, LIFE - timedelta(seconds=1), EtatInvitation.ENVOYEE),
        ({"retiree_le": SENT}, DAY, EtatInvitation.RETIREE),
        ({"retiree_le": SENT, "ouverte_le": SENT}, LIFE, EtatInvitation.RETIREE),
        ({"reservee": True}, DAY, EtatInvitation.RESERVEE),
        ({"reservee": True, "retiree_le": SENT}, LIFE, EtatInvitation.RESERVEE),
    ],
)
def test_its_state_in_one_word(fields: dict[str, object], after: timedelta, etat: EtatInvitation) -> None:
    assert moments(**fields).etat(SENT + after) is etat


@pytest.mark.parametrize(
    ("days", "relance"),
    [(0, None), (2.99, None), (3, 3), (5, 3), (9.99, 3), (10, 10), (16.99, 10), (17, None), (80, None)],
)
def test_it_is_said_again_after_3_and_10_days(days: float, relance: int | None) -> None:
    assert moments().relance(SENT + days * DAY) == relance


@pytest.mark.parametrize("fields", [{"reservee": True}, {"retiree_le": SENT}, {"expire_le": SENT + 2 * DAY}])
def test_what_is_over_is_not_said_again(fields: dict[str, object]) -> None:
    assert moments(**fields).relance(SENT + 3 * DAY) is None


@given(st.floats(0, 100), st.booleans(), st.booleans())
def test_nothing_is_said_about_what_opens_nothing(days: float, withdrawn: bool, booked: bool) -> None:
    found = moments(retiree_le=SENT if withdrawn else None, reservee=booked)
    now = SENT + days * DAY
    relance = found.relance(now)
    if relance is not None:
        assert found.live(now) and found.etat(now) in (EtatInvitation.ENVOYEE, EtatInvitation.OUVERTE)
        assert relance in RELANCES and relance * DAY <= now - SENT < relance * DAY + USEFUL


@given(st.sampled_from(ReservablePar), st.sampled_from(Visibilite), st.booleans(), st.booleans(), st.integers(0, 3))
def test_an_invitation_opens_what_is_for_the_invited_and_closes_nothing(
    who: ReservablePar, visible: Visibilite, archived: bool, cancelled: bool, taken: int
) -> None:
    opened = Ouverture(
        reservable_par=who,
        visibilite=visible,
        archive=archived,
        collectif=True,
        cancelled=cancelled,
        starts_at=SENT + 5 * DAY,
        delai_min=timedelta(minutes=30),
        delai_max=90 * DAY,
        jauge=Jauge(1, 3, taken),
    )
    stranger, invited = opened.refusal(SENT), opened.refusal(SENT, invited=True)
    if who is ReservablePar.INVITES:
        assert stranger is not None and stranger.code == "introuvable"
        free = visible is not Visibilite.INVISIBLE and not archived and not cancelled and taken < 3
        assert (invited is None) is free
    else:
        assert repr(stranger) == repr(invited)
