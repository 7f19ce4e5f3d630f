"""Requests made of the server's own description: none ends in a fault of the server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.server.served import client_of, copy_served, ids_of

BASE = "http://127.0.0.1:8000"
# each starts a process, and is tried by its own tests
_JOBS = ("/api/jobs", "post")
_KINDS = {
    "raster": "rasters",
    "inventory": "inventories",
    "inventory_id": "inventories inventory",
    "sample_id": "samples",
}
EXAMPLES = 50

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = copy_served(made, tmp_path_factory.mktemp("openapi") / "served")
    with client_of(folder) as client:
        reviewed = ids_of(client)["inventories inventory"]
        begun = client.post(f"/api/inventories/{reviewed}/review", json={"author": "Ann"})
        assert begun.status_code == 200, begun.text
        yield client


def operations(client: TestClient) -> list[Any]:
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    found: list[Any] = list(schema.get_all_operations())
    return [one.ok() for one in found]


def _try(
    client: TestClient,
    operation: Any,
    ids: dict[str, str],
    by_status: dict[int, int],
) -> None:
    """Call an operation with data of its own description; half of it of things that are there."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), exists=st.booleans())
    def call(data: st.DataObject, exists: bool) -> None:
        mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if exists:
            for name, kind in _KINDS.items():
                own = [key for place, key in ids.items() if place.startswith(kind)]
                if name in (case.path_parameters or {}) and own:
                    case.path_parameters[name] = data.draw(st.sampled_from(own))
        made = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        assert made.method is not None
        assert made.url is not None
        body = made.body if isinstance(made.body, bytes) else str(made.body or "").encode()
        headers = {name: str(text) for name, text in made.headers.items() if name != "Host"}
        response = client.request(made.method, made.url, content=body, headers=headers)
        status = response.status_code
        by_status[status] = by_status.get(status, 0) + 1
        assert status < 500 or status == 503, case.as_curl_command()
        if status >= 400:
            kind = response.headers["content-type"]
            assert kind == "application/problem+json", case.as_curl_command()

    call()


def test_no_request_ends_in_a_fault(client: TestClient) -> None:
    ids, by_status = ids_of(client), dict[int, int]()
    for operation in operations(client):
        if (operation.path, operation.method) != _JOBS:
            _try(client, operation, ids, by_status)
    assert by_status[200] > EXAMPLES
    assert {404, 422} <= {*by_status}
