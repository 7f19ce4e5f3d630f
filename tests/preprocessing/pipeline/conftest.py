"""A known ground, products made of it, and the command run on them."""

import json
import re
import tarfile
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage
from typer.testing import CliRunner, Result

from landslip.cli.app import app
from landslip.core.grid import Grid
from landslip.synthetic.camera import Attitude
from landslip.synthetic.ground_model import DemFormat, GroundModel, write_dem
from landslip.synthetic.overpass import ImageTarget, Overpass
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.sensor import SensorModel

Field = NDArray[np.float32]
BANDS = ("blue", "green", "red", "nir")
EAST_M, NORTH_M = 354_000.0, 3_466_000.0
SIDE_PX = 1008
MSS_SHAPE = (96, 100)
PATTERN_PX = 3.0
LAKE = np.s_[540:600, 380:440]
CLOUD = np.s_[400:520, 480:600]
LAKE_REFLECTANCE = (0.010, 0.010, 0.010, 0.010)
CLEAR = SensorModel(haze=(0.0,) * 5, haze_variation=0.0, read_noise_dn=0.0, shot_noise_dn=0.0)
HAZE = (0.016, 0.045, 0.028, 0.016, 0.006)
HAZY = SensorModel(haze=HAZE, haze_variation=0.0)
SUMMER_2013 = Overpass(utc=datetime(2013, 8, 12, 3, 52, 10), attitude=Attitude(roll_deg=12.0))
POINTED_WRONG = Overpass(
    utc=datetime(2014, 8, 12, 3, 52, 10),
    camera=2,
    attitude=Attitude(roll_deg=-20.0),
    bias_m=(28.0, -26.0),
    shift_px=(0.6, -0.4),
    drift_px=(0.2, -0.1),
)
SUMMER_2020 = Overpass(utc=datetime(2020, 8, 3, 3, 55, 0), attitude=Attitude(roll_deg=3.0))
WINTER_2016 = Overpass(
    utc=datetime(2016, 1, 6, 4, 0, 5), camera=2, attitude=Attitude(roll_deg=-8.0)
)
_DEM_MARGIN_M = 3000.0
_RUNNER = CliRunner()


def make_ground(seed: int = 1) -> GroundModel:
    """Forest, fields and bare spots of some metres, on hills of 1350 to 1550 m."""
    generator = np.random.default_rng(seed)
    shape = (SIDE_PX, SIDE_PX)
    bare, tone = (_pattern(shape, sigma, generator) for sigma in (PATTERN_PX, 4 * PATTERN_PX))
    share = np.clip(0.5 + 0.35 * bare, 0, 1) * np.ones((4, 1, 1), np.float32)
    green = np.reshape(np.array([0.05, 0.08, 0.06, 0.30], np.float32), (4, 1, 1))
    brown = np.reshape(np.array([0.10, 0.14, 0.18, 0.24], np.float32), (4, 1, 1))
    reflectance = (green + (brown - green) * share) * (1 + 0.15 * np.clip(tone, -3, 3))
    row, col = np.indices(shape, dtype=np.float32)
    height = (1450 + 60 * np.sin(row / 110) + 40 * np.cos(col / 90 + row / 300)).astype(np.float32)
    transform = Affine(2.0, 0, EAST_M, 0, -2.0, NORTH_M)
    grid = Grid(crs=CRS.from_epsg(32648), transform=transform, shape=shape)
    return GroundModel(
        reflectance=reflectance.astype(np.float32), height_m=height, grid=grid, mirrored=True
    )


def _pattern(shape: tuple[int, int], sigma: float, generator: np.random.Generator) -> Field:
    values = ndimage.gaussian_filter(
        generator.standard_normal(shape, dtype=np.float32), sigma, mode="reflect"
    )
    standard: Field = values / values.std()
    return standard


def painted(
    ground: GroundModel, where: tuple[slice, slice], reflectance: tuple[float, ...]
) -> GroundModel:
    """Return the ground with a rectangle of another reflectance."""
    values = ground.reflectance.copy()
    values[:, where[0], where[1]] = np.reshape(np.array(reflectance, np.float32), (4, 1, 1))
    return replace(ground, reflectance=values)


@dataclass(frozen=True)
class PreprocessedScene:
    """A scene that the command made, read by rasterio alone."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / f"{self.folder.name}.tif"

    @property
    def quality(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "quality.json").read_text())
        return found

    @cached_property
    def stored(self) -> NDArray[np.uint16]:
        with rasterio.open(self.path) as file:
            values: NDArray[np.uint16] = file.read()
        return values

    @property
    def reflectance(self) -> Field:
        """NaN where there is no data."""
        values = self.stored.astype(np.float32) * np.float32(1e-4)
        values[self.stored == 0] = np.nan
        return values

    def reflectance_at(self, rows: slice, cols: slice) -> Field:
        """Return the reflectance at rows and columns that may lie beyond the scene: NaN there."""
        whole = np.full((4, rows.stop - rows.start, cols.stop - cols.start), np.nan, np.float32)
        inner = np.s_[max(rows.start, 0) : rows.stop, max(cols.start, 0) : cols.stop]
        found = self.reflectance[:, inner[0], inner[1]]
        top, left = max(-rows.start, 0), max(-cols.start, 0)
        whole[:, top : top + found.shape[1], left : left + found.shape[2]] = found
        return whole

    def on_ground(self) -> Field:
        """Return the reflectance pixel on pixel with the ground's map, NaN where there is none."""
        with rasterio.open(self.path) as file:
            assert file.res == (2.0, 2.0)
            col, row = (round(value) for value in ~file.transform @ (EAST_M, NORTH_M))
        return self.reflectance_at(slice(row, row + SIDE_PX), slice(col, col + SIDE_PX))

    def beside(self, ground: GroundModel, margin_px: int = 24) -> tuple[Field, Field]:
        """Return what was made, and the truth, on common ground with the scene's edge left out."""
        found = self.on_ground()
        inside = ndimage.binary_erosion(np.isfinite(found[0]), iterations=margin_px)
        rows, cols = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        box = np.s_[:, rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        truth = ground.reflectance
        return np.where(inside, found, np.nan)[box], np.where(inside, truth, np.nan)[box]


@dataclass(frozen=True)
class ProductLibrary:
    """Products of the one ground, each made when first asked for and then only read."""

    folder: Path
    ground: GroundModel

    @cached_property
    def dem(self) -> Path:
        return self.new_dem("dem.tif")

    @cached_property
    def summer(self) -> Path:
        return self.new(SUMMER_2013)

    @cached_property
    def winter(self) -> Path:
        return self.new(WINTER_2016)

    @cached_property
    def large(self) -> Path:
        """A product large enough for matching, its pointing and its two images wrong."""
        return self.new(POINTED_WRONG, shape=(200, 208))

    @cached_property
    def cloudy(self) -> Path:
        """A product of a year without calibration, with haze, noise, a lake and a cloud."""
        ground = painted(self.ground, LAKE, LAKE_REFLECTANCE)
        ground = painted(ground, CLOUD, (0.5, 0.5, 0.5, 0.5))
        return self.new(SUMMER_2020, ground=ground, sensor=HAZY)

    def new_dem(self, name: str, **style: Any) -> Path:
        path = self.folder / name
        plain = DemFormat(spacing_m=12.0, epsg=32648, margin_m=_DEM_MARGIN_M)
        write_dem(path, self.ground, replace(plain, **style))
        return path

    def new(
        self, overpass: Overpass, *, shape: tuple[int, int] = MSS_SHAPE, **request: Any
    ) -> Path:
        lon, lat = self.ground.centre_deg
        asked: dict[str, Any] = {"ground": self.ground, "sensor": CLEAR, "seed": 5} | request
        target = ImageTarget(lon_deg=lon, lat_deg=lat, height_m=1450.0, mss_shape=shape)
        return write_product(ProductRequest(overpass=overpass, target=target, **asked), self.folder)


@dataclass(frozen=True)
class CommandRunner:
    """A folder where the command is run."""

    folder: Path
    library: ProductLibrary

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def words(
        self, *words: object, out: str = "out", dem: Path | None = None, registers: bool = False
    ) -> list[str]:
        """Return the command's words; matching must be asked for, as it takes the longest."""
        known: tuple[object, ...] = ("--dem", dem or self.library.dem, "--out", self.folder / out)
        if not registers:
            known = (*known, "--no-registration")
        if "--dem-heights" not in words:
            known = (*known, "--dem-heights", "ellipsoid")
        return [str(word) for word in ("preprocess", *words, *known)]

    def run(self, *words: object, **options: Any) -> Result:
        return self.call(self.words(*words, **options))

    def call(self, words: list[str]) -> Result:
        return _RUNNER.invoke(app, words)

    def preprocess(self, product: Path, *words: object, **options: Any) -> PreprocessedScene:
        result = self.run(product, *words, **options)
        assert result.exit_code == 0, result.output
        return self.scene_of(product, options.get("out", "out"))

    def refused(self, *words: object, **options: Any) -> str:
        """Run what must fail, and return the one sentence that the user sees."""
        result = self.run(*words, **options)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        said = [line for line in result.stderr.splitlines() if not line.endswith(" ...")]
        assert said[-1].startswith("landslip: ") or len(said) > 1
        return "\n".join(said)

    def scene_of(self, product: Path, out: str = "out") -> PreprocessedScene:
        return PreprocessedScene(self.folder / out / product.name.removesuffix(".tar.gz"))

    def files(self) -> list[str]:
        """Return the names of what is in the output folder, hidden ones too."""
        return sorted(path.name for path in self.out.iterdir()) if self.out.exists() else []

    def copied(self, product: Path, name: str | None = None) -> Path:
        """Return a copy of an archive's files in a folder, where they can be changed."""
        given = product.name.removesuffix(".tar.gz")
        folder = self.folder / "given" / (name or given)
        folder.mkdir(parents=True)
        with tarfile.open(product) as tar:
            tar.extractall(folder, filter="data")
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace(given, name or given))
        return folder


def retagged(folder: Path, **tags: object) -> Path:
    """Give the XML files in a product's folder other values."""
    for path in folder.glob("*.xml"):
        text = path.read_text()
        for tag, value in tags.items():
            text = re.sub(f"<{tag}>[^<]*<", f"<{tag}>{value}<", text)
        path.write_text(text)
    return folder


@pytest.fixture(scope="session")
def ground() -> GroundModel:
    return make_ground()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, ground: GroundModel) -> ProductLibrary:
    return ProductLibrary(tmp_path_factory.mktemp("library"), ground)


@pytest.fixture
def work(tmp_path: Path, library: ProductLibrary) -> CommandRunner:
    return CommandRunner(tmp_path, library)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory, library: ProductLibrary) -> PreprocessedScene:
    """Give the scene of the product of summer 2013."""
    return CommandRunner(tmp_path_factory.mktemp("scene"), library).preprocess(library.summer)
