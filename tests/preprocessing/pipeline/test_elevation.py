"""Elevation models that end too early or have holes, through the command."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window as RasterWindow

from .conftest import CommandRunner, PreprocessedScene, ProductLibrary


def cropped(dem: Path, path: Path, box_m: tuple[float, float, float, float]) -> Path:
    """Keep what lies between west, south, east and north."""
    west, south, east, north = box_m
    with rasterio.open(dem) as file:
        col, row = (round(value) for value in ~file.transform @ (west, north))
        col_end, row_end = (round(value) for value in ~file.transform @ (east, south))
        window = RasterWindow(col, row, col_end - col, row_end - row)
        values = file.read(window=window)
        profile = {
            "count": 1,
            "dtype": "float32",
            "height": window.height,
            "width": window.width,
            "crs": file.crs,
            "transform": file.transform @ Affine.translation(col, row),
            "nodata": -9999,
        }
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)
    return path


def holed(dem: Path, path: Path, centre_m: tuple[float, float], side_m: float) -> Path:
    with rasterio.open(dem) as file:
        values, profile = file.read(), file.profile
        col, row = (round(value) for value in ~file.transform @ centre_m)
        half = round(side_m / file.res[0] / 2)
    values[:, row - half : row + half, col - half : col + half] = -9999
    with rasterio.open(path, "w", **(profile | {"driver": "GTiff"})) as file:
        file.write(values)
    return path


def bounds(made: PreprocessedScene) -> tuple[float, float, float, float]:
    with rasterio.open(made.path) as file:
        return tuple(file.bounds)


def centre(made: PreprocessedScene) -> tuple[float, float]:
    west, south, east, north = bounds(made)
    return (west + east) / 2, (south + north) / 2


def test_a_model_that_ends_in_the_scene_is_refused_or_the_scene_ends_there(
    work: CommandRunner, library: ProductLibrary, scene: PreprocessedScene
) -> None:
    west, south, _, north = bounds(scene)
    middle = centre(scene)[0]
    box = (west - 600, south - 600, middle, north + 600)
    dem = cropped(library.dem, work.folder / "half.tif", box)
    said = work.refused(library.summer, dem=dem)
    share = float(said.split("covers ")[1].split("%")[0])
    assert share == pytest.approx(50, abs=4)
    assert "--clip-to-dem" in said
    assert work.files() == []
    made = work.preprocess(library.summer, "--clip-to-dem", dem=dem)
    assert bounds(made)[2] == pytest.approx(middle, abs=12)
    assert bounds(made)[0] == pytest.approx(west, abs=2)
    assert any("no height" in note for note in made.quality["warnings"])
    clipped, whole = made.on_ground(), scene.on_ground()
    both = np.isfinite(clipped) & np.isfinite(whole)
    assert both.sum() > 0.45 * np.isfinite(whole).sum()
    apart = np.abs(clipped - whole)[both] * 1e4
    assert np.quantile(apart, 0.99) <= 30, "but for the fusion's fit, the scene is the same"


def test_a_model_elsewhere_is_refused(work: CommandRunner, library: ProductLibrary) -> None:
    with rasterio.open(library.dem) as file:
        left, bottom, _, _ = file.bounds
    dem = cropped(library.dem, work.folder / "far.tif", (left, bottom, left + 600, bottom + 600))
    said = work.refused(library.summer, dem=dem)
    assert "far.tif: the elevation model does not reach the scene" in said


def test_a_model_that_is_not_there_is_refused(work: CommandRunner, library: ProductLibrary) -> None:
    said = work.refused(library.summer, dem=work.folder / "none.tif")
    assert "none.tif: no such file" in said


def test_holes_are_filled_left_out_or_refused(
    work: CommandRunner, library: ProductLibrary, scene: PreprocessedScene
) -> None:
    dem = holed(library.dem, work.folder / "holed.tif", centre(scene), 240)
    filled = work.preprocess(library.summer, dem=dem)
    assert filled.quality["dem"]["missing_share"] > 0
    assert any("filled from their surroundings" in note for note in filled.quality["warnings"])
    assert np.array_equal(filled.stored > 0, scene.stored > 0)
    left_out = work.preprocess(library.summer, "--dem-gaps", "nodata", dem=dem, out="nodata")
    missing = (scene.stored[0] > 0) & (left_out.stored[0] == 0)
    assert missing.sum() * 4 == pytest.approx(240**2, rel=0.25)
    said = work.refused(library.summer, "--dem-gaps", "error", dem=dem, out="error")
    assert "heights under the scene are missing" in said


def test_unsaid_heights_are_warned_of(work: CommandRunner, library: ProductLibrary) -> None:
    words = work.words(library.summer)
    at = words.index("--dem-heights")
    result = work.call([*words[:at], *words[at + 2 :]])
    assert result.exit_code == 0, result.output
    assert "warning: " in result.stderr
    assert "say which with --dem-heights" in " ".join(result.stderr.split())


def test_a_geoid_far_off_is_refused(work: CommandRunner, library: ProductLibrary) -> None:
    assert "within 120 m" in work.refused(library.summer, "--dem-heights", 400)
