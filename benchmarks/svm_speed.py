"""Speed of the SVM on tiles, beside scikit-learn's own decision function.

    python benchmarks/svm_speed.py [--dataset DIR] [--pixels-per-class 2000] [--c 1] [--gamma scale]
        [--workers 1]

Without a dataset, 45 test tiles of 256 x 256 pixels are made of 4 bands of 16 bits, with noise
and many ground covers. scikit-learn is timed on a part of the pixels and its time scaled; decisions
are compared on that part.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Split, Units
from landslip.core.resources import parallel_map
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.models.svm.decision import decide, sklearn_classifier
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmModel, SvmSettings
from landslip.models.svm.predict import THRESHOLD, predict_tile, unique_pixels

SIDE, TEST_TILES, TRAINING_TILES = 256, 45, 30
LIBRARY_PX = 6000


def main() -> None:
    """Fit, predict with both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--pixels-per-class", type=int, default=2000)
    parser.add_argument("--c", type=float, default=1.0)
    parser.add_argument("--gamma", default="scale")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    settings = SvmSettings(
        c=options.c,
        gamma="scale" if options.gamma == "scale" else float(options.gamma),
        pixels_per_class=options.pixels_per_class,
    )
    with opened(options.dataset) as dataset, threadpool_limits(1, user_api="blas"):
        compare(dataset, settings, options.workers)


def compare(dataset: TileDataset, settings: SvmSettings, workers: int) -> None:
    """Fit on the training tiles, predict the test tiles and print what both took."""
    started = time.perf_counter()
    model = fit_svm(dataset, dataset.positions(Split.TRAIN), settings)
    fitting = time.perf_counter() - started
    positions = dataset.positions(Split.TEST)
    tiles = [dataset.tile(position) for position in positions]

    def predicted(tile: Tile) -> NDArray[np.float32]:
        return predict_tile(model, tile.stored, tile.valid)

    started = time.perf_counter()
    scores = [score for _, score in parallel_map(predicted, tiles, workers)]
    ours = time.perf_counter() - started
    pixels = sum(int(np.count_nonzero(tile.valid)) for tile in tiles)
    spectra, landslide = part_of(model, tiles, scores)
    started = time.perf_counter()
    decisions = sklearn_classifier(model).decision_function(spectra)
    theirs = (time.perf_counter() - started) * pixels / len(spectra)
    unlike = int(np.count_nonzero((decisions >= 0) != landslide))
    bands = f"{len(dataset.bands)} bands, {dataset.card.dtype}"
    print(
        f"{len(tiles)} tiles, {pixels / 1e6:.2f} MPix valid, {bands}; {len(model.support)} support "
        f"vectors, C {settings.c:g}, gamma {model.gamma:.4g}; fitted in {fitting:.1f} s\n"
    )
    print("| | s for these tiles | MPix/s |\n|---|---|---|")
    print(f"| scikit-learn, from {len(spectra)} px | {theirs:.1f} | {pixels / theirs / 1e6:.4f} |")
    print(f"| landslip, {workers} thread | {ours:.1f} | {pixels / ours / 1e6:.4f} |")
    fractions = [f"{fraction:.4%}" for fraction in fractions_of(model, tiles)]
    print(
        f"\nduplicates in their tile {fractions[0]}, repeated in float64 {fractions[1]}, "
        f"by scikit-learn {fractions[2]}"
    )
    print(f"times as fast: {theirs / ours:.0f}; differing decisions: {unlike} of {len(spectra)}")


def part_of(
    model: SvmModel, tiles: list[Tile], scores: list[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return spectra of some pixels and whether they were predicted as landslide.

    Half of them are the ones nearest to the boundary.
    """
    stored = np.concatenate([tile.stored[:, tile.valid] for tile in tiles], axis=1)
    found = np.concatenate([score[tile.valid] for tile, score in zip(tiles, scores, strict=True)])
    nearest = np.argsort(np.abs(found - THRESHOLD), kind="stable")[: LIBRARY_PX // 2]
    drawn = np.random.default_rng(1).integers(0, len(found), LIBRARY_PX // 2)
    some = np.concatenate((nearest, drawn))
    return model.spectra(stored[:, some]), found[some] >= THRESHOLD


def fractions_of(model: SvmModel, tiles: list[Tile]) -> tuple[float, float, float]:
    """Return the fraction of repeated pixels, and those of the others beyond float32."""
    every = single = finer = library = 0
    for tile in tiles:
        pixels, places = unique_pixels(tile.stored[:, tile.valid])
        done = decide(model, model.spectra(pixels))
        every, single = every + len(places), single + pixels.shape[1]
        finer, library = finer + done.in_float64, library + done.by_library
    return 1 - single / every, finer / single, library / single


@contextmanager
def opened(path: Path | None) -> Iterator[TileDataset]:
    """Open a dataset, or make one for as long as it is used."""
    if path is not None:
        yield TileDataset(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic(Path(folder))
        yield TileDataset(Path(folder))


def write_synthetic(folder: Path) -> None:
    """Write tiles of blue, green, red and NIR reflectance."""
    description = DatasetDescription(
        bands=Bands(("blue", "green", "red", "nir")),
        radiometry=Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1e-4),
        nodata=None,
        resolution_m=2.0,
        tile_size=SIDE,
        source="svm_speed",
        split_method="random by tile",
        plan=SplitPlan(test_share=TEST_TILES / (TEST_TILES + TRAINING_TILES), val_share=0.0),
    )
    generator = np.random.default_rng(0)
    with DatasetWriter(folder, description) as writer:
        for at in range(TEST_TILES + TRAINING_TILES):
            window = Window(0, 0, SIDE, SIDE)
            writer.add(tile_of(at, generator), TileOrigin(scene="s", window=window, group=str(at)))
        writer.finish()


def tile_of(at: int, generator: np.random.Generator) -> Tile:
    """Return a tile of soil among plants, in light and shade; landslides are most of the soil."""
    plants, soil = np.array([[300, 450, 350, 2900], [1050, 1350, 1700, 2250]])[:, :, None, None]
    share = 1 / (1 + np.exp(-2 * smooth_noise(generator, 6)))
    values = share * soil + (1 - share) * plants
    values = (
        values * (1 + 0.25 * smooth_noise(generator, 10)) * (1 + 0.1 * smooth_noise(generator, 2))
    )
    values += generator.normal(0, 60, values.shape)
    return Tile(
        tile_id=f"t{at}",
        stored=np.clip(values, 1, 10000).astype(np.uint16),
        label=(share + 0.15 * smooth_noise(generator, 5) > 0.8).astype(np.uint8),
        valid=np.ones((SIDE, SIDE), dtype=np.bool_),
    )


def smooth_noise(generator: np.random.Generator, px: float) -> NDArray[np.float64]:
    """Return smooth noise with details of some size, of mean 0 and standard deviation 1."""
    found = cv2.GaussianBlur(generator.normal(size=(SIDE, SIDE)), (0, 0), px)
    return np.asarray((found - found.mean()) / found.std())


if __name__ == "__main__":
    main()
