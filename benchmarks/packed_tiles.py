"""A tile dataset of 8-bit images in one file: its pixels as lossless WebP, the rest as it is."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from landslip.core.errors import InputError
from landslip.datasets.format import CARD, IMAGES, INDEX, LABELS, VALID, TileDataset

_ARRAYS = ("image", "label", "valid")


def pack(tiles: Path, out: Path) -> None:
    """Write a dataset of three 8-bit bands into a ZIP file."""
    dataset = TileDataset(tiles)
    if dataset.card.dtype != "uint8" or len(dataset.bands) != 3:
        found = f"{len(dataset.bands)} of {dataset.card.dtype}"
        raise InputError(f"{tiles}: packed are tiles of three 8-bit bands; got {found}")
    with zipfile.ZipFile(out, "w") as archive:  # stored: the pictures are compressed already
        for name in (CARD, INDEX):
            archive.write(tiles / name, name)
        for position in range(len(dataset)):
            tile = dataset.tile(position)
            parts = (np.moveaxis(tile.stored, 0, -1), tile.label, tile.valid.astype(np.uint8))
            for kind, part in zip(_ARRAYS, parts, strict=True):
                stream = io.BytesIO()
                picture = Image.fromarray(np.ascontiguousarray(part))
                if kind == "image":
                    picture.save(stream, "WEBP", lossless=True, exact=True, quality=75)
                else:
                    picture.save(stream, "PNG", optimize=True)
                archive.writestr(f"{position}.{kind}", stream.getvalue())
    print(f"{out}: {out.stat().st_size / 2**20:.1f} MiB")


def unpack(file: Path, folder: Path) -> TileDataset:
    """Write a packed dataset as a folder again, and open it; the bytes are those packed."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(file) as archive:
        for name in (CARD, INDEX):
            (folder / name).write_bytes(archive.read(name))
        tiles = sum(name.endswith(".image") for name in archive.namelist())
        for kind, out in zip(_ARRAYS, (IMAGES, LABELS, VALID), strict=True):
            with (folder / out).open("wb") as stream:
                for position in range(tiles):
                    picture = Image.open(io.BytesIO(archive.read(f"{position}.{kind}")))
                    values = np.asarray(picture)
                    ordered = np.moveaxis(values, -1, 0) if kind == "image" else values
                    stream.write(np.ascontiguousarray(ordered).tobytes())
    return TileDataset(folder)
