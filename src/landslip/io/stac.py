"""Scenes described by STAC items: their files and bands, read as one raster.

pystac reads the items. It does not unify the bands of STAC 1.0 (``eo:bands``, ``raster:bands``) and
1.1 (``bands``), nor choose among assets.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from landslip.core.bands import Bands
from landslip.core.errors import InputError, MissingDependencyError
from landslip.core.text import parse_json, read_json
from landslip.io.raster.location import Location
from landslip.io.raster.remote import DEFAULT_RETRY, RetryPolicy, fetch
from landslip.io.raster.scene import SceneOptions
from landslip.io.raster.vrt import VrtBand, write_vrt

_PICTURES = {"visual"}
_NOT_SCENES = {"thumbnail", "overview", "metadata"}
_REFLECTANCE = {"reflectance"}
_PLAIN = {"", "1", "none", "unitless", "dn", "digital number", "digital_number", "counts"}
_BAND_FIELDS = ("eo:bands", "raster:bands", "bands")
_OFFSET_APPLIED = ":boa_offset_applied"


class _BandFields(BaseModel):
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
    """A band of an asset, counted from 1; None is what the item does not state.

    ``names`` are its own, such as ``b04`` or its asset's key; ``common_name`` is such as ``red``.
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
    """An item's rasters; ``taken`` is its ``datetime``, else its ``start_datetime``, in UTC.

    ``sun_deg`` are azimuth and elevation of the sun. None is what the item does not state.
    """

    item_id: str
    place: Location
    assets: tuple[StacAsset, ...]
    taken: datetime | None = None
    sun_deg: tuple[float, float] | None = None


def read_item(place: Location | Path | str, retry: RetryPolicy = DEFAULT_RETRY) -> StacScene:
    """Read a STAC item from a file or a web address.

    Raises:
        InputError: it does not exist, or is no STAC item.
        MissingDependencyError: pystac is not installed.
    """
    location = Location.of(place)
    content = _read_json(location, retry)
    if content.get("type") != "Feature":
        raise InputError(
            f"{location}: one STAC item (type Feature) is needed; got {content.get('type')!r}. "
            "Save the item of a single scene"
        )
    try:
        pystac: Any = import_module("pystac")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "STAC items are read with pystac, which is not installed; "
            "install it with: pip install 'landslip[cloud]'"
        ) from error
    href = str(location.path.absolute()) if location.path else location.given.partition("?")[0]
    try:
        item = pystac.Item.from_dict(content, href=href)
        assets = [
            _asset(key, asset, item.properties)
            for key, asset in item.assets.items()
            if _is_scene(asset)
        ]
    except ValidationError as error:
        texts = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{location}: not a STAC item that can be read ({texts})") from error
    except (pystac.STACError, pystac.STACTypeError, LookupError, TypeError, ValueError) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{location}: not a STAC item that can be read ({text})") from error
    sun = [item.properties.get(f"view:sun_{name}") for name in ("azimuth", "elevation")]
    azimuth, elevation = (one if isinstance(one, int | float) else None for one in sun)
    return StacScene(
        item_id=item.id,
        place=location,
        assets=tuple(assets),
        taken=_time_of(item),
        sun_deg=None if azimuth is None or elevation is None else (azimuth, elevation),
    )


def _time_of(item: Any) -> datetime | None:
    taken: datetime | None = item.datetime or item.common_metadata.start_datetime
    if taken is None:
        return None
    return taken.replace(tzinfo=UTC) if taken.tzinfo is None else taken.astimezone(UTC)


def _read_json(location: Location, retry: RetryPolicy) -> dict[str, Any]:
    if location.url is None and location.path is None:
        raise InputError(
            f"{location}: a STAC item is a file or an http(s) address; copy the item here"
        )
    path = location.path
    text = None if path else fetch(location.url or "", retry)
    content = read_json(path) if path else parse_json(text or b"", location)
    if not isinstance(content, dict):
        raise InputError(f"{location}: a STAC item is a JSON object; got {type(content).__name__}")
    return content


def _is_scene(asset: Any) -> bool:
    kind = asset.media_type or ""
    described = any(asset.extra_fields.get(name) for name in _BAND_FIELDS)
    is_raster = kind.startswith("image/") or (not kind and described)
    return is_raster and not _NOT_SCENES & set(asset.roles or ())


def _asset(key: str, asset: Any, properties: Mapping[str, Any]) -> StacAsset:
    # fields of the asset hold for bands without their own
    known = [asset.extra_fields.get(name) or [] for name in _BAND_FIELDS]
    common = {name: v for name, v in asset.extra_fields.items() if name not in {"name", "bands"}}
    merged = [dict(common) for _ in range(max(1, *(len(bands) for bands in known)))]
    for bands in known:
        for fields, band in zip(merged, bands, strict=False):
            fields.update(band)
    # items with offsets already applied state the offset of the original product nevertheless
    is_applied = any(
        name.endswith(_OFFSET_APPLIED) and value is True for name, value in properties.items()
    )
    bands = []
    for index, text in enumerate(merged, start=1):
        stated = _BandFields.model_validate(text)
        names = [stated.name, key if len(merged) == 1 else None]
        bands.append(
            StacBand(
                index=index,
                names=tuple(name for name in map(_canonical, names) if name is not None),
                common_name=_canonical(stated.common_name),
                scale=stated.scale,
                offset=0.0 if is_applied and stated.offset is not None else stated.offset,
                nodata=stated.nodata,
                unit=stated.unit,
            )
        )
    return StacAsset(
        key=key,
        location=Location.of(asset.get_absolute_href()),
        media_type=asset.media_type or "",
        is_picture=bool(_PICTURES & set(asset.roles or ())),
        bands=tuple(bands),
    )


def _canonical(name: str | None) -> str | None:
    bands = Bands.from_descriptions([name]) if name else None
    return None if bands is None else bands.names[0]


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
        complete = [asset for asset in assets if all(_offers([asset], name) for name in wanted)]
        chosen = [_best_asset(scene, complete, wanted)] if complete else assets
        offers = [_offers(chosen, name) for name in wanted]
        if all(offers):
            return tuple(_best_offer(scene, of_band) for of_band in offers)
    listed = []
    for asset in scene.assets:
        known = [(band.common_name, *band.names) for band in asset.bands]
        names = [next((name for name in of_band if name), "unnamed") for of_band in known]
        listed.append(f"{asset.key} ({', '.join(names) or 'no named bands'})")
    without = [name for name in wanted if not _offers(scene.assets, name)]
    which = f"{','.join(without)} is in none of" if without else "no assets of one kind have all of"
    raise InputError(
        f"{scene.place}: bands {wanted} are needed and {which} the item's assets: "
        f"{'; '.join(listed) or 'none that is a raster'}"
    )


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


def _best_asset(scene: StacScene, assets: Sequence[StacAsset], wanted: Bands) -> StacAsset:
    least = min(map(_slowness, assets))
    best = [asset for asset in assets if _slowness(asset) == least]
    _refuse_ties(scene, f"bands {wanted}", [asset.key for asset in best])
    return best[0]


def _best_offer(scene: StacScene, offers: Sequence[AssetSelection]) -> AssetSelection:
    least = min(offer.rank for offer in offers)
    best = [offer for offer in offers if offer.rank == least]
    named = [f"{offer.asset.key} band {offer.band.index}" for offer in best]
    _refuse_ties(scene, f"band {best[0].wanted}", named)
    return best[0]


def _refuse_ties(scene: StacScene, what: str, named: Sequence[str]) -> None:
    if len(named) > 1:
        raise InputError(
            f"{scene.place}: several assets of the item offer {what} equally ({', '.join(named)}); "
            "keep one of them in a copy of the item"
        )


def write_stac_vrt(
    scene: StacScene, wanted: Bands, folder: Path, retry: RetryPolicy = DEFAULT_RETRY
) -> tuple[Path, SceneOptions]:
    """Write a VRT of the wanted bands of an item and return it with the options to read it.

    The VRT is named after the item, whose scale, offset, nodata and unit override the files'.

    Raises:
        InputError: bands are missing or not on one grid, their numbers are neither reflectance nor
            plain, or a file cannot be opened.
    """
    bands = []
    for chosen in select_assets(scene, wanted):
        unit = (chosen.band.unit or "").strip().lower()
        if unit not in _REFLECTANCE | _PLAIN:
            raise InputError(
                f"{scene.place}: asset {chosen.asset.key} holds {chosen.wanted} in "
                f"{chosen.band.unit!r}; reflectance or plain numbers are needed: calibrate the "
                "scene first"
            )
        bands.append(
            VrtBand(
                name=chosen.wanted,
                source=chosen.asset.location,
                index=chosen.band.index,
                of_bands=len(chosen.asset.bands),
                scale=chosen.band.scale,
                offset=chosen.band.offset,
                nodata=chosen.band.nodata,
                unit="reflectance" if unit in _REFLECTANCE else None,
            )
        )
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', scene.item_id) or 'item'}.vrt"
    write_vrt(bands, path, retry)
    stated = {band.nodata for band in bands}
    nodata = stated.pop() if len(stated) == 1 else None
    if nodata is not None and math.isnan(nodata):  # never valid, stated or not
        nodata = None
    return path, SceneOptions(bands=wanted, nodata=nodata)
