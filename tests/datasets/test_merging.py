from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS
from tests.factories.datasets import write_dataset
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app
from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Split, Units
from landslip.core.errors import InputError, LandslipWarning, OutputExistsError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.merging import merge_datasets, names_of
from landslip.datasets.splits.assignment import SplitPlan

PLACE = Grid(crs=CRS.from_epsg(32648), transform=Affine(2, 0, 3e5, 0, -2, 3e6), shape=(9, 99))
MakePart = Callable[..., TileDataset]


def tile(name: str, seed: int, side: int) -> Tile:
    generator = np.random.default_rng(seed)
    return Tile(
        tile_id=name,
        stored=generator.integers(0, 60_000, (2, side, side + 1), dtype=np.uint16),
        label=generator.integers(0, 2, (side, side + 1), dtype=np.uint8),
        valid=generator.random((side, side + 1)) < 0.7,
    )


@pytest.fixture
def make_part(tmp_path: Path) -> MakePart:
    """Give the function that writes a dataset of tiles of some names."""

    def make(
        name: str, tiles: list[str], *, side: int = 4, grid: Grid | None = None, **changes: Any
    ) -> TileDataset:
        fields: dict[str, Any] = {"bands": ("red", "nir"), "nodata": 0, "resolution_m": 2}
        return write_dataset(
            tmp_path / name,
            [tile(tile_id, at + 100 * len(name), side) for at, tile_id in enumerate(tiles)],
            scene=f"of {name}",
            windows=[Window(at * (side + 1), 0, side + 1, side) for at in range(len(tiles))],
            groups=[str(at // 2) for at in range(len(tiles))],
            grid=grid,
            **(fields | changes),
        )

    return make


def test_tiles_of_all_parts_come_back(make_part: MakePart, tmp_path: Path) -> None:
    parts = {
        "one": make_part("one", ["a", "b", "c"], grid=PLACE),
        "second": make_part("second", ["d", "e"], side=6),
    }
    told: list[tuple[int, int]] = []
    card = merge_datasets(
        parts, {}, tmp_path / "out", progress=lambda done, total: told.append((done, total))
    )
    joined = TileDataset(tmp_path / "out")
    assert joined.card == card
    assert joined.tile_ids == ["a", "b", "c", "d", "e"]
    sources = [(part, at) for part in parts.values() for at in range(len(part))]
    for at, (part, place) in enumerate(sources):
        found, expected = joined.tile(at), part.tile(place)
        np.testing.assert_array_equal(found.stored, expected.stored)
        np.testing.assert_array_equal(found.label, expected.label)
        np.testing.assert_array_equal(found.valid, expected.valid)
        for column in ("scene", "col_off", "row_off", "valid_px", "landslide_px", "crs_wkt",
                       "transform", "geometry"):  # fmt: skip
            assert joined.column(column)[at] == part.column(column)[place]
    assert told == [(at, 5) for at in range(1, 6)]
    assert (card.tile_size, card.resolution_m, card.source) == (6, 2, "joined: one, second")


def test_places_are_kept_as_geometry(make_part: MakePart, tmp_path: Path) -> None:
    parts = {"one": make_part("one", ["a"], grid=PLACE), "two": make_part("two", ["b"])}
    merge_datasets(parts, {}, tmp_path / "out")
    frame = geopandas.read_parquet(tmp_path / "out" / "tiles.parquet")
    assert frame.crs == 4326
    footprint, none = frame.geometry
    assert none is None
    assert footprint == shapely.from_wkb(parts["one"].index["geometry"][0])


def test_groups_of_two_parts_are_never_one(make_part: MakePart, tmp_path: Path) -> None:
    parts = {name: make_part(name, [f"{name}{at}" for at in range(3)]) for name in ("one", "two")}
    merge_datasets(parts, {}, tmp_path / "out")
    joined = TileDataset(tmp_path / "out")
    assert joined.groups == ["one_0", "one_0", "one_1", "two_0", "two_0", "two_1"]
    splits = joined.splits
    assert splits[0] is splits[1]
    assert splits[3] is splits[4]


def test_names_are_told_apart_where_they_clash(make_part: MakePart, tmp_path: Path) -> None:
    parts = {name: make_part(name, ["a", name]) for name in ("one", "two")}
    merge_datasets(parts, {}, tmp_path / "out")
    joined = TileDataset(tmp_path / "out")
    assert joined.tile_ids == ["one_a", "one_one", "two_a", "two_two"]
    assert joined.column("scene") == ["of one", "of one", "of two", "of two"]
    for part in parts.values():
        part.index["scene"] = ["scene", None]
    merge_datasets(parts, {}, tmp_path / "again")
    scenes = TileDataset(tmp_path / "again").column("scene")
    assert scenes == ["one_scene", "one", "two_scene", "two"]


def test_names_that_still_clash_are_refused(make_part: MakePart, tmp_path: Path) -> None:
    parts = {"a": make_part("a", ["b_c", "x"]), "a_b": make_part("a_b", ["c", "x"])}
    with pytest.raises(InputError, match="names of tiles are unique, and two would be named a_b_c"):
        merge_datasets(parts, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_events_are_those_given_kept_or_the_names_of_parts(
    make_part: MakePart, tmp_path: Path
) -> None:
    parts = {name: make_part(name, [name]) for name in ("x", "yy", "zzz")}
    merge_datasets(parts, {"x": "rain", "yy": "rain"}, tmp_path / "out")
    joined = TileDataset(tmp_path / "out")
    assert joined.column("event") == ["rain", "rain", "zzz"]
    more = {"old": joined, "new": make_part("four", ["w"])}
    merge_datasets(more, {}, tmp_path / "again")
    assert TileDataset(tmp_path / "again").column("event") == ["rain", "rain", "zzz", "new"]
    merge_datasets(more, {"old": "all"}, tmp_path / "named")
    assert TileDataset(tmp_path / "named").column("event") == ["all", "all", "all", "new"]


def test_one_part_has_the_same_pixels_and_digest(make_part: MakePart, tmp_path: Path) -> None:
    part = make_part("one", ["a", "b", "c"])
    card = merge_datasets({"one": part}, {}, tmp_path / "out")
    assert card.pixels_sha256 == part.card.pixels_sha256
    assert card.landslide_share == part.card.landslide_share
    two = merge_datasets({"one": part, "two": part}, {}, tmp_path / "two")
    assert two.pixels_sha256 != card.pixels_sha256
    assert two.landslide_share == pytest.approx(card.landslide_share)


def test_what_differs_and_may_is_not_claimed(make_part: MakePart, tmp_path: Path) -> None:
    parts = {
        "one": make_part("one", ["a"]),
        "two": make_part("two", ["b"], nodata=9, resolution_m=8),
    }
    card = merge_datasets(parts, {}, tmp_path / "out")
    assert (card.nodata, card.resolution_m) == (None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bands": Bands(("nir", "red"))}, "bands here: nir, red, in one: red, nir"),
        (
            {"radiometry": Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1, offset=0)},
            "units here: reflectance, in one: dn",
        ),
        (
            {"radiometry": Radiometry(units=Units.DN, dtype="float32", scale=1, offset=0)},
            "dtype here: float32, in one: uint16",
        ),
        (
            {"radiometry": Radiometry(units=Units.DN, dtype="uint16", scale=2, offset=0)},
            r"scale here: 2\.0, in one: 1\.0",
        ),
        (
            {"radiometry": Radiometry(units=Units.DN, dtype="uint16", scale=1, offset=3)},
            r"offset here: 3\.0, in one: 0\.0",
        ),
    ],
    ids=["bands", "units", "dtype", "scale", "offset"],
)
def test_parts_that_do_not_fit_are_refused(
    make_part: MakePart, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    parts = {"one": make_part("one", ["a"]), "two": make_part("two", ["b"], **change)}
    with pytest.raises(InputError, match=rf"two \(.*two\): merged datasets have .*; {message}; ma"):
        merge_datasets(parts, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_joined_to_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="merging needs at least one dataset"):
        merge_datasets({}, {}, tmp_path / "out")


def test_existing_output_is_refused(make_part: MakePart, tmp_path: Path) -> None:
    part = {"one": make_part("one", ["a", "b"])}
    merge_datasets(part, {}, tmp_path / "out")
    with pytest.raises(OutputExistsError, match="already exists"):
        merge_datasets(part, {}, tmp_path / "out")
    merge_datasets(part, {}, tmp_path / "out", overwrite=True)
    assert Split.TRAIN in TileDataset(tmp_path / "out").splits


def test_tiles_stay_in_their_split_and_duplicates_are_tested_on(
    make_part: MakePart, tmp_path: Path
) -> None:
    """The second dataset tests on tiles that the first trains on."""
    one = make_part("one", ["a", "b", "c", "d"], plan=SplitPlan(test_share=0, val_share=0.5))
    again = make_part("eno", ["a", "b"], plan=SplitPlan(test_share=1.0))
    for same in (0, 1):
        np.testing.assert_array_equal(one.tile(same).stored, again.tile(same).stored)
    joined = landslip.datasets.merge([one, again.path], out=tmp_path / "out")
    assert joined.tile_ids == ["one_a", "one_b", "one_c", "one_d"]
    assert joined.splits == [Split.TEST, Split.TEST, *one.splits[2:]]
    assert joined.card.split_method == "that of each of the joined datasets"
    words = ["dataset", "merge", str(one.path), str(again.path), "--out", str(tmp_path / "cli")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    card = TileDataset(tmp_path / "cli").card
    assert (card.pixels_sha256, card.split_sha256) == (
        joined.card.pixels_sha256,
        joined.card.split_sha256,
    )


def test_tiles_that_test_on_ground_another_dataset_trains_on_are_noted(
    make_part: MakePart, tmp_path: Path
) -> None:
    """Tiles are 5 x 4 pixels and the second dataset begins two pixels to the right."""
    shifted = Grid(
        crs=PLACE.crs, transform=PLACE.transform @ Affine.translation(2, 0), shape=(9, 9)
    )
    apart = replace(PLACE, transform=PLACE.transform @ Affine.translation(0, 4))
    trained = make_part("one", ["a", "b", "c"], grid=PLACE, plan=SplitPlan(test_share=0))
    tested = make_part("four", ["a"], grid=shifted, plan=SplitPlan(test_share=1))
    alike = make_part("seven_", ["a"], grid=shifted, plan=SplitPlan(test_share=0))
    beside = make_part("beside_it", ["a"], grid=apart, plan=SplitPlan(test_share=1))
    with pytest.warns(LandslipWarning, match="^2 of 4 tiles for training or validation show gro"):
        merged = landslip.datasets.merge([trained, tested], out=tmp_path / "out")
    assert merged.card.warnings[0].startswith("2 of 4 tiles")
    assert not landslip.datasets.merge([trained, beside], out=tmp_path / "beside").card.notes
    assert not landslip.datasets.merge([trained, alike], out=tmp_path / "alike").card.notes


def test_folders_of_one_name_are_numbered() -> None:
    folders = [Path("/a/tiles"), Path("/b/tiles"), Path("/b/other")]
    assert names_of(folders) == ["tiles", "tiles_2", "other"]
