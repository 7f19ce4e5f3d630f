"""Draws a stratified sample of a map and writes it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from landslip import __version__
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_file, refuse_existing_file
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.transformations import lonlat_of
from landslip.inventory.sampling.design import (
    BUFFER,
    DEFAULT_EXPECTED,
    DEFAULT_SIZE,
    MAX_SIZE,
    DrawnStratum,
    SampleRecord,
    SamplingOptions,
)
from landslip.inventory.sampling.draw import (
    count_strata,
    draw_pixels,
    pixel_centres,
    pixel_sides_m,
)
from landslip.inventory.sampling.geopackage import write_sample
from landslip.inventory.sampling.source_map import SourceMap, open_source_map
from landslip.inventory.sampling.strata import Stratification
from landslip.io.raster import bounded_cache
from landslip.metrics.allocation import allocate, required_size

_BUFFER_PX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRequest:
    """A sample to be drawn.

    Attributes:
        source: the map.
        out: GeoPackage to write.
        area: polygons that limit the searched area.
        options: how it is drawn.
        hide_map: leave stratum and map class out of the layer of points.
        overwrite: replace a file that exists.
    """

    source: Path
    out: Path
    area: Path | None = None
    options: SamplingOptions = field(default_factory=SamplingOptions)
    hide_map: bool = True
    overwrite: bool = False


def draw_sample(request: SamplingRequest, progress: Progress = no_progress) -> SampleRecord:
    """Draw a sample, write it, and return how it was drawn.

    Raises:
        InputError: the map cannot be read, or does not fit the options.
        OutputExistsError: ``request.out`` exists.
    """
    refuse_existing_file(request.out, overwrite=request.overwrite)
    if request.out.suffix.lower() != ".gpkg":
        raise InputError(f"{request.out}: a sample is a GeoPackage; give a name that ends in .gpkg")
    options = request.options
    with bounded_cache(), open_source_map(request.source, request.area, options) as source:
        record, design = _drawn(source, options, progress)
        lonlat = lonlat_of(design[["x", "y"]].to_numpy(), source.grid.crs)
    with atomic_file(request.out, overwrite=request.overwrite) as stage:
        write_sample(stage, record, design, lonlat, hide_map=request.hide_map)
    return record


def _drawn(
    source: SourceMap, options: SamplingOptions, progress: Progress
) -> tuple[SampleRecord, pd.DataFrame]:
    grid = source.grid
    buffer_m = None
    if BUFFER in options.strata:
        default_m = _BUFFER_PX * float(np.mean(pixel_sides_m(grid)))
        buffer_m = round(default_m, 3) if options.buffer_m is None else options.buffer_m
    stratification = Stratification(
        buffer_m=buffer_m, side=options.buffer_side, limits=options.probability_classes
    )
    counts = count_strata(source, stratification, sub_progress(progress, 0, 50, 100))
    pixels, areas_m2 = counts.pixels.sum(axis=0), counts.areas_m2
    held = pixels > 0
    if not held.any():
        raise InputError(
            f"{source.reference.place}: no pixel of the map has data in the area, so there is "
            "nothing to draw; check the area"
        )
    expected = DEFAULT_EXPECTED | dict(options.expected)
    kinds = stratification.strata
    accuracies = np.array([expected[kind] for kind, *_ in kinds])
    weights = areas_m2[held] / areas_m2.sum()
    size = options.size or DEFAULT_SIZE
    if options.standard_error is not None:
        size = required_size(weights, accuracies[held], options.standard_error)
        size = max(size, int(np.minimum(options.min_per_stratum, pixels[held]).sum()))
    size = min(size, int(pixels.sum()))
    if size > MAX_SIZE:
        raise InputError(
            f"{argument('standard_error')} {options.standard_error:g} needs {size:,} points, and a "
            f"sample has at most {MAX_SIZE:,}; give a larger one"
        )
    numbers = np.zeros(len(kinds), dtype=np.int64)
    numbers[held] = allocate(
        size,
        weights,
        accuracies[held],
        pixels[held],
        how=options.allocation,
        least=options.min_per_stratum,
    )
    generator = np.random.default_rng(options.seed)
    drawing = sub_progress(progress, 50, 100, 100)
    drawn = draw_pixels(source, stratification, counts, numbers, generator, drawing)
    strata = [
        DrawnStratum(
            kind=kind,
            low=low,
            high=high,
            pixels=int(pixels[at]),
            area_m2=float(areas_m2[at]),
            expected=float(accuracies[at]),
            drawn=int(numbers[at]),
        )
        for at, (kind, low, high) in enumerate(kinds)
    ]
    x, y = shapely.get_coordinates(pixel_centres(grid, drawn)).T
    design = pd.DataFrame(
        {
            "id": np.arange(1, len(x) + 1),
            "stratum": [strata[one].name for one in drawn.stratum],
            "mapped": drawn.mapped,
            "x": x,
            "y": y,
            "row": drawn.row,
            "col": drawn.col,
            "pixel_m2": drawn.pixel_m2,
        }
    )
    record = SampleRecord(
        code_version=__version__,
        map=source.reference,
        crs="" if grid.crs is None else grid.crs.to_wkt(),
        width=grid.shape[1],
        height=grid.shape[0],
        transform=tuple(grid.transform)[:6],
        resolution_m=grid.resolution_m or 0.0,
        buffer_m=buffer_m,
        buffer_side=None if buffer_m is None else options.buffer_side,
        threshold=source.threshold,
        allocation=options.allocation,
        min_per_stratum=options.min_per_stratum,
        standard_error=options.standard_error,
        seed=options.seed,
        strata=tuple(one for one in strata if one.pixels),
    )
    return record, design
