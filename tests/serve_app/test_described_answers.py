"""What the OpenAPI page says is what the service does, whatever is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from serve_app.openapi import whole_description

if TYPE_CHECKING:
    from http_steps import PlainServer


@schemathesis.serializer("application/pdf")
def as_they_are(_context: object, value: object) -> bytes:
    """Bytes of a body, whatever was made up for it."""
    return value if isinstance(value, bytes) else str(value).encode()


API = schemathesis.openapi.from_dict(whole_description())
ENDLESS = frozenset({"/status/{job_id}/events"})
"""Answers that stream for as long as their job lives."""
DOCUMENTED_SERVER_ERRORS = frozenset({503, 507})
OPERATIONS = {
    operation.label: operation
    for operation in (found.ok() for found in API.get_all_operations())
    if operation.path not in ENDLESS
}
BOUNDED = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_every_answer_is_one_that_is_described(server: PlainServer, label: str) -> None:
    """Random parameters and bodies: no unexpected 5xx, no status or body that the description does not name."""

    @BOUNDED
    @given(case=OPERATIONS[label].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(base_url=server.url, timeout=60)
        checks = [status_code_conformance, response_schema_conformance]
        if answer.status_code not in DOCUMENTED_SERVER_ERRORS:
            checks.append(not_a_server_error)
        case.validate_response(answer, checks=checks)

    ask()
