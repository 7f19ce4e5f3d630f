import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio.crs
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Split, Units
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.merging import merge_datasets
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.splits.division import Division, divide
from landslip.datasets.splits.duplicates import DuplicateKind
from landslip.datasets.splits.leaks import (
    Leak,
    describe_leaks,
    find_duplicates,
    find_leaks,
    overlap_between,
    refuse_leaks,
)
from landslip.datasets.splits.near_duplicates import changed_copies, overlapping_crops
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin

SHARED = Path(__file__).parents[4] / "shared"
BIJIE = Path(os.environ.get("LANDSLIP_DATA", SHARED / "data")) / "bijie"
MakeScene = Callable[..., TileDataset]
MakeTiles = Callable[..., TileDataset]
Terrain = Callable[..., NDArray[np.uint8]]
Picture = NDArray[np.uint8]


def as_jpeg(picture: Picture, quality: int = 50) -> Picture:
    _, coded = cv2.imencode(
        ".jpg",
        np.ascontiguousarray(picture.transpose(1, 2, 0)),
        [cv2.IMWRITE_JPEG_QUALITY, quality],
    )
    read: Picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return read.transpose(2, 0, 1)


def brighter_with_noise(picture: Picture) -> Picture:
    noise = np.random.default_rng(9).normal(0, 8, picture.shape)
    changed: Picture = np.clip(picture * 1.3 + 15 + noise, 0, 255).astype(np.uint8)
    return changed


def smaller(picture: Picture) -> Picture:
    half = cv2.resize(picture.transpose(1, 2, 0), (48, 48), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8).transpose(2, 0, 1)


CHANGES = {
    "exact": (lambda picture: picture, "pixels"),
    "flipped": (lambda picture: picture[:, :, ::-1], "picture"),
    "turned": (lambda picture: np.rot90(picture, 1, axes=(1, 2)), "picture"),
    "flipped and turned": (lambda picture: picture.transpose(0, 2, 1), "picture"),
    "brighter, noisy": (brighter_with_noise, "picture"),
    "flipped, brighter, noisy": (lambda found: brighter_with_noise(found[:, ::-1]), "picture"),
    "jpeg": (as_jpeg, "picture"),
    "smaller": (smaller, "picture"),
}


@pytest.mark.parametrize(("change", "kind"), CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_is_found_and_refused(
    make_tiles: MakeTiles, terrain: Terrain, change: Callable[[Picture], Picture], kind: str
) -> None:
    pictures = [terrain(seed) for seed in range(8)]
    dataset = make_tiles([*pictures, change(pictures[5])])
    splits = [Split.TRAIN] * 8 + [Split.TEST]
    (leak,) = find_leaks(dataset, splits)
    assert (leak.kind, leak.a, leak.b) == (kind, "t005", "t008")
    assert leak.sides == (Split.TRAIN, Split.TEST)
    says = {"pixels": "have the same pixels", "picture": "are the same picture \\(correlation"}
    message = rf"leak: tile t005 \(train\) and tile t008 \(test\) {says[kind]}.*; 1 pairs in all"
    with pytest.raises(InputError, match=message):
        refuse_leaks(dataset, splits)


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"),
    [(0, 1.0, 48), (0, 1.0, 70), (30, 1.0, 30), (0, 1.4, 30)],
    ids=["half", "a quarter", "turned", "larger"],
)
def test_parts_of_one_picture_are_found(
    make_tiles: MakeTiles, terrain: Terrain, degrees: float, scale: float, shift: int
) -> None:
    wide = terrain(100, side=256)
    turned = np.stack([ndimage.rotate(band, degrees, reshape=False, mode="wrap") for band in wide])
    zoomed = ndimage.zoom(turned, (1, scale, scale), order=1)
    middle = zoomed.shape[1] // 2
    one = wide[:, 80:176, 80:176]
    other = zoomed[:, middle - 48 : middle + 48, middle - 48 + shift : middle + 48 + shift]
    others = [terrain(seed) for seed in range(6)]
    dataset = make_tiles([*others, one, other])
    found = overlapping_crops(dataset)
    assert [pair[:2] for pair in found] == [(6, 7)]
    assert changed_copies(dataset) == []
    (leak,) = find_leaks(dataset, [Split.TEST] * 7 + [Split.VALIDATION])
    assert str(leak).startswith(
        "leak: tile t006 (test) and tile t007 (val) show parts of the same picture (correlation 0."
    )


def test_tiles_of_their_own_are_no_leak(make_tiles: MakeTiles, terrain: Terrain) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (12, 3, 96, 96), dtype=np.uint8)
    rows, cols = np.mgrid[:96, :96]
    smooth = [
        (rows * (at + 1) / 10 + cols * (10 - at) / 10 + 30).astype(np.uint8)[None].repeat(3, 0)
        for at in range(5)
    ]
    blurred = [ndimage.gaussian_filter(terrain(seed), (0, 12, 12)) for seed in range(200, 206)]
    lone = [np.full((3, 96, 96), 7, dtype=np.uint8)] * 2
    pictures = [*noise, *(terrain(seed) for seed in range(20)), *smooth, *blurred, *lone]
    assert find_duplicates(make_tiles(pictures)) == ()


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize("seed", range(3))
def test_objects_of_one_shape_are_no_leak(make_tiles: MakeTiles, seed: int, side: int) -> None:
    generator = np.random.default_rng(seed)
    pictures = generator.normal(60, 15, (40, 1, side, side))
    for picture in pictures:
        row, col = generator.integers(0, side - side // 3, 2)
        picture[0, row : row + side // 3, col : col + side // 3] += 120
    assert find_duplicates(make_tiles(list(np.clip(pictures, 0, 255).astype(np.uint8)))) == ()


def test_overlap_on_the_ground_is_found_within_and_between_scenes(make_scene: MakeScene) -> None:
    label = np.zeros((8, 16), dtype=np.uint8)
    moved = Affine(2, 0, 350_000 + 2 * 6, 0, -2, 3_465_000)
    parts = {
        "one": make_scene(label, 8, name="one", step=8),
        "two": make_scene(label, 8, name="two", transform=moved),
    }
    out = parts["one"].path.parent / "joined"
    merge_datasets(parts, {}, out)
    dataset = TileDataset(out)  # columns 0-7, 8-15 and 6-13, 14-21
    splits = [Split.TRAIN, Split.TRAIN, Split.TEST, Split.TEST]
    shares = {(leak.a, leak.b): leak.measure for leak in find_leaks(dataset, splits)}
    assert shares == {
        ("one_r0_c0", "two_r0_c0"): pytest.approx(2 / 8, abs=1e-3),
        ("one_r0_c8", "two_r0_c0"): pytest.approx(6 / 8, abs=1e-3),
        ("one_r0_c8", "two_r0_c8"): pytest.approx(2 / 8, abs=1e-3),
    }
    with pytest.raises(InputError, match=r"show the same ground \(25.0% of the smaller one\)"):
        refuse_leaks(dataset, splits)


def test_overlap_in_a_scene_without_coordinates_is_found(make_scene: MakeScene) -> None:
    dataset = make_scene(np.zeros((8, 20), dtype=np.uint8), 8, step=6)  # 0-7, 6-13, 12-19
    dataset.index["geometry"] = [None] * 3
    leaks = find_leaks(dataset, [Split.TRAIN, Split.TEST, Split.TRAIN])
    assert [(leak.a, leak.b, leak.measure) for leak in leaks] == [
        ("scene_r0_c0", "scene_r0_c6", 0.25),
        ("scene_r0_c6", "scene_r0_c12", 0.25),
    ]


def test_one_side_and_unused_tiles_leak_nothing(make_tiles: MakeTiles, terrain: Terrain) -> None:
    dataset = make_tiles([terrain(1), terrain(1), terrain(2)])
    alike = find_duplicates(dataset)
    assert len(alike) == 1
    for side, other in (("train", "train"), ("unused", "test"), ("val", "unused")):
        splits = [Split(side), Split(other), Split.TRAIN]
        assert find_leaks(dataset, splits, alike) == []
        refuse_leaks(dataset, splits, alike)
    assert len(find_leaks(dataset, [Split.VALIDATION, Split.TRAIN, Split.TEST], alike)) == 1


def test_blocks_and_tiles_kept_together_have_no_leaks(
    make_scene: MakeScene, make_tiles: MakeTiles, terrain: Terrain
) -> None:
    overlapping = make_scene(np.zeros((60, 60), dtype=np.uint8), 8, step=4)
    alike = find_duplicates(overlapping)
    for fold in divide(overlapping, Division(method="blocks", folds=3, buffer_m=0)):
        refuse_leaks(overlapping, fold.splits, alike)
    pictures = [terrain(at // 2) for at in range(24)]
    doubled = make_tiles(pictures)
    known = find_duplicates(doubled)
    (random,) = divide(doubled, Division(method="random", test_share=0.4))
    assert find_leaks(doubled, random.splits, known)
    for fold in divide(doubled, Division(method="random", folds=3), known):
        refuse_leaks(doubled, fold.splits, known)


def test_the_first_few_and_the_number_are_told() -> None:
    kinds: tuple[DuplicateKind, ...] = ("part", "ground", "part", "part")
    leaks = [
        Leak(kind=kind, a=f"a{at}", b="b", sides=(Split.TRAIN, Split.TEST), measure=0.5)
        for at, kind in enumerate(kinds)
    ]
    said = describe_leaks(leaks)
    assert "a2" in said
    assert "a3" not in said
    assert said.endswith("4 pairs in all (1 by ground, 3 by part)")
    assert describe_leaks([]) == "no tile has the content of one in another split"


@pytest.mark.skipif(not BIJIE.is_dir(), reason=f"{BIJIE} is not there")
def test_real_tiles_that_overlap_are_found(make_tiles: MakeTiles) -> None:
    """Neighbours in the numbering that were cut from one picture, beside a dozen others."""
    names = ["qxg095", "qxg097", "zj066", "zj070", "hz038", "hz039", "js065", "js066"]
    names += ["df012", "zj099", "qx076", "qx117", "qx115", "qx154", "qx047", "qx079"]
    files = [str(BIJIE / "landslide" / "images" / f"{name}.webp") for name in names]
    pictures = [np.asarray(cv2.imread(file), dtype=np.uint8).transpose(2, 0, 1) for file in files]
    found = [(pair.kind, pair.one, pair.other) for pair in find_duplicates(make_tiles(pictures))]
    assert found == [("part", at, at + 1) for at in (0, 2, 4, 6)]


SIDE = 16


def row_of_tiles(
    folder: Path, pixels: list[NDArray[np.uint8]], *, left: float, utm: int | None = 32648
) -> TileDataset:
    """Tiles of 2 m pixels side by side from x ``left`` on; without a place where utm is None."""
    folder.mkdir()
    description = DatasetDescription(
        bands=Bands(("red",)),
        radiometry=Radiometry(units=Units.DN, dtype="uint8"),
        nodata=None,
        resolution_m=2.0,
        tile_size=SIDE,
        source="made by code",
        split_method="none",
        plan=SplitPlan(test_share=0, val_share=0),
    )
    grid = None
    if utm is not None:
        grid = Grid(
            crs=rasterio.crs.CRS.from_epsg(utm),
            transform=Affine(2, 0, left, 0, -2, 3_500_000),
            shape=(SIDE, SIDE * len(pixels)),
        )
    with DatasetWriter(folder, description) as writer:
        for at, stored in enumerate(pixels):
            label = np.zeros((SIDE, SIDE), dtype=np.uint8)
            name = f"{folder.name}{at}"
            tile = Tile(tile_id=name, stored=stored, label=label, valid=label == 0)
            window = Window(SIDE * at, 0, SIDE, SIDE)
            writer.add(tile, TileOrigin(scene="row", window=window, group=name, grid=grid))
        writer.finish()
    return TileDataset(folder)


def noise(number: int, seed: int) -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (1, SIDE, SIDE), dtype=np.uint8) for _ in range(number)]


def test_another_date_of_the_same_ground_is_told_by_its_place(tmp_path: Path) -> None:
    first = row_of_tiles(tmp_path / "first", noise(4, 0), left=500_000)
    second = row_of_tiles(tmp_path / "second", noise(4, 1), left=500_000 + 2 * 2 * SIDE + 8)
    shared = overlap_between(first, [0, 1, 3], second)
    # the second row begins 8 m into the third tile of the first, which is not among those asked for
    assert (shared.ground, shared.pixels, shared.tiles) == (2, 0, 4)
    assert str(shared) == "2 of 4 tiles show ground that the model was trained on"
    assert not overlap_between(first, [0, 1], second)


def test_tiles_that_only_touch_share_nothing(tmp_path: Path) -> None:
    first = row_of_tiles(tmp_path / "first", noise(2, 0), left=500_000)
    second = row_of_tiles(tmp_path / "second", noise(2, 1), left=500_000 + 2 * 2 * SIDE)
    assert not overlap_between(first, [0, 1], second)


def test_equal_pixels_are_found_without_a_place(tmp_path: Path) -> None:
    pixels = noise(3, 0)
    first = row_of_tiles(tmp_path / "first", pixels, left=0, utm=None)
    second = row_of_tiles(tmp_path / "second", [*noise(1, 1), pixels[2]], left=0, utm=None)
    shared = overlap_between(first, [0, 2], second)
    assert (shared.ground, shared.pixels) == (0, 1)
    assert not overlap_between(first, [0, 1], second)
