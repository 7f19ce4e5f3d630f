"""Orders and versions of training tiles."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from landslip.core.choices import Split
from landslip.datasets.augmentation import AugmentationSettings, VariantRule, tile_variant
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.datasets.offline_augmentation import AugmentRequest, augment_dataset
from landslip.models.training.data import (
    OfflineAugmentedTiles,
    TrainingTiles,
    training_loader,
)
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.sampling import EpochSampler


def keys(sampler: EpochSampler, epoch: int) -> list[tuple[int, int]]:
    sampler.set_epoch(epoch)
    found = list(sampler)
    assert len(found) == len(sampler)
    return found


def normalisation(dataset: TileDataset) -> Normalisation:
    known = band_statistics(dataset, dataset.positions(Split.TRAIN))
    return Normalisation(radiometry=dataset.card.radiometry, mean=known.mean, std=known.std)


def test_an_epoch_is_all_tiles_once_in_an_order_of_its_own() -> None:
    sampler = EpochSampler([4, 7, 9, 12, 30, 31], seed=1)
    first, second = keys(sampler, 0), keys(sampler, 1)
    assert sorted(first) == [(0, at) for at in (4, 7, 9, 12, 30, 31)]
    assert sorted(second) == [(1, at) for at in (4, 7, 9, 12, 30, 31)]
    assert [at for _, at in first] != [at for _, at in second]
    assert keys(sampler, 0) == first


def test_an_offline_epoch_is_all_versions_of_all_tiles_once() -> None:
    sampler = EpochSampler([5, 6, 8], seed=1, versions=144)
    assert len(sampler) == 3 * 144
    for epoch in (0, 1):
        assert sorted(keys(sampler, epoch)) == [(v, at) for v in range(144) for at in (5, 6, 8)]
    assert keys(sampler, 0) != keys(sampler, 1)


@pytest.mark.parametrize("versions", [None, 12])
def test_bounded_epochs_see_all_before_they_see_anything_twice(versions: int | None) -> None:
    positions = list(range(7))
    sampler = EpochSampler(positions, seed=3, versions=versions, length=10)
    whole = len(positions) * (versions or 1)
    seen = [key for epoch in range(4 * whole // 10 + 1) for key in keys(sampler, epoch)]
    for start in range(0, len(seen) - whole, whole):
        counted = Counter(seen[start : start + whole])
        assert len(counted) == whole
        if versions is None:
            assert {at for _, at in counted} == set(positions)
    assert seen[:10] != seen[whole : whole + 10]


def test_bounded_epochs_go_through_the_same_order_as_whole_ones() -> None:
    bounded = EpochSampler([1, 2, 3, 4, 5], seed=3, length=2)
    whole = EpochSampler([1, 2, 3, 4, 5], seed=3)
    found = [key for epoch in range(5) for key in keys(bounded, epoch)]
    assert found == keys(whole, 0) + keys(whole, 1)


def test_an_offline_tile_is_its_version_and_the_same_at_every_asking(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    rule = VariantRule(normalisation=normalisation(tiles), amounts=AugmentationSettings(), seed=2)
    offline = OfflineAugmentedTiles(tiles, rule, crop=64)
    image, label, counted, position = offline[(77, 3)]
    assert position == 3
    expected = tile_variant(tiles.tile(3), 77, rule)
    np.testing.assert_array_equal(image.numpy(), expected.image)
    np.testing.assert_array_equal(counted.numpy(), expected.counted)
    np.testing.assert_array_equal((label == 1).numpy(), expected.label == 1)
    for again, before in zip(offline[(77, 3)], (image, label, counted, position), strict=True):
        assert torch.equal(again, before)


def test_beyond_its_border_a_training_tile_is_mirrored(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    known = normalisation(tiles)
    tile = tiles.tile(3)
    image, label, counted, position = TrainingTiles(tiles, known, crop=96, seed=0, margin=8)[(0, 3)]
    around = ((8, 40), (8, 40))
    whole = known.apply(tile.stored, tile.valid)
    np.testing.assert_array_equal(image.numpy(), np.pad(whole, ((0, 0), *around), "symmetric"))
    np.testing.assert_array_equal(label.numpy(), np.pad(tile.label, around, "symmetric"))
    assert counted.all()
    assert position == 3


def test_what_is_beside_a_crop_is_the_tiles_own(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    known = normalisation(tiles)
    for position in range(8):
        crop = TrainingTiles(tiles, known, crop=32, seed=0)[(1, position)][0]
        wider = TrainingTiles(tiles, known, crop=32, seed=0, margin=16)[(1, position)][0]
        assert torch.equal(wider[:, 16:-16, 16:-16], crop)


def test_crops_of_a_version_are_square_and_fixed_and_small_ones_padded(dataset: Path) -> None:
    tiles = TileDataset(dataset)
    rule = VariantRule(normalisation=normalisation(tiles), amounts=AugmentationSettings(), seed=2)
    whole = tile_variant(tiles.tile(0), 0, rule).image
    image = OfflineAugmentedTiles(tiles, rule, crop=32)[(0, 0)][0].numpy()
    views = np.lib.stride_tricks.sliding_window_view(whole, (32, 32), axis=(1, 2))
    assert (views == image[:, None, None]).all(axis=(0, 3, 4)).sum() == 1
    padded = OfflineAugmentedTiles(tiles, rule, crop=96)[(0, 0)]
    assert padded[0].shape == (4, 96, 96)
    assert padded[2].sum() == 64 * 64


def test_versions_of_training_are_those_that_are_written_to_disk(
    dataset: Path, tmp_path: Path
) -> None:
    tiles = TileDataset(dataset)
    augment_dataset(AugmentRequest(dataset=tiles, versions=16, seed=5), tmp_path / "augmented")
    written = TileDataset(tmp_path / "augmented")
    known = normalisation(tiles)
    rule = VariantRule(normalisation=known, amounts=AugmentationSettings(), seed=5)
    offline = OfflineAugmentedTiles(tiles, rule, crop=64)
    on_disk = TrainingTiles(written, known, crop=64, seed=0)
    at_name = {name: at for at, name in enumerate(written.index["tile_id"])}
    step = 0.5 / min(known.std) + 1e-4
    for position in tiles.positions(Split.TRAIN):
        name = tiles.index["tile_id"][position]
        for version in range(16):
            image, label, counted, _ = offline[(version, position)]
            same = on_disk[(0, at_name[f"{name}#v{version:03d}"])]
            assert torch.equal(label, same[1])
            assert torch.equal(counted, same[2])
            free = (same[0] > same[0].amin()) & counted
            assert (image - same[0])[free].abs().max() <= step


@pytest.mark.parametrize(
    ("settings", "batches", "size"),
    [
        ({}, 2, 4),
        ({"augmentation_mode": "offline"}, 9 * 144 // 4, 4),
        ({"augmentation_mode": "offline", "offline_versions": 10}, 22, 4),
        ({"augmentation_mode": "offline", "steps_per_epoch": "tiles"}, 2, 4),
        ({"steps_per_epoch": 5}, 5, 4),
        ({"steps_per_epoch": 5, "batch_size": 16}, 5, 16),
        ({"batch_size": 16}, 1, 9),
    ],
    ids=[
        "tiles",
        "versions",
        "fewer versions",
        "as many as tiles",
        "bounded",
        "more than there are",
        "one batch",
    ],
)
def test_batches_of_an_epoch(
    settings: dict[str, object], batches: int, size: int, dataset: Path
) -> None:
    tiles = TileDataset(dataset)
    config = TrainConfig.model_validate({"batch_size": 4, **settings})
    positions = tiles.positions(Split.TRAIN)
    loader = training_loader(tiles, positions, normalisation(tiles), config, 64).loader
    assert len(loader) == batches
    assert next(iter(loader))[0].shape == (size, 4, 64, 64)
