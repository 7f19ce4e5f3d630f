"""Names of a product's files, and the products in folders and patterns."""

import glob
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from landslip.core.errors import InputError
from landslip.preprocessing.camera import camera_from_product_name

_ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_SEARCH_DEPTH = 2
_FILE_NAME = re.compile(
    r"(?P<base>[^.].*)-(?P<image>MSS|MUX|PAN)[12]?\.(?P<kind>tiff?|xml|rpb)", re.IGNORECASE
)
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([ed][+-]?\d{1,5})?", re.I | re.ASCII)


class ImageKind(StrEnum):
    """The two images of a product: multispectral and panchromatic."""

    MSS = "MSS"
    PAN = "PAN"


class FileKind(StrEnum):
    """The three files of an image: pixels, metadata, camera model."""

    TIFF = "tiff"
    XML = "xml"
    RPB = "rpb"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFileName:
    """What the name of a product's file says; ``base`` is the product's name."""

    file: str
    base: str
    image: ImageKind
    kind: FileKind

    @classmethod
    def parse(cls, path: str) -> "ProductFileName | None":
        """Read a path; None for what is no part of a product, such as previews and orders.

        GF-1 and GF-2 write ``-MSS1.tiff`` and ``-PAN1.tiff`` (or 2), GF-1B, C, D and GF-6
        ``-MUX.tiff`` and ``-PAN.tiff``; case does not matter.
        """
        parts = PurePosixPath(path).parts
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            return None
        match = _FILE_NAME.fullmatch(parts[-1]) if parts else None
        if match is None:
            return None
        image = ImageKind.PAN if match["image"].upper() == "PAN" else ImageKind.MSS
        suffix = match["kind"].lower()
        kind = FileKind.TIFF if suffix.startswith("tif") else FileKind(suffix)
        return cls(file=parts[-1], base=match["base"], image=image, kind=kind)


def leaves_folder(path: str) -> bool:
    """Whether a name in an archive leads out of the folder that it is unpacked into.

    Backslashes, drive letters and control characters count too: harmless here, but not everywhere.
    """
    return (
        path.startswith("/")
        or "\\" in path
        or ".." in path.split("/")
        or _DRIVE.match(path) is not None
        or _CONTROL.search(path) is not None
    )


class ProductFiles:
    """The six files of one product, collected one after another."""

    def __init__(self, source: Path) -> None:
        """Start with none; ``source`` is the archive or folder they come from, for messages."""
        self.name = ""
        self._source = source
        self._paths: dict[tuple[ImageKind, FileKind], Path] = {}

    def add(self, name: ProductFileName, path: Path) -> None:
        """Add a file; refused if of another product, or the second of its kind."""
        self.name = self.name or name.base
        if name.base.casefold() != self.name.casefold():
            raise InputError(
                f"{self._source}: must hold one product, and it holds both {self.name} and "
                f"{name.base}; give each in an archive or folder of its own"
            )
        if (name.image, name.kind) in self._paths:
            raise InputError(
                f"{self._source}: a product has one {name.kind.value} file of its "
                f"{name.image.value} image; {name.file} is a second one; remove one of them"
            )
        self._paths[name.image, name.kind] = path

    def path(self, image: ImageKind, kind: FileKind) -> Path:
        """Return where a file is; see `require_all`."""
        return self._paths[image, kind]

    def require_all(self) -> None:
        """Stop where a file is missing, and say which."""
        if not self._paths:
            raise InputError(
                f"{self._source}: holds no product: no file is named like NAME-MSS1.tiff, "
                "NAME-PAN1.tiff, NAME-MUX.tiff or NAME-PAN.tiff; give a folder or archive "
                "(.tar.gz, .tar or .zip) as it was delivered"
            )
        missing = [
            f"{image.value} {kind.value}"
            for image in ImageKind
            for kind in FileKind
            if (image, kind) not in self._paths
        ]
        if missing:
            raise InputError(
                f"{self._source}: a product has a tiff, an xml and an rpb file each of its MSS "
                f"and its PAN image; {self.name} is without {', '.join(missing)}; "
                "download it again"
            )


def files_in_folder(folder: Path) -> ProductFiles:
    """Collect the files of the one product in a folder, or in the one subfolder that has any."""
    home = folder
    if not _is_product(folder):
        subfolders = (path for path in sorted(folder.iterdir()) if path.is_dir())
        homes = [path for path in subfolders if not _is_hidden(path) and _is_product(path)]
        if len(homes) > 1:
            raise InputError(
                f"{folder}: must hold one product, and this folder holds "
                f"{', '.join(path.name for path in homes)}; give one of them"
            )
        home = homes[0] if homes else folder
    files = ProductFiles(folder)
    for path, name in _product_files(home):
        files.add(name, path)
    return files


def find_products(patterns: Sequence[str]) -> list[Path]:
    """Return the archives and product folders that files, folders and patterns name, sorted, once.

    A folder that is a product names itself, any other the archives and product folders in it and in
    its subfolders. Archives found in this way or by a pattern and named as another camera's
    (``GF1_WFV1_...``) are left out; one given by its own name never is. Patterns have ``*``, ``?``,
    ``[...]`` or ``**``.

    Raises:
        InputError: a pattern names nothing.
    """
    products: dict[Path, Path] = {}
    for pattern in patterns:
        literal = Path(pattern)
        if literal.is_file():
            matches = [literal]
        else:
            hits = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
            roots = [literal] if literal.is_dir() else map(Path, hits)
            matches = [path for root in roots for path in _products_below(root, _SEARCH_DEPTH)]
        if not matches:
            raise InputError(
                f"{pattern}: no product found; give archives ({', '.join(_ARCHIVE_SUFFIXES)}), "
                "folders that hold -MSS and -PAN files, folders of these, or a pattern in quotes"
            )
        for path in matches:
            products.setdefault(path.resolve(), path)
    return sorted(products.values())


def parse_number(text: str) -> float | None:
    """Read a finite number, also with Fortran's D before the exponent; None if it is none."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    value = float(stripped.lower().replace("d", "e"))
    return value if math.isfinite(value) else None


def _product_files(folder: Path) -> Iterator[tuple[Path, ProductFileName]]:
    for path in sorted(folder.iterdir()):
        name = ProductFileName.parse(path.name)
        if name is not None and path.is_file():
            yield path, name


def _is_product(folder: Path) -> bool:
    return next(_product_files(folder), None) is not None


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "__MACOSX"))


def _products_below(path: Path, depth: int) -> Iterator[Path]:
    if _is_hidden(path) and depth < _SEARCH_DEPTH:
        return
    if path.is_dir():
        if _is_product(path):
            yield path
        elif depth:
            for inner in path.iterdir():
                yield from _products_below(inner, depth - 1)
    elif path.is_file() and path.name.lower().endswith(_ARCHIVE_SUFFIXES):
        try:
            camera_from_product_name(path.name)
        except InputError:
            return
        yield path
