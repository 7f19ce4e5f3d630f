"""The tables of a report, as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from landslip.inventory.fields import FIELDS_BY_NAME, FLAGS
from landslip.inventory.statistics.result import (
    AdjustedArea,
    AreaFrequency,
    InventoryStatistics,
    VolumeTotal,
)
from landslip.metrics.resampling import IntervalEstimate
from landslip.reporting.inventory import numbers
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.texts import Texts

_CLASS_EDGES_M2 = (0.0, 1e2, 1e3, 1e4, 1e5, 1e6, np.inf)
_MEASURED = (
    "length_m",
    "width_m",
    "elongation",
    "elevation_min_m",
    "elevation_max_m",
    "elevation_range_m",
    "slope_deg",
    "fall_height_m",
    "runout_m",
    "h_over_l",
    "ndvi_mean",
    "confidence",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first column holds words, the others are set to the right.

    Attributes:
        caption: stands over it.
        columns: titles.
        rows: cells, as many as columns.
        notes: sentences under it.
        words: all columns hold words.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    words: bool = False


def with_unit(name: str, texts: Texts) -> str:
    """Return the label of a column with its unit."""
    unit = FIELDS_BY_NAME[name].unit
    return f"{texts.column(name)} ({unit})" if unit else texts.column(name)


def summary_table(statistics: InventoryStatistics, texts: Texts) -> Table:
    """Return what the inventory comes to as a whole."""
    rows = [
        ("landslides", numbers.whole(statistics.landslides)),
        ("area", numbers.area(statistics.area_m2)),
        ("surface", numbers.area(statistics.surface_m2)),
        ("mapped", numbers.area(statistics.mapped_m2)),
        ("per_km2", numbers.rounded(statistics.landslides_per_km2)),
        ("share", numbers.percent(statistics.area_share)),
    ]
    if statistics.sizes is not None:
        sizes = statistics.sizes
        rows += [
            ("smallest", numbers.area(sizes.smallest_m2)),
            ("median", numbers.area(sizes.median_m2)),
            ("mean", numbers.area(sizes.mean_m2)),
            ("p90", numbers.area(sizes.p90_m2)),
            ("largest", numbers.area(sizes.largest_m2)),
        ]
    return Table(
        caption=texts("summary_caption"),
        columns=(texts("quantity"), texts("value")),
        rows=tuple((texts(f"quantity_{key}"), value) for key, value in rows),
    )


def class_table(data: InventoryData, texts: Texts) -> Table | None:
    """Return landslides and their area by size class; None without areas."""
    areas = data.numbers("area_m2")
    if not len(areas):
        return None
    rows = []
    for low, high in pairwise(_CLASS_EDGES_M2):
        inside = areas[(areas >= low) & (areas < high)]
        if not len(inside) and (high <= areas.min() or low > areas.max()):
            continue
        rows.append(
            (
                _class_name(low, high),
                numbers.whole(len(inside)),
                numbers.percent(len(inside) / len(areas)),
                numbers.area(float(inside.sum())),
                numbers.percent(float(inside.sum()) / float(areas.sum()) if areas.any() else None),
            )
        )
    keys = ("size_class", "count", "count_share", "total_area", "area_share")
    return Table(
        caption=texts("classes_caption"),
        columns=tuple(texts(key) for key in keys),
        rows=tuple(rows),
    )


def _class_name(low_m2: float, high_m2: float) -> str:
    if low_m2 == 0:
        return f"< {numbers.area(high_m2)}"
    if not np.isfinite(high_m2):
        return f"≥ {numbers.area(low_m2)}"
    return f"{numbers.area(low_m2)} – {numbers.area(high_m2)}"


def flag_table(data: InventoryData, texts: Texts) -> Table | None:
    """Return how many landslides are flagged; None where no flag is known of any."""
    rows = []
    for name in FLAGS:
        column = data.landslides[name].astype("boolean")
        looked = int(column.notna().sum())
        if looked:
            raised = int(column.fillna(value=False).sum())
            area_m2 = float(data.landslides.loc[column.fillna(value=False), "area_m2"].sum())
            share = numbers.percent(raised / looked)
            cells = (numbers.whole(looked), numbers.whole(raised), share, numbers.area(area_m2))
            rows.append((texts.column(name), *cells))
    if not rows:
        return None
    keys = ("flag", "flag_looked", "flag_raised", "flag_share", "flag_area")
    return Table(
        caption=texts("flags_caption"),
        columns=tuple(texts(key) for key in keys),
        rows=tuple(rows),
        notes=(texts("flags_note"), *_flag_rules(data, texts)),
    )


def _flag_rules(data: InventoryData, texts: Texts) -> list[str]:
    """Return the figures of the rules, under the names that the record has for them."""
    known = data.record.flag_rules
    rules = ", ".join(f"{name} = {numbers.plain(value)}" for name, value in known.items())
    return [texts("flags_rules", rules=rules)] if rules else []


def measures_table(data: InventoryData, texts: Texts) -> Table | None:
    """Return medians and the middle 80 % of what is measured; None where nothing is."""
    rows = []
    for name in _MEASURED:
        values = data.numbers(name)
        if len(values):
            low, middle, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
            cells = (numbers.rounded(middle), f"{numbers.rounded(low)} – {numbers.rounded(high)}")
            rows.append((with_unit(name, texts), *cells, numbers.whole(len(values))))
    if not rows:
        return None
    keys = ("attribute", "median", "middle_80", "known_of")
    return Table(
        caption=texts("measures_caption"),
        columns=tuple(texts(key) for key in keys),
        rows=tuple(rows),
        notes=(texts("measures_note"),),
    )


def fits_table(found: AreaFrequency, level: float, texts: Texts) -> Table | None:
    """Return the parameters of the fits with their intervals; None without a fit."""
    rows = [*_gamma_rows(found, texts), *_power_rows(found, texts)]
    if not rows:
        return None
    percent = numbers.level(level)
    return Table(
        caption=texts("fits_caption"),
        columns=(texts("parameter"), texts("value"), texts("interval_of", level=percent)),
        rows=tuple(rows),
        notes=(texts("fits_note"),),
    )


def _gamma_rows(found: AreaFrequency, texts: Texts) -> Iterator[tuple[str, ...]]:
    fit = found.inverse_gamma
    if fit is None:
        return
    yield _row(texts("gamma_rho"), fit.rho)
    yield _area_row(texts("gamma_a"), fit.a_m2)
    yield _area_row(texts("gamma_s"), fit.s_m2)
    yield _area_row(texts("gamma_rollover"), fit.rollover_m2)
    yield texts("gamma_fitted"), numbers.whole(fit.landslides), numbers.EMPTY
    yield texts("gamma_ks"), numbers.rounded(fit.ks_distance), numbers.EMPTY


def _power_rows(found: AreaFrequency, texts: Texts) -> Iterator[tuple[str, ...]]:
    fit = found.power_law
    if fit is None:
        return
    yield _row(texts("power_exponent"), fit.exponent)
    yield _area_row(texts("power_from"), fit.from_m2)
    yield texts("power_fitted"), numbers.whole(fit.landslides), numbers.EMPTY
    yield texts("power_ks"), numbers.rounded(fit.ks_distance), numbers.EMPTY
    yield texts("power_p"), numbers.probability(fit.p_value), numbers.EMPTY


def _row(label: str, estimate: IntervalEstimate) -> tuple[str, ...]:
    return label, numbers.rounded(estimate.value), numbers.interval(estimate)


def _area_row(label: str, estimate: IntervalEstimate) -> tuple[str, ...]:
    spread = numbers.areas_between(estimate.low, estimate.high)
    return label, numbers.area(estimate.value), spread


def adjusted_table(adjusted: AdjustedArea, texts: Texts) -> Table:
    """Return mapped and error-adjusted area and the accuracies, with intervals."""
    area = adjusted.adjusted_m2
    rows = [
        (texts("adjusted_mapped"), numbers.area(adjusted.mapped_m2), numbers.EMPTY),
        (
            texts("adjusted_area"),
            numbers.area(area.value),
            numbers.areas_between(area.low, area.high),
        ),
        *(
            (texts(key), numbers.percent(one.value), numbers.percent_interval(one))
            for key, one in (
                ("users_accuracy", adjusted.users_accuracy),
                ("producers_accuracy", adjusted.producers_accuracy),
                ("overall_accuracy", adjusted.overall_accuracy),
            )
        ),
    ]
    percent = numbers.level(adjusted.level)
    return Table(
        caption=texts("adjusted_caption"),
        columns=(texts("quantity"), texts("value"), texts("interval_of", level=percent)),
        rows=tuple(rows),
        notes=(texts("adjusted_samples", samples=numbers.whole(adjusted.samples)),),
    )


def volume_table(statistics: InventoryStatistics, texts: Texts) -> Table | None:
    """Return total volumes by relation, as orders of magnitude; None without any."""
    if not statistics.volumes:
        return None
    percent = numbers.level(statistics.interval_level)
    rows = [
        (
            texts.term(volume.relation),
            _formula(volume),
            numbers.scientific(volume.total_m3.value, 1),
            _range(volume.total_m3),
        )
        for volume in statistics.volumes
    ]
    keys = ("volume_relation", "volume_formula", "volume_total")
    return Table(
        caption=texts("volume_caption"),
        columns=(*(texts(key) for key in keys), texts("interval_of", level=percent)),
        rows=tuple(rows),
        notes=(texts("volume_note"),),
    )


def _formula(volume: VolumeTotal) -> Markup:
    alpha, gamma = numbers.plain(volume.alpha, 3), numbers.plain(volume.gamma)
    return Markup("V = {} · A<sup>{}</sup>").format(alpha, gamma)


def _range(estimate: IntervalEstimate) -> str:
    if estimate.low is None or estimate.high is None:
        return numbers.EMPTY
    return f"{numbers.scientific(estimate.low, 1)} – {numbers.scientific(estimate.high, 1)}"


def magnitude_table(statistics: InventoryStatistics, texts: Texts) -> Table | None:
    """Return the event's magnitude by the number mapped and by the large ones; None without."""
    found = statistics.magnitude
    if found is None or (found.from_count is None and found.from_large is None):
        return None
    rows = [(texts("magnitude_count"), numbers.fixed(found.from_count, 2), numbers.EMPTY)]
    if found.from_large is not None:
        large = found.from_large
        spread = numbers.EMPTY
        if large.low is not None and large.high is not None:
            spread = f"{numbers.fixed(large.low, 2)}–{numbers.fixed(large.high, 2)}"
        label = texts("magnitude_large", area=numbers.area(found.large_from_m2))
        rows.append((label, numbers.fixed(large.value, 2), spread))
    percent = numbers.level(statistics.interval_level)
    return Table(
        caption=texts("magnitude_caption"),
        columns=(texts("quantity"), "mL", texts("interval_of", level=percent)),
        rows=tuple(rows),
        notes=(texts("magnitude_note"),),
    )
