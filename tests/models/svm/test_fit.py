import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.svm import SVC
from tests.models.svm.conftest import WriteTiles, tile_of

from landslip.core.choices import Split
from landslip.core.errors import InputError, MissingDependencyError
from landslip.datasets.format import BACKGROUND, LANDSLIDE, Tile, TileDataset
from landslip.models.svm.decision import sklearn_classifier
from landslip.models.svm.fit import PixelSample, fit_svm, sample_pixels
from landslip.models.svm.model import SvmSettings


def features(dataset: TileDataset, positions: list[int], per_class: int, seed: int) -> np.ndarray:
    """Standardise drawn pixels by the mean and deviation of all valid ones, worked in float64."""
    sample = sample_pixels(dataset, positions, per_class, seed)
    tiles = [dataset.tile(position) for position in positions]
    every = np.concatenate([tile.stored[:, tile.valid] for tile in tiles], axis=1)
    scale = dataset.card.scale
    every, drawn = every.astype(np.float64) * scale, sample.stored.astype(np.float64) * scale
    found: np.ndarray = (drawn - every.mean(axis=1)[:, None]) / every.std(axis=1)[:, None]
    return found.T


@pytest.mark.parametrize("kind", ["rgb8", "gf1", "float"])
def test_model_is_the_librarys_on_standardised_spectra(write_tiles: WriteTiles, kind: str) -> None:
    dataset = write_tiles(kind)
    positions = dataset.positions(Split.TRAIN)
    model = fit_svm(dataset, positions, SvmSettings(pixels_per_class=120, seed=1))
    expected = SVC(C=1.0, gamma="scale")
    expected.fit(features(dataset, positions, 120, 1), np.repeat([0, 1], 120))
    assert model.per_class == 120
    assert model.gamma == pytest.approx(expected._gamma, rel=1e-5)
    assert model.coefficients.sum() == pytest.approx(0, abs=1e-9)
    assert np.abs(model.coefficients).max() == 1  # the C
    spectra = np.random.default_rng(0).normal(size=(500, len(dataset.bands)))
    found = sklearn_classifier(model).decision_function(spectra)
    np.testing.assert_allclose(found, expected.decision_function(spectra), atol=5e-3)


def test_scale_is_the_librarys_to_the_last_bit(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("gf1", count=2)
    model = fit_svm(dataset, [0, 1], SvmSettings(pixels_per_class=60))
    spectra = model.spectra(sample_pixels(dataset, [0, 1], 60, 0).stored)
    svc = SVC(gamma="scale").fit(spectra, np.repeat([0, 1], 60))
    assert model.gamma == svc._gamma
    np.testing.assert_array_equal(model.support, svc.support_vectors_)
    np.testing.assert_array_equal(model.coefficients, svc.dual_coef_[0])
    assert model.intercept == svc.intercept_[0]


def test_rebuilt_decides_as_fitted_to_the_last_bit(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("gf1", count=2)
    model = fit_svm(dataset, [0, 1], SvmSettings(c=3.0, gamma=0.7, pixels_per_class=80))
    spectra = model.spectra(sample_pixels(dataset, [0, 1], 80, 0).stored)
    svc = SVC(C=3.0, gamma=0.7).fit(spectra, np.repeat([0, 1], 80))
    asked = np.random.default_rng(0).normal(size=(400, 4))
    again = sklearn_classifier(model)
    np.testing.assert_array_equal(again.decision_function(asked), svc.decision_function(asked))
    np.testing.assert_array_equal(again.predict(asked), svc.predict(asked))


def test_the_same_again_and_another_with_another_seed(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("gf1", count=3)
    first, again, other = (
        fit_svm(dataset, [0, 1, 2], SvmSettings(pixels_per_class=50, seed=seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.support, again.support)
    np.testing.assert_array_equal(first.coefficients, again.coefficients)
    assert first.intercept == again.intercept != other.intercept


def test_tiles_not_asked_for_do_not_matter(write_tiles: WriteTiles) -> None:
    tiles = [tile_of("gf1", at) for at in range(3)]
    spoiled = Tile(
        tile_id="t2",
        stored=np.full_like(tiles[2].stored, 9999),
        label=1 - np.minimum(tiles[2].label, 1),
        valid=np.ones_like(tiles[2].valid),
    )
    first, second = (
        fit_svm(write_tiles("gf1", tiles=[*tiles[:2], last]), [0, 1], SvmSettings())
        for last in (tiles[2], spoiled)
    )
    np.testing.assert_array_equal(first.support, second.support)
    assert first.normalisation == second.normalisation


def test_a_missing_class_is_refused(write_tiles: WriteTiles) -> None:
    made = tile_of("gf1", 0)
    label = np.where(made.label == LANDSLIDE, 0, made.label).astype(np.uint8)
    tile = Tile(tile_id="t", stored=made.stored, label=label, valid=made.valid)
    with pytest.raises(InputError, match="training tiles hold none of landslide"):
        fit_svm(write_tiles("gf1", tiles=[tile]), [0], SvmSettings())


def test_a_missing_library_is_told(
    write_tiles: WriteTiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dataset = write_tiles("gf1", count=1)
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    told = r"needs scikit-learn, which is not installed; install it with: pip install 'landslip\["
    with pytest.raises(MissingDependencyError, match=told):
        fit_svm(dataset, [0], SvmSettings())


def places(sample: PixelSample) -> list[tuple[int, int]]:
    return list(zip(sample.position.tolist(), sample.pixel.tolist(), strict=True))


def counted(dataset: TileDataset, positions: list[int], of: int) -> list[tuple[int, int]]:
    """List every pixel that may be drawn, one after another."""
    found: list[tuple[int, int]] = []
    for position in positions:
        tile = dataset.tile(position)
        found += [
            (position, pixel)
            for pixel, (valid, label) in enumerate(
                zip(tile.valid.flat, tile.label.flat, strict=True)
            )
            if valid and label == of
        ]
    return found


def test_equal_numbers_without_repeats_from_the_tiles_asked_for(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("gf1")
    positions = dataset.positions(Split.TRAIN)
    assert 0 < len(positions) < len(dataset)
    sample = sample_pixels(dataset, positions, 150, seed=0)
    assert Counter(sample.label.tolist()) == {BACKGROUND: 150, LANDSLIDE: 150}
    drawn = places(sample)
    assert len(set(drawn)) == 300
    for of in (BACKGROUND, LANDSLIDE):
        mine = [place for place, label in zip(drawn, sample.label, strict=True) if label == of]
        assert set(mine) <= set(counted(dataset, positions, of))


def test_pixels_are_those_of_their_places(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("float")
    sample = sample_pixels(dataset, [4, 1, 2], 90, seed=3)
    assert np.isfinite(sample.stored).all()
    for column, (position, pixel) in enumerate(places(sample)):
        tile = dataset.tile(position)
        row, col = divmod(pixel, tile.label.shape[1])
        np.testing.assert_array_equal(sample.stored[:, column], tile.stored[:, row, col])


def test_the_scarcer_class_gives_the_number(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("rgb8", count=1)
    known = counted(dataset, [0], LANDSLIDE)
    sample = sample_pixels(dataset, [0], 100_000, seed=0)
    assert sorted(places(sample)[len(known) :]) == known
    assert Counter(sample.label.tolist()) == {BACKGROUND: len(known), LANDSLIDE: len(known)}


def test_the_seed_makes_the_draw(write_tiles: WriteTiles) -> None:
    dataset = write_tiles("gf1")
    first, again, other = (places(sample_pixels(dataset, [0, 1], 40, seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_every_pixel_is_as_likely(write_tiles: WriteTiles) -> None:
    """A large tile gives as many more pixels as it is larger: 3 of 4, not every second one."""
    small, large = tile_of("gf1", 0), tile_of("gf1", 1)
    small = Tile(
        tile_id="small", stored=small.stored[:, :7], label=small.label[:7], valid=small.valid[:7]
    )
    dataset = write_tiles("gf1", tiles=[small, large])
    own, every = (counted(dataset, at, LANDSLIDE) for at in ([0], [0, 1]))
    drawn: Counter[tuple[int, int]] = Counter()
    for seed in range(400):
        sample = sample_pixels(dataset, [0, 1], 10, seed)
        drawn.update(places(sample)[10:])
    expected = 4000 / len(every)
    found = np.array([drawn[place] for place in every])
    # Counts of a fair draw have the mean and about the variance of a binomial distribution.
    assert abs(found[: len(own)].mean() - expected) < 4 * np.sqrt(expected / len(own))
    assert found.max() < expected + 6 * np.sqrt(expected)
    assert found.min() > expected - 6 * np.sqrt(expected)


@pytest.mark.parametrize(
    ("missing", "name"), [(BACKGROUND, "background"), (LANDSLIDE, "landslide")]
)
def test_a_class_without_pixels_is_refused(
    write_tiles: WriteTiles, missing: int, name: str
) -> None:
    """Pixels of the class that are not valid do not count."""
    made = tile_of("gf1", 0)
    valid = made.valid & (made.label != missing)
    tile = Tile(tile_id="t", stored=made.stored, label=made.label, valid=valid)
    dataset = write_tiles("gf1", tiles=[tile, tile_of("gf1", 1)])
    told = f"{dataset.path}: an SVM needs pixels of both classes and the 1 training tiles hold "
    with pytest.raises(InputError, match=re.escape(f"{told}none of {name}; train on more tiles")):
        sample_pixels(dataset, [0], 10, seed=0)


def test_no_tile_is_refused(write_tiles: WriteTiles) -> None:
    with pytest.raises(InputError, match="the 0 training tiles hold none of background"):
        sample_pixels(write_tiles("gf1", count=1), [], 10, seed=0)
