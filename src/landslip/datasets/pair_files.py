"""Which mask file belongs to which image file."""

from collections.abc import Iterable
from pathlib import Path

from landslip.core.errors import InputError
from landslip.datasets.groups import PICTURE_SUFFIXES

Pairs = dict[str, tuple[Path, Path]]


def match_pairs(images: tuple[Path, ...], masks: tuple[Path, ...], mask_suffix: str = "") -> Pairs:
    """Pair image and mask files by name without its ending, in the order of the names.

    The first folder of images goes with the first folder of masks, and so on. With
    ``mask_suffix``, say ``_label``, the mask of ``a.jpg`` is ``a_label`` with any ending; both may
    then lie in one folder.

    Raises:
        InputError: folders do not go together, one is missing or empty, a file has no partner, or
            a name is there twice.
    """
    if not images or len(images) != len(masks):
        raise InputError(
            f"each folder of images needs its folder of masks, in the same order; got "
            f"{len(images)} --images and {len(masks)} --masks"
        )
    pairs: Pairs = {}
    for image_folder, mask_folder in zip(images, masks, strict=True):
        found = _match_folder(image_folder, mask_folder, mask_suffix)
        for name in sorted(pairs.keys() & found.keys()):
            raise InputError(
                f"{found[name][0]}: {pairs[name][0]} has the same name; tiles of a dataset have "
                "one name each, rename one of them"
            )
        pairs |= found
    return {name: pairs[name] for name in sorted(pairs)}


def _match_folder(images: Path, masks: Path, mask_suffix: str) -> Pairs:
    image_files = _pictures(images, "--images")
    mask_files = _pictures(masks, "--masks")
    if images.resolve() == masks.resolve():
        if not mask_suffix:
            raise InputError(
                f"{images}: images and masks are in one folder; tell how masks are named by "
                "--mask-suffix, e.g. _label where the mask of a.jpg is a_label.jpg"
            )
        image_files = [path for path in image_files if not path.stem.endswith(mask_suffix)]
    mask_files = [path for path in mask_files if path.stem.endswith(mask_suffix)]
    by_name = _by_name(image_files, "")
    masks_by_name = _by_name(mask_files, mask_suffix)
    named = (
        f"a mask of the same name and {mask_suffix}" if mask_suffix else "a mask of the same name"
    )
    for here, there, folder, wanted in (
        (by_name, masks_by_name, masks, mask_suffix),
        (masks_by_name, by_name, images, ""),
    ):
        alone = sorted(set(here) - set(there))
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            raise InputError(
                f"{here[alone[0]]}{more}: every image needs {named}; "
                f"there is no {alone[0]}{wanted} in {folder}"
            )
    return {name: (by_name[name], masks_by_name[name]) for name in by_name}


def _pictures(folder: Path, option: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: {option} is a folder, and this is none")
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    ]
    if not found:
        raise InputError(f"{folder}: {option} holds no image ({', '.join(PICTURE_SUFFIXES)})")
    return found


def _by_name(files: Iterable[Path], suffix: str) -> dict[str, Path]:
    """Return files by what stands before ``suffix`` in their names."""
    found: dict[str, Path] = {}
    for path in files:
        name = path.stem.removesuffix(suffix)
        if name in found:
            raise InputError(f"{path}: {found[name].name} has the same name; keep one of them")
        found[name] = path
    return found
