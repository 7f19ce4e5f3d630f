"""The datasets of an experiment, made from the sources that its configuration names.

Each is made once. ``source.json`` beside it records its settings and input files. Files are the
same where size and time of all are unchanged, or else where a digest of their content is.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from landslip.core.bands import Bands
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory, move_into_place, sha256_of
from landslip.core.messages import sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.records import StrictModel
from landslip.core.text import read_json
from landslip.datasets.format import INDEX, DatasetCard, TileDataset
from landslip.datasets.merging import merge_datasets
from landslip.datasets.pairs import PairsRequest, dataset_from_pairs, match_pairs
from landslip.datasets.scene import SceneDatasetRequest, dataset_from_scene
from landslip.datasets.splits.assignment import SplitPlan
from landslip.experiments.config import (
    DatasetConfig,
    ExperimentConfig,
    PairsSource,
    SceneSource,
    SyntheticSource,
)
from landslip.io.label_masks import LabelCodes
from landslip.io.raster import SceneOptions
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.pipeline.run import PreprocessRequest, ProgressCallbacks, preprocess
from landslip.synthetic.series import AREA, DEM, write_series
from landslip.synthetic.study_areas import study_area

SOURCE_RECORD = "source.json"
_SYNTHETIC = "synthetic--"  # no dataset is named so: a name has no two hyphens in a row
_UNDIVIDED = SplitPlan(test_share=0, val_share=0)
_SHAPEFILE_PARTS = (".dbf", ".shx", ".prj", ".cpg")

Log = Callable[[str], None]


class DatasetSourceRecord(StrictModel):
    """``source.json``: the inputs of a finished dataset, and notes from its making."""

    settings: dict[str, Any]
    stamp: str
    content_sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """How a dataset is made: ``make`` makes it in a new folder, and returns notes.

    Neither ``settings`` nor the names of ``files`` change when the data are moved.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, Path]
    make: Callable[[Path], tuple[str, ...]]

    @property
    def stamp(self) -> str:
        """A digest of the files' names, sizes and times."""
        files = [(name, path.resolve(), path.stat()) for name, path in sorted(self.files.items())]
        lines = [f"{name}\t{path}\t{at.st_size}\t{at.st_mtime_ns}" for name, path, at in files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def content_sha256(self) -> str:
        """A digest of the files' names and content."""
        lines = [f"{name}\t{sha256_of(path)}" for name, path in sorted(self.files.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def prepare_datasets(
    config: ExperimentConfig,
    out: Path,
    log: Log = lambda _line: None,
    progress: Progress = no_progress,
) -> dict[str, TileDataset]:
    """Make each dataset of an experiment in ``out/NAME``, or open one made before.

    Tiles are not divided: all are for training. Sources that are tiles already are opened in place.
    An unfinished dataset is made again. Errors that can be found without reading pixels are raised
    before anything is made.

    Raises:
        InputError: a source cannot be used, or a folder holds a dataset of another source; the
            dataset is named.
    """
    datasets: dict[str, TileDataset] = {}
    plans: dict[str, SourcePlan] = {}
    for name, source in config.datasets.items():
        with _dataset_named(name):
            if source.tiles is not None:
                datasets[name] = TileDataset(source.tiles)
            elif source.join is not None:
                _check_parts(config, source.join)
            else:
                plans[name] = _plan(source, out, log, progress)
                _refuse_changed_source(out / name, plans[name])
    for name, plan in plans.items():
        datasets[name] = _make(name, plan, out / name, log)
    for scenes in out.glob(f"{_SYNTHETIC}*"):  # the seed reproduces them
        shutil.rmtree(scenes, ignore_errors=True)
    for name, source in config.datasets.items():
        if source.join is not None:
            parts = {part: datasets[part] for part in source.join}
            events = {part: config.datasets[part].event or part for part in source.join}
            datasets[name] = _make(name, _merge_plan(parts, events, progress), out / name, log)
    return {name: datasets[name] for name in config.datasets}


def source_notes(out: Path, name: str) -> tuple[str, ...]:
    """Return the notes from the making of ``out/name``; none for tiles opened in place."""
    return _read_record(out / name).notes if (out / name / SOURCE_RECORD).is_file() else ()


@contextmanager
def _dataset_named(name: str) -> Iterator[None]:
    """Prefix errors with the dataset's name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"data set {name}: {error}") from error


def _check_parts(config: ExperimentConfig, parts: tuple[str, ...]) -> None:
    if len(set(parts)) != len(parts):
        raise InputError(f"each data set is joined once; got {', '.join(parts)}")
    joined = [part for part in parts if config.datasets[part].join is not None]
    if joined:
        raise InputError(f"{joined[0]} is itself joined; name the data sets that it is made of")


def _make(name: str, plan: SourcePlan, folder: Path, log: Log) -> TileDataset:
    """Make a dataset unless it exists, and open it."""
    with _dataset_named(name):
        if folder.exists():
            _refuse_changed_source(folder, plan)
            log(f"data set {name}: already made")
            return TileDataset(folder)
        log(f"data set {name} ...")
        with atomic_directory(folder, overwrite=False) as stage:
            notes = plan.make(stage / "tiles")
            move_into_place(stage / "tiles", stage)
            (stage / "tiles").rmdir()
            record = DatasetSourceRecord(
                settings=dict(plan.settings),
                stamp=plan.stamp,
                content_sha256=plan.content_sha256,
                notes=notes,
            )
            (stage / SOURCE_RECORD).write_text(record.model_dump_json(indent=1) + "\n")
        return TileDataset(folder)


def _read_record(folder: Path) -> DatasetSourceRecord:
    try:
        return DatasetSourceRecord.model_validate(read_json(folder / SOURCE_RECORD))
    except (InputError, ValidationError) as error:
        raise InputError(
            f"{folder}: was not made by an experiment ({SOURCE_RECORD} is missing or damaged); "
            f"remove it or choose another {argument('out')}"
        ) from error


def _refuse_changed_source(folder: Path, plan: SourcePlan) -> None:
    """Refuse a dataset of other settings or files than now; the message names them."""
    if not folder.exists():
        return
    record, settings = _read_record(folder), plan.settings
    keys = sorted(record.settings.keys() | settings.keys())
    changed = [key for key in keys if record.settings.get(key) != settings.get(key)]
    if record.stamp != plan.stamp and record.content_sha256 != plan.content_sha256:
        changed.append("files")
    if changed:
        raise InputError(
            f"{folder}: was made with other {', '.join(changed)} than the configuration now names; "
            f"choose another {argument('out')}, or remove the folder to have it made again"
        )


def _plan(
    source: DatasetConfig,
    out: Path,
    log: Log,
    progress: Progress,
) -> SourcePlan:
    if source.pairs is not None:
        return _pairs_plan(source.pairs, progress)
    if source.scene is not None:
        return _scene_plan(source.scene, progress)
    synthetic = source.synthetic
    if synthetic is None:
        raise ValueError("a source is pairs, scene or synthetic here")
    # all dates of a preset and seed have one terrain
    folder = out / f"{_SYNTHETIC}{synthetic.preset}-{synthetic.seed}"
    return _synthetic_plan(synthetic, folder, log, progress)


def _pairs_plan(source: PairsSource, progress: Progress) -> SourcePlan:
    take = None
    if source.take is not None:
        take = {_band_name(band): _band_name(of) for band, of in source.take.items()}
    request = PairsRequest(
        images=source.images,
        masks=source.masks,
        bands=Bands.parse(",".join(source.bands)),
        plan=_UNDIVIDED,
        mask_suffix=source.mask_suffix,
        take=take,
        units=source.units,
        nodata=source.nodata,
        groups=source.groups,
        codes=LabelCodes.parse(source.landslide_value, source.background_value),
    )
    pairs = match_pairs(request.images, request.masks, request.mask_suffix)
    files = {f"images/{image.name}": image for image, _ in pairs.values()}
    files |= {f"masks/{mask.name}": mask for _, mask in pairs.values()}
    settings = _settings("pairs", source, {"images", "masks", "take"})
    settings["take"] = [[*pair] for pair in (take or {}).items()]  # in the order of the bands
    if source.groups is not None and source.groups.endswith(".csv"):
        files["groups"] = _existing(Path(source.groups))
        settings["groups"] = Path(source.groups).name

    def make(out: Path) -> tuple[str, ...]:
        card = dataset_from_pairs(request, out, progress=progress)
        return (*card.notes, *_label_notes(card))

    return SourcePlan(settings=settings, files=files, make=make)


def _label_notes(card: DatasetCard) -> tuple[str, ...]:
    """Return the warnings on labels, but for the position prior, which has a section of its own."""
    prior = None if card.position_prior is None else card.position_prior.warning
    return sentences(one for one in card.label_warnings if one != prior)


def _scene_plan(source: SceneSource, progress: Progress) -> SourcePlan:
    bands = None if source.bands is None else Bands.parse(",".join(source.bands))
    request = SceneDatasetRequest(
        scene=source.scene,
        labels=source.labels,
        layer=source.layer,
        area=source.area,
        tile=source.tile,
        min_valid=source.min_valid,
        plan=_UNDIVIDED,
        options=SceneOptions(bands=bands, units=source.units, nodata=source.nodata),
        codes=LabelCodes.parse(source.landslide_value, source.background_value),
    )
    files: dict[str, Path] = {}
    for name in ("scene", "labels", "area"):
        path: Path | None = getattr(source, name)
        if path is not None:
            files[name] = _existing(path)
            if path.suffix.lower() == ".shp":
                parts = [path.with_suffix(extension) for extension in _SHAPEFILE_PARTS]
                files |= {f"{name}{part.suffix}": part for part in parts if part.is_file()}

    def make(out: Path) -> tuple[str, ...]:
        made = dataset_from_scene(request, out, progress=progress)
        return (*made.notes, *_label_notes(made.card))

    settings = _settings("scene", source, {"scene", "labels", "area"})
    return SourcePlan(settings=settings, files=files, make=make)


def _merge_plan(
    parts: Mapping[str, TileDataset], events: Mapping[str, str], progress: Progress
) -> SourcePlan:
    pixels = {name: part.card.pixels_sha256 for name, part in parts.items()}

    def make(out: Path) -> tuple[str, ...]:
        merge_datasets(parts, events, out, progress=progress)
        return ()

    return SourcePlan(
        settings={"kind": "join", "pixels": pixels, "events": dict(events)},
        files={name: part.path / INDEX for name, part in parts.items()},
        make=make,
    )


def _band_name(name: str) -> str:
    return Bands.parse(name).names[0]


def _settings(kind: str, source: PairsSource | SceneSource, files: set[str]) -> dict[str, Any]:
    # through JSON, as it is read back: a nodata of NaN, which equals nothing, becomes null
    stated = json.loads(source.model_dump_json(exclude=files, exclude_defaults=True))
    return {"kind": kind, **stated}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path


def _synthetic_plan(
    source: SyntheticSource, folder: Path, log: Log, progress: Progress
) -> SourcePlan:
    """Plan the tiles of one date of synthetic terrain.

    Products of all dates and their scenes are written to ``folder``, until the datasets are made.
    The camera of every date is refined with the reflectance of the first one, so that dates are
    co-registered, and tiles show the same ground at all of them.
    """
    area = study_area(source.preset, source.seed)
    dates = [f"{overpass.beijing_time:%Y%m%d}" for overpass in area.overpasses]
    if source.date not in dates:
        raise InputError(
            f"the preset {source.preset} has the dates {', '.join(dates)}; got {source.date}"
        )

    def make(out: Path) -> tuple[str, ...]:
        products = folder / "products"
        if not products.exists():
            write_series(area, products, log=log)
        request = PreprocessRequest(
            dem=DemRequest(path=products / DEM, heights=HeightReference()),
            reference=RefinementRequest(path=products / f"reflectance_{dates[0]}.tif"),
        )
        product = next(products.glob(f"GF1_*_{source.date}_*.tar.gz"))
        callbacks = ProgressCallbacks(
            log=lambda line: log(f"{source.date}: {line}"), progress=progress
        )
        tiles = SceneDatasetRequest(
            scene=preprocess(product, folder / "scenes", request, callbacks).scene,
            labels=products / f"landslides_{source.date}.gpkg",
            area=products / AREA,
            tile=source.tile,
            plan=_UNDIVIDED,
        )
        made = dataset_from_scene(tiles, out, progress=progress)
        origin = f"synthetic terrain: preset {source.preset}, seed {source.seed}, {source.date}"
        return (origin, *made.notes, *_label_notes(made.card))

    settings = {"kind": "synthetic", **source.model_dump(mode="json")}
    return SourcePlan(settings=settings, files={}, make=make)
