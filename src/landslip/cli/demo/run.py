"""Runs the whole chain on made-up ground: product, scene, tiles, model, extraction, inventory."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.cli.demo.baseline import single_thresholds
from landslip.cli.demo.ground import (
    DEM,
    REFERENCE,
    TEST_AREA,
    TRAIN_AREA,
    TRUTH,
    DemoGround,
    make_ground,
    split_ground,
)
from landslip.cli.demo.picture import draw_result
from landslip.core.bands import Bands
from landslip.core.choices import Split
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.window import Window
from landslip.datasets.augmentation import AugmentationSettings
from landslip.datasets.format import TileDataset
from landslip.datasets.scene import SceneDatasetRequest, dataset_from_scene
from landslip.datasets.splits.assignment import SplitPlan
from landslip.inference.job import ExtractionOptions
from landslip.inference.rasters import MASK
from landslip.inference.run import extract
from landslip.inventory.comparison.inventories import ComparisonRequest
from landslip.inventory.comparison.run import compare
from landslip.inventory.request import AuxiliaryData, InventoryRequest
from landslip.inventory.run import make_inventory
from landslip.io.raster import Mask, Scene
from landslip.metrics.pixels import count_pixels
from landslip.models.calibration.run import CalibrateRequest, calibrate
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import evaluate
from landslip.models.folder import ModelFolder, open_model
from landslip.models.training.module import EpochResult, TrainingCallbacks
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.pipeline.run import PreprocessRequest, preprocess
from landslip.preprocessing.pipeline.scene import SCALE
from landslip.reporting.inventory.page import ReportRequest, write_report

SCENES = "scenes"
TRAIN_TILES, TEST_TILES = "dataset_train", "dataset_test"
MODEL, EXTRACTION, PICTURE, REPORT = "model", "extraction", "demo.png", "demo.json"
INVENTORY, COMPARISON = "inventory", "comparison"

_TILE_PX = 128
_VAL_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """Where the demo goes, its seed, and who is told of its steps."""

    out: Path
    seed: int = 0
    overwrite: bool = False
    tell: Callable[[str], None] = lambda _line: None


@dataclass(slots=True)
class _Demo:
    """A demo under way, in a folder of its own."""

    request: DemoRequest
    folder: Path
    ground: DemoGround
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def scene(self) -> Path:
        """The scene that is made of the product."""
        name = self.ground.product.name.removesuffix(".tar.gz")
        return self.folder / SCENES / name / f"{name}.tif"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        self.request.tell(f"{name} ...")
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)


def run_demo(request: DemoRequest) -> dict[str, Any]:
    """Run the demo into ``request.out`` and return what its ``demo.json`` says.

    Raises:
        OutputExistsError: ``out`` is there already and ``overwrite`` is not set.
    """
    refuse_existing(request.out, overwrite=request.overwrite)
    started = time.monotonic()
    request.tell("ground: made up from the seed, and seen from above ...")
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        demo = _Demo(request, stage, make_ground(request.seed, stage))
        demo.seconds["ground"] = round(time.monotonic() - started, 1)
        with demo.step("preprocessing"):
            quality = _preprocess(demo)
        with demo.step("dataset"):
            _cut_tiles(demo)
        with demo.step("training"):
            _train(demo)
        with demo.step("calibration"):
            _calibrate(demo)
        report = _score(demo, open_model(stage / MODEL)) | {"preprocessing": quality}
        with demo.step("inventory"):
            report["inventory"] = _make_inventory(demo)
        _name_final_places(demo)
        report["seconds"] = demo.seconds | {"all": round(time.monotonic() - started, 1)}
        (stage / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    return report


def training_config(seed: int) -> TrainConfig:
    """Return a recipe that learns from nothing in two minutes on two CPU cores.

    Small batches, for many steps; Dice over the batch, since tiles without a landslide would hold
    the loss up until the last wrong pixel has gone from them. Colours are varied little: light and
    haze are those of one scene.
    """
    return TrainConfig(
        encoder="resnet10t",
        encoder_weights="none",
        epochs=90,
        batch_size=4,
        learning_rate=0.04,
        dice_over="batch",
        augmentation=AugmentationSettings(
            warp_share=0.3, gain=0.1, shift=0.1, band_gain=0.03, band_shift=0.03, noise=0.03
        ),
        seed=seed,
    )


def _preprocess(demo: _Demo) -> dict[str, Any]:
    """Make a scene of the product, and return what matters most of its quality."""
    request = PreprocessRequest(
        dem=DemRequest(path=demo.folder / DEM, heights=HeightReference()),
        reference=RefinementRequest(path=demo.folder / REFERENCE),
    )
    quality = preprocess(demo.ground.product, demo.folder / SCENES, request).quality
    refinement, registration = quality["reference"], quality["registration"]
    return {
        "pointing_error_px": refinement["before"]["rms_px"],
        "pointing_error_after_px": refinement["after"]["rms_px"],
        "registration_error_after_px": registration["after"]["rms_px"],
        "qnr": (quality["fusion"]["full_scale"] or {}).get("qnr"),
    }


def _cut_tiles(demo: _Demo) -> None:
    """Make the two datasets; the one of the test has nothing but test tiles."""
    seed = demo.request.seed
    plans = (
        (TRAIN_TILES, TRAIN_AREA, SplitPlan(test_share=0, val_share=_VAL_SHARE, seed=seed)),
        (TEST_TILES, TEST_AREA, SplitPlan(test_share=1, val_share=0)),
    )
    for name, area, plan in plans:
        request = SceneDatasetRequest(
            scene=demo.scene,
            labels=demo.folder / TRUTH,
            area=demo.folder / area,
            tile=_TILE_PX,
            plan=plan,
        )
        card = dataset_from_scene(request, demo.folder / name).card
        demo.request.tell(f"  {name}: {sum(card.tiles.values())} tiles")


def _train(demo: _Demo) -> None:
    def tell(result: EpochResult) -> None:
        counts = result.counts
        f1 = "" if counts is None or counts.f1 is None else f", validation F1 {counts.f1:.3f}"
        demo.request.tell(
            f"  epoch {result.epoch}/{result.epochs}: loss {result.train_loss:.3f}{f1}"
        )

    request = TrainRequest(
        dataset=TileDataset(demo.folder / TRAIN_TILES),
        out=demo.folder / MODEL,
        config=training_config(demo.request.seed),
        watcher=TrainingCallbacks(on_epoch=tell),
    )
    train(request)


def _calibrate(demo: _Demo) -> None:
    """Make probabilities those of the validation tiles."""
    model = open_model(demo.folder / MODEL)
    request = CalibrateRequest(
        model=model,
        dataset=TileDataset(demo.folder / TRAIN_TILES),
        engine=open_engine(model),
        seed=demo.request.seed,
    )
    calibrate(request)


def _make_inventory(demo: _Demo) -> dict[str, Any]:
    """Make the inventory and its report, and compare it with the truth of the test area."""
    folder = demo.folder
    request = InventoryRequest(
        source=folder / EXTRACTION,
        out=folder / INVENTORY,
        auxiliary=AuxiliaryData(dem=folder / DEM),
        seed=demo.request.seed,
    )
    record = make_inventory(request)
    write_report(ReportRequest(folder=folder / INVENTORY))
    asked = ComparisonRequest(
        inventory=folder / INVENTORY,
        reference=folder / TRUTH,
        area=folder / TEST_AREA,
        out=folder / COMPARISON,
        seed=demo.request.seed,
    )
    compared = compare(asked).landslides
    return {
        "landslides": record.landslides,
        "true_landslides_of_test_area": compared.detected + compared.missed,
        "detected_share": compared.detection_rate.value,
        "false_share": compared.false_share.value,
    }


def _score(demo: _Demo, model: ModelFolder) -> dict[str, Any]:
    """Evaluate on the test tiles, extract the whole scene, and compare on the test area."""
    engine = open_engine(model)
    tiles = TileDataset(demo.folder / TEST_TILES)
    with demo.step("evaluation"):
        evaluation = evaluate(engine, model.card, tiles, Split.TEST)
    with demo.step("extraction"):
        extract(demo.scene, model, engine, demo.folder / EXTRACTION, ExtractionOptions())
    seen = _Seen.of(demo)
    with demo.step("picture"):
        masks = seen.landslide & seen.valid, seen.found
        draw_result(
            seen.stored, seen.valid, seen.bands, masks, _test_window(), demo.folder / PICTURE
        )
    rows, cols = _test_window().slices_in(Window(0, 0, *seen.valid.shape[::-1]))
    counted, truth = seen.valid[rows, cols], seen.landslide[rows, cols]
    reflectance = seen.stored[:, rows, cols][:, counted].astype(np.float32) * SCALE
    return {
        "seed": demo.request.seed,
        "landslides": len(demo.ground.landslides),
        "landslide_share": float(seen.landslide[seen.valid].mean()),
        "evaluation": evaluation.as_dict(),
        "extraction": count_pixels(seen.found[rows, cols], truth, counted).as_dict(),
        "best_single_threshold_f1": single_thresholds(reflectance, seen.bands, truth[counted]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Scene, truth and result of the demo's area (height, width)."""

    bands: Bands
    stored: NDArray[np.uint16]
    valid: NDArray[np.bool_]
    landslide: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @classmethod
    def of(cls, demo: _Demo) -> "_Seen":
        with Scene(demo.scene) as scene, Mask(demo.folder / EXTRACTION / MASK) as mask:
            part = Window(0, 0, *demo.ground.area.plan.shape[::-1])
            window = demo.ground.window_on(scene.grid, part)
            stored, valid = scene.read(window)
            return cls(
                bands=scene.bands,
                stored=stored,
                valid=valid,
                landslide=demo.ground.landslide_mask(scene.grid.at(window)),
                found=mask.read(window)[0] == 1,
            )


def _test_window() -> Window:
    return split_ground()[1]


def _name_final_places(demo: _Demo) -> None:
    """Let what was written name its sources where they will be in the end."""
    here, there = str(demo.folder), str(demo.request.out.resolve())
    for folder in (EXTRACTION, INVENTORY, COMPARISON):
        for path in (demo.folder / folder).iterdir():
            if path.suffix in (".json", ".html"):
                path.write_text(path.read_text(encoding="utf-8").replace(here, there), "utf-8")
