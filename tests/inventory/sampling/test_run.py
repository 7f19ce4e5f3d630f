import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
import shapely.affinity
from affine import Affine
from numpy.typing import NDArray
from tests.inventory.factories import (
    BLOCKS,
    LEFT,
    PIXEL_M,
    SIDE_PX,
    TOP,
    UTM,
    SyntheticExtraction,
    make_extraction,
)

from landslip.core.choices import SampleAllocation
from landslip.core.errors import InputError, OutputExistsError
from landslip.inference.result import ExtractionSummary
from landslip.inventory.detections import detections_from_extraction, open_extraction
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory
from landslip.inventory.sampling.design import SampleRecord, SamplingOptions
from landslip.inventory.sampling.draw import count_strata, draw_pixels
from landslip.inventory.sampling.geopackage import is_sample, read_sample
from landslip.inventory.sampling.judgements import AssessedMap, read_judged_sample
from landslip.inventory.sampling.run import SamplingRequest, draw_sample
from landslip.inventory.sampling.source_map import open_source_map, polygons_digest
from landslip.inventory.sampling.strata import Stratification
from landslip.inventory.statistics.adjusted_area import adjusted_from_sample
from landslip.inventory.statistics.validation_sample import (
    ValidationSample,
    read_validation_sample,
)

PLAIN = CleaningOptions(smooth=False, split=False, min_area_m2=0)
LANDSLIDE_PX = sum(rows * cols for _, _, rows, cols in BLOCKS)
OPTIONS = SamplingOptions(size=300, buffer_m=4.0, min_per_stratum=60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def fresh(made: SyntheticExtraction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "sample.gpkg"
    draw_sample(SamplingRequest(source=made.extraction, out=out, options=OPTIONS))
    return out


@pytest.fixture
def drawn(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(fresh, tmp_path / "sample.gpkg"))


def judge(path: Path, word_at: Callable[[float, float], str | None]) -> None:
    """Fill in the column reference by a function of a point's x and y."""
    with sqlite3.connect(path) as file:
        for name in ("IsEmpty", "MinX", "MaxX", "MinY", "MaxY"):  # the spatial index names them
            file.create_function(f"ST_{name}", 1, lambda _: 0)
        rows = file.execute("SELECT id, x, y FROM points").fetchall()
        for number, x, y in rows:
            file.execute("UPDATE points SET reference = ? WHERE id = ?", (word_at(x, y), number))


def block_at(x: float, y: float) -> bool:
    row, col = (TOP - y) / PIXEL_M, (x - LEFT) / PIXEL_M
    return any(r <= row < r + h and c <= col < c + w for r, c, h, w in BLOCKS)


BOXES = np.array(
    [
        shapely.box(
            LEFT + PIXEL_M * col,
            TOP - PIXEL_M * (row + rows),
            LEFT + PIXEL_M * (col + cols),
            TOP - PIXEL_M * row,
        )
        for row, col, rows, cols in BLOCKS
    ],
    dtype=object,
)
CRS = pyproj.CRS.from_user_input(UTM)
GROUND_M2, LANDSLIDE_M2 = SIDE_PX**2 * PIXEL_M**2, LANDSLIDE_PX * PIXEL_M**2


def assessed(
    polygons: NDArray[np.object_],
    mapped_m2: float,
    digests: dict[str, str],
    ground: shapely.Geometry | None = None,
) -> AssessedMap:
    return AssessedMap(
        polygons=polygons, crs=CRS, mapped_m2=mapped_m2, digests=digests, ground=ground
    )


def judged(source: Path, sample: Path) -> ValidationSample:
    digest = ExtractionSummary.read(source / "summary.json").job_sha256
    return read_judged_sample(sample, assessed(BOXES, GROUND_M2, {"extraction": digest}))


def keys(sample: ValidationSample) -> list[str]:
    return [note.key for note in sample.notes]


def test_the_file_has_what_it_says(drawn: Path) -> None:
    points = geopandas.read_file(drawn, layer="points")
    assert [*points.columns] == ["id", "reference", "comment", "x", "y", "lon", "lat", "geometry"]
    assert points["reference"].isna().all()
    assert points["id"].tolist() == list(range(1, 301))
    strata = pyogrio.read_dataframe(drawn, layer="sample_strata").set_index("stratum")
    assert strata["pixels"].sum() == SIDE_PX**2
    assert strata["area_m2"].tolist() == pytest.approx((strata["pixels"] * PIXEL_M**2).tolist())
    assert strata["weight"].sum() == pytest.approx(1)
    assert strata["drawn"].sum() == 300
    assert strata["drawn"].min() >= 60
    design = pyogrio.read_dataframe(drawn, layer="sample_design").set_index("id")
    assert design.groupby("stratum").size().to_dict() == strata["drawn"].to_dict()
    assert not design[["row", "col"]].duplicated().any()
    at = design.loc[points["id"]]
    np.testing.assert_allclose(points.geometry.x, LEFT + PIXEL_M * (at["col"] + 0.5))
    np.testing.assert_allclose(points.geometry.y, TOP - PIXEL_M * (at["row"] + 0.5))
    inside = [block_at(x, y) for x, y in zip(points["x"], points["y"], strict=True)]
    assert at["mapped"].tolist() == inside
    # in the order of the points, strata are mixed
    assert (at["stratum"].to_numpy()[1:] != at["stratum"].to_numpy()[:-1]).sum() > 100
    lonlat = geopandas.GeoSeries(points.geometry).to_crs(4326)
    np.testing.assert_allclose(points["lon"], lonlat.x, atol=1e-7)
    with sqlite3.connect(drawn) as file:
        (style,) = file.execute(
            "SELECT styleQML FROM layer_styles WHERE useAsDefault = 1"
        ).fetchone()
    assert '<editWidget type="ValueMap">' in style
    assert is_sample(drawn)


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_points(
    made: SyntheticExtraction, drawn: Path, tmp_path: Path
) -> None:
    request = SamplingRequest(source=made.extraction / "mask.tif", out=drawn, options=OPTIONS)
    before = drawn.read_bytes()
    with pytest.raises(OutputExistsError, match="already exists"):
        draw_sample(request)
    assert drawn.read_bytes() == before
    out = tmp_path / "again" / "sample.gpkg"
    draw_sample(SamplingRequest(source=made.extraction, out=out, options=OPTIONS))
    assert out.read_bytes() == before
    other = SamplingOptions(size=300, buffer_m=4.0, min_per_stratum=60, seed=1)
    draw_sample(
        SamplingRequest(
            source=made.extraction, out=out, options=other, overwrite=True, hide_map=False
        )
    )
    points = geopandas.read_file(out, layer="points")
    assert {"stratum", "mapped"} <= {*points.columns}
    assert points["x"].tolist() != geopandas.read_file(drawn, layer="points")["x"].tolist()


def test_judged_by_the_truth_the_true_area_comes_out(
    made: SyntheticExtraction, drawn: Path, tmp_path: Path
) -> None:
    # the map has three blocks; in truth the third is none, and a strip of 6 px was missed
    def truth(x: float, y: float) -> str:
        is_true = block_at(x, y) and not BOXES[2].contains(shapely.Point(x, y))
        missed = (x - LEFT) / PIXEL_M >= SIDE_PX - 6
        return "landslide" if is_true or missed else "background"

    judge(drawn, truth)
    record = make_inventory(
        InventoryRequest(
            source=made.extraction,
            out=tmp_path / "out",
            cleaning=PLAIN,
            auxiliary=AuxiliaryData(sample=drawn),
            draws=0,
        )
    )
    adjusted = json.loads((tmp_path / "out" / "statistics.json").read_text())["adjusted"]
    true_m2 = (LANDSLIDE_PX - 64 + 6 * SIDE_PX) * PIXEL_M**2
    found = adjusted["adjusted_m2"]
    assert found["low"] < true_m2 < found["high"]
    assert found["high"] - found["low"] < 0.5 * true_m2
    assert adjusted["mapped_m2"] == pytest.approx(LANDSLIDE_M2)
    assert adjusted["samples"] == 300
    assert adjusted["by_rates_m2"]["value"] == pytest.approx(found["value"], rel=0.05)
    assert "Stehman" in adjusted["method"]
    assert [one["kind"] for one in adjusted["strata"]] == ["landslide", "background", "buffer"]
    assert sum(one["landslides"] for one in adjusted["strata"]) > 60
    assert "warning.sample_unjudged" not in [note.key for note in record.messages]


def test_a_perfect_map_is_found_to_be_one(made: SyntheticExtraction, drawn: Path) -> None:
    judge(drawn, lambda x, y: "landslide" if block_at(x, y) else "background")
    sample = judged(made.extraction, drawn)
    adjusted = adjusted_from_sample(sample, GROUND_M2, LANDSLIDE_M2)
    assert adjusted.overall_accuracy.low == adjusted.users_accuracy.value == 1
    assert adjusted.producers_accuracy.value == 1
    assert adjusted.by_rates_m2 is not None
    assert adjusted.by_rates_m2.value == pytest.approx(LANDSLIDE_M2)
    # by strata, the buffer's share of landslide is known from its points only
    assert adjusted.adjusted_m2.value == pytest.approx(LANDSLIDE_M2, rel=0.05)
    assert "adjusted.no_landslide_judged" in keys(sample)
    assert "adjusted.classes_differ" not in keys(sample)


def test_half_of_the_points_give_a_warning_and_unclear_ones_a_note(
    made: SyntheticExtraction, drawn: Path
) -> None:
    def east(x: float, y: float) -> str | None:
        if x - LEFT < 40:
            return None
        return "unclear" if y > TOP - 30 else str(int(block_at(x, y)))

    judge(drawn, east)
    points = geopandas.read_file(drawn, layer="points")
    known = int(points["reference"].isin(["0", "1"]).sum())
    sample = judged(made.extraction, drawn)
    assert {"warning.sample_unjudged", "adjusted.unclear"} <= {*keys(sample)}
    assert len(sample.reference) == sum(one.judged for one in sample.sampled_strata) == known < 300


def test_too_few_judged_points_are_warned_of_or_refused(
    made: SyntheticExtraction, drawn: Path
) -> None:
    with pytest.raises(InputError, match="no point is judged; fill in the column reference"):
        judged(made.extraction, drawn)
    design = pyogrio.read_dataframe(drawn, layer="sample_design")
    few = {(one["x"], one["y"]) for _, one in design.groupby("stratum").head(5).iterrows()}
    judge(drawn, lambda x, y: str(int(block_at(x, y))) if (x, y) in few else None)
    assert keys(judged(made.extraction, drawn)).count("warning.sample_few") == 3
    edge = design[design["stratum"] == "buffer"].iloc[0]
    judge(drawn, lambda x, y: "1" if (x, y) == (edge["x"], edge["y"]) else None)
    with pytest.raises(InputError, match="at least 2 points judged in the stratum landslide"):
        adjusted_from_sample(judged(made.extraction, drawn), GROUND_M2, LANDSLIDE_M2)


def test_samples_of_other_maps_and_moved_points_are_refused(
    made: SyntheticExtraction, drawn: Path
) -> None:
    judge(drawn, lambda x, y: "landslide" if block_at(x, y) else "no")
    with pytest.raises(
        InputError, match=r"sample\.gpkg: the sample was drawn from .*map, and this"
    ):
        read_judged_sample(drawn, assessed(BOXES, GROUND_M2, {"extraction": "0" * 64}))
    digest = {"extraction": read_sample(drawn).record.map.digest}
    with pytest.raises(InputError, match=r"drawn in 0\.1024 km² and the mapped area has 0\.11 km²"):
        read_judged_sample(drawn, assessed(BOXES, 110_000, digest))
    judge(drawn, lambda _x, _y: "perhaps")
    with pytest.raises(InputError, match="point 1 has 'perhaps'"):
        judged(made.extraction, drawn)
    frame = geopandas.read_file(drawn, layer="points").assign(reference="landslide")
    moved = frame.geometry.translate(xoff=1.5)
    frame.set_geometry(moved.where(frame["id"] == 7, frame.geometry)).to_file(drawn, layer="points")
    with pytest.raises(InputError, match="point 7 was moved"):
        judged(made.extraction, drawn)
    nowhere = frame.geometry.where(frame["id"] != 7, None)
    frame.set_geometry(nowhere).to_file(drawn, layer="points")
    with pytest.raises(InputError, match="point 7 was moved"):
        judged(made.extraction, drawn)
    frame.assign(id=frame["id"] + 1).to_file(drawn, layer="points")
    with pytest.raises(InputError, match="one that was not drawn"):
        judged(made.extraction, drawn)
    frame.iloc[:0].to_file(drawn, layer="points")
    with pytest.raises(InputError, match="no point is judged"):
        judged(made.extraction, drawn)
    frame.rename(columns={"id": "number"}).to_file(drawn, layer="points")
    with pytest.raises(InputError, match=r"columns id and reference.*this one has number, ref"):
        read_sample(drawn)


@pytest.mark.parametrize("name", ["points.geojson", "points.csv"])
def test_points_that_lost_their_strata_are_refused(drawn: Path, name: str, tmp_path: Path) -> None:
    points = geopandas.read_file(drawn, layer="points").assign(reference="landslide")
    if name.endswith(".csv"):
        points.drop(columns="geometry").to_csv(tmp_path / name)
    else:
        points.to_file(tmp_path / name)
    with pytest.raises(InputError, match="tables of their strata are missing; give the GeoPackage"):
        read_validation_sample(tmp_path / name, BOXES, CRS)


def test_words_and_columns_may_be_written_in_other_ways(
    made: SyntheticExtraction, drawn: Path
) -> None:
    words = [" Landslide ", "滑坡", "1.0", "BACKGROUND", "背景", "no", "无法判断", "?", "", None]
    points = geopandas.read_file(drawn, layer="points")
    points["REFERENCE"] = words * (len(points) // len(words))
    points.drop(columns="reference").to_file(drawn, layer="points")
    sample = judged(made.extraction, drawn)
    assert (len(sample.reference), int(sample.reference.sum())) == (180, 90)


def test_points_in_another_coordinate_system_are_where_they_were(
    made: SyntheticExtraction, drawn: Path
) -> None:
    judge(drawn, lambda x, y: "landslide" if block_at(x, y) else "background")
    before = judged(made.extraction, drawn)
    geopandas.read_file(drawn, layer="points").to_crs(4326).to_file(drawn, layer="points")
    np.testing.assert_array_equal(judged(made.extraction, drawn).mapped, before.mapped)


def test_an_inventory_is_sampled_and_takes_its_sample(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    first, out = tmp_path / "first", tmp_path / "sample.gpkg"
    make_inventory(InventoryRequest(source=made.extraction, out=first, cleaning=PLAIN, draws=0))
    record = draw_sample(SamplingRequest(source=first, out=out, options=OPTIONS))
    assert record.map.kind == "polygons"
    assert sum(one.pixels for one in record.strata) == SIDE_PX**2
    opened = open_extraction(made.extraction)
    request = InventoryRequest(source=made.extraction, out=first, cleaning=PLAIN)
    again = detections_from_extraction(opened, request, None)
    assert polygons_digest(again.polygons) == record.map.digest
    assert polygons_digest(again.polygons[::-1]) == record.map.digest
    assert polygons_digest(again.polygons[1:]) != record.map.digest


def write_raster(
    path: Path,
    values: NDArray[Any],
    crs: str | None,
    transform: Affine,
    nodata: float | None = None,
) -> Path:
    height, width = values.shape
    with rasterio.open(
        path, "w", "GTiff", width, height, 1, crs, transform, values.dtype, nodata
    ) as file:
        file.write(values, 1)
    return path


def record_of(path: Path, out: Path, area: Path | None = None, **options: Any) -> SampleRecord:
    asked = SamplingOptions(**{"size": 40, "min_per_stratum": 2} | options)
    return draw_sample(SamplingRequest(source=path, out=out, area=area, options=asked))


def test_only_what_was_searched_is_sampled(tmp_path: Path) -> None:
    mask = np.zeros((60, 80), dtype=np.uint8)
    mask[10:30, 10:40], mask[:, 70:] = 1, 255
    file = write_raster(
        tmp_path / "mask.tif", mask, UTM, Affine(2, 0, LEFT, 0, -2, TOP), nodata=255
    )
    area = tmp_path / "area.gpkg"
    ground = shapely.box(LEFT, TOP - 120, LEFT + 100, TOP)  # the left 50 columns
    geopandas.GeoDataFrame(geometry=[ground], crs=UTM).to_file(area)
    strata = ("landslide", "background")
    whole = record_of(file, tmp_path / "a.gpkg", strata=strata)
    assert [one.pixels for one in whole.strata] == [600, 60 * 70 - 600]
    part = record_of(file, tmp_path / "b.gpkg", area, strata=strata)
    assert [one.pixels for one in part.strata] == [600, 60 * 50 - 600]
    points = geopandas.read_file(tmp_path / "b.gpkg", layer="points")
    assert points.within(ground).all()


def test_probabilities_in_degrees_have_areas_on_the_ground(tmp_path: Path) -> None:
    probability = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (50, 1))
    step = 2e-5
    file = write_raster(
        tmp_path / "p.tif", probability, "EPSG:4326", Affine(step, 0, 104.0, 0, -step, 31.0)
    )
    record = record_of(
        file, tmp_path / "s.gpkg", threshold=0.6, probability_classes=(0.3,), buffer_m=4.0
    )
    names = [one.name for one in record.strata]
    assert names == ["landslide_0.3_1", "background_0_0.3", "background_0.3_1", "buffer"]
    # pixels are 1.909 m wide at 31 degrees: two columns on each side of the edge
    assert record.strata[-1].pixels == 4 * 50
    whole_m2 = sum(one.area_m2 for one in record.strata)
    assert whole_m2 == pytest.approx(100 * 1.9105 * 50 * 2.2174, rel=2e-3)


def test_every_pixel_of_a_stratum_is_drawn_as_often(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[1:4, 2:5] = 1
    file = write_raster(tmp_path / "mask.tif", mask, UTM, Affine(2, 0, LEFT, 0, -2, TOP))
    options = SamplingOptions(strata=("landslide", "background"))
    stratification = Stratification(buffer_m=None, side=options.buffer_side)
    times = np.zeros(mask.shape)
    with open_source_map(file, None, options) as source:
        counts = count_strata(source, stratification)
        generator = np.random.default_rng(0)
        for _ in range(600):
            drawn = draw_pixels(source, stratification, counts, np.array([3, 13]), generator)
            times[drawn.row, drawn.col] += 1
    assert times.sum() == 600 * 16
    np.testing.assert_allclose(times / 600, 1 / 3, atol=5 * np.sqrt(2 / 9 / 600))


def test_all_of_a_small_stratum_is_drawn_and_a_target_sets_the_size(tmp_path: Path) -> None:
    mask = np.zeros((100, 100), dtype=np.uint8)
    mask[:2, :5] = 1
    file = write_raster(tmp_path / "m.tif", mask, UTM, Affine(2, 0, LEFT, 0, -2, TOP))
    record = record_of(
        file,
        tmp_path / "s.gpkg",
        size=None,
        standard_error=0.01,
        expected={"background": 0.95},
        strata=("landslide", "background"),
        min_per_stratum=50,
    )
    landslide, background = record.strata
    assert landslide.drawn == landslide.pixels == 10
    # (0.001 sqrt(0.7 0.3) + 0.999 sqrt(0.95 0.05))^2 / 0.01^2 = 476.1
    assert landslide.drawn + background.drawn == 477


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"strata": ("landslide", "water")}, "landslide, background and, where wanted, buffer"),
        ({"size": 10, "standard_error": 0.1}, "both fix how many points"),
        ({"size": 1}, "size is 2 to 100,000 points; got 1"),
        ({"size": None, "standard_error": 0.9}, "0.0001 to under 0.5, a fraction; got 0.9"),
        ({"min_per_stratum": 1}, "at least 2 points"),
        ({"probability_classes": (0.5, 0.2)}, "that ascend; got 0.5, 0.2"),
        ({"probability_classes": (0.2, 0.2000000001)}, "limits over 0 and under 1 that ascend"),
        ({"probability_classes": tuple(np.linspace(0.1, 0.9, 200))}, "are at most 50 limits"),
        ({"buffer_m": 0.0}, "buffer_m is over 0 metres; got 0"),
        ({"buffer_m": 2000.0}, "at most 512 pixels of the map, about 1024 m; got 2000"),
        ({"threshold": 0.4}, "threshold is for probabilities; leave it out"),
        ({"probability_classes": (0.4,)}, "probability_classes is for probabilities"),
        ({"resolution_m": 2.0}, "resolution is for polygons; leave it out"),
        ({"expected": {"forest": 0.4}}, "got forest=0.4"),
        ({"min_per_stratum": 30}, "together 90; got 40"),
        ({"allocation": SampleAllocation.EQUAL, "min_per_stratum": 2}, None),
    ],
)
def test_what_does_not_fit_is_refused(
    options: dict[str, Any], text: str | None, tmp_path: Path
) -> None:
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[5:25, 5:25] = 255
    file = write_raster(tmp_path / "m.tif", mask, UTM, Affine(2, 0, LEFT, 0, -2, TOP))
    if text is None:
        record = record_of(file, tmp_path / "s.gpkg", **options)
        assert sorted(one.drawn for one in record.strata) == [13, 13, 14]
        return
    with pytest.raises(InputError, match=text):
        record_of(file, tmp_path / "s.gpkg", **options)
    assert not (tmp_path / "s.gpkg").exists()


def test_maps_that_cannot_be_sampled_are_refused(tmp_path: Path) -> None:
    place = Affine(2, 0, LEFT, 0, -2, TOP)
    classes = write_raster(tmp_path / "a.tif", np.full((9, 9), 7, np.uint8), UTM, place)
    with pytest.raises(InputError, match="a mask has 0 and 1, or 0 and 255; another number is at"):
        record_of(classes, tmp_path / "s.gpkg")
    heights = write_raster(tmp_path / "b.tif", np.full((9, 9), 7, np.float32), UTM, place)
    with pytest.raises(InputError, match="probabilities are 0 to 1; another number is at"):
        record_of(heights, tmp_path / "s.gpkg")
    nowhere = write_raster(tmp_path / "c.tif", np.zeros((9, 9), np.uint8), None, place)
    with pytest.raises(InputError, match="a sample needs a coordinate system"):
        record_of(nowhere, tmp_path / "s.gpkg")
    empty = write_raster(tmp_path / "d.tif", np.full((9, 9), 255, np.uint8), UTM, place, 255)
    with pytest.raises(InputError, match="no pixel of the map has data in the area"):
        record_of(empty, tmp_path / "s.gpkg")
    polygons = tmp_path / "e.gpkg"
    slide = shapely.box(LEFT, TOP - 20, LEFT + 20, TOP)
    geopandas.GeoDataFrame(geometry=[slide], crs=UTM).to_file(polygons)
    with pytest.raises(InputError, match="the resolution of the map is not known"):
        record_of(polygons, tmp_path / "s.gpkg")
    with pytest.raises(InputError, match="the area that was mapped is not known"):
        record_of(polygons, tmp_path / "s.gpkg", resolution_m=2.0)
    with pytest.raises(InputError, match=r"at most 1e\+11 pixels; with 1e-05 m there are 4\.0e"):
        record_of(polygons, tmp_path / "s.gpkg", polygons, resolution_m=1e-5)
    with pytest.raises(InputError, match="neither an extraction nor an inventory"):
        record_of(tmp_path, tmp_path / "s.gpkg")
    many = write_raster(tmp_path / "f.tif", np.zeros((330, 330), np.uint8), UTM, place)
    with pytest.raises(InputError, match=r"standard_error 0\.0001 needs 108,900 points, and"):
        record_of(many, tmp_path / "s.gpkg", size=None, standard_error=1e-4)
    with pytest.raises(InputError, match="give a name that ends in"):
        record_of(classes, tmp_path / "s.csv")
    with rasterio.open(
        tmp_path / "g.tif", "w", "GTiff", 9, 9, 3, UTM, place, "float32", photometric="MINISBLACK"
    ):
        pass
    with pytest.raises(InputError, match="in one band; this raster has 3"):
        record_of(tmp_path / "g.tif", tmp_path / "s.gpkg")


def test_polygons_and_a_raster_of_the_same_map_give_the_same_strata(tmp_path: Path) -> None:
    polygons, area = tmp_path / "slides.gpkg", tmp_path / "area.gpkg"
    slide = shapely.box(LEFT + 20, TOP - 60, LEFT + 80, TOP - 20)
    ground = shapely.box(LEFT, TOP - 100, LEFT + 100, TOP)
    geopandas.GeoDataFrame(geometry=[slide], crs=UTM).to_file(polygons)
    geopandas.GeoDataFrame(geometry=[ground], crs=UTM).to_file(area)
    mask = np.zeros((50, 50), dtype=np.uint8)
    mask[10:30, 10:40] = 1
    raster = write_raster(tmp_path / "m.tif", mask, UTM, Affine(2, 0, LEFT, 0, -2, TOP))
    drawn = record_of(polygons, tmp_path / "a.gpkg", area, resolution_m=2.0)
    of_raster = record_of(raster, tmp_path / "b.gpkg")
    assert drawn.strata == of_raster.strata
    judge(tmp_path / "b.gpkg", lambda _x, _y: "no")
    sample = read_judged_sample(tmp_path / "b.gpkg", assessed(np.array([slide]), 1e4, {}))
    assert keys(sample)[0] == "adjusted.of_raster"
    elsewhere = shapely.affinity.translate(ground, 50)
    with pytest.raises(InputError, match=r"\d+ of 40 points are outside the mapped area"):
        read_judged_sample(tmp_path / "b.gpkg", assessed(np.array([slide]), 1e4, {}, elsewhere))
    read_judged_sample(tmp_path / "b.gpkg", assessed(np.array([slide]), 1e4, {}, ground))
    assert sample.mapped.sum() > 0
