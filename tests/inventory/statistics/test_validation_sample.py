from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.messages import message
from landslip.inventory.statistics.validation_sample import read_validation_sample

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
