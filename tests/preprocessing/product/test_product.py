import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from landslip.core.errors import InputError
from landslip.io.raster import RasterShape
from landslip.preprocessing.camera import SatelliteCamera
from landslip.preprocessing.product.archive import ArchiveBudget
from landslip.preprocessing.product.files import ImageKind
from landslip.preprocessing.product.metadata import ImageMetadata
from landslip.preprocessing.product.product import (
    _require_calibration,
    _require_image,
    _require_ratio,
    _require_same_scene,
    open_product,
)

HERE = Path("product")
NOON = datetime(2022, 6, 24, 12)


def metadata(**changes: Any) -> ImageMetadata:
    given: dict[str, Any] = {
        "camera": SatelliteCamera(satellite="GF1", sensor="PMS1"),
        "centre_time": NOON,
        "solar_azimuth_deg": 106.0,
        "solar_zenith_deg": 25.0,
        "shape": (18000, 18192),
    }
    return ImageMetadata(**(given | changes))


@pytest.mark.parametrize("apart_s", [0, 59.9, -59.9])
def test_images_of_one_minute_are_of_one_scene(apart_s: float) -> None:
    _require_same_scene(HERE, metadata(), metadata(centre_time=NOON + timedelta(seconds=apart_s)))


@pytest.mark.parametrize("apart_s", [60, -60, 8 * 3600])
def test_images_of_other_times_are_not(apart_s: float) -> None:
    other = metadata(centre_time=NOON + timedelta(seconds=apart_s))
    with pytest.raises(InputError, match=r"product: .* one scene.* 60 s.*2022-06-24 12:00:00"):
        _require_same_scene(HERE, metadata(), other)


@pytest.mark.parametrize(("satellite", "sensor"), [("GF1", "PMS2"), ("GF2", "PMS1")])
def test_images_of_two_cameras_are_not(satellite: str, sensor: str) -> None:
    other = metadata(camera=SatelliteCamera(satellite=satellite, sensor=sensor))
    with pytest.raises(InputError, match=f"MSS image is of GF1 PMS1 and.* of {satellite} {sensor}"):
        _require_same_scene(HERE, metadata(), other)


@pytest.mark.parametrize(
    "shape", [(18000, 18192), (18012, 18192), (17964, 18192), (18036, 18228), (18000, 18156)]
)
def test_a_size_within_a_500th_passes(shape: tuple[int, int]) -> None:
    found = RasterShape(count=1, shape=shape, dtype="uint16")
    _require_image(HERE / "a.tiff", ImageKind.PAN, metadata(), found)


@pytest.mark.parametrize("shape", [(18037, 18192), (17963, 18192), (18000, 18229), (4503, 4548)])
def test_another_size_does_not(shape: tuple[int, int]) -> None:
    found = RasterShape(count=1, shape=shape, dtype="uint16")
    with pytest.raises(InputError, match=r"a.tiff: .*18192 x 18000 px; this one has \d+ x \d+ px"):
        _require_image(HERE / "a.tiff", ImageKind.PAN, metadata(), found)


@pytest.mark.parametrize(
    ("image", "count", "dtype", "message"),
    [
        (
            ImageKind.PAN,
            4,
            "uint16",
            r"PAN image has 1 band\(s\) of uint16; this one has 4 of uint16",
        ),
        (
            ImageKind.MSS,
            3,
            "uint16",
            r"MSS image has 4 band\(s\) of uint16; this one has 3 of uint16",
        ),
        (
            ImageKind.MSS,
            4,
            "uint8",
            r"MSS image has 4 band\(s\) of uint16; this one has 4 of uint8",
        ),
    ],
)
def test_other_bands_and_types_do_not(
    image: ImageKind, count: int, dtype: str, message: str
) -> None:
    found = RasterShape(count=count, shape=(18000, 18192), dtype=dtype)
    with pytest.raises(InputError, match=message):
        _require_image(HERE / "a.tiff", image, metadata(), found)


@pytest.mark.parametrize("pan", [(18000, 18192), (18012, 18192), (18372, 18555), (17652, 17829)])
def test_pan_is_about_four_times_as_large(pan: tuple[int, int]) -> None:
    _require_ratio(HERE, (4503, 4548), pan)


@pytest.mark.parametrize("pan", [(18373, 18192), (17651, 18192), (18012, 18557), (4503, 4548)])
def test_another_ratio_is_refused(pan: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="4 times as large as the MSS image, within 2 %"):
        _require_ratio(HERE, (4503, 4548), pan)


def test_calibration_is_one_number_for_each_band() -> None:
    four = (0.1, 0.2, 0.3, 0.4)
    _require_calibration(HERE, ImageKind.MSS, metadata(abs_gains=four, abs_offsets=four))
    _require_calibration(HERE, ImageKind.PAN, metadata(abs_gains=(0.1,)))
    with pytest.raises(InputError, match=r"calibration gains.*PAN image's 1 band\(s\)"):
        _require_calibration(HERE, ImageKind.PAN, metadata(abs_gains=four))
    with pytest.raises(InputError, match=r"calibration offsets.*MSS image's 4 band\(s\)"):
        _require_calibration(HERE, ImageKind.MSS, metadata(abs_gains=four, abs_offsets=(1.0,)))


NAME = "GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030"
MSS, PAN = f"{NAME}-MSS1", f"{NAME}-PAN1"
VRT = (
    b'<VRTDataset rasterXSize="12" rasterYSize="10"><VRTRasterBand dataType="UInt16" band="1">'
    b"<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>"
    b"</VRTRasterBand></VRTDataset>"
)
Files = dict[str, bytes]
MakeFiles = Callable[..., Files]
WriteProduct = Callable[..., Path]
WriteArchive = Callable[..., Path]


class BrokeOffError(Exception):
    pass


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_an_archive_is_opened_and_its_scratch_removed(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, ending: str
) -> None:
    made = make_files()
    with open_product(write_archive(made, NAME + ending), scratch=scratch) as product:
        assert product.name == NAME
        assert product.camera.name == "GF1 PMS1"
        assert product.mss.tiff.read_bytes() == made[f"{MSS}.tiff"]
        assert product.pan.tiff.read_bytes() == made[f"{PAN}.tiff"]
        assert product.mss.metadata.shape == (10, 12)
        assert product.pan.metadata.shape == (40, 48)
        assert product.pan.rpc.line_off == 1.25
        assert len(list(scratch.iterdir())) == 1
        assert scratch in product.mss.tiff.parents
    assert list(scratch.iterdir()) == []


def test_scratch_lies_in_the_systems_folder_otherwise(
    make_files: MakeFiles,
    write_archive: WriteArchive,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with open_product(write_archive(make_files())) as product:
        assert scratch in product.mss.tiff.parents
    assert list(scratch.iterdir()) == []


def test_scratch_is_removed_after_any_error(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path
) -> None:
    archive = write_archive(make_files())
    for error in (BrokeOffError, KeyboardInterrupt, OSError):
        with pytest.raises(error), open_product(archive, scratch=scratch):
            raise error
    with (
        pytest.raises(InputError, match="may have 10 bytes"),
        open_product(archive, scratch=scratch, budget=ArchiveBudget(text_bytes=10)),
    ):
        pass
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("where", ["unpacking", "working"])
def test_scratch_is_removed_after_ctrl_c(
    make_files: MakeFiles, write_archive: WriteArchive, scratch: Path, where: str
) -> None:
    archive = write_archive(make_files())
    program = f"""
        import sys, time
        from pathlib import Path
        from landslip.preprocessing.product.product import open_product
        def wait(done=0.0, total=0.0):
            print(len(list(Path({str(scratch)!r}).glob("*/*"))), flush=True)
            time.sleep(60)
        told = {{"progress": wait}} if {where!r} == "unpacking" else {{}}
        with open_product(Path({str(archive)!r}), scratch=Path({str(scratch)!r}), **told):
            wait()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        assert int(run.stdout.readline()) >= 1
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=30) != 0
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("inside", ["", f"{NAME}/"])
def test_a_folder_is_read_in_place(
    make_files: MakeFiles, write_product: WriteProduct, inside: str
) -> None:
    folder = write_product({inside + name: data for name, data in make_files().items()})
    before = sorted(folder.rglob("*"))
    with open_product(folder) as product:
        assert product.name == NAME
        assert product.pan.tiff == folder / inside / f"{PAN}.tiff"
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "images", "camera"),
    [
        ("GF1_PMS2_E1.0_N2.0_20150101_L1A1", ("MSS2", "PAN2"), "GF1 PMS2"),
        ("GF1B_PMS_E1.0_N2.0_20220115_L1A1", ("MUX", "PAN"), "GF1B PMS"),
        ("GF2_PMS1_E1.0_N2.0_20220115_L1A1", ("MSS1", "PAN1"), "GF2 PMS1"),
        ("GF6_PMS_E1.0_N2.0_20220115_L1A1", ("MUX", "PAN"), "GF6 PMS"),
    ],
)
def test_products_of_the_other_cameras_are_opened(
    make_files: MakeFiles,
    write_product: WriteProduct,
    name: str,
    images: tuple[str, str],
    camera: str,
) -> None:
    satellite, sensor = camera.split()
    tags = {"SatelliteID": satellite, "SensorID": sensor}
    folder = write_product(make_files(name, images=images, mss=tags, pan=tags), name)
    with open_product(folder) as product:
        assert product.name == name
        assert product.camera.name == camera


def test_tagged_calibration_comes_by_band(
    make_files: MakeFiles, write_product: WriteProduct
) -> None:
    made = make_files(mss={"AbsCeof": "0.1,0.2,0.3,0.4"}, pan={"AbsCeof": "0.5", "AOffset": "-1"})
    with open_product(write_product(made)) as product:
        assert product.abs_gains == {
            "blue": 0.1,
            "green": 0.2,
            "red": 0.3,
            "nir": 0.4,
            "pan": 0.5,
        }
        assert product.abs_offsets == {"pan": -1}
    with open_product(write_product(make_files(), "other")) as product:
        assert product.abs_gains == product.abs_offsets == {}


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ([f"{MSS}.rpb"], f"{NAME} is without MSS rpb; download"),
        ([f"{PAN}.tiff", f"{PAN}.xml", f"{PAN}.rpb"], "without PAN tiff, PAN xml, PAN rpb;"),
        ([f"{MSS}.tiff", f"{PAN}.xml"], "without MSS tiff, PAN xml;"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_missing_is_listed(
    make_files: MakeFiles,
    write_product: WriteProduct,
    write_archive: WriteArchive,
    gone: list[str],
    message: str,
    packed: bool,
) -> None:
    made = {name: data for name, data in make_files().items() if name not in gone}
    path = write_archive(made) if packed else write_product(made)
    with pytest.raises(InputError, match=message), open_product(path):
        pass


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pan": {"CenterTime": "2022-06-24 13:49:09"}}, "one scene, taken less than 60 s apart"),
        ({"pan": {"SensorID": "PMS2"}}, "MSS image is of GF1 PMS1 and the PAN image of GF1 PMS2"),
        ({"mss": {"SensorID": "WFV2"}}, "MSS1.xml: .*this one is of GF1 WFV2"),
        ({"mss": {"WidthInPixels": "13"}}, "MSS1.tiff: .*here 13 x 10 px; this one has 12 x 10"),
        (
            {"mss": {"AbsCeof": "0.1,0.2"}},
            "MSS1.xml: calibration gains are one for each of the MSS",
        ),
        (
            {"pan": {"SolarZenith": "?"}},
            r"PAN1.xml: the tag SolarZenith must be a fin.* got '\?'",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(
    make_files: MakeFiles,
    write_archive: WriteArchive,
    scratch: Path,
    changes: dict[str, dict[str, str]],
    message: str,
) -> None:
    archive = write_archive(make_files(**changes))
    with pytest.raises(InputError, match=message), open_product(archive, scratch=scratch):
        pass
    assert list(scratch.iterdir()) == []


def test_images_of_one_size_are_no_product(
    make_files: MakeFiles, write_product: WriteProduct
) -> None:
    made = make_files(pan={"WidthInPixels": "12", "HeightInPixels": "10"})
    mss = made[f"{MSS}.tiff"]
    with (
        pytest.raises(InputError, match=r"PAN image has 1 band\(s\)"),
        open_product(write_product(made | {f"{PAN}.tiff": mss})),
    ):
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II",
        VRT,
    ],
    ids=["empty", "short", "a VRT that reads elsewhere"],
)
def test_only_tiff_files_come_to_gdal(
    make_files: MakeFiles, write_archive: WriteArchive, data: bytes
) -> None:
    archive = write_archive(make_files() | {f"{MSS}.tiff": data})
    with pytest.raises(InputError, match="is not a TIFF file"), open_product(archive):
        pass


def test_a_damaged_tiff_is_refused(make_files: MakeFiles, write_product: WriteProduct) -> None:
    folder = write_product(make_files() | {f"{MSS}.tiff": b"II*\x00" + bytes(20)})
    with pytest.raises(InputError, match="not a raster that can be read"), open_product(folder):
        pass


@pytest.mark.parametrize("packed", [False, True])
def test_two_products_in_one_are_refused(
    make_files: MakeFiles,
    write_product: WriteProduct,
    write_archive: WriteArchive,
    packed: bool,
) -> None:
    other = NAME.replace("0006547030", "0006547031")
    made = make_files() | make_files(other)
    path = write_archive(made, "a.tgz") if packed else write_product(made)
    with pytest.raises(InputError, match=f"holds both {NAME} and {other}"), open_product(path):
        pass


def test_two_nested_products_are_refused(
    make_files: MakeFiles, write_product: WriteProduct
) -> None:
    made = make_files()
    folder = write_product({f"{inner}/{name}": made[name] for inner in "ab" for name in made})
    with pytest.raises(InputError, match="this folder holds a, b; give one of them"):  # noqa: SIM117
        with open_product(folder):
            pass


def test_other_paths_are_refused(tmp_path: Path, write_archive: WriteArchive) -> None:
    (tmp_path / "empty").mkdir()
    wfv = write_archive({}, "GF1_WFV3_E69.4_N33.3_20220624_L1A0006547030.tar.gz")
    os.truncate(wfv, 0)
    for path, message in (
        (tmp_path / "nowhere.tar.gz", "no such file or folder"),
        (tmp_path / "empty", "holds no product"),
        (wfv, "of one of the cameras GF1 PMS1, .*; this one is of GF1 WFV3"),
    ):
        with pytest.raises(InputError, match=message), open_product(path):
            pass
    scratch = tmp_path / "no scratch"
    with (
        pytest.raises(InputError, match="no scratch: a scratch folder must exist"),
        open_product(write_archive({}, "a.tar"), scratch=scratch),
    ):
        pass
