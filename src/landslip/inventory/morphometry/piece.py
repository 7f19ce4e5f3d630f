"""Some polygons of an inventory, measured together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inventory.morphometry.plane import MapPlane, Points
from landslip.inventory.morphometry.sampling import Edges, Values, sums

_COST = 300
_AT_ONCE = 2**19


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Polygons and how they are measured.

    Attributes:
        polygons: (n,).
        edges: of them.
        plane: how the map is measured.
        origins: (n, 2) middles of their bounds, where each is measured; NaN of what is empty.
        scale: (n, 2) metres that a unit of x and of y is there.
    """

    polygons: NDArray[np.object_]
    edges: Edges
    plane: MapPlane
    origins: Points
    scale: Points

    @classmethod
    def of(cls, polygons: NDArray[np.object_], plane: MapPlane) -> "Piece":
        """Take polygons (n,) apart."""
        origins = middles(polygons)
        return cls(
            polygons=polygons,
            edges=Edges.of(polygons),
            plane=plane,
            origins=origins,
            scale=plane.metres_per_unit(origins),
        )

    @property
    def about_area_m2(self) -> Values:
        """Area (n,) by the scale at the origin: good enough to space points."""
        area: Values = np.nan_to_num(shapely.area(self.polygons) * self.scale.prod(axis=1))
        return area

    @property
    def about_perimeter_m(self) -> Values:
        """The same for the perimeter."""
        spans = (self.edges.ends - self.edges.starts) * self.scale[self.edges.owner]
        return sums(self.edges.owner, np.hypot(*spans.T), len(self.polygons))


def middles(polygons: NDArray[np.object_]) -> Points:
    """Return the middles (n, 2) of bounds; NaN of what is empty.

    Centroids of slivers can lie far away, by rounding errors.
    """
    left, bottom, right, top = shapely.bounds(polygons).T
    return np.column_stack([(left + right) / 2, (bottom + top) / 2])


def present(polygons: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the rows (m,) of polygons that are there, with finite coordinates, and not empty."""
    # of coordinates that are not finite, neither is the length
    with np.errstate(invalid="ignore"):
        return np.flatnonzero(np.isfinite(shapely.length(polygons)) & ~shapely.is_empty(polygons))


def pieces(polygons: NDArray[np.object_], order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of polygons in an order, so many at once that memory stays bounded."""
    cost = _COST + shapely.get_num_coordinates(polygons[order])
    cuts = np.flatnonzero(np.diff(np.cumsum(cost) // _AT_ONCE)) + 1
    yield from (rows for rows in np.split(order, cuts) if len(rows))
