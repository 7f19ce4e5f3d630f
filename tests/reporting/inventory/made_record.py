"""What describes a made inventory, and its statistics: figures that tests look for."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.factories.models import make_card
from tests.reporting.inventory.wanted import UTM, Wanted

from landslip.inventory.record import (
    CleaningRecord,
    DemRecord,
    InventoryRecord,
    ModelRecord,
    SceneRecord,
    SourceRecord,
)
from landslip.inventory.statistics.result import (
    AdjustedArea,
    AreaFrequency,
    AreaHistogram,
    EventMagnitude,
    InventoryStatistics,
    InverseGammaFit,
    LandslideSizes,
    PowerLawFit,
    VolumeTotal,
)
from landslip.metrics.resampling import IntervalEstimate
from landslip.models.card import (
    CalibrationScoresCard,
    ModelCard,
    ProbabilityCalibrationCard,
    ReliabilityCard,
)

DIGEST = "0123456789abcdef" * 4


def made_record(wanted: Wanted, scene: Path, dem: Path, number: int) -> InventoryRecord:
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
        model_card=made_card(calibrated=wanted.calibrated) if wanted.model else None,
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


def _dem(dem: Path, wanted: Wanted, number: int) -> DemRecord:
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


def made_card(*, calibrated: bool) -> ModelCard:
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


def made_statistics(areas_m2: NDArray[np.float64], *, adjusted: bool = True) -> InventoryStatistics:
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
        area_frequency=_area_frequency(known) if some else None,
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


def _area_frequency(areas_m2: NDArray[np.float64]) -> AreaFrequency:
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


def _adjusted() -> AdjustedArea:
    return AdjustedArea(
        method="Stratified sample, 50 points a class.",
        samples=100,
        mapped_m2=1_234_000.0,
        adjusted_m2=IntervalEstimate(value=1_502_000.0, low=1_310_000.0, high=1_694_000.0),
        users_accuracy=IntervalEstimate(value=0.88, low=0.79, high=0.97),
        producers_accuracy=IntervalEstimate(value=0.72, low=0.61, high=0.83),
        overall_accuracy=IntervalEstimate(value=0.95, low=0.92, high=0.98),
        level=0.95,
    )
