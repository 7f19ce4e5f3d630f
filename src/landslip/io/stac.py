"""Scenes described by STAC items: their files and bands, read as one raster.

pystac reads the items. It does not unify the bands of STAC 1.0 (``eo:bands``, ``raster:bands``) and
1.1 (``bands``), nor choose among assets.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from landslip.core.bands import Bands
from landslip.core.errors import InputError, MissingDependencyError
from landslip.io.raster.location import Location
from landslip.io.raster.remote import DEFAULT_RETRY, RetryPolicy, fetch
from landslip.io.raster.scene import SceneOptions
from landslip.io.raster.vrt import VrtBand, write_vrt

_PICTURES = {"visual"}
_NOT_SCENES = {"thumbnail", "overview", "metadata"}
_OFFSET_APPLIED = ":boa_offset_applied"


class _BandText(BaseModel):
    """A band's fields in STAC 1.0 (``eo:bands``, ``raster:bands``) or 1.1 (``bands``)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str | None = None
    common_name: str | None = Field(
        default=None, validation_alias=AliasChoices("eo:common_name", "common_name")
    )
    scale: float | None = Field(
        default=None, validation_alias=AliasChoices("raster:scale", "scale")
    )
    offset: float | None = Field(
        default=None, validation_alias=AliasChoices("raster:offset", "offset")
    )
    nodata: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StacBand:
    """A band of an asset.

    Attributes:
        index: from 1.
        names: its own names, first, such as ``b04`` or its asset's key.
        common_name: its kind, such as ``red``, or None.
        scale: with ``offset``, ``nodata`` and ``unit``: what the item states, or None.
    """

    index: int
    names: tuple[str, ...]
    common_name: str | None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StacAsset:
    """A raster of an item."""

    key: str
    location: Location
    media_type: str
    is_picture: bool
    bands: tuple[StacBand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StacScene:
    """An item's rasters."""

    item_id: str
    place: Location
    assets: tuple[StacAsset, ...]


def read_item(place: Location | Path | str, retry: RetryPolicy = DEFAULT_RETRY) -> StacScene:
    """Read a STAC item from a file or a web address.

    Raises:
        InputError: it does not exist, or is no STAC item.
        MissingDependencyError: pystac is not installed.
    """
    location = Location.of(place)
    content = _parsed(_content(location, retry), location)
    kind = content.get("type")
    if kind != "Feature":
        raise InputError(
            f"{location}: one STAC item (type Feature) is needed; got {kind!r}. "
            "Save the item of a single scene"
        )
    pystac = _pystac()
    href = str(location.path.absolute()) if location.path else location.given.partition("?")[0]
    try:
        item = pystac.Item.from_dict(content, href=href)
        found = [
            _asset(key, asset, item.properties)
            for key, asset in item.assets.items()
            if _may_be_scene(asset)
        ]
    except (pystac.STACError, pystac.STACTypeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{location}: not a STAC item that can be read ({_error_text(error)})"
        ) from error
    return StacScene(item_id=item.id, place=location, assets=tuple(found))


def _content(location: Location, retry: RetryPolicy) -> bytes:
    if location.url is not None:
        return fetch(location.url, retry)
    if location.path is None:
        raise InputError(
            f"{location}: a STAC item is a file or an http(s) address; copy the item here"
        )
    try:
        return location.path.read_bytes()
    except OSError as error:
        raise InputError(f"{location}: the STAC item cannot be read ({error.strerror})") from error


def _parsed(text: bytes, location: Location) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{location}: a STAC item is JSON; {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{location}: a STAC item is a JSON object; got {type(content).__name__}")
    return content


def _pystac() -> Any:
    try:
        return import_module("pystac")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "STAC items are read with pystac, which is not installed; "
            "install it with: pip install 'landslip[cloud]'"
        ) from error


def _may_be_scene(asset: Any) -> bool:
    kind = asset.media_type or ""
    fields = asset.extra_fields
    described = any(fields.get(name) for name in ("bands", "eo:bands", "raster:bands"))
    is_raster = kind.startswith("image/") or (not kind and described)
    return is_raster and not _NOT_SCENES & set(asset.roles or ())


def _asset(key: str, asset: Any, properties: Mapping[str, Any]) -> StacAsset:
    texts = _band_texts(asset.extra_fields)
    bands = [_band(key, n, text, len(texts)) for n, text in enumerate(texts, start=1)]
    if any(name.endswith(_OFFSET_APPLIED) and properties[name] is True for name in properties):
        # such an item states the offset of the original product, which is already applied
        bands = [replace(band, offset=None if band.offset is None else 0.0) for band in bands]
    return StacAsset(
        key=key,
        location=Location.of(asset.get_absolute_href()),
        media_type=asset.media_type or "",
        is_picture=bool(_PICTURES & set(asset.roles or ())),
        bands=tuple(bands),
    )


def _band_texts(fields: Mapping[str, Any]) -> list[_BandText]:
    """Return the fields of each band, those of the asset where a band has none of its own."""
    known = [fields.get(name) or [] for name in ("eo:bands", "raster:bands", "bands")]
    common = {name: value for name, value in fields.items() if name not in {"name", "bands"}}
    count = max(1, *(len(bands) for bands in known))
    merged: list[dict[str, Any]] = [dict(common) for _ in range(count)]
    for bands in known:
        for text, band in zip(merged, bands, strict=False):
            text.update(band)
    return [_BandText.model_validate(text) for text in merged]


def _band(key: str, index: int, text: _BandText, count: int) -> StacBand:
    names: Sequence[str | None] = [text.name, key if count == 1 else None]
    return StacBand(
        index=index,
        names=tuple(name for name in map(_canonical, names) if name is not None),
        common_name=_canonical(text.common_name),
        scale=text.scale,
        offset=text.offset,
        nodata=text.nodata,
        unit=text.unit,
    )


def _canonical(name: str | None) -> str | None:
    bands = Bands.from_descriptions([name]) if name else None
    return None if bands is None else bands.names[0]


def _error_text(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return " ".join(f"{type(error).__name__}: {error}".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSelection:
    """A band of an asset, selected for a wanted band."""

    wanted: str
    asset: StacAsset
    band: StacBand

    @property
    def rank(self) -> tuple[bool, int]:
        """Order of preference, lowest first: bands of that very name, then files quick to read."""
        return self.wanted not in self.band.names, _slowness(self.asset)


def select_assets(scene: StacScene, wanted: Bands) -> tuple[AssetSelection, ...]:
    """Return a band of an asset for each wanted band, in their order.

    Measurements are preferred to pictures (role ``visual``), one asset with all bands to one asset
    per band, a band's own name to its common name, and cloud-optimised files to others.

    Raises:
        InputError: a band is missing, or several assets offer it equally.
    """
    measured = [asset for asset in scene.assets if not asset.is_picture]
    pictures = [asset for asset in scene.assets if asset.is_picture]
    for assets in (measured, pictures):
        whole = [asset for asset in assets if all(_offers([asset], name) for name in wanted)]
        chosen = [_best_whole(scene, whole, wanted)] if whole else assets
        offers = [_offers(chosen, name) for name in wanted]
        if all(offers):
            return tuple(_first_choice(scene, of) for of in offers)
    raise InputError(_missing(scene, wanted))


def _slowness(asset: StacAsset) -> int:
    media = asset.media_type.lower()
    return 0 if "cloud-optimized" in media else 1 if "tif" in media else 2


def _offers(assets: Iterable[StacAsset], name: str) -> list[AssetSelection]:
    return [
        AssetSelection(wanted=name, asset=asset, band=band)
        for asset in assets
        for band in asset.bands
        if name in band.names or name == band.common_name
    ]


def _best_whole(scene: StacScene, whole: Sequence[StacAsset], wanted: Bands) -> StacAsset:
    first, *others = [asset for asset in whole if _slowness(asset) == min(map(_slowness, whole))]
    if others:
        raise InputError(_undecided(scene, f"bands {wanted}", [a.key for a in (first, *others)]))
    return first


def _first_choice(scene: StacScene, offers: Sequence[AssetSelection]) -> AssetSelection:
    best = min(choice.rank for choice in offers)
    first, *others = [choice for choice in offers if choice.rank == best]
    if others:
        named = [f"{choice.asset.key} band {choice.band.index}" for choice in (first, *others)]
        raise InputError(_undecided(scene, f"band {first.wanted}", named))
    return first


def _undecided(scene: StacScene, what: str, named: Sequence[str]) -> str:
    return (
        f"{scene.place}: several assets of the item offer {what} equally ({', '.join(named)}); "
        "keep one of them in a copy of the item"
    )


def _missing(scene: StacScene, wanted: Bands) -> str:
    there = [
        f"{asset.key} ({', '.join(_names(asset)) or 'no named bands'})" for asset in scene.assets
    ]
    without = [name for name in wanted if not _offers(scene.assets, name)]
    which = f"{','.join(without)} is in none of" if without else "no assets of one kind have all of"
    listed = "; ".join(there) or "none that is a raster"
    return f"{scene.place}: bands {wanted} are needed and {which} the item's assets: {listed}"


def _names(asset: StacAsset) -> list[str]:
    known = [(band.common_name, *band.names) for band in asset.bands]
    return [next((name for name in names if name), "unnamed") for names in known]


_REFLECTANCE = {"reflectance"}
_PLAIN = {"", "1", "none", "unitless", "dn", "digital number", "digital_number", "counts"}


def write_stac_vrt(
    scene: StacScene, wanted: Bands, folder: Path, retry: RetryPolicy = DEFAULT_RETRY
) -> tuple[Path, SceneOptions]:
    """Write a VRT of the wanted bands of an item and return it with the options to read it.

    The VRT is named after the item, whose scale, offset, nodata and unit override the files'.

    Raises:
        InputError: bands are missing or not on one grid, their numbers are neither reflectance nor
            plain, or a file cannot be opened.
    """
    choices = select_assets(scene, wanted)
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', scene.item_id) or 'item'}.vrt"
    write_vrt([_stack_band(scene, choice) for choice in choices], path, retry)
    return path, SceneOptions(bands=wanted, nodata=_common_nodata([c.band for c in choices]))


def _stack_band(scene: StacScene, choice: AssetSelection) -> VrtBand:
    asset, band = choice.asset, choice.band
    return VrtBand(
        name=choice.wanted,
        source=asset.location,
        index=band.index,
        of_bands=len(asset.bands),
        scale=band.scale,
        offset=band.offset,
        nodata=band.nodata,
        unit=_unit(scene, choice),
    )


def _unit(scene: StacScene, choice: AssetSelection) -> str | None:
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
    """Return the nodata value that all bands state; NaN is invalid in any case."""
    stated = {band.nodata for band in bands}
    value = stated.pop() if len(stated) == 1 else None
    return None if value is None or math.isnan(value) else value
