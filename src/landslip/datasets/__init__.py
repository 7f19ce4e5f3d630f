"""Tiles for training and testing, on disk, and how they are split.

`open` opens a dataset; `from_scene`, `from_pairs`, `augment` and `merge` make one, as the commands
``landslip dataset scene``, ``pairs``, ``augment`` and ``merge`` do.
"""

import warnings
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.core.arguments import PathArgument, checked
from landslip.core.errors import LandslipWarning

if TYPE_CHECKING:
    from landslip.core.progress import Progress
    from landslip.datasets.format import DatasetCard, TileDataset


@checked()
def open(path: PathArgument) -> "TileDataset":  # noqa: A001 - landslip.datasets.open reads well
    """Open a dataset folder.

    Raises:
        InputError: it is not a dataset, of another version, or incomplete.

    Examples:
        >>> tiles = landslip.datasets.open("TILES")
        >>> tiles.torch("train")[0]["image"].shape
    """
    from landslip.datasets.format import TileDataset

    return TileDataset(Path(path))


@checked()
def from_scene(
    scene: PathArgument,
    labels: PathArgument,
    *,
    out: PathArgument,
    bands: str | Iterable[str] | None = None,
    layer: str | None = None,
    area: PathArgument | None = None,
    tile: int = 256,
    min_valid: float = 0.5,
    test_share: float = 0.2,
    val_share: float = 0.1,
    seed: int = 0,
    units: str | None = None,
    nodata: float | None = None,
    dem: PathArgument | None = None,
    terrain: str | Iterable[str] | None = None,
    before: PathArgument | None = None,
    datum_shift: str | None = None,
    landslide_value: str | None = None,
    background_value: str | None = None,
    overwrite: bool = False,
    log: Callable[[str], None] | None = None,
    progress: "bool | Progress | None" = None,
) -> "TileDataset":
    """Cut a scene into tiles, with landslide polygons as labels.

    Args:
        scene: raster with named bands.
        labels: landslide polygons, or a raster mask of 0 and 1 or 0 and 255.
        out: folder to write.
        bands: names of the scene's bands in their order.
        layer: layer of the label file.
        area: polygons of the mapped area; outside nothing is learnt or scored.
        tile: side of a tile in pixels.
        min_valid: tiles with a smaller fraction of valid, mapped pixels are left out.
        test_share: fraction of tiles kept for the test; 1 keeps all.
        val_share: fraction of the others that chooses epoch and threshold.
        seed: of the split.
        units: ``reflectance`` or ``dn``; None: what the file says.
        nodata: value that marks missing data, over what the file says.
        dem: elevation model, of which bands of terrain are derived; see `landslip.stack`.
        terrain: these bands; None: ``slope``, ``northness``, ``eastness`` and ``curvature``.
        before: image of an earlier date, whose bands become ``before_red`` and so on.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it:
            ``dx,dy,dz`` in metres, ``dx,dy,dz,rx,ry,rz,s`` with seconds of arc and parts per
            million (position vector), or a grid file.
        landslide_value: numbers of landslides in a label raster, separated by commas; None: 1 or
            255, whichever there is.
        background_value: numbers of background, with ``missing`` for pixels that are nodata or
            transparent; None: 0, or what is missing where nothing else is background. With
            ``landslide_value`` alone, all other numbers.
        overwrite: replace a dataset that exists.
        log: called with what should be known of the labels; None: they are warnings.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: files cannot be read or do not overlap, or a number is out of range.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.datasets.from_scene("scene.tif", "landslides.gpkg", out="TILES")
    """
    from landslip.core.progress import progress_bar
    from landslip.core.transformations import use_datum_shift
    from landslip.datasets.format import TileDataset
    from landslip.datasets.scene import SceneDatasetRequest, dataset_from_scene
    from landslip.datasets.splits.assignment import SplitPlan
    from landslip.io.label_masks import LabelCodes
    from landslip.io.raster.scene import SceneOptions
    from landslip.preprocessing.stack.scene import StackSources

    request = SceneDatasetRequest(
        scene=Path(scene),
        labels=Path(labels),
        layer=layer,
        area=None if area is None else Path(area),
        tile=tile,
        min_valid=min_valid,
        plan=SplitPlan(test_share=test_share, val_share=val_share, seed=seed),
        options=SceneOptions.stated(bands, units, nodata),
        sources=StackSources.stated(dem, terrain, before),
        codes=LabelCodes.parse(landslide_value, background_value),
    )
    with use_datum_shift(datum_shift), progress_bar("tiles", "tiles", show=progress) as shown:
        result = dataset_from_scene(request, Path(out), overwrite=overwrite, progress=shown)
    _report(result.card, result.notes, log)
    return TileDataset(Path(out))


@checked()
def from_pairs(
    images: PathArgument | Iterable[PathArgument],
    masks: PathArgument | Iterable[PathArgument],
    *,
    out: PathArgument,
    bands: str | Iterable[str],
    mask_suffix: str = "",
    groups: str | None = None,
    test_share: float = 0.2,
    val_share: float = 0.1,
    seed: int = 0,
    units: str | None = None,
    nodata: float | None = None,
    landslide_value: str | None = None,
    background_value: str | None = None,
    overwrite: bool = False,
    log: Callable[[str], None] | None = None,
    progress: "bool | Progress | None" = None,
) -> "TileDataset":
    """Take tiles from folders of images and folders of masks (PNG, TIFF, WebP, JPEG).

    Args:
        images: folder of images, or several.
        masks: folder of masks of the same names, 0/1 or 0/255; one for each folder of images.
        out: folder to write.
        bands: names of the images' bands.
        mask_suffix: what the names of masks have after those of images, such as ``_label``.
        groups: tiles that stay together in the split: a regular expression whose first group is
            the tile's, or a CSV file with the columns name and group.
        test_share: fraction of tiles kept for the test; 1 keeps all.
        val_share: fraction of the others that chooses epoch and threshold.
        seed: of the split.
        units: ``reflectance`` or ``dn``; None: what the files say.
        nodata: value that marks missing data, over what the files say.
        landslide_value: numbers of landslides in masks; see `from_scene`.
        background_value: numbers of background in masks; see `from_scene`.
        overwrite: replace a dataset that exists.
        log: called with what should be known of the labels; None: they are warnings.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: files cannot be read, or images and masks do not match.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.datasets.from_pairs("IMAGES", "MASKS", bands="red,green,blue", out="TILES")
    """
    from landslip.core.arguments import choose, parse_bands
    from landslip.core.choices import Units
    from landslip.core.progress import progress_bar
    from landslip.datasets.format import TileDataset
    from landslip.datasets.pairs import PairsRequest, dataset_from_pairs
    from landslip.datasets.splits.assignment import SplitPlan
    from landslip.io.label_masks import LabelCodes

    request = PairsRequest(
        images=_paths(images),
        masks=_paths(masks),
        mask_suffix=mask_suffix,
        bands=parse_bands(bands),
        plan=SplitPlan(test_share=test_share, val_share=val_share, seed=seed),
        units=None if units is None else choose(Units, units, "units"),
        nodata=nodata,
        groups=groups,
        codes=LabelCodes.parse(landslide_value, background_value),
    )
    with progress_bar("tiles", "tiles", show=progress) as shown:
        card = dataset_from_pairs(request, Path(out), overwrite=overwrite, progress=shown)
    _report(card, (), log)
    return TileDataset(Path(out))


@checked()
def augment(
    dataset: "TileDataset | PathArgument",
    *,
    out: PathArgument,
    versions: int = 144,
    seed: int = 0,
    overwrite: bool = False,
    progress: "bool | Progress | None" = None,
) -> "TileDataset":
    """Write a dataset with many versions of each training tile, as the paper trains on.

    They are flipped, rotated, stretched by up to 10 %, changed in colour and noisy. Other tiles
    stay as they are. The same seed gives the same bytes.

    Args:
        dataset: from `open`, or its folder.
        out: folder to write.
        versions: of each training tile, itself among them.
        seed: of every draw.
        overwrite: replace a dataset that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.datasets.augment("TILES", out="AUGMENTED", versions=8)
    """
    from landslip.core.progress import progress_bar
    from landslip.datasets.format import TileDataset
    from landslip.datasets.offline_augmentation import AugmentRequest, augment_dataset

    tiles = dataset if isinstance(dataset, TileDataset) else TileDataset(Path(dataset))
    request = AugmentRequest(dataset=tiles, versions=versions, seed=seed)
    with progress_bar("versions", "tiles", show=progress) as shown:
        augment_dataset(request, Path(out), overwrite=overwrite, progress=shown)
    return TileDataset(Path(out))


@checked()
def merge(
    datasets: "Iterable[TileDataset | PathArgument]",
    *,
    out: PathArgument,
    overwrite: bool = False,
    progress: "bool | Progress | None" = None,
) -> "TileDataset":
    """Write the tiles of several datasets as one, each in the split that it has.

    A tile that several have is written once: for testing if one of them tests on it, else for
    validation if one does.

    Args:
        datasets: from `open`, or their folders; of the same bands, units and data type.
        out: folder to write.
        overwrite: replace a dataset that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: there is none, or they differ in bands, units, data type, scale or offset.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.datasets.merge(["WENCHUAN", "BEICHUAN"], out="TILES")
    """
    from landslip.core.files import refuse_existing
    from landslip.core.progress import progress_bar
    from landslip.datasets.format import TileDataset
    from landslip.datasets.merging import merge_datasets, names_of

    refuse_existing(Path(out), overwrite=overwrite)
    parts = [one if isinstance(one, TileDataset) else TileDataset(Path(one)) for one in datasets]
    named = dict(zip(names_of([part.path for part in parts]), parts, strict=True))
    with progress_bar("tiles", "tiles", show=progress) as shown:
        merge_datasets(named, {}, Path(out), keep_splits=True, overwrite=overwrite, progress=shown)
    merged = TileDataset(Path(out))
    _report(merged.card, (), None)
    return merged


def _report(card: "DatasetCard", notes: Iterable[str], log: Callable[[str], None] | None) -> None:
    """Log or warn of notes, and of what a new dataset's card notes.

    Warnings on labels are among them; commands print those with the warnings on splits.
    """
    from landslip.core.messages import sentences

    of_labels = sentences(card.label_warnings) if log is None else ()
    for note in dict.fromkeys((*notes, *card.notes, *of_labels)):
        if log is None:
            warnings.warn(note, LandslipWarning, stacklevel=4)
        else:
            log(note)


def _paths(given: PathArgument | Iterable[PathArgument]) -> tuple[Path, ...]:
    paths = [given] if isinstance(given, str | PathLike) else given
    return tuple(Path(path) for path in paths)
