"""What an input is, is found by opening it, whatever its name."""

import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio.shutil
import shapely
from tests.conftest import WriteRaster

from landslip.core.errors import InputError
from landslip.io.text_columns import BYTES, decode_columns
from landslip.io.vector import read_polygon_file, read_vector
from landslip.io.vector_source import InputKind, input_kind, is_vector

NAME = "滑坡一号"
FRAME = geopandas.GeoDataFrame(
    {"name": [NAME * 3]}, geometry=[shapely.box(500_010, 3_999_900, 500_050, 3_999_950)], crs=32650
)
PARTS = ("shp", "shx", "dbf", "prj", "cpg")


def shapefile(folder: Path, encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    FRAME.to_file(folder / "a.shp", encoding=encoding)
    return folder / "a.shp"


def zipped(archive: Path, file: Path, folder: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as members:
        for part in sorted(file.parent.glob(f"{file.stem}.*")):
            members.write(part, folder + part.name)
    return archive


def without_ending(folder: Path) -> Path:
    FRAME.to_file(folder / "a.gpkg")
    return (folder / "a.gpkg").rename(folder / "polygons")


def parquet(folder: Path) -> Path:
    FRAME.to_parquet(folder / "polygons.dat")
    return folder / "polygons.dat"


def geodatabase(folder: Path) -> Path:
    FRAME.to_file(folder / "a.gdb", driver="OpenFileGDB")
    return folder / "a.gdb"


def upper_case(folder: Path) -> Path:
    shapefile(folder)
    for part in PARTS:
        (folder / f"a.{part}").rename(folder / f"B.{part.upper()}")
    return folder / "B.SHP"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(without_ending, id="no ending"),
        pytest.param(parquet, id="GeoParquet of another ending"),
        pytest.param(geodatabase, id="file geodatabase"),
        pytest.param(upper_case, id="upper case"),
        pytest.param(lambda folder: shapefile(folder / "in").parent, id="folder of a Shapefile"),
        pytest.param(lambda folder: zipped(folder / "a.zip", shapefile(folder)), id="zip"),
        pytest.param(
            lambda folder: zipped(folder / "a.zip", shapefile(folder), "数据/"), id="folder in zip"
        ),
    ],
)
def test_vectors_of_any_name(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = make(tmp_path)
    assert input_kind(path) is InputKind.VECTOR
    found = read_polygon_file(path)
    assert found.frame["name"].tolist() == [NAME * 3]
    assert found.frame.geometry.area.tolist() == pytest.approx([2000.0])
    assert found.notes == ()


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("m.img", "HFA"),
        ("m", "GTiff"),
        ("m.TIF", "GTiff"),
        ("m.asc", "AAIGrid"),
        ("m.gpkg", "GPKG"),
    ],
)
def test_rasters_of_any_name(
    name: str, driver: str, write_raster: WriteRaster, tmp_path: Path
) -> None:
    source = write_raster("source.tif", np.ones((1, 8, 8), np.uint8))
    rasterio.shutil.copy(source, tmp_path / name, driver=driver)
    assert input_kind(tmp_path / name) is InputKind.RASTER
    with pytest.raises(InputError, match=f"{name}: is a raster; a vector file is needed here"):
        read_vector(tmp_path / name)


def test_polygons_beside_a_raster_in_a_geopackage(
    write_raster: WriteRaster, tmp_path: Path
) -> None:
    source = write_raster("source.tif", np.ones((1, 8, 8), np.uint8))
    rasterio.shutil.copy(source, tmp_path / "both.gpkg", driver="GPKG")
    FRAME.to_file(tmp_path / "both.gpkg", layer="polygons", mode="a")
    assert input_kind(tmp_path / "both.gpkg") is InputKind.VECTOR


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", '{"a": 1}'), ("a.txt", "words"), ("a.shp", "")]
)
def test_what_is_neither(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    message = f"{name}: not a vector file that can be read .*not recognized as being in a supported"
    with pytest.raises(InputError, match=message):
        input_kind(tmp_path / name)
    assert not is_vector(tmp_path)


def test_an_archive_of_several_files_is_ambiguous(tmp_path: Path) -> None:
    FRAME.to_file(tmp_path / "a.gpkg")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as members:
        members.write(tmp_path / "a.gpkg", "x/a.gpkg")
        members.write(tmp_path / "a.gpkg", "x/b.gpkg")
    with pytest.raises(InputError, match=r"an archive of several files \(a.gpkg, b.gpkg\)"):
        read_vector(tmp_path / "a.zip")


def test_a_shapefile_that_states_another_encoding(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "gbk")
    path.with_suffix(".cpg").write_text("UTF-8")
    found = read_polygon_file(path)
    assert found.frame["name"].tolist() == [NAME * 3]
    assert [note.text() for note in found.notes] == [
        "a.shp: its text is not in the encoding that the file states; read as gb18030"
    ]


def test_a_name_cut_within_a_character(tmp_path: Path) -> None:
    path = shapefile(tmp_path)
    table = path.with_suffix(".dbf")
    text = (NAME * 3).encode()
    table.write_bytes(table.read_bytes().replace(text, text[:-1] + b" "))
    found = read_polygon_file(path)
    assert found.frame["name"].tolist() == [(NAME * 3)[:-1] + "\N{REPLACEMENT CHARACTER}"]
    assert found.notes[0].text().endswith("read as utf-8")


@pytest.mark.parametrize(
    ("encoding", "name"), [("gbk", NAME), ("utf-8", NAME), ("ISO-8859-1", "Müller"), ("ascii", "a")]
)
def test_a_shapefile_that_states_no_encoding(encoding: str, name: str, tmp_path: Path) -> None:
    FRAME.assign(name=name).to_file(tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").unlink()
    found = read_polygon_file(tmp_path / "a.shp")
    assert found.frame["name"].tolist() == [name]
    assert found.notes == ()


def test_names_of_columns_are_decoded_and_other_values_stay() -> None:
    frame = FRAME.rename(columns={"name": "名".encode("gbk").decode(BYTES)})
    frame.iloc[0, 0] = NAME.encode("gbk").decode(BYTES)
    frame = frame.assign(size=2.5, none=None)
    decoded, encoding = decode_columns(frame, ("utf-8", "gb18030"))
    assert encoding == "gb18030"
    assert decoded.drop(columns="geometry").iloc[0].tolist() == [NAME, 2.5, None]
    assert decoded.columns.tolist() == ["名", "geometry", "size", "none"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_table_of_wkt_in_degrees(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'wkt,name\n"POLYGON ((0 0,1 0,1 1,0 0))",{NAME}\n', encoding=encoding)
    found = read_polygon_file(path)
    assert found.frame.crs.to_epsg() == 4326
    assert found.frame["name"].tolist() == [NAME]
    assert found.notes[-1].text() == (
        "a.csv: states no coordinate system; its coordinates are taken for longitude and latitude "
        "(EPSG:4326)"
    )


def test_a_table_of_wkt_in_metres_has_no_coordinate_system(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('wkt\n"POLYGON ((500 0,501 0,501 1,500 0))"\n')
    assert read_vector(path).crs is None


def test_a_file_geodatabase_is_no_extraction(tmp_path: Path) -> None:
    from landslip.inventory.several import is_extraction  # noqa: PLC0415

    assert not is_extraction(geodatabase(tmp_path))
    assert is_extraction(tmp_path)
