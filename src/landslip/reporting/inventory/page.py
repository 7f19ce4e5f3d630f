"""Writes the page of an inventory, which embeds all that it shows."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landslip import __version__
from landslip.core.choices import Language
from landslip.core.errors import InputError
from landslip.core.files import atomic_file
from landslip.core.messages import term
from landslip.core.transformations import use_datum_shift
from landslip.inventory.record import REPORT, SceneRecord
from landslip.reporting.inventory import tables
from landslip.reporting.inventory.basemap import Basemap, MapFrame, ReliefBasemap, SceneBasemap
from landslip.reporting.inventory.data import InventoryData, read_inventory
from landslip.reporting.inventory.distributions import distribution_charts, reliability_chart
from landslip.reporting.inventory.highlights import key_figures, largest_landslides
from landslip.reporting.inventory.maps import (
    BLANK,
    RELIEF,
    SCENE,
    MapContext,
    density_map,
    location_map,
    scene_map,
)
from landslip.reporting.inventory.method import limits, method, other_sources, references
from landslip.reporting.inventory.texts import read_texts
from landslip.reporting.page import render_page
from landslip.reporting.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """A page to be written.

    Attributes:
        folder: of the inventory.
        language: of the page.
        scene: the mapped scene, where it is not where the inventory found it.
        datum_shift: between an old datum and that of the scene; None: the inventory's.
        out: page to write; None: ``report.html`` in the folder, which may replace an earlier one.
        overwrite: another page may be replaced, too.
    """

    folder: Path
    language: Language = Language.ENGLISH
    scene: Path | None = None
    datum_shift: str | None = None
    out: Path | None = None
    overwrite: bool = False


def write_report(request: ReportRequest) -> Path:
    """Write the page of an inventory and return its path.

    Raises:
        InputError: the folder is not an inventory, or the stated scene is not a raster.
        OutputExistsError: ``out`` already exists.
    """
    data = read_inventory(request.folder)
    texts = read_texts(request.language)
    out = request.out or request.folder / REPORT
    overwrite = request.overwrite or request.out is None
    shift = request.datum_shift or data.record.datum_shift
    with (
        use_datum_shift(shift, is_stated=request.datum_shift is not None),
        atomic_file(out, overwrite=overwrite) as stage,
        _basemap(data, request.scene) as basemap,
    ):
        stage.write_text(html_page(data, *basemap, texts), encoding="utf-8")
    return out


@contextmanager
def _basemap(data: InventoryData, stated: Path | None) -> Iterator[tuple[Basemap | None, str]]:
    """Open the stated scene, else the recorded one, else relief; with its kind."""
    scene, dem = _scene(data), data.record.dem
    basemap: Basemap | None = None
    kind = BLANK
    if stated is not None:
        basemap, kind = SceneBasemap(stated, scene.bands), SCENE
    elif scene.place is not None and Path(scene.place).is_file():
        with suppress(InputError):
            basemap, kind = SceneBasemap(Path(scene.place), scene.bands), SCENE
    if basemap is None and dem and len(data.landslides) and Path(dem.place).is_file():
        with suppress(InputError):
            basemap, kind = ReliefBasemap(Path(dem.place)), RELIEF
    try:
        yield basemap, kind
    finally:
        if basemap is not None:
            basemap.close()


def _scene(data: InventoryData) -> SceneRecord:
    """Return the scene, of several the one with most landslides."""
    record, names = data.record, data.landslides["scene"].tolist()
    if not record.scenes:
        return record.scene
    return max(record.scenes, key=lambda scene: names.count(scene.name))


def html_page(data: InventoryData, basemap: Basemap | None, kind: str, texts: Texts) -> str:
    """Return the page; ``kind`` of the basemap is ``scene``, ``relief`` or ``blank``."""
    context = MapContext.of(data, basemap, kind)
    is_elsewhere = basemap is not None and context.basemap is None
    scene = None
    if context.kind == SCENE and context.basemap is not None:
        scene = MapFrame.of_grid(context.basemap.grid)
    record, statistics = data.record, data.statistics
    messages = [*record.messages, *(() if statistics is None else statistics.messages)]
    messages.sort(key=lambda one: not one.is_warning)  # stable: warnings come first
    card = record.model_card
    calibration = None if card is None else card.calibration
    return render_page(
        "inventory.html.j2",
        **_statistics_tables(data, texts),
        t=texts,
        name=record.name,
        record=record,
        statistics=statistics,
        version=__version__,
        figures=key_figures(data, texts),
        notes=list(dict.fromkeys(map(texts.sentence, messages))),
        location=location_map(data, scene, texts),
        has_footprint=scene is not None,
        has_mapped_area=data.mapped_area is not None,
        density=density_map(data, texts),
        scene=scene_map(context, texts),
        kind="elsewhere" if is_elsewhere else context.kind,
        cards=largest_landslides(context, texts),
        review=record.review and tables.review_table(record.review, texts),
        classes=tables.class_table(data, texts),
        flags=tables.flag_table(data, texts),
        measures=tables.measures_table(data, texts),
        charts=distribution_charts(data, texts),
        method=method(data, texts),
        model=None if card is None else tables.model_table(card, texts),
        scores=None if card is None else tables.score_table(card, texts),
        calibration=calibration and tables.calibration_table(calibration, texts),
        reliability=calibration and reliability_chart(calibration, texts),
        limits=limits(data, texts),
        references=references(data),
        sources=other_sources(data),
    )


def _statistics_tables(data: InventoryData, texts: Texts) -> dict[str, Any]:
    statistics = data.statistics
    names = ("summary", "dates", "fits", "adjusted", "strata", "adjusted_method")
    shown: dict[str, Any] = dict.fromkeys((*names, "volumes", "magnitude"))
    if statistics is None:
        return shown
    shown["summary"] = tables.summary_table(statistics, texts)
    shown["dates"] = tables.date_table(statistics, texts)
    shown["volumes"] = tables.volume_table(statistics, texts)
    shown["magnitude"] = tables.magnitude_table(statistics, texts)
    if statistics.area_frequency is not None:
        level = statistics.interval_level
        shown["fits"] = tables.fits_table(statistics.area_frequency, level, texts)
    if statistics.adjusted is not None:
        shown["adjusted"] = tables.adjusted_table(statistics.adjusted, texts)
        shown["strata"] = tables.strata_table(statistics.adjusted, texts)
        shown["adjusted_method"] = texts.sentence(term(statistics.adjusted.method))
    return shown
