"""Commands on mutated inputs: one line with the file's name, exit code 2, and nothing left."""

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely import box
from tests.conftest import WritePolygons, WriteRaster
from tests.inventory.factories import make_extraction
from typer.testing import CliRunner

from landslip.cli.app import app
from mutation_parts.mutations import (
    BYTES,
    GEOJSON,
    JSON,
    PATHS,
    RASTER,
    VECTOR,
    VRTS,
    YAML,
    Mutation,
)

SUBSET = 26


def _run(words: list[str], names: tuple[str, ...], folder: Path) -> None:
    """Run a command in an empty folder and check what every command promises."""
    here = folder / "here"
    here.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        result = CliRunner().invoke(app, words)
    said = result.stderr.replace("\r", "\n").splitlines()
    assert result.exit_code in (0, 2), result.stderr
    assert "Traceback" not in result.stderr
    assert all(line.isprintable() and len(line) < 1300 for line in said)
    assert list(here.iterdir()) == []
    if result.exit_code == 2:
        assert any(line.startswith(("landslip: ", "Error: ")) for line in said)
        assert any(name in result.stderr for name in names)
        assert [path.name for path in folder.iterdir() if "out" in path.name] == []


def _drawn(*families: dict[str, Mutation]) -> list[Any]:
    """Return a few mutations of each family, the same in every run."""
    chosen: list[Any] = []
    for family in families:
        names = random.Random(0).sample(sorted(family), min(SUBSET, len(family)))
        chosen += [pytest.param(family[name], id=name) for name in sorted(names)]
    return chosen


@pytest.mark.parametrize("mutation", _drawn(VECTOR, GEOJSON, BYTES, PATHS))
def test_labels(
    mutation: Mutation, tmp_path: Path, write_raster: WriteRaster, write_polygons: WritePolygons
) -> None:
    values = np.random.default_rng(0).integers(1, 900, (2, 64, 64)).astype(np.uint16)
    scene = write_raster("scene.tif", values, names=("red", "nir"))
    places = [box(5e5 + x, 4e6 - 50, 5e5 + x + 8, 4e6 - 40) for x in (5, 20, 40)]
    labels = write_polygons("labels.gpkg", places, layer="landslides")
    mutation(labels, random.Random(1))
    words = f"dataset scene {scene} {labels} --tile 32 --out {tmp_path / 'out'}"
    _run(words.split(), ("labels.gpkg",), tmp_path)


@pytest.mark.parametrize("mutation", _drawn(RASTER, VRTS, BYTES, PATHS))
def test_rasters(mutation: Mutation, tmp_path: Path, write_raster: WriteRaster) -> None:
    values = np.random.default_rng(0).integers(1, 900, (2, 64, 64)).astype(np.uint16)
    ms = write_raster("ms.tif", values[:, ::2, ::2], names=("red", "nir"))
    pan = write_raster("pan.tif", values[:1])
    mutation(pan, random.Random(1))
    words = f"pansharpen {ms} {pan} --out {tmp_path / 'out.tif'}"
    _run(words.split(), ("pan.tif", "ms.tif"), tmp_path)


@pytest.fixture(scope="module")
def extraction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_extraction(tmp_path_factory.mktemp("made")).extraction


@pytest.mark.parametrize("mutation", _drawn(JSON, PATHS))
def test_summaries(mutation: Mutation, tmp_path: Path, extraction: Path) -> None:
    mutated = shutil.copytree(extraction, tmp_path / "map")
    mutation(mutated / "summary.json", random.Random(1))
    words = f"inventory {mutated} --no-use-scene --draws 2 --out {tmp_path / 'out'}"
    _run(words.split(), ("summary.json", str(mutated)), tmp_path)


@pytest.mark.parametrize("mutation", _drawn(YAML, PATHS))
def test_configurations(mutation: Mutation, tmp_path: Path) -> None:
    config = tmp_path / "study.yaml"
    config.write_text("name: a\n")
    mutation(config, random.Random(1))
    words = f"experiment {config} --out {tmp_path / 'out'}"
    _run(words.split(), ("study.yaml",), tmp_path)
