"""Which products a user means."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from landslip.core.errors import InputError
from landslip.preprocessing.camera import camera_named
from landslip.preprocessing.product.folder import holds_members

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_DEPTH = 2


def find_products(patterns: Sequence[str]) -> list[Path]:
    """Return the archives and product folders that files, folders and patterns stand for.

    A folder that is a product stands for itself, any other for the archives and product folders
    in it and in its folders. Archives found in this way or by a pattern and named as another
    camera's (``GF1_WFV1_...``) are left out; one that is given by its own name never is.

    Args:
        patterns: paths, or patterns with ``*``, ``?``, ``[...]`` or ``**``.

    Returns:
        Sorted, each path once.

    Raises:
        InputError: a pattern stands for nothing.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        products = list(_expanded(pattern))
        if not products:
            raise InputError(
                f"{pattern}: no product found; give archives ({', '.join(ARCHIVE_SUFFIXES)}), "
                "folders that hold -MSS and -PAN files, folders of these, or a pattern in quotes"
            )
        for product in products:
            found.setdefault(product.resolve(), product)
    return sorted(found.values())


def _expanded(pattern: str) -> Iterator[Path]:
    literal = Path(pattern)
    if literal.is_file():
        return iter([literal])
    hits = [literal] if literal.is_dir() else map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    return (path for hit in hits for path in _under(hit, _DEPTH))


def _under(path: Path, depth: int) -> Iterator[Path]:
    if path.name.startswith((".", "__MACOSX")) and depth < _DEPTH:
        return
    if path.is_dir():
        if holds_members(path):
            yield path
        elif depth:
            for inner in path.iterdir():
                yield from _under(inner, depth - 1)
    elif _is_archive(path) and not _is_of_another_camera(path):
        yield path


def _is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(ARCHIVE_SUFFIXES)


def _is_of_another_camera(path: Path) -> bool:
    try:
        camera_named(path.name)
    except InputError:
        return True
    return False
