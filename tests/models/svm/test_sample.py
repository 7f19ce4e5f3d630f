import re
from collections import Counter

import numpy as np
import pytest
from tests.models.svm.conftest import WriteTiles, tile_of

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import BACKGROUND, LANDSLIDE, Tile, TileDataset
from landslip.models.svm.sample import PixelSample, sample_pixels


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
    dataset = write_tiles("gf1", tiles=[tile])
    told = f"{dataset.path}: an SVM needs pixels of both classes and the 1 tiles to train on hold "
    with pytest.raises(InputError, match=re.escape(f"{told}none of {name}; train on more tiles")):
        sample_pixels(dataset, [0], 10, seed=0)


def test_no_tile_is_refused(write_tiles: WriteTiles) -> None:
    with pytest.raises(InputError, match="the 0 tiles to train on hold none of background"):
        sample_pixels(write_tiles("gf1", count=1), [], 10, seed=0)
