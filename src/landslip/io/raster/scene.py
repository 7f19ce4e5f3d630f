"""Scenes: multi-band rasters with named bands."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from landslip.core.arguments import BandsArgument, band_names, choose
from landslip.core.band_order import guess_bands
from landslip.core.bands import (
    TERRAIN_UNITS,
    BandRadiometry,
    Bands,
    Radiometry,
    canonical_name,
)
from landslip.core.choices import TerrainUnits, Units
from landslip.core.errors import InputError, argument
from landslip.core.files import Closeable
from landslip.core.html import html_table
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.io.raster.location import Location
from landslip.io.raster.opening import grid_of, open_raster, reading
from landslip.io.raster.remote import DEFAULT_RETRY, RemoteSources, RetryPolicy
from landslip.io.raster.validity import ALPHA, PixelValidity, Stored, Valid, dtype_holds

_SAMPLED_PER_AXIS, _SAMPLE_PX = (3, 6), 64
_ENOUGH_SAMPLED_PX = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """What the user states about a scene; it overrides the file, and None leaves it to the file."""

    bands: Bands | None = None
    units: Units | None = None
    nodata: float | None = None

    @classmethod
    def stated(
        cls, bands: BandsArgument | None, units: str | None, nodata: float | None
    ) -> "SceneOptions":
        """Return what a caller states, in words.

        Raises:
            InputError: a band's name is used twice, or the units are unknown.
        """
        return cls(
            bands=band_names(bands),
            units=None if units is None else choose(Units, units, "units"),
            nodata=nodata,
        )

    def as_dict(self) -> dict[str, str | None]:
        """Return what is stated, as JSON holds it."""
        return {
            "bands": None if self.bands is None else str(self.bands),
            "units": self.units,
            "nodata": None if self.nodata is None else repr(self.nodata),
        }

    @classmethod
    def of_dict(cls, stated: dict[str, str | None]) -> "SceneOptions":
        """Return what `as_dict` gave.

        Raises:
            ValueError: it gave something else.
        """
        bands, units, nodata = (stated.get(name) for name in ("bands", "units", "nodata"))
        return cls(
            bands=None if bands is None else Bands.parse(bands),
            units=None if units is None else Units(units),
            nodata=None if nodata is None else float(nodata),
        )


class Scene(Closeable):
    """An open multi-band raster with named bands; a context manager.

    Pixels come as stored numbers; `radiometry` says what they mean.
    """

    def __init__(
        self,
        place: Location | Path | str,
        options: SceneOptions | None = None,
        *,
        retry: RetryPolicy = DEFAULT_RETRY,
    ) -> None:
        """Open a raster.

        Args:
            place: a file, or an address (http, https, s3, gs, az).
            options: override what the file says.
            retry: how failing servers are retried.

        Raises:
            InputError: it is no raster, its bands have no names, or the options contradict it.
        """
        self.options = options = options or SceneOptions()
        self.path = Location.of(place)
        self._retry = retry
        self._file = open_raster(self.path, retry)
        self._sources = RemoteSources.of_opened(self.path, self._file, retry)
        try:
            stated = None if options.bands is None else options.bands.names
            self.validity = PixelValidity.of(self._file, stated, options.nodata)
            self._indexes = self.validity.data_bands
            self.grid = grid_of(self._file)
            self.bands = _named_bands(
                self.path, self._file, self.validity, options.bands, self._guess_bands
            )
            notes = (*self.validity.notes, *_contradictions(self._file, self._indexes, self.bands))
            own = {self._indexes[at] for at in self.bands.own}
            auxiliary = tuple(index for index in self._indexes if index not in own)
            self.validity = replace(self.validity, notes=notes, auxiliary=auxiliary)
            self.radiometry = self._radiometry(options.units)
        except InputError:
            self._file.close()
            raise

    @classmethod
    def named_if_needed(cls, place: Location | Path | str, options: SceneOptions) -> "Scene":
        """Open a raster; the stated band names are of a file that has none itself.

        Raises:
            InputError: see `Scene`.
        """
        try:
            return cls(place, replace(options, bands=None))
        except InputError:
            if options.bands is None:
                raise
            return cls(place, options)

    @property
    def nodata(self) -> float | None:
        """The nodata value stated by the user, else by the file; None for none, or several."""
        return self.validity.common_nodata

    @property
    def contradicts_descriptions(self) -> bool:
        """Whether the stated names are in another order than the file's own descriptions."""
        return any(note.key == "scene.other_descriptions" for note in self.validity.notes)

    @property
    def tags(self) -> dict[str, str]:
        """The file's own tags."""
        return dict(self._file.tags())

    @property
    def block(self) -> tuple[int, int]:
        """(height, width) of the blocks that the file is stored in."""
        height, width = self._file.block_shapes[self._indexes[0] - 1]
        return int(height), int(width)

    @property
    def stored_bytes_per_px(self) -> int:
        """Bytes of all of the file's bands, which blocks may hold together."""
        return sum(np.dtype(dtype).itemsize for dtype in self._file.dtypes)

    def read(self, window: Window, bands: Bands | None = None) -> tuple[Stored, Valid]:
        """Read the stored numbers (bands, height, width) and the valid mask (height, width).

        What is valid: `landslip.io.raster.validity`. Outside the scene, values are 0 and not valid.

        Raises:
            InputError: a band is missing, or the file cannot be read there.
        """
        indexes = [self._indexes[at] for at in self.bands.positions_of(bands or self.bands)]
        values = np.zeros((len(indexes), *window.shape), dtype=self.radiometry.dtype)
        valid = np.zeros(window.shape, dtype=np.bool_)
        inside = window.clipped(self.grid.shape)
        if inside is not None:
            rows, cols = inside.slices_in(window)
            values[:, rows, cols], valid[rows, cols] = self._read(indexes, inside)
        return values, valid

    def radiometry_of(self, bands: Bands) -> Radiometry:
        """Return the radiometry of some of the scene's bands, in their order.

        Raises:
            InputError: a band is missing.
        """
        return self.radiometry.select(self.bands.positions_of(bands))

    def sample(self, bands: Bands | None = None) -> Stored:
        """Read valid stored numbers (bands, n) of small windows spread over the scene.

        Raises:
            InputError: a band is missing, or the file cannot be read there.
        """
        return _sample(lambda window: self.read(window, bands), self.grid.shape)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __repr__(self) -> str:
        height, width = self.grid.shape
        return f"Scene({str(self.path)!r}: {self.bands}, {width} x {height} px)"

    def _repr_html_(self) -> str:
        (height, width), resolution = self.grid.shape, self.grid.resolution_m
        side = "" if resolution is None else f", {resolution:.3g} m"
        return html_table(
            "landslip scene",
            {
                "file": str(self.path),
                "bands": f"{self.bands} ({self.radiometry.units}, {self.radiometry.dtype})",
                "size": f"{width} x {height} px{side}",
                "coordinate system": str(self.grid.crs or "none"),
                "nodata": str(self.nodata),
            },
        )

    def _read(self, indexes: list[int], window: Window) -> tuple[Stored, Valid]:
        with reading(self.path, window, self._sources):
            return self._sources.with_retries(
                lambda: self.validity.read(self._file, window, indexes), renew=self._reopen
            )

    def _radiometry(self, stated: Units | None) -> Radiometry:
        """Return what the bands' numbers mean; units are of the scene's own bands.

        Raises:
            InputError: bands differ in data type.
        """
        file, indexes = self._file, self._indexes
        dtypes = {file.dtypes[index - 1] for index in indexes}
        if len(dtypes) > 1:
            raise InputError(f"{self.path}: all bands need one data type; got {sorted(dtypes)}")
        scalings = [(file.scales[index - 1], file.offsets[index - 1]) for index in indexes]
        tags = [(file.units[index - 1] or "").strip().lower() for index in indexes]
        own = self.bands.own
        tagged = all(tags[at] == Units.REFLECTANCE for at in own)
        is_scaled = any(scalings[at] != (1.0, 0.0) for at in own)
        units = stated or (Units.REFLECTANCE if tagged or is_scaled else Units.DN)
        nodata = self.validity.nodata
        bands = [
            BandRadiometry(units=units)
            if units is Units.DN
            else BandRadiometry(units=units, scale=scale, offset=offset)
            for scale, offset in scalings
        ]
        for at in set(range(len(indexes))) - set(own):
            kind = TERRAIN_UNITS.get(self.bands.names[at], bands[at].units)
            scale, offset = scalings[at] if kind is not Units.DN else (1.0, 0.0)
            bands[at] = BandRadiometry(
                units=TerrainUnits(tags[at]) if tags[at] in {*TerrainUnits} else kind,
                scale=scale,
                offset=offset,
                nodata=marking_nodata(nodata[at], file.dtypes[indexes[at] - 1]),
            )
        return Radiometry.of_bands(dtypes.pop(), bands)

    def _guess_bands(self) -> Bands | None:
        """Guess names by statistics, for a message."""
        try:
            return guess_bands(_sample(partial(self.validity.read, self._file), self.grid.shape))
        except (RasterioError, ValueError):
            return None

    def _reopen(self) -> None:
        """Open the file again: GDAL keeps what a failed read left behind."""
        fresh = open_raster(self.path, self._retry)
        self._file.close()
        self._file = fresh


def _sample(read: Callable[[Window], tuple[Stored, Valid]], shape: tuple[int, int]) -> Stored:
    """Read valid numbers (bands, n) of 9 windows, or of 36 more where those hold little data."""
    samples: list[Stored] = []
    for windows_per_axis in _SAMPLED_PER_AXIS:
        fractions = (np.arange(windows_per_axis) + 0.5) / windows_per_axis
        for row, col in itertools.product(fractions * shape[0], fractions * shape[1]):
            corner = max(0, int(col) - _SAMPLE_PX // 2), max(0, int(row) - _SAMPLE_PX // 2)
            values, valid = read(Window(*corner, _SAMPLE_PX, _SAMPLE_PX))
            samples.append(values[:, valid])
        if sum(sample.shape[1] for sample in samples) >= _ENOUGH_SAMPLED_PX:
            break
    return np.concatenate(samples, axis=1)


def _named_bands(
    location: Location,
    file: DatasetReader,
    validity: PixelValidity,
    stated: Bands | None,
    guess: Callable[[], Bands | None],
) -> Bands:
    indexes = validity.data_bands
    found = [file.descriptions[index - 1] for index in indexes]
    besides = ", ".join(map(str, validity.alpha_bands))
    besides = f" besides alpha (band {besides})" if besides else ""
    if stated is not None and len(stated) == file.count and ALPHA in stated.names:
        stated = Bands(tuple(name for name in stated if name != ALPHA))
    bands = stated or Bands.from_descriptions(found)
    if bands is None:
        guessed = guess()
        likely = "" if guessed is None else f". By their statistics they are probably {guessed}"
        own = f"the file's {len(indexes)} bands{besides}"
        has = f"none of {own} has a description"
        if any(found):
            has = f"the descriptions of {own} are {', '.join(name or 'none' for name in found)}"
        raise InputError(
            f"{location}: every band needs a name of its own, and {has}; name them with "
            f"{argument('bands')} in the order that they have in the file, separated by commas "
            f"(alpha: transparency){likely}"
        )
    if len(bands) != len(indexes):
        raise InputError(
            f"{location}: {argument('bands')} names {len(bands)} bands ({bands}) and the file "
            f"has {len(indexes)}{besides}; name each band of the file in its order"
        )
    return bands


def _contradictions(
    file: DatasetReader, indexes: tuple[int, ...], bands: Bands
) -> Iterator[Message]:
    """Yield a note where the file names the same bands, or their colours, in another order.

    Colours of bands that the file names too say nothing: the first three of 8-bit bands are called
    red, green, blue whatever they hold.
    """
    described = tuple(canonical_name(file.descriptions[index - 1] or "") for index in indexes)
    colours = tuple(file.colorinterp[index - 1].name for index in indexes)
    for kind, names in (("descriptions", described), ("colours", colours)):
        common = set(names) & set(bands)
        stated = [name for name in bands if name in common]
        own = [name for name in names if name in common]
        if kind == "colours" and (common != {"red", "green", "blue"} or common <= {*described}):
            continue
        if stated != own:
            yield message(f"scene.other_{kind}", stated=str(bands), own=",".join(own))


def marking_nodata(nodata: float | None, dtype: str) -> float | None:
    """Return a nodata value if numbers of a type may equal it, which none equals NaN."""
    is_number = nodata is not None and not np.isnan(nodata) and dtype_holds(dtype, nodata)
    return nodata if is_number else None
