"""Scenes with an elevation model and an image before."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from tests.factories.synthetic_terrain import pixels_around, plane, write_dem

WriteRaster = Callable[..., Path]
SIDE = 384
TRANSFORM = pixels_around((SIDE, SIDE), 2.0)
NAMES = ("green", "red", "nir")
MOVED_PX = (3, -2)  # columns and rows that the image before lies off


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Files of one ground: a scene, an elevation model of 10 m, and an image before it.

    ``ground`` (bands, height, width) is the scene's reflectance where nothing changed, and
    ``changed`` where the scene shows bare ground instead.
    """

    scene: Path
    dem: Path
    before: Path
    ground: NDArray[np.float64]
    changed: NDArray[np.bool_]


def write_sources(write_raster: WriteRaster, folder: Path) -> Sources:
    """Write a scene, an elevation model with a gap, and a darker image before that lies off."""
    generator = np.random.default_rng(7)
    margin = 20
    noise = ndimage.gaussian_filter(
        generator.normal(0, 1, (3, SIDE + 2 * margin, SIDE + 2 * margin)), (0.5, 1.5, 1.5)
    )
    wide = (0.12 + 0.12 * noise).clip(0.01, 0.5)
    here = (slice(None), slice(margin, -margin), slice(margin, -margin))
    ground, changed = wide[here], np.zeros((SIDE, SIDE), dtype=np.bool_)
    changed[100:150, 200:260] = True
    now = np.where(changed, 0.35, ground)
    col, row = MOVED_PX
    earlier = wide[:, margin + row : margin + row + SIDE, margin + col : margin + col + SIDE]
    stored = {"scene.tif": now, "before.tif": (earlier - 0.02) / 0.8}
    tags = {"scales": (1e-4,) * 3, "offsets": (0.0,) * 3, "units": ("reflectance",) * 3}
    paths = {
        name: write_raster(
            name,
            np.rint(values * 1e4).clip(1, 65534).astype(np.uint16),
            names=NAMES,
            transform=TRANSFORM,
            crs="EPSG:32650",
            nodata=0,
            **tags,
        )
        for name, values in stored.items()
    }
    dem = write_dem(
        folder / "dem.tif",
        plane(0.3, -0.4),
        Affine.translation(-100, 0) @ pixels_around((100, 100), 10.0),
        (100, 100),
        gap=(slice(60, 64), slice(60, 64)),
    )
    return Sources(
        scene=paths["scene.tif"],
        dem=dem,
        before=paths["before.tif"],
        ground=ground,
        changed=changed,
    )
