"""A folder as landslip makes it, and a client over a copy of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.server.served import client_of, copy_served, make_served


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a served folder that tests only read, or copy."""
    return make_served(tmp_path_factory.mktemp("made") / "served")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return copy_served(made, tmp_path / "served")


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with client_of(folder) as client:
        yield client
