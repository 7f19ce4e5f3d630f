"""How far a scene is from the reference of its series."""

import math
from dataclasses import dataclass

from landslip.core.choices import RegistrationModel
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.io.raster import Scene
from landslip.preprocessing.coregistration.alignment import (
    RegistrationOptions,
    align,
    pair_scenes,
    unmatched_reason,
)

LEAST_SHIFT_PX = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredShift:
    """A scene's shift (columns, rows) in pixels of the reference; None: not measured, see note.

    It ``is_shifted`` where the shift is over 0.2 pixels of the coarser of the two scenes: below, it
    is within what matching can tell, and resampling would cost more than it gives. ``residual_px``
    is the root mean square distance of tie points afterwards.
    """

    shift_px: tuple[float, float] | None
    is_shifted: bool = False
    residual_px: float | None = None
    tie_points: int | None = None
    note: Message | None = None


def measure_shift(scene: Scene, reference: Scene, name: str) -> MeasuredShift:
    """Match a scene with the reference, see `landslip.preprocessing.coregistration.alignment`."""
    try:
        pair = pair_scenes(scene, reference, None)
        found = align(pair, RegistrationOptions(model=RegistrationModel.SHIFT))
    except InputError as error:
        reason = unmatched_reason(error).replace(str(scene.path), name)
        return MeasuredShift(shift_px=None, note=message("warning.series_unmatched", reason=reason))
    # pixels of the frame that was matched on, in those of the reference
    times = math.sqrt(abs(pair.frame.transform.determinant / reference.grid.transform.determinant))
    dx, dy = found.fit.coefficients[2], found.fit.coefficients[5]
    is_shifted = math.hypot(dx, dy) > LEAST_SHIFT_PX
    residuals = found.checked if is_shifted else found.fit.before
    return MeasuredShift(
        shift_px=(dx * times, dy * times),
        is_shifted=is_shifted,
        residual_px=residuals.rms_px * times,
        tie_points=found.fit.after.kept,
    )
