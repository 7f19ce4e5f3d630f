"""How the ground inside polygons is inclined."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.morphometry.piece import Piece
from landslip.inventory.morphometry.sampling import Sample, Values, inner_points, sums
from landslip.inventory.morphometry.terrain import Terrain

LEAST_SHARE = 0.5

_POINTS_INSIDE = 256
_POINTS_A_PIXEL = 8
_LEVEL = 1e-6
_LEAST_AGREEMENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclination:
    """The ground inside polygons; NaN where fewer than half of the points are known.

    Attributes:
        resolution_m: (n,) side of the elevation model's pixels.
        share: (n,) of the area that has heights; NaN without an area.
        slope_deg: (n,) mean angle.
        fall: (n, 2) mean fall in metres a metre east and north; NaN also where it is under 1e-6
            or under a hundredth of the mean steepness: level, or falling to all sides.
        steepening: (n,) mean of the area along the slope over the area on the map.
        sample: points inside: about 256 a polygon, fewer where they would be nearer than an
            eighth of the elevation model's pixels, but on at least 24 rows. Over pixels
            of 30 m, 95 % of 2,289 real landslides had mean slopes within 0.15 degrees of those of
            twenty times as many points.
        heights_m: (m,) of the sample.
    """

    resolution_m: Values
    share: Values
    slope_deg: Values
    fall: Values
    steepening: Values
    sample: Sample
    heights_m: Values


def inclination(piece: Piece, terrain: Terrain) -> Inclination:
    """Look at the ground inside polygons."""
    resolution_m = terrain.resolution_at(piece.origins, piece.plane.crs)
    spacing_m = np.maximum(
        np.sqrt(piece.about_area_m2 / _POINTS_INSIDE), resolution_m / _POINTS_A_PIXEL
    )
    sample = inner_points(piece.edges, spacing_m[:, np.newaxis] / piece.scale)
    heights_m, gradients = terrain.sample(sample.points, piece.plane.crs)
    steepness = np.hypot(gradients[:, 0], gradients[:, 1])
    sloped = np.isfinite(steepness)
    little = ~(_share(sample, sloped, piece) >= LEAST_SHARE)

    def mean(values: Values) -> Values:
        return np.where(little, np.nan, _mean(sample, values, sloped, piece))

    fall = np.column_stack([mean(-gradients[:, 0]), mean(-gradients[:, 1])])
    strength = np.hypot(fall[:, 0], fall[:, 1])
    level = (strength < _LEVEL) | (strength < _LEAST_AGREEMENT * mean(steepness))
    fall[level] = np.nan
    return Inclination(
        resolution_m=resolution_m,
        share=_share(sample, np.isfinite(heights_m), piece),
        slope_deg=mean(np.degrees(np.arctan(steepness))),
        fall=fall,
        steepening=mean(np.hypot(1.0, steepness)),
        sample=sample,
        heights_m=heights_m,
    )


def _mean(sample: Sample, values: Values, known: NDArray[np.bool_], piece: Piece) -> Values:
    """Return means (n,) of values (m,) by area, over the known ones."""
    owner, weight = sample.owner[known], sample.weight[known]
    count = len(piece.polygons)
    total = sums(owner, weight * values[known], count)
    return ratio(total, sums(owner, weight, count))


def _share(sample: Sample, known: NDArray[np.bool_], piece: Piece) -> Values:
    """Return the share (n,) of the area that points (m,) known stand for."""
    count = len(piece.polygons)
    held = sums(sample.owner, sample.weight * known, count)
    return ratio(held, sums(sample.owner, sample.weight, count))


def ratio(over: Values, under: Values) -> Values:
    """Return a quotient; NaN where it is by zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(under > 0, over / under, np.nan)
