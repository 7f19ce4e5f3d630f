import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import geopandas
import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage
from tests.factories.datasets import write_dataset
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.core.bands import Radiometry
from landslip.core.choices import Split, Units
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.datasets.augmentation import (
    AugmentationSettings,
    VariantRule,
    stored_variant,
    tile_variant,
)
from landslip.datasets.format import IGNORE, Tile, TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.datasets.offline_augmentation import AugmentRequest, augment_dataset
from landslip.datasets.splits.assignment import SplitPlan

SIDE = 48
DN = Radiometry(units=Units.DN, dtype="uint16")
STILL = {"gain": 0.0, "shift": 0.0, "band_gain": 0.0, "band_shift": 0.0, "noise": 0.0}


def rule(
    amounts: dict[str, float] | None = None, *, seed: int = 0, radiometry: Radiometry = DN
) -> VariantRule:
    normalisation = Normalisation(radiometry=radiometry, mean=(500.0, 700.0), std=(100.0, 200.0))
    return VariantRule(
        normalisation=normalisation,
        amounts=AugmentationSettings.model_validate(amounts or {}),
        seed=seed,
    )


def noisy(at: int = 0, shape: tuple[int, int] = (SIDE, SIDE)) -> Tile:
    """Two bands of noise with a bright square, the landslide; a strip has no data."""
    generator = np.random.default_rng(at)
    stored = generator.integers(300, 700, (2, *shape)).astype(np.uint16)
    label = np.zeros(shape, dtype=np.uint8)
    label[12:28, 10:30] = 1
    label[:, -3:] = IGNORE
    stored[:, label == 1] += 2000
    valid = np.ones(shape, dtype=np.bool_)
    valid[:4] = False
    stored[:, ~valid] = 0
    return Tile(tile_id=f"t{at}", stored=stored, label=label, valid=valid)


def all_known(tile: Tile) -> Tile:
    label = np.where(tile.label == IGNORE, np.uint8(0), tile.label)
    return Tile(
        tile_id=tile.tile_id, stored=tile.stored, label=label, valid=np.ones_like(tile.valid)
    )


def by_hand(pixels: NDArray[Any], version: int) -> NDArray[Any]:
    """Mirror, then turn counter-clockwise, by indices."""
    side = pixels.shape[-1]
    found = np.empty_like(pixels)
    for row in range(side):
        for col in range(side):
            r, c = row, side - 1 - col if version >= 4 else col
            for _ in range(version % 4):
                r, c = side - 1 - c, r
            found[..., r, c] = pixels[..., row, col]
    return found


@pytest.mark.parametrize("version", range(8))
def test_the_first_eight_are_exact_flips_and_turns(version: int) -> None:
    tile = noisy()
    found = stored_variant(tile, version, rule(), nodata=0)
    for name in ("stored", "label", "valid"):
        np.testing.assert_array_equal(getattr(found, name), by_hand(getattr(tile, name), version))
    made = tile_variant(tile, version, rule())
    plain = rule().normalisation.apply(tile.stored, tile.valid)
    np.testing.assert_array_equal(made.image, by_hand(plain, version))
    assert found.tile_id == f"t0#v{version:03d}"


def test_version_0_is_the_tile_itself() -> None:
    tile = noisy()
    found = stored_variant(tile, 0, rule(), nodata=None)
    np.testing.assert_array_equal(found.stored, tile.stored)


def test_the_144_versions_differ_in_pixels_and_come_again_from_the_same_seed() -> None:
    tile = noisy()
    first, again, other = (
        [
            stored_variant(tile, version, rule(seed=seed), 0).stored.tobytes()
            for version in range(144)
        ]
        for seed in (5, 5, 6)
    )
    assert len({*first}) == 144
    assert first == again
    assert first[:8] == other[:8]
    assert not {*first[8:]} & {*other[8:]}


def test_two_tiles_are_changed_in_different_ways() -> None:
    first, second = noisy(), noisy()
    renamed = Tile(tile_id="other", stored=second.stored, label=second.label, valid=second.valid)
    assert (tile_variant(first, 9, rule()).image != tile_variant(renamed, 9, rule()).image).any()
    assert (tile_variant(first, 9, rule()).image == tile_variant(noisy(), 9, rule()).image).all()


@pytest.mark.parametrize("version", range(0, 144, 7))
def test_the_label_follows_the_image(version: int) -> None:
    made = stored_variant(all_known(noisy()), version, rule(), nodata=None)
    bright, labelled = made.stored[0] > 1400, made.label == 1
    bright &= made.valid
    labelled &= made.valid
    assert labelled.sum() > 200
    assert (bright & labelled).sum() / (bright | labelled).sum() > 0.9


def test_what_comes_from_outside_is_neither_valid_nor_labelled() -> None:
    tile = all_known(noisy(shape=(64, 64)))
    lost = 0
    for version in range(8, 40):
        made = tile_variant(tile, version, rule({"rotation_deg": 45, "stretch": 0.0}))
        outside = ~made.valid
        lost = max(lost, int(outside.sum()))
        assert (made.label[outside] == IGNORE).all()
        assert (made.image[:, outside] == 0).all()
        assert not made.counted[outside].any()
    # a square turned by 45 degrees covers 2 sqrt(2) - 2 of itself, and no turn leaves less
    assert 0.13 < lost / 64**2 < 1 - (2 * math.sqrt(2) - 2) + 0.01


def test_uncounted_pixels_of_the_tile_stay_uncounted() -> None:
    tile = noisy()
    for version in range(8, 24):
        made = tile_variant(tile, version, rule({"rotation_deg": 0, "stretch": 0.0}))
        assert made.valid.sum() == tile.valid.sum()
        assert made.counted.sum() == tile.counted.sum()


def test_missing_data_does_not_bleed_into_its_neighbours() -> None:
    tile = noisy()
    stored = np.full_like(tile.stored, 600)
    stored[:, ~tile.valid] = 65535
    flat = Tile(tile_id="flat", stored=stored, label=tile.label, valid=tile.valid)
    for version in range(8, 24):
        made = stored_variant(flat, version, rule(STILL), nodata=65535)
        assert (made.stored[:, made.valid] == 600).all()
        assert (made.stored[:, ~made.valid] == 65535).all()


def test_turn_and_stretch_against_scipy() -> None:
    """A pure turn of a smooth image, its angle found back among many."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    smooth = (500 + 8 * rows + 3 * cols + 40 * np.sin(cols / 5)).astype(np.uint16)
    tile = Tile(
        tile_id="smooth",
        stored=np.stack([smooth, smooth]),
        label=np.zeros((SIDE, SIDE), dtype=np.uint8),
        valid=np.ones((SIDE, SIDE), dtype=np.bool_),
    )
    made = tile_variant(tile, 8, rule({**STILL, "rotation_deg": 20, "stretch": 0.0}))
    found = (made.image[0] * 100 + 500)[12:36, 12:36]
    errors = {
        angle: np.abs(
            ndimage.rotate(smooth.astype(float), angle, reshape=False, order=1)[12:36, 12:36]
            - found
        ).max()
        for angle in np.arange(-20, 20.1, 0.25)
    }
    assert min(errors.values()) < 1.5
    assert sorted(errors.values())[-1] > 20


def test_changes_stay_within_what_is_asked() -> None:
    flat = np.full((2, SIDE, SIDE), 800, dtype=np.uint16)  # 3 and 0.5 deviations over the means
    tile = all_known(noisy())
    tile = Tile(tile_id="flat", stored=flat, label=tile.label, valid=tile.valid)
    asked = {**STILL, "gain": 0.2, "shift": 0.1, "rotation_deg": 0.0, "stretch": 0.0}
    found = np.array([tile_variant(tile, v, rule(asked)).image[0, 5, 5] for v in range(8, 144)])
    assert 3 * 0.8 - 0.1 <= found.min() < 2.6
    assert 3.4 < found.max() <= 3 * 1.2 + 0.1
    noise = {**STILL, "noise": 0.5, "rotation_deg": 0.0, "stretch": 0.0}
    spread = [tile_variant(tile, v, rule(noise)).image[0].std() for v in range(8, 144)]
    assert 0.4 < max(spread) < 0.55


def test_stored_numbers_are_the_training_numbers_rounded() -> None:
    known = Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=2.0, offset=-100.0)
    tile, made_by = noisy(), rule(radiometry=known)
    for version in range(8, 30):
        image = tile_variant(tile, version, made_by)
        stored = stored_variant(tile, version, made_by, nodata=0)
        back = made_by.normalisation.apply(stored.stored, stored.valid)
        # half a step of 2 units is 1/100 and 1/200 of a deviation; clipped numbers are off by more
        free = image.valid & (stored.stored > 1).all(axis=0)
        assert np.abs(back - image.image)[:, free].max() <= 0.0101
        np.testing.assert_array_equal(stored.label, image.label)
        np.testing.assert_array_equal(stored.valid, image.valid)


@pytest.mark.parametrize(
    ("dtype", "level", "limit"), [("uint8", 254, 255), ("uint8", 1, 0), ("int16", -32768, -32768)]
)
def test_numbers_are_clipped_to_their_type(dtype: str, level: int, limit: int) -> None:
    radiometry = Radiometry(units=Units.DN, dtype=dtype)
    normalisation = Normalisation(radiometry=radiometry, mean=(float(limit),), std=(60.0,))
    made_by = VariantRule(normalisation=normalisation, amounts=AugmentationSettings(), seed=0)
    shape = (16, 16)
    tile = Tile(
        tile_id="edge",
        stored=np.full((1, *shape), level, dtype=dtype),
        label=np.zeros(shape, dtype=np.uint8),
        valid=np.ones(shape, dtype=np.bool_),
    )
    made = [stored_variant(tile, version, made_by, nodata=None) for version in range(8, 40)]
    numbers = np.concatenate([one.stored[:, one.valid].ravel() for one in made]).astype(int)
    assert limit in numbers
    assert np.abs(numbers - level).max() < 150  # nothing wrapped around


def test_valid_pixels_never_hold_nodata() -> None:
    shape = (16, 16)
    tile = Tile(
        tile_id="near",
        stored=np.full((2, *shape), 501, dtype=np.uint16),
        label=np.zeros(shape, dtype=np.uint8),
        valid=np.ones(shape, dtype=np.bool_),
    )
    made = [stored_variant(tile, version, rule(), nodata=500) for version in range(8, 40)]
    assert all((one.stored[:, one.valid] != 500).all() for one in made)
    assert all((one.stored[:, ~one.valid] == 500).all() for one in made)
    assert sum(int((one.stored == 499).sum()) for one in made) > 50
    plain = [stored_variant(tile, version, rule(), nodata=None) for version in range(8, 40)]
    assert sum(int((one.stored == 500).sum()) for one in plain) > 50


def write(folder: Path, *, plan: SplitPlan | None = None) -> Path:
    """Twelve tiles on the ground in six groups of two."""
    corner = Affine(2, 0, 400_000, 0, -2, 3_400_000)
    return write_dataset(
        folder,
        [noisy(at) for at in range(12)],
        bands=("red", "nir"),
        groups=[f"g{at // 2}" for at in range(12)],
        grid=Grid(crs=CRS.from_epsg(32648), transform=corner, shape=(SIDE, SIDE * 12)),
        nodata=0,
        resolution_m=2.0,
        plan=plan or SplitPlan(test_share=0.3, val_share=0.2),
    ).path


class Made(NamedTuple):
    source: TileDataset
    out: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("augment")
    source = TileDataset(write(folder / "tiles"))
    augment_dataset(AugmentRequest(dataset=source, versions=24, seed=3), folder / "augmented")
    return Made(source, folder / "augmented")


def test_all_versions_of_training_tiles_are_written_and_others_stay(made: Made) -> None:
    found = TileDataset(made.out)
    sides = made.source.card.tiles
    assert found.card.tiles == {**sides, "train": 24 * sides["train"]}
    assert found.card.source == "made by code; 24 versions of each training tile, seed 3"
    train = made.source.positions(Split.TRAIN)
    statistics = band_statistics(made.source, train)
    normalisation = Normalisation(radiometry=DN, mean=statistics.mean, std=statistics.std)
    made_by = VariantRule(normalisation=normalisation, amounts=AugmentationSettings(), seed=3)
    tiles = {tile.tile_id: tile for tile in (found.tile(at) for at in range(len(found)))}
    for at in train:
        for version in range(24):
            expected = stored_variant(made.source.tile(at), version, made_by, 0)
            tile = tiles.pop(expected.tile_id)
            np.testing.assert_array_equal(tile.stored, expected.stored)
            np.testing.assert_array_equal(tile.label, expected.label)
            np.testing.assert_array_equal(tile.valid, expected.valid)
    others = [made.source.tile(at) for at in range(len(made.source)) if at not in train]
    assert {*tiles} == {tile.tile_id for tile in others}
    for tile in others:
        np.testing.assert_array_equal(tiles[tile.tile_id].stored, tile.stored)


def test_versions_keep_group_scene_and_ground_of_their_tile(made: Made) -> None:
    before = geopandas.read_parquet(made.source.path / "tiles.parquet").set_index("tile_id")
    after = geopandas.read_parquet(made.out / "tiles.parquet")
    assert after.crs == before.crs
    for _, row in after.iterrows():
        tile = before.loc[row["tile_id"].split("#")[0]]
        for column in ("group", "scene", "col_off", "row_off", "crs_wkt", "split"):
            assert row[column] == tile[column]
        assert row["geometry"].equals(tile["geometry"])
        np.testing.assert_array_equal(row["transform"], tile["transform"])
    assert max(Counter(after["tile_id"]).values()) == 1


def test_counted_and_landslide_pixels_are_those_of_the_version(made: Made) -> None:
    found = TileDataset(made.out)
    for at in range(0, len(found), 5):
        tile = found.tile(at)
        assert found.index["valid_px"][at] == tile.counted.sum()
        assert found.index["landslide_px"][at] == (tile.counted & (tile.label == 1)).sum()
    share = sum(found.index["landslide_px"]) / sum(found.index["valid_px"])
    assert found.card.landslide_share == pytest.approx(share)


def test_the_command_gives_the_same_bytes_for_a_seed_and_others_for_another(
    made: Made, tmp_path: Path
) -> None:
    for out, seed in (("same", 3), ("other", 4)):
        words = ["dataset", "augment", str(made.source.path), "--out", str(tmp_path / out)]
        words += ["--versions", "24", "--seed", str(seed)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
    same = {path.name: path.read_bytes() for path in (tmp_path / "same").iterdir()}
    assert same == {path.name: path.read_bytes() for path in made.out.iterdir()}
    other = TileDataset(tmp_path / "other").card
    assert other.pixels_sha256 != TileDataset(made.out).card.pixels_sha256
    assert other.split_sha256 == TileDataset(made.out).card.split_sha256


def test_unused_tiles_are_left_out(made: Made, tmp_path: Path) -> None:
    few = made.source.limited(2, seed=0)
    card = augment_dataset(AugmentRequest(dataset=few, versions=9), tmp_path / "few")
    sides = made.source.card.tiles
    assert card.tiles == {"test": sides["test"], "train": 18, "val": sides["val"]}


def test_too_little_room_is_refused_before_anything_is_written(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    with pytest.raises(InputError, match=r"tiles take [\d.]+ MB and 1\.0 MB .* fewer versions"):
        augment_dataset(AugmentRequest(dataset=made.source), tmp_path / "out")
    assert not [*tmp_path.iterdir()]


def test_an_interrupt_leaves_nothing(made: Made, tmp_path: Path) -> None:
    def stop(done: float, total: float) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        augment_dataset(AugmentRequest(dataset=made.source), tmp_path / "out", progress=stop)
    assert not [*tmp_path.iterdir()]


def test_wrong_numbers_and_nothing_to_train_on_are_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"versions is 1 or more.*got 0"):
        AugmentRequest(dataset=made.source, versions=0)
    all_test = TileDataset(write(tmp_path / "tiles", plan=SplitPlan(test_share=1, val_share=0)))
    with pytest.raises(InputError, match="variants are made of training tiles"):
        augment_dataset(AugmentRequest(dataset=all_test), tmp_path / "out")


def test_reals_keep_their_type_and_their_missing_data() -> None:
    shape = (16, 24)
    valid = np.ones(shape, dtype=np.bool_)
    valid[:3] = False
    stored = np.random.default_rng(0).normal(0.2, 0.05, (2, *shape)).astype(np.float32)
    stored[:, ~valid] = np.nan
    tile = Tile(tile_id="real", stored=stored, label=np.zeros(shape, dtype=np.uint8), valid=valid)
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype="float32")
    normalisation = Normalisation(radiometry=radiometry, mean=(0.2, 0.2), std=(0.05, 0.05))
    made_by = VariantRule(normalisation=normalisation, amounts=AugmentationSettings(), seed=0)
    for version, sides in ((8, (16, 24)), (9, (24, 16))):
        made = stored_variant(tile, version, made_by, nodata=float("nan"))
        assert made.stored.dtype == np.float32
        assert made.stored.shape == (2, *sides)
        assert made.label.shape == made.valid.shape == sides
        np.testing.assert_array_equal(np.isnan(made.stored[0]), ~made.valid)
        back = normalisation.apply(made.stored, made.valid)
        np.testing.assert_allclose(back, tile_variant(tile, version, made_by).image, atol=1e-4)
