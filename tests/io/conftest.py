from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.web import FolderServer, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FolderServer]:
    """Serve the folder in which the test's rasters are written."""
    with serving(tmp_path) as site:
        yield site
