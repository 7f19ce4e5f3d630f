from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import average_precision_score, confusion_matrix
from tests.factories.datasets import write_dataset

from landslip.core.errors import InputError
from landslip.datasets.format import IGNORE, Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.experiments.results import TileCounts
from landslip.experiments.run_folder import Predictions, write_predictions
from landslip.experiments.scoring import score_run
from landslip.metrics.area import adjusted_fraction_from_tiles
from landslip.metrics.bootstrap import DEFAULT_RESAMPLING
from landslip.metrics.boundary import BoundaryCounts, count_boundary
from landslip.metrics.curves import average_precision, stored_bins

SHAPES = ((40, 50), (50, 40), (45, 45), (50, 50), (40, 40))
VALIDATION = (
    TileCounts(tile_id="a", tp=80, fp=20, fn=30, tn=870),
    TileCounts(tile_id="b", tp=40, fp=10, fn=5, tn=945),
)


def tile(at: int) -> Tile:
    """Return a tile with smooth blobs for landslides, some pixels invalid, some not labelled."""
    generator = np.random.default_rng(at)
    shape = SHAPES[at]
    field = ndimage.gaussian_filter(generator.normal(size=shape), 3)
    label = (field > np.quantile(field, 0.8)).astype(np.uint8)
    label[generator.random(shape) < 0.02] = IGNORE
    return Tile(
        tile_id=f"tile{at}",
        stored=generator.integers(1, 255, (3, *shape)).astype(np.uint8),
        label=label,
        valid=ndimage.gaussian_filter(generator.normal(size=shape), 5) > -0.1,
    )


def probability(at: int) -> NDArray[np.float32]:
    """Return what a model might make of a tile."""
    generator = np.random.default_rng(100 + at)
    noise = ndimage.gaussian_filter(generator.normal(size=SHAPES[at]), 2) * 4
    known = tile(at).label == 1
    made: NDArray[np.float32] = (1 / (1 + np.exp(1 - 3 * known - noise))).astype(np.float32)
    return made


def dataset(folder: Path, resolution_m: float | None = 2.0) -> TileDataset:
    return write_dataset(
        folder,
        [tile(at) for at in range(len(SHAPES))],
        groups=list(map(str, range(len(SHAPES)))),
        resolution_m=resolution_m,
        tile_size=50,
        plan=SplitPlan(test_share=0.4, val_share=0.3),
    )


def predictions(folder: Path, made: dict[str, NDArray[np.float32]]) -> Predictions:
    folder.mkdir()
    write_predictions(folder, made.items())
    return Predictions(folder)


@pytest.fixture
def predicted(tmp_path: Path) -> Predictions:
    """Give probabilities of three of the five tiles, not in the order of the dataset."""
    return predictions(tmp_path / "cell", {f"tile{at}": probability(at) for at in (4, 1, 3)})


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_pixels_are_counted_by_tile(
    tmp_path: Path, predicted: Predictions, threshold: float
) -> None:
    scores = score_run(dataset(tmp_path / "tiles"), predicted, (), threshold, 2)
    assert [one.tile_id for one in scores.tiles] == ["tile4", "tile1", "tile3"]
    for one, at in zip(scores.tiles, (4, 1, 3), strict=True):
        counted = tile(at).counted
        found = probability(at)[counted] >= threshold
        matrix = confusion_matrix(tile(at).label[counted], found)
        assert [[one.tn, one.fp], [one.fn, one.tp]] == matrix.tolist()
    assert scores.threshold == threshold


def test_objects_boundary_and_curves_are_summed_over_tiles(
    tmp_path: Path, predicted: Predictions
) -> None:
    data = dataset(tmp_path / "tiles")
    whole = score_run(data, predicted, (), 0.5, 2)
    parts = [
        score_run(
            data, predictions(tmp_path / name, {name: predicted.probability(name)}), (), 0.5, 2
        )
        for name in predicted
    ]
    assert whole.boundary.found == sum(part.boundary.found for part in parts) > 100
    assert whole.boundary.known_near == sum(part.boundary.known_near for part in parts)
    assert whole.objects.found == sum(part.objects.found for part in parts) > 3
    assert whole.objects.false == sum(part.objects.false for part in parts)
    for at, one in enumerate(whole.objects.by_size):
        assert one.landslides == sum(part.objects.by_size[at].landslides for part in parts)
    assert sum(one.landslides for one in whole.objects.by_size) > 3
    summed = np.sum([part.curves.other for part in parts], axis=0)
    np.testing.assert_array_equal(whole.curves.other, summed)


def test_the_boundary_is_that_of_the_masks(tmp_path: Path, predicted: Predictions) -> None:
    found = score_run(dataset(tmp_path / "tiles"), predicted, (), 0.5, 1).boundary
    expected = BoundaryCounts()
    for at in (1, 3, 4):
        expected += count_boundary(
            probability(at) >= 0.5, tile(at).label == 1, tile(at).counted, tolerance_px=1
        )
    assert found.tolerance_px == 1
    assert (found.found, found.found_near) == (expected.found, expected.found_near)
    assert (found.known, found.known_near) == (expected.known, expected.known_near)
    assert len({found.found, found.found_near, found.known, found.known_near}) == 4


def test_the_curves_hold_all_counted_pixels(tmp_path: Path, predicted: Predictions) -> None:
    scores = score_run(dataset(tmp_path / "tiles"), predicted, (), 0.5, 2)
    curves = scores.curves
    counted = {at: tile(at).counted for at in (1, 3, 4)}
    truth = np.concatenate([tile(at).label[mask] for at, mask in counted.items()])
    values = np.concatenate([probability(at)[mask] for at, mask in counted.items()])
    assert sum(curves.landslide) == truth.sum()
    assert sum(curves.other) == (truth == 0).sum()
    bins = stored_bins(curves.landslide, curves.other, curves.mean_probability)
    expected = average_precision_score(truth, np.floor(values * 200) / 200)
    assert average_precision(bins) == pytest.approx(expected, abs=1e-9)
    for counts, one in zip(scores.tiles, scores.tile_curves, strict=True):
        assert len(one.landslide) == 40
        assert sum(one.landslide) == counts.tp + counts.fn
        assert sum(one.other) == counts.fp + counts.tn
    assert np.sum([one.other for one in scores.tile_curves], axis=0)[-1] == sum(curves.other[-5:])
    assert bins.probability_sum.sum() / len(values) == pytest.approx(values.mean(), abs=2e-5)


def test_searched_area_needs_the_resolution(tmp_path: Path, predicted: Predictions) -> None:
    searched = sum(int(tile(at).counted.sum()) for at in (1, 3, 4))
    known = score_run(dataset(tmp_path / "known"), predicted, (), 0.5, 2).objects
    assert known.searched_px == searched
    assert known.searched_km2 == pytest.approx(searched * 4e-6)
    assert [(one.at_least_px, one.under_px) for one in known.by_size][-2:] == [
        (1600, 6400),
        (6400, None),
    ]
    unknown = score_run(dataset(tmp_path / "unknown", None), predicted, (), 0.5, 2).objects
    assert unknown.searched_km2 is None


def test_the_area_is_adjusted_by_the_validation_tiles(
    tmp_path: Path, predicted: Predictions
) -> None:
    scores = score_run(dataset(tmp_path / "tiles"), predicted, VALIDATION, 0.5, 2)
    found = sum(one.tp + one.fp for one in scores.tiles)
    landslide = sum(one.tp + one.fn for one in scores.tiles)
    pixels = scores.objects.searched_px
    area = scores.area
    assert area is not None
    assert area.mapped_share == pytest.approx(found / pixels)
    assert area.reference_share == pytest.approx(landslide / pixels)
    mapped = found / pixels
    assert area.adjusted_share == pytest.approx(mapped * 120 / 150 + (1 - mapped) * 35 / 1850)
    assert 0 < area.standard_error < 0.1
    sensitivity, false_positives = 120 / 155, 30 / 1845
    assert area.rates_share == pytest.approx(
        (mapped - false_positives) / (sensitivity - false_positives)
    )
    assert area.rates_error is not None
    assert 0 < area.rates_error < 0.2


def test_the_error_of_the_area_is_over_groups_of_validation_tiles(
    tmp_path: Path, predicted: Predictions
) -> None:
    kinds = [(80, 20, 30, 870), (40, 10, 5, 945), (5, 30, 40, 925), (90, 5, 2, 903)]
    validation = tuple(
        TileCounts(tile_id=f"{kind}{copy}", group=group, tp=tp, fp=fp, fn=fn, tn=tn)
        for copy in range(3)
        for kind, (group, (tp, fp, fn, tn)) in enumerate(zip("abcd", kinds, strict=True))
    )
    data = dataset(tmp_path / "tiles")
    found = score_run(data, predicted, validation, 0.5, 2).area
    assert found is not None
    units = 3 * np.array(kinds)
    # 3 tested tiles are one group as large as those of validation, and two are drawn at least
    expected = adjusted_fraction_from_tiles(found.mapped_share, units, 2, DEFAULT_RESAMPLING)
    assert expected is not None
    assert found.standard_error == pytest.approx(expected.standard_error)
    apart = tuple(one.model_copy(update={"group": None}) for one in validation)
    narrower = score_run(data, predicted, apart, 0.5, 2).area
    assert narrower is not None
    assert narrower.adjusted_share == pytest.approx(found.adjusted_share)
    assert narrower.standard_error < 0.9 * found.standard_error


@pytest.mark.parametrize("validation", [(), VALIDATION[:1]])
def test_without_validation_tiles_there_is_no_area(
    tmp_path: Path, predicted: Predictions, validation: tuple[TileCounts, ...]
) -> None:
    assert score_run(dataset(tmp_path / "tiles"), predicted, validation, 0.5, 2).area is None


def test_scores_are_the_same_each_time(tmp_path: Path, predicted: Predictions) -> None:
    data = dataset(tmp_path / "tiles")
    first, second = (score_run(data, predicted, VALIDATION, 0.5, 2) for _ in range(2))
    assert first == second
    assert type(first).model_validate_json(first.model_dump_json()) == first


def test_a_strange_tile_is_refused(tmp_path: Path) -> None:
    data = dataset(tmp_path / "tiles")
    strange = predictions(tmp_path / "strange", {"other": probability(0)})
    with pytest.raises(InputError, match="tile other was predicted and is not in the dataset"):
        score_run(data, strange, (), 0.5, 2)
    wrong = predictions(tmp_path / "wrong", {"tile1": probability(0)})
    with pytest.raises(InputError, match=r"tile tile1 has \(50, 40\) rows and columns and its"):
        score_run(data, wrong, (), 0.5, 2)


def test_no_tile_gives_empty_scores(tmp_path: Path) -> None:
    nothing = predictions(tmp_path / "cell", {})
    scores = score_run(dataset(tmp_path / "tiles"), nothing, VALIDATION, 0.5, 2)
    assert scores.tiles == ()
    assert scores.area is None
    assert scores.objects.searched_px == 0
