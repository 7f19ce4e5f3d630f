"""Plans of data sets: what each kind of source is made from, and how."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.progress import Progress
from landslip.datasets.format import INDEX, TileDataset
from landslip.datasets.join import join_datasets
from landslip.datasets.pair_files import match_pairs
from landslip.datasets.pairs import PairsRequest, dataset_from_pairs
from landslip.datasets.scene import SceneRequest, dataset_from_scene
from landslip.datasets.split_plan import SplitPlan
from landslip.experiments.config import PairsSource, SceneSource
from landslip.experiments.source_record import Origins
from landslip.io.raster import SceneOptions

UNDIVIDED = SplitPlan(test_share=0, val_share=0)
_SHAPEFILE_PARTS = (".dbf", ".shx", ".prj", ".cpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """How a data set is made.

    Attributes:
        origins: what it is made from.
        make: makes it in a folder that is not there yet, and returns what was noticed.
    """

    origins: Origins
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

    return SourcePlan(origins=Origins(settings=settings, files=files), make=make)


def scene_plan(source: SceneSource, progress: Progress) -> SourcePlan:
    """Plan a data set of a scene and its labels.

    Raises:
        InputError: a file is missing, or a setting out of range.
    """
    bands = None if source.bands is None else Bands.parse(",".join(source.bands))
    request = SceneRequest(
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

    return SourcePlan(origins=Origins(settings=settings, files=files), make=make)


def join_plan(
    parts: Mapping[str, TileDataset], events: Mapping[str, str], progress: Progress
) -> SourcePlan:
    """Plan a data set of the tiles of others; ``events`` gives the event of each."""
    pixels = {name: part.card.pixels_sha256 for name, part in parts.items()}
    settings = {"kind": "join", "pixels": pixels, "events": dict(events)}
    files = {name: part.path / INDEX for name, part in parts.items()}

    def make(out: Path) -> tuple[str, ...]:
        join_datasets(parts, events, out, progress=progress)
        return ()

    return SourcePlan(origins=Origins(settings=settings, files=files), make=make)


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
