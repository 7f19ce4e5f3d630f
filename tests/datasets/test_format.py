import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from tests.factories.datasets import write_dataset

from landslip.core.bands import Radiometry
from landslip.core.choices import Split, Units
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.datasets.format import IGNORE, Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan, split_digest


def tile(at: int) -> Tile:
    """Return a tile of 3 + at rows and 4 columns, of three bands."""
    generator = np.random.default_rng(at)
    shape = (3 + at, 4)
    return Tile(
        tile_id=f"tile{at}",
        stored=generator.normal(size=(3, *shape)).astype(np.float32),
        label=generator.choice(np.array([0, 1, IGNORE], dtype=np.uint8), shape),
        valid=generator.random(shape) < 0.6,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a dataset of five tiles without coordinates."""
    return write_dataset(
        tmp_path,
        [tile(at) for at in range(5)],
        radiometry=Radiometry(units=Units.REFLECTANCE, dtype="float32", scale=2, offset=1),
        groups=list(map(str, range(5))),
        scene="scene",
        windows=[Window(0, 0, 4, 3 + at) for at in range(5)],
        tile_size=7,
        plan=SplitPlan(test_share=0.4, val_share=0.3),
    ).path


def test_tiles_come_back(path: Path) -> None:
    dataset = TileDataset(path)
    assert len(dataset) == 5
    for at in range(5):
        found, expected = dataset.tile(at), tile(at)
        assert found.tile_id == expected.tile_id
        assert found.stored.dtype == np.float32
        assert found.valid.dtype == np.bool_
        np.testing.assert_array_equal(found.stored, expected.stored)
        np.testing.assert_array_equal(found.label, expected.label)
        np.testing.assert_array_equal(found.valid, expected.valid)


def test_counted_is_valid_and_labelled() -> None:
    made = Tile(
        tile_id="t",
        stored=np.zeros((1, 1, 4)),
        label=np.array([[0, 1, IGNORE, IGNORE]], dtype=np.uint8),
        valid=np.array([[True, False, True, False]]),
    )
    assert made.counted.tolist() == [[True, False, False, False]]


def test_the_index_counts_pixels(path: Path) -> None:
    index = TileDataset(path).index
    for at in range(5):
        expected = tile(at)
        known = expected.valid & (expected.label != IGNORE)
        assert index["valid_px"][at] == known.sum()
        assert index["landslide_px"][at] == (known & (expected.label == 1)).sum()


def test_every_tile_is_in_one_split(path: Path) -> None:
    dataset = TileDataset(path)
    positions = [at for split in Split for at in dataset.positions(split)]
    assert sorted(positions) == list(range(5))
    number = {split.value: len(dataset.positions(split)) for split in Split}
    assert {name: tiles for name, tiles in number.items() if tiles} == dataset.card.tiles
    assert dataset.card.tiles == {"test": 2, "train": 2, "val": 1}


def test_pixels_cannot_be_changed(path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        TileDataset(path).tile(0).stored[0, 0, 0] = 1


@pytest.mark.parametrize("name", ["images.bin", "labels.bin", "valid.bin"])
@pytest.mark.parametrize("change", [-1, None, 4], ids=["truncated", "missing", "longer"])
def test_an_incomplete_dataset_is_refused(path: Path, name: str, change: int | None) -> None:
    file = path / name
    content = file.read_bytes()
    if change is None:
        file.unlink()
    else:
        file.write_bytes(content[:change] if change < 0 else content + bytes(change))
    found = 0 if change is None else len(content) + change
    message = f"{name}: expected {len(content)} bytes for 5 tiles and found {found}"
    with pytest.raises(InputError, match=message):
        TileDataset(path)


@pytest.mark.parametrize("name", ["dataset.json", "tiles.parquet"])
def test_no_dataset(path: Path, name: str) -> None:
    (path / name).unlink()
    with pytest.raises(InputError, match=r"not a dataset \(dataset.json and tiles.parquet"):
        TileDataset(path)


def rewrite_card(path: Path, **changes: Any) -> None:
    card = json.loads((path / "dataset.json").read_text()) | changes
    (path / "dataset.json").write_text(json.dumps(card))


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_version_is_refused(path: Path, version: Any) -> None:
    rewrite_card(path, version=version, something_new=1)
    with pytest.raises(InputError, match=f"version 1 .* and this is version {version}"):
        TileDataset(path)


@pytest.mark.parametrize(
    "change",
    [{"colour": "red"}, {"units": "feet"}, {"bands": 3}, {"dtype": "red"}, {"dtype": "O"}],
    ids=lambda change: next(iter(change)),
)
def test_a_damaged_description_is_refused(path: Path, change: dict[str, Any]) -> None:
    rewrite_card(path, **change)
    with pytest.raises(InputError, match=r"dataset.json: not a dataset description"):
        TileDataset(path)


@pytest.mark.parametrize("content", [b'{"version": 1', b"\xff\xfe\xfa"], ids=["cut", "binary"])
def test_a_description_that_is_no_json_is_refused(path: Path, content: bytes) -> None:
    (path / "dataset.json").write_bytes(content)
    with pytest.raises(InputError, match=r"dataset.json: not a dataset description"):
        TileDataset(path)


def test_a_truncated_index_is_refused(path: Path) -> None:
    index = path / "tiles.parquet"
    index.write_bytes(index.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"tiles.parquet: not an index of tiles"):
        TileDataset(path)


def test_an_index_without_its_columns_is_refused(path: Path) -> None:
    table = pyarrow.parquet.read_table(path / "tiles.parquet")
    pyarrow.parquet.write_table(table.drop_columns(["height"]), path / "tiles.parquet")
    with pytest.raises(InputError, match=r"tiles.parquet: the index lacks height"):
        TileDataset(path)


def test_a_view_has_another_division_of_the_same_tiles(path: Path) -> None:
    dataset = TileDataset(path)
    splits = [Split.TEST, Split.UNUSED, Split.TRAIN, Split.VALIDATION, Split.TRAIN]
    view = dataset.with_split(splits, "by hand")
    assert view.splits == splits
    assert view.positions(Split.TRAIN) == [2, 4]
    assert view.positions(Split.UNUSED) == [1]
    assert view.card.tiles == {"test": 1, "train": 2, "unused": 1, "val": 1}
    assert (view.card.split_method, view.card.test_share) == ("by hand", 1 / 4)
    assert view.card.val_share == pytest.approx(1 / 3)
    assert view.card.split_sha256 == split_digest(dataset.tile_ids, splits)
    assert view.card.split_sha256 != dataset.card.split_sha256
    assert view.card.pixels_sha256 == dataset.card.pixels_sha256
    for at in range(5):
        np.testing.assert_array_equal(view.tile(at).stored, tile(at).stored)


def test_the_dataset_of_a_view_is_as_it_was(path: Path) -> None:
    dataset = TileDataset(path)
    before, card = dataset.splits, dataset.card
    dataset.with_split([Split.TEST] * 5, "all test")
    assert dataset.splits == before == TileDataset(path).splits
    assert dataset.card == card == TileDataset(path).card


def test_a_view_needs_a_split_for_each_tile(path: Path) -> None:
    with pytest.raises(ValueError, match="each of 5 tiles needs a split; got 4"):
        TileDataset(path).with_split([Split.TRAIN] * 4, "short")


def test_limited_takes_from_training_alone(path: Path) -> None:
    dataset = TileDataset(path).with_split([Split.TRAIN] * 4 + [Split.TEST], "by hand")
    view = dataset.limited(2, seed=0)
    assert view.card.tiles == {"test": 1, "train": 2, "unused": 2}
    assert view.card.split_method == "by hand, 2 training tiles"
    assert view.card.split_sha256 != dataset.card.split_sha256
    assert dataset.limited(4, seed=0).splits == dataset.splits
    with pytest.raises(InputError, match="5 training tiles were requested, and there are 4"):
        dataset.limited(5, seed=0)


def test_columns_that_are_not_there_are_none(path: Path) -> None:
    table = pyarrow.parquet.read_table(path / "tiles.parquet")
    more = ["group", "scene", "geometry", "landslide_px"]
    pyarrow.parquet.write_table(table.drop_columns(more), path / "tiles.parquet")
    dataset = TileDataset(path)
    assert dataset.column("event") == dataset.column("scene") == [None] * 5
    assert dataset.groups == dataset.tile_ids
    assert dataset.column("height") == [3, 4, 5, 6, 7]
    number = len(dataset.positions(Split.TRAIN))
    assert dataset.limited(number, seed=1).splits == dataset.splits
