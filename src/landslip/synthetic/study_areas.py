"""The study areas that users choose from."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np

from landslip.core.choices import StudyPreset
from landslip.synthetic.camera import Attitude
from landslip.synthetic.failures import FailureSettings
from landslip.synthetic.histories import TriggerEvent
from landslip.synthetic.landscape import LandscapeSettings
from landslip.synthetic.landslides import LandslideSettings
from landslip.synthetic.observation import SceneConditions
from landslip.synthetic.overpass import Overpass
from landslip.synthetic.series import StudyArea

EARTHQUAKE = date(2017, 8, 8)
RECOVERY_TRIGGERS = (
    TriggerEvent(day=date(2008, 5, 12), fraction=0.15),
    TriggerEvent(day=EARTHQUAKE, fraction=0.50, repeat_fraction=0.10),
    TriggerEvent(day=date(2018, 6, 26), fraction=0.09, repeat_fraction=0.10),
    TriggerEvent(day=date(2019, 8, 20), fraction=0.10, repeat_fraction=0.10),
    TriggerEvent(day=date(2020, 8, 17), fraction=0.08, repeat_fraction=0.10),
    TriggerEvent(day=date(2021, 7, 11), fraction=0.08, repeat_fraction=0.10),
)
_SHIFT_PX = (1.0, 3.0)
_MARGIN_PX = 64


def study_area(preset: StudyPreset, seed: int = 0) -> StudyArea:
    """Return the study area of a preset."""
    areas = {
        StudyPreset.WENCHUAN: wenchuan_area,
        StudyPreset.VALLEY: valley_area,
        StudyPreset.SMALL: small_area,
        StudyPreset.RECOVERY: recovery_area,
        StudyPreset.RECOVERY_SMALL: small_recovery_area,
    }
    return areas[preset](seed)


def wenchuan_area(seed: int = 0) -> StudyArea:
    """Return 7.2 x 8.2 km near Wenchuan, seen in 2013, 2014 and 2015: 224 tiles of 256 px a date.

    Pointing is wrong by 38 to 46 m, and the multispectral images are displaced by up to a pixel.
    """
    overpasses = [
        Overpass(
            utc=utc,
            camera=camera,
            attitude=Attitude(roll_deg=roll_deg, wobble_urad=0.5),
            bias_m=bias_m,
            shift_px=shift_px,
            drift_px=(0.2, -0.15),
        )
        for utc, camera, roll_deg, bias_m, shift_px in (
            (datetime(2013, 8, 12, 3, 52, 10), 1, 7.5, (31.0, -22.0), (0.6, -0.4)),
            (datetime(2014, 10, 2, 3, 58, 41), 2, -14.0, (-38.0, 17.0), (-0.3, 0.8)),
            (datetime(2015, 8, 5, 3, 47, 26), 1, 2.0, (24.0, 39.0), (0.2, 0.5)),
        )
    ]
    landscape = LandscapeSettings(centre_deg=(103.48, 31.30), epsg=32648, shape=(4096, 3584))
    return StudyArea(landscape=landscape, overpasses=tuple(overpasses), seed=seed)


def valley_area(seed: int = 0) -> StudyArea:
    """Return 2 x 3.1 km of the same kind, on the same dates: enough to train and test a network."""
    large = wenchuan_area(seed)
    landslides = LandslideSettings(per_km2=21.0)
    return replace(
        large,
        landscape=replace(large.landscape, shape=(1536, 1024), landslides=landslides),
        margin_px=512,
    )


def small_area(seed: int = 0) -> StudyArea:
    """Return 1 x 1.3 km of the same kind, seen twice, for tests."""
    large = wenchuan_area(seed)
    return replace(
        large,
        landscape=replace(large.landscape, shape=(640, 512)),
        margin_px=32,
        overpasses=(large.overpasses[0], large.overpasses[2]),
    )


def recovery_area(seed: int = 0) -> StudyArea:
    """Return 4.1 x 4.1 km with landslides of all sizes, from a year before an earthquake on.

    Of six dates the third is cloudy, the fourth is in winter, and the fifth shows a part; all but
    the first are displaced by 1 to 3 px. Gains are as if the calibration of 2016 were used in 2017,
    when those of Gaofen-1 had fallen by a third.
    """
    generator = np.random.default_rng([seed, 2017])
    overpasses, conditions = [], []
    for number, (utc, camera, roll_deg, clouds, missing, gain, haze) in enumerate(
        (
            (datetime(2016, 8, 14, 3, 51, 30), 1, 4.0, 0.0, 0.0, 1.0, 0.0),
            (datetime(2017, 10, 3, 3, 55, 12), 2, -9.0, 0.0, 0.0, 1.5, 0.004),
            (datetime(2018, 8, 21, 3, 49, 47), 1, 12.0, 0.24, 0.0, 1.05, 0.010),
            (datetime(2019, 2, 12, 3, 57, 20), 2, -3.0, 0.0, 0.0, 0.95, 0.002),
            (datetime(2020, 9, 5, 3, 53, 5), 1, 7.0, 0.0, 0.15, 1.0, 0.006),
            (datetime(2022, 7, 19, 3, 50, 38), 1, -6.0, 0.06, 0.0, 0.92, 0.012),
        )
    ):
        angle, size = generator.uniform(0, 2 * np.pi), generator.uniform(*_SHIFT_PX) * (number > 0)
        shift_px = (float(size * np.cos(angle)), float(size * np.sin(angle)))
        by_band = (gain * generator.uniform(0.97, 1.03, 4)).tolist()
        overpasses.append(
            Overpass(
                utc=utc,
                camera=camera,
                attitude=Attitude(roll_deg=roll_deg, wobble_urad=0.5),
                bias_m=(float(generator.normal(0, 25)), float(generator.normal(0, 25))),
                shift_px=(float(generator.normal(0, 0.4)), float(generator.normal(0, 0.4))),
            )
        )
        conditions.append(
            SceneConditions(
                cloud_fraction=clouds,
                shift_px=shift_px,
                gains=(by_band[0], by_band[1], by_band[2], by_band[3]),
                offsets=(1.6 * haze, haze, 0.7 * haze, 0.3 * haze),
                missing_fraction=missing,
            )
        )
    landscape = LandscapeSettings(
        centre_deg=(103.82, 33.20),
        epsg=32648,
        shape=(2048, 2048),
        landslides=FailureSettings(),
        triggers=RECOVERY_TRIGGERS,
        seasons=True,
    )
    return StudyArea(
        landscape=landscape,
        overpasses=tuple(overpasses),
        margin_px=_MARGIN_PX,
        seed=seed,
        conditions=tuple(conditions),
    )


def small_recovery_area(seed: int = 0) -> StudyArea:
    """Return 2 x 2 km of the same kind, on the same dates."""
    large = recovery_area(seed)
    return replace(large, landscape=replace(large.landscape, shape=(1024, 1024)))
