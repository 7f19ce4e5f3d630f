from collections.abc import Callable
from pathlib import Path

import pytest

from landslip.core.errors import InputError
from landslip.preprocessing.product.files import (
    FileKind,
    ImageKind,
    ProductFileName,
    find_products,
    leaves_folder,
)

BASE = "GF1_PMS2_E103.5_N31.3_20130812_L1A0000072123"


@pytest.mark.parametrize(
    ("path", "image", "part"),
    [
        (f"{BASE}-MSS2.tiff", ImageKind.MSS, FileKind.TIFF),
        (f"{BASE}/{BASE}-PAN2.TIFF", ImageKind.PAN, FileKind.TIFF),
        (f"./{BASE}-MUX.tif", ImageKind.MSS, FileKind.TIFF),
        (f"{BASE}-PAN.RPB", ImageKind.PAN, FileKind.RPB),
        (f"{BASE}-pan1.Xml", ImageKind.PAN, FileKind.XML),
    ],
)
def test_parts_of_a_product_are_known_by_name(path: str, image: ImageKind, part: FileKind) -> None:
    name = ProductFileName.parse(path)
    assert name is not None
    assert (name.base, name.image, name.kind) == (BASE, image, part)
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
    assert ProductFileName.parse(path) is None


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
    assert leaves_folder(path)


@pytest.mark.parametrize("path", ["a", "./a", "a/b", "a/", "a..b/c", "影像/x.tiff", "ab:c"])
def test_plain_names_are_not_hostile(path: str) -> None:
    assert not leaves_folder(path)


MakeFiles = Callable[..., dict[str, bytes]]


@pytest.fixture
def store(tmp_path: Path, make_files: MakeFiles) -> Path:
    """Give a folder of products: two archives, two folders, one of them nested, and clutter."""
    made = make_files()
    for name in ("plain", "nested/GF1_PMS1_x"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for file, data in made.items():
            (folder / file).write_bytes(data)
    for name in ("b.tar.gz", "a.ZIP", "GF1_WFV1_E1.0_N2.0_x.tar.gz", ".hidden.zip", "readme.txt"):
        (tmp_path / name).write_bytes(b"")
    for name in ("__MACOSX", ".cache", "empty"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "._a.tar").write_bytes(b"")
    return tmp_path


def found(store: Path, *patterns: str) -> list[str]:
    return [
        str(path.relative_to(store))
        for path in find_products([str(store / pattern) for pattern in patterns])
    ]


EVERYTHING = ["a.ZIP", "b.tar.gz", "nested/GF1_PMS1_x", "plain"]


@pytest.mark.parametrize(
    ("patterns", "products"),
    [
        ((".",), EVERYTHING),
        (("*",), EVERYTHING),
        (("plain",), ["plain"]),
        (("nested",), ["nested/GF1_PMS1_x"]),
        (("*.tar.gz",), ["b.tar.gz"]),
        (("b.tar.gz", "a.ZIP", "*.tar.gz", "."), EVERYTHING),
        (("**/GF1_PMS1*",), ["nested/GF1_PMS1_x"]),
        (("GF1_WFV1_E1.0_N2.0_x.tar.gz",), ["GF1_WFV1_E1.0_N2.0_x.tar.gz"]),
    ],
)
def test_patterns_stand_for_products(
    store: Path, patterns: tuple[str, ...], products: list[str]
) -> None:
    assert found(store, *patterns) == products


@pytest.mark.parametrize("pattern", ["*.tgz", "empty", "*.txt", "nowhere.tar.gz", "GF1_WFV*"])
def test_a_pattern_without_matches_is_refused(store: Path, pattern: str) -> None:
    with pytest.raises(InputError, match="no product found; give archives") as failure:
        found(store, "plain", pattern)
    assert str(failure.value).startswith(str(store / pattern))


def test_names_with_signs_of_patterns_are_taken_as_they_stand(store: Path) -> None:
    (store / "b.tar.gz").rename(store / "b[1].tar.gz")
    assert found(store, "b[1].tar.gz") == ["b[1].tar.gz"]


def test_paths_stay_as_they_were_given(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store)
    assert find_products(["*.tar.gz", str(store / "b.tar.gz")]) == [Path("b.tar.gz")]
