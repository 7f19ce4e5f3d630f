"""Synthetic scenes, models and engines whose results are worked out for the whole scene at once."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from tests.factories.models import make_card

from landslip.core.choices import Tta, Units
from landslip.inference.job import ExtractionOptions
from landslip.inference.run import extract
from landslip.models.card import ObjectsCard
from landslip.models.engines.base import BatchRunner, EngineCosts, WindowRunner, WindowSpec
from landslip.models.folder import ModelFolder

Pixels = NDArray[np.float32]
Steps = NDArray[np.uint8]
MEAN, STD = 500.0, 100.0
THRESHOLD, LEAST_STEPS = 0.6013, 151
X, Y = 500_000, 4_000_000
NAMES = ("red", "nir")
COLUMNS = ["id", "area_m2", "area_px", "mean_probability", "max_probability", "geometry"]
RESULTS = ["landslides.gpkg", "mask.tif", "model.json", "probability.tif", "summary.json"]
SMALL = ExtractionOptions(tile=32, overlap=8)
COSTS = EngineCosts(
    resident_bytes=0,
    computing_bytes_per_px=16,
    streams=1,
    readers=2,
    px_per_s=1e6,
    uncached_s_per_px=1e-8,
)


def odds(red: NDArray[Any]) -> Pixels:
    """Return the probability that `RedEngine` gives to normalised red, pixel by pixel."""
    probability: Pixels = np.clip(0.5 + red / 4, 0, 1).astype(np.float32)
    return probability


class RedEngine:
    """Looks at the first band, pixel by pixel; remembers the shapes it was given."""

    name, precision, tta = "red", "fp32", Tta.NONE

    def __init__(self, streams: int = 1) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.streams = streams

    def predict(self, batch: Pixels) -> Pixels:
        self.shapes.append(batch.shape)
        return odds(batch[:, 0])

    def runner(self, spec: WindowSpec, streams: int | None = None) -> WindowRunner:
        return BatchRunner(self, spec)

    def costs(self) -> EngineCosts:
        return replace(COSTS, streams=self.streams)


class MeanEngine(RedEngine):
    """Looks at the mean of 3 x 3 pixels; what is beyond a window counts as 0."""

    def predict(self, batch: Pixels) -> Pixels:
        self.shapes.append(batch.shape)
        padded = np.pad(batch[:, 0], ((0, 0), (1, 1), (1, 1)))
        height, width = batch.shape[2:]
        nine = [
            padded[:, row : row + height, col : col + width] for row in range(3) for col in range(3)
        ]
        return odds(np.asarray(2 * np.mean(nine, axis=0, dtype=np.float32)))


class CertainEngine(RedEngine):
    """Says landslide everywhere."""

    def predict(self, batch: Pixels) -> Pixels:
        return np.ones((len(batch), *batch.shape[2:]), dtype=np.float32)


class BrokenEngine(MeanEngine):
    """Gives up at its ``last`` window, counted from 0."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last

    def predict(self, batch: Pixels) -> Pixels:
        if len(self.shapes) == self.last:
            raise MemoryError("no memory for another window")
        return super().predict(batch)


def model_of(
    bands: tuple[str, ...] = NAMES, *, dtype: str = "uint16", **changes: Any
) -> ModelFolder:
    """Return a model of pixels of 1 m around 500; ``changes`` are to its input card."""
    count = len(bands)
    known: dict[str, Any] = {
        "bands": bands,
        "units": Units.DN,
        "dtype": dtype,
        "scale": 1.0,
        "offset": 0.0,
        "nodata": None,
        "resolution_m": 1.0,
        "tile_size": 32,
        "multiple": 8,
        "mean": (MEAN,) * count,
        "std": (STD,) * count,
        "quantiles": ((300.0, 500.0, 700.0),) * count,
    }
    card = make_card(**(known | changes)).model_copy(
        update={
            "name": "test",
            "threshold": THRESHOLD,
            "files": {"weights.safetensors": "ab" * 32},
            "objects": ObjectsCard(
                label_objects=9, label_px=(1, 1, 1), right_objects=0, right_maxima=None
            ),
        }
    )
    return ModelFolder(Path("models/test"), card)


def terrain(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint16]:
    """Return two bands, red and nir, with landslides of several sizes in red."""
    generator = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(generator.normal(size=shape), 2, mode="reflect")
    red = MEAN + STD * rough / max(rough.std(), 1e-9) if rough.size > 1 else rough + 700
    nir = generator.integers(300, 700, shape)
    stacked: NDArray[np.uint16] = np.stack([red, nir]).round().clip(1, 999).astype(np.uint16)
    return stacked


def expected_steps(
    scene: NDArray[Any], engine: RedEngine, valid: NDArray[np.bool_] | None = None
) -> Steps:
    """Return what a scene's probabilities are when all of it is computed at once."""
    valid = np.ones(scene.shape[1:], dtype=bool) if valid is None else valid
    normalised = (scene.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    normalised[:, ~valid] = 0
    probability = engine.predict(normalised[np.newaxis])[0]
    steps = np.rint(probability * np.float32(250))
    return np.where(valid, steps, 255).astype(np.uint8)


def expected_mask(steps: Steps, least: int = LEAST_STEPS) -> Steps:
    return np.where(steps == 255, 255, steps >= least).astype(np.uint8)


class MapFiles:
    """What an extraction wrote."""

    def __init__(self, out: Path) -> None:
        assert sorted(path.name for path in out.iterdir()) == RESULTS
        with rasterio.open(out / "probability.tif") as file:
            self.grid = file.crs, file.transform
            self.steps, self.scale = file.read(1), file.scales[0]
            assert file.nodata == 255
        with rasterio.open(out / "mask.tif") as file:
            assert (file.crs, file.transform) == self.grid
            self.mask = file.read(1)
            assert file.nodata == 255
        self.landslides = geopandas.read_file(out / "landslides.gpkg", layer="landslides")
        self.summary = json.loads((out / "summary.json").read_text())

    @property
    def probability(self) -> NDArray[np.float64]:
        return np.where(self.steps == 255, np.nan, self.steps * 0.004)

    def burnt(self) -> NDArray[np.bool_]:
        if self.landslides.empty:
            return np.zeros(self.mask.shape, dtype=bool)
        transform = self.grid[1]
        burnt = rasterize(self.landslides.geometry, self.mask.shape, transform=transform)
        whole: NDArray[np.bool_] = burnt.astype(bool)
        return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Writes scenes of red and nir into a folder, extracts them, and reads what was written."""

    folder: Path
    write_raster: Callable[..., Path]

    def scene(self, pixels: NDArray[Any], **profile: Any) -> Path:
        return self.write_raster("scene.tif", pixels, **({"names": NAMES} | profile))

    def __call__(
        self,
        pixels: NDArray[Any],
        engine: RedEngine | None = None,
        options: ExtractionOptions = SMALL,
        *,
        model: ModelFolder | None = None,
        out: str = "out",
        **profile: Any,
    ) -> MapFiles:
        path = self.scene(pixels, **profile)
        model = model or model_of(dtype=str(pixels.dtype))
        extract(path, model, engine or RedEngine(), self.folder / out, options)
        found = MapFiles(self.folder / out)
        assert not (self.folder / f".{out}.work").exists()
        return found
