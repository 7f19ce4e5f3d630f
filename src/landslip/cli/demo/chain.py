"""The whole chain on synthetic terrain, through the Python API, and its result as a picture."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import landslip
from landslip.cli.demo.baseline import single_thresholds
from landslip.cli.demo.terrain import (
    DEM,
    REFERENCE,
    TEST_AREA,
    TRAIN_AREA,
    TRUTH,
    DemoTerrain,
    make_terrain,
    split_area,
)
from landslip.core.arguments import PathArgument, checked
from landslip.core.bands import Bands
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.window import Window
from landslip.io.raster import Mask
from landslip.io.visualization import RgbImage, draw_outlines, rgb_composite, save_panels
from landslip.metrics.pixels import count_pixels
from landslip.models.training.module import EpochResult

SCENES, TRAIN_TILES, TEST_TILES = "scenes", "dataset_train", "dataset_test"
MODEL, EXTRACTION, INVENTORY, COMPARISON = "model", "extraction", "inventory", "comparison"
PICTURE, REPORT = "demo.png", "demo.json"
_TILE_PX = 128

# Learns from nothing in two minutes on two CPU cores. Small batches, for many steps; Dice over the
# batch, since tiles without a landslide would keep the loss high until their last wrong pixel is
# gone. Colours vary little: light and haze are those of one scene.
TRAINING: dict[str, Any] = {
    "encoder": "resnet10t",
    "encoder_weights": "none",
    "epochs": 90,
    "batch_size": 4,
    "learning_rate": 0.04,
    "dice_over": "batch",
    "augmentation": {
        "warp_share": 0.3,
        "gain": 0.1,
        "shift": 0.1,
        "band_gain": 0.03,
        "band_shift": 0.03,
        "noise": 0.03,
    },
}


@checked()
def run_demo(
    out: PathArgument, *, seed: int = 0, overwrite: bool = False, log: Callable[[str], None]
) -> dict[str, Any]:
    """Run the chain into a folder and return what its ``demo.json`` says.

    Raises:
        OutputExistsError: ``out`` exists.
    """
    out = Path(out)
    refuse_existing(out, overwrite=overwrite)
    started = last = time.monotonic()
    seconds: dict[str, float] = {}

    def finished(step: str, following: str) -> None:
        nonlocal last
        now = time.monotonic()
        seconds[step], last = round(now - last, 1), now
        if following:
            log(f"{following} ...")

    def log_epoch(result: EpochResult) -> None:
        counts = result.counts
        f1 = "" if counts is None or counts.f1 is None else f", validation F1 {counts.f1:.3f}"
        log(f"  epoch {result.epoch}/{result.epochs}: loss {result.train_loss:.3f}{f1}")

    log("terrain: synthetic, seen from above ...")
    with atomic_directory(out, overwrite=overwrite) as folder:
        terrain = make_terrain(seed, folder)
        finished("ground", "preprocessing")
        (preprocessed,) = landslip.preprocess(
            terrain.product,
            dem=folder / DEM,
            dem_heights="ellipsoid",
            reference=folder / REFERENCE,
            registration="required",
            out=folder / SCENES,
        )
        finished("preprocessing", "dataset")
        scene, truth = preprocessed.scene, folder / TRUTH
        cut = partial(landslip.datasets.from_scene, scene, truth, tile=_TILE_PX, log=lambda _: None)
        train_area, test_area = folder / TRAIN_AREA, folder / TEST_AREA
        tiles = cut(
            area=train_area, out=folder / TRAIN_TILES, test_share=0, val_share=0.15, seed=seed
        )
        test_tiles = cut(area=test_area, out=folder / TEST_TILES, test_share=1, val_share=0)
        for name, made in ((TRAIN_TILES, tiles), (TEST_TILES, test_tiles)):
            log(f"  {name}: {len(made)} tiles")
        finished("dataset", "training")
        landslip.train(tiles, out=folder / MODEL, config=TRAINING, seed=seed, on_epoch=log_epoch)
        finished("training", "calibration")
        landslip.calibrate(folder / MODEL, tiles, seed=seed)
        model = landslip.load_model(folder / MODEL)
        finished("calibration", "evaluation")
        evaluation = landslip.evaluate(model, test_tiles)
        finished("evaluation", "extraction")
        landslip.extract(scene, model, out=folder / EXTRACTION)
        finished("extraction", "picture")
        scores = _score(terrain, scene, folder)
        finished("picture", "inventory")
        inventory = landslip.make_inventory(
            folder / EXTRACTION, dem=folder / DEM, seed=seed, out=folder / INVENTORY
        )
        inventory.report()
        compared = landslip.compare(
            inventory, truth, area=test_area, seed=seed, out=folder / COMPARISON
        ).landslides
        finished("inventory", "")
        quality = preprocessed.quality
        report = {
            "seed": seed,
            "landslides": len(terrain.landslides),
            "landslide_share": scores.pop("landslide_share"),
            "evaluation": evaluation.as_dict(),
            **scores,
            "preprocessing": {
                "pointing_error_px": quality["reference"]["before"]["rms_px"],
                "pointing_error_after_px": quality["reference"]["after"]["rms_px"],
                "registration_error_after_px": quality["registration"]["after"]["rms_px"],
                "qnr": (quality["fusion"]["full_scale"] or {}).get("qnr"),
            },
            "inventory": {
                "landslides": inventory.record.landslides,
                "true_landslides_of_test_area": compared.detected + compared.missed,
                "detected_share": compared.detection_rate.value,
                "false_share": compared.false_share.value,
            },
            "seconds": seconds | {"all": round(time.monotonic() - started, 1)},
        }
        here, there = str(folder), str(out.resolve())  # where the sources named will be
        for name in (EXTRACTION, INVENTORY, COMPARISON):
            for path in (folder / name).iterdir():
                if path.suffix in (".json", ".html"):
                    path.write_text(path.read_text("utf-8").replace(here, there), "utf-8")
        (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    return report


def _score(terrain: DemoTerrain, path: Path, folder: Path) -> dict[str, Any]:
    """Compare the extracted mask with the truth on the test area, and draw both."""
    with landslip.open_scene(path) as scene, Mask(folder / EXTRACTION / "mask.tif") as mask:
        height, width = terrain.area.landscape.shape
        window = terrain.window_on(scene.grid, Window(0, 0, width, height))
        stored, valid = scene.read(window)
        truth = terrain.landslide_mask(scene.grid.at(window))
        mapped = mask.read(window)[0] == 1
        bands, radiometry = scene.bands, scene.radiometry
    test = split_area()[1]
    draw_result(stored, valid, bands, (truth & valid, mapped), test, folder / PICTURE)
    rows, cols = test.slices_in(Window(0, 0, width, height))
    counted, landslide = valid[rows, cols], truth[rows, cols]
    reflectance = radiometry.values(stored[:, rows, cols][:, counted])
    return {
        "landslide_share": float(truth[valid].mean()),
        "extraction": count_pixels(mapped[rows, cols], landslide, counted).as_dict(),
        "best_single_threshold_f1": single_thresholds(reflectance, bands, landslide[counted]),
    }


_WIDTH_PX = 640
_TRUTH, _FOUND, _FRAME = (255, 230, 40), (255, 60, 60), (255, 255, 255)


def draw_result(
    stored: NDArray[np.uint16],
    valid: NDArray[np.bool_],
    bands: Bands,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    test: Window,
    path: Path,
) -> None:
    """Write a PNG of the scene, of its known landslides and of those found (``masks``)."""
    image = _shrunk(rgb_composite(stored, valid, bands))
    scale = image.shape[1] / stored.shape[2]
    known, found = (_shrunk(mask.astype(np.uint8) * 255) > 127 for mask in masks)
    rows = slice(round(test.row_off * scale), round(test.row_end * scale))
    cols = slice(round(test.col_off * scale), round(test.col_end * scale))
    parts = [
        ("image (framed: ground kept for the test)", image),
        ("label: known landslides", draw_outlines(image, known, _TRUTH)),
        ("result: landslides found", draw_outlines(image, found, _FOUND)),
    ]
    for _, picture in parts:  # a frame two pixels wide
        inside = picture[rows, cols][2:-2, 2:-2].copy()
        picture[rows, cols] = _FRAME
        picture[rows, cols][2:-2, 2:-2] = inside
    save_panels(parts, path)


def _shrunk(picture: RgbImage) -> RgbImage:
    height, width = picture.shape[:2]
    size = min(_WIDTH_PX, width), round(height * min(_WIDTH_PX, width) / width)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
