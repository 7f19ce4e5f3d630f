"""Where a raster holds data: one rule for nodata values, masks and alpha bands of any file.

A pixel is missing where

- a band read is not finite, or has its declared nodata value. 0, which dark water and shadow may
  measure too, counts only where all bands of the file are 0, if all declare it;
- the file's mask is 0: an internal or external mask band, or what `NODATA_VALUES` says;
- an alpha band is 0. Partly transparent pixels hold data, as in GDAL's own masks.

A nodata value that the data type cannot hold marks nothing. An alpha band is what its colour
interpretation or its name calls alpha, at any place; it is never a band of data. The last of four
bands, which programs that write pictures call alpha also where it is near infrared, is alpha unless
it has another name, or values as data have.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader

from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.io.raster.opening import rasterio_window

Stored = NDArray[Any]
Valid = NDArray[np.bool_]

ALPHA = "alpha"
_MOST_FILL = 0.01
_SAMPLE_PX, _PARTIAL, _MANY_OPACITIES = 64, 0.5, 16
_NO_OWN_MASK = {MaskFlags.all_valid, MaskFlags.nodata, MaskFlags.alpha}
_NODATA_VALUES = {MaskFlags.nodata, MaskFlags.per_dataset}
_NO_MEASUREMENT = 1e30  # nodata values as large are often written with fewer digits than stored


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelValidity:
    """The bands of a raster (indexes from 1) that hold data, and what says where they do.

    ``nodata`` is of each band of data, None where nothing is declared; ``mask_bands`` are those
    with a mask, of which one is read where ``shares_mask``. ``auxiliary`` are bands of data of
    other sources (terrain, another date): where they miss a value, the pixel stays valid. The
    notes are on what looks wrong.
    """

    data_bands: tuple[int, ...]
    alpha_bands: tuple[int, ...]
    mask_bands: tuple[int, ...]
    shares_mask: bool
    nodata: tuple[float | None, ...]
    auxiliary: tuple[int, ...] = ()
    notes: tuple[Message, ...] = ()

    @classmethod
    def of(
        cls,
        file: DatasetReader,
        names: Sequence[str | None] | None = None,
        nodata: float | None = None,
    ) -> "PixelValidity":
        """Read it from an open raster's header.

        Args:
            file: the raster.
            names: stated names of its bands, over its descriptions; used if each band has one.
            nodata: number that marks missing data, over what the file says.

        Raises:
            InputError: all bands are alpha.
        """
        own = names if names is not None and len(names) == file.count else file.descriptions
        bands = zip(file.indexes, own, strict=True)
        leaves_out = names is not None and len(names) < file.count
        opacity = _opacity_of_fourth(file)
        alpha = tuple(
            index for index, name in bands if _is_alpha(file, index, name, leaves_out, opacity)
        )
        data = tuple(index for index in file.indexes if index not in alpha)
        if not data:
            raise InputError(f"{file.name}: a raster needs a band of data; all of them are alpha")
        flags = [set(file.mask_flag_enums[index - 1]) for index in data]
        by_values = flags[0] >= _NODATA_VALUES and nodata is None
        declared = [file.nodatavals[index - 1] if nodata is None else nodata for index in data]
        return cls(
            data_bands=data,
            alpha_bands=alpha,
            mask_bands=tuple(
                index
                for index, kinds in zip(data, flags, strict=True)
                if by_values or not kinds & _NO_OWN_MASK
            ),
            shares_mask=MaskFlags.per_dataset in flags[0],
            nodata=tuple(None if value is None else float(value) for value in declared),
            notes=tuple(_notes(file, data, alpha, nodata, opacity)),
        )

    @property
    def marks_gaps(self) -> bool:
        """Whether a nodata value, mask or alpha band may mark missing pixels."""
        return bool(self.alpha_bands or self.mask_bands or set(self.nodata) != {None})

    @property
    def common_nodata(self) -> float | None:
        """The nodata value of all own bands; None where they declare none, or several."""
        own = list(self._own_nodata.values())
        return own[0] if len({str(value) for value in own}) == 1 else None  # of NaN too

    @property
    def _own_nodata(self) -> dict[int, float | None]:
        bands = zip(self.data_bands, self.nodata, strict=True)
        return {index: nodata for index, nodata in bands if index not in self.auxiliary}

    def read(
        self,
        file: DatasetReader,
        window: Window | None = None,
        bands: Sequence[int] | None = None,
        shape: tuple[int, int] | None = None,
    ) -> tuple[Stored, Valid]:
        """Return stored numbers (bands, height, width) and where they are valid (height, width).

        ``bands`` are indexes of bands with data, by default all; ``shape`` is a smaller height and
        width to read at.
        """
        chosen = list(self.data_bands if bands is None else bands)
        where = None if window is None else rasterio_window(window)

        def size(indexes: Sequence[int]) -> tuple[int, int, int] | None:
            return None if shape is None else (len(indexes), *shape)

        values: Stored = file.read(chosen, window=where, out_shape=size(chosen))
        nodata = self._own_nodata
        own = [at for at, index in enumerate(chosen) if index in nodata]
        of_scene = values if len(own) == len(chosen) else values[own]
        valid = np.ones(values.shape[1:], dtype=np.bool_)
        if own:
            valid = has_data(of_scene, [nodata[chosen[at]] for at in own])
        others = [index for index in nodata if index not in chosen]
        if own and others and set(nodata.values()) == {0.0} and not valid.all():
            valid |= np.any(file.read(others, window=where, out_shape=size(others)) != 0, axis=0)
        if np.issubdtype(values.dtype, np.floating):
            valid &= np.all(np.isfinite(of_scene), axis=0)
        if self.alpha_bands:
            alpha = list(self.alpha_bands)
            opacity = file.read(alpha, window=where, out_shape=size(alpha))
            valid &= np.all(opacity > 0, axis=0)
        own_masks = (index for index in self.mask_bands if index not in self.auxiliary)
        masked = [index for index in own_masks if index in chosen]
        if masked:
            masked = masked[:1] if self.shares_mask else masked
            masks = file.read_masks(masked, window=where, out_shape=size(masked))
            valid &= np.all(masks != 0, axis=0)
        return values, valid


def has_data(values: Stored, nodata: Sequence[float | None]) -> Valid:
    """Return where numbers (bands, height, width) are data by the bands' nodata values alone.

    0 marks what is missing only where all bands are 0, if it is the nodata value of all; any other
    one in any band.
    """
    if set(nodata) == {0.0}:
        valid: Valid = values[0] != 0
        for band in values[1:]:
            valid |= band != 0
    else:
        valid = np.ones(values.shape[1:], dtype=np.bool_)
        for band, number in zip(values, nodata, strict=True):
            if number is not None:
                valid &= _differs(band, number)
    return valid


def undeclared_fill(stored: Stored) -> Message | None:
    """Return a warning where pixels that count as data look as missing ones do.

    They are 0 or a negative number in all bands, or the highest one of 16 bits or more.

    Args:
        stored: numbers (bands, n) of sampled valid pixels.
    """
    if len(stored) < 2 or stored.shape[1] == 0:
        return None
    first = stored[0]
    marks = first <= 0
    if stored.dtype.kind in "iu" and stored.dtype.itemsize > 1:
        marks |= first == np.iinfo(stored.dtype).max
    numbers, counts = np.unique(first[marks & np.all(stored == first, axis=0)], return_counts=True)
    share = counts.max(initial=0) / stored.shape[1]
    if share < _MOST_FILL:
        return None
    return message("data.fill", share=share, value=float(numbers[counts.argmax()]))


def dtype_holds(dtype: np.dtype[Any] | str, value: float) -> bool:
    """Whether a data type can store a number as a nodata value."""
    if np.issubdtype(np.dtype(dtype), np.integer):
        limits = np.iinfo(dtype)
        return float(value).is_integer() and bool(limits.min <= value <= limits.max)
    return bool(np.isnan(value) or abs(value) <= float(np.finfo(dtype).max))


def output_nodata(dtype: str, *declared: float | None) -> float:
    """Return the nodata value of a raster that is written.

    It is the first declared one that the data type can store, else NaN for floats, 0 for unsigned
    integers, and the lowest number for signed ones.
    """
    for value in declared:
        if value is not None and dtype_holds(dtype, value):
            return value
    kind = np.dtype(dtype)
    return math.nan if kind.kind == "f" else float(np.iinfo(kind).min)


def _differs(band: Stored, number: float) -> Valid:
    if np.issubdtype(band.dtype, np.floating) and abs(number) >= _NO_MEASUREMENT:
        return np.asarray(np.abs(band) < _NO_MEASUREMENT)
    if not dtype_holds(band.dtype, number):
        return np.ones(band.shape, dtype=np.bool_)
    return np.asarray(band != band.dtype.type(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opacity:
    """What is in a band called alpha: share of neither transparent nor opaque, and their number."""

    partial: float
    distinct: int

    @classmethod
    def of(cls, file: DatasetReader, index: int) -> "_Opacity":
        values = file.read(index, out_shape=tuple(min(side, _SAMPLE_PX) for side in file.shape))
        seen = np.unique(values[values > 0])
        partial = (values > 0) & (values < seen.max(initial=0))
        return cls(partial=float(np.mean(partial)), distinct=len(seen))

    @property
    def varies(self) -> bool:
        return self.partial > _PARTIAL

    @property
    def is_data(self) -> bool:
        return self.varies and self.distinct > _MANY_OPACITIES


def _opacity_of_fourth(file: DatasetReader) -> _Opacity | None:
    """Return what is in the last of four bands if the file calls it alpha."""
    if file.count != 4 or file.colorinterp[3] != ColorInterp.alpha:
        return None
    return _Opacity.of(file, 4)


def _is_alpha(
    file: DatasetReader,
    index: int,
    name: str | None,
    leaves_out: bool,
    fourth: _Opacity | None,
) -> bool:
    """Whether a band is alpha by its name, or by its colour interpretation.

    ``leaves_out``: fewer bands are named than there are.
    """
    if (name or "").strip().lower() == ALPHA:
        return True
    if file.colorinterp[index - 1] != ColorInterp.alpha:
        return False
    if fourth is None or index != 4:
        return True
    return not name and (leaves_out or not fourth.is_data)


def _notes(
    file: DatasetReader,
    data: tuple[int, ...],
    alpha: tuple[int, ...],
    nodata: float | None,
    fourth: _Opacity | None,
) -> Iterator[Message]:
    dtype = file.dtypes[data[0] - 1]
    if nodata is not None and not dtype_holds(dtype, nodata):
        yield message("raster.nodata_outside", nodata=nodata, dtype=dtype)
    if fourth is not None and 4 in alpha and fourth.varies:
        yield message("raster.alpha_varies", band=4, share=fourth.partial)
    elif fourth is not None and 4 not in alpha and fourth.distinct == 1:
        yield message("raster.alpha_named", band=4)
