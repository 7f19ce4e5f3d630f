import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.preprocessing.product.archive import ArchiveBudget, unpack
from landslip.preprocessing.product.files import FileKind, ImageKind

NAME = "GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030"
MSS, PAN = f"{NAME}-MSS1", f"{NAME}-PAN1"
MakeFiles = Callable[..., dict[str, bytes]]
WriteArchive = Callable[..., Path]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def plain(name: str, size: int = 3) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".tar", ".zip", ".TAR.GZ"])
@pytest.mark.parametrize("inside", ["", f"{NAME}/", "./", f"./a/{NAME}/"])
def test_the_six_files_are_unpacked_and_nothing_else(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str, inside: str
) -> None:
    made = make_files()
    archive = write_archive({inside + name: data for name, data in made.items()}, NAME + ending)
    files = unpack(archive, scratch)
    wanted = {f"{base}.{part.value}" for base in (MSS, PAN) for part in FileKind}
    assert content(scratch) == {name: made[name] for name in wanted}
    assert files.name == NAME
    assert files.path(ImageKind.PAN, FileKind.RPB) == scratch / f"{PAN}.rpb"
    files.require_all()


def test_upper_case_and_folder_members_are_taken(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    made = {name.replace(".tiff", ".TIFF").replace(".rpb", ".RPB"): data
            for name, data in make_files().items()}  # fmt: skip
    folder = special(f"{NAME}-MSS1.xml", tarfile.DIRTYPE)
    del made[f"{MSS}.xml"]
    files = unpack(write_archive(made, extra=(folder,)), scratch)
    assert (scratch / f"{PAN}.TIFF").exists()
    with pytest.raises(InputError, match=f"{NAME} is without MSS xml; download it again"):
        files.require_all()


def test_files_are_plain_ones(
    make_files: MakeFiles, write_archive: WriteArchive, tmp_path: Path, scratch: Path
) -> None:
    info = plain(f"{MSS}.rpb")
    info.mode, info.uid, info.mtime = 0o6777, 0, 1
    made = make_files()
    del made[f"{MSS}.rpb"]
    unpack(write_archive(made, extra=(info,)), scratch)
    (tmp_path / "other").write_bytes(b"")
    found = (scratch / f"{MSS}.rpb").stat()
    assert stat.S_IMODE(found.st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
    assert found.st_mtime > 1e9


@pytest.mark.parametrize("ending", [".tar.gz", ".tar", ".zip"])
def test_progress_goes_up_to_the_end(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str
) -> None:
    made = make_files()
    made[f"{PAN}.tiff"] = np.random.default_rng(0).bytes(5 * 2**20)
    archive = write_archive(made, NAME + ending)
    told: list[tuple[float, float]] = []
    unpack(archive, scratch, progress=lambda done, total: told.append((done, total)))
    size = archive.stat().st_size
    assert {total for _, total in told} == {size}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == size
    assert len([step for step in done if 0.1 * size < step < 0.9 * size]) >= 3


@pytest.mark.parametrize(
    "member",
    [
        plain("../escaped.txt"),
        plain("/tmp/escaped.txt"),  # noqa: S108 - never written
        plain("a/../../escaped.txt"),
        plain(f"../{MSS}.rpb"),
        plain("C:\\escaped.txt"),
        plain("a\\..\\..\\escaped.txt"),
    ],
    ids=lambda member: member.name,
)
def test_a_member_that_leads_elsewhere_makes_the_archive_refused(
    make_files: MakeFiles,
    write_archive: WriteArchive,
    tmp_path: Path,
    scratch: Path,
    member: tarfile.TarInfo,
) -> None:
    archive = write_archive(make_files(), extra=(member,))
    with pytest.raises(InputError, match=r"outside the folder.*whole archive is refused"):
        unpack(archive, scratch)
    assert list(tmp_path.rglob("escaped*")) == []


@pytest.mark.parametrize(
    "member",
    [
        special(f"{MSS}.xml", tarfile.SYMTYPE, "/etc/passwd"),
        special("picture.jpg", tarfile.SYMTYPE, "../../.."),
        special(f"{MSS}.xml", tarfile.LNKTYPE, f"{PAN}.xml"),
        special("picture.jpg", tarfile.LNKTYPE, "/etc/passwd"),
        special(f"{MSS}.tiff", tarfile.CHRTYPE),
        special("device", tarfile.BLKTYPE),
        special(f"{MSS}.tiff", tarfile.FIFOTYPE),
    ],
    ids=[
        "symlink",
        "unwanted symlink",
        "hard link",
        "unwanted hard link",
        "device",
        "disk",
        "fifo",
    ],
)
def test_links_and_devices_make_the_archive_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, member: tarfile.TarInfo
) -> None:
    made = make_files()
    made.pop(member.name, None)
    with pytest.raises(InputError, match=r"files and folders only.*is a link, a device"):
        unpack(write_archive(made, extra=(member,)), scratch)
    assert not any(path.is_symlink() for path in scratch.iterdir())
    assert not (scratch / member.name).exists()


def test_a_link_in_a_zip_makes_it_refused(
    make_files: MakeFiles, tmp_path: Path, scratch: Path
) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        info = zipfile.ZipInfo(f"{MSS}.xml")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="files and folders only"):
        unpack(archive, scratch)
    assert content(scratch) == {}


@pytest.mark.parametrize("name", ["../escaped.txt", "/escaped.txt", "a\\b.txt", "c:b.txt"])
def test_a_zip_member_that_leads_elsewhere_makes_it_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, name: str
) -> None:
    with pytest.raises(InputError, match="would be written outside"):
        unpack(write_archive(make_files() | {name: b"x"}, "a.zip"), scratch)


@pytest.mark.parametrize("ending", [".tar.gz", ".tar", ".zip"])
def test_what_is_wanted_may_not_be_larger_than_allowed(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str
) -> None:
    made = make_files()
    made[f"{PAN}.tiff"] = bytes(3 * 2**20)
    archive = write_archive(made, NAME + ending)
    with pytest.raises(InputError, match=r"has more; if|PAN1.tiff may have \d+ bytes and has"):
        unpack(archive, scratch, ArchiveBudget(total_bytes=2 * 2**20))
    assert sum(path.stat().st_size for path in scratch.iterdir()) <= 2 * 2**20
    for path in scratch.iterdir():
        path.unlink()
    unpack(archive, scratch, ArchiveBudget(total_bytes=4 * 2**20))


def test_what_is_not_wanted_may_not_be_larger_either(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    archive = write_archive(make_files(), extra=(plain("bomb.bin", 3 * 2**20),))
    assert archive.stat().st_size < 2**16
    with pytest.raises(
        InputError, match=r"at most 2097152 bytes unpacked and this archive has more"
    ):
        unpack(archive, scratch, ArchiveBudget(total_bytes=2 * 2**20))


def test_a_bomb_behind_the_end_of_a_tar_is_seen(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    archive = write_archive(make_files())
    with archive.open("ab") as file:
        file.write(gzip.compress(bytes(3 * 2**20)))
    with pytest.raises(InputError, match="at most 2097152 bytes unpacked"):
        unpack(archive, scratch, ArchiveBudget(total_bytes=2 * 2**20))


@pytest.mark.parametrize("part", ["xml", "rpb"])
def test_text_files_have_a_limit_of_their_own(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, part: str
) -> None:
    made = make_files()
    made[f"{PAN}.{part}"] = bytes(5 * 2**20)
    with pytest.raises(InputError, match=f"PAN1.{part} may have 4194304 bytes and has 5242880"):
        unpack(write_archive(made), scratch)
    assert not (scratch / f"{PAN}.{part}").exists()


def test_files_of_a_zip_are_added_up(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    made = make_files()
    made[f"{MSS}.tiff"] = made[f"{PAN}.tiff"] = bytes(3 * 2**19)
    archive = write_archive(made, "a.zip")
    with pytest.raises(InputError, match=r"PAN1.tiff may have 5\d{5} bytes and has 1572864"):
        unpack(archive, scratch, ArchiveBudget(total_bytes=2 * 2**20))


def test_a_zip_name_that_hides_its_end_is_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    archive = write_archive(make_files() | {"a.jpg#/../b": b"x"}, "a.zip")
    archive.write_bytes(archive.read_bytes().replace(b"a.jpg#/../b", b"a.jpg\0/b/cd"))
    with pytest.raises(InputError, match="would be written outside"):
        unpack(archive, scratch)


def lie_about_size(archive: Path, name: str, size: int) -> None:
    """Write another uncompressed size into both of a zip's headers of a member."""
    data = bytearray(archive.read_bytes())
    for signature, size_at, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            if data[at + name_at :].startswith(name.encode()):
                data[at + size_at : at + size_at + 4] = struct.pack("<I", size)
    archive.write_bytes(data)


@pytest.mark.parametrize("told", [10, 2**31])
def test_a_zip_that_lies_about_a_size_is_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, told: int
) -> None:
    made = make_files()
    made[f"{PAN}.tiff"] = bytes(3 * 2**20)
    archive = write_archive(made, "a.zip")
    lie_about_size(archive, f"{PAN}.tiff", told)
    with pytest.raises(InputError, match="damaged or incomplete"):
        unpack(archive, scratch, ArchiveBudget(total_bytes=2**32))
    assert sum(path.stat().st_size for path in scratch.iterdir()) <= 4 * 2**20


def test_a_zip_whose_list_is_large_is_refused_unread(tmp_path: Path, scratch: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for at in range(10_000):
            packed.writestr(f"{at:0200}", b"")
    with pytest.raises(InputError, match=r"at most 1048576 bytes.*malicious"):
        unpack(archive, scratch)


def test_a_tar_header_that_is_large_is_refused_unread(tmp_path: Path, scratch: Path) -> None:
    archive = tmp_path / "a.tar"
    header = special("././@LongLink", b"L")
    header.size = 2**33
    archive.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(2**20))
    with pytest.raises(InputError, match=r"at most 1048576 bytes.*malicious"):
        unpack(archive, scratch)


def test_thousands_of_headers_in_a_row_are_refused(tmp_path: Path, scratch: Path) -> None:
    archive = tmp_path / "a.tar"
    header = special("././@LongLink", b"L")
    header.size = 512
    archive.write_bytes((header.tobuf(tarfile.GNU_FORMAT) + b"a" * 512) * 20_000)
    with pytest.raises(InputError, match="damaged or incomplete"):
        unpack(archive, scratch)


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_members_are_counted(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str
) -> None:
    many = {f"{at}.jpg": b"" for at in range(10_000 if ending == ".tar.gz" else 2000)}
    with pytest.raises(InputError, match="at most 1000 members and this one has more"):
        unpack(write_archive(make_files() | many, f"a{ending}"), scratch)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("ending", [".tar.gz", ".tar", ".zip"])
def test_a_truncated_archive_is_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str, share: float
) -> None:
    made = make_files()
    made[f"{PAN}.tiff"] = np.random.default_rng(0).bytes(200_000)
    archive = write_archive(made, NAME + ending)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    if ending == ".tar" and share == 0.999:
        unpack(archive, scratch).require_all()  # only the padding is short
        return
    with pytest.raises(InputError, match=r"damaged or incomplete|is without|holds no product"):
        unpack(archive, scratch).require_all()


@pytest.mark.parametrize("seed", range(8))
def test_a_broken_deflate_stream_is_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, seed: int
) -> None:
    archive = write_archive(make_files(), f"{NAME}.tar.gz")
    data = bytearray(archive.read_bytes())
    noise = np.random.default_rng(seed)
    start = int(noise.integers(60, len(data) // 2))
    data[start : start + 40] = noise.bytes(40)
    archive.write_bytes(data)
    with pytest.raises(InputError, match=f"^{archive}: "):
        unpack(archive, scratch).require_all()


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_a_changed_byte_is_noticed(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str
) -> None:
    made = make_files()
    made[f"{PAN}.tiff"] = np.random.default_rng(0).bytes(200_000)
    archive = write_archive(made, NAME + ending)
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1  # in the midst of the noise
    archive.write_bytes(data)
    with pytest.raises(InputError, match="damaged or incomplete"):
        unpack(archive, scratch)


@pytest.mark.parametrize(
    "data",
    [b"", b"a", b"text" * 1000, b"PK\x03\x04" + bytes(100), gzip.compress(b"text" * 1000)],
    ids=["empty", "byte", "text", "zip start", "gzip"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, scratch: Path, data: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"not an archive that can be read|damaged or incomplete"):
        unpack(path, scratch)


def test_an_encrypted_zip_is_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    archive = write_archive(make_files(), "a.zip")
    data = bytearray(archive.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + at] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted or compressed in an unusual way"):
        unpack(archive, scratch)


def test_an_unusual_compression_is_refused(tmp_path: Path, scratch: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr(f"{MSS}.xml", b"x")
    with pytest.raises(InputError, match="compressed in an unusual way"):
        unpack(tmp_path / "a.zip", scratch)


@pytest.mark.parametrize("again", [f"{MSS}.xml", f"b/{MSS}.XML", f"{MSS.lower()}.xml"])
def test_a_second_file_for_one_place_is_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, again: str
) -> None:
    archive = write_archive(make_files(), extra=(plain(again),))
    with pytest.raises(InputError, match=r"one xml file of its MSS image; .* is a second one"):
        unpack(archive, scratch)


def test_two_products_in_one_archive_are_refused(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    other = NAME.replace("PMS1", "PMS2")
    archive = write_archive(make_files() | make_files(other))
    with pytest.raises(InputError, match=f"holds both {NAME} and {other}"):
        unpack(archive, scratch)


def test_an_archive_without_a_product_is_refused(
    write_archive: WriteArchive, scratch: Path
) -> None:
    archive = write_archive({"readme.txt": b"nothing here"})
    with pytest.raises(InputError, match=r"holds no product: no file is named like NAME-MSS1.tiff"):
        unpack(archive, scratch).require_all()


def test_a_full_disk_is_reported_before_writing(
    make_files: MakeFiles, scratch: Path, tmp_path: Path
) -> None:
    info = tarfile.TarInfo(f"{MSS}.tiff")
    info.size = 2**52
    archive = tmp_path / "a.tar"
    archive.write_bytes(info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(InputError, match=r"needs 4503599627370496 bytes and .* free; free some"):
        unpack(archive, scratch, ArchiveBudget(total_bytes=2**60))
    assert content(scratch) == {}


def test_a_folder_that_cannot_be_written_is_reported(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    (scratch / f"{MSS}.tiff").symlink_to(os.devnull)
    with pytest.raises(InputError, match="cannot be unpacked into"):
        unpack(write_archive(make_files()), scratch)


def test_a_sparse_file_is_refused(tmp_path: Path, scratch: Path) -> None:
    archive = tmp_path / "a.tar"
    header = special(f"{MSS}.tiff", tarfile.GNUTYPE_SPARSE)
    data = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    data[483:495] = b"%011o\0" % 2**32
    data[148:156] = b"        "
    data[148:156] = b"%06o\0 " % sum(data[:512])
    archive.write_bytes(bytes(data) + bytes(1024))
    assert tarfile.open(fileobj=io.BytesIO(archive.read_bytes())).next().issparse()  # type: ignore[union-attr]  # noqa: SIM115
    with pytest.raises(InputError, match="files and folders only"):
        unpack(archive, scratch)


@pytest.mark.parametrize("field", ["total_bytes", "text_bytes", "members"])
def test_limits_are_at_least_one(field: str) -> None:
    with pytest.raises(InputError, match="limits of an archive must be at least 1"):
        ArchiveBudget(**{field: 0})
