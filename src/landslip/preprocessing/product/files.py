"""The six files that make a product."""

from collections.abc import Iterator
from pathlib import Path

from landslip.core.errors import InputError
from landslip.preprocessing.product.names import Image, MemberName, Part


class ProductFiles:
    """Files of one product, gathered one after another."""

    def __init__(self, source: Path) -> None:
        """Start with none.

        Args:
            source: the archive or folder that they come from, for messages.
        """
        self._source = source
        self._paths: dict[tuple[Image, Part], Path] = {}
        self._base: str | None = None

    @property
    def name(self) -> str:
        """The product's name; empty as long as no file is there."""
        return self._base or ""

    def add(self, name: MemberName, path: Path) -> None:
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

    def path(self, image: Image, part: Part) -> Path:
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
        for image in Image:
            for part in Part:
                if (image, part) not in self._paths:
                    yield f"{image.value} {part.value}"
