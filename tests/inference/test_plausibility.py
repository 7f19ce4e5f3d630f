"""Warnings of maps that are empty, full or scattered, and the minimum area that nobody stated."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from tests.inference.factories import SMALL, CertainEngine, Runner, model_of, terrain

from landslip.inference.job import ExtractionOptions
from landslip.models.card import ObjectsCard
from landslip.models.folder import ModelFolder


def model_with_labels(
    label_px: tuple[float, float, float] | None = None, *, resolution_m: float | None = 1.0
) -> ModelFolder:
    """Return a model whose labels have these 5, 50 and 95 % quantiles; none: not measured."""
    objects = None
    if label_px is not None:
        objects = ObjectsCard(
            label_objects=9, label_px=label_px, right_objects=0, right_maxima=None
        )
    model = model_of(resolution_m=resolution_m)
    return ModelFolder(model.path, model.card.model_copy(update={"objects": objects}))


def squares(*sides: int) -> NDArray[np.uint16]:
    """Return a scene with squares of these sides, in pixels."""
    scene = np.full((2, 30, 24 * len(sides)), 500, dtype=np.uint16)
    for number, side in enumerate(sides):
        scene[0, 4 : 4 + side, 24 * number + 4 : 24 * number + 4 + side] = 800
    return scene


def keys(summary: dict[str, Any]) -> list[str]:
    return [one["key"] for one in summary["messages"]]


@pytest.mark.parametrize(
    ("model", "side_m", "least_m2", "areas"),
    [
        (model_with_labels(), 1, 4, [400, 4]),
        (model_with_labels((150, 300, 900)), 1, 4, [400, 4]),
        (model_with_labels((1, 300, 900)), 1, 1, [400, 4, 1]),
        (model_with_labels(resolution_m=5.0), 5, 100, [10_000, 100]),
        (model_with_labels(resolution_m=3.0), 1, 36, [400]),
        (model_with_labels(resolution_m=None), 1, 4, [400, 4]),
    ],
    ids=["old model", "large labels", "labels of 1 px", "5 m", "coarser model", "no resolution"],
)
def test_the_default_minimum_area_is_of_training_pixels(
    run: Runner, model: ModelFolder, side_m: int, least_m2: float, areas: list[float]
) -> None:
    transform = Affine(side_m, 0, 500_000, 0, -side_m, 4_000_000)
    found = run(squares(1, 2, 20), model=model, options=SMALL, transform=transform)
    assert found.landslides.area_m2.tolist() == areas
    assert found.summary["min_area_m2"] == least_m2
    assert (found.summary["min_area_is"], found.summary["regions"]) == ("default", 3)
    assert found.summary["landslide_px"] == 405


def test_zero_switches_the_minimum_area_off(run: Runner) -> None:
    options = replace(SMALL, min_area_m2=0.0)
    found = run(squares(1, 2, 20), model=model_with_labels(), options=options)
    assert found.landslides.area_px.tolist() == [400, 4, 1]
    assert (found.summary["min_area_m2"], found.summary["min_area_is"]) == (0, "stated")
    assert found.summary["warnings"] == []


def test_without_a_coordinate_system_the_default_is_in_pixels(run: Runner) -> None:
    found = run(squares(1, 2, 20), model=model_with_labels(), options=SMALL, crs=None)
    assert found.landslides.area_px.tolist() == [400, 4]
    assert (found.summary["min_area_m2"], found.summary["min_area_px"]) == (0, 4)
    assert keys(found.summary) == ["scene.no_crs"]


def test_in_degrees_the_minimum_area_is_in_square_metres_only(run: Runner) -> None:
    transform = Affine(1e-5, 0, 103.0, 0, -1e-5, 31.0)  # 0.95 m by 1.11 m
    found = run(
        squares(1, 2, 20),
        model=model_with_labels(),
        options=SMALL,
        crs="EPSG:4326",
        transform=transform,
    )
    assert found.landslides.area_px.tolist() == [400, 4]
    assert found.summary["min_area_m2"] == 4  # of the training pixels, of 1 m
    assert found.summary["min_area_px"] is None


def test_single_pixels_are_told_and_not_written(run: Runner) -> None:
    scene = np.full((2, 60, 60), 300, dtype=np.uint16)
    scene[0, ::2, ::2] = 800

    found = run(scene, model=model_with_labels(), options=SMALL)
    kept = run(
        scene,
        model=model_with_labels(),
        options=replace(SMALL, min_area_m2=0.0),
        out="kept",
    )

    assert (len(found.landslides), len(kept.landslides)) == (0, 900)
    assert found.summary["single_px_regions_share"] == kept.summary["single_px_regions_share"] == 1
    assert keys(found.summary) == ["warning.single_pixels", "warning.small_left_out"]
    assert keys(kept.summary) == ["warning.single_pixels"]
    assert "100 % of the 900 connected regions are single pixels" in kept.summary["warnings"][0]
    assert "900 of 900 connected regions, with 100 %" in found.summary["warnings"][1]
    assert "smaller than 4 m2" in found.summary["warnings"][1]


def test_probabilities_at_the_threshold_are_told(run: Runner) -> None:
    scene = np.full((2, 40, 40), 540, dtype=np.uint16)  # a probability of 0.6
    scene[0, 20:] = 545
    found = run(scene, options=SMALL)
    assert found.summary["near_threshold_share"] == 1
    assert keys(found.summary) == ["warning.near_threshold"]


def test_a_scene_that_is_all_landslide_is_told(run: Runner) -> None:
    found = run(terrain((20, 20)), CertainEngine(), SMALL)
    assert keys(found.summary) == ["warning.mostly_landslide"]
    assert "100 % of the pixels with data are landslide" in found.summary["warnings"][0]


@pytest.mark.parametrize(
    ("scene", "options", "told"),
    [
        (np.full((2, 9, 9), 300), {}, "no pixel reaches the threshold 0.601, the highest .* is 0:"),
        (np.full((2, 9, 9), 530), {}, "the highest probability is 0.576"),
        (np.full((2, 9, 9), 570), {"threshold": 0.7}, "the threshold 0.7, the .* is 0.676"),
        (squares(5), {"min_area_m2": 26.0}, "1 of 1 connected regions, with 100 % .* than 26 m2"),
        (np.zeros((2, 9, 9)), {"nodata": 0}, "no pixel with data: the map is empty"),
    ],
    ids=["background", "uncertain", "threshold", "minimum area", "no data"],
)
def test_an_empty_map_says_why(
    run: Runner, scene: NDArray[Any], options: dict[str, Any], told: str
) -> None:
    nodata = options.pop("nodata", None)
    found = run(scene.astype(np.uint16), options=replace(SMALL, **options), nodata=nodata)
    assert found.landslides.empty
    (warning,) = found.summary["warnings"]
    assert re.search(told, warning)


def test_a_sound_map_has_no_warning(run: Runner) -> None:
    found = run(terrain((90, 110)), options=ExtractionOptions())
    assert found.summary["warnings"] == []
    assert 0.6 < found.summary["highest_probability"] <= 1
