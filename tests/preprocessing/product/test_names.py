import pytest

from landslip.preprocessing.product.names import Image, MemberName, Part, is_hostile

BASE = "GF1_PMS2_E103.5_N31.3_20130812_L1A0000072123"


@pytest.mark.parametrize(
    ("path", "image", "part"),
    [
        (f"{BASE}-MSS2.tiff", Image.MSS, Part.TIFF),
        (f"{BASE}/{BASE}-PAN2.TIFF", Image.PAN, Part.TIFF),
        (f"./{BASE}-MUX.tif", Image.MSS, Part.TIFF),
        (f"{BASE}-PAN.RPB", Image.PAN, Part.RPB),
        (f"{BASE}-pan1.Xml", Image.PAN, Part.XML),
    ],
)
def test_parts_of_a_product_are_known_by_name(path: str, image: Image, part: Part) -> None:
    name = MemberName.parse(path)
    assert name is not None
    assert (name.base, name.image, name.part) == (BASE, image, part)
    assert name.file == path.rsplit("/", maxsplit=1)[-1]


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "order.xml",
        f"{BASE}.xml",
        f"{BASE}-MSS2.jpg",
        f"{BASE}-MSS2_thumb.jpg",
        f"{BASE}-MSS2.rpb.aux.xml",
        f"{BASE}-MSS2.tiff.aux.xml",
        f"{BASE}-MSS3.tiff",
        f"._{BASE}-MSS2.tiff",
        f"__MACOSX/{BASE}-MSS2.tiff",
        f"{BASE}-MSS2.tiff/readme",
        "-MSS2.tiff",
    ],
)
def test_nothing_else_is_taken_for_one(path: str) -> None:
    assert MemberName.parse(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x",
        "../x",
        "a/../../x",
        "a/..",
        "a\\..\\x",
        "C:x",
        "c:/x",
        "a\nb",
        "a\x00b",
        "\\\\h\\x",
    ],
)
def test_names_that_lead_elsewhere_are_hostile(path: str) -> None:
    assert is_hostile(path)


@pytest.mark.parametrize("path", ["a", "./a", "a/b", "a/", "a..b/c", "影像/x.tiff", "ab:c"])
def test_plain_names_are_not_hostile(path: str) -> None:
    assert not is_hostile(path)
