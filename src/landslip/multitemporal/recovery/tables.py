"""The tables of recovery: one row a landslide, one a landslide and date, and the survival curve."""

from collections.abc import Sequence
from datetime import date

import geopandas
import numpy as np
import pandas as pd

from landslip.core.geometries import AreaMeasure
from landslip.core.grid import Grid
from landslip.multitemporal.recovery.landslides import FailedSlopes
from landslip.multitemporal.recovery.measures import LandslideRecovery
from landslip.multitemporal.recovery.rates import RecoveryClass, classes_of
from landslip.multitemporal.recovery.survival import SurvivalCurve

_DAYS_PER_YEAR = 365.25
_NOT_RETURNING = "not returning"


def class_name(recovery_class: int) -> str:
    """Return the word of a class, as files have it."""
    return RecoveryClass(recovery_class).name.lower()


def landslides_table(
    landslides: FailedSlopes,
    measured: Sequence[LandslideRecovery],
    days: Sequence[date],
    grid: Grid,
) -> geopandas.GeoDataFrame:
    """Return one row for each landslide."""
    areas = AreaMeasure(grid.crs).areas_m2(landslides.outlines)
    rows = []
    for at, one in enumerate(measured):
        curve = one.curve
        before = np.flatnonzero(one.before & np.isfinite(one.vegetation))
        half_life, low, high = (
            (np.nan,) * 3 if curve is None else (curve.half_life, curve.low, curve.high)
        )
        returning = "unknown"
        if not np.isnan(half_life):
            returning = _NOT_RETURNING if np.isinf(half_life) else "returning"
        rows.append(
            {
                "id": landslides.ids[at],
                "area_m2": areas[at],
                "pixels": one.pixels,
                "failed": one.failed,
                "failed_by": "input" if one.is_stated else "barest date",
                "before": days[int(before[-1])] if len(before) else None,
                "after": None if one.after is None else days[one.after],
                "last": None if one.last is None else days[one.last],
                "dates_seen": int(np.isfinite(one.vegetation).sum()),
                "level_before": one.level,
                "level_by": "dates before" if one.has_before else "neighbours",
                "vegetation_after": np.nan if one.after is None else one.vegetation[one.after],
                "rate": one.rate,
                "years_of_rate": _years_between(one, days),
                "class": class_name(one.recovery_class),
                "returning": returning,
                "half_life_years": _finite(half_life),
                "half_life_low": _finite(low),
                "half_life_high": _finite(high),
                "fit_rms": np.nan if curve is None else curve.rms,
                "years": one.years,
                "recovered": one.recovered,
            }
        )
    return _with_outlines(pd.DataFrame(rows), landslides, grid)


def trajectories_table(
    landslides: FailedSlopes,
    measured: Sequence[LandslideRecovery],
    days: Sequence[date],
    grid: Grid,
) -> geopandas.GeoDataFrame:
    """Return one row for each landslide and date, by date and then as the landslides are."""
    parts = []
    for at, day in enumerate(days):
        rates = np.array([one.rates[at] for one in measured])
        years = [
            np.nan if one.failed is None else (day - one.failed).days / _DAYS_PER_YEAR
            for one in measured
        ]
        columns = {
            "id": list(landslides.ids),
            "date": [day] * len(measured),
            "until": [days[at + 1] if at + 1 < len(days) else None] * len(measured),
            "years": years,
            "ndvi": [one.ndvi[at] for one in measured],
            "ndvi_neighbours": [one.neighbours[at] for one in measured],
            "vegetation": [one.vegetation[at] for one in measured],
            "rate": rates,
            "class": [class_name(code) for code in classes_of(rates).tolist()],
            "seen": [one.seen[at] for one in measured],
        }
        parts.append(_with_outlines(pd.DataFrame(columns), landslides, grid))
    return geopandas.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)


def survival_table(curve: SurvivalCurve) -> pd.DataFrame:
    """Return the survival curve, one row a step."""
    return pd.DataFrame(
        {
            "years": curve.years,
            "at_risk": curve.at_risk,
            "recovered": curve.recovered,
            "share": curve.share,
            "low": curve.low,
            "high": curve.high,
        }
    )


def _years_between(one: LandslideRecovery, days: Sequence[date]) -> float:
    """Return the years from the first date after the landslide to that of the rate."""
    if one.after is None or one.last is None:
        return float("nan")
    return (days[one.last] - days[one.after]).days / _DAYS_PER_YEAR


def _finite(value: float) -> float:
    return value if np.isfinite(value) else float("nan")


def _with_outlines(
    table: pd.DataFrame, landslides: FailedSlopes, grid: Grid
) -> geopandas.GeoDataFrame:
    crs = None if grid.crs is None else grid.crs.to_wkt()
    return geopandas.GeoDataFrame(table, geometry=geopandas.GeoSeries(landslides.outlines, crs=crs))
