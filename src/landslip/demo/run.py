"""Runs the whole chain on a made-up scene: dataset, training, evaluation, extraction."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.choices import Split
from landslip.dataset.format import TileDataset
from landslip.dataset.scene import SceneRequest, dataset_from_scene
from landslip.demo.baseline import single_thresholds
from landslip.demo.picture import draw_result
from landslip.demo.scene import (
    BANDS,
    SCALE,
    MadeUpScene,
    make_scene,
    split_ground,
    write_made_up_scene,
)
from landslip.engines.choose import open_engine
from landslip.evaluation import evaluate
from landslip.extraction.result import MASK, SUMMARY
from landslip.extraction.run import ExtractionOptions, extract
from landslip.grid import Grid
from landslip.metrics import count_pixels
from landslip.model.folder import Model, open_model
from landslip.output import refuse_existing, staged_folder
from landslip.raster import Mask
from landslip.split import SplitPlan
from landslip.training.module import EpochResult, Watcher
from landslip.training.recipe import Augmentation, TrainConfig
from landslip.training.run import TrainRequest, train
from landslip.window import Window

SCENE, TRUTH = "scene.tif", "landslides_truth.gpkg"
TRAIN_AREA, TEST_AREA = "train_area.gpkg", "test_area.gpkg"
TRAIN_TILES, TEST_TILES = "dataset_train", "dataset_test"
MODEL, EXTRACTION, PICTURE, REPORT = "model", "extraction", "demo.png", "demo.json"

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
    scene: MadeUpScene
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def areas(self) -> tuple[Window, Window]:
        """The ground that is trained on, in the north, and the ground of the test."""
        return split_ground(self.scene.grid.shape)

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
    request.tell("scene: made up from the seed ...")
    with staged_folder(request.out, overwrite=request.overwrite) as stage:
        demo = _Demo(request, stage, make_scene(request.seed))
        _write_ground(demo)
        demo.seconds["scene"] = round(time.monotonic() - started, 1)
        with demo.step("dataset"):
            _cut_tiles(demo)
        with demo.step("training"):
            _train(demo)
        report = _score(demo, open_model(stage / MODEL))
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
        augmentation=Augmentation(
            warp_share=0.3, gain=0.1, shift=0.1, band_gain=0.03, band_shift=0.03, noise=0.03
        ),
        seed=seed,
    )


def _write_ground(demo: _Demo) -> None:
    """Write the scene, its landslides, and the two areas."""
    scene, folder = demo.scene, demo.folder
    write_made_up_scene(scene, folder / SCENE)
    outlines = [one.outline for one in scene.landslides]
    columns = {
        "id": np.arange(1, len(outlines) + 1),
        "area_m2": shapely.area(outlines),
        "freshness": [one.freshness for one in scene.landslides],
    }
    _write_polygons(columns, outlines, scene.grid, folder / TRUTH)
    for window, name in zip(demo.areas, (TRAIN_AREA, TEST_AREA), strict=True):
        area = shapely.Polygon(scene.grid.corners(window))
        _write_polygons({"id": [1]}, [area], scene.grid, folder / name)


def _write_polygons(
    columns: dict[str, Any], polygons: list[shapely.Polygon], grid: Grid, path: Path
) -> None:
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    frame = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(polygons, crs=crs))
    frame.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio")


def _cut_tiles(demo: _Demo) -> None:
    """Make the two datasets; the one of the test has nothing but test tiles."""
    seed = demo.request.seed
    plans = (
        (TRAIN_TILES, TRAIN_AREA, SplitPlan(test_share=0, val_share=_VAL_SHARE, seed=seed)),
        (TEST_TILES, TEST_AREA, SplitPlan(test_share=1, val_share=0)),
    )
    for name, area, plan in plans:
        request = SceneRequest(
            scene=demo.folder / SCENE,
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
        dataset=demo.folder / TRAIN_TILES,
        out=demo.folder / MODEL,
        config=training_config(demo.request.seed),
        watcher=Watcher(on_epoch=tell),
    )
    train(request)


def _score(demo: _Demo, model: Model) -> dict[str, Any]:
    """Evaluate on the test tiles, extract the whole scene, and compare on the test area."""
    engine = open_engine(model)
    tiles = TileDataset(demo.folder / TEST_TILES)
    with demo.step("evaluation"):
        evaluation = evaluate(engine, model.card, tiles, Split.TEST)
    with demo.step("extraction"):
        scene = demo.folder / SCENE
        extract(scene, model, engine, demo.folder / EXTRACTION, ExtractionOptions())
        _name_final_places(demo)
    with Mask(demo.folder / EXTRACTION / MASK) as mask:
        found = mask.read()[0] == 1
    with demo.step("picture"):
        _draw(demo, found)
    known = demo.scene
    rows, cols = demo.areas[1].slices_in(known.grid.window)
    counted = known.valid[rows, cols]
    truth = known.landslide[rows, cols]
    reflectance = known.stored[:, rows, cols][:, counted].astype(np.float32) * SCALE
    return {
        "seed": demo.request.seed,
        "landslides": len(known.landslides),
        "landslide_share": float(known.landslide[known.valid].mean()),
        "evaluation": evaluation.as_dict(),
        "extraction": count_pixels(found[rows, cols], truth, counted).as_dict(),
        "best_single_threshold_f1": single_thresholds(reflectance, BANDS, truth[counted]),
    }


def _name_final_places(demo: _Demo) -> None:
    """Let the extraction's summary name scene and model where they will be in the end."""
    path = demo.folder / EXTRACTION / SUMMARY
    summary = json.loads(path.read_text())
    summary |= {"scene": str(demo.request.out / SCENE), "model": str(demo.request.out / MODEL)}
    path.write_text(json.dumps(summary, indent=2) + "\n")


def _draw(demo: _Demo, found: NDArray[np.bool_]) -> None:
    known = demo.scene
    masks = known.landslide & known.valid, found
    draw_result(known.stored, known.valid, BANDS, masks, demo.areas[1], demo.folder / PICTURE)
