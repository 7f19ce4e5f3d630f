"""Vector files as GDAL writes them: the same bytes whenever, and failures as one sentence."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyogrio
import pyproj
from pyproj.exceptions import CRSError

from landslip.core.errors import LandslipError

FIXED_DATE = "2000-01-01T00:00:00.000Z"
_DATE_OPTION = "OGR_CURRENT_DATE"


@contextmanager
def writing(path: Path, what: str) -> Iterator[None]:
    """Let GDAL write a file without the date of the day, and with no word of a missing CRS.

    Args:
        path: of the file.
        what: is written, for the sentence.

    Raises:
        LandslipError: GDAL, or what is done meanwhile, fails with a RuntimeError.
    """
    before = pyogrio.get_gdal_config_option(_DATE_OPTION)
    pyogrio.set_gdal_config_options({_DATE_OPTION: FIXED_DATE})
    try:
        with warnings.catch_warnings():
            # that there is no coordinate system is said elsewhere
            warnings.filterwarnings("ignore", message="'crs' was not provided")
            yield
    except RuntimeError as error:
        raise not_written(path, what, error) from error
    finally:
        pyogrio.set_gdal_config_options({_DATE_OPTION: before})


def not_written(path: Path, what: str, error: Exception) -> LandslipError:
    """Return the error for a file that cannot be written."""
    said = " ".join(str(error).split())
    return LandslipError(
        f"{path}: {what} cannot be written ({said}); see that there is room on the disk and run "
        "the same command again"
    )


def crs_text(crs: pyproj.CRS | None) -> str | None:
    """Return a coordinate system as GDAL takes it."""
    if crs is None:
        return None
    code = crs.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    try:
        return str(crs.to_wkt("WKT1_GDAL"))
    except CRSError:  # what WKT 1 has no words for
        return str(crs.to_wkt())
