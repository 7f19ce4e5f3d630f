"""Archives that come from anywhere, through the command."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import CommandRunner, ProductLibrary

Files = dict[str, bytes]
_BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<ProductMetaData><SatelliteID>&d;</SatelliteID></ProductMetaData>"""


def files_of(archive: Path) -> Files:
    with tarfile.open(archive) as tar:
        contents = ((member.name, tar.extractfile(member)) for member in tar)
        return {name: content.read() for name, content in contents if content is not None}


def packed(path: Path, files: Files, *others: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info in others:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def escaping(path: Path, files: Files) -> None:
    info = tarfile.TarInfo("../../escaped-MSS1.xml")
    info.size = 5
    packed(path, files, info)


def linking(path: Path, files: Files) -> None:
    name = next(name for name in files if name.endswith("MSS1.xml"))
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    packed(path, {key: value for key, value in files.items() if key != name}, link)


def truncated(path: Path, files: Files) -> None:
    packed(path, files)
    path.write_bytes(path.read_bytes()[:-20_000])


def flipped(path: Path, files: Files) -> None:
    """Damaged in the middle: only the checksums tell."""
    packed(path, files)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def exploding(path: Path, files: Files) -> None:
    packed(path, {name: _BOMB if name.endswith(".xml") else files[name] for name in files})


def without_rpb(path: Path, files: Files) -> None:
    packed(path, {name: files[name] for name in files if not name.endswith("PAN1.rpb")})


def with_broken_rpb(path: Path, files: Files) -> None:
    packed(path, {name: files[name][:700] if ".rpb" in name else files[name] for name in files})


def of_zeros(path: Path, files: Files) -> None:
    path.write_bytes(gzip.compress(b"\0" * 10_000_000))


def not_a_tiff(path: Path, files: Files) -> None:
    vrt = b'<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>'
    packed(path, {name: vrt if name.endswith("MSS1.tiff") else files[name] for name in files})


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (escaping, "would be written outside the folder"),
        (linking, "is a link, a device or something else"),
        (truncated, "damaged or incomplete"),
        (flipped, "damaged"),
        (exploding, "MSS1.xml"),
        (without_rpb, "is without PAN rpb"),
        (with_broken_rpb, "MSS1.rpb"),
        (of_zeros, "GF1_PMS1"),
        (not_a_tiff, "is not a TIFF file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_hostile_archives_are_refused(
    harm: Callable[[Path, Files], None],
    sentence: str,
    work: CommandRunner,
    library: ProductLibrary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = work.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    archive = work.folder / library.summer.name
    harm(archive, files_of(library.summer))
    said = work.refused(archive)
    assert sentence in said
    assert said.startswith("landslip: ")
    assert len(said.splitlines()) == 1
    assert "lollol" not in said
    assert list(scratch.iterdir()) == []
    assert work.files() == []
    assert not list(work.folder.rglob("escaped*"))
