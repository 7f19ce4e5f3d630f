"""Lines that bring an image to the radiometry of another one, fitted to a sample of its pixels.

See `landslip.preprocessing.radiometry.irmad`; here is which pixels are compared, and which lines
are believed.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landslip.core.window import Window, tile_windows
from landslip.preprocessing.radiometry.irmad import RelativeNormalisation, Values, normalise
from landslip.preprocessing.resampling import Flags

LEAST_PIXELS = 1000
_WINDOW_PX, _MOST_WINDOWS = 128, 144
_MOST_PIXELS = 150_000
_LEAST_UNCHANGED = 0.5
_USUAL_GAIN, _LARGEST_OFFSET = 3.0, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPair:
    """A window of two images on one grid: values (bands, height, width), and where each is seen."""

    reference: Values
    reference_seen: Flags
    other: Values
    other_seen: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelPairs:
    """Values (bands, n) of pixels that two images see.

    ``seen_share`` is how many of the sampled pixels that the reference sees the other image sees
    too, 0 to 1; NaN where the reference sees none.
    """

    reference: Values
    other: Values
    seen_share: float

    @property
    def count(self) -> int:
        """Number of pixels."""
        return int(self.reference.shape[1])


def sample_pairs(read: Callable[[Window], WindowPair], area: Window, bands: int) -> PixelPairs:
    """Read up to 144 windows that are spread over an area, and of their pixels up to 150,000.

    Args:
        read: gives a window of both images.
        area: in which the two may overlap.
        bands: of both.
    """
    samples = [np.zeros((2 * bands, 0), dtype=np.float32)]
    seen = 0
    tiles = [*tile_windows(area.shape, _WINDOW_PX)]
    step = max(-(-len(tiles) // _MOST_WINDOWS), 1)
    for tile in itertools.islice(tiles, step // 2, None, step):
        pair = read((tile.clipped(area.shape) or tile).translated(area.col_off, area.row_off))
        both = pair.reference_seen & pair.other_seen
        samples.append(np.concatenate([pair.reference[:, both], pair.other[:, both]]))
        seen += int(np.count_nonzero(pair.reference_seen))
    values = np.concatenate(samples, axis=1)
    share = values.shape[1] / seen if seen else math.nan
    if values.shape[1] > _MOST_PIXELS:
        drawn = np.random.default_rng(0).choice(values.shape[1], _MOST_PIXELS, replace=False)
        values = values[:, drawn]
    return PixelPairs(reference=values[:bands], other=values[bands:], seen_share=share)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLines:
    """The lines of an image, and whether they are believed.

    Attributes:
        sampled: number of pixels that were compared.
        normalisation: None where there are fewer than 1,000 of them.
        is_usual: whether sensors, sun and air could make such a difference.
    """

    sampled: int
    normalisation: RelativeNormalisation | None = None
    is_usual: bool = False

    @property
    def accepted(self) -> RelativeNormalisation | None:
        """The lines that an image may be brought to the other one with; None: none may."""
        fitted = self.normalisation
        return fitted if fitted is not None and fitted.is_plausible and self.is_usual else None

    @property
    def unchanged_share(self) -> float | None:
        """Share of the compared pixels that did not change; None where nothing was fitted."""
        return None if self.normalisation is None else self.normalisation.detection.unchanged_share

    @property
    def is_mostly_changed(self) -> bool:
        """Whether most of the compared ground changed, so that lines want a look."""
        return self.unchanged_share is not None and self.unchanged_share < _LEAST_UNCHANGED


def fit_lines(pairs: PixelPairs, *, is_reflectance: bool) -> FittedLines:
    """Fit a line by band to pixels that did not change.

    Args:
        pairs: of which the other image is brought to the reference.
        is_reflectance: whether both hold reflectance. Gains from 1/3 to 3 and offsets up to 0.2 are
            usual of it; of numbers in other units any may be.
    """
    if pairs.count < LEAST_PIXELS:
        return FittedLines(sampled=pairs.count)
    fitted = normalise(
        pairs.reference, pairs.other, np.random.default_rng(1), same_units=is_reflectance
    )
    is_usual = not is_reflectance or all(
        1 / _USUAL_GAIN < line.gain < _USUAL_GAIN and abs(line.offset) < _LARGEST_OFFSET
        for line in fitted.lines
    )
    return FittedLines(sampled=pairs.count, normalisation=fitted, is_usual=is_usual)
