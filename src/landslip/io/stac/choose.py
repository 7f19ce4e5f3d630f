"""Chooses the assets of a STAC item that hold the bands a model needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.io.stac.item import StacAsset, StacBand, StacScene


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A band of an asset, taken for a wanted band."""

    wanted: str
    asset: StacAsset
    band: StacBand

    @property
    def rank(self) -> tuple[bool, int]:
        """Order of choice, least first: called so itself, then quick to read in windows."""
        return self.wanted not in self.band.names, _slowness(self.asset)


def choose(scene: StacScene, wanted: Bands) -> tuple[Choice, ...]:
    """Return a band of an asset for each wanted band, in their order.

    Measured values go before pictures (role ``visual``), then one asset with all bands before one
    asset a band. A band's own name goes before its common name, then cloud-optimised files first.

    Raises:
        InputError: a band is not there, or several assets offer it and none goes first.
    """
    measured = [asset for asset in scene.assets if not asset.is_picture]
    pictures = [asset for asset in scene.assets if asset.is_picture]
    for assets in (measured, pictures):
        whole = [asset for asset in assets if all(_offers([asset], name) for name in wanted)]
        chosen = [_best_whole(scene, whole, wanted)] if whole else assets
        offers = [_offers(chosen, name) for name in wanted]
        if all(offers):
            return tuple(_first(scene, of) for of in offers)
    raise InputError(_missing(scene, wanted))


def _slowness(asset: StacAsset) -> int:
    media = asset.media_type.lower()
    return 0 if "cloud-optimized" in media else 1 if "tif" in media else 2


def _offers(assets: Iterable[StacAsset], name: str) -> list[Choice]:
    return [
        Choice(wanted=name, asset=asset, band=band)
        for asset in assets
        for band in asset.bands
        if name in band.names or name == band.common_name
    ]


def _best_whole(scene: StacScene, whole: Sequence[StacAsset], wanted: Bands) -> StacAsset:
    first, *others = [asset for asset in whole if _slowness(asset) == min(map(_slowness, whole))]
    if others:
        raise InputError(_undecided(scene, f"bands {wanted}", [a.key for a in (first, *others)]))
    return first


def _first(scene: StacScene, offers: Sequence[Choice]) -> Choice:
    best = min(choice.rank for choice in offers)
    first, *others = [choice for choice in offers if choice.rank == best]
    if others:
        named = [f"{choice.asset.key} band {choice.band.index}" for choice in (first, *others)]
        raise InputError(_undecided(scene, f"band {first.wanted}", named))
    return first


def _undecided(scene: StacScene, what: str, named: Sequence[str]) -> str:
    return (
        f"{scene.place}: several assets of the item offer {what} ({', '.join(named)}) and none "
        "goes before the others; keep one of them in a copy of the item"
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
