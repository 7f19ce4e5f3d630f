"""How an inventory was made, its limits, and the works it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from landslip.core.messages import without_folders
from landslip.reporting import numbers
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.texts import Texts

Part = tuple[str, list[str]]


def method(data: InventoryData, texts: Texts) -> list[Part]:
    """Return headings with their sentences."""
    model = data.record.model
    ran, confidence = texts("model_none"), texts("confidence_none")
    if model is not None:
        ran = texts(
            "model_ran",
            name=model.name,
            digest=model.weights_sha256[:12],
            engine=model.engine,
            precision=model.precision,
            threshold=numbers.plain(model.threshold),
        )
        confidence = texts("confidence_raw")
        if model.calibration is not None:
            confidence = texts("confidence_calibrated", method=texts.term(model.calibration))
    card = data.record.model_card
    fitted = None if card is None else card.object_confidence
    if data.record.confidence_basis == "objects" and fitted is not None:
        confidence = texts(
            "confidence_objects",
            objects=numbers.whole(fitted.right + fitted.false),
            tiles=numbers.whole(fitted.tiles),
            error=numbers.fixed(fitted.after.calibration_error, 2),
            before=numbers.fixed(fitted.before.calibration_error, 2),
        )
    parts = [
        ("method_source", list(_source(data, texts))),
        ("method_model", [ran]),
        ("method_outlines", list(_outlines(data, texts))),
        ("method_terrain", list(_terrain(data, texts))),
        ("method_confidence", [confidence]),
        ("method_statistics", list(_statistics(data, texts))),
    ]
    return [(texts(heading), sentences) for heading, sentences in parts if sentences]


def _source(data: InventoryData, texts: Texts) -> Iterator[str]:
    source, scene = data.record.source, data.record.scene
    yield texts(f"source_{source.kind}", place=without_folders(source.place))
    if source.layer is not None:
        yield texts("source_layer", layer=source.layer)
    if scene.name is not None:
        yield texts("scene_name", name=scene.name)
    if scene.date is not None:
        yield texts("scene_date", date=scene.date)
    if scene.bands is not None:
        yield texts("scene_bands", bands=", ".join(scene.bands))
    if scene.width is not None and scene.height is not None:
        width, height = numbers.whole(scene.width), numbers.whole(scene.height)
        yield texts("scene_size", width=width, height=height)
    if scene.resolution_m is not None:
        yield texts("scene_resolution", resolution=numbers.plain(scene.resolution_m))
    yield texts("crs_known", crs=data.record.crs) if data.record.crs else texts("crs_unknown")


def _outlines(data: InventoryData, texts: Texts) -> Iterator[str]:
    cleaning = data.record.cleaning
    if cleaning is None:
        yield texts("cleaning_none")
        return
    low, high = numbers.plain(cleaning.low), numbers.plain(cleaning.high)
    yield texts("cleaning_hysteresis", low=low, high=high)
    yield texts(
        "cleaning_regions",
        regions=numbers.whole(cleaning.regions),
        seedless=numbers.whole(cleaning.dropped_seedless),
    )
    yield texts(
        "cleaning_small",
        area=numbers.area(cleaning.min_area_m2),
        small=numbers.whole(cleaning.dropped_small),
    )
    if cleaning.split:
        yield texts("cleaning_split", regions=numbers.whole(cleaning.split_regions))
    else:
        yield texts("cleaning_not_split")
    if not cleaning.smooth:
        yield texts("cleaning_not_smooth")
        return
    yield texts("cleaning_smooth")
    if cleaning.max_shift_m is not None:
        yield texts("cleaning_shift_most", most=numbers.plain(cleaning.max_shift_m, 3))
    if cleaning.largest_shift_m is not None:
        yield texts("cleaning_shift", largest=numbers.rounded(cleaning.largest_shift_m, 2))


def _terrain(data: InventoryData, texts: Texts) -> Iterator[str]:
    record = data.record
    area = record.area_method
    yield texts(f"area_{area}") if area and texts.has(f"area_{area}") else texts("area_unknown")
    if record.dem is None:
        yield texts("dem_none")
        return
    yield texts(
        "dem_used",
        name=record.dem.name,
        resolution=numbers.plain(record.dem.resolution_m, 3),
        crs=record.dem.crs,
    )
    yield texts(
        "dem_covered",
        known=numbers.whole(record.dem.landslides_with_heights),
        all=numbers.whole(record.landslides),
    )
    time = record.dem.time
    yield texts("dem_time_unknown" if time is None else f"dem_{time}")
    if record.dem.coarse_landslides:
        yield texts("dem_coarse", coarse=numbers.whole(record.dem.coarse_landslides))
    yield texts("dem_axis")


def _statistics(data: InventoryData, texts: Texts) -> Iterator[str]:
    statistics = data.statistics
    if statistics is None:
        yield texts("statistics_missing")
        return
    found = statistics.area_frequency
    if found is not None and (found.inverse_gamma or found.power_law):
        yield texts("statistics_fits")
        yield texts(
            "statistics_intervals",
            draws=numbers.whole(statistics.draws),
            level=numbers.level(statistics.interval_level),
            seed=statistics.seed,
        )
    else:
        yield texts("statistics_no_fit")


def limits(data: InventoryData, texts: Texts) -> list[str]:
    """Return the limits that apply to the inventory."""
    record, statistics = data.record, data.statistics
    model, is_of_map = record.model, record.cleaning is not None
    applies = {
        "limit_seen": is_of_map or record.scene.name is not None,
        "limit_file": not is_of_map,
        "limit_time": record.dates is None and (is_of_map or record.scene.name is not None),
        "limit_dates": record.dates is not None,
        "limit_kind": is_of_map,
        "limit_small": record.cleaning is not None and record.cleaning.min_area_m2 > 0,
        "limit_rollover": statistics is not None
        and statistics.area_frequency is not None
        and statistics.area_frequency.inverse_gamma is not None
        and statistics.area_frequency.inverse_gamma.rollover_m2.value is not None,
        "limit_raw": model is not None and model.calibration is None,
        "limit_calibrated": model is not None and model.calibration is not None,
        "limit_unadjusted": statistics is None or statistics.adjusted is None,
        "limit_no_dem": record.dem is None,
        "limit_dem": record.dem is not None,
        "limit_volume": statistics is not None and bool(statistics.volumes),
        "limit_flags": True,
        "limit_field": True,
    }
    least = record.cleaning.min_area_m2 if record.cleaning is not None else None
    return [texts(key, area=numbers.area(least)) for key, is_so in applies.items() if is_so]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A published work; ``doi`` without its resolver."""

    text: str
    doi: str


_AREA_WORKS = ["olofsson", "rogan", "stehman"]
_VOLUME_WORKS = ("guzzetti", "larsen", "parker")


@cache
def _works() -> dict[str, Reference]:
    file = files("landslip.reporting.inventory") / "references.yaml"
    works = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {name: Reference(**work) for name, work in works.items()}


def references(data: InventoryData) -> list[Reference]:
    """Return the works used, by first author."""
    statistics, model, works = data.statistics, data.record.model, _works()
    names = []
    if statistics is not None:
        frequency = statistics.area_frequency
        if statistics.magnitude is not None or (frequency and frequency.inverse_gamma):
            names.append("malamud")
        if frequency is not None and frequency.power_law is not None:
            names.append("clauset")
        if statistics.adjusted is not None:
            names += ["olofsson"] if statistics.adjusted.by_rates_m2 is None else _AREA_WORKS
        cited = " ".join(f"{volume.relation} {volume.reference}" for volume in statistics.volumes)
        names += [name for name in _VOLUME_WORKS if works[name].doi in cited]
        names += ["marc"] if statistics.volumes else []
    if (data.landslides["axis"] == "downslope").any():
        names.append("niculita")
    if model is not None and model.calibration is not None:
        names.append("guo")
    return sorted((works[name] for name in names), key=lambda work: work.text)


def other_sources(data: InventoryData) -> list[str]:
    """Return the other works that volume relations cite."""
    if data.statistics is None:
        return []
    cited = dict.fromkeys(volume.reference for volume in data.statistics.volumes)
    dois = [_works()[name].doi for name in _VOLUME_WORKS]
    return [text for text in cited if not any(doi in text for doi in dois)]
