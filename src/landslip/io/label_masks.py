"""Label rasters: which of their numbers are landslide, which background, which neither.

The rule is decided once for all masks of a dataset, from what is in all of them:

1. Numbers that the user states are what they are stated to be; all others are not labelled, or
   background where only those of landslides are stated.
2. Else 0 is background, and landslides are 1 or 255, one of them. Other numbers are refused, and
   so are 0, 1 and 255 together: 255 then mostly means "not labelled".
3. What is missing (nodata, masked, transparent, not finite) is not labelled where any pixel is
   background. Where none is, the masks mark landslides only, such as white on transparent: then
   what is missing inside of a mask is background. So it is where 0 is the nodata value.

Outside of a mask nothing is labelled.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument, excerpt
from landslip.core.labels import BACKGROUND, IGNORE, LANDSLIDE
from landslip.core.window import Window, tile_windows
from landslip.io.raster.readers import Mask
from landslip.io.raster.validity import Stored, Valid

MISSING = "missing"
_JPEG_MIDDLE = 127
_SURVEY_PX = 2048
_MAX_CODES = 256
_LISTED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCodes:
    """The numbers that a user states: of landslides, of background, and whether missing is that.

    None: not stated.
    """

    landslide: tuple[float, ...] | None = None
    background: tuple[float, ...] | None = None
    missing_is_background: bool = False

    def __post_init__(self) -> None:
        both = set(self.landslide or ()) & set(self.background or ())
        if both:
            raise InputError(
                f"{argument('landslide_value')} and {argument('background_value')} have no number "
                f"in common; got {_shown(both)} in both"
            )

    @classmethod
    def parse(cls, landslide: str | None, background: str | None) -> "LabelCodes":
        """Parse numbers separated by commas; ``missing`` stands for nodata and transparent pixels.

        Raises:
            InputError: something else than numbers is stated, or a number twice.
        """
        words = [] if background is None else [one.strip() for one in background.split(",")]
        stated = [word for word in words if word != MISSING]
        return cls(
            landslide=None if landslide is None else _numbers(landslide, "landslide_value"),
            background=_numbers(",".join(stated), "background_value") if stated else None,
            missing_is_background=MISSING in words,
        )


@dataclass(slots=True)
class MaskSurvey:
    """The distinct numbers in masks: in valid pixels, with a mask that holds each, and in missing.

    JPEG files, which blur numbers, count for 0 only.
    """

    valid: dict[float, Path] = field(default_factory=dict)
    missing: set[float] = field(default_factory=set)
    pixels: int = 0
    missing_pixels: int = 0
    zero_is_nodata: bool = False
    first: Path | None = None
    brightest_jpeg: tuple[int, Path] | None = None

    def add(self, mask: Mask) -> None:
        """Add a mask, read in pieces.

        Raises:
            InputError: it cannot be read, or holds too many distinct numbers for labels.
        """
        self.first = self.first or mask.path
        self.zero_is_nodata |= mask.zero_is_nodata
        for window in tile_windows(mask.shape, _SURVEY_PX):
            inside = window.clipped(mask.shape)
            if inside is not None:
                self._add(*mask.read(inside), mask)

    def _add(self, codes: Stored, valid: Valid, mask: Mask) -> None:
        if mask.is_lossy and codes.size:
            brightest = int(codes.max())
            if self.brightest_jpeg is None or brightest > self.brightest_jpeg[0]:
                self.brightest_jpeg = brightest, mask.path
            codes = codes[codes <= _JPEG_MIDDLE] * 0
            valid = np.ones(codes.shape, dtype=np.bool_)
        self.valid = dict.fromkeys(_distinct(codes[valid]), mask.path) | self.valid
        self.missing |= _distinct(codes[~valid])
        self.pixels += valid.size
        self.missing_pixels += valid.size - int(np.count_nonzero(valid))
        if len(self.valid) > _MAX_CODES:
            raise InputError(
                f"{mask.path}: a label raster holds a few numbers and this one more than "
                f"{_MAX_CODES}; it is no mask"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskRule:
    """Which numbers of masks are what; ``background`` None: all other valid ones.

    ``overrides`` are labels also where the file calls them nodata.
    """

    landslide: tuple[float, ...]
    background: tuple[float, ...] | None
    missing_is_background: bool
    overrides: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def label(self, mask: Mask, window: Window | None = None) -> NDArray[np.uint8]:
        """Read the label (height, width) of a mask's window: 0, 1 or 255."""
        codes, valid = mask.read(window)
        if mask.is_lossy:
            split = np.where(codes > _JPEG_MIDDLE, np.uint8(LANDSLIDE), np.uint8(BACKGROUND))
            return np.where(valid, split, np.uint8(IGNORE))
        known = valid
        if self.overrides:
            known = valid | (np.isin(codes, self.overrides) & mask.covers(window))
        label = np.full(codes.shape, IGNORE, dtype=np.uint8)
        if self.background is None:
            label[known] = BACKGROUND
        else:
            label[known & np.isin(codes, self.background)] = BACKGROUND
        label[known & np.isin(codes, self.landslide)] = LANDSLIDE
        if self.missing_is_background:
            label[~known & mask.covers(window)] = BACKGROUND
        return label


def decide_rule(survey: MaskSurvey, stated: LabelCodes | None = None) -> MaskRule:
    """Decide what the numbers of surveyed masks mean; see the module.

    Raises:
        InputError: they are ambiguous, or a stated number is in none of them.
    """
    stated = stated or LabelCodes()
    where = survey.first
    if survey.brightest_jpeg is not None and 0 < survey.brightest_jpeg[0] <= _JPEG_MIDDLE:
        brightest, path = survey.brightest_jpeg  # masks of 0 and 1 would be empty
        raise InputError(
            f"{path}: masks saved as JPEG hold 0 and 255 and are split at 127, and the brightest "
            f"pixel of all is {brightest}; save masks of 0 and 1 as PNG"
        )
    valid, everywhere = set(survey.valid), survey.missing.union(survey.valid)
    if survey.brightest_jpeg is not None:
        everywhere |= {0.0, 255.0}
    if stated.landslide is not None and not everywhere.intersection(stated.landslide):
        raise InputError(
            f"{where}: {argument('landslide_value')} is {_shown(stated.landslide)}, and the label "
            f"rasters hold {_shown(everywhere)}"
        )
    overrides = (*(stated.landslide or ()), *(stated.background or ()))
    if stated.landslide is not None:
        landslide, background = stated.landslide, stated.background
        others = valid - set(landslide)
        has_background = bool(others if background is None else others & set(background))
    else:
        background = stated.background or (0.0,)
        found = valid - set(background)
        if found not in (set(), {1.0}, {255.0}):
            odd = found - {1.0, 255.0} or {255.0}
            raise InputError(
                f"{survey.valid[min(odd)]}: masks contain 0 and 1, or 0 and 255; here is "
                f"{min(odd):g}, and in all there are {_shown(valid)}. State which numbers are "
                f"landslides with {argument('landslide_value')} and which background with "
                f"{argument('background_value')}; others are then not labelled"
            )
        landslide = tuple(found) or (1.0,)
        has_background = bool(valid & set(background))
    missing_is_background = stated.missing_is_background
    notes: tuple[str, ...] = ()
    if survey.zero_is_nodata and 0.0 not in overrides:
        missing_is_background = True
    elif survey.missing_pixels and not has_background and not missing_is_background:
        missing_is_background = bool(valid)
        share = survey.missing_pixels / survey.pixels
        note = (
            f"{where}: no pixel of the label rasters is background; the {share:.2%} that are "
            "nodata, masked or transparent are taken as background. If they were not searched for "
            f"landslides, label the background and state it with {argument('background_value')}"
        )
        notes = (note,)
    return MaskRule(
        landslide=landslide,
        background=background,
        missing_is_background=missing_is_background,
        overrides=overrides,
        notes=notes if missing_is_background else (),
    )


def _distinct(codes: Stored) -> set[float]:
    if codes.dtype == np.uint8:
        found: Any = np.flatnonzero(np.bincount(codes, minlength=1)) if codes.size else ()
    else:
        found = np.unique(codes[np.isfinite(codes)])
    return {float(code) for code in found[: _MAX_CODES + 1]}


def _numbers(text: str, name: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(map(math.isfinite, numbers)) or len({*numbers}) < len(numbers):
        what = "numbers" if name == "landslide_value" else f"numbers, or {MISSING}"
        raise InputError(
            f"{argument(name)} takes {what}, separated by commas, each once; got "
            f"{excerpt(repr(text), 60)}"
        )
    return numbers


def _shown(numbers: Iterable[float]) -> str:
    ordered = sorted(numbers)
    more = ", ..." if len(ordered) > _LISTED else ""
    return (", ".join(f"{number:g}" for number in ordered[:_LISTED]) or "nothing") + more
