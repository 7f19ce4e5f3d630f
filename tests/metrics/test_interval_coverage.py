"""The simulation of ``benchmarks/interval_coverage.py``, small."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "interval_coverage.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[SCRIPT.stem] = module
    spec.loader.exec_module(module)
    return module


def test_intervals_over_groups_cover_and_over_tiles_do_not(benchmark: ModuleType) -> None:
    found = benchmark.simulate(20, 0.5, repetitions=150, draws=200)
    assert found.correlation == pytest.approx(0.5, abs=0.06)
    assert 0.89 <= found.covered["landslip"] <= 0.99
    assert found.covered["tiles"] < 0.8
    assert found.rejected_groups < 0.1
    assert found.rejected_tiles > 0.12
