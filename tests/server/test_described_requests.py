"""Requests made from the server's own description: none is a fault of the server."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from tests.server.served import ids_of, make_served

from landslip.server.app import create_app
from landslip.server.options import ServeOptions

pytestmark = pytest.mark.slow
PARTS = ("/review", "/samples/", "/jobs")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = make_served(tmp_path_factory.mktemp("made") / "served")
    app = create_app(ServeOptions(folder=folder))
    # a fault is raised here, and answered with 500 by the real server
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_is_a_fault_of_the_server(client: TestClient, mode: GenerationMode) -> None:
    ids = ids_of(client)
    known = {
        "inventory_id": ids["inventories inventory"],
        "sample_id": ids["samples sample.gpkg"],
    }
    client.post(f"/api/inventories/{known['inventory_id']}/review", json={"author": "Ann"})
    description = client.get("/api/openapi.json").json()
    schema = schemathesis.openapi.from_dict(description)
    found = schema.get_all_operations()
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    operations = [one for one in operations if any(part in one.path for part in PARTS)]
    assert len(operations) >= 18
    statuses: set[int] = set()
    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=15,
            phases=[Phase.generate],
            suppress_health_check=[*HealthCheck],
            deadline=None,
        )
        def run(case: Any) -> None:
            for name in {*case.path_parameters} & {*known}:
                case.path_parameters[name] = known[name]
            parts = case.as_transport_kwargs(base_url="http://127.0.0.1:8000")
            parts = {
                name: parts[name]
                for name in ("method", "url", "params", "headers", "json", "content", "data")
                if parts.get(name) is not None
            }
            if isinstance(parts.get("data"), bytes):
                parts["content"] = parts.pop("data")
            parts.get("headers", {}).pop("Host", None)
            response = client.request(**parts)
            statuses.add(response.status_code)
            assert response.status_code < 500, (case.as_curl_command(), response.text)
            if response.status_code >= 400:
                assert response.headers["content-type"] == "application/problem+json"

        with suppress(Unsatisfiable):  # a request without parameters is never wrong
            run()
    assert {200, 404, 422} <= statuses
