"""Datasets from folders of images and folders of masks of the same names."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.core.errors import InputError, LandslipError, argument
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.core.text import read_table
from landslip.datasets.format import DatasetCard, Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.io.label_masks import LabelCodes, MaskRule, MaskSurvey, decide_rule
from landslip.io.raster import Mask, Scene, SceneOptions
from landslip.io.raster.validity import Stored, Valid

PICTURE_SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg")
FilePairs = dict[str, tuple[Path, Path]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsRequest:
    """What `dataset_from_pairs` reads, and how the split is assigned.

    Folders of ``images`` and ``masks`` match by position; masks have ``mask_suffix`` after the
    names of images. ``take`` has the tiles' bands, each with the file's band that it is read from,
    which may be used twice; None: the files' bands. ``groups`` is a regular expression or a CSV
    file (columns name, group) that keeps tiles together; None: each tile is a group. ``codes`` are
    what the numbers of masks are stated to be.
    """

    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    bands: Bands
    plan: SplitPlan
    mask_suffix: str = ""
    take: Mapping[str, str] | None = None
    units: Units | None = None
    nodata: float | None = None
    groups: str | None = None
    codes: LabelCodes = field(default_factory=LabelCodes)

    def __post_init__(self) -> None:
        for band, of_file in (self.take or {}).items():
            if of_file not in self.bands.names:
                raise InputError(
                    f"{argument('take')}: {band} is read from {of_file}, which is not among the "
                    f"files' bands {self.bands}"
                )

    @property
    def scene_options(self) -> SceneOptions:
        """How each image is opened."""
        return SceneOptions(bands=self.bands, units=self.units, nodata=self.nodata)

    @property
    def band_notes(self) -> tuple[str, ...]:
        """Which of the tiles' bands have another name in the files."""
        take = (self.take or {}).items()
        return tuple(f"{band} is the files' {of_file}" for band, of_file in take if band != of_file)


def dataset_from_pairs(
    request: PairsRequest, out: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> DatasetCard:
    """Make a dataset of image and mask files; see `PairsRequest`.

    What the numbers of masks mean is decided for all of them: `landslip.io.label_masks`. Masks
    saved as JPEG, which blurs edges, are split at 127.

    Raises:
        InputError: names or sizes do not match, or a file cannot be used; the file is named.
    """
    pairs = match_pairs(request.images, request.masks, request.mask_suffix)
    group_of = grouping(request.groups, list(pairs))
    with atomic_directory(out, overwrite=overwrite) as stage:
        description, notes = _describe_pairs(request, pairs)
        rule = decide_rule(_survey_masks(pairs), request.codes)
        with DatasetWriter(stage, description) as writer:
            for done, (name, (image, mask)) in enumerate(pairs.items(), start=1):
                with Scene(image, request.scene_options) as scene:
                    grid = scene.grid
                    stored, valid = _read_bands(scene, request)
                    label = _read_label(mask, scene, rule)
                tile = Tile(tile_id=name, stored=stored, label=label, valid=valid)
                group = group_of(name)
                writer.add(tile, TileOrigin(scene=name, window=grid.window, group=group, grid=grid))
                progress(done, len(pairs))
            return writer.finish(notes=(*notes, *rule.notes))


def _describe_pairs(
    request: PairsRequest, pairs: FilePairs
) -> tuple[DatasetDescription, tuple[str, ...]]:
    """Read every image's header; all must have the same data type, scale and offset.

    Notes are on what looks wrong in them, each with the first image that has it.
    """
    images = [image for image, _ in pairs.values()]
    with _open_first(pairs, request.scene_options) as scene:
        radiometry, nodata, bands = scene.radiometry, scene.nodata, scene.bands
    notes: dict[str, str] = {}
    sides: list[int] = []
    resolutions: set[float | None] = set()
    for image in images:
        with Scene(image, request.scene_options) as scene:
            sides.append(max(scene.grid.shape))
            for note in scene.validity.notes:
                notes.setdefault(note.key, f"{image.name}: {note.text()}")
            resolutions.add(scene.grid.resolution_m)
            if scene.radiometry != radiometry:
                raise InputError(
                    f"{image}: all images need one data type, scale and offset; this one has "
                    f"{scene.radiometry} and {images[0].name} has {radiometry}"
                )
    distinct = list(dict.fromkeys((*request.images, *request.masks)))
    folders = [folder.name for folder in distinct]
    if len(set(folders)) < len(folders):
        folders = [f"{folder.parent.name}/{folder.name}" for folder in distinct]
    taken = of_files = bands
    if request.take is not None:
        taken = Bands(tuple(request.take))
        of_files = Bands(tuple(dict.fromkeys(request.take.values())))
    description = DatasetDescription(
        bands=taken,
        radiometry=radiometry.select(bands.positions_of(of_files)),
        nodata=nodata,
        resolution_m=resolutions.pop() if len(resolutions) == 1 else None,
        tile_size=max(sides),
        source=f"pairs: {'; '.join([', '.join(folders), *request.band_notes])}",
        split_method="random by tile" if request.groups is None else f"groups: {request.groups}",
        plan=request.plan,
    )
    return description, tuple(notes.values())


def _open_first(pairs: FilePairs, options: SceneOptions) -> Scene:
    """Open the first image; where only its mask can be, ask whether the folders are exchanged."""
    image, mask = next(iter(pairs.values()))
    try:
        return Scene(image, options)
    except InputError as error:
        try:
            Scene(mask, options).close()
        except LandslipError:
            raise error from None
        raise InputError(
            f"{error}. {mask.name} of {argument('masks')} is what an image should be: are "
            f"{argument('images')} and {argument('masks')} exchanged?"
        ) from error


def _read_bands(scene: Scene, request: PairsRequest) -> tuple[Stored, Valid]:
    """Read the tiles' bands (bands, height, width), and where all of them are valid."""
    if request.take is None:
        return scene.read(scene.grid.window)
    needed = Bands(tuple(dict.fromkeys(request.take.values())))
    stored, valid = scene.read(scene.grid.window, needed)
    return stored[[needed.names.index(of_file) for of_file in request.take.values()]], valid


def _survey_masks(pairs: FilePairs) -> MaskSurvey:
    """Read all masks, since a rule for what their numbers mean is that of all of them."""
    survey = MaskSurvey()
    for _, path in pairs.values():
        with Mask(path) as mask:
            survey.add(mask)
    return survey


def _read_label(mask_path: Path, scene: Scene, rule: MaskRule) -> NDArray[np.uint8]:
    """Read a label (height, width)."""
    with Mask(mask_path) as mask:
        if mask.shape != scene.grid.shape:
            raise InputError(
                f"{mask_path}: a mask has its image's size; this one has "
                f"{mask.shape[1]} x {mask.shape[0]} px and {scene.path.name} has "
                f"{scene.grid.shape[1]} x {scene.grid.shape[0]}"
            )
        return rule.label(mask)


def match_pairs(
    images: tuple[Path, ...], masks: tuple[Path, ...], mask_suffix: str = ""
) -> FilePairs:
    """Pair image and mask files by their stems, in the order of names.

    The first folder of images belongs to the first folder of masks, and so on. With a
    ``mask_suffix``, say ``_label``, the mask of ``a.jpg`` is ``a_label`` with any extension; both
    may then be in one folder.

    Raises:
        InputError: the numbers of folders differ, one is missing or empty, a file has no
            counterpart, or two have one name.
    """
    if not images or len(images) != len(masks):
        raise InputError(
            f"each folder of images needs its folder of masks, in the same order; got "
            f"{len(images)} {argument('images')} and {len(masks)} {argument('masks')}"
        )
    pairs: FilePairs = {}
    for image_folder, mask_folder in zip(images, masks, strict=True):
        found = _match_folder(image_folder, mask_folder, mask_suffix)
        for name in sorted(pairs.keys() & found.keys()):
            raise InputError(
                f"{found[name][0]}: {pairs[name][0]} has the same name; names of tiles are unique, "
                "rename one of them"
            )
        pairs |= found
    return {name: pairs[name] for name in sorted(pairs)}


def _match_folder(images: Path, masks: Path, mask_suffix: str) -> FilePairs:
    image_files = _pictures(images, "images")
    mask_files = _pictures(masks, "masks")
    if images.resolve() == masks.resolve():
        if not mask_suffix:
            raise InputError(
                f"{images}: images and masks are in one folder; state how masks are named by "
                f"{argument('mask_suffix')}, e.g. _label where the mask of a.jpg is a_label.jpg"
            )
        image_files = [path for path in image_files if not path.stem.endswith(mask_suffix)]
    mask_files = [path for path in mask_files if path.stem.endswith(mask_suffix)]
    by_name = _by_name(image_files, "")
    masks_by_name = _by_name(mask_files, mask_suffix)
    rule = "a mask of the same name" + (f" and {mask_suffix}" if mask_suffix else "")
    for here, there, folder, suffix in (
        (by_name, masks_by_name, masks, mask_suffix),
        (masks_by_name, by_name, images, ""),
    ):
        alone = sorted(set(here) - set(there))
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise InputError(
                f"{here[alone[0]]}{more}: every image needs {rule}; "
                f"there is no {alone[0]}{suffix} in {folder}"
            )
    return {name: (by_name[name], masks_by_name[name]) for name in by_name}


def _pictures(folder: Path, name: str) -> list[Path]:
    if not folder.is_dir():
        problem = "a folder is needed, and this is a file" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {problem}; check {argument(name)}")
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    ]
    if not found:
        raise InputError(
            f"{folder}: {argument(name)} holds no image ({', '.join(PICTURE_SUFFIXES)})"
        )
    return found


def _by_name(files: Iterable[Path], suffix: str) -> dict[str, Path]:
    """Return files by their stem without ``suffix``."""
    found: dict[str, Path] = {}
    for path in files:
        name = path.stem.removesuffix(suffix)
        if name in found:
            raise InputError(f"{path}: {found[name].name} has the same name; keep one of them")
        found[name] = path
    return found


def grouping(groups: str | None, names: list[str]) -> Callable[[str], str]:
    """Return the function from a tile's name to its group.

    A regular expression is matched at the start of the name: its first group, or else the whole
    match, is the tile's group.

    Raises:
        InputError: the expression is invalid, or does not give every name a group.
    """
    if groups is None:
        return lambda name: name
    if groups.lower().endswith(".csv"):
        table = _group_table(Path(groups))
    else:
        try:
            pattern = re.compile(groups)
        except re.error as error:
            raise InputError(
                f"{argument('groups', groups)}: not a regular expression ({error})"
            ) from error
        matches = [(name, pattern.match(name)) for name in names]
        found = [(name, match[min(1, pattern.groups)]) for name, match in matches if match]
        table = {name: group for name, group in found if group is not None}
    without = [name for name in names if name not in table]
    if without:
        raise InputError(
            f"{argument('groups', groups)}: every tile needs a group, and {without[0]} "
            f"(with {len(without) - 1} others) gets none"
        )
    return table.__getitem__


def _group_table(path: Path) -> dict[str, str]:
    rows = read_table(path)
    if not rows or not {"name", "group"} <= set(rows[0]):
        raise InputError(f"{path}: the columns name and group are needed")
    table = {}
    for row in rows:
        if row["group"]:
            name = Path(row["name"])
            is_picture = name.suffix.lower() in PICTURE_SUFFIXES
            table[name.stem if is_picture else name.name] = row["group"]
    return table
