import numpy as np
import pytest

from landslip.core.bands import BandRadiometry, Bands, Radiometry
from landslip.core.choices import TerrainUnits, Units
from landslip.core.errors import InputError
from landslip.datasets.band_groups import (
    FLIP,
    MIRROR,
    TRANSPOSE,
    BandGroups,
    Matrix,
    MirroredSide,
    directions_of,
    flip_matrix,
    mirrored,
    mirrored_stored,
    turned,
    turned_stored,
)

NAMES = Bands(("northness", "red", "eastness", "before_red"))
DIRECTIONS = (2, 0)


def directions_of_heights(heights: np.ndarray) -> np.ndarray:
    """Return (4, height, width): minus the rises to the north and east, and two of no direction."""
    by_row, by_column = np.gradient(heights)
    return np.stack([by_row, heights, -by_column, heights]).astype(np.float32)


@pytest.mark.parametrize("version", range(8))
def test_directions_of_a_turned_image_are_those_of_turned_heights(version: int) -> None:
    """North is up: the rise for a row down is the fall to the north."""
    heights = np.random.default_rng(0).normal(0, 1, (7, 7))

    def turn(pixels: np.ndarray) -> np.ndarray:
        mirrored = pixels[..., ::-1] if version >= 4 else pixels
        return np.rot90(mirrored, version % 4, axes=(-2, -1))

    image = directions_of_heights(heights)
    found = turned(turn(image), DIRECTIONS, flip_matrix(version))
    np.testing.assert_allclose(found, directions_of_heights(turn(heights)), atol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "axes"), [(MIRROR, (-1,)), (FLIP, (-2,)), (TRANSPOSE, None)], ids=str
)
def test_flips_of_test_time_augmentation(matrix: Matrix, axes: tuple[int, ...] | None) -> None:
    heights = np.random.default_rng(1).normal(0, 1, (6, 6))
    image = directions_of_heights(heights)
    if axes is None:
        moved, expected = np.swapaxes(image, -1, -2), directions_of_heights(heights.T)
    else:
        moved, expected = np.flip(image, axes), directions_of_heights(np.flip(heights, axes))
    np.testing.assert_allclose(turned(moved, DIRECTIONS, matrix), expected, atol=1e-6)


def test_stored_numbers_turn_exactly_and_stay_missing() -> None:
    band = BandRadiometry(units=TerrainUnits.ONE, scale=1e-4, offset=-1.0, nodata=0)
    own = BandRadiometry(units=Units.DN)
    radiometry = Radiometry.of_bands("uint16", [band, own, band, own])
    stored = np.array([[[0, 12000, 9000]], [[5, 6, 7]], [[0, 10000, 19999]], [[1, 2, 3]]])
    found = turned_stored(stored.astype(np.uint16), radiometry, DIRECTIONS, MIRROR)
    assert found[2].tolist() == [[0, 10000, 1]]
    assert found[[0, 1, 3]].tolist() == stored[[0, 1, 3]].tolist()
    back = turned_stored(found, radiometry, DIRECTIONS, MIRROR)
    np.testing.assert_array_equal(back, stored)


def test_bands_are_grouped_by_their_source() -> None:
    groups = BandGroups.of(NAMES)
    assert (groups.own, groups.before, groups.terrain) == ((1,), (3,), (0, 2))
    assert groups.auxiliary == ((3,), (0, 2))
    assert groups.directions == DIRECTIONS
    assert BandGroups.of(Bands(("red", "slope"))).directions is None
    with pytest.raises(InputError, match=r"two parts of one direction.*take both or none"):
        directions_of(Bands(("red", "eastness")))


def test_directions_of_mirrored_ground_are_those_of_mirrored_heights() -> None:
    """Heights are mirrored beyond the border, and so is what is derived from them."""
    heights = np.random.default_rng(3).normal(0, 1, (6, 5))
    image = directions_of_heights(heights)
    rows, cols = MirroredSide.of(-4, 14, 6), MirroredSide.of(-7, 19, 5)
    np.testing.assert_array_equal(
        heights[rows.index[:, None], cols.index], np.pad(heights, ((4, 4), (7, 7)), "symmetric")
    )
    found = mirrored(image, rows, cols, DIRECTIONS)
    whole = directions_of_heights(np.pad(heights, ((4, 4), (7, 7)), "symmetric"))
    # rises between both sides of a border are not those within it
    inner = np.ones((14, 19), dtype=np.bool_)
    inner[[0, 3, 4, 9, 10, 13]] = False
    inner[:, [0, 1, 2, 6, 7, 11, 12, 16, 17, 18]] = False
    np.testing.assert_allclose(found[:, inner], whole[:, inner], atol=1e-6)
    band = BandRadiometry(units=TerrainUnits.ONE, scale=1e-3, offset=-8.0, nodata=0)
    radiometry = Radiometry.of_bands("uint16", [band] * 4)
    stored = np.rint((image + 8) * 1000).astype(np.uint16)
    stored[2, 2, 2] = 0  # missing
    in_steps = mirrored_stored(stored, radiometry, rows, cols, DIRECTIONS)
    missing = in_steps == 0
    assert missing.any()
    assert (stored[:, rows.index[:, None], cols.index] == 0).tolist() == missing.tolist()
    np.testing.assert_allclose((in_steps / 1000 - 8)[~missing], found[~missing], atol=6e-4)
