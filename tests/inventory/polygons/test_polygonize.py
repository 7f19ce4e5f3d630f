import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from tests.conftest import WriteRaster
from tests.factories.models import make_card
from tests.inventory.polygons.pixel_shapes import TONGUES, Slope, box, outlines_of

from landslip.core.errors import InputError
from landslip.core.messages import message
from landslip.inventory.polygons import polygonize as polygonize_module
from landslip.inventory.polygons.polygonize import LandslidePolygons, fill_narrow_holes, polygonize
from landslip.inventory.request import CleaningOptions
from landslip.models.card import ObjectsCard

METRES = Affine(2, 0, 500_000, 0, -2, 4_000_000)
PLAIN: dict[str, Any] = {"min_area_m2": 0.0, "smooth": False, "split": False}


@pytest.fixture
def steps() -> NDArray[np.uint8]:
    """Give blobs of probability, with a corner where nothing is known."""
    field = ndimage.gaussian_filter(np.random.default_rng(4).standard_normal((150, 170)), 3)
    scaled: NDArray[np.uint8] = np.clip(125 + 70 * field / field.std(), 0, 250).astype(np.uint8)
    scaled[:30, :40] = 255
    return scaled


def write(write_raster: WriteRaster, steps: NDArray[np.uint8], **profile: object) -> Path:
    settings = {"nodata": 255, "transform": METRES} | profile
    return write_raster("probability.tif", steps, **settings)


def test_hysteresis_as_by_hand(write_raster: WriteRaster, steps: NDArray[np.uint8]) -> None:
    path = write(write_raster, steps)

    result = polygonize(path, CleaningOptions(low=0.6, high=0.8, **PLAIN))

    known = np.where(steps == 255, 0, steps)
    names, count = ndimage.label(known >= 150)
    index = np.arange(1, count + 1)
    highest = ndimage.maximum(known, names, index)
    kept = index[highest >= 200]
    assert 0 < len(kept) < count
    assert result.cleaning.regions == count
    assert result.cleaning.dropped_seedless == count - len(kept)
    sizes = ndimage.sum_labels(np.ones_like(names), names, kept)
    order = np.argsort(-sizes, kind="stable")
    assert result.pixels.tolist() == sizes[order].tolist()
    np.testing.assert_allclose(
        result.mean_probability, ndimage.mean(known, names, kept[order]) / 250, rtol=1e-12
    )
    np.testing.assert_allclose(result.max_probability, highest[kept - 1][order] / 250)
    burnt = rasterize(result.polygons, out_shape=steps.shape, transform=METRES)
    np.testing.assert_array_equal(burnt == 1, np.isin(names, kept))
    assert result.cleaning.largest_shift_m == 0
    assert [note.key for note in result.notes] == ["polygons.below_high"]


def test_a_map_of_low_probabilities_keeps_its_landslides(write_raster: WriteRaster) -> None:
    steps = np.full((60, 60), 40, dtype=np.uint8)
    steps[5:25, 5:25] = steps[30:50, 10:30] = 90
    steps[40:50, 45:55] = 72

    result = polygonize(write(write_raster, steps), CleaningOptions(low=0.275))

    assert sorted(result.pixels.tolist()) == [400, 400]
    assert result.cleaning.high == pytest.approx((0.275 + 0.36) / 2)
    assert result.cleaning.highest == 0.36
    assert not any(note.is_warning for note in result.notes)


def test_a_model_that_was_more_certain_is_told(write_raster: WriteRaster) -> None:
    steps = np.full((60, 60), 40, dtype=np.uint8)
    steps[5:25, 5:25] = 90

    objects = ObjectsCard(
        label_objects=0, label_px=None, right_objects=9, right_maxima=(0.5, 0.98, 0.99)
    )
    card = make_card().model_copy(update={"threshold": 0.275, "objects": objects})

    result = polygonize(write(write_raster, steps), CleaningOptions(low=0.275), card=card)

    assert len(result) == 1
    assert result.cleaning.expected_high == pytest.approx(0.6275)
    (told,) = [note.text() for note in result.notes if note.is_warning]
    assert "high would be 0.627" in told
    assert "highest probability is 0.36), so high is lowered to 0.318" in told


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"high": 0.9}, "1 of 1 connected regions with 100 % .* 1 nowhere reach high 0.9 .* 0.36"),
        ({"min_area_m2": 5000.0}, "left out: 1 are smaller .* 5,000 m2"),
        ({"low": 0.5}, "no pixel of the map reaches low 0.5, the highest has 0.36"),
    ],
)
def test_an_empty_result_is_never_silent(
    write_raster: WriteRaster, given: dict[str, Any], expected: str
) -> None:
    steps = np.full((60, 60), 40, dtype=np.uint8)
    steps[5:25, 5:25] = 90

    result = polygonize(write(write_raster, steps), CleaningOptions(**({"low": 0.275} | given)))

    assert len(result) == 0
    (told,) = [note.text() for note in result.notes if note.is_warning]
    assert re.search(expected, told)


def test_a_map_without_data_is_told(write_raster: WriteRaster) -> None:
    result = polygonize(
        write(write_raster, np.full((9, 9), 255, dtype=np.uint8)), CleaningOptions(low=0.5)
    )
    assert [note.key for note in result.notes] == ["warning.map_no_data"]
    assert result.cleaning.highest is None


def test_a_default_that_removes_most_is_told(write_raster: WriteRaster) -> None:
    steps = np.zeros((60, 60), dtype=np.uint8)
    steps[2:50:6, 2:50:6] = 240
    steps[30:50, 52:60] = 240
    path = write(write_raster, steps)

    by_default = polygonize(path, CleaningOptions(low=0.5))
    stated = polygonize(path, CleaningOptions(low=0.5, min_area_m2=100.0))

    (told,) = [note.text() for note in by_default.notes if note.is_warning]
    assert "64 of 65 connected regions with 29 % of their area are left out" in told
    assert "left out: 64 are smaller than min_area 100 m2" in told
    assert not any(note.is_warning for note in stated.notes)


def test_the_order_is_by_size_then_place(write_raster: WriteRaster) -> None:
    steps = np.zeros((40, 40), dtype=np.uint8)
    for row, col in ((30, 2), (10, 20), (10, 4)):
        steps[row : row + 3, col : col + 3] = 250
    steps[20:24, 20:24] = 250

    result = polygonize(write(write_raster, steps), CleaningOptions(low=0.5, high=0.5, **PLAIN))

    corners = shapely.bounds(result.polygons)[:, [0, 3]]
    pixels = (corners - [500_000, 4_000_000]) / [2, -2]
    assert pixels.tolist() == [[20, 20], [4, 10], [20, 10], [2, 30]]
    assert result.region.tolist() == [1, 2, 3, 4]


def test_the_smallest_area_counts(write_raster: WriteRaster, steps: NDArray[np.uint8]) -> None:
    path = write(write_raster, steps)
    everything = polygonize(path, CleaningOptions(low=0.6, high=0.6, **PLAIN))

    result = polygonize(
        path, CleaningOptions(low=0.6, high=0.6, **(PLAIN | {"min_area_m2": 100.0}))
    )

    assert result.pixels.tolist() == [px for px in everything.pixels.tolist() if px >= 25]
    assert result.cleaning.dropped_small == len(everything) - len(result) > 0


def test_smooth_outlines_keep_area_and_limit(
    write_raster: WriteRaster, steps: NDArray[np.uint8]
) -> None:
    path = write(write_raster, steps)
    options: dict[str, Any] = {"low": 0.6, "high": 0.7, "min_area_m2": 100.0}
    rough = polygonize(path, CleaningOptions(**options, smooth=False, split=False))

    result = polygonize(path, CleaningOptions(**options, split=False))

    assert shapely.is_valid(result.polygons).all()
    areas_px = result.pixels + result.filled_px
    np.testing.assert_allclose(shapely.area(result.polygons), 4 * areas_px, rtol=0.005)
    largest_m = result.cleaning.largest_shift_m
    assert largest_m is not None
    assert 0.5 < largest_m <= 2 == result.cleaning.max_shift_m
    far = shapely.hausdorff_distance(
        shapely.boundary(rough.polygons), shapely.boundary(result.polygons), densify=0.05
    )
    assert far.max() <= largest_m + 1e-9


def test_a_stated_limit_is_kept(write_raster: WriteRaster, steps: NDArray[np.uint8]) -> None:
    result = polygonize(
        write(write_raster, steps), CleaningOptions(low=0.6, high=0.7, max_shift_m=0.5)
    )

    assert result.cleaning.max_shift_m == pytest.approx(0.5)
    assert result.cleaning.largest_shift_m is not None
    assert 0.1 < result.cleaning.largest_shift_m <= 0.5


def test_parts_of_one_region_share_its_number(write_raster: WriteRaster) -> None:
    steps = np.where(TONGUES, np.uint8(230), np.uint8(3))
    path = write(write_raster, steps)

    result = polygonize(path, CleaningOptions(low=0.5, high=0.5), Slope(0.0, 0.5))

    assert result.region.tolist() == [1, 1]
    assert (result.cleaning.regions, result.cleaning.split_regions) == (1, 1)
    assert shapely.coverage_is_valid(result.polygons)
    assert len(polygonize(path, CleaningOptions(low=0.5, high=0.5, split=False))) == 1


def test_narrow_holes_are_filled_and_noted(write_raster: WriteRaster) -> None:
    steps = np.zeros((60, 60), dtype=np.uint8)
    steps[10:50, 10:50] = 240
    steps[20:22, 20:24] = 255
    steps[30:40, 30:40] = 3

    result = polygonize(write(write_raster, steps), CleaningOptions(low=0.5, high=0.5))

    assert result.pixels.tolist() == [1600 - 8 - 100]
    assert result.filled_px.tolist() == [8]
    assert shapely.get_num_interior_rings(result.polygons).tolist() == [1]
    (note,) = result.notes
    assert note == message("polygons.holes_filled", pixels=8)


def test_degrees_are_measured_on_the_ellipsoid(write_raster: WriteRaster) -> None:
    step = 2 / 111_195
    steps = np.zeros((60, 60), dtype=np.uint8)
    steps[10:14, 10:22] = steps[30:37, 10:17] = 240
    transform = Affine(step, 0, 103, 0, -step, 60)
    path = write(write_raster, steps, crs="EPSG:4326", transform=transform)

    # at 60 degrees north a pixel has half of its 4 square metres
    result = polygonize(path, CleaningOptions(low=0.5, high=0.5, min_area_m2=97.0))

    assert result.pixels.tolist() == [49]
    assert result.cleaning.dropped_small == 1
    area_m2 = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(result.polygons[0])[0])
    assert area_m2 == pytest.approx(49 * 4 * 0.5, rel=0.01)
    assert result.cleaning.max_shift_m == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_area_m2": 100.0}, "min_area is in metres and the raster has no coordinate system"),
        (
            {"min_area_m2": 0.0, "max_shift_m": 1.0},
            "max_shift is in metres and the raster has no coordinate system",
        ),
    ],
)
def test_metres_need_a_coordinate_system(
    write_raster: WriteRaster, given: dict[str, Any], message: str
) -> None:
    path = write(write_raster, np.zeros((5, 5), dtype=np.uint8), crs=None)

    with pytest.raises(InputError, match=message):
        polygonize(path, CleaningOptions(low=0.5, high=0.5, **given))


def test_pixels_do_without_a_coordinate_system(write_raster: WriteRaster) -> None:
    steps = np.where(TONGUES, np.uint8(230), np.uint8(3))
    path = write(write_raster, steps, crs=None, transform=Affine.identity())

    result = polygonize(path, CleaningOptions(low=0.5, high=0.5, min_area_m2=0.0))

    assert len(result) == 2
    assert result.cleaning.largest_shift_m is None
    assert result.cleaning.max_shift_m is None


@pytest.mark.parametrize("value", [0, 255])
def test_nothing_found(write_raster: WriteRaster, value: int) -> None:
    path = write(write_raster, np.full((30, 40), value, dtype=np.uint8))

    result = polygonize(path, CleaningOptions(low=0.5, high=0.5))

    assert len(result) == result.cleaning.regions == result.cleaning.split_regions == 0
    assert result.polygons.shape == result.region.shape == (0,)
    assert result.cleaning.largest_shift_m == 0


def test_one_polygon_over_everything(write_raster: WriteRaster) -> None:
    path = write(write_raster, np.full((300, 200), 250, dtype=np.uint8))

    result = polygonize(path, CleaningOptions(low=1.0, high=1.0))

    assert len(result) == 1
    assert shapely.area(result.polygons)[0] == pytest.approx(300 * 200 * 4, rel=1e-9)
    assert (
        shapely.hausdorff_distance(
            result.polygons[0], shapely.box(500_000, 4_000_000 - 600, 500_400, 4_000_000)
        )
        <= 2
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 5), dtype=np.float32), "one band of uint8; got 1 of float32"),
        (np.zeros((3, 5, 5), dtype=np.uint8), "one band of uint8; got 3 of uint8"),
        (np.full((5, 5), 251, dtype=np.uint8), "whole steps of 1/250 up to 250; .* has 251"),
    ],
)
def test_other_rasters_are_refused(
    write_raster: WriteRaster, values: NDArray[np.uint8], message: str
) -> None:
    path = write_raster("probability.tif", values)

    with pytest.raises(InputError, match=message):
        polygonize(path, CleaningOptions(low=0.5, high=0.5))


def test_the_same_comes_out_again_and_in_other_bands(
    write_raster: WriteRaster, steps: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cleaning = write(write_raster, steps), CleaningOptions(low=0.6, high=0.7)
    first = polygonize(path, cleaning)

    monkeypatch.setattr(polygonize_module, "_BAND_PX", 170 * 7)

    assert _bytes(polygonize(path, cleaning)) == _bytes(first)
    assert len(first) > 10


def _bytes(result: LandslidePolygons) -> list[bytes]:
    return [
        *shapely.to_wkb(result.polygons).tolist(),
        result.mean_probability.tobytes(),
        result.pixels.tobytes(),
        result.region.tobytes(),
    ]


def test_progress_rises_to_its_end(write_raster: WriteRaster, steps: NDArray[np.uint8]) -> None:
    reported: list[float] = []

    polygonize(
        write(write_raster, steps),
        CleaningOptions(low=0.6, high=0.7),
        progress=lambda done, total: reported.append(done / total),
    )

    assert reported == sorted(reported)
    assert reported[-1] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"low": 0.0}, "low must be above 0 and at most 1; got 0.0"),
        ({"low": math.nan}, "low must be above 0 and at most 1; got nan"),
        ({"low": 0.6}, r"high must be at least low \(0.6\) and at most 1; got 0.5"),
        ({"high": 1.1}, r"high must be at least low \(0.3\) and at most 1; got 1.1"),
        ({"min_area_m2": -1.0}, "min_area must be 0 or more square metres; got -1.0"),
        ({"min_area_m2": math.inf}, "min_area must be 0 or more square metres; got inf"),
        ({"max_shift_m": -0.1}, "max_shift must be 0 or more metres; got -0.1"),
        ({"max_shift_m": math.nan}, "max_shift must be 0 or more metres; got nan"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        CleaningOptions(**({"low": 0.3, "high": 0.5} | given))


def test_equal_thresholds_are_one_threshold() -> None:
    assert CleaningOptions(low=0.4, high=0.4).max_shift_m is None


@pytest.mark.parametrize(
    ("hole", "filled"),
    [
        pytest.param(box(20, 22, 15, 25), 20, id="narrow and small"),
        pytest.param(box(20, 23, 15, 16), 3, id="a row of pixels"),
        pytest.param(box(20, 23, 15, 18), 0, id="a point 1.5 px from the outline"),
        pytest.param(box(20, 21, 12, 37), 0, id="as large as the limit"),
        pytest.param(box(20, 21, 12, 36), 24, id="just smaller than the limit"),
    ],
)
def test_which_holes_are_filled(hole: np.ndarray, filled: int) -> None:
    mask = box(10, 40, 10, 40) & ~hole

    outlines, filled_px = fill_narrow_holes(outlines_of(mask), max_px=25, max_distance_px=1.0)

    assert filled_px.tolist() == [filled]
    assert shapely.area(outlines.geometries()).tolist() == [np.count_nonzero(mask) + filled]


def test_other_holes_and_polygons_stay_as_they_are() -> None:
    mask = box(10, 40, 10, 40) & ~box(20, 22, 15, 17) & ~box(30, 36, 30, 36)
    mask |= box(32, 34, 32, 34) | box(50, 60, 10, 20) & ~box(54, 55, 14, 15)
    before = outlines_of(mask)

    outlines, filled_px = fill_narrow_holes(before, max_px=25, max_distance_px=1.0)

    assert filled_px.tolist() == [1, 0, 4] or sorted(filled_px.tolist()) == [0, 1, 4]
    filled = mask | box(20, 22, 15, 17) | box(54, 55, 14, 15)
    expected = shapely.union_all(outlines_of(filled).geometries())
    assert shapely.equals(shapely.union_all(outlines.geometries()), expected)


def test_no_reach_fills_nothing() -> None:
    outlines = outlines_of(box(10, 40, 10, 40) & ~box(20, 21, 20, 21))

    same, filled_px = fill_narrow_holes(outlines, max_px=25, max_distance_px=0.0)

    assert filled_px.tolist() == [0]
    assert shapely.equals(same.geometries(), outlines.geometries()).all()
