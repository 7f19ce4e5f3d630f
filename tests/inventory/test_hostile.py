"""What users get wrong is reported in one sentence."""

from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from tests.inventory.factories import change_json, make_extraction

from landslip.core.errors import InputError
from landslip.inventory.comparison.inventories import ComparisonRequest
from landslip.inventory.comparison.scores import count_inventory_pixels
from landslip.inventory.detections import open_extraction
from landslip.inventory.morphometry.planimetry import planar_measures
from landslip.inventory.request import CleaningOptions, InventoryRequest

HERE = Path("here")


@pytest.mark.parametrize("value", [-5.0, float("nan"), float("inf")])
def test_a_smallest_area_that_is_none_is_refused_of_polygons_too(value: float) -> None:
    with pytest.raises(InputError, match="min_area must be 0 or more square metres; got"):
        CleaningOptions(min_area_m2=value)


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(InputError, match="seed must be 0 or more; got -1"):
        InventoryRequest(source=HERE, out=HERE, seed=-1)
    with pytest.raises(InputError, match="seed is 0 or more; got -3"):
        ComparisonRequest(inventory=HERE, reference=HERE, out=HERE, seed=-3)


@pytest.mark.parametrize(
    ("polygon", "code"),
    [
        pytest.param(shapely.box(1e9, 1e9, 1e9 + 100, 1e9 + 100), 32648, id="far beyond a zone"),
        pytest.param(shapely.box(100, 200, 101, 201), 4326, id="latitude over 90"),
    ],
)
def test_landslides_beyond_the_earth_are_refused(polygon: shapely.Geometry, code: int) -> None:
    with pytest.raises(InputError, match=r"1 of the landslides, the first at .* is not defined"):
        planar_measures(np.array([polygon], dtype=object), pyproj.CRS.from_epsg(code))


def test_pixels_too_small_for_memory_are_refused() -> None:
    polygons = np.array([shapely.box(0, 0, 100, 100)], dtype=object)
    with pytest.raises(InputError, match=r"pixels of 1e-06 would be 2e\+08 rows .* larger"):
        count_inventory_pixels(polygons, polygons, None, 1e-6)


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", None), ("scene_place", 12), ("valid_px", "many")]
)
def test_a_summary_of_wrong_types_is_refused(tmp_path: Path, name: str, value: object) -> None:
    made = make_extraction(tmp_path)
    change_json(made.extraction / "summary.json", lambda found: found.update({name: value}))
    with pytest.raises(InputError, match=rf"summary.json: .*{name}: .* extract the scene again"):
        open_extraction(made.extraction)
