"""Several extractions or files of polygons become one inventory."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from tests.inventory.factories import UTM, SyntheticExtraction, make_extraction
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app
from landslip.core.errors import InputError
from landslip.core.messages import message
from landslip.inventory.detections import valid_outline
from landslip.inventory.polygons.dissolve import dissolve
from landslip.inventory.record import read_record
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory
from landslip.inventory.several import expand_sources

SHAPE = (700, 900)
TO_MAP = Affine(2.0, 0, 400_000, 0, -2.0, 3_460_000)
NODATA = 255
ORIGIN = np.array([400_000.0, 3_459_000.0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def levels() -> NDArray[np.uint8]:
    """Probabilities with some hundred patches of all sizes, and a corner without data."""
    noise = np.random.default_rng(0).standard_normal(SHAPE)
    smooth = ndimage.gaussian_filter(noise, 6)
    levels: NDArray[np.uint8] = np.clip(125 + 60 * smooth / smooth.std(), 0, 250).astype(np.uint8)
    levels[:90, :120] = NODATA
    return levels


def write_map(
    made: SyntheticExtraction, folder: Path, levels: NDArray[np.uint8], to_map: Affine, **said: Any
) -> Path:
    """Write a folder that looks like an extraction of these probabilities."""
    folder.mkdir(parents=True)
    height, width = levels.shape
    summary = json.loads((made.extraction / "summary.json").read_text())
    valid_px = int((levels != NODATA).sum())
    summary |= {"width": width, "height": height, "valid_px": valid_px, "threshold": 0.6}
    summary |= {"scene": f"{folder.name}.tif", "scene_place": str(folder / "none.tif"), **said}
    (folder / "summary.json").write_text(json.dumps(summary))
    crs = said.get("crs", UTM)
    profile = {"driver": "GTiff", "count": 1, "height": height, "width": width, "nodata": NODATA}
    with rasterio.open(
        folder / "probability.tif", "w", dtype="uint8", crs=crs, transform=to_map, **profile
    ) as file:
        file.write(levels, 1)
    return folder


def crop(
    made: SyntheticExtraction, folder: Path, levels: NDArray[np.uint8], rows: slice, cols: slice
) -> Path:
    to_map = TO_MAP @ Affine.translation(cols.start, rows.start)
    return write_map(made, folder, levels[rows, cols], to_map)


def inventory(out: Path, *sources: Path, **options: Any) -> geopandas.GeoDataFrame:
    first, *others = sources
    request = InventoryRequest(source=first, others=tuple(others), out=out, draws=0, **options)
    make_inventory(request)
    return read(out)


def read(out: Path, layer: str = "landslides") -> geopandas.GeoDataFrame:
    return geopandas.read_file(out / "inventory.gpkg", layer=layer)


CUTS = {
    "side by side": [(slice(0, 700), slice(0, 410)), (slice(0, 700), slice(410, 900))],
    "at the edge of a block": [(slice(0, 512), slice(0, 900)), (slice(512, 700), slice(0, 900))],
    "overlapping": [(slice(0, 700), slice(0, 500)), (slice(0, 700), slice(333, 900))],
    "four with overlaps": [
        (slice(0, 400), slice(0, 512)),
        (slice(0, 400), slice(480, 900)),
        (slice(380, 700), slice(0, 530)),
        (slice(400, 700), slice(530, 900)),
    ],
}


@pytest.fixture(scope="module")
def whole(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    inventory(folder / "inventory", write_map(made, folder / "map", levels, TO_MAP))
    return folder


@pytest.mark.parametrize("cut", CUTS)
def test_parts_of_a_scene_give_what_the_scene_gives(
    made: SyntheticExtraction, levels: NDArray[np.uint8], whole: Path, cut: str, tmp_path: Path
) -> None:
    expected = read(whole / "inventory")
    parts = [
        crop(made, tmp_path / "maps" / f"PL_2024081{number}", levels, *window)
        for number, window in enumerate(CUTS[cut])
    ]
    found = inventory(tmp_path / "found", *parts)
    assert len(found) == len(expected) > 100
    assert shapely.equals_exact(
        shapely.normalize(found.geometry.to_numpy()),
        shapely.normalize(expected.geometry.to_numpy()),
    ).all()
    differing = ["scene", "date"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(found.drop(columns=["geometry", *differing])),
        pd.DataFrame(expected.drop(columns=["geometry", *differing])),
    )
    assert set(found["scene"]) == {f"{part.name}.tif" for part in parts}
    assert (found["date"].str.replace("-", "") == found["scene"].str[3:11]).all()
    record, before = read_record(tmp_path / "found"), read_record(whole / "inventory")
    assert record.mapped_m2 == before.mapped_m2
    assert record.cleaning == before.cleaning
    assert [scene.name for scene in record.scenes] == [f"{part.name}.tif" for part in parts]
    assert record.dates == ("2024-08-10", f"2024-08-1{len(parts) - 1}")
    assert read(tmp_path / "found", "density")["per_km2"].equals(
        read(whole / "inventory", "density")["per_km2"]
    )


def test_the_mapped_area_does_not_depend_on_overviews(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    """Extractions have them, their union has none; halves and whole have the same density."""
    shape = (200, 600)  # of more than 512 px, where an overview could be read
    levels = np.random.default_rng(0).choice(np.array([0, NODATA], dtype=np.uint8), shape)
    file = write_map(made, tmp_path / "map", levels, TO_MAP) / "probability.tif"
    expected = valid_outline(file)
    with rasterio.open(file, "r+") as raster:
        raster.build_overviews([2, 4], rasterio.enums.Resampling.mode)
    assert shapely.equals(valid_outline(file), expected)
    assert shapely.area(expected) == pytest.approx(0.5 * 200 * 600 * 4, rel=0.01)


def test_the_order_of_sources_changes_nothing(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Neither of extractions nor of files; landslides in overlaps are whole in both."""
    windows = [(slice(0, 400), slice(0, 500)), (slice(0, 400), slice(333, 900))]
    maps = [
        crop(made, tmp_path / f"PL_2024081{number}", levels, *window)
        for number, window in enumerate(windows)
    ]
    files = []
    for number, folder in enumerate(maps):
        files.append(tmp_path / f"{number}.gpkg")
        found = inventory(tmp_path / f"alone_{number}", folder)
        found[["area_m2", "geometry"]].assign(mapper=f"mapper {number}").to_file(files[-1])
    for name, sources in {"maps": maps, "files": files}.items():
        one = inventory(tmp_path / name, *sources)
        other = inventory(tmp_path / f"{name}_reversed", *sources[::-1])
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other), check_exact=True)
        records = [read_record(tmp_path / folder) for folder in (name, f"{name}_reversed")]
        assert records[0] == records[1]
        assert records[0].source.place == str(sources[0])


def test_each_landslide_has_the_scene_that_shows_most_of_it(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    levels = np.full((300, 600), 10, dtype=np.uint8)
    levels[100:140, 270:310] = 240  # cut at 300: three quarters to the left
    levels[200:240, 290:340] = 240
    left = crop(made, tmp_path / "maps" / "left", levels, slice(0, 300), slice(0, 300))
    right = crop(made, tmp_path / "maps" / "right", levels, slice(0, 300), slice(300, 600))
    found = inventory(tmp_path / "out", left.parent)  # the folder of both
    assert found["scene"].tolist() == ["right.tif", "left.tif"]
    assert found["area_m2"].tolist() == pytest.approx([8000, 6400], rel=0.02)
    other = inventory(tmp_path / "again", right, left)
    assert other["scene"].tolist() == ["right.tif", "left.tif"]


def other_grids(
    made: SyntheticExtraction, folder: Path, epsg: int, pixel_m: float
) -> tuple[Path, Path]:
    """Write a map at 2 m and a neighbour in another system that overlaps it by 100 m.

    Each has a landslide of its own, and they share one of 100 m by 80 m over the seam.
    """
    landslides = [shapely.box(100, 100, 160, 180), shapely.box(560, 200, 660, 280)]
    landslides += [shapely.box(800, 300, 860, 360)]
    frame = geopandas.GeoSeries(
        [shapely.transform(one, lambda at: at + ORIGIN) for one in landslides],
        crs=UTM,
    )
    written = []
    for name, crs, side, left in (("a", UTM, 2.0, 0.0), ("b", f"EPSG:{epsg}", pixel_m, 500.0)):
        area = shapely.box(left, 0, left + 600, 500)
        moved = geopandas.GeoSeries(
            [shapely.transform(area, lambda at: at + ORIGIN)], crs=UTM
        ).to_crs(crs)
        west, south, east, north = moved.total_bounds
        shape = int((north - south) / side), int((east - west) / side)
        to_map = Affine(side, 0, west + (0.37 * side if name == "b" else 0.0), 0, -side, north)
        inside = rasterio.features.rasterize(moved, shape, transform=to_map)
        levels = rasterio.features.rasterize(
            [(one, 240) for one in frame.to_crs(crs)], shape, fill=10, transform=to_map
        )
        levels[inside == 0] = NODATA
        written.append(write_map(made, folder / name, levels.astype(np.uint8), to_map, crs=crs))
    return written[0], written[1]


@pytest.mark.parametrize(("epsg", "pixel_m"), [(32648, 3.0), (32649, 2.0), (32648, 2.0)])
def test_scenes_of_other_zones_pixels_and_grids_are_put_together_as_polygons(
    made: SyntheticExtraction, epsg: int, pixel_m: float, tmp_path: Path
) -> None:
    left, right = other_grids(made, tmp_path / "maps", epsg, pixel_m)
    cleaning = CleaningOptions(smooth=False, split=False)
    found = inventory(tmp_path / "out", left, right, cleaning=cleaning)
    assert found["area_m2"].tolist() == pytest.approx([8000, 4800, 3600], rel=0.08)
    assert found["scene"].tolist()[1:] == ["a.tif", "b.tif"]
    assert found.crs == UTM
    assert found["confidence"].tolist() == pytest.approx([0.96] * 3)
    record = read_record(tmp_path / "out")
    assert record.mapped_m2 == pytest.approx(1100 * 500, rel=0.02)
    assert any("4 polygons of different sources are 3 landslides" in n for n in record.notes)


def test_a_landslide_that_the_edge_of_another_grid_cuts_is_one(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    """The neighbour begins where the first ends, a third of a pixel off."""
    levels = np.full((200, 200), 10, dtype=np.uint8)
    levels[50:90, 150:] = 240
    left = write_map(made, tmp_path / "a", levels, TO_MAP)
    other = levels[:, ::-1].copy()
    right = write_map(made, tmp_path / "b", other, TO_MAP @ Affine.translation(200.4, 0.3))
    cleaning = CleaningOptions(smooth=False, split=False)
    found = inventory(tmp_path / "out", left, right, cleaning=cleaning)
    assert len(found) == 1
    assert set(shapely.get_num_geometries(found.geometry.to_numpy())) == {1}
    assert found["area_m2"].tolist() == pytest.approx([40 * 100.4 * 4], rel=0.01)


def test_what_cannot_be_one_inventory_is_refused(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    part = levels[:100, :100]
    first = write_map(made, tmp_path / "a", part, TO_MAP)
    other = write_map(made, tmp_path / "b", part, TO_MAP, model_weights_sha256="cd" * 32)
    with pytest.raises(InputError, match="was extracted with another model than"):
        inventory(tmp_path / "out", first, other)
    other = write_map(made, tmp_path / "c", part, TO_MAP, threshold=0.7)
    with pytest.raises(InputError, match=r"another threshold than .*\(threshold 0.7, there 0.6\)"):
        inventory(tmp_path / "out", first, other)
    with pytest.raises(InputError, match="is given 2 times"):
        inventory(tmp_path / "out", first, first)
    with pytest.raises(InputError, match="none: no such file or folder"):
        inventory(tmp_path / "out", first, tmp_path / "none")
    with pytest.raises(InputError, match="date_column is for a file of polygons"):
        inventory(tmp_path / "out", first, date_column="year")
    polygons = tmp_path / "mapped.gpkg"
    boxes([(0, 0, 9, 9)]).to_file(polygons)
    with pytest.raises(InputError, match=r"is the folder of an extraction and .* holds polygons"):
        inventory(tmp_path / "out", first, polygons)
    with pytest.raises(InputError, match=r"tif: neither the folder of an extraction nor a"):
        inventory(tmp_path / "out", first, made.scene)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_results_with_one_that_is_not_finished_is_refused(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    maps = tmp_path / "maps"
    for name in ("a", "b"):
        write_map(made, maps / name, levels[:100, :100], TO_MAP)
    (maps / "notes.txt").touch()
    (maps / ".a.work").mkdir()  # of a second run over a result that is still there
    assert expand_sources([maps]) == [maps / "a", maps / "b"]
    (maps / ".c.work").mkdir()
    with pytest.raises(InputError, match=r"maps/c: its extraction is not finished; run it again"):
        inventory(tmp_path / "out", maps)
    (maps / ".c.work").rmdir()
    (maps / "b" / "summary.json").unlink()
    with pytest.raises(InputError, match=r"maps/b: not the folder of a finished extraction"):
        inventory(tmp_path / "out", maps)


def boxes(sides: list[tuple[float, float, float, float]], **columns: object) -> Any:
    shapes = [shapely.transform(shapely.box(*box), lambda at: at + ORIGIN) for box in sides]
    return geopandas.GeoDataFrame(columns, geometry=shapes, crs=UTM)


def test_files_of_polygons_keep_columns_and_lose_duplicates(tmp_path: Path) -> None:
    """The second overlaps the first's last, from another zone; a corner alone is no contact."""
    one = boxes([(0, 0, 100, 50), (200, 0, 300, 100)], name=["a", "b"], date=["2008", "2009"])
    one.to_file(tmp_path / "one.gpkg")
    other = boxes([(250, 0, 400, 100), (100, 50, 120, 70)], name=["c", "d"], by=["Li", "Wu"])
    other.to_crs(32649).to_file(tmp_path / "other.gpkg")
    found = inventory(tmp_path / "out", tmp_path / "one.gpkg", tmp_path / "other.gpkg")
    assert found["area_m2"].tolist() == pytest.approx([20_000, 5_000, 400], rel=1e-3)
    assert found["name"].tolist() == ["c", "a", "d"]
    assert found["by"].tolist()[0] == "Li"
    assert found["date"].tolist()[1] == "2008"
    assert found["id"].tolist() == [1, 2, 3]


def test_an_inventory_and_a_file_of_polygons_keep_their_own_values(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    """What is known of unchanged landslides stays with them, wherever the other file is listed."""
    before = inventory(tmp_path / "m", made.extraction, auxiliary=AuxiliaryData(dem=made.dem))
    others = boxes([(0, 0, 500, 300), (0, 400, 10, 410)], by=["Li", "Wu"])
    for name in ("a", "z"):
        others.to_file(tmp_path / f"{name}.gpkg")
        found = inventory(tmp_path / f"out_{name}", tmp_path / f"{name}.gpkg", tmp_path / "m")
        assert len(found) == len(before) + 2
        mine = found[found["by"].isna()]
        for column in ("slope_deg", "area_m2", "confidence", "model"):
            assert mine[column].tolist() == before[column].tolist()
        assert found.loc[found["by"].notna(), "slope_deg"].isna().all()


def test_polygons_of_one_source_are_left_as_they_are() -> None:
    shapes = np.array([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)], dtype=object)
    merged, members = dissolve(shapes, np.array([0, 0]))
    assert [part.tolist() for part in members] == [[0], [1]]
    assert shapely.area(merged).tolist() == [4, 4]
    merged, members = dissolve(shapes, np.array([0, 1]))
    assert [part.tolist() for part in members] == [[0, 1]]
    assert shapely.area(merged).tolist() == [7]


def test_inventories_of_two_halves_become_one_inventory(
    made: SyntheticExtraction, levels: NDArray[np.uint8], whole: Path, tmp_path: Path
) -> None:
    """Cut there, they are more; what the cut went through is whole again."""
    cleaning = CleaningOptions(smooth=False, split=False, high=0.6, min_area_m2=0)
    expected = inventory(tmp_path / "expected", whole / "map", cleaning=cleaning)
    halves, alone = [], 0
    for number, (rows, cols) in enumerate(CUTS["side by side"]):
        part = crop(made, tmp_path / f"PL_2024081{number}", levels, rows, cols)
        halves.append(tmp_path / f"inventory{number}")
        alone += len(inventory(halves[-1], part, cleaning=cleaning))
    found = inventory(tmp_path / "found", *halves)
    assert alone > len(expected)
    assert len(found) == len(expected)
    assert found["area_m2"].sum() == pytest.approx(expected["area_m2"].sum())
    assert found["confidence"].notna().all()
    assert set(found["date"]) == {"2024-08-10", "2024-08-11"}
    record = read_record(tmp_path / "found")
    assert record.model is not None
    names = ["PL_20240810.tif", "PL_20240811.tif"]
    assert [scene.name for scene in record.scenes] == names
    again = inventory(tmp_path / "again", tmp_path / "found")
    assert set(again["correction"]) == {"unchanged"}
    assert again["scene"].equals(found["scene"])
    assert [scene.name for scene in read_record(tmp_path / "again").scenes] == names
    assert record.mapped_m2 == pytest.approx(read_record(tmp_path / "expected").mapped_m2, rel=0.01)


def test_the_command_and_the_function_take_several(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    parts = [
        crop(made, tmp_path / "maps" / str(number), levels, *window)
        for number, window in enumerate(CUTS["overlapping"])
    ]
    words = ["inventory", *map(str, parts), "--out", str(tmp_path / "out"), "--draws", "0"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    again = landslip.make_inventory(parts, draws=0)
    assert again.record.landslides == read_record(tmp_path / "out").landslides
    assert expand_sources([tmp_path / "maps"]) == parts


def test_the_upper_threshold_is_that_of_all_maps(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    """An empty map that comes first does not set it, and what is left out is counted together."""
    low = np.where(levels == NODATA, NODATA, levels // 2).astype(np.uint8)  # 0.5 at most
    said = {"threshold": 0.3}
    empty = write_map(
        made,
        tmp_path / "empty",
        np.full((30, 30), NODATA, dtype=np.uint8),
        Affine.translation(9000, 0) @ TO_MAP,
        **said,
        messages=[message("warning.scene_no_data").model_dump()],
    )
    full = write_map(made, tmp_path / "full", low, TO_MAP, **said)

    alone = inventory(tmp_path / "alone", full)
    both = inventory(tmp_path / "both", empty, full)

    assert len(both) == len(alone) > 20
    one, two = (read_record(tmp_path / name) for name in ("alone", "both"))
    assert one.cleaning is not None
    assert two.cleaning is not None
    for name in ("high", "highest", "regions", "regions_px", "dropped_px"):
        assert getattr(two.cleaning, name) == getattr(one.cleaning, name)
    assert one.cleaning.high < 0.5
    keys = [note.key for note in two.messages]
    assert "warning.map_no_data" not in keys
    assert any(text.startswith("empty.tif: the scene has no pixel") for text in two.warnings)


def test_notes_of_several_scenes_name_them(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    specks = message("warning.single_pixels", percent=71.0, regions=874)
    maps = [
        write_map(
            made,
            tmp_path / name,
            levels[:300, :300],
            Affine.translation(east, 0) @ TO_MAP,
            messages=[specks.model_dump()],
        )
        for name, east in (("a", 0), ("b", 5000))
    ]

    inventory(tmp_path / "out", *maps)

    told = [text for text in read_record(tmp_path / "out").warnings if "single pixels" in text]
    assert len(told) == 1
    assert told[0].startswith("a.tif (1 more alike): 71 % of the 874")


def test_the_minimum_area_is_at_least_that_of_the_map(
    made: SyntheticExtraction, levels: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Of pixels of 10 m, 100 m2 is one; with and without a coordinate system specks stay out."""
    to_map = TO_MAP @ Affine.scale(10 / TO_MAP.a)
    specks = np.zeros((60, 60), dtype=np.uint8)
    specks[::4, ::4] = 200
    specks[20:30, 20:30] = 200
    said = {"min_area_m2": 400.0, "min_area_px": 4}
    coarse = write_map(made, tmp_path / "coarse", specks, to_map, **said)
    bare = write_map(
        made, tmp_path / "bare", specks, to_map, crs=None, min_area_m2=0.0, min_area_px=4
    )

    for name, source in (("of_coarse", coarse), ("of_bare", bare)):
        assert len(inventory(tmp_path / name, source)) == 1
    assert len(inventory(tmp_path / "all", coarse, cleaning=CleaningOptions(min_area_m2=0))) > 100

    records = {name: read_record(tmp_path / name) for name in ("of_coarse", "of_bare")}
    for name, area in (("of_coarse", "400 m2"), ("of_bare", "4 pixels")):
        (told,) = [text for text in records[name].warnings if "left out" in text]
        assert f"are smaller than min_area {area}" in told
