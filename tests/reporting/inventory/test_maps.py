"""Maps: what they show and where."""

import re
from pathlib import Path

import numpy as np
import pytest
import shapely
from tests.reporting.inventory.made import ground, write_inventory
from tests.reporting.inventory.wanted import UTM, Wanted

from landslip.core.choices import Language
from landslip.inventory.formats.qgis_style import layer_style
from landslip.reporting.inventory.backdrop import SceneBackdrop
from landslip.reporting.inventory.data import read_inventory
from landslip.reporting.inventory.maps import density_map, footprint_in, whole_view
from landslip.reporting.inventory.texts import read_texts
from landslip.reporting.inventory.view import View


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_the_footprint_is_that_of_the_scene(tmp_path: Path, crs: str) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", Wanted(landslides=3, crs=crs)))
    with SceneBackdrop(tmp_path / "scene.tif") as scene:
        footprint = footprint_in(data, View.of_grid(scene.grid))
    assert footprint is not None
    place = ground(crs)
    corners = shapely.box(place.c, place.f + 400 * place.e, place.c + 400 * place.a, place.f)
    assert footprint.symmetric_difference(corners).area < 1e-6 * corners.area
    view = whole_view(data, footprint)
    assert view is not None
    assert view.pixels(np.array(footprint.exterior.coords)).min() > 0


def test_a_scene_without_a_place_has_no_footprint_on_a_map(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", Wanted(landslides=3)))
    nowhere = View(crs=None, transform=ground(None), width=10, height=10)
    assert footprint_in(data, nowhere) is None


def test_without_landslides_and_scene_there_is_no_map(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", Wanted(landslides=0)))
    assert whole_view(data, None) is None


def test_density_has_the_classes_of_the_qgis_style(tmp_path: Path) -> None:
    data = read_inventory(write_inventory(tmp_path / "inventory", Wanted(landslides=30)))
    page = density_map(data, read_texts(Language.ENGLISH))
    assert page is not None
    style = layer_style("density", data.density, Language.ENGLISH)
    in_style = re.findall(r'label="([\d.]+) – ([\d.]+) per km', style)
    in_page = re.findall(r">([\d.]+)–([\d.]+)<", page)
    assert [tuple(map(float, one)) for one in in_page] == [
        tuple(map(float, one)) for one in in_style
    ]
    assert len(in_page) > 1
