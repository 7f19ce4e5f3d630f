"""The file for the field, read as XML and by GDAL."""

import zipfile
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import geopandas
import numpy as np
import pytest
import shapely
from PIL import Image
from tests.inventory.factories import NAME, UTM, make_layers, make_record

from landslip.core.choices import Language
from landslip.inventory.formats import kml
from landslip.inventory.formats.kml import write_kmz
from landslip.inventory.layers import InventoryLayers

NS = {"k": "http://www.opengis.net/kml/2.2"}


def document(path: Path, layers: InventoryLayers, language: Language = Language.ENGLISH) -> Element:
    write_kmz(layers, make_record(layers), path, language)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return ElementTree.fromstring(archive.read("doc.kml"))  # noqa: S314 - our own


def folder(root: Element, number: int) -> list[Element]:
    return root.findall("k:Document/k:Folder", NS)[number].findall("k:Placemark", NS)


def text(element: Element, path: str) -> str:
    found = element.findtext("/".join(f"k:{part}" for part in path.split("/")), namespaces=NS)
    assert found is not None
    return found


def rings(placemark: Element) -> list[np.ndarray]:
    return [
        np.array([point.split(",") for point in (found.text or "").split()], dtype=float)
        for found in placemark.iterfind(".//k:LinearRing/k:coordinates", NS)
    ]


def test_it_holds_folders_of_landslides_highest_and_lowest_points(tmp_path: Path) -> None:
    root = document(tmp_path / "a.kmz", make_layers())
    assert text(root, "Document/name") == NAME
    names = [text(found, "name") for found in root.findall("k:Document/k:Folder", NS)]
    assert names == ["Landslides", "Highest points", "Lowest points"]
    assert [len(folder(root, number)) for number in range(3)] == [6, 5, 5]
    assert [text(placemark, "name") for placemark in folder(root, 1)] == [
        f"Highest point of landslide {number}" for number in (1, 3, 4, 5, 6)
    ]


def test_outlines_lie_where_they_should(tmp_path: Path) -> None:
    given = make_layers().landslides
    placemarks = folder(document(tmp_path / "a.kmz", make_layers()), 0)
    outside, hole = rings(placemarks[2])
    assert shapely.LinearRing(outside).is_ccw
    polygon = geopandas.GeoSeries([shapely.Polygon(outside, [hole])], crs=4326).to_crs(UTM)
    assert shapely.hausdorff_distance(polygon.iloc[0], given.geometry.iloc[2]) < 0.1
    assert polygon.area.iloc[0] == pytest.approx(given.area.iloc[2], rel=1e-3)
    assert len(placemarks[3].findall("k:MultiGeometry/k:Polygon", NS)) == 2


def test_gdal_reads_it(tmp_path: Path) -> None:
    write_kmz(make_layers(), make_record(make_layers()), tmp_path / "a.kmz")
    with zipfile.ZipFile(tmp_path / "a.kmz") as archive:
        archive.extract("doc.kml", tmp_path)
    found = geopandas.read_file(tmp_path / "doc.kml", layer="Landslides")
    assert found["Name"].tolist() == [f"Landslide {number}" for number in range(1, 7)]
    apart = shapely.hausdorff_distance(
        shapely.force_2d(found.to_crs(UTM).geometry.to_numpy()),
        make_layers().landslides.geometry.to_numpy(),
    )
    assert apart.max() < 0.1


def test_balloons_say_what_is_known_in_words_with_units(tmp_path: Path) -> None:
    layers = make_layers()
    layers.landslides.loc[0, ["area_m2", "slope_deg", "h_over_l"]] = [12345.6, 31.4, 0.456]
    layers.landslides.loc[0, ["centroid_lon", "dem_resolution_m"]] = [104.5, 30.0]
    root = document(tmp_path / "a.kmz", layers)
    lines = text(folder(root, 0)[0], "description").split("<br/>")
    assert lines[0] == "Area: 12,346 m²"
    assert "Mean slope: 31°" in lines
    assert "H / L: 0.46" in lines
    assert "Axis: downslope" in lines
    assert "Longitude: 104.50000°" in lines
    assert "Resolution of the elevation model: 30 m" in lines
    assert "Scene: Beichuan &quot;A&amp;B&quot; &lt;北川&gt;\nsecond line" in lines
    assert not any("Road" in line for line in lines)
    assert "Road?: yes" in text(folder(root, 0)[4], "description").split("<br/>")
    unknown = text(folder(root, 0)[1], "description")
    assert "Mean slope" not in unknown
    assert "nan" not in unknown.lower()
    assert "None" not in unknown


def test_balloons_speak_chinese(tmp_path: Path) -> None:
    root = document(tmp_path / "a.kmz", make_layers(), Language.CHINESE)
    assert text(folder(root, 0)[0], "name") == "滑坡 1"
    assert "轴向依据：顺坡方向" in text(folder(root, 0)[0], "description")
    assert [text(found, "name") for found in root.findall("k:Document/k:Folder", NS)] == [
        "滑坡",
        "最高点",
        "最低点",
    ]


def test_elements_come_in_the_order_of_the_schema(tmp_path: Path) -> None:
    root = document(tmp_path / "a.kmz", make_layers())
    for number, geometry in enumerate(("Polygon", "Point", "Point")):
        tags = [child.tag.split("}")[1] for child in folder(root, number)[0]]
        assert tags == ["name", "description", "styleUrl", geometry]


def test_colours_follow_confidence_and_flags(tmp_path: Path) -> None:
    layers = make_layers()
    layers.landslides["confidence"] = [0.2, np.nan, 0.5, 0.95, 1.0, 0.89]
    root = document(tmp_path / "a.kmz", layers)
    used = [text(placemark, "styleUrl") for placemark in folder(root, 0)]
    assert used == ["#grade0", "#plain", "#grade1", "#grade5", "#grade5-flagged", "#grade4"]
    styles = {found.get("id") for found in root.findall("k:Document/k:Style", NS)}
    assert {name.removeprefix("#") for name in used} <= styles
    style = root.find("k:Document/k:Style[@id='grade5']", NS)
    assert style is not None
    assert text(style, "PolyStyle/color") == "782600bd"  # alpha, blue, green, red


def test_pictures_of_highest_and_lowest_points_are_inside(tmp_path: Path) -> None:
    root = document(tmp_path / "a.kmz", make_layers())
    hrefs = [found.text for found in root.iterfind(".//k:Icon/k:href", NS)]
    assert hrefs == ["files/highest_point.png", "files/lowest_point.png"]
    with zipfile.ZipFile(tmp_path / "a.kmz") as archive:
        for href in hrefs:
            with archive.open(str(href)) as file, Image.open(file) as picture:
                assert picture.getpixel((16, 18))[3] == 255  # type: ignore[index]
                assert picture.getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_many_are_cut_to_the_largest_and_simplified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kml, "LARGEST", 4)
    monkeypatch.setattr(kml, "MAX_POINTS", 60)
    root = document(tmp_path / "a.kmz", make_layers())
    said = text(root, "Document/description")
    assert "Only the 4 largest of 6 landslides are here" in said
    assert "simplified by up to" in said
    assert [text(placemark, "name") for placemark in folder(root, 0)] == [
        f"Landslide {number}" for number in range(1, 5)
    ]
    assert len(folder(root, 1)) == 3
    assert sum(len(ring) for placemark in folder(root, 0) for ring in rings(placemark)) <= 60


def test_control_characters_do_not_break_it(tmp_path: Path) -> None:
    layers = make_layers()
    layers.landslides["scene"] = "bell\x07 and \x00 nothing ]]> <b>"
    write_kmz(layers, make_record(layers, name="odd\x1b"), tmp_path / "a.kmz")
    with zipfile.ZipFile(tmp_path / "a.kmz") as archive:
        root = ElementTree.fromstring(archive.read("doc.kml"))  # noqa: S314 - our own
    assert text(root, "Document/name") == "odd "
    assert "bell  and   nothing ]]&gt; &lt;b&gt;" in text(folder(root, 0)[0], "description")


def test_no_landslides_are_an_empty_document_and_bytes_do_not_change(tmp_path: Path) -> None:
    root = document(tmp_path / "none.kmz", make_layers(0))
    assert [len(folder(root, number)) for number in range(3)] == [0, 0, 0]
    for name in ("a.kmz", "b.kmz"):
        document(tmp_path / name, make_layers())
    assert (tmp_path / "a.kmz").read_bytes() == (tmp_path / "b.kmz").read_bytes()
