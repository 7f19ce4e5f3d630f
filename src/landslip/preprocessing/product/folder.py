"""Products in folders."""

from collections.abc import Iterator
from pathlib import Path

from landslip.core.errors import InputError
from landslip.preprocessing.product.files import ProductFiles
from landslip.preprocessing.product.names import MemberName


def files_in_folder(folder: Path) -> ProductFiles:
    """Find the files of the one product in a folder, or in the one folder in it that has any.

    Raises:
        InputError: several products or a file twice are there.
    """
    home = folder
    if not holds_members(folder):
        homes = [inner for inner in _folders_in(folder) if holds_members(inner)]
        if len(homes) > 1:
            raise InputError(
                f"{folder}: one product at a time is read, and this folder holds "
                f"{', '.join(inner.name for inner in homes)}; give one of them"
            )
        home = homes[0] if homes else folder
    files = ProductFiles(folder)
    for path, name in _members_in(home):
        files.add(name, path)
    return files


def holds_members(folder: Path) -> bool:
    """Whether files of a product lie in a folder itself."""
    return next(_members_in(folder), None) is not None


def _members_in(folder: Path) -> Iterator[tuple[Path, MemberName]]:
    for path in sorted(folder.iterdir()):
        name = MemberName.parse(path.name)
        if name is not None and path.is_file():
            yield path, name


def _folders_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith((".", "__MACOSX")):
            yield path
