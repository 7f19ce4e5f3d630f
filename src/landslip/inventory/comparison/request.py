"""What a comparison is asked for."""

import math
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError

USUAL_MIN_IOU = 0.5
USUAL_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """Two inventories to be compared.

    Attributes:
        inventory: folder of an inventory, or a file of polygons.
        reference: the same, taken as true.
        out: folder to write.
        layer: of the inventory's file.
        reference_layer: of the reference's file.
        area: polygons of the ground that was searched for both; None: not known.
        resolution_m: side of a pixel of the pixel scores; None: the scene's, or chosen by the size
            of the landslides.
        min_iou: from which intersection over union two landslides are the same one.
        draws: for bootstrap intervals; 0: none.
        seed: of the draws.
        overwrite: replace a comparison that is there.
    """

    inventory: Path
    reference: Path
    out: Path
    layer: str | None = None
    reference_layer: str | None = None
    area: Path | None = None
    resolution_m: float | None = None
    min_iou: float = USUAL_MIN_IOU
    draws: int = USUAL_DRAWS
    seed: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.min_iou <= 1:
            raise InputError(f"--min-iou is over 0 and at most 1; got {self.min_iou:g}")
        if self.resolution_m is not None and not 0 < self.resolution_m < math.inf:
            raise InputError(f"--resolution is over 0 metres; got {self.resolution_m:g}")
        if self.draws < 0:
            raise InputError(f"--draws is 0 (no intervals) or more; got {self.draws}")
        if self.seed < 0:
            raise InputError(f"--seed is 0 or more; got {self.seed}")
