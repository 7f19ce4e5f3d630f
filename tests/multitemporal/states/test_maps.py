"""Maps of probabilities on other grids than the series, of a field that is known everywhere."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.multitemporal.factories import LEFT, PIXEL_M, TOP, grid_of, write_map, write_series

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.core.transformations import transformation
from landslip.multitemporal.series.card import CARD
from landslip.multitemporal.series.folder import Series, open_series
from landslip.multitemporal.states.maps import ProbabilityReader, match_maps

SHAPE = (48, 64)
DAY, OTHER = date(2009, 8, 1), date(2012, 8, 1)
WGS84 = CRS.from_epsg(4326)
SOURCE, SHIFT = "GF1_20090801.tif", (2.0, -1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a series whose second date was moved by whole pixels."""
    reflectance = np.full((2, *SHAPE), 0.2)
    path = tmp_path_factory.mktemp("maps") / "SERIES"
    write_series(path, {DAY: reflectance, OTHER: reflectance})
    card = json.loads((path / CARD).read_text())
    card["dates"][0] |= {"source": SOURCE, "shift_px": SHIFT, "is_shifted": True}
    (path / CARD).write_text(json.dumps(card))
    return path


@pytest.fixture
def series(folder: Path) -> Iterator[Series]:
    with open_series(folder) as opened:
        yield opened


def field(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a probability at map coordinates (n, 2) of the series."""
    east, south = points[:, 0] - LEFT, TOP - points[:, 1]
    probability: NDArray[np.float64] = 0.5 + 0.4 * np.sin(east / 20) * np.cos(south / 30)
    return probability


def centres(grid: Grid) -> NDArray[np.float64]:
    rows, cols = np.indices(grid.shape) + 0.5
    return map_points(grid.transform, np.column_stack([cols.ravel(), rows.ravel()]))


def lonlat_grid(pixel_m: float, *, columns: slice = slice(None)) -> Grid:
    """Return a grid in degrees that holds the series, or some columns of it."""
    width, height = PIXEL_M * SHAPE[1], PIXEL_M * SHAPE[0]
    left = LEFT + PIXEL_M * (columns.start or 0)
    right = LEFT + (PIXEL_M * columns.stop if columns.stop else width)
    corners = np.array([[left, TOP], [right, TOP], [left, TOP - height], [right, TOP - height]])
    lonlat = transformation(grid_of(SHAPE).crs, WGS84).points(corners)
    (west, south), (east, north) = lonlat.min(axis=0), lonlat.max(axis=0)
    step = pixel_m / 111_000
    margin = 0 if columns != slice(None) else 8
    shape = (
        round((north - south) / step) + 2 * margin,
        round((east - west) / step) + 2 * margin,
    )
    transform = Affine(step, 0, west - margin * step, 0, -step, north + margin * step)
    return Grid(crs=WGS84, transform=transform, shape=shape)


def write_field(path: Path, grid: Grid, scene: str | None = None) -> str:
    places = centres(grid)
    if grid.crs == WGS84:
        places = transformation(WGS84, grid_of(SHAPE).crs).points(places)
    return str(write_map(path, OTHER, field(places).reshape(grid.shape), grid=grid, scene=scene))


@pytest.mark.parametrize("pixel_m", [pytest.param(0.7, id="finer"), pytest.param(5.0, id="coarse")])
def test_a_map_in_degrees_is_resampled_onto_the_series(
    series: Series, tmp_path: Path, pixel_m: float
) -> None:
    (_, found) = match_maps([write_field(tmp_path / "MAP", lonlat_grid(pixel_m))], series, None)
    assert found is not None
    assert [note.key for note in found.notes] == ["states.resampled"]
    with ProbabilityReader(found, series) as reader:
        probability = reader.read(series.grid.window)
    expected = field(centres(series.grid)).reshape(SHAPE)
    # half a level is 0.002; the field bends by less than 0.01 within 5 m
    assert np.abs(probability - expected).max() < 0.012


def test_beyond_a_map_there_is_no_data(series: Series, tmp_path: Path) -> None:
    grid = lonlat_grid(2.0, columns=slice(0, 32))
    (_, found) = match_maps([write_field(tmp_path / "MAP", grid)], series, None)
    assert found is not None
    with ProbabilityReader(found, series) as reader:
        known = np.isfinite(reader.read(series.grid.window))
    assert known[2:-2, 2:30].all()
    assert not known[:, 36:].any()


@pytest.mark.parametrize(
    ("scene", "moved_px", "note"),
    [
        pytest.param(SOURCE, SHIFT, "states.map_moved", id="scene before the series"),
        pytest.param(f"{DAY}.tif", (0, 0), None, id="the series' scene"),
        pytest.param("other.tif", (0, 0), "states.map_not_moved", id="another scene"),
    ],
)
def test_a_map_is_moved_as_its_scene_was(
    series: Series,
    tmp_path: Path,
    scene: str,
    moved_px: tuple[float, float],
    note: str | None,
) -> None:
    place = write_field(tmp_path / "MAP", series.grid, scene)
    (found, _) = match_maps([f"{DAY}={place}"], series, None)
    assert found is not None
    assert [one.key for one in found.notes] == ([] if note is None else [note])
    with ProbabilityReader(found, series) as reader:
        probability = reader.read(series.grid.window)
    cols, rows = moved_px
    shifted = centres(series.grid) + np.array([cols * PIXEL_M, -rows * PIXEL_M])
    inside = np.s_[4:-4, 4:-4]
    expected = field(shifted).reshape(SHAPE)
    assert np.abs(probability - expected)[inside].max() <= 0.002 + 1e-6  # half a level


def test_a_map_of_another_place_is_refused(series: Series, tmp_path: Path) -> None:
    far = Affine.translation(100_000, 0) @ series.grid.transform
    grid = Grid(crs=series.grid.crs, transform=far, shape=SHAPE)
    with pytest.raises(InputError, match=r"MAP: its map of 2012-08-01 covers no pixel of .*SERIES"):
        match_maps([write_field(tmp_path / "MAP", grid)], series, None)


def test_a_map_without_coordinates_is_refused(series: Series, tmp_path: Path) -> None:
    grid = Grid(crs=None, transform=series.grid.transform, shape=SHAPE)
    with pytest.raises(InputError, match=r"coordinate system.* the map has none\. Map .*2012"):
        match_maps([write_field(tmp_path / "MAP", grid)], series, None)
