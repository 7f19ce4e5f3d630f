"""How much training tiles are varied; the rest of the program says when and how."""

from pydantic import Field

from landslip.core.records import StrictModel

PAPER_VERSIONS = 144  # of each tile: 25,776 of 179


class Augmentation(StrictModel):
    """Shares and ranges of a uniform draw; colour is in standard deviations of a band.

    ``flips`` and ``warp_share`` are of tiles varied each time they are seen; the versions of an
    offline set are flipped and warped by a rule, see `landslip.datasets.versions`.
    """

    flips: bool = Field(True, description="the eight flips and quarter turns, equally often")
    warp_share: float = Field(0.5, ge=0, le=1, description="tiles that are turned and stretched")
    rotation_deg: float = Field(180.0, ge=0, le=180, description="largest turn either way")
    stretch: float = Field(0.1, ge=0, lt=1, description="largest change of each axis")
    gain: float = Field(0.2, ge=0, lt=1, description="largest change of contrast")
    shift: float = Field(0.2, ge=0, description="largest change of brightness")
    band_gain: float = Field(0.05, ge=0, lt=1, description="the same, for each band apart")
    band_shift: float = Field(0.05, ge=0, description="the same, for each band apart")
    noise: float = Field(0.05, ge=0, description="largest standard deviation of Gaussian noise")
