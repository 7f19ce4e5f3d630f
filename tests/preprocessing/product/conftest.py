"""Miniature Gaofen products, and archives of them good and bad, made by code."""

import io
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

NAME = "GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030"
REAL = Path(__file__).parents[4] / "shared" / "data" / "gf1" / NAME
if "LANDSLIP_DATA" in os.environ:
    REAL = Path(os.environ["LANDSLIP_DATA"]) / "gf1" / NAME

TAGS = {
    "SatelliteID": "GF1",
    "SensorID": "PMS1",
    "ReceiveTime": "2022-06-24 05:39:09",
    "ProductLevel": "LEVEL1A",
    "Bands": "1,2,3,4",
    "CenterTime": "2022-06-24 13:39:09",
    "ImageGSD": "8",
    "WidthInPixels": "12",
    "HeightInPixels": "10",
    "RollSatelliteAngle": "-1.76003",
    "SolarAzimuth": "106.266",
    "SolarZenith": "25.1707",
}
PAN_TAGS = {"Bands": "5", "ImageGSD": "2", "WidthInPixels": "48", "HeightInPixels": "40"}

Tags = Mapping[str, str | None]
Files = dict[str, bytes]
MakeXml = Callable[..., bytes]
MakeFiles = Callable[..., Files]
WriteProduct = Callable[..., Path]
WriteArchive = Callable[..., Path]


@pytest.fixture
def real() -> Path:
    """Give the folder of the one real product at hand, which has no images."""
    if not REAL.exists():
        pytest.skip(f"needs {NAME} (set LANDSLIP_DATA)")
    return REAL


@pytest.fixture
def make_xml() -> MakeXml:
    """Give the function that writes metadata, some tags changed, or left out where None."""

    def make(changes: Tags | None = None) -> bytes:
        tags = TAGS | dict(changes or {})
        lines = [f"  <{tag}>{text}</{tag}>" for tag, text in tags.items() if text is not None]
        head = '<?xml version="1.0" encoding="UTF-8" ?>'
        return "\r\n".join([head, "<ProductMetaData>", *lines, "</ProductMetaData>"]).encode()

    return make


@pytest.fixture
def make_rpb() -> Callable[..., str]:
    """Give the function that writes an rpb file of plain numbers, 1 to 80 as coefficients."""

    def make(changes: Mapping[str, str | None] | None = None) -> str:
        entries: dict[str, str | None] = {"errBias": "1.0", "errRand": "0.0"}
        for at, part in enumerate(("line", "samp", "lat", "long", "height"), start=1):
            entries[f"{part}Offset"] = f"{at}.25"
            entries[f"{part}Scale"] = f"{at * 100}.5"
        for at, key in enumerate(("lineNumCoef", "lineDenCoef", "sampNumCoef", "sampDenCoef")):
            numbers = [f"\t\t\t{at * 20 + place:+.15E}" for place in range(1, 21)]
            entries[key] = "(\n" + ",\n".join(numbers) + ")"
        entries |= dict(changes or {})
        lines = [f"\t{key} = {value};" for key, value in entries.items() if value is not None]
        head = ['satId = "XXX";', 'bandId = "XXX";', "BEGIN_GROUP = IMAGE"]
        return "\n".join([*head, *lines, "END_GROUP = IMAGE", "END;", ""])

    return make


def tiff(bands: int, height: int, width: int, dtype: str = "uint16") -> bytes:
    values = np.arange(bands * height * width).reshape(bands, height, width).astype(dtype)
    profile: dict[str, Any] = {"count": bands, "height": height, "width": width, "dtype": dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.MemoryFile() as memory:
            with memory.open(driver="GTiff", **profile) as file:
                file.write(values)
            return bytes(memory.read())


@pytest.fixture
def make_files(make_xml: MakeXml, make_rpb: Callable[..., str]) -> MakeFiles:
    """Give the function that makes the files of a product, previews and all, by name."""

    def make(
        name: str = NAME,
        *,
        images: tuple[str, str] = ("MSS1", "PAN1"),
        mss: Tags | None = None,
        pan: Tags | None = None,
    ) -> Files:
        files: Files = {}
        for image, changes, size in (
            (images[0], mss, (4, 10, 12)),
            (images[1], PAN_TAGS | dict(pan or {}), (1, 40, 48)),
        ):
            base = f"{name}-{image}"
            files[f"{base}.tiff"] = tiff(*size)
            files[f"{base}.xml"] = make_xml(changes)
            files[f"{base}.rpb"] = make_rpb().encode()
            files[f"{base}.jpg"] = files[f"{base}_thumb.jpg"] = b"a picture"
        files["order.xml"] = b"<order/>"
        files[f"{name}-{images[0]}.rpb.aux.xml"] = b"<PAMDataset/>"
        return files

    return make


@pytest.fixture
def write_product(tmp_path: Path) -> WriteProduct:
    """Give the function that writes files into a folder and returns it."""

    def write(files: Files, folder: str = "product") -> Path:
        where = tmp_path / folder
        where.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            (where / name).write_bytes(content)
        return where

    return write


@pytest.fixture
def write_archive(tmp_path: Path) -> WriteArchive:
    """Give the function that packs files, and members made by hand, in the format of its name."""

    def write(
        files: Files, name: str = f"{NAME}.tar.gz", extra: tuple[tarfile.TarInfo, ...] = ()
    ) -> Path:
        path = tmp_path / name
        if name.endswith(".zip"):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
                for member, content in files.items():
                    packed.writestr(member, content)
            return path
        mode = "w" if name.endswith(".tar") else "w:gz"
        with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
            for member, content in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            for info in extra:
                tar.addfile(info, io.BytesIO(b"x" * info.size))
        return path

    return write
