"""Confidence of mapped objects."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from landslip.datasets.format import IGNORE, Tile, TileDataset
from landslip.models.calibration.object_confidence import (
    FeatureName,
    FeatureTerm,
    ObjectConfidence,
    ObjectFeatures,
    ObjectRegression,
)
from landslip.models.calibration.objects import (
    MIN_EACH,
    MIN_OBJECTS,
    MIN_UNITS,
    ObjectSamples,
    ObjectSource,
    fit_object_confidence,
    fit_regression,
    join_objects,
    tile_objects,
    too_few,
)
from landslip.models.engines.base import PROBABILITY_LEVELS, quantise_probability

PICTURE = (
    "aa.......",
    "aa..bb...",
    "....bb...",
    ".......c.",
    ".dd...?c.",
    ".dd......",
    ".d..ee...",
    "....e....",
    ".........",
)
"""a is cut by the edge, c by a pixel without label, e is below the minimum area of 4 pixels."""


def tile_of(labelled: str) -> tuple[NDArray[np.float32], Tile]:
    """Return probabilities of 0.6, and 0.8 in the first row of d, and a tile with these labels."""
    rows = np.array([list(row) for row in PICTURE])
    probability = np.where(np.isin(rows, list("abcde")), 0.6, 0.2).astype(np.float32)
    probability[4, 1:3] = 0.8
    label = np.isin(rows, list(labelled)).astype(np.uint8)
    label[rows == "?"] = IGNORE
    everywhere = np.ones(rows.shape, dtype=np.bool_)
    return probability, Tile(tile_id="t", stored=rows, label=label, valid=everywhere)


def objects_of(
    labelled: str, ndvi: NDArray[np.float64] | None = None, threshold: float = 0.5
) -> ObjectSamples:
    probability, tile = tile_of(labelled)
    return tile_objects(
        quantise_probability(probability),
        tile,
        threshold=threshold,
        min_area_px=4,
        unit="north",
        ndvi=ndvi,
    )


def test_objects_that_nothing_cuts() -> None:
    ndvi = np.full((9, 9), 0.5)
    ndvi[4:7, 1:3] = 0.1
    ndvi[6, 1] = np.nan
    found = objects_of("b", ndvi)
    assert found.right.tolist() == [True, False]
    assert found.cut == 1  # c is below the minimum area too
    assert found.units.tolist() == ["north"] * 2
    np.testing.assert_allclose(found.ndvi, [0.5, 0.1])
    features = found.features(None)
    assert features.pixels.tolist() == [4, 5]
    np.testing.assert_allclose(features.mean_probability, [0.6, (2 * 0.8 + 3 * 0.6) / 5])
    np.testing.assert_allclose(features.max_probability, [0.6, 0.8])
    np.testing.assert_allclose(features.column("area"), np.log([4, 5]))
    np.testing.assert_allclose(features.column("maximum"), np.log([0.6 / 0.4, 0.8 / 0.2]))
    assert np.isnan(objects_of("b").ndvi).all()


def test_features_are_on_the_scale_of_the_map() -> None:
    table = np.arange(256, dtype=np.uint8) // 2
    features = objects_of("").features(table)
    np.testing.assert_allclose(features.mean_probability, [0.3, (2 * 0.4 + 3 * 0.3) / 5])
    np.testing.assert_allclose(features.max_probability, [0.3, 0.4])


def test_half_of_an_object_on_landslides_is_right() -> None:
    probability, tile = tile_of("d")
    label = tile.label.copy()
    for pixels, right in ((2, False), (3, True)):  # of d's five
        label[4:7, 1:3] = 0
        label[4, 1:3] = 1
        label[5, 1] = pixels == 3
        half = Tile(tile_id="t", stored=tile.stored, label=label, valid=tile.valid)
        found = tile_objects(
            quantise_probability(probability), half, threshold=0.5, min_area_px=4, unit="u"
        )
        assert found.right[1] == right


def test_objects_touch_by_sides_as_in_an_extraction() -> None:
    probability = np.full((5, 5), 0.1, dtype=np.float32)
    probability[[1, 2, 3], [1, 2, 3]] = 0.9
    nothing = np.zeros((5, 5), dtype=np.uint8)
    tile = Tile(tile_id="t", stored=nothing, label=nothing, valid=nothing == 0)
    levels = quantise_probability(probability)
    assert len(tile_objects(levels, tile, threshold=0.5, min_area_px=1, unit="u")) == 3


def drawn_objects(seed: int, count: int = 600, *, is_small_false: bool = True) -> ObjectSamples:
    """Draw objects whose pixels all promise 0.76: small ones are right one time in five.

    Of the others two thirds are. NDVI is noise.
    """
    generator = np.random.default_rng(seed)
    is_small = generator.random(count) < 0.5
    pixels = np.where(
        is_small, generator.integers(5, 40, count), generator.integers(400, 900, count)
    )
    share = np.where(is_small & is_small_false, 0.2, 2 / 3)
    levels = np.zeros((count, PROBABILITY_LEVELS + 1), dtype=np.int32)
    levels[np.arange(count), 190] = pixels
    return ObjectSamples(
        levels=levels,
        right=generator.random(count) < share,
        ndvi=generator.normal(0.3, 0.1, count),
        units=np.array([f"g{at}" for at in generator.integers(0, 12, count)]),
        cut=7,
    )


def fitted(samples: ObjectSamples, tiles: TileDataset) -> ObjectConfidence:
    return fit_object_confidence(
        samples,
        ObjectSource(
            data=tiles.card,
            split="val",
            tiles=30,
            threshold=0.5,
            table=None,
            min_area_px=4,
            seed=0,
        ),
    )


def test_small_objects_are_promised_what_they_hold(tiles: TileDataset) -> None:
    found = fitted(drawn_objects(0), tiles)
    assert (found.right + found.false, found.cut, found.units, found.folds) == (600, 7, 12, 5)
    small, _, large = found.by_size[:3]
    assert small.objects + large.objects == 600
    for size, share in ((small, 0.2), (large, 2 / 3)):
        assert size.promised_by_pixels == pytest.approx(0.76)
        assert size.promised == pytest.approx(size.right / size.objects, abs=0.02)
        assert size.promised == pytest.approx(share, abs=0.06)
    assert found.before.calibration_error == pytest.approx(0.76 - found.right / 600)
    assert found.after.calibration_error < 0.05
    assert found.after.brier < found.before.brier - 0.05
    again = drawn_objects(1, 2000)
    confidence = found.confidence(again.features(None))
    is_small = again.features(None).pixels < 100
    assert confidence[is_small].mean() == pytest.approx(0.2, abs=0.06)
    assert confidence[~is_small].mean() == pytest.approx(2 / 3, abs=0.06)


def test_held_out_objects_are_not_in_their_own_fit(tiles: TileDataset) -> None:
    """Of few objects whose features say nothing, a fit to all of them seems to know something."""
    samples = drawn_objects(3, 60, is_small_false=False)
    found = fitted(samples, tiles)
    own = found.confidence(samples.features(None))
    assert found.after.brier > np.mean((own - samples.right) ** 2)


def test_the_fit_is_that_of_scikit_learn() -> None:
    samples = drawn_objects(0)
    objects = samples.features(None)
    names: tuple[FeatureName, ...] = ("area", "ndvi")
    ours = fit_regression(objects, samples.right, names)
    columns = np.stack([objects.column(name) for name in names], axis=1)
    scaled = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(scaled, samples.right)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)
    np.testing.assert_allclose(
        [term.coefficient for term in ours.terms], theirs.coef_[0], atol=1e-4
    )
    np.testing.assert_allclose(
        ours.probabilities(objects), theirs.predict_proba(scaled)[:, 1], atol=1e-4
    )


def test_confidence_never_falls_with_the_probability() -> None:
    generator = np.random.default_rng(0)
    objects = ObjectFeatures(
        pixels=np.full(300, 50),
        mean_probability=generator.uniform(0.5, 0.9, 300),
        max_probability=generator.uniform(0.9, 1.0, 300),
    )
    misleading = generator.random(300) > objects.mean_probability
    terms = fit_regression(objects, misleading, ("area", "mean", "maximum")).terms
    assert [term.coefficient for term in terms][1] == 0.0


def features(pixels: int, ndvi: float | None = None) -> ObjectFeatures:
    one = np.array([0.5])
    return ObjectFeatures(
        pixels=np.array([pixels]),
        mean_probability=one,
        max_probability=one,
        ndvi=None if ndvi is None else np.array([ndvi]),
    )


def test_what_is_beyond_the_range_of_the_fit_counts_as_its_end() -> None:
    term = FeatureTerm(name="area", low=1.0, high=3.0, mean=2.0, sd=0.5, coefficient=1.0)
    regression = ObjectRegression(intercept=0.25, terms=(term,))
    # (3 - 2) / 0.5 + 0.25 by hand
    expected = 1 / (1 + np.exp(-2.25))
    for pixels in (21, 10**6):
        assert regression.probabilities(features(pixels)) == pytest.approx(expected)


def test_ndvi_is_a_feature_where_it_helps_and_is_known(tiles: TileDataset) -> None:
    samples = drawn_objects(0)
    assert fitted(samples, tiles).with_ndvi is None  # it is noise
    helpful = samples.ndvi - 0.3 * samples.right
    informed = ObjectSamples(
        levels=samples.levels, right=samples.right, ndvi=helpful, units=samples.units, cut=0
    )
    found = fitted(informed, tiles)
    assert found.with_ndvi is not None
    assert [term.name for term in found.with_ndvi.terms][-1] == "ndvi"
    bare, green = (found.confidence(features(500, ndvi))[0] for ndvi in (0.0, 0.3))
    assert bare > 0.9
    assert green < 0.1
    without = found.confidence(features(500))[0]
    assert without == pytest.approx(2 / 3, abs=0.1)
    assert found.confidence(features(500, np.nan))[0] == without


@pytest.mark.parametrize(
    ("right", "false", "units", "is_enough"),
    [
        (25, 5, 5, True),
        (5, 25, 5, True),
        (24, 5, 5, False),
        (4, 40, 5, False),
        (40, 4, 5, False),
        (40, 40, 4, False),
    ],
)
def test_how_many_objects_are_needed(right: int, false: int, units: int, is_enough: bool) -> None:
    assert (MIN_EACH, MIN_OBJECTS, MIN_UNITS) == (5, 30, 5)
    count = right + false
    samples = ObjectSamples(
        levels=np.ones((count, PROBABILITY_LEVELS + 1), dtype=np.int32),
        right=np.arange(count) < right,
        ndvi=np.zeros(count),
        units=np.array([f"g{at % units}" for at in range(count)]),
        cut=0,
    )
    missing = too_few(samples)
    assert (missing is None) == is_enough
    if missing is not None:
        assert (
            f"{right} mapped objects are right, {false} false, in {units} groups" in missing.text()
        )


def test_tiles_without_objects_join() -> None:
    none = join_objects([])
    assert len(none) == 0
    assert too_few(none) is not None
    assert len(join_objects([objects_of("b"), objects_of("d"), none])) == 4
