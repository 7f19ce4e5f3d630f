from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from landslip.core.errors import InputError
from landslip.preprocessing.camera import SatelliteCamera
from landslip.preprocessing.product.metadata import ImageMetadata, read_metadata

Read = Callable[..., ImageMetadata]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.xml"


@pytest.fixture
def read(path: Path, make_xml: Callable[..., bytes]) -> Read:
    def read(**changes: str | None) -> ImageMetadata:
        path.write_bytes(make_xml(changes))
        return read_metadata(path)

    return read


def test_the_real_files_are_read_right(real: Path) -> None:
    mss = read_metadata(real / f"{real.name}-MSS1.xml")
    assert mss == ImageMetadata(
        camera=SatelliteCamera(satellite="GF1", sensor="PMS1"),
        level="LEVEL1A",
        centre_time=datetime(2022, 6, 24, 13, 39, 9),
        receive_time=datetime(2022, 6, 24, 5, 39, 9),
        solar_azimuth_deg=106.266,
        solar_zenith_deg=25.1707,
        satellite_zenith_deg=86.267,
        roll_deg=-1.76003,
        bands=(1, 2, 3, 4),
        shape=(4503, 4548),
        gsd_m=8,
    )
    pan = read_metadata(real / f"{real.name}-PAN1.xml")
    assert (pan.bands, pan.shape, pan.gsd_m) == ((5,), (18000, 18192), 2)
    assert (pan.abs_gains, pan.abs_offsets) == (None, None)


def test_what_is_not_needed_may_be_missing_or_empty(read: Read) -> None:
    made = read(
        ReceiveTime="", ProductLevel=None, Bands=None, ImageGSD=" ", RollSatelliteAngle=None
    )
    assert (made.receive_time, made.level, made.bands, made.gsd_m) == (None, None, (), None)
    assert made.roll_deg is None
    assert made.shape == (10, 12)


def test_tags_may_lie_deeper_and_those_on_top_count_first(
    path: Path, make_xml: Callable[..., bytes]
) -> None:
    document = make_xml({"SolarZenith": None}).decode()
    inner = "<Sun><SolarZenith>33</SolarZenith><SolarAzimuth>7</SolarAzimuth></Sun>"
    path.write_text(document.replace("<SatelliteID>", f"{inner}<SatelliteID>"))
    made = read_metadata(path)
    assert (made.solar_zenith_deg, made.solar_azimuth_deg) == (33, 106.266)


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2022-06-24 13:39:09", 0),
        ("2022-06-24T13:39:09Z", 0),
        ("2022-06-24 13:39:09.5", 500_000),
        ("2022/6/24  13:39:09.123456789", 123_456),
    ],
)
def test_times_are_read_as_they_stand(read: Read, text: str, microsecond: int) -> None:
    assert read(CenterTime=text).centre_time == datetime(2022, 6, 24, 13, 39, 9, microsecond)


@pytest.mark.parametrize(
    ("tag", "text", "gains"),
    [
        ("AbsCeof", "0.1458,0.1213,0.123,0.1185", (0.1458, 0.1213, 0.123, 0.1185)),
        ("AbsCeof", " 0.1458 0.1213\n0.123;0.1185,", (0.1458, 0.1213, 0.123, 0.1185)),
        ("AGain", "0.1458,0.1213,0.123,1.185E-1", (0.1458, 0.1213, 0.123, 0.1185)),
        ("AbsCeof", "NULL,NULL,NULL,NULL", None),
        ("AbsCeof", "NULL", None),
        ("AbsCeof", "", None),
    ],
)
def test_tagged_gains_are_read(
    read: Read, tag: str, text: str, gains: tuple[float, ...] | None
) -> None:
    assert read(**{tag: text}).abs_gains == gains


def test_an_empty_gain_tag_gives_way_to_the_other(read: Read) -> None:
    made = read(AbsCeof="NULL", AGain="0.1,0.2,0.3,0.4", AOffset="1,2,3,-4.5")
    assert made.abs_gains == (0.1, 0.2, 0.3, 0.4)
    assert made.abs_offsets == (1, 2, 3, -4.5)


@pytest.mark.parametrize(
    "tag",
    [
        "SatelliteID",
        "SensorID",
        "CenterTime",
        "SolarAzimuth",
        "SolarZenith",
        "WidthInPixels",
        "HeightInPixels",
    ],
)
@pytest.mark.parametrize("text", [None, "", "  "])
def test_what_is_needed_must_be_there(read: Read, path: Path, tag: str, text: str | None) -> None:
    with pytest.raises(
        InputError, match=f"the tag {tag} is needed and missing or empty"
    ) as failure:
        read(**{tag: text})
    assert str(failure.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("tag", "text", "message"),
    [
        ("SolarZenith", "25,17", "SolarZenith must be a finite number; got '25,17'"),
        ("SolarZenith", "nan", "SolarZenith must be a finite number; got 'nan'"),
        ("SolarZenith", "1e400", "SolarZenith must be a finite number; got '1e400'"),
        ("SolarZenith", "95.2", "SolarZenith from 0 to 90 degrees.*got 95.2"),
        ("SolarAzimuth", "720", "SolarAzimuth is from -180 to 360 degrees; got 720"),
        ("WidthInPixels", "0", "WidthInPixels must be a whole number of pixels from 1.*got '0'"),
        ("HeightInPixels", "-5", "HeightInPixels must be a whole number.*got '-5'"),
        ("HeightInPixels", "10.5", "HeightInPixels must be a whole number.*got '10.5'"),
        ("WidthInPixels", "1e300", "WidthInPixels must be a whole number.*got '1e300'"),
        ("ImageGSD", "0", "ImageGSD must be over 0 metres; got 0"),
        ("ImageGSD", "eight", "ImageGSD must be a finite number; got 'eight'"),
        ("Bands", "1,2,x", "Bands must be band numbers such as 1,2,3,4; got '1,2,x'"),
        (
            "CenterTime",
            "yesterday",
            "CenterTime must be a time such as 2022-06-24.*got 'yesterday'",
        ),
        ("CenterTime", "2022-06-24", "CenterTime must be a time such as"),
        (
            "CenterTime",
            "2022-02-30 13:39:09",
            "CenterTime must be a time of the calendar; got '2022-02",
        ),
        ("ReceiveTime", "2022-06-24 25:39:09", "ReceiveTime must be a time of the calendar"),
        ("SensorID", "WFV3", "GF1 PMS1, GF1 PMS2.*this one is of GF1 WFV3"),
        ("AbsCeof", "0.1,NULL,0.2,0.3", "AbsCeof must be a number for each band, or NULL for all"),
        ("AbsCeof", "0.1,0,0.2,0.3", r"calibration gains \(AbsCeof or AGain\) must be over 0"),
        ("AbsCeof", "a,b,c,d", "AbsCeof must be a finite number; got 'a'"),
        (
            "AbsCeof",
            "<Gain>0.1</Gain>",
            "AbsCeof must hold a plain value.*further tags, <Gain> first",
        ),
    ],
)
def test_values_that_cannot_be_right_are_refused(
    read: Read, path: Path, tag: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as failure:
        read(**{tag: text})
    assert str(failure.value).startswith(f"{path}: ")


LAUGHS = "".join(
    f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' if at else '<!ENTITY l0 "ha">' for at in range(10)
)


@pytest.mark.parametrize(
    "head",
    [
        f"<!DOCTYPE P [{LAUGHS}]>",
        '<!DOCTYPE P [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE P SYSTEM "http://localhost/p.dtd">',
        "<!DOCTYPE ProductMetaData>",
    ],
    ids=["billion laughs", "external entity", "external type", "type"],
)
def test_document_types_and_entities_are_refused(
    path: Path, make_xml: Callable[..., bytes], head: str
) -> None:
    document = make_xml().decode()
    start = document.index("<ProductMetaData>")
    path.write_text(document[:start] + head + document[start:])
    with pytest.raises(InputError, match="no document type and no entities"):
        read_metadata(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff a picture",
        b"<ProductMetaData><SatelliteID>",
        b'<?xml version="1.0" encoding="klingon"?><P/>',
        b"<a>" * 100_000,
    ],
    ids=["empty", "picture", "truncated", "unknown encoding", "deep"],
)
def test_what_is_no_xml_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match="no XML that can be read"):
        read_metadata(path)


def test_deep_xml_is_read_without_harm(path: Path) -> None:
    path.write_bytes(b"<a>" * 100_000 + b"</a>" * 100_000)
    with pytest.raises(InputError, match="the tag SatelliteID is needed"):
        read_metadata(path)


def test_chinese_encodings_are_read(path: Path, make_xml: Callable[..., bytes]) -> None:
    document = make_xml({"ReceiveStation": "密云站"}).decode().replace("UTF-8", "GB2312")
    path.write_bytes(document.encode("gb18030"))
    assert read_metadata(path).camera.name == "GF1 PMS1"
