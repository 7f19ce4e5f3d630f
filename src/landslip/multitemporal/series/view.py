"""One date on the series' grid: reflectance and validity, window by window."""

import threading

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import Mask, Scene
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.series.survey import SceneSurvey, validity_codes
from landslip.preprocessing.coregistration.displaced_scene import DisplacedScene
from landslip.preprocessing.resampling import Pixels


class DateView(Closeable):
    """A scene and its cloud mask, both moved by a shift, on a grid. Several threads may read.

    Finer scenes are averaged, others resampled by cubic convolution; a scene on that very grid that
    is not moved is read as it is. Masks take the nearest pixel.
    """

    def __init__(
        self,
        survey: SceneSurvey,
        scene: Scene,
        series_grid: Grid,
        *,
        grid: Grid | None = None,
        shift_px: tuple[float, float] | None = None,
    ) -> None:
        """Prepare reading.

        Args:
            survey: of the scene.
            scene: open, and closed by whom opened it.
            series_grid: of the shift, which is in its pixels.
            grid: of the pixels that are read; None: the same.
            shift_px: what should be at ``p`` is at ``p + shift_px`` (columns, rows).
        """
        grid = grid or series_grid
        self._radiometry = survey.radiometry
        moved = grid
        if shift_px is not None:
            shift = series_grid.transform @ Affine.translation(*shift_px) @ ~series_grid.transform
            moved = Grid(crs=grid.crs, transform=shift @ grid.transform, shape=grid.shape)
        self._pixels = DisplacedScene.shifted(scene, series_grid, shift_px, grid=grid)
        self._masks = [Mask(path, moved) for path in survey.masks]
        self._reading = threading.Lock()

    def read(self, window: Window, bands: Bands) -> tuple[Pixels, NDArray[np.uint8]]:
        """Return reflectance (bands, height, width) and `Validity` (height, width)."""
        stored, valid = self._pixels.read(window, bands)
        validity = np.where(valid, np.uint8(Validity.VALID), np.uint8(Validity.NO_DATA))
        for mask in self._masks if valid.any() else ():
            with self._reading:
                codes = validity_codes(*mask.read(window))
            marked = (validity == Validity.VALID) & (codes > 0)
            validity[marked] = codes[marked]
        return self._radiometry.values(stored), validity

    def close(self) -> None:
        """Close the masks; the scene stays open."""
        for mask in self._masks:
            mask.close()
