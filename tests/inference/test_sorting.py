from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.inference import table
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import Landslides, concatenate_landslides
from landslip.inference.table import LandslideSorter


def noise(seed: int, shape: tuple[int, int] = (120, 90)) -> Landslides:
    rng = np.random.default_rng(seed)
    collector = Polygonizer()
    collector.add(rng.random(shape) < 0.35, rng.integers(0, 251, shape).astype(np.uint8))
    return concatenate_landslides(collector.finish())


def by_hand(landslides: Landslides) -> list[int]:
    """Sort with shapely and Python."""
    polygons = landslides.outlines.geometries()
    keys = [
        (-int(pixels), polygon.bounds[1], polygon.bounds[0], polygon.exterior.coords[0][0])
        for pixels, polygon in zip(landslides.pixels, polygons, strict=True)
    ]
    return sorted(range(len(keys)), key=lambda at: keys[at])


def pieces(landslides: Landslides, size: int, order: NDArray[np.int64]) -> list[Landslides]:
    cuts = np.split(order, range(size, len(order), size))
    return [landslides.take(cut) for cut in cuts]


@pytest.mark.parametrize("run_points", [1, 64, 500, 1 << 20])
@pytest.mark.parametrize("size", [1, 17, 10_000])
def test_batches_are_sorted_and_the_same_however_landslides_came(
    run_points: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_RUN_POINTS", run_points)
    monkeypatch.setattr(table, "_BLOCK_POINTS", 16)
    monkeypatch.setattr(table, "_BATCH_POINTS", 300)
    landslides = noise(0, (30, 25))
    sorter = LandslideSorter(tmp_path)
    for piece in pieces(landslides, size, np.random.default_rng(1).permutation(len(landslides))):
        sorter.append(piece)
    batches = list(sorter.sorted())
    expected = landslides.take(np.array(by_hand(landslides)))
    made = concatenate_landslides(batches)
    np.testing.assert_array_equal(made.outlines.points, expected.outlines.points)
    np.testing.assert_array_equal(made.outlines.rings, expected.outlines.rings)
    np.testing.assert_array_equal(made.outlines.polygons, expected.outlines.polygons)
    np.testing.assert_array_equal(made.pixels, expected.pixels)
    np.testing.assert_array_equal(made.probability_sums, expected.probability_sums)
    np.testing.assert_array_equal(made.probability_maxima, expected.probability_maxima)
    points = np.cumsum(np.diff(np.append(expected.outlines.starts, len(made.outlines.points))))
    sizes = np.unique(points // 300, return_counts=True)[1]
    assert [len(batch) for batch in batches] == sizes.tolist()


def test_what_is_read_at_a_time_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_RUN_POINTS", 1000)
    monkeypatch.setattr(table, "_BLOCK_POINTS", 50)
    sorter = LandslideSorter(tmp_path)
    for seed in range(5):
        landslides = noise(seed)
        for piece in pieces(landslides, 100, np.arange(len(landslides))):
            sorter.append(piece)
    sorter._write_run()
    read = [len(batch.outlines.points) for batch in sorter._merged()]
    biggest = max(int(np.diff(noise(seed).outlines.starts).max()) for seed in range(5))
    runs = len(sorter._blocks)
    assert runs > 10
    assert len(read) > 10
    assert max(read) <= 2 * (1000 + runs * (50 + biggest))


def test_nothing_is_no_batch(tmp_path: Path) -> None:
    assert list(LandslideSorter(tmp_path).sorted()) == []
