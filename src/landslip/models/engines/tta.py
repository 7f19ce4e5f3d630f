"""Test-time augmentation: a network sees an image from several sides, and the results are averaged.

It is put around an engine, so that it works alike for all of them.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Radiometry
from landslip.core.choices import Tta
from landslip.core.errors import InputError, argument
from landslip.datasets.band_groups import (
    FLIP,
    MIRROR,
    TRANSPOSE,
    Matrix,
    turned,
    turned_stored,
)
from landslip.models.engines.base import Engine, EngineCosts, WindowRunner, WindowSpec

_Number = TypeVar("_Number", bound=np.generic)
Stored = NDArray[Any]
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))  # the axes that are reversed
_VIEWS = {Tta.NONE: 1, Tta.FLIPS: 4, Tta.DIHEDRAL: 8}
_SUM_BYTES = 2


def mean_over_views(
    predict: Predict,
    batch: NDArray[np.float32],
    tta: Tta,
    directions: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """Return the mean of the probabilities of images and of their views by an augmentation.

    The mean of an image's flip (or quarter turn) is that of the image, flipped, to the last bit.

    Args:
        predict: returns probabilities (n, height, width) of images (n, bands, height, width), and
            the same for the same images.
        batch: the images; with ``dihedral`` their transposes are predicted too.
        tta: the augmentation.
        directions: positions of eastness and northness, which turn with an image; None: without.
    """
    if tta is Tta.NONE:
        return predict(batch)
    total = _sum_over_flips(predict, batch, directions)
    if tta is Tta.DIHEDRAL:
        other = turned(_transposed(batch), directions, TRANSPOSE)
        total += _transposed(_sum_over_flips(predict, other, directions))
    return total / np.float32(_VIEWS[tta])


def _sum_over_flips(
    predict: Predict, batch: NDArray[np.float32], directions: tuple[int, int] | None
) -> NDArray[np.float32]:
    same, across, down, both = (
        np.flip(
            predict(
                np.ascontiguousarray(turned(np.flip(batch, axes), directions, _flip_matrix(axes)))
            ),
            axes,
        )
        for axes in _FLIPS
    )
    # in pairs that a flip exchanges, or exchanges within, so that rounding is the same for all
    total: NDArray[np.float32] = (same + across) + (down + both)
    return total


def _flip_matrix(axes: tuple[int, ...]) -> Matrix:
    """Return how directions turn where axes of an image are reversed."""
    return (MIRROR if -1 in axes else np.eye(2)) @ (FLIP if -2 in axes else np.eye(2))


def _transposed(pixels: NDArray[_Number]) -> NDArray[_Number]:
    """Return images whose rows are columns: a flip of a quarter turn."""
    return np.swapaxes(pixels, -2, -1)


def _turned(
    radiometry: Radiometry, directions: tuple[int, int] | None, matrix: Matrix, stored: Stored
) -> Stored:
    return turned_stored(stored, radiometry, directions, matrix)


class TtaEngine:
    """Averages the probabilities that another engine gives to the views of an image.

    ``flips`` takes four times the time, ``dihedral`` eight times.
    """

    def __init__(
        self,
        engine: Engine,
        tta: Tta,
        pixel_bytes: int,
        directions: tuple[int, int] | None = None,
    ) -> None:
        """Put it around an engine; a pixel of a scene has so many bytes, in all bands.

        ``directions`` are the positions of eastness and northness; None: without.
        """
        self._engine, self._pixel_bytes = engine, pixel_bytes
        self._directions = directions
        self.name, self.precision, self.tta = engine.name, engine.precision, tta

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`; the mean of the probabilities."""
        return mean_over_views(self._engine.predict, batch, self.tta, self._directions)

    def runner(self, spec: WindowSpec, streams: int | None = None) -> "TtaRunner":
        """See `Engine.runner`.

        Raises:
            InputError: windows are to be transposed, and are not square.
        """
        height, width = spec.shape
        if self.tta is Tta.DIHEDRAL and height != width:
            raise InputError(
                f"{argument('tta', self.tta.value)}: windows that are turned must be square; got "
                f"{height} x {width} px; use {argument('tta', Tta.FLIPS.value)}"
            )
        turn = partial(_turned, spec.normalisation.radiometry, self._directions)
        return TtaRunner(self._engine.runner(spec, streams), self.tta, turn)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        costs = self._engine.costs()
        # a copy of the window and its mask, and the sum of the levels
        added = self._pixel_bytes + 1 + _SUM_BYTES
        return replace(
            costs,
            computing_bytes_per_px=costs.computing_bytes_per_px + added,
            px_per_s=costs.px_per_s / _VIEWS[self.tta],
            uncached_s_per_px=costs.uncached_s_per_px * _VIEWS[self.tta],
        )


class TtaRunner:
    """Averages the levels of the views of a window, rounded to even.

    Each view has a whole level already; the mean is within a level (0.004) of that of the
    probabilities.
    """

    def __init__(
        self, runner: WindowRunner, tta: Tta, turn: Callable[[Matrix, Stored], Stored] | None = None
    ) -> None:
        self._runner, self._tta = runner, tta
        self._turn = turn or (lambda _matrix, stored: stored)
        self.streams = runner.streams
        views = _VIEWS[tta]
        self._mean_levels = np.rint(np.arange(views * 255 + 1) / views).astype(np.uint8)

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        total = self._sum_over_flips(stored, valid)
        if self._tta is Tta.DIHEDRAL:
            other = self._turn(TRANSPOSE, _transposed(stored))
            total += _transposed(self._sum_over_flips(other, _transposed(valid)))
        return self._mean_levels[total]

    def _sum_over_flips(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint16]:
        total = np.zeros(valid.shape, dtype=np.uint16)
        for axes in _FLIPS:
            levels = self._runner.run(
                np.ascontiguousarray(self._turn(_flip_matrix(axes), np.flip(stored, axes))),
                np.ascontiguousarray(np.flip(valid, axes)),
            )
            total += np.flip(levels, axes)
        return total
