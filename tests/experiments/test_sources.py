import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.pairs import PairsRequest, dataset_from_pairs
from landslip.datasets.splits.assignment import SplitPlan
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.sources import prepare_datasets, source_notes

WriteRaster = Callable[..., Path]
METRES = Affine(1, 0, 500_000, 0, -1, 4_000_000)


def experiment(**datasets: dict[str, Any]) -> ExperimentConfig:
    """Return an experiment of these data sets; underscores in their names become hyphens."""
    return ExperimentConfig.model_validate(
        {
            "name": "test",
            "datasets": {name.replace("_", "-"): known for name, known in datasets.items()},
            "splits": {"random": {"method": "random"}},
            "methods": {"svm": {"arch": "svm"}},
        }
    )


def image(seed: int, shape: tuple[int, ...] = (3, 8, 8)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def mask(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(100 + seed).integers(0, 2, (8, 8)).astype(np.uint8)


@pytest.fixture
def pairs(write_raster: WriteRaster, tmp_path: Path) -> dict[str, Any]:
    """Give a source of three pairs in two folders, a0, a1 and b2."""
    for at, name in enumerate(("first/images/a0", "first/images/a1", "second/images/b2")):
        write_raster(f"{name}.png", image(at))
        write_raster(f"{name.replace('images', 'masks')}.png", mask(at))
    return {
        "images": [str(tmp_path / "first/images"), str(tmp_path / "second/images")],
        "masks": [str(tmp_path / "first/masks"), str(tmp_path / "second/masks")],
        "bands": ["R", "G", "B"],
        "groups": "([a-z])",
    }


def test_pairs_of_several_folders(pairs: dict[str, Any], tmp_path: Path) -> None:
    made = prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")["hills"]
    assert made.path == tmp_path / "out" / "hills"
    assert made.card.bands == ("red", "green", "blue")
    assert made.index["tile_id"] == ["a0", "a1", "b2"]
    assert made.index["group"] == ["a", "a", "b"]
    assert made.positions(Split.TRAIN) == [0, 1, 2]
    for at in range(3):
        np.testing.assert_array_equal(made.tile(at).stored, image(at))
        np.testing.assert_array_equal(made.tile(at).label, mask(at))
    (note,) = source_notes(tmp_path / "out", "hills")
    assert note.startswith("54% of the labelled pixels are landslide")


def test_bands_are_taken_as_told(write_raster: WriteRaster, tmp_path: Path) -> None:
    write_raster("all/p.png", image(0))
    write_raster("all/p_label.png", mask(0))
    source = {
        "images": [str(tmp_path / "all")],
        "masks": [str(tmp_path / "all")],
        "mask_suffix": "_label",
        "bands": ["nir", "red", "green"],
        "take": {"red": "nir", "green": "green", "blue": "green"},
    }
    made = prepare_datasets(experiment(p={"pairs": source}), tmp_path / "out")["p"]
    assert made.card.bands == ("red", "green", "blue")
    np.testing.assert_array_equal(made.tile(0).stored, image(0)[[0, 2, 2]])
    np.testing.assert_array_equal(made.tile(0).label, mask(0))
    assert made.card.source == "pairs: all; red is the files' nir; blue is the files' green"
    (note,) = source_notes(tmp_path / "out", "p")
    assert note.startswith("59% of the labelled pixels are landslide")


@pytest.fixture
def scene(write_raster: WriteRaster, tmp_path: Path) -> dict[str, Any]:
    """Give a source of a scene of 16 x 24 m, with one landslide and the area that was searched."""
    write_raster("scene.tif", image(5, (4, 16, 24)), names=("blue", "green", "red", "nir"))
    left, top = 500_000, 4_000_000
    for name, shape in (
        ("slides.shp", shapely.box(left + 2, top - 6, left + 5, top - 1)),
        ("area.gpkg", shapely.box(left, top - 16, left + 16, top)),
    ):
        geopandas.GeoDataFrame(geometry=[shape], crs=32650).to_file(tmp_path / name)
    return {
        "scene": str(tmp_path / "scene.tif"),
        "labels": str(tmp_path / "slides.shp"),
        "area": str(tmp_path / "area.gpkg"),
        "tile": 8,
    }


def test_a_scene_is_cut(scene: dict[str, Any], tmp_path: Path) -> None:
    made = prepare_datasets(experiment(s={"scene": scene}), tmp_path / "out")["s"]
    assert len(made) == 4
    expected = np.zeros((8, 8), dtype=np.uint8)
    expected[1:6, 2:5] = 1
    np.testing.assert_array_equal(made.tile(0).label, expected)
    np.testing.assert_array_equal(made.tile(3).stored, image(5, (4, 16, 24))[:, 8:16, 8:16])
    assert made.card.tiles == {"train": 4}
    notes = source_notes(tmp_path / "out", "s")
    assert any("2 of 6 tiles left out" in note for note in notes)


def test_tiles_are_opened_where_they_lie(pairs: dict[str, Any], tmp_path: Path) -> None:
    request = PairsRequest(
        images=(Path(pairs["images"][0]),),
        masks=(Path(pairs["masks"][0]),),
        bands=Bands(("red", "green", "blue")),
        plan=SplitPlan(),
    )
    dataset_from_pairs(request, tmp_path / "tiles")
    config = experiment(t={"tiles": str(tmp_path / "tiles")})
    assert prepare_datasets(config, tmp_path / "out")["t"].path == tmp_path / "tiles"
    assert not (tmp_path / "out").exists()
    assert source_notes(tmp_path / "out", "t") == ()


def test_data_sets_are_joined_with_their_events(pairs: dict[str, Any], tmp_path: Path) -> None:
    parts = [
        {**pairs, "images": [pairs["images"][at]], "masks": [pairs["masks"][at]]} for at in (0, 1)
    ]
    config = experiment(
        both={"join": ["first", "second"]},
        first={"pairs": parts[0]},
        second={"pairs": parts[1], "event": "rain"},
    )
    made = prepare_datasets(config, tmp_path / "out")
    assert list(made) == ["both", "first", "second"]
    assert made["both"].index["event"] == ["first", "first", "rain"]
    np.testing.assert_array_equal(made["both"].tile(2).stored, image(2))
    prepare_datasets(config, tmp_path / "out")
    other = config.model_dump() | {"datasets": config.model_dump()["datasets"]}
    other["datasets"]["second"]["event"] = "earthquake"
    with pytest.raises(InputError, match=r"data set both: .*was made with other events than"):
        prepare_datasets(ExperimentConfig.model_validate(other), tmp_path / "out")


# made once


def stamps(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_finished_data_set_is_taken_up_again(pairs: dict[str, Any], tmp_path: Path) -> None:
    config, told = experiment(hills={"pairs": pairs}), list[str]()
    prepare_datasets(config, tmp_path / "out", told.append)
    before = stamps(tmp_path / "out")
    prepare_datasets(config, tmp_path / "out", told.append)
    assert stamps(tmp_path / "out") == before
    assert told == ["data set hills ...", "data set hills: already made"]


def test_files_that_were_copied_or_moved_count_as_the_same(
    pairs: dict[str, Any], tmp_path: Path
) -> None:
    prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")
    os.utime(tmp_path / "first/images/a0.png", ns=(1, 1))
    prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")
    (tmp_path / "first").rename(tmp_path / "moved")
    for kind in ("images", "masks"):
        pairs[kind][0] = str(tmp_path / "moved" / kind)
    prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"bands": ["blue", "green", "red"]}, "bands", id="setting"),
        pytest.param({"take": {"red": "red"}}, "take", id="bands taken"),
        pytest.param({"groups": "([a-z].)", "nodata": 0}, "groups, nodata", id="two settings"),
        pytest.param({"images": 1, "masks": 1}, "files", id="a folder less"),
    ],
)
def test_another_description_is_refused(
    pairs: dict[str, Any], tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")
    change = {key: pairs[key][:1] if known == 1 else known for key, known in change.items()}
    message = rf"^data set hills: .*out/hills: was made with other {named} than the configuration"
    with pytest.raises(InputError, match=message):
        prepare_datasets(experiment(hills={"pairs": pairs | change}), tmp_path / "out")


def test_the_order_of_bands_counts(pairs: dict[str, Any], tmp_path: Path) -> None:
    takes = [{"red": "red", "green": "green"}, {"green": "green", "red": "red"}]
    prepare_datasets(experiment(hills={"pairs": pairs | {"take": takes[0]}}), tmp_path / "out")
    with pytest.raises(InputError, match="made with other take"):
        prepare_datasets(experiment(hills={"pairs": pairs | {"take": takes[1]}}), tmp_path / "out")


def test_nodata_of_nan_is_the_same_nodata_again(pairs: dict[str, Any], tmp_path: Path) -> None:
    config = experiment(hills={"pairs": pairs | {"nodata": float("nan")}})
    prepare_datasets(config, tmp_path / "out")
    assert len(prepare_datasets(config, tmp_path / "out")["hills"]) == 3


def test_a_changed_file_of_the_same_size_is_refused(
    pairs: dict[str, Any], scene: dict[str, Any], tmp_path: Path
) -> None:
    config = experiment(hills={"pairs": pairs}, s={"scene": scene})
    prepare_datasets(config, tmp_path / "out")
    changed = tmp_path / "slides.dbf"  # belongs to the shapefile
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    with pytest.raises(InputError, match=r"^data set s: .*was made with other files"):
        prepare_datasets(config, tmp_path / "out")


def test_a_table_of_groups_counts_as_a_file(pairs: dict[str, Any], tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_text("name,group\na0,x\na1,y\nb2,x\n")
    config = experiment(hills={"pairs": pairs | {"groups": str(table)}})
    made = prepare_datasets(config, tmp_path / "out")["hills"]
    assert made.index["group"] == ["x", "y", "x"]
    table.write_text("name,group\na0,x\na1,x\nb2,x\n")
    with pytest.raises(InputError, match=r"^data set hills: .*was made with other files"):
        prepare_datasets(config, tmp_path / "out")


def test_what_fails_is_begun_again(
    pairs: dict[str, Any], write_raster: WriteRaster, tmp_path: Path
) -> None:
    write_raster("second/masks/b2.png", 7 * mask(2))
    config = experiment(hills={"pairs": pairs})
    with pytest.raises(InputError, match=r"^data set hills: .*b2.png: masks contain 0 and 1"):
        prepare_datasets(config, tmp_path / "out")
    assert not (tmp_path / "out" / "hills").exists()
    write_raster("second/masks/b2.png", mask(2))
    assert len(prepare_datasets(config, tmp_path / "out")["hills"]) == 3


def test_what_a_crash_leaves_is_removed(pairs: dict[str, Any], tmp_path: Path) -> None:
    left = tmp_path / "out" / ".hills.99999999.partial"
    (left / "tiles").mkdir(parents=True)
    prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")
    assert not left.exists()


@pytest.mark.parametrize("record", [None, "{", '{"settings": {}}'])
def test_a_folder_of_somebody_else_is_left_alone(
    pairs: dict[str, Any], tmp_path: Path, record: str | None
) -> None:
    folder = tmp_path / "out" / "hills"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    if record is not None:
        (folder / "source.json").write_text(record)
    with pytest.raises(InputError, match=r"^data set hills: .*was not made by an experiment"):
        prepare_datasets(experiment(hills={"pairs": pairs}), tmp_path / "out")
    assert (folder / "notes.txt").read_text() == "mine"


# what is refused before anything is made


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(
            {"pairs": {"images": ["none"], "masks": ["none"], "bands": ["red"]}},
            r"data set wrong: .*none: no such folder; check images",
            id="no folder",
        ),
        pytest.param(
            {"scene": {"scene": "none.tif", "labels": "none.gpkg"}},
            r"data set wrong: none.tif: no such file",
            id="no scene",
        ),
        pytest.param({"tiles": "none"}, r"data set wrong: none: not a dataset", id="no tiles"),
        pytest.param(
            {"join": ["hills", "hills"]}, r"data set wrong: each .* once", id="joined twice"
        ),
        pytest.param(
            {"join": ["hills", "wrong"]}, r"data set wrong: wrong is itself joined", id="a circle"
        ),
        pytest.param(
            {"synthetic": {"preset": "small", "date": "20141002"}},
            r"data set wrong: .* small has the dates 20130812, 20150805; got 20141002",
            id="another date",
        ),
    ],
)
def test_what_is_missing_is_told_before_anything_is_made(
    pairs: dict[str, Any], tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        prepare_datasets(experiment(hills={"pairs": pairs}, wrong=wrong), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bands_that_the_files_do_not_have(pairs: dict[str, Any], tmp_path: Path) -> None:
    config = experiment(hills={"pairs": pairs | {"take": {"red": "nir"}}})
    message = r"red is read from nir, which is not among the files' bands red,green,blue"
    with pytest.raises(InputError, match=message):
        prepare_datasets(config, tmp_path / "out")


# synthetic terrain


Ground = tuple[dict[str, TileDataset], list[str]]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Make two dates of one ground, after an attempt that fails when the tiles are cut."""
    out, told = tmp_path_factory.mktemp("made") / "out", list[str]()
    with pytest.raises(InputError, match=r"^data set before: .*none of its \d+ tiles of 4096 px"):
        prepare_datasets(synthetic_experiment(tile=4096), out, told.append)
    assert [path.name for path in out.iterdir()] == ["synthetic--small-0"]
    return prepare_datasets(synthetic_experiment(), out, told.append), told


def synthetic_experiment(tile: int = 64) -> ExperimentConfig:
    """Name two dates of one ground."""
    return experiment(
        before={"synthetic": {"preset": "small", "date": "20130812", "tile": tile}},
        after={"synthetic": {"preset": "small", "date": "20150805", "tile": tile}},
    )


def test_dates_of_made_up_ground_are_tiles_of_the_same_ground(
    ground: Ground,
) -> None:
    made, _ = ground
    before, after = made["before"], made["after"]
    assert len(before) == len(after) == 8 * 10
    assert before.card.bands == ("blue", "green", "red", "nir")
    for first, second in zip(before.index["transform"], after.index["transform"], strict=True):
        assert list(first) == list(second)
    assert not np.array_equal(before.tile(0).stored, after.tile(0).stored)
    for dataset in (before, after):
        share = dataset.card.landslide_share
        assert share is not None
        assert 0.02 < share < 0.06
    notes = source_notes(before.path.parent, "before")
    assert notes[0] == "synthetic terrain: preset small, seed 0, 20130812"


def test_landslides_of_made_up_ground_are_brighter_than_what_is_around_them(
    ground: Ground,
) -> None:
    dataset = ground[0]["after"]
    red = dataset.bands.names.index("red")
    tiles = [dataset.tile(at) for at in range(len(dataset))]
    inside, outside = (
        np.concatenate([tile.stored[red][tile.valid & (tile.label == code)] for tile in tiles])
        for code in (1, 0)
    )
    assert np.median(inside) > 1.3 * np.median(outside)


def test_ground_and_scenes_are_made_once_and_not_kept(
    ground: Ground,
) -> None:
    made, told = ground
    assert told.count("landscape ...") == 1
    assert told.count("20130812: scene ...") == told.count("20150805: scene ...") == 1
    out = made["before"].path.parent
    assert sorted(path.name for path in out.iterdir()) == ["after", "before"]
    told.clear()
    prepare_datasets(synthetic_experiment(), out, told.append)
    assert told == [f"data set {name}: already made" for name in ("before", "after")]
