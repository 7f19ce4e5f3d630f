"""The lines that bring a date to the reference's radiometry."""

from dataclasses import dataclass

from landslip.core.bands import Bands
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.multitemporal.series.card import BandNormalisation
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.series.view import DateView
from landslip.preprocessing.radiometry.relative_normalisation import (
    LEAST_PIXELS,
    WindowPair,
    fit_lines,
    sample_pairs,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNormalisation:
    """Lines by band; None where the date is left as it is, and the notes say why."""

    lines: dict[str, BandNormalisation] | None
    unchanged_share: float | None = None
    notes: tuple[Message, ...] = ()


def fit_normalisation(
    reference: DateView, other: DateView, bands: Bands, area: Window, *, is_reflectance: bool
) -> FittedNormalisation:
    """Fit the lines to pixels that both dates see.

    Args:
        reference: of the series.
        other: the date to be normalised, on the same grid.
        bands: of both.
        area: window of the grid in which the two overlap.
        is_reflectance: whether the date holds reflectance, of which plausible lines are known.
    """

    def read(window: Window) -> WindowPair:
        values, validity = other.read(window, bands)
        fixed, fixed_validity = reference.read(window, bands)
        return WindowPair(
            reference=fixed,
            reference_seen=fixed_validity == Validity.VALID,
            other=values,
            other_seen=validity == Validity.VALID,
        )

    found = fit_lines(sample_pairs(read, area, len(bands)), is_reflectance=is_reflectance)
    share = found.unchanged_share
    if share is None:
        note = message("warning.series_few_common", pixels=found.sampled, least=LEAST_PIXELS)
        return FittedNormalisation(lines=None, notes=(note,))
    fitted = found.accepted
    if fitted is None:
        note = message("warning.series_not_normalised", percent=100 * share)
        return FittedNormalisation(lines=None, unchanged_share=share, notes=(note,))
    notes = []
    if found.is_mostly_changed:
        notes.append(message("warning.series_mostly_changed", percent=100 * share))
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
