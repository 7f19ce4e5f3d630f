"""``series.json``: the grid, the bands and the dates of a series, and how each was made."""

from typing import Literal

from pydantic import Field

from landslip import __version__
from landslip.core.messages import Message
from landslip.core.records import StrictModel
from landslip.io.raster.fingerprint import Fingerprint

CARD = "series.json"


class BandNormalisation(StrictModel):
    """The line that turns a band's reflectance into the reference's: gain x reflectance + offset.

    It is fitted to ``pixels`` pseudo-invariant pixels; the residuals (root mean square, before and
    after, in reflectance) are those of other unchanged pixels.
    """

    gain: float
    offset: float
    pixels: int
    rms_before: float
    rms_after: float


class SceneDate(StrictModel):
    """One date of a series.

    ``shift_px`` (columns, rows; in pixels of the series) is how far the scene was off: what the
    reference has at ``p`` was at ``p + shift_px``. Where ``is_shifted`` it is corrected, and
    ``residual_px`` is what is left. None: not measured, or nothing was normalised; the warnings say
    why. Shares are of all pixels of the grid.
    """

    date: str
    time: str | None = Field(None, description="UTC, where it is known")
    scene: str
    validity: str
    source: str
    fingerprint: Fingerprint
    resolution_m: float | None = Field(description="of the scene before it was resampled")
    shift_px: tuple[float, float] | None = None
    is_shifted: bool = False
    residual_px: float | None = None
    tie_points: int | None = None
    normalisation: dict[str, BandNormalisation] | None = None
    unchanged_share: float | None = Field(
        None, description="of the compared pixels, that agree with the reference but for the lines"
    )
    valid_share: float
    cloud_share: float
    shadow_share: float
    no_data_share: float
    cloud_source: Literal["file", "thresholds", "none"] = "none"
    warnings: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


class SeriesCard(StrictModel):
    """The whole of ``series.json``; ``dates`` are in order of time."""

    format: Literal["landslip-series"] = "landslip-series"
    version: Literal[1] = 1
    code_version: str = __version__
    bands: tuple[str, ...]
    crs: str = Field(description="WKT")
    transform: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]
    resolution_m: float | None
    reference: str = Field(description="the date that the others were brought to")
    dates: tuple[SceneDate, ...]
