"""A pushbroom camera on its orbit: where each line and sample looks, exactly."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.synthetic.ellipsoid import local_axes, to_cartesian, to_geographic
from landslip.synthetic.orbit import Orbit

Points = NDArray[np.float64]
Vectors = NDArray[np.float64]
_ROUNDS = 12
_MOST_ROLL_DEG = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attitude:
    """How the platform is turned against flight and nadir.

    Attributes:
        roll_deg: positive looks to the right of the flight, west on a descending pass.
        pitch_deg: positive looks back.
        yaw_deg: positive turns to the right; 3.2 makes up for the earth's turn at 31 degrees.
        wobble_urad: amplitude of a slow tremor of all three angles.
        wobble_period_s: its period.
    """

    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 3.18
    wobble_urad: float = 0.0
    wobble_period_s: float = 12.0

    def __post_init__(self) -> None:
        if abs(self.roll_deg) > _MOST_ROLL_DEG:
            raise InputError(
                f"a camera rolls by at most {_MOST_ROLL_DEG} degrees here; got {self.roll_deg}"
            )

    def turned(self, roll_deg: float, pitch_deg: float) -> "Attitude":
        """Return the attitude with small angles added."""
        return replace(
            self, roll_deg=self.roll_deg + roll_deg, pitch_deg=self.pitch_deg + pitch_deg
        )

    def rotations(self, time_s: NDArray[np.float64]) -> Vectors:
        """Return the matrices (n, 3, 3) from the platform's axes to those of the orbit."""
        phase = 2 * np.pi * np.asarray(time_s) / self.wobble_period_s
        tremor = self.wobble_urad * 1e-6
        roll = np.radians(self.roll_deg) + tremor * np.sin(phase)
        pitch = np.radians(self.pitch_deg) + tremor * np.sin(0.8 * phase + 1.0)
        yaw = np.radians(self.yaw_deg) + tremor * np.sin(0.6 * phase + 2.0)
        return _about(2, yaw) @ _about(1, pitch) @ _about(0, -roll)


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A line of detectors that the flight sweeps over the ground.

    Pixel coordinates are (col, row) with (0, 0) the outer corner of the first pixel.

    Attributes:
        orbit: of the platform; it is at time 0 when the image's middle line is taken.
        attitude: of the platform.
        shape: (height, width) of the image in pixels.
        gsd_m: size of a pixel on the ground straight below.
        ahead_rad: how far before the others this line of detectors looks.
        shift_px: (col, row) by which what is seen lies beside where this camera would have it.
        drift_px: how much that changes from the first line to the last.
    """

    orbit: Orbit
    attitude: Attitude = field(default_factory=Attitude)
    shape: tuple[int, int]
    gsd_m: float
    ahead_rad: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    drift_px: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or not self.gsd_m > 0:
            raise InputError(
                "a camera's image has pixels of some size; "
                f"got shape {self.shape}, {self.gsd_m} m pixels"
            )

    @property
    def line_time_s(self) -> float:
        """Time from one line to the next."""
        return self.gsd_m / self.orbit.ground_speed_m_s

    @property
    def centre(self) -> Points:
        """The pixel coordinates (1, 2) of the image's middle."""
        return np.array([[self.shape[1] / 2, self.shape[0] / 2]])

    def rays(self, points: Points) -> tuple[Vectors, Vectors]:
        """Return where the light of pixels comes to (n, 3), and unit vectors towards the ground."""
        nominal = self._nominal(points)
        time_s = (nominal[:, 1] - self.shape[0] / 2) * self.line_time_s
        origin, axes = self.orbit.frames(time_s)
        across = (nominal[:, 0] - self.shape[1] / 2) * self.gsd_m / self.orbit.altitude_m
        ahead = np.full_like(across, self.ahead_rad)
        look = np.column_stack([ahead, -across, np.ones_like(across)])
        look /= np.linalg.norm(look, axis=1, keepdims=True)
        to_orbit = self.attitude.rotations(time_s)
        direction = np.einsum("nji,njk,nk->ni", axes, to_orbit, look)
        return origin, direction

    def locate(self, points: Points, height_m: NDArray[np.float64] | float) -> Points:
        """Return longitude and latitude (n, 2) where pixels see ground of given heights.

        Args:
            points: (n, 2) column and row.
            height_m: (n,) or one height over the ellipsoid.
        """
        origin, direction = self.rays(points)
        lonlat, height = to_geographic(origin)
        distance = np.zeros(len(points))
        sinking = np.sum(direction * local_axes(lonlat)[:, 2], axis=1)
        for _ in range(_ROUNDS):
            missing = np.asarray(height_m) - height
            distance += missing / sinking
            lonlat, height = to_geographic(origin + distance[:, np.newaxis] * direction)
            sinking = np.sum(direction * local_axes(lonlat)[:, 2], axis=1)
            if np.abs(height_m - height).max() < 1e-6:
                break
        return lonlat

    def project(self, lonlat_deg: Points, height_m: NDArray[np.float64] | float) -> Points:
        """Return the pixel coordinates (n, 2) at which ground points are seen: Newton's method."""
        places = to_cartesian(lonlat_deg, height_m)
        points = np.repeat(self.centre, len(places), axis=0)
        for _ in range(_ROUNDS):
            missed = self._missed(points, places)
            if np.abs(missed).max() < 1e-13:
                break
            steps = [(self._missed(points + step, places) - missed) for step in np.eye(2)]
            jacobian = np.stack(steps, axis=-1)
            points = points - np.linalg.solve(jacobian, missed[..., np.newaxis])[..., 0]
        return points

    def view(self) -> tuple[float, float]:
        """Return azimuth and elevation of the satellite in degrees, from the image's middle."""
        lonlat = self.locate(self.centre, 0.0)
        origin, _ = self.rays(self.centre)
        towards = local_axes(lonlat)[0] @ (origin - to_cartesian(lonlat, 0.0))[0]
        azimuth = np.degrees(np.arctan2(towards[0], towards[1])) % 360
        return float(azimuth), float(np.degrees(np.arcsin(towards[2] / np.linalg.norm(towards))))

    def _nominal(self, points: Points) -> Points:
        """Return where pixels would lie in an image without shift and drift."""
        points = np.asarray(points, dtype=np.float64)
        along = points[:, 1:] / self.shape[0] - 0.5
        moved: Points = points - self.shift_px - along * np.asarray(self.drift_px)
        return moved

    def _missed(self, points: Points, places: Vectors) -> NDArray[np.float64]:
        """Return by what angles (n, 2) the rays of pixels pass places, seen from the camera."""
        origin, direction = self.rays(points)
        towards = places - origin
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        _, axes = self.orbit.frames(np.zeros(1))
        angles: NDArray[np.float64] = (towards - direction) @ axes[0, :2].T
        return angles


def aimed(camera: Camera, lonlat_deg: tuple[float, float], height_m: float) -> Camera:
    """Return the camera on the orbit from which its middle sees a point of the ground."""
    target = np.array([lonlat_deg])
    for _ in range(_ROUNDS):
        seen = camera.locate(camera.centre, height_m)
        missed = (target - seen)[0]
        if np.abs(missed).max() < 1e-10:
            break
        orbit = replace(
            camera.orbit,
            lon_deg=camera.orbit.lon_deg + float(missed[0]),
            lat_deg=camera.orbit.lat_deg + float(missed[1]),
        )
        camera = replace(camera, orbit=orbit)
    return camera


def mispointed(camera: Camera, bias_m: tuple[float, float], height_m: float) -> Camera:
    """Return a camera whose middle looks (east, north) metres beside, by roll and pitch alone."""
    start = camera.locate(camera.centre, height_m)
    axes = local_axes(start)[0, :2]
    here = to_cartesian(start, height_m)

    def moved_m(angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = replace(camera, attitude=camera.attitude.turned(*angles_deg.tolist()))
        place = to_cartesian(turned.locate(camera.centre, height_m), height_m)
        step: NDArray[np.float64] = axes @ (place - here)[0]
        return step

    angles = np.zeros(2)
    for _ in range(_ROUNDS):
        missed = np.asarray(bias_m) - moved_m(angles)
        if np.abs(missed).max() < 1e-6:
            break
        small = 1e-4
        jacobian = np.column_stack(
            [(moved_m(angles + small * one) - moved_m(angles)) / small for one in np.eye(2)]
        )
        angles = angles + np.linalg.solve(jacobian, missed)
    return replace(camera, attitude=camera.attitude.turned(*angles.tolist()))


def _about(axis: int, angle: NDArray[np.float64]) -> Vectors:
    """Return the matrices (n, 3, 3) of right-handed turns about an axis."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrices = np.zeros((*np.shape(angle), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrices[..., axis, axis] = 1
    matrices[..., first, first] = matrices[..., second, second] = cosine
    matrices[..., first, second], matrices[..., second, first] = -sine, sine
    return matrices
