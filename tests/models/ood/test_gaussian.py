"""Distances against those by the whole covariance matrix, and what they are held against."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import mahalanobis

from landslip.models.ood.gaussian import GaussianModel, assign_ood_folds, fit_gaussian

Points = NDArray[np.float64]


def drawn(seed: int, number: int, features: int) -> Points:
    """Return points that vary more along some directions than along others."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(features, features))
    spread = 0.9 ** np.arange(features)
    points: Points = 5 + (generator.normal(size=(number, features)) * spread) @ mixing
    return points


def by_tile(number: int, seed: int = 0) -> NDArray[np.intp]:
    return assign_ood_folds([f"t{at}" for at in range(number)], seed)


def test_few_features_are_compared_by_their_whole_covariance() -> None:
    points, others = drawn(0, 200, 6), drawn(1, 20, 6) + 3
    cloud = fit_gaussian(points, by_tile(200))
    inverse = np.linalg.inv(np.cov(points, rowvar=False))
    expected = [mahalanobis(other, points.mean(axis=0), inverse) / np.sqrt(6) for other in others]
    assert cloud.residual_variance == 0
    assert cloud.distance(others) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("number", "features", "kept"), [(300, 50, 32), (60, 90, 15)])
def test_many_features_have_one_variance_beside_the_principal_directions(
    number: int, features: int, kept: int
) -> None:
    """Probabilistic principal components: covariance is W + s2 (I - V V'), inverted as a whole."""
    points, others = drawn(0, number, features), drawn(1, 20, features) * 1.2
    cloud = fit_gaussian(points, by_tile(number))
    values, vectors = np.linalg.eigh(np.cov(points, rowvar=False))
    values, vectors = values[::-1], vectors[:, ::-1]
    rest = values[kept:].sum() / (features - kept)
    modelled = np.r_[values[:kept], [rest] * (features - kept)]
    inverse = (vectors / modelled) @ vectors.T
    off = others - points.mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", off, inverse, off) / features)
    assert cloud.directions.shape == (kept, features)
    assert cloud.variances == pytest.approx(values[:kept], rel=1e-6)
    assert cloud.residual_variance == pytest.approx(rest, rel=1e-6)
    assert cloud.distance(others) == pytest.approx(expected, rel=1e-6)


def test_own_distances_are_from_clouds_of_other_parts() -> None:
    points, folds = drawn(0, 40, 3), by_tile(40)
    own = np.empty(40)
    for fold in range(5):
        rest = points[folds != fold]
        inverse = np.linalg.inv(np.cov(rest, rowvar=False))
        off = points[folds == fold] - rest.mean(axis=0)
        own[folds == fold] = np.sqrt(np.einsum("ni,ij,nj->n", off, inverse, off) / 3)
    cloud = fit_gaussian(points, folds)
    assert cloud.distances == pytest.approx(np.percentile(own, range(101)))
    assert cloud.median == pytest.approx(np.median(own))


@pytest.mark.parametrize(("number", "features"), [(400, 8), (400, 300), (60, 8), (60, 300)])
def test_about_one_of_a_hundred_unseen_points_lies_beyond_p99(number: int, features: int) -> None:
    """Of points that are drawn alike; their own cloud would take them nearer than they are."""
    shares = [
        np.mean(cloud.distance(drawn(100 + seed, 500, features)) > cloud.p99)
        for seed in range(10)
        for cloud in [fit_gaussian(drawn(seed, number, features), by_tile(number))]
    ]
    assert 0.001 < np.mean(shares) < 0.02


def test_a_point_like_its_neighbours_of_one_group_is_not_near_for_that() -> None:
    """Twelve places of ten nearly equal tiles each: what counts is how places differ."""
    places = drawn(0, 12, 4).repeat(10, axis=0)
    points = places + np.random.default_rng(0).normal(0, 1e-3, places.shape)
    groups = [f"place {at // 10}" for at in range(120)]
    by_place = fit_gaussian(points, assign_ood_folds(groups, 0))
    unseen = drawn(50, 500, 4)
    assert np.mean(by_place.distance(unseen) > by_place.p99) < 0.1
    assert by_place.p99 > 1.5 * fit_gaussian(points, by_tile(120)).p99


def test_parts_are_of_one_size_and_keep_groups_together() -> None:
    groups = [f"g{at // 3}" for at in range(60)]
    folds = assign_ood_folds(groups, 0)
    assert np.bincount(folds).tolist() == [12] * 5
    assert all(len(set(folds[at : at + 3])) == 1 for at in range(0, 60, 3))
    assert (
        folds.tolist()
        == assign_ood_folds(groups, 0).tolist()
        != assign_ood_folds(groups, 1).tolist()
    )


def test_tiles_are_dealt_one_by_one_where_groups_are_few() -> None:
    assert np.bincount(assign_ood_folds(["a"] * 5 + ["b"] * 5, 0)).tolist() == [2] * 5


def test_what_never_varied_does_not_count_for_all() -> None:
    points = np.column_stack([drawn(0, 100, 3), np.full(100, 7.0)])
    cloud = fit_gaussian(points, by_tile(100))
    assert np.isfinite(cloud.distance(points)).all()
    rounding = points[:1] + np.array([0, 0, 0, 1e-9])
    assert cloud.distance(rounding) == pytest.approx(cloud.distance(points[:1]), rel=1e-3)
    assert cloud.distance(points[:1] + np.array([0, 0, 0, 5.0]))[0] > cloud.p99


@pytest.mark.parametrize("features", [3, 40])
def test_tiles_that_are_all_the_same_make_a_cloud(features: int) -> None:
    cloud: GaussianModel = fit_gaussian(np.ones((20, features)), by_tile(20))
    assert cloud.median > 0
    assert cloud.distance(np.ones((1, features))).tolist() == [0.0]
    assert cloud.distance(np.full((1, features), 2.0))[0] > cloud.p99
