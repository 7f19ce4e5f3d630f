"""Whole comparisons, from files to files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from shapely import box
from shapely.affinity import translate
from tests.inventory.comparison.factories import blobs

from landslip.core.errors import InputError, OutputExistsError
from landslip.inventory.comparison.inventories import ComparisonRequest
from landslip.inventory.comparison.result import InventoryComparison
from landslip.inventory.comparison.run import compare
from landslip.inventory.record import (
    GEOPACKAGE,
    LANDSLIDES,
    MAPPED_AREA,
    PROVENANCE,
    RECORD,
    InventoryRecord,
    SceneRecord,
    SourceRecord,
)

WritePolygons = Callable[..., Path]
EAST, NORTH = 500_000, 4_000_000


def at(*geometries: shapely.Geometry) -> list[shapely.Geometry]:
    return [translate(one, EAST, NORTH) for one in geometries]


REFERENCE = at(box(0, 0, 20, 20), box(100, 0, 150, 40), box(300, 0, 310, 10))
INVENTORY = at(box(0, 0, 20, 16), box(100, 0, 110, 40), box(500, 0, 520, 20))


@pytest.fixture
def run(write_polygons: WritePolygons, tmp_path: Path) -> Callable[..., InventoryComparison]:
    def compared(
        inventory: list[Any], reference: list[Any], name: str = "out", **more: Any
    ) -> InventoryComparison:
        request = ComparisonRequest(
            inventory=write_polygons(f"{name}_inventory.gpkg", inventory),
            reference=write_polygons(f"{name}_reference.gpkg", reference),
            out=tmp_path / name,
            **({"draws": 50} | more),
        )
        return compare(request)

    return compared


def layer(folder: Path, name: str) -> geopandas.GeoDataFrame:
    return geopandas.read_file(folder / "comparison.gpkg", layer=name)


def test_every_figure_of_a_small_example(
    run: Callable[..., InventoryComparison], tmp_path: Path
) -> None:
    found = run(INVENTORY, REFERENCE, resolution_m=1.0)
    # by hand: 320 + 400 shared, of 320 + 400 + 400 found and 400 + 2000 + 100 known
    pixels = found.pixels
    assert (pixels.tp, pixels.fp, pixels.fn, pixels.tn) == (720, 400, 1780, None)
    assert pixels.f1 == pytest.approx(1440 / 3620)
    assert found.areas.shared_m2 == pytest.approx(720)
    assert found.areas.precision.value == pytest.approx(720 / 1120)
    assert found.areas.recall.value == pytest.approx(720 / 2500)
    assert found.areas.error_index.value == pytest.approx(1 - 720 / 2900)
    assert (found.inventory.area_m2, found.reference.area_m2) == pytest.approx((1120, 2500))
    slides = found.landslides
    assert (slides.detected, slides.missed, slides.false) == (1, 2, 1)
    assert slides.purity_mean == pytest.approx(2 / 3)
    sizes = [(each.at_least_m2, each.landslides, each.detected) for each in slides.by_size[:3]]
    assert sizes == [(0, 1, 0), (400, 1, 1), (1600, 1, 0)]
    assert found.matches.matched == 1
    assert found.matches.iou_mean == pytest.approx(0.8)
    assert found.matches.hausdorff_median_m == pytest.approx(4)
    assert found.matches.f1.value == pytest.approx(1 / 3)
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert InventoryComparison.model_validate(written) == found


def test_the_layers_list_matched_missed_and_false(
    run: Callable[..., InventoryComparison], tmp_path: Path
) -> None:
    run(INVENTORY, REFERENCE)
    matched, missed, false = (
        layer(tmp_path / "out", name) for name in ("matched", "missed", "false")
    )
    assert matched[["inventory_id", "reference_id"]].to_numpy().tolist() == [[1, 1]]
    assert matched["iou"].tolist() == pytest.approx([0.8])
    assert matched["shared_m2"].tolist() == pytest.approx([320])
    assert shapely.equals(matched.geometry.iloc[0], INVENTORY[0])
    assert missed["reference_id"].tolist() == [2, 3]
    assert missed["covered_share"].tolist() == pytest.approx([0.2, 0])
    assert shapely.equals(missed.geometry.iloc[0], REFERENCE[1])
    assert false["inventory_id"].tolist() == [3]
    assert false["area_m2"].tolist() == pytest.approx([400])
    assert missed.crs.to_epsg() == 32650


def test_the_same_inventory_twice_agrees_in_all(
    run: Callable[..., InventoryComparison], tmp_path: Path
) -> None:
    polygons = [translate(one, EAST, NORTH) for one in blobs(np.random.default_rng(0), 60)]
    found = run(polygons, polygons)
    assert (found.pixels.f1, found.pixels.fp, found.pixels.fn) == (1.0, 0, 0)
    assert found.areas.f1.value == found.areas.iou.value == 1.0
    assert found.areas.error_index.value == 0.0
    assert found.matches.matched == found.landslides.detected == 60
    assert found.matches.hausdorff_median_m == 0
    for name in ("missed", "false"):
        assert pyogrio.read_info(tmp_path / "out" / "comparison.gpkg", name)["features"] == 0
    assert layer(tmp_path / "out", "matched")["inventory_id"].tolist() == list(range(1, 61))


def test_the_same_input_gives_the_same_bytes(
    run: Callable[..., InventoryComparison], tmp_path: Path
) -> None:
    run(INVENTORY, REFERENCE)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run(INVENTORY, REFERENCE, overwrite=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert set(before) == {"comparison.json", "comparison.gpkg"}


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32649", "EPSG:3857"])
def test_a_reference_in_another_system_is_brought_over(
    write_polygons: WritePolygons, tmp_path: Path, crs: str
) -> None:
    there = geopandas.GeoSeries(INVENTORY, crs="EPSG:32650").to_crs(crs)
    paths = write_polygons("a.gpkg", INVENTORY), write_polygons("b.gpkg", list(there), crs=crs)
    for number, (one, other) in enumerate((paths, paths[::-1])):
        out = tmp_path / str(number)
        found = compare(ComparisonRequest(inventory=one, reference=other, out=out, draws=0))
        assert found.areas.iou.value == pytest.approx(1, abs=1e-6)
        assert found.inventory.area_m2 == pytest.approx(1120, rel=0.01)
        assert found.matches.matched == 3
        written = layer(out, "matched")
        assert written.crs == geopandas.read_file(one).crs
        assert shapely.area(written.geometry.values).sum() == pytest.approx(
            shapely.area(geopandas.read_file(one).geometry.values).sum()
        )


def test_what_is_outside_the_mapped_area_is_left_out(
    run: Callable[..., InventoryComparison], write_polygons: WritePolygons
) -> None:
    area = write_polygons("area.gpkg", at(box(-50, -50, 10, 50), box(90, -50, 350, 50)))
    found = run(INVENTORY, REFERENCE, area=area, resolution_m=1.0, draws=0)
    assert (found.inventory.landslides, found.inventory.beside) == (2, 1)
    assert (found.reference.landslides, found.reference.beside) == (3, 0)
    assert found.searched_m2 == pytest.approx(60 * 100 + 260 * 100)
    # only half of the first is in it
    counts = found.pixels
    assert (counts.tp, counts.fp, counts.fn) == (160 + 400, 0, 40 + 1600 + 100)
    assert counts.tn == 32_000 - 560 - 1740
    assert found.landslides.false_per_km2 == 0
    assert found.notes == ()


def test_landslides_outside_the_inventorys_box_are_noted(
    run: Callable[..., InventoryComparison],
) -> None:
    found = run(INVENTORY[:2], REFERENCE)
    assert any(
        "1 of 3 landslides of the reference are outside the bounding box" in n for n in found.notes
    )


def test_landslides_outside_the_mapped_area_of_an_inventory_are_noted(
    write_polygons: WritePolygons, tmp_path: Path
) -> None:
    """What was mapped and not found is missed, also where the box of what was found ends."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    area = at(box(-50, -50, 350, 50))
    notes = {}
    for name, reference in (("in", REFERENCE), ("out", [*REFERENCE, *at(box(900, 0, 909, 9))])):
        for found in (INVENTORY[:1], []):
            (folder / GEOPACKAGE).unlink(missing_ok=True)
            write_polygons(f"inventory/{GEOPACKAGE}", found, layer=LANDSLIDES)
            frame = geopandas.GeoDataFrame({PROVENANCE: [None]}, geometry=area, crs="EPSG:32650")
            frame.to_file(folder / GEOPACKAGE, layer=MAPPED_AREA)
            (folder / RECORD).write_text(record(resolution_m=4.0).model_dump_json())
            request = ComparisonRequest(
                inventory=folder,
                reference=write_polygons(f"{name}.gpkg", reference),
                out=tmp_path / "out",
                overwrite=True,
            )
            notes[name, len(found)] = [n for n in compare(request).notes if "outside" in n]

    assert notes["in", 1] == notes["in", 0] == []
    expected = "1 of 4 landslides of the reference are outside the mapped area of the inventory"
    for found_count in (0, 1):
        (told,) = notes["out", found_count]
        assert told.startswith(expected)
        assert str(folder) in told


def test_two_places_agree_in_nothing(run: Callable[..., InventoryComparison]) -> None:
    found = run(INVENTORY, at(box(10_000, 0, 10_020, 20), box(11_000, 0, 11_020, 20)))
    assert any(
        note.startswith("no landslide of the inventory overlaps one") for note in found.notes
    )
    assert (found.pixels.f1, found.areas.iou.value, found.areas.iou.high) == (0, 0, 0)
    assert (found.landslides.missed, found.landslides.false, found.matches.matched) == (2, 3, 0)
    assert found.matches.iou_mean is None


def test_an_inventory_without_landslides_misses_all(
    run: Callable[..., InventoryComparison],
) -> None:
    found = run([None], REFERENCE)
    assert found.inventory.landslides == 0
    assert (found.pixels.precision, found.pixels.recall) == (None, 0)
    assert found.areas.precision.value is None
    assert found.areas.recall.value == 0
    assert found.landslides.missed == 3
    assert found.landslides.false_share.value is None
    assert any("the inventory has no landslides there" in note for note in found.notes)


def test_an_area_without_landslides_of_the_reference(
    run: Callable[..., InventoryComparison], write_polygons: WritePolygons
) -> None:
    found = run(INVENTORY, REFERENCE, area=write_polygons("a.gpkg", at(box(490, 0, 530, 20))))
    assert found.landslides.false == 1
    assert found.landslides.false_per_km2 == pytest.approx(1250)
    assert found.areas.recall.value is None
    far = write_polygons("b.gpkg", at(box(900, 0, 930, 20)))
    for resolution_m in (None, 2.0):
        with pytest.raises(InputError, match=r"no landslide of either inventory is in the mapped"):
            run(INVENTORY, REFERENCE, f"far{resolution_m}", area=far, resolution_m=resolution_m)


def test_one_polygon_over_everything(run: Callable[..., InventoryComparison]) -> None:
    found = run(at(box(-10, -10, 990, 90)), REFERENCE, resolution_m=1.0)
    assert found.pixels.recall == 1.0
    assert found.areas.precision.value == pytest.approx(2500 / 100_000)
    assert (found.landslides.detected, found.landslides.false) == (3, 1)
    more = run(at(box(-10, -10, 990, 90), box(2000, 0, 2010, 10)), REFERENCE, "more")
    assert any("one group of overlapping landslides holds 100% of" in note for note in more.notes)


def test_overlapping_landslides_count_once_and_are_told(
    run: Callable[..., InventoryComparison],
) -> None:
    found = run(at(box(0, 0, 10, 10), box(0, 0, 10, 12)), at(box(0, 0, 10, 12)), resolution_m=1.0)
    assert found.pixels.tp == 120
    assert found.inventory.area_m2 == pytest.approx(120)
    assert found.areas.f1.value == pytest.approx(1)
    assert any("2 cover 1 patches" in note for note in found.notes)


def test_without_coordinate_systems_ratios_are_known_and_areas_are_not(
    write_polygons: WritePolygons, tmp_path: Path
) -> None:
    paths = [write_polygons(name, INVENTORY, crs=None) for name in ("a.gpkg", "b.gpkg")]
    found = compare(ComparisonRequest(inventory=paths[0], reference=paths[1], out=tmp_path / "out"))
    assert found.areas.iou.value == 1
    assert (found.inventory.area_m2, found.areas.shared_m2, found.crs) == (None, None, None)
    assert found.landslides.by_size == ()
    assert found.matches.hausdorff_median_m is None
    assert layer(tmp_path / "out", "matched")["inventory_m2"].isna().all()
    one = write_polygons("c.gpkg", INVENTORY)
    with pytest.raises(
        InputError, match=r"^\S+: both inventories need a coordinate system, or neither; this one"
    ):
        compare(ComparisonRequest(inventory=one, reference=paths[0], out=tmp_path / "no"))
    assert not (tmp_path / "no").exists()


def test_ids_are_those_of_the_column_where_it_tells_landslides_apart(tmp_path: Path) -> None:
    for name, ids in (("a.gpkg", [30, 10, 20]), ("b.gpkg", [7, 7, 8])):
        frame = geopandas.GeoDataFrame({"id": ids}, geometry=INVENTORY, crs="EPSG:32650")
        frame.to_file(tmp_path / name, engine="pyogrio")
    request = ComparisonRequest(
        inventory=tmp_path / "a.gpkg", reference=tmp_path / "b.gpkg", out=tmp_path / "out"
    )
    compare(request)
    found = layer(tmp_path / "out", "matched")
    pairs = found[["inventory_id", "reference_id"]].to_numpy().tolist()
    assert pairs == [[10, 2], [20, 3], [30, 1]]


def test_an_inventorys_folder_gives_its_landslides_and_its_scenes_resolution(
    write_polygons: WritePolygons, tmp_path: Path
) -> None:
    folder = tmp_path / "inventory"
    folder.mkdir()
    write_polygons(f"inventory/{GEOPACKAGE}", INVENTORY, layer=LANDSLIDES)
    write_polygons(f"inventory/{GEOPACKAGE}", at(box(0, 0, 9, 9)), layer="density")
    (folder / RECORD).write_text(record(resolution_m=4.0).model_dump_json())
    request = ComparisonRequest(
        inventory=folder, reference=write_polygons("b.gpkg", REFERENCE), out=tmp_path / "out"
    )
    found = compare(request)
    assert found.inventory.landslides == 3
    assert (found.pixels.resolution_m, found.pixels.resolution_is) == (4.0, "scene")


def record(resolution_m: float) -> InventoryRecord:
    return InventoryRecord(
        code_version="0",
        name="made",
        source=SourceRecord(kind="polygons", place="made"),
        scene=SceneRecord(resolution_m=resolution_m),
        model=None,
        model_card=None,
        dem=None,
        cleaning=None,
        crs="EPSG:32650",
        area_method="planimetric",
        confidence_is="not known",
        mapped_m2=None,
        landslides=3,
        notes=(),
        files=(),
    )


def test_a_file_of_several_layers_is_named_by_its_own_option(
    write_polygons: WritePolygons, tmp_path: Path
) -> None:
    path = write_polygons("years.gpkg", INVENTORY, layer="y1")
    write_polygons("years.gpkg", REFERENCE, layer="y2")
    request = ComparisonRequest(inventory=path, reference=path, out=tmp_path / "out", layer="y1")
    with pytest.raises(InputError, match=r"name one by reference_layer: y1, y2"):
        compare(request)
    assert compare(replace(request, reference_layer="y2")).landslides.detected == 1


def test_what_is_there_is_not_overwritten(
    run: Callable[..., InventoryComparison], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    with pytest.raises(OutputExistsError, match=r"already exists"):
        run(INVENTORY, REFERENCE)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"min_iou": 0.0}, r"min_iou is over 0 and at most 1; got 0"),
        ({"min_iou": float("nan")}, r"min_iou"),
        ({"resolution_m": -1.0}, r"resolution is over 0 metres; got -1"),
        ({"resolution_m": float("inf")}, r"resolution"),
        ({"draws": -1}, r"draws is 0 \(no intervals\) or more; got -1"),
    ],
)
def test_options_that_mean_nothing_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ComparisonRequest(inventory=Path("a"), reference=Path("b"), out=Path("c"), **option)
