"""How an inventory was made, its limits, and the works it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass

from landslip.reporting import numbers
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.texts import Texts

Part = tuple[str, list[str]]


def method(data: InventoryData, texts: Texts) -> list[Part]:
    """Return headings with their sentences."""
    parts = [
        ("method_source", list(_source(data, texts))),
        ("method_model", list(_model(data, texts))),
        ("method_outlines", list(_outlines(data, texts))),
        ("method_terrain", list(_terrain(data, texts))),
        ("method_confidence", list(_confidence(data, texts))),
        ("method_statistics", list(_statistics(data, texts))),
    ]
    return [(texts(heading), sentences) for heading, sentences in parts if sentences]


def _source(data: InventoryData, texts: Texts) -> Iterator[str]:
    source, scene = data.record.source, data.record.scene
    yield texts(f"source_{source.kind}", place=source.place)
    if source.layer is not None:
        yield texts("source_layer", layer=source.layer)
    if scene.name is not None:
        yield texts("scene_name", name=scene.name)
    if scene.date is not None:
        yield texts("scene_date", date=scene.date)
    if scene.bands is not None:
        yield texts("scene_bands", bands=", ".join(scene.bands))
    if scene.width is not None and scene.height is not None:
        size = numbers.whole(scene.width), numbers.whole(scene.height)
        yield texts("scene_size", width=size[0], height=size[1])
    if scene.resolution_m is not None:
        yield texts("scene_resolution", resolution=numbers.plain(scene.resolution_m))
    yield texts("crs_known", crs=data.record.crs) if data.record.crs else texts("crs_unknown")


def _model(data: InventoryData, texts: Texts) -> Iterator[str]:
    model = data.record.model
    if model is None:
        yield texts("model_none")
        return
    yield texts(
        "model_ran",
        name=model.name,
        digest=model.weights_sha256[:12],
        engine=model.engine,
        precision=model.precision,
        threshold=numbers.plain(model.threshold),
    )


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
    yield texts("dem_axis")


def _confidence(data: InventoryData, texts: Texts) -> Iterator[str]:
    model = data.record.model
    if model is None:
        yield texts("confidence_none")
    elif model.calibration is None:
        yield texts("confidence_raw")
    else:
        yield texts("confidence_calibrated", method=texts.term(model.calibration))


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
    model = record.model
    applies = {
        "limit_seen": True,
        "limit_time": True,
        "limit_kind": True,
        "limit_small": record.cleaning is not None and record.cleaning.min_area_m2 > 0,
        "limit_rollover": statistics is not None
        and statistics.area_frequency is not None
        and statistics.area_frequency.inverse_gamma is not None,
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


_MALAMUD = Reference(
    text="Malamud, B. D., Turcotte, D. L., Guzzetti, F., Reichenbach, P. (2004). Landslide "
    "inventories and their statistical properties. Earth Surface Processes and Landforms, 29(6), "
    "687–711.",
    doi="10.1002/esp.1064",
)
_CLAUSET = Reference(
    text="Clauset, A., Shalizi, C. R., Newman, M. E. J. (2009). Power-law distributions in "
    "empirical data. SIAM Review, 51(4), 661–703.",
    doi="10.1137/070710111",
)
_OLOFSSON = Reference(
    text="Olofsson, P., Foody, G. M., Herold, M., Stehman, S. V., Woodcock, C. E., Wulder, M. A. "
    "(2014). Good practices for estimating area and assessing accuracy of land change. Remote "
    "Sensing of Environment, 148, 42–57.",
    doi="10.1016/j.rse.2014.02.015",
)
_NICULITA = Reference(
    text="Niculiță, M. (2016). Automatic landslide length and width estimation based on the "
    "geometric processing of the bounding box and the geomorphometric analysis of DEMs. Natural "
    "Hazards and Earth System Sciences, 16, 2021–2030.",
    doi="10.5194/nhess-16-2021-2016",
)
_GUO = Reference(
    text="Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q. (2017). On calibration of modern neural "
    "networks. Proceedings of the 34th International Conference on Machine Learning, 70, "
    "1321–1330.",
    doi="10.48550/arXiv.1706.04599",
)
_GUZZETTI = Reference(
    text="Guzzetti, F., Ardizzone, F., Cardinali, M., Rossi, M., Valigi, D. (2009). Landslide "
    "volumes and landslide mobilization rates in Umbria, central Italy. Earth and Planetary "
    "Science Letters, 279(3–4), 222–229.",
    doi="10.1016/j.epsl.2009.01.005",
)
_LARSEN = Reference(
    text="Larsen, I. J., Montgomery, D. R., Korup, O. (2010). Landslide erosion controlled by "
    "hillslope material. Nature Geoscience, 3, 247–251.",
    doi="10.1038/ngeo776",
)
_VOLUMES = (_GUZZETTI, _LARSEN)


def references(data: InventoryData) -> list[Reference]:
    """Return the works used, by first author."""
    statistics, record = data.statistics, data.record
    used = []
    if statistics is not None:
        found = statistics.area_frequency
        if statistics.magnitude is not None or (found and found.inverse_gamma):
            used.append(_MALAMUD)
        if found is not None and found.power_law is not None:
            used.append(_CLAUSET)
        if statistics.adjusted is not None:
            used.append(_OLOFSSON)
        cited = " ".join(f"{volume.relation} {volume.reference}" for volume in statistics.volumes)
        used += [work for work in _VOLUMES if work.doi in cited]
    if (data.landslides["axis"] == "downslope").any():
        used.append(_NICULITA)
    if record.model is not None and record.model.calibration is not None:
        used.append(_GUO)
    return sorted(used, key=lambda work: work.text)


def other_sources(data: InventoryData) -> list[str]:
    """Return the other works that volume relations cite."""
    if data.statistics is None:
        return []
    cited = dict.fromkeys(volume.reference for volume in data.statistics.volumes)
    return [text for text in cited if not any(work.doi in text for work in _VOLUMES)]
