"""Physical model of a pushbroom camera on its orbit, and the RPC fitted to it."""

import functools
from dataclasses import dataclass, field, replace

import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.rpc import RPC

Points = NDArray[np.float64]
Vectors = NDArray[np.float64]
_CARTESIAN, _GEOGRAPHIC = 4978, 4979
_EARTH_RADIUS_M = 6_371_000.0
_GRAVITY_M3_S2 = 3.986004418e14
_EARTH_ROTATION_RAD_S = 7.2921150e-5
_MAX_ITERATIONS = 12
_MAX_ROLL_DEG = 40.0


def to_cartesian(lonlat_deg: Vectors, height_m: NDArray[np.float64] | float) -> Vectors:
    """Return earth-centred metres (n, 3) of degrees (n, 2) and ellipsoidal heights, (n,) or one."""
    lon, lat = np.asarray(lonlat_deg, dtype=np.float64).T
    height = np.broadcast_to(np.asarray(height_m, dtype=np.float64), lon.shape)
    return np.column_stack(_transformer(_GEOGRAPHIC, _CARTESIAN).transform(lon, lat, height))


def to_geographic(places: Vectors) -> tuple[Vectors, NDArray[np.float64]]:
    """Return longitude and latitude (n, 2) and ellipsoidal heights (n,) of places (n, 3)."""
    x, y, z = places.T
    lon, lat, height = _transformer(_CARTESIAN, _GEOGRAPHIC).transform(x, y, z)
    return np.column_stack([lon, lat]), np.asarray(height, dtype=np.float64)


def local_axes(lonlat_deg: Vectors) -> Vectors:
    """Return the unit vectors (n, 3: east, north, up, 3) at points on the ellipsoid."""
    lon, lat = np.radians(lonlat_deg).T
    zero = np.zeros_like(lon)
    east = (-np.sin(lon), np.cos(lon), zero)
    north = (-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat))
    up = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    axes: Vectors = np.moveaxis(np.array([east, north, up]), -1, 0)
    return axes


@functools.lru_cache(maxsize=2)
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """A circular, descending orbit, by default the sun-synchronous one of Gaofen-1.

    ``lon_deg`` and ``lat_deg`` are the geocentric direction of the satellite at time 0, the
    altitude is over a sphere of 6371 km, the inclination against the equator.
    """

    lon_deg: float
    lat_deg: float
    altitude_m: float = 645_000.0
    inclination_deg: float = 98.06

    def __post_init__(self) -> None:
        highest = min(self.inclination_deg, 180 - self.inclination_deg)
        if abs(self.lat_deg) >= highest:
            raise InputError(
                f"an orbit inclined by {self.inclination_deg} degrees reaches latitudes under "
                f"{highest} degrees; got {self.lat_deg}"
            )

    @property
    def angular_velocity_rad_s(self) -> float:
        """Angular velocity of the satellite, by Kepler's third law."""
        return float(np.sqrt(_GRAVITY_M3_S2 / (_EARTH_RADIUS_M + self.altitude_m) ** 3))

    @property
    def ground_speed_m_s(self) -> float:
        """Speed of the nadir point over the rotating earth, taken as a sphere."""
        up, ahead = self._start()
        turn = np.cross([0, 0, _EARTH_ROTATION_RAD_S], up)
        return float(np.linalg.norm(self.angular_velocity_rad_s * ahead - turn)) * _EARTH_RADIUS_M

    def frames(self, time_s: NDArray[np.float64]) -> tuple[Vectors, Vectors]:
        """Return earth-fixed positions (n, 3) and axes (n, 3, 3) of the satellite at seconds (n,).

        The axes are the rows: ahead, to the right of the flight, down to the earth's centre.
        """
        up, ahead = self._start()
        angle = self.angular_velocity_rad_s * np.asarray(time_s, dtype=np.float64)[:, np.newaxis]
        outwards = up * np.cos(angle) + ahead * np.sin(angle)
        forward = ahead * np.cos(angle) - up * np.sin(angle)
        right = np.cross(-outwards, forward)
        x, y, z = np.moveaxis(np.stack([forward, right, -outwards], axis=1), -1, 0)
        turn = -_EARTH_ROTATION_RAD_S * np.asarray(time_s, dtype=np.float64)[:, np.newaxis]
        axes: Vectors = np.stack(
            [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), z], axis=-1
        )
        return -axes[:, 2] * (_EARTH_RADIUS_M + self.altitude_m), axes

    def _start(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the unit vectors outwards and ahead at time 0."""
        east, north, up = local_axes(np.array([[self.lon_deg, self.lat_deg]]))[0]
        east_part = np.cos(np.radians(self.inclination_deg)) / np.cos(np.radians(self.lat_deg))
        return up, east_part * east - np.sqrt(1 - east_part**2) * north


@dataclass(frozen=True, slots=True, kw_only=True)
class Attitude:
    """Attitude of the platform, relative to flight and nadir.

    Positive roll looks to the right of the flight (west on a descending pass), positive pitch looks
    back, positive yaw turns to the right; 3.2 degrees of yaw compensate the earth's rotation at 31
    degrees. The wobble is the amplitude of a slow oscillation of all three.
    """

    roll_deg: float = 0.0
    pitch_deg: float = 0.0
    yaw_deg: float = 3.18
    wobble_urad: float = 0.0
    wobble_period_s: float = 12.0

    def __post_init__(self) -> None:
        if abs(self.roll_deg) > _MAX_ROLL_DEG:
            raise InputError(
                f"a camera rolls by at most {_MAX_ROLL_DEG} degrees; got {self.roll_deg}"
            )

    def rotated(self, roll_deg: float, pitch_deg: float) -> "Attitude":
        """Return the attitude with angles added."""
        return replace(
            self, roll_deg=self.roll_deg + roll_deg, pitch_deg=self.pitch_deg + pitch_deg
        )

    def rotations(self, time_s: NDArray[np.float64]) -> Vectors:
        """Return the matrices (n, 3, 3) from the platform's axes to those of the orbit."""
        phase = 2 * np.pi * np.asarray(time_s) / self.wobble_period_s
        wobble = self.wobble_urad * 1e-6
        roll = np.radians(self.roll_deg) + wobble * np.sin(phase)
        pitch = np.radians(self.pitch_deg) + wobble * np.sin(0.8 * phase + 1.0)
        yaw = np.radians(self.yaw_deg) + wobble * np.sin(0.6 * phase + 2.0)
        return _rotations_about(2, yaw) @ _rotations_about(1, pitch) @ _rotations_about(0, -roll)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushbroomCamera:
    """A line of detectors, swept over the ground by the flight.

    Pixel coordinates are (col, row) with (0, 0) the outer corner of the first pixel; the orbit is
    at time 0 when the middle line is taken.

    Attributes:
        gsd_m: size of a pixel on the ground straight below.
        ahead_rad: how far before the others this line of detectors looks.
        shift_px: (col, row) displacement of image points from the camera's geometry.
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
                "a camera's image must have pixels of a size above 0; "
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
        """Return the origins of pixels' rays (n, 3), and unit vectors towards the ground."""
        points = np.asarray(points, dtype=np.float64)
        along = points[:, 1:] / self.shape[0] - 0.5
        # where the pixels would be in an image without shift and drift
        nominal = points - self.shift_px - along * np.asarray(self.drift_px)
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
        """Return longitude and latitude (n, 2) of pixels (n, 2) at heights, (n,) or one."""
        origin, direction = self.rays(points)
        lonlat, height = to_geographic(origin)
        distance = np.zeros(len(points))
        sinking = np.sum(direction * local_axes(lonlat)[:, 2], axis=1)
        for _ in range(_MAX_ITERATIONS):
            missing = np.asarray(height_m) - height
            distance += missing / sinking
            lonlat, height = to_geographic(origin + distance[:, np.newaxis] * direction)
            sinking = np.sum(direction * local_axes(lonlat)[:, 2], axis=1)
            if np.abs(height_m - height).max() < 1e-6:
                break
        return lonlat

    def project(self, lonlat_deg: Points, height_m: NDArray[np.float64] | float) -> Points:
        """Return the pixel coordinates (n, 2) of ground points, by Newton's method."""
        places = to_cartesian(lonlat_deg, height_m)
        points = np.repeat(self.centre, len(places), axis=0)
        for _ in range(_MAX_ITERATIONS):
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

    def _missed(self, points: Points, places: Vectors) -> NDArray[np.float64]:
        """Return the angles (n, 2) by which the rays of pixels miss places."""
        origin, direction = self.rays(points)
        towards = places - origin
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        _, axes = self.orbit.frames(np.zeros(1))
        angles: NDArray[np.float64] = (towards - direction) @ axes[0, :2].T
        return angles


def aim_at(
    camera: PushbroomCamera, lonlat_deg: tuple[float, float], height_m: float
) -> PushbroomCamera:
    """Return the camera on the orbit from which its middle sees a point on the ground."""
    target = np.array([lonlat_deg])
    for _ in range(_MAX_ITERATIONS):
        missed = (target - camera.locate(camera.centre, height_m))[0]
        if np.abs(missed).max() < 1e-10:
            break
        orbit = replace(
            camera.orbit,
            lon_deg=camera.orbit.lon_deg + float(missed[0]),
            lat_deg=camera.orbit.lat_deg + float(missed[1]),
        )
        camera = replace(camera, orbit=orbit)
    return camera


def mispoint(
    camera: PushbroomCamera, bias_m: tuple[float, float], height_m: float
) -> PushbroomCamera:
    """Return a camera whose middle looks (east, north) metres off, by roll and pitch alone."""
    start = camera.locate(camera.centre, height_m)
    axes = local_axes(start)[0, :2]
    here = to_cartesian(start, height_m)

    def moved_m(angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = replace(camera, attitude=camera.attitude.rotated(*angles_deg.tolist()))
        place = to_cartesian(turned.locate(camera.centre, height_m), height_m)
        step: NDArray[np.float64] = axes @ (place - here)[0]
        return step

    angles = np.zeros(2)
    for _ in range(_MAX_ITERATIONS):
        missed = np.asarray(bias_m) - moved_m(angles)
        if np.abs(missed).max() < 1e-6:
            break
        small = 1e-4
        jacobian = np.column_stack(
            [(moved_m(angles + small * one) - moved_m(angles)) / small for one in np.eye(2)]
        )
        angles = angles + np.linalg.solve(jacobian, missed)
    return replace(camera, attitude=camera.attitude.rotated(*angles.tolist()))


def _rotations_about(axis: int, angle: NDArray[np.float64]) -> Vectors:
    """Return the matrices (n, 3, 3) of right-handed rotations about an axis."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrices = np.zeros((*np.shape(angle), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrices[..., axis, axis] = 1
    matrices[..., first, first] = matrices[..., second, second] = cosine
    matrices[..., first, second], matrices[..., second, first] = -sine, sine
    return matrices


_FIT_GRID = (15, 15, 7)
_FIT_ITERATIONS = 4
_RIDGE = 1e-9
_MAX_RESIDUAL_PX = 0.02


def fit_rpc(camera: PushbroomCamera, height_range_m: tuple[float, float]) -> RPC:
    """Fit all 80 coefficients on a grid of image points and ellipsoidal heights.

    Least squares, linearised by the denominators of the round before and held by a small ridge: Tao
    & Hu (2001), Photogrammetric Engineering & Remote Sensing 67(12), 1347-1357.

    Raises:
        InputError: a residual is over 0.02 px, as with a fast wobble.
    """
    points, height = _fit_points(camera, height_range_m, _FIT_GRID)
    ground = np.column_stack([camera.locate(points, height), height])
    offset, scale = _offset_and_scale(ground)
    terms = _terms((ground - offset) / scale)
    file_points = points - 0.5
    image_offset, image_scale = _offset_and_scale(file_points)
    samp, line = ((file_points - image_offset) / image_scale).T
    numerators, denominators = zip(_fit_ratio(terms, line), _fit_ratio(terms, samp), strict=True)
    axes = ("samp", "line", "lon", "lat", "height")
    offsets = zip(axes, (*image_offset.tolist(), *offset.tolist()), strict=True)
    scales = zip(axes, (*image_scale.tolist(), *scale.tolist()), strict=True)
    rpc = RPC(
        **{f"{axis}_off": value for axis, value in offsets},
        **{f"{axis}_scale": value for axis, value in scales},
        line_num=tuple(numerators[0].tolist()),
        line_den=tuple(denominators[0].tolist()),
        samp_num=tuple(numerators[1].tolist()),
        samp_den=tuple(denominators[1].tolist()),
    )
    worst = residual_px(rpc, camera, height_range_m)
    if worst > _MAX_RESIDUAL_PX:
        raise InputError(
            f"an RPC must follow its camera within {_MAX_RESIDUAL_PX} px and this one misses it "
            f"by {worst:.3f} px; make the wobble smaller or slower"
        )
    return rpc


def residual_px(rpc: RPC, camera: PushbroomCamera, height_range_m: tuple[float, float]) -> float:
    """Return the largest distance of an RPC from a camera, on a grid of its own, in pixels."""
    points, height = _fit_points(camera, height_range_m, (26, 34, 12))
    residuals = rpc.project(camera.locate(points, height), height) - points
    return float(np.hypot(*residuals.T).max())


def _fit_points(
    camera: PushbroomCamera, height_range_m: tuple[float, float], counts: tuple[int, int, int]
) -> tuple[Vectors, Vectors]:
    """Return image points (n, 2) and heights (n,) over the range of the model."""
    cols = np.linspace(0, camera.shape[1], counts[0])
    rows = np.linspace(0, camera.shape[0], counts[1])
    low, high = height_range_m
    heights = np.linspace(low, max(high, low + 100), counts[2])
    col, row, height = (part.ravel() for part in np.meshgrid(cols, rows, heights))
    return np.column_stack([col, row]), height


def _offset_and_scale(values: Vectors) -> tuple[Vectors, Vectors]:
    low, high = values.min(axis=0), values.max(axis=0)
    return (low + high) / 2, (high - low) / 2


def _fit_ratio(terms: Vectors, values: Vectors) -> tuple[Vectors, Vectors]:
    """Return numerator and denominator (20 each, the first of the denominator 1) of a ratio."""
    weight = np.ones_like(values)
    for _ in range(_FIT_ITERATIONS):
        design = np.hstack([terms, -values[:, np.newaxis] * terms[:, 1:]]) * weight[:, np.newaxis]
        ridge = np.sqrt(_RIDGE) * np.eye(39)
        solution = np.linalg.lstsq(
            np.vstack([design, ridge]), np.append(values * weight, np.zeros(39)), rcond=None
        )[0]
        denominator = np.append(1.0, solution[20:])
        weight = 1 / (terms @ denominator)
    return solution[:20], denominator


def _terms(normalised: Vectors) -> Vectors:
    """Return the terms (n, 20) of RPC00B of normalised longitude, latitude and height (n, 3)."""
    lon, lat, h = normalised.T
    one = np.ones_like(lon)
    first = [one, lon, lat, h, lon * lat, lon * h, lat * h, lon**2, lat**2, h**2]
    third = [lat * lon * h, lon**3, lon * lat**2, lon * h**2, lon**2 * lat]
    last = [lat**3, lat * h**2, lon**2 * h, lat**2 * h, h**3]
    return np.column_stack(first + third + last)
