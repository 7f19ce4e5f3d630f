"""What the names of a product's files say."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

_MEMBER = re.compile(
    r"(?P<base>[^.].*)-(?P<image>MSS|MUX|PAN)[12]?\.(?P<part>tiff?|xml|rpb)", re.IGNORECASE
)
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Image(StrEnum):
    """The two images of a product: multispectral and panchromatic."""

    MSS = "MSS"
    PAN = "PAN"


class Part(StrEnum):
    """The three files of an image: pixels, metadata, camera model."""

    TIFF = "tiff"
    XML = "xml"
    RPB = "rpb"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberName:
    """What a file of a product is.

    Attributes:
        file: its name without folders.
        base: the product's name, such as ``GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030``.
        image: which image it belongs to.
        part: what it says of that image.
    """

    file: str
    base: str
    image: Image
    part: Part

    @classmethod
    def parse(cls, path: str) -> "MemberName | None":
        """Read a path; None for what is no part of a product, such as previews and orders.

        GF-1 and GF-2 write ``-MSS1.tiff`` and ``-PAN1.tiff`` (or 2), GF-1B, C, D and GF-6
        ``-MUX.tiff`` and ``-PAN.tiff``; the case of letters is open.
        """
        parts = PurePosixPath(path).parts
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            return None
        found = _MEMBER.fullmatch(parts[-1]) if parts else None
        if found is None:
            return None
        image = Image.PAN if found["image"].upper() == "PAN" else Image.MSS
        ending = found["part"].lower()
        part = Part.TIFF if ending.startswith("tif") else Part(ending)
        return cls(file=parts[-1], base=found["base"], image=image, part=part)


def is_hostile(path: str) -> bool:
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
