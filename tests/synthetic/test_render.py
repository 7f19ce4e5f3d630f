from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from tests.synthetic.conftest import hills, make_grid, plain_reflectance

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.synthetic.camera import Attitude
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.overpass import ImageTarget, Overpass
from landslip.synthetic.render import Sightlines

NOON = datetime(2013, 8, 12, 3, 50)


@pytest.mark.parametrize("roll_deg", [0.0, 24.0, -24.0])
@pytest.mark.parametrize("at", [0, 1], ids=["mss", "pan"])
def test_pixels_see_ground_that_the_camera_projects_onto_them(
    ground: GroundModel, target: ImageTarget, roll_deg: float, at: int
) -> None:
    attitude = Attitude(roll_deg=roll_deg, wobble_urad=1.0)
    camera = Overpass(utc=NOON, attitude=attitude).camera_models(target)[at].actual
    window = Window(5, 20, 71, 45)
    col, row = Sightlines.of(camera, ground).ground_points(ground, window)
    on_ground = np.column_stack([col.ravel(), row.ravel()]).astype(np.float64)
    height = ground.heights_at(col, row).ravel().astype(np.float64)
    seen = camera.project(ground.lonlat(on_ground), height)
    rows, cols = np.indices(window.shape) + 0.5
    wanted = np.column_stack([cols.ravel() + 5, rows.ravel() + 20])
    assert np.abs(seen - wanted).max() < 0.01


def test_windows_agree_where_they_overlap(ground: GroundModel, target: ImageTarget) -> None:
    camera = Overpass(utc=NOON, attitude=Attitude(roll_deg=20)).camera_models(target)[1].actual
    lines = Sightlines.of(camera, ground)
    whole = np.stack(lines.ground_points(ground, Window(0, 0, 300, 200)))
    part = np.stack(lines.ground_points(ground, Window(101, 57, 64, 33)))
    np.testing.assert_allclose(part, whole[:, 57:90, 101:165], atol=0.005)


def test_the_last_line_alone_is_that_of_the_whole(ground: GroundModel, target: ImageTarget) -> None:
    camera = Overpass(utc=NOON).camera_models(target)[1].actual
    height, width = camera.shape
    assert height % Sightlines.of(camera, ground).step_px == 0, "it ends on a node"
    lines = Sightlines.of(camera, ground)
    whole = np.stack(lines.ground_points(ground, Window(0, height - 20, width, 20)))
    part = np.stack(lines.ground_points(ground, Window(0, height - 1, width, 1)))
    np.testing.assert_allclose(part, whole[:, -1:], atol=0.005)


def test_heights_are_bilinear_between_pixel_centres() -> None:
    shape = (16, 16)
    height = np.arange(256, dtype=np.float32).reshape(shape)
    ground = GroundModel(
        reflectance=plain_reflectance(shape), height_m=height, grid=make_grid(shape)
    )
    at = np.array([[0.5, 1.5, 1.0]], dtype=np.float32)
    np.testing.assert_allclose(ground.heights_at(at, at), [[0.0, 17.0, 8.5]], atol=1e-5)


def test_ground_goes_on_as_its_mirror_image() -> None:
    shape = (32, 32)
    ground = GroundModel(
        reflectance=plain_reflectance(shape), height_m=hills(shape), grid=make_grid(shape)
    )
    beyond, inside = np.array([[-3.5]], np.float32), np.array([[3.5]], np.float32)
    mirrored = replace(ground, mirrored=True)
    assert mirrored.heights_at(beyond, inside) == mirrored.heights_at(inside, inside)
    assert mirrored.has(beyond, inside).all()
    assert not ground.has(beyond, inside).any()


def test_a_ground_states_what_does_not_fit() -> None:
    shape = (8, 8)
    with pytest.raises(InputError, match=r"4 bands on its grid of \(8, 8\); got \(4, 9, 8\)"):
        GroundModel(
            reflectance=plain_reflectance((9, 8)), height_m=hills(shape), grid=make_grid(shape)
        )
    with pytest.raises(InputError, match=r"heights must be on its grid.*got \(9, 8\)"):
        GroundModel(
            reflectance=plain_reflectance(shape), height_m=hills((9, 8)), grid=make_grid(shape)
        )
