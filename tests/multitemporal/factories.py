"""Series and maps made by code: every pixel is written down, nothing is matched or predicted."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.factories.models import calibrated_card, make_card, write_card

from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.core.grid import Grid
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.io.raster import OutputBand, write_scene
from landslip.io.raster.output import output_bands
from landslip.models.calibration.curve import CalibrationCurve
from landslip.multitemporal.series.card import CARD, SceneDate, SeriesCard
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.states.rasters import posterior_name, state_name
from landslip.multitemporal.states.record import RECORD, StatesDate, StatesRecord

UTM = CRS.from_epsg(32648)
PIXEL_M, LEFT, TOP = 2.0, 400_000.0, 3_460_000.0
PRIOR = 0.1  # of `calibrated_card`


def grid_of(shape: tuple[int, int]) -> Grid:
    return Grid(crs=UTM, transform=Affine(PIXEL_M, 0, LEFT, 0, -PIXEL_M, TOP), shape=shape)


def with_ndvi(ndvi: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return red and nir (2, height, width) whose sum is 0.4."""
    return np.stack([0.2 * (1 - ndvi), 0.2 * (1 + ndvi)])


def write_series(
    folder: Path,
    reflectance: Mapping[date, NDArray[np.floating[Any]]],
    bands: tuple[str, ...] = ("red", "nir"),
    validity: Mapping[date, NDArray[np.uint8]] | None = None,
) -> Path:
    """Write the folder that `landslip series` makes; what is not stated is valid."""
    folder.mkdir()
    dates = []
    for day, values in sorted(reflectance.items()):
        shape = values.shape[1:]
        codes = (validity or {}).get(day, np.full(shape, Validity.VALID, dtype=np.uint8))
        stored = np.clip(np.rint(values / 0.0001), 1, 65535).astype(np.uint16)
        stored[:, codes == Validity.NO_DATA] = 0
        radiometry = Radiometry(dtype="uint16", scale=0.0001, units=Units.REFLECTANCE)
        grid = grid_of(shape)
        write_scene(folder / f"{day}.tif", stored, grid, output_bands(bands, radiometry, 0))
        layer = OutputBand(description="validity")
        write_scene(folder / f"{day}_validity.tif", codes[np.newaxis], grid, (layer,))
        shares = [float((codes == code).mean()) for code in (1, 2, 3, 0)]
        names = ("valid_share", "cloud_share", "shadow_share", "no_data_share")
        dates.append(
            SceneDate(
                date=str(day),
                scene=f"{day}.tif",
                validity=f"{day}_validity.tif",
                source=f"{day}.tif",
                fingerprint={"sha256": "0"},
                resolution_m=PIXEL_M,
                **dict(zip(names, shares, strict=True)),
            )
        )
    card = SeriesCard(
        bands=bands,
        crs=UTM.to_wkt(),
        transform=tuple(grid.transform)[:6],
        shape=shape,
        resolution_m=PIXEL_M,
        reference=dates[0].date,
        dates=tuple(dates),
    )
    (folder / CARD).write_text(card.model_dump_json())
    return folder


def write_states(folder: Path, series: Path, states: Mapping[date, NDArray[np.uint8]]) -> Path:
    """Write the folder that `landslip states` makes, without posteriors; 255 is no data."""
    folder.mkdir()
    dates = []
    for day, codes in sorted(states.items()):
        layer = OutputBand(description="most likely state", nodata=255)
        write_scene(folder / state_name(day), codes[np.newaxis], grid_of(codes.shape), (layer,))
        dates.append(
            StatesDate(
                date=str(day),
                posterior=posterior_name(day),
                state=state_name(day),
                map=None,
                model=None,
                prior=None,
                vegetated_ndvi=None,
                vegetated=(1, 0.1),
                bare=(0, 0.1),
                seen_share=1,
                pixels=(0, 0, 0, 0),
                area_m2=None,
            )
        )
    record = StatesRecord(
        series=str(series),
        triggers=(),
        rates={},
        emissions={},
        dates=tuple(dates),
        flows=(),
        seconds=0,
        seconds_per_mpix=0,
        memory_peak_mb=0,
        warnings=(),
        messages=(),
    )
    (folder / RECORD).write_text(record.model_dump_json())
    return folder


def write_map(
    folder: Path,
    day: date,
    probability: NDArray[np.floating[Any]],
    *,
    calibrated: bool = True,
    grid: Grid | None = None,
    scene: str | None = None,
) -> Path:
    """Write the folder that `landslip extract` makes, without polygons; NaN is no data."""
    folder.mkdir()
    height, width = probability.shape
    known = np.isfinite(probability)
    levels = np.where(known, np.rint(np.nan_to_num(probability) * 250), 255).astype(np.uint8)
    layer = OutputBand(description="probability of landslide", nodata=255, scale=0.004)
    grid = grid or grid_of((height, width))
    write_scene(folder / PROBABILITY, levels[np.newaxis], grid, (layer,))
    card = make_card()
    if calibrated:
        card = calibrated_card(card, CalibrationCurve.line(1.0))
    write_card(folder, card)
    ExtractionSummary(
        scene=scene or f"{day}.tif",
        scene_place=scene or f"{day}.tif",
        read_as={},
        model="model",
        model_weights_sha256="0",
        calibration="platt" if calibrated else None,
        bands=["red", "nir"],
        crs="EPSG:32648",
        width=width,
        height=height,
        resolution_m=PIXEL_M,
        threshold=0.5,
        min_area_m2=0.0,
        area_method="planimetric",
        landslides=0,
        landslide_area_m2=0.0,
        landslide_px=0,
        valid_px=int(known.sum()),
        engine="openvino",
        precision="fp32",
        window_px=[64, 64],
        overlap_px=0,
        windows=1,
        skipped_windows_share=0.0,
        kept_windows_share=0.0,
        engine_busy_share=None,
        seconds=1.0,
        mpix_per_s=1.0,
        memory_peak_mb=1,
        job_sha256="0",
        warnings=[],
        code_version="0",
    ).write(folder / SUMMARY)
    return folder
