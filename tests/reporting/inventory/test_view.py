"""Views: where the ground lies on a picture, and what maps carry."""

import re

import numpy as np
import pyproj
import pytest
from affine import Affine

from landslip.reporting.inventory.furniture import graticule, north_arrow, scale_bar
from landslip.reporting.inventory.view import View

UTM = pyproj.CRS.from_epsg(32648)
WGS84 = pyproj.CRS.from_epsg(4326)


def utm_view(side_m: float = 10.0) -> View:
    transform = Affine(side_m, 0, 500_000 - 200 * side_m, 0, -side_m, 3_450_000)
    return View(crs=UTM, transform=transform, width=400, height=300)


def test_a_pixel_of_utm_is_as_wide_as_it_says_save_for_the_scale_factor() -> None:
    # on the central meridian the projection shrinks by 0.9996
    assert utm_view().metres_per_px == pytest.approx(10 / 0.9996, rel=1e-5)
    assert utm_view().north_deg == pytest.approx(0.0, abs=0.01)


def test_north_follows_a_turned_picture() -> None:
    turned = View(
        crs=UTM,
        transform=Affine.translation(500_000, 3_450_000)
        @ Affine.rotation(30)
        @ Affine.scale(1, -1),
        width=10,
        height=10,
    )
    assert turned.north_deg == pytest.approx(30.0, abs=0.01)


def test_degrees_are_drawn_as_long_as_they_are_on_the_ground() -> None:
    view = View.around((100.0, 59.0, 102.0, 61.0), WGS84, 600)
    corners = view.pixels(np.array([[100.0, 60.0], [102.0, 60.0], [101.0, 59.0], [101.0, 61.0]]))
    across, up = corners[1, 0] - corners[0, 0], corners[2, 1] - corners[3, 1]
    assert across / up == pytest.approx(0.5, rel=1e-6)


def test_a_view_has_a_margin_and_holds_its_bounds() -> None:
    view = View.around((0.0, 0.0, 100.0, 50.0), UTM, 448)
    assert (view.width, view.height) == (448, 248)
    inside = view.pixels(np.array([[0.0, 0.0], [100.0, 50.0]]))
    assert inside == pytest.approx(np.array([[24.0, 224.0], [424.0, 24.0]]))


def test_a_single_point_has_a_view() -> None:
    view = View.around((5.0, 5.0, 5.0, 5.0), None, 300)
    assert view.pixels(np.array([[5.0, 5.0]])) == pytest.approx(
        np.array([[view.width / 2, view.height / 2]]), abs=1
    )


def test_rows_of_an_image_count_downwards() -> None:
    view = View.around((0.0, 0.0, 10.0, 10.0), None, 112, rows_down=True)
    assert view.pixels(np.array([[0.0, 0.0], [0.0, 10.0]]))[:, 1] == pytest.approx([6.0, 106.0])


def test_a_scale_bar_has_a_round_length_and_its_true_size() -> None:
    svg = scale_bar(utm_view(), 0.0, 0.0, 130.0)
    assert "1\u202fkm" in svg
    half = float(re.findall(r'width="([\d.]+)"', svg)[1])
    assert 2 * half == pytest.approx(1000 / (10 / 0.9996), abs=0.02)


def test_without_a_coordinate_system_there_is_neither_scale_nor_north_nor_graticule() -> None:
    view = View(crs=None, transform=Affine.identity(), width=100, height=100)
    assert scale_bar(view, 0.0, 0.0, 50.0) == ""
    assert north_arrow(view, 0.0, 0.0, "N") == ""
    assert graticule(view) == ("", "")
    assert view.metres_per_px is None


def test_a_graticule_lies_where_its_labels_say() -> None:
    view = View.around((103.0, 31.0, 104.0, 32.0), WGS84, 600)
    lines, labels = graticule(view)
    texts = re.findall(r">([\d.]+)°\u202f([EN])<", labels)
    assert ("103.0", "E") in texts
    assert ("31.8", "N") in texts
    place = re.search(r'<text x="([\d.]+)"[^>]*>103\.0°', labels)
    assert place is not None
    expected = view.pixels(np.array([[103.0, 31.5]]))[0, 0]
    assert float(place[1]) == pytest.approx(expected, abs=0.02)
    assert lines.count("<polyline") == len(texts)
