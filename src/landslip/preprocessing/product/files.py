"""What the names of a product's files say."""

import glob
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from landslip.core.errors import InputError
from landslip.preprocessing.camera import camera_from_product_name

_FILE_NAME = re.compile(
    r"(?P<base>[^.].*)-(?P<image>MSS|MUX|PAN)[12]?\.(?P<part>tiff?|xml|rpb)", re.IGNORECASE
)
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
    """What a file of a product is.

    Attributes:
        file: its name without folders.
        base: the product's name, such as ``GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030``.
        image: which image it belongs to.
        part: what it says of that image.
    """

    file: str
    base: str
    image: ImageKind
    part: FileKind

    @classmethod
    def parse(cls, path: str) -> "ProductFileName | None":
        """Read a path; None for what is no part of a product, such as previews and orders.

        GF-1 and GF-2 write ``-MSS1.tiff`` and ``-PAN1.tiff`` (or 2), GF-1B, C, D and GF-6
        ``-MUX.tiff`` and ``-PAN.tiff``; the case of letters is open.
        """
        parts = PurePosixPath(path).parts
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            return None
        found = _FILE_NAME.fullmatch(parts[-1]) if parts else None
        if found is None:
            return None
        image = ImageKind.PAN if found["image"].upper() == "PAN" else ImageKind.MSS
        ending = found["part"].lower()
        part = FileKind.TIFF if ending.startswith("tif") else FileKind(ending)
        return cls(file=parts[-1], base=found["base"], image=image, part=part)


def leaves_folder(path: str) -> bool:
    """Whether a name in an archive leads out of the folder that it is unpacked into.

    Backslashes, drive letters and control characters count, harmless here and not elsewhere.
    """
    return (
        path.startswith("/")
        or "\\" in path
        or ".." in path.split("/")
        or _DRIVE.match(path) is not None
        or _CONTROL.search(path) is not None
    )


class ProductFiles:
    """Files of one product, gathered one after another."""

    def __init__(self, source: Path) -> None:
        """Start with none.

        Args:
            source: the archive or folder that they come from, for messages.
        """
        self._source = source
        self._paths: dict[tuple[ImageKind, FileKind], Path] = {}
        self._base: str | None = None

    @property
    def name(self) -> str:
        """The product's name; empty as long as no file is there."""
        return self._base or ""

    def add(self, name: ProductFileName, path: Path) -> None:
        """Take in a file.

        Raises:
            InputError: it belongs to another product, or its place is taken.
        """
        self._base = self._base or name.base
        if name.base.casefold() != self._base.casefold():
            raise InputError(
                f"{self._source}: one product at a time is read, and this holds both "
                f"{self._base} and {name.base}; give each in an archive or folder of its own"
            )
        if (name.image, name.part) in self._paths:
            raise InputError(
                f"{self._source}: a product has one {name.part.value} file of its "
                f"{name.image.value} image; {name.file} is a second one; remove one of them"
            )
        self._paths[name.image, name.part] = path

    def path(self, image: ImageKind, part: FileKind) -> Path:
        """Return where a file is.

        Raises:
            KeyError: it is missing; see `require_all`.
        """
        return self._paths[image, part]

    def require_all(self) -> None:
        """Stop where a file is missing.

        Raises:
            InputError: the message lists what is missing.
        """
        if not self._paths:
            raise InputError(
                f"{self._source}: holds no product: no file is named like NAME-MSS1.tiff, "
                "NAME-PAN1.tiff, NAME-MUX.tiff or NAME-PAN.tiff; give a folder or archive "
                "(.tar.gz, .tar or .zip) as it was delivered"
            )
        missing = list(self._missing())
        if missing:
            raise InputError(
                f"{self._source}: a product has a tiff, an xml and an rpb file each of its MSS "
                f"and its PAN image; {self.name} is without {', '.join(missing)}; "
                "fetch it again, complete"
            )

    def _missing(self) -> Iterator[str]:
        for image in ImageKind:
            for part in FileKind:
                if (image, part) not in self._paths:
                    yield f"{image.value} {part.value}"


def find_product_files(folder: Path) -> ProductFiles:
    """Find the files of the one product in a folder, or in the one folder in it that has any.

    Raises:
        InputError: several products or a file twice are there.
    """
    home = folder
    if not holds_product_files(folder):
        homes = [inner for inner in _subfolders(folder) if holds_product_files(inner)]
        if len(homes) > 1:
            raise InputError(
                f"{folder}: one product at a time is read, and this folder holds "
                f"{', '.join(inner.name for inner in homes)}; give one of them"
            )
        home = homes[0] if homes else folder
    files = ProductFiles(folder)
    for path, name in _product_files_in(home):
        files.add(name, path)
    return files


def holds_product_files(folder: Path) -> bool:
    """Whether files of a product lie in a folder itself."""
    return next(_product_files_in(folder), None) is not None


def _product_files_in(folder: Path) -> Iterator[tuple[Path, ProductFileName]]:
    for path in sorted(folder.iterdir()):
        name = ProductFileName.parse(path.name)
        if name is not None and path.is_file():
            yield path, name


def _subfolders(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith((".", "__MACOSX")):
            yield path


ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
_SEARCH_DEPTH = 2


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
        products = list(_expand(pattern))
        if not products:
            raise InputError(
                f"{pattern}: no product found; give archives ({', '.join(ARCHIVE_SUFFIXES)}), "
                "folders that hold -MSS and -PAN files, folders of these, or a pattern in quotes"
            )
        for product in products:
            found.setdefault(product.resolve(), product)
    return sorted(found.values())


def _expand(pattern: str) -> Iterator[Path]:
    literal = Path(pattern)
    if literal.is_file():
        return iter([literal])
    hits = [literal] if literal.is_dir() else map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    return (path for hit in hits for path in _products_below(hit, _SEARCH_DEPTH))


def _products_below(path: Path, depth: int) -> Iterator[Path]:
    if path.name.startswith((".", "__MACOSX")) and depth < _SEARCH_DEPTH:
        return
    if path.is_dir():
        if holds_product_files(path):
            yield path
        elif depth:
            for inner in path.iterdir():
                yield from _products_below(inner, depth - 1)
    elif _is_archive(path) and not _is_of_unsupported_camera(path):
        yield path


def _is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(ARCHIVE_SUFFIXES)


def _is_of_unsupported_camera(path: Path) -> bool:
    try:
        camera_from_product_name(path.name)
    except InputError:
        return True
    return False


MAX_TEXT_BYTES = 4 * 2**20
_NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([ed][+-]?\d{1,5})?", re.I | re.ASCII)


def read_bytes(path: Path) -> bytes:
    """Read a file of at most `MAX_TEXT_BYTES`.

    Raises:
        InputError: it is larger, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_TEXT_BYTES:
        raise InputError(
            f"{path}: metadata have at most {MAX_TEXT_BYTES} bytes and this file is larger; "
            "it is not what its name says"
        )
    return content


def parse_number(text: str) -> float | None:
    """Read a finite number, also with Fortran's D before the exponent; None if it is none."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    value = float(stripped.lower().replace("d", "e"))
    return value if math.isfinite(value) else None
