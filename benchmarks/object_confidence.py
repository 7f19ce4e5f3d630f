"""How often mapped landslides are right, beside what their confidence promises, on other scenes.

    python benchmarks/object_confidence.py --work FOLDER [--seed 0] [--epochs 20]

A network is trained by the demo's recipe on one synthetic scene and calibrated on its validation
tiles; scenes of other seeds are extracted and their inventories made. A landslide of an inventory
is right where at least half of it is on true ones. Before: the mean probability of its pixels,
which was the confidence of earlier versions; after: the confidence. What FOLDER has of an earlier
run is taken as it is.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

import landslip
from landslip.cli.demo.chain import TRAINING
from landslip.metrics.curves import bin_pixels, calibration_error
from landslip.metrics.objects import size_class, size_classes_px
from landslip.synthetic.landscape import LandscapeSettings, make_landscape
from landslip.synthetic.landslides import LandslideSettings
from landslip.synthetic.series import StudyArea, write_landslides, write_reflectance
from landslip.synthetic.study_areas import wenchuan_area

SCENE, TRUTH = "scene.tif", "truth.gpkg"
TRAIN_SHAPE, TEST_SHAPE = (1536, 2048), (1024, 1536)
TEST_SCENES, PER_KM2, TILE_PX, BINS = 3, 21.0, 128, 10
HEADER = """| mapped landslides, px | mapped | right | promised before | promised after |
|---|---|---|---|---|"""


def write_synthetic_scene(folder: Path, shape: tuple[int, int], seed: int) -> None:
    """Write a scene as reflectance, and its landslides, into a new folder."""
    if (folder / TRUTH).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    plan = wenchuan_area(seed)
    area = StudyArea(
        landscape=LandscapeSettings(
            centre_deg=plan.landscape.centre_deg,
            epsg=plan.landscape.epsg,
            shape=shape,
            landslides=LandslideSettings(per_km2=PER_KM2),
        ),
        overpasses=plan.overpasses[:1],
        margin_px=32,
        seed=seed,
    )
    (overpass,) = area.overpasses
    sun, day = overpass.sun(area.middle), overpass.beijing_time.date()
    land = make_landscape(area.landscape_with_margin, seed, sun)
    write_reflectance(land.ground_on(day, sun), area.window_on(land.grid), folder / SCENE)
    write_landslides(land, day, folder / TRUTH)


def train(work: Path, seed: int, settings: Mapping[str, Any], val_share: float) -> Path:
    """Train on one scene and calibrate on its validation tiles; return the model folder."""
    model, tiles = work / "model", work / "tiles"
    if not tiles.exists():
        landslip.datasets.from_scene(
            work / "train" / SCENE,
            work / "train" / TRUTH,
            tile=TILE_PX,
            out=tiles,
            test_share=0,
            val_share=val_share,
            seed=seed,
            log=lambda _line: None,
        )
    if not model.exists():
        landslip.train(tiles, out=model, config=settings, seed=seed, overwrite=True)
        for note in landslip.calibrate(model, tiles, seed=seed, overwrite=True).notes:
            print(f"warning: {note}")
    return model


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedLandslides:
    """Landslides of inventories (n,): pixels, whether right, confidence before and after, scene."""

    pixels: NDArray[np.int64]
    right: NDArray[np.bool_]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    scene: NDArray[np.int64]


def map_scene(folder: Path, model: Path, number: int) -> MappedLandslides:
    """Extract a scene, make its inventory twice, and compare it with the truth."""
    out = folder / "extraction"
    landslip.extract(folder / SCENE, model, out=out, overwrite=True)
    after = landslip.make_inventory(out, out=folder / "inventory", draws=0, overwrite=True)
    card = out / "model.json"
    kept = card.read_text()
    loaded = landslip.load_model(model).card.model_copy(update={"object_confidence": None})
    card.write_text(loaded.model_dump_json())
    before = landslip.make_inventory(out, out=folder / "before", draws=0, overwrite=True)
    card.write_text(kept)
    found, plain = after.landslides, before.landslides
    if not found.geometry.geom_equals(plain.geometry).all():
        raise ValueError(f"{folder}: the two inventories do not have the same landslides")
    truth = shapely.union_all(geopandas.read_file(folder / TRUTH).geometry.values)
    outlines = found.geometry.to_numpy()
    shared = shapely.area(shapely.intersection(outlines, truth))
    with landslip.open_scene(folder / SCENE) as scene:
        pixel_m2 = scene.grid.pixel_area_m2
    return MappedLandslides(
        pixels=np.maximum(np.rint(shapely.area(outlines) / pixel_m2).astype(np.int64), 1),
        right=2 * shared >= shapely.area(outlines),
        before=plain["confidence"].to_numpy(np.float64),
        after=found["confidence"].to_numpy(np.float64),
        scene=np.full(len(found), number),
    )


def table(found: MappedLandslides) -> Iterator[str]:
    """Yield the lines of the table by size, and of the errors."""
    yield HEADER
    classes = size_class(found.pixels)
    for at, (at_least, under) in [*enumerate(size_classes_px()), (-1, (0, None))]:
        own = classes == at if at >= 0 else np.ones(len(classes), dtype=np.bool_)
        if not own.any():
            continue
        name = (
            "all" if at < 0 else f"{at_least} to {under - 1}" if under else f"{at_least} and more"
        )
        yield (
            f"| {name} | {own.sum()} | {found.right[own].mean():.2f} | "
            f"{found.before[own].mean():.2f} | {found.after[own].mean():.2f} |"
        )
    yield ""
    yield "| confidence | expected calibration error | Brier score | log loss |\n|---|---|---|---|"
    for name, values in (("before", found.before), ("after", found.after)):
        bins = bin_pixels(values, found.right, np.ones_like(found.right), bins=BINS)
        clipped = np.clip(values, 0.002, 0.998)
        loss = -np.log(np.where(found.right, clipped, 1 - clipped)).mean()
        brier = np.mean((values - found.right) ** 2)
        yield f"| {name} | {calibration_error(bins, BINS):.3f} | {brier:.3f} | {loss:.3f} |"


def main() -> None:
    """Run it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    work, seed = arguments.work, arguments.seed
    write_synthetic_scene(work / "train", TRAIN_SHAPE, seed)
    model = train(work, seed, TRAINING | {"epochs": arguments.epochs}, val_share=0.3)
    parts = []
    for number in range(1, TEST_SCENES + 1):
        folder = work / f"test{number}"
        write_synthetic_scene(folder, TEST_SHAPE, seed + 100 * number)
        parts.append(map_scene(folder, model, number))
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in MappedLandslides.__slots__
    }
    print("\n".join(table(MappedLandslides(**columns))))


if __name__ == "__main__":
    main()
