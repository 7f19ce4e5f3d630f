"""The data sets of an experiment, made from what its configuration names.

Scenes of made-up ground: products of all its dates, and of each date a scene when it is needed.

All is kept in a folder of its own until the data sets are cut. What is not finished is begun again.

What a data set of an experiment was made from, kept beside it so that it is made once.

Files are known by their content: where size and time of all are as before, they count as the same
unread; else a digest of what is in them decides.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from landslip.core.bands import Bands
from landslip.core.choices import StudyPreset
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, move_into_place, sha256_of
from landslip.core.progress import Progress, no_progress
from landslip.core.records import StrictModel
from landslip.datasets.format import INDEX, TileDataset
from landslip.datasets.merge import merge_datasets
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
from landslip.io.raster import SceneOptions
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.pipeline.run import PreprocessRequest, ProgressCallbacks, preprocess
from landslip.synthetic.series import (
    AREA,
    DEM,
    StudyArea,
    small_area,
    wenchuan_area,
    write_series,
)

SOURCE_RECORD = "source.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInputs:
    """What a data set is to be made from.

    Attributes:
        settings: all that is said of it but where its files lie.
        files: by a name that does not change when the data are moved.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def stamp(self) -> str:
        """A digest of the files' names, sizes and times."""
        lines = []
        for name, path in sorted(self.files.items()):
            found = path.stat()
            lines.append(f"{name}\t{path.resolve()}\t{found.st_size}\t{found.st_mtime_ns}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def content_sha256(self) -> str:
        """A digest of the files' names and content."""
        lines = [f"{name}\t{sha256_of(path)}" for name, path in sorted(self.files.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class SourceRecord(StrictModel):
    """``source.json``: what a finished data set was made from, and what was noticed."""

    settings: dict[str, Any]
    stamp: str
    content_sha256: str
    notes: tuple[str, ...]


def write_record(folder: Path, origins: SourceInputs, notes: Sequence[str]) -> None:
    """Write ``source.json`` into the folder of a data set."""
    record = SourceRecord(
        settings=dict(origins.settings),
        stamp=origins.stamp,
        content_sha256=origins.content_sha256,
        notes=tuple(notes),
    )
    (folder / SOURCE_RECORD).write_text(record.model_dump_json(indent=1) + "\n")


def read_record(folder: Path) -> SourceRecord:
    """Read ``source.json`` of a data set's folder.

    Raises:
        InputError: it is not there, or damaged.
    """
    try:
        return SourceRecord.model_validate_json((folder / SOURCE_RECORD).read_text())
    except (FileNotFoundError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"{folder}: was not made by an experiment ({SOURCE_RECORD} is not there, or damaged); "
            "remove it or choose another --out"
        ) from error


def refuse_changed_inputs(folder: Path, record: SourceRecord, origins: SourceInputs) -> None:
    """Stop where a data set was made from anything else than what is asked for now.

    Raises:
        InputError: settings or files are others; the message names them.
    """
    now: Mapping[str, Any] = origins.settings
    keys = sorted(record.settings.keys() | now.keys())
    changed = [key for key in keys if record.settings.get(key) != now.get(key)]
    same_files = record.stamp == origins.stamp or record.content_sha256 == origins.content_sha256
    if not same_files:
        changed.append("files")
    if changed:
        raise InputError(
            f"{folder}: was made with other {', '.join(changed)} than the configuration now "
            "names; choose another --out, or remove the folder to have it made again"
        )


UNDIVIDED = SplitPlan(test_share=0, val_share=0)
_SHAPEFILE_PARTS = (".dbf", ".shx", ".prj", ".cpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """How a data set is made.

    Attributes:
        origins: what it is made from.
        make: makes it in a folder that is not there yet, and returns what was noticed.
    """

    origins: SourceInputs
    make: Callable[[Path], tuple[str, ...]]


def pairs_plan(source: PairsSource, progress: Progress) -> SourcePlan:
    """Plan a data set of image and mask files.

    Raises:
        InputError: folders are missing, files have no partner, or bands are not the files'.
    """
    request = _pairs_request(source)
    pairs = match_pairs(request.images, request.masks, request.mask_suffix)
    files = {f"images/{image.name}": image for image, _ in pairs.values()}
    files |= {f"masks/{mask.name}": mask for _, mask in pairs.values()}
    settings = _settings("pairs", source, {"images", "masks", "take"})
    settings["take"] = [
        [*pair] for pair in (request.take or {}).items()
    ]  # their order is that of the bands
    if source.groups is not None and source.groups.endswith(".csv"):
        files["groups"] = _file(Path(source.groups))
        settings["groups"] = Path(source.groups).name

    def make(out: Path) -> tuple[str, ...]:
        dataset_from_pairs(request, out, progress=progress)
        return tuple(f"{band} is the files' {of}" for band, of in request.renamed.items())

    return SourcePlan(origins=SourceInputs(settings=settings, files=files), make=make)


def scene_plan(source: SceneSource, progress: Progress) -> SourcePlan:
    """Plan a data set of a scene and its labels.

    Raises:
        InputError: a file is missing, or a setting out of range.
    """
    bands = None if source.bands is None else Bands.parse(",".join(source.bands))
    request = SceneDatasetRequest(
        scene=source.scene,
        labels=source.labels,
        layer=source.layer,
        area=source.area,
        tile=source.tile,
        min_valid=source.min_valid,
        plan=UNDIVIDED,
        options=SceneOptions(bands=bands, units=source.units, nodata=source.nodata),
    )
    named = {"scene": source.scene, "labels": source.labels, "area": source.area}
    files: dict[str, Path] = {}
    for name, path in named.items():
        if path is not None:
            files |= _with_parts(name, _file(path))
    settings = _settings("scene", source, {"scene", "labels", "area"})

    def make(out: Path) -> tuple[str, ...]:
        return dataset_from_scene(request, out, progress=progress).notes

    return SourcePlan(origins=SourceInputs(settings=settings, files=files), make=make)


def merge_plan(
    parts: Mapping[str, TileDataset], events: Mapping[str, str], progress: Progress
) -> SourcePlan:
    """Plan a data set of the tiles of others; ``events`` gives the event of each."""
    pixels = {name: part.card.pixels_sha256 for name, part in parts.items()}
    settings = {"kind": "join", "pixels": pixels, "events": dict(events)}
    files = {name: part.path / INDEX for name, part in parts.items()}

    def make(out: Path) -> tuple[str, ...]:
        merge_datasets(parts, events, out, progress=progress)
        return ()

    return SourcePlan(origins=SourceInputs(settings=settings, files=files), make=make)


def _pairs_request(source: PairsSource) -> PairsRequest:
    take = None
    if source.take is not None:
        take = {_band(band): _band(of_file) for band, of_file in source.take.items()}
    return PairsRequest(
        images=source.images,
        masks=source.masks,
        bands=Bands.parse(",".join(source.bands)),
        plan=UNDIVIDED,
        mask_suffix=source.mask_suffix,
        take=take,
        units=source.units,
        nodata=source.nodata,
        groups=source.groups,
    )


def _band(name: str) -> str:
    """Return a band's name without case and short forms."""
    return Bands.parse(name).names[0]


def _settings(kind: str, source: PairsSource | SceneSource, files: set[str]) -> dict[str, Any]:
    # as it is read back later: a nodata value of NaN, which equals nothing, becomes null
    stated = json.loads(source.model_dump_json(exclude=files, exclude_defaults=True))
    return {"kind": kind, **stated}


def _file(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path


def _with_parts(name: str, path: Path) -> dict[str, Path]:
    """Return a file, and of a shapefile the files that belong to it."""
    files = {name: path}
    if path.suffix.lower() == ".shp":
        beside = [path.with_suffix(ending) for ending in _SHAPEFILE_PARTS]
        files |= {f"{name}{part.suffix}": part for part in beside if part.is_file()}
    return files


_PRODUCTS, _SCENES = "products", "scenes"
_AREAS = {StudyPreset.WENCHUAN: wenchuan_area, StudyPreset.SMALL: small_area}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticScenes:
    """Made-up ground in a folder that is made when it is first needed.

    Attributes:
        folder: of its own.
        area: the ground and its dates.
        tell: told of each step.
        progress: told how far the writing of a scene is.
    """

    folder: Path
    area: StudyArea
    tell: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress

    def scene_request(self, date: str, tile: int) -> SceneDatasetRequest:
        """Return how the tiles of one date are cut; products and scene are made before.

        The camera of every date is corrected by the ground's reflectance on the first one, so that
        dates lie pixel on pixel, and tiles show the same ground at all of them.
        """
        products = self.folder / _PRODUCTS
        if not products.exists():
            write_series(self.area, products, log=self.tell)
        request = PreprocessRequest(
            dem=DemRequest(path=products / DEM, heights=HeightReference()),
            reference=RefinementRequest(path=products / f"reflectance_{_dates(self.area)[0]}.tif"),
        )
        product = next(products.glob(f"GF1_*_{date}_*.tar.gz"))
        watch = ProgressCallbacks(
            log=lambda line: self.tell(f"{date}: {line}"), progress=self.progress
        )
        made = preprocess(product, self.folder / _SCENES, request, watch)
        return SceneDatasetRequest(
            scene=made.scene,
            labels=products / f"landslides_{date}.gpkg",
            area=products / AREA,
            tile=tile,
            plan=UNDIVIDED,
        )

    def remove(self) -> None:
        """Remove products and scenes: they can be made again from the seed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def synthetic_plan(source: SyntheticSource, ground: SyntheticScenes) -> SourcePlan:
    """Plan a data set of one date of made-up ground.

    Raises:
        InputError: the ground is not seen on that date.
    """
    if source.date not in _dates(ground.area):
        raise InputError(
            f"the preset {source.preset} is seen on {', '.join(_dates(ground.area))}; "
            f"got {source.date}"
        )
    settings = {"kind": "synthetic", **source.model_dump(mode="json")}

    def make(out: Path) -> tuple[str, ...]:
        request = ground.scene_request(source.date, source.tile)
        made = dataset_from_scene(request, out, progress=ground.progress)
        whence = f"made-up ground: preset {source.preset}, seed {source.seed}, {source.date}"
        return (whence, *made.notes)

    return SourcePlan(origins=SourceInputs(settings=settings, files={}), make=make)


def study_area(source: SyntheticSource) -> StudyArea:
    """Return the ground that a source names."""
    return _AREAS[source.preset](source.seed)


def _dates(area: StudyArea) -> list[str]:
    return [f"{look.beijing_time:%Y%m%d}" for look in area.overpasses]


Tell = Callable[[str], None]


def prepare_datasets(
    config: ExperimentConfig,
    out: Path,
    tell: Tell = lambda _line: None,
    progress: Progress = no_progress,
) -> dict[str, TileDataset]:
    """Make each data set of an experiment in ``out/NAME``, or take up one made before.

    Tiles are not divided: each is one for training. Data sets that are tiles already are opened
    where they lie. A data set that was begun and not finished is begun again. What can be seen to
    be wrong without reading pixels is told before anything is made.

    Raises:
        InputError: a source cannot be used, or a folder holds a data set of another description;
            the data set is named.
    """
    work = _Preparation(config=config, out=out, tell=tell, progress=progress)
    work.plan()
    work.make()
    return {name: work.datasets[name] for name in config.datasets}


def source_notes(out: Path, name: str) -> tuple[str, ...]:
    """Return what was noticed while ``out/name`` was made; none for tiles opened where they lie."""
    return read_record(out / name).notes if (out / name / SOURCE_RECORD).is_file() else ()


@dataclass(slots=True, kw_only=True)
class _Preparation:
    """Data sets under way."""

    config: ExperimentConfig
    out: Path
    tell: Tell
    progress: Progress
    plans: dict[str, SourcePlan] = field(default_factory=dict)
    grounds: dict[str, SyntheticScenes] = field(default_factory=dict)
    datasets: dict[str, TileDataset] = field(default_factory=dict)

    def plan(self) -> None:
        """Look at every source; open tiles, and refuse folders of other descriptions."""
        for name, source in self.config.datasets.items():
            with _named(name):
                self._plan_one(name, source)
                if name in self.plans:
                    _refuse_other(self.out / name, self.plans[name])

    def make(self) -> None:
        """Make what is missing; joined data sets last, since they need the others."""
        for name, plan in self.plans.items():
            self._make_one(name, plan)
        for ground in self.grounds.values():
            ground.remove()
        for name, source in self.config.datasets.items():
            if source.join is not None:
                self._make_one(name, self._join(source.join))

    def _plan_one(self, name: str, source: DatasetConfig) -> None:
        if source.tiles is not None:
            self.datasets[name] = TileDataset(source.tiles)
        if source.pairs is not None:
            self.plans[name] = pairs_plan(source.pairs, self.progress)
        if source.scene is not None:
            self.plans[name] = scene_plan(source.scene, self.progress)
        if source.synthetic is not None:
            self.plans[name] = synthetic_plan(source.synthetic, self._ground(source.synthetic))
        if source.join is not None:
            self._check_parts(source.join)

    def _make_one(self, name: str, plan: SourcePlan) -> None:
        """Make a data set or take it up, and open it."""
        folder = self.out / name
        with _named(name):
            if folder.exists():
                _refuse_other(folder, plan)
                self.tell(f"data set {name}: was there already")
            else:
                self.tell(f"data set {name} ...")
                with atomic_directory(folder, overwrite=False) as stage:
                    notes = plan.make(stage / "tiles")
                    move_into_place(stage / "tiles", stage)
                    (stage / "tiles").rmdir()
                    write_record(stage, plan.origins, notes)
            self.datasets[name] = TileDataset(folder)

    def _check_parts(self, parts: tuple[str, ...]) -> None:
        if len(set(parts)) != len(parts):
            raise InputError(f"each data set is joined once; got {', '.join(parts)}")
        joined = [part for part in parts if self.config.datasets[part].join is not None]
        if joined:
            raise InputError(f"{joined[0]} is itself joined; name the data sets that it is made of")

    def _join(self, names: tuple[str, ...]) -> SourcePlan:
        parts = {name: self.datasets[name] for name in names}
        events = {name: self.config.datasets[name].event or name for name in names}
        return merge_plan(parts, events, self.progress)

    def _ground(self, source: SyntheticSource) -> SyntheticScenes:
        """Return the ground that all dates of a preset and seed share."""
        # no data set can have this name: two hyphens never meet in one
        key = f"synthetic--{source.preset}-{source.seed}"
        if key not in self.grounds:
            self.grounds[key] = SyntheticScenes(
                folder=self.out / key,
                area=study_area(source),
                tell=self.tell,
                progress=self.progress,
            )
        return self.grounds[key]


def _refuse_other(folder: Path, plan: SourcePlan) -> None:
    """Stop where a folder is there and was not made from this description."""
    if folder.exists():
        refuse_changed_inputs(folder, read_record(folder), plan.origins)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put a data set's name before what is wrong with it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"data set {name}: {error}") from error
