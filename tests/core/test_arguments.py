"""Arguments of the API are checked by their annotations."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landslip.core.arguments import PathArgument, band_names, checked, parse_bands, warn_unused
from landslip.core.errors import InputError, LandslipWarning


@checked()
def _work(
    scenes: PathArgument | Iterable[PathArgument],
    *,
    out: PathArgument | None = None,
    tiles: "Any | PathArgument" = None,
    name: str | None = None,
    names: str | Iterable[str] | None = None,
    suffix: str = "",
    low: float | None = None,
    resolution: float | None = None,
    nodata: float | None = None,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
) -> str:
    """Return a word."""
    return "done"


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        pytest.param({"scenes": ""}, "scenes is empty", id="path"),
        pytest.param({"scenes": ["a", " "]}, "scenes is empty", id="one of several paths"),
        pytest.param({"scenes": None}, "scenes is needed; got None", id="None"),
        pytest.param({"scenes": ["a", None]}, "scenes: number 2 is None", id="None of several"),
        pytest.param({"names": ["a", 3]}, "names is one text or several; got 3", id="no text"),
        pytest.param({"out": ""}, "out is empty", id="output"),
        pytest.param({"tiles": Path("/dev/null")}, "is a device", id="annotated by a text"),
        pytest.param({"name": " "}, "name is empty", id="text"),
        pytest.param({"name": "\x1b"}, "name may not have control characters", id="control"),
        pytest.param({"low": float("nan")}, "low is a finite number; got nan", id="NaN"),
        pytest.param({"low": float("-inf")}, "low is a finite number; got -inf", id="infinite"),
        pytest.param({"low": 1e300}, "low is a number from -1e\\+15 to 1e\\+15", id="huge"),
        pytest.param(
            {"resolution": 1e9}, "resolution is a number from 0 to 1000; got", id="coarse"
        ),
        pytest.param({"low": True}, "low is a number; got True", id="truth value"),
        pytest.param({"low": "x" * 999}, "low is a number; got .{1,70}$", id="word for number"),
        pytest.param({"seed": -1}, "seed is a whole number from 0 to 4,294,967,295", id="below"),
        pytest.param({"seed": 1.5}, "seed is a whole number; got 1.5", id="fraction"),
        pytest.param({"seed": 2**70}, "got 1180591620717411303424", id="beyond 64 bits"),
        pytest.param({"workers": 10**9}, "workers is a whole number from 0 to 4,096", id="many"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        _work(**({"scenes": "a.tif"} | arguments))


@pytest.mark.parametrize("bands", ["red,,nir", ["red", "red"], "{x}", "red;nir"])
def test_bands_are_named_by_their_argument(bands: str | list[str]) -> None:
    with pytest.raises(InputError, match=r"^bands: (a band name is|each band is)"):
        band_names(bands)
    with pytest.raises(InputError, match=r"^band: "):
        parse_bands(bands, "band")


def test_right_arguments_pass(tmp_path: Path) -> None:
    assert _work("a.tif") == "done"
    assert (
        _work(["a.tif", tmp_path / "b"], out=tmp_path / "out", name="滑坡 1", suffix="") == "done"
    )
    numbers: dict[str, Any] = {"low": np.float32(0.5), "nodata": math.nan, "seed": np.int64(3)}
    assert _work("s3://x/a.tif", **numbers) == "done"
    assert _work("a.tif", low=0, nodata=1e300, workers=None, overwrite=True) == "done"
    assert _work.__doc__ == "Return a word."


def test_an_opened_input_has_its_folder(tmp_path: Path) -> None:
    class Opened:
        path = tmp_path

    with pytest.raises(InputError, match="out is also an input"):
        _work("a.tif", tiles=Opened(), out=tmp_path)


@checked()
def _fail(scene: PathArgument, dem: PathArgument | None = None, *, text: str) -> None:
    raise InputError(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("no height is known", "a/scene.tif: no height is known", id="no name"),
        pytest.param("dem.tif has no height", "dem.tif has no height", id="name of a file"),
        pytest.param("dem: has no height", "dem: has no height", id="name of an argument"),
        pytest.param("one demand", "a/scene.tif: one demand", id="no word"),
    ],
)
def test_an_error_that_names_nothing_gets_the_inputs_name(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _fail("a/scene.tif", "b/dem.tif", text=text)
    assert str(caught.value) == message


def test_arguments_without_effect_are_warned_of() -> None:
    with pytest.warns(LandslipWarning, match="^max_shift has no effect without reference$"):
        warn_unused("reference", max_shift=True, reference_model=False)
