import pytest
import torch
from torch import Tensor
from torch.nn import functional

from landslip.core.bands import Bands
from landslip.datasets.augmentation import AugmentationSettings
from landslip.datasets.band_groups import BandGroups
from landslip.models.training.augment import (
    augment,
    drop_sources,
    jitter,
    random_matrices,
    sampling_grid,
    shifted,
    warp,
)

PLAIN = AugmentationSettings(
    flips=False, warp_share=0, gain=0, shift=0, band_gain=0, band_shift=0, noise=0
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(count: int = 2, side: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """The first band holds the label, so that the two can be compared after a warp."""
    torch.manual_seed(3)
    label = (torch.rand(count, side, side) > 0.5).to(torch.uint8)
    image = torch.stack([label.float(), torch.rand(count, side, side)], dim=1)
    return image, label, torch.ones(count, side, side, dtype=torch.bool)


def test_nothing_asked_changes_nothing() -> None:
    image, label, counted = scene()
    found = augment(image, label, counted, PLAIN, generator())
    assert torch.allclose(found[0], image, atol=1e-5)
    assert torch.equal(found[1], label)
    assert torch.equal(found[2], counted)


def test_flips_and_turns_are_exact_and_all_eight_occur() -> None:
    image, label, counted = scene(count=200)
    image[:] = image[:1].clone()
    label[:] = label[:1].clone()
    found, codes, known = augment(
        image, label, counted, PLAIN.model_copy(update={"flips": True}), generator()
    )
    eight = torch.stack(
        [
            torch.rot90(base, turn, (1, 2))
            for base in (image[0], image[0].flip(2))
            for turn in range(4)
        ]
    )
    distances = (found[:, None] - eight[None]).abs().amax(dim=(2, 3, 4))
    hits = distances.argmin(dim=1).tolist()
    for one, hit in zip(found, hits, strict=True):
        assert torch.allclose(one, eight[hit], atol=1e-4)
    assert set(hits) == set(range(8))
    assert torch.equal(codes.float(), found[:, 0].round())
    assert known.all()


def test_labels_stay_with_the_image_under_any_warp() -> None:
    blob = torch.zeros(64, 64)
    blob[10:40, 20:30] = 1
    image, label = blob.repeat(50, 1, 1, 1), blob.to(torch.uint8).repeat(50, 1, 1)
    recipe = PLAIN.model_copy(update={"warp_share": 1.0, "flips": True})
    found, codes, known = augment(
        image, label, torch.ones(50, 64, 64, dtype=torch.bool), recipe, generator()
    )
    sure = known & ((found[:, 0] - 0.5).abs() > 0.45)
    assert sure.float().mean() > 0.5
    assert torch.equal(codes[sure] == 1, found[:, 0][sure] > 0.5)


def test_beyond_the_border_image_label_and_counted_are_mirrored() -> None:
    image, label, counted = scene(count=1, side=8)
    counted[0, 2, 0] = False
    shift = torch.tensor([[[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]])  # half a side to the left
    found, codes, known = warp(image, label, counted, sampling_grid(shift, image.shape))
    mirrored = torch.cat([image[..., :4].flip(3), image[..., :4]], dim=3)
    assert torch.allclose(found, mirrored, atol=1e-5)
    assert torch.equal(codes[known], torch.cat([label[..., :4].flip(2), label[..., :4]], 2)[known])
    assert (~known).nonzero().tolist() == [[0, 2, 3], [0, 2, 4]]


def test_no_corner_is_blank_and_the_margin_is_cut_off() -> None:
    recipe = AugmentationSettings(warp_share=1.0, scale=(0.7, 1.4), translation=0.3)
    image, label, counted = scene(count=20, side=96)
    found, codes, known = augment(image, label, counted, recipe, generator(), margin=32)
    assert found.shape == (20, 2, 32, 32)
    assert codes.shape == known.shape == (20, 32, 32)
    assert known.all()


def test_a_margin_shows_what_is_beyond_the_crop() -> None:
    image, label, counted = scene(count=1, side=16)
    shift = torch.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]])  # 2 of 8 pixels to the right
    found, codes, _ = warp(image, label, counted, sampling_grid(shift, image.shape, 4))
    assert torch.allclose(found, image[:, :, 4:12, 6:14], atol=1e-5)
    assert torch.equal(codes, label[:, 4:12, 6:14])


def test_scale_is_uniform_in_its_logarithm_and_shifts_are_in_sides_of_the_crop() -> None:
    still = {"warp_share": 1.0, "rotation_deg": 0, "stretch": 0}
    recipe = PLAIN.model_copy(update=still | {"scale": (0.5, 4.0), "translation": 0.25})
    matrices = random_matrices(4000, recipe, generator())
    scale = 1 / matrices[:, 0, 0]
    assert torch.equal(matrices[:, 0, 0], matrices[:, 1, 1])
    assert 0.5 <= scale.min() < 0.51
    assert 3.9 < scale.max() <= 4.0
    assert (scale < 1).float().mean().item() == pytest.approx(1 / 3, abs=0.03)  # log 2 of log 8
    assert 0.499 < matrices[:, :, 2].abs().max() <= 0.5  # a quarter of a side, which is 2
    assert matrices[:, :, 2].mean().abs() < 0.02


def test_uncounted_pixels_stay_uncounted() -> None:
    image, label, counted = scene(count=1)
    counted[0, :8] = False
    recipe = PLAIN.model_copy(update={"flips": True})
    for seed in range(8):
        _, _, known = augment(image, label, counted, recipe, generator(seed))
        assert known.sum() == 128


def test_stretch_and_rotation_stay_in_range() -> None:
    recipe = AugmentationSettings(flips=False, warp_share=1.0, rotation_deg=30, stretch=0.1)
    linear = random_matrices(500, recipe, generator())[:, :, :2]
    scale = 1 / torch.linalg.norm(linear, dim=2)
    angle = torch.rad2deg(torch.atan2(linear[:, 1, 0], linear[:, 1, 1]))
    assert 0.9 <= scale.min() < 0.91
    assert 1.09 < scale.max() <= 1.1
    assert 29 < angle.abs().max() <= 30.0001


def test_jitter_moves_bands_apart_by_no_more_than_asked() -> None:
    recipe = PLAIN.model_copy(update={"gain": 0.2, "band_gain": 0.05})
    found = jitter(torch.ones(500, 4, 2, 2), recipe, generator())[:, :, 0, 0]
    assert found.min() >= 0.8 * 0.95
    assert found.max() <= 1.2 * 1.05
    spread = found.max(dim=1).values / found.min(dim=1).values
    assert 1.0 < spread.max() <= 1.05 / 0.95 + 1e-6


def test_a_seed_gives_the_same_variations() -> None:
    batch = scene()
    first, again, other = (
        augment(*batch, AugmentationSettings(), generator(seed)) for seed in (1, 1, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_crops_that_are_not_warped_keep_their_place_and_scale() -> None:
    moved = AugmentationSettings(warp_share=0.25, scale=(0.5, 2.0), translation=0.25, flips=False)
    matrices = random_matrices(4000, moved, generator())
    still = (matrices == torch.eye(2, 3)).all((1, 2)).float().mean().item()
    assert still == pytest.approx(0.75, abs=0.03)


GROUPS = BandGroups.of(Bands(("red", "before_red", "eastness", "northness", "slope")))


def test_directions_turn_with_the_ground_they_are_of() -> None:
    """Heights are a bowl: the fall leads away from where it is lowest, turned or not."""
    side = 33
    row, col = torch.meshgrid(*(torch.arange(side) - side // 2,) * 2, indexing="ij")
    one = torch.stack([row * 0 + 1.0, row * 0 + 1.0, col * 1.0, -row * 1.0, row * 0 + 2.0])
    image = one[None].repeat(30, 1, 1, 1).float()
    label = torch.zeros(30, side, side, dtype=torch.uint8)
    recipe = PLAIN.model_copy(update={"flips": True, "warp_share": 1.0, "stretch": 0.0})
    inner = slice(8, -8)
    found, _, _ = augment(image, label, label == 0, recipe, generator(), groups=GROUPS)
    # a bowl is the same from all sides, and so are its directions
    assert torch.allclose(found[:, :, inner, inner], image[:, :, inner, inner], atol=1e-3)


def test_a_rule_of_slope_directions_holds_in_turned_and_in_mirrored_ground() -> None:
    """Landslides are where the ground falls towards brighter red; elsewhere it rises."""
    side, count = 64, 40
    noise = torch.randn(1, 1, 12, 12, generator=generator(5))
    red = functional.interpolate(noise, size=(side, side), mode="bicubic")[0, 0]
    by_row, by_column = torch.gradient(red)
    label = (torch.arange(side)[:, None] // 16 + torch.arange(side) // 16) % 2
    towards = 2.0 * label - 1
    one = torch.stack([red, red * 0 + 1, towards * by_column, -towards * by_row, red * 0 + 1])
    recipe = PLAIN.model_copy(
        update={"flips": True, "warp_share": 1.0, "translation": 0.4, "date_shift_px": 0.0}
    )
    image = one.repeat(count, 1, 1, 1)
    codes = label.to(torch.uint8).repeat(count, 1, 1)
    found, codes, _ = augment(image, codes, codes < 2, recipe, generator(), groups=GROUPS)
    by_row, by_column = torch.gradient(found[:, 0], dim=(1, 2))
    towards = by_column * found[:, 2] - by_row * found[:, 3]
    length = torch.hypot(by_column, by_row) * torch.hypot(found[:, 2], found[:, 3])
    cosine = (towards / length.clamp(min=1e-9))[length > 0.01]
    is_landslide = codes[length > 0.01] == 1
    # edges of the squares, and the border that the ground is mirrored at, are mixed
    assert (cosine[is_landslide] > 0.9).float().mean() > 0.93
    assert (cosine[~is_landslide] < -0.9).float().mean() > 0.93


def test_terrain_keeps_its_values_and_each_date_changes_by_itself() -> None:
    image = torch.ones(64, 5, 4, 4)
    label = torch.zeros(64, 4, 4, dtype=torch.uint8)
    still = {"date_shift_px": 0.0}
    recipe = PLAIN.model_copy(update={"gain": 0.5, "shift": 0.5, "noise": 0.1} | still)
    image[:, 1, 0, 0] = 0  # missing before
    found, _, _ = augment(image.clone(), label, label == 0, recipe, generator(), groups=GROUPS)
    assert torch.allclose(found[:, 2:], image[:, 2:], atol=1e-6)
    assert (found[:, 1, 0, 0] == 0).all()
    means = found[:, :2, 1:].mean(dim=(2, 3))
    assert (means.std(dim=0) > 0.1).all()
    assert abs(float(torch.corrcoef(means.T)[0, 1])) < 0.4


def test_sources_are_dropped_by_themselves() -> None:
    image = torch.ones(4000, 5, 1, 1)
    found = drop_sources(image, GROUPS, 0.3, generator())[:, :, 0, 0]
    assert (image == 1).all()
    assert (found[:, 0] == 1).all()
    assert (found[:, 2:].std(dim=1) == 0).all()  # terrain as one
    before, terrain = (found[:, 1] == 0).float(), (found[:, 2] == 0).float()
    assert abs(float(before.mean()) - 0.3) < 0.03
    assert abs(float(terrain.mean()) - 0.3) < 0.03
    assert abs(float((before * terrain).mean()) - 0.09) < 0.02


def test_an_earlier_date_is_shifted_against_the_scene_by_a_few_pixels() -> None:
    side = 64
    across = torch.arange(side, dtype=torch.float32).expand(side, side)
    image = torch.stack([across, across.T])[None].repeat(500, 1, 1, 1) + 1.0
    moved = shifted(image, 2.0, generator())[:, :, 8:-8, 8:-8] - image[:, :, 8:-8, 8:-8]
    by = moved.mean(dim=(2, 3))
    assert (moved - by[:, :, None, None]).abs().max() < 1e-3  # one shift for a whole image
    assert by.abs().max() <= 2.0
    assert (by.abs().amax(dim=0) > 1.9).all()
    assert abs(float(torch.corrcoef(by.T)[0, 1])) < 0.15


def test_a_shift_mixes_nothing_with_what_is_missing() -> None:
    image = torch.ones(50, 2, 32, 32)
    image[:, :, 10:20, 10:20] = 0.0
    found = shifted(image, 2.0, generator())
    assert ((found == 0) | ((found - 1).abs() < 1e-5)).all()
    assert (found[:, :, 12:18, 12:18] == 0).all()
    assert (found[:, :, 8, 8] == 1).any()
