"""Who may change whose rights: the rule as a table (docs/domain.md rule 14)."""

import pytest

from webapp.domain.droits import (
    PRESETS,
    Droit,
    Obstacle,
    Octroi,
    complete,
    obstacle,
    preset_grants,
    preset_of,
)

ORG, AUTRE = 1, 2
INSERTION, PMI = 10, 20


def g(droit: str, service: int | None = INSERTION, organisation: int = ORG) -> Octroi:
    return Octroi(organisation, service, Droit(droit))


ADMIN = preset_grants("admin", ORG, [])
CHEF = preset_grants("référent", ORG, [INSERTION]) | {g("gerer_agents")}  # manages the agents of one service
AGENT = preset_grants("agent", ORG, [INSERTION])
EXAMPLES = [
    ("an admin gives any right anywhere", ADMIN, AGENT, AGENT | {g("surbooker"), g("exporter", None)}, ADMIN, None),
    ("an admin takes any right", ADMIN, AGENT, set(), ADMIN, None),
    ("nothing changes", AGENT, AGENT, AGENT, (), None),
    ("who manages no agents gives nothing", AGENT, set(), {g("gerer_rdv")}, ADMIN, Obstacle.PORTEE),
    ("who manages no agents takes nothing", AGENT, AGENT, set(), ADMIN, Obstacle.PORTEE),
    ("one gives what one has, where one has it", CHEF, AGENT, AGENT | {g("surbooker")}, ADMIN, None),
    ("not what one does not have", CHEF, AGENT, AGENT | {g("configurer_lieux")}, ADMIN, Obstacle.PAS_A_SOI),
    ("not in another service", CHEF, set(), {g("gerer_rdv", PMI)}, ADMIN, Obstacle.PORTEE),
    ("not for all services", CHEF, set(), {g("gerer_rdv", None)}, ADMIN, Obstacle.PORTEE),
    ("not in another organisation", ADMIN, set(), {g("gerer_rdv", None, AUTRE)}, ADMIN, Obstacle.PORTEE),
    ("nor take there", CHEF, {g("gerer_rdv", PMI)}, set(), ADMIN, Obstacle.PORTEE),
    ("nor take what covers all services", CHEF, ADMIN, ADMIN - {g("gerer_agents", None)}, ADMIN, Obstacle.PORTEE),
    ("one may take what one does not have", CHEF, {g("configurer_lieux")}, set(), ADMIN, None),
    (
        "all but one right is not all",
        ADMIN - {g("gerer_integrations", None)},
        AGENT,
        ADMIN,
        ADMIN,
        Obstacle.PAS_A_SOI,
    ),
    (
        "a right of the organisation means nothing for a service",
        ADMIN,
        AGENT,
        AGENT | {g("configurer_organisation")},
        ADMIN,
        Obstacle.SANS_EFFET,
    ),
    ("two admins: one may stop", ADMIN, ADMIN, AGENT, ADMIN, None),
    ("the last admin stays", ADMIN, ADMIN, ADMIN - {g("gerer_agents", None)}, AGENT, Obstacle.DERNIER),
    ("one service is not the organisation", ADMIN, ADMIN, AGENT, CHEF, Obstacle.DERNIER),
    ("the last of a service leaves it to the admins", ADMIN, CHEF, AGENT, ADMIN, None),
    ("the last of a service without admins stays", CHEF, CHEF, AGENT, AGENT, Obstacle.DERNIER),
    ("an admin may become one of a service, if another is left", ADMIN, ADMIN, CHEF, ADMIN, None),
    ("one's own other rights go freely", ADMIN, ADMIN, {g("gerer_agents", None), g("voir", None)}, (), None),
]


@pytest.mark.parametrize(("mine", "before", "after", "others", "expected"), [e[1:] for e in EXAMPLES],
                         ids=[e[0] for e in EXAMPLES])  # fmt: skip
def test_who_may_change_whose_rights(
    mine: frozenset[Octroi],
    before: frozenset[Octroi],
    after: frozenset[Octroi],
    others: frozenset[Octroi],
    expected: Obstacle | None,
) -> None:
    found = obstacle(mine, before, after, others)
    assert (found[0] if found else None) == expected
    assert found is None or found[1]


def test_the_obstacle_names_what_it_is_about() -> None:
    assert obstacle(CHEF, AGENT, AGENT | {g("configurer_lieux"), g("surbooker")}, ADMIN) == (
        Obstacle.PAS_A_SOI,
        {g("configurer_lieux")},
    )


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_preset_is_recognised(preset: str) -> None:
    held = preset_grants(preset, ORG, [INSERTION, PMI])
    assert preset_of(held, ORG, [PMI, INSERTION]) == preset
    assert preset_of(held | {g("surbooker", 30)}, ORG, [INSERTION, PMI]) is None
    assert preset_of(list(held)[1:], ORG, [INSERTION, PMI]) is None
    assert complete(held) == held


def test_no_right_is_no_preset_and_any_right_lets_see() -> None:
    assert preset_of([], ORG, []) is None and complete([]) == set()
    assert complete([g("exporter", PMI)]) == {g("exporter", PMI), g("voir", PMI)}
