"""Synthetic inventories, and their figures by slow and simple means."""

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

Polygons = NDArray[np.object_]


def array(*polygons: shapely.Geometry) -> Polygons:
    return np.array(polygons, dtype=object)


def blobs(
    generator: np.random.Generator, count: int, *, extent: float = 200.0, corners: int = 12
) -> Polygons:
    """Return star-shaped polygons, some of which overlap."""
    made = []
    for _ in range(count):
        x, y = generator.uniform(0, extent, 2)
        angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        radius = generator.uniform(3, 20) * generator.uniform(0.5, 1, corners)
        made.append(
            Polygon(np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)]))
        )
    return array(*made)


def shared_area(one: shapely.Geometry, other: shapely.Geometry) -> float:
    return float(shapely.area(shapely.intersection(one, other)))


def shared_by_pairs(one: Polygons, other: Polygons) -> dict[tuple[int, int], float]:
    """Return what every pair shares, each looked at."""
    pairs = ((i, j, shared_area(a, b)) for i, a in enumerate(one) for j, b in enumerate(other))
    return {(i, j): area for i, j, area in pairs if area > 0}
