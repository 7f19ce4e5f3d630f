"""Planted priors, and tiles cut on a regular grid, which have none."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from tests.factories.datasets import make_tile, write_dataset
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.datasets.format import IGNORE
from landslip.datasets.position_prior import (
    MIN_TILES,
    PositionPrior,
    PositionPriorSurvey,
    mean_mask,
    resized,
)

SIDE = 64
Masks = list[NDArray[np.bool_]]


def disc(row: float, col: float, radius: float, side: int = SIDE) -> NDArray[np.bool_]:
    rows, cols = np.indices((side, side))
    return np.asarray((rows - row) ** 2 + (cols - col) ** 2 <= radius**2)


def centred(tiles: int, generator: np.random.Generator, side: int = SIDE) -> Masks:
    """Return a landslide a tile, its middle within a sixteenth of the side of the tile's."""
    return [
        disc(row, col, side / 5, side)
        for row, col in side / 2 + generator.uniform(-side / 16, side / 16, (tiles, 2))
    ]


def regular_grid(tiles: int, generator: np.random.Generator) -> Masks:
    """Return the tiles of a square scene with landslides anywhere."""
    across = int(np.ceil(np.sqrt(tiles)))
    field = ndimage.gaussian_filter(generator.normal(size=(across * SIDE, across * SIDE)), 9)
    scene = field > np.quantile(field, 0.9)
    cut = [
        scene[row : row + SIDE, col : col + SIDE]
        for row in range(0, across * SIDE, SIDE)
        for col in range(0, across * SIDE, SIDE)
    ]
    return cut[:tiles]


def measured(masks: Masks, groups: list[str] | None = None) -> PositionPrior | None:
    survey = PositionPriorSurvey()
    for at, mask in enumerate(masks):
        counted = np.ones(mask.shape, dtype=np.bool_)
        survey.add(mask.astype(np.uint8), counted, groups[at] if groups else str(at))
    return survey.measure()


def test_a_planted_prior_is_found_and_explained() -> None:
    prior = measured(centred(40, np.random.default_rng(0)))
    assert prior is not None
    assert (prior.tiles, prior.groups, prior.centre_share) == (40, 40, 1.0)
    assert prior.f1 > 0.75
    assert prior.f1_by_chance < 0.3
    assert prior.warning is not None
    text = prior.warning.text()
    assert f"scores F1 {prior.f1:.2f} on the 40 tiles with landslides" in text
    assert "landslide in 100% of them, and none comes nearer than" in text
    assert text.endswith("with those off-centre (evaluate with off_centre)")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tiles", [12, 36])
def test_tiles_of_a_regular_grid_have_none(tiles: int, seed: int) -> None:
    prior = measured(regular_grid(tiles, np.random.default_rng(seed)))
    assert prior is not None
    assert prior.warning is None
    assert prior.f1 == pytest.approx(prior.f1_by_chance, abs=0.1)


def test_the_measure_by_hand() -> None:
    left, top = np.zeros((2, SIDE, SIDE), dtype=np.bool_)
    left[:, : SIDE // 2] = True
    top[: SIDE // 2] = True
    # each is predicted by the other: half of it is found, half of what is mapped is wrong; to map
    # all would find all, with half of it wrong
    prior = measured([left, top])
    assert prior is not None
    assert prior.f1 == pytest.approx(2 / 3)
    assert (prior.border_px, prior.centre_share) == (0, 0.0)
    again = measured([left, left])
    assert again is not None
    assert again.f1 == 1.0
    assert not again.is_strong  # two tiles show nothing
    assert MIN_TILES > 2


def test_tiles_of_one_group_do_not_predict_each_other() -> None:
    generator = np.random.default_rng(1)
    once = [mask for mask in regular_grid(16, generator) if mask.any()]
    twice = [mask for mask in once for _ in range(4)]
    groups = [str(at // 4) for at in range(len(twice))]
    apart, together = measured(twice, groups), measured(once)
    assert apart is not None
    assert together is not None
    assert apart.f1 == pytest.approx(together.f1)
    mixed = measured(twice)
    assert mixed is not None
    assert mixed.f1 > apart.f1 + 0.04


def test_what_is_not_counted_is_no_landslide_and_no_background() -> None:
    survey = PositionPriorSurvey()
    label = disc(32, 32, 10).astype(np.uint8)
    label[:, :30] = IGNORE
    survey.add(label, label != IGNORE, "a")
    survey.add(np.zeros((SIDE, SIDE), np.uint8), np.ones((SIDE, SIDE), np.bool_), "no landslide")
    assert survey.measure() is None
    survey.add(label, label != IGNORE, "b")
    prior = survey.measure()
    assert prior is not None
    assert (prior.tiles, prior.border_px) == (2, 64 - 1 - 42)
    assert prior.f1 > 0.9


def test_sizes_may_differ() -> None:
    generator = np.random.default_rng(2)
    masks = [*centred(10, generator, 64), *centred(10, generator, 96), *centred(10, generator, 20)]
    prior = measured(masks)
    assert prior is not None
    assert prior.f1 > 0.75
    assert prior.is_strong


def test_the_mean_mask_is_the_fraction_of_tiles_that_count() -> None:
    one = np.array([[1, 1], [0, 0]], dtype=np.bool_)
    other = np.array([[1, 0], [0, 0]], dtype=np.bool_)
    counted = np.array([[1, 1], [1, 0]], dtype=np.bool_)
    masks = [(one, np.ones((2, 2), np.bool_)), (other, counted)]
    found = mean_mask(masks, [(2, 2), (2, 2)])
    assert found.tolist() == [[1, 0.5], [0, 0]]
    large = np.kron(one, np.ones((3, 3), np.bool_)).astype(np.bool_)
    masks.append((large, np.ones((6, 6), np.bool_)))
    mixed = mean_mask(masks, [(2, 2), (2, 2), (6, 6)])
    assert mixed.ravel().tolist() == pytest.approx([1, 2 / 3, 0, 0])
    corners = resized(mixed, (6, 6))[[0, 5]][:, [0, 5]]
    assert corners.ravel().tolist() == pytest.approx([1, 2 / 3, 0, 0])


def test_a_dataset_states_its_prior(tmp_path: Path) -> None:
    masks = centred(12, np.random.default_rng(3))
    tiles = [
        make_tile(f"t{at}", np.zeros((1, *mask.shape), np.uint8), mask.astype(np.uint8))
        for at, mask in enumerate(masks)
    ]
    card = write_dataset(tmp_path / "planted", tiles).card
    assert card.position_prior == measured(masks)
    assert [warning.key for warning in card.label_warnings] == ["dataset.position_prior"]


@pytest.mark.parametrize("planted", [True, False])
def test_the_command_warns_of_a_planted_prior_only(tmp_path: Path, *, planted: bool) -> None:
    generator = np.random.default_rng(4)
    masks = (centred if planted else regular_grid)(16, generator)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for at, mask in enumerate(masks):
        image = generator.integers(1, 255, (*mask.shape, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"t{at}.png")
        Image.fromarray(255 * mask.astype(np.uint8)).save(tmp_path / "masks" / f"t{at}.png")
    words = ["--images", str(tmp_path / "images"), "--masks", str(tmp_path / "masks")]
    words += ["--bands", "red,green,blue", "--out", str(tmp_path / "tiles")]
    result = CliRunner().invoke(app, ["dataset", "pairs", *words])
    assert result.exit_code == 0, result.output
    assert ("warning: position prior: " in result.output) == planted
    assert ("train with --recipe best" in result.output) == planted
    assert ("off-centre (evaluate with --off-centre)" in result.output) == planted
