"""From which angle the satellite looked."""

from landslip.errors import InputError

_LARGEST_ZENITH_DEG = 45.0


def view_zenith_deg(tag_deg: float, file: str = "the metadata") -> float:
    """Return the zenith angle of the satellite, seen from the ground, of a ``SatelliteZenith`` tag.

    Real tags hold the elevation (86.3 in a scene taken almost straight down). The satellites tilt
    by at most 35 degrees, 39 seen from the ground, so angles above 45 are read as elevations and
    others as zenith angles.

    Raises:
        InputError: the angle is not between 0 and 90.
    """
    if not 0 <= tag_deg <= 90:
        raise InputError(f"SatelliteZenith lies between 0 and 90 degrees; got {tag_deg} in {file}")
    return 90 - tag_deg if tag_deg > _LARGEST_ZENITH_DEG else tag_deg
