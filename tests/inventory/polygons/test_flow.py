import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from tests.inventory.polygons.pixel_shapes import Slope

from landslip.core.grid import Grid
from landslip.inventory.polygons.flow import flow_across, share_across
from landslip.inventory.polygons.necks import Neck

GRID = Grid(
    crs=CRS.from_epsg(32650),
    transform=Affine(2, 0, 500_000, 0, -2, 4_000_000),
    shape=(200, 200),
)


def neck(end: tuple[float, float]) -> Neck:
    return Neck(start=(100.0, 100.0), end=end, overhang_px=9.0, overhang_near_px=9.0)


@pytest.mark.parametrize(
    ("end", "rise", "share"),
    [
        pytest.param((110.0, 100.0), (0.5, 0.0), 0.0, id="along"),
        pytest.param((110.0, 100.0), (0.0, -0.5), 1.0, id="across"),
        pytest.param((110.0, 100.0), (0.3, 0.3), np.sqrt(0.5), id="aslant"),
        pytest.param((110.0, 110.0), (0.3, -0.3), 0.0, id="rows go south"),
        pytest.param((100.0, 104.0), (0.3, 0.4), 0.6, id="three four five"),
    ],
)
def test_the_share_of_a_plane_that_falls_across(
    end: tuple[float, float], rise: tuple[float, float], share: float
) -> None:
    assert flow_across(Slope(*rise), GRID, neck(end)) == pytest.approx(share, abs=1e-4)


def test_flat_ground_tells_nothing() -> None:
    assert flow_across(Slope(0.0, 0.019), GRID, neck((110.0, 100.0))) is None
    assert flow_across(Slope(0.0, 0.021), GRID, neck((110.0, 100.0))) == pytest.approx(1)


def test_without_heights_nothing_is_known() -> None:
    assert flow_across(None, GRID, neck((110.0, 100.0))) is None


def test_gaps_are_left_out_and_too_many_tell_nothing() -> None:
    heights = np.add.outer(np.arange(10.0), np.zeros(10)).astype(np.float32)
    line, metres = np.array([1.0, 0.0]), np.eye(2)
    heights[:5] = np.nan
    assert share_across(heights, metres, line) == pytest.approx(1)

    heights[5, 0] = np.nan
    assert share_across(heights, metres, line) is None


def test_a_neck_at_the_edge_of_the_raster() -> None:
    corner = Neck(start=(0.0, 0.0), end=(0.0, 8.0), overhang_px=9.0, overhang_near_px=9.0)

    assert flow_across(Slope(0.5, 0.0), GRID, corner) == pytest.approx(1, abs=1e-4)
