from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely import box

from landslip.core.choices import Split, Units
from landslip.core.errors import InputError, OutputExistsError
from landslip.datasets.format import IGNORE, LANDSLIDE, TileDataset
from landslip.datasets.scene import SceneDatasetRequest, dataset_from_scene
from landslip.datasets.splits.assignment import SplitPlan
from landslip.io.label_masks import LabelCodes

WriteRaster = Callable[..., Path]
WritePolygons = Callable[..., Path]
X, Y = 500_000, 4_000_000
SHAPE = (10, 14)


def on_scene(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """Return a rectangle given in columns and rows of the scene."""
    return box(X + left, Y - bottom, X + right, Y - top)


def pixels() -> NDArray[np.uint16]:
    """Return a scene of two bands whose pixels tell their place; none of them is 0."""
    band, row, col = np.mgrid[1:3, : SHAPE[0], : SHAPE[1]]
    stored: NDArray[np.uint16] = (10_000 * band + 100 * row + col).astype(np.uint16)
    return stored


def padded(array: NDArray[Any], fill: int = 0) -> NDArray[Any]:
    """Pad to what tiles of 4 pixels reach: 12 rows, 16 columns."""
    edges = [(0, 0)] * (array.ndim - 2) + [(0, 2), (0, 2)]
    return np.pad(array, edges, constant_values=fill)


@pytest.fixture
def request_(write_raster: WriteRaster, write_polygons: WritePolygons) -> SceneDatasetRequest:
    """Give a request for tiles of 4 pixels of a scene, all of them kept, with one landslide."""
    return SceneDatasetRequest(
        scene=write_raster("scene.tif", pixels(), names=("red", "nir")),
        labels=write_polygons("labels.gpkg", [on_scene(2, 3, 9, 8)]),
        tile=4,
        min_valid=0.01,
    )


def whole(dataset: TileDataset) -> dict[str, NDArray[Any]]:
    """Lay a dataset's tiles of 4 pixels out again; what no tile covers is 77."""
    found: dict[str, NDArray[Any]] = {
        "stored": np.full((2, 12, 16), 77, dtype=np.uint16),
        "label": np.full((12, 16), 77, dtype=np.uint8),
        "valid": np.full((12, 16), 77, dtype=np.uint8),
    }
    for position in range(len(dataset)):
        tile = dataset.tile(position)
        row, col = dataset.index["row_off"][position], dataset.index["col_off"][position]
        for name, array in found.items():
            array[..., row : row + 4, col : col + 4] = getattr(tile, name)
    return found


def test_pixels_labels_and_valid_come_back(request_: SceneDatasetRequest, tmp_path: Path) -> None:
    card = dataset_from_scene(request_, tmp_path / "out").card
    dataset = TileDataset(tmp_path / "out")
    label = np.zeros(SHAPE, dtype=np.uint8)
    label[3:8, 2:9] = LANDSLIDE
    found = whole(dataset)
    np.testing.assert_array_equal(found["stored"], padded(pixels()))
    np.testing.assert_array_equal(found["label"], padded(label))
    np.testing.assert_array_equal(found["valid"], padded(np.ones(SHAPE)))
    assert sum(card.tiles.values()) == len(dataset) == 12
    assert card.landslide_share == pytest.approx(5 * 7 / (10 * 14))
    assert (card.bands, card.dtype, card.resolution_m) == (("red", "nir"), "uint16", 1.0)
    assert card == dataset.card


def test_each_tile_knows_its_place(request_: SceneDatasetRequest, tmp_path: Path) -> None:
    dataset_from_scene(request_, tmp_path / "out")
    frame = geopandas.read_parquet(tmp_path / "out" / "tiles.parquet")
    assert frame.crs == 4326
    assert len(frame) == 12
    for row in frame.to_crs(32650).itertuples():
        corner = on_scene(row.col_off, row.row_off, row.col_off + 4, row.row_off + 4)
        assert row.geometry.symmetric_difference(corner).area < 1e-4
        assert list(row.transform) == [1, 0, X + row.col_off, 0, -1, Y - row.row_off]
        assert row.scene == "scene.tif"
    assert frame.tile_id.is_unique


def test_a_local_system_has_no_place_on_earth(
    write_raster: WriteRaster, request_: SceneDatasetRequest, tmp_path: Path
) -> None:
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    path = write_raster("local.tif", pixels(), names=("red", "nir"), crs=local)
    mask = write_raster("mask.png", np.zeros(SHAPE, dtype=np.uint8))
    card = dataset_from_scene(replace(request_, scene=path, labels=mask), tmp_path / "out").card
    frame = geopandas.read_parquet(tmp_path / "out" / "tiles.parquet")
    assert frame.geometry.isna().all()
    assert list(frame["transform"][0]) == [1, 0, X, 0, -1, Y]
    assert (card.resolution_m, card.landslide_share) == (1.0, 0.0)


def test_units_and_scale_are_kept(
    write_raster: WriteRaster, request_: SceneDatasetRequest, tmp_path: Path
) -> None:
    path = write_raster(
        "scaled.tif", pixels(), names=("red", "nir"), scales=(1e-4,) * 2, offsets=(-0.1,) * 2
    )
    card = dataset_from_scene(replace(request_, scene=path), tmp_path / "out").card
    assert (card.units, card.scale, card.offset) == (Units.REFLECTANCE, 1e-4, -0.1)


@pytest.mark.parametrize(
    ("min_valid", "kept"),
    [
        pytest.param(0.5, {(0, 4), (0, 8), (4, 0), (4, 4), (4, 8), (4, 12), (0, 12)}, id="half"),
        pytest.param(0.51, {(0, 4), (0, 8), (4, 0), (4, 4), (4, 8)}, id="over half"),
        pytest.param(1.0, {(0, 4), (0, 8), (4, 4), (4, 8)}, id="all"),
    ],
)
def test_tiles_with_too_little_are_left_out(
    write_raster: WriteRaster,
    request_: SceneDatasetRequest,
    tmp_path: Path,
    min_valid: float,
    kept: set[tuple[int, int]],
) -> None:
    # tiles of the last row hold 2 of 4 rows and one of them is nodata; of the last column half
    scene = pixels()
    scene[:, :3, :4] = 0
    scene[:, 4, 0] = 0
    scene[:, 9] = 0
    path = write_raster("holed.tif", scene, names=("red", "nir"), nodata=0)
    result = dataset_from_scene(
        replace(request_, scene=path, min_valid=min_valid), tmp_path / "out"
    )
    index = TileDataset(tmp_path / "out").index
    assert set(zip(index["row_off"], index["col_off"], strict=True)) == kept
    assert any(note.startswith(f"{12 - len(kept)} of 12 tiles left out") for note in result.notes)
    assert result.card.nodata == 0


def test_nodata_is_neither_lost_nor_counted(
    write_raster: WriteRaster, request_: SceneDatasetRequest, tmp_path: Path
) -> None:
    scene = pixels()
    scene[:, 4, 3] = 0
    scene[1, 5, 3] = 0  # dark, as the other band has data
    path = write_raster("holed.tif", scene, names=("red", "nir"), nodata=0)
    card = dataset_from_scene(replace(request_, scene=path), tmp_path / "out").card
    valid = np.ones(SHAPE)
    valid[4, 3] = 0
    found = whole(TileDataset(tmp_path / "out"))
    np.testing.assert_array_equal(found["valid"], padded(valid))
    np.testing.assert_array_equal(found["stored"], padded(scene))
    assert card.landslide_share == pytest.approx(34 / 139)


def test_what_was_not_searched_is_ignored(
    request_: SceneDatasetRequest, write_polygons: WritePolygons, tmp_path: Path
) -> None:
    searched = write_polygons("area.gpkg", [on_scene(0, 0, 6, 5), on_scene(99, 0, 100, 1)])
    result = dataset_from_scene(replace(request_, area=searched, min_valid=0.25), tmp_path / "out")
    label = np.full((12, 16), IGNORE)
    label[:5, :6] = 0
    label[3:5, 2:6] = LANDSLIDE
    label[:, 8:] = label[8:, :] = 77  # tiles without a searched pixel
    label[4:8, 4:8] = 77  # 2 of 16 pixels
    found = whole(TileDataset(tmp_path / "out"))["label"]
    np.testing.assert_array_equal(found, label)
    assert any("area.gpkg: 1 of 2 polygons" in note for note in result.notes)
    assert result.card.landslide_share == pytest.approx((2 * 4 - 2) / (5 * 6 - 2))


def test_tiles_are_laid_from_the_corner_of_the_area(
    request_: SceneDatasetRequest, write_polygons: WritePolygons, tmp_path: Path
) -> None:
    searched = write_polygons("area.gpkg", [on_scene(3, 1, 11, 9)])
    dataset_from_scene(replace(request_, area=searched), tmp_path / "out")
    names = TileDataset(tmp_path / "out").index["tile_id"]
    places = {str(name).split("_", 1)[1] for name in names}
    assert places == {"r1_c3", "r1_c7", "r5_c3", "r5_c7"}


@pytest.mark.parametrize("name", ["mask.tif", "mask.png"])
@pytest.mark.parametrize("code", [1, 255])
def test_a_mask_labels_too(
    request_: SceneDatasetRequest, write_raster: WriteRaster, tmp_path: Path, name: str, code: int
) -> None:
    mask = np.random.default_rng(0).integers(0, 2, SHAPE, dtype=np.uint8)
    path = write_raster(name, mask * np.uint8(code))
    dataset_from_scene(replace(request_, labels=path), tmp_path / "out")
    found = whole(TileDataset(tmp_path / "out"))["label"]
    np.testing.assert_array_equal(found, padded(mask, IGNORE))


def test_beside_a_masks_extent_nothing_is_labelled(
    request_: SceneDatasetRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    codes = np.ones((6, 14), dtype=np.uint8)
    codes[0, 0] = 0
    path = write_raster("mask.tif", codes)
    card = dataset_from_scene(replace(request_, labels=path), tmp_path / "out").card
    assert card.landslide_share == pytest.approx(83 / 84)
    assert card.label_warnings[-1].key == "dataset.mostly_landslide"
    found = whole(TileDataset(tmp_path / "out"))["label"]
    assert np.unique(found[6:8]).tolist() == [IGNORE]
    assert np.unique(found[:6, 1:14]).tolist() == [LANDSLIDE]


def test_options_of_another_kind_of_labels_are_refused(
    request_: SceneDatasetRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    path = write_raster("mask.tif", np.eye(8, dtype=np.uint8))
    with pytest.raises(InputError, match=r"mask.tif: layer is of a vector file"):
        dataset_from_scene(replace(request_, labels=path, layer="a"), tmp_path / "out")
    codes = LabelCodes.parse("1", None)
    with pytest.raises(InputError, match="are for label rasters, and these are polygons"):
        dataset_from_scene(replace(request_, codes=codes), tmp_path / "out")


def test_labels_of_landslides_alone_are_refused(
    request_: SceneDatasetRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    path = write_raster("mask.tif", np.ones((6, 14), dtype=np.uint8))
    with pytest.raises(InputError, match=r"every labelled pixel is landslide, .*background_value"):
        dataset_from_scene(replace(request_, labels=path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("in_corner", [True, False], ids=["corner", "spread"])
def test_labels_of_a_corner_without_an_area_are_noted(
    request_: SceneDatasetRequest, write_raster: WriteRaster, tmp_path: Path, in_corner: bool
) -> None:
    scene = np.random.default_rng(0).integers(1, 999, (2, 64, 64)).astype(np.uint16)
    path = write_raster("large.tif", scene, names=("red", "nir"))
    codes = np.full((64, 64), 255, dtype=np.uint8)  # the mask marks landslides alone
    codes[1:3, 1:3] = codes[5:7, 9:11] = 1
    if not in_corner:
        codes[61:63, 61:63] = codes[5:7, 61:63] = codes[61:63, 5:7] = 1
    labels = write_raster("corner.tif", codes, nodata=255)
    request = replace(request_, scene=path, labels=labels, tile=4)
    result = dataset_from_scene(request, tmp_path / "out")
    noted = [note for note in result.notes if "outside of the convex hull" in note]
    assert bool(noted) == in_corner
    assert result.card.landslide_share == pytest.approx(np.mean(codes == 1))
    if in_corner:  # all but 10 tiles within a tile of the two with landslides, and between them
        assert noted[0].startswith("96% of the 254 tiles without landslides")


def test_all_for_the_test(request_: SceneDatasetRequest, tmp_path: Path) -> None:
    plan = SplitPlan(test_share=1)
    card = dataset_from_scene(replace(request_, plan=plan), tmp_path / "out").card
    dataset = TileDataset(tmp_path / "out")
    assert card.tiles == {"test": 12}
    assert dataset.positions(Split.TEST) == list(range(12))
    assert dataset.positions(Split.TRAIN) == []


def test_the_seed_deals_the_tiles(request_: SceneDatasetRequest, tmp_path: Path) -> None:
    cards = [
        dataset_from_scene(
            replace(request_, plan=SplitPlan(test_share=0.5, seed=seed)), tmp_path / name
        ).card
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    ]
    assert cards[0] == cards[1]
    assert cards[0].pixels_sha256 == cards[2].pixels_sha256
    assert cards[0].split_sha256 != cards[2].split_sha256


def test_without_a_tile_nothing_is_written(
    request_: SceneDatasetRequest, write_raster: WriteRaster, tmp_path: Path
) -> None:
    scene = np.zeros((2, *SHAPE), dtype=np.uint16)
    path = write_raster("empty.tif", scene, names=("red", "nir"), nodata=0)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"none of its 12 tiles of 4 px has 1% valid"):
        dataset_from_scene(replace(request_, scene=path), tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_an_earlier_dataset_is_not_overwritten(
    request_: SceneDatasetRequest, tmp_path: Path
) -> None:
    dataset_from_scene(request_, tmp_path / "out")
    with pytest.raises(OutputExistsError, match="already exists"):
        dataset_from_scene(request_, tmp_path / "out")
    smaller = replace(request_, tile=2)
    dataset_from_scene(smaller, tmp_path / "out", overwrite=True)
    assert len(TileDataset(tmp_path / "out")) == 5 * 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": 0}, "tile is at least 1 pixel; got 0"),
        ({"min_valid": 0.0}, "min_valid is over 0 and at most 1; got 0.0"),
        ({"min_valid": 1.1}, "min_valid is over 0 and at most 1; got 1.1"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SceneDatasetRequest(scene=Path("scene.tif"), labels=Path("labels.gpkg"), **options)
