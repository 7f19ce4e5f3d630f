import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.svm import SVC
from tests.factories.datasets import write_dataset
from tests.models.svm.conftest import KINDS, WriteTiles, tile_of

from landslip.core.bands import Radiometry
from landslip.core.choices import Split, Units
from landslip.core.errors import InputError, ModelError
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.models.predictions import quantise
from landslip.models.svm.fit import fit_svm, sample_pixels
from landslip.models.svm.model import SvmSettings
from landslip.models.svm.predict import (
    BELOW_THRESHOLD,
    predict_tile,
    predicted_tiles,
    scores,
    unique_pixels,
)


def library(
    dataset: TileDataset, positions: list[int], settings: SvmSettings
) -> tuple[SVC, Normalisation]:
    """Fit scikit-learn on the same sample, on tiles normalised whole."""
    known = band_statistics(dataset, positions)
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=known.mean, std=known.std
    )
    sample = sample_pixels(dataset, positions, settings.pixels_per_class, settings.seed)
    tiles = {at: normalised(dataset.tile(at), normalisation) for at in positions}
    spectra = [
        tiles[position].reshape(len(dataset.bands), -1)[:, pixel]
        for position, pixel in zip(sample.position, sample.pixel, strict=True)
    ]
    svc = SVC(C=settings.c, gamma=settings.gamma, kernel="rbf")
    return svc.fit(np.array(spectra), sample.label), normalisation


def normalised(tile: Tile, normalisation: Normalisation) -> np.ndarray:
    return normalisation.apply(tile.stored, tile.valid)


@pytest.mark.parametrize("kind", ["rgb8", "gf1", "float"])
@pytest.mark.parametrize("gamma", ["scale", 0.05, 5.0])
def test_every_pixel_of_every_tile_is_decided_as_by_the_library(
    write_tiles: WriteTiles, kind: str, gamma: float
) -> None:
    dataset = write_tiles(kind)
    settings = SvmSettings(gamma=gamma, pixels_per_class=200)
    positions = dataset.positions(Split.TRAIN)
    svc, normalisation = library(dataset, positions, settings)
    found = dict(predicted_tiles(fit_svm(dataset, positions, settings), dataset, list(range(6))))
    assert list(found) == list(range(6))
    for position, score in found.items():
        tile = dataset.tile(position)
        assert score.dtype == np.float32
        assert score.shape == tile.label.shape
        assert (score[~tile.valid] == 0).all()
        spectra = normalised(tile, normalisation)[:, tile.valid].T
        np.testing.assert_array_equal(score[tile.valid] >= 0.5, svc.predict(spectra) == 1)
        decision = svc.decision_function(spectra)
        np.testing.assert_allclose(score[tile.valid], expit(decision), atol=1e-4)


def test_stored_scores_keep_the_side() -> None:
    decisions = np.array([-40.0, -1.0, -1e-6, -1e-300, -0.0, 0.0, 1e-300, 1e-6, 1.0, 40.0])
    found = scores(decisions)
    np.testing.assert_array_equal(found >= 0.5, [False] * 4 + [True] * 6)
    np.testing.assert_array_equal(quantise(found) >= 32768, [False] * 4 + [True] * 6)
    assert found[3] == BELOW_THRESHOLD == np.float32(BELOW_THRESHOLD)
    np.testing.assert_allclose(found[[0, 1, 8, 9]], expit(decisions[[0, 1, 8, 9]]), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_distinct_pixels_give_all_pixels_back(dtype: type, bands: int) -> None:
    generator = np.random.default_rng(0)
    pixels: NDArray[Any] = generator.integers(0, 3, (bands, 500)).astype(dtype)
    found, places = unique_pixels(pixels)
    np.testing.assert_array_equal(found[:, places], pixels)
    packed = bands * np.dtype(dtype).itemsize <= 8
    assert found.shape[1] == (len(np.unique(pixels.T, axis=0)) if packed else 500)


def test_a_tile_without_data_scores_nothing(write_tiles: WriteTiles) -> None:
    model = fit_svm(write_tiles("float", count=2), [0, 1], SvmSettings())
    stored = np.full((2, 5, 7), np.nan, dtype=np.float32)
    score = predict_tile(model, stored, np.zeros((5, 7), dtype=np.bool_))
    np.testing.assert_array_equal(score, np.zeros((5, 7)))


def test_other_order_and_other_scale_give_the_same(write_tiles: WriteTiles, tmp_path: Path) -> None:
    """Values are the same, stored as twice the number with half the scale."""
    dataset = write_tiles("gf1", count=2)
    model = fit_svm(dataset, [0, 1], SvmSettings())
    tile = tile_of("gf1", 5)
    turned = replace(tile, stored=2 * np.minimum(tile.stored[::-1], 30000))
    names, radiometry = KINDS["gf1"]
    halved = replace(radiometry, scale=radiometry.scale / 2)
    other = write_dataset(tmp_path / "other", [turned], bands=names[::-1], radiometry=halved)
    ((_, found),) = predicted_tiles(model, other, [0])
    np.testing.assert_array_equal(found, predict_tile(model, tile.stored, tile.valid))


def test_progress_is_told(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("rgb8", count=3)
    told: list[tuple[float, float]] = []
    model = fit_svm(dataset, [0], SvmSettings())
    list(predicted_tiles(model, dataset, [2, 0], lambda done, total: told.append((done, total))))
    assert told == [(1, 2), (2, 2)]


def test_what_does_not_fit_is_refused(write_tiles: WriteTiles, tmp_path: Path) -> None:
    model = fit_svm(write_tiles("gf1", count=1), [0], SvmSettings())
    with pytest.raises(ModelError, match="takes the bands blue,green,red,nir and nir is not among"):
        next(predicted_tiles(model, write_tiles("rgb8", count=1), [0]))
    counts = Radiometry(units=Units.DN, dtype="uint16")
    names = KINDS["gf1"][0]
    raw = write_dataset(tmp_path / "raw", [tile_of("gf1", 0)], bands=names, radiometry=counts)
    with pytest.raises(ModelError, match="takes values in reflectance and these are in dn"):
        next(predicted_tiles(model, raw, [0]))


def test_pictures_and_counts_do_not_mix(write_tiles: WriteTiles, tmp_path: Path) -> None:
    model = fit_svm(write_tiles("rgb8", count=1), [0], SvmSettings())
    tile = tile_of("rgb8", 0)
    wide = replace(tile, stored=tile.stored.astype(np.uint16))
    counts = Radiometry(units=Units.DN, dtype="uint16")
    raw = write_dataset(tmp_path / "raw", [wide], bands=KINDS["rgb8"][0], radiometry=counts)
    with pytest.raises(ModelError, match="numbers stored as uint8 and these are uint16"):
        next(predicted_tiles(model, raw, [0]))


def test_no_tile_is_refused(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("rgb8", count=1)
    model = fit_svm(dataset, [0], SvmSettings())
    with pytest.raises(InputError, match="there is no tile to predict; choose another split"):
        next(predicted_tiles(model, dataset, []))


def test_a_valid_pixel_that_is_not_finite_is_refused(write_tiles: WriteTiles) -> None:
    tile = tile_of("float", 0)
    model = fit_svm(write_tiles("float", tiles=[tile]), [0], SvmSettings())
    tile.stored[0, 3, 3] = np.inf
    tile.valid[3, 3] = True
    dataset = write_tiles("float", tiles=[tile])
    told = re.escape(f"{dataset.path}: tile t0: a valid pixel holds a value that")
    with pytest.raises(InputError, match=told):
        list(predicted_tiles(model, dataset, [0]))
