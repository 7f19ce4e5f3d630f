"""The tables of an inventory's page."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from landslip.inventory.fields import FIELDS_BY_NAME, FLAGS
from landslip.inventory.record import ReviewOutcome
from landslip.inventory.statistics.result import (
    AdjustedLandslideArea,
    AreaFrequency,
    InventoryStatistics,
    SampledStratum,
)
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.metrics.spread import ProbabilitySpread
from landslip.models.card import ModelCard, ProbabilityCalibrationCard
from landslip.reporting import numbers
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.tables import ReportTable, TableCell, TableColumn, TableRow
from landslip.reporting.texts import Texts

_CLASS_EDGES_M2 = (0.0, 1e2, 1e3, 1e4, 1e5, 1e6, np.inf)
_MAX_DATES = 20
_RULE_SUBJECTS = {"water_reach_m": "river"}
_SCORES = ("precision", "recall", "f1", "iou")
_ATTRIBUTES = (
    "length_m",
    "width_m",
    "elongation",
    "elevation_min_m",
    "elevation_max_m",
    "elevation_range_m",
    "slope_deg",
    "runout_m",
    "h_over_l",
    "ndvi_mean",
    "confidence",
)


def label_with_unit(name: str, texts: Texts) -> str:
    """Return the label of a column with its unit."""
    unit = FIELDS_BY_NAME[name].unit
    return f"{texts.column(name)} ({unit})" if unit else texts.column(name)


def _table(
    caption: str,
    titles: Iterable[str],
    rows: Iterable[Sequence[str]],
    *notes: str,
    is_text: bool = False,
) -> ReportTable:
    """Return a table; all columns but the first hold numbers unless they are text."""
    columns = (
        TableColumn(title=title, number=at > 0 and not is_text) for at, title in enumerate(titles)
    )
    return ReportTable(
        caption=caption,
        columns=tuple(columns),
        rows=tuple(TableRow(cells=tuple(TableCell(text=text) for text in row)) for row in rows),
        notes=notes,
    )


def summary_table(statistics: InventoryStatistics, texts: Texts) -> ReportTable:
    """Return totals, densities and sizes."""
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
    named = [(texts(f"quantity_{key}"), value) for key, value in rows]
    return _table(texts("summary_caption"), texts.titles("quantity", "value"), named)


def review_table(review: ReviewOutcome, texts: Texts) -> ReportTable:
    """Return what people said of the polygons that the inventory was made from."""
    left = "review_unreviewed_kept" if review.unreviewed_kept else "review_unreviewed_dropped"
    rows = [
        ("review_accepted", review.accepted),
        ("review_rejected", review.rejected),
        ("review_edited", review.edited),
        ("review_drawn", review.drawn),
        (left, review.unreviewed),
    ]
    named = [(texts(key), numbers.whole(count)) for key, count in rows]
    seen = texts(
        "review_of_cells",
        seen=numbers.whole(review.cells_looked_at),
        cells=numbers.whole(review.cells),
    )
    named.append((texts("review_cells"), seen))
    notes = [texts("review_note")]
    if review.reviewers:
        reviewers = texts("within_rule").join(review.reviewers)
        notes.insert(0, texts("review_by", reviewers=reviewers, date=review.created[:10]))
    return _table(texts("review_caption"), texts.titles("quantity", "value"), named, *notes)


def class_table(data: InventoryData, texts: Texts) -> ReportTable | None:
    """Return landslides and their area by size class; None without areas."""
    areas = data.numbers("area_m2")
    if not len(areas):
        return None
    rows = []
    for low, high in pairwise(_CLASS_EDGES_M2):
        inside = areas[(areas >= low) & (areas < high)]
        if not len(inside) and (high <= areas.min() or low > areas.max()):
            continue
        name = f"{numbers.area(low)} – {numbers.area(high)}"
        if low == 0:
            name = f"< {numbers.area(high)}"
        elif not np.isfinite(high):
            name = f"≥ {numbers.area(low)}"
        total, fraction = float(inside.sum()), len(inside) / len(areas)
        area_fraction = total / float(areas.sum()) if areas.any() else None
        counts = numbers.whole(len(inside)), numbers.percent(fraction)
        rows.append((name, *counts, numbers.area(total), numbers.percent(area_fraction)))
    titles = texts.titles("size_class", "count", "count_share", "total_area", "area_share")
    return _table(texts("classes_caption"), titles, rows)


def date_table(statistics: InventoryStatistics, texts: Texts) -> ReportTable | None:
    """Return landslides and their area by date, or by year where there are many dates."""
    dates = statistics.dates
    if len({total.date for total in dates}) < 2:
        return None
    length = 4 if len(dates) > _MAX_DATES else 10
    rows = []
    for day in dict.fromkeys(total.date and total.date[:length] for total in dates):
        own = [total for total in dates if (total.date and total.date[:length]) == day]
        count, areas = sum(one.landslides for one in own), [one.area_m2 for one in own]
        known = [area for area in areas if area is not None]
        share = numbers.percent(count / statistics.landslides)
        area = numbers.area(sum(known)) if len(known) == len(areas) else numbers.EMPTY
        rows.append((day or texts("date_unknown"), numbers.whole(count), share, area))
    titles = texts.titles("date_of_landslide", "count", "count_share", "total_area")
    return _table(texts("dates_caption"), titles, rows)


def flag_table(data: InventoryData, texts: Texts) -> ReportTable | None:
    """Return how many landslides are flagged; None where none was checked."""
    rows, checked_flags = [], []
    for name in FLAGS:
        column = data.landslides[name].astype("boolean")
        checked = int(column.notna().sum())
        if checked:
            flagged = int(column.fillna(value=False).sum())
            area_m2 = float(data.landslides.loc[column.fillna(value=False), "area_m2"].sum())
            share = numbers.percent(flagged / checked)
            cells = (numbers.whole(checked), numbers.whole(flagged), share, numbers.area(area_m2))
            rows.append((texts.column(name), *cells))
            checked_flags.append(name)
    titles = texts.titles("flag", "flag_looked", "flag_raised", "flag_share", "flag_area")
    notes = [texts("flags_note")]
    rules: dict[str, list[str]] = {}  # by river, road, cloud
    for name, value in data.record.flag_rules.items():
        subject = _RULE_SUBJECTS.get(name, name.split("_")[0])
        if any(flag.startswith(f"flag_{subject}") for flag in checked_flags):
            rules.setdefault(subject, []).append(texts(f"rule_{name}", value=numbers.plain(value)))
    if rules:
        joined = (texts("within_rule").join(parts) for parts in rules.values())
        notes.append(texts("flags_rules", rules=texts("between_rules").join(joined)))
    return _table(texts("flags_caption"), titles, rows, *notes).unless_empty()


def measures_table(data: InventoryData, texts: Texts) -> ReportTable | None:
    """Return medians and the middle 80 % of attributes; None where none is known."""
    rows = []
    for name in _ATTRIBUTES:
        values = data.numbers(name)
        if len(values):
            low, middle, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
            cells = (numbers.rounded(middle), f"{numbers.rounded(low)} – {numbers.rounded(high)}")
            rows.append((label_with_unit(name, texts), *cells, numbers.whole(len(values))))
    titles = texts.titles("attribute", "median", "middle_80", "known_of")
    table = _table(texts("measures_caption"), titles, rows, texts("measures_note"))
    return table.unless_empty()


def fits_table(found: AreaFrequency, level: float, texts: Texts) -> ReportTable | None:
    """Return the parameters of the fits with their intervals; None without a fit."""
    rows = []
    gamma, power = found.inverse_gamma, found.power_law
    if gamma is not None:
        rho, a_m2, s_m2 = gamma.rho, gamma.a_m2, gamma.s_m2
        if not gamma.is_bounded:
            rho = a_m2 = s_m2 = IntervalEstimate(value=None)
        rows += [
            _row(texts("gamma_rho"), rho),
            _area_row(texts("gamma_a"), a_m2),
            _area_row(texts("gamma_s"), s_m2),
            _area_row(texts("gamma_rollover"), gamma.rollover_m2),
            (texts("gamma_fitted"), numbers.whole(gamma.landslides), numbers.EMPTY),
            (texts("gamma_ks"), numbers.rounded(gamma.ks_distance), numbers.EMPTY),
        ]
    if power is not None:
        rows += [
            _row(texts("power_exponent"), power.exponent),
            _area_row(texts("power_from"), power.from_m2),
            (texts("power_fitted"), numbers.whole(power.landslides), numbers.EMPTY),
            (texts("power_ks"), numbers.rounded(power.ks_distance), numbers.EMPTY),
            (texts("power_p"), numbers.p_value(power.p_value), numbers.EMPTY),
        ]
    titles = (*texts.titles("parameter", "value"), _interval_title(level, texts))
    return _table(texts("fits_caption"), titles, rows, texts("fits_note")).unless_empty()


def _interval_title(level: float, texts: Texts) -> str:
    return texts("interval_of", level=numbers.level(level))


def _row(label: str, estimate: IntervalEstimate) -> tuple[str, ...]:
    return label, numbers.rounded(estimate.value), numbers.interval(estimate.low, estimate.high)


def _area_row(label: str, estimate: IntervalEstimate) -> tuple[str, ...]:
    spread = numbers.area_interval(estimate.low, estimate.high)
    return label, numbers.area(estimate.value), spread


def adjusted_table(adjusted: AdjustedLandslideArea, texts: Texts) -> ReportTable:
    """Return mapped and error-adjusted area and the accuracies, with intervals."""
    rows = [
        (texts("adjusted_mapped"), numbers.area(adjusted.mapped_m2), numbers.EMPTY),
        _area_row(texts("adjusted_area"), adjusted.adjusted_m2),
    ]
    if adjusted.by_rates_m2 is not None:
        rows.append(_area_row(texts("adjusted_by_rates"), adjusted.by_rates_m2))
    rows += [
        (texts(key), numbers.percent(one.value), numbers.percent_interval(one.low, one.high))
        for key, one in (
            ("users_accuracy", adjusted.users_accuracy),
            ("producers_accuracy", adjusted.producers_accuracy),
            ("overall_accuracy", adjusted.overall_accuracy),
            ("sensitivity", adjusted.sensitivity),
            ("specificity", adjusted.specificity),
        )
        if one is not None
    ]
    titles = (*texts.titles("quantity", "value"), _interval_title(adjusted.level, texts))
    note = texts("adjusted_samples", samples=numbers.whole(adjusted.samples))
    return _table(texts("adjusted_caption"), titles, rows, note)


def strata_table(adjusted: AdjustedLandslideArea, texts: Texts) -> ReportTable | None:
    """Return the strata of a sample that was drawn by the map; None of other errors."""
    rows = [
        (
            _stratum_name(stratum, texts),
            numbers.whole(stratum.pixels),
            numbers.area(stratum.area_m2),
            numbers.whole(stratum.drawn),
            numbers.whole(stratum.judged),
            numbers.whole(stratum.landslides),
        )
        for stratum in adjusted.strata
    ]
    keys = ("stratum", "stratum_pixels", "stratum_area", "stratum_drawn", "stratum_judged")
    titles = texts.titles(*keys, "stratum_landslides")
    return _table(texts("strata_caption"), titles, rows, texts("strata_note")).unless_empty()


def _stratum_name(stratum: SampledStratum, texts: Texts) -> str:
    name = texts(f"stratum_{stratum.kind}")
    if stratum.low is None or stratum.high is None:
        return name
    low, high = numbers.plain(stratum.low), numbers.plain(stratum.high)
    return texts("stratum_probability", name=name, low=low, high=high)


def volume_table(statistics: InventoryStatistics, texts: Texts) -> ReportTable | None:
    """Return total volumes by relation, as orders of magnitude; None without any."""
    rows = []
    for volume in statistics.volumes:
        alpha, gamma = numbers.plain(volume.alpha, 3), numbers.plain(volume.gamma)
        formula = Markup("V = {} · A<sup>{}</sup>").format(alpha, gamma)
        total, low, high = (
            numbers.scientific(value, 1)
            for value in (volume.total_m3.value, volume.total_m3.low, volume.total_m3.high)
        )
        spread = numbers.EMPTY if numbers.EMPTY in (low, high) else f"{low} – {high}"
        rows.append((texts.term(volume.relation), formula, total, spread))
    level = _interval_title(statistics.interval_level, texts)
    titles = (*texts.titles("volume_relation", "volume_formula", "volume_total"), level)
    low, high = (
        (
            numbers.plain(2 ** (pick(one.gamma for one in statistics.volumes) - 1), 2)
            for pick in (min, max)
        )
        if statistics.volumes
        else ("", "")
    )
    note = texts("volume_note", doubled=numbers.between(low, high))
    table = _table(texts("volume_caption"), titles, rows, note)
    return table.unless_empty()


def magnitude_table(statistics: InventoryStatistics, texts: Texts) -> ReportTable | None:
    """Return the event's magnitude by the number mapped and by the large ones; None without."""
    found = statistics.magnitude
    if found is None or (found.from_count is None and found.from_large is None):
        return None
    rows = [(texts("magnitude_count"), numbers.fixed(found.from_count, 2), numbers.EMPTY)]
    if found.from_large is not None:
        large = found.from_large
        low, high = numbers.fixed(large.low, 2), numbers.fixed(large.high, 2)
        spread = numbers.EMPTY if numbers.EMPTY in (low, high) else f"{low}–{high}"
        label = texts("magnitude_large", area=numbers.area(found.large_from_m2))
        rows.append((label, numbers.fixed(large.value, 2), spread))
    level = _interval_title(statistics.interval_level, texts)
    titles = (texts("quantity"), "mL", level)
    notes = [texts("magnitude_note")]
    if found.from_large is not None:
        notes.append(texts("magnitude_large_note"))
    return _table(texts("magnitude_caption"), titles, rows, " ".join(notes))


def model_table(card: ModelCard, texts: Texts) -> ReportTable:
    """Return the model's architecture, input and training."""
    training, known = card.training, card.input
    units = texts.term(known.units.value)
    tiles = ", ".join(
        f"{_split(name, texts)} {numbers.whole(n)}" for name, n in training.dataset_tiles.items()
    )
    parameters = card.stac.get("mlm:total_parameters")
    started = training.started_from
    resolution = numbers.EMPTY
    if known.resolution_m is not None:
        resolution = f"{numbers.plain(known.resolution_m)}{numbers.THIN}m"
    rows = [
        ("name", card.name),
        ("architecture", card.architecture.title),
        ("encoder", card.architecture.encoder),
        ("parameters", numbers.whole(parameters)),
        ("bands", ", ".join(known.bands)),
        ("units", f"{units}, {known.dtype}"),
        ("resolution", resolution),
        ("tile", f"{known.tile_size}{numbers.THIN}px"),
        ("data", training.dataset_source),
        ("tiles", tiles),
        ("split", ", ".join(map(texts.term, training.split_method.split(", ")))),
        ("digest", training.pixels_sha256[:16]),
        ("epochs", f"{training.epoch} / {training.epochs}"),
        ("device", f"{training.device}, {training.precision}"),
        ("started", numbers.EMPTY if started is None else started.name),
        ("threshold", numbers.plain(card.threshold)),
        *(("spread", _spread(split, found, texts)) for split, found in card.probabilities.items()),
    ]
    named = [(texts(f"model_{key}"), value) for key, value in rows]
    titles = texts.titles("attribute", "value")
    return _table(texts("model_caption"), titles, named, is_text=True)


def _spread(split: str, found: ProbabilitySpread, texts: Texts) -> str:
    if found.commonest is None or found.commonest_share is None:
        return numbers.EMPTY
    return texts(
        "spread",
        split=_split(split, texts),
        highest=numbers.fixed(found.highest, 3),
        value=numbers.fixed(found.commonest, 3),
        share=numbers.percent(found.commonest_share),
    )


def score_table(card: ModelCard, texts: Texts) -> ReportTable | None:
    """Return the model's scores on its own data; None without any."""
    if not card.metrics:
        return None
    rows = [
        (_split(split, texts), *(numbers.fixed(found.get(name), 3) for name in _SCORES))
        for split, found in card.metrics.items()
    ]
    titles = texts.titles("split", *(f"score_{name}" for name in _SCORES))
    return _table(texts("scores_caption"), titles, rows, texts("scores_note"))


def _split(name: str, texts: Texts) -> str:
    return texts(f"split_{name}") if texts.has(f"split_{name}") else name


def calibration_table(card: ProbabilityCalibrationCard, texts: Texts) -> ReportTable:
    """Return the error of probabilities before and after calibration."""
    columns = ("calibration_error", "brier", "log_loss")
    rows = [
        (texts(key), *(numbers.rounded(getattr(found, name)) for name in columns))
        for key, found in (("calibration_before", card.before), ("calibration_after", card.after))
        if found is not None
    ]
    note = texts(
        "calibration_note",
        tiles=numbers.whole(card.tiles),
        pixels=numbers.whole(card.pixels),
        split=_split(card.split, texts),
        data=card.dataset_source,
    )
    if card.intervals:  # the first is at the threshold
        place = card.intervals[0]
        note = f"{note} " + texts(
            "calibration_interval",
            network=numbers.fixed(place.network, 3),
            value=numbers.fixed(place.calibrated, 2),
            low=numbers.fixed(place.low, 2),
            high=numbers.fixed(place.high, 2),
        )
    caption = texts("calibration_caption", method=texts.term(card.method))
    return _table(caption, texts.titles("probabilities", *columns), rows, note)
