import json
import math
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from tests.inventory.factories import (
    BLOCKS,
    LEFT,
    PIXEL_M,
    SIDE_PX,
    SLOPE_EAST,
    TOP,
    UTM,
    SyntheticExtraction,
    change_json,
    make_extraction,
    scene_pixels,
    write_plane,
)

from landslip.core.bands import Bands
from landslip.core.choices import DemTime
from landslip.core.errors import InputError, OutputExistsError
from landslip.inventory.fields import FIELDS
from landslip.inventory.record import read_record
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory
from landslip.io.raster import SceneOptions
from landslip.models.card import CalibrationScoresCard, ProbabilityCalibrationCard, ReliabilityCard

PLAIN = CleaningOptions(smooth=False, split=False)
AREAS = [rows * cols * PIXEL_M**2 for _, _, rows, cols in BLOCKS]
SLOPE_DEG = math.degrees(math.atan(SLOPE_EAST))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def whole(made: SyntheticExtraction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("inventory") / "out"
    make_inventory(
        InventoryRequest(
            source=made.extraction,
            out=out,
            cleaning=PLAIN,
            auxiliary=AuxiliaryData(dem=made.dem),
            draws=0,
        )
    )
    return out


def read(out: Path, layer: str = "landslides") -> geopandas.GeoDataFrame:
    return geopandas.read_file(out / "inventory.gpkg", layer=layer)


def test_every_column_of_known_rectangles_on_a_known_plane(whole: Path) -> None:
    landslides = read(whole)
    assert [*landslides.columns] == [*(field.name for field in FIELDS), "geometry"]
    assert landslides["id"].tolist() == [1, 2, 3]
    assert landslides["area_m2"].tolist() == pytest.approx(sorted(AREAS, reverse=True))
    assert landslides["slope_deg"].tolist() == pytest.approx([SLOPE_DEG] * 3, abs=1e-3)
    assert landslides["aspect_deg"].tolist() == pytest.approx([90.0] * 3, abs=1e-3)
    first = landslides.iloc[0]
    _, _, rows, cols = BLOCKS[0]
    assert first["axis"] == "downslope"
    assert first["length_m"] == pytest.approx(cols * PIXEL_M, rel=1e-4)  # falls to the east
    assert first["width_m"] == pytest.approx(rows * PIXEL_M, rel=1e-4)
    assert first["perimeter_m"] == pytest.approx(2 * (rows + cols) * PIXEL_M)
    assert first["surface_m2"] == pytest.approx(AREAS[0] * math.hypot(1, SLOPE_EAST), rel=1e-5)
    assert first["elevation_range_m"] == pytest.approx(SLOPE_EAST * cols * PIXEL_M, abs=1e-2)
    assert first["ndvi_mean"] == pytest.approx((450 - 900) / (450 + 900))
    assert first["confidence"] == pytest.approx(1.0)
    assert (first["scene"], first["date"]) == ("PL_20240812.tif", "2024-08-12")
    assert first["model"] == "ab" * 6
    assert (first["dem_resolution_m"], first["dem_share"]) == (10.0, 1.0)


def test_highest_points_are_at_the_top_and_lowest_at_the_foot(whole: Path) -> None:
    landslides, tops, feet = (
        read(whole, name) for name in ("landslides", "highest_points", "lowest_points")
    )
    bounds = landslides.bounds
    assert tops["id"].tolist() == feet["id"].tolist() == [1, 2, 3]
    assert tops.geometry.x.tolist() == pytest.approx(bounds["minx"].tolist())
    assert feet.geometry.x.tolist() == pytest.approx(bounds["maxx"].tolist())
    fall = tops["elevation_m"] - feet["elevation_m"]
    assert landslides["elevation_range_m"].tolist() == pytest.approx(fall.tolist())


def test_slopes_of_landslides_under_three_pixels_of_the_elevation_model_are_marked(
    whole: Path, made: SyntheticExtraction, tmp_path: Path
) -> None:
    landslides = read(whole)
    across_m = landslides[["length_m", "width_m"]].min(axis=1)
    assert landslides["dem_coarse"].tolist() == (across_m < 3 * 10.0).tolist()
    assert landslides["dem_coarse"].tolist() == [False, False, True]
    record = read_record(whole)
    assert record.dem is not None
    assert (record.dem.coarse_landslides, record.dem.time) == (1, None)
    assert [note.values["count"] for note in record.messages if note.key == "dem.coarse"] == [1]
    fine = tmp_path / "fine.tif"
    write_plane(fine, side=2.0)
    request = InventoryRequest(
        source=made.extraction,
        out=tmp_path / "out",
        cleaning=PLAIN,
        auxiliary=AuxiliaryData(dem=fine, dem_time=DemTime.BEFORE),
        draws=0,
    )
    record = make_inventory(request)
    assert record.dem is not None
    assert (record.dem.coarse_landslides, record.dem.time) == (0, DemTime.BEFORE)
    assert not any(note.key == "dem.coarse" for note in record.messages)


def test_the_time_of_an_elevation_model_needs_one() -> None:
    with pytest.raises(InputError, match="dem_time is about the elevation model; give that with"):
        AuxiliaryData(dem_time=DemTime.AFTER)


def test_the_record_states_the_inputs(whole: Path, made: SyntheticExtraction) -> None:
    record = read_record(whole)
    assert record.landslides == 3
    assert record.mapped_m2 == pytest.approx((SIDE_PX * PIXEL_M) ** 2)
    assert record.model is not None
    assert record.model.calibration is None
    assert "not calibrated" in record.confidence_is
    assert record.dem is not None
    assert record.dem.landslides_with_heights == 3
    assert record.scene.place == str(made.scene)
    assert record.cleaning is not None
    assert record.cleaning.low == 0.6013
    assert record.cleaning.high == pytest.approx(0.80065)
    assert record.model_card is not None
    assert any(note.key == "scene.date" for note in record.messages)
    for name in record.files:
        assert (whole / name).is_file()
    assert {path.name for path in whole.iterdir()} == set(record.files)


def test_statistics_are_of_the_whole_map(whole: Path) -> None:
    found = json.loads((whole / "statistics.json").read_text())
    mapped_km2 = (SIDE_PX * PIXEL_M) ** 2 / 1e6
    assert found["landslides"] == 3
    assert found["area_m2"] == pytest.approx(sum(AREAS))
    assert found["landslides_per_km2"] == pytest.approx(3 / mapped_km2)
    assert found["magnitude"]["from_count"] == pytest.approx(math.log10(3))


def test_the_same_twice_is_the_same_bytes(made: SyntheticExtraction, tmp_path: Path) -> None:
    for name in ("one", "two"):
        request = InventoryRequest(source=made.extraction, out=tmp_path / name, draws=20)
        make_inventory(request)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_without_an_elevation_model_heights_are_empty(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    record = make_inventory(
        InventoryRequest(source=made.extraction, out=tmp_path / "out", cleaning=PLAIN, draws=0)
    )
    landslides = read(tmp_path / "out")
    for name in ("slope_deg", "elevation_min_m", "elevation_range_m", "surface_m2", "dem_share"):
        assert landslides[name].isna().all()
    assert landslides["flag_river_flat"].isna().all()
    assert (landslides["axis"] == "box").all()
    assert landslides["length_m"].iloc[0] == pytest.approx(BLOCKS[0][2] * PIXEL_M)
    assert any("no elevation model" in note for note in record.notes)
    assert record.dem is None


def test_a_model_that_ends_halfway_leaves_the_rest_empty(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    write_plane(tmp_path / "dem.tif", left=LEFT - 400)  # ends 100 m into the map
    known = AuxiliaryData(dem=tmp_path / "dem.tif")
    request = InventoryRequest(
        source=made.extraction, out=tmp_path / "out", cleaning=PLAIN, auxiliary=known, draws=0
    )
    record = make_inventory(request)
    landslides = read(tmp_path / "out")
    assert landslides["dem_share"].iloc[0] == pytest.approx(0.69, abs=0.07)  # to 95 m, of 40 to 120
    assert landslides["dem_share"].iloc[2] == 0.0
    assert landslides["slope_deg"].notna().tolist() == [True, True, False]
    assert landslides["elevation_range_m"].notna().tolist() == [True, True, False]
    assert any("1 of 3 landslides" in note for note in record.notes)


def test_gaps_under_all_landslides_leave_terrain_attributes_empty(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    write_plane(tmp_path / "dem.tif", known=False)
    request = InventoryRequest(
        source=made.extraction,
        out=tmp_path / "out",
        auxiliary=AuxiliaryData(dem=tmp_path / "dem.tif"),
        draws=0,
    )
    record = make_inventory(request)
    landslides = read(tmp_path / "out")
    assert landslides["slope_deg"].isna().all()
    assert (landslides["dem_share"] == 0).all()
    assert any("under half or more of 3 of 3 landslides" in note for note in record.notes)


@pytest.mark.parametrize(
    ("layer", "area", "text"), [("a", None, "layer"), (None, Path("a.gpkg"), "area")]
)
def test_options_for_polygons_are_refused_for_an_extraction(
    made: SyntheticExtraction, tmp_path: Path, layer: str | None, area: Path | None, text: str
) -> None:
    request = InventoryRequest(
        source=made.extraction,
        out=tmp_path / "out",
        layer=layer,
        auxiliary=AuxiliaryData(area=area),
    )
    with pytest.raises(InputError, match=f"{text} is for a file of polygons"):
        make_inventory(request)


def test_an_elevation_model_elsewhere_is_refused(made: SyntheticExtraction, tmp_path: Path) -> None:
    write_plane(tmp_path / "dem.tif", left=LEFT + 50_000)
    known = AuxiliaryData(dem=tmp_path / "dem.tif")
    with pytest.raises(InputError, match=r"dem\.tif"):
        make_inventory(
            InventoryRequest(source=made.extraction, out=tmp_path / "out", auxiliary=known, draws=0)
        )
    assert not (tmp_path / "out").exists()


def test_calibration_changes_confidence_and_no_polygon(tmp_path: Path) -> None:
    pixels = scene_pixels()
    pixels[:, 100:130, 80:120] = 560  # probability 0.65: over the threshold, nowhere certain
    outlines, confidences = [], []
    for name, slope in (("raw", None), ("halved", 0.5)):
        (tmp_path / name).mkdir()
        card = None if slope is None else calibration_card(slope)
        made = make_extraction(tmp_path / name, pixels=pixels, calibration=card)
        record = make_inventory(
            InventoryRequest(source=made.extraction, out=tmp_path / name / "out", draws=0)
        )
        assert record.landslides == 3
        assert any("1 of 4 connected regions nowhere reach high" in note for note in record.notes)
        landslides = read(tmp_path / name / "out")
        outlines.append(landslides.geometry.to_wkb().tolist())
        confidences.append(landslides["confidence"].iloc[0])
    assert outlines[0] == outlines[1]
    assert confidences[0] > confidences[1]


def calibration_card(slope: float) -> ProbabilityCalibrationCard:
    figures = CalibrationScoresCard(calibration_error=0.1, brier=0.1, log_loss=0.3)
    table = ReliabilityCard(mean_probability=(0.5,), landslide_share=(0.5,), pixels=(1,))
    return ProbabilityCalibrationCard(
        method="temperature",
        knots=((0.0, 0.0),),
        slope_below=slope,
        slope_above=slope,
        split="val",
        tiles=9,
        pixels=9,
        landslide_pixels=4,
        folds=0,
        dataset_source="made",
        pixels_sha256="",
        split_sha256="",
        seed=0,
        engine="red",
        precision="fp32",
        before=figures,
        after=None,
        reliability_before=table,
        reliability_after=None,
    )


def test_an_empty_mask_gives_an_empty_inventory(tmp_path: Path) -> None:
    made = make_extraction(tmp_path, pixels=np.full((2, 64, 64), 400, dtype=np.uint16))
    record = make_inventory(
        InventoryRequest(
            source=made.extraction, out=tmp_path / "out", auxiliary=AuxiliaryData(dem=made.dem)
        )
    )
    assert record.landslides == 0
    assert len(read(tmp_path / "out")) == 0
    found = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert found["landslides"] == 0
    assert found["magnitude"] is None or found["magnitude"]["from_count"] is None


def test_one_landslide_over_everything(tmp_path: Path) -> None:
    made = make_extraction(tmp_path, pixels=np.full((2, 96, 96), 900, dtype=np.uint16))
    record = make_inventory(
        InventoryRequest(
            source=made.extraction, out=tmp_path / "out", auxiliary=AuxiliaryData(dem=made.dem)
        )
    )
    landslides = read(tmp_path / "out")
    assert record.landslides == 1
    assert landslides["area_m2"].iloc[0] == pytest.approx((96 * PIXEL_M) ** 2, rel=5e-3)
    assert json.loads((tmp_path / "out" / "statistics.json").read_text())["area_share"] <= 1.005


def polygons(path: Path, areas_m2: tuple[float, ...] = (400.0, 100.0, 2500.0)) -> Path:
    boxes = [
        shapely.box(left, TOP - 100, left + area**0.5, TOP - 100 + area**0.5)
        for left, area in zip((LEFT, LEFT + 60, LEFT + 120), areas_m2, strict=True)
    ]
    geopandas.GeoDataFrame(geometry=boxes, crs=UTM).to_file(path)
    return path


def test_a_polygon_file_is_taken_as_it_is(made: SyntheticExtraction, tmp_path: Path) -> None:
    record = make_inventory(
        InventoryRequest(
            source=polygons(tmp_path / "drawn.gpkg"),
            out=tmp_path / "out",
            auxiliary=AuxiliaryData(dem=made.dem, date="2013-08-12"),
            draws=0,
        )
    )
    landslides = read(tmp_path / "out")
    assert landslides["area_m2"].tolist() == pytest.approx([2500.0, 400.0, 100.0])
    assert landslides["confidence"].isna().all()
    assert landslides["model"].isna().all()
    assert landslides["slope_deg"].tolist() == pytest.approx([SLOPE_DEG] * 3, abs=1e-3)
    assert (landslides["date"] == "2013-08-12").all()
    assert record.source.kind == "polygons"
    assert record.mapped_m2 is None


def test_a_scene_named_beside_polygons_is_read_and_recorded(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    boxes = [shapely.box(LEFT + 50, TOP - 100, LEFT + 110, TOP - 50)]  # in the first rectangle
    geopandas.GeoDataFrame(geometry=boxes, crs=UTM).to_file(tmp_path / "drawn.gpkg")
    known = AuxiliaryData(scene=str(made.scene), read_as=SceneOptions(bands=Bands(("red", "nir"))))
    record = make_inventory(
        InventoryRequest(
            source=tmp_path / "drawn.gpkg", out=tmp_path / "out", auxiliary=known, draws=0
        )
    )
    assert record.scene.place == str(made.scene)
    assert record.scene.bands == ("red", "nir")
    assert (record.scene.width, record.scene.resolution_m) == (SIDE_PX, PIXEL_M)
    landslides = read(tmp_path / "out")
    assert landslides["ndvi_mean"].tolist() == pytest.approx([-1 / 3])
    assert landslides["scene"].tolist() == ["PL_20240812.tif"]
    assert landslides["date"].tolist() == ["2024-08-12"]


def test_small_polygons_are_left_out_on_request_and_noted(tmp_path: Path) -> None:
    record = make_inventory(
        InventoryRequest(
            source=polygons(tmp_path / "drawn.gpkg"),
            out=tmp_path / "out",
            cleaning=CleaningOptions(min_area_m2=200),
            draws=0,
        )
    )
    assert record.landslides == 2
    assert any("1 polygons under 200 m2" in note for note in record.notes)


def test_an_area_without_any_polygon_gives_an_empty_inventory(tmp_path: Path) -> None:
    area = geopandas.GeoDataFrame(geometry=[shapely.box(LEFT, TOP - 9, LEFT + 9, TOP)], crs=UTM)
    area.to_file(tmp_path / "area.gpkg")
    source = tmp_path / "drawn.gpkg"
    beside = [shapely.box(LEFT + 50, TOP - 90, LEFT + 90, TOP - 50)]
    geopandas.GeoDataFrame(geometry=beside, crs=UTM).to_file(source)
    write_plane(tmp_path / "dem.tif")
    known = AuxiliaryData(area=tmp_path / "area.gpkg", dem=tmp_path / "dem.tif")
    record = make_inventory(
        InventoryRequest(source=source, out=tmp_path / "out", auxiliary=known, draws=0)
    )
    assert record.landslides == 0
    assert any("the inventory is empty" in str(note) for note in record.warnings)


def test_a_mapped_area_gives_densities_to_a_polygon_file(tmp_path: Path) -> None:
    area = geopandas.GeoDataFrame(
        geometry=[shapely.box(LEFT - 100, TOP - 900, LEFT + 900, TOP + 100)], crs=UTM
    )
    area.to_crs("EPSG:4326").to_file(tmp_path / "area.gpkg")
    source = tmp_path / "drawn.gpkg"
    beside = [shapely.box(LEFT + 5000, TOP, LEFT + 5050, TOP + 50)]
    frame = geopandas.GeoDataFrame(geometry=beside, crs=UTM)
    pd.concat([geopandas.read_file(polygons(source)), frame]).to_file(source)
    record = make_inventory(
        InventoryRequest(
            source=source,
            out=tmp_path / "out",
            auxiliary=AuxiliaryData(area=tmp_path / "area.gpkg"),
            draws=0,
        )
    )
    assert record.landslides == 3
    assert any("1 polygons outside the mapped area" in note for note in record.notes)
    found = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert found["mapped_m2"] == pytest.approx(1e6, rel=1e-6)
    assert found["landslides_per_km2"] == pytest.approx(3.0, rel=1e-6)
    density = read(tmp_path / "out", "density")
    assert density["landslides"].sum() == 3


def test_a_sample_adjusts_the_area(made: SyntheticExtraction, tmp_path: Path) -> None:
    inside = [(LEFT + 60, TOP - 80)] * 3  # in the first rectangle
    outside = [(LEFT + 300, TOP - 300)] * 4
    table = pd.DataFrame([*inside, *outside], columns=["x", "y"])
    table["reference"] = [1, 1, 0, 0, 0, 0, 1]
    table.to_csv(tmp_path / "sample.csv", index=False)
    make_inventory(
        InventoryRequest(
            source=made.extraction,
            out=tmp_path / "out",
            cleaning=PLAIN,
            auxiliary=AuxiliaryData(sample=tmp_path / "sample.csv"),
            draws=0,
        )
    )
    adjusted = json.loads((tmp_path / "out" / "statistics.json").read_text())["adjusted"]
    mapped, landslide = (SIDE_PX * PIXEL_M) ** 2, sum(AREAS)
    expected = landslide * 2 / 3 + (mapped - landslide) * 1 / 4
    assert adjusted["adjusted_m2"]["value"] == pytest.approx(expected)
    assert adjusted["mapped_m2"] == pytest.approx(landslide)


def test_overlaps_count_once_and_only_in_the_mapped_area(tmp_path: Path) -> None:
    outlines = [
        shapely.box(0, 0, 100, 100),
        shapely.box(50, 0, 150, 100),  # half of it on the first
        shapely.box(950, 0, 1_050, 100),  # half of it beside the ground
    ]
    for name, shapes in (("slides", outlines), ("area", [shapely.box(0, 0, 1_000, 1_000)])):
        frame = geopandas.GeoDataFrame(geometry=shapes, crs="EPSG:32648")
        frame.to_file(tmp_path / f"{name}.gpkg")
    (tmp_path / "sample.csv").write_text(
        "x,y,reference\n" + "10,10,1\n20,20,0\n" + "500,500,0\n600,600,0\n"
    )
    make_inventory(
        InventoryRequest(
            source=tmp_path / "slides.gpkg",
            out=tmp_path / "out",
            auxiliary=AuxiliaryData(area=tmp_path / "area.gpkg", sample=tmp_path / "sample.csv"),
            draws=0,
        )
    )
    found = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert found["area_m2"] == pytest.approx(30_000)
    assert found["area_share"] == pytest.approx(0.02)
    assert found["adjusted"]["mapped_m2"] == pytest.approx(20_000)
    assert found["adjusted"]["adjusted_m2"]["value"] == pytest.approx(10_000)


def test_existing_output_is_refused(made: SyntheticExtraction, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    request = InventoryRequest(source=made.extraction, out=tmp_path / "out")
    with pytest.raises(OutputExistsError, match="already exists"):
        make_inventory(request)


@pytest.mark.parametrize(
    ("cleaning", "known", "text"),
    [
        pytest.param(
            CleaningOptions(low=0.5), AuxiliaryData(), "low make", id="cleaning of polygons"
        ),
        pytest.param(
            CleaningOptions(),
            AuxiliaryData(sample=Path("s.csv")),
            "with area",
            id="no searched ground",
        ),
    ],
)
def test_options_that_do_not_fit_polygons_are_refused(
    cleaning: CleaningOptions, known: AuxiliaryData, text: str, tmp_path: Path
) -> None:
    request = InventoryRequest(
        source=polygons(tmp_path / "drawn.gpkg"),
        out=tmp_path / "out",
        cleaning=cleaning,
        auxiliary=known,
    )
    with pytest.raises(InputError, match=text):
        make_inventory(request)
    assert not (tmp_path / "out").exists()


def test_a_scene_that_has_gone_is_noted_and_one_that_is_named_is_needed(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    moved = tmp_path / "map"
    moved.mkdir()
    for path in made.extraction.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    change_json(moved / "summary.json", lambda found: found.update(scene_place="/gone/scene.tif"))
    record = make_inventory(InventoryRequest(source=moved, out=tmp_path / "out", draws=0))
    assert any("/gone/scene.tif" in note and "name it with scene" in note for note in record.notes)
    assert read(tmp_path / "out")["ndvi_mean"].isna().all()
    known = AuxiliaryData(scene="/gone/other.tif")
    with pytest.raises(InputError, match="no such file"):
        make_inventory(InventoryRequest(source=moved, out=tmp_path / "two", auxiliary=known))
