"""The lines that bring a date to the reference's radiometry, fitted to a sample of its pixels."""

import itertools
from dataclasses import dataclass

import numpy as np

from landslip.core.bands import Bands
from landslip.core.messages import Message, message
from landslip.core.window import Window, tile_windows
from landslip.multitemporal.series.card import BandNormalisation
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.series.irmad import RelativeNormalisation, normalise
from landslip.multitemporal.series.view import DateView

_WINDOW_PX, _MOST_WINDOWS = 128, 144
_MOST_PIXELS, _LEAST_PIXELS = 150_000, 1000
_LEAST_UNCHANGED = 0.5
_USUAL_GAIN, _LARGEST_OFFSET = 3.0, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNormalisation:
    """Lines by band; None where the date is left as it is, and the notes say why."""

    lines: dict[str, BandNormalisation] | None
    unchanged_share: float | None = None
    notes: tuple[Message, ...] = ()


def fit_normalisation(
    reference: DateView, other: DateView, bands: Bands, area: Window, *, is_reflectance: bool
) -> FittedNormalisation:
    """Fit the lines to pixels that both dates see, in up to 144 windows spread over an area.

    Args:
        reference: of the series.
        other: the date to be normalised, on the same grid.
        bands: of both.
        area: window of the grid in which the two overlap.
        is_reflectance: whether the date holds reflectance, of which plausible lines are known.
    """
    samples = []
    tiles = [*tile_windows(area.shape, _WINDOW_PX)]
    step = max(-(-len(tiles) // _MOST_WINDOWS), 1)
    for tile in itertools.islice(tiles, step // 2, None, step):
        window = (tile.clipped(area.shape) or tile).translated(area.col_off, area.row_off)
        values, validity = other.read(window, bands)
        if not (validity == Validity.VALID).any():
            continue
        fixed, fixed_validity = reference.read(window, bands)
        seen = (validity == Validity.VALID) & (fixed_validity == Validity.VALID)
        samples.append(np.concatenate([fixed[:, seen], values[:, seen]]))
    both = np.concatenate(samples, axis=1) if samples else np.zeros((2 * len(bands), 0))
    generator = np.random.default_rng(0)
    if both.shape[1] > _MOST_PIXELS:
        both = both[:, generator.choice(both.shape[1], _MOST_PIXELS, replace=False)]
    if both.shape[1] < _LEAST_PIXELS:
        note = message("warning.series_few_common", pixels=both.shape[1], least=_LEAST_PIXELS)
        return FittedNormalisation(lines=None, notes=(note,))
    fitted = normalise(both[: len(bands)], both[len(bands) :], generator)
    share = fitted.detection.unchanged_share
    percent = 100 * share
    if not fitted.is_plausible or (is_reflectance and not _is_usual(fitted)):
        note = message("warning.series_not_normalised", percent=percent)
        return FittedNormalisation(lines=None, unchanged_share=share, notes=(note,))
    notes = []
    if share < _LEAST_UNCHANGED:
        notes.append(message("warning.series_mostly_changed", percent=percent))
    lines = {
        name: BandNormalisation(
            gain=line.gain,
            offset=line.offset,
            pixels=fitted.pixels,
            rms_before=line.rms_before,
            rms_after=line.rms_after,
        )
        for name, line in zip(bands, fitted.lines, strict=True)
    }
    return FittedNormalisation(lines=lines, unchanged_share=share, notes=tuple(notes))


def _is_usual(fitted: RelativeNormalisation) -> bool:
    """Whether sensors, sun and air could make such a difference between two reflectances."""
    return all(
        1 / _USUAL_GAIN < line.gain < _USUAL_GAIN and abs(line.offset) < _LARGEST_OFFSET
        for line in fitted.lines
    )
