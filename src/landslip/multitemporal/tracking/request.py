"""What is to be tracked, and by which rules."""

from dataclasses import dataclass, field
from pathlib import Path

from landslip.core.choices import Language
from landslip.core.errors import InputError, argument

DEFAULT_MIN_OVERLAP = 0.3
DEFAULT_MIN_CHANGE = 0.2
MAX_REGISTRATION_ERROR_M = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingRules:
    """When polygons of two dates are one landslide, and when it has changed.

    Attributes:
        registration_error_m: how far outlines of two dates may be displaced; None: measured.
        min_overlap: share of the smaller of two polygons that they have in common.
        min_change: growth of the area, as a share, from which a landslide is enlarged; it is
            shrinking from the same ratio downwards.
    """

    registration_error_m: float | None = None
    min_overlap: float = DEFAULT_MIN_OVERLAP
    min_change: float = DEFAULT_MIN_CHANGE

    def __post_init__(self) -> None:
        error_m = self.registration_error_m
        if error_m is not None and not 0 <= error_m <= MAX_REGISTRATION_ERROR_M:
            raise InputError(
                f"{argument('registration_error')} is 0 to {MAX_REGISTRATION_ERROR_M:g} metres; "
                f"got {error_m:g}"
            )
        if not 0 < self.min_overlap <= 1:
            raise InputError(
                f"{argument('min_overlap')} is over 0 and at most 1; got {self.min_overlap:g}"
            )
        if not 0 < self.min_change <= 10:
            raise InputError(
                f"{argument('min_change')} is over 0 and at most 10; got {self.min_change:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingRequest:
    """Landslides of several dates to be linked.

    Attributes:
        inventories: folders of inventories, extractions or states, or files of polygons.
        series: folder of the series whose dates were mapped; what they saw was searched.
        footprints: polygons with a date: what was searched, instead of what the series saw.
        dates: one of each inventory, as stated; None: by its columns or name.
        date_column: of the polygons; None: one named ``date``.
        previous: ``tracks.gpkg`` of an earlier run, or its folder, whose ids stay.
        rules: of linking.
        language: of labels in the files.
    """

    inventories: tuple[Path, ...]
    series: Path | None = None
    footprints: Path | None = None
    dates: tuple[str, ...] | None = None
    date_column: str | None = None
    previous: Path | None = None
    rules: TrackingRules = field(default_factory=TrackingRules)
    language: Language = Language.ENGLISH

    def __post_init__(self) -> None:
        if not self.inventories:
            raise InputError("one inventory is needed at least; got none")
        for position, path in enumerate(self.inventories):
            if self.dates is None and path in self.inventories[:position]:
                raise InputError(
                    f"{path}: given twice, and each inventory is read once; leave one out"
                )
        if self.dates is not None and self.date_column is not None:
            raise InputError(
                f"{argument('dates')} and {argument('date_column')} both state the dates; give one"
            )
        if self.dates is not None and len(self.dates) != len(self.inventories):
            raise InputError(
                f"{argument('dates')} is one date for each inventory, in their order; got "
                f"{len(self.dates)} for {len(self.inventories)}"
            )
