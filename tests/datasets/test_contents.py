"""What a dataset says of the landslides in its splits."""

from pathlib import Path

import numpy as np
import pytest
from tests.factories.datasets import make_tile, write_dataset

from landslip.core.choices import Split
from landslip.datasets.contents import SplitContents, few_landslides, missing_splits, split_contents
from landslip.datasets.format import TileDataset
from landslip.datasets.merging import merge_datasets

SIDES = [Split.TRAIN, Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST, Split.TEST]


@pytest.fixture
def tiles(tmp_path: Path) -> TileDataset:
    """Six tiles of three groups; the first has two landslides and one that is not valid."""
    made = []
    for number in range(6):
        label, valid = np.zeros((8, 8), np.uint8), np.ones((8, 8), np.bool_)
        if number == 0:
            label[0, :2] = label[1, 2] = label[4:6, 4] = label[7, 7] = 1
            valid[7, 7] = False
        elif number in (2, 4):
            label[:, 0], label[3, 5] = 1, 255
        made.append(make_tile(f"t{number}", np.zeros((1, 8, 8), np.uint16), label, valid))
    groups = [f"g{number // 2}" for number in range(6)]
    return write_dataset(tmp_path / "tiles", made, groups=groups, splits=SIDES)


def test_tiles_pixels_and_regions_of_each_split(tiles: TileDataset) -> None:
    # corners join: the first tile has a region of 3 px and one of 2
    assert tiles.card.splits == tiles.contents
    assert tiles.card.splits == {
        "train": SplitContents(
            tiles=3,
            groups=2,
            landslide_tiles=2,
            landslide_groups=2,
            landslide_px=13,
            landslide_objects=3,
        ),
        "val": SplitContents(
            tiles=1,
            groups=1,
            landslide_tiles=0,
            landslide_groups=0,
            landslide_px=0,
            landslide_objects=0,
        ),
        "test": SplitContents(
            tiles=2,
            groups=1,
            landslide_tiles=1,
            landslide_groups=1,
            landslide_px=8,
            landslide_objects=1,
        ),
    }


def test_few_landslides_are_warned_of(tiles: TileDataset) -> None:
    warnings = {warning.split()[4]: warning for warning in tiles.card.warnings}
    assert set(warnings) == {"training", "validation", "test"}
    assert warnings["validation"].startswith("none of the 1 validation tiles shows a landslide")
    enough = SplitContents(
        tiles=9,
        groups=9,
        landslide_tiles=5,
        landslide_groups=5,
        landslide_px=2000,
        landslide_objects=5,
    )
    assert few_landslides({"val": enough, "unused": tiles.contents["val"]}) == ()
    for few in ({"landslide_tiles": 4}, {"landslide_px": 1999}):
        (warning,) = few_landslides({"test": enough.model_copy(update=few)})
        assert "under 5 tiles or 2,000 pixels scores vary by chance" in warning.text()


def test_another_split_has_other_contents(tiles: TileDataset) -> None:
    turned = tiles.with_split([Split.TEST] * 6, "all")
    assert set(turned.card.splits) == {"test"}
    assert turned.card.splits["test"].landslide_px == 21
    assert len(turned.card.warnings) == 1


def test_datasets_of_earlier_versions_open_and_merge(tiles: TileDataset, tmp_path: Path) -> None:
    index = {name: values for name, values in tiles.index.items() if name != "landslide_objects"}
    old = split_contents(index)
    assert old["train"].landslide_objects is None
    assert old["train"].landslide_px == 13
    assert split_contents({"split": index["split"], "tile_id": index["tile_id"]}) == {}
    tiles.index = index
    merged = merge_datasets({"a": tiles}, {}, tmp_path / "merged")
    objects = [found.landslide_objects for found in merged.splits.values()]
    assert sum(number or 0 for number in objects) == 4


def test_a_split_that_was_asked_for_and_is_empty_is_warned_of(tiles: TileDataset) -> None:
    train = {"train": tiles.contents["train"], "unused": tiles.contents["val"]}
    told = [note.text() for note in missing_splits(train, test_share=0.2, val_share=0.1)]
    assert [text.split(",")[0] for text in told] == [
        "there is no test tile",
        "there is no validation tile",
    ]
    assert "20% were asked for" in told[0]
    assert missing_splits(train, test_share=0, val_share=0) == ()
    assert missing_splits(tiles.contents, test_share=0.2, val_share=0.1) == ()
    test = {"test": tiles.contents["test"]}
    assert missing_splits(test, test_share=1, val_share=0.1) == ()
