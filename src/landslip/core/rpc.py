"""Camera models of sensor images by rational polynomials (RPC), with corrections in image space."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCorrection:
    """An affine map from where a camera model projects a point to where the image shows it.

    ``col' = a col + b row + c``, ``row' = d col + e row + f``, in pixel coordinates; the
    coefficients are (a, b, c, d, e, f).
    """

    coefficients: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.coefficients
        if not np.all(np.isfinite(self.coefficients)) or abs(a * e - b * d) < 1e-6:
            raise InputError(
                f"a correction in image space is finite and reversible; got {self.coefficients}"
            )

    @classmethod
    def shift(cls, col: float, row: float) -> "ImageCorrection":
        """Return a correction that moves every point by the same number of pixels."""
        return cls(coefficients=(1.0, 0.0, col, 0.0, 1.0, row))

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.coefficients == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (n, 2: col, row)."""
        matrix = np.reshape(self.coefficients, (2, 3))
        moved: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
        return moved

    def undo(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points (n, 2: col, row) back."""
        matrix = np.reshape(self.coefficients, (2, 3))
        back: NDArray[np.float64] = np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T
        return back

    def then(self, later: "ImageCorrection") -> "ImageCorrection":
        """Return this correction followed by another one."""
        first, second = (
            np.vstack([np.reshape(one.coefficients, (2, 3)), [0, 0, 1]]) for one in (self, later)
        )
        a, b, c, d, e, f = (second @ first)[:2].ravel().tolist()
        return ImageCorrection(coefficients=(a, b, c, d, e, f))


Points = NDArray[np.float64]
Coefficients = tuple[float, ...]
_MAX_ITERATIONS = 25
_TOLERANCE_PX = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RPC:
    """The projection of points on or above the ground into a sensor image, by the RPC00B formulas.

    The file's lines and samples count pixel centres from 0; this class uses pixel coordinates (col,
    row), whose (0, 0) is the outer corner of the first pixel, as everywhere in this package.

    Attributes:
        line_off, samp_off, lat_off, lon_off, height_off: offsets; pixels, degrees on WGS 84, and
            metres above its ellipsoid.
        line_scale, samp_scale, lat_scale, lon_scale, height_scale: scales of what remains.
        line_num, line_den, samp_num, samp_den: 20 coefficients each, in the order of RPC00B.
        correction: of the model's known error in the image.
    """

    line_off: float
    samp_off: float
    lat_off: float
    lon_off: float
    height_off: float
    line_scale: float
    samp_scale: float
    lat_scale: float
    lon_scale: float
    height_scale: float
    line_num: Coefficients
    line_den: Coefficients
    samp_num: Coefficients
    samp_den: Coefficients
    correction: ImageCorrection = field(default_factory=ImageCorrection)

    def __post_init__(self) -> None:
        for name in ("line_num", "line_den", "samp_num", "samp_den"):
            values = getattr(self, name)
            if len(values) != 20 or not np.all(np.isfinite(values)):
                raise InputError(f"an RPC has 20 finite numbers as {name}; got {values}")
        for name in ("line", "samp", "lat", "lon", "height"):
            offset, scale = getattr(self, f"{name}_off"), getattr(self, f"{name}_scale")
            if not (np.isfinite(offset) and np.isfinite(scale) and scale != 0):
                raise InputError(
                    f"an RPC's {name} offset and scale are finite and its scale is not 0; "
                    f"got {offset}, {scale}"
                )

    def project(self, lonlat_deg: Points, height_m: NDArray[np.float64]) -> Points:
        """Return pixel coordinates (n, 2) of WGS 84 lon, lat (n, 2) and ellipsoid heights (n,)."""
        return self.correction.apply(self._image(self._terms(lonlat_deg, height_m)))

    def locate(self, points: Points, height_m: NDArray[np.float64]) -> Points:
        """Return the longitude and latitude (n, 2) of pixel coordinates at given heights.

        Newton's method, from the centre of the model; NaN where it does not converge. Heights (n,)
        are over the ellipsoid, points (n, 2) are column and row.
        """
        wanted = self.correction.undo(np.asarray(points, dtype=np.float64))
        lonlat = np.tile([self.lon_off, self.lat_off], (len(wanted), 1)).astype(np.float64)
        step = np.array([self.lon_scale, self.lat_scale]) * 1e-4
        eastwards, northwards = np.diag(step)
        residual = np.full(len(wanted), np.inf)
        for _ in range(_MAX_ITERATIONS):
            with np.errstate(all="ignore"):  # diverging points are NaN in the end
                projected, eastward, northward = (
                    self._image(self._terms(lonlat + off, height_m))
                    for off in (0.0, eastwards, northwards)
                )
            residual = np.abs(wanted - projected).max(axis=1)
            if np.all(residual < _TOLERANCE_PX):
                break
            east, north = (eastward - projected) / step[0], (northward - projected) / step[1]
            gap = wanted - projected
            # Cramer's rule: not finite where both are parallel, and nothing is raised
            with np.errstate(all="ignore"):
                determinant = east[:, 0] * north[:, 1] - east[:, 1] * north[:, 0]
                along = gap[:, 0] * north[:, 1] - gap[:, 1] * north[:, 0]
                across = east[:, 0] * gap[:, 1] - east[:, 1] * gap[:, 0]
                lonlat = lonlat + np.column_stack([along, across]) / determinant[:, np.newaxis]
        lonlat[~(residual < 1e-3)] = np.nan
        return lonlat

    def corrected(self, correction: ImageCorrection) -> "RPC":
        """Return the model followed by one more correction."""
        return replace(self, correction=self.correction.then(correction))

    @property
    def height_range_m(self) -> tuple[float, float]:
        """The heights that the model is valid for."""
        return self.height_off - self.height_scale, self.height_off + self.height_scale

    def _terms(self, lonlat_deg: Points, height_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the 20 cubic terms (20, n) of normalised latitude, longitude and height."""
        turn = np.remainder(lonlat_deg[:, 0] - self.lon_off + 180, 360) - 180
        x = turn / self.lon_scale
        y = (lonlat_deg[:, 1] - self.lat_off) / self.lat_scale
        z = np.broadcast_to((np.asarray(height_m) - self.height_off) / self.height_scale, x.shape)
        one = np.ones_like(x)
        quadratic = (one, x, y, z, x * y, x * z, y * z, x * x, y * y, z * z)
        cubic = (
            x * y * z, x**3, x * y * y, x * z * z, x * x * y,
            y**3, y * z * z, x * x * z, y * y * z, z**3,
        )  # fmt: skip
        return np.stack(quadratic + cubic)

    def _image(self, terms: NDArray[np.float64]) -> Points:
        row = np.asarray(self.line_num) @ terms / (np.asarray(self.line_den) @ terms)
        col = np.asarray(self.samp_num) @ terms / (np.asarray(self.samp_den) @ terms)
        return np.column_stack(
            [
                col * self.samp_scale + self.samp_off + 0.5,
                row * self.line_scale + self.line_off + 0.5,
            ]
        )
