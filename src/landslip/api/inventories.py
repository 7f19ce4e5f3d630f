"""Inventories: made, opened, compared, reported."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Union

from landslip.api.extraction import Extraction
from landslip.api.temporary import remove_with, temporary_folder
from landslip.core.arguments import (
    BandsArgument,
    PathArgument,
    ProgressArgument,
    checked,
    choose,
    optional_path,
    warn_unused,
)
from landslip.core.choices import DemTime, Language, Unreviewed
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory
from landslip.core.html import html_table
from landslip.core.progress import progress_bar
from landslip.core.transformations import use_datum_shift
from landslip.inventory.record import InventoryRecord, read_record
from landslip.io.raster.scene import SceneOptions
from landslip.review.record import FILE as REVIEW

if TYPE_CHECKING:
    import geopandas

    from landslip.inventory.comparison.result import InventoryComparison
    from landslip.inventory.request import ReviewedPolygons
    from landslip.inventory.statistics.result import InventoryStatistics
    from landslip.reporting.inventory.data import InventoryData

Source = Union[Extraction, "Inventory", "geopandas.GeoDataFrame", PathArgument]


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Landslides as polygons with attributes, and what they say as a whole.

    Attributes:
        folder: with ``inventory.gpkg``, ``statistics.json`` and the other files.
        record: what it was made from and how.
    """

    folder: Path
    record: InventoryRecord

    @cached_property
    def _data(self) -> "InventoryData":
        from landslip.reporting.inventory.data import read_inventory

        return read_inventory(self.folder)

    @property
    def landslides(self) -> "geopandas.GeoDataFrame":
        """The polygons with all columns, the largest first."""
        return self._data.landslides

    @property
    def statistics(self) -> "InventoryStatistics | None":
        """Area, size distribution, magnitude, volume; None where the folder has none."""
        return self._data.statistics

    @checked()
    def save(self, out: PathArgument, *, overwrite: bool = False) -> Path:
        """Copy the inventory into a folder and return it.

        Raises:
            OutputExistsError: the folder exists.
        """
        with atomic_directory(Path(out), overwrite=overwrite) as stage:
            shutil.copytree(self.folder, stage, dirs_exist_ok=True)
        return Path(out)

    def report(
        self,
        out: PathArgument | None = None,
        *,
        lang: str = Language.ENGLISH,
        scene: PathArgument | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the report, see `landslip.report`."""
        from landslip.api.reports import report

        return report(self, out=out, lang=lang, scene=scene, overwrite=overwrite)

    def _repr_html_(self) -> str:
        record = self.record
        return html_table(
            "landslip inventory",
            {
                "scene": record.scene.name or "none",
                "landslides": f"{record.landslides:,}",
                "coordinate system": record.crs or "none",
                "files": ", ".join(record.files),
                "notes": str(len(record.notes)),
                "folder": str(self.folder),
            },
        )


@checked()
def open_inventory(folder: PathArgument) -> Inventory:
    """Open what `make_inventory` or ``landslip inventory`` wrote.

    Raises:
        InputError: it is no inventory, or of another version.

    Examples:
        >>> landslip.open_inventory("INVENTORY").landslides
    """
    return Inventory(folder=Path(folder), record=read_record(Path(folder)))


@checked("part")
def make_inventory(
    source: Source | Sequence[Source],
    *,
    out: PathArgument | None = None,
    dem: PathArgument | None = None,
    dem_time: str | None = None,
    layer: str | None = None,
    date_column: str | None = None,
    original: Inventory | PathArgument | None = None,
    unreviewed: str = Unreviewed.KEEP,
    low: float | None = None,
    high: float | None = None,
    min_area: float | None = None,
    max_shift: float | None = None,
    smooth: bool = True,
    split: bool = True,
    scene: PathArgument | None = None,
    use_scene: bool = True,
    bands: BandsArgument | None = None,
    units: str | None = None,
    nodata: float | None = None,
    date: str | None = None,
    water: PathArgument | None = None,
    roads: PathArgument | None = None,
    area: PathArgument | None = None,
    sample: PathArgument | None = None,
    errors: PathArgument | None = None,
    lang: str = Language.ENGLISH,
    cell: float | None = None,
    draws: int = 500,
    seed: int = 0,
    name: str | None = None,
    datum_shift: str | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> Inventory:
    """Make an inventory: polygons with attributes, statistics, and files for other programs.

    Args:
        source: from `landslip.extract`, the folder of an extraction, a file of polygons, an
            inventory that was corrected, a review, or a GeoDataFrame; or several, which become one
            inventory without duplicates, or the folder of several extractions.
        out: folder to write; None: a temporary one that is removed with the object.
        dem: elevation model in any coordinate system; without it slopes and heights are empty.
        dem_time: whether the elevation model is from ``before`` or ``after`` the landslides.
        layer: layer of the polygon file.
        date_column: its column with the date of each landslide; None: one named ``date``.
        original: inventory that the polygons are a corrected copy of; None: known by the file.
        unreviewed: of a review, whether polygons that nobody judged are in the inventory: ``keep``
            or ``drop``.
        low: probability from which a pixel belongs to a landslide; None: the map's threshold.
        high: probability that a landslide reaches somewhere; None: midway from ``low`` to 1.
        min_area: minimum mapping unit in square metres; None: that of the map, at least 100; of
            polygon files 0.
        max_shift: how far cleaning may move an outline, in metres; None: a pixel.
        smooth: smooth the outlines.
        split: divide landslides that touch.
        scene: the mapped scene, for NDVI and clouds; None: where it was extracted from.
        use_scene: measure the scene under the landslides.
        bands: names of the scene's bands; ``units`` and ``nodata`` see `landslip.open_scene`.
        units: ``reflectance`` or ``dn``.
        nodata: value that marks missing data.
        date: when the scene was taken, YYYY-MM-DD; None: the date in its name.
        water: polygons of rivers and lakes.
        roads: lines of roads.
        area: mapped area, for densities of a polygon file.
        sample: points with their true class, for an area adjusted for errors.
        errors: what ``landslip evaluate --json`` printed, for the same without a sample.
        lang: language of labels in the files, ``en`` or ``zh``.
        cell: side of the density layer's cells in metres; None: chosen.
        draws: bootstrap draws for intervals.
        seed: of every draw.
        name: of the inventory; None: the source's.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it:
            ``dx,dy,dz`` in metres, ``dx,dy,dz,rx,ry,rz,s`` with seconds of arc and parts per
            million (position vector), or a grid file.
        overwrite: replace an inventory that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: something that was given cannot be read, or does not fit.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.make_inventory("MAP", dem="dem.tif", out="INVENTORY").statistics
    """
    from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
    from landslip.inventory.run import make_inventory as run

    with temporary_folder(keep_if=out is None) as temporary:
        folder = temporary / "inventory" if out is None else Path(out)
        several = source if isinstance(source, list | tuple) else [source]
        if not several:
            raise InputError("an inventory needs at least one source; got none")
        sources = [_source_path(one, temporary, at) for at, one in enumerate(several)]
        left = choose(Unreviewed, unreviewed, "unreviewed")
        reviewed = _reviewed(sources, temporary, left, original)
        request = InventoryRequest(
            source=sources[0],
            others=tuple(sources[1:]),
            out=folder,
            layer=layer,
            date_column=date_column,
            original=None if original is None else folder_of(original),
            reviewed=reviewed,
            name=name,
            cleaning=CleaningOptions(
                low=low,
                high=high,
                min_area_m2=min_area,
                max_shift_m=max_shift,
                smooth=smooth,
                split=split,
            ),
            auxiliary=AuxiliaryData(
                dem=optional_path(dem),
                dem_time=None if dem_time is None else choose(DemTime, dem_time, "dem_time"),
                scene=None if scene is None else str(scene),
                read_as=SceneOptions.stated(bands, units, nodata),
                use_scene=use_scene,
                date=date,
                water=optional_path(water),
                roads=optional_path(roads),
                area=optional_path(area),
                sample=optional_path(sample),
                errors=optional_path(errors),
            ),
            language=choose(Language, lang, "lang"),
            cell_m=cell,
            draws=draws,
            seed=seed,
            datum_shift=datum_shift,
            overwrite=overwrite,
        )
        with (
            use_datum_shift(datum_shift),
            progress_bar("inventory", "steps", show=progress) as shown,
        ):
            record = run(request, progress=shown)
    inventory = Inventory(folder=folder, record=record)
    if out is None:
        remove_with(inventory, temporary)
    return inventory


@checked()
def compare(
    inventory: Inventory | PathArgument | Sequence[Inventory | PathArgument],
    reference: Inventory | PathArgument,
    *,
    out: PathArgument | None = None,
    layer: str | None = None,
    reference_layer: str | None = None,
    area: PathArgument | None = None,
    resolution: float | None = None,
    min_iou: float = 0.5,
    draws: int = 1000,
    block_m: float | None = None,
    seed: int = 0,
    datum_shift: str | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> "InventoryComparison":
    """Compare an inventory with another one that is taken as true.

    Args:
        inventory: from `make_inventory`, its folder, or a file of polygons; several count as one,
            in which landslides of different ones that overlap or touch are one.
        reference: the same, in any coordinate system.
        out: folder for ``comparison.json`` and ``comparison.gpkg``; None: nothing is kept.
        layer: layer of the inventory's file.
        reference_layer: layer of the reference's file.
        area: polygons of the area mapped in both, or an inventory with its mapped area; what is
            outside is left out.
        resolution: side of a pixel of the pixel scores, in metres.
        min_iou: intersection over union from which two landslides are the same one.
        draws: bootstrap draws for intervals; 0 leaves them out.
        block_m: side of the square blocks of ground that intervals draw, in metres; 0 draws
            landslides one by one; None: by their number.
        seed: of every draw.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it:
            ``dx,dy,dz`` in metres, ``dx,dy,dz,rx,ry,rz,s`` with seconds of arc and parts per
            million (position vector), or a grid file.
        overwrite: replace a comparison that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Returns:
        Scores of pixels, areas and landslides, with intervals.

    Raises:
        InputError: polygons cannot be read, or the two have no common ground.

    Examples:
        >>> landslip.compare("INVENTORY", "reference.gpkg").areas.f1
    """
    from landslip.inventory.comparison.inventories import ComparisonRequest
    from landslip.inventory.comparison.run import compare as run

    given = inventory if isinstance(inventory, list | tuple) else [inventory]
    if not given:
        raise InputError("a comparison needs an inventory; got none")
    first, *others = map(folder_of, given)
    with temporary_folder(keep_if=False) as temporary:
        request = ComparisonRequest(
            inventory=first,
            others=tuple(others),
            reference=folder_of(reference),
            out=temporary / "comparison" if out is None else Path(out),
            layer=layer,
            reference_layer=reference_layer,
            area=optional_path(area),
            resolution_m=resolution,
            min_iou=min_iou,
            draws=draws,
            block_m=block_m,
            seed=seed,
            overwrite=overwrite,
        )
        with use_datum_shift(datum_shift), progress_bar("compare", "steps", show=progress) as shown:
            return run(request, shown)


def folder_of(inventory: Inventory | PathArgument) -> Path:
    """Return the folder of an inventory, or the path that is given instead."""
    return inventory.folder if isinstance(inventory, Inventory) else Path(inventory)


def _reviewed(
    sources: Sequence[Path],
    temporary: Path,
    unreviewed: Unreviewed,
    original: Inventory | PathArgument | None,
) -> "ReviewedPolygons | None":
    """Return the polygons that a review leaves, where the source is one.

    Raises:
        InputError: it is one of several sources, or is damaged.
    """
    reviews = [source for source in sources if (source / REVIEW).is_file()]
    if not reviews:
        warn_unused("a review as its source", unreviewed=unreviewed != Unreviewed.KEEP)
        return None
    if len(sources) > 1:
        raise InputError(
            f"{reviews[0]}: is a review, and an inventory is made of one alone; make the inventory "
            "of each, then one of these"
        )
    if original is not None:
        raise InputError(
            f"{reviews[0]}: a review knows its inventory; leave out {argument('original')}"
        )
    from landslip.review.export import reviewed_polygons
    from landslip.review.store import ReviewStore

    return reviewed_polygons(
        ReviewStore.open(reviews[0]), temporary / "reviewed.parquet", unreviewed
    )


def _source_path(source: Source, temporary: Path, number: int) -> Path:
    if isinstance(source, Extraction | Inventory):
        return source.folder
    if isinstance(source, str | PathLike):
        return Path(source)
    from landslip.inventory.attributes import as_utf8, distinct_names, of_one_type

    file = temporary / f"landslides{'' if number == 0 else f'_{number + 1}'}.parquet"
    frame = source.rename(columns=as_utf8)
    if not frame.columns.is_unique:
        frame.columns = distinct_names(frame.columns, set())
    for name in frame.columns.drop(frame.geometry.name):
        frame[name] = of_one_type(frame[name])
    frame.to_parquet(file, index=False)  # keeps the types of all columns
    return file
