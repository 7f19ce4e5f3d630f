"""What the tests of extraction share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.inference.factories import Runner


@pytest.fixture
def run(write_raster: Callable[..., Path], tmp_path: Path) -> Runner:
    """Give what extracts from pixels of red and nir and reads what was written."""
    return Runner(folder=tmp_path, write_raster=write_raster)
