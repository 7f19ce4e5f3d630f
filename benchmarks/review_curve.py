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
import os
import shutil
import time
from collections.abc import Sequence
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
from landslip.core.window import tile_windows
from landslip.experiments.assembly import commit, machine
from landslip.metrics.tile_scores import f1
from landslip.models.folder import open_model
from landslip.review.changes import ChangeRequest
from landslip.review.corrections import reviewed_scene
from landslip.review.ground import ReviewedScene
from landslip.review.improvement import ImproveRequest, improve
from landslip.review.queue import QueueOrder
from landslip.review.start import start_review
from landslip.review.store import ReviewStore
from landslip.review.words import Action, Verdict
from landslip.synthetic.landscape import LandscapeSettings, make_landscape
from landslip.synthetic.landslides import LandslideSettings
from landslip.synthetic.series import StudyArea, write_landslides, write_reflectance
from landslip.synthetic.study_areas import wenchuan_area
from object_confidence import SCENE, TRUTH, train
from review_page import Curve, cell_name, draw_chart, findings, tables

AUGUST, OCTOBER = 0, 1
TRAIN_SHAPE, REVIEW_SHAPE, TEST_SHAPE = (640, 768), (1024, 1408), (768, 1024)
TEST_SCENES, PER_KM2, CELL_M, BLOCK_PX = 2, 24.0, 256.0, 256
STEPS = (0, 10, 20, 40, 80)
LEARNT = (20, 80, 40)
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
FINE_TUNING = {"epochs": 6, "steps_per_epoch": 10, "learning_rate": 5e-4}
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
    """A review as it goes on, written to a review's log as the page writes it."""

    store: ReviewStore
    truth: Polygons
    pixel_m: float
    generator: np.random.Generator
    reviewer: Reviewer = field(default_factory=Reviewer)
    polygons: int = 0
    cells: int = 0
    drawn: int = 0
    seconds: float = 0.0

    def judge_next(self, order: QueueOrder, seed: int) -> bool:
        """Judge the first polygon of a queue, and look at the cell of its middle."""
        _, waiting = self.store.queue(order, seed=seed)
        if not waiting:
            return False
        first = waiting[0]
        outline, _ = self.store.outlines(first.id)
        action, drawn, seconds = self._verdict(outline)
        self._change(action, ((first.id, 0),), drawn, seconds)
        self.polygons += 1
        self._look(shapely.centroid(outline))
        return True

    def _verdict(self, outline: Any) -> tuple[Action, Any, float]:
        """Return what is done with a polygon: the action, a new outline or None, and seconds."""
        reviewer = self.reviewer
        near = self.truth[shapely.intersects(self.truth, outline)]
        shared = shapely.area(shapely.intersection(near, outline))
        is_own = (2 * shared >= shapely.area(near)) | (2 * shared >= outline.area)
        is_wrong = self.generator.uniform() < reviewer.wrong
        if not is_own.any():
            return (Action.ACCEPT if is_wrong else Action.REJECT), None, reviewer.polygon_s
        if is_wrong:
            is_landslide = 2 * shared.sum() >= outline.area
            return (Action.REJECT if is_landslide else Action.ACCEPT), None, reviewer.polygon_s
        right = shapely.union_all(near[is_own])
        if _overlap(outline, right) >= ENOUGH_OVERLAP:
            return Action.ACCEPT, None, reviewer.polygon_s
        return Action.REDRAW, self._outline(right), reviewer.draw_s

    def _change(
        self, action: Action, polygons: tuple[tuple[int, int], ...], drawn: Any, seconds: float
    ) -> None:
        self.store.change(
            ChangeRequest(
                action=action,
                author="simulated",
                polygons=polygons,
                geometries=() if drawn is None else (drawn,),
                seconds=seconds,
            )
        )
        self.seconds += seconds

    def _look(self, place: Any) -> None:
        """Look at the cell of a place, unless it was looked at, and draw what is missing in it."""
        cell = next(
            one for one in self.store.coverage().cells if shapely.covers(one.outline, place)
        )
        if cell.looked_at:
            return
        self.store.cover("simulated", [(cell.column, cell.row)])
        self.cells += 1
        self.seconds += self.reviewer.cell_s
        inside = shapely.area(shapely.intersection(self.truth, cell.outline))
        known = shapely.union_all(self.landslides())
        for one in self.truth[inside > 10 * self.pixel_m**2]:
            is_missing = 2 * shapely.area(shapely.intersection(one, known)) < one.area
            if is_missing and self.generator.uniform() >= self.reviewer.missed:
                self._change(Action.DRAW, (), self._outline(one), self.reviewer.draw_s)
                self.drawn += 1

    def _outline(self, right: Any) -> Any:
        """Return a true outline as it is drawn by hand."""
        offset = float(np.clip(self.generator.normal(0, self.reviewer.outline_px), -2, 2))
        drawn = shapely.simplify(shapely.buffer(right, offset * self.pixel_m), self.pixel_m)
        return right if drawn.is_empty or not drawn.is_valid else drawn

    def landslides(self) -> Polygons:
        """Return the corrected inventory: what was not judged is as it was mapped."""
        frame = self.store.frame()
        return np.asarray(frame.geometry[frame["verdict"] != Verdict.REJECTED].values, dtype=object)


def _overlap(one: shapely.Geometry, other: shapely.Geometry) -> float:
    shared = float(shapely.area(shapely.intersection(one, other)))
    return shared / float(shapely.area(one) + shapely.area(other) - shared)


ORDERS = {
    "information": QueueOrder.INFORMATION,
    "random": QueueOrder.RANDOM,
    "largest first": QueueOrder.LARGEST,
}


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
        found = loaded.predict(test.path, force=True).array
        rows += test.counts(np.nan_to_num(found) >= loaded.card.threshold)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """All that is made of a seed before anybody reviews.

    Attributes:
        work: folder of the seed.
        model: that errs.
        base: its counts on the scenes that nobody reviews.
        inventory: folder of what it maps of the reviewed scene.
        truth: landslides of the reviewed scene.
    """

    work: Path
    seed: int
    model: Path
    base: list[list[int]]
    inventory: Path
    reviewed: TestScene
    truth: Polygons
    tests: tuple[TestScene, ...]

    @classmethod
    def make(cls, work: Path, seed: int) -> "Trial":
        """Make scenes, model and inventory that are not there yet."""
        write_synthetic_scene(work / "train", TRAIN_SHAPE, 1000 + seed, AUGUST)
        write_synthetic_scene(work / "review", REVIEW_SHAPE, 2000 + seed, OCTOBER)
        folders = [work / f"test{number}" for number in range(TEST_SCENES)]
        for number, folder in enumerate(folders):
            write_synthetic_scene(folder, TEST_SHAPE, 3000 + 10 * seed + number, OCTOBER)
        model, tests = (
            train(work, seed, TRAINING, val_share=0.25),
            tuple(TestScene.of(one) for one in folders),
        )
        extraction, inventory, base = work / "extraction", work / "inventory", work / "base.json"
        if not extraction.exists():
            landslip.extract(work / "review" / SCENE, model, out=extraction, force=True)
        if not base.exists():
            base.write_text(json.dumps(counts_of_model(model, tests)))
        if not inventory.exists():
            landslip.make_inventory(extraction, out=inventory, draws=0)
        return cls(
            work=work,
            seed=seed,
            model=model,
            base=json.loads(base.read_text()),
            inventory=inventory,
            reviewed=TestScene.of(work / "review"),
            truth=geopandas.read_file(work / "review" / TRUTH).geometry.to_numpy(),
            tests=tests,
        )

    def review(self, name: str, learnt_from: Sequence[int]) -> None:
        """Review in an order, and store what that brings where it is not stored yet.

        ``learnt_from``: numbers of polygons after which the model is improved.
        """
        stored = [self.work / cell_name(name, number) for number in STEPS]
        if all(one.exists() for one in stored) and all(
            json.loads(one.read_text())["model"] is not None
            for one, number in zip(stored, STEPS, strict=True)
            if number in learnt_from
        ):
            return
        folder = self.work / f"review_{name.replace(' ', '_')}"
        shutil.rmtree(folder, ignore_errors=True)
        store = start_review(self.inventory, folder, cell_m=CELL_M)
        mapped, true = len(store.frame()), len(self.truth)
        print(f"seed {self.seed}: {mapped} mapped, {true} true landslides", flush=True)
        session = Session(
            store=store,
            truth=self.truth,
            pixel_m=self.reviewed.grid.resolution_m or 1.0,
            generator=np.random.default_rng([self.seed, 2]),
        )
        for number in STEPS:
            while session.polygons < number and session.judge_next(ORDERS[name], self.seed):
                pass
            cell, learns = self.work / cell_name(name, number), number in learnt_from
            before = json.loads(cell.read_text()) if cell.exists() else None
            if before is not None and (before["model"] is not None or not learns):
                continue
            started = time.monotonic()
            found: dict[str, Any] = {
                "mapped": mapped,
                "polygons": session.polygons,
                "cells": session.cells,
                "drawn": session.drawn,
                "minutes": session.seconds / 60,
                "inventory": self.reviewed.counts(burnt(session.landslides(), self.reviewed.grid)),
                "model": self.base if number == 0 else None,
            }
            if learns:
                found |= self.learnt(reviewed_scene(store))
            found["seconds"] = time.monotonic() - started
            cell.write_text(json.dumps(found))
            print(f"  {name}, {number}: {summary(found)}", flush=True)

    def learnt(self, scene: ReviewedScene) -> dict[str, Any]:
        """Improve the model by what was reviewed; score it on scenes that nobody reviewed."""
        out = self.work / "improved"
        request = ImproveRequest(
            model=open_model(self.model),
            scenes=(scene,),
            out=out,
            settings=FINE_TUNING,
            folds=FOLDS,
            seed=self.seed,
            keep=True,
            overwrite=True,
            force=True,
        )
        try:
            record = improve(request).record.model_dump(mode="json")
        except InputError as error:
            return {"model": self.base, "refused": str(error)}
        return {"model": counts_of_model(out, self.tests), "improvement": record}


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


TEXT = """# What reviewing brings

`{command}`, commit {commit}, {machine}; seeds {seeds}; {minutes:.0f} minutes on one core.

A small network (LinkNet with encoder `test_resnet`) learns from 30 tiles of one synthetic valley in
August, and maps another valley in October, where it errs: other ground, plants and light. The
reviewed scene has {km2:.1f} km2 at 2 m; {mapped:.0f} polygons are mapped (mean over seeds).
{tests} further scenes of October, which nobody reviews, score the improved models.

The simulated reviewer gives {reviewer.wrong:.0%} of verdicts wrongly, does not see
{reviewer.missed:.0%} of what a cell lacks, and draws outlines {reviewer.outline_px:g} px off
(standard deviation). A verdict takes {reviewer.polygon_s:g} s, an outline {reviewer.draw_s:g} s, a
look at a cell of {cell:g} m {reviewer.cell_s:g} s. After each polygon the cell that it is in is
looked at, once. An outline is drawn again where its IoU with the true one is under {iou:g}. All
goes through a review's log and queue, as it does from the page.

Models are improved by `landslip improve` with {folds} folds and {epochs} epochs of {steps} steps,
and scored whether or not they are called better. Scores are percentages; intervals (95 %) draw
seeds, and blocks of ground within seeds. With three seeds they say little of a fourth one.

{findings}

![F1 of the corrected inventory and of the improved model]({picture})
"""
REMARKS = "\n## What was tried\n"
"""Heading from which on a page is written by hand."""


def page(curve: Curve, facts: dict[str, Any], picture: str) -> str:
    """Return the page."""
    text = TEXT.format(
        command="python benchmarks/review_curve.py --work FOLDER --page docs/results/review.md "
        "--picture docs/images/review_curve.png",
        seeds=", ".join(map(str, curve.seeds)),
        km2=REVIEW_SHAPE[0] * REVIEW_SHAPE[1] * 4 / 1e6,
        mapped=curve.mean(curve.orders[0], 0, "mapped"),
        tests=TEST_SCENES,
        reviewer=Reviewer(),
        cell=CELL_M,
        iou=ENOUGH_OVERLAP,
        folds=FOLDS,
        epochs=FINE_TUNING["epochs"],
        steps=FINE_TUNING["steps_per_epoch"],
        picture=picture,
        findings="\n".join(findings(curve)),
        **facts,
    )
    return text + "\n".join(tables(curve)) + "\n"


def main() -> None:
    """Run what is missing, and write the tables and the chart."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--orders", default=",".join(ORDERS))
    parser.add_argument("--page", type=Path, help="file of tables to write, e.g. review.md")
    parser.add_argument("--picture", type=Path, help="chart to write beside it")
    options = parser.parse_args()
    seeds = [int(one) for one in options.seeds.split(",")]
    orders = options.orders.split(",")
    options.work.mkdir(parents=True, exist_ok=True)
    for last in range(2, len(LEARNT) + 1):  # most of the chart early
        for seed in seeds:
            trial = Trial.make(options.work / f"seed{seed}", seed)
            for name in orders:
                trial.review(name, LEARNT[:last])
        write(options, seeds, orders)


def write(options: argparse.Namespace, seeds: Sequence[int], orders: Sequence[str]) -> None:
    """Print the tables of what was run so far, and write the page and the chart."""
    file = options.work / "facts.json"
    facts = json.loads(file.read_text()) if file.exists() else {}
    cells = [json.loads(one.read_text()) for one in options.work.glob("seed*/*_*.json")]
    facts |= {
        "commit": facts.get("commit") or commit(),
        "machine": machine(),
        "minutes": sum(one["seconds"] for one in cells) / 60,
    }
    file.write_text(json.dumps(facts))
    curve = Curve.read(options.work, orders, STEPS, seeds)
    print("\n".join(tables(curve)))
    if options.picture is not None:
        draw_chart(curve, options.picture)
    if options.page is not None:
        place = os.path.relpath(options.picture, options.page.parent) if options.picture else ""
        known = options.page.read_text(encoding="utf-8") if options.page.exists() else ""
        remarks = "".join(known.partition(REMARKS)[1:])
        options.page.write_text(page(curve, facts, place) + remarks, encoding="utf-8")


if __name__ == "__main__":
    main()
