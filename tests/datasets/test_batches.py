import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.datasets.batches import batches_of_tiles, padded_shape, plan_batches, whole_tile
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation

SHAPES = [(8, 8), (5, 8), (16, 8), (7, 3), (8, 8), (9, 1), (8, 5)]
RADIOMETRY = Radiometry(units=Units.DN, dtype="uint8")
TWO = Normalisation(radiometry=RADIOMETRY, mean=(100.0, 50.0), std=(10.0, 5.0))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    """Give a dataset of tiles of several shapes; every pixel is 100 and 50 + the tile's number."""
    tiles = []
    for at, shape in enumerate(SHAPES):
        stored = np.full((2, *shape), 100 + at, dtype=np.uint8)
        stored[1] = 50 + at
        valid = np.ones(shape, dtype=bool)
        valid[0, 0] = False
        tiles.append(make_tile(str(at), stored, valid=valid))
    return write_dataset(tmp_path_factory.mktemp("dataset"), tiles, bands=("red", "nir"))


@given(height=st.integers(1, 200), width=st.integers(1, 200), multiple=st.integers(1, 64))
def test_shapes_are_rounded_up(height: int, width: int, multiple: int) -> None:
    for side, padded in zip((height, width), padded_shape((height, width), multiple), strict=True):
        assert padded % multiple == 0
        assert 0 <= padded - side < multiple


def test_batches_hold_tiles_of_one_padded_shape(dataset: TileDataset) -> None:
    batches = plan_batches(dataset, [6, 0, 1, 2, 3, 4, 5], multiple=8, batch_px=3 * 64)
    assert sorted(batches) == [[2], [3, 4], [5], [6, 0, 1]]


def test_a_batch_holds_as_many_pixels_as_said(dataset: TileDataset) -> None:
    batches = plan_batches(dataset, range(7), multiple=8, batch_px=2 * 64)
    assert sorted(batches) == [[0, 1], [2], [3, 4], [5], [6]]


def test_a_tile_too_large_for_a_batch_is_one(dataset: TileDataset) -> None:
    assert sorted(plan_batches(dataset, [0, 2, 4], multiple=8, batch_px=1)) == [[0], [2], [4]]


def test_no_tile_makes_no_batch(dataset: TileDataset) -> None:
    assert plan_batches(dataset, [], multiple=8, batch_px=64) == []


def test_a_tile_is_normalised_and_padded_with_the_mean(dataset: TileDataset) -> None:
    found = whole_tile(dataset, 3, TWO, 8)
    expected = np.zeros((2, 8, 8), dtype=np.float32)
    expected[0, :7, :3], expected[1, :7, :3] = 0.3, 0.6
    expected[:, 0, 0] = 0
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_bands_are_taken_in_the_models_order(dataset: TileDataset) -> None:
    swapped = Normalisation(radiometry=RADIOMETRY, mean=(50.0, 100.0), std=(1.0, 2.0))
    found = whole_tile(dataset, 4, swapped, 8, order=(1, 0))
    assert found[:, 5, 5].tolist() == [4.0, 2.0]
    one = Normalisation(radiometry=RADIOMETRY, mean=(50.0,), std=(1.0,))
    assert whole_tile(dataset, 4, one, 8, order=(1,)).shape == (1, 8, 8)


def test_batches_stack_the_tiles_they_name(dataset: TileDataset) -> None:
    plan = [[4, 0], [2]]
    made = list(batches_of_tiles(dataset, plan, TWO, 8))
    assert [list(positions) for positions, _ in made] == plan
    assert [pixels.shape for _, pixels in made] == [(2, 2, 8, 8), (1, 2, 16, 8)]
    np.testing.assert_allclose(made[0][1][:, 0, 5, 5], [0.4, 0.0], atol=1e-6)
