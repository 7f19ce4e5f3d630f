"""Noise that looks like nature: random fields whose roughness is stated scale by scale."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Field = NDArray[np.float32]


def fractal_noise(
    shape: tuple[int, int],
    generator: np.random.Generator,
    *,
    largest_px: float,
    smallest_px: float = 2.0,
    exponent: float = 1.5,
) -> Field:
    """Return a Gaussian random field (height, width) of mean 0 and standard deviation 1.

    Amplitudes fall as frequency to the power of ``-exponent`` between wavelengths of
    ``largest_px`` and ``smallest_px``, and are 0 outside: 1 is mottled, 2 is like terrain. Opposite
    edges fit together.
    """
    rows = np.fft.fftfreq(shape[0]).astype(np.float32)[:, np.newaxis]
    frequency = np.hypot(rows, np.fft.rfftfreq(shape[1]).astype(np.float32))
    inside = (frequency >= 1 / largest_px) & (frequency <= 1 / smallest_px)
    amplitude = np.where(inside, np.maximum(frequency, 1e-6) ** np.float32(-exponent), 0)
    white = fft.rfft2(generator.standard_normal(shape, dtype=np.float32))
    field: Field = fft.irfft2(white * amplitude, s=shape)
    normalised: Field = field / field.std()
    return normalised


def top_fraction(field: Field, fraction: float, softness: float = 0.15) -> Field:
    """Return weights (height, width) that are over 0.5 on the highest ``fraction`` of a field.

    They go from 0 to 1 within ``softness`` standard deviations on either side.
    """
    cut = np.quantile(field[::4, ::4], 1 - fraction)
    return ramp(field, float(cut - softness * field.std()), float(cut + softness * field.std()))


def ramp(field: Field, start: Field | float, end: Field | float) -> Field:
    """Return weights that go linearly from 0 at ``start`` to 1 at ``end``, which may be lower."""
    weights: Field = np.clip((field - start) / (end - start), 0, 1).astype(np.float32)
    return weights


def streaks(noise: Field, direction: NDArray[np.float32], length_px: int) -> Field:
    """Smear noise (height, width) along a direction field (2: x and y, height, width).

    This is line integral convolution (Cabral & Leedom 1993, doi 10.1145/166117.166151), one way
    and with a box of ``length_px``; the result has mean 0 and standard deviation 1.
    """
    row: Field = np.indices(noise.shape)[0].astype(np.float32)
    col: Field = np.indices(noise.shape)[1].astype(np.float32)
    total = np.zeros_like(noise)
    for _ in range(length_px):
        at = _nearest(row, noise.shape[0]), _nearest(col, noise.shape[1])
        total += noise[at]
        col = col + direction[0][at]
        row = row + direction[1][at]
    normalised: Field = (total - total.mean()) / total.std()
    return normalised


def blurred(field: Field, sigma_px: float) -> Field:
    """Return a field smoothed by a Gaussian."""
    smooth: Field = ndimage.gaussian_filter(field, sigma_px, mode="nearest", truncate=3.0)
    return smooth


def _nearest(position: Field, length: int) -> NDArray[np.intp]:
    return np.clip(np.rint(position), 0, length - 1).astype(np.intp)
