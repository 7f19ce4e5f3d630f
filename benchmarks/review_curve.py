"""What does reviewing bring: F1 against polygons and minutes, by the order of the queue.

    python benchmarks/review_curve.py --work FOLDER [--seeds 0,1,2] [--page docs/results/review.md
        --picture docs/images/review_curve.png]

A network learns from few tiles of one synthetic valley in August, and maps another one in October,
where it errs. A simulated reviewer judges its polygons in three orders: by expected information,
at random, and from the largest on. After each polygon the reviewer looks at the cell that it is in,
unless it was looked at before, and draws what the map misses there. The reviewer errs, too
(`Reviewer`). After some polygons two things are scored: the corrected inventory against the truth
of the reviewed scene, and the model that `landslip improve` makes of the reviewed ground, on scenes
of October that nobody reviewed. The improved model is scored whether or not it is called better, so
that this can be compared with what it is.

Intervals (95 %) draw blocks of ground within seeds, and seeds. What FOLDER has is not made again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

import landslip
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window, tile_windows
from landslip.metrics.tile_scores import f1
from landslip.models.folder import open_model
from landslip.review.ground import ReviewedScene
from landslip.review.improvement import ImproveRequest, improve
from landslip.synthetic.landscape import LandscapeSettings, make_landscape
from landslip.synthetic.landslides import LandslideSettings
from landslip.synthetic.series import StudyArea, write_landslides, write_reflectance
from landslip.synthetic.study_areas import wenchuan_area

SCENE, TRUTH = "scene.tif", "truth.gpkg"
AUGUST, OCTOBER = 0, 1
TRAIN_SHAPE, REVIEW_SHAPE, TEST_SHAPE = (640, 768), (1024, 1408), (768, 1024)
TEST_SCENES, PER_KM2, TILE_PX, CELL_PX, BLOCK_PX = 2, 24.0, 128, 128, 256
STEPS = (0, 10, 20, 40, 80)
LEARNT = (20, 40, 80)
DRAWS = 2000
TRAINING: dict[str, Any] = {
    "encoder": "test_resnet",
    "encoder_weights": "none",
    "head": "leaky",
    "decoder_width": 32,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.01,
    "warmup_epochs": 1,
    "epochs": 30,
    "batch_size": 8,
    "steps_per_epoch": 10,
    "precision": "fp32",
}
FINE_TUNING = {"epochs": 8, "steps_per_epoch": 10, "learning_rate": 5e-4}
FOLDS = 2
Polygons = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Somebody who judges polygons and looks at cells, and errs.

    Attributes:
        wrong: share of verdicts that are the opposite.
        missed: share of the landslides missing in a cell that are not seen there either.
        outline_px: standard deviation of the offset of a drawn outline.
        polygon_s: to accept or reject a polygon.
        draw_s: to draw an outline, or draw it again.
        cell_s: to look at a cell.
    """

    wrong: float = 0.05
    missed: float = 0.10
    outline_px: float = 1.0
    polygon_s: float = 5.0
    draw_s: float = 25.0
    cell_s: float = 12.0


ENOUGH_OVERLAP = 0.75


@dataclass(kw_only=True)
class Session:
    """A review as it goes on: what holds of each polygon, and what was drawn and looked at."""

    mapped: Polygons
    truth: Polygons
    grid: Grid
    reviewer: Reviewer
    generator: np.random.Generator
    corrected: dict[int, shapely.Geometry | None] = field(default_factory=dict)
    drawn: list[shapely.Geometry] = field(default_factory=list)
    cells: set[tuple[int, int]] = field(default_factory=set)
    seconds: float = 0.0

    def judge(self, at: int) -> None:
        """Judge a polygon, and look at the cell of its middle."""
        outline, reviewer = self.mapped[at], self.reviewer
        near = self.truth[shapely.intersects(self.truth, outline)]
        shared = shapely.area(shapely.intersection(near, outline))
        is_own = (2 * shared >= shapely.area(near)) | (2 * shared >= outline.area)
        right = shapely.union_all(near[is_own]) if is_own.any() else None
        is_wrong = self.generator.uniform() < reviewer.wrong
        found: shapely.Geometry | None
        if right is None:
            found, seconds = (outline if is_wrong else None), reviewer.polygon_s
        elif is_wrong:
            found = None if 2 * shared.sum() >= outline.area else outline
            seconds = reviewer.polygon_s
        elif _overlap(outline, right) >= ENOUGH_OVERLAP:
            found, seconds = outline, reviewer.polygon_s
        else:
            found, seconds = self._outline(right), reviewer.draw_s
        self.corrected[at] = found
        self.seconds += seconds
        self._look(outline.centroid)

    def _look(self, place: shapely.Point) -> None:
        """Look at the cell of a place, and draw what is missing in it."""
        col, row = self.grid.pixels(np.array([[place.x, place.y]]))[0] // CELL_PX
        cell = (int(row), int(col))
        if cell in self.cells:
            return
        self.cells.add(cell)
        self.seconds += self.reviewer.cell_s
        frame = self.cell(cell)
        inside = shapely.area(shapely.intersection(self.truth, frame))
        known = shapely.union_all(self.landslides())
        for one in self.truth[inside > 10 * abs(self.grid.transform.determinant)]:
            is_missing = 2 * shapely.area(shapely.intersection(one, known)) < one.area
            if is_missing and self.generator.uniform() >= self.reviewer.missed:
                self.drawn.append(self._outline(one))
                self.seconds += self.reviewer.draw_s

    def _outline(self, right: shapely.Geometry) -> shapely.Geometry:
        pixel = float(np.sqrt(abs(self.grid.transform.determinant)))
        offset = float(np.clip(self.generator.normal(0, self.reviewer.outline_px), -2, 2))
        drawn = shapely.simplify(shapely.buffer(right, offset * pixel), pixel)
        return right if drawn.is_empty else drawn

    def cell(self, cell: tuple[int, int]) -> shapely.Polygon:
        """Return the outline of a cell."""
        window = Window(cell[1] * CELL_PX, cell[0] * CELL_PX, CELL_PX, CELL_PX)
        return shapely.Polygon(self.grid.corners(window))

    def landslides(self) -> Polygons:
        """Return the corrected inventory: what was not judged is as it was mapped."""
        found = [self.corrected.get(at, one) for at, one in enumerate(self.mapped)]
        return _array([one for one in (*found, *self.drawn) if one is not None])

    def reviewed(self, scene: Path) -> ReviewedScene:
        """Return what was decided about the scene."""
        judged = list(self.corrected.items())
        return ReviewedScene(
            scene=scene,
            landslides=_array([*(one for _, one in judged if one is not None), *self.drawn]),
            rejected=_array([self.mapped[at] for at, one in judged if one is None]),
            unjudged=_array(
                [one for at, one in enumerate(self.mapped) if at not in self.corrected]
            ),
            looked_at=_array([self.cell(one) for one in sorted(self.cells)]),
        )


def _array(geometries: Sequence[shapely.Geometry]) -> Polygons:
    found = np.empty(len(geometries), dtype=object)
    found[:] = geometries
    return found


def _overlap(one: shapely.Geometry, other: shapely.Geometry) -> float:
    shared = float(shapely.area(shapely.intersection(one, other)))
    return shared / float(shapely.area(one) + shapely.area(other) - shared)


def by_information(mapped: geopandas.GeoDataFrame, _: np.random.Generator) -> NDArray[np.intp]:
    """Return the order of expected information."""
    return np.argsort(-information(mapped), kind="stable")


def at_random(mapped: geopandas.GeoDataFrame, generator: np.random.Generator) -> NDArray[np.intp]:
    """Return a random order."""
    return generator.permutation(len(mapped))


def largest_first(mapped: geopandas.GeoDataFrame, _: np.random.Generator) -> NDArray[np.intp]:
    """Return the order of falling area."""
    return np.argsort(-mapped.geometry.area.to_numpy(), kind="stable")


Order = Callable[[geopandas.GeoDataFrame, np.random.Generator], NDArray[np.intp]]
ORDERS: dict[str, Order] = {
    "information": by_information,
    "random": at_random,
    "largest first": largest_first,
}


def information(mapped: geopandas.GeoDataFrame) -> NDArray[np.float64]:
    """Return the expected information of each polygon."""
    probability = mapped["mean_probability"].to_numpy(np.float64)
    uncertainty = 4 * probability * (1 - probability)
    size = np.sqrt(mapped.geometry.area.to_numpy())
    return uncertainty * size


def write_synthetic_scene(folder: Path, shape: tuple[int, int], seed: int, overpass: int) -> None:
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
            seasons=True,
        ),
        overpasses=(plan.overpasses[overpass],),
        margin_px=32,
        seed=seed,
    )
    (seen,) = area.overpasses
    sun, day = seen.sun(area.middle), seen.beijing_time.date()
    land = make_landscape(area.landscape_with_margin, seed, sun)
    write_reflectance(land.ground_on(day, sun), area.window_on(land.grid), folder / SCENE)
    write_landslides(land, day, folder / TRUTH)


def base_model(work: Path, seed: int) -> Path:
    """Train on the few tiles of August, and calibrate."""
    model, tiles = work / "model", work / "tiles"
    if not tiles.exists():
        landslip.datasets.from_scene(
            work / "train" / SCENE,
            work / "train" / TRUTH,
            tile=TILE_PX,
            out=tiles,
            test_share=0,
            val_share=0.25,
            seed=seed,
            log=lambda _line: None,
        )
    if not model.exists():
        landslip.train(tiles, out=model, config=TRAINING, seed=seed, overwrite=True)
        landslip.calibrate(model, tiles, seed=seed, overwrite=True)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class TestScene:
    """A scene with its truth (height, width)."""

    path: Path
    grid: Grid
    truth: NDArray[np.bool_]

    @classmethod
    def of(cls, folder: Path) -> "TestScene":
        """Open a scene and burn its landslides."""
        with landslip.open_scene(folder / SCENE) as scene:
            grid = scene.grid
        outlines = geopandas.read_file(folder / TRUTH).geometry.to_numpy()
        return cls(path=folder / SCENE, grid=grid, truth=burnt(outlines, grid))

    def counts(self, found: NDArray[np.bool_]) -> list[list[int]]:
        """Return tp, fp and fn of each block of ground."""
        rows = []
        for window in tile_windows(self.grid.shape, BLOCK_PX):
            inside = window.clipped(self.grid.shape)
            if inside is not None:
                part = inside.slices_in(self.grid.window)
                one, other = found[part], self.truth[part]
                pairs = (one & other, one & ~other, ~one & other)
                rows.append([int(pair.sum()) for pair in pairs])
        return rows


def burnt(outlines: Polygons, grid: Grid) -> NDArray[np.bool_]:
    """Return which pixels have their centre in an outline."""
    if len(outlines) == 0:
        return np.zeros(grid.shape, dtype=np.bool_)
    mask = rasterize(outlines, out_shape=grid.shape, transform=grid.transform, dtype="uint8")
    return np.asarray(mask, dtype=np.bool_)


def counts_of_model(model: Path, tests: Sequence[TestScene]) -> list[list[int]]:
    """Return the counts of a model on scenes, in blocks."""
    loaded = landslip.load_model(model)
    rows = []
    for test in tests:
        found = loaded.predict(test.path, engine="torch", force=True).array
        rows += test.counts(np.nan_to_num(found) >= loaded.card.threshold)
    return rows


def run_seed(work: Path, seed: int, orders: Sequence[str]) -> None:
    """Run the reviews of a seed, and store what they bring."""
    write_synthetic_scene(work / "train", TRAIN_SHAPE, 1000 + seed, AUGUST)
    write_synthetic_scene(work / "review", REVIEW_SHAPE, 2000 + seed, OCTOBER)
    for number in range(TEST_SCENES):
        write_synthetic_scene(
            work / f"test{number}", TEST_SHAPE, 3000 + 10 * seed + number, OCTOBER
        )
    model = base_model(work, seed)
    extraction = work / "extraction"
    if not extraction.exists():
        landslip.extract(work / "review" / SCENE, model, out=extraction, force=True)
    reviewed = TestScene.of(work / "review")
    tests = [TestScene.of(work / f"test{number}") for number in range(TEST_SCENES)]
    base = work / "base.json"
    if not base.exists():
        base.write_text(json.dumps(counts_of_model(model, tests)))
    mapped = geopandas.read_file(extraction / "landslides.gpkg")
    truth = geopandas.read_file(work / "review" / TRUTH).geometry.to_numpy()
    print(f"seed {seed}: {len(mapped)} mapped, {len(truth)} true landslides", flush=True)
    for name in orders:
        order = ORDERS[name](mapped, np.random.default_rng([seed, 1]))
        session = Session(
            mapped=mapped.geometry.to_numpy(),
            truth=truth,
            grid=reviewed.grid,
            reviewer=Reviewer(),
            generator=np.random.default_rng([seed, 2]),
        )
        for number in STEPS:
            for at in order[len(session.corrected) : number]:
                session.judge(int(at))
            cell = work / f"{name.replace(' ', '_')}_{number}.json"
            if cell.exists():
                continue
            started = time.monotonic()
            found: dict[str, Any] = {
                "polygons": len(session.corrected),
                "cells": len(session.cells),
                "drawn": len(session.drawn),
                "minutes": session.seconds / 60,
                "inventory": reviewed.counts(burnt(session.landslides(), reviewed.grid)),
                "model": json.loads(base.read_text()) if number == 0 else None,
            }
            if number in LEARNT:
                scene = session.reviewed(reviewed.path)
                found |= learnt(work, model, scene, tests, json.loads(base.read_text()), seed)
            found["seconds"] = time.monotonic() - started
            cell.write_text(json.dumps(found))
            print(f"  {name}, {number}: {summary(found)}", flush=True)


def learnt(
    work: Path,
    model: Path,
    scene: ReviewedScene,
    tests: Sequence[TestScene],
    base: list[list[int]],
    seed: int,
) -> dict[str, Any]:
    """Improve the model by what was reviewed, and score it on scenes that nobody reviewed."""
    request = ImproveRequest(
        model=open_model(model),
        scenes=(scene,),
        out=work / "improved",
        settings=FINE_TUNING,
        folds=FOLDS,
        seed=seed,
        keep=True,
        overwrite=True,
        force=True,
    )
    openvino = sys.modules.pop("openvino", None)
    sys.modules["openvino"] = None  # type: ignore[assignment]  # no graph, which takes longer
    try:
        done = improve(request)
    except InputError as error:
        return {"model": base, "refused": str(error)}
    finally:
        del sys.modules["openvino"]
        if openvino is not None:
            sys.modules["openvino"] = openvino
    record = done.record.model_dump(mode="json")
    return {"model": counts_of_model(work / "improved", tests), "improvement": record}


def summary(found: dict[str, Any]) -> str:
    """Describe a cell in a line."""
    parts = [f"{found['minutes']:.0f} min, {found['cells']} cells, {found['drawn']} drawn"]
    parts.append(f"inventory F1 {f1(np.sum(found['inventory'], axis=0)):.3f}")
    if found["model"] is not None:
        parts.append(f"model F1 {f1(np.sum(found['model'], axis=0)):.3f}")
    if "improvement" in found:
        one = found["improvement"]["comparison"]
        change = one["f1"]
        parts.append(
            f"held-out ground {one['before']['f1']['value']:.3f} to "
            f"{one['after']['f1']['value']:.3f} ({change['low']:+.3f} to {change['high']:+.3f}): "
            f"{one['verdict']}"
        )
    parts.append(f"{found['seconds']:.0f} s")
    return "; ".join(parts)


def main() -> None:
    """Run what is missing, and write the tables and the chart."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--orders", default=",".join(ORDERS))
    options = parser.parse_args()
    for seed in (int(one) for one in options.seeds.split(",")):
        run_seed(options.work / f"seed{seed}", seed, options.orders.split(","))


if __name__ == "__main__":
    main()
