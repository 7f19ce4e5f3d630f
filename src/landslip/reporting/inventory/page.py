"""Writes the report: one page that holds all it shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from landslip import __version__
from landslip.core.choices import Language
from landslip.core.errors import InputError
from landslip.core.files import atomic_file
from landslip.core.messages import term
from landslip.inventory.record import REPORT, confidence_message
from landslip.reporting.inventory import modelcard, tables
from landslip.reporting.inventory.backdrop import Backdrop, ReliefBackdrop, SceneBackdrop
from landslip.reporting.inventory.data import InventoryData, read_inventory
from landslip.reporting.inventory.distributions import distribution_charts
from landslip.reporting.inventory.facts import key_figures
from landslip.reporting.inventory.largest import largest_cards
from landslip.reporting.inventory.maps import density_map, location_map
from landslip.reporting.inventory.markup import breakable, css_string
from landslip.reporting.inventory.method import limits, method
from landslip.reporting.inventory.plates import (
    PAPER,
    RELIEF,
    SCENE,
    Sight,
    scene_plate,
    sight_of,
)
from landslip.reporting.inventory.references import other_sources, references
from landslip.reporting.inventory.reliability import reliability_chart
from landslip.reporting.inventory.texts import Sentence, Texts, read_texts
from landslip.reporting.inventory.view import View

_TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """A report to be written.

    Attributes:
        folder: of the inventory.
        language: of the page.
        scene: the mapped scene, where it is not where the inventory found it.
        out: page to write; None: ``report.html`` in the folder, which may replace an earlier one.
        overwrite: another page may be replaced, too.
    """

    folder: Path
    language: Language = Language.ENGLISH
    scene: Path | None = None
    out: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What outlines are drawn on; ``kind`` is scene, relief or paper."""

    backdrop: Backdrop | None
    kind: str


def write_report(request: ReportRequest) -> Path:
    """Write the report of an inventory; return where it lies.

    Raises:
        InputError: the folder is no inventory, or the stated scene is no raster.
        OutputExistsError: ``out`` is there already.
    """
    data = read_inventory(request.folder)
    texts = read_texts(request.language)
    out = request.out or request.folder / REPORT
    overwrite = request.overwrite or request.out is None
    with atomic_file(out, overwrite=overwrite) as stage, _ground(data, request.scene) as ground:
        stage.write_text(html_page(data, ground.backdrop, ground.kind, texts), encoding="utf-8")
    return out


def html_page(data: InventoryData, backdrop: Backdrop | None, kind: str, texts: Texts) -> str:
    """Return the page; everything in it is in it, nothing is fetched.

    Args:
        data: the inventory.
        backdrop: what its outlines are drawn on; None for paper.
        kind: ``scene``, ``relief`` or ``paper``.
        texts: the words.
    """
    environment = Environment(
        loader=PackageLoader("landslip.reporting.inventory"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"svg": Markup, "css_string": css_string, "breakable": breakable}
    sight = sight_of(data, backdrop, kind)
    is_elsewhere = backdrop is not None and sight.backdrop is None
    known = {
        **_pictures(sight, texts),
        "kind": "elsewhere" if is_elsewhere else sight.kind,
        **_tables(data, texts),
        **_model(data, texts),
        "t": texts,
        "name": data.record.name,
        "figures": key_figures(data, texts),
        "notes": _notes(data, texts),
        "charts": distribution_charts(data, texts),
        "method": method(data, texts),
        "confidence_is": texts.sentence(confidence_message(data.record.model)),
        "limits": limits(data, texts),
        "references": references(data),
        "sources": other_sources(data),
        "record": data.record,
        "statistics": data.statistics,
        "version": __version__,
    }
    return environment.get_template(_TEMPLATE).render(known)


@contextmanager
def _ground(data: InventoryData, stated: Path | None) -> Iterator[_Ground]:
    """Open what outlines are drawn on: the stated scene, else the known one, else relief."""
    ground = _scene(data, stated) or _relief(data) or _Ground(backdrop=None, kind=PAPER)
    try:
        yield ground
    finally:
        if ground.backdrop is not None:
            ground.backdrop.close()


def _scene(data: InventoryData, stated: Path | None) -> _Ground | None:
    scene = data.record.scene
    if stated is not None:
        return _Ground(backdrop=SceneBackdrop(stated, scene.bands), kind=SCENE)
    if scene.place is None or not Path(scene.place).is_file():
        return None
    try:
        return _Ground(backdrop=SceneBackdrop(Path(scene.place), scene.bands), kind=SCENE)
    except InputError:
        return None


def _relief(data: InventoryData) -> _Ground | None:
    dem = data.record.dem
    if dem is None or not len(data.landslides) or not Path(dem.place).is_file():
        return None
    try:
        return _Ground(backdrop=ReliefBackdrop(Path(dem.place)), kind=RELIEF)
    except InputError:
        return None


def _pictures(sight: Sight, texts: Texts) -> dict[str, Any]:
    scene = None
    if sight.kind == SCENE and sight.backdrop is not None:
        scene = View.of_grid(sight.backdrop.grid)
    return {
        "location": location_map(sight.data, scene, texts),
        "has_footprint": scene is not None,
        "density": density_map(sight.data, texts),
        "plate": scene_plate(sight, texts),
        "cards": largest_cards(sight, texts),
    }


def _tables(data: InventoryData, texts: Texts) -> dict[str, Any]:
    statistics = data.statistics
    level = 0.95 if statistics is None else statistics.interval_level
    found = None if statistics is None else statistics.area_frequency
    adjusted = None if statistics is None else statistics.adjusted
    return {
        "summary": None if statistics is None else tables.summary_table(statistics, texts),
        "classes": tables.class_table(data, texts),
        "flags": tables.flag_table(data, texts),
        "measures": tables.measures_table(data, texts),
        "fits": None if found is None else tables.fits_table(found, level, texts),
        "adjusted": None if adjusted is None else tables.adjusted_table(adjusted, texts),
        "adjusted_method": None if adjusted is None else texts.sentence(term(adjusted.method)),
        "volumes": None if statistics is None else tables.volume_table(statistics, texts),
        "magnitude": None if statistics is None else tables.magnitude_table(statistics, texts),
    }


def _model(data: InventoryData, texts: Texts) -> dict[str, Any]:
    card = data.record.model_card
    calibration = None if card is None else card.calibration
    return {
        "model": None if card is None else modelcard.model_table(card, texts),
        "scores": None if card is None else modelcard.score_table(card, texts),
        "calibration": None
        if calibration is None
        else modelcard.calibration_table(calibration, texts),
        "reliability": None if calibration is None else reliability_chart(calibration, texts),
    }


def _notes(data: InventoryData, texts: Texts) -> list[Sentence]:
    """Return what was noticed on the way, each once."""
    statistics = () if data.statistics is None else data.statistics.messages
    return list(dict.fromkeys(map(texts.sentence, [*data.record.messages, *statistics])))
