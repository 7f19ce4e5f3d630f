from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.datasets.format import IGNORE, TileDataset
from landslip.datasets.pairs import PairsRequest, dataset_from_pairs
from landslip.datasets.splits.assignment import SplitPlan

WriteRaster = Callable[..., Path]
RGB = Bands(("red", "green", "blue"))


def image(seed: int, shape: tuple[int, ...] = (3, 8, 9), dtype: str = "uint8") -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def mask(seed: int, shape: tuple[int, int] = (8, 9), code: int = 1) -> NDArray[np.uint8]:
    return (code * np.random.default_rng(100 + seed).integers(0, 2, shape)).astype(np.uint8)


@pytest.fixture
def request_(write_raster: WriteRaster, tmp_path: Path) -> PairsRequest:
    """Give a request for four pairs of PNG files, a0 to a3, of one size."""
    for at in range(4):
        write_raster(f"images/a{at}.png", image(at))
        write_raster(f"masks/a{at}.png", mask(at))
    return PairsRequest(
        images=(tmp_path / "images",),
        masks=(tmp_path / "masks",),
        bands=RGB,
        plan=SplitPlan(),
    )


def test_pairs_come_back(request_: PairsRequest, tmp_path: Path) -> None:
    card = dataset_from_pairs(request_, tmp_path / "out")
    dataset = TileDataset(tmp_path / "out")
    assert dataset.index["tile_id"] == ["a0", "a1", "a2", "a3"]
    for at in range(4):
        tile = dataset.tile(at)
        np.testing.assert_array_equal(tile.stored, image(at))
        np.testing.assert_array_equal(tile.label, mask(at))
        assert tile.valid.all()
    assert card.bands == RGB.names
    assert card.landslide_share == pytest.approx(np.mean([mask(at) for at in range(4)]))
    assert (card.resolution_m, card.nodata, card.tile_size) == (None, None, 9)


def test_four_bands_of_16_bits_with_coordinates(write_raster: WriteRaster, tmp_path: Path) -> None:
    stored = image(0, (4, 8, 8), "uint16") * 40
    stored[2, 3, 3] = 65_535
    transform = Affine(2, 0, 600_000, 0, -2, 3_000_000)
    write_raster("images/b.tif", stored, nodata=65_535, transform=transform)
    write_raster("masks/b.tif", mask(0, (8, 8), 255), transform=transform)
    bands = Bands.parse("blue,green,red,nir")
    request = PairsRequest(
        images=(tmp_path / "images",),
        masks=(tmp_path / "masks",),
        bands=bands,
        plan=SplitPlan(),
    )
    card = dataset_from_pairs(request, tmp_path / "out")
    tile = TileDataset(tmp_path / "out").tile(0)
    np.testing.assert_array_equal(tile.stored, stored)
    np.testing.assert_array_equal(tile.label, mask(0, (8, 8)))
    assert np.argwhere(~tile.valid).tolist() == [[3, 3]]
    assert (card.dtype, card.nodata, card.resolution_m) == ("uint16", 65_535, 2.0)
    frame = geopandas.read_parquet(tmp_path / "out" / "tiles.parquet").to_crs(32650)
    np.testing.assert_allclose(frame.total_bounds, (600_000, 2_999_984, 600_016, 3_000_000))


def test_tiles_of_several_sizes(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    write_raster("images/z.png", image(9, (3, 5, 17)))
    write_raster("masks/z.png", mask(9, (5, 17)))
    card = dataset_from_pairs(request_, tmp_path / "out")
    dataset = TileDataset(tmp_path / "out")
    assert [dataset.shape(at) for at in (0, 4)] == [(8, 9), (5, 17)]
    np.testing.assert_array_equal(dataset.tile(4).stored, image(9, (3, 5, 17)))
    np.testing.assert_array_equal(dataset.tile(4).label, mask(9, (5, 17)))
    assert card.tile_size == 17


def test_a_band_named_alpha_masks_and_is_no_band(write_raster: WriteRaster, tmp_path: Path) -> None:
    stored = image(0, (4, 8, 8), "uint16") + 1
    opaque = np.indices((8, 8)).sum(axis=0) > 3
    write_raster("images/b.tif", np.insert(stored, 4, np.where(opaque, 65_535, 0), axis=0))
    write_raster("masks/b.tif", mask(0, (8, 8)))
    request = PairsRequest(
        images=(tmp_path / "images",),
        masks=(tmp_path / "masks",),
        bands=Bands.parse("blue,green,red,nir,alpha"),
        plan=SplitPlan(test_share=0, val_share=0),
    )
    card = dataset_from_pairs(request, tmp_path / "out")
    assert card.bands == ("blue", "green", "red", "nir")
    tile = TileDataset(tmp_path / "out").tile(0)
    np.testing.assert_array_equal(tile.stored, stored)
    np.testing.assert_array_equal(tile.valid, opaque)


def test_names_that_the_images_colours_contradict_are_noted(
    request_: PairsRequest, tmp_path: Path
) -> None:
    assert not any(
        "colours" in note for note in dataset_from_pairs(request_, tmp_path / "a").warnings
    )
    exchanged = replace(request_, bands=Bands.parse("blue,green,red"))
    card = dataset_from_pairs(exchanged, tmp_path / "b")
    (note,) = [note for note in card.warnings if "colours" in note]
    assert note.startswith("a0.png: ")
    assert "blue,green,red" in note


def test_what_a_mask_does_not_know_is_ignored(write_raster: WriteRaster, tmp_path: Path) -> None:
    write_raster("images/b.tif", image(0))
    codes = mask(0)
    codes[0, :4] = 9
    write_raster("masks/b.tif", codes, nodata=9)
    request = PairsRequest(
        images=(tmp_path / "images",),
        masks=(tmp_path / "masks",),
        bands=RGB,
        plan=SplitPlan(),
    )
    dataset_from_pairs(request, tmp_path / "out")
    expected = mask(0)
    expected[0, :4] = IGNORE
    np.testing.assert_array_equal(TileDataset(tmp_path / "out").tile(0).label, expected)


def test_blurred_masks_are_cut_at_127(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    square = np.zeros((40, 40), dtype=np.uint8)
    square[10:27, 5:31] = 255
    write_raster("images/j.png", image(0, (3, 40, 40)))
    path = write_raster("masks/j.jpg", square, quality=60)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2
    dataset_from_pairs(request_, tmp_path / "out")
    label = TileDataset(tmp_path / "out").tile(4).label
    np.testing.assert_array_equal(label, square // 255)


def test_all_for_the_test(request_: PairsRequest, tmp_path: Path) -> None:
    plan = SplitPlan(test_share=1)
    assert dataset_from_pairs(replace(request_, plan=plan), tmp_path / "out").tiles == {"test": 4}


# groups


def many(write_raster: WriteRaster, names: list[str], folder: Path) -> PairsRequest:
    for name in names:
        write_raster(f"images/{name}.png", image(0, (1, 2, 2)))
        write_raster(f"masks/{name}.png", mask(0, (2, 2)))
    plan = SplitPlan(test_share=0.4, val_share=0.3, seed=3)
    return PairsRequest(
        images=(folder / "images",),
        masks=(folder / "masks",),
        bands=Bands(("pan",)),
        plan=plan,
    )


SCENES = [f"scene{scene}_{tile}" for scene in range(6) for tile in range(3)]


@pytest.mark.parametrize("groups", [r"scene\d+", r"scene(\d+)_\d+", "groups.csv", "excel.csv"])
def test_a_group_is_never_divided(write_raster: WriteRaster, tmp_path: Path, groups: str) -> None:
    request = many(write_raster, SCENES, tmp_path)
    rows = "".join(f"{name}.png,{name.split('_')[0]}\n" for name in SCENES)
    (tmp_path / "groups.csv").write_text("name,group\n" + rows)
    (tmp_path / "excel.csv").write_text("name,group\n" + rows, encoding="utf-8-sig")
    where = str(tmp_path / groups) if groups.endswith("csv") else groups
    dataset_from_pairs(replace(request, groups=where), tmp_path / "out")
    dataset = TileDataset(tmp_path / "out")
    sides = {(name.split("_")[0], split) for name, split in by_name(dataset).items()}
    assert len(sides) == 6
    assert {split for _, split in sides} == {"train", "val", "test"}


def by_name(dataset: TileDataset) -> dict[str, str]:
    return dict(zip(dataset.index["tile_id"], dataset.index["split"], strict=True))


@pytest.mark.parametrize("ending", ["", ".png"])
def test_names_with_dots_are_found_in_a_table(
    write_raster: WriteRaster, tmp_path: Path, ending: str
) -> None:
    names = ["s_1.5m_0", "s_1.5m_1", "t_1.5m_0"]
    request = many(write_raster, names, tmp_path)
    table = tmp_path / "groups.csv"
    table.write_text("group,name\n" + "".join(f"{name[0]},{name}{ending}\n" for name in names))
    dataset_from_pairs(replace(request, groups=str(table)), tmp_path / "out")
    assert TileDataset(tmp_path / "out").index["group"] == ["s", "s", "t"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        pytest.param("scene[0", "not a regular expression", id="no expression"),
        pytest.param("scene0", r"scene1_0 \(with 14 others\) gets none", id="some do not match"),
        pytest.param("scene0(x)?|scene", "scene0_0 .* gets none", id="a group that takes no part"),
        pytest.param("none.csv", "none.csv: no such file", id="no table"),
        pytest.param("headless.csv", "the columns name and group are needed", id="no header"),
        pytest.param("short.csv", r"scene0_1 \(with 16 others\) gets none", id="too few rows"),
    ],
)
def test_groups_that_leave_tiles_out_are_refused(
    write_raster: WriteRaster, tmp_path: Path, groups: str, message: str
) -> None:
    request = many(write_raster, SCENES, tmp_path)
    (tmp_path / "headless.csv").write_text("scene0_0,a\n")
    (tmp_path / "short.csv").write_text("name,group\nscene0_0,a\nscene0_1,\n")
    where = str(tmp_path / groups) if groups.endswith("csv") else groups
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(replace(request, groups=where), tmp_path / "out")


# what does not fit


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        pytest.param(
            "images/b.png", r"images/b.png: every image needs a mask.*no b in", id="image"
        ),
        pytest.param("masks/b.png", r"masks/b.png: every image needs a mask.*no b in", id="mask"),
        pytest.param("images/a1.tif", r"images/a1.tif: a1.png has the same name", id="twice"),
    ],
)
def test_files_without_a_partner(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path, extra: str, message: str
) -> None:
    write_raster(extra, image(0))
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(request_, tmp_path / "out")


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        pytest.param(mask(2, (8, 8)), r"a2.png: a mask has its image's size.*8 x 8 px", id="size"),
        pytest.param(mask(2, code=7), r"a2.png: masks contain 0 and 1.*here is 7", id="codes"),
        pytest.param(image(2), r"a2.png: .*3 bands that differ", id="a picture"),
    ],
)
def test_a_mask_that_does_not_fit_is_named_and_nothing_is_left(
    request_: PairsRequest,
    write_raster: WriteRaster,
    tmp_path: Path,
    codes: NDArray[np.uint8],
    message: str,
) -> None:
    write_raster("masks/a2.png", codes)
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(request_, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "masks"]


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        pytest.param(image(2, dtype="uint16"), r"a2.png: all images need one data type", id="type"),
        pytest.param(image(2, (1, 8, 9)), r"a2.png: bands names 3 bands.*has 1", id="bands"),
    ],
)
def test_an_image_that_does_not_fit_is_named(
    request_: PairsRequest,
    write_raster: WriteRaster,
    tmp_path: Path,
    odd: NDArray[Any],
    message: str,
) -> None:
    write_raster("images/a2.png", odd)
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(request_, tmp_path / "out")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        pytest.param("nowhere", r"nowhere: no such folder; check images", id="missing"),
        pytest.param("empty", r"empty: images holds no image", id="empty"),
    ],
)
def test_a_folder_without_images(
    request_: PairsRequest, tmp_path: Path, folder: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("none")
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(replace(request_, images=(tmp_path / folder,)), tmp_path / "out")


# several folders, masks beside images, other bands


def beside(write_raster: WriteRaster, folder: Path, ending: str) -> PairsRequest:
    """Write two images with masks in one folder."""
    for at in range(2):
        write_raster(f"all/p{at}.png", image(at))
        write_raster(f"all/p{at}_label.{ending}", mask(at))
    where = (folder / "all",)
    return PairsRequest(
        images=where, masks=where, bands=RGB, plan=SplitPlan(), mask_suffix="_label"
    )


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_masks_beside_their_images(write_raster: WriteRaster, tmp_path: Path, ending: str) -> None:
    card = dataset_from_pairs(beside(write_raster, tmp_path, ending), tmp_path / "out")
    dataset = TileDataset(tmp_path / "out")
    assert dataset.index["tile_id"] == ["p0", "p1"]
    for at in range(2):
        np.testing.assert_array_equal(dataset.tile(at).stored, image(at))
        np.testing.assert_array_equal(dataset.tile(at).label, mask(at))
    assert card.source == "pairs: all"


def test_masks_with_an_ending_of_their_own_in_another_folder(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    for at in range(4):
        write_raster(f"labels/a{at}_gt.png", mask(9 + at))
        write_raster(f"labels/a{at}_seen.png", mask(at))
    request = replace(request_, masks=(tmp_path / "labels",), mask_suffix="_gt")
    dataset_from_pairs(request, tmp_path / "out")
    np.testing.assert_array_equal(TileDataset(tmp_path / "out").tile(2).label, mask(11))


def test_folders_go_together_in_their_order(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    write_raster("more/images/A9.png", image(9))
    write_raster("more/masks/A9.png", mask(9))
    request = replace(
        request_,
        images=(tmp_path / "more/images", tmp_path / "images"),
        masks=(tmp_path / "more/masks", tmp_path / "masks"),
    )
    card = dataset_from_pairs(request, tmp_path / "out")
    dataset = TileDataset(tmp_path / "out")
    assert dataset.index["tile_id"] == ["A9", "a0", "a1", "a2", "a3"]
    np.testing.assert_array_equal(dataset.tile(0).label, mask(9))
    around = tmp_path.name
    named = f"more/images, {around}/images, more/masks, {around}/masks"
    assert card.source == f"pairs: {named}"


def test_bands_are_made_of_the_files_bands(write_raster: WriteRaster, tmp_path: Path) -> None:
    stored = image(0, (4, 8, 9), "uint16") + 1
    stored[:3, 2, 2] = 0  # but not in near infrared, which is not needed
    stored[:, 5, 6] = 0
    write_raster("images/b.tif", stored, nodata=0)
    write_raster("masks/b.tif", mask(0))
    request = PairsRequest(
        images=(tmp_path / "images",),
        masks=(tmp_path / "masks",),
        bands=Bands.parse("blue,green,red,nir"),
        take={"red": "red", "green": "green", "blue": "green"},
        plan=SplitPlan(),
    )
    card = dataset_from_pairs(request, tmp_path / "out")
    tile = TileDataset(tmp_path / "out").tile(0)
    np.testing.assert_array_equal(tile.stored, stored[[2, 1, 1]])
    assert np.argwhere(~tile.valid).tolist() == [[5, 6]]
    assert card.bands == ("red", "green", "blue")
    assert card.source == "pairs: images, masks; blue is the files' green"


def test_exchanged_images_and_masks_are_refused(request_: PairsRequest, tmp_path: Path) -> None:
    exchanged = replace(request_, images=request_.masks, masks=request_.images)
    sentence = (
        r"names 3 bands .* and the file has 1.* a0\.png of masks is what an image should be: are"
    )
    with pytest.raises(InputError, match=sentence):
        dataset_from_pairs(exchanged, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "problem"), [("absent", "no such folder"), ("images/a0.png", "a folder is needed")]
)
def test_folders_that_are_none(
    name: str, problem: str, request_: PairsRequest, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"{name}: {problem}.*; check masks"):
        dataset_from_pairs(replace(request_, masks=(tmp_path / name,)), tmp_path / "out")


def test_mostly_landslide_is_a_warning(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    for at in range(4):
        full = np.ones((8, 9), dtype=np.uint8)
        full[at, at] = 0
        write_raster(f"masks/a{at}.png", full)
    card = dataset_from_pairs(request_, tmp_path / "out")
    assert [one.key for one in card.label_warnings][-1] == "dataset.mostly_landslide"
    assert card.label_warnings[-1].text().startswith("99% of the labelled pixels are landslide")


def test_bands_that_the_files_do_not_have_are_refused(request_: PairsRequest) -> None:
    with pytest.raises(InputError, match=r"red is read from nir.* bands red,green,blue"):
        replace(request_, take={"red": "nir"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"images": 2}, r"got 2 images and 1 masks", id="more images"),
        pytest.param({"images": 0, "masks": 0}, r"got 0 images and 0", id="none"),
        pytest.param(
            {"images": 2, "masks": 2}, r"a0.png: .*a0.png has the same name; names", id="twice"
        ),
    ],
)
def test_folders_that_do_not_go_together(
    request_: PairsRequest, tmp_path: Path, change: dict[str, int], message: str
) -> None:
    folders: dict[str, Any] = {key: (tmp_path / key,) * times for key, times in change.items()}
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(replace(request_, **folders), tmp_path / "out")


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        pytest.param("", "all: images and masks are in one folder; .*mask_suffix", id="none"),
        pytest.param(
            "_mask", r"p0.png \(and 3 more\): .* there is no p0_mask in .*all", id="another"
        ),
    ],
)
def test_masks_beside_images_need_their_suffix(
    write_raster: WriteRaster, tmp_path: Path, suffix: str, message: str
) -> None:
    request = replace(beside(write_raster, tmp_path, "png"), mask_suffix=suffix)
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(request, tmp_path / "out")


def write_blurred(write_raster: WriteRaster, codes: tuple[int, int]) -> None:
    """Write two pairs with JPEG masks of a square, each of one code."""
    for at, code in enumerate(codes):
        square = np.zeros((40, 40), dtype=np.uint8)
        square[10:27, 5:31] = code
        write_raster(f"jpeg/images/j{at}.png", image(at, (3, 40, 40)))
        write_raster(f"jpeg/masks/j{at}.jpg", square, quality=95)


def jpeg_request(folder: Path) -> PairsRequest:
    return PairsRequest(
        images=(folder / "jpeg/images",),
        masks=(folder / "jpeg/masks",),
        bands=RGB,
        plan=SplitPlan(test_share=0),
    )


def test_masks_of_0_and_1_as_jpeg_are_refused(write_raster: WriteRaster, tmp_path: Path) -> None:
    write_blurred(write_raster, (0, 1))
    message = r"j1.jpg: masks saved as JPEG hold 0 and 255 .*the brightest pixel of all is \d;"
    with pytest.raises(InputError, match=message):
        dataset_from_pairs(jpeg_request(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("codes", [(0, 255), (0, 0)], ids=["with", "without landslides"])
def test_masks_as_jpeg_without_a_landslide_are_taken(
    write_raster: WriteRaster, tmp_path: Path, codes: tuple[int, int]
) -> None:
    write_blurred(write_raster, codes)
    card = dataset_from_pairs(jpeg_request(tmp_path), tmp_path / "out")
    assert card.landslide_share == pytest.approx(codes[1] / 255 * 17 * 26 / (2 * 40 * 40))


def test_the_command_takes_several_folders(
    request_: PairsRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    beside(write_raster, tmp_path, "png")
    words = ["dataset", "pairs", "--bands", "red,green,blue", "--test-share", "0"]
    for folder in ("first", "second"):
        words += ["--images", str(tmp_path / folder), "--masks", str(tmp_path / folder)]
        (tmp_path / folder).mkdir()
    for at, folder in enumerate(("first", "second")):
        for ending in ("", "_label"):
            name = f"p{at}{ending}.png"
            (tmp_path / "all" / name).rename(tmp_path / folder / name)
    result = CliRunner().invoke(
        app, [*words, "--mask-suffix", "_label", "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    assert TileDataset(tmp_path / "out").index["tile_id"] == ["p0", "p1"]
