"""Inventories made by code, as `landslip inventory` writes them, with what a test asks for."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import rasterio
import rasterio.errors
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from tests.factories.models import make_card

from landslip.inventory.fields import FIELDS, FieldKind
from landslip.inventory.formats.vector_files import write_geopackage
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.record import (
    GEOPACKAGE,
    RECORD,
    STATISTICS,
    CleaningRecord,
    DemRecord,
    InventoryRecord,
    ModelRecord,
    SceneRecord,
    SourceRecord,
)
from landslip.inventory.statistics.result import (
    AdjustedLandslideArea,
    AreaFrequency,
    AreaHistogram,
    EventMagnitude,
    InventoryStatistics,
    InverseGammaFit,
    LandslideSizes,
    PowerLawFit,
    SampledStratum,
    VolumeTotal,
)
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.models.card import (
    CalibrationScoresCard,
    ModelCard,
    ProbabilityCalibrationCard,
    ReliabilityCard,
)

UTM = "EPSG:32648"
MALICIOUS = "<script>alert('x')</script> & \"quoted\" \\ 北川\nsecond"


@dataclass(frozen=True, kw_only=True)
class InventoryContents:
    """What an inventory has and what it lacks; ``columns`` are put over those that are made."""

    landslides: int = 40
    crs: str | None = UTM
    dem: bool = True
    scene: bool = True
    model: bool = True
    calibrated: bool = True
    statistics: bool = True
    adjusted: bool = True
    date: str | None = "2013-08-12"
    name: str = "Wenchuan 2013"
    notes: tuple[str, ...] = ("2 landslides touch the edge of the scene.",)
    columns: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


_LEFT, _TOP = 400_000.0, 3_450_000.0
_PIXEL_M, _SIDE_PX = 10.0, 400


def write_inventory(folder: Path, wanted: InventoryContents | None = None) -> Path:
    """Write an inventory with its scene and elevation model beside it; return its folder."""
    wanted = wanted or InventoryContents()
    folder.mkdir(parents=True, exist_ok=True)
    polygons = _polygons(wanted)
    table = _table(polygons, wanted)
    scene, dem = folder.parent / "scene.tif", folder.parent / "dem.tif"
    if wanted.scene:
        write_scene(scene, polygons, wanted.crs)
    if wanted.dem:
        write_dem(dem, wanted.crs or UTM)
    layers = InventoryLayers(
        landslides=table,
        highest_points=_points(table, 3, wanted),
        lowest_points=_points(table, 1, wanted),
        density=_density(table, wanted.crs),
    )
    write_geopackage(layers, folder / GEOPACKAGE)
    record = make_record(wanted, scene, dem, len(table))
    (folder / RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    if wanted.statistics:
        found = make_statistics(table["area_m2"].to_numpy(np.float64), adjusted=wanted.adjusted)
        (folder / STATISTICS).write_text(found.model_dump_json(indent=1), encoding="utf-8")
    return folder


def _polygons(wanted: InventoryContents) -> NDArray[np.object_]:
    """Return blobs with four holes among them, the largest first, in map coordinates."""
    random = np.random.default_rng(wanted.seed)
    number = wanted.landslides
    sizes = np.sort(1 / random.gamma(1.4, 1 / 30.0, number))[::-1].clip(8, 260)
    side = _SIDE_PX * _PIXEL_M
    angles = np.linspace(0, 2 * np.pi, 25)[:-1]
    shapes = []
    for at, size in enumerate(sizes):
        x, y = random.uniform(0.1 * side, 0.9 * side, 2)
        radius = size * (1 + 0.15 * random.standard_normal(24))
        ring = np.column_stack([x + radius * np.cos(angles), y - 1.8 * radius * np.sin(angles)])
        holes = [ring.mean(axis=0) + 0.2 * (ring - ring.mean(axis=0))] if at < 4 else []
        shapes.append(shapely.make_valid(shapely.Polygon(ring, holes)))
    shapes.sort(key=lambda shape: -shape.area)
    polygons = np.array(shapes, dtype=object) if shapes else np.empty(0, dtype=object)
    if wanted.crs is None:
        return shapely.transform(polygons, lambda points: points / _PIXEL_M)
    placed = shapely.transform(
        polygons, lambda points: np.column_stack([_LEFT + points[:, 0], _TOP - points[:, 1]])
    )
    if wanted.crs == UTM:
        return np.asarray(placed, dtype=object)
    change = pyproj.Transformer.from_crs(UTM, wanted.crs, always_xy=True)
    return np.asarray(
        shapely.transform(placed, lambda points: np.column_stack(change.transform(*points.T))),
        dtype=object,
    )


def _table(polygons: NDArray[np.object_], wanted: InventoryContents) -> geopandas.GeoDataFrame:
    number = len(polygons)
    random = np.random.default_rng(wanted.seed + 1)
    metric = geopandas.GeoSeries(polygons, crs=wanted.crs)
    metric = metric.to_crs(UTM) if wanted.crs else metric
    lonlat = metric.representative_point().to_crs(4326) if wanted.crs else None
    terrain: dict[str, Any] = {
        "slope_deg": random.uniform(15, 50, number),
        "aspect_deg": random.vonmises(2.4, 1.5, number) * 180 / np.pi % 360,
        "elevation_range_m": random.uniform(40, 400, number),
        "runout_m": random.uniform(100, 900, number),
        "h_over_l": random.uniform(0.3, 0.9, number),
        "elevation_min_m": random.uniform(900, 1400, number),
        "elevation_max_m": random.uniform(1400, 2600, number),
        "surface_m2": metric.area.to_numpy() * 1.2,
        "flag_road": random.uniform(0, 1, number) < 0.1,
    }
    values: dict[str, Any] = {
        "id": np.arange(1, number + 1),
        "length_m": random.uniform(50, 900, number),
        "width_m": random.uniform(30, 300, number),
        "axis": np.full(number, "downslope" if wanted.dem else "box", dtype=object),
    }
    if wanted.crs is not None and lonlat is not None:
        values |= {"area_m2": metric.area.to_numpy()}
        values |= {"centroid_lon": lonlat.x.to_numpy(), "centroid_lat": lonlat.y.to_numpy()}
    if wanted.dem:
        values |= terrain
    if wanted.model:
        values["confidence"] = random.beta(6, 2, number)
    values |= wanted.columns
    columns = {one.name: _column(one.kind, values.get(one.name), number) for one in FIELDS}
    return geopandas.GeoDataFrame(columns, geometry=polygons, crs=wanted.crs)


def _column(kind: FieldKind, values: Any, number: int) -> Any:
    if kind is FieldKind.ID:
        return np.asarray(values, dtype=np.int64)
    if kind is FieldKind.FLAG:
        return pd.array(values if values is not None else [pd.NA] * number, dtype="boolean")
    if kind is FieldKind.TEXT:
        return values if values is not None else np.full(number, None, dtype=object)
    return values if values is not None else np.full(number, np.nan)


def _points(
    table: geopandas.GeoDataFrame, row: int, wanted: InventoryContents
) -> geopandas.GeoDataFrame:
    """Return the middles of the upper (3) or lower (1) edges of the landslides' bounds."""
    number = len(table) if wanted.dem else 0
    bounds = table.geometry.bounds.to_numpy().reshape(-1, 4)[:number]
    points = shapely.points((bounds[:, 0] + bounds[:, 2]) / 2, bounds[:, row])
    columns = {"id": table["id"].to_numpy()[:number], "elevation_m": np.full(number, 1000.0)}
    return geopandas.GeoDataFrame(columns, geometry=points, crs=wanted.crs)


def _density(table: geopandas.GeoDataFrame, crs: str | None) -> geopandas.GeoDataFrame:
    if crs is None or not len(table):
        empty: dict[str, Any] = {"cell": [], "landslides": [], "per_km2": [], "area_share": []}
        return geopandas.GeoDataFrame(empty, geometry=[], crs=crs)
    left, bottom, right, top = table.total_bounds
    xs, ys = np.linspace(left, right, 9), np.linspace(bottom, top, 9)
    cells = [shapely.box(x0, y0, x1, y1) for x0, x1 in _pairs(xs) for y0, y1 in _pairs(ys)]
    points = table.representative_point()
    counts = np.array([int(points.within(cell).sum()) for cell in cells])
    columns = {
        "cell": np.arange(len(cells)),
        "landslides": counts,
        "per_km2": counts / 0.16,
        "area_share": np.zeros(len(cells)),
    }
    return geopandas.GeoDataFrame(columns, geometry=cells, crs=crs)


def _pairs(values: NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip(values[:-1].tolist(), values[1:].tolist(), strict=True))


def grid_transform(crs: str | None) -> Affine:
    """Return the transform of the made scene and elevation model."""
    if crs is None:
        return Affine.identity()
    if crs == UTM:
        return Affine(_PIXEL_M, 0, _LEFT, 0, -_PIXEL_M, _TOP)
    change = pyproj.Transformer.from_crs(UTM, crs, always_xy=True)
    side = _SIDE_PX * _PIXEL_M
    left, top = change.transform(_LEFT, _TOP)
    right, bottom = change.transform(_LEFT + side, _TOP - side)
    return Affine((right - left) / _SIDE_PX, 0, left, 0, (bottom - top) / _SIDE_PX, top)


def write_scene(path: Path, polygons: NDArray[np.object_], crs: str | None) -> None:
    """Write a scene of four bands in which landslides are bright."""
    random = np.random.default_rng(7)
    shape = (_SIDE_PX, _SIDE_PX)
    bands = random.normal(600, 60, (4, *shape)) + np.array([0, 80, 20, 900])[:, None, None]
    transform = grid_transform(crs)
    if len(polygons):
        burnt = rasterio.features.rasterize(polygons, out_shape=shape, transform=transform)
        bands[:, burnt == 1] = random.normal(1500, 120, (4, int((burnt == 1).sum())))
    profile = {"driver": "GTiff", "height": _SIDE_PX, "width": _SIDE_PX, "count": 4}
    placed = {} if crs is None else {"crs": crs, "transform": transform}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", dtype="uint16", **profile, **placed) as file:
            file.write(bands.clip(1, 4000).astype(np.uint16))
            file.descriptions = ("blue", "green", "red", "nir")


def write_dem(path: Path, crs: str) -> None:
    """Write hills."""
    rows, cols = np.mgrid[:_SIDE_PX, :_SIDE_PX]
    heights = 1500 + 300 * np.sin(cols / 40) * np.cos(rows / 55) + cols
    profile = {"driver": "GTiff", "height": _SIDE_PX, "width": _SIDE_PX, "count": 1}
    where = {"crs": crs, "transform": grid_transform(crs)}
    with rasterio.open(path, "w", dtype="float32", **profile, **where) as file:
        file.write(heights.astype(np.float32), 1)


DIGEST = "0123456789abcdef" * 4


def make_record(wanted: InventoryContents, scene: Path, dem: Path, number: int) -> InventoryRecord:
    """Return what describes an inventory of so many landslides."""
    calibration = "temperature" if wanted.calibrated else None
    return InventoryRecord(
        code_version="0.1.0",
        name=wanted.name,
        source=SourceRecord(
            kind="extraction" if wanted.model else "polygons",
            place="MAP",
            layer=None if wanted.model else "slides",
        ),
        scene=SceneRecord(
            name="GF1_PMS1_20130812" if wanted.scene else None,
            place=str(scene) if wanted.scene else None,
            date=wanted.date,
            bands=("blue", "green", "red", "nir") if wanted.scene else None,
            width=400 if wanted.scene else None,
            height=400 if wanted.scene else None,
            resolution_m=10.0 if wanted.scene else None,
        ),
        model=ModelRecord(
            name="linknet",
            weights_sha256=DIGEST,
            threshold=0.466,
            calibration=calibration,
            engine="openvino",
            precision="fp32",
        )
        if wanted.model
        else None,
        model_card=make_calibrated_card(calibrated=wanted.calibrated) if wanted.model else None,
        dem=_dem(dem, wanted, number) if wanted.dem else None,
        cleaning=_cleaning() if wanted.model else None,
        crs=wanted.crs,
        area_method="planimetric" if wanted.crs else None,
        confidence_is="Mean of the pixels' probabilities.",
        mapped_m2=16e6 if wanted.crs else None,
        landslides=number,
        notes=wanted.notes,
        files=("inventory.gpkg",),
    )


def _dem(dem: Path, wanted: InventoryContents, number: int) -> DemRecord:
    return DemRecord(
        name="copernicus30",
        place=str(dem),
        crs=wanted.crs or UTM,
        resolution_m=10.0,
        landslides_with_heights=number,
    )


def _cleaning() -> CleaningRecord:
    return CleaningRecord(
        low=0.42,
        high=0.71,
        min_area_m2=150.0,
        max_shift_m=2.0,
        smooth=True,
        split=True,
        regions=57,
        dropped_seedless=13,
        dropped_small=19,
        split_regions=3,
        largest_shift_m=1.62,
    )


def make_calibrated_card(*, calibrated: bool) -> ModelCard:
    """Return a model's card, with a calibration or without."""
    middles = tuple((np.arange(20) + 0.5) / 20)
    before = ReliabilityCard(
        mean_probability=middles,
        landslide_share=tuple(middle**2 for middle in middles),
        pixels=(1000,) * 20,
    )
    after = ReliabilityCard(mean_probability=middles, landslide_share=middles, pixels=(1000,) * 20)
    calibration = ProbabilityCalibrationCard(
        method="temperature",
        knots=((0.0, 0.0),),
        slope_below=0.7,
        slope_above=0.7,
        split="val",
        tiles=12,
        pixels=786432,
        landslide_pixels=52001,
        folds=5,
        dataset_source="made",
        pixels_sha256=DIGEST,
        split_sha256=DIGEST,
        seed=0,
        engine="openvino",
        precision="fp32",
        before=CalibrationScoresCard(calibration_error=0.0912, brier=0.0613, log_loss=0.214),
        after=CalibrationScoresCard(calibration_error=0.0081, brier=0.0555, log_loss=0.181),
        reliability_before=before,
        reliability_after=after,
    )
    scores = {"precision": 0.812, "recall": 0.745, "f1": 0.777, "iou": 0.635}
    known = {"calibration": calibration if calibrated else None, "metrics": {"test": scores}}
    return make_card().model_copy(update=known)


def make_statistics(areas_m2: NDArray[np.float64], *, adjusted: bool = True) -> InventoryStatistics:
    """Return statistics of areas; what is fitted is stated, not fitted."""
    known = areas_m2[np.isfinite(areas_m2)]
    some = len(known) > 1
    return InventoryStatistics(
        landslides=len(areas_m2),
        area_m2=float(known.sum()) if len(known) else None,
        surface_m2=float(known.sum()) * 1.2 if len(known) else None,
        mapped_m2=16e6,
        landslides_per_km2=len(areas_m2) / 16,
        area_share=float(known.sum()) / 16e6,
        sizes=_sizes(known) if len(known) else None,
        area_frequency=make_area_frequency(known) if some else None,
        magnitude=_magnitude(len(areas_m2)) if some else None,
        volumes=_volumes() if some else (),
        adjusted=_adjusted() if adjusted and some else None,
        interval_level=0.95,
        draws=500,
        seed=0,
        notes=("the rollover is near the smallest area.",) if some else (),
    )


def _sizes(areas_m2: NDArray[np.float64]) -> LandslideSizes:
    return LandslideSizes(
        smallest_m2=float(areas_m2.min()),
        median_m2=float(np.median(areas_m2)),
        mean_m2=float(areas_m2.mean()),
        p90_m2=float(np.quantile(areas_m2, 0.9)),
        largest_m2=float(areas_m2.max()),
    )


def make_area_frequency(areas_m2: NDArray[np.float64]) -> AreaFrequency:
    """Return the histogram of areas, and fits that were not made of them."""
    edges = np.geomspace(areas_m2.min() * 0.99, areas_m2.max() * 1.01, 15)
    counts = np.histogram(areas_m2, edges)[0]
    density = counts / counts.sum() / np.diff(edges)
    return AreaFrequency(
        histogram=AreaHistogram(
            edges_m2=tuple(edges.tolist()),
            landslides=tuple(counts.tolist()),
            density_per_m2=tuple(density.tolist()),
        ),
        inverse_gamma=InverseGammaFit(
            rho=IntervalEstimate(value=1.43, low=1.21, high=1.66),
            a_m2=IntervalEstimate(value=5210.0, low=4000.0, high=6400.0),
            s_m2=IntervalEstimate(value=-132.0, low=-300.0, high=40.0),
            rollover_m2=IntervalEstimate(value=2012.0, low=1700.0, high=2500.0),
            least_m2=0.0,
            landslides=len(areas_m2),
            log_likelihood=-400.0,
            ks_distance=0.061,
        ),
        power_law=PowerLawFit(
            exponent=IntervalEstimate(value=2.41, low=2.13, high=2.77),
            from_m2=IntervalEstimate(value=12_345.0, low=8000.0, high=20_000.0),
            landslides=max(len(areas_m2) // 2, 1),
            ks_distance=0.05,
            p_value=0.37,
        ),
    )


def _magnitude(number: int) -> EventMagnitude:
    return EventMagnitude(
        from_count=float(np.log10(number)),
        from_large=IntervalEstimate(value=2.31, low=2.05, high=2.49),
        large_from_m2=10_000.0,
    )


def _volumes() -> tuple[VolumeTotal, ...]:
    return (
        VolumeTotal(
            relation="Guzzetti et al. 2009, slides",
            reference="doi 10.1016/j.epsl.2009.01.005",
            alpha=0.074,
            gamma=1.45,
            total_m3=IntervalEstimate(value=7.7e6, low=2.2e6, high=2.6e7),
        ),
    )


def _adjusted() -> AdjustedLandslideArea:
    return AdjustedLandslideArea(
        method="Stratified sample, 50 points a class.",
        samples=100,
        mapped_m2=1_234_000.0,
        adjusted_m2=IntervalEstimate(value=1_502_000.0, low=1_310_000.0, high=1_694_000.0),
        by_rates_m2=IntervalEstimate(value=1_381_000.0, low=1_120_000.0, high=1_642_000.0),
        users_accuracy=IntervalEstimate(value=0.88, low=0.79, high=0.97),
        producers_accuracy=IntervalEstimate(value=0.72, low=0.61, high=0.83),
        overall_accuracy=IntervalEstimate(value=0.95, low=0.92, high=0.98),
        sensitivity=IntervalEstimate(value=0.76, low=0.66, high=0.86),
        specificity=IntervalEstimate(value=0.99, low=0.98, high=1.0),
        strata=(
            SampledStratum(
                kind="landslide", pixels=1000, area_m2=4e3, drawn=60, judged=50, landslides=44
            ),
            SampledStratum(
                kind="background",
                low=0.1,
                high=0.3,
                pixels=90_000,
                area_m2=36e4,
                drawn=50,
                judged=50,
                landslides=3,
            ),
        ),
        level=0.95,
    )
