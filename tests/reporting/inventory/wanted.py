"""What a made inventory has and what it lacks."""

from dataclasses import dataclass, field
from typing import Any

UTM = "EPSG:32648"
NASTY = "<script>alert('x')</script> & \"quoted\" \\ 北川\nsecond"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an inventory has and what it lacks; ``columns`` are put over those that are made."""

    landslides: int = 40
    crs: str | None = UTM
    dem: bool = True
    scene: bool = True
    model: bool = True
    calibrated: bool = True
    statistics: bool = True
    adjusted: bool = True
    date: str | None = "2013-08-12"
    name: str = "Wenchuan 2013"
    notes: tuple[str, ...] = ("2 landslides touch the edge of the scene.",)
    columns: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
