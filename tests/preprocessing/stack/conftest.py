from collections.abc import Callable
from pathlib import Path

import pytest
from tests.factories.stacks import Sources, write_sources


@pytest.fixture
def sources(write_raster: Callable[..., Path], tmp_path: Path) -> Sources:
    return write_sources(write_raster, tmp_path)
