"""Styles as text, and, where QGIS is installed, as QGIS sees them."""

from pathlib import Path
from xml.etree import ElementTree

import geopandas
import pytest
from PIL import Image
from tests.factories.qgis import open_in_qgis
from tests.inventory.factories import make_layers

from landslip.core.choices import Language
from landslip.inventory.formats import colours
from landslip.inventory.formats.qgis_style import layer_style
from landslip.inventory.formats.vector_files import write_geopackage
from landslip.inventory.layers import InventoryLayers


def rules(layer: str, frame: geopandas.GeoDataFrame) -> dict[str, str | None]:
    root = ElementTree.fromstring(layer_style(layer, frame, Language.ENGLISH))  # noqa: S314 - our own
    return {str(rule.get("label")): rule.get("filter") for rule in root.iter("rule")}


def test_landslides_are_graded_by_confidence() -> None:
    found = rules("landslides", make_layers().landslides)
    assert next(iter(found)) == "Confidence 0.0 – 0.5"
    assert found["Confidence 0.8 – 0.9"] == '"confidence" >= 0.8 AND "confidence" < 0.9'
    assert found["Confidence 0.9 – 1.0"] == '"confidence" >= 0.9 AND "confidence" <= 1'
    assert found["Confidence not known"] == '"confidence" IS NULL'
    assert len(found) == len(colours.CONFIDENCE_CLASSES) + 2


def test_landslides_without_confidence_are_all_alike() -> None:
    found = rules("landslides", make_layers(with_confidence=False).landslides)
    assert list(found) == ["Landslide", "To be checked: river flat, road or cloud?"]


def test_grades_cover_confidence_without_gaps() -> None:
    assert [colours.confidence_class(value) for value in (0.0, 0.5, 0.599, 0.6, 0.9, 1.0)] == [
        0, 1, 1, 2, 5, 5
    ]  # fmt: skip
    assert all(
        low.high == high.low
        for low, high in zip(
            colours.CONFIDENCE_CLASSES, colours.CONFIDENCE_CLASSES[1:], strict=False
        )
    )


@pytest.mark.usefixtures("qgis")
def test_qgis_opens_the_layers_and_draws_them_in_the_style_inside(tmp_path: Path) -> None:
    layers = make_layers(60)
    write_geopackage(layers, tmp_path / "inventory.gpkg", Language.CHINESE)
    found = open_in_qgis(tmp_path / "inventory.gpkg", tmp_path / "picture.png")
    for name, count in (("landslides", 60), ("highest_points", 59), ("lowest_points", 59)):
        assert found[name]["features"] == count
        assert found[name]["crs"] == "EPSG:32648"
    for name in found:
        assert found[name]["default_style"].startswith("True")
        assert found[name]["styles"] == ["landslip", "landslip 中文"]
        assert found[name]["index"]
    check_landslides(found["landslides"], layers)
    with Image.open(tmp_path / "picture.png") as picture:
        used = {colour for _, colour in picture.convert("RGB").getcolors(2**24) or []}
    assert colours.HIGHEST in used
    assert len(used) > 50


def check_landslides(found: dict[str, object], layers: InventoryLayers) -> None:
    assert found["renderer"] == "RuleRenderer"
    assert found["geometry"] == "MultiPolygon"
    aliases, legend, first = found["aliases"], found["legend"], found["first"]
    assert isinstance(aliases, dict)
    assert isinstance(legend, dict)
    assert isinstance(first, dict)
    assert aliases["area_m2"] == "面积（m²）"
    assert aliases["flag_road"] == "疑似道路"
    grades = layers.landslides["confidence"].dropna().map(colours.confidence_class)
    counts = grades.value_counts().reindex(range(len(colours.CONFIDENCE_CLASSES)), fill_value=0)
    assert list(legend.values()) == [*counts, 1, 1]  # one without confidence, one flagged
    row = layers.landslides.iloc[0]
    assert {name: first[name] for name in ("id", "area_m2", "scene", "flag_road")} == {
        name: row[name] for name in ("id", "area_m2", "scene", "flag_road")
    }
