"""Datasets from folders of images and folders of masks of the same names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import BACKGROUND, IGNORE, DatasetCard, Tile
from landslip.datasets.groups import grouping
from landslip.datasets.pair_files import match_pairs
from landslip.datasets.split_plan import SplitPlan
from landslip.datasets.write import DatasetWriter, Description, Origin
from landslip.io.labels import mask_to_label
from landslip.io.raster import Mask, Scene, SceneOptions
from landslip.io.raster.scene import Stored, Valid


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsRequest:
    """What `dataset_from_pairs` reads, and how it deals the tiles out.

    Attributes:
        images: folders; each goes with the folder of ``masks`` in the same place.
        bands: of the files, in their order.
        mask_suffix: what the names of masks have after those of images, such as ``_label``.
        take: the tiles' bands, each with the file's band that it is made of; one of the file's
            may serve twice. None takes the file's own.
        groups: a regular expression or a CSV file (columns name, group) that keeps tiles together;
            None makes each tile a group of its own.
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

    def __post_init__(self) -> None:
        for band, of_file in (self.take or {}).items():
            if of_file not in self.bands.names:
                raise InputError(
                    f"{band} is to be made of {of_file}, and the files' bands are {self.bands}"
                )

    @property
    def scene_options(self) -> SceneOptions:
        """How each image is opened."""
        return SceneOptions(bands=self.bands, units=self.units, nodata=self.nodata)

    @property
    def tile_bands(self) -> Bands:
        """The bands that tiles have."""
        return self.bands if self.take is None else Bands(tuple(self.take))

    @property
    def source(self) -> str:
        """What a dataset says of where it comes from."""
        folders = ", ".join(_called((*self.images, *self.masks)))
        renamed = [f"{band} is the files' {of_file}" for band, of_file in self.renamed.items()]
        return f"pairs: {'; '.join([folders, *renamed])}"

    @property
    def renamed(self) -> dict[str, str]:
        """Tiles' bands that are of another name in the files."""
        return {band: other for band, other in (self.take or {}).items() if band != other}


def dataset_from_pairs(
    request: PairsRequest, out: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> DatasetCard:
    """Make a dataset of image and mask files; see `PairsRequest`.

    Masks hold 0 and 1, or 0 and 255; masks saved as JPEG, which blurs values, are cut at 127.

    Raises:
        InputError: names or sizes do not match, or a file cannot be used; the file is named.
    """
    pairs = match_pairs(request.images, request.masks, request.mask_suffix)
    group_of = grouping(request.groups, list(pairs))
    with atomic_directory(out, overwrite=overwrite) as stage:
        description = _describe(request, [image for image, _ in pairs.values()])
        blurred = _BlurredMasks()
        with DatasetWriter(stage, description) as writer:
            for done, (name, (image, mask)) in enumerate(pairs.items(), start=1):
                with Scene(image, request.scene_options) as scene:
                    window = scene.grid.window
                    stored, valid = _read_bands(scene, request)
                    label = _read_label(mask, scene, blurred)
                    tile = Tile(tile_id=name, stored=stored, label=label, valid=valid)
                    writer.add(
                        tile,
                        Origin(scene=name, window=window, group=group_of(name), grid=scene.grid),
                    )
                progress(done, len(pairs))
            blurred.refuse_if_dark()
            return writer.finish()


class _BlurredMasks:
    """Notices masks of 0 and 1 that were saved as JPEG: cut at 127, they would be empty."""

    def __init__(self) -> None:
        self._brightest, self._path = 0, Path()

    def see(self, path: Path, codes: Stored) -> None:
        brightest = int(codes.max(initial=0))
        if brightest > self._brightest:
            self._brightest, self._path = brightest, path

    def refuse_if_dark(self) -> None:
        if 0 < self._brightest <= 127:
            raise InputError(
                f"{self._path}: masks saved as JPEG hold 0 and 255 and are cut at 127, and the "
                f"brightest pixel of all of them is {self._brightest}; save masks of 0 and 1 as PNG"
            )


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
        bands=request.tile_bands,
        radiometry=radiometry,
        nodata=nodata,
        resolution_m=resolutions.pop() if len(resolutions) == 1 else None,
        tile_size=max(sides),
        source=request.source,
        split_method="random by tile" if request.groups is None else f"groups: {request.groups}",
        plan=request.plan,
    )


def _read_bands(scene: Scene, request: PairsRequest) -> tuple[Stored, Valid]:
    """Read the tiles' bands (bands, height, width), and where all that they are made of is data."""
    if request.take is None:
        return scene.read(scene.grid.window)
    needed = Bands(tuple(dict.fromkeys(request.take.values())))
    stored, valid = scene.read(scene.grid.window, needed)
    return stored[[needed.names.index(of_file) for of_file in request.take.values()]], valid


def _read_label(mask_path: Path, scene: Scene, blurred: _BlurredMasks) -> NDArray[np.uint8]:
    with Mask(mask_path) as mask:
        if mask.shape != scene.grid.shape:
            raise InputError(
                f"{mask_path}: a mask has its image's size; this one has "
                f"{mask.shape[1]} x {mask.shape[0]} px and {scene.path.name} has "
                f"{scene.grid.shape[1]} x {scene.grid.shape[0]}"
            )
        codes, known = mask.read()
        codes[~known] = BACKGROUND
        if mask.is_lossy:
            blurred.see(mask_path, codes)
        label = mask_to_label(codes, lossy=mask.is_lossy, path=mask_path)
    label[~known] = IGNORE
    return label


def _called(folders: Iterable[Path]) -> list[str]:
    """Return folders' names, with those of the folders around them where names are equal."""
    each = list(dict.fromkeys(folders))
    names = [folder.name for folder in each]
    if len(set(names)) == len(names):
        return names
    return [f"{folder.parent.name}/{folder.name}" for folder in each]
