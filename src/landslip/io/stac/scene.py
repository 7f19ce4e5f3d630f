"""Makes one raster of the assets of a STAC item."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.io.raster.patience import PATIENT, Patience
from landslip.io.raster.scene import SceneOptions
from landslip.io.raster.stack import StackBand, write_stack
from landslip.io.stac.choose import Choice, choose
from landslip.io.stac.item import StacBand, StacScene

_REFLECTANCE = {"reflectance"}
_PLAIN = {"", "1", "none", "unitless", "dn", "digital number", "digital_number", "counts"}


def stac_scene(
    scene: StacScene, wanted: Bands, folder: Path, patience: Patience = PATIENT
) -> tuple[Path, SceneOptions]:
    """Write a VRT of the wanted bands of an item and return it with how it is read.

    The VRT is named for the item. What the item states of scale, offset, nodata and unit goes over
    what the files say.

    Raises:
        InputError: bands are missing or not on one grid, their numbers are neither reflectance nor
            plain, or a file cannot be opened.
    """
    choices = choose(scene, wanted)
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', scene.item_id) or 'item'}.vrt"
    write_stack([_stack_band(scene, choice) for choice in choices], path, patience)
    return path, SceneOptions(bands=wanted, nodata=_common_nodata([c.band for c in choices]))


def _stack_band(scene: StacScene, choice: Choice) -> StackBand:
    asset, band = choice.asset, choice.band
    return StackBand(
        name=choice.wanted,
        source=asset.location,
        index=band.index,
        of_bands=len(asset.bands),
        scale=band.scale,
        offset=band.offset,
        nodata=band.nodata,
        unit=_unit(scene, choice),
    )


def _unit(scene: StacScene, choice: Choice) -> str | None:
    band = choice.band
    unit = (band.unit or "").strip().lower()
    if unit in _REFLECTANCE:
        return "reflectance"
    if unit not in _PLAIN:
        raise InputError(
            f"{scene.place}: asset {choice.asset.key} holds {choice.wanted} in {band.unit!r}; "
            "reflectance or plain numbers are needed: calibrate the scene first"
        )
    return None


def _common_nodata(bands: Sequence[StacBand]) -> float | None:
    """Return the nodata value that all bands state; NaN is never valid, stated or not."""
    stated = {band.nodata for band in bands}
    value = stated.pop() if len(stated) == 1 else None
    return None if value is None or math.isnan(value) else value
