"""Datasets from a folder of images and a folder of masks of the same names."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from landslip.bands import Bands
from landslip.choices import Units
from landslip.dataset.format import BACKGROUND, IGNORE, DatasetCard, Tile
from landslip.dataset.write import DatasetWriter, Description, Origin
from landslip.errors import InputError
from landslip.labels import mask_to_label
from landslip.output import staged_folder
from landslip.progress import Progress, silent
from landslip.raster import Mask, Scene, SceneOptions
from landslip.split import SplitPlan

SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsRequest:
    """What `dataset_from_pairs` reads, and how it deals the tiles out.

    Attributes:
        groups: a regular expression or a CSV file (columns name, group) that keeps tiles together;
            None makes each tile a group of its own.
    """

    images: Path
    masks: Path
    bands: Bands
    plan: SplitPlan
    units: Units | None = None
    nodata: float | None = None
    groups: str | None = None

    @property
    def scene_options(self) -> SceneOptions:
        """How each image is opened."""
        return SceneOptions(bands=self.bands, units=self.units, nodata=self.nodata)


def dataset_from_pairs(
    request: PairsRequest, out: Path, *, overwrite: bool = False, progress: Progress = silent
) -> DatasetCard:
    """Make a dataset of image and mask files; see `PairsRequest`.

    Masks hold 0 and 1, or 0 and 255; masks saved as JPEG, which blurs values, are cut at 127.

    Raises:
        InputError: names or sizes do not match, or a file cannot be used; the file is named.
    """
    pairs = match_pairs(request.images, request.masks)
    group_of = grouping(request.groups, list(pairs))
    with staged_folder(out, overwrite=overwrite) as stage:
        description = _describe(request, [image for image, _ in pairs.values()])
        with DatasetWriter(stage, description) as writer:
            for done, (name, (image, mask)) in enumerate(pairs.items(), start=1):
                with Scene(image, request.scene_options) as scene:
                    window = scene.grid.window
                    tile = _read_pair(name, scene, mask)
                    writer.add(
                        tile,
                        Origin(scene=name, window=window, group=group_of(name), grid=scene.grid),
                    )
                progress(done, len(pairs))
            return writer.finish()


def match_pairs(images: Path, masks: Path) -> dict[str, tuple[Path, Path]]:
    """Pair image and mask files by name without its ending, in the order of the names.

    Raises:
        InputError: a folder is missing or empty, a file has no partner, or a name is there twice.
    """
    by_name, masks_by_name = _files(images, "--images"), _files(masks, "--masks")
    for here, there, folder in ((by_name, masks_by_name, masks), (masks_by_name, by_name, images)):
        alone = sorted(set(here) - set(there))
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise InputError(
                f"{here[alone[0]]}{more}: every image needs a mask of the same name; "
                f"there is no {alone[0]} in {folder}"
            )
    return {name: (by_name[name], masks_by_name[name]) for name in sorted(by_name)}


def grouping(groups: str | None, names: list[str]) -> Callable[[str], str]:
    """Return the function from a tile's name to its group.

    A regular expression is matched at the start of the name: its first group, or all it matches,
    is the tile's group.

    Raises:
        InputError: the expression is not valid, or some name gets no group.
    """
    if groups is None:
        return lambda name: name
    table = _group_table(Path(groups)) if groups.endswith(".csv") else _matches(groups, names)
    without = [name for name in names if name not in table]
    if without:
        raise InputError(
            f"--groups {groups}: every tile needs a group, and {without[0]} "
            f"(with {len(without) - 1} others) gets none"
        )
    return table.__getitem__


def _files(folder: Path, option: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: {option} is a folder, and this is none")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(f"{path}: {found[path.stem].name} has the same name; keep one of them")
        found[path.stem] = path
    if not found:
        raise InputError(f"{folder}: {option} holds no image ({', '.join(SUFFIXES)})")
    return found


def _matches(expression: str, names: list[str]) -> dict[str, str]:
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise InputError(f"--groups {expression}: not a regular expression ({error})") from error
    found = {name: pattern.match(name) for name in names}
    groups = {name: match[min(1, pattern.groups)] for name, match in found.items() if match}
    return {name: group for name, group in groups.items() if group is not None}


def _group_table(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise InputError(f"{path}: no such file (--groups)")
    with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets write the mark
        rows = list(csv.DictReader(file))
    if not rows or not {"name", "group"} <= set(rows[0]):
        raise InputError(f"{path}: the columns name and group are needed")
    return {_without_suffix(row["name"]): row["group"] for row in rows if row["group"]}


def _without_suffix(name: str) -> str:
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


def _describe(request: PairsRequest, images: list[Path]) -> Description:
    """Look at every image's header; all must have one data type, scale and offset."""
    with Scene(images[0], request.scene_options) as scene:
        radiometry, nodata = scene.radiometry, scene.nodata
    sides: list[int] = []
    resolutions: set[float | None] = set()
    for image in images:
        with Scene(image, request.scene_options) as scene:
            sides.append(max(scene.grid.shape))
            resolutions.add(scene.grid.resolution_m)
            if scene.radiometry != radiometry:
                raise InputError(
                    f"{image}: all images need one data type, scale and offset; this one has "
                    f"{scene.radiometry} and {images[0].name} has {radiometry}"
                )
    return Description(
        bands=request.bands,
        radiometry=radiometry,
        nodata=nodata,
        resolution_m=resolutions.pop() if len(resolutions) == 1 else None,
        tile_size=max(sides),
        source=f"pairs: {request.images.name}, {request.masks.name}",
        split_method="random by tile" if request.groups is None else f"groups: {request.groups}",
        plan=request.plan,
    )


def _read_pair(name: str, scene: Scene, mask_path: Path) -> Tile:
    stored, valid = scene.read(scene.grid.window)
    with Mask(mask_path) as mask:
        if mask.shape != scene.grid.shape:
            raise InputError(
                f"{mask_path}: a mask has its image's size; this one has "
                f"{mask.shape[1]} x {mask.shape[0]} px and {scene.path.name} has "
                f"{scene.grid.shape[1]} x {scene.grid.shape[0]}"
            )
        codes, known = mask.read()
        codes[~known] = BACKGROUND
        label = mask_to_label(codes, lossy=mask.is_lossy, path=mask_path)
    label[~known] = IGNORE
    return Tile(tile_id=name, stored=stored, label=label, valid=valid)
