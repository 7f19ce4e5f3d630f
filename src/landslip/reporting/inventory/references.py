"""The works that a report rests on, those of them that it uses."""

from dataclasses import dataclass

from landslip.reporting.inventory.data import InventoryData


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A work; ``doi`` without its resolver."""

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
    """Return the works used, in the order of their first author."""
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
    """Return what volume relations cite beside the works known here."""
    if data.statistics is None:
        return []
    cited = dict.fromkeys(volume.reference for volume in data.statistics.volumes)
    return [text for text in cited if not any(work.doi in text for work in _VOLUMES)]
