"""Whether a scene fits a model."""

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster import Scene
from landslip.models.card import ModelCard
from landslip.models.folder import check_fit, check_values

_RESOLUTION_RATIO = 1.5
_SAMPLES_PER_AXIS, _SAMPLE_PX = 3, 64


def check_scene(scene: Scene, card: ModelCard, min_area_m2: float) -> list[str]:
    """Refuse a scene that does not fit a model; return what is merely worth a warning.

    Raises:
        ModelError: bands, units or values are not the model's.
        InputError: areas are asked for and the scene has no coordinate system.
    """
    name = str(scene.path)
    check_fit(card, scene.bands, scene.radiometry, name)
    check_values(card, sample_values(scene, card), name)
    if scene.grid.crs is None and min_area_m2 > 0:
        raise InputError(
            f"{name}: --min-area is in square metres and the scene has no coordinate system; "
            "leave the option out, or georeference the scene"
        )
    notes = []
    if scene.grid.crs is None:
        notes.append("the scene has no coordinate system: areas are in pixels only")
    trained, found = card.input.resolution_m, scene.grid.resolution_m
    if trained and found and not 1 / _RESOLUTION_RATIO < found / trained < _RESOLUTION_RATIO:
        notes.append(
            f"the scene has {found:.3g} m pixels and the model was trained on {trained:.3g} m: "
            "landslides of another size in pixels are found less well"
        )
    return notes


def sample_values(scene: Scene, card: ModelCard) -> NDArray[np.float32]:
    """Return valid values (bands, n) of small windows spread over the scene, in its units."""
    height, width = scene.grid.shape
    spread = (np.arange(_SAMPLES_PER_AXIS) + 0.5) / _SAMPLES_PER_AXIS
    found = []
    for row in spread * height:
        for col in spread * width:
            window = Window(int(col), int(row), _SAMPLE_PX, _SAMPLE_PX)
            stored, valid = scene.read(window, card.bands)
            found.append(scene.radiometry.values(stored[:, valid]))
    return np.concatenate(found, axis=1)
