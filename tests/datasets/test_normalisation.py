from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.bands import BandRadiometry, Radiometry
from landslip.core.choices import TerrainUnits, Units
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics


def dataset_of(
    folder: Path, tiles: list[NDArray[Any]], valid: list[NDArray[np.bool_]], scale: float = 1.0
) -> TileDataset:
    """Write a dataset of two bands, red and nir."""
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype=str(tiles[0].dtype), scale=scale)
    made = [
        make_tile(f"t{at}", stored, valid=known)
        for at, (stored, known) in enumerate(zip(tiles, valid, strict=True))
    ]
    return write_dataset(folder, made, bands=("red", "nir"), radiometry=radiometry)


def random_tiles(count: int) -> tuple[list[NDArray[Any]], list[NDArray[np.bool_]]]:
    generator = np.random.default_rng(0)
    shapes = [(6 + at, 9 - at) for at in range(count)]
    tiles = [generator.integers(0, 5000, (2, *shape), dtype=np.uint16) for shape in shapes]
    return tiles, [generator.random(shape) < 0.7 for shape in shapes]


def test_statistics_are_of_the_valid_pixels_of_the_tiles_asked_for(tmp_path: Path) -> None:
    tiles, valid = random_tiles(4)
    found = band_statistics(dataset_of(tmp_path, tiles, valid, scale=1e-4), [0, 2, 3])
    pixels = np.concatenate([tiles[at][:, valid[at]] for at in (0, 2, 3)], axis=1) * 1e-4
    np.testing.assert_allclose(found.mean, pixels.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(found.std, pixels.std(axis=1), rtol=1e-6)
    quantiles = np.quantile(pixels, (0.01, 0.5, 0.99), axis=1).T
    np.testing.assert_allclose(found.quantiles, quantiles, rtol=1e-6)


def test_what_is_not_valid_is_not_looked_at(tmp_path: Path) -> None:
    tiles = [np.array([[[1, 3, np.nan]], [[2, 6, -np.inf]]], dtype=np.float32)]
    found = band_statistics(dataset_of(tmp_path, tiles, [np.array([[True, True, False]])]), [0])
    assert (found.mean, found.std) == ((2.0, 4.0), (1.0, 2.0))


def test_quantiles_of_large_tiles_are_near(tmp_path: Path) -> None:
    tile = np.random.default_rng(1).normal(10, 2, (2, 300, 300)).astype(np.float32)
    dataset = dataset_of(tmp_path, [tile], [np.ones((300, 300), dtype=bool)])
    low, middle, high = band_statistics(dataset, [0]).quantiles[1]
    assert low == pytest.approx(10 - 2 * 2.326, abs=0.4)
    assert middle == pytest.approx(10, abs=0.2)
    assert high == pytest.approx(10 + 2 * 2.326, abs=0.4)


@pytest.mark.parametrize("value", [0.0, 0.3, 123.4, -7.7e6])
def test_a_band_of_one_value_is_refused(tmp_path: Path, value: float) -> None:
    # so many pixels that sums of squares of 123.4 round to a spread above 0
    shape = (333, 301)
    stored = np.random.default_rng(2).random((2, *shape)).astype(np.float32)
    stored[1] = value
    dataset = dataset_of(tmp_path, [stored], [np.ones(shape, dtype=bool)])
    with pytest.raises(InputError, match="band nir has the same value"):
        band_statistics(dataset, [0])


def test_a_small_spread_on_a_large_mean_is_no_constant(tmp_path: Path) -> None:
    stored = np.random.default_rng(2).integers(60_000, 60_010, (2, 30, 30), dtype=np.uint16)
    dataset = dataset_of(tmp_path, [stored], [np.ones((30, 30), dtype=bool)])
    assert band_statistics(dataset, [0]).std == pytest.approx(stored.std(axis=(1, 2)), rel=1e-4)


def test_tiles_without_a_valid_pixel_are_refused(tmp_path: Path) -> None:
    tiles, valid = random_tiles(1)
    dataset = dataset_of(tmp_path, tiles, [np.zeros_like(valid[0])])
    with pytest.raises(InputError, match="the training tiles hold no valid pixel"):
        band_statistics(dataset, [0])


def test_normalised_is_value_less_mean_over_std() -> None:
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype="int16", scale=0.1, offset=1)
    normalisation = Normalisation(radiometry=radiometry, mean=(2.0, 0.0), std=(0.5, 4.0))
    stored = np.array([[[10, 20]], [[-10, 30]]], dtype=np.int16)
    found = normalisation.apply(stored, np.array([[True, True]]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[[0, 2]], [[0, 1]]], atol=1e-6)


@pytest.mark.parametrize(
    "fill",
    [np.nan, np.inf, float(np.finfo(np.float64).min), -9999.0],
    ids=["NaN", "infinite", "lowest double", "-9999"],
)
def test_what_is_not_valid_becomes_the_mean(fill: float) -> None:
    radiometry = Radiometry(units=Units.DN, dtype="float64")
    normalisation = Normalisation(radiometry=radiometry, mean=(2.0,), std=(0.01,))
    found = normalisation.apply(np.array([[[fill, 2.02]]]), np.array([[False, True]]))
    np.testing.assert_allclose(found, [[[0, 2]]], rtol=1e-4)


def test_applied_to_its_own_pixels_statistics_are_0_and_1(tmp_path: Path) -> None:
    tiles, valid = random_tiles(1)
    dataset = dataset_of(tmp_path, tiles, valid)
    measured = band_statistics(dataset, [0])
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=measured.mean, std=measured.std
    )
    values = normalisation.apply(tiles[0], valid[0])
    np.testing.assert_allclose(values[:, valid[0]].mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(values[:, valid[0]].std(axis=1), 1, rtol=1e-6)
    assert not values[:, ~valid[0]].any()


def test_missing_values_of_one_band_count_nowhere_and_become_the_mean(tmp_path: Path) -> None:
    """Directions turn with an image: they have the mean 0 and one standard deviation."""
    radiometry = Radiometry.of_bands(
        "uint16",
        [
            BandRadiometry(units=Units.DN),
            BandRadiometry(units=TerrainUnits.DEGREE, scale=0.5, nodata=0),
            BandRadiometry(units=TerrainUnits.ONE, scale=0.01, offset=-1.0),
            BandRadiometry(units=TerrainUnits.ONE, scale=0.01, offset=-1.0),
        ],
    )
    stored = np.array(
        [[[10, 20], [30, 40]], [[0, 20], [40, 60]], [[100, 140], [160, 200]], [[90, 95], [120, 70]]]
    ).astype(np.uint16)
    tile = make_tile("a", stored, np.zeros((2, 2), np.uint8))
    names = ("red", "slope", "northness", "eastness")
    dataset = write_dataset(tmp_path / "tiles", [tile], bands=names, radiometry=radiometry)
    assert dataset.card.radiometry == radiometry  # through JSON
    found = band_statistics(dataset, [0])
    assert found.mean[:2] == pytest.approx((25, 20))
    assert found.std[1] == pytest.approx(np.std([10, 20, 30]))
    assert found.mean[2:] == (0, 0)
    north, east = np.array([0, 0.4, 0.6, 1.0]), np.array([-0.1, -0.05, 0.2, -0.3])
    assert found.std[2:] == pytest.approx([np.sqrt(np.mean([north**2, east**2]))] * 2)
    assert found.quantiles[1][1] == pytest.approx(20)
    known = Normalisation(radiometry=radiometry, mean=found.mean, std=found.std)
    image = known.apply(stored, np.ones((2, 2), dtype=np.bool_))
    assert image[1, 0, 0] == 0
    assert image[1, 1, 1] == pytest.approx(10 / found.std[1], rel=1e-5)
