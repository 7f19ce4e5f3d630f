"""A folder to be served: a slope before and after landslides, mapped without training."""

from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from tests.inference.factories import RedEngine, model_of
from tests.inventory.factories import write_plane
from tests.multitemporal.factories import PIXEL_M, write_series, write_states

from landslip import make_inventory
from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.io.raster import SceneOptions

BEFORE, AFTER = date(2017, 7, 30), date(2017, 8, 13)
BANDS = ("blue", "green", "red", "nir")
SIDE_PX = 288
LANDSLIDES = 24
_VEGETATION = (0.03, 0.06, 0.04, 0.36)
_SOIL = (0.10, 0.14, 0.18, 0.24)
_BARE, _GROWN = 1, 0  # `LandslideState` in order: vegetated, fresh


def write_folder(folder: Path) -> Path:
    """Write a series of two dates with states, the map of the second, and its inventory.

    One file is no image: the folder has a problem, too.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(17)
    bare = _landslides(rng)
    before, after = (_reflectance(rng, share) for share in (np.zeros_like(bare), bare))
    series = write_series(folder / "series", {BEFORE: before, AFTER: after}, BANDS)
    states = (bare > 0.5).astype(np.uint8) * np.uint8(_BARE)
    write_states(folder / "states", series, {BEFORE: np.zeros_like(states), AFTER: states})
    model = model_of(
        ("red", "nir"),
        resolution_m=PIXEL_M,
        units=Units.REFLECTANCE,
        mean=(0.11, 0.3),
        std=(0.04, 0.04),
        quantiles=((0.03, 0.05, 0.2), (0.2, 0.35, 0.4)),
    )
    options = ExtractionOptions(tile=64, overlap=8, scene=SceneOptions(bands=Bands(BANDS)))
    extract(series / f"{AFTER}.tif", model, RedEngine(), folder / "map", options)
    write_plane(folder / "dem.tif")
    make_inventory(
        folder / "map", dem=folder / "dem.tif", out=folder / "inventory", min_area=50, draws=20
    )
    (folder / "dem.tif").unlink()
    (folder / "broken.tif").write_bytes(b"no image")
    return folder


def _landslides(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how bare each pixel is: ellipses down the slope, of different sizes and clarity."""
    rows, cols = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float64)
    bare = np.zeros((SIDE_PX, SIDE_PX))
    places = rng.permutation(36)[:LANDSLIDES]
    for place in places:
        row, col = (
            24 + 48 * (place // 6) + rng.uniform(-6, 6),
            24 + 48 * (place % 6) + rng.uniform(-6, 6),
        )
        length, width = rng.uniform(6, 20), rng.uniform(4, 9)
        inside = ((rows - row) / width) ** 2 + ((cols - col) / length) ** 2 < 1
        bare[inside] = rng.uniform(0.6, 1)
    return bare


def _reflectance(rng: np.random.Generator, bare: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return bands (4, height, width) of vegetation and bare soil."""
    texture = ndimage.gaussian_filter(rng.standard_normal(bare.shape), 2) * 2
    share = ndimage.gaussian_filter(bare, 0.7)
    bands = [
        (1 - share) * green * (1 + 0.25 * texture) + share * soil * (1 + 0.1 * texture)
        for green, soil in zip(_VEGETATION, _SOIL, strict=True)
    ]
    noise = rng.normal(0, 0.003, (len(bands), *bare.shape))
    return np.clip(np.stack(bands) + noise, 0.005, 0.9)
