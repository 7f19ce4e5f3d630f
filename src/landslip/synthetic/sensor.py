"""The sensor: spectral response, blur, haze, noise and quantisation to ten bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.radiometry.calibration import RadiometricCalibration
from landslip.preprocessing.radiometry.sun import SunPosition

Field = NDArray[np.float32]
PAN = ("pan",)
MSS = ("blue", "green", "red", "nir")
MAX_DN = 1023
_HAZE_WAVES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """Response of both cameras; the defaults resemble those of Gaofen-1.

    Attributes:
        pan_mtf, mss_mtf: modulation at half the sampling frequency of the whole system (optics,
            detector, motion), taken as Gaussian.
        pan_weights: fraction of blue, green, red and nir in the panchromatic band.
        red_edge_weight: fraction of what no other band sees, sqrt(red * nir) of the ground.
        haze: path reflectance of pan, blue, green, red and nir.
        haze_variation: standard deviation of the haze over the image, 1 being its mean.
        read_noise_dn: standard deviation of the noise of every pixel, in counts.
        shot_noise_dn: variance per count, in counts squared.
    """

    pan_mtf: float = 0.20
    mss_mtf: float = 0.30
    pan_weights: tuple[float, float, float, float] = (0.20, 0.24, 0.24, 0.22)
    red_edge_weight: float = 0.10
    haze: tuple[float, float, float, float, float] = (0.016, 0.045, 0.028, 0.016, 0.006)
    haze_variation: float = 0.15
    read_noise_dn: float = 0.6
    shot_noise_dn: float = 0.005

    def __post_init__(self) -> None:
        for name in ("pan_mtf", "mss_mtf"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} must be between 0 and 1; got {getattr(self, name)}")
        if min(*self.haze, self.haze_variation, self.read_noise_dn, self.shot_noise_dn) < 0:
            raise InputError(f"haze and noise must not be negative; got {self}")

    def pan_reflectance(self, reflectance: Field) -> Field:
        """Return panchromatic reflectance (height, width) of four bands (4, height, width)."""
        mixed = np.tensordot(np.asarray(self.pan_weights, np.float32), reflectance, axes=1)
        hidden = np.sqrt(np.maximum(reflectance[2] * reflectance[3], 0))
        pan: Field = (mixed + np.float32(self.red_edge_weight) * hidden).astype(np.float32)
        return pan


def blur_sigma_px(mtf: float) -> float:
    """Return the sigma, in pixels, of a Gaussian with a given MTF at the Nyquist frequency.

    MTF(f) = exp(-2 (pi sigma f)^2) at f = 1/2 a pixel.
    """
    return float(np.sqrt(-2 * np.log(mtf)) / np.pi)


def blurred_spline(field: Field, sigma_px: float) -> Field:
    """Return the cubic spline coefficients of a field (height, width) blurred by a Gaussian."""
    smooth = ndimage.gaussian_filter(field, sigma_px, mode="reflect")
    spline: Field = ndimage.spline_filter(smooth, 3, output=np.float32, mode="reflect")
    return spline


def sample_spline(spline: Field, col: Field, row: Field) -> Field:
    """Return the values of a spline (see `blurred_spline`) at pixels, mirrored beyond."""
    half = np.float32(0.5)
    values: Field = ndimage.map_coordinates(
        spline, np.stack([row - half, col - half]), order=3, prefilter=False, mode="reflect"
    )
    return values


def toa_counts(
    reflectance: Field, calibration: RadiometricCalibration, band: str, sun: SunPosition
) -> Field:
    """Return unrounded counts: L = gain DN + offset, reflectance = pi L d^2 / (ESUN cos z)."""
    radiance = calibration.esun[band] * np.cos(np.radians(sun.zenith_deg)) / np.pi
    gain = calibration.gains[band]
    factor = np.float32(radiance / sun.distance_au**2 / gain)
    return reflectance * factor + np.float32(-calibration.offsets[band] / gain)


def quantise_counts(
    counts: Field, visible: NDArray[np.bool_], sensor: SensorModel, generator: np.random.Generator
) -> NDArray[np.uint16]:
    """Return counts (height, width) with noise in ten bits; 0 where there is no ground."""
    variance = sensor.read_noise_dn**2 + sensor.shot_noise_dn * np.maximum(counts, 0)
    noise = generator.standard_normal(counts.shape, dtype=np.float32) * np.sqrt(variance)
    stored = np.clip(np.rint(counts + noise), 1, MAX_DN)
    return np.where(visible, stored, 0).astype(np.uint16)


def draw_haze(variation: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw a day's haze, whose thickness has a standard deviation over the image and mean 1.

    Returns its amplitudes (n, n) as cosines, by wave number down and across.
    """
    waves = generator.standard_normal((_HAZE_WAVES, _HAZE_WAVES))
    waves[0, 0] = 0
    order = np.arange(_HAZE_WAVES)
    waves /= 1 + order + order[:, np.newaxis]
    power = np.where(order > 0, 0.5, 1.0)
    waves *= variation / np.sqrt(np.sum(waves**2 * power * power[:, np.newaxis]))
    waves[0, 0] = 1
    return waves


def haze_thickness(waves: NDArray[np.float64], shape: tuple[int, int], window: Window) -> Field:
    """Return the thickness (height, width) at a window of an image of a shape, not under 0."""
    rows = (window.row_off + np.arange(window.height) + 0.5) / shape[0]
    cols = (window.col_off + np.arange(window.width) + 0.5) / shape[1]
    order = np.arange(len(waves))
    down, across = (np.cos(np.pi * np.outer(at, order)) for at in (rows, cols))
    thickness: Field = np.maximum(down @ waves @ across.T, 0).astype(np.float32)
    return thickness
