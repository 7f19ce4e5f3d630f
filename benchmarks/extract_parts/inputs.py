"""Scene and model of a benchmark: stated, or made from a seed by the package's own code."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow

from extract_parts.comparison import log
from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.window import Window
from landslip.datasets.format import Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.synthetic.landscape import make_landscape
from landslip.synthetic.study_areas import wenchuan_area

BANDS = ("blue", "green", "red", "nir")
GROUND_PX, TILE_PX, STRIP_PX = 1024, 256, 512
_SCALE, _NOISE = 1e-4, 12.0
_BORDER_SHARE = 0.02
_BARE = 0.5

Stored = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticImage:
    """A square synthetic image.

    Attributes:
        stored: (4: blue, green, red, nir, side, side) reflectance in steps of 0.0001.
        landslide: (side, side) whether a pixel is bare of a landslide.
    """

    stored: Stored
    landslide: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneLayout:
    """What a scene is like.

    Attributes:
        shape: (height, width).
        filled_fraction: fraction of the strips of 512 rows (or columns, where it is wider
            than high) that hold data; the others are not written, and read as nodata.
    """

    shape: tuple[int, int]
    filled_fraction: float = 1.0

    def holds_data(self, row_off: int, col_off: int) -> bool:
        """Tell whether a block holds data: one strip in so many does, spread over the scene."""
        height, width = self.shape
        strip = (row_off if height >= width else col_off) // STRIP_PX
        return int((strip + 1) * self.filled_fraction) > int(strip * self.filled_fraction)


def make_image(seed: int, side: int = GROUND_PX) -> SyntheticImage:
    """Make ground with landslides."""
    area = wenchuan_area(seed)
    look = area.overpasses[-1]
    sun, day = look.sun(area.middle), look.utc.date()
    land = make_landscape(replace(area.landscape, shape=(side, side)), seed, sun)
    reflectance = land.ground_on(day, sun).reflectance
    stored = np.clip(reflectance / _SCALE, 1, 10000).astype(np.uint16)
    return SyntheticImage(stored=stored, landslide=land.freshness_on(day) > _BARE)


def write_scene(path: Path, ground: SyntheticImage, form: SceneLayout, seed: int) -> None:
    """Write a deflate-compressed tiled GeoTIFF: the ground mirrored over and over, with noise.

    A slanted border on both sides is nodata, as in a scene that has been mapped.
    """
    height, width = form.shape
    generator = np.random.default_rng(seed)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=len(BANDS),
        dtype="uint16",
        nodata=0,
        crs="EPSG:32648",
        transform=Affine(2, 0, 350_000, 0, -2, 3_470_000),
        tiled=True,
        blockxsize=STRIP_PX,
        blockysize=STRIP_PX,
        compress="deflate",
        predictor=2,
        sparse_ok=True,
        bigtiff="if_safer",
    ) as file:
        file.descriptions = BANDS
        file.scales, file.offsets = (_SCALE,) * len(BANDS), (0.0,) * len(BANDS)
        file.units = ("reflectance",) * len(BANDS)
        for window in _blocks(form):
            file.write(
                _pixels(ground.stored, window, form.shape, generator),
                window=RasterioWindow(window.col_off, window.row_off, window.width, window.height),
            )


def _blocks(form: SceneLayout) -> Iterator[Window]:
    """Yield the blocks that hold data, row by row."""
    height, width = form.shape
    for row in range(0, height, STRIP_PX):
        for col in range(0, width, STRIP_PX):
            if form.holds_data(row, col):
                yield Window(col, row, min(STRIP_PX, width - col), min(STRIP_PX, height - row))


def _pixels(
    ground: Stored, window: Window, shape: tuple[int, int], generator: np.random.Generator
) -> Stored:
    """Return a block of the scene (4, height, width), 0 in the border."""
    rows = np.arange(window.row_off, window.row_off + window.height)
    cols = np.arange(window.col_off, window.col_off + window.width)
    side = ground.shape[1]
    part = ground[:, _mirrored(rows, side)[:, None], _mirrored(cols, side)].astype(np.float32)
    part += generator.normal(0, _NOISE, part.shape).astype(np.float32)
    height, width = shape
    border = min(_BORDER_SHARE * width, TILE_PX / 4)
    slant = (border * rows / height)[:, None]
    inside = (cols >= border - slant) & (cols < width - slant)
    kept: Stored = np.where(inside, np.clip(part, 1, 10000), 0).astype(np.uint16)
    return kept


def _mirrored(index: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Return indexes that go to and fro over a side."""
    folded = index % (2 * side)
    return np.minimum(folded, 2 * side - 1 - folded)


def make_model(
    folder: Path, ground: SyntheticImage, *, encoder: str, epochs: int, seed: int
) -> Path:
    """Train LinkNet for a few epochs on the ground, so that its masks look like masks.

    Returns:
        The model folder, ``folder/model``.
    """
    (folder / "tiles").mkdir(parents=True)
    write_tiles(folder / "tiles", ground)
    words = [
        *("train", str(folder / "tiles"), "--out", str(folder / "model")),
        *("--encoder", encoder, "--encoder-weights", "none"),
        *("--epochs", str(epochs), "--batch-size", "4", "--seed", str(seed)),
    ]
    subprocess.run([sys.executable, "-m", "landslip", *words], check=True, capture_output=True)
    return folder / "model"


def write_tiles(folder: Path, ground: SyntheticImage) -> None:
    """Write the ground as a dataset of tiles, a quarter of them for validation."""
    description = DatasetDescription(
        bands=Bands(BANDS),
        radiometry=Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=_SCALE),
        nodata=None,
        resolution_m=2.0,
        tile_size=TILE_PX,
        source="synthetic terrain",
        split_method="random by tile",
        plan=SplitPlan(test_share=0.0, val_share=0.25),
    )
    side = ground.stored.shape[1]
    valid = np.ones((TILE_PX, TILE_PX), dtype=np.bool_)
    with DatasetWriter(folder, description) as writer:
        for row in range(0, side, TILE_PX):
            for col in range(0, side, TILE_PX):
                window = Window(col, row, TILE_PX, TILE_PX)
                part = np.s_[row : row + TILE_PX, col : col + TILE_PX]
                tile = Tile(
                    tile_id=f"r{row}c{col}",
                    stored=ground.stored[:, *part],
                    label=ground.landslide[part].astype(np.uint8),
                    valid=valid,
                )
                writer.add(tile, TileOrigin(scene="made", window=window, group=tile.tile_id))
        writer.finish()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add options for scene and model, and for how they are made if they are not stated."""
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path, help="page to write")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--side", type=int, default=4096, help="of the scene that is made")
    parser.add_argument("--epochs", type=int, default=24, help="of the model that is made")
    parser.add_argument("--seed", type=int, default=0)


def scene_and_model(
    options: argparse.Namespace, work: Path, encoder: str = "resnet18"
) -> tuple[Path, Path]:
    """Return the scene and the model that are stated, or make them.

    Args:
        options: of `add_options`.
        work: folder for what is made.
        encoder: of the model that is made.
    """
    scene, model = options.scene, options.model
    if scene is None or model is None:
        ground = make_image(options.seed)
    if scene is None:
        scene = work / "scene.tif"
        write_scene(scene, ground, SceneLayout(shape=(options.side, options.side)), options.seed)
    if model is None:
        log("training a model for the benchmark")
        model = make_model(
            work / "made", ground, encoder=encoder, epochs=options.epochs, seed=options.seed
        )
    return scene, model
