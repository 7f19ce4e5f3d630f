"""Which calibration a product is given: its own, the table's, or the user's."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from landslip.core.errors import InputError
from landslip.preprocessing.camera import Camera
from landslip.preprocessing.radiometry.calibration import CAMERA_BANDS, Calibration
from landslip.preprocessing.radiometry.calibration_file import gf1_table, read_calibration

NEAREST = "nearest"
TABLE = "table"
_PLAUSIBLE_FACTOR = 2.0
_REMEDY = (
    "give gains, offsets and ESUN of pan, blue, green, red and nir in a YAML file with "
    "--calibration FILE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductCoefficients:
    """The gains that a product's metadata carry (``AbsCeof``), by band name; none in most.

    Attributes:
        gains: W m-2 sr-1 um-1 a count.
        offsets: W m-2 sr-1 um-1; a band that is not named has 0.
    """

    gains: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)


def find_calibration(
    camera: str,
    year: int,
    *,
    choice: str | Path | None = None,
    product: ProductCoefficients | None = None,
) -> Calibration:
    """Choose the calibration of a scene.

    A calibration file comes first. Else the product's own gains are taken where it has those of
    every band, else the table's of the scene's year.

    Args:
        camera: such as ``GF1 PMS1``.
        year: the year that the scene was taken in.
        choice: ``nearest``, the table's year nearest to the scene's (the later of two) where its
            own is missing; ``table``, the table even where the product has gains; a path, the
            figures of a YAML file (see `calibration_file.CalibrationCard`); None, no choice made.
        product: what the metadata carry.

    Raises:
        InputError: there are no figures for the camera or year, the product's own gains are far
            from all published ones, or the file does not fit.
    """
    named = Camera.named(camera)
    if choice is not None and choice not in (NEAREST, TABLE):
        return read_calibration(Path(choice), named)
    known = gf1_table().years_of(named)
    if not known:
        raise InputError(f"no calibration is known for camera {named}; {_REMEDY}")
    if product is not None and choice != TABLE and _complete(product):
        return _own(named, year, product)
    return _from_table(named, year, nearest=choice == NEAREST)


def _complete(product: ProductCoefficients) -> bool:
    return set(CAMERA_BANDS) <= set(product.gains)


def _from_table(camera: Camera, year: int, *, nearest: bool) -> Calibration:
    table = gf1_table()
    known = table.years_of(camera)
    if year in known:
        return table.calibration(camera, year)
    if not nearest:
        raise InputError(
            f"no calibration of {camera} is known for {year}, only for "
            f"{', '.join(map(str, known))}; choose --calibration nearest, or {_REMEDY}"
        )
    taken = table.calibration(camera, min(known, key=lambda other: (abs(other - year), -other)))
    return replace(taken, source=f"{taken.source}; nearest to {year}, which has none")


def _own(camera: Camera, year: int, product: ProductCoefficients) -> Calibration:
    """Return the product's own gains, with the table's ESUN."""
    for band in CAMERA_BANDS:
        _check_gain(camera, band, product.gains[band])
    esun = gf1_table().esun[camera.sensor]
    return Calibration(
        gains={band: product.gains[band] for band in CAMERA_BANDS},
        offsets={band: product.offsets.get(band, 0.0) for band in CAMERA_BANDS},
        esun=esun.values.model_dump(),
        year=year,
        source=f"AbsCeof of the product; ESUN {esun.source}",
    )


def _check_gain(camera: Camera, band: str, gain: float) -> None:
    table = gf1_table()
    published = [table.calibration(camera, year).gains[band] for year in table.years_of(camera)]
    low, high = min(published), max(published)
    if not low / _PLAUSIBLE_FACTOR <= gain <= high * _PLAUSIBLE_FACTOR:
        raise InputError(
            f"a gain in a product's AbsCeof lies within a factor of {_PLAUSIBLE_FACTOR:g} of the "
            f"published ones of {camera}, {low:.4f} to {high:.4f} for band {band}; got {gain:g}: "
            f"use --calibration table to leave it out, or {_REMEDY}"
        )
