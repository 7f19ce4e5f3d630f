from pathlib import Path

import pytest

from landslip.core.errors import InputError
from landslip.io.raster.location import Location, without_credentials

SIGNED = "https://me:pa@ss@h.org/a/b.c.tif?X-Amz-Signature=abc&x=1"


@pytest.mark.parametrize(
    ("given", "opened", "shown", "name"),
    [
        ("a/b.tif", "a/b.tif", "a/b.tif", "b.tif"),
        (Path("a/b?c.tif"), "a/b?c.tif", "a/b?c.tif", "b?c.tif"),
        ("file:///a/b%20c.tif", "/a/b c.tif", "/a/b c.tif", "b c.tif"),
        (SIGNED, f"/vsicurl/{SIGNED}", "https://h.org/a/b.c.tif?...", "b.c.tif"),
        ("HTTP://h/x.tif", "/vsicurl/HTTP://h/x.tif", "HTTP://h/x.tif", "x.tif"),
        ("s3://bucket/k/x.tif", "/vsis3/bucket/k/x.tif", "s3://bucket/k/x.tif", "x.tif"),
        ("gs://bucket/x.tif", "/vsigs/bucket/x.tif", "gs://bucket/x.tif", "x.tif"),
        ("az://box/x.tif", "/vsiaz/box/x.tif", "az://box/x.tif", "x.tif"),
        (
            "/vsicurl/https://h/x.tif?t=1",
            "/vsicurl/https://h/x.tif?t=1",
            "https://h/x.tif?...",
            "x.tif",
        ),
        (
            "/vsicurl?max_retry=2&url=https%3A%2F%2Fh%2Fx.tif%3Ft%3D1",
            "/vsicurl?max_retry=2&url=https%3A%2F%2Fh%2Fx.tif%3Ft%3D1",
            "https://h/x.tif?...",
            "x.tif",
        ),
        ("/vsizip/a.zip/x.tif", "/vsizip/a.zip/x.tif", "/vsizip/a.zip/x.tif", "x.tif"),
    ],
)
def test_what_is_opened_and_what_is_shown(
    given: str | Path, opened: str, shown: str, name: str
) -> None:
    location = Location.of(given)
    assert (location.opened, str(location), location.name) == (opened, shown, name)
    assert Location.of(location) is location
    assert repr(location) == f"Location({shown!r})"


@pytest.mark.parametrize(
    ("given", "is_remote", "url", "path"),
    [
        ("x.tif", False, None, Path("x.tif")),
        ("https://h/x.tif", True, "https://h/x.tif", None),
        ("s3://b/x.tif", True, None, None),
        ("/vsis3/b/x.tif", True, None, None),
        ("/vsimem/x.tif", False, None, None),
        ("/vsizip//vsicurl/https://h/x.zip/y.tif", True, None, None),
        ("/vsicurl_streaming/http://h/x.tif", True, None, None),
    ],
)
def test_where_it_lies(given: str, is_remote: bool, url: str | None, path: Path | None) -> None:
    location = Location.of(given)
    assert (location.is_remote, location.url, location.path) == (is_remote, url, path)


def test_the_stem_ends_at_the_last_dot() -> None:
    assert Location.of(SIGNED).stem == "b.c"


def test_other_kinds_of_address_are_refused() -> None:
    with pytest.raises(InputError, match=r"^ftp://h/x.tif: a scene is a file or.*got ftp://$"):
        Location.of("ftp://me:secret@h/x.tif")


def test_credentials_leave_a_text() -> None:
    text = "cannot open '/vsicurl/https://me:secret@h/x.tif?sig=secret' (why? unknown)"
    shown = "cannot open '/vsicurl/https://h/x.tif?...' (why? unknown)"
    assert without_credentials(text) == shown
