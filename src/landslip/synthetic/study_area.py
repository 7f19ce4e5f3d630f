"""Rectangles of made-up ground that are looked at several times, and two ready ones."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.synthetic.camera import Attitude
from landslip.synthetic.dem import DemStyle
from landslip.synthetic.land import LandPlan
from landslip.synthetic.overpass import Overpass, Target
from landslip.synthetic.sensor import Sensor


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArea:
    """A rectangle of ground that is looked at several times.

    Attributes:
        plan: the land; the shape that it names is that of the study area.
        looks: in order of time.
        margin_px: how much more land is made on each side; beyond, it goes on as its mirror image.
        sensor: how light becomes counts.
        dem: what the elevation model is like; its margin is seen to.
        seed: of all draws.
        keeps_reflectance: whether the land's reflectance is written too, as a scene.
    """

    plan: LandPlan
    looks: tuple[Overpass, ...]
    margin_px: int = 256
    sensor: Sensor = field(default_factory=Sensor)
    dem: DemStyle = field(default_factory=DemStyle)
    seed: int = 0
    keeps_reflectance: bool = True

    def __post_init__(self) -> None:
        days = [look.beijing_time.date() for look in self.looks]
        if not days or days != sorted(set(days)):
            raise InputError(
                "a study area is looked at once at least, and on other days in order of time; "
                f"got {', '.join(map(str, days)) or 'no looks'}"
            )

    @property
    def land_plan(self) -> LandPlan:
        """The land to be made, margins and all."""
        height, width = (size + 2 * self.margin_px for size in self.plan.shape)
        return replace(self.plan, shape=(height, width))

    @property
    def middle(self) -> Target:
        """A target in the middle, whose size does not matter: where the sun is asked for."""
        lon, lat = self.plan.centre_deg
        return Target(lon_deg=lon, lat_deg=lat, height_m=0.0, mss_shape=(1, 1))

    def window_on(self, grid: Grid) -> Window:
        """Return where the study area lies on the land's grid."""
        height, width = self.plan.shape
        col_off, row_off = (grid.shape[1] - width) // 2, (grid.shape[0] - height) // 2
        return Window(col_off, row_off, width, height)


def wenchuan_area(seed: int = 0) -> StudyArea:
    """Return 7.2 x 8.2 km near Wenchuan, seen in 2013, 2014 and 2015: 224 tiles of 256 px a date.

    Pointing is wrong by 38 to 46 m, and the multispectral images lie up to a pixel beside.
    """
    looks = (
        _look(datetime(2013, 8, 12, 3, 52, 10), 1, 7.5, ((31.0, -22.0), (0.6, -0.4))),
        _look(datetime(2014, 10, 2, 3, 58, 41), 2, -14.0, ((-38.0, 17.0), (-0.3, 0.8))),
        _look(datetime(2015, 8, 5, 3, 47, 26), 1, 2.0, ((24.0, 39.0), (0.2, 0.5))),
    )
    plan = LandPlan(centre_deg=(103.48, 31.30), epsg=32648, shape=(4096, 3584))
    return StudyArea(plan=plan, looks=looks, seed=seed)


def small_area(seed: int = 0) -> StudyArea:
    """Return 1 x 1.3 km of the same kind, seen twice, for tests."""
    large = wenchuan_area(seed)
    return replace(
        large,
        plan=replace(large.plan, shape=(640, 512)),
        margin_px=32,
        looks=(large.looks[0], large.looks[2]),
    )


def _look(
    utc: datetime,
    camera: int,
    roll_deg: float,
    wrong: tuple[tuple[float, float], tuple[float, float]],
) -> Overpass:
    """Return an overpass; ``wrong`` are its bias in metres and its shift in pixels."""
    return Overpass(
        utc=utc,
        camera=camera,
        attitude=Attitude(roll_deg=roll_deg, wobble_urad=0.5),
        bias_m=wrong[0],
        shift_px=wrong[1],
        drift_px=(0.2, -0.15),
    )
