"""Elevation models as users have them, made ready for a scene: ellipsoidal and without gaps."""

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from pyproj.transformer import TransformerGroup
from rasterio.features import rasterize
from scipy import ndimage

from landslip.core.choices import DemGapHandling
from landslip.core.errors import InputError, argument
from landslip.core.grid import window_around
from landslip.core.rpc import RPC
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.io.raster.readers import HIGHEST_M, LOWEST_M, ElevationRaster, fill_gaps
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.orthorectification.map_grid import (
    image_edge,
    image_outline,
    locate_at_height,
)
from landslip.preprocessing.resampling import Flags, NodeLattice, Pixels, Points

_GEOIDS = {"egm96": 5773, "egm2008": 3855}
_FARTHEST_M = 120.0
_REACH_PX = 100
_ROUNDING = 1e-6
_MARGIN_PX = 4
_GEOID_STEP_PX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightReference:
    """The vertical datum of heights: the ellipsoid (perhaps assumed), or a geoid.

    A geoid is ``egm96`` or ``egm2008``, where its grid is installed for PROJ, or a raster or one
    number of its heights over the ellipsoid in metres.
    """

    geoid: str | None = None
    file: Path | None = None
    offset_m: float = 0.0
    is_assumed: bool = False

    @classmethod
    def parse(cls, text: str | None) -> "HeightReference | None":
        """Read ``ellipsoid``, ``egm96``, ``egm2008``, a number of metres, or a file's name.

        Raises:
            InputError: it is none of these.
        """
        if text is None:
            return None
        word = text.strip().lower()
        if word == "ellipsoid":
            return cls()
        if word in _GEOIDS:
            return cls(geoid=word)
        if Path(text).exists():
            return cls(file=Path(text))
        try:
            offset_m = float(word)
        except ValueError:
            raise InputError(
                f"{argument('dem_heights')} is ellipsoid, egm96, egm2008, metres of the geoid over "
                f"the ellipsoid, or a raster of them; got {text!r}, and no such file exists"
            ) from None
        if not abs(offset_m) <= _FARTHEST_M:
            raise InputError(
                f"a geoid is within {_FARTHEST_M:.0f} m of the ellipsoid; "
                f"{argument('dem_heights')} says {offset_m} m"
            )
        return cls(offset_m=offset_m)

    @classmethod
    def of_file(cls, heights: ElevationRaster) -> "HeightReference":
        """Read it from the file's vertical coordinate system, else assume ellipsoidal heights."""
        stated = heights.vertical
        if stated is None:
            return cls(is_assumed=heights.is_flat)
        for name in _GEOIDS:
            if name in f"{stated.name} {stated.datum and stated.datum.name}".lower():
                return cls(geoid=name)
        code = stated.to_epsg()
        raise InputError(
            f"{heights.path}: its heights are in the vertical system "
            f"{f'EPSG:{code}' if code else stated.name}, which is not "
            f"supported; name their datum with {argument('dem_heights')}"
        )

    def undulation_m(self, lonlat_deg: Points) -> Points:
        """Return the height of the vertical datum over the ellipsoid, (n,) metres.

        Raises:
            InputError: the geoid's grid is not installed, or a file does not cover the points.
        """
        if self.geoid is not None:
            source = pyproj.CRS.from_user_input(f"EPSG:4326+{_GEOIDS[self.geoid]}")
            with warnings.catch_warnings():
                # of the missing grid, which is an error below
                warnings.simplefilter("ignore", UserWarning)
                group = TransformerGroup(source, "EPSG:4979", always_xy=True)
            if group.transformers and group.best_available:
                lon, lat = lonlat_deg.T
                heights = group.transformers[0].transform(lon, lat, np.zeros_like(lon))[2]
                undulation = np.asarray(heights, dtype=np.float64)
                if np.all(np.isfinite(undulation)) and np.any(undulation != 0):
                    return undulation
            raise InputError(
                f"{argument('dem_heights', self.geoid)} needs the grid of that geoid, which PROJ "
                "does not have here; give a raster of geoid heights, or the geoid's height over "
                f"the ellipsoid at the scene in metres (e.g. {argument('dem_heights', '-41.5')})"
            )
        if self.file is None:
            return np.full(len(lonlat_deg), self.offset_m)
        with ElevationRaster(self.file) as file:
            values = file.read(file.grid.window)
            geoid = Elevation(height_m=values, known=np.isfinite(values), grid=file.grid)
        if not np.all(geoid.covers(lonlat_deg)):
            (west, south), (east, north) = lonlat_deg.min(axis=0), lonlat_deg.max(axis=0)
            raise InputError(
                f"{self.file}: a geoid covers the whole scene and this one does not; its heights "
                f"are needed at longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to "
                f"{north:.3f}"
            )
        undulation = geoid.at(lonlat_deg)
        if not np.all(np.abs(undulation) <= _FARTHEST_M):
            raise InputError(
                f"{self.file}: a geoid is within {_FARTHEST_M:.0f} m of the ellipsoid; this file "
                f"says {undulation.min():.1f} to {undulation.max():.1f} m at the scene"
            )
        return undulation

    def __str__(self) -> str:
        if self.geoid is not None:
            return self.geoid
        if self.file is not None:
            return f"geoid of {self.file.name}"
        if self.offset_m:
            return f"{self.offset_m:+g} m over the ellipsoid"
        return "ellipsoid (assumed)" if self.is_assumed else "ellipsoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemRequest:
    """A raster of heights in any coordinate system, and how it is read.

    ``heights`` is their vertical datum; None takes the file's. With ``clip``, ground that the
    raster does not cover is left out.
    """

    path: Path
    heights: HeightReference | None = None
    gaps: DemGapHandling = DemGapHandling.FILL
    clip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainHeights:
    """Heights of the images' ground in metres over the vertical datum, nearly that over the sea.

    ``p05`` and ``p95`` are those that 5 % and 95 % of it are under.
    """

    mean: float
    p05: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DemReport:
    """Properties of an elevation model, over the scene.

    ``heights`` is the vertical datum and ``undulation_m`` its mean height over the ellipsoid, as
    ``lowest_m`` and ``highest_m`` of the part of the model that was read are; ``terrain_m`` is of
    the images' ground alone. Fractions are of heights that were missing, that were filled
    from their surroundings, and of the images' ground that the model covers.
    """

    file: str
    heights: str
    undulation_m: float
    lowest_m: float
    highest_m: float
    terrain_m: TerrainHeights
    missing_share: float
    filled_share: float
    covered_share: float
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return asdict(self)


def load_dem(
    request: DemRequest, cameras: list[tuple[RPC, tuple[int, int]]]
) -> tuple[Elevation, DemReport]:
    """Read the part of an elevation model that images (camera model and shape) need.

    Raises:
        InputError: it does not cover them, has gaps where none are allowed, or counts its heights
            from a geoid whose grid is not installed.
    """
    with ElevationRaster(request.path) as file:
        reference = request.heights or HeightReference.of_file(file)
        window = _needed_window(file, cameras)
        raw = file.read(window)
        grid = file.grid.at(window)
    known = np.isfinite(raw)
    if not known.any():
        raise InputError(f"{request.path}: the elevation model has no height under the scene")
    filled = fill_gaps(raw, _REACH_PX)
    has_height = np.isfinite(filled)
    if not has_height.all():
        gaps = ~has_height
        nearest = ndimage.distance_transform_edt(gaps, return_distances=False, return_indices=True)
        filled = filled[tuple(nearest)]
    lattice = NodeLattice.over(grid.shape, _GEOID_STEP_PX)
    undulation = lattice.interpolate(
        reference.undulation_m(GridProjection(grid).lonlat_of(lattice.points))
    )
    elevation = Elevation(
        height_m=filled + undulation,
        known=has_height if request.gaps is DemGapHandling.FILL else known,
        grid=grid,
    )
    outlines = [image_outline(rpc, shape, elevation) for rpc, shape in cameras]
    covered = _covered_fraction(elevation, outlines, has_height)
    if not request.clip and covered <= 1 - _ROUNDING:
        lonlat = np.concatenate(outlines)
        (west, south), (east, north) = lonlat.min(axis=0), lonlat.max(axis=0)
        pixels = elevation.pixels_of(lonlat)
        beyond = np.maximum(np.maximum(-pixels, pixels - grid.shape[::-1]), 0)
        beyond_m = float(np.hypot(*beyond.T).max() * (grid.resolution_m or 0))
        raise InputError(
            f"{request.path}: the elevation model must cover the whole scene and covers "
            f"{covered:.1%} of it; the scene reaches up to {beyond_m:.0f} m beyond its edge or has "
            f"gaps wider than {_REACH_PX} of its cells. Choose one that covers longitude "
            f"{west:.4f} to {east:.4f} and latitude {south:.4f} to {north:.4f}, or set "
            f"{argument('clip_to_dem', True)} to leave out what it does not cover"
        )
    missing = float((~known).mean())
    if request.gaps is DemGapHandling.ERROR and missing:
        raise InputError(
            f"{request.path}: {missing:.2%} of its heights under the scene are missing; fill them, "
            f"or let them be filled ({argument('dem_gaps', 'fill')}) or left out "
            f"({argument('dem_gaps', 'nodata')})"
        )
    was_filled = missing if request.gaps is DemGapHandling.FILL else 0.0
    notes = []
    if reference.is_assumed:
        notes.append(
            f"{request.path}: the file does not name the vertical datum of its heights, and they "
            "are taken as heights over the ellipsoid; Copernicus models count from EGM2008 and "
            f"SRTM from EGM96, tens of metres off: say which with {argument('dem_heights')}"
        )
    place = np.array([shapely.Point(grid.middle)], dtype=object)
    shift = datum_note(request.path.name, grid.crs, pyproj.CRS.from_epsg(4326), place)
    if shift is not None:
        notes.append(shift.text())
    if was_filled:
        notes.append(
            f"{request.path}: {was_filled:.2%} of its heights under the scene are missing "
            "and were filled from their surroundings"
        )
    if covered < 1 - _ROUNDING:
        notes.append(
            f"{request.path}: {1 - covered:.0%} of the scene has no height and is left out"
        )
    report = DemReport(
        file=request.path.name,
        heights=str(reference),
        undulation_m=float(np.mean(undulation)),
        lowest_m=elevation.range_m[0],
        highest_m=elevation.range_m[1],
        terrain_m=_terrain_heights(elevation, outlines, undulation),
        missing_share=missing,
        filled_share=was_filled,
        covered_share=covered,
        warnings=tuple(notes),
    )
    return elevation, report


def _needed_window(file: ElevationRaster, cameras: list[tuple[RPC, tuple[int, int]]]) -> Window:
    """Return the window of the heights that the images may see, whatever the ground's height."""
    projection = GridProjection(file.grid)
    outlines = []
    for rpc, shape in cameras:
        low, high = rpc.height_range_m
        for height_m in (max(low, LOWEST_M), min(high, HIGHEST_M)):
            lonlat = locate_at_height(rpc, image_edge(shape), height_m)
            outlines.append(projection.pixels_of(lonlat))
    needed = window_around(np.concatenate(outlines), _MARGIN_PX)
    inside = needed.clipped(file.grid.shape)
    if inside is None:
        rpc = cameras[0][0]
        raise InputError(
            f"{file.path}: the elevation model does not reach the scene, which is around "
            f"longitude {rpc.lon_off:.3f}, latitude {rpc.lat_off:.3f}; choose one that covers it"
        )
    return inside


def _terrain_heights(
    elevation: Elevation, outlines: list[Points], undulation_m: Pixels
) -> TerrainHeights:
    scenes = [shapely.Polygon(elevation.pixels_of(outline)).buffer(0) for outline in outlines]
    shape = elevation.height_m.shape
    under = rasterize(scenes, out_shape=shape, all_touched=True, dtype="uint8") != 0
    under &= elevation.known
    heights = (elevation.height_m - undulation_m)[under if under.any() else ...]
    p05, p95 = np.percentile(heights, (5, 95)).tolist()
    return TerrainHeights(mean=float(heights.mean(dtype=np.float64)), p05=p05, p95=p95)


def _covered_fraction(elevation: Elevation, outlines: list[Points], has_height: Flags) -> float:
    """Return the fraction of the images' ground over which there is a height or a small gap."""
    height, width = has_height.shape
    fractions = []
    for outline in outlines:
        scene = shapely.Polygon(elevation.pixels_of(outline)).buffer(0)
        inside = scene.intersection(shapely.box(0, 0, width, height))
        known = 1.0
        if not has_height.all() and not inside.is_empty:
            under = rasterize([inside], out_shape=has_height.shape, dtype="uint8") != 0
            known = float(has_height[under].mean()) if under.any() else 1.0
        fractions.append(inside.area / scene.area * known if scene.area else 0.0)
    return min(*fractions, 1.0)
