"""The document against the code: requests made from it, right and wrong, with a token and without, never break it."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi

from tests.desk import sqlite_only  # noqa: F401
from tests.programs import Town
from webapp.api.registry import OPERATIONS

CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
    openapi.missing_required_header,
    openapi.unsupported_method,
    openapi.ignored_auth,
]
NAMES = [one.name for one in OPERATIONS]


def push(app: Flask, town: Town, name: str, examples: int, *, token: bool) -> dict[int, int]:
    """Requests of one operation, half of them about what there is; answers how many got each status."""
    operation: Any = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app).find_operation_by_id(name)
    there = {"rdv_id": town.rdv, "participation_id": town.place}
    headers = {"Authorization": f"Bearer {town.token}"} if token else {}
    got: dict[int, int] = {}

    @settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        derandomize=True,
        database=None,
    )
    @given(case=st.one_of(*(operation.as_strategy(mode) for mode in GenerationMode)), real=st.booleans())
    def ask(case: schemathesis.Case, real: bool) -> None:
        checks = CHECKS
        if real:  # what was wrong with the request may be gone then
            case.path_parameters.update({key: there[key] for key in case.path_parameters})
            checks = [check for check in CHECKS if check is not openapi.negative_data_rejection]
        answer = case.call_and_validate(headers=headers, checks=checks)
        got[answer.status_code] = got.get(answer.status_code, 0) + 1

    ask()
    return got


@pytest.mark.parametrize("name", NAMES)
def test_the_document_holds(app: Flask, name: str) -> None:
    got = push(app, Town(app, preset="référent"), name, 15, token=True)
    assert set(got) - {401}, got


@pytest.mark.parametrize("name", NAMES)
def test_without_a_token_nothing_but_that_is_said(app: Flask, name: str) -> None:
    got = push(app, Town(app), name, 5, token=False)
    assert set(got) <= {401, 404, 405}, got  # the last two: what is no address at all


@pytest.mark.volume
@pytest.mark.parametrize("name", NAMES)
def test_the_document_holds_for_long(app: Flask, name: str) -> None:
    push(app, Town(app, preset="référent"), name, 200, token=True)
