import json
from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.messages import message
from landslip.inventory.statistics.adjusted_area import (
    ValidationSample,
    adjusted_from_sample,
    adjusted_from_tiles,
    read_validation_sample,
)
from landslip.metrics.bootstrap import Resampling


def sample_of(counts: list[list[int]]) -> ValidationSample:
    """Return points with these counts: rows by map, columns by reference, landslide first."""
    (tp, fp), (fn, tn) = counts
    mapped = np.repeat([True, True, False, False], [tp, fp, fn, tn])
    reference = np.repeat([True, False, True, False], [tp, fp, fn, tn])
    return ValidationSample(mapped=mapped, reference=reference)


def test_two_classes_worked_by_hand() -> None:
    # 10 of 100 km² mapped; 40 of 50 points inside are landslide, and 2 of 100 outside
    found = adjusted_from_sample(sample_of([[40, 10], [2, 98]]), 100e6, 10e6)
    assert found.samples == 150
    assert found.mapped_m2 == 10e6
    share = 0.1 * 0.8 + 0.9 * 0.02
    error = np.sqrt(0.1**2 * 0.8 * 0.2 / 49 + 0.9**2 * 0.02 * 0.98 / 99)
    assert found.adjusted_m2.value == pytest.approx(share * 100e6)
    assert found.adjusted_m2.low == pytest.approx((share - 1.959964 * error) * 100e6)
    assert found.adjusted_m2.high == pytest.approx((share + 1.959964 * error) * 100e6)
    assert found.users_accuracy.value == pytest.approx(0.8)
    half = 1.959964 * np.sqrt(0.8 * 0.2 / 49)
    assert found.users_accuracy.low == pytest.approx(0.8 - half)
    assert found.producers_accuracy.value == pytest.approx(0.08 / share)
    assert found.overall_accuracy.value == pytest.approx(0.08 + 0.9 * 0.98)
    assert found.producers_accuracy.high is not None
    assert found.producers_accuracy.high <= 1


def test_the_published_deforestation_taken_as_landslides() -> None:
    # Olofsson et al. 2014, table 8: 3 of the 565 points in the other three classes are deforested;
    # as one stratum they give another area than as three, which tests/scores/test_area.py has
    found = adjusted_from_sample(sample_of([[66, 9], [3, 562]]), 900_000e4, 18_000e4)
    assert found.users_accuracy.value == pytest.approx(0.88)
    assert found.users_accuracy.low == pytest.approx(0.88 - 0.07, abs=0.005)  # as published
    wanted = (18_000 * 66 / 75 + 882_000 * 3 / 565) * 1e4
    assert found.adjusted_m2.value == pytest.approx(wanted)


def test_intervals_stay_on_the_ground() -> None:
    found = adjusted_from_sample(sample_of([[3, 0], [1, 3]]), 1e6, 1e4)
    assert found.adjusted_m2.low == 0
    assert found.users_accuracy.high == 1


def test_where_nothing_is_mapped_what_was_missed_is_estimated() -> None:
    found = adjusted_from_sample(sample_of([[0, 0], [5, 95]]), 1e6, 0.0)
    assert found.adjusted_m2.value == pytest.approx(5e4)
    assert found.users_accuracy.value is None
    assert found.producers_accuracy.value == 0


@pytest.mark.parametrize(
    ("counts", "mapped_m2", "landslide_m2", "message"),
    [
        ([[1, 0], [5, 5]], 1e6, 1e5, "at least 2 points in mapped landslides; it has 1 of 11"),
        ([[5, 5], [0, 1]], 1e6, 1e5, "at least 2 points outside them; it has 1 of 11"),
        ([[5, 5], [5, 5]], 1e5, 1e6, "at least that of the landslides in it; got 100000 m²"),
        ([[5, 5], [5, 5]], 0.0, 0.0, "the mapped area is over 0"),
    ],
)
def test_samples_that_tell_too_little_are_refused(
    counts: list[list[int]], mapped_m2: float, landslide_m2: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        adjusted_from_sample(sample_of(counts), mapped_m2, landslide_m2)


def test_nine_of_ten_samples_hold_the_truth_at_their_level() -> None:
    generator, inside, runs = np.random.default_rng(0), 0, 600
    truth = 0.05 * 0.7 + 0.95 * 0.05
    for _ in range(runs):
        tp, missed = generator.binomial(100, 0.7), generator.binomial(300, 0.05)
        sample = sample_of([[tp, 100 - tp], [missed, 300 - missed]])
        found = adjusted_from_sample(sample, 1.0, 0.05, level=0.9)
        assert found.adjusted_m2.low is not None
        assert found.adjusted_m2.high is not None
        inside += found.adjusted_m2.low <= truth <= found.adjusted_m2.high
    assert 0.86 <= inside / runs <= 0.94


def evaluation(path: Path, tiles: int, resolution_m: float | None = None) -> Path:
    generator = np.random.default_rng(1)
    landslide = generator.binomial(400, generator.beta(1, 4, tiles))
    tp = generator.binomial(landslide, generator.beta(8, 3, tiles))
    fp = generator.binomial(400 - landslide, generator.beta(1, 20, tiles))
    counts = np.stack([tp, fp, landslide - tp, 400 - landslide - fp], axis=1)
    text = {"tile_counts": counts.tolist(), "resolution_m": resolution_m, "f1": 0.5}
    path.write_text(json.dumps(text), encoding="utf-8")
    return path


def test_the_errors_on_tiles_adjust_the_area(tmp_path: Path) -> None:
    file = evaluation(tmp_path / "a.json", 60)
    counts = np.array(json.loads(file.read_text())["tile_counts"])
    found = adjusted_from_tiles(file, 1e6, 2e5)
    assert found is not None
    tp, fp, fn, tn = counts.sum(axis=0)
    share = 0.2 * tp / (tp + fp) + 0.8 * fn / (fn + tn)
    assert found.adjusted_m2.value == pytest.approx(share * 1e6)
    assert found.users_accuracy.value == pytest.approx(tp / (tp + fp))
    assert found.producers_accuracy.value == pytest.approx(0.2 * tp / (tp + fp) / share)
    assert found.overall_accuracy.value == pytest.approx(
        0.2 * tp / (tp + fp) + 0.8 * tn / (fn + tn)
    )
    assert found.samples == 60
    assert "tiles" in found.method
    for one in (found.users_accuracy, found.producers_accuracy, found.overall_accuracy):
        assert one.low is not None
        assert one.high is not None
        assert one.value is not None
        assert one.low < one.value < one.high
    assert adjusted_from_tiles(file, 1e6, 2e5) == found
    assert adjusted_from_tiles(file, 1e6, 2e5, Resampling(draws=0)) is not None


def test_much_ground_has_a_narrower_interval_than_little(tmp_path: Path) -> None:
    file = evaluation(tmp_path / "a.json", 60, resolution_m=2.0)  # tiles of 1,600 m²
    widths = []
    for tiles in (10, 10_000):
        found = adjusted_from_tiles(file, tiles * 1_600.0, tiles * 160.0)
        assert found is not None
        assert found.adjusted_m2.low is not None
        assert found.adjusted_m2.high is not None
        widths.append((found.adjusted_m2.high - found.adjusted_m2.low) / tiles)
    expected = np.sqrt((1 / 60 + 1 / 10) / (1 / 60 + 1 / 10_000))
    assert widths[0] / widths[1] == pytest.approx(expected, rel=0.25)


def test_one_tile_tells_nothing(tmp_path: Path) -> None:
    assert adjusted_from_tiles(evaluation(tmp_path / "a.json", 1), 1e6, 1e5) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not the counts of an evaluation"),
        ("[]", "not the counts of an evaluation"),
        ('{"f1": 0.5}', "make it with `landslip evaluate MODEL TILES --json`"),
        ('{"tile_counts": [[1, 2, 3]]}', "not the counts of an evaluation"),
        ('{"tile_counts": [["a", 2, 3, 4]]}', "not the counts of an evaluation"),
        ('{"tile_counts": [[1, 2, 3, -4]]}', "counts of pixels are 0 or more"),
    ],
)
def test_files_without_counts_are_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        adjusted_from_tiles(file, 1e6, 1e5)
    with pytest.raises(InputError, match="no such file"):
        adjusted_from_tiles(tmp_path / "none.json", 1e6, 1e5)


Points = NDArray[np.float64]
UTM = pyproj.CRS.from_epsg(32648)
LEFT, BOTTOM = 400_000.0, 3_400_000.0
POLYGONS = np.array([shapely.box(LEFT, BOTTOM, LEFT + 100, BOTTOM + 100)], dtype=object)
PLACES = [(50.0, 50.0), (99.0, 1.0), (99.9, 50.0), (150.0, 50.0), (-1.0, -1.0)]
CLASSES = [True, False, True, True, False]


def points() -> Points:
    return np.add(PLACES, [LEFT, BOTTOM], dtype=np.float64)


def degrees() -> Points:
    operation = pyproj.Transformer.from_crs(UTM, 4326, always_xy=True)
    return np.column_stack(operation.transform(*points().T))


def table(path: Path, head: str, places: Points, words: list[str], mark: str = ",") -> Path:
    rows = [
        mark.join((f"{x:.9f}", f"{y:.9f}", word))
        for (x, y), word in zip(places, words, strict=True)
    ]
    path.write_text("\n".join((head.replace(",", mark), *rows)) + "\n", encoding="utf-8")
    return path


def vector(path: Path, words: list[object], code: int | None) -> Path:
    places = degrees() if code == 4326 else points()
    frame = geopandas.GeoDataFrame({"Reference": words}, geometry=shapely.points(places), crs=code)
    frame.to_file(path, driver="GPKG") if path.suffix == ".gpkg" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("words", [["1", "0"], ["yes", "No"], ["landslide", "other"]])
def test_points_of_a_table_get_the_map_class_of_where_they_lie(
    words: list[str], tmp_path: Path
) -> None:
    said = [words[0] if one else words[1] for one in CLASSES]
    wanted = [[2, 1], [1, 1]]
    for file in (
        table(tmp_path / "a.csv", "lon,lat,reference", degrees(), said),
        table(tmp_path / "b.csv", "x,y,reference", points(), said),
        table(tmp_path / "c.csv", "X,Y,Reference", points(), said, mark=";"),
        table(tmp_path / "without_ending", "x,y,reference", points(), said),
        vector(tmp_path / "d.gpkg", list(said), 4326),
        vector(tmp_path / "e.parquet", list(said), 32648),
    ):
        found = read_validation_sample(file, POLYGONS, UTM)
        np.testing.assert_array_equal(found.mapped, [True, True, True, False, False])
        np.testing.assert_array_equal(found.reference, CLASSES)
        np.testing.assert_array_equal(found.counts, wanted)
        assert found.notes == ()


@pytest.mark.parametrize("words", [[1, 0, 1, 1, 0], [True, False, True, True, False]])
def test_numbers_and_flags_are_classes_too(words: list[object], tmp_path: Path) -> None:
    found = read_validation_sample(vector(tmp_path / "a.gpkg", words, 32648), POLYGONS, UTM)
    np.testing.assert_array_equal(found.reference, CLASSES)


def test_points_beside_the_mapped_ground_are_left_out_and_told(tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv", "x,y,reference", points(), ["1"] * 5)
    ground = shapely.box(LEFT, BOTTOM, LEFT + 120, BOTTOM + 100)
    found = read_validation_sample(file, POLYGONS, UTM, ground)
    assert len(found.mapped) == 3
    assert found.notes == (message("adjusted.outside", file="a.csv", count=2, total=5),)


def test_a_point_on_an_edge_is_inside(tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv", "x,y,reference", np.array([[LEFT, BOTTOM]]), ["1"])
    assert read_validation_sample(file, POLYGONS, UTM).mapped.all()


def test_without_landslides_every_point_is_outside(tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv", "x,y,reference", points(), ["0"] * 5)
    assert not read_validation_sample(file, np.zeros(0, dtype=object), UTM).mapped.any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n", "needs the columns lon and lat, or x and y, and reference; .* has x, y"),
        ("a,b,reference\n1,2,1\n", "this one has a, b, reference"),
        ("x,y,reference\n", "contains no point"),
        ("", "contains no point"),
        ("x,y,reference\n1,two,1\n", "line 2: a coordinate is a number; got 'two'"),
        ("x,y,reference\n1,2,1\n,2,1\n", "line 3: a coordinate is a number; got ''"),
        ("x,y,reference\n1,nan,1\n", "line 2: a coordinate is a number; got 'nan'"),
        ("x,y,reference\n1,2,1\n1,2,maybe\n", "point 2 has 'maybe'"),
        ("x,y,reference\n1,2\n", "point 1 has ''"),
        ("lon,lat,reference\n400000,3400000,1\n", "lon is within 180 and lat within 90"),
    ],
)
def test_tables_that_make_no_sample_are_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_validation_sample(file, POLYGONS, UTM)


def test_files_that_make_no_sample_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_validation_sample(tmp_path / "none.csv", POLYGONS, UTM)
    binary = tmp_path / "a.csv"
    binary.write_bytes(b"\xff\xff\xff,x")
    with pytest.raises(InputError, match="not a CSV file in UTF-8"):
        read_validation_sample(binary, POLYGONS, UTM)
    text = tmp_path / "a.gpkg"
    text.write_text("nothing", encoding="utf-8")
    with pytest.raises(InputError, match="not a vector file that can be read"):
        read_validation_sample(text, POLYGONS, UTM)


def test_layers_that_make_no_sample_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"both inventory and .* the sample has none"):
        read_validation_sample(vector(tmp_path / "a.parquet", [1] * 5, None), POLYGONS, UTM)
    with pytest.raises(InputError, match="the inventory has none"):
        read_validation_sample(vector(tmp_path / "b.parquet", [1] * 5, 32648), POLYGONS, None)
    with pytest.raises(InputError, match="the inventory has no coordinate system"):
        read_validation_sample(
            table(tmp_path / "c.csv", "lon,lat,reference", degrees(), ["1"] * 5), POLYGONS, None
        )
    areas = geopandas.GeoDataFrame({"reference": [1]}, geometry=POLYGONS, crs=32648)
    areas.to_file(tmp_path / "d.gpkg")
    with pytest.raises(InputError, match="a sample contains points"):
        read_validation_sample(tmp_path / "d.gpkg", POLYGONS, UTM)
    areas.rename(columns={"reference": "truth"}).to_file(tmp_path / "e.gpkg")
    with pytest.raises(InputError, match="needs the column reference; this one has truth"):
        read_validation_sample(tmp_path / "e.gpkg", POLYGONS, UTM)
    file = table(tmp_path / "f.csv", "x,y,reference", points() + 1e6, ["1"] * 5)
    with pytest.raises(InputError, match="none of the 5 points is in the mapped area"):
        read_validation_sample(file, POLYGONS, UTM, POLYGONS[0])
